//! A configuration in the environment.

use crate::config::files::draft::{Draft, Key};
use crate::config::files::suggest::{nearest, printable, quoted};
use crate::config::files::words::Found;
use crate::config::settings::Config;
use crate::error::{NO_RULE, Problem};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::error::Error;
use core::fmt;
use std::ffi::OsString;

/// One environment variable that is wrong.
///
/// The value is kept only if the variable is a setting. The value of any other variable may be a
/// secret, and is dropped.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct EnvProblem {
    /// The variable's full name.
    pub variable: String,
    /// The value as found, neither quoted nor escaped. Empty if the variable is not a setting, or is
    /// set twice.
    pub value: String,
    /// What the value must be. For a variable that is not a setting: the setting that was probably
    /// meant.
    pub permitted: String,
    /// The printed form: names and values from outside are quoted and escaped.
    text: String,
}

impl EnvProblem {
    /// `is`: "is .., but must be ..".
    fn new(variable: String, value: &str, permitted: &str, is: &str) -> EnvProblem {
        EnvProblem {
            text: format!("{} {is}", printable(&variable)),
            variable,
            value: value.to_string(),
            permitted: permitted.to_string(),
        }
    }
}

impl fmt::Display for EnvProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Every problem for which the environment does not configure a breaker.
///
/// ```
/// use tripcoil::Config;
///
/// let vars = [("DB_FAILURE_RAET", "0.4"), ("DB_SLOW_CALL", "fast")];
/// let error = Config::from_vars("DB", vars).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "invalid breaker configuration in the environment, DB_*:\n\
///      DB_FAILURE_RAET is not a setting; did you mean DB_FAILURE_RATE?\n\
///      DB_SLOW_CALL is \"fast\", but must be a duration such as 10s or 500ms, or false to turn it off"
/// );
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EnvError {
    problems: Vec<EnvProblem>,
    prefix: String,
}

impl EnvError {
    /// Returns the problems, at least one.
    #[must_use]
    pub fn problems(&self) -> &[EnvProblem] {
        &self.problems
    }
}

impl fmt::Display for EnvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid breaker configuration in the environment")?;
        if !self.prefix.is_empty() {
            write!(f, ", {}*", printable(&self.prefix))?;
        }
        f.write_str(":")?;
        self.problems.iter().try_for_each(|p| write!(f, "\n{p}"))
    }
}

impl Error for EnvError {}

