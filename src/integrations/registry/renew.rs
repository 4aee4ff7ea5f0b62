//! New settings for all breakers, present and future.

use crate::error::caught::caught;
use crate::integrations::registry::controller::RegistryController;
use crate::integrations::registry::slot::Template;
use crate::{Config, ConfigError};
use std::hash::Hash;

impl<K: Hash + Eq, C> RegistryController<K, C> {
    /// Sets the template, then the rules of the present breakers for which there are new ones. Changes of rules for all
    /// breakers stay in force, upon the new rules as upon the new template. Returns what was refused.
    pub(crate) fn renew(
        &self,
        template: Template<K, C>,
        rules: impl Fn(&K) -> Option<Config>,
        changed: &mut Vec<String>,
    ) -> Vec<ConfigError> {
        let _turn = self.shared.turn();
        // first, so that no key is missed: one that comes from here on comes with the new settings
        self.shared.retemplate(template);
        let (all, changes) = {
            let seats = self.shared.seats();
            (seats.all().0, seats.changes.clone())
        };
        let mut refused = Vec::new();
        for slot in all {
            let Some(rules) = rules(&slot.key) else {
                continue;
            };
            if let Err(error) = slot.controller.reconfigure(|now| now.config(rules)) {
                refused.push(error);
                continue;
            }
            for change in &changes {
                // as at a first use: one that refuses keeps its rules
                let _refused = caught(|| slot.controller.reconfigure(|now| change(now)));
            }
            changed.push(slot.controller.observer().name().to_string());
        }
        refused
    }
}
