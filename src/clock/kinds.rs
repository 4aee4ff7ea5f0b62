//! The clock of a breaker, by its kind, and the one that moves by hand.

use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;

use crate::clock::custom::{Custom, TimeSource};
use crate::clock::nanos::{LAST, saturating_nanos};
#[cfg(feature = "std")]
use crate::clock::system;
use crate::error::ConfigError;
use crate::sync::atomic::Counter;

/// A breaker's source of time, fixed when it is built.
///
/// | clock | cost of a reading | resolution |
/// |---|---|---|
/// | `Clock::coarse()`, the default | a few nanoseconds | the kernel's tick, 1 to 10 ms |
/// | `Clock::upkeep()` | a load, and one thread per process | 1 ms |
/// | `Clock::precise()` | about 20 ns | 1 ns |
/// | [`Clock::custom(..)`](Self::custom) | depends on the source | as the source reports |
/// | a [`ManualClock`] | a load | 1 ns |
///
/// On a system without a coarse clock, `coarse()` reads the precise one. All of them are monotonic:
/// setting the date does not move them.
///
/// Without the `std` feature, and on `wasm32-unknown-unknown`, which has no clock, there is no
/// default: `build()` then requires a custom or a manual clock.
///
/// ```
/// use tripcoil::{Breaker, Clock, ManualClock};
///
/// let breaker = Breaker::builder("payments").clock(Clock::precise()).build()?;
///
/// let manual = ManualClock::new();
/// let simulated = Breaker::builder("payments").clock(&manual).build()?;
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    #[cfg(feature = "std")]
    Coarse,
    #[cfg(feature = "std")]
    Upkeep,
    #[cfg(feature = "std")]
    Precise,
    Custom(Arc<Custom>),
    Manual(ManualClock),
    /// The default where there is no clock: validation refuses it.
    #[cfg(not(feature = "std"))]
    Unset,
}

/// By kind; manual clocks are equal if they are clones of one another.
impl PartialEq for Clock {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Source::Manual(a), Source::Manual(b)) => Arc::ptr_eq(&a.now, &b.now),
            (Source::Custom(a), Source::Custom(b)) => Arc::ptr_eq(a, b),
            (a, b) => core::mem::discriminant(a) == core::mem::discriminant(b),
        }
    }
}

impl Eq for Clock {}

impl Clock {
    /// Returns the system's coarse monotonic clock, as fine as the kernel's tick.
    #[cfg(feature = "std")]
    #[must_use]
    pub const fn coarse() -> Self {
        Self(Source::Coarse)
    }

    /// Returns a clock that one background thread per process updates each millisecond. The thread
    /// is started by the first `build()` with this clock and never ends.
    ///
    /// A forked process has no such thread, and the clock stops there until a breaker with this clock
    /// is built after the fork.
    #[cfg(feature = "std")]
    #[must_use]
    pub const fn upkeep() -> Self {
        Self(Source::Upkeep)
    }

    /// Returns the system's monotonic clock, in nanoseconds.
    #[cfg(feature = "std")]
    #[must_use]
    pub const fn precise() -> Self {
        Self(Source::Precise)
    }

