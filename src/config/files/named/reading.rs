//! From a TOML text to sections. Each setting is checked by itself, so that a bad one hides no other.

use crate::config::files::draft::{Draft, Key, Within};
use crate::config::files::form::{group_expects, instead};
use crate::config::files::named::problem::{Place, SettingsFault, SettingsProblem, Table};
use crate::config::files::named::section::{Entry, Raw, Section};
use crate::config::files::suggest::{nearest, printable, quoted};
use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::Range;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

/// What a text holds.
#[derive(Clone, Debug, Default)]
pub(super) struct Sections {
    pub(super) default: Section,
    pub(super) breakers: BTreeMap<String, Section>,
}

/// As the parser has it.
const DUPLICATE: &str = "duplicate key";

/// Reads all that can be read, and returns every problem of a single setting.
pub(super) fn read(text: &str) -> (Sections, Vec<SettingsProblem>) {
    let (root, broken) = DeTable::parse_recoverable(text);
    let mut reading = Reading {
        text,
        ends: text.match_indices('\n').map(|(at, _)| at).collect(),
        problems: Vec::new(),
    };
    // not the error's own text, which quotes the line: it may hold a password
    for error in &broken {
        reading.broken(error.span(), error.message());
    }
    if reading
        .problems
        .iter()
        .any(|problem| problem.fault == SettingsFault::Syntax)
    {
        // what else could be read of it may not be what was meant
        return (Sections::default(), reading.problems);
    }
    let sections = reading.root(root.get_ref());
    (sections, reading.problems)
}

struct Reading<'t> {
    text: &'t str,
    /// Where its lines end.
    ends: Vec<usize>,
    problems: Vec<SettingsProblem>,
}

