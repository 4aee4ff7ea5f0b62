//! A record of each outage: when, why, and what it cost.

use crate::integrations::insight::eta::{Eta, Past};
use crate::integrations::insight::pattern::{Pattern, pattern};
use crate::integrations::insight::series::Latest;
use crate::observe::Counts;
use crate::{Cause, Snapshot, State, Transition};
use serde::Serialize;
use std::time::Duration;

/// How many records are kept.
const KEPT: usize = 32;
/// A breaker that opens so soon after it has closed goes on with the same outage, as adaptive waits have it.
const RELAPSE: Duration = Duration::from_secs(2);

/// An outage, from the opening that began it to the close that ended it.
///
/// A breaker that opens again within 2 s of its close goes on with the same outage, unless an operator did either.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct OutageRecord {
    /// When the breaker opened, by its clock.
    #[serde(rename = "began_seconds", serialize_with = "super::units::seconds")]
    pub began: Duration,
    /// When it closed; `None` of one under way.
    #[serde(
        rename = "ended_seconds",
        serialize_with = "super::units::maybe_seconds"
    )]
    pub ended: Option<Duration>,
    /// Why it opened. `None` if it was built open, or if that is too long ago to know.
    pub cause: Option<Cause>,
    /// Why it closed: a round or a ramp, or the operator.
    pub ended_by: Option<Cause>,
    /// The counts that decided: those of the window when it opened.
    pub counts: Counts,
    /// The rounds of probes, and the ramps, that have ended.
    pub rounds: u64,
    /// The results of those rounds and ramps.
    pub probes: u64,
    /// Those of them that failed.
    pub probes_failed: u64,
    /// Calls that the breaker rejected in it, to within those of the moment in which a transition is read.
    pub rejected: u64,
    /// An estimate of the calls that were made for nothing: the window's bad ones when it opened, less what is normal, and
    /// the failed probes.
    pub wasted: u64,
    /// An estimate of the calls that were rejected although the dependency was well again: all of those since the round
    /// that closed the breaker began, and half of those in the wait before it.
    pub rejected_good: u64,
}

impl OutageRecord {
    /// Returns how long it lasted, or has lasted by `now`.
    #[must_use]
    pub fn lasted(&self, now: Duration) -> Duration {
        self.ended.unwrap_or(now).saturating_sub(self.began)
    }

    /// Returns whether no operator opened it or ended it, so that it says something about the dependency. A breaker
    /// that was built open counts as such.
    #[must_use]
    pub fn is_by_itself(&self) -> bool {
        let by_itself = self.ended_by.is_some_and(|cause| cause != Cause::Manual);
        self.cause != Some(Cause::Manual) && (self.ended.is_none() || by_itself)
    }

    /// Returns whether the first round of probes closed it, and none of them failed: either the outage was short, or the
    /// opening was a false one.
    #[must_use]
    pub fn may_be_false(&self) -> bool {
        self.ended.is_some() && self.is_by_itself() && self.rounds <= 1 && self.probes_failed == 0
    }
}

/// What all outages since the insight began have cost, by the estimates of their records. No number ever goes down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Cost {
    /// The outages that have begun, one under way included.
    pub outages: u64,
    /// Calls that were made for nothing, in one under way too.
    pub wasted: u64,
    /// Calls that were rejected although the dependency was well again, in outages that have been over for 2 s.
    pub rejected_good: u64,
}

/// How many calls open and half-open had rejected at some moments: they reject in an outage only. Each is what it was
/// when the transition was read, a moment after it.
#[derive(Clone, Copy, Debug, Default)]
struct Rejections {
    /// When the outage began: as many as when the last one ended.
    start: u64,
    /// When the last wait began.
    wait: u64,
    /// When the last round began.
    round: u64,
}

impl Rejections {
    fn all_at(rejected: u64) -> Rejections {
        Rejections {
            start: rejected,
            wait: rejected,
            round: rejected,
        }
    }
}

/// The outages so far.
#[derive(Debug)]
pub(super) struct Outages {
    ended: Latest<OutageRecord>,
    current: Option<OutageRecord>,
    /// Whether the current one had ended before.
    resumed: bool,
    past: Past,
    /// Each opening that no operator made, and its end: an outage may have several.
    openings: Latest<(Duration, Option<Duration>)>,
    rejections: Rejections,
    /// How many have ended.
    total: u64,
    /// Of all but the current one, and without the good calls of the last one that has ended: it may go on.
    settled: Cost,
    unsettled_good: u64,
}

