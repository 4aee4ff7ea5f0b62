//! Registries that follow the settings.

use crate::classify::ErrIsFailure;
use crate::config::NamedSettings;
use crate::integrations::live::follow::{Follow, refusal, settings_of};
use crate::integrations::live::handle::{Live, locked};
use crate::integrations::registry::{Registry, RegistryController};
use crate::{Breaker, Builder, Config, ConfigError};
use std::fmt::Display;
use std::hash::Hash;
use std::sync::Arc;

type Template<K, C> = Arc<dyn Fn(&K, &NamedSettings) -> Builder<C> + Send + Sync>;

struct Many<K, C> {
    controller: Arc<RegistryController<K, C>>,
    template: Template<K, C>,
}

impl<K: Hash + Eq, C> Many<K, C> {
    /// Returns the new settings of a key if they are others than before; an inner `None` if the template panicked.
    fn changed(
        &self,
        key: &K,
        old: Option<&NamedSettings>,
        new: &NamedSettings,
    ) -> Option<Option<Config>> {
        let new = settings_of(|| (self.template)(key, new))?;
        let old = match old {
            Some(old) => Some(settings_of(|| (self.template)(key, old))?),
            None => None,
        };
        Some(Some(new).filter(|new| old.as_ref() != Some(new)))
    }
}

impl<K, C> Many<K, C>
where
    K: Hash + Eq + Send + Sync + 'static,
    C: Send + Sync + 'static,
{
    fn refused(
        &self,
        old: Option<&NamedSettings>,
        new: &NamedSettings,
    ) -> Option<Vec<ConfigError>> {
        let mut refused = Some(Vec::new());
        self.controller.each(|key, controller, _| {
            match (self.changed(key, old, new), &mut refused) {
                (Some(Some(rules)), Some(refused)) => refused.extend(refusal(controller, &rules)),
                (None, _) => refused = None,
                _ => {}
            }
        });
        refused
    }

    fn renew(
        &self,
        old: Option<&NamedSettings>,
        new: &Arc<NamedSettings>,
        changed: &mut Vec<String>,
    ) -> Vec<ConfigError> {
        let (template, settings) = (self.template.clone(), new.clone());
        let template = Arc::new(move |key: &K| template(key, &settings));
        // one whose template panics now, and did not when it was checked, keeps its rules
        let rules = |key: &K| self.changed(key, old, new).flatten();
        self.controller.renew(template, rules, changed)
    }
}

impl<K, C> Follow for Many<K, C>
where
    K: Hash + Eq + Send + Sync + 'static,
    C: Send + Sync + 'static,
{
    fn check(&self, old: &NamedSettings, new: &Arc<NamedSettings>) -> Option<Vec<ConfigError>> {
        self.refused(Some(old), new)
    }

    fn apply(
        &self,
        old: &NamedSettings,
        new: &Arc<NamedSettings>,
        changed: &mut Vec<String>,
    ) -> Vec<ConfigError> {
        self.renew(Some(old), new, changed)
    }

    fn is(&self, _name: &str) -> bool {
        false
    }
}

/// Registries.
impl Live {
    /// Builds a registry whose breakers have the settings of their keys: those of `[breakers.KEY]`, or else of
    /// `[default]`. Each has its key as its name. It follows a reload: keys in use get the new rules, and later ones are
    /// built with the new settings.
    ///
    /// For a capacity, hooks, a classifier, or other names, use [`follow_registry`](Self::follow_registry).
    ///
    /// ```
    /// use tripcoil::live::Live;
    ///
    /// let live = Live::new("[default]\n[breakers.eu]\nfailure_rate = 0.4\n".parse()?);
    /// let (registry, _controller) = live.registry::<String>();
    /// let rate = |key: &str| registry.get(key).map(|breaker| breaker.observer().config().failure_rate);
    /// assert_eq!((rate("eu")?, rate("us")?), (Some(0.4), Some(0.5)));
    ///
    /// let reload = live.replace("[default]\n[breakers.eu]\nfailure_rate = 0.3\n".parse()?)?;
    /// assert_eq!(reload.changed, ["eu"]);
    /// assert_eq!((rate("eu")?, rate("us")?), (Some(0.3), Some(0.5)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn registry<K>(&self) -> (Registry<K>, Arc<RegistryController<K>>)
    where
        K: Hash + Eq + Display + Send + Sync + 'static,
    {
        let of_key = |key: &K, settings: &NamedSettings| {
            let name = key.to_string();
            let config = settings.get(&name).clone();
            Breaker::builder(name).config(config)
        };
        let settings = self.settings();
        let template = move |key: &K| of_key(key, &settings);
        let (registry, controller) =
            Registry::<K, ErrIsFailure>::builder(template).build_with_controller();
        let controller = Arc::new(controller);
        // it has no key that could refuse
        let _empty = self.follow_registry(controller.clone(), of_key);
        (registry, controller)
    }

    /// Lets a registry follow the settings: now, and at each reload, for as long as this exists. `template` replaces the
    /// registry's own, and returns the settings of a key's breaker.
    ///
    /// Overrides and changes of rules for all breakers stay in force, on top of the settings. So do rules that one key
    /// was given by hand, until a reload changes the settings of that key.
    ///
    /// The template is called for each key at a reload. It must not reload these settings, nor let anything follow them,
    /// because it would wait for its own end.
    ///
    /// # Errors
    ///
    /// Returns the breakers in use that refuse their rules. Then the registry is unchanged, and does not follow.
    /// Breakers for which the template panics keep their rules.
    ///
    /// ```
    /// use tripcoil::Breaker;
    /// use tripcoil::live::Live;
    /// use tripcoil::registry::Registry;
    ///
    /// // a tenant and a route; the settings are those of the route
    /// type Key = (u32, &'static str);
    /// let live = Live::new("[default]\n[breakers.search]\nfailure_rate = 0.4\n".parse()?);
    /// let (registry, controller) = Registry::builder(|key: &Key| Breaker::builder(key.1))
    ///     .capacity(50_000)
    ///     .build_with_controller();
    /// live.follow_registry(controller, |key: &Key, settings| {
    ///     Breaker::builder(format!("{} {}", key.0, key.1)).config(settings.get(key.1).clone())
    /// })
    /// .map_err(|refused| refused[0].clone())?;
    /// assert_eq!(registry.get(&(7, "search"))?.observer().config().failure_rate, Some(0.4));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn follow_registry<K, C>(
        &self,
        controller: impl Into<Arc<RegistryController<K, C>>>,
        template: impl Fn(&K, &NamedSettings) -> Builder<C> + Send + Sync + 'static,
    ) -> Result<(), Vec<ConfigError>>
    where
        K: Hash + Eq + Send + Sync + 'static,
        C: Send + Sync + 'static,
    {
        let many = Many {
            controller: controller.into(),
            template: Arc::new(template),
        };
        let mut followers = locked(&self.shared.followers);
        let settings = self.settings();
        let refused = many.refused(None, &settings).unwrap_or_default();
        if !refused.is_empty() {
            return Err(refused);
        }
        many.renew(None, &settings, &mut Vec::new());
        followers.all.push(Box::new(many));
        Ok(())
    }
}
