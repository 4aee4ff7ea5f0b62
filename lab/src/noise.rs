//! Noise without an outage: how often a subject opens, and what that costs. `guarantee` compares it
//! with the promise of the outage rule; `soak` runs for hours.

use crate::dice::{Dice, Stream};
use crate::grid::in_parallel;
use crate::subject::{Ended, Entry, Experiment, Outcome, Refused, Setup, Subject};
use crate::time::{MILLISECOND, Nanos, in_seconds};
use std::collections::VecDeque;
use std::fmt::Write as _;

/// Calls that fail by chance, each independently of the others.
#[derive(Clone, Copy, Debug)]
struct Noise {
    failing: f64,
    per_second: f64,
    calls: u64,
    theta: f64,
}

/// What a subject made of it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Heard {
    calls: u64,
    rejected: u64,
    openings: u64,
    /// From the first rejection of an opening to its last one, at most.
    longest: Nanos,
    lasted: Nanos,
}

const SEED: u64 = 1;
const SLOW: Nanos = 250 * MILLISECOND;
/// All answers take as long, so that they come in the order of their calls.
const LATENCY: Nanos = MILLISECOND;
/// So many calls in a row are admitted only by a breaker that has closed: a rejection after them is
/// of a new opening.
const CLOSED: u64 = 20;

impl Experiment for Noise {
    type Result = Heard;

    fn run<S: Subject>(self, mut subject: S) -> Heard {
        let mut dice = Dice::new(SEED, Stream::Noise);
        let mut heard = Heard::default();
        let mut flying: VecDeque<(Nanos, S::Permit, Ended)> = VecDeque::new();
        let (mut now, mut in_a_row): (Nanos, u64) = (0, CLOSED);
        let mut opened = 0;
        for _ in 0..self.calls {
            now += dice.gap(self.per_second);
            let failed = dice.unit() < self.failing;
            loop {
                let (end, timer) = (
                    flying.front().map_or(Nanos::MAX, |end| end.0),
                    subject.timer(),
                );
                if end.min(timer) > now {
                    break;
                }
                if timer < end {
                    subject.wake(timer);
                } else if let Some((at, permit, ended)) = flying.pop_front() {
                    subject.end(at, permit, ended);
                }
            }
            match subject.admit(now) {
                Some(permit) => {
                    in_a_row += 1;
                    let outcome = if failed {
                        Outcome::Failure
                    } else {
                        Outcome::Success
                    };
                    flying.push_back((
                        now + LATENCY,
                        permit,
                        Ended {
                            outcome,
                            lasted: LATENCY,
                        },
                    ));
                }
                None => {
                    heard.rejected += 1;
                    if in_a_row >= CLOSED {
                        heard.openings += 1;
                        opened = now;
                    }
                    heard.longest = heard.longest.max(now - opened);
                    in_a_row = 0;
                }
            }
        }
        heard.calls = self.calls;
        heard.lasted = now;
        heard
    }
}

fn hear(entry: Entry, noise: Noise) -> Result<Heard, Refused> {
    let setup = Setup {
        seed: SEED,
        slow: SLOW,
        theta: noise.theta,
    };
    entry.try_with(&setup, noise)
}

/// What the outage rule allows false openings to cost, by default.
const LOSS: f64 = 0.002;
/// Each row has so many times the calls that the promise says lie between openings, within limits.
const TIMES_PROMISED: f64 = 20.0;
const FEWEST: f64 = 1e6;
const MOST: f64 = 2e7;

/// Theta, the part of it that fails, and calls per second.
const GUARANTEE: [(f64, f64, f64); 9] = [
    (0.5, 0.6, 1.0),
    (0.5, 0.6, 100.0),
    (0.5, 0.6, 1000.0),
    (0.5, 0.6, 10_000.0),
    (0.5, 0.6, 100_000.0),
    (0.5, 0.4, 1000.0),
    (0.25, 0.6, 1000.0),
    (0.1, 0.6, 1000.0),
    (0.8, 0.6, 1000.0),
];

/// Returns how many calls lie between false openings at the least, on average, while no more than
/// 0.6 theta fail: `max(1, 2 r) / loss`.
fn promised(per_second: f64) -> f64 {
    (2.0 * per_second).max(1.0) / LOSS
}

