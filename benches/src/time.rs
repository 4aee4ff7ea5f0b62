//! The floor's clock, which is the crate's coarse one, and how long a thread really ran.

#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
mod system {
    use rustix::time::{ClockId, Timespec, clock_gettime};

    #[inline(always)]
    pub(crate) fn coarse() -> u64 {
        nanos(clock_gettime(ClockId::MonotonicCoarse))
    }

    pub(super) fn on_cpu() -> Option<u64> {
        Some(nanos(clock_gettime(ClockId::ThreadCPUTime)))
    }

    #[inline(always)]
    fn nanos(time: Timespec) -> u64 {
        (time.tv_sec as u64)
            .wrapping_mul(1_000_000_000)
            .wrapping_add(time.tv_nsec as u64)
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
mod system {
    use std::sync::OnceLock;
    use std::time::{Duration, Instant};

    static START: OnceLock<Instant> = OnceLock::new();

    /// Elsewhere the crate's coarse clock is the precise one.
    #[inline(always)]
    pub(crate) fn coarse() -> Duration {
        START.get_or_init(Instant::now).elapsed()
    }

    pub(super) fn on_cpu() -> Option<u64> {
        None
    }
}

pub(crate) use system::coarse;

/// For how many nanoseconds this thread has been on a CPU, where the system tells.
#[must_use]
pub fn on_cpu() -> Option<u64> {
    system::on_cpu()
}
