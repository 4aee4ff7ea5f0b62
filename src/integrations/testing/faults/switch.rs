//! The switch of faults, and their counts.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Switches the faults of one or more [`FaultLayer`](super::FaultLayer)s on and off, and counts them. It is off until
/// it is switched on. Clones are the same switch.
///
/// ```
/// use tripcoil::testing::Faults;
///
/// let faults = Faults::new();
/// assert!(!faults.is_on());
/// faults.clone().on();
/// assert!(faults.is_on());
/// faults.off();
/// assert_eq!(faults.injected().answers, 0);
/// ```
#[derive(Clone, Default)]
pub struct Faults {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    on: AtomicBool,
    answers: AtomicU64,
    delays: AtomicU64,
    hangs: AtomicU64,
}

/// The faults that were injected since the [`Faults`] were created.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Injected {
    /// Requests that were answered without the service.
    pub answers: u64,
    /// Requests whose answer was delayed, injected ones included.
    pub delays: u64,
    /// Requests that were never answered.
    pub hangs: u64,
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (on, injected) = (self.is_on(), self.injected());
        let mut shown = f.debug_struct("Faults");
        shown.field("on", &on).field("injected", &injected).finish()
    }
}

impl Faults {
    /// Returns a switch that is off.
    #[must_use]
    pub fn new() -> Faults {
        Faults::default()
    }

    /// Switches the faults on, for requests from now on.
    pub fn on(&self) {
        self.shared.on.store(true, Ordering::Relaxed);
    }

    /// Switches the faults off, for requests from now on. A request that hangs goes on hanging until its caller
    /// gives up, as it does in a real outage; a delay that has begun goes on.
    pub fn off(&self) {
        self.shared.on.store(false, Ordering::Relaxed);
    }

    /// Returns whether the faults are on.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.shared.on.load(Ordering::Relaxed)
    }

    /// Returns the faults that were injected so far.
    #[must_use]
    pub fn injected(&self) -> Injected {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Injected {
            answers: read(&self.shared.answers),
            delays: read(&self.shared.delays),
            hangs: read(&self.shared.hangs),
        }
    }

    pub(super) fn count_answer(&self) {
        self.shared.answers.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_delay(&self) {
        self.shared.delays.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_hang(&self) {
        self.shared.hangs.fetch_add(1, Ordering::Relaxed);
    }
}
