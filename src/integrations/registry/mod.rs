//! A breaker per key: per endpoint, tenant or method.
//!
//! A [`Registry`] creates a key's breaker on first use, from a template, and finds it again without
//! a lock. It keeps about [as many breakers as its capacity](RegistryBuilder::capacity). Beyond
//! that, first uses forget breakers that are closed and have been idle.
//!
//! A breaker is never forgotten while that would lose protection or settings:
//!
//! - while it is open, half-open or under an override;
//! - until it has been closed for [`reset_after`](crate::Backoff::reset_after), because its next
//!   wait would be longer than the first;
//! - if it has rules of its own;
//! - if an operator has released it from an override that the next breaker of its key would be under
//!   again: one of the template, or of all keys;
//! - while it can be used from outside: by a clone of it, a local handle, a permit or a call under
//!   way.
//!
//! A closed breaker takes its window with it: failures of a key that is called very rarely do not
//! add up. If there is nothing left to forget, the registry grows, because it never refuses
//! protection; [`Aggregate::over_capacity`] shows by how much.
//!
//! ```
//! use std::time::Duration;
//! use tripcoil::{Breaker, CallError};
//! use tripcoil::registry::Registry;
//!
//! let registry = Registry::builder(|host: &String| {
//!     Breaker::builder(host.as_str()).failure_rate(0.5).open_for(Duration::from_secs(30))
//! })
//! .capacity(1_000)
//! .build();
//!
//! match registry.call("eu.example", || "200".parse::<u16>()) {
//!     Ok(status) => println!("{status}"),
//!     Err(CallError::Rejected(r)) => println!("eu is down, retry after {:?}", r.retry_after()),
//!     Err(e) => println!("called, and failed: {e}"),
//! }
//! assert_eq!(registry.aggregate().totals.successes, 1);
//! ```
//!
//! In front of a tower service, a closure with [`Registry::get`] picks each request's breaker: see
//! *A breaker per key* in the module `tower`.
//!
//! # One breaker per key
//!
//! Threads that use a key first at the same time get the same breaker; the template may be called
//! by each of them. A breaker is removed only when no call is under way in it and no handle of it
//! exists. So a key never has two breakers in use, and [`Registry::aggregate`] has every outcome,
//! including those of forgotten breakers.
//!
//! # Keys that never return
//!
//! If an endpoint goes away while its breaker is open, the breaker stays open: it is no longer
//! called, and open breakers are not evicted. Call [`RegistryController::forget`] when discovery
//! drops an endpoint. For the same reason, take keys from configuration or discovery, or check them
//! first: a client that can choose keys freely and make their calls fail can fill the memory.
//!
//! # Cost
//!
//! [`call`](Registry::call) and [`with`](Registry::with) find the breaker in a lock-free map and
//! borrow it, without writing a reference count that threads would share. A lock is taken only by
//! first uses, sweeps, readings of all breakers, and look-ups of a key that is absent or about to
//! be forgotten. Under that lock, the only code of the user's is the key's `Eq` and a custom
//! clock's source.
//!
//! While a borrow lasts, idle breakers can leave the map, but their memory is freed after it ends.
//! At most 1024 breakers wait like that, and those that an operator has forgotten; then the registry grows instead. For a call that may hang
//! for long, use [`get`](Registry::get) or [`call_async`](Registry::call_async), which keep only
//! their own breaker alive.

mod aggregate;
mod controller;
mod map;
mod outliers;
#[cfg(feature = "settings")]
mod renew;
mod reports;
#[cfg(feature = "persist")]
mod saving;
mod seats;
mod shared;
mod slot;
#[cfg(feature = "persist")]
mod waiting;

