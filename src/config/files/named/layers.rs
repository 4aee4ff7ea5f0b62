//! A section upon that of the defaults, and what is wrong with the two together.
//!
//! From the weakest to the strongest: the settings of the profile, `[default]`, the profile of the breaker's own table,
//! and that table. What no profile sets stays as in `[default]`, and a profile replaces all the rest.

use crate::config::files::draft::{Clash, Draft, Key};
use crate::config::files::named::problem::{Place, SettingsFault, SettingsProblem, Table};
use crate::config::files::named::section::{Entry, Section, outer};
use crate::config::files::suggest::quoted;
use crate::config::files::words::Written;
use crate::config::profile::Profile;
use crate::config::settings::Config;
use crate::error::{NO_RULE, Problem};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// The settings that are fixed when a breaker is built.
pub(super) const FIXED: [&str; 5] = ["window", "durations", "history", "clock", "initial_state"];

/// Whether a setting of `[default]` stays in force beside the profile of a breaker's own table: no profile sets it.
pub(super) fn stays(outer_name: &str) -> bool {
    FIXED.contains(&outer_name) || outer_name == "max_in_flight"
}

/// Returns the entries that count for a breaker with that section.
pub(super) fn upon<'a>(own: &'a Section, default: Option<&'a Section>) -> Vec<&'a Entry> {
    let of_profile = own.has("profile") || own.refuses("profile");
    let counts = |entry: &&Entry| {
        let name = outer(entry.key);
        let replaced = of_profile && !stays(name);
        !(own.has(name) || own.refuses(name) || replaced)
    };
    let below = default.into_iter().flat_map(|section| &section.entries);
    below.filter(counts).chain(&own.entries).collect()
}

/// What is wrong with a configuration.
enum Wrong {
    Clash(Clash),
    Problem(Problem),
}

/// Returns the configuration, under that profile if there is one, or all that is wrong with it.
fn config(entries: &[&Entry], profile: Option<Profile>) -> Result<Config, Vec<Wrong>> {
    let mut draft = Draft::default();
    for entry in entries {
        if let Some(field) = draft.field(entry.key) {
            // it fits, or it would not be here
            let _ = entry.raw.put(field);
        }
    }
    let (config, clashes) = draft.config_in(profile);
    let refused = config.validate().err();
    let problems = refused.iter().flat_map(|error| error.problems());
    // of a group that clashes it is unknown what it would have been
    let clear = |problem: &&Problem| {
        let in_clash = |clash: &Clash| problem.field.starts_with(clash.group);
        !clashes.iter().any(in_clash) && (clashes.is_empty() || problem.field != NO_RULE)
    };
    let problems = problems.filter(clear).cloned().map(Wrong::Problem);
    let mut wrongs: Vec<Wrong> = clashes.iter().copied().map(Wrong::Clash).collect();
    wrongs.extend(problems);
    match wrongs.is_empty() {
        true => Ok(config),
        false => Err(wrongs),
    }
}

impl Wrong {
    fn is_same(&self, other: &Wrong) -> bool {
        match (self, other) {
            (Wrong::Clash(one), Wrong::Clash(other)) => one == other,
            (Wrong::Problem(one), Wrong::Problem(other)) => one == other,
            _ => false,
        }
    }

    fn outer(&self) -> &str {
        match self {
            Wrong::Clash(clash) => clash.group,
            Wrong::Problem(problem) => problem.field.split('.').next().unwrap_or(problem.field),
        }
    }

    /// Whether it may be a consequence of a value that was refused already.
    fn follows_from(&self, refused: Key) -> bool {
        let by = &*refused.path();
        match self {
            Wrong::Clash(clash) => clash.group == outer(refused),
            Wrong::Problem(problem) => match (by, problem.field) {
                (_, NO_RULE) => true,
                ("slow_call", _) => problem.permitted.contains("slow_call"),
                ("open_for.base" | "open_for", "open_for.max") => true,
                ("open_for.adaptive", field) => field.starts_with("open_for."),
                ("window.time" | "window.count", field) => {
                    field == "window.buckets" || problem.permitted.contains("window")
                }
                _ => false,
            },
        }
    }
}

