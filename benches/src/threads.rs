//! Calls that overlap: threads that begin together, and go on until the last of them is done.

use crate::waited;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::thread;
use std::time::{Duration, Instant};

/// All threads pass together, or nearly, as often as they come. They spin, since one that sleeps
/// wakes too late.
#[derive(Debug)]
pub struct Gate {
    threads: u64,
    arrivals: AtomicU64,
    made: Instant,
}

/// What arrivals there must be for a gate to open.
#[derive(Clone, Copy, Debug)]
pub struct Opens(u64);

/// So many arrivals that every gate is open: a thread is gone, and nobody need wait for it.
const BROKEN: u64 = 1 << 63;

impl Gate {
    /// One for so many threads.
    #[must_use]
    pub fn new(threads: usize) -> Gate {
        Gate {
            threads: threads as u64,
            arrivals: AtomicU64::new(0),
            made: Instant::now(),
        }
    }

    /// One more is here.
    pub fn arrive(&self) -> Opens {
        let before = self.arrivals.fetch_add(1, Release);
        Opens(before - before % self.threads + self.threads)
    }

    /// Whether all who are to come are here.
    #[must_use]
    pub fn is_open(&self, opens: Opens) -> bool {
        self.arrivals.load(Acquire) >= opens.0
    }

    /// Arrives, and waits for the others.
    pub fn pass(&self) {
        let opens = self.arrive();
        while !self.is_open(opens) {
            // the other thread may be waiting for this CPU
            thread::yield_now();
        }
    }

    /// Opens for ever, so that a thread which panics does not leave the others waiting.
    pub fn break_down(&self) {
        self.arrivals.fetch_or(BROKEN, Release);
    }

    /// Whether a thread is gone.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.arrivals.load(Relaxed) & BROKEN != 0
    }
}

/// What a thread's calls took, and for how long the thread had to wait for a CPU.
#[derive(Clone, Copy, Debug, Default)]
pub struct Took {
    /// When they began, by a clock that all threads share.
    pub began: Duration,
    /// The time of the calls that count.
    pub time: Duration,
    /// The time until all threads' calls were done.
    pub whole: Duration,
    /// How much of the whole time the thread could have run and had no CPU; zero where the system
    /// does not tell.
    pub waited: Duration,
}

/// The part of the time that a thread may wait for a CPU, or come too late: with more of it threads
/// take turns, and do not meet.
const AWAY: f64 = 0.1;

impl Took {
    /// The part of the whole time that the thread did not wait for a CPU.
    #[must_use]
    pub fn presence(&self) -> f64 {
        1.0 - self.waited.as_secs_f64() / self.whole.as_secs_f64()
    }

    /// Whether the thread had a CPU nearly whenever it could run.
    #[must_use]
    pub fn is_present(&self) -> bool {
        self.waited <= self.whole.mul_f64(AWAY)
    }

    /// Whether threads really ran at the same time: each had a CPU, and none came late.
    pub fn overlap(threads: impl Iterator<Item = Took> + Clone) -> bool {
        let first = threads.clone().map(|t| t.began).min();
        threads.clone().all(|t| t.is_present())
            && first.is_some_and(|first| {
                threads
                    .clone()
                    .all(|t| t.began - first <= t.time.mul_f64(AWAY))
            })
    }
}

/// How many calls a thread that is done makes between two looks at whether the others are.
const FURTHER: u64 = 8;

/// One thread's part: it begins when all do, makes `calls` calls, which are timed, and goes on
/// calling until all are done, so that the slowest one's last calls are contended like its first.
/// `make` makes as many calls as it is told.
pub fn overlapped(start: &Gate, end: &Gate, calls: u64, mut make: impl FnMut(u64)) -> Took {
    start.pass();
    let before = waited();
    let began = Instant::now();
    make(calls);
    let time = began.elapsed();
    let all = end.arrive();
    while !end.is_open(all) {
        make(FURTHER);
    }
    let (whole, after) = (began.elapsed(), waited());
    Took {
        began: began.duration_since(start.made),
        time,
        whole,
        waited: Duration::from_nanos(after.unwrap_or(0).saturating_sub(before.unwrap_or(0))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_opens_when_all_are_here_and_again() {
        let gate = Gate::new(2);
        for _ in 0..3 {
            let first = gate.arrive();
            assert!(!gate.is_open(first));
            let second = gate.arrive();
            assert!(gate.is_open(first) && gate.is_open(second));
        }
        let alone = gate.arrive();
        gate.break_down();
        assert!(gate.is_broken() && gate.is_open(alone));
    }

    #[test]
    fn each_thread_makes_its_calls_and_some_that_are_not_timed() {
        let (start, end) = (Gate::new(2), Gate::new(2));
        let one = || {
            let mut made = Vec::new();
            let took = overlapped(&start, &end, 100, |n| made.push(n));
            assert_eq!(made[0], 100);
            assert!(made[1..].iter().all(|&n| n == FURTHER));
            took
        };
        thread::scope(|scope| {
            let other = scope.spawn(one);
            one();
            other.join().expect("it ends");
        });
    }

    fn took(began: u64, time: u64, whole: u64, waited: u64) -> Took {
        let [began, time, whole, waited] = [began, time, whole, waited].map(Duration::from_micros);
        Took {
            began,
            time,
            whole,
            waited,
        }
    }

    #[test]
    fn a_thread_that_waited_for_a_cpu_was_not_present() {
        assert!(took(0, 50, 100, 5).is_present());
        assert!(!took(0, 100, 100, 20).is_present());
        assert!(Took::default().is_present());
    }

    #[test]
    fn threads_overlap_if_all_are_present_and_none_comes_late() {
        let overlap = |other| Took::overlap([took(500, 100, 200, 0), other].into_iter());
        assert!(overlap(took(509, 200, 200, 5)));
        assert!(!overlap(took(530, 200, 200, 5)), "it came late");
        assert!(!overlap(took(509, 100, 200, 100)), "it was away");
    }
}
