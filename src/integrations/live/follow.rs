//! What follows the settings.

#[cfg(feature = "registry")]
use crate::Builder;
use crate::config::NamedSettings;
#[cfg(feature = "registry")]
use crate::error::caught::caught;
use crate::{Config, ConfigError, Controller};
use std::sync::Arc;

/// What follows the settings.
pub(super) trait Follow: Send {
    /// Returns the rules that it would refuse; `None` if its template panicked.
    fn check(&self, old: &NamedSettings, new: &Arc<NamedSettings>) -> Option<Vec<ConfigError>>;

    /// Applies what has changed. Returns what was refused all the same.
    fn apply(
        &self,
        old: &NamedSettings,
        new: &Arc<NamedSettings>,
        changed: &mut Vec<String>,
    ) -> Vec<ConfigError>;

    /// Whether it is the breaker that was followed under that name.
    fn is(&self, name: &str) -> bool;
}

pub(super) struct One {
    pub(super) name: String,
    pub(super) controller: Arc<Controller>,
}

/// Returns the new rules with what is fixed on the running breaker.
fn upon(running: &Config, new: &Config) -> Config {
    Config {
        window: running.window.clone(),
        durations: running.durations,
        history: running.history,
        clock: running.clock.clone(),
        initial_state: running.initial_state,
        ..new.clone()
    }
}

/// Returns why a breaker would refuse new rules.
pub(super) fn refusal(controller: &Controller, new: &Config) -> Option<ConfigError> {
    let observer = controller.observer();
    let refused = upon(&observer.config(), new).validate().err();
    refused.map(|error| error.of_breaker(observer.name()))
}

impl Follow for One {
    fn check(&self, old: &NamedSettings, new: &Arc<NamedSettings>) -> Option<Vec<ConfigError>> {
        let rules = new.get(&self.name);
        if old.get(&self.name) == rules {
            return Some(Vec::new());
        }
        Some(refusal(&self.controller, rules).into_iter().collect())
    }

    fn apply(
        &self,
        old: &NamedSettings,
        new: &Arc<NamedSettings>,
        changed: &mut Vec<String>,
    ) -> Vec<ConfigError> {
        let rules = new.get(&self.name);
        if old.get(&self.name) == rules {
            return Vec::new();
        }
        let rules = rules.clone();
        match self.controller.reconfigure(|now| now.config(rules)) {
            Ok(()) => {
                changed.push(self.controller.observer().name().to_string());
                Vec::new()
            }
            Err(error) => vec![error],
        }
    }

    fn is(&self, name: &str) -> bool {
        self.name == name
    }
}

/// Returns the settings of a template, which is the user's code; `None` if it panics.
#[cfg(feature = "registry")]
pub(super) fn settings_of<C>(template: impl FnOnce() -> Builder<C>) -> Option<Config> {
    caught(|| template().settings().clone())
}
