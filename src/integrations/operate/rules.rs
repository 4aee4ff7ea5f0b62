//! Changes of rules, as JSON in the words of a configuration file.

use crate::integrations::operate::answer::{Problem, Refusal};
use crate::{Config, ConfigError};
use axum::http::StatusCode;
use serde_json::{Map, Value};

/// A setting that can be changed on a running breaker, and how it is taken over from another configuration.
type Setting = (&'static str, fn(&mut Config, &Config));

const SETTINGS: [Setting; 13] = [
    ("failure_rate", |to, from| {
        to.failure_rate = from.failure_rate
    }),
    ("min_throughput", |to, from| {
        to.min_throughput = from.min_throughput
    }),
    ("slow_call", |to, from| to.slow_call = from.slow_call),
    ("slow_rate", |to, from| to.slow_rate = from.slow_rate),
    ("consecutive_failures", |to, from| {
        to.consecutive_failures = from.consecutive_failures
    }),
    ("failure_count", |to, from| {
        to.failure_count = from.failure_count
    }),
    ("outage", |to, from| to.outage = from.outage),
    ("hang", |to, from| to.hang = from.hang),
    ("lenient", |to, from| to.lenient = from.lenient),
    ("open_for", |to, from| to.open_for = from.open_for.clone()),
    ("half_open", |to, from| {
        to.half_open = from.half_open.clone()
    }),
    ("on_cancel", |to, from| to.on_cancel = from.on_cancel),
    ("max_in_flight", |to, from| {
        to.max_in_flight = from.max_in_flight
    }),
];

const FIXED: [&str; 5] = ["window", "durations", "history", "clock", "initial_state"];

/// The settings that are to change.
pub(super) struct Edit {
    to: Config,
    settings: Vec<Setting>,
    /// Those of settings that are left out.
    problems: Vec<Problem>,
}

impl Edit {
    /// Reads it from a request's body, whatever the rules in force are.
    pub(super) fn parse(body: &[u8]) -> Result<Edit, Refusal> {
        let twice = given_twice(body);
        let settings = match serde_json::from_slice(body) {
            Ok(Value::Object(settings)) => settings,
            Ok(_) => {
                let error =
                    "the body must be an object of settings, such as {\"failure_rate\": 0.4}";
                return Err(unprocessable(error));
            }
            Err(error) => {
                let error = format!("the body is not JSON: {error}");
                return Err(Refusal::new(StatusCode::BAD_REQUEST, error));
            }
        };
        let mut edit = Edit {
            to: Config::default(),
            settings: Vec::new(),
            problems: twice.into_iter().collect(),
        };
        if settings.is_empty() {
            edit.problems.push(problem("", "no setting is given"));
        }
        for (name, value) in settings {
            if let Err(problems) = edit.put(&name, value) {
                edit.problems.extend(problems);
            }
        }
        Ok(edit)
    }

    fn put(&mut self, name: &str, value: Value) -> Result<(), Vec<Problem>> {
        if FIXED.contains(&name) {
            return Err(vec![problem(name, "is fixed when the breaker is built")]);
        }
        if name == "profile" {
            let says = "is for a whole configuration; give the settings that are to change";
            return Err(vec![problem(name, says)]);
        }
        let Some(setting) = SETTINGS.into_iter().find(|(known, _)| *known == name) else {
            // the configuration knows which one was probably meant
            let says = read(name, value).err().unwrap_or_default();
            return Err(vec![problem(name, &says)]);
        };
        match read(name, value.clone()) {
            Ok(config) => {
                (setting.1)(&mut self.to, &config);
                self.settings.push(setting);
                Ok(())
            }
            Err(whole) => Err(problems_in(name, value, whole)),
        }
    }

    /// Refuses the change if it has problems, with all those that it would have in these settings.
    pub(super) fn refused(&mut self, mut config: Config) -> Result<(), Refusal> {
        let mut problems = std::mem::take(&mut self.problems);
        if problems.is_empty() {
            return Ok(());
        }
        self.apply(&mut config);
        if let Err(error) = config.validate() {
            problems.extend(problems_of(&error));
        }
        Err(unprocessable(REFUSED).with(problems))
    }

    /// Makes the change to these settings.
    pub(super) fn apply(&self, config: &mut Config) {
        for (_, take_over) in &self.settings {
            take_over(config, &self.to);
        }
    }
}

const REFUSED: &str = "the rules stay as they are";

fn unprocessable(error: &str) -> Refusal {
    Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, error)
}

/// The refusal of rules that are out of range.
pub(super) fn out_of_range(error: &ConfigError) -> Refusal {
    unprocessable(REFUSED).with(problems_of(error))
}

fn problems_of(error: &ConfigError) -> Vec<Problem> {
    let problems = error.problems().iter().map(|found| Problem {
        field: found.field.to_owned(),
        problem: match found.field {
            "rules" => found.to_string(),
            _ => format!("is {}, but must be {}", found.value, found.permitted),
        },
    });
    problems.collect()
}

fn problem(field: &str, says: &str) -> Problem {
    // its place is in a field of its own
    let says = says.strip_prefix(field).unwrap_or(says);
    Problem {
        field: field.to_owned(),
        problem: says.trim_start_matches([':', ' ']).to_owned(),
    }
}

/// A value of JSON keeps the last of two settings of one name, and a configuration refuses both.
fn given_twice(body: &[u8]) -> Option<Problem> {
    let error = serde_json::from_slice::<Config>(body).err()?.to_string();
    let (name, _) = error.split_once(" is given twice")?;
    Some(problem(name, "is given twice"))
}

/// Returns the configuration of a file with this setting alone.
fn read(name: &str, value: Value) -> Result<Config, String> {
    let file = Map::from_iter([(name.to_owned(), value)]);
    serde_json::from_value(Value::Object(file)).map_err(|error| error.to_string())
}

/// Returns every problem of the parts of a group; or that of the whole, if each part would do.
fn problems_in(name: &str, value: Value, whole: String) -> Vec<Problem> {
    let Value::Object(parts) = value else {
        return vec![problem(name, &whole)];
    };
    let parts = parts.into_iter().filter_map(|(part, value)| {
        let alone = Value::Object(Map::from_iter([(part.clone(), value)]));
        let says = read(name, alone).err()?;
        // that it needs another part is no problem of this one
        let of_group = says.starts_with(&format!("{name}: "));
        (!of_group).then(|| problem(&format!("{name}.{part}"), &says))
    });
    let found: Vec<_> = parts.collect();
    match found.is_empty() {
        true => vec![problem(name, &whole)],
        false => found,
    }
}
