//! The settings of several breakers, for users.

use crate::config::files::draft::{Draft, Key};
use crate::config::files::env::suffix;
use crate::config::files::named::layers::{FIXED, resolve, stays, written};
use crate::config::files::named::problem::{
    Place, SettingsError, SettingsFault, SettingsProblem, Table,
};
use crate::config::files::named::reading::{Sections, read};
use crate::config::files::named::section::{Entry, Raw, Section, outer};
use crate::config::files::suggest::{nearest, quoted};
use crate::config::settings::Config;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::str::FromStr;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Larger than any settings: a mistaken path must not fill the memory.
const MOST: u64 = 1 << 20;

/// The settings of several breakers, from one TOML text: a table `[default]`, and `[breakers.NAME]` for each breaker
/// that differs from it.
///
/// ```
/// use std::time::Duration;
/// use tripcoil::config::NamedSettings;
/// use tripcoil::{Breaker, Config};
///
/// let settings = NamedSettings::parse(r#"
///     [default]
///     profile = "http"
///     durations = true
///     slow_call = "300ms"
///
///     [breakers.orders]
///     profile = "database"     # its slow_call and rules, but still with durations
///
///     [breakers.search]
///     outage = { theta = 0.3 } # and all else as in [default]
/// "#)?;
/// assert_eq!(settings.get("orders").slow_call, Some(Duration::from_millis(500)));
/// assert_eq!(settings.get("search").slow_call, Some(Duration::from_millis(300)));
/// assert!(settings.get("orders").durations);
///
/// // each is valid: nothing is left to fail here but the state of an override
/// let orders = Breaker::from_config("orders", settings.get("orders").clone())?;
/// # let _: &Config = settings.get("a breaker that the text does not name");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Which setting counts
///
/// From the weakest to the strongest:
///
/// 1. the profile of `[default]`, or the defaults of [`Config`];
/// 2. the settings of `[default]`;
/// 3. the profile of the breaker's own table. It replaces all that the first two say of the rules: what is in
///    [`Profile`](crate::config::Profile). `max_in_flight`, `window`, `durations`, `history`, `clock` and
///    `initial_state` are in no profile, and stay those of `[default]`;
/// 4. the settings of the breaker's own table.
///
/// A group such as `open_for` or `window` is one setting here: in a breaker's own table it replaces that of `[default]`
/// as a whole, and its parts that are not set are those of the profile. A breaker without a table has the settings of
/// `[default]`, which has to be there, and may be empty.
///
/// The settings are those of [`Config`] in serde's formats, with the same names and values.
#[derive(Clone, Debug)]
pub struct NamedSettings {
    path: Option<PathBuf>,
    sections: Sections,
    default: Config,
    breakers: BTreeMap<String, Config>,
}

impl NamedSettings {
    /// Reads a TOML text.
    ///
    /// # Errors
    ///
    /// Returns every problem of the text, each with its line and breaker: unknown keys with the name that was probably
    /// meant, unknown profiles, values of the wrong type or out of range (see [`Config::validate`]), settings that
    /// exclude each other, and names that are there twice. If the text is not TOML, it returns the syntax errors only.
    pub fn parse(text: &str) -> Result<NamedSettings, SettingsError> {
        NamedSettings::of(text, None)
    }

    /// Reads a file, at most 1 MiB of UTF-8.
    ///
    /// # Errors
    ///
    /// Returns the system's error, or the problems of [`parse`](Self::parse).
    ///
    /// ```
    /// use tripcoil::config::NamedSettings;
    ///
    /// let error = NamedSettings::read("/no/such/breakers.toml").unwrap_err();
    /// assert_eq!(error.to_string(), "could not read the breaker settings \"/no/such/breakers.toml\"");
    /// ```
    pub fn read(path: impl AsRef<Path>) -> Result<NamedSettings, SettingsError> {
        let path = path.as_ref();
        let text = NamedSettings::text_of(path)?;
        NamedSettings::of(&text, Some(path))
    }

