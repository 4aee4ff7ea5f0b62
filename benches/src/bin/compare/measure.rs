//! The rounds: in each of them every side has one slice, all threads at once.

use crate::sides::{Hot, Subject, with_timer};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::Duration;
use tripcoil_benches::{Gate, Took, overlapped};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// How long a side's calls are to take in a round.
    pub(crate) slice: Duration,
    pub(crate) rounds: usize,
    /// Until when in a run sides of which too many rounds were spoilt are measured again.
    pub(crate) patience: Duration,
}

/// What a side's rounds gave.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample {
    /// Nanoseconds a call, one number a round.
    pub(crate) ns: Vec<f64>,
    /// Rounds that are not in `ns`: a thread had no CPU for a part of it.
    pub(crate) spoilt: usize,
    /// Calls that were not answered as the workload has it.
    pub(crate) astray: u64,
}

impl Plan {
    /// A sample with fewer rounds that count is to be added to.
    pub(crate) fn wants_more(&self, sample: &Sample) -> bool {
        sample.ns.len() < self.rounds.div_ceil(2) && sample.astray == 0
    }
}

impl Sample {
    pub(crate) fn add(&mut self, more: Sample) {
        self.ns.extend(more.ns);
        self.spoilt += more.spoilt;
        self.astray += more.astray;
    }
}

/// Measures all subjects, interleaved.
pub(crate) fn measure(subjects: &[&dyn Subject], threads: usize, plan: &Plan) -> Vec<Sample> {
    let lockstep = &Lockstep::new(threads);
    let by_thread: Vec<Vec<Slices>> = thread::scope(|scope| {
        let spawned: Vec<_> = (0..threads)
            .map(|i| scope.spawn(move || with_timer(|| rounds(i, subjects, plan, lockstep))))
            .collect();
        let joined = spawned.into_iter().map(|t| t.join());
        joined.map(|slices| slices.expect("it ends")).collect()
    });
    // more threads than CPUs never run all at once
    let take_turns = threads > thread::available_parallelism().map_or(1, usize::from);
    (0..subjects.len())
        .map(|at| {
            let of_threads: Vec<&Slices> = by_thread.iter().map(|sides| &sides[at]).collect();
            sample(&of_threads, take_turns)
        })
        .collect()
}

/// One thread's slices of one side.
struct Slices {
    /// Calls in each.
    calls: u64,
    took: Vec<Took>,
    astray: u64,
}

/// Threads that do the same, slice by slice.
struct Lockstep {
    start: Gate,
    end: Gate,
    /// Nanoseconds that a calibration's slice took the slowest thread.
    slowest: AtomicU64,
}

/// One thread's part.
fn rounds(
    thread: usize,
    subjects: &[&dyn Subject],
    plan: &Plan,
    lockstep: &Lockstep,
) -> Vec<Slices> {
    let _others = Alarm(lockstep);
    let mut hot: Vec<Hot<'_>> = subjects.iter().map(|s| s.hot(thread)).collect();
    let mut slices: Vec<Slices> = hot
        .iter_mut()
        .map(|hot| Slices {
            calls: lockstep.calibrate(hot, plan.slice),
            took: Vec::with_capacity(plan.rounds),
            astray: 0,
        })
        .collect();
    for round in 0..plan.rounds {
        for i in 0..hot.len() {
            // each side is the first in its turn
            let at = (round + i) % hot.len();
            let Slices {
                calls,
                took,
                astray,
            } = &mut slices[at];
            // the side before has used the caches
            *astray += hot[at](*calls / WARM_UP + 1);
            took.push(lockstep.slice(*calls, &mut hot[at], astray));
        }
    }
    slices
}

/// This part of a slice's calls goes before it, and is not timed.
const WARM_UP: u64 = 8;
/// Calls in the first slice of the calibration: few, since some take a millisecond.
const FEW: u64 = 16;
/// The most by which a calibration's slice has more calls than the one before.
const STEP: u64 = 16;
const MOST_STEPS: usize = 20;

impl Lockstep {
    fn new(threads: usize) -> Lockstep {
        Lockstep {
            start: Gate::new(threads),
            end: Gate::new(threads),
            slowest: AtomicU64::new(0),
        }
    }

