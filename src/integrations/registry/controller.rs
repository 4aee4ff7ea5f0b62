//! The operator's handle for all breakers of a registry.

use crate::classify::ErrIsFailure;
use crate::config::Rules;
use crate::integrations::registry::seats::Override;
use crate::integrations::registry::shared::Shared;
use crate::{Builder, ConfigError, Controller};
use core::fmt;
use std::borrow::Borrow;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

/// Changes the state and the rules of one key's breaker, or of all breakers.
///
/// An override or a change of rules for *all* breakers also applies to breakers that are created
/// later: a tenant that is new during an incident gets the same treatment as the others. Operations
/// on all breakers run one after another.
///
/// ```
/// use tripcoil::{Breaker, State};
/// use tripcoil::registry::Registry;
///
/// let (registry, controller) = Registry::builder(|host: &String| Breaker::builder(host.as_str()))
///     .build_with_controller();
/// registry.get("a.example")?;
/// assert_eq!(controller.force_open_all(), 1);
/// assert_eq!(registry.get("b.example")?.state(), State::ForcedOpen);
/// assert!(controller.on("a.example", |a| a.release())?);
/// assert_eq!(controller.release_all(), 1);
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
pub struct RegistryController<K, C = ErrIsFailure> {
    pub(super) shared: Arc<Shared<K, C>>,
}

impl<K, C> fmt::Debug for RegistryController<K, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.debug("RegistryController", f)
    }
}

impl<K: Hash + Eq, C> RegistryController<K, C> {
    /// Operates on the breaker of one key, and creates it if necessary.
    ///
    /// Rules that are changed here are forgotten with the breaker: see
    /// [`reconfigure`](Self::reconfigure).
    ///
    /// # Errors
    ///
    /// Returns the template's errors if the breaker cannot be created.
    pub fn on<Q, R>(
        &self,
        key: &Q,
        operation: impl FnOnce(&Controller) -> R,
    ) -> Result<R, ConfigError>
    where
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
        K: Borrow<Q>,
    {
        let slot = match self.shared.find(key) {
            Some(slot) => slot,
            None => self.shared.make(key)?,
        };
        Ok(operation(&slot.controller))
    }

    /// Calls `see` with each key and its breaker's controller, without a lock, and with what keeps the breaker from being evicted
    /// for the rules that it was given.
    #[cfg(any(feature = "fleet", feature = "operate"))]
    pub(crate) fn each(&self, mut see: impl FnMut(&K, &Controller, &dyn Fn())) {
        for slot in self.shared.all() {
            see(&slot.key, &slot.controller, &|| slot.kept.set(true));
        }
    }

    /// Changes the rules of one key's breaker, and creates it if necessary. From then on it is not
    /// evicted.
    ///
    /// # Errors
    ///
    /// Returns the template's errors if the breaker cannot be created, and every problem of the
    /// resulting rules. The rules in force then stay as they are.
    pub fn reconfigure<Q>(
        &self,
        key: &Q,
        change: impl FnOnce(Rules) -> Rules,
    ) -> Result<(), ConfigError>
    where
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
        K: Borrow<Q>,
    {
        let slot = match self.shared.find(key) {
            Some(slot) => slot,
            None => self.shared.make(key)?,
        };
        slot.controller.reconfigure(change)?;
        // it cannot be evicted before, since it is held here
        slot.kept.set(true);
        Ok(())
    }

    /// Forgets one key's breaker, whatever its state and rules, because its endpoint is gone. Without a breaker, it
    /// forgets the key's saved state, if one waits for its first use (see `RegistryBuilder::restore`, feature `persist`).
    ///
    /// Calls under way still end in it, and so do readings of all breakers, such as a save. A look-up before they have
    /// ended keeps the breaker. From here on it is not saved.
    ///
    /// Returns `false`, and changes nothing, if there is neither or a handle of the breaker is in use: a clone, a permit,
    /// or an asynchronous call that was polled.
    pub fn forget<Q>(&self, key: &Q) -> bool
    where
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
        K: Borrow<Q>,
    {
        self.shared.forget(key)
    }

    /// Calls [`Controller::force_open`] for all breakers, present and future. Returns how many it
    /// changed.
    pub fn force_open_all(&self) -> usize {
        self.override_all(Override::ForcedOpen)
    }

    /// Calls [`Controller::disable`] for all breakers, present and future. Returns how many it
    /// changed.
    pub fn disable_all(&self) -> usize {
        self.override_all(Override::Disabled)
    }