    /// Returns the text of a settings file.
    pub(crate) fn text_of(path: &Path) -> Result<String, SettingsError> {
        text_of(path).map_err(|error| SettingsError::Unreadable {
            path: path.to_path_buf(),
            error,
        })
    }

    /// Reads the text of a file; see [`read`](Self::read). The errors have its path.
    ///
    /// # Errors
    ///
    /// Returns the problems of [`parse`](Self::parse).
    pub fn parse_file(text: &str, path: impl AsRef<Path>) -> Result<NamedSettings, SettingsError> {
        NamedSettings::of(text, Some(path.as_ref()))
    }

    fn of(text: &str, path: Option<&Path>) -> Result<NamedSettings, SettingsError> {
        let (sections, problems) = read(text);
        NamedSettings::resolved(sections, path, problems)
    }

    fn resolved(
        sections: Sections,
        path: Option<&Path>,
        mut problems: Vec<SettingsProblem>,
    ) -> Result<NamedSettings, SettingsError> {
        let default = resolve(&Table::Default, &sections.default, None, &mut problems);
        let mut breakers = BTreeMap::new();
        for (name, own) in &sections.breakers {
            let table = Table::of(Some(name));
            let config = resolve(&table, own, Some(&sections.default), &mut problems);
            breakers.insert(name.clone(), config);
        }
        SettingsError::of(path, problems)?;
        Ok(NamedSettings {
            path: path.map(Path::to_path_buf),
            sections,
            default,
            breakers,
        })
    }

    /// Overrides settings by environment variables. A variable's name is the prefix, `_`, and the setting's path in
    /// capitals, with `_` for all but letters and digits: `SHOP_DEFAULT_FAILURE_RATE=0.4`,
    /// `SHOP_BREAKERS_ORDERS_OPEN_FOR_MAX=30s`. The values are those of [`Config::from_env`].
    ///
    /// A variable sets one value of its table, and leaves the other parts of a group as they are. It counts
    /// as if it were in the text, and the order of the variables does not matter. The breaker must have a table there.
    ///
    /// # Errors
    ///
    /// Returns every variable with the prefix and `_DEFAULT_` or `_BREAKERS_` that is not a setting, is set twice, or
    /// may be meant for two breakers; then every problem of the resulting settings.
    ///
    /// ```
    /// use tripcoil::config::NamedSettings;
    ///
    /// let settings = NamedSettings::parse("[default]\n")?.with_env("TRIPCOIL_EXAMPLE")?;
    /// assert_eq!(settings.get("orders").failure_rate, Some(0.5));
    /// # Ok::<(), tripcoil::config::SettingsError>(())
    /// ```
    pub fn with_env(self, prefix: &str) -> Result<NamedSettings, SettingsError> {
        self.with_vars(prefix, std::env::vars_os())
    }

