//! From a saved state to what a breaker begins with.
//!
//! *All or nothing.* A state that is refused leaves a breaker that begins fresh: the value is sound in itself
//! (`Saving::check`), and the name is compared here. From there on nothing can fail.

use crate::clock::saturating_nanos;
use crate::config::settings::{Config, Geometry};
use crate::engine::events::event::Event;
use crate::engine::initial::{Held, Initial, Lifetime};
use crate::engine::policy::Truth;
use crate::engine::sums::Totals;
use crate::engine::window::class::{CLASSES, Class};
use crate::saved::report::{Age, Restored, RestoredWindow, SavedError};
use crate::saved::save::wall_nanos;
use crate::saved::state::{Kept, Outage, Parts, Saving};
use crate::saved::value::Saved;
use crate::words::deadline::Deadline;
use crate::words::downtime::{Downtime, LONGEST_DOWNTIME};
use crate::words::leniency::EIGHTHS;
use crate::words::outcome::{Cause, Counts, State};
use crate::words::round::Round;
use crate::words::run::LENGTH;
use crate::words::tagged::Generation;
use alloc::vec::Vec;
use core::time::Duration;
use std::time::SystemTime;

/// A state to begin with, and the wall clock's time if it is not to be asked.
#[derive(Clone, Debug)]
pub(crate) struct Beginning {
    pub(crate) saved: Saved,
    pub(crate) at: Option<SystemTime>,
}

/// What the breaker of that name begins with, at `now` of its clock, by what was saved.
///
/// # Errors
///
/// The state is another breaker's.
pub(crate) fn restore(
    name: &str,
    config: &Config,
    from: Beginning,
    now: u64,
) -> Result<(Initial, Restored), SavedError> {
    let s = from.saved.0;
    if s.name != name {
        return Err(SavedError::OtherBreaker(s.name));
    }
    let wall = from.at.unwrap_or_else(SystemTime::now);
    let age = age(&s, wall);
    let parts = match &s.lenient {
        Some(parts) if config.lenient_in_force().is_some() => parts.clone(),
        _ => Parts::default(), // whatever has failed counts wholly
    };
    let (window, report, failed) = window(&s, config, age, &parts.buckets);
    let run = match config.window.geometry() {
        // as an update has it: where the window holds no failure, the run is over
        Geometry::Time { .. } if !failed => 0,
        Geometry::Count(_) if !fails(&s.window, age) => 0,
        // an old one may be longer than any rule asks for
        _ => (EIGHTHS * s.run + parts.eighths).min(LENGTH),
    };
    let lasted = s.lasted.saturating_add(passed(age));
    let since = now.saturating_sub(lasted);
    let restored = Restored {
        state: s.state,
        age,
        window: report,
    };
    let initial = Initial {
        state: s.state,
        opening: s.opening.unwrap_or(Cause::Manual),
        generation: s.generation,
        since,
        deadline: deadline(&s, age, now, since),
        openings: s.openings,
        round: round(&s),
        run,
        run_reached: s.standing.run,
        truth: match report {
            RestoredWindow::Reshaped => Truth::default(),
            _ => s.standing.window,
        },
        totals: totals(&s, window.all_lenient),
        window,
        last_opening: s.outage.map(|outage| event(outage, wall, now)),
        pace: s.pace,
        longest: s.longest.unwrap_or(0),
        downtime: downtime(s.down, age, now),
    };
    Ok((initial, restored))
}

/// How many of a time window's buckets are over, one that was counting.
fn buckets_over(width: u64, into: u64, number: u64, age: Age) -> u64 {
    match age {
        Age::Of(_) => number.min(into.saturating_add(passed(age)) / width),
        Age::WentBack(_) => number,
    }
}

/// Whether a window that was counting still holds a failure, by its own geometry. One of outcomes has no
/// age, and its run neither.
fn fails(window: &Kept, age: Age) -> bool {
    match window {
        Kept::Count { .. } => true,
        Kept::Time {
            width,
            into,
            buckets,
        } => {
            let over = buckets_over(*width, *into, buckets.len() as u64, age);
            buckets.iter().skip(over as usize).any(|b| b.failures > 0)
        }
    }
}

fn age(s: &Saving, now: SystemTime) -> Age {
    let saved_at = Duration::from_nanos(s.saved_at);
    let now = now
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    match now.checked_sub(saved_at) {
        Some(age) => Age::Of(age),
        None => Age::WentBack(saved_at - now),
    }
}

/// The time that has passed for sure, in nanoseconds.
fn passed(age: Age) -> u64 {
    match age {
        Age::Of(age) => saturating_nanos(age),
        Age::WentBack(_) => 0,
    }
}

fn totals(s: &Saving, lenient: u64) -> Lifetime {
    let t = &s.totals;
    Lifetime {
        classes: by_class(t, lenient),
        late: t.late,
        ignored: t.ignored,
        cancelled: t.cancelled,
        kinds: s.kinds,
        rejections: {
            let [half_open, forced_open, open] = s.rejections;
            [s.limited.unwrap_or(0), half_open, forced_open, open]
        },
        would_trip: s.would_trip,
    }
}

