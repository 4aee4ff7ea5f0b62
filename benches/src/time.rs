//! The floor's clock, which is the crate's coarse one, and how long a thread waited for a CPU.

#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
mod system {
    use rustix::time::{ClockId, Timespec, clock_gettime};

    /// A reading of the coarse clock.
    #[must_use]
    #[inline(always)]
    pub fn coarse() -> u64 {
        nanos(clock_gettime(ClockId::MonotonicCoarse))
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
    #[must_use]
    #[inline(always)]
    pub fn coarse() -> Duration {
        START.get_or_init(Instant::now).elapsed()
    }
}

pub use system::coarse;

/// For how many nanoseconds this thread could have run and had no CPU, where the system tells. A
/// thread that sleeps, on a lock say, waits for no CPU.
#[must_use]
pub fn waited() -> Option<u64> {
    delay::read()
}

#[cfg(target_os = "linux")]
mod delay {
    use std::fs::File;
    use std::os::unix::fs::FileExt;

    std::thread_local! {
        // opened once: to read it is short beside any slice
        static STATISTICS: Option<File> = File::open("/proc/thread-self/schedstat").ok();
    }

    pub(super) fn read() -> Option<u64> {
        let mut text = [0; 80];
        let length = STATISTICS.with(|file| file.as_ref()?.read_at(&mut text, 0).ok())?;
        // time on a CPU, time waiting for one, times that it was given one
        let text = std::str::from_utf8(&text[..length]).ok()?;
        text.split(' ').nth(1)?.parse().ok()
    }
}

#[cfg(not(target_os = "linux"))]
mod delay {
    pub(super) fn read() -> Option<u64> {
        None
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn the_system_tells_how_long_a_thread_waited() {
        let before = super::waited().expect("it tells");
        std::thread::sleep(std::time::Duration::from_millis(20));
        let after = super::waited().expect("it tells");
        // it may have waited after its sleep, but the sleep is no waiting
        assert!(after >= before);
    }
}
