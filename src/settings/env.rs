//! A configuration in the environment.

use crate::config::Config;
use crate::settings::draft::{Draft, Place};
use crate::settings::words::Found;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::error::Error;
use core::fmt;
use std::ffi::OsString;

/// One variable that is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EnvProblem {
    /// Its whole name.
    pub variable: String,
    /// What it was set to.
    pub value: String,
    /// What would be taken instead.
    pub permitted: String,
}

impl fmt::Display for EnvProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            variable,
            value,
            permitted,
        } = self;
        write!(f, "{variable} is {value}, permitted is {permitted}")
    }
}

/// Why the environment does not configure a breaker: every problem that there is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EnvError {
    problems: Vec<EnvProblem>,
}

impl EnvError {
    /// The problems, one or more.
    #[must_use]
    pub fn problems(&self) -> &[EnvProblem] {
        &self.problems
    }
}

impl fmt::Display for EnvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid breaker configuration in the environment:")?;
        self.problems.iter().try_for_each(|p| write!(f, "\n{p}"))
    }
}

impl Error for EnvError {}

impl Config {
    /// From the environment: a setting is a variable, named by the prefix and by the field in capitals.
    /// One that is not set is as by default.
    ///
    /// With the prefix `PAYMENTS_BREAKER`: `PAYMENTS_BREAKER_FAILURE_RATE=0.4`,
    /// `.._MIN_THROUGHPUT`, `.._SLOW_CALL=500ms`, `.._SLOW_RATE`, `.._CONSECUTIVE_FAILURES=false` (off),
    /// `.._FAILURE_COUNT`, `.._WINDOW_TIME=10s`, `.._WINDOW_BUCKETS`, `.._WINDOW_COUNT`,
    /// `.._OPEN_FOR=5s` (always the same) or `.._OPEN_FOR_BASE`, `.._OPEN_FOR_FACTOR`,
    /// `.._OPEN_FOR_MAX`, `.._OPEN_FOR_JITTER`, `.._OPEN_FOR_RESET_AFTER`, `.._OPEN_FOR_SEED`,
    /// `.._HALF_OPEN_SUCCESSES`, `.._HALF_OPEN_OF`, `.._HALF_OPEN_FAILURE_RATE`,
    /// `.._HALF_OPEN_SLOW_RATE`, `.._HALF_OPEN_MAX_PROBES`, `.._HALF_OPEN_PROBE_TIMEOUT`,
    /// `.._ON_CANCEL=failure_if_slow`, `.._CLOCK=coarse`, `.._INITIAL_STATE=observe_only`.
    ///
    /// All variables that begin with the prefix and `_` are taken for settings, so that a misspelt one
    /// is not passed over: let the prefix be the breaker's own.
    ///
    /// # Errors
    ///
    /// Every variable that is unknown, or that cannot be read; if there is none, every one whose value
    /// [`validate`](Config::validate) refuses.
    ///
    /// ```
    /// use tripcoil::Config;
    ///
    /// // nothing is set, so it is the default
    /// let config = Config::from_env("TRIPCOIL_EXAMPLE")?;
    /// assert_eq!(config.failure_rate, Some(0.5));
    /// # Ok::<(), tripcoil::EnvError>(())
    /// ```
    pub fn from_env(prefix: &str) -> Result<Config, EnvError> {
        Config::from_vars(prefix, std::env::vars_os())
    }

    /// The same, from variables that come from elsewhere.
    ///
    /// ```
    /// use tripcoil::Config;
    ///
    /// let config = Config::from_vars("DB", [("DB_FAILURE_RATE", "0.4"), ("OTHER", "7")])?;
    /// assert_eq!(config.failure_rate, Some(0.4));
    ///
    /// let error = Config::from_vars("DB", [("DB_SLOW_CALL", "fast")]).unwrap_err();
    /// assert_eq!(error.problems()[0].variable, "DB_SLOW_CALL");
    /// # Ok::<(), tripcoil::EnvError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`from_env`](Self::from_env).
    pub fn from_vars<N, V>(
        prefix: &str,
        vars: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Config, EnvError>
    where
        N: Into<OsString>,
        V: Into<OsString>,
    {
        let prefix = format!("{}_", prefix.trim_end_matches('_'));
        let mut draft = Draft::default();
        let mut named = Vec::new();
        let mut problems = Vec::new();
        for (variable, value) in vars {
            let variable = variable.into();
            let Some(name) = variable.to_str().and_then(|v| v.strip_prefix(&prefix)) else {
                continue;
            };
            let value = value.into();
            let mut slots = draft.slots();
            let slot = slots.iter_mut().find(|(place, _)| suffix(*place) == name);
            let permitted = match slot {
                None => {
                    let all: Vec<_> = slots.iter().map(|(place, _)| suffix(*place)).collect();
                    format!("no such setting: there are {}", all.join(", "))
                }
                Some((place, slot)) => {
                    named.push(*place);
                    if value.to_str().is_some_and(|v| slot.put(Found::Any(v))) {
                        continue;
                    }
                    slot.expects().replace('"', "")
                }
            };
            problems.push(EnvProblem {
                variable: format!("{prefix}{name}"),
                value: value.to_string_lossy().into_owned(),
                permitted,
            });
        }
        if problems.is_empty() {
            match draft.config() {
                Err(clash) => problems.push(EnvProblem {
                    variable: format!("{prefix}{}_*", clash.group.to_uppercase()),
                    value: "set to what does not go together".to_string(),
                    permitted: clash.says.to_string(),
                }),
                Ok(config) => match config.validate() {
                    Ok(()) => return Ok(config),
                    Err(error) => problems.extend(error.problems().iter().map(|p| EnvProblem {
                        variable: format!("{prefix}{}", variable_of(p.field, &named)),
                        value: p.value.clone(),
                        permitted: p.permitted.clone(),
                    })),
                },
            }
        }
        problems.sort_by(|a, b| a.variable.cmp(&b.variable));
        Err(EnvError { problems })
    }
}

/// `OPEN_FOR_BASE`.
fn suffix(place: Place) -> String {
    let Place { group, name } = place;
    let between = if group.is_empty() || name.is_empty() {
        ""
    } else {
        "_"
    };
    format!("{group}{between}{name}").to_uppercase()
}

/// The variable that sets a field, by the field's path in a problem.
fn variable_of(field: &str, named: &[Place]) -> String {
    let has = |group: &str, name: &str| named.iter().any(|p| p.group == group && p.name == name);
    match field {
        "rules" => "*".into(),
        "window" if has("window", "count") => "WINDOW_COUNT".into(),
        "window" => "WINDOW_TIME".into(),
        "open_for.base" if has("open_for", "") => "OPEN_FOR".into(),
        field => field.replace('.', "_").to_uppercase(),
    }
}
