//! All that is learnt of one breaker, from its finished epochs and its transitions.

use crate::integrations::insight::change::Change;
use crate::integrations::insight::degraded::{Baseline, Degraded};
use crate::integrations::insight::failing::Failing;
use crate::integrations::insight::outage::{Forecast, OutageRecord, Outages};
use crate::integrations::insight::pattern::Failures;
use crate::integrations::insight::report::{Report, Traffic};
use crate::integrations::insight::score::Seconds;
use crate::integrations::insight::series::{Gathering, Latest};
use crate::integrations::insight::trend::{Rates, Trend};
use crate::observe::{Epoch, Events};
use crate::{Config, Observer, State};
use std::time::Duration;

/// The limit where no rule on a rate is on.
const LIMIT: f64 = 0.5;
/// How many times are kept in which nothing was counted.
const AWAY: usize = 32;
/// A trend is not reported any more if nothing has followed for so many of its intervals.
const STALE: u32 = 3;

/// What is worth a message, once.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Notice {
    /// More calls are bad than is normal.
    Degraded(Degraded),
    /// Bad calls are on the rise.
    Trend(Trend),
    /// The breaker has closed. If it opens again within 2 s, the same outage goes on, and there is another notice when
    /// that ends.
    OutageEnded(OutageRecord),
    /// A [`Tuner`](super::Tuner) has changed a setting.
    Tuned(Change),
}

#[derive(Debug)]
pub(super) struct Analysis {
    /// Transitions are read in turn, whichever listener is called first.
    events: Events,
    gathering: Gathering,
    baseline: Baseline,
    failing: Failing,
    rates: Rates,
    seconds: Seconds,
    failures: Failures,
    outages: Outages,
    trend: Option<Trend>,
    /// The last interval.
    last: (Duration, Duration),
    /// When the last times began and ended in which nothing was counted.
    away: Latest<(Duration, Option<Duration>)>,
    /// The last transition.
    moved_at: Duration,
    missed: u64,
}

impl Analysis {
    pub(super) fn new(observer: &Observer, now: Duration) -> Analysis {
        // what follows the reading is in the events
        let events = observer.events();
        let seen = observer.figures();
        let mut away = Latest::new(AWAY);
        if !counts(seen.state) {
            away.push((now.saturating_sub(seen.time_in_state), None));
        }
        Analysis {
            events,
            gathering: Gathering::default(),
            baseline: Baseline::default(),
            failing: Failing::default(),
            rates: Rates::new(),
            seconds: Seconds::default(),
            failures: Failures::new(),
            outages: Outages::new(&seen, &observer.history(), now),
            trend: None,
            last: (Duration::ZERO, Duration::ZERO),
            away,
            moved_at: Duration::ZERO,
            missed: 0,
        }
    }

    /// Reads the transitions that have come. Returns the outages that have ended, and whether there were any transitions.
    pub(super) fn catch_up(&mut self, observer: &Observer) -> (bool, Vec<Notice>) {
        let mut notices = Vec::new();
        let mut moved = false;
        while let Some(event) = self.events.next_untimed() {
            moved = true;
            let rejections = observer.rejections();
            let ended = self
                .outages
                .moved(&event, rejections, self.baseline.normal());
            notices.extend(ended.map(Notice::OutageEnded));
            self.follow(event.from, event.to, event.at);
        }
        if self.events.missed() > self.missed {
            self.missed = self.events.missed();
            let seen = observer.figures();
            let now = self.moved_at.max(observer.now());
            self.outages.resume_from(&seen, &observer.history(), now);
            self.count(counts(seen.state), now);
            self.moved_at = now;
            self.interrupt();
        }
        (moved, notices)
    }

    /// What a state has counted says nothing of the next one.
    fn follow(&mut self, from: State, to: State, at: Duration) {
        if counts(from) != counts(to) {
            self.count(counts(to), at);
        }
        self.moved_at = at;
        self.interrupt();
    }