impl Reading<'_> {
    fn line(&self, at: &Range<usize>) -> Option<usize> {
        let is_in = self.text.is_char_boundary(at.start);
        is_in.then(|| self.ends.partition_point(|end| *end < at.start) + 1)
    }

    fn broken(&mut self, at: Option<Range<usize>>, message: &str) {
        let place = Place {
            line: at.as_ref().and_then(|at| self.line(at)),
            ..Place::default()
        };
        // a key is a name, and no secret
        let key = at.and_then(|at| self.text.get(at)).unwrap_or_default();
        let problem = match message.starts_with(DUPLICATE) {
            true => {
                let is = format!("not valid TOML: {} is there twice", printable(key));
                place.problem(SettingsFault::Duplicate, "", "there once", &is)
            }
            false => {
                let is = format!("not valid TOML: {message}");
                place.problem(SettingsFault::Syntax, "", "", &is)
            }
        };
        self.problems.push(problem);
    }

    fn place(&self, table: &Table, at: &Range<usize>, setting: &str) -> Place {
        Place {
            line: self.line(at),
            variable: None,
            table: table.clone(),
            setting: setting.into(),
        }
    }

    fn root(&mut self, root: &DeTable<'_>) -> Sections {
        let mut sections = Sections::default();
        let mut found = false;
        for (name, value) in root {
            let at = name.span();
            match (&**name.get_ref(), value.get_ref()) {
                ("default", DeValue::Table(table)) => {
                    found = true;
                    sections.default = self.section(&Table::Default, &at, table);
                }
                ("breakers", DeValue::Table(breakers)) => {
                    for (name, value) in breakers {
                        self.breaker(name, value, &mut sections.breakers);
                    }
                }
                (name @ ("default" | "breakers"), _) => {
                    found |= name == "default";
                    let place = self.place(&Table::Root, &at, name);
                    self.not_a_table(place);
                }
                (name, _) => {
                    let known = ["default", "breakers"];
                    let meant = nearest(name, known.into_iter()).unwrap_or("");
                    let place = self.place(&Table::Root, &at, &printable(name));
                    let is = "is unknown; there are default and breakers";
                    let problem = place.problem(SettingsFault::Unknown, "", meant, is);
                    self.problems.push(problem);
                }
            }
        }
        if !found {
            // so that a file that is just being written is not taken for one that sets nothing
            let place = Place {
                setting: "default".into(),
                ..Place::default()
            };
            let problem = place.problem(SettingsFault::Missing, "", "a table", "is missing");
            self.problems.push(problem);
        }
        sections
    }

    fn breaker(
        &mut self,
        name: &Spanned<DeString<'_>>,
        value: &Spanned<DeValue<'_>>,
        breakers: &mut BTreeMap<String, Section>,
    ) {
        let table = Table::of(Some(name.get_ref()));
        match value.get_ref() {
            DeValue::Table(settings) => {
                let section = self.section(&table, &name.span(), settings);
                breakers.insert(name.get_ref().to_string(), section);
            }
            _ => {
                let place = self.place(&table, &name.span(), "");
                self.not_a_table(place);
            }
        }
    }

    fn not_a_table(&mut self, place: Place) {
        let problem = place.problem(SettingsFault::Type, "", "a table", "is not a table");
        self.problems.push(problem);
    }

    fn section(&mut self, table: &Table, at: &Range<usize>, settings: &DeTable<'_>) -> Section {
        let mut section = Section {
            line: self.line(at),
            ..Section::default()
        };
        for (name, value) in settings {
            self.setting(table, "", name, value, &mut section);
        }
        section
    }

    /// A setting, or a group of them; `group` is the one that it is in.
    fn setting(
        &mut self,
        table: &Table,
        group: &'static str,
        name: &Spanned<DeString<'_>>,
        value: &Spanned<DeValue<'_>>,
        section: &mut Section,
    ) {
        let mut draft = Draft::default();
        // another word for the same
        let key = match (group, &**name.get_ref()) {
            ("half_open", "rate") => "failure_rate",
            (_, key) => key,
        };
        let at = name.span();
        match draft.find(group, key) {
            Within::Group(group) => match value.get_ref() {
                DeValue::Table(members) => {
                    for (name, value) in members {
                        self.setting(table, group, name, value, section);
                    }
                }
                alone => {
                    let key = Key { group, name: "" };
                    let expects = group_expects(group);
                    self.take(table, key, &at, alone, Some(expects), section);
                }
            },
            Within::Field(_) => {
                // found by their names: the same in the table of all settings
                let all = Draft::default().fields().map(|(key, _)| key);
                if let Some(key) = all.into_iter().find(|k| k.group == group && k.name == key) {
                    self.take(table, key, &at, value.get_ref(), None, section);
                }
            }
            Within::Nothing(_) if self.dotted(table, group, name, value) => {}
            Within::Nothing(keys) => {
                let written = match group {
                    "" => printable(key).into_owned(),
                    group => format!("{group}.{}", printable(key)),
                };
                let instead = instead(group, key, &keys);
                let is = format!("is not a setting; {instead}");
                let place = self.place(table, &at, &written);
                self.problems
                    .push(place.problem(SettingsFault::Unknown, "", &instead, &is));
            }
        }
    }

    /// A breaker's name with dots that is not quoted is a table in a table. Reports each that was probably meant, and
    /// returns whether there is one.
    fn dotted(
        &mut self,
        table: &Table,
        group: &str,
        name: &Spanned<DeString<'_>>,
        value: &Spanned<DeValue<'_>>,
    ) -> bool {
        let (Table::Breaker(breaker), "", DeValue::Table(inner)) = (table, group, value.get_ref())
        else {
            return false;
        };
        let groups = Draft::default().fields().map(|(key, _)| key.group);
        let groups = groups.into_iter().filter(|group| !group.is_empty());
        if nearest(name.get_ref(), groups).is_some() {
            return false;
        }
        let mut names = Vec::new();
        let meant = format!("{breaker}.{}", name.get_ref());
        innermost(meant, &name.span(), inner, DEEPEST, &mut names);
        for (meant, at) in names {
            let meant = format!("[breakers.{}]", quoted(&meant));
            let is = format!("is not a setting; did you mean {meant}?");
            let place = self.place(table, &at, &printable(name.get_ref()));
            let problem = place.problem(SettingsFault::Unknown, "", &meant, &is);
            self.problems.push(problem);
        }
        true
    }

    /// Keeps a value that fits. `expects` is for a group that is written as a single value.
    fn take(
        &mut self,
        table: &Table,
        key: Key,
        at: &Range<usize>,
        value: &DeValue<'_>,
        expects: Option<&'static str>,
        section: &mut Section,
    ) {
        let mut draft = Draft::default();
        if section.entries.iter().any(|there| there.key == key) || section.refused.contains(&key) {
            let place = self.place(table, at, &key.path());
            let is = "is there twice: rate is another word for it";
            let problem = place.problem(SettingsFault::Duplicate, "", "there once", is);
            self.problems.push(problem);
            return;
        }
        let expected = match (raw(value), draft.field(key)) {
            (Some(raw), Some(field)) => match raw.put(field) {
                Ok(()) => {
                    section.entries.push(Entry {
                        key,
                        raw,
                        line: self.line(at),
                        variable: None,
                    });
                    return;
                }
                Err(expected) => expected,
            },
            (_, Some(field)) => field.expects(),
            (_, None) => Cow::Borrowed(""),
        };
        let expected = expects.map_or(expected, Cow::Borrowed);
        section.refused.push(key);
        let fault = match key.name {
            "profile" if key.group.is_empty() && matches!(value, DeValue::String(_)) => {
                SettingsFault::UnknownProfile
            }
            _ => SettingsFault::Type,
        };
        let (value, shown) = shown(value);
        let place = self.place(table, at, &key.path());
        self.problems
            .push(place.refused(fault, &value, &shown, &expected));
    }
}