/// The configuration of a breaker, and its problems that are not those of the defaults.
pub(super) fn resolve(
    table: &Table,
    own: &Section,
    default: Option<&Section>,
    problems: &mut Vec<SettingsProblem>,
) -> Config {
    let entries = upon(own, default);
    let refused: Vec<Key> = own
        .refused
        .iter()
        .chain(default.into_iter().flat_map(|section| &section.refused))
        .copied()
        .collect();
    let is_profile = |key: &Key| key.path() == "profile";
    let found = if refused.iter().any(is_profile) {
        // a problem only if it is one under each profile that may have been meant
        let mut each = Profile::ALL
            .into_iter()
            .filter_map(|profile| config(&entries, Some(profile)).err());
        let mut common = each.next().unwrap_or_default();
        let mut seen = 1;
        for other in each {
            seen += 1;
            common.retain(|one| other.iter().any(|other| one.is_same(other)));
        }
        if seen < Profile::ALL.len() {
            common.clear();
        }
        common
    } else {
        match config(&entries, None) {
            Ok(config) => return config,
            Err(found) => found,
        }
    };
    // those of the defaults alone are theirs
    let inherited = match default {
        Some(default) => config(&upon(default, None), None).err(),
        None => None,
    };
    for wrong in &found {
        let of_default = inherited.iter().flatten().any(|other| wrong.is_same(other));
        if of_default && !own.has(wrong.outer())
            || refused.iter().any(|key| wrong.follows_from(*key))
        {
            continue;
        }
        problems.push(reported(table, wrong, &entries, own));
    }
    Config::default()
}

fn reported(table: &Table, wrong: &Wrong, entries: &[&Entry], own: &Section) -> SettingsProblem {
    let field = match wrong {
        Wrong::Clash(clash) => clash.group,
        Wrong::Problem(problem) => problem.field,
    };
    let entry = entry_of(field, entries);
    let place = Place {
        line: entry.map_or(own.line, |entry| entry.line),
        variable: entry.and_then(|entry| entry.variable.clone()),
        table: table.clone(),
        setting: match field {
            NO_RULE => String::new(),
            field => field.into(),
        },
    };
    match wrong {
        Wrong::Clash(Clash { says, .. }) => {
            let is = format!("has settings that exclude each other: {says}");
            place.problem(SettingsFault::Conflict, "", says, &is)
        }
        Wrong::Problem(problem) if problem.field == NO_RULE => {
            let permitted = &problem.permitted;
            let is = format!("has no trip rule that is on, but there must be {permitted}");
            place.problem(SettingsFault::Range, &problem.value, permitted, &is)
        }
        Wrong::Problem(Problem {
            value, permitted, ..
        }) => {
            let itself = entry.is_some_and(|entry| path_in_problems(entry.key) == field);
            let shown = match itself {
                true => value.clone(),
                false if entry.is_some_and(|e| outer(e.key) == field) => value.clone(),
                false if entries.iter().any(|e| e.key.path() == "profile") => {
                    format!("{value} by the profile")
                }
                false => format!("{value} by default"),
            };
            place.refused(SettingsFault::Range, value, &shown, permitted)
        }
    }
}

/// Returns the path under which validation has a setting.
fn path_in_problems(key: Key) -> String {
    match &*key.path() {
        "window.time" | "window.count" => "window".into(),
        "open_for" => "open_for.base".into(),
        path => path.into(),
    }
}

/// Returns the entry that set a field, or else one of its group.
fn entry_of<'a>(field: &str, entries: &[&'a Entry]) -> Option<&'a Entry> {
    let group = field.split('.').next().unwrap_or(field);
    let exactly = |entry: &&&Entry| path_in_problems(entry.key) == field;
    let near = |entry: &&&Entry| outer(entry.key) == group;
    let found = entries.iter().rev().find(exactly);
    found.or_else(|| entries.iter().rev().find(near)).copied()
}

/// Returns a fixed setting as it is written in a file.
pub(super) fn written(config: &Config, setting: &str) -> String {
    let Some(mut draft) = Draft::of(config) else {
        return String::new();
    };
    let mut parts = Vec::new();
    for (key, field) in draft.fields() {
        if outer(key) != setting {
            continue;
        }
        let Some(value) = field.written() else {
            continue;
        };
        let value = match value {
            Written::Switch(on) => on.to_string(),
            Written::Float(x) => x.to_string(),
            Written::Integer(n) => n.to_string(),
            Written::Text(text) => quoted(&text),
            Written::List(texts) => format!("{texts:?}"),
        };
        match key.group {
            "" => return value,
            _ => parts.push(format!("{} = {value}", key.name)),
        }
    }
    if let [time] = &*parts
        && time.starts_with("time")
    {
        // as many as a window of time has that does not say
        parts.push(format!("buckets = {}", config.window.buckets_in_force()));
    }
    format!("{{ {} }}", parts.join(", "))
}

#[cfg(test)]
mod tests;
