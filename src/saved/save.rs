//! Reading a breaker's state, to be saved.
//!
//! Nothing stops for it: it is a reading like a snapshot's, between two looks at the same quiet control
//! word. All that audits write is of one moment; counts of calls that end meanwhile are each true at
//! some moment of the reading. Calls that are under way are in no count.

use crate::clock::saturating_nanos;
use crate::control::Control;
use crate::core::Core;
use crate::deadline::Deadline;
use crate::outcome::State;
use crate::rules::{Tally, Truth};
use crate::run::Run;
use crate::saved::state::{Kept, Saving, Standing};
use crate::saved::value::Saved;
use crate::snapshot::Snapshot;
use crate::tagged::Tagged;
use crate::transition::Decision;
use crate::window::Shape;
use alloc::string::ToString;
use std::time::{SystemTime, UNIX_EPOCH};

/// Since 1970, up to 2262; 0 for a clock that stands before.
pub(crate) fn wall_nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    saturating_nanos(since).min(i64::MAX as u64)
}

impl Core {
    pub(crate) fn save(&self, at: SystemTime) -> Saved {
        let saved_at = wall_nanos(at);
        Saved(self.between_audits(|c, now| self.saving(c, now, saved_at)))
    }

    fn saving(&self, c: Control, now: u64, saved_at: u64) -> Option<Saving> {
        let read = self.reading(c, now)?;
        let observing = c.state() == State::ObserveOnly;
        let standing = Standing {
            window: self.standing(),
            run: Run::of(Tagged(self.ledger.run.load()).payload()).reached,
        };
        Some(Saving {
            name: self.name.to_string(),
            saved_at,
            state: read.state,
            lasted: saturating_nanos(read.time_in_state),
            // by a reading of the clock from before it opened there may seem to be more
            left: read
                .retry_after
                .map_or(0, saturating_nanos)
                .min(Deadline::LONGEST),
            generation: read.generation,
            openings: Tagged(self.ledger.openings.load()).payload(),
            run: read.consecutive_failures,
            standing: if observing {
                standing
            } else {
                Standing::default()
            },
            would_trip: read.would_trip,
            totals: read.totals,
            kinds: read.failures_by_kind.0,
            window: self.keep(c, now, read),
        })
    }

    /// The rules on the window that were true when they were last judged.
    fn standing(&self) -> Truth {
        match &self.head.window {
            Shape::Time(_) => Decision::of(Tagged(self.ledger.decision.load()).payload()).truth,
            Shape::Count(window) => window.truth(window.word.load()),
        }
    }

    fn keep(&self, c: Control, now: u64, read: Snapshot) -> Kept {
        match &self.head.window {
            Shape::Time(b) => {
                let rolled = b.ending_at(self.head.period_end.load());
                let latest = if c.counting() {
                    rolled.max(b.epoch_at(now))
                } else {
                    b.epoch_at(now)
                };
                let buckets = read.buckets.iter().map(|c| Tally {
                    calls: c.calls,
                    failures: c.failures,
                    slow: c.slow,
                });
                Kept::Time {
                    width: b.width(),
                    into: b.elapsed_of(latest, now),
                    buckets: buckets.collect(),
                }
            }
            Shape::Count(window) => Kept::Count {
                size: window.size(),
                outcomes: window.outcomes(window.word.load()),
            },
        }
    }
}
