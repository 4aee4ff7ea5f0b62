//! What is done: a breaker on the verge of something, and a few operations for each thread.

pub(crate) mod adaptive;

use crate::model::{
    Backoff, HalfOpen, Kind, Lenient, OnCancel, Order, Recovery, Rules, Setup, State, Window,
};

pub(crate) const MS: u64 = 1_000_000;
const HOUR: u64 = 3_600_000 * MS;
const SLOW: u64 = 1_000 * MS;

/// By which clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Time {
    Manual,
    Precise,
    Coarse,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Ending {
    Success,
    Failure,
    SlowSuccess,
    SlowFailure,
    Ignored,
    Dropped,
    /// A failure that asks for a wait of `ASKED`.
    Asking,
    /// A success by a local handle.
    Local,
}

impl Ending {
    /// Each as often as it is drawn; but for a local handle's, which has calls of its own.
    pub(crate) const DRAWN: [Ending; 12] = {
        use Ending::{Asking, Dropped, Failure, Ignored, SlowFailure, SlowSuccess, Success};
        [
            Success,
            Success,
            Success,
            Success,
            Failure,
            Failure,
            Failure,
            Asking,
            SlowSuccess,
            SlowFailure,
            Ignored,
            Dropped,
        ]
    };

    /// By the caller's own measure.
    pub(crate) fn took(self) -> u64 {
        match self {
            Ending::SlowSuccess | Ending::SlowFailure => 2 * SLOW,
            _ => 0,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Acquire,
    /// The thread's oldest permit ends so; without one nothing is done.
    End(Ending),
    /// A whole call by the thread's local handle: it is recorded as an acquire and an end.
    Local,
    State,
    Order(Order),
    /// New rules: so many failures in the window.
    Rules(u32),
    Advance(u64),
}

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) time: Time,
    pub(crate) setup: Setup,
    /// Done before the threads begin; its permits are handed out to them in turn.
    pub(crate) prefix: Vec<Op>,
    /// In rounds, each of which the threads begin together. With the turns that a thread waits
    /// before each operation.
    pub(crate) threads: Vec<Vec<Vec<(u32, Op)>>>,
}

pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(0x9E37_79B9_7F4A_7C15 ^ seed.wrapping_add(1).wrapping_mul(0xD134_2543_DE82_EF95))
    }

    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % sides
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.roll(of.len() as u64) as usize].clone()
    }
}

pub(crate) fn rules(time: Time) -> Rules {
    let (wait, timeout) = match time {
        Time::Manual => (7 * MS, 10 * MS),
        _ => (HOUR, HOUR),
    };
    Rules {
        failure_rate: None,
        min_throughput: 2,
        slow_call: Some(SLOW),
        slow_rate: None,
        consecutive_failures: None,
        failure_count: None,
        outage: None,
        hang: None,
        lenient: None,
        backoff: Backoff {
            base: wait,
            factor: 2.0,
            max: 4 * wait,
            reset_after: wait / 7 * 30,
            adaptive: None,
        },
        half_open: HalfOpen {
            recovery: Recovery::Successes(2),
            max_probes: 2,
            probe_timeout: Some(timeout),
            ramp: false,
        },
        on_cancel: OnCancel::Ignored,
        max_in_flight: None,
    }
}

const CALL: fn(Ending) -> [Op; 2] = |ending| [Op::Acquire, Op::End(ending)];

/// The rules, the window, and what has been done by then.
fn situation(dice: &mut Dice, time: Time) -> (Rules, Window, Vec<Op>) {
    use Ending::{Failure, SlowSuccess, Success};
    let rules = rules(time);
    let width = match time {
        Time::Manual => 10 * MS,
        _ => 6 * HOUR,
    };
    let by_time = Window::Time { buckets: 2, width };
    let verge = |endings: &[Ending]| endings.iter().flat_map(|e| CALL(*e)).collect::<Vec<_>>();
    let by_count = Rules {
        failure_count: Some(2),
        ..rules
    };
    let by_rate = Rules {
        failure_rate: Some(0.5),
        ..rules
    };
    let by_run = Rules {
        consecutive_failures: Some(2),
        ..rules
    };
    let easily = Rules {
        consecutive_failures: Some(1),
        ..rules
    };
    let round = |recovery, max_probes| Rules {
        half_open: HalfOpen {
            recovery,
            max_probes,
            ..rules.half_open
        },
        ..easily
    };
    let three = Recovery::Rate {
        of: 3,
        failure_rate: 0.5,
        slow_rate: None,
    };
    let begun = |more: &[Op]| [&[Op::Order(Order::HalfOpen)], more].concat();
    match dice.roll(14) {
        0 => (by_count, by_time, verge(&[Failure])),
        1 => (by_rate, by_time, verge(&[Failure])),
        2 => (by_rate, by_time, verge(&[Success, Success, Failure])),
        3 => (by_run, by_time, verge(&[Failure])),
        4 => {
            let by_slow = Rules {
                slow_rate: Some(0.5),
                ..rules
            };
            let before = [Success, SlowSuccess, Success];
            (by_slow, by_time, verge(&before[..dice.roll(4) as usize]))
        }
        5 => {
            let all = Rules {
                consecutive_failures: Some(2),
                failure_count: Some(3),
                failure_rate: Some(0.75),
                min_throughput: 4,
                ..rules
            };
            (all, by_time, verge(&[Failure, Success]))
        }
        6 => (round(Recovery::Successes(2), 2), by_time, begun(&[])),
        7 => {
            let slow = Rules {
                slow_rate: Some(0.9),
                ..round(Recovery::Successes(2), 1)
            };
            (slow, by_time, begun(&[Op::Acquire]))
        }
        8 => (round(three, 3), by_time, begun(&CALL(Success))),
        9 => {
            let before = if time == Time::Manual {
                [&CALL(Failure)[..], &[Op::Advance(7 * MS)]].concat()
            } else {
                verge(&[Failure])
            };
            (round(three, 2), by_time, before)
        }
        12 => {
            // two failures away, and no other rule: neither may be lost
            let alone = Rules {
                consecutive_failures: Some(3),
                ..rules
            };
            (alone, by_time, verge(&[Failure]))
        }
        10 => (by_count, Window::Count(3), verge(&[Success, Failure])),
        11 => {
            let size = Window::Count(3);
            let both = Rules {
                consecutive_failures: Some(2),
                ..by_rate
            };
            (both, size, verge(&[Success, Success, Success]))
        }
        _ => (
            by_count,
            Window::Count(17),
            [verge(&[Success; 16]), verge(&[Failure])].concat(),
        ),
    }
}

