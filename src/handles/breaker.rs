//! The breaker: the handle that guards calls.

use crate::classify::classifier::{ByRef, Classify, ErrIsFailure};
use crate::config::settings::Config;
use crate::config::validate::Begins;
use crate::engine::bound::Bound;
use crate::engine::initial::Initial;
use crate::engine::state::Core;
use crate::error::{CallError, ConfigError, Rejected};
use crate::handles::call::{Call, Guarded, guarded_calls};
use crate::handles::controller::Controller;
use crate::handles::observer::Observer;
use crate::handles::permit::{OwnedPermit, Pending, Permit};
#[cfg(feature = "persist")]
use crate::saved::restore::{Beginning, restore};
use crate::words::outcome::State;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;
use core::future::Future;
use core::time::Duration;

/// A circuit breaker.
///
/// A breaker guards calls and does nothing else. The [`Controller`] changes its state and its
/// rules, and the [`Observer`] reads it. Clones are cheap and share the same breaker. `C` is the
/// classifier: by default an `Err` is a failure.
///
/// ```
/// use std::time::Duration;
/// use tripcoil::{Breaker, CallError, Window};
///
/// let breaker = Breaker::builder("payments")
///     .window(Window::time(Duration::from_secs(10)).buckets(10))
///     .failure_rate(0.5)
///     .min_throughput(20)
///     .build()?;
/// let r = breaker.call(|| "17".parse::<u32>());
/// assert_eq!(r, Ok(17));
/// match breaker.call(|| "x".parse::<u32>()) {
///     Ok(n) => println!("{n}"),
///     Err(CallError::Rejected(r)) => println!("not called: {r}"),
///     Err(e) => println!("called, and failed: {e}"),
/// }
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
pub struct Breaker<C = ErrIsFailure> {
    pub(crate) core: Arc<Core>,
    pub(crate) classifier: Arc<C>,
}

impl<C> fmt::Debug for Breaker<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.core.debug("Breaker", f)
    }
}

impl<C> Clone for Breaker<C> {
    fn clone(&self) -> Breaker<C> {
        Breaker {
            core: self.core.clone(),
            classifier: self.classifier.clone(),
        }
    }
}

impl Breaker {
    /// Doubles the stripes. For the models only, where one thread never finds contention.
    #[cfg(tripcoil_loom)]
    #[doc(hidden)]
    pub fn collide(&self) {
        self.core.collide();
    }

    /// Builds a breaker with these settings, for results whose `Err` is a failure.
    ///
    /// # Errors
    ///
    /// Returns every problem of the configuration at once; see [`Config::validate`]. An override as
    /// the initial state is a problem too, because only a controller can end it: see
    /// [`from_config_with_controller`](Self::from_config_with_controller).
    pub fn from_config(name: impl Into<String>, config: Config) -> Result<Breaker, ConfigError> {
        let alone = Some(Begins::Initial);
        assemble(name.into(), config, ErrIsFailure, alone, None).map(|(breaker, _)| breaker)
    }

    /// Builds a breaker with these settings, and the handle that changes its state and rules.
    ///
    /// # Errors
    ///
    /// Returns every problem of the configuration at once; see [`Config::validate`].
    pub fn from_config_with_controller(
        name: impl Into<String>,
        config: Config,
    ) -> Result<(Breaker, Controller), ConfigError> {
        assemble(name.into(), config, ErrIsFailure, None, None)
    }
}

/// Returns a breaker and its only controller. `alone` means that the controller will be dropped at
/// once.
pub(crate) fn assemble<C>(
    name: String,
    config: Config,
    classifier: C,
    alone: Option<Begins>,
    bound: Option<Arc<Bound>>,
) -> Result<(Breaker<C>, Controller), ConfigError> {
    let (name, config) = checked(name, config, alone)?;
    let (seed, now) = (seed(&config), config.clock.nanos());
    let initial = Initial::fresh(&config, seed, now);
    let core = Arc::new(Core::new(name, config, seed, now, initial, bound));
    let breaker = Breaker {
        core: core.clone(),
        classifier: Arc::new(classifier),
    };
    Ok((breaker, Controller::new(core)))
}

/// Like `assemble`, and continues from a saved state.
#[cfg(feature = "persist")]
pub(crate) fn assemble_from<C>(
    name: String,
    config: Config,
    classifier: C,
    beginning: Beginning,
    alone: Option<Begins>,
    bound: Option<Arc<Bound>>,
) -> Result<(Breaker<C>, Controller), ConfigError> {
    let (name, config) = checked(name, config, alone)?;
    let (seed, now) = (seed(&config), config.clock.nanos());
    let (initial, restored) = match restore(&name, &config, beginning, now) {
        Ok((initial, restored)) => (initial, Ok(restored)),
        Err(refused) => (Initial::fresh(&config, seed, now), Err(refused)),
    };
    let core = Arc::new(Core::new(name, config, seed, now, initial, bound));
    let breaker = Breaker {
        core: core.clone(),
        classifier: Arc::new(classifier),
    };
    Ok((breaker, Controller::restoring(core, restored)))
}

