//! A badly set breaker with a tuner, against the same one without, and against one that is set well.
//!
//! Each lives through the same hours: 3 % of the calls fail, one in 25 is in the tail of the latencies, there are bursts
//! of failures, and outages of three kinds. The cost is what a better breaker would have spared: bad calls that were made
//! in outages, and good ones that were rejected.

use crate::dice::{Dice, Stream, exponential};
use crate::grid::in_parallel;
use crate::time::{MILLISECOND, Nanos, SECOND, in_seconds, seconds};
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;
use tripcoil::call::OwnedPermit;
use tripcoil::insight::{Bounds, Change, Insight, Tuner};
use tripcoil::{
    Backoff, Breaker, Builder, ConfigError, FailureKind, HalfOpen, ManualClock, Outcome, State,
};

const MINUTE: Nanos = 60 * SECOND;
const HOUR: Nanos = 60 * MINUTE;

/// A tuner needs five minutes of traffic, three outages, and changes something once per hour: the cost is compared
/// from here on.
pub(crate) const SETTLES: f64 = 2.0;
/// What is claimed: the tuned breaker costs at most so many times what the well-set one does.
const CLAIM: f64 = 1.2;

/// The part of the calls that fail while all is well.
const FAILING: f64 = 0.03;
/// A call without an answer fails after it.
const TIMEOUT: Nanos = SECOND;
/// An answer is of use within it.
const PATIENCE: Nanos = 400 * MILLISECOND;

/// What is wrong for a while.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Trouble {
    /// Six of ten calls fail. It is over before a breaker could help.
    Burst,
    /// Nine of ten calls fail at once.
    Fails,
    /// No call gets an answer.
    Hangs,
    /// Answers take 50 times as long.
    Slow,
}

impl Trouble {
    fn is_outage(self) -> bool {
        self != Trouble::Burst
    }
}

#[derive(Clone, Copy, Debug)]
struct Phase {
    begins: Nanos,
    ends: Nanos,
    trouble: Trouble,
}

/// Draws a phase every so often, on average.
fn phases(
    dice: &mut Dice,
    ends: Nanos,
    every: Nanos,
    draw: impl Fn(&mut Dice) -> (Trouble, Nanos),
) -> Vec<Phase> {
    let mut all = Vec::new();
    let mut begins = 0;
    loop {
        begins += dice.between(every / 2, every + every / 2);
        if begins >= ends {
            return all;
        }
        let (trouble, lasts) = draw(dice);
        all.push(Phase {
            begins,
            ends: begins + lasts,
            trouble,
        });
        begins += lasts;
    }
}

/// The troubles of these hours, in order.
fn troubles(seed: u64, ends: Nanos) -> Vec<Phase> {
    let mut dice = Dice::new(seed, Stream::Shape);
    let outages = phases(&mut dice, ends, 20 * MINUTE, |dice| {
        let kinds = [Trouble::Fails, Trouble::Hangs, Trouble::Slow];
        let kind = kinds[(dice.unit() * 3.0) as usize];
        (kind, dice.log_between(5 * SECOND, 120 * SECOND))
    });
    let bursts = phases(&mut dice, ends, 10 * MINUTE, |_| {
        (Trouble::Burst, 20 * MILLISECOND)
    });
    let mut all: Vec<Phase> = outages.into_iter().chain(bursts).collect();
    all.sort_by_key(|phase| phase.begins);
    all
}

/// What a call gets, whether it is admitted or not.
#[derive(Clone, Copy, Debug)]
struct Answer {
    failed: bool,
    after: Nanos,
}

impl Answer {
    fn draw(dice: &mut Dice, trouble: Option<Trouble>) -> Answer {
        // as many draws for each call, whatever happens
        let (chance, tail, unit) = (dice.unit(), dice.unit(), dice.unit());
        let failing = match trouble {
            Some(Trouble::Burst) => 0.6,
            Some(Trouble::Fails) => 0.9,
            Some(Trouble::Hangs) => 1.0,
            Some(Trouble::Slow) | None => FAILING,
        };
        let latency = if tail < 0.04 {
            0.04 + 0.08 * exponential(unit)
        } else {
            0.02 * exponential(unit)
        };
        let times = if trouble == Some(Trouble::Slow) {
            50.0
        } else {
            1.0
        };
        let after = match trouble {
            Some(Trouble::Hangs) => TIMEOUT,
            _ => seconds(latency * times).min(TIMEOUT),
        };
        let failed = chance < failing || after == TIMEOUT;
        let quick = failed && after < TIMEOUT;
        Answer {
            failed,
            after: if quick {
                after.min(5 * MILLISECOND)
            } else {
                after
            },
        }
    }

    fn is_good(self) -> bool {
        !self.failed && self.after <= PATIENCE
    }
}