pub use self::aggregate::Aggregate;
pub use self::controller::RegistryController;
pub use self::outliers::Outlier;
#[cfg(feature = "settings")]
pub(crate) use self::renew::NewRules;
#[cfg(any(feature = "health", feature = "metrics", feature = "tracing"))]
pub(crate) use self::reports::Move;
#[cfg(not(any(feature = "health", feature = "metrics", feature = "tracing")))]
use self::reports::Move;
use self::reports::Report;
#[cfg(feature = "persist")]
pub use self::saving::{SaveReport, Saving};
use self::shared::Shared;
use self::slot::{Slot, Template};
use crate::call::NoBreaker;
use crate::classify::ErrIsFailure;
use crate::config::Problem;
use crate::sync::atomic::Counted;
use crate::{Breaker, Builder, CallError, Classify, Config, ConfigError, Observer};
use std::borrow::Borrow;
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;

/// The default capacity.
const CAPACITY: usize = 10_000;

/// Breakers by key. Clones are cheap and share the same breakers. See the [module](self).
///
/// `Hash`, `Eq` and `Drop` of a key must not use the registry that it is in.
pub struct Registry<K, C = ErrIsFailure> {
    shared: Arc<Shared<K, C>>,
}

impl<K, C> fmt::Debug for Registry<K, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.debug("Registry", f)
    }
}

impl<K, C> Clone for Registry<K, C> {
    fn clone(&self) -> Self {
        Registry {
            shared: self.shared.clone(),
        }
    }
}

/// Builds a [`Registry`].
#[must_use = "a builder builds nothing until `build` is called"]
pub struct RegistryBuilder<K, C = ErrIsFailure> {
    capacity: usize,
    template: Template<K, C>,
    hooks: Vec<Arc<Report<K>>>,
    max_tripped: Option<f64>,
    #[cfg(feature = "persist")]
    saving: self::waiting::Saving<K>,
}

impl<K, C> fmt::Debug for RegistryBuilder<K, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryBuilder")
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}

impl<K: Hash + Eq, C> RegistryBuilder<K, C> {
    /// Sets the number of breakers at which first uses begin to forget idle ones, by default
    /// 10,000. The registry may grow beyond it: see the [module](self).
    pub fn capacity(mut self, breakers: usize) -> Self {
        self.capacity = breakers;
        self
    }

    /// Lets a rule trip a breaker only if at most this share of the keys is tripped then, in `(0, 1]`. By default there
    /// is no bound.
    ///
    /// Where most endpoints fail at once, the fault is often elsewhere: in the network, in a release of this service,
    /// or in what they all depend on. With all of their breakers open nothing is called at all, and no endpoint gets
    /// the chance to answer. This is the panic threshold of load balancers (in Envoy, `max_ejection_percent`).
    ///
    /// A breaker counts as tripped while it is open, half-open or forced open. What is *withheld* is a trip by a rule:
    /// not an operator's, and not the end of a round of probes that fails. The breaker stays closed, its rule is
    /// reported as [`would_trip`](crate::Snapshot::would_trip), and [`Aggregate::withheld`] counts it. The next outcome
    /// that finds the rule true asks again. If several breakers are about to trip at the same moment, each of them may
    /// find room for one more: of n, n - 1 may pass the bound.
    ///
    /// With few keys one is a large share: 0.3 lets none of three trip. Keys come with their first use, so that is so after
    /// each start of the process, too.
    ///
    /// A key that is never called again stays tripped, since only a call begins a round: call
    /// [`RegistryController::forget`] when its endpoint is gone, or it takes room in the bound for ever.
    ///
    /// While a trip is withheld, each outcome of that breaker looks whether its rules are still true, which takes longer.
    ///
    /// ```
    /// use tripcoil::registry::Registry;
    /// use tripcoil::{Breaker, State};
    ///
    /// let registry = Registry::builder(|host: &String| {
    ///     Breaker::builder(host.as_str()).consecutive_failures(1)
    /// })
    /// .max_tripped(0.5)?
    /// .build();
    /// for host in ["a", "b", "c", "d"] {
    ///     registry.with(host, |_| ())?;
    /// }
    /// for host in ["a", "b", "c", "d"] {
    ///     let _ = registry.call(host, || Err::<(), _>("no route"));
    /// }
    /// let all = registry.aggregate();
    /// assert_eq!((all.in_state(State::Open), all.withheld), (2, 2));
    /// # Ok::<(), tripcoil::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns a problem of `max_tripped` if the share is not in `(0, 1]`.
    pub fn max_tripped(mut self, share: f64) -> Result<Self, ConfigError> {
        if !(share > 0.0 && share <= 1.0) {
            ConfigError::of(vec![Problem {
                field: "max_tripped",
                value: format!("{share:?}"),
                permitted: "above 0 and at most 1".to_owned(),
            }])?;
        }
        self.max_tripped = Some(share);
        Ok(self)
    }