    /// Calls [`Controller::observe_only`] for all breakers, present and future. Returns how many it
    /// changed.
    pub fn observe_only_all(&self) -> usize {
        self.override_all(Override::ObserveOnly)
    }

    fn override_all(&self, standing: Override) -> usize {
        let put = |controller: &Controller| standing.put_upon(controller);
        self.shared.operate(Some(Some(standing)), put)
    }

    /// Calls [`Controller::release`] for all breakers; later ones start as the template says.
    /// Returns how many it changed.
    pub fn release_all(&self) -> usize {
        #[cfg(feature = "persist")]
        self.shared.waiting.release();
        self.shared.operate(Some(None), Controller::release)
    }

    /// Calls [`Controller::reset`] for all breakers; later ones start as the template says. Returns
    /// how many it changed.
    pub fn reset_all(&self) -> usize {
        #[cfg(feature = "persist")]
        self.shared.waiting.clear();
        self.shared.operate(Some(None), Controller::reset)
    }

    /// Calls [`Controller::trip`] for all present breakers. Returns how many it changed.
    pub fn trip_all(&self) -> usize {
        self.shared.operate(None, Controller::trip)
    }

    /// Calls [`Controller::trip_for`] for all present breakers. Returns how many it changed.
    pub fn trip_all_for(&self, wait: Duration) -> usize {
        let trip = |controller: &Controller| controller.trip_for(wait);
        self.shared.operate(None, trip)
    }

    /// Calls [`Controller::half_open`] for all present breakers. Returns how many it changed.
    pub fn half_open_all(&self) -> usize {
        self.shared.operate(None, Controller::half_open)
    }

    /// Changes the rules of all breakers, present and future, on top of the template and of earlier
    /// changes. Returns the breakers that refused the change, with every problem; they keep their
    /// rules.
    ///
    /// A breaker that is created later and refuses the change keeps its rules too, without a
    /// report. Each change is kept as long as the registry exists, so do not call this in a loop.
    ///
    /// `change` is called once per breaker. It must not itself operate on all breakers, because it
    /// would wait for its own end.
    ///
    /// ```
    /// # use tripcoil::registry::Registry;
    /// let (registry, controller) = Registry::<u32>::from_config(Default::default())?.build_with_controller();
    /// registry.get(&1)?;
    /// assert!(controller.reconfigure_all(|rules| rules.failure_rate(0.2)).is_empty());
    /// let refused = controller.reconfigure_all(|rules| rules.failure_rate(20.0));
    /// assert_eq!(refused[0].0, 1);
    /// # Ok::<(), tripcoil::ConfigError>(())
    /// ```
    #[must_use = "some may have refused"]
    pub fn reconfigure_all(
        &self,
        change: impl Fn(Rules) -> Rules + Send + Sync + 'static,
    ) -> Vec<(K, ConfigError)>
    where
        K: Clone,
    {
        self.shared.reconfigure(Arc::new(change))
    }

    /// Replaces the template for keys that are first used from now on. Once this has returned, no
    /// breaker built from an earlier template is added.
    ///
    /// Present breakers are unchanged. Overrides and changes of rules for all breakers stay in
    /// force, on top of the new template.
    ///
    /// Together with [`on`](Self::on) for present breakers, this applies rules that come from elsewhere. For those of a
    /// file that is edited there is `live::Live` (feature `settings`).
    ///
    /// ```
    /// use tripcoil::{Breaker, Config};
    /// use tripcoil::registry::Registry;
    ///
    /// let (registry, controller) = Registry::<String>::from_config(Config::default())?.build_with_controller();
    /// registry.get("eu")?;
    ///
    /// let careful = Config { consecutive_failures: Some(1), ..Config::default() };
    /// let rules = careful.clone();
    /// controller.retemplate(move |key| Breaker::builder(key.as_str()).config(careful.clone()));
    /// let mut there = Vec::new();
    /// registry.for_each(|key, _| there.push(key.clone()));
    /// for key in &there {
    ///     controller.on(key, |one| one.reconfigure(|r| r.config(rules.clone())))??;
    /// }
    ///
    /// for key in ["eu", "us"] {
    ///     let _ = registry.call(key, || Err::<(), _>("down"));
    ///     assert!(registry.get(key)?.try_acquire().is_err());
    /// }
    /// # Ok::<(), tripcoil::ConfigError>(())
    /// ```
    pub fn retemplate(&self, template: impl Fn(&K) -> Builder<C> + Send + Sync + 'static) {
        self.shared.retemplate(Arc::new(template));
    }
}
