//! The handle that changes state and rules.

use crate::clock::saturating_nanos;
#[cfg(feature = "registry")]
use crate::engine::snapshot::Snapshot;
use crate::engine::state::Core;
use crate::handles::observer::Observer;
#[cfg(feature = "persist")]
use crate::saved::{
    report::{Restored, SavedError},
    value::Saved,
};
use crate::words::control::Goal;
use crate::words::deadline::Wait;
use crate::words::outcome::State;
#[cfg(feature = "std")]
use crate::{config::reconfigure::Rules, error::ConfigError};
#[cfg(feature = "persist")]
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;
#[cfg(feature = "persist")]
use std::time::SystemTime;

/// The operator's handle. Each breaker has one, returned when the breaker is built.
///
/// An operation that returns a `bool` returns whether it changed anything. An override (`force_open`, `disable`,
/// `observe_only`) lasts until this handle ends it; outcomes never change one.
///
/// ```
/// use tripcoil::{Breaker, State};
///
/// let (breaker, controller) = Breaker::builder("db").build_with_controller()?;
/// assert!(controller.force_open());
/// assert!(breaker.try_acquire().is_err());
/// assert!(!controller.trip(), "under an override nothing trips");
/// assert!(controller.release());
/// assert_eq!(breaker.state(), State::Closed);
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
pub struct Controller {
    core: Arc<Core>,
    /// What was restored from the saved state, or why it was refused.
    #[cfg(feature = "persist")]
    restored: Option<Box<Result<Restored, SavedError>>>,
}

impl fmt::Debug for Controller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.core.debug("Controller", f)
    }
}

impl Controller {
    pub(crate) fn new(core: Arc<Core>) -> Controller {
        Controller {
            core,
            #[cfg(feature = "persist")]
            restored: None,
        }
    }

    /// Rejects every call until another operation ends the override.
    pub fn force_open(&self) -> bool {
        self.core.operate(Goal::ForceOpen, Wait::Backoff)
    }

    /// Admits every call and counts none, until another operation ends the override.
    pub fn disable(&self) -> bool {
        self.core.operate(Goal::Disable, Wait::Backoff)
    }

    /// Admits and counts every call, and never trips, until another operation ends the override.
    /// [`Snapshot::would_trip`](crate::Snapshot::would_trip) counts how often a rule would have
    /// tripped.
    pub fn observe_only(&self) -> bool {
        self.core.operate(Goal::ObserveOnly, Wait::Backoff)
    }

    /// Ends an override: the breaker is then closed and starts fresh. Without an override it
    /// changes nothing.
    pub fn release(&self) -> bool {
        self.core.operate(Goal::Release, Wait::Backoff)
    }

    /// Opens the breaker for the next wait of the backoff. Changes nothing under an override.
    pub fn trip(&self) -> bool {
        self.core.operate(Goal::Trip, Wait::Backoff)
    }

    /// Opens the breaker for exactly `wait`, which may be zero: neither `max` nor the jitter
    /// applies. Changes nothing under an override.
    pub fn trip_for(&self, wait: Duration) -> bool {
        self.core
            .operate(Goal::Trip, Wait::Exactly(saturating_nanos(wait)))
    }

    /// Starts a round of probes. Changes nothing under an override.
    pub fn half_open(&self) -> bool {
        self.core.operate(Goal::HalfOpen, Wait::Backoff)
    }

    /// Starts a round of probes if the breaker is still in the `Open` of that
    /// [generation](crate::Snapshot::generation). At most one caller gets `true`.
    ///
    /// For code that decides from a snapshot it took earlier: a breaker that has closed since then
    /// is left closed.
    ///
    /// ```
    /// use tripcoil::{Breaker, State};
    ///
    /// let (breaker, controller) = Breaker::builder("db").build_with_controller()?;
    /// controller.trip();
    /// let seen = breaker.observer().snapshot();
    /// assert!(controller.half_open_from(seen.generation));
    /// assert_eq!(breaker.state(), State::HalfOpen);
    ///
    /// controller.trip();
    /// assert!(!controller.half_open_from(seen.generation), "another Open");
    /// # Ok::<(), tripcoil::ConfigError>(())
    /// ```
    pub fn half_open_from(&self, generation: u64) -> bool {
        let is_open = |state| state == State::Open;
        self.core.operate_in(generation, Goal::HalfOpen, is_open)
    }

