//! What 4 to 8 threads are to do, and to which breaker.

mod adaptive;

pub use adaptive::roll_adaptive;

use crate::dice::Dice;
use crate::model::{Backoff, HalfOpen, OnCancel, Recovery, Rules, Setup, State, Window, whole_ms};

pub(crate) const MS: u64 = 1_000_000;
/// What lasts longer is slow.
pub(crate) const SLOW: u64 = 1_000 * MS;
/// How long Open lasts at first.
pub(crate) const WAIT: u64 = 7 * MS;
/// The longest that a failure can ask for.
pub(crate) const ASKED: u64 = 4 * WAIT;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Success,
    Failure,
    /// A failure of the kind that is lenient in the plans that have one.
    LenientFailure,
    /// A failure that asks for the longest wait.
    Asking,
    SlowSuccess,
    SlowFailure,
    Ignored,
    Dropped,
}

/// Who hands the permit out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    Shared,
    Owned,
    Local,
}

/// A change of rules. Each thread changes one of them alone, so that the last that it said holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    ConsecutiveFailures(u32),
    FailureCount(u32),
    FailureRate(f64),
    MinThroughput(u32),
    SlowRate(f64),
    OnCancel(bool),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Op {
    /// A whole call.
    Call(Route, Ending),
    Acquire,
    /// The thread's oldest permit ends so; without one nothing is done.
    End(Ending),
    /// A handle of its own, in place of the one before.
    Handle,
    Trip,
    TripFor(u64),
    HalfOpen,
    /// Of the generation that the thread has last seen.
    HalfOpenFrom,
    Reset,
    Release,
    ForceOpen,
    Disable,
    ObserveOnly,
    Postpone(u64),
    /// In the generation that the thread has last seen.
    PostponeIn(u64),
    Rule(Rule),
    Advance(u64),
    State,
    Snapshot,
    History,
    /// Saves, and restores another breaker from that.
    Save,
    /// Begins to read transitions; reads those that have come; begins anew.
    Poll,
    Unpoll,
}

#[derive(Clone, Debug)]
pub struct Plan {
    pub(crate) setup: Setup,
    /// Before the threads begin.
    pub(crate) before: Vec<Op>,
    pub(crate) threads: Vec<Vec<Op>>,
    /// What is done by threads that listen from then on, to the end.
    pub(crate) listeners: Vec<Vec<Op>>,
    /// What is done by one thread after all: begins with a reset, and is compared with the model.
    pub(crate) after: Vec<Op>,
}

impl Plan {
    /// One that a failing schedule has left: five failures in a row, or what the first operations say.
    #[must_use]
    pub fn of(threads: &[&[Op]]) -> Plan {
        let rules = Rules {
            failure_rate: None,
            consecutive_failures: Some(5),
            ..basic()
        };
        Plan {
            setup: setup(
                rules,
                Window::Time {
                    buckets: 2,
                    width: 10 * MS,
                },
            ),
            before: Vec::new(),
            threads: threads.iter().map(|ops| ops.to_vec()).collect(),
            listeners: vec![Vec::new()],
            after: vec![Op::Call(Route::Shared, Ending::Failure); 6],
        }
    }

    /// Does any thread do such a thing?
    pub(crate) fn has(&self, of: impl Fn(&Op) -> bool) -> bool {
        let threads = self.threads.iter().chain(&self.listeners).flatten();
        self.before.iter().chain(threads).any(of)
    }

    /// The only thread that operates, if there is but one.
    pub(crate) fn operator(&self) -> Option<usize> {
        let mut all = (0..self.threads.len()).filter(|t| self.threads[*t].iter().any(Op::operates));
        let first = all.next()?;
        all.next().is_none().then_some(first)
    }
}

impl Op {
    /// Is it the controller's, and might it change the state?
    pub(crate) fn operates(&self) -> bool {
        matches!(
            self,
            Op::Trip
                | Op::TripFor(_)
                | Op::HalfOpen
                | Op::HalfOpenFrom
                | Op::Reset
                | Op::Release
                | Op::ForceOpen
                | Op::Disable
                | Op::ObserveOnly
        )
    }
}