    /// Calls `hook` with each key whose breaker was created, and with an observer of it.
    ///
    /// Hooks are called one at a time, in the order in which keys came and went, without a lock: a
    /// hook may use the registry. A hook runs on a thread that has created or forgotten a breaker.
    /// That need not be this key's first user, whose call does not wait for the hook.
    ///
    /// Keep a hook short, and pass long work to a channel. While a hook hangs, the thread that runs
    /// it waits and later hooks wait, publishers of the whole registry get no new keys, and new
    /// keys are not forgotten. Calls and first uses on other threads go on. A panic in a hook is
    /// caught. Several hooks are all called.
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use tripcoil::Breaker;
    /// use tripcoil::registry::Registry;
    ///
    /// let (sender, receiver) = mpsc::channel();
    /// let gone = sender.clone();
    /// let registry = Registry::builder(|host: &String| Breaker::builder(host.as_str()))
    ///     .on_new(move |host, _| { let _ = sender.send(format!("{host} is new")); })
    ///     .on_evict(move |host, last| {
    ///         let calls = last.snapshot().totals.successes;
    ///         let _ = gone.send(format!("{host} is forgotten after {calls} calls"));
    ///     })
    ///     .build();
    /// registry.call("eu", || Ok::<_, ()>(())).ok();
    /// registry.sweep();
    /// registry.sweep();
    /// assert_eq!(receiver.try_iter().collect::<Vec<_>>(), ["eu is new", "eu is forgotten after 1 calls"]);
    /// ```
    pub fn on_new(self, hook: impl Fn(&K, &Observer) + Send + Sync + 'static) -> Self {
        self.hook(Move::Came, hook)
    }

    /// Calls `hook` with each key whose breaker was forgotten, for being idle or by
    /// [`RegistryController::forget`], and with an observer of it, whose figures are final.
    ///
    /// It is called in the manner of [`on_new`](Self::on_new), and not when the whole registry is
    /// dropped.
    pub fn on_evict(self, hook: impl Fn(&K, &Observer) + Send + Sync + 'static) -> Self {
        self.hook(Move::Went, hook)
    }

    fn hook(mut self, of: Move, hook: impl Fn(&K, &Observer) + Send + Sync + 'static) -> Self {
        self.hooks.push(Arc::new(move |key, observer, what| {
            if what == of {
                hook(key, observer);
            }
        }));
        self
    }