    /// Opens the breaker for the next wait of the backoff if it is still in the `Closed` of that
    /// [generation](crate::Snapshot::generation), with the cause [`Peers`](crate::Cause::Peers).
    ///
    /// For code that learns of an outage from elsewhere, such as other processes, and has looked at this breaker
    /// before: one that has been reset since then, or has begun a round, is left alone. [`trip`](Self::trip) opens
    /// those too. The bound of a registry (`RegistryBuilder::max_tripped`) counts it, and does not withhold it.
    ///
    /// ```
    /// use tripcoil::{Breaker, Cause, State};
    ///
    /// let (breaker, controller) = Breaker::builder("db").build_with_controller()?;
    /// let seen = breaker.observer().snapshot();
    /// controller.reset();
    /// assert!(!controller.trip_in(seen.generation), "another Closed");
    /// assert!(controller.trip_in(seen.generation + 1));
    /// let rejected = breaker.try_acquire().expect_err("open");
    /// assert_eq!(rejected.cause(), Some(Cause::Peers));
    /// # Ok::<(), tripcoil::ConfigError>(())
    /// ```
    pub fn trip_in(&self, generation: u64) -> bool {
        let is_closed = |state| state == State::Closed;
        self.core
            .operate_in(generation, Goal::TripByPeers, is_closed)
    }

    /// Sets an override as [`force_open`](Self::force_open), [`disable`](Self::disable) and
    /// [`observe_only`](Self::observe_only) do, and returns its generation; `None` if it was in force, or if a
    /// breaker comes into `state` by itself.
    ///
    /// For code that will end this override and not another one: see [`release_from`](Self::release_from).
    pub fn override_as(&self, state: State) -> Option<u64> {
        self.core.override_by(match state {
            State::ForcedOpen => Goal::ForceOpen,
            State::Disabled => Goal::Disable,
            State::ObserveOnly => Goal::ObserveOnly,
            _ => return None,
        })
    }

    /// Ends the override of that generation, and no other one.
    ///
    /// ```
    /// use tripcoil::{Breaker, State};
    ///
    /// let (breaker, controller) = Breaker::builder("db").build_with_controller()?;
    /// let ours = controller.override_as(State::ForcedOpen).expect("none was in force");
    /// controller.disable();
    /// assert!(!controller.release_from(ours), "another one has taken its place");
    /// assert_eq!(breaker.state(), State::Disabled);
    /// # Ok::<(), tripcoil::ConfigError>(())
    /// ```
    pub fn release_from(&self, generation: u64) -> bool {
        let is_override = |state: State| state.is_override();
        self.core.operate_in(generation, Goal::Release, is_override)
    }

    /// Closes the breaker from any state, overrides included. The window, the run of failures and
    /// the backoff start fresh.
    pub fn reset(&self) -> bool {
        self.core.operate(Goal::Reset, Wait::Backoff)
    }

    /// Keeps an open breaker open until at least `wait` from now. It never shortens the wait, is not
    /// capped by `max`, and changes nothing in any other state.
    ///
    /// A rejection's [`retry_after`](crate::Rejected::retry_after) is the rest of the wait as it is by then. Code that puts
    /// it off again and again, such as a health check or the agent of a fleet, makes it the time to its next look, and
    /// not to the end of the outage. An insight has an estimate of that (`Insight::expected`).
    pub fn postpone(&self, wait: Duration) -> bool {
        self.core.postpone(None, saturating_nanos(wait))
    }

    /// Works as [`postpone`](Self::postpone), and only if the breaker is still in the `Open` of
    /// that [generation](crate::Snapshot::generation).
    pub fn postpone_in(&self, generation: u64, wait: Duration) -> bool {
        self.core.postpone(Some(generation), saturating_nanos(wait))
    }

