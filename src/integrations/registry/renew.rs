//! New settings for all breakers, present and future.

use crate::config::Rules;
use crate::error::caught::caught;
use crate::integrations::registry::controller::RegistryController;
use crate::integrations::registry::seats::Change;
use crate::integrations::registry::slot::Template;
use crate::{Config, ConfigError, Controller};
use std::hash::Hash;

/// What the new settings are for a key.
pub(crate) enum NewRules {
    /// As before.
    Same,
    These(Box<Config>),
    /// The code for them panicked.
    Unknown,
}

/// Returns the rules with those changes upon them that do not refuse.
fn changed(running: &Config, rules: &Config, changes: &[Change]) -> Config {
    let upon = |rules: &Config| Rules::unchanged().config(rules.clone()).upon(running);
    let mut all = upon(rules);
    for change in changes {
        // as at a first use: one that refuses is left out, and one that panics too
        let next = caught(|| change(Rules::unchanged()).upon(&all));
        if let Some(next) = next.filter(|next| next.validate().is_ok()) {
            all = next;
        }
    }
    all
}

/// Sets them at once: without the changes, if only for a moment, a rule may trip.
fn reconfigure(
    controller: &Controller,
    rules: &Config,
    changes: &[Change],
) -> Result<(), ConfigError> {
    let running = controller.observer().config();
    let all = changed(&running, rules, changes);
    controller.reconfigure(|now| now.config(all))
}

impl<K: Hash + Eq, C> RegistryController<K, C> {
    /// Calls `see` with each key, its breaker's controller, and whether it has missed new rules.
    pub(crate) fn each_followed(&self, mut see: impl FnMut(&K, &Controller, bool)) {
        for slot in self.shared.all() {
            see(&slot.key, &slot.controller, slot.behind.get());
        }
    }

    /// Sets the template, then the rules of the present breakers for which there are new ones; `rules` gets the key, and
    /// whether it has missed new rules before. Changes of rules for all breakers stay in force, upon the new rules as upon the
    /// new template. `report` gets the name of each with new rules, and what became of it: `None` if the user's code
    /// panicked.
    pub(crate) fn renew(
        &self,
        template: Template<K, C>,
        rules: impl Fn(&K, bool) -> NewRules,
        mut report: impl FnMut(&str, Option<Result<(), ConfigError>>),
    ) {
        let _turn = self.shared.turn();
        // first, so that no key is missed: one that comes from here on comes with the new settings
        self.shared.retemplate(template);
        let changes = self.shared.seats().changes.clone();
        for slot in self.shared.all() {
            let renewed = match rules(&slot.key, slot.behind.get()) {
                NewRules::Same => continue,
                NewRules::These(rules) => {
                    caught(|| reconfigure(&slot.controller, &rules, &changes))
                }
                NewRules::Unknown => None,
            };
            slot.behind.set(!matches!(renewed, Some(Ok(()))));
            report(slot.breaker.name(), renewed);
        }
    }
}