    /// Restores each key's breaker from these states at the key's first use: the result of
    /// [`RegistryStore::load`](crate::saved::RegistryStore::load), or `None` to start fresh. Each continues as by
    /// [`Builder::restore`], whose wait and window go on by the wall clock meanwhile.
    ///
    /// A key's state is its own even if it is first used hours later: until then it waits, and
    /// [`RegistryController::save`] saves it again as it was. It waits for 24 h, an open breaker for 24 h after the
    /// end of its wait, and a forced state for ever; at most a million do
    /// ([`SavedRegistry::expire`](crate::saved::SavedRegistry::expire)). A key that is forgotten when idle and comes back
    /// starts fresh.
    ///
    /// What cannot be restored costs no other key: the breaker starts fresh, and [`on_restore`](Self::on_restore)
    /// reports it. [`RegistryController::release_all`] drops the forced states that wait, and
    /// [`reset_all`](RegistryController::reset_all) all that wait.
    ///
    /// An override of all breakers, such as [`force_open_all`](RegistryController::force_open_all), is in force again,
    /// for keys that are first used from now on too, until one of these two ends it. A change of all rules
    /// ([`reconfigure_all`](RegistryController::reconfigure_all)) is code and is not saved: make it again.
    ///
    /// ```
    /// use tripcoil::State;
    /// use tripcoil::registry::Registry;
    ///
    /// let (registry, controller) = Registry::<String>::from_config(Default::default())?.build_with_controller();
    /// controller.on("eu", |eu| eu.trip())?;
    /// let saved = controller.save();
    ///
    /// let later = Registry::<String>::from_config(Default::default())?.restore(saved).build();
    /// assert_eq!((later.get("eu")?.state(), later.get("us")?.state()), (State::Open, State::Closed));
    /// # Ok::<(), tripcoil::ConfigError>(())
    /// ```
    #[cfg(feature = "persist")]
    pub fn restore(mut self, saved: impl Into<Option<crate::saved::SavedRegistry>>) -> Self {
        self.saving.from = saved.into().unwrap_or_default();
        self
    }

    /// Sets the text under which a key is saved. By default it is the name of the key's breaker. No two
    /// keys may have the same text, or one of them is not saved.
    ///
    /// ```
    /// use tripcoil::Breaker;
    /// use tripcoil::registry::Registry;
    ///
    /// type Key = (u32, &'static str);
    /// let (registry, controller) = Registry::builder(|key: &Key| Breaker::builder(key.1))
    ///     .saved_as(|key| format!("{} {}", key.0, key.1))
    ///     .build_with_controller();
    /// registry.get(&(7, "search"))?;
    /// registry.get(&(8, "search"))?;
    /// assert!(controller.save().keys().eq(["7 search", "8 search"]));
    /// # Ok::<(), tripcoil::ConfigError>(())
    /// ```
    #[cfg(feature = "persist")]
    pub fn saved_as(mut self, text: impl Fn(&K) -> String + Send + Sync + 'static) -> Self {
        self.saving.text = Some(Arc::new(text));
        self
    }

    /// Calls `hook` with each key whose state was restored, or could not be, on the thread of its first use and without a
    /// lock. A panic in it is caught. Several hooks are all called.
    #[cfg(feature = "persist")]
    pub fn on_restore(
        mut self,
        hook: impl Fn(&K, &Result<crate::saved::Restored, crate::saved::SavedError>)
        + Send
        + Sync
        + 'static,
    ) -> Self {
        self.saving.hooks.push(Arc::new(hook));
        self
    }

    /// Builds the registry without a controller: the state and the rules of its breakers can never
    /// be changed by hand.
    #[must_use]
    pub fn build(self) -> Registry<K, C> {
        self.build_with_controller().0
    }

    /// Builds the registry, and the handle that changes the state and the rules of its breakers.
    #[must_use]
    pub fn build_with_controller(self) -> (Registry<K, C>, RegistryController<K, C>) {
        let shared = Shared::new(self.capacity, self.template, self.hooks, self.max_tripped);
        #[cfg(feature = "persist")]
        let shared = shared.restoring(self.saving);
        let shared = Arc::new(shared);
        let registry = Registry {
            shared: shared.clone(),
        };
        (registry, RegistryController { shared })
    }
}

impl<K: Hash + Eq + fmt::Display> Registry<K> {
    /// Returns a builder for breakers that all have these settings, each with its key as its name.
    ///
    /// # Errors
    ///
    /// Returns every problem of the configuration at once; see [`Config::validate`].
    pub fn from_config(config: Config) -> Result<RegistryBuilder<K>, ConfigError> {
        config.validate()?;
        Ok(Registry::builder(move |key: &K| {
            Breaker::builder(key.to_string()).config(config.clone())
        }))
    }
}

#[cfg(feature = "health")]
impl<K, C> RegistryController<K, C> {
    /// Returns the registry that it controls.
    pub(crate) fn registry(&self) -> Registry<K, C> {
        Registry {
            shared: self.shared.clone(),
        }
    }
}