impl Outages {
    /// Of a breaker as it is found, with its last transitions.
    pub(super) fn new(seen: &Snapshot, history: &[Transition], now: Duration) -> Outages {
        let rejected = rejected(seen.rejections_by_state);
        let mut outages = Outages {
            ended: Latest::new(KEPT),
            current: None,
            resumed: false,
            past: Past::new(),
            openings: Latest::new(KEPT),
            rejections: Rejections::all_at(rejected),
            total: 0,
            settled: Cost::default(),
            unsettled_good: 0,
        };
        outages.find(seen, history, now);
        outages
    }

    /// Finds an outage whose beginning was not read.
    fn find(&mut self, seen: &Snapshot, history: &[Transition], now: Duration) {
        if !matches!(seen.state, State::Open | State::HalfOpen) {
            return;
        }
        // an operator may have begun a round while it was closed, long after that opening
        let from_closed =
            |event: &&Transition| event.from == State::Closed && event.to == State::HalfOpen;
        let by_hand = history.iter().rev().find(from_closed);
        let opening = seen.last_opening.as_ref();
        let first = match (opening, by_hand) {
            (Some(opening), Some(round)) if round.generation > opening.generation => by_hand,
            (None, _) => by_hand,
            _ => opening,
        };
        let began = first.map_or(now.saturating_sub(seen.time_in_state), |first| first.at);
        self.begin(began, first, 0);
    }

    /// Transitions were missed: goes on with what there is.
    pub(super) fn resume_from(&mut self, seen: &Snapshot, history: &[Transition], now: Duration) {
        if let Some(lost) = self.current.take() {
            // when it ended, and why, is not known
            self.settled.wasted += lost.wasted;
        }
        self.close_opening(now);
        self.rejections = Rejections::all_at(rejected(seen.rejections_by_state));
        self.find(seen, history, now);
    }

    fn begin(&mut self, at: Duration, opening: Option<&Transition>, usual: u64) {
        let counts = opening.map(|opening| opening.counts).unwrap_or_default();
        self.settled.rejected_good += std::mem::take(&mut self.unsettled_good);
        self.settled.outages += 1;
        self.resumed = false;
        self.current = Some(OutageRecord {
            began: at,
            ended: None,
            cause: opening.map(|opening| opening.cause),
            ended_by: None,
            counts,
            rounds: 0,
            probes: 0,
            probes_failed: 0,
            rejected: 0,
            wasted: bad(counts).saturating_sub(usual),
            rejected_good: 0,
        });
    }

    /// The next transition. `rejections` are those so far, and `normal` is the rate of bad calls that is normal. Returns
    /// the outage that it ends.
    pub(super) fn moved(
        &mut self,
        event: &Transition,
        rejections: crate::observe::Rejections,
        normal: f64,
    ) -> Option<OutageRecord> {
        let rejected = rejected(rejections);
        if event.from == State::HalfOpen
            && let Some(current) = &mut self.current
        {
            current.rounds += 1;
            current.probes += event.counts.calls;
            current.probes_failed += event.counts.failures;
            current.wasted += event.counts.failures;
        }
        match (event.from, event.to) {
            // the reading with which it began has found it already
            (State::Closed, State::Open) if self.current.is_some() => {}
            (State::Closed, State::Open) => self.opened(event, normal),
            // an operator's second opening
            (State::Open, State::Open) => {}
            // the operator began a round while it was closed
            (_, State::Open) if self.current.is_none() => {
                self.rejections = Rejections::all_at(rejected);
                self.begin(event.at, Some(event), 0);
            }
            (State::HalfOpen, State::Open) => self.rejections.wait = rejected,
            (_, State::HalfOpen) => self.rejections.round = rejected,
            (State::Open | State::HalfOpen, _) => return self.end(event, rejected),
            _ => {}
        }
        None
    }

