//! What is saved of a breaker, as plain data, and the check that a breaker can have been in that
//! state.

use crate::config::validate::{MAX_BUCKETS, MAX_COUNT, MAX_WINDOW};
use crate::engine::policy::Truth;
use crate::engine::sums::Totals;
use crate::error::Problem;
use crate::saved::report::SavedError;
use crate::words::deadline::Deadline;
use crate::words::downtime::LONGEST_DOWNTIME;
use crate::words::leniency::EIGHTHS;
use crate::words::outcome::{Cause, Counts, FailureKind, Rejections, State};
use crate::words::round::ROUND_MAX;
use crate::words::tagged::PAYLOAD_MAX;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Times are in nanoseconds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Saving {
    pub(crate) name: String,
    /// By the wall clock, since 1970.
    pub(crate) saved_at: u64,
    pub(crate) state: State,
    /// How long it had been in that state; if that is Closed, in earlier processes too.
    pub(crate) lasted: u64,
    /// The rest of Open's wait.
    pub(crate) left: u64,
    /// Transitions since the breaker was first built.
    pub(crate) generation: u64,
    pub(crate) openings: u64,
    /// Whole failures in a row.
    pub(crate) run: u64,
    pub(crate) standing: Standing,
    pub(crate) would_trip: u64,
    pub(crate) totals: Totals,
    pub(crate) kinds: [u64; FailureKind::SLOTS],
    /// Without those by the limit on calls in flight, which came later.
    pub(crate) rejections: [u64; Rejections::SLOTS - 1],
    /// In a state that counts nothing: the window shown there.
    pub(crate) window: Kept,
    /// The results of a half-open round. Absent in version 1.
    pub(crate) round: Option<Counted>,
    /// Why the present opening began. Absent in version 1, and where it is unknown.
    pub(crate) opening: Option<Cause>,
    /// The last opening from Closed. Absent in version 1, and if there was no opening.
    pub(crate) outage: Option<Outage>,
    /// Calls per second, in 2^-16. Absent in version 1, and where no rule asks for it.
    pub(crate) pace: Option<u64>,
    /// How long the outage under way had lasted, in milliseconds. Absent in version 1, and without an outage
    /// that a rule follows.
    pub(crate) down: Option<u64>,
    /// The longest success of late. Absent in version 1, and where it is not known.
    pub(crate) longest: Option<u64>,
    /// What is lenient in it. Absent in version 1, and where nothing is.
    pub(crate) lenient: Option<Parts>,
    /// Rejections by the limit on calls in flight. Absent where there are none.
    pub(crate) limited: Option<u64>,
}

/// What lenient failures have left.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Parts {
    /// Of the run, beside its whole failures.
    pub(crate) eighths: u64,
    /// Those of each bucket of the window, oldest first.
    pub(crate) buckets: Vec<u64>,
}

/// A round without its probes in flight, which end with their process.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Counted {
    pub(crate) succeeded: u64,
    pub(crate) failed: u64,
    pub(crate) slow: u64,
    pub(crate) cancelled: u64,
    /// It has ended by its timeout, and its transition is still to be made.
    pub(crate) timed_out: bool,
    /// Likewise by its cancellations.
    pub(crate) given_up: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Outage {
    /// The generation that it began.
    pub(crate) generation: u64,
    pub(crate) cause: Cause,
    /// By the wall clock, since 1970.
    pub(crate) at: u64,
    /// What the window held.
    pub(crate) counts: Counts,
    pub(crate) run: u64,
}

/// The rules that observe-only has reported as true. It reports each again only after the rule was
/// untrue.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Standing {
    pub(crate) window: Truth,
    pub(crate) run: bool,
}

impl Standing {
    const RUN: u64 = 0b1000;

    pub(crate) fn bits(self) -> u64 {
        self.window.0 | if self.run { Self::RUN } else { 0 }
    }

    pub(crate) fn from_bits(bits: u64) -> Standing {
        Standing {
            window: Truth(bits & (Self::RUN - 1)),
            run: bits & Self::RUN != 0,
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Kept {
    Time {
        /// Of a bucket.
        width: u64,
        /// How much of the current epoch was over.
        into: u64,
        /// Oldest first.
        buckets: Vec<Counts>,
    },
    Count {
        size: u64,
        /// Failed and slow, oldest first.
        outcomes: Vec<(bool, bool)>,
    },
}

/// The largest count, far beyond any real one: sums of them, and later counts added to them, fit 64
/// bits.
pub(crate) const MOST: u64 = 1 << 60;
/// Up to 2262, which is what fits the 63 bits that every format has.
pub(crate) const LATEST: u64 = i64::MAX as u64;

fn within(field: &'static str, value: u64, least: u64, most: u64) -> Result<(), SavedError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(SavedError::Impossible(Problem {
        field,
        value: value.to_string(),
        permitted: if least == most {
            format!("{most}")
        } else {
            format!("from {least} to {most}")
        },
    }))
}

/// A value that only one state has.
fn belongs(field: &'static str, here: bool) -> Result<(), SavedError> {
    if here {
        return Ok(());
    }
    Err(SavedError::Impossible(Problem {
        field,
        value: "present".into(),
        permitted: "absent in this state".into(),
    }))
}

