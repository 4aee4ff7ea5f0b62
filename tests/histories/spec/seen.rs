//! What should be seen in the end.

use super::Spec;
use crate::model::{Cause, Counts, Event, Kind, State, Totals, View, WHOLE};
use crate::record::End;

const ROUND: [Cause; 6] = [
    Cause::ProbesSucceeded,
    Cause::ProbeFailed,
    Cause::ProbeTimeout,
    Cause::ProbesCancelled,
    Cause::RampCompleted,
    Cause::RampFailed,
];

impl Spec {
    /// How what is seen in the end differs from what it should be.
    pub(crate) fn differs(&self, seen: &End) -> Option<String> {
        // Until when, and after which failure, is not said of an event here: a wait that was asked for is
        // set by itself, after the event.
        let mut seen = seen.clone();
        for event in seen.events.iter_mut().chain(&mut seen.view.last_opening) {
            (event.open_until, event.failure) = (None, None);
        }
        let expected = self.model.view(self.clock);
        let totals = self.totals();
        let mut kinds = expected.kinds;
        kinds[Kind::Server.index()] += self.beside.failures;
        let run = match self.counting() {
            true if !self.window_is_clear(self.clock) => self.run / WHOLE,
            _ => 0,
        };
        let events = self.events();
        let last = &events[events.len().saturating_sub(4)..];
        if !self.exact {
            let timeless = |events: &[Event]| -> Vec<Event> {
                events.iter().map(|e| Event { at: 0, ..*e }).collect()
            };
            if timeless(last) != timeless(&seen.events) {
                return Some(format!("events {last:?}"));
            }
        } else if last != seen.events {
            return Some(format!("events {last:?}"));
        }
        let strays = |mut counts: Counts| {
            counts.calls += self.strays;
            counts.successes += self.strays;
            counts
        };
        let window = strays(expected.window);
        let rate = |part: f64| {
            if window.calls == 0 {
                0.0
            } else {
                part / window.calls as f64
            }
        };
        let mut buckets = expected.buckets.clone();
        if let Some(last) = buckets.last_mut() {
            *last = strays(*last);
        }
        let mut last_opening = None;
        for event in &events {
            if (event.from, event.to) == (State::Closed, State::Open) {
                last_opening = Some(*event);
            }
        }
        if let (false, Some(expected), Some(seen)) =
            (self.exact, &mut last_opening, &seen.view.last_opening)
        {
            expected.at = seen.at;
        }
        let expected = View {
            last_opening,
            window,
            failure_rate: rate(self.model.weighted_failures(self.clock)),
            slow_rate: rate(window.slow as f64),
            buckets,
            consecutive_failures: run,
            totals,
            kinds,
            // judged together, or not at all: see the module's head
            would_trip: seen.view.would_trip,
            ..expected
        };
        let expected = if self.exact {
            expected
        } else {
            View {
                time_in_state: seen.view.time_in_state,
                retry_after: seen
                    .view
                    .retry_after
                    .filter(|_| expected.retry_after.is_some()),
                ..expected
            }
        };
        (expected != seen.view).then(|| format!("{expected:?}"))
    }

    fn totals(&self) -> Totals {
        let mut totals = self.model.view(self.latest).totals;
        totals.successes += self.beside.successes;
        totals.failures += self.beside.failures;
        totals.slow += self.beside.slow;
        totals.cancelled += self.beside.cancelled;
        totals
    }

    /// Could what is seen in the end still come of it? No event is changed later, and no total goes down.
    pub(super) fn may_come_to_what_is_seen(&self, before: &Spec) -> bool {
        let end = &self.expected.end;
        let all = |t: &Totals| {
            [
                t.successes,
                t.failures,
                t.rejected,
                t.late,
                t.ignored,
                t.cancelled,
            ]
        };
        let mut totals = all(&self.totals()).into_iter().zip(all(&end.view.totals));
        if !totals.all(|(by_now, in_the_end)| by_now <= in_the_end) {
            return false;
        }
        if self.notes.len() == before.notes.len() {
            return true;
        }
        self.events()[before.notes.len()..].iter().all(|event| {
            let known = end
                .events
                .iter()
                .find(|seen| seen.generation == event.generation);
            event.generation <= end.view.generation
                && known.is_none_or(|seen| self.is_like(event, seen))
        })
    }

    /// But for what is not said of an event here: until when, and after which failure.
    fn is_like(&self, event: &Event, seen: &Event) -> bool {
        let at = if self.exact { seen.at } else { event.at };
        let (open_until, failure) = (None, None);
        *event
            == Event {
                at,
                open_until,
                failure,
                ..*seen
            }
    }

    pub(super) fn events(&self) -> Vec<Event> {
        let patched = self.model.events().iter().zip(&self.notes);
        patched
            .map(|(event, note)| {
                let mut event = Event {
                    cause: note.cause.unwrap_or(event.cause),
                    counts: note.counts.unwrap_or(event.counts),
                    consecutive_failures: note.run / WHOLE,
                    open_until: None,
                    failure: None,
                    ..*event
                };
                // a verdict has the counts of its round
                if !ROUND.contains(&event.cause) {
                    event.counts.calls += note.strays;
                    event.counts.successes += note.strays;
                }
                event
            })
            .collect()
    }
}