fn basic() -> Rules {
    Rules {
        failure_rate: Some(0.5),
        min_throughput: 3,
        slow_call: Some(SLOW),
        slow_rate: None,
        consecutive_failures: None,
        failure_count: None,
        outage: None,
        hang: None,
        lenient: None,
        backoff: Backoff {
            base: WAIT,
            factor: 2.0,
            max: ASKED,
            reset_after: 0,
            adaptive: None,
        },
        half_open: HalfOpen {
            recovery: Recovery::Successes(2),
            max_probes: 2,
            probe_timeout: Some(10 * MS),
            ramp: false,
        },
        on_cancel: OnCancel::Ignored,
        max_in_flight: None,
    }
}

fn setup(rules: Rules, window: Window) -> Setup {
    Setup {
        window,
        rules,
        initial: State::Closed,
        origin: 0,
    }
}

fn rules(dice: &mut Dice) -> Rules {
    let mut rules = basic();
    if dice.once_in(2) {
        rules.failure_rate = None;
    }
    if dice.once_in(2) || rules.failure_rate.is_none() {
        rules.consecutive_failures = Some(dice.between(1, 4) as u32);
    }
    if dice.once_in(2) {
        rules.failure_count = Some(dice.between(1, 6) as u32);
    }
    if dice.once_in(3) {
        rules.slow_rate = Some(dice.one(&[0.3, 0.5, 1.0]));
    }
    rules.min_throughput = dice.between(1, 6) as u32;
    rules.half_open.recovery = if dice.once_in(2) {
        Recovery::Successes(dice.between(1, 3) as u32)
    } else {
        Recovery::Rate {
            of: dice.between(1, 4) as u32,
            failure_rate: 0.5,
            slow_rate: None,
        }
    };
    let most = u64::from(rules.half_open.recovery.needs());
    rules.half_open.max_probes = dice.between(1, most) as u32;
    if dice.once_in(6) {
        rules.on_cancel = OnCancel::Failure;
    }
    if dice.once_in(4) {
        rules.max_in_flight = Some(dice.between(1, 4) as u32);
    }
    rules
}

/// What the threads of a plan are mostly at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Calls,
    Handles,
    Waits,
    Probes,
    Rules,
    Saves,
    Events,
    All,
}

const MOODS: [Mood; 8] = [
    Mood::Calls,
    Mood::Handles,
    Mood::Waits,
    Mood::Probes,
    Mood::Rules,
    Mood::Saves,
    Mood::Events,
    Mood::All,
];

struct Author<'a> {
    dice: &'a mut Dice,
    mood: Mood,
    disabling: bool,
    advancing: bool,
    thread: usize,
}