    /// Overrides settings as [`with_env`](Self::with_env) does, by variables that you pass.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`with_env`](Self::with_env).
    ///
    /// ```
    /// use tripcoil::config::NamedSettings;
    ///
    /// let settings = NamedSettings::parse("[default]\n[breakers.eu-west]\n")?;
    /// let vars = [("SHOP_BREAKERS_EU_WEST_FAILURE_RATE", "0.3"), ("SHOP_PORT", "80")];
    /// let settings = settings.with_vars("SHOP", vars)?;
    /// assert_eq!(settings.get("eu-west").failure_rate, Some(0.3));
    /// # Ok::<(), tripcoil::config::SettingsError>(())
    /// ```
    pub fn with_vars<N, V>(
        self,
        prefix: &str,
        vars: impl IntoIterator<Item = (N, V)>,
    ) -> Result<NamedSettings, SettingsError>
    where
        N: Into<OsString>,
        V: Into<OsString>,
    {
        let prefix = match prefix.trim_end_matches('_') {
            "" => String::new(),
            prefix => format!("{prefix}_"),
        };
        let mut sections = self.sections;
        let mut problems = Vec::new();
        let targets = Targets::of(&sections);
        let mut given = Vec::new();
        let mut seen = BTreeSet::new();
        for (variable, value) in vars {
            let variable = variable.into().to_string_lossy().into_owned();
            let Some(rest) = variable.strip_prefix(&prefix) else {
                continue;
            };
            if !(rest.starts_with("DEFAULT_") || rest.starts_with("BREAKERS_")) {
                continue;
            }
            let place = Place {
                variable: Some(variable.clone()),
                ..Place::default()
            };
            let (table, key) = match targets.of_variable(rest) {
                Ok(target) => target,
                Err((meant, is)) => {
                    problems.push(place.problem(SettingsFault::Unknown, "", &meant, &is));
                    continue;
                }
            };
            let place = Place {
                table: table.clone(),
                setting: key.path().into_owned(),
                ..place
            };
            if !seen.insert((format!("{table:?}"), key.path())) {
                let is = "is set twice, but must be set once";
                problems.push(place.problem(SettingsFault::Duplicate, "", "set once", is));
                continue;
            }
            let value = value.into();
            let shown = value.to_string_lossy().into_owned();
            let raw = Raw::Any(shown.clone());
            let mut draft = Draft::default();
            let Some(field) = draft.field(key) else {
                continue;
            };
            let put = match value.to_str() {
                Some(_) => raw.put(field),
                None => Err(field.expects()),
            };
            if let Err(expected) = put {
                let fault = match &*key.path() {
                    "profile" => SettingsFault::UnknownProfile,
                    _ => SettingsFault::Type,
                };
                let expected = expected.replace('"', "");
                problems.push(place.refused(fault, &shown, &quoted(&shown), &expected));
                continue;
            }
            let entry = Entry {
                key,
                raw,
                line: None,
                variable: Some(variable),
            };
            given.push((table, entry));
        }
        SettingsError::of(self.path.as_deref(), problems)?;
        // an environment has no order: what others build upon comes first
        let rank = |(table, entry): &(Table, Entry)| match table {
            Table::Root | Table::Default => 0,
            Table::Breaker(_) if entry.key.path() == "profile" => 1,
            Table::Breaker(_) => 2,
        };
        given.sort_by_key(|one| (rank(one), one.1.key.path()));
        for (table, entry) in given {
            match table {
                Table::Breaker(name) => {
                    let default = &sections.default;
                    if let Some(own) = sections.breakers.get_mut(&name) {
                        override_by(own, Some(default), entry);
                    }
                }
                Table::Root | Table::Default => override_by(&mut sections.default, None, entry),
            }
        }
        NamedSettings::resolved(sections, self.path.as_deref(), Vec::new())
    }

    /// Returns the settings of a breaker: those of its table, or of `[default]` if it has no table.
    #[must_use]
    pub fn get(&self, name: &str) -> &Config {
        self.breakers.get(name).unwrap_or(&self.default)
    }

    /// Returns the settings of `[default]`.
    ///
    /// ```
    /// use tripcoil::config::NamedSettings;
    ///
    /// let settings: NamedSettings = "[default]\nfailure_rate = 0.4\n".parse()?;
    /// assert_eq!(settings.default_settings().failure_rate, Some(0.4));
    /// assert!(settings.is_empty());
    /// # Ok::<(), tripcoil::config::SettingsError>(())
    /// ```
    #[must_use]
    pub fn default_settings(&self) -> &Config {
        &self.default
    }

