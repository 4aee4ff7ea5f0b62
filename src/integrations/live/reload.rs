//! The result of a reload.

use crate::ConfigError;
use crate::config::SettingsError;
use std::error::Error;
use std::fmt;

/// What was applied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reload {
    /// The names of the breakers with new rules, in their order.
    pub changed: Vec<String>,
    /// Why breakers kept their rules though all else was applied: those that came while the settings were being checked, and
    /// keys that had refused the settings before too. The next reload tries them again.
    pub refused: Vec<ConfigError>,
    /// The names of the breakers that kept their rules because the code of a template or of a clock panicked, in their
    /// order. The next reload tries them again.
    pub panicked: Vec<String>,
}

fn listed(f: &mut fmt::Formatter<'_>, names: &[String]) -> fmt::Result {
    for (n, name) in names.iter().enumerate() {
        write!(f, "{}{name:?}", if n == 0 { "" } else { ", " })?;
    }
    Ok(())
}

impl fmt::Display for Reload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.changed {
            [] => f.write_str("no breaker in use has new rules")?,
            names => {
                f.write_str("new rules for ")?;
                listed(f, names)?;
            }
        }
        if !self.panicked.is_empty() {
            f.write_str("; the old ones stay, after a panic, for ")?;
            listed(f, &self.panicked)?;
        }
        if !self.refused.is_empty() {
            f.write_str("; breakers refused theirs, and keep the old ones")?;
        }
        self.refused
            .iter()
            .try_for_each(|error| write!(f, "\n{error}"))
    }
}

/// Why settings were not applied. No rule has changed.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReloadError {
    /// The file, or its text, was refused; or something differs that is fixed when a breaker is built.
    Settings(SettingsError),
    /// Breakers refused their new rules. Such a breaker was built with other fixed settings than those of the file: with a
    /// count window, for example, which has no outage rule.
    Refused(Vec<ConfigError>),
    /// The `refine` of [`Live::open_with`](crate::live::Live::open_with) panicked. The text is tried again at the next look.
    RefinePanicked,
    /// There is no file to read: the settings were passed to [`Live::new`](crate::live::Live::new).
    NoFile,
}

impl fmt::Display for ReloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settings(error) => error.fmt(f),
            Self::Refused(errors) => {
                f.write_str("breakers refused their new rules")?;
                errors.iter().try_for_each(|error| write!(f, "\n{error}"))
            }
            Self::RefinePanicked => f.write_str("the code that refines the settings panicked"),
            Self::NoFile => f.write_str("these settings are not from a file"),
        }
    }
}

impl Error for ReloadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            // its text is shown
            Self::Settings(error) => error.source(),
            _ => None,
        }
    }
}

impl From<SettingsError> for ReloadError {
    fn from(error: SettingsError) -> ReloadError {
        ReloadError::Settings(error)
    }
}
