//! The calls that a dependency has had.

use std::sync::atomic::{AtomicU64, Ordering};

/// The calls that a [`Dependency`](super::Dependency) has had.
///
/// `made` is the sum of all others, unless a call begins or ends during the reading.
///
/// ```
/// use tripcoil::FailureKind;
/// use tripcoil::testing::{Dependency, Script};
///
/// let orders = Dependency::new(Script::new().fails(1, FailureKind::Data).then_succeeds());
/// let _ = (orders.call(), orders.call());
/// let calls = orders.calls();
/// assert_eq!((calls.made, calls.failed, calls.succeeded), (2, 1, 1));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Calls {
    /// Calls that began. The future of a call begins when it is first polled.
    pub made: u64,
    /// Calls that succeeded.
    pub succeeded: u64,
    /// Calls that failed, synchronous ones that hung included.
    pub failed: u64,
    /// Calls that panicked.
    pub panicked: u64,
    /// Futures of calls that began and were dropped before their end, such as those that hung.
    pub cancelled: u64,
    /// Calls that have begun and not ended.
    pub in_flight: u64,
}

/// How a call ended.
#[derive(Clone, Copy)]
pub(super) enum Ended {
    Succeeded,
    Failed,
    Panicked,
    Cancelled,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    made: AtomicU64,
    ended: [AtomicU64; 4],
}

impl Counters {
    /// Counts a call, and returns its number, from zero.
    pub(super) fn begin(&self) -> u64 {
        self.made.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn end(&self, how: Ended) {
        // a reader that sees the end sees that the call was made
        self.ended[how as usize].fetch_add(1, Ordering::Release);
    }

    pub(super) fn read(&self) -> Calls {
        let [succeeded, failed, panicked, cancelled] =
            [0, 1, 2, 3].map(|how: usize| self.ended[how].load(Ordering::Acquire));
        // after the ends: a call that ended was made before
        let made = self.made.load(Ordering::Relaxed);
        let ended = succeeded + failed + panicked + cancelled;
        Calls {
            made,
            succeeded,
            failed,
            panicked,
            cancelled,
            in_flight: made.saturating_sub(ended),
        }
    }
}