    /// Returns whether the breaker has a table of its own.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.breakers.contains_key(name)
    }

    /// Returns the names of the breakers that have tables of their own, in their order.
    ///
    /// ```
    /// use tripcoil::config::NamedSettings;
    ///
    /// let settings = NamedSettings::parse("[default]\n[breakers.b]\n[breakers.a]\nhistory = 64\n")?;
    /// assert!(settings.names().eq(["a", "b"]));
    /// assert_eq!(settings.len(), 2);
    /// assert!(settings.contains("a") && !settings.contains("c"));
    /// let histories: Vec<_> = settings.iter().map(|(name, config)| (name, config.history)).collect();
    /// assert_eq!(histories, [("a", 64), ("b", 4)]);
    /// # Ok::<(), tripcoil::config::SettingsError>(())
    /// ```
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.breakers.keys().map(String::as_str)
    }

    /// Returns the breakers that have tables of their own, with their settings.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Config)> {
        self.breakers.iter().map(|(name, config)| (&**name, config))
    }

    /// Returns the number of breakers that have tables of their own.
    #[must_use]
    pub fn len(&self) -> usize {
        self.breakers.len()
    }

    /// Returns whether no breaker has a table of its own.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.breakers.is_empty()
    }

    /// Checks that these settings can replace others on running breakers: `window`, `durations`, `history`, `clock`
    /// and `initial_state` are fixed when a breaker is built.
    ///
    /// # Errors
    ///
    /// Returns a problem for each of them that differs, with what it has to be.
    ///
    /// ```
    /// use tripcoil::config::NamedSettings;
    ///
    /// let running = NamedSettings::parse("[default]\nfailure_rate = 0.5\n")?;
    /// let edited = NamedSettings::parse("[default]\nfailure_rate = 0.4\n")?;
    /// assert!(edited.check_live(&running).is_ok());
    /// let edited = NamedSettings::parse("[default]\nhistory = 64\n")?;
    /// assert_eq!(
    ///     edited.check_live(&running).unwrap_err().problems()[0].to_string(),
    ///     "line 2: default.history is 64, but must be 4: it is fixed when a breaker is built"
    /// );
    /// # Ok::<(), tripcoil::config::SettingsError>(())
    /// ```
    pub fn check_live(&self, running: &NamedSettings) -> Result<(), SettingsError> {
        let moved = self.moved(running);
        let problems = moved.iter().map(|one| self.fixed(one)).collect();
        SettingsError::of(self.path.as_deref(), problems)
    }

    /// Returns whether what is fixed when a breaker is built is the same in both.
    pub(crate) fn is_fixed_alike(old: &Config, new: &Config) -> bool {
        FIXED.iter().all(|setting| same_fixed(old, new, setting))
    }

    /// Checks, as [`check_live`](Self::check_live) does, only what these running breakers would have otherwise: each with
    /// its name, its settings, and those that it is to have. They may have settings of tables with other names.
    pub(crate) fn check_running(
        &self,
        before: &NamedSettings,
        running: &[(String, Config, Config)],
    ) -> Result<(), SettingsError> {
        if running.is_empty() {
            return Ok(());
        }
        let moved = self.moved(before);
        let is = |one: &Moved<'_>, setting: &str, old: &Config, new: &Config| {
            one.setting == setting
                && same_fixed(one.old, old, setting)
                && same_fixed(one.new, new, setting)
        };
        let by_name: BTreeMap<_, _> = moved
            .iter()
            .enumerate()
            .map(|(n, one)| ((one.name, one.setting), n))
            .collect();
        let mut found = BTreeSet::new();
        let mut elsewhere: Vec<(&str, &Config, &Config, &str)> = Vec::new();
        for (name, old, new) in running {
            for setting in FIXED.into_iter().filter(|s| !same_fixed(old, new, s)) {
                let own = [Some(&**name), None]
                    .into_iter()
                    .filter_map(|table| by_name.get(&(table, setting)).copied())
                    .find(|n| is(&moved[*n], setting, old, new));
                let alike = |other: &&(&str, &Config, &Config, &str)| {
                    other.3 == setting
                        && same_fixed(other.1, old, setting)
                        && same_fixed(other.2, new, setting)
                };
                if let Some(own) = own {
                    found.insert(own);
                } else if !elsewhere.iter().any(|other| alike(&other)) {
                    elsewhere.push((name, old, new, setting));
                }
            }
        }
        let mut problems = Vec::new();
        for (name, old, new, setting) in elsewhere {
            let all = moved.iter().enumerate();
            let tables: Vec<_> = all
                .filter(|(_, one)| is(one, setting, old, new))
                .map(|(n, _)| n)
                .collect();
            if tables.is_empty() {
                // no table has it: the template's own code has set it
                problems.push(fixed(&Table::of(Some(name)), None, setting, old, new));
            }
            found.extend(tables);
        }
        problems.extend(found.into_iter().map(|n| self.fixed(&moved[n])));
        SettingsError::of(self.path.as_deref(), problems)
    }

    /// Returns what is fixed and differs, by table.
    fn moved<'a>(&'a self, running: &'a NamedSettings) -> Vec<Moved<'a>> {
        let mut all = Vec::new();
        let names: BTreeSet<_> = running.names().chain(self.names()).collect();
        for setting in FIXED {
            let of = |name: Option<&'a str>| Moved {
                name,
                setting,
                old: name.map_or(&running.default, |name| running.get(name)),
                new: name.map_or(&self.default, |name| self.get(name)),
            };
            let moves = |one: &Moved<'_>| !same_fixed(one.old, one.new, setting);
            let default = of(None);
            let of_default = moves(&default);
            if of_default {
                all.push(default);
            }
            for name in &names {
                let section = self.sections.breakers.get(*name);
                let own = section.is_some_and(|section| section.has(setting));
                let one = of(Some(name));
                // what follows from the defaults is reported once
                if moves(&one) && (own || !of_default) {
                    all.push(one);
                }
            }
        }
        all
    }

    fn fixed(&self, moved: &Moved<'_>) -> SettingsProblem {
        let section = match moved.name {
            Some(name) => self.sections.breakers.get(name),
            None => Some(&self.sections.default),
        };
        let table = Table::of(moved.name);
        fixed(&table, section, moved.setting, moved.old, moved.new)
    }
}