impl Author<'_> {
    fn ending(&mut self) -> Ending {
        use Ending::{Asking, Dropped, Failure, Ignored, SlowFailure, SlowSuccess, Success};
        let all = [
            Success,
            Success,
            Success,
            Success,
            Failure,
            Failure,
            Failure,
            Failure,
            Asking,
            SlowSuccess,
            SlowFailure,
            Ignored,
            Dropped,
            Dropped,
        ];
        self.dice.one(&all)
    }

    fn call(&mut self) -> Op {
        let local = if self.mood == Mood::Handles { 4 } else { 1 };
        let route = match self.dice.roll(3 + local) {
            0 | 1 => Route::Shared,
            2 => Route::Owned,
            _ => Route::Local,
        };
        Op::Call(route, self.ending())
    }

    fn wait(&mut self) -> u64 {
        self.dice
            .one(&[MS, WAIT, 2 * WAIT, 3 * WAIT + 1, 5 * WAIT, 9 * WAIT])
    }

    fn order(&mut self) -> Op {
        let wait = self.wait();
        match self.mood {
            Mood::Waits => self.dice.one(&[
                Op::Trip,
                Op::TripFor(wait),
                Op::TripFor(wait),
                Op::Postpone(wait),
                Op::Postpone(wait),
                Op::PostponeIn(wait),
                Op::HalfOpenFrom,
                Op::Reset,
            ]),
            Mood::Probes => self.dice.one(&[
                Op::Trip,
                Op::HalfOpen,
                Op::HalfOpen,
                Op::HalfOpenFrom,
                Op::Reset,
            ]),
            _ => loop {
                let op = self.dice.one(&[
                    Op::Trip,
                    Op::TripFor(wait),
                    Op::HalfOpen,
                    Op::HalfOpenFrom,
                    Op::Reset,
                    Op::Reset,
                    Op::Release,
                    Op::Release,
                    Op::ForceOpen,
                    Op::Disable,
                    Op::ObserveOnly,
                    Op::Postpone(wait),
                    Op::PostponeIn(wait),
                ]);
                if op != Op::Disable || self.disabling {
                    return op;
                }
            },
        }
    }

    fn rule(&mut self) -> Op {
        let few = self.dice.between(1, 5) as u32;
        let rate = self.dice.one(&[0.25, 0.5, 0.75, 1.0]);
        if self.thread > 5 {
            return self.call();
        }
        Op::Rule(match self.thread {
            0 => Rule::ConsecutiveFailures(few),
            1 => Rule::FailureCount(few),
            2 => Rule::FailureRate(rate),
            3 => Rule::MinThroughput(few),
            4 => Rule::SlowRate(rate),
            _ => Rule::OnCancel(few > 2),
        })
    }

    fn look(&mut self) -> Op {
        let ops = [
            Op::State,
            Op::Snapshot,
            Op::Snapshot,
            Op::History,
            Op::Poll,
            Op::Poll,
        ];
        self.dice.one(&ops)
    }

    fn advance(&mut self) -> Op {
        if !self.advancing {
            return Op::State;
        }
        let by = self.dice.one(&[MS, WAIT, 10 * MS, 10 * MS, 20 * MS]);
        Op::Advance(by)
    }

    fn op(&mut self, operator: bool) -> Op {
        match self.dice.roll(20) {
            0 => self.look(),
            1 => self.advance(),
            2 if self.mood == Mood::Saves || self.mood == Mood::All => Op::Save,
            3 | 4 if self.mood == Mood::Handles => Op::Handle,
            3 | 4 if self.mood == Mood::Events => self.dice.one(&[Op::Poll, Op::Unpoll]),
            3..=9 if operator => self.order(),
            10..=14 if self.mood == Mood::Rules => self.rule(),
            10 if self.mood == Mood::All => self.rule(),
            11 | 12 => Op::Acquire,
            13..=15 => Op::End(self.ending()),
            _ => self.call(),
        }
    }
}

/// Rolls a plan.
#[must_use]
pub fn roll(seed: u64) -> Plan {
    let dice = &mut Dice::new(seed);
    let window = match dice.roll(5) {
        0 => Window::Count(8),
        1 => Window::Count(20),
        _ => Window::Time {
            buckets: dice.between(1, 3) as u32,
            width: 10 * MS,
        },
    };
    let rules = rules(dice);
    let mut before = Vec::new();
    for _ in 0..dice.roll(4) {
        before.push(Op::Call(
            Route::Shared,
            dice.one(&[Ending::Success, Ending::Failure]),
        ));
    }
    if dice.once_in(3) {
        before.push(dice.one(&[Op::HalfOpen, Op::Trip, Op::ObserveOnly]));
    }
    let mood = MOODS[(seed % MOODS.len() as u64) as usize];
    let number = dice.between(4, 8) as usize;
    // none, one, or several
    let operators = dice.one(&[0, 1, 1, 2, 3, number]);
    let (disabling, advancing) = (dice.once_in(3), !dice.once_in(3));
    let threads = (0..number).map(|thread| {
        let ops = dice.between(2, 7);
        let mut author = Author {
            dice: &mut *dice,
            mood,
            disabling,
            advancing,
            thread,
        };
        (0..ops).map(|_| author.op(thread < operators)).collect()
    });
    let threads: Vec<_> = threads.collect();
    let most = if mood == Mood::Events { 2 } else { 1 };
    let listeners = (0..dice.roll(most + 1)).map(|_| {
        let ops = (0..dice.roll(3)).map(|_| Op::Call(Route::Shared, Ending::Failure));
        ops.collect()
    });
    let listeners = listeners.collect();
    let mut author = Author {
        dice,
        mood: Mood::Calls,
        disabling: false,
        advancing: true,
        thread: 0,
    };
    let after = (0..14).map(|n| match n {
        6 => Op::Advance(10 * MS),
        _ => author.call(),
    });
    let after = after.collect();
    Plan {
        setup: setup(rules, window),
        before,
        threads,
        listeners,
        after,
    }
}

/// Up to the next whole millisecond.
pub(crate) fn up(moment: u64) -> u64 {
    whole_ms(moment)
}
