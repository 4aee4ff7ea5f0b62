//! Registries that follow the settings.

use crate::classify::ErrIsFailure;
use crate::config::NamedSettings;
use crate::error::caught::caught;
use crate::integrations::live::follow::{Follow, Found, refusal, settings_of};
use crate::integrations::live::handle::{Live, locked};
use crate::integrations::live::reload::Reload;
use crate::integrations::registry::{NewRules, Registry, RegistryController};
use crate::{Breaker, Builder, Config, ConfigError};
use std::collections::VecDeque;
use std::fmt::Display;
use std::hash::Hash;
use std::sync::Arc;

type Template<K, C> = Arc<dyn Fn(&K, &NamedSettings) -> Builder<C> + Send + Sync>;

/// How many of the settings before are kept, for later keys that refuse the new ones.
const EARLIER: usize = 16;

struct Many<K, C> {
    controller: Arc<RegistryController<K, C>>,
    template: Template<K, C>,
    /// The settings that it has, and those before, the latest first. None before it follows.
    has: VecDeque<Arc<NamedSettings>>,
}

/// What new settings are for a key in use.
struct Seen {
    /// It has not taken the settings before: it was built by earlier ones, or kept its rules at a reload.
    behind: bool,
    /// `None` if there are none before, or the template panics.
    old: Option<Config>,
    /// `None` if the template panics.
    new: Option<Config>,
}

impl<K: Hash + Eq, C> Many<K, C> {
    fn seen(&self, key: &K, behind: bool, new: &NamedSettings) -> Seen {
        let of = |settings: &NamedSettings| settings_of(|| (self.template)(key, settings));
        let old = self.has.front().and_then(|old| of(old));
        let is_built_by_it = |old: &Config| old.validate().is_ok();
        Seen {
            behind: behind || !self.has.is_empty() && !old.as_ref().is_some_and(is_built_by_it),
            old,
            new: of(new),
        }
    }
}

/// Returns what the template says with the first of these settings that make a breaker, so that no call fails for want of
/// one. If there are none, what it says with the first of all is the caller's error.
fn built<K, C>(
    template: &Template<K, C>,
    key: &K,
    settings: &VecDeque<Arc<NamedSettings>>,
    newest: &NamedSettings,
) -> Builder<C> {
    let earlier = settings.iter().map(|earlier| &**earlier);
    for settings in [newest].into_iter().chain(earlier) {
        let builder = caught(|| template(key, settings));
        let valid = |builder: &Builder<C>| builder.settings().validate().is_ok();
        if let Some(builder) = builder.filter(valid) {
            return builder;
        }
    }
    template(key, newest)
}

impl<K, C> Follow for Many<K, C>
where
    K: Hash + Eq + Send + Sync + 'static,
    C: Send + Sync + 'static,
{
    fn check(&self, new: &NamedSettings, found: &mut Found) {
        self.controller.each_followed(|key, controller, behind| {
            let seen = self.seen(key, behind, new);
            // one that panics, or is behind, stops no other; it is reported when they are applied
            let Some(new) = seen.new.filter(|new| seen.old.as_ref() != Some(new)) else {
                return;
            };
            if seen.behind {
                return;
            }
            found.refused.extend(refusal(controller, &new));
            if let Some(old) = seen.old
                && !NamedSettings::is_fixed_alike(&old, &new)
            {
                let name = controller.observer().name().to_string();
                found.fixed.push((name, old, new));
            }
        });
    }

    fn apply(&mut self, new: &Arc<NamedSettings>, reload: &mut Reload) {
        let template = {
            let (template, earlier) = (self.template.clone(), self.has.clone());
            let newest = new.clone();
            Arc::new(move |key: &K| built(&template, key, &earlier, &newest))
        };
        let rules = |key: &K, behind: bool| {
            let seen = self.seen(key, behind, new);
            match seen.new {
                None => NewRules::Unknown,
                Some(rules) if seen.behind || seen.old.as_ref() != Some(&rules) => {
                    NewRules::These(Box::new(rules))
                }
                Some(_) => NewRules::Same,
            }
        };
        self.controller.renew(template, rules, |name, renewed| {
            let name = name.to_string();
            match renewed {
                Some(Ok(())) => reload.changed.push(name),
                Some(Err(error)) => reload.refused.push(error),
                None => reload.panicked.push(name),
            }
        });
        self.has.push_front(new.clone());
        self.has.truncate(EARLIER);
    }

    fn behind(&self, in_force: &Arc<NamedSettings>, names: &mut Vec<String>) {
        self.controller.each_followed(|key, controller, behind| {
            if self.seen(key, behind, in_force).behind {
                names.push(controller.observer().name().to_string());
            }
        });
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
    /// because it would wait for its own end. A key for which it panics keeps its rules, and is in
    /// [`Reload::panicked`](crate::live::Reload::panicked).
    ///
    /// A reload can check the keys in use only. If a later key refuses the new settings, or the template panics for it, its
    /// breaker is built by the latest settings before that make one, of the last 16: no call fails for want of a breaker.
    /// [`behind`](Self::behind) names such keys, and each reload tries them again.
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
        let mut many = Many {
            controller: controller.into(),
            template: Arc::new(template),
            has: VecDeque::new(),
        };
        let mut followers = locked(&self.shared.followers);
        let settings = self.settings();
        let mut found = Found::default();
        many.check(&settings, &mut found);
        if !found.refused.is_empty() {
            return Err(found.refused);
        }
        many.apply(&settings, &mut Reload::default());
        followers.push(Box::new(many));
        Ok(())
    }
}