    /// Outcomes are counted from then on, or none is. The reading with which it began may have known already.
    fn count(&mut self, counting: bool, at: Duration) {
        let open = self
            .away
            .last()
            .copied()
            .filter(|(_, ended)| ended.is_none());
        match (open, counting) {
            (Some((began, _)), true) => {
                self.away.pop();
                self.away.push((began, Some(at)));
            }
            (None, false) => self.away.push((at, None)),
            _ => {}
        }
    }

    /// Whether an interval lies beside all the times in which nothing was counted.
    fn is_beside_all(&self, start: Duration, end: Duration) -> bool {
        let overlaps = |(began, ended): &(Duration, Option<Duration>)| {
            *began < end && start < ended.unwrap_or(Duration::MAX)
        };
        !self.away.iter().any(overlaps)
    }

    fn interrupt(&mut self) {
        self.gathering.clear();
        self.baseline.interrupt();
        self.rates.clear();
        self.seconds.clear();
        self.failures.clear();
        self.trend = None;
    }

    /// The next epoch. Returns what is new.
    pub(super) fn epoch(&mut self, epoch: &Epoch, observer: &Observer) -> Vec<Notice> {
        // It may have begun before an outage and be over after it: only then it is found to be over. And it may be read
        // late, when what it belongs to is over.
        if epoch.end <= self.moved_at || !self.is_beside_all(epoch.start, epoch.end) {
            self.gathering.clear();
            return Vec::new();
        }
        self.failures.add(epoch);
        self.failing.add(epoch);
        let Some(interval) = self.gathering.add(epoch) else {
            return Vec::new();
        };
        let before = (self.trend, self.baseline.degraded(interval.end));
        // judged by what was normal before it
        let normal = self.baseline.normal();
        self.rates.add(&interval, normal);
        let limit = limit(&observer.config());
        self.trend = self.rates.trend(normal, limit, interval.end);
        self.baseline.add(&interval);
        self.seconds.add(&interval);
        self.last = (interval.start, interval.end);
        let degraded = self.baseline.degraded(interval.end);
        let rises = self.trend.filter(|_| before.0.is_none());
        let warns = degraded.filter(|_| before.1.is_none());
        let trend = rises.map(Notice::Trend);
        trend
            .into_iter()
            .chain(warns.map(Notice::Degraded))
            .collect()
    }

    pub(super) fn report(&self, observer: &Observer, now: Duration) -> Report {
        let seen = observer.figures();
        let (start, end) = self.last;
        let fresh = now.saturating_sub(end) <= end.saturating_sub(start) * STALE;
        let counting = counts(seen.state);
        Report {
            name: observer.name().to_owned(),
            state: seen.state,
            at: now,
            health: self.seconds.score(&seen, limit(&observer.config()), now),
            eta: self.outages.forecast().eta(now),
            trend: self.trend.filter(|_| fresh && counting),
            degraded: self.baseline.degraded(now).filter(|_| counting),
            pattern: self.outages.pattern(now),
            bursts: self.failures.bursts(),
            traffic: Traffic {
                pace: self.baseline.pace(),
                bad_rate: self.baseline.normal(),
                failure_rate: self.failing.rate(self.baseline.normal()),
                slow_rate: self.baseline.normal_slow(),
                intervals: self.baseline.intervals(),
                learnt_over: self.baseline.learnt_over(),
            },
            outage: self.outages.current(&seen),
            outages: self.outages.ended(),
            outages_total: self.outages.total(),
            cost: self.outages.cost(now),
        }
    }

    pub(super) fn forecast(&self) -> Forecast {
        self.outages.forecast()
    }
}

/// Whether outcomes are counted in that state.
pub(super) fn counts(state: State) -> bool {
    matches!(state, State::Closed | State::ObserveOnly)
}

/// The rate of bad calls from which on the dependency is not worth calling, as the rules have it.
fn limit(config: &Config) -> f64 {
    let theta = config.outage.map(|outage| outage.theta);
    let rate = config.failure_rate;
    let least = [theta, rate].into_iter().flatten().min_by(f64::total_cmp);
    least.unwrap_or(LIMIT)
}

#[cfg(test)]
mod tests;