    fn opened(&mut self, event: &Transition, normal: f64) {
        let by_itself = event.cause != Cause::Manual;
        if by_itself {
            self.openings.push((event.at, None));
        }
        let usual = (normal * event.counts.calls as f64) as u64;
        let goes_on = |last: &&OutageRecord| {
            let ended = last
                .ended
                .is_some_and(|ended| event.at <= ended.saturating_add(RELAPSE));
            ended && by_itself && last.is_by_itself()
        };
        if self.ended.last().filter(goes_on).is_some()
            && let Some(last) = self.ended.pop()
        {
            self.past.take_back();
            self.rejections.start = self.rejections.start.saturating_sub(last.rejected);
            self.settled.wasted -= last.wasted;
            self.unsettled_good = 0;
            self.resumed = true;
            self.current = Some(OutageRecord {
                ended: None,
                ended_by: None,
                wasted: last.wasted + bad(event.counts).saturating_sub(usual),
                ..last
            });
            return;
        }
        self.begin(event.at, Some(event), usual);
    }

    fn close_opening(&mut self, at: Duration) {
        if let Some((began, None)) = self.openings.last().copied() {
            self.openings.pop();
            self.openings.push((began, Some(at)));
        }
    }

    fn end(&mut self, event: &Transition, rejected: u64) -> Option<OutageRecord> {
        let since = self.rejections;
        self.rejections = Rejections::all_at(rejected);
        let mut outage = self.current.take()?;
        self.close_opening(event.at);
        outage.ended = Some(event.at);
        outage.ended_by = Some(event.cause);
        outage.rejected = rejected.saturating_sub(since.start);
        if outage.is_by_itself() {
            let waited = since.round.saturating_sub(since.wait);
            outage.rejected_good += rejected.saturating_sub(since.round) + waited / 2;
            self.past.add(outage.lasted(event.at));
        }
        self.settled.wasted += outage.wasted;
        self.unsettled_good = outage.rejected_good;
        self.total += u64::from(!self.resumed);
        self.ended.push(outage);
        Some(outage)
    }

    /// The one under way.
    pub(super) fn current(&self, seen: &Snapshot) -> Option<OutageRecord> {
        self.current.map(|current| OutageRecord {
            rejected: rejected(seen.rejections_by_state).saturating_sub(self.rejections.start),
            ..current
        })
    }

    pub(super) fn ended(&self) -> Vec<OutageRecord> {
        self.ended.iter().copied().collect()
    }

    pub(super) fn total(&self) -> u64 {
        self.total
    }

    pub(super) fn cost(&self, now: Duration) -> Cost {
        let ended = self.ended.last().and_then(|last| last.ended);
        let over = ended.is_some_and(|ended| now > ended.saturating_add(RELAPSE));
        let last = if over { self.unsettled_good } else { 0 };
        Cost {
            wasted: self.settled.wasted + self.current.map_or(0, |current| current.wasted),
            rejected_good: self.settled.rejected_good + last,
            ..self.settled
        }
    }

    /// Of the openings, since an outage may be several.
    pub(super) fn pattern(&self, now: Duration) -> Option<Pattern> {
        let lasted = |(began, ended): &(Duration, Option<Duration>)| {
            (*began, ended.unwrap_or(now).saturating_sub(*began))
        };
        pattern(self.openings.iter().map(lasted), now)
    }

    /// What may be known without a lock: of the outage under way, if there is one.
    pub(super) fn forecast(&self) -> Forecast {
        Forecast {
            began: self
                .current
                .filter(OutageRecord::is_by_itself)
                .map(|outage| outage.began),
            past: self.past.clone(),
        }
    }
}

/// Both are counted, and not those that were both.
fn bad(counts: Counts) -> u64 {
    counts.failures.max(counts.slow)
}

fn rejected(by_state: crate::observe::Rejections) -> u64 {
    by_state.get(State::Open) + by_state.get(State::HalfOpen)
}

/// When the outage under way began, and how long those before it lasted.
#[derive(Clone, Debug)]
pub(super) struct Forecast {
    began: Option<Duration>,
    past: Past,
}

impl Forecast {
    pub(super) fn eta(&self, now: Duration) -> Option<Eta> {
        self.began
            .map(|began| self.past.eta(now.saturating_sub(began)))
    }
}

#[cfg(test)]
mod tests;