impl<K: Hash + Eq, C> Registry<K, C> {
    /// Returns a builder with a template, which returns the settings of a key's breaker.
    ///
    /// The template is called at a key's first use, on the thread that uses it. If its settings are
    /// invalid, that use gets the error, no call is made, and the next use calls the template
    /// again.
    pub fn builder(
        template: impl Fn(&K) -> Builder<C> + Send + Sync + 'static,
    ) -> RegistryBuilder<K, C> {
        RegistryBuilder {
            capacity: CAPACITY,
            template: Arc::new(template),
            hooks: Vec::new(),
            max_tripped: None,
            #[cfg(feature = "persist")]
            saving: self::waiting::Saving::default(),
        }
    }

    /// Makes a call through the key's breaker; see [`Breaker::call`].
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Breaker::call`], and [`CallError::NoBreaker`] if the template
    /// returned invalid settings for the key. The call was then not made. That error has the first
    /// problem only; [`get`](Self::get) returns them all.
    #[inline]
    pub fn call<Q, T, E>(
        &self,
        key: &Q,
        f: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, CallError<E>>
    where
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
        K: Borrow<Q>,
        C: Classify<T, E>,
    {
        match self.with(key, |breaker| breaker.call(f)) {
            Ok(result) => result,
            Err(invalid) => Err(NoBreaker::from(invalid).into()),
        }
    }

    /// Makes an asynchronous call through the key's breaker; see [`Breaker::call_async`]. The key
    /// is looked up at once; the call is admitted at the first poll.
    ///
    /// ```
    /// # use tripcoil::registry::Registry;
    /// # async fn tour() -> Result<(), Box<dyn std::error::Error>> {
    /// let registry = Registry::<String>::from_config(Default::default())?.build();
    /// let answer = registry.call_async("eu", async { "200".parse::<u16>() }).await?;
    /// # assert_eq!(answer, 200);
    /// # Ok(())
    /// # }
    /// # let tour = std::pin::pin!(tour());
    /// # let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    /// # assert!(std::future::Future::poll(tour, &mut context).is_ready());
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the errors of [`call`](Self::call), when it is awaited.
    pub fn call_async<Q, T, E, F>(
        &self,
        key: &Q,
        future: F,
    ) -> impl Future<Output = Result<T, CallError<E>>> + use<K, C, Q, T, E, F>
    where
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
        K: Borrow<Q>,
        F: Future<Output = Result<T, E>>,
        C: Classify<T, E>,
    {
        let slot = self.slot(key).map_err(NoBreaker::from);
        async move { slot?.breaker.call_async(future).await }
    }

    /// Reports every key to `report`, for as long as the returned value is kept: first the present
    /// keys, from here, and then each key that comes or goes, exactly once.
    #[cfg(any(feature = "health", feature = "metrics", feature = "tracing"))]
    pub(crate) fn follow(
        &self,
        report: impl Fn(&K, &Observer, Move) + Send + Sync + 'static,
    ) -> Arc<Report<K>> {
        let report: Arc<Report<K>> = Arc::new(report);
        for slot in self.shared.follow(&report) {
            report(&slot.key, &slot.controller.observer(), Move::There);
        }
        report
    }

    /// Begins the round of that key's breaker, as `Controller::half_open_from` does, if it is the one that is seen.
    #[cfg(feature = "health")]
    pub(crate) fn half_open_from(&self, key: &K, seen: &Observer, generation: u64) -> bool {
        self.shared.find(key).is_some_and(|slot| {
            let controller = &slot.controller;
            controller.observer().is_same(seen) && controller.half_open_from(generation)
        })
    }

    /// Returns whether this is the first publisher of all keys, and records that there is one.
    #[cfg(feature = "metrics")]
    pub(crate) fn publish_first(&self) -> bool {
        !std::mem::replace(&mut self.shared.seats().reports.published, true)
    }

