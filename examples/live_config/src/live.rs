//! A registry whose rules come from a file, and follow its edits.

use crate::settings::{Problem, Settings};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fmt, fs, io};
use tripcoil::registry::{Registry, RegistryController};
use tripcoil::{Breaker, Builder, ConfigError};

pub(crate) struct Live {
    file: PathBuf,
    registry: Registry<String>,
    controller: RegistryController<String>,
    settings: Arc<Settings>,
    /// The text read last; `None` if the file could not be read.
    text: Option<String>,
}

/// The result of reading the file. Except for `Taken`, all rules are unchanged.
#[derive(Debug)]
pub(crate) enum Look {
    /// The file has not changed.
    Same,
    /// The file is in force; these keys in use have new rules.
    Taken(Vec<String>),
    /// Every problem of the file.
    Refused(BTreeSet<Problem>),
    /// The file could not be read.
    Unread(io::Error),
}

impl Look {
    /// Whether the file differs from the rules in force.
    pub(crate) fn left_out(&self) -> bool {
        matches!(self, Look::Refused(_) | Look::Unread(_))
    }
}

impl fmt::Display for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Look::Same => write!(f, "nothing new"),
            Look::Taken(keys) if keys.is_empty() => write!(f, "taken: no key in use is touched"),
            Look::Taken(keys) => write!(f, "taken: new rules for {}", keys.join(", ")),
            Look::Refused(problems) => {
                write!(f, "refused:")?;
                problems.iter().try_for_each(|p| write!(f, "\n  {p}"))
            }
            Look::Unread(error) => write!(f, "not to be read: {error}"),
        }
    }
}

impl Live {
    /// Starts from the file, which must exist and be valid: there are no earlier rules.
    pub(crate) fn new(file: &Path) -> Result<Live, Look> {
        let text = fs::read_to_string(file).map_err(Look::Unread)?;
        let settings = Settings::read(&text, None).map_err(Look::Refused)?;
        let settings = Arc::new(settings);
        let (registry, controller) = Registry::builder(template(&settings)).build_with_controller();
        Ok(Live {
            file: file.into(),
            registry,
            controller,
            settings,
            text: Some(text),
        })
    }

    pub(crate) fn registry(&self) -> &Registry<String> {
        &self.registry
    }

    /// Reads the file again, and applies it if all of it is valid.
    ///
    /// # Errors
    ///
    /// Returns an error if a breaker refuses rules that were found valid, which would be a bug.
    pub(crate) fn look(&mut self) -> Result<Look, ConfigError> {
        let text = match fs::read_to_string(&self.file) {
            Ok(text) => text,
            Err(_) if self.text.is_none() => return Ok(Look::Same),
            Err(error) => {
                self.text = None;
                return Ok(Look::Unread(error));
            }
        };
        if self.text.as_ref() == Some(&text) {
            return Ok(Look::Same);
        }
        let read = Settings::read(&text, Some(&self.settings));
        self.text = Some(text);
        match read {
            Ok(settings) => self.take(settings).map(Look::Taken),
            Err(problems) => Ok(Look::Refused(problems)),
        }
    }

    fn take(&mut self, settings: Settings) -> Result<Vec<String>, ConfigError> {
        let old = std::mem::replace(&mut self.settings, Arc::new(settings));
        // first, so that no key is missed: one that comes from here on comes with the new rules
        self.controller.retemplate(template(&self.settings));
        let mut keys = Vec::new();
        self.registry.for_each(|key, _| keys.push(key.clone()));
        keys.retain(|key| !self.settings.agree(&old, key));
        keys.sort();
        for key in &keys {
            let config = self.settings.of(key).clone();
            // not the registry's `reconfigure`: what it changes is kept for good, and this is in the
            // template too
            self.controller
                .on(key, |one| one.reconfigure(|rules| rules.config(config)))??;
        }
        Ok(keys)
    }
}

fn template(settings: &Arc<Settings>) -> impl Fn(&String) -> Builder + Send + Sync + 'static {
    let settings = settings.clone();
    move |key| Breaker::builder(key.as_str()).config(settings.of(key).clone())
}