/// How many dots of a name are followed.
const DEEPEST: usize = 16;

/// Adds the names of the innermost tables: those that do not hold only tables of other names.
fn innermost(
    name: String,
    at: &Range<usize>,
    table: &DeTable<'_>,
    depth: usize,
    names: &mut Vec<(String, Range<usize>)>,
) {
    let is_name = |key: &str| matches!(Draft::default().find("", key), Within::Nothing(_));
    let is_path = |(key, value): (&Spanned<DeString<'_>>, &Spanned<DeValue<'_>>)| {
        is_name(key.get_ref()) && matches!(value.get_ref(), DeValue::Table(_))
    };
    if depth == 0 || table.is_empty() || !table.iter().all(is_path) {
        names.push((name, at.clone()));
        return;
    }
    for (key, value) in table {
        if let DeValue::Table(inner) = value.get_ref() {
            let name = format!("{name}.{}", key.get_ref());
            innermost(name, &key.span(), inner, depth - 1, names);
        }
    }
}

/// Returns a value that a setting may have.
fn raw(value: &DeValue<'_>) -> Option<Raw> {
    Some(match value {
        DeValue::String(text) => Raw::Text(text.to_string()),
        DeValue::Boolean(on) => Raw::Switch(*on),
        DeValue::Float(x) => Raw::Float(x.as_str().parse().ok()?),
        DeValue::Integer(n) => match u64::from_str_radix(n.as_str(), n.radix()) {
            Ok(n) => Raw::Integer(n),
            // where a fraction is allowed, a negative number is accepted here and refused as out of range later
            Err(_) => Raw::Float(n.as_str().parse().ok()?),
        },
        DeValue::Array(values) => {
            let texts = values.iter().map(|value| match value.get_ref() {
                DeValue::String(text) => Some(text.to_string()),
                _ => None,
            });
            Raw::List(texts.collect::<Option<_>>()?)
        }
        DeValue::Datetime(_) | DeValue::Table(_) => return None,
    })
}

/// Returns the value, and how it is printed. A table may hold anything, and is not shown.
fn shown(value: &DeValue<'_>) -> (String, String) {
    let plain = |text: String| (text.clone(), text);
    match value {
        DeValue::String(text) => (text.to_string(), quoted(text)),
        DeValue::Boolean(on) => plain(on.to_string()),
        DeValue::Float(x) => plain(x.as_str().into()),
        DeValue::Integer(n) => plain(n.to_string()),
        DeValue::Datetime(_) => plain("a date".into()),
        DeValue::Array(values) => {
            let texts: Option<Vec<_>> = values
                .iter()
                .map(|value| match value.get_ref() {
                    DeValue::String(text) => Some(quoted(text)),
                    _ => None,
                })
                .collect();
            match texts {
                Some(texts) => plain(format!("[{}]", texts.join(", "))),
                None => plain("a list".into()),
            }
        }
        DeValue::Table(_) => plain("a table".into()),
    }
}
