//! What is done to the breakers, and what they are configured as for it.

use std::time::Duration;

/// Longer than any run: what is open stays open.
pub(crate) const HOUR: Duration = Duration::from_secs(3600);
/// The window of those that have one of time.
pub(crate) const WINDOW: Duration = Duration::from_secs(10);
/// The window of those that have one of outcomes.
pub(crate) const OUTCOMES: u32 = 100;
/// Calls before a rate is judged, where it can be set.
pub(crate) const MIN_CALLS: u32 = 10;
/// Successes that close a half-open breaker, where it can be set.
pub(crate) const PROBES: u32 = 2;
/// What makes a call slow: none is.
pub(crate) const SLOW_CALL: Duration = Duration::from_secs(1);
/// The part of slow calls that opens.
pub(crate) const SLOW_RATE: f64 = 0.8;
/// How many breakers the registry has.
pub(crate) const REGISTRY: usize = 1000;
/// Failures in a row that open, in one thread's cycle.
pub(crate) const RUN: u32 = 5;

/// How a breaker is configured, as far as workloads differ in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// The failure rate that opens.
    pub(crate) rate: f64,
    /// The failures in a row that open; `None` is the rule switched off.
    pub(crate) run: Option<u32>,
    /// Whether there is a rule on slow calls.
    pub(crate) slow: bool,
    /// Whether every outcome has to be judged.
    pub(crate) armed: bool,
    /// Whether it opens and closes all the time: then by exactly that run, where it has no rule
    /// on runs too.
    pub(crate) cycles: bool,
    /// How long it stays open.
    pub(crate) wait: Duration,
}

/// What a thread does, over and over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shape {
    Successes,
    OneIn100Fails,
    OneIn2Fails,
    /// Calls to a breaker that was opened before.
    Rejections,
    /// Failures until it opens, its wait, successes until it is closed.
    Cycles,
    /// Successes on one of many breakers, picked at random.
    Registry,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    /// In a table's or a picture's few words.
    pub(crate) short: &'static str,
    pub(crate) about: &'static str,
    pub(crate) shape: Shape,
    pub(crate) settings: Settings,
}

const PLAIN: Settings = Settings {
    rate: 0.5,
    run: None,
    slow: false,
    armed: false,
    cycles: false,
    wait: HOUR,
};
const WITH_RUN: Settings = Settings {
    run: Some(RUN),
    ..PLAIN
};

pub(crate) static WORKLOADS: [Workload; 11] = [
    Workload {
        name: "success",
        short: "success",
        about: "all succeed; opens at a failure rate of 0.5",
        shape: Shape::Successes,
        settings: PLAIN,
    },
    Workload {
        name: "success-run",
        short: "success, run rule",
        about: "all succeed; opens at a failure rate of 0.5, and at failures in a row",
        shape: Shape::Successes,
        settings: WITH_RUN,
    },
    Workload {
        name: "fail-1",
        short: "1 % fail",
        about: "1 % fail; opens at a failure rate of 0.5",
        shape: Shape::OneIn100Fails,
        settings: PLAIN,
    },
    Workload {
        name: "fail-1-run",
        short: "1 % fail, run rule",
        about: "1 % fail; opens at a failure rate of 0.5, and at failures in a row",
        shape: Shape::OneIn100Fails,
        settings: WITH_RUN,
    },
    Workload {
        name: "fail-50",
        short: "50 % fail",
        about: "every other call fails; opens at a failure rate of 0.9",
        shape: Shape::OneIn2Fails,
        settings: Settings { rate: 0.9, ..PLAIN },
    },
    Workload {
        name: "fail-50-run",
        short: "50 % fail, run rule",
        about: "every other call fails; opens at a failure rate of 0.9, and at failures in a row",
        shape: Shape::OneIn2Fails,
        settings: Settings {
            rate: 0.9,
            ..WITH_RUN
        },
    },
    Workload {
        name: "armed",
        short: "50 % fail, armed",
        about: "every other call fails; many failures among fewer calls than the rate needs, so \
                that each outcome is followed by an evaluation",
        shape: Shape::OneIn2Fails,
        settings: Settings {
            armed: true,
            ..PLAIN
        },
    },
    Workload {
        name: "slow",
        short: "success, slow rule",
        about: "all succeed, none is slow; opens at a failure rate of 0.5, and at a rate of 0.8 \
                of calls slower than 1 s",
        shape: Shape::Successes,
        settings: Settings {
            slow: true,
            ..PLAIN
        },
    },
    Workload {
        name: "open",
        short: "rejection",
        about: "the breaker is open, and rejects",
        shape: Shape::Rejections,
        settings: PLAIN,
    },
    Workload {
        name: "trip",
        short: "trip and recovery",
        about: "cycles: 5 failures open it, the wait is over, 2 successes close it; a figure is \
                of the whole cycle, 7 calls",
        shape: Shape::Cycles,
        settings: Settings {
            cycles: true,
            wait: Duration::ZERO,
            ..WITH_RUN
        },
    },
    Workload {
        name: "registry",
        short: "1,000 breakers",
        about: "all succeed; 1,000 breakers, one picked at random for each call",
        shape: Shape::Registry,
        settings: PLAIN,
    },
];