impl Config {
    /// Reads a configuration from environment variables. A variable's name is the prefix, `_`, and
    /// the setting's name in capitals. A setting without a variable keeps its default, or is as in
    /// the [`Profile`](crate::config::Profile) that `.._PROFILE` names: `adaptive`, `database`, `http`, `cache`, `queue`.
    ///
    /// With the prefix `PAYMENTS_BREAKER`: `PAYMENTS_BREAKER_FAILURE_RATE=0.4`,
    /// `.._MIN_THROUGHPUT`, `.._SLOW_CALL=500ms`, `.._SLOW_RATE`, `.._CONSECUTIVE_FAILURES=false`
    /// (off), `.._FAILURE_COUNT`, `.._OUTAGE_THETA`, `.._OUTAGE_LOSS`, `.._OUTAGE=false` (off), `.._HANG_AFTER=300ms`,
    /// `.._HANG_STARTS`, `.._HANG=false`, `.._LENIENT_KINDS=overload,timeout`, `.._LENIENT_WEIGHT=0.25`,
    /// `.._LENIENT=false`, `.._WINDOW_TIME=10s`, `.._WINDOW_BUCKETS`, `.._WINDOW_COUNT`,
    /// `.._OPEN_FOR=5s` (a constant wait) or `.._OPEN_FOR_BASE`, `.._OPEN_FOR_FACTOR`,
    /// `.._OPEN_FOR_MAX`, `.._OPEN_FOR_ADAPTIVE=true`, `.._OPEN_FOR_JITTER`, `.._OPEN_FOR_RESET_AFTER`, `.._OPEN_FOR_SEED`,
    /// `.._HALF_OPEN_SUCCESSES`, `.._HALF_OPEN_OF`, `.._HALF_OPEN_FAILURE_RATE`,
    /// `.._HALF_OPEN_SLOW_RATE`, `.._HALF_OPEN_MAX_PROBES`, `.._HALF_OPEN_PROBE_TIMEOUT`,
    /// `.._HALF_OPEN_RAMP=true`,
    /// `.._ON_CANCEL=failure_if_slow`, `.._CLOCK=coarse`, `.._INITIAL_STATE=observe_only`,
    /// `.._DURATIONS=true`, `.._HISTORY=64`.
    ///
    /// Every variable that begins with the prefix and `_` is read as a setting, so that a misspelt
    /// one is reported. Use a prefix that belongs to this breaker alone. The value of a variable
    /// that is not a setting is left out of the error and is never printed.
    ///
    /// With an empty prefix the variables are the bare names (`FAILURE_RATE`). All other variables
    /// are then ignored, misspelt ones included.
    ///
    /// # Errors
    ///
    /// Returns every variable that is unknown, set twice or cannot be read. If all of them can be read,
    /// returns every one that [`validate`](Config::validate) refuses.
    ///
    /// ```
    /// use tripcoil::Config;
    ///
    /// // nothing is set, so it is the default
    /// let config = Config::from_env("TRIPCOIL_EXAMPLE")?;
    /// assert_eq!(config.failure_rate, Some(0.5));
    /// # Ok::<(), tripcoil::config::EnvError>(())
    /// ```
    pub fn from_env(prefix: &str) -> Result<Config, EnvError> {
        Config::from_vars(prefix, std::env::vars_os())
    }

