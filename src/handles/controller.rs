//! The handle that changes state and rules.

use crate::clock::saturating_nanos;
use crate::engine::state::Core;
use crate::handles::observer::Observer;
#[cfg(feature = "serde")]
use crate::saved::{
    report::{Restored, SavedError},
    value::Saved,
};
use crate::words::control::Goal;
use crate::words::deadline::Wait;
#[cfg(feature = "std")]
use crate::{config::reconfigure::Rules, error::ConfigError};
#[cfg(feature = "serde")]
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;
#[cfg(feature = "serde")]
use std::time::SystemTime;

/// The operator's handle: there is one for each breaker, given out when it is built.
///
/// Each operation says whether it changed anything. An override (`force_open`, `disable`,
/// `observe_only`) stays until this handle ends it; no outcome ever overwrites one.
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
    /// What came of the saved state that the breaker was given.
    #[cfg(feature = "serde")]
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
            #[cfg(feature = "serde")]
            restored: None,
        }
    }

    /// Reject every call, until told otherwise.
    pub fn force_open(&self) -> bool {
        self.core.operate(Goal::ForceOpen, Wait::Backoff)
    }

    /// Admit every call and count none, until told otherwise.
    pub fn disable(&self) -> bool {
        self.core.operate(Goal::Disable, Wait::Backoff)
    }

    /// Admit and count every call, never trip, and count how often a rule would have
    /// ([`Snapshot::would_trip`](crate::Snapshot::would_trip)), until told otherwise.
    pub fn observe_only(&self) -> bool {
        self.core.operate(Goal::ObserveOnly, Wait::Backoff)
    }

    /// End an override with a fresh closed state. Changes nothing where there is none.
    pub fn release(&self) -> bool {
        self.core.operate(Goal::Release, Wait::Backoff)
    }

    /// Open for the next wait of the backoff. Changes nothing under an override.
    pub fn trip(&self) -> bool {
        self.core.operate(Goal::Trip, Wait::Backoff)
    }

    /// Open for that long, which may be zero; neither `max` nor jitter touches it. Changes nothing
    /// under an override.
    pub fn trip_for(&self, wait: Duration) -> bool {
        self.core
            .operate(Goal::Trip, Wait::Exactly(saturating_nanos(wait)))
    }

    /// Begin a round of probes. Changes nothing under an override.
    pub fn half_open(&self) -> bool {
        self.core.operate(Goal::HalfOpen, Wait::Backoff)
    }

    /// Begin a round of probes in the place of the Open of that
    /// [generation](crate::Snapshot::generation), and of nothing else: true for one caller at most.
    /// For whoever decides on what a snapshot showed a while ago, and must not throw a breaker that
    /// has closed meanwhile back into a round.
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
        self.core.half_open_from(generation)
    }

    /// A fresh closed state from any other, overrides included: window, run and backoff begin anew.
    pub fn reset(&self) -> bool {
        self.core.operate(Goal::Reset, Wait::Backoff)
    }

    /// While open: no probe before `wait` from now. It only moves the moment later, is not capped,
    /// and changes nothing in any other state.
    pub fn postpone(&self, wait: Duration) -> bool {
        self.core.postpone(None, saturating_nanos(wait))
    }

    /// [`postpone`](Self::postpone) in the Open of that [generation](crate::Snapshot::generation)
    /// alone.
    pub fn postpone_in(&self, generation: u64, wait: Duration) -> bool {
        self.core.postpone(Some(generation), saturating_nanos(wait))
    }

    /// Change rules at work: all or none of what `change` names. The window's geometry and the
    /// clock stay. New rules never trip by themselves; the next outcome is judged by them.
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
    /// Every problem of what would be the rules, which then stay as they are.
    #[cfg(feature = "std")]
    pub fn reconfigure(&self, change: impl FnOnce(Rules) -> Rules) -> Result<(), ConfigError> {
        let changes = change(Rules::unchanged());
        self.core.head.policy.update(|policy| {
            let config = changes.upon(&policy.config);
            let valid = config.validate();
            valid.map_err(|error| error.of_breaker(&self.core.name))?;
            Ok(policy.replaced_by(config))
        })?;
        self.core.adopt_rules();
        Ok(())
    }

    /// The state of now, to be kept and given to a breaker of the same name in a later process: see
    /// [`Builder::restore`](crate::Builder::restore). It is read as a snapshot is, and stops no call.
    ///
    /// ```
    /// use tripcoil::{Breaker, FileStore, RestoredWindow};
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
    /// // now and then, and at the end
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
    #[cfg(feature = "serde")]
    #[must_use]
    pub fn save(&self) -> Saved {
        self.save_at(SystemTime::now())
    }

    /// The same, by a wall clock of your own: for tests and replays.
    #[cfg(feature = "serde")]
    #[must_use]
    pub fn save_at(&self, now: SystemTime) -> Saved {
        self.core.save(now)
    }

    /// What came of the saved state that the breaker was built from; `None` if it was given none.
    ///
    /// # Errors
    ///
    /// Why it was refused: then the breaker started fresh.
    #[cfg(feature = "serde")]
    #[must_use]
    pub fn restored(&self) -> Option<Result<Restored, SavedError>> {
        self.restored.as_deref().cloned()
    }

    #[cfg(feature = "serde")]
    pub(crate) fn restoring(core: Arc<Core>, restored: Result<Restored, SavedError>) -> Controller {
        Controller {
            core,
            restored: Some(Box::new(restored)),
        }
    }

    /// A handle that only reads.
    #[must_use]
    pub fn observer(&self) -> Observer {
        Observer::new(self.core.clone())
    }
}