impl Workload {
    /// As so many threads need them: failures of several threads may come one after the other, so
    /// beyond two threads the run that opens is longer. What it costs does not depend on it.
    pub(crate) fn settings_for(&self, threads: usize) -> Settings {
        let longest = u32::try_from(threads).unwrap_or(u32::MAX / 2);
        let run = self.settings.run.map(|n| n.max(2 * longest + 1));
        Settings {
            run,
            ..self.settings
        }
    }

    /// Why it is not run with so many threads, if it is not.
    pub(crate) fn refuses(&self, threads: usize) -> Option<&'static str> {
        (self.shape == Shape::Cycles && threads > 1).then_some(
            "a cycle is one thread's: another's successes would stand between its failures",
        )
    }
}

/// Which of the calls succeed.
pub(crate) trait Pattern: Default {
    fn succeeds(&mut self) -> bool;
}

#[derive(Default)]
pub(crate) struct All;

impl Pattern for All {
    #[inline(always)]
    fn succeeds(&mut self) -> bool {
        true
    }
}

/// All but the hundredth, the two hundredth, and so on.
#[derive(Default)]
pub(crate) struct But1In100(u32);

impl Pattern for But1In100 {
    #[inline(always)]
    fn succeeds(&mut self) -> bool {
        self.0 += 1;
        if self.0 == 100 {
            self.0 = 0;
        }
        self.0 != 0
    }
}

/// The first, the third, and so on.
#[derive(Default)]
pub(crate) struct But1In2(bool);

impl Pattern for But1In2 {
    #[inline(always)]
    fn succeeds(&mut self) -> bool {
        self.0 = !self.0;
        self.0
    }
}

/// A generator of few instructions (xorshift), one a thread: which breaker is called next.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn of_thread(thread: usize) -> Random {
        Random((thread as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    /// Any number below `n`.
    #[inline(always)]
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        // the high half, scaled: no division
        (((self.0 >> 32) * n as u64) >> 32) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failures<P: Pattern>(calls: usize) -> usize {
        let mut pattern = P::default();
        (0..calls).filter(|_| !pattern.succeeds()).count()
    }

    #[test]
    fn patterns_fail_as_often_as_they_say() {
        assert_eq!(failures::<All>(1000), 0);
        assert_eq!(failures::<But1In100>(1000), 10);
        assert_eq!(failures::<But1In2>(1000), 500);
        assert!(
            But1In2::default().succeeds(),
            "a slice begins with a success"
        );
    }

    #[test]
    fn every_breaker_is_picked_about_as_often() {
        let mut random = Random::of_thread(1);
        let mut picked = [0u32; 10];
        (0..10_000).for_each(|_| picked[random.below(10)] += 1);
        assert!(picked.iter().all(|n| (900..1100).contains(n)), "{picked:?}");
    }

    #[test]
    fn overlapping_failures_are_no_run() {
        let by_run = WORKLOADS.iter().find(|w| w.name == "fail-50-run");
        let run = |threads| by_run.map(|w| w.settings_for(threads).run);
        assert_eq!(run(2), Some(Some(5)));
        assert_eq!(run(8), Some(Some(17)));
    }
}