/// What the threads of a plan are given to.
#[derive(Clone, Copy)]
struct Mood {
    time: Time,
    dropping: bool,
    local: bool,
    /// The operator changes the rules too.
    changing: bool,
    /// There is more than one operator.
    contested: bool,
}

fn ending(dice: &mut Dice, mood: Mood) -> Ending {
    if mood.dropping && dice.roll(4) > 0 {
        return Ending::Dropped;
    }
    dice.one(&Ending::DRAWN)
}

fn order(dice: &mut Dice, mood: Mood) -> Order {
    let wait = rules(mood.time).backoff.base;
    if mood.contested && dice.roll(2) == 0 {
        // longer than all that is asked for: whether it changes anything does not depend on whose wait
        // it finds, and what it has put off stays so
        return dice.one(&[Order::Postpone(wait * 9), Order::TripFor(wait * 5)]);
    }
    dice.one(&[
        Order::Trip,
        Order::HalfOpen,
        Order::Reset,
        Order::Reset,
        Order::Release,
        Order::Release,
        Order::ForceOpen,
        Order::Disable,
        Order::ObserveOnly,
        Order::Postpone(wait * if mood.contested { 9 } else { 3 }),
        // longer than the backoff ever is: see `spec.rs`
        Order::TripFor(wait * 5),
    ])
}

fn round(dice: &mut Dice, mood: Mood, operator: bool) -> Vec<Op> {
    match dice.roll(12) {
        0 => vec![Op::State],
        1 | 2 if mood.time == Time::Manual && operator => {
            vec![Op::Advance(dice.one(&[
                MS,
                7 * MS,
                10 * MS,
                10 * MS,
                20 * MS,
            ]))]
        }
        1..=4 if operator => vec![Op::Order(order(dice, mood))],
        5 if operator && mood.changing => vec![Op::Rules(1 + dice.roll(4) as u32)],
        1..=3 => vec![Op::Acquire],
        4 | 5 => vec![Op::End(ending(dice, mood))],
        7 => vec![Op::End(ending(dice, mood)), Op::State],
        9 if mood.local => vec![Op::Local],
        10 if mood.local => vec![Op::Local, Op::Local],
        8 => [
            &[Op::End(ending(dice, mood))][..],
            &CALL(ending(dice, mood)),
        ]
        .concat(),
        _ => CALL(ending(dice, mood)).to_vec(),
    }
}

/// Mostly none: an operation takes no longer than a few turns.
fn turns(dice: &mut Dice) -> u32 {
    dice.roll(12).saturating_sub(7) as u32
}

pub(crate) fn roll(dice: &mut Dice, time: Time) -> Plan {
    let (mut rules, window, mut prefix) = situation(dice, time);
    if matches!(window, Window::Time { .. }) && dice.roll(4) == 0 {
        // all failures here are of this kind
        let eighths = dice.one(&[0, 1, 3, 4, 5, 7]);
        rules.lenient = Some(Lenient::new(&[Kind::Server], eighths));
    }
    if dice.roll(10) == 0 {
        prefix.push(Op::Order(dice.one(&[
            Order::ObserveOnly,
            Order::Disable,
            Order::ForceOpen,
        ])));
    }
    // calls under way when the threads begin
    prefix.extend(
        [Op::Acquire, Op::Acquire, Op::Acquire]
            .iter()
            .take(dice.roll(4) as usize),
    );
    let threads = 2 + usize::from(dice.roll(4) == 0);
    // the operator is not always there
    let operator = dice.roll(threads as u64 + 2) as usize;
    let mood = Mood {
        time,
        dropping: dice.roll(6) == 0,
        local: dice.roll(3) == 0,
        changing: matches!(window, Window::Time { .. }),
        contested: dice.roll(6) == 0,
    };
    let rounds = 3 + dice.roll(2);
    let mut program = |operator| -> Vec<Vec<(u32, Op)>> {
        let rounds = (0..rounds).map(|_| round(dice, mood, operator));
        let rounds: Vec<_> = rounds.collect();
        let waits = |ops: Vec<Op>| ops.into_iter().map(|op| (turns(dice), op)).collect();
        rounds.into_iter().map(waits).collect()
    };
    let threads = (0..threads).map(|thread| program(mood.contested || thread == operator));
    let mut threads: Vec<_> = threads.collect();
    if time != Time::Manual {
        // no two alike: how much later each came must not matter
        let ops = threads.iter_mut().flatten().flatten();
        let waits = ops.filter_map(|(_, op)| match op {
            Op::Order(Order::Postpone(wait) | Order::TripFor(wait)) => Some(wait),
            _ => None,
        });
        for (n, wait) in waits.enumerate() {
            *wait += (n as u64 * 7 % 13) * HOUR / 60;
        }
    }
    Plan {
        time,
        setup: Setup {
            window,
            rules,
            initial: State::Closed,
            origin: 0,
        },
        prefix,
        threads,
    }
}
