//! The file: `[default]` is for all keys, and `[keys.NAME]` for one key.
//!
//! The settings are those of [`Config`]. A key's setting replaces that of the default; a group such as
//! `open_for` is replaced as a whole. A file is accepted or refused as a whole, with every problem.

use serde::Deserialize;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;
use toml::de::{DeTable, DeValue, Deserializer};
use toml::{Spanned, Table, Value};
use tripcoil::Config;

/// The settings that are fixed when a breaker is built.
const FIXED: [&str; 5] = ["window", "durations", "history", "clock", "initial_state"];

/// Valid settings.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    default: Config,
    keys: BTreeMap<String, Config>,
}

/// One problem of a text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Problem {
    /// Counted from one; `None` for a missing section.
    pub(crate) line: Option<usize>,
    /// `keys.payments.open_for.jitter`; empty if the text is not valid TOML.
    pub(crate) field: String,
    /// For a value: the value, and what it must be.
    pub(crate) says: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        let space = if self.field.is_empty() { "" } else { " " };
        write!(f, "{}{space}{}", self.field, self.says)
    }
}

impl Settings {
    /// Reads a text that is to replace `before`.
    pub(crate) fn read(
        text: &str,
        before: Option<&Settings>,
    ) -> Result<Settings, BTreeSet<Problem>> {
        let mut found = Found {
            text,
            problems: BTreeSet::new(),
        };
        let (root, broken) = DeTable::parse_recoverable(text);
        // not the error's own text, which quotes the line: a password may stand there
        for error in &broken {
            found.add(
                error.span(),
                "",
                format!("not valid TOML: {}", error.message()),
            );
        }
        if !broken.is_empty() {
            // what else could be read of it may not be what was meant
            return Err(found.problems);
        }

        let sections = found.sections(root.get_ref());
        let default = found.config(&sections.default, None);
        let keys = sections.keys.iter();
        let keys: BTreeMap<_, _> = keys
            .map(|section| {
                let config = found.config(section, Some(&sections.default));
                (section.key.clone(), config)
            })
            .collect();
        let settings = Settings { default, keys };
        if let Some(before) = before {
            found.fixed(before, &settings, &sections);
        }
        if found.problems.is_empty() {
            Ok(settings)
        } else {
            Err(found.problems)
        }
    }

    /// The settings of one key.
    pub(crate) fn of(&self, key: &str) -> &Config {
        self.keys.get(key).unwrap_or(&self.default)
    }

    /// Whether a key has the same settings in both.
    pub(crate) fn agree(&self, other: &Settings, key: &str) -> bool {
        written(self.of(key)) == written(other.of(key))
    }
}

/// One of the file's tables, as written.
#[derive(Clone, Default)]
struct Section<'t> {
    /// Empty for the default.
    key: String,
    at: Option<Range<usize>>,
    table: DeTable<'t>,
}

impl Section<'_> {
    fn field(&self, name: &str) -> String {
        if self.key.is_empty() {
            format!("default.{name}")
        } else {
            format!("keys.{}.{name}", self.key)
        }
    }

    fn names(&self, setting: &str) -> bool {
        self.table.contains_key(setting)
    }

    /// The place of `open_for.jitter`, or at least of `open_for`.
    fn place(&self, field: &str) -> Option<Range<usize>> {
        let (setting, inner) = field.split_once('.').unwrap_or((field, ""));
        let (name, value) = self.table.get_key_value(setting)?;
        let group = value.get_ref().as_table();
        let inner = group.and_then(|group| group.get_key_value(inner));
        Some(inner.map_or_else(|| name.span(), |(name, _)| name.span()))
    }
}

#[derive(Default)]
struct Sections<'t> {
    default: Section<'t>,
    keys: Vec<Section<'t>>,
}

/// Continues after a problem, so that all are found.
struct Found<'t> {
    text: &'t str,
    problems: BTreeSet<Problem>,
}

impl<'t> Found<'t> {
    fn add(&mut self, at: Option<Range<usize>>, field: &str, says: String) {
        let before = at.and_then(|at| self.text.get(..at.start));
        self.problems.insert(Problem {
            line: before.map(|text| text.matches('\n').count() + 1),
            field: field.into(),
            says,
        });
    }

