//! Where a breaker takes its time from.
//!
//! A clock is read on every call, so it is an enum that is matched, and no trait object but for a
//! clock of the user's own. Readings are nanoseconds since a start that each clock has for itself;
//! none is ever compared with another clock's. A clock may stand still, and a reading may be older
//! than one that another thread took before: the engine copes with both.

mod custom;
mod nanos;
#[cfg(feature = "std")]
mod system;

pub use custom::TimeSource;
use nanos::LAST;
pub(crate) use nanos::saturating_nanos;

use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;

use crate::error::ConfigError;
use crate::sync::atomic::Counter;
use custom::Custom;

/// A breaker's source of time, fixed when it is built.
///
/// | clock | a reading costs | and is as fine as |
/// |---|---|---|
/// | `Clock::coarse()`, the default | a few nanoseconds | the kernel's tick, 1 to 10 ms |
/// | `Clock::upkeep()` | a load; and one thread a process | 1 ms |
/// | `Clock::precise()` | some 20 ns | 1 ns |
/// | [`Clock::custom(..)`](Self::custom) | what its source costs | its source says |
/// | a [`ManualClock`] | a load | 1 ns |
///
/// Where the system has no coarse clock, `coarse()` reads the precise one. All of them are
/// monotonic: setting the date moves none of them.
///
/// Without the `std` feature, and on `wasm32-unknown-unknown`, which has no time of its own, there is
/// no default: `build()` asks for a custom or a manual clock.
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
    /// The default where no clock can be: validation refuses it.
    #[cfg(not(feature = "std"))]
    Unset,
}

/// By kind; manual clocks are equal if they are clones of the same.
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
    /// The system's coarse monotonic clock, as fine as the kernel's tick.
    #[cfg(feature = "std")]
    #[must_use]
    pub const fn coarse() -> Self {
        Self(Source::Coarse)
    }

    /// A time that one background thread publishes each millisecond for the whole process. The
    /// thread is started by the first `build()` with this clock and never ends.
    ///
    /// A process forked later has no such thread, and its time stands still: build its breakers
    /// after the fork, or take another clock.
    #[cfg(feature = "std")]
    #[must_use]
    pub const fn upkeep() -> Self {
        Self(Source::Upkeep)
    }

    /// The system's monotonic clock, in nanoseconds.
    #[cfg(feature = "std")]
    #[must_use]
    pub const fn precise() -> Self {
        Self(Source::Precise)
    }

    /// A clock of your own: a closure that gives the time since some start, or a [`TimeSource`].
    ///
    /// The time that the breaker takes from it never goes back, whatever the source says: a reading
    /// that is older than the latest one is that one. So a source that cannot say what time it is may
    /// answer [`Duration::ZERO`]. Clones of the clock share one time, which stops after 146 years.
    ///
    /// The source is read within calls, on the threads that make them, and now and then on those of
    /// listeners and publishers. It must not panic.
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

    /// Nanoseconds since the clock's own start.
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

    /// What is shorter cannot be told from nothing on any machine; 0 where the stopwatch is no finer.
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

    /// To time a call by: as fine as the same source of time can be. No reading of it is compared
    /// with one of `nanos`.
    pub(crate) fn stopwatch(&self) -> u64 {
        match &self.0 {
            #[cfg(feature = "std")]
            Source::Coarse | Source::Upkeep | Source::Precise => system::precise(),
            Source::Custom(clock) => clock.unrounded(),
            _ => self.nanos(),
        }
    }

    /// By how much a call may have lasted longer than two readings of the stopwatch are apart.
    pub(crate) fn unseen(&self) -> u64 {
        match &self.0 {
            #[cfg(feature = "std")]
            Source::Coarse | Source::Upkeep => system::PRECISE_RESOLUTION - 1,
            _ => self.resolution() - 1,
        }
    }

    /// Of clocks that tell the same time the same.
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

    /// As files have it; `None` for one that only a program can hold.
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

    /// The smallest step that the clock tells, in nanoseconds; at least 1.
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

    /// What was asked for, if it is a clock that this target has not: validation asks.
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

    /// Readies the clock, before its first reading: the upkeep thread has to run.
    ///
    /// # Errors
    /// A problem with the field `clock` if the system gives no thread.
    pub(crate) fn start(&self) -> Result<(), ConfigError> {
        match &self.0 {
            #[cfg(feature = "std")]
            Source::Upkeep => system::start_upkeep(),
            _ => Ok(()),
        }
    }
}