    /// Returns a clock of your own: a closure that returns the time since some start, or a
    /// [`TimeSource`].
    ///
    /// The breaker's time never goes back: a reading that is older than the latest one is replaced
    /// by the latest one. A source that does not know the time may therefore return
    /// [`Duration::ZERO`]. Clones of the clock share one time, which stops after 146 years.
    ///
    /// The source is read within calls, on the threads that make them, and sometimes on the threads
    /// of listeners and publishers. It must not panic.
    ///
    /// In a test on tokio's paused time:
    ///
    /// ```
    /// use std::time::Duration;
    /// use tripcoil::{Breaker, Clock, State};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), tripcoil::ConfigError> {
    /// let start = tokio::time::Instant::now();
    /// let breaker = Breaker::builder("payments")
    ///     .consecutive_failures(1)
    ///     .open_for(Duration::from_secs(60))
    ///     .clock(Clock::custom(move || start.elapsed()))
    ///     .build()?;
    /// let _ = breaker.call_async(async { Err::<(), _>("down") }).await;
    /// assert_eq!(breaker.state(), State::Open);
    /// tokio::time::sleep(Duration::from_secs(60)).await; // passes at once
    /// assert!(breaker.try_acquire().is_ok(), "the first probe");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn custom(source: impl TimeSource) -> Self {
        Self(Source::Custom(Arc::new(Custom::new(source))))
    }

    /// Returns nanoseconds since the clock's own start.
    #[inline]
    pub(crate) fn nanos(&self) -> u64 {
        match &self.0 {
            #[cfg(feature = "std")]
            Source::Coarse => system::coarse(),
            #[cfg(feature = "std")]
            Source::Upkeep => system::published(),
            #[cfg(feature = "std")]
            Source::Precise => system::precise(),
            Source::Custom(clock) => clock.nanos(),
            Source::Manual(clock) => clock.nanos(),
            #[cfg(not(feature = "std"))]
            Source::Unset => 0,
        }
    }

    /// Returns the coarsest tick on any machine: a shorter duration may read as zero. 0 if the
    /// stopwatch has the same resolution.
    pub(crate) fn tick(&self) -> u64 {
        match &self.0 {
            // the coarsest kernel's; what this one's is would be a system call
            #[cfg(feature = "std")]
            Source::Coarse => system::COARSEST,
            #[cfg(feature = "std")]
            Source::Upkeep => system::UPKEEP_RESOLUTION,
            Source::Custom(clock) => clock.resolution(),
            _ => 0,
        }
    }

    /// Reads the finest clock of the same source, to time a call. Its readings are never compared
    /// with those of `nanos`.
    pub(crate) fn stopwatch(&self) -> u64 {
        match &self.0 {
            #[cfg(feature = "std")]
            Source::Coarse | Source::Upkeep | Source::Precise => system::precise(),
            Source::Custom(clock) => clock.unrounded(),
            _ => self.nanos(),
        }
    }

    /// Returns by how much a call may have lasted longer than the difference of two stopwatch
    /// readings.
    pub(crate) fn unseen(&self) -> u64 {
        match &self.0 {
            #[cfg(feature = "std")]
            Source::Coarse | Source::Upkeep => system::PRECISE_RESOLUTION - 1,
            _ => self.resolution() - 1,
        }
    }

    /// Equal for clocks that read the same time.
    #[cfg(feature = "std")]
    pub(crate) fn hash(&self, hasher: &mut impl std::hash::Hasher) {
        use std::hash::Hash;
        core::mem::discriminant(&self.0).hash(hasher);
        match &self.0 {
            Source::Manual(clock) => Arc::as_ptr(&clock.now).hash(hasher),
            Source::Custom(clock) => Arc::as_ptr(clock).hash(hasher),
            _ => {}
        }
    }

    /// Returns the name used in files; `None` for a clock that only a program can make.
    #[cfg(feature = "serde")]
    pub(crate) fn name(&self) -> Option<&'static str> {
        match self.0 {
            Source::Coarse => Some("coarse"),
            Source::Upkeep => Some("upkeep"),
            Source::Precise => Some("precise"),
            Source::Custom(_) | Source::Manual(_) => None,
        }
    }

    #[cfg(feature = "serde")]
    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::coarse(), Self::upkeep(), Self::precise()]
            .into_iter()
            .find(|clock| clock.name() == Some(name))
    }

    /// Returns the smallest step of the clock, in nanoseconds; at least 1.
    pub(crate) fn resolution(&self) -> u64 {
        match &self.0 {
            #[cfg(feature = "std")]
            Source::Coarse => system::coarse_resolution(),
            #[cfg(feature = "std")]
            Source::Upkeep => system::UPKEEP_RESOLUTION,
            #[cfg(feature = "std")]
            Source::Precise => system::PRECISE_RESOLUTION,
            Source::Custom(clock) => clock.resolution(),
            Source::Manual(_) => 1,
            #[cfg(not(feature = "std"))]
            Source::Unset => 1,
        }
    }

    /// Returns what was requested, if this target lacks that clock. Used by validation.
    pub(crate) fn missing(&self) -> Option<&'static str> {
        match &self.0 {
            #[cfg(feature = "std")]
            Source::Coarse if !system::PRESENT => Some("coarse"),
            #[cfg(feature = "std")]
            Source::Upkeep if !system::PRESENT => Some("upkeep"),
            #[cfg(feature = "std")]
            Source::Precise if !system::PRESENT => Some("precise"),
            #[cfg(not(feature = "std"))]
            Source::Unset => Some("unset"),
            _ => None,
        }
    }

    /// Prepares the clock before its first reading: starts the upkeep thread.
    ///
    /// # Errors
    ///
    /// Returns a problem of the field `clock` if the system cannot start a thread.
    pub(crate) fn start(&self) -> Result<(), ConfigError> {
        match &self.0 {
            #[cfg(feature = "std")]
            Source::Upkeep => system::start_upkeep(),
            _ => Ok(()),
        }
    }
}

/// The coarse clock. Without `std` there is no default, and `build()` refuses the unset clock.
impl Default for Clock {
    fn default() -> Self {
        #[cfg(feature = "std")]
        return Self::coarse();
        #[cfg(not(feature = "std"))]
        return Self(Source::Unset);
    }
}

impl From<ManualClock> for Clock {
    fn from(clock: ManualClock) -> Self {
        Self(Source::Manual(clock))
    }
}

impl From<&ManualClock> for Clock {
    fn from(clock: &ManualClock) -> Self {
        Self::from(clock.clone())
    }
}

/// A clock that you move by hand: for tests, simulations, and systems with a time source of their
/// own. Clones share one time.
///
/// ```
/// use std::time::Duration;
/// use tripcoil::ManualClock;
///
/// let clock = ManualClock::new();
/// let same = clock.clone();
/// clock.advance(Duration::from_millis(1500));
/// assert_eq!(same.now(), Duration::from_millis(1500));
/// ```
#[derive(Clone, Default)]
pub struct ManualClock {
    now: Arc<Counter>,
}

impl ManualClock {
    /// Returns a clock at zero.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves the clock forward, for all its clones. It stops after 146 years.
    pub fn advance(&self, by: Duration) {
        self.now.add_up_to(saturating_nanos(by), LAST);
    }

    /// Returns the time since the clock's start.
    #[must_use]
    pub fn now(&self) -> Duration {
        Duration::from_nanos(self.nanos())
    }

    #[inline]
    fn nanos(&self) -> u64 {
        self.now.get()
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ManualClock").field(&self.now()).finish()
    }
}

#[cfg(test)]
mod tests;