/// A call in flight.
struct Flight {
    at: Nanos,
    order: u64,
    permit: OwnedPermit,
    failed: bool,
}

impl PartialEq for Flight {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Flight {}

impl PartialOrd for Flight {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The earliest is the greatest, since the heap gives the greatest.
impl Ord for Flight {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.order).cmp(&(self.at, self.order))
    }
}

/// A breaker on its clock, and its tuner if it has one.
struct Subject {
    breaker: Breaker,
    clock: ManualClock,
    shown: Nanos,
    tuned: Option<(Insight, Tuner)>,
    state: State,
    openings: u64,
    /// The second up to which the insight has learnt, and the minute of the last tuning.
    learnt: Nanos,
    minute: Nanos,
}

impl Subject {
    fn new(builder: Builder, tuned: bool) -> Result<Subject, ConfigError> {
        let clock = ManualClock::new();
        let (breaker, controller) = builder.clock(&clock).build_with_controller()?;
        let tuned = if tuned {
            let insight = Insight::new(&breaker.observer());
            let tuner = Tuner::new(&insight, Arc::new(controller), bounds())?;
            Some((insight, tuner))
        } else {
            None
        };
        Ok(Subject {
            breaker,
            clock,
            shown: 0,
            tuned,
            state: State::Closed,
            openings: 0,
            learnt: 0,
            minute: 0,
        })
    }

    fn show(&mut self, now: Nanos) {
        self.clock.advance(Duration::from_nanos(now - self.shown));
        self.shown = now;
    }

    fn admit(&mut self, now: Nanos) -> Option<OwnedPermit> {
        self.show(now);
        let permit = self.breaker.try_acquire_owned().ok();
        self.look(now, false);
        permit
    }

    fn end(&mut self, now: Nanos, permit: OwnedPermit, failed: bool) {
        self.show(now);
        permit.record(match failed {
            true => Outcome::Failure(FailureKind::Server),
            false => Outcome::Success,
        });
        self.look(now, true);
    }

    /// Lets the insight learn each transition and each second as it comes, so that the same hours always go the same way;
    /// and tunes every minute.
    fn look(&mut self, now: Nanos, ended: bool) {
        let state = self.breaker.state();
        let moved = state != self.state;
        if moved && self.state == State::Closed {
            self.openings += 1;
        }
        self.state = state;
        let Some((insight, tuner)) = &self.tuned else {
            return;
        };
        let second = now / SECOND;
        if moved || (ended && second > self.learnt) {
            // the publishers' thread may be slow, and must not be waited for for ever
            let learnt = insight.drain(Duration::from_secs(60));
            assert!(learnt, "the insight does not listen");
            self.learnt = second;
            if now / MINUTE > self.minute {
                self.minute = now / MINUTE;
                tuner.tune();
            }
        }
    }
}

/// What the tuner may set.
fn bounds() -> Bounds {
    let ms = Duration::from_millis;
    Bounds::new()
        .min_throughput(5..=1000)
        .consecutive_failures(5..=100)
        .failure_rate(0.3..=0.9)
        .slow_rate(0.1..=0.9)
        .slow_call(ms(20)..=ms(2000))
        .open_for(ms(250)..=ms(60_000))
        .probe_timeout(ms(100)..=ms(10_000))
}

/// What is the same for all.
fn common(builder: Builder) -> Builder {
    builder
        .failure_rate(0.5)
        .slow_rate(0.3)
        .half_open(HalfOpen::successes(3))
        .durations(true)
}

/// Five calls decide, of 1,000 per second; one call in twelve is slow; and the breaker waits for a minute.
fn bad(seed: u64) -> Builder {
    common(Breaker::builder("bad"))
        .min_throughput(5)
        .consecutive_failures(5)
        .slow_call(Duration::from_millis(60))
        .open_for(Backoff::constant(Duration::from_secs(60)).seed(seed))
}

