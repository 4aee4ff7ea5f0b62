//! A clock of the user's own.
//!
//! The source may return anything. Its readings are rounded down to whole steps of its resolution,
//! and never go back. For that the latest reading is kept in a word that all readers share. It is
//! written once per step, so a source with a coarse resolution causes few writes.

use crate::clock::nanos::{LAST, saturating_nanos};
use crate::sync::atomic::Counter;
use alloc::boxed::Box;
use core::fmt;
use core::time::Duration;

/// A source of time, for [`Clock::custom`](crate::Clock::custom). Any closure that returns a
/// [`Duration`] is one, with a resolution of 1 ns.
///
/// ```
/// use std::time::Duration;
/// use tripcoil::clock::TimeSource;
/// use tripcoil::{Breaker, Clock};
///
/// /// In a browser, say, `performance.now()`, which tells tenths of a millisecond.
/// struct Page;
/// # fn performance_now() -> f64 { 12.3 }
///
/// impl TimeSource for Page {
///     fn now(&self) -> Duration {
///         Duration::from_secs_f64(performance_now() / 1000.0)
///     }
///     fn resolution(&self) -> Duration {
///         Duration::from_micros(100)
///     }
/// }
/// let breaker = Breaker::builder("payments").clock(Clock::custom(Page)).build()?;
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
pub trait TimeSource: Send + Sync + 'static {
    /// Returns the time since a fixed start.
    ///
    /// A panic in it reaches the caller, with two exceptions where it is caught. If a call is
    /// already unwinding, the call ends at the latest time known (without `std` it aborts the
    /// process). On the threads that listeners share, the transition then has no `wall_time`. A
    /// registry does not evict a breaker whose clock panics.
    ///
    /// If it hangs, the calling thread waits; the breaker's other threads do not. A registry may
    /// wait: it reads its breakers' clocks under its lock when it looks for breakers to forget, so
    /// first uses of keys and sweeps then wait too.
    fn now(&self) -> Duration;

    /// Returns the smallest step of the source. Read once; at least 1 ns, which is the default.
    ///
    /// The breaker's clock moves in such steps, and `build()` refuses buckets, slow limits and
    /// waits that are finer. A larger step means fewer writes to a word that all threads share.
    fn resolution(&self) -> Duration {
        Duration::from_nanos(1)
    }
}

impl<F: Fn() -> Duration + Send + Sync + 'static> TimeSource for F {
    fn now(&self) -> Duration {
        self()
    }
}

pub(super) struct Custom {
    source: Box<dyn TimeSource>,
    resolution: u64,
    latest: Counter,
}

impl Custom {
    pub(super) fn new(source: impl TimeSource) -> Custom {
        Custom {
            resolution: saturating_nanos(source.resolution()).max(1),
            source: Box::new(source),
            latest: Counter::new(0),
        }
    }

    pub(super) fn resolution(&self) -> u64 {
        self.resolution
    }

    #[inline(never)]
    pub(super) fn unrounded(&self) -> u64 {
        #[cfg(feature = "std")]
        if std::thread::panicking() {
            return self.while_unwinding();
        }
        saturating_nanos(self.source.now()).min(LAST)
    }

    /// Reads the clock for a call that is unwinding. A second panic, from the source, would abort
    /// the process; instead the time does not move.
    #[cfg(feature = "std")]
    #[cold]
    fn while_unwinding(&self) -> u64 {
        match crate::error::caught::caught(|| self.source.now()) {
            Some(now) => saturating_nanos(now).min(LAST),
            None => self.latest.get(),
        }
    }

    #[inline(never)]
    pub(super) fn nanos(&self) -> u64 {
        let now = self.unrounded();
        let now = now - now % self.resolution;
        let latest = self.latest.get();
        if now > latest {
            // another thread may have read a later time meanwhile
            self.latest.raise(now)
        } else {
            latest
        }
    }
}

impl fmt::Debug for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let resolution = Duration::from_nanos(self.resolution);
        write!(f, "{resolution:?}")
    }
}

#[cfg(test)]
mod tests;
