//! A breaker for each key: an endpoint, a tenant, a method.
//!
//! A [`Registry`] makes a key's breaker on first use, from a template, and finds it again without a
//! lock. It holds about [as many as it is told](RegistryBuilder::capacity): beyond that, first uses
//! forget breakers that are closed and have been idle. What would be missed is never forgotten: a
//! breaker that is open, half-open or under an override, one that has not been closed for
//! [`reset_after`](crate::Backoff::reset_after) since it was open, so that its next wait would be longer
//! than the first, one with rules of its own, and one that can be used from outside: a clone of it, a
//! local handle, a permit or a call under way. (A closed one takes its window with it: failures of
//! a key that is called so seldom are not added up.) When nothing else is left the registry grows, since
//! protection is not refused, and [`Aggregate::over_capacity`] says by how much.
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
//! In front of a service of tower, [`Registry::get`] in a closure picks each request's breaker: see *One
//! for each key* in the module `tower`.
//!
//! # One breaker a key
//!
//! Threads that use a key first at the same time get one and the same breaker; the template may have
//! been asked by each of them. A breaker leaves only when no call is under way in it and nobody has a
//! handle of it, so a key never has two that are in use, and each outcome is in
//! [`Registry::aggregate`], whatever has been forgotten meanwhile.
//!
//! # Keys that never come back
//!
//! An endpoint that goes away while its breaker is open leaves it open for good: nobody calls it any
//! more, and what is open is not evicted. Say so with [`RegistryController::forget`] when discovery
//! drops an endpoint. For the same reason, take keys from configuration or discovery, or check them
//! first: whoever may choose keys freely, and make their calls fail, may fill the memory.
//!
//! # Cost
//!
//! [`call`](Registry::call) and [`with`](Registry::with) find the breaker in a lock-free map and
//! borrow it: no reference count is written, which threads would share. Only first uses, sweeps,
//! readings of all, and look-ups of a key that is not there or just about to be forgotten take a lock,
//! and run no code of the user's under it but the key's `Hash` and `Eq`, and a custom clock's source.
//!
//! While such a borrow lasts, breakers that are idle can leave the map, but their memory waits for
//! its end; at most 1024 wait so, and then the registry grows instead. A call that may hang for long
//! is better made through [`get`](Registry::get) or [`call_async`](Registry::call_async), which keep
//! their own breaker alone.

mod aggregate;
mod controller;
mod map;
mod reports;
mod seats;
mod shared;
mod slot;

pub use self::aggregate::Aggregate;
pub use self::controller::RegistryController;
#[cfg(any(feature = "metrics", feature = "tracing"))]
pub(crate) use self::reports::Move;
#[cfg(not(any(feature = "metrics", feature = "tracing")))]
use self::reports::Move;
use self::reports::Report;
use self::shared::Shared;
use self::slot::{Slot, Sought, Template};
use crate::sync::atomic::Counted;
use crate::{
    Breaker, Builder, CallError, Classify, Config, ConfigError, ErrIsFailure, NoBreaker, Observer,
};
use std::borrow::Borrow;
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;

/// The breakers that a registry holds unless it is told otherwise.
const CAPACITY: usize = 10_000;

/// Breakers by key. Clones share the same ones, and are cheap. See the [module](self).
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
#[must_use = "a builder builds nothing until it is told to"]
pub struct RegistryBuilder<K, C = ErrIsFailure> {
    capacity: usize,
    template: Template<K, C>,
    hooks: Vec<Arc<Report<K>>>,
}

impl<K, C> fmt::Debug for RegistryBuilder<K, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryBuilder")
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}

impl<K: Hash + Eq, C> RegistryBuilder<K, C> {
    /// How many breakers there may be while idle ones are left to forget; 10 000 unless named. A
    /// bound that bends: see the [module](self).
    pub fn capacity(mut self, breakers: usize) -> Self {
        self.capacity = breakers;
        self
    }

    /// Calls `hook` with each key whose breaker has been made, and with an observer of it.
    ///
    /// Hooks are called one at a time, in the order in which keys came and went, and under no lock: a hook
    /// may use the registry. They run on a thread that has made or forgotten a breaker, which need not be
    /// this key's first user, whose call does not wait for it. So keep a hook short, and hand what takes
    /// long to a channel: while one hangs, the thread that runs it waits, later ones wait (and publishers of
    /// the whole registry learn of no key), and keys that have come are not forgotten. Calls and first uses
    /// on other threads go on. A panic in a hook is caught. Of several hooks each is called.
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use tripcoil::Breaker;
    /// use tripcoil::registry::Registry;
    ///
    /// let (tell, told) = mpsc::channel();
    /// let gone = tell.clone();
    /// let registry = Registry::builder(|host: &String| Breaker::builder(host.as_str()))
    ///     .on_new(move |host, _| { let _ = tell.send(format!("{host} is new")); })
    ///     .on_evict(move |host, last| {
    ///         let calls = last.snapshot().totals.successes;
    ///         let _ = gone.send(format!("{host} is forgotten after {calls} calls"));
    ///     })
    ///     .build();
    /// registry.call("eu", || Ok::<_, ()>(())).ok();
    /// registry.sweep();
    /// registry.sweep();
    /// assert_eq!(told.try_iter().collect::<Vec<_>>(), ["eu is new", "eu is forgotten after 1 calls"]);
    /// ```
    pub fn on_new(self, hook: impl Fn(&K, &Observer) + Send + Sync + 'static) -> Self {
        self.hook(Move::Came, hook)
    }