/// A fixed setting that differs; `name` is the table's, or `None` for the defaults.
struct Moved<'a> {
    name: Option<&'a str>,
    setting: &'static str,
    old: &'a Config,
    new: &'a Config,
}

impl FromStr for NamedSettings {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<NamedSettings, SettingsError> {
        NamedSettings::parse(text)
    }
}

fn same_fixed(old: &Config, new: &Config, setting: &str) -> bool {
    match setting {
        "window" => old.window.geometry() == new.window.geometry(),
        "durations" => old.durations == new.durations,
        "history" => old.history == new.history,
        "clock" => old.clock == new.clock,
        _ => old.initial_state == new.initial_state,
    }
}

fn fixed(
    table: &Table,
    section: Option<&Section>,
    setting: &str,
    old: &Config,
    new: &Config,
) -> SettingsProblem {
    let entries = section.map_or(&[][..], |section| &section.entries);
    let entry = entries.iter().find(|entry| outer(entry.key) == setting);
    let place = Place {
        line: match entry {
            Some(entry) => entry.line,
            None => section.and_then(|section| section.line),
        },
        variable: entry.and_then(|entry| entry.variable.clone()),
        table: table.clone(),
        setting: setting.into(),
    };
    let (old, new) = (written(old, setting), written(new, setting));
    let permitted = format!("{old}: it is fixed when a breaker is built");
    place.refused(SettingsFault::Fixed, &new, &new, &permitted)
}

/// Puts a single setting in the place of the one that is there.
fn override_by(own: &mut Section, default: Option<&Section>, entry: Entry) {
    let name = outer(entry.key);
    // a part of a group: the others stay what they are
    if let Some(default) = default
        && !own.has(name)
        && (stays(name) || !own.has("profile"))
    {
        let others = default.entries.iter().filter(|e| outer(e.key) == name);
        own.entries.extend(others.cloned());
    }
    own.entries.retain(|there| there.key != entry.key);
    own.entries.push(entry);
}