/// Returns what a window of that geometry takes over, and whether it is a time window that holds a failure. Epochs
/// keep their boundaries: the current one may have begun before this clock did.
fn window(s: &Saving, config: &Config, age: Age, lenient: &[u64]) -> (Held, RestoredWindow, bool) {
    let (width, number) = match config.window.geometry() {
        Geometry::Time { width, buckets } => (width, u64::from(buckets)),
        Geometry::Count(size) => {
            return match &s.window {
                Kept::Count {
                    size: kept,
                    outcomes,
                } if *kept == u64::from(size) => {
                    let held = Held {
                        outcomes: outcomes.clone(),
                        ..Held::default()
                    };
                    (held, RestoredWindow::Kept, false)
                }
                _ => (Held::default(), RestoredWindow::Reshaped, false),
            };
        }
    };
    let none: &[Counts] = &[];
    let counting = matches!(s.state, State::Closed | State::ObserveOnly);
    let (report, into, live, lenient) = match &s.window {
        Kept::Time {
            width: saved_width,
            into,
            buckets,
        } if (*saved_width, buckets.len() as u64) == (width, number) => {
            let over = if counting {
                buckets_over(width, *into, number, age)
            } else {
                0
            };
            let into = into.saturating_add(passed(age));
            let live = buckets.get(over as usize..).unwrap_or(none);
            let report = if live.is_empty() {
                RestoredWindow::Expired
            } else {
                RestoredWindow::Kept
            };
            let lenient = lenient.get(over as usize..).unwrap_or(&[]);
            (report, into % width, live, lenient)
        }
        _ => (RestoredWindow::Reshaped, 0, none, &[][..]),
    };
    // The window's lenient failures are the only ones of a life that matter. They are failures that are not slow, and
    // a state that has more of them than those has not been one.
    let t = &s.totals;
    let fast_failures = t.failures.min(t.successes + t.failures - t.slow);
    let all_lenient = lenient.iter().sum::<u64>().min(fast_failures);
    // from the present counts back to those at the start of each epoch; the latest ones of `live` are empty
    let mut at = Counts::new(t.successes + t.failures, t.failures, t.slow);
    let mut left = all_lenient;
    let (mut starts, mut lenient_starts): (Vec<Counts>, Vec<u64>) = (0..number as usize)
        .rev()
        .map(|n| {
            at = at.since(live.get(n).copied().unwrap_or_default());
            left = left.saturating_sub(lenient.get(n).copied().unwrap_or_default());
            (at, left)
        })
        .unzip();
    starts.reverse();
    lenient_starts.reverse();
    let held = Held {
        into,
        starts,
        lenient: lenient_starts,
        all_lenient,
        ..Held::default()
    };
    (held, report, live.iter().any(|bucket| bucket.failures > 0))
}

fn deadline(s: &Saving, age: Age, now: u64, since: u64) -> Deadline {
    match (s.state, s.left.saturating_sub(passed(age))) {
        (State::Open, 0) => Deadline::OVER,
        (State::Open, left) => Deadline::after(since, now, left, true),
        // where the clock does not reach back to the beginning of this state, `since` cannot express it
        (State::Closed, _) => {
            let lasted = s.lasted.saturating_add(passed(age));
            Deadline::lasted_before(lasted.saturating_sub(now))
        }
        _ => Deadline::NONE,
    }
}

/// What has been counted of a round. The probes that were out are gone with their process. One that was
/// decided is found so by the first acquire.
fn round(s: &Saving) -> Round {
    let counted = s.round.unwrap_or_default();
    Round {
        succeeded: counted.succeeded,
        failed: counted.failed,
        slow: counted.slow,
        cancelled: counted.cancelled,
        timed_out: counted.timed_out,
        given_up: counted.given_up,
        ..Round::fresh(Generation::of(s.generation))
    }
}

/// The outage that was under way, which goes on.
fn downtime(down: Option<u64>, age: Age, now: u64) -> Downtime {
    down.map_or(Downtime::NONE, |lasted| {
        let before = lasted
            .saturating_mul(1_000_000)
            .saturating_add(passed(age))
            .min(LONGEST_DOWNTIME * 1_000_000);
        Downtime::begun(now.wrapping_sub(before)).goes_on()
    })
}

/// The last opening from closed. What its wait was, and the kind of its failure, are not saved.
fn event(outage: Outage, wall: SystemTime, now: u64) -> Event {
    // the other way about where the wall clock has gone back
    let ago = wall_nanos(wall).wrapping_sub(outage.at);
    Event {
        generation: outage.generation,
        from: State::Closed,
        to: State::Open,
        cause: outage.cause,
        failure: None,
        at: now.wrapping_sub(ago),
        counts: outage.counts,
        // in an old state it may be longer than runs are now
        run: outage.run.min(LENGTH / EIGHTHS),
        deadline: Deadline::NONE,
    }
}

/// Slow calls are failures or successes; only their sums are ever read. So many failures are lenient, and not slow.
fn by_class(totals: &Totals, lenient: u64) -> [u64; CLASSES] {
    let slow_failures = totals.slow.min(totals.failures - lenient);
    let slow_successes = totals.slow - slow_failures;
    let mut counts = [0; CLASSES];
    counts[Class::FastSuccess as usize] = totals.successes - slow_successes;
    counts[Class::FastFailure as usize] = totals.failures - slow_failures - lenient;
    counts[Class::LenientFailure as usize] = lenient;
    counts[Class::SlowSuccess as usize] = slow_successes;
    counts[Class::SlowFailure as usize] = slow_failures;
    counts
}
