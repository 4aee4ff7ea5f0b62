//! The operator's handle for all breakers of a registry.

use crate::integrations::registry::seats::Override;
use crate::integrations::registry::shared::Shared;
use crate::{Builder, ConfigError, Controller, ErrIsFailure, Rules};
use core::fmt;
use std::borrow::Borrow;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

/// Changes state and rules: of one key's breaker, or of all.
///
/// What it says of *all* in an override or in rules holds for breakers that are made later too:
/// a tenant that is new during an incident meets the same as the others. Operations on all are made
/// one after another.
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
    /// Operate on the breaker of one key, which is made if there is none. Rules that are changed
    /// here are forgotten with the breaker: see [`reconfigure`](Self::reconfigure).
    ///
    /// # Errors
    ///
    /// Those of the template, where the breaker has to be made and cannot be.
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

    /// Change the rules of one key's breaker, which is made if there is none, and is from then on
    /// not evicted.
    ///
    /// # Errors
    ///
    /// Those of the template, and every problem of what would be the rules, which then stay.
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

    /// Forget one key's breaker, whatever its state and rules: its endpoint is gone. Calls under way
    /// end in it; a look-up before they have ended keeps it. False, and nothing changes, where there
    /// is none or somebody holds a handle of it.
    pub fn forget<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.shared.forget(key)
    }

    /// [`Controller::force_open`] for all, and for those made from now on. How many it changed.
    pub fn force_open_all(&self) -> usize {
        self.override_all(Override::ForcedOpen)
    }

    /// [`Controller::disable`] for all, and for those made from now on. How many it changed.
    pub fn disable_all(&self) -> usize {
        self.override_all(Override::Disabled)
    }

    /// [`Controller::observe_only`] for all, and for those made from now on. How many it changed.
    pub fn observe_only_all(&self) -> usize {
        self.override_all(Override::ObserveOnly)
    }

    fn override_all(&self, standing: Override) -> usize {
        let put = |controller: &Controller| standing.put_upon(controller);
        self.shared.operate(Some(Some(standing)), put)
    }

    /// [`Controller::release`] for all; those made from now on are as the template says. How many
    /// it changed.
    pub fn release_all(&self) -> usize {
        self.shared.operate(Some(None), Controller::release)
    }

    /// [`Controller::reset`] for all; those made from now on are as the template says. How many it
    /// changed.
    pub fn reset_all(&self) -> usize {
        self.shared.operate(Some(None), Controller::reset)
    }

    /// [`Controller::trip`] for all that are there. How many it changed.
    pub fn trip_all(&self) -> usize {
        self.shared.operate(None, Controller::trip)
    }

    /// [`Controller::trip_for`] for all that are there. How many it changed.
    pub fn trip_all_for(&self, wait: Duration) -> usize {
        let trip = |controller: &Controller| controller.trip_for(wait);
        self.shared.operate(None, trip)
    }

    /// [`Controller::half_open`] for all that are there. How many it changed.
    pub fn half_open_all(&self) -> usize {
        self.shared.operate(None, Controller::half_open)
    }

    /// Change the rules of all, and of those made from now on, on top of what the template and
    /// earlier changes say. Those that refuse keep their rules, and are told with every problem; so
    /// does, untold, a later one. Each change is kept as long as the registry: it is meant for an
    /// operator, not for a loop.
    ///
    /// `change` is called once a breaker, and must not itself operate on all breakers: it would wait
    /// for its own end.
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
        let refused = self.shared.reconfigure(Arc::new(change));
        let told = refused.into_iter();
        told.map(|(slot, error)| (slot.key.clone(), error))
            .collect()
    }

    /// Another template, for keys that are first used from now on: once this has returned, no breaker
    /// is added that was built of an earlier one. Those that are there stay as they are, and what was
    /// said of all stands, on top of the new one as of the old.
    ///
    /// With what [`on`](Self::on) changes for those that are there, this is how rules come from a file
    /// that is edited: see the example `live_config`.
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