    /// A slice of so many calls on each thread.
    fn slice(&self, calls: u64, hot: &mut Hot<'_>, astray: &mut u64) -> Took {
        let took = overlapped(&self.start, &self.end, calls, |n| *astray += hot(n));
        assert!(
            !self.start.is_broken(),
            "another thread panicked: the measurement is void"
        );
        took
    }

    /// How many calls take as long as a slice should.
    fn calibrate(&self, hot: &mut Hot<'_>, slice: Duration) -> u64 {
        let mut calls = FEW;
        let mut fitted = 0;
        for _ in 0..MOST_STEPS {
            let ns = self.timed(calls, hot);
            let fit = fit(calls, ns, slice);
            if ns >= slice.as_nanos() as u64 / 2 {
                // twice: the first calls are slow, and so is a thread that had no CPU
                if fitted > 0 {
                    return fit.max(fitted);
                }
                fitted = fit;
            }
            calls = fit.min(calls * STEP);
        }
        calls
    }

    /// Nanoseconds that so many calls took the slowest thread: all threads go by it, so that they
    /// come to the same result.
    fn timed(&self, calls: u64, hot: &mut Hot<'_>) -> u64 {
        let took = self.slice(calls, hot, &mut 0);
        let ns = took.time.as_nanos() as u64;
        self.slowest.fetch_max(ns, Relaxed);
        self.start.pass();
        let slowest = self.slowest.load(Relaxed).max(1);
        self.end.pass();
        self.slowest.store(0, Relaxed);
        slowest
    }
}

/// If `calls` calls take `ns`, how many take a slice.
fn fit(calls: u64, ns: u64, slice: Duration) -> u64 {
    let fit = calls as f64 * slice.as_nanos() as f64 / ns as f64;
    (fit as u64).max(1)
}

/// A thread that panics would leave the others waiting for it.
struct Alarm<'a>(&'a Lockstep);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.start.break_down();
            self.0.end.break_down();
        }
    }
}

/// Of the threads' slices: the mean of what a call took each of them.
fn sample(threads: &[&Slices], take_turns: bool) -> Sample {
    let rounds = threads.first().map_or(0, |slices| slices.took.len());
    let mut sample = Sample {
        astray: threads.iter().map(|slices| slices.astray).sum(),
        ..Sample::default()
    };
    for round in 0..rounds {
        let slices = threads.iter().map(|s| (s.took[round], s.calls));
        if take_turns || Took::overlap(slices.clone().map(|(took, _)| took)) {
            let sum: f64 = slices
                .map(|(took, calls)| took.time.as_nanos() as f64 / calls as f64)
                .sum();
            sample.ns.push(sum / threads.len() as f64);
        } else {
            sample.spoilt += 1;
        }
    }
    sample
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slices(times: &[(u64, u64)]) -> Slices {
        let took = times.iter().map(|&(time, waited)| Took {
            began: Duration::ZERO,
            time: Duration::from_nanos(time),
            whole: Duration::from_nanos(time),
            waited: Duration::from_nanos(waited),
        });
        Slices {
            calls: 10,
            took: took.collect(),
            astray: 1,
        }
    }

    #[test]
    fn a_round_counts_if_all_threads_had_a_cpu() {
        let (one, other) = (
            slices(&[(100, 0), (200, 0)]),
            slices(&[(300, 0), (900, 800)]),
        );
        let both = sample(&[&one, &other], false);
        assert_eq!((both.ns, both.spoilt, both.astray), (vec![20.0], 1, 2));
        let crowded = sample(&[&one, &other], true);
        assert_eq!((crowded.ns, crowded.spoilt), (vec![20.0, 55.0], 0));
    }

    #[test]
    fn calls_are_fitted_to_the_slice() {
        assert_eq!(fit(10, 100, Duration::from_nanos(1000)), 100);
        assert_eq!(fit(10, 100_000, Duration::from_nanos(1000)), 1);
    }

    #[test]
    #[should_panic(expected = "it ends")]
    fn a_panic_ends_the_measurement() {
        struct Panics;
        impl Subject for Panics {
            fn hot(&self, thread: usize) -> Hot<'_> {
                Box::new(move |_| {
                    assert!(thread == 0, "as it is meant to");
                    0
                })
            }

            fn admits(&self, _script: &[bool]) -> Vec<bool> {
                Vec::new()
            }
        }
        let plan = Plan {
            slice: Duration::from_micros(1),
            rounds: 1,
            patience: Duration::ZERO,
        };
        measure(&[&Panics], 2, &plan);
    }
}
