//! What is wrong with settings, each problem with its place.

use crate::config::files::suggest::printable;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::error::Error;
use core::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// What kind of problem it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum SettingsFault {
    /// The text is not valid TOML.
    Syntax,
    /// A key or a table is in the text twice.
    Duplicate,
    /// There is no such setting, table or breaker.
    Unknown,
    /// There is no such profile.
    UnknownProfile,
    /// The value has the wrong type.
    Type,
    /// The value is out of its range, or needs another setting.
    Range,
    /// Settings exclude each other.
    Conflict,
    /// The table `[default]` is missing.
    Missing,
    /// It differs from what running breakers have, and is fixed when a breaker is built.
    Fixed,
}

/// One problem of settings.
///
/// Names and values from outside are quoted and escaped in its text. The value is kept only if the key is a
/// setting: any other may be a secret, and is dropped.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct SettingsProblem {
    /// The line of the key, counted from one. `None` for what is missing, and for a variable.
    pub line: Option<usize>,
    /// The environment variable that set the value.
    pub variable: Option<String>,
    /// The breaker. `None` for `[default]`, and for what belongs to no breaker.
    pub breaker: Option<String>,
    /// The setting, as its path in [`Config`](crate::Config): `"open_for.jitter"`. Empty for a whole table, and if
    /// the text is not valid TOML.
    pub setting: String,
    /// What kind of problem it is.
    pub fault: SettingsFault,
    /// The value that was refused; empty if the key is not a setting.
    pub value: String,
    /// What is permitted instead, or the name that was probably meant.
    pub permitted: String,
    /// What follows the place.
    says: String,
}

/// Where a problem is.
#[derive(Clone, Default)]
pub(super) struct Place {
    pub(super) line: Option<usize>,
    pub(super) variable: Option<String>,
    pub(super) table: Table,
    pub(super) setting: String,
}

/// Which table it is in.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(super) enum Table {
    /// In none.
    #[default]
    Root,
    Default,
    Breaker(String),
}

impl Table {
    pub(super) fn of(breaker: Option<&str>) -> Table {
        breaker.map_or(Table::Default, |name| Table::Breaker(name.into()))
    }

    /// `breakers.orders.open_for.jitter`.
    fn path(&self, setting: &str) -> String {
        let table = match self {
            Table::Root => String::new(),
            Table::Default => "default".into(),
            Table::Breaker(name) => format!("breakers.{}", printable(name)),
        };
        match (&*table, setting) {
            ("", setting) => setting.into(),
            (table, "") => table.into(),
            (table, setting) => format!("{table}.{setting}"),
        }
    }
}

impl Place {
    pub(super) fn problem(
        self,
        fault: SettingsFault,
        value: &str,
        permitted: &str,
        is: &str,
    ) -> SettingsProblem {
        let path = match &self.variable {
            Some(variable) => printable(variable).into_owned(),
            None => self.table.path(&self.setting),
        };
        let says = match &*path {
            "" => is.to_string(),
            path => format!("{path} {is}"),
        };
        SettingsProblem {
            line: self.line,
            variable: self.variable,
            breaker: match self.table {
                Table::Breaker(name) => Some(name),
                Table::Root | Table::Default => None,
            },
            setting: self.setting,
            fault,
            value: value.into(),
            permitted: permitted.into(),
            says,
        }
    }

    /// `shown` is the value as it is printed.
    pub(super) fn refused(
        self,
        fault: SettingsFault,
        value: &str,
        shown: &str,
        permitted: &str,
    ) -> SettingsProblem {
        let is = format!("is {shown}, but must be {permitted}");
        self.problem(fault, value, permitted, &is)
    }
}

impl fmt::Display for SettingsProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        f.write_str(&self.says)
    }
}

/// Why settings could not be read. Every problem is in it.
///
/// ```
/// use tripcoil::config::{NamedSettings, SettingsFault};
///
/// let text = "[default]\nfailure_raet = 0.4\n\n[breakers.orders]\nslow_call = \"fast\"\nhistory = 0\n";
/// let error = NamedSettings::parse(text).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "invalid breaker settings:\n\
///      line 2: default.failure_raet is not a setting; did you mean failure_rate?\n\
///      line 5: breakers.orders.slow_call is \"fast\", but must be a duration such as \"10s\" or \"500ms\", or false to turn it off\n\
///      line 6: breakers.orders.history is 0, but must be from 1 to 65536"
/// );
/// let last = &error.problems()[2];
/// assert_eq!((last.line, last.breaker.as_deref(), &*last.setting), (Some(6), Some("orders"), "history"));
/// assert_eq!(last.fault, SettingsFault::Range);
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum SettingsError {
    /// The file could not be read.
    #[non_exhaustive]
    Unreadable {
        /// The path of the file.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// The text was refused.
    #[non_exhaustive]
    Invalid {
        /// The path of the file, if the text is from one.
        path: Option<PathBuf>,
        /// The problems, at least one, by line.
        problems: Vec<SettingsProblem>,
    },
}

impl SettingsError {
    /// Returns `Ok` if there are no problems.
    pub(super) fn of(
        path: Option<&Path>,
        mut problems: Vec<SettingsProblem>,
    ) -> Result<(), SettingsError> {
        if problems.is_empty() {
            return Ok(());
        }
        problems.sort_by(|a, b| (a.line, &a.says).cmp(&(b.line, &b.says)));
        problems.dedup();
        Err(SettingsError::Invalid {
            path: path.map(Path::to_path_buf),
            problems,
        })
    }

    /// Returns the problems of the text; none if the file could not be read.
    #[must_use]
    pub fn problems(&self) -> &[SettingsProblem] {
        match self {
            Self::Unreadable { .. } => &[],
            Self::Invalid { problems, .. } => problems,
        }
    }

    /// Returns the path of the file; `None` if the text is not from a file.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Unreadable { path, .. } => Some(path),
            Self::Invalid { path, .. } => path.as_deref(),
        }
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // a path is quoted, since it may hold anything
        match self {
            Self::Unreadable { path, .. } => {
                write!(f, "could not read the breaker settings {path:?}")
            }
            Self::Invalid { path, problems } => {
                f.write_str("invalid breaker settings")?;
                if let Some(path) = path {
                    write!(f, " in {path:?}")?;
                }
                f.write_str(":")?;
                problems.iter().try_for_each(|p| write!(f, "\n{p}"))
            }
        }
    }
}

impl Error for SettingsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unreadable { error, .. } => Some(error),
            Self::Invalid { .. } => None,
        }
    }
}
