//! The first state of a breaker: as built, or as saved.

use crate::config::backoff::unit;
use crate::config::settings::Config;
use crate::engine::events::event::Event;
use crate::engine::policy::Truth;
use crate::engine::window::class::CLASSES;
use crate::words::deadline::Deadline;
use crate::words::downtime::Downtime;
use crate::words::outcome::{Cause, Counts, FailureKind, Rejections, State};
use crate::words::round::Round;
use crate::words::tagged::Generation;
use alloc::vec::Vec;

/// Plain values, from which [`Core::new`](crate::engine::state::Core::new) makes every word. Moments are
/// nanoseconds of the breaker's clock.
#[derive(Debug)]
pub(crate) struct Initial {
    pub(crate) state: State,
    /// Why it is open, if it is.
    pub(crate) opening: Cause,
    /// Transitions before.
    pub(crate) generation: u64,
    /// When the state began.
    pub(crate) since: u64,
    pub(crate) deadline: Deadline,
    pub(crate) openings: u64,
    /// The results of the round; no probe is in flight.
    pub(crate) round: Round,
    /// Failures in a row, in eighths, and whether they were as many as the rule wants.
    pub(crate) run: u64,
    pub(crate) run_reached: bool,
    /// The rules on the window that were true when they were last judged.
    pub(crate) truth: Truth,
    pub(crate) window: Held,
    pub(crate) totals: Lifetime,
    pub(crate) last_opening: Option<Event>,
    /// Calls per second, in 2^-16, if it is known.
    pub(crate) pace: Option<u64>,
    /// The longest success of late, in nanoseconds; 0 if it is not known.
    pub(crate) longest: u64,
    /// The outage that is under way.
    pub(crate) downtime: Downtime,
}

/// What the window holds.
#[derive(Debug, Default)]
pub(crate) struct Held {
    /// How much of the bucket under way is over, in nanoseconds.
    pub(crate) into: u64,
    /// The counts for life at the start of each live bucket, oldest first. Empty: all zero.
    pub(crate) starts: Vec<Counts>,
    /// The lenient failures among them, and all of them.
    pub(crate) lenient: Vec<u64>,
    pub(crate) all_lenient: u64,
    /// Of a count window: each outcome as failed and slow, oldest first.
    pub(crate) outcomes: Vec<(bool, bool)>,
}

/// Counts for life.
#[derive(Debug, Default)]
pub(crate) struct Lifetime {
    /// By class.
    pub(crate) classes: [u64; CLASSES],
    pub(crate) late: u64,
    pub(crate) ignored: u64,
    pub(crate) cancelled: u64,
    pub(crate) kinds: [u64; FailureKind::SLOTS],
    pub(crate) rejections: [u64; Rejections::SLOTS],
    pub(crate) would_trip: u64,
}

impl Initial {
    /// How many of the window's failures are lenient.
    pub(crate) fn lenient_in_window(&self) -> u64 {
        let before = self.window.lenient.first();
        before.map_or(0, |before| self.window.all_lenient - before)
    }

    /// A breaker without any history.
    pub(crate) fn fresh(config: &Config, seed: u64, now: u64) -> Initial {
        let opens = config.initial_state == State::Open;
        let openings = u64::from(opens);
        let wait = config.open_for.wait_nanos(openings as u32, unit(seed, 0));
        Initial {
            state: config.initial_state,
            opening: Cause::Manual,
            generation: 0,
            since: now,
            deadline: if opens {
                Deadline::after(now, now, wait, false)
            } else {
                Deadline::NONE
            },
            openings,
            round: Round::fresh(Generation::default()),
            run: 0,
            run_reached: false,
            truth: Truth::default(),
            window: Held::default(),
            totals: Lifetime::default(),
            last_opening: None,
            pace: None,
            longest: 0,
            downtime: if opens {
                Downtime::begun(now)
            } else {
                Downtime::NONE
            },
        }
    }
}