    /// Changes the rules of the running breaker. All the changes that `change` makes are applied,
    /// or none.
    ///
    /// The window's geometry and the clock cannot be changed. New rules never trip by themselves:
    /// they judge from the next outcome on.
    ///
    /// ```
    /// # use tripcoil::Breaker;
    /// let (breaker, controller) = Breaker::builder("db").build_with_controller()?;
    /// controller.reconfigure(|rules| rules.failure_rate(0.4).min_throughput(50))?;
    /// let error = controller.reconfigure(|rules| rules.failure_rate(40.0)).expect_err("a part of one");
    /// assert_eq!(error.problems()[0].field, "failure_rate");
    /// # Ok::<(), tripcoil::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns every problem of the resulting rules. The rules in force then stay as they are.
    #[cfg(feature = "std")]
    pub fn reconfigure(&self, change: impl FnOnce(Rules) -> Rules) -> Result<(), ConfigError> {
        let changes = change(Rules::unchanged());
        self.core.head.policy.update(|policy| {
            let config = changes.upon(&policy.config);
            let valid = config.validate();
            valid.map_err(|error| error.of_breaker(&self.core.name))?;
            if config.is_adaptive() {
                // before the rules can be found, for the first update by them
                self.core.make_adaptive_words();
            }
            if config.lenient_in_force().is_some() {
                self.core.make_lenient_words();
            }
            Ok(policy.replaced_by(config))
        })?;
        self.core.in_flight.adopt(&self.core.head.policy.load());
        self.core.adopt_rules();
        Ok(())
    }

    /// Returns the breaker's present state, to be restored into a breaker of the same name in a
    /// later process: see [`Builder::restore`](crate::Builder::restore). Calls go on meanwhile.
    ///
    /// ```
    /// use tripcoil::Breaker;
    /// use tripcoil::saved::{FileStore, RestoredWindow};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// let store = FileStore::new(folder.path().join("payments.state"));
    /// let saved = store.load().unwrap_or_else(|error| {
    ///     // with its cause, which is the error's source
    ///     eprintln!("payments starts fresh: {:#}", anyhow::Error::new(error));
    ///     None
    /// });
    /// let (breaker, controller) = Breaker::builder("payments").restore(saved).build_with_controller()?;
    /// assert!(controller.restored().is_none(), "the first time there is no file");
    /// // periodically, and at the end
    /// store.save(&controller.save())?;
    ///
    /// // after a restart
    /// let (breaker, controller) =
    ///     Breaker::builder("payments").restore(store.load()?).build_with_controller()?;
    /// if let Some(Ok(restored)) = controller.restored() {
    ///     println!("{restored}"); // restored closed, saved 12ms ago, window kept
    /// #   assert_eq!(restored.window, RestoredWindow::Kept);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "persist")]
    #[must_use]
    pub fn save(&self) -> Saved {
        self.save_at(SystemTime::now())
    }

    /// Saves as [`save`](Self::save) does, at the wall-clock time `now`: for tests and replays.
    #[cfg(feature = "persist")]
    #[must_use]
    pub fn save_at(&self, now: SystemTime) -> Saved {
        self.core.save(now)
    }

    /// Returns what was restored from the saved state that the breaker was built with, or `None` if
    /// there was no saved state.
    ///
    /// # Errors
    ///
    /// Returns why the saved state was refused. The breaker then started fresh.
    #[cfg(feature = "persist")]
    #[must_use]
    pub fn restored(&self) -> Option<Result<Restored, SavedError>> {
        self.restored.as_deref().cloned()
    }

    #[cfg(feature = "persist")]
    pub(crate) fn restoring(core: Arc<Core>, restored: Result<Restored, SavedError>) -> Controller {
        Controller {
            core,
            restored: Some(Box::new(restored)),
        }
    }

    /// Returns a handle that only reads.
    #[must_use]
    pub fn observer(&self) -> Observer {
        Observer::new(self.core.clone())
    }

    /// Returns what no other breaker has as long as this one is observed, and no handle is made for it.
    #[cfg(feature = "fleet")]
    pub(crate) fn identity(&self) -> usize {
        core::ptr::from_ref::<Core>(&self.core).addr()
    }

    /// Returns the snapshot without the series of buckets. No handle is made for it, which for a moment would be taken
    /// for a user.
    #[cfg(feature = "registry")]
    pub(crate) fn figures(&self) -> Snapshot {
        self.core.figures()
    }
}