/// Measures the promise at the worst noise that it permits; `scale` multiplies the calls.
pub(crate) fn guarantee(subjects: &[Entry], scale: f64, threads: usize) -> Result<String, Refused> {
    let jobs: Vec<(Entry, (f64, f64, f64))> = subjects
        .iter()
        .flat_map(|s| GUARANTEE.map(|row| (*s, row)))
        .collect();
    let heard = in_parallel(&jobs, threads, |&(entry, (theta, part, per_second))| {
        let calls = (TIMES_PROMISED * promised(per_second)).clamp(FEWEST, MOST) * scale;
        hear(
            entry,
            Noise {
                failing: theta * part,
                per_second,
                calls: calls.max(1.0) as u64,
                theta,
            },
        )
    });
    let mut out = String::from(
        "| subject | theta | fails | calls/s | calls | openings | admitted per opening | promised | kept | rejected % | longest s |\n\
         |---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for ((entry, (theta, part, per_second)), heard) in jobs.into_iter().zip(heard) {
        let heard = heard?;
        let promised = promised(per_second);
        let admitted = (heard.calls - heard.rejected) as f64;
        let apart = match heard.openings {
            0 => format!("> {admitted:.1e}"),
            openings => format!("{:.1e}", admitted / openings as f64),
        };
        // writing into a string cannot fail
        let _ = writeln!(
            out,
            "| {} | {theta} | {:.0} % | {per_second} | {:.1e} | {} | {apart} | {promised:.1e} | {} | {:.4} | {:.1} |",
            entry.name(),
            100.0 * theta * part,
            heard.calls as f64,
            heard.openings,
            kept(heard.openings as f64, admitted / promised),
            percent(heard.rejected, heard.calls),
            in_seconds(heard.longest),
        );
    }
    Ok(out)
}

/// Returns whether as many openings agree with the promise, which allows so many on average. Where it
/// allows less than one, none shows little.
fn kept(openings: f64, at_most: f64) -> &'static str {
    if openings > at_most + 3.0 * at_most.sqrt() {
        "no"
    } else if at_most < 1.0 {
        "open"
    } else {
        "yes"
    }
}

/// The part that fails, calls per second, and how many times the hours.
const SOAK: [(f64, f64, f64); 6] = [
    (0.03, 1000.0, 1.0),
    (0.08, 1000.0, 1.0),
    (0.1, 1000.0, 1.0),
    (0.3, 1000.0, 1.0),
    (0.1, 2.0, 20.0),
    (0.3, 2.0, 20.0),
];

/// Lets each subject hear noise for so many hours.
pub(crate) fn soak(subjects: &[Entry], hours: f64, threads: usize) -> Result<String, Refused> {
    let jobs: Vec<(Entry, (f64, f64, f64))> = subjects
        .iter()
        .flat_map(|s| SOAK.map(|row| (*s, row)))
        .collect();
    let heard = in_parallel(&jobs, threads, |&(entry, (failing, per_second, times))| {
        let calls = hours * 3600.0 * times * per_second;
        hear(
            entry,
            Noise {
                failing,
                per_second,
                calls: calls.max(1.0) as u64,
                theta: 0.5,
            },
        )
    });
    let mut out = String::from(
        "| subject | fails | calls/s | hours | openings | openings per day | rejected % |\n|---|---|---|---|---|---|---|\n",
    );
    for ((entry, (failing, per_second, _)), heard) in jobs.into_iter().zip(heard) {
        let heard = heard?;
        let hours = in_seconds(heard.lasted) / 3600.0;
        // writing into a string cannot fail
        let _ = writeln!(
            out,
            "| {} | {:.0} % | {per_second} | {hours:.1} | {} | {:.3} | {:.4} |",
            entry.name(),
            100.0 * failing,
            heard.openings,
            heard.openings as f64 * 24.0 / hours,
            percent(heard.rejected, heard.calls),
        );
    }
    Ok(out)
}

fn percent(part: u64, whole: u64) -> f64 {
    100.0 * part as f64 / (whole as f64).max(1.0)
}

#[cfg(test)]
mod tests;