/// As a name is spelt in a variable.
fn capitals(name: &str) -> String {
    let letter = |c: char| if c.is_alphanumeric() { c } else { '_' };
    name.to_uppercase().chars().map(letter).collect()
}

/// The tables that variables can set.
struct Targets {
    /// How a variable of each table begins, after the prefix.
    tables: Vec<(String, Table)>,
    /// How it ends, for each setting.
    settings: Vec<(String, Key)>,
}

/// How many names are compared with a misspelt one: tables times settings.
const COMPARED: usize = 10_000;

impl Targets {
    fn of(sections: &Sections) -> Targets {
        let keys = Draft::default().fields().map(|(key, _)| key);
        let breakers = sections.breakers.keys().map(|name| {
            let before = format!("BREAKERS_{}_", capitals(name));
            (before, Table::Breaker(name.clone()))
        });
        let default = ("DEFAULT_".to_string(), Table::Default);
        Targets {
            tables: breakers.chain([default]).collect(),
            settings: keys.iter().map(|key| (suffix(*key), *key)).collect(),
        }
    }

    /// Returns what a variable sets, or what was probably meant and what is wrong.
    fn of_variable(&self, rest: &str) -> Result<(Table, Key), (String, String)> {
        let mut found = Vec::new();
        for (before, table) in &self.tables {
            let Some(name) = rest.strip_prefix(before.as_str()) else {
                continue;
            };
            let of_name = self.settings.iter().filter(|(suffix, _)| suffix == name);
            found.extend(of_name.map(|(_, key)| (table.clone(), *key)));
        }
        match &*found {
            [one] => Ok(one.clone()),
            [] => Err(match self.meant(rest) {
                Some(meant) => {
                    let is = format!(
                        "is not a setting of a breaker in the file; did you mean .._{meant}?"
                    );
                    (meant, is)
                }
                None => (
                    String::new(),
                    "is not a setting of a breaker in the file".to_string(),
                ),
            }),
            [(one, _), (other, _), ..] => {
                let name = |table: &Table| match table {
                    Table::Breaker(name) => quoted(name),
                    Table::Root | Table::Default => "the defaults".into(),
                };
                let is = format!(
                    "may be meant for {} or for {}, which are spelt alike in a variable",
                    name(one),
                    name(other)
                );
                Err((String::new(), is))
            }
        }
    }

    /// Returns what was probably meant. Where there are many tables, one of the two parts has to be right.
    fn meant(&self, rest: &str) -> Option<String> {
        let of_table = |before: &str| rest.starts_with(before);
        let of_setting = |suffix: &str| rest.strip_suffix(suffix)?.ends_with('_').then_some(());
        let few = self.tables.len() * self.settings.len() <= COMPARED;
        let mut known = Vec::new();
        for (before, _) in &self.tables {
            let table_is_right = of_table(before);
            for (suffix, _) in &self.settings {
                if few || table_is_right {
                    known.push(format!("{before}{suffix}"));
                }
            }
        }
        if known.is_empty() {
            let right = self
                .settings
                .iter()
                .filter(|(s, _)| of_setting(s).is_some());
            // the longest is the whole setting, and not its last word
            let (suffix, _) = right.max_by_key(|(suffix, _)| suffix.len())?;
            let all = self.tables.iter();
            known.extend(all.map(|(before, _)| format!("{before}{suffix}")));
        }
        nearest(rest, known.iter().map(String::as_str)).map(str::to_string)
    }
}

/// Reads a regular file of a limited length.
fn text_of(path: &Path) -> io::Result<String> {
    // a pipe would be waited for
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is not a regular file",
        ));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MOST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST {
        let long = "it is longer than settings can be, 1 MiB";
        return Err(io::Error::new(io::ErrorKind::InvalidData, long));
    }
    String::from_utf8(bytes)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))
}