fn checked(
    name: String,
    config: Config,
    alone: Option<Begins>,
) -> Result<(String, Config), ConfigError> {
    let valid = match alone {
        None => config.validate(),
        Some(begins) => config.validate_alone(begins),
    };
    let ready = valid.and_then(|()| config.clock.start());
    ready.map_err(|error| error.of_breaker(&name))?;
    Ok((name, config))
}

fn seed(config: &Config) -> u64 {
    config.open_for.seed.unwrap_or_else(any_seed)
}

/// Returns a different seed for each breaker, so that breakers without a seed of their own do not
/// jitter alike.
fn any_seed() -> u64 {
    #[cfg(feature = "std")]
    {
        use std::hash::{BuildHasher, RandomState};
        RandomState::new().hash_one(0u8)
    }
    #[cfg(not(feature = "std"))]
    {
        // breakers of one process differ; without a source of entropy, processes do not
        static NEXT: crate::sync::atomic::Counter = crate::sync::atomic::Counter::new(0);
        NEXT.next()
    }
}

impl<C> Breaker<C> {
    #[inline]
    fn guard(&self) -> Guarded<&Core, ByRef<'_, C>> {
        Guarded::by_ref(&*self.core, &*self.classifier)
    }

    guarded_calls!(self: &Self, C, self.guard());

    /// Returns a view of the breaker for calls that need another classifier.
    pub fn with_classifier<D>(&self, classifier: D) -> Call<'_, D> {
        Call(self.guard().with_classifier(classifier))
    }

    /// Returns a view of the breaker for calls that need another slow limit.
    ///
    /// If the limit is finer than a coarse clock, such a call is timed by the precise clock.
    pub fn with_slow_call(&self, limit: Duration) -> Call<'_, ByRef<'_, C>> {
        Call(self.guard().with_slow_call(limit))
    }

    /// Returns a handle to the same breaker with another classifier. State, counts and name are
    /// shared.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use tripcoil::{Breaker, Outcome};
    ///
    /// let breaker = Breaker::builder("cache").build()?;
    /// let lenient = breaker.classified_by(Arc::new(|_: &Result<u32, &str>| Outcome::Success));
    /// assert!(lenient.call(|| Err("a miss")).is_err());
    /// assert_eq!(breaker.observer().snapshot().totals.successes, 1);
    /// # Ok::<(), tripcoil::ConfigError>(())
    /// ```
    #[must_use]
    pub fn classified_by<D>(&self, classifier: Arc<D>) -> Breaker<D> {
        Breaker {
            core: self.core.clone(),
            classifier,
        }
    }

    /// Returns the classifier, for calls that are not made through the breaker.
    #[must_use]
    pub fn classifier(&self) -> &Arc<C> {
        &self.classifier
    }

    /// Asks for a permit, for a call that you make and record yourself.
    ///
    /// # Errors
    ///
    /// Returns [`Rejected`], with the state, the cause and, while open, the rest of the wait.
    #[inline]
    pub fn try_acquire(&self) -> Result<Permit<'_>, Rejected> {
        let admission = self.core.admit(None)?;
        Ok(Permit(Pending::new(&*self.core, admission, None)))
    }

    /// Asks for a permit that borrows nothing.
    ///
    /// # Errors
    ///
    /// Returns [`Rejected`], with the state, the cause and, while open, the rest of the wait.
    #[inline]
    pub fn try_acquire_owned(&self) -> Result<OwnedPermit, Rejected> {
        let admission = self.core.admit(None)?;
        Ok(OwnedPermit(Pending::new(
            self.core.clone(),
            admission,
            None,
        )))
    }

    /// Makes an asynchronous call whose future borrows nothing, so that it can be spawned.
    ///
    /// Otherwise it works as [`call_async`](Self::call_async). The future keeps the breaker alive
    /// until it ends.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use tripcoil::Breaker;
    ///
    /// async fn fetch(id: u32) -> Result<u32, std::io::Error> {
    ///     Ok(id)
    /// }
    ///
    /// let breaker = Breaker::builder("payments").build()?;
    /// let task = tokio::spawn(breaker.call_async_owned(fetch(7)));
    /// assert_eq!(task.await??, 7);
    /// # Ok(()) }
    /// ```
    ///
    /// To use another classifier, call [`classified_by`](Self::classified_by) first.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`call_async`](Self::call_async).
    pub fn call_async_owned<T, E, F>(
        &self,
        future: F,
    ) -> impl Future<Output = Result<T, CallError<E>>> + use<T, E, F, C>
    where
        F: Future<Output = Result<T, E>>,
        C: Classify<T, E>,
    {
        self.owned().call_async(future)
    }

    /// Makes an asynchronous call with a time limit whose future borrows nothing, so that it can be
    /// spawned.
    ///
    /// Otherwise it works as [`call_timeout`](Self::call_timeout).
    ///
    /// # Errors
    ///
    /// Returns the errors of [`call_timeout`](Self::call_timeout).
    ///
    /// # Panics
    ///
    /// Panics where [`call_timeout`](Self::call_timeout) does.
    #[cfg(feature = "tokio")]
    pub fn call_timeout_owned<T, E, F>(
        &self,
        limit: Duration,
        future: F,
    ) -> impl Future<Output = Result<T, CallError<E>>> + use<T, E, F, C>
    where
        F: Future<Output = Result<T, E>>,
        C: Classify<T, E>,
    {
        self.owned().call_timeout(limit, future)
    }

    /// Makes an asynchronous call with a fallback whose future borrows nothing, so that it can be
    /// spawned.
    ///
    /// Otherwise it works as [`call_async_or`](Self::call_async_or).
    pub fn call_async_owned_or<T, E, F, G>(
        &self,
        future: F,
        fallback: G,
    ) -> impl Future<Output = T> + use<T, E, F, G, C>
    where
        F: Future<Output = Result<T, E>>,
        G: FnOnce(CallError<E>) -> T,
        C: Classify<T, E>,
    {
        let owned = self.owned();
        async move {
            let guard = Guarded::by_ref(&*owned.handle, &*owned.classifier);
            guard.call_async_or(future, fallback).await
        }
    }

    /// Counts a fallback that is about to run in place of the error of a rejected or failed call.
    #[cfg(feature = "tower")]
    pub(crate) fn fall_back(&self, rejected: bool) {
        self.core.stripes.fall_back(rejected);
    }

    /// Returns the rejection that a call would get now, if it is not likely to be admitted. It is not
    /// counted, and no slot is taken.
    #[cfg(all(feature = "tower", feature = "tokio"))]
    pub(crate) fn foresee_rejection(&self) -> Option<Rejected> {
        self.core.foresee_rejection()
    }

    fn owned(&self) -> Guarded<Arc<Core>, Arc<C>> {
        Guarded {
            handle: self.core.clone(),
            classifier: self.classifier.clone(),
            limit: None,
        }
    }

    /// Returns a handle that only reads.
    #[must_use]
    pub fn observer(&self) -> Observer {
        Observer::new(self.core.clone())
    }

    /// Returns the state, and changes nothing: a breaker whose wait is over stays `Open` until the
    /// next call.
    #[must_use]
    #[inline]
    pub fn state(&self) -> State {
        self.core.control().state()
    }

    /// Returns the name given to [`builder`](Self::builder).
    #[must_use]
    pub fn name(&self) -> &str {
        &self.core.name
    }

    /// Counts the handles that share this breaker now: its clones including this one, the
    /// controller, observers, local handles, owned permits and subscriptions.
    ///
    /// ```
    /// use tripcoil::Breaker;
    ///
    /// let breaker = Breaker::builder("db").build()?;
    /// let observer = breaker.observer();
    /// assert_eq!(breaker.handles(), 2);
    /// # drop(observer);
    /// # Ok::<(), tripcoil::ConfigError>(())
    /// ```
    #[must_use]
    pub fn handles(&self) -> usize {
        Arc::strong_count(&self.core)
    }

    /// Marks the breaker as gone, for its watchers. Only for a breaker that has no other user.
    #[cfg(feature = "registry")]
    pub(crate) fn forget(&self) {
        self.core.watchers.forget();
        // after the word, which listeners look at when they have been woken
        self.core.listeners.wake_all();
    }

    /// Counts the [handles](Self::handles) that can call through the breaker or change it: its
    /// clones including this one, the controller, local handles and owned permits.
    ///
    /// Observers, subscriptions and what is built on them (publishers, for example) only watch, and
    /// are not counted. The result may include a watcher that is being created or dropped at that
    /// moment. It never misses a user.
    ///
    /// ```
    /// use tripcoil::Breaker;
    ///
    /// let breaker = Breaker::builder("db").build()?;
    /// let observer = breaker.observer();
    /// let clone = breaker.clone();
    /// assert_eq!((breaker.handles(), breaker.users()), (3, 2));
    /// # drop((observer, clone));
    /// # Ok::<(), tripcoil::ConfigError>(())
    /// ```
    #[must_use]
    pub fn users(&self) -> usize {
        self.core.watchers.users(&self.core)
    }
}
