//! Replays calls through breakers, in simulated time.

use super::config::Configuration;
use super::tally::{Class, Tally};
use super::timeline::{Buckets, Timeline};
use super::watch::{Opening, Watch};
use crate::log::{Call, Log, Recorded};
use crate::time::Nanos;
use indicatif::ProgressBar;
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::time::Duration;
use tripcoil::{FailureKind, ManualClock, Outcome, Permit};

/// How many openings are listed, and how many keys.
pub(super) const LISTED: usize = 100;
pub(super) const KEYS_LISTED: usize = 10;

/// Steps between two looks at the transitions: the breaker keeps 64 of them in any case.
const LOOK_EVERY: u64 = 8;

/// Steps between two reports of progress.
const SHOW_EVERY: u64 = 1 << 14;

/// What a configuration made of a log.
pub(super) struct Played {
    pub(super) tally: Tally,
    pub(super) timeline: Timeline,
    pub(super) openings: u64,
    pub(super) reopened: u64,
    pub(super) open: Nanos,
    pub(super) half_open: Nanos,
    /// From the first failure to the opening, of all openings that failures preceded.
    pub(super) delays: Vec<Nanos>,
    /// The first openings, with their keys.
    pub(super) first: Vec<(String, Opening)>,
    pub(super) keys: u64,
    /// Those with most openings.
    pub(super) worst: Vec<KeyPlayed>,
}

/// What it made of one key's calls.
pub(super) struct KeyPlayed {
    pub(super) key: String,
    pub(super) openings: u64,
    pub(super) open: Nanos,
    pub(super) tally: Tally,
}

/// Replays each key's calls through a breaker of its own. `lasts`: to the end of the last call.
pub(super) fn play(
    log: &Log,
    configuration: &Configuration,
    cut: Buckets,
    lasts: Nanos,
    progress: &ProgressBar,
) -> Result<Played, String> {
    let mut played = Played {
        tally: Tally::default(),
        timeline: Timeline::new(cut),
        openings: 0,
        reopened: 0,
        open: 0,
        half_open: 0,
        delays: Vec::new(),
        first: Vec::new(),
        keys: 0,
        worst: Vec::new(),
    };
    for (key, calls) in log.by_key() {
        let (tally, watch) = one(configuration, calls, lasts, &mut played.timeline, progress)
            .map_err(|error| format!("{}: {error}", configuration.name))?;
        played.add(key, tally, watch);
    }
    played.delays.sort_unstable();
    Ok(played)
}

impl Played {
    fn add(&mut self, key: &str, tally: Tally, watch: Watch) {
        self.tally += tally;
        self.keys += 1;
        self.openings += watch.openings.len() as u64;
        self.reopened += watch.reopened;
        self.open += watch.open;
        self.half_open += watch.half_open;
        self.delays
            .extend(watch.openings.iter().filter_map(|opening| opening.delay));
        if watch.openings.is_empty() {
            return;
        }
        self.worst.push(KeyPlayed {
            key: key.to_string(),
            openings: watch.openings.len() as u64,
            open: watch.open,
            tally,
        });
        // stable: of equals, the key that the log has first
        self.worst
            .sort_by_key(|key| std::cmp::Reverse(key.openings));
        self.worst.truncate(KEYS_LISTED);
        let first = watch.openings.into_iter().take(LISTED);
        self.first
            .extend(first.map(|opening| (key.to_string(), opening)));
        self.first.sort_by_key(|(_, opening)| opening.at);
        self.first.truncate(LISTED);
    }
}

/// An admitted call that has not ended.
struct Flight<'b> {
    ends: Nanos,
    /// Of two that end at one time, the one that began first.
    order: u64,
    call: Call,
    permit: Permit<'b>,
}

impl PartialEq for Flight<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Flight<'_> {}

impl PartialOrd for Flight<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The earliest is the greatest, since the heap gives the greatest.
impl Ord for Flight<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.ends, other.order).cmp(&(self.ends, self.order))
    }
}

/// Replays the calls through one breaker.
fn one(
    configuration: &Configuration,
    calls: impl Iterator<Item = Call>,
    lasts: Nanos,
    timeline: &mut Timeline,
    progress: &ProgressBar,
) -> Result<(Tally, Watch), String> {
    let clock = ManualClock::new();
    let breaker = configuration
        .breaker(&clock)
        .map_err(|error| error.to_string())?;
    let mut events = breaker.observer().events();
    let mut watch = Watch::new(breaker.state());
    let mut last = breaker.state();
    let (mut now, mut steps) = (0, 0_u64);
    let mut advance = |to: Nanos| {
        if to > now {
            clock.advance(Duration::from_nanos(to - now));
            now = to;
        }
    };
    let mut look = |watch: &mut Watch, timeline: &mut Timeline, always: bool| {
        steps += 1;
        let state = breaker.state();
        if always || state != last || steps.is_multiple_of(LOOK_EVERY) {
            last = state;
            for transition in events.by_ref() {
                watch.changed(&transition, timeline);
            }
        }
    };
    let mut tally = Tally::default();
    let mut flights: BinaryHeap<Flight<'_>> = BinaryHeap::new();
    let (mut order, mut shown) = (0_u64, 0);
    for call in calls {
        while flights.peek().is_some_and(|flight| flight.ends <= call.at)
            && let Some(flight) = flights.pop()
        {
            advance(flight.ends);
            end(flight, configuration, &mut watch);
            look(&mut watch, timeline, false);
        }
        advance(call.at);
        let class = Class::of(&call, configuration.slow);
        let permit = breaker.try_acquire();
        tally.add(class, permit.is_ok());
        timeline.call(call.at, class, permit.is_ok());
        look(&mut watch, timeline, permit.is_err());
        match permit {
            Ok(permit) => flights.push(Flight {
                ends: call.ends(),
                order,
                call,
                permit,
            }),
            Err(_) => watch.rejected(class),
        }
        order += 1;
        if order.is_multiple_of(SHOW_EVERY) {
            progress.inc(SHOW_EVERY);
            shown = order;
        }
    }
    progress.inc(order - shown);
    while let Some(flight) = flights.pop() {
        advance(flight.ends);
        end(flight, configuration, &mut watch);
        look(&mut watch, timeline, false);
    }
    look(&mut watch, timeline, true);
    watch.over(lasts, timeline);
    match events.missed() {
        0 => Ok((tally, watch)),
        missed => Err(format!("{missed} transitions were missed")),
    }
}

fn end(flight: Flight<'_>, configuration: &Configuration, watch: &mut Watch) {
    let Flight {
        ends, call, permit, ..
    } = flight;
    watch.ended(ends, Class::of(&call, configuration.slow));
    let failure = Outcome::Failure;
    let outcome = match call.outcome {
        // the breaker decides how it counts one
        Recorded::Cancelled => return drop(permit),
        Recorded::Rejected | Recorded::Ignored => Outcome::Ignored,
        Recorded::Success => Outcome::Success,
        Recorded::Timeout => failure(FailureKind::Timeout),
        Recorded::Connect => failure(FailureKind::Connect),
        Recorded::Overload => failure(FailureKind::Overload),
        Recorded::Server => failure(FailureKind::Server),
        Recorded::Client => failure(FailureKind::Client),
        Recorded::Data => failure(FailureKind::Data),
    };
    permit.record_timed(outcome, Duration::from_nanos(call.lasted));
}

#[cfg(test)]
mod tests;