    fn slot<Q>(&self, key: &Q) -> Result<Counted<Slot<K, C>>, ConfigError>
    where
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
        K: Borrow<Q>,
    {
        match self.shared.find(key) {
            Some(slot) => Ok(slot),
            None => self.shared.make(key),
        }
    }

    /// Lends the key's breaker to `f`, without cloning it.
    ///
    /// `f` may use the registry, and may block; see [Cost](self#cost) for what waits meanwhile.
    ///
    /// # Errors
    ///
    /// Returns the template's errors, at a key's first use.
    #[inline]
    pub fn with<Q, R>(&self, key: &Q, f: impl FnOnce(&Breaker<C>) -> R) -> Result<R, ConfigError>
    where
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
        K: Borrow<Q>,
    {
        let map = self.shared.table.map.pin();
        if let Some(found) = map.get(&self.shared.table.sought(key)) {
            return Ok(f(&found.0.breaker));
        }
        drop(map);
        let slot = self.shared.make(key)?;
        Ok(f(&slot.breaker))
    }

    /// Returns the key's breaker.
    ///
    /// It is not evicted as long as it, or a handle made from it that can use it, exists. Handles
    /// that only watch (observers, subscriptions, publishers) do not keep it;
    /// [`Observer::is_forgotten`] shows when it is gone.
    ///
    /// # Errors
    ///
    /// Returns the template's errors, at a key's first use.
    pub fn get<Q>(&self, key: &Q) -> Result<Breaker<C>, ConfigError>
    where
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
        K: Borrow<Q>,
    {
        self.with(key, Breaker::clone)
    }

    /// Returns the key's breaker, if there is one, and never creates it.
    #[must_use]
    pub fn peek<Q>(&self, key: &Q) -> Option<Breaker<C>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let slot = self.shared.find(key)?;
        Some(slot.breaker.clone())
    }

    /// Forgets the breakers that may be forgotten (see the [module](self)) and were idle since the
    /// last sweep. Returns how many.
    ///
    /// Call it periodically, for example once per minute, to free memory. Without it, the registry
    /// only limits itself to its capacity.
    ///
    /// ```
    /// # use tripcoil::registry::Registry;
    /// let registry = Registry::<String>::from_config(Default::default())?.build();
    /// registry.call("eu", || Ok::<_, ()>(())).ok();
    /// assert_eq!(registry.sweep(), 0, "there was a call");
    /// assert_eq!(registry.sweep(), 1, "and there was none since");
    /// assert_eq!(registry.aggregate().totals.successes, 1);
    /// # Ok::<(), tripcoil::ConfigError>(())
    /// ```
    pub fn sweep(&self) -> usize {
        self.shared.sweep()
    }

    /// Calls `show` with each breaker, in no particular order and without a lock. A breaker that is
    /// created meanwhile may be missed.
    pub fn for_each(&self, mut show: impl FnMut(&K, &Breaker<C>)) {
        for slot in self.shared.all() {
            show(&slot.key, &slot.breaker);
        }
    }

    /// Reads all breakers. The totals include forgotten breakers.
    #[must_use]
    pub fn aggregate(&self) -> Aggregate {
        self.shared.aggregate()
    }

    /// Compares each key's window with those of all others, and returns the keys with at least `min_calls` calls in
    /// their windows (and at least one), the most conspicuous first. It only reads: nothing follows from it.
    ///
    /// One endpoint that fails where others do not is a fault of its own. If they all fail alike, no key is conspicuous:
    /// then look for what they share.
    #[must_use]
    pub fn outliers(&self, min_calls: u64) -> Vec<Outlier<K>>
    where
        K: Clone,
    {
        let figures = |slot: Counted<Slot<K, C>>| Some((slot.key.clone(), slot.figures()?));
        let all = self.shared.all().filter_map(figures).collect();
        outliers::outliers(all, min_calls)
    }

    /// Returns the number of breakers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.seats().len()
    }

    /// Returns whether there are no breakers.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