impl Saving {
    /// # Errors
    ///
    /// Returns the first value that no breaker can have had.
    pub(crate) fn check(&self) -> Result<(), SavedError> {
        let counting = matches!(self.state, State::Closed | State::ObserveOnly);
        let only = |when: bool, most: u64| if when { most } else { 0 };
        let open = self.state == State::Open;
        let observing = self.state == State::ObserveOnly;
        within("saved_at", self.saved_at, 0, LATEST)?;
        within("lasted", self.lasted, 0, LATEST)?;
        within("left", self.left, 0, only(open, Deadline::LONGEST))?;
        within("generation", self.generation, 0, MOST)?;
        within("openings", self.openings, 0, PAYLOAD_MAX)?;
        within("run", self.run, 0, only(counting, u64::from(u32::MAX)))?;
        within("standing", self.standing.bits(), 0, only(observing, 0b1111))?;
        within("would_trip", self.would_trip, 0, MOST)?;
        let t = &self.totals;
        within("totals.successes", t.successes, 0, MOST)?;
        within("totals.failures", t.failures, 0, MOST)?;
        within("totals.slow", t.slow, 0, t.successes + t.failures)?;
        let mut rejected = 0;
        for part in self.rejections.into_iter().chain(self.limited) {
            within("rejections", part, 0, MOST)?;
            rejected += part;
        }
        within("totals.rejected", t.rejected, rejected, rejected)?;
        within("totals.late", t.late, 0, MOST)?;
        within("totals.ignored", t.ignored, 0, MOST)?;
        within("totals.cancelled", t.cancelled, 0, MOST)?;
        for kind in self.kinds {
            within("kinds", kind, 0, MOST)?;
        }
        // Against one another totals, kinds and window are not held: they were read while calls
        // ended, each at a moment of its own.
        self.window.check()?;
        if let Some(round) = &self.round {
            belongs("round", self.state == State::HalfOpen)?;
            round.check()?;
        }
        if self.opening.is_some() {
            belongs("opening", open)?;
        }
        if let Some(outage) = &self.outage {
            outage.check(self.generation)?;
        }
        if let Some(pace) = self.pace {
            within("pace", pace, 1, PAYLOAD_MAX)?;
        }
        if let Some(down) = self.down {
            within("down", down, 0, LONGEST_DOWNTIME)?;
        }
        if let Some(longest) = self.longest {
            within("longest", longest, 1, PAYLOAD_MAX)?;
        }
        if let Some(lenient) = &self.lenient {
            lenient.check(&self.window)?;
        }
        Ok(())
    }
}

impl Counted {
    fn check(&self) -> Result<(), SavedError> {
        let most = u64::from(ROUND_MAX);
        within("round.succeeded", self.succeeded, 0, most)?;
        within("round.failed", self.failed, 0, most - self.succeeded)?;
        within("round.slow", self.slow, 0, self.succeeded + self.failed)?;
        within("round.cancelled", self.cancelled, 0, most)?;
        // a round ends in one way
        let most = u64::from(!self.timed_out);
        within("round.given_up", self.given_up.into(), 0, most)
    }
}

impl Outage {
    fn check(&self, generation: u64) -> Result<(), SavedError> {
        within("outage.generation", self.generation, 0, generation)?;
        within("outage.at", self.at, 0, LATEST)?;
        within("outage.calls", self.counts.calls, 0, PAYLOAD_MAX)?;
        within(
            "outage.failures",
            self.counts.failures,
            0,
            self.counts.calls,
        )?;
        within("outage.slow", self.counts.slow, 0, self.counts.calls)?;
        within("outage.run", self.run, 0, u64::from(u32::MAX))
    }
}

impl Parts {
    fn check(&self, window: &Kept) -> Result<(), SavedError> {
        let Kept::Time { buckets, .. } = window else {
            return belongs("lenient", false);
        };
        within("lenient.eighths", self.eighths, 0, EIGHTHS - 1)?;
        let (number, all) = (self.buckets.len() as u64, buckets.len() as u64);
        within("lenient.buckets", number, all, all)?;
        for (part, bucket) in self.buckets.iter().zip(buckets) {
            // none of them is slow
            let most = bucket.failures.min(bucket.calls - bucket.slow);
            within("lenient.buckets", *part, 0, most)?;
        }
        Ok(())
    }
}

impl Kept {
    fn check(&self) -> Result<(), SavedError> {
        match self {
            Kept::Time {
                width,
                into,
                buckets,
            } => {
                let number = buckets.len() as u64;
                within("window.buckets", number, 1, u64::from(MAX_BUCKETS))?;
                let widest = MAX_WINDOW.as_nanos() as u64 / number;
                within("window.width", *width, 1, widest)?;
                within("window.into", *into, 0, width - 1)?;
                let mut room = PAYLOAD_MAX;
                for b in buckets {
                    within("window.buckets.calls", b.calls, 0, room)?;
                    within("window.buckets.failures", b.failures, 0, b.calls)?;
                    within("window.buckets.slow", b.slow, 0, b.calls)?;
                    room -= b.calls;
                }
                Ok(())
            }
            Kept::Count { size, outcomes } => {
                within("window.size", *size, 1, u64::from(MAX_COUNT))?;
                within("window.outcomes", outcomes.len() as u64, 0, *size)
            }
        }
    }
}
