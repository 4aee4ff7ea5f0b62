//! Reads a breaker's state, to be saved.
//!
//! Calls go on meanwhile: like a snapshot, it is read between two looks at the same quiet control
//! word. Everything that updates write is from one moment. Counts of calls that end meanwhile are
//! each true at some moment of the reading. Calls in flight are in no count.

use crate::clock::saturating_nanos;
use crate::engine::snapshot::Snapshot;
use crate::engine::state::Core;
use crate::engine::sums::Totals;
use crate::engine::window::Shape;
use crate::engine::window::count::Reading;
use crate::saved::state::{Counted, Kept, LATEST, MOST, Outage, Parts, Saving, Standing};
use crate::saved::value::Saved;
use crate::words::control::Control;
use crate::words::deadline::Deadline;
use crate::words::leniency::EIGHTHS;
use crate::words::outcome::{Counts, State};
use crate::words::run::Run;
use crate::words::tagged::PAYLOAD_MAX;
use alloc::string::ToString;
use alloc::vec::Vec;
use std::time::{SystemTime, UNIX_EPOCH};

/// Since 1970, up to 2262; 0 for an earlier time.
pub(crate) fn wall_nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    saturating_nanos(since).min(i64::MAX as u64)
}

/// Limits a count that will be read again: one that was restored with the largest value, and went
/// on, stays there.
fn at_most(count: u64) -> u64 {
    count.min(MOST)
}

impl Core {
    pub(crate) fn save(&self, at: SystemTime) -> Saved {
        let saved_at = wall_nanos(at);
        loop {
            let reading = self.between_updates(|c, now| self.saving(c, now, saved_at));
            let (mut saving, held) = reading;
            let (Shape::Count(window), Some(held)) = (&self.head.window, held) else {
                return Saved(saving);
            };
            // After the reading: while many calls fail, many cells take longer to copy than the time between
            // two updates, which change no cell of an entry that has landed.
            let last_index = || self.between_updates(|_, _| window.last_index());
            // None only after as many entries as the window has cells: then other threads made progress.
            if let Some(outcomes) = window.outcomes(&held, last_index) {
                let size = window.size();
                saving.window = Kept::Count { size, outcomes };
                return Saved(saving);
            }
        }
    }

    /// The outcomes of a count window are left to be read.
    fn saving(&self, c: Control, now: u64, saved_at: u64) -> Option<(Saving, Option<Reading>)> {
        let held = match &self.head.window {
            Shape::Time(_) => None,
            Shape::Count(window) => Some(window.read(&self.stripes)?),
        };
        let run = self.run_word(c);
        // This reads `would_trip`, after the outcomes and the rules that they make true, which are of one
        // moment. An outcome adds its edge after it has landed, and an edge whose rule is saved as true is not
        // counted again: so none is missing whose call has ended. Edges of later outcomes may be there.
        let (read, lenient) = self.reading(c, now, true)?;
        let observing = c.state() == State::ObserveOnly;
        // one whose failures have left the window is over
        let run = run.filter(|_| self.run_beside(c.generation(), read.window) > 0);
        let standing = Standing {
            // the rules that were true when last judged; evidence is not kept, since a restored score begins anew
            window: match &held {
                Some(held) => held.truth,
                None => self.ledger.decision.load().payload().truth,
            }
            .by_outcomes(),
            run: run.is_some_and(|run| run.reached),
        };
        let t = &read.totals;
        let slots = read.rejections_by_state.slots().map(at_most);
        let [limited, rejections @ ..] = slots;
        let window = self.keep(c, now, &read);
        let lenient = parts(&window, &lenient, run.map_or(0, |run| run.length % EIGHTHS));
        let saving = Saving {
            name: self.name.to_string(),
            saved_at,
            state: read.state,
            lasted: saturating_nanos(read.time_in_state)
                .saturating_add(self.lasted_before(c))
                .min(LATEST),
            // by a reading of the clock from before it opened there may seem to be more
            left: read
                .retry_after
                .map_or(0, saturating_nanos)
                .min(Deadline::LONGEST),
            generation: at_most(read.generation),
            openings: self.ledger.openings.load().payload(),
            run: run.map_or(0, |run| run.length / EIGHTHS),
            standing: if observing {
                standing
            } else {
                Standing::default()
            },
            would_trip: at_most(read.would_trip),
            totals: Totals {
                successes: at_most(t.successes),
                failures: at_most(t.failures),
                slow: at_most(t.slow),
                rejected: slots.iter().sum(),
                late: at_most(t.late),
                ignored: at_most(t.ignored),
                cancelled: at_most(t.cancelled),
            },
            kinds: read.failures_by_kind.0.map(at_most),
            rejections,
            window,
            round: (c.state() == State::HalfOpen).then(|| match c.ramps() {
                true => Counted::default(),
                false => self.counted(),
            }),
            opening: (c.state() == State::Open).then(|| c.goal().cause()),
            outage: self.last_opening(c)?.map(|e| Outage {
                generation: at_most(e.generation),
                cause: e.cause,
                // of a restored breaker it may have been before the clock's beginning
                at: saved_at
                    .cast_signed()
                    .saturating_sub(now.wrapping_sub(e.at).cast_signed())
                    .max(0)
                    .cast_unsigned(),
                counts: e.counts,
                run: e.run,
            }),
            pace: self.pace(),
            down: self.down(now),
            longest: self.longest(),
            lenient,
            limited: (limited > 0).then_some(limited),
        };
        Some((saving, held))
    }

    /// The run of that generation, under its rule.
    fn run_word(&self, c: Control) -> Option<Run> {
        let run = self.ledger.run.load().of(c.generation());
        run.filter(|_| c.counting() && c.runs())
    }

    fn counted(&self) -> Counted {
        let r = self.probing.round.load();
        Counted {
            succeeded: r.succeeded,
            failed: r.failed,
            slow: r.slow,
            cancelled: r.cancelled,
            timed_out: r.timed_out,
            given_up: r.given_up,
        }
    }

    fn keep(&self, c: Control, now: u64, read: &Snapshot) -> Kept {
        match &self.head.window {
            Shape::Time(b) => {
                let rolled = b.ending_at(self.head.period_end.load());
                let latest = if c.counting() {
                    rolled.max(b.epoch_at(now))
                } else {
                    b.epoch_at(now)
                };
                let mut room = PAYLOAD_MAX;
                let buckets = read.buckets.iter().map(|c| {
                    let calls = c.calls.min(room);
                    room -= calls;
                    Counts::new(calls, c.failures.min(calls), c.slow.min(calls))
                });
                Kept::Time {
                    width: b.width(),
                    into: b.elapsed_of(latest, now),
                    buckets: buckets.collect(),
                }
            }
            Shape::Count(window) => Kept::Count {
                size: window.size(),
                outcomes: Vec::new(),
            },
        }
    }
}

/// What is lenient in the run and in the window; `None` if nothing is.
fn parts(window: &Kept, lenient: &[u64], eighths: u64) -> Option<Parts> {
    let Kept::Time { buckets, .. } = window else {
        return None;
    };
    // of what is kept of each bucket
    let part = |(part, of): (&u64, &Counts)| (*part).min(of.failures).min(of.calls - of.slow);
    let buckets: Vec<u64> = lenient.iter().zip(buckets).map(part).collect();
    let any = eighths > 0 || buckets.iter().any(|part| *part > 0);
    any.then_some(Parts { eighths, buckets })
}