    /// Calls `hook` with each key whose breaker has been forgotten, for being idle or by
    /// [`RegistryController::forget`], and with an observer of it, whose figures are final. In the same way
    /// as [`on_new`](Self::on_new); not when the whole registry is dropped.
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

    /// The registry alone; nobody will ever change state or rules of its breakers by hand.
    #[must_use]
    pub fn build(self) -> Registry<K, C> {
        self.build_with_controller().0
    }

    /// The registry, and the handle that changes state and rules of its breakers.
    #[must_use]
    pub fn build_with_controller(self) -> (Registry<K, C>, RegistryController<K, C>) {
        let shared = Arc::new(Shared::new(self.capacity, self.template, self.hooks));
        let registry = Registry {
            shared: shared.clone(),
        };
        (registry, RegistryController { shared })
    }
}

impl<K: Hash + Eq + fmt::Display> Registry<K> {
    /// Begin with breakers that all have these settings, and their key for a name.
    ///
    /// # Errors
    ///
    /// Every problem of the configuration at once; see [`Config::validate`].
    pub fn from_config(config: Config) -> Result<RegistryBuilder<K>, ConfigError> {
        config.validate()?;
        Ok(Registry::builder(move |key: &K| {
            Breaker::builder(key.to_string()).config(config.clone())
        }))
    }
}

impl<K: Hash + Eq, C> Registry<K, C> {
    /// Begin with a template, which says what a key's breaker is built of. It is asked at a key's
    /// first use, on the thread that uses it. Where what it says is invalid that use is told so, no
    /// call is made, and the next use asks again.
    pub fn builder(
        template: impl Fn(&K) -> Builder<C> + Send + Sync + 'static,
    ) -> RegistryBuilder<K, C> {
        RegistryBuilder {
            capacity: CAPACITY,
            template: Arc::new(template),
            hooks: Vec::new(),
        }
    }

    /// Makes a call through the key's breaker; see [`Breaker::call`].
    ///
    /// # Errors
    ///
    /// That of the call. [`CallError::NoBreaker`] where the key has no breaker and what the template says
    /// of it is invalid: then the call was not made. It names the first problem; [`get`](Self::get) gives
    /// them all.
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

    /// Makes a call through the key's breaker; see [`Breaker::call_async`]. The key is looked up at
    /// once, the call admitted at the first poll.
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
    /// Those of [`call`](Self::call), when it is awaited.
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

    /// Reports every key to `report`, for as long as what this gives is kept: first those that are there,
    /// here, and then each that comes or goes, exactly once.
    #[cfg(any(feature = "metrics", feature = "tracing"))]
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

    /// Use the key's breaker where it is. `f` may use the registry, and may block; see
    /// [Cost](self#cost) for what waits meanwhile.
    ///
    /// # Errors
    ///
    /// The template's, at a key's first use.
    #[inline]
    pub fn with<Q, R>(&self, key: &Q, f: impl FnOnce(&Breaker<C>) -> R) -> Result<R, ConfigError>
    where
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
        K: Borrow<Q>,
    {
        let map = self.shared.table.map.pin();
        if let Some(found) = map.get(&Sought(key)) {
            return Ok(f(&found.0.breaker));
        }
        drop(map);
        let slot = self.shared.make(key)?;
        Ok(f(&slot.breaker))
    }

    /// The key's breaker, to be kept: it is not evicted as long as anyone has it, or a handle made
    /// of it that can use it. Those that only watch (observers, subscriptions, publishers) keep nothing,
    /// and learn when it is gone: [`Observer::is_forgotten`].
    ///
    /// # Errors
    ///
    /// The template's, at a key's first use.
    pub fn get<Q>(&self, key: &Q) -> Result<Breaker<C>, ConfigError>
    where
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
        K: Borrow<Q>,
    {
        self.with(key, Breaker::clone)
    }

    /// The key's breaker, if there is one.
    #[must_use]
    pub fn peek<Q>(&self, key: &Q) -> Option<Breaker<C>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let slot = self.shared.find(key)?;
        Some(slot.breaker.clone())
    }

    /// Forget the breakers that may be (see the [module](self)) and in which nothing has happened
    /// since the last sweep, and say how many these were. Called every so often (a minute, say) it
    /// gives memory back; without it the registry only holds its capacity.
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

    /// Show each breaker, in no order; under no lock. One that comes meanwhile may be missed.
    pub fn for_each(&self, mut show: impl FnMut(&K, &Breaker<C>)) {
        for slot in self.shared.all() {
            show(&slot.key, &slot.breaker);
        }
    }

    /// All breakers in one reading, forgotten ones included in its totals.
    #[must_use]
    pub fn aggregate(&self) -> Aggregate {
        self.shared.aggregate()
    }

    /// How many breakers there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.seats().len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
