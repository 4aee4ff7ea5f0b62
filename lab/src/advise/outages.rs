//! Outages in a log: times in which most calls were bad, and more of them than chance makes.

use super::counts;
use crate::log::Call;
use crate::time::{Nanos, SECOND};
use std::iter::Peekable;

/// From this part of bad calls on, an interval is one of an outage.
const DOWN: f64 = 0.5;
/// An interval with fewer calls says nothing.
pub(super) const FEW: u64 = 20;
/// If it takes longer than this to have so many, it says nothing either.
pub(super) const LONGEST: Nanos = 300 * SECOND;
/// Outages that are not further apart are one, and what lies so near to one is not counted as normal.
pub(super) const APART: Nanos = 2 * SECOND;
/// A run with so many bad calls must be less likely than this, divided by the number of intervals: 10^-6, in the
/// natural logarithm.
const BY_CHANCE: f64 = -13.8;

/// What was found in one breaker's calls.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Outages {
    /// When each began and ended, in order.
    pub(super) all: Vec<(Nanos, Nanos)>,
    /// The part of bad calls that is normal.
    pub(super) base: f64,
    /// The part of the calls that were in intervals of enough calls.
    pub(super) judged: f64,
    /// How long such an interval was, at the median.
    pub(super) width: Nanos,
}

/// Whole seconds with at least `FEW` calls.
#[derive(Clone, Copy, Default)]
struct Interval {
    began: Nanos,
    ended: Nanos,
    calls: u64,
    bad: u64,
}

impl Interval {
    fn share(&self) -> f64 {
        self.bad as f64 / self.calls.max(1) as f64
    }

    fn follows(&self, last: &Interval) -> bool {
        self.began <= last.ended + APART.max(last.ended - last.began)
    }

    fn join(&mut self, next: &Interval) {
        self.ended = next.ended;
        self.calls += next.calls;
        self.bad += next.bad;
    }
}

impl Outages {
    /// Of calls in the order in which they began. A call is bad if it failed, or took longer than `slow`.
    pub(super) fn of(calls: impl Iterator<Item = Call>, slow: Option<Nanos>) -> Outages {
        let mut number = 0;
        let calls = calls.filter(|call| counts(call.outcome));
        let calls = calls.inspect(|_| number += 1);
        let intervals = intervals(calls, slow);
        let judged: u64 = intervals.iter().map(|one| one.calls).sum();
        let base = base(&intervals);
        let mut widths: Vec<Nanos> = intervals.iter().map(|one| one.ended - one.began).collect();
        widths.sort_unstable();
        Outages {
            all: found(&intervals, base),
            base,
            judged: judged as f64 / number.max(1) as f64,
            width: widths.get(widths.len() / 2).copied().unwrap_or(0),
        }
    }

    /// How long they are with their margins, between the first call and the last one.
    pub(super) fn with_margins(&self, last: Nanos) -> Nanos {
        let (mut sum, mut until) = (0, 0);
        for (began, ended) in &self.all {
            // margins may overlap
            let (from, to) = (began.saturating_sub(APART).max(until), ended + APART);
            let to = to.min(last);
            sum += to.saturating_sub(from);
            until = until.max(to);
        }
        sum
    }
}

/// As short as they can be: a second where there are many calls.
fn intervals(calls: impl Iterator<Item = Call>, slow: Option<Nanos>) -> Vec<Interval> {
    let mut all: Vec<Interval> = Vec::new();
    let mut calls = calls.peekable();
    while let Some(interval) = next(&mut calls, slow) {
        if interval.ended - interval.began > LONGEST {
            continue;
        }
        match all.last_mut() {
            _ if interval.calls >= FEW => all.push(interval),
            // the log ends in it
            Some(last) if interval.follows(last) => last.join(&interval),
            _ => {}
        }
    }
    all
}

fn next<I>(calls: &mut Peekable<I>, slow: Option<Nanos>) -> Option<Interval>
where
    I: Iterator<Item = Call>,
{
    let began = calls.peek()?.at / SECOND * SECOND;
    let mut one = Interval {
        began,
        ended: began + SECOND,
        ..Interval::default()
    };
    let goes_on = |one: &Interval, call: &Call| {
        call.at < one.ended || one.calls < FEW && one.ended - one.began <= LONGEST
    };
    while let Some(call) = calls.next_if(|call| goes_on(&one, call)) {
        let bad = call.outcome.is_failure() || slow.is_some_and(|limit| call.lasted > limit);
        one.ended = (call.at / SECOND + 1) * SECOND;
        one.calls += 1;
        one.bad += u64::from(bad);
    }
    Some(one)
}

/// The part of bad calls that is normal: that of the calm intervals, or of the one in the middle if even calm ones are
/// near to an outage.
fn base(intervals: &[Interval]) -> f64 {
    let mut shares: Vec<f64> = intervals.iter().map(Interval::share).collect();
    shares.sort_unstable_by(f64::total_cmp);
    let median = shares.get(shares.len() / 2).copied().unwrap_or(0.0);
    let mut calm = Interval::default();
    for one in intervals.iter().filter(|one| one.share() < DOWN) {
        calm.join(one);
    }
    median.max(calm.share())
}

/// An outage is a run of intervals that are nearer to one than to what is normal, of which at least one is down.
fn found(intervals: &[Interval], base: f64) -> Vec<(Nanos, Nanos)> {
    let down = DOWN.max(base);
    let near = base.midpoint(down);
    let mut all: Vec<(Nanos, Nanos)> = Vec::new();
    let mut rest = intervals;
    while let Some(first) = rest.iter().position(|one| one.share() >= near) {
        rest = &rest[first..];
        let mut run = rest[0];
        let mut worst = run.share();
        let mut many = 1;
        while let Some(next) = rest.get(many)
            && next.share() >= near
            && next.follows(&rest[many - 1])
        {
            run.join(next);
            worst = worst.max(next.share());
            many += 1;
        }
        rest = &rest[many..];
        let likely = BY_CHANCE - libm::log(intervals.len() as f64);
        if worst < down || by_chance(&run, base) > likely {
            continue;
        }
        match all.last_mut() {
            Some(last) if run.began <= last.1 + APART => last.1 = run.ended,
            _ => all.push((run.began, run.ended)),
        }
    }
    all
}

/// The natural logarithm of how likely so many bad calls are at most, where this part of them is normal: Chernoff's
/// bound.
fn by_chance(seen: &Interval, base: f64) -> f64 {
    let share = seen.share();
    if share <= base {
        return 0.0;
    }
    let term = |part: f64, of: f64| {
        if part > 0.0 {
            part * libm::log(part / of)
        } else {
            0.0
        }
    };
    // infinite if no call was ever bad
    -(seen.calls as f64) * (term(share, base) + term(1.0 - share, 1.0 - base))
}

#[cfg(test)]
mod tests;