/// The coarse clock; without `std` none, which `build()` refuses.
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

/// A clock that moves when it is told to: for tests, for simulations, and for systems that bring
/// a time of their own. Clones share one time.
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
    /// A clock that stands at zero.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves the clock on, for all its clones. It stops at its end, after 146 years.
    pub fn advance(&self, by: Duration) {
        self.now.add_up_to(saturating_nanos(by), LAST);
    }

    /// The time since the clock's beginning.
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
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn a_manual_clock_is_shared_and_stops_at_its_end() {
        let manual = ManualClock::new();
        let clocks = [Clock::from(&manual), Clock::from(manual.clone())];
        manual.advance(Duration::from_nanos(7));
        assert!(clocks.iter().all(|clock| clock.nanos() == 7));
        assert_eq!(clocks[0].resolution(), 1);
        assert_eq!(format!("{manual:?}"), "ManualClock(7ns)");
        assert_eq!(
            format!("{:?}", clocks[0]),
            "Clock(Manual(ManualClock(7ns)))"
        );
        manual.advance(Duration::MAX);
        manual.advance(Duration::from_secs(1));
        assert_eq!(manual.now(), Duration::from_nanos(LAST));
    }

    #[test]
    fn long_durations_saturate() {
        assert_eq!(saturating_nanos(Duration::from_nanos(u64::MAX)), u64::MAX);
        assert_eq!(saturating_nanos(Duration::MAX), u64::MAX);
        assert_eq!(saturating_nanos(Duration::from_micros(3)), 3000);
    }

    #[cfg(feature = "std")]
    #[test]
    fn system_clocks_move_with_the_time() {
        for clock in [Clock::coarse(), Clock::upkeep(), Clock::precise()] {
            assert_eq!(clock.start(), Ok(()));
            assert!(clock.missing().is_none() && clock.resolution() >= 1);
            // Both are true of any system, however busy: a sleep is never shorter than asked, and
            // a clock lags at most by its resolution and what its thread was kept waiting.
            let (wall, start) = (std::time::Instant::now(), clock.nanos());
            let asked =
                Duration::from_nanos(20 * clock.resolution()).max(Duration::from_millis(20));
            let mut moved = 0;
            while moved < saturating_nanos(asked) {
                std::thread::sleep(Duration::from_millis(1));
                let now = clock.nanos();
                assert!(now >= start + moved, "{clock:?} went back");
                moved = now - start;
                assert!(
                    wall.elapsed() < Duration::from_secs(60),
                    "{clock:?} stands still"
                );
            }
            let lag = Duration::from_nanos(clock.resolution()) + Duration::from_millis(1);
            let passed = wall.elapsed() + lag;
            // The upkeep thread may have been late with its first reading, not with its last.
            if !matches!(clock.0, Source::Upkeep) {
                assert!(moved <= saturating_nanos(passed), "{clock:?} runs ahead");
            }
        }
    }

    #[cfg(feature = "std")]
    #[test]
    fn one_thread_publishes_however_many_ask() {
        let clock = Clock::upkeep();
        for _ in 0..3 {
            assert_eq!(clock.start(), Ok(()));
        }
        let (published, precise) = (clock.nanos(), Clock::precise().nanos());
        assert!(published <= precise);
        // Published when it was started, if never since.
        assert!(precise - published < saturating_nanos(Duration::from_secs(60)));
    }

    #[cfg(not(feature = "std"))]
    #[test]
    fn without_std_there_is_no_default() {
        assert_eq!(Clock::default().missing(), Some("unset"));
        assert_eq!(Clock::from(ManualClock::new()).missing(), None);
        assert_eq!(Clock::custom(|| Duration::ZERO).missing(), None);
    }
}