    fn sections(&mut self, root: &DeTable<'t>) -> Sections<'t> {
        let mut sections = Sections::default();
        for (name, value) in root {
            let at = Some(name.span());
            match (name.get_ref().as_ref(), value.get_ref()) {
                ("default", DeValue::Table(table)) => {
                    sections.default = self.section("", at, table);
                }
                ("keys", DeValue::Table(keys)) => {
                    for (key, value) in keys {
                        let at = Some(key.span());
                        match value.get_ref() {
                            DeValue::Table(table) => {
                                sections.keys.push(self.section(key.get_ref(), at, table));
                            }
                            _ => self.add(
                                at,
                                &format!("keys.{}", key.get_ref()),
                                "is not a table".into(),
                            ),
                        }
                    }
                }
                (name @ ("default" | "keys"), _) => self.add(at, name, "is not a table".into()),
                (name, _) => self.add(at, name, "is unknown, there are default and keys".into()),
            }
        }
        // so that a file that is just being written is not taken for one that names nothing
        if !root.contains_key("default") {
            self.add(None, "default", "is missing".into());
        }
        sections
    }

    /// Reads a table, each setting by itself, so that a bad setting does not hide another.
    fn section(&mut self, key: &str, at: Option<Range<usize>>, table: &DeTable<'t>) -> Section<'t> {
        let mut section = Section {
            key: key.into(),
            at,
            table: DeTable::new(),
        };
        for (name, value) in table {
            let before = self.problems.len();
            let setting = name.get_ref();
            if let DeValue::Table(group) = value.get_ref() {
                for (inner, member) in group {
                    let one = DeTable::from_iter([(inner.clone(), member.clone())]);
                    let one = Spanned::new(value.span(), DeValue::Table(one));
                    let read = self.alone(name, one);
                    // that it does not go without another one is for the whole group to say
                    let alone = format!("{setting}: ");
                    if let Some(says) = read.filter(|says| !says.starts_with(&alone)) {
                        self.refuse(
                            &section,
                            inner.span(),
                            &format!("{setting}.{}", inner.get_ref()),
                            &says,
                        );
                    }
                }
            }
            if self.problems.len() == before
                && let Some(says) = self.alone(name, value.clone())
            {
                self.refuse(&section, name.span(), setting, &says);
            }
            if self.problems.len() == before {
                section.table.insert(name.clone(), value.clone());
            }
        }
        section
    }

    /// The problem of a single setting.
    fn alone(&self, name: &Spanned<Cow<'t, str>>, value: Spanned<DeValue<'t>>) -> Option<String> {
        let one = DeTable::from_iter([(name.clone(), value)]);
        let error = read(one).err()?;
        // the field is told before it, and the line
        error.message().split("\nin `").next().map(Into::into)
    }

    /// `says` begins with the field, unless it is about the field's name.
    fn refuse(&mut self, section: &Section<'_>, at: Range<usize>, field: &str, says: &str) {
        let group = field.split('.').next().unwrap_or(field);
        let own = [field, group]
            .iter()
            .find_map(|name| says.strip_prefix(&format!("{name}: ")));
        let says = own.unwrap_or(says);
        self.add(Some(at), &format!("{}:", section.field(field)), says.into());
    }

    /// Returns a section on top of another, with its values checked.
    fn config(&mut self, section: &Section<'t>, upon: Option<&Section<'t>>) -> Config {
        let below = upon.map(|upon| upon.table.clone());
        let judged = below
            .clone()
            .and_then(|table| read(table).ok()?.validate().err());
        let mut table = below.unwrap_or_default();
        table.extend(section.table.clone());
        let config = match read(table) {
            Ok(config) => config,
            Err(error) => {
                self.add(
                    section.at.clone(),
                    &section.field(""),
                    error.message().into(),
                );
                return Config::default();
            }
        };
        let problems = config.validate().err();
        for problem in problems.iter().flat_map(|error| error.problems()) {
            let setting = problem.field.split('.').next().unwrap_or(problem.field);
            let told = judged
                .as_ref()
                .is_some_and(|j| j.problems().contains(problem));
            if told && !section.names(setting) {
                continue;
            }
            let at = section.place(problem.field);
            let at = at
                .or_else(|| upon?.place(problem.field))
                .or(section.at.clone());
            let says = format!("is {}, but must be {}", problem.value, problem.permitted);
            self.add(at, &section.field(problem.field), says);
        }
        config
    }

    /// Checks that the fixed settings are unchanged, for each key.
    fn fixed(&mut self, before: &Settings, after: &Settings, sections: &Sections<'_>) {
        let moved = |old: &Config, new: &Config, setting: &str| {
            let (old, new) = (at_build(old, setting), at_build(new, setting));
            (old != new).then(|| {
                format!("is {new}, but must be {old}: it is fixed when a breaker is built")
            })
        };
        let keys: BTreeSet<_> = before.keys.keys().chain(after.keys.keys()).collect();
        for setting in FIXED {
            let of_all = moved(&before.default, &after.default, setting);
            if let Some(says) = of_all.clone() {
                let at = sections.default.place(setting);
                self.add(at, &sections.default.field(setting), says);
            }
            for &key in &keys {
                let here = sections.keys.iter().find(|section| section.key == *key);
                let at = here.and_then(|section| section.place(setting));
                let says = moved(before.of(key), after.of(key), setting);
                if let Some(says) = says.filter(|_| at.is_some() || of_all.is_none()) {
                    self.add(at, &format!("keys.{key}.{setting}"), says);
                }
            }
        }
    }
}

fn read(table: DeTable<'_>) -> Result<Config, toml::de::Error> {
    Config::deserialize(Deserializer::from(Spanned::new(0..0, table)))
}

/// All settings, by name. A clock that was read from a file can be written to one.
fn written(config: &Config) -> Table {
    Table::try_from(config).unwrap_or_default()
}

fn at_build(config: &Config, setting: &str) -> Value {
    let mut value = written(config).remove(setting).unwrap_or(false.into());
    if let Some(window) = value.as_table_mut()
        && window.contains_key("time")
    {
        // as many as a window of time has that does not say
        window.entry("buckets").or_insert(10.into());
    }
    value
}
