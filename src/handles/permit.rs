//! Permits: the right to make one call, and the duty to report how it ended.

use crate::clock::saturating_nanos;
use crate::engine::call::Admission;
use crate::engine::call::Timing;
use crate::engine::state::Core;
use crate::words::outcome::Outcome;
use alloc::sync::Arc;
use core::time::Duration;

/// A way to a breaker's core, and to the stripe where its results are recorded.
pub(crate) trait Handle {
    fn core(&self) -> &Core;

    #[inline(always)]
    fn conclude(&self, admission: Admission, outcome: Outcome, timing: Timing) {
        self.core().conclude(admission, outcome, timing);
    }
}

impl Handle for &Core {
    #[inline]
    fn core(&self) -> &Core {
        self
    }
}

impl Handle for Arc<Core> {
    #[inline]
    fn core(&self) -> &Core {
        self
    }
}

/// An admitted call that has not ended. Dropping it cancels the call.
pub(crate) struct Pending<H: Handle> {
    handle: H,
    /// `None` once the call has ended.
    admission: Option<Admission>,
    /// The call's own slow limit, in nanoseconds.
    limit: Option<u64>,
}

impl<H: Handle> Pending<H> {
    #[inline]
    pub(crate) fn new(handle: H, admission: Admission, limit: Option<u64>) -> Pending<H> {
        Pending {
            handle,
            admission: Some(admission),
            limit,
        }
    }

    pub(crate) fn core(&self) -> &Core {
        self.handle.core()
    }

    /// Returns how long the call has lasted, if it is timed.
    pub(crate) fn lasted(&self) -> Option<Duration> {
        let lasted = self.core().lasted_so_far(self.admission?, self.limit)?;
        Some(Duration::from_nanos(lasted))
    }

    #[inline(always)]
    pub(crate) fn end(mut self, outcome: Outcome, lasted: Option<Duration>) {
        if let Some(admission) = self.admission.take() {
            let timing = Timing {
                lasted: lasted.map(saturating_nanos),
                limit: self.limit,
            };
            self.handle.conclude(admission, outcome, timing);
        }
    }
}

impl<H: Handle> Drop for Pending<H> {
    #[inline]
    fn drop(&mut self) {
        if let Some(admission) = self.admission.take() {
            self.handle.core().cancel(admission, self.limit);
        }
    }
}

macro_rules! permit {
    ($(#[$doc:meta])* $name:ident $(<$life:lifetime>)?, $handle:ty) => {
        $(#[$doc])*
        #[must_use = "a permit that is dropped is a cancelled call"]
        pub struct $name $(<$life>)? (pub(crate) Pending<$handle>);

        impl $(<$life>)? core::fmt::Debug for $name $(<$life>)? {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                self.0.core().debug(stringify!($name), f)
            }
        }

        impl $(<$life>)? $name $(<$life>)? {
            /// Records a success.
            #[inline]
            pub fn success(self) {
                self.0.end(Outcome::Success, None);
            }

            /// Records a failure of this kind.
            #[inline]
            pub fn failure(self, kind: crate::words::outcome::FailureKind) {
                self.0.end(Outcome::Failure(kind), None);
            }

            /// Records that the call shows nothing about the dependency: it enters no rate.
            #[inline]
            pub fn ignore(self) {
                self.0.end(Outcome::Ignored, None);
            }

            /// Records the outcome of the call. The breaker's clock decides whether it was slow,
            /// from admission to now.
            #[inline]
            pub fn record(self, outcome: Outcome) {
                self.0.end(outcome, None);
            }

            /// Records the outcome of the call, and how long it lasted by the caller's own
            /// measurement.
            #[inline]
            pub fn record_timed(self, outcome: Outcome, lasted: Duration) {
                self.0.end(outcome, Some(lasted));
            }
        }
    };
}
pub(crate) use permit;

permit! {
    /// The right to make one call. End it by recording the call's outcome. A dropped permit is a
    /// cancelled call ([`OnCancel`](crate::OnCancel)); if the call was a probe, its slot is free
    /// again.
    ///
    /// ```
    /// use tripcoil::{Breaker, FailureKind};
    ///
    /// let breaker = Breaker::builder("db").build()?;
    /// match breaker.try_acquire() {
    ///     Ok(permit) => match "42".parse::<u8>() {
    ///         Ok(_) => permit.success(),
    ///         Err(_) => permit.failure(FailureKind::Data),
    ///     },
    ///     Err(rejected) => println!("{rejected}"),
    /// }
    /// # Ok::<(), tripcoil::ConfigError>(())
    /// ```
    Permit<'a>, &'a Core
}

permit! {
    /// A [`Permit`] that borrows nothing: it can be stored, and sent to another thread.
    ///
    /// ```
    /// use tripcoil::Breaker;
    ///
    /// let breaker = Breaker::builder("db").build()?;
    /// if let Ok(permit) = breaker.try_acquire_owned() {
    ///     std::thread::spawn(move || permit.success()).join().expect("ended");
    /// }
    /// assert_eq!(breaker.observer().snapshot().totals.successes, 1);
    /// # Ok::<(), tripcoil::ConfigError>(())
    /// ```
    OwnedPermit, Arc<Core>
}
