//! The system's clocks, and the thread that publishes one of them.

use alloc::{format, vec};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crossbeam_utils::CachePadded;

use crate::error::{ConfigError, Problem};
use crate::sync::atomic::Counter;
use crate::sync::atomic::process;

pub(super) use platform::{PRECISE_RESOLUTION, coarse, coarse_resolution, precise};

/// Whether this target has a clock: if not, the standard library would panic.
pub(super) const PRESENT: bool = !cfg!(all(target_family = "wasm", target_os = "unknown"));

/// How often the upkeep thread publishes the time, in nanoseconds.
pub(super) const UPKEEP_RESOLUTION: u64 = 1_000_000;

/// The longest tick of a kernel, in nanoseconds.
pub(super) const COARSEST: u64 = 10_000_000;

/// The time that the upkeep thread published last. On a cache line of its own, because every call
/// of a breaker with this clock reads it.
static PUBLISHED: CachePadded<Counter> = CachePadded::new(Counter::new(0));

/// The process in which the upkeep thread runs. A forked child has its parent's memory, and not the thread.
static RUNNING_IN: Mutex<Option<u32>> = Mutex::new(None);

#[inline]
pub(super) fn published() -> u64 {
    PUBLISHED.get()
}

/// Raises the time and never sets it back: a thread that publishes late changes nothing.
fn publish() {
    PUBLISHED.raise(precise());
}

/// Starts the upkeep thread unless it is running. The time is published once before this returns.
/// If the thread could not be started, the next call tries again.
pub(super) fn start_upkeep() -> Result<(), ConfigError> {
    let mut running = RUNNING_IN.lock().unwrap_or_else(PoisonError::into_inner);
    let process = process();
    if *running == Some(process) {
        return Ok(());
    }
    publish();
    let thread = std::thread::Builder::new().name("tripcoil-upkeep".into());
    match thread.spawn(keep_up) {
        Ok(_) => *running = Some(process),
        Err(error) => {
            return ConfigError::of(vec![Problem {
                field: "clock",
                value: format!("upkeep, whose thread does not start ({error})"),
                permitted: "a clock that needs no thread".into(),
            }]);
        }
    }
    Ok(())
}

fn keep_up() {
    loop {
        std::thread::sleep(Duration::from_nanos(UPKEEP_RESOLUTION));
        publish();
    }
}

#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
mod platform {
    use crate::sync::asked::Asked;
    use rustix::time::{ClockId, Timespec, clock_getres, clock_gettime};

    pub(in super::super) const PRECISE_RESOLUTION: u64 = 1;

    /// FreeBSD takes `MonotonicCoarse` as another name of its `CLOCK_MONOTONIC_FAST`.
    #[inline]
    pub(in super::super) fn coarse() -> u64 {
        nanos(clock_gettime(ClockId::MonotonicCoarse))
    }

    /// Each `build()` needs it, and a system call for it would take as long as all the rest.
    static COARSE_RESOLUTION: Asked = Asked::new();

    pub(in super::super) fn coarse_resolution() -> u64 {
        COARSE_RESOLUTION.get_or(|| nanos(clock_getres(ClockId::MonotonicCoarse)).max(1))
    }

    #[inline]
    pub(in super::super) fn precise() -> u64 {
        nanos(clock_gettime(ClockId::Monotonic))
    }

    /// Monotonic clocks start at zero or above, and reach `u64` nanoseconds after 584 years.
    #[inline]
    fn nanos(time: Timespec) -> u64 {
        (time.tv_sec as u64)
            .wrapping_mul(1_000_000_000)
            .wrapping_add(time.tv_nsec as u64)
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
mod platform {
    use std::sync::OnceLock;
    use std::time::Instant;

    /// The coarsest counter among the systems that come here (Windows ticks each 100 ns).
    pub(in super::super) const PRECISE_RESOLUTION: u64 = 100;

    static START: OnceLock<Instant> = OnceLock::new();

    #[inline]
    pub(in super::super) fn coarse() -> u64 {
        precise()
    }

    pub(in super::super) fn coarse_resolution() -> u64 {
        PRECISE_RESOLUTION
    }

    #[inline]
    pub(in super::super) fn precise() -> u64 {
        let since = START.get_or_init(Instant::now).elapsed();
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }
}