    /// Reads a configuration as [`from_env`](Self::from_env) does, from variables that you pass.
    ///
    /// ```
    /// use tripcoil::Config;
    ///
    /// let config = Config::from_vars("DB", [("DB_FAILURE_RATE", "0.4"), ("OTHER", "7")])?;
    /// assert_eq!(config.failure_rate, Some(0.4));
    ///
    /// let error = Config::from_vars("DB", [("DB_SLOW_CALL", "fast")]).unwrap_err();
    /// assert_eq!(error.problems()[0].variable, "DB_SLOW_CALL");
    /// # Ok::<(), tripcoil::config::EnvError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the errors of [`from_env`](Self::from_env).
    pub fn from_vars<N, V>(
        prefix: &str,
        vars: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Config, EnvError>
    where
        N: Into<OsString>,
        V: Into<OsString>,
    {
        let prefix = match prefix {
            "" => String::new(),
            prefix => format!("{}_", prefix.trim_end_matches('_')),
        };
        let mut draft = Draft::default();
        let mut named = Vec::new();
        let mut problems = Vec::new();
        for (variable, value) in vars {
            let variable = variable.into();
            let variable = variable.to_string_lossy();
            let Some(name) = variable.strip_prefix(&prefix) else {
                continue;
            };
            let mut fields = draft.fields();
            let Some((key, field)) = fields.iter_mut().find(|(key, _)| suffix(*key) == name) else {
                let all: Vec<_> = fields.iter().map(|(key, _)| suffix(*key)).collect();
                if !prefix.is_empty() {
                    problems.push(unknown(&prefix, name, &all));
                }
                continue;
            };
            if named.iter().any(|(before, _)| before == key) {
                let permitted = "set once";
                let is = format!("is set twice, but must be {permitted}");
                problems.push(EnvProblem::new(variable.into(), "", permitted, &is));
                continue;
            }
            let value = value.into();
            let put = match value.to_str() {
                Some(text) => field.put(Found::Any(text)),
                None => Err(field.expects()),
            };
            let value = value.to_string_lossy().into_owned();
            if let Err(expected) = put {
                let expected = expected.replace('"', "");
                let is = format!("is {}, but must be {expected}", quoted(&value));
                problems.push(EnvProblem::new(variable.into(), &value, &expected, &is));
            }
            named.push((*key, value));
        }
        if problems.is_empty() {
            match draft.config() {
                Err(clashes) => problems.extend(clashes.iter().map(|clash| {
                    let variable = format!("{prefix}{}_*", clash.group.to_uppercase());
                    let is = format!("do not go together: {}", clash.says);
                    EnvProblem::new(variable, "", clash.says, &is)
                })),
                Ok(config) => match config.validate() {
                    Ok(()) => return Ok(config),
                    Err(error) => {
                        let problem = |p| out_of_range(&prefix, p, &named);
                        problems.extend(error.problems().iter().map(problem));
                    }
                },
            }
        }
        problems.sort_by(|a, b| a.variable.cmp(&b.variable));
        Err(EnvError { problems, prefix })
    }
}

/// Reports a variable with the prefix that is not a setting. Its value may be a secret, and is left
/// out.
fn unknown(prefix: &str, name: &str, all: &[String]) -> EnvProblem {
    let variable = format!("{prefix}{name}");
    match nearest(name, all.iter().map(String::as_str)) {
        Some(meant) => {
            let meant = format!("{prefix}{meant}");
            let is = format!("is not a setting; did you mean {}?", printable(&meant));
            EnvProblem::new(variable, "", &meant, &is)
        }
        None => {
            let all = all.join(", ");
            let prefix = printable(prefix);
            let is = format!("is not a setting; after {prefix} there can be {all}");
            EnvProblem::new(variable, "", &all, &is)
        }
    }
}

/// Reports what validation refuses, with the variable that was set and its value.
fn out_of_range(prefix: &str, problem: &Problem, named: &[(Key, String)]) -> EnvProblem {
    let Problem {
        field,
        value,
        permitted,
        ..
    } = problem;
    let (variable, key) = variable_of(field, named);
    let variable = format!("{prefix}{variable}");
    let set = named.iter().rev().find(|(p, _)| Some(*p) == key);
    let by = match is_named("profile", named) {
        true => "by the profile",
        false => "by default",
    };
    let (value, is) = match set {
        Some((_, value)) => (value, format!("is {}", quoted(value))),
        None if *field == NO_RULE => {
            return EnvProblem {
                text: format!("the trip rules are all off, but there must be {permitted}"),
                ..EnvProblem::new(variable, value, permitted, "")
            };
        }
        None => (value, format!("is {value} {by}")),
    };
    let is = format!("{is}, but must be {permitted}");
    EnvProblem::new(variable, value, permitted, &is)
}

/// `OPEN_FOR_BASE`.
pub(crate) fn suffix(key: Key) -> String {
    key.path().replace('.', "_").to_uppercase()
}

/// Returns the variable that sets a field, given the field's path in a problem.
fn variable_of(field: &str, named: &[(Key, String)]) -> (String, Option<Key>) {
    let path = match field {
        NO_RULE => return ("*".into(), None),
        "window" if is_named("window.count", named) => "window.count",
        "window" => "window.time",
        "outage" if is_named("outage.theta", named) => "outage.theta",
        "outage" if is_named("outage.loss", named) => "outage.loss",
        "hang" if is_named("hang.after", named) => "hang.after",
        "hang" if is_named("hang.starts", named) => "hang.starts",
        "lenient" => "lenient.kinds",
        "open_for.base" if is_named("open_for", named) => "open_for",
        field => field,
    };
    let key = named.iter().map(|(key, _)| *key);
    let key = key.into_iter().find(|key| key.path() == path);
    (path.replace('.', "_").to_uppercase(), key)
}

fn is_named(path: &str, named: &[(Key, String)]) -> bool {
    named.iter().any(|(key, _)| key.path() == path)
}