fn well(seed: u64) -> Builder {
    common(Breaker::builder("well"))
        .min_throughput(50)
        .consecutive_failures(20)
        .slow_call(Duration::from_millis(350))
        .open_for(Backoff::adaptive().seed(seed))
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Cost {
    bad_made: u64,
    good_rejected: u64,
    openings: u64,
}

impl Cost {
    fn sum(self) -> f64 {
        (self.bad_made + self.good_rejected) as f64
    }
}

/// What a subject made of the hours.
#[derive(Clone, Debug, Default, PartialEq)]
struct Lived {
    /// Until a tuner has settled, and from then on.
    costs: [Cost; 2],
    changes: Vec<Change>,
}

fn live(mut subject: Subject, hours: f64, pace: f64, seed: u64) -> Lived {
    let ends = seconds(hours * in_seconds(HOUR));
    let settled = seconds(SETTLES * in_seconds(HOUR));
    let (mut arrivals, mut answers) = (
        Dice::new(seed, Stream::Arrivals),
        Dice::new(seed, Stream::Answers),
    );
    let phases = troubles(seed, ends);
    let mut phases = phases.as_slice();
    let mut flying: BinaryHeap<Flight> = BinaryHeap::new();
    let mut lived = Lived::default();
    let (mut now, mut order, mut opened) = (0, 0, 0);
    loop {
        now += arrivals.gap(pace);
        if now >= ends {
            break;
        }
        while flying.peek().is_some_and(|next| next.at <= now)
            && let Some(Flight {
                at, permit, failed, ..
            }) = flying.pop()
        {
            subject.end(at, permit, failed);
        }
        while let [first, rest @ ..] = phases
            && first.ends <= now
        {
            phases = rest;
        }
        let trouble = phases.first().filter(|phase| phase.begins <= now);
        let trouble = trouble.map(|phase| phase.trouble);
        let answer = Answer::draw(&mut answers, trouble);
        let cost = &mut lived.costs[usize::from(now >= settled)];
        match subject.admit(now) {
            Some(permit) => {
                let outage = trouble.is_some_and(Trouble::is_outage);
                cost.bad_made += u64::from(outage && !answer.is_good());
                flying.push(Flight {
                    at: now + answer.after,
                    order,
                    permit,
                    failed: answer.failed,
                });
                order += 1;
            }
            None => cost.good_rejected += u64::from(answer.is_good()),
        }
        cost.openings += subject.openings - opened;
        opened = subject.openings;
    }
    lived.changes = subject
        .tuned
        .map_or(Vec::new(), |(_, tuner)| tuner.changes());
    lived
}

/// A name, settings, and whether there is a tuner.
type Entry = (&'static str, fn(u64) -> Builder, bool);

const SUBJECTS: [Entry; 4] = [
    ("badly set", bad, false),
    ("badly set, with a tuner", bad, true),
    ("well set", well, false),
    ("well set, with a tuner", well, true),
];

/// Lets them live through so many hours. Returns the report, and what is claimed and not so.
pub(crate) fn demonstrate(
    hours: f64,
    pace: f64,
    seed: u64,
    threads: usize,
) -> Result<(String, Vec<String>), ConfigError> {
    let lived = in_parallel(&SUBJECTS, threads, |(_, builder, tuned)| {
        Ok(live(
            Subject::new(builder(seed), *tuned)?,
            hours,
            pace,
            seed,
        ))
    });
    let lived: Vec<Lived> = lived.into_iter().collect::<Result<_, ConfigError>>()?;
    Ok((report(&lived, hours, pace), missed(&lived)))
}

/// How many times what the well-set breaker costs.
fn ratio(lived: &[Lived], subject: usize, part: usize) -> f64 {
    lived[subject].costs[part].sum() / lived[2].costs[part].sum()
}

fn report(lived: &[Lived], hours: f64, pace: f64) -> String {
    let mut out = format!(
        "{hours} hours at {pace} calls per second; compared from hour {SETTLES} on\n\n\
         | subject | first {SETTLES} h: cost | x well set | then: bad calls made in outages | good calls rejected | cost | \
         x well set | openings | changes |\n|---|---|---|---|---|---|---|---|---|\n"
    );
    for (i, (name, ..)) in SUBJECTS.iter().enumerate() {
        let Lived { costs, changes } = &lived[i];
        let then = costs[1];
        // writing into a string cannot fail
        let _ = writeln!(
            out,
            "| {name} | {} | {:.2} | {} | {} | {} | {:.2} | {} | {} |",
            costs[0].sum(),
            ratio(lived, i, 0),
            then.bad_made,
            then.good_rejected,
            then.sum(),
            ratio(lived, i, 1),
            then.openings,
            changes.len(),
        );
    }
    for ((name, ..), lived) in SUBJECTS.iter().zip(lived) {
        for change in &lived.changes {
            let at = change.at.as_secs();
            let (hour, minute) = (at / 3600, at / 60 % 60);
            let _ = write!(out, "\n{name}, {hour}:{minute:02}: {change}\n");
        }
    }
    out
}

/// What is claimed, and not so.
fn missed(lived: &[Lived]) -> Vec<String> {
    let mut missed = Vec::new();
    let tuned = ratio(lived, 1, 1);
    // not so if there is nothing to compare either
    if tuned > CLAIM || tuned.is_nan() {
        missed.push(format!(
            "the tuned breaker costs {tuned:.2} times what the well-set one does, more than {CLAIM}"
        ));
    }
    let changes = lived[3].changes.len();
    if changes > 0 {
        missed.push(format!("the well-set breaker was changed {changes} times"));
    }
    missed
}

#[cfg(test)]
mod tests;
