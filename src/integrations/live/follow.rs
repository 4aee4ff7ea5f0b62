//! What follows the settings.

#[cfg(feature = "registry")]
use crate::Builder;
use crate::config::NamedSettings;
use crate::error::caught::caught;
use crate::integrations::live::reload::Reload;
use crate::{Config, ConfigError, Controller};
use std::sync::Arc;

/// Why new settings would not be applied.
#[derive(Default)]
pub(super) struct Found {
    /// The breakers that would have to be built anew: the name, its settings, and those that it is to have.
    pub(super) fixed: Vec<(String, Config, Config)>,
    pub(super) refused: Vec<ConfigError>,
}

/// What follows the settings. Each knows which it has: a reload that it missed is made up for by the next.
pub(super) trait Follow: Send {
    /// Adds why it would refuse the new settings.
    fn check(&self, new: &NamedSettings, found: &mut Found);

    /// Applies what has changed. What is refused all the same, and what panics, keeps its rules and is reported.
    fn apply(&mut self, new: &Arc<NamedSettings>, reload: &mut Reload);

    /// Adds the names of breakers that do not have the settings in force.
    fn behind(&self, in_force: &Arc<NamedSettings>, names: &mut Vec<String>);

    /// Whether it is the breaker that was followed under that name.
    fn is(&self, name: &str) -> bool;
}

pub(super) struct One {
    pub(super) name: String,
    pub(super) controller: Arc<Controller>,
    /// The settings that it has.
    pub(super) has: Arc<NamedSettings>,
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
    fn check(&self, new: &NamedSettings, found: &mut Found) {
        let (old, new) = (self.has.get(&self.name), new.get(&self.name));
        if old == new {
            return;
        }
        if !NamedSettings::is_fixed_alike(old, new) {
            found
                .fixed
                .push((self.name.clone(), old.clone(), new.clone()));
        }
        found.refused.extend(refusal(&self.controller, new));
    }

    fn apply(&mut self, new: &Arc<NamedSettings>, reload: &mut Reload) {
        let rules = new.get(&self.name);
        if self.has.get(&self.name) != rules {
            let rules = rules.clone();
            let name = || self.controller.observer().name().to_string();
            // its clock is the user's, and is read where new rules begin
            match caught(|| self.controller.reconfigure(|now| now.config(rules))) {
                Some(Ok(())) => reload.changed.push(name()),
                Some(Err(error)) => {
                    reload.refused.push(error);
                    return;
                }
                None => {
                    reload.panicked.push(name());
                    return;
                }
            }
        }
        self.has = new.clone();
    }

    fn behind(&self, in_force: &Arc<NamedSettings>, names: &mut Vec<String>) {
        if !Arc::ptr_eq(&self.has, in_force) {
            names.push(self.controller.observer().name().to_string());
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
