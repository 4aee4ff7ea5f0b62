//! Plans with an adaptive rule, each by the manual clock. They are drawn by themselves, so that the others stay as
//! they are.
//!
//! A ramp's clock moves at any time. Under the other rules it moves in rounds of its own: ticks, watches and outages go
//! by readings of the clock, and the steps do not say which tick a call finds whose reading is older than another's.
//! There are no local handles here, no new rules, and no count windows, which these rules refuse.

use super::{CALL, Dice, Ending, MS, Op, Plan, Time, rules, turns};
use crate::model::{Backoff, HalfOpen, Hang, Order, Outage, Recovery, Rules, Setup, State, Window};

/// The rule under which the breaker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Adaptive {
    Ramp,
    Hang,
    Outage,
    Wait,
}

impl Adaptive {
    pub(crate) const ALL: [Adaptive; 4] = [
        Adaptive::Ramp,
        Adaptive::Hang,
        Adaptive::Outage,
        Adaptive::Wait,
    ];
}

/// A breaker on the verge of something.
struct Scene {
    rules: Rules,
    width: u64,
    before: Vec<Op>,
    /// By which the clock goes on.
    steps: &'static [u64],
    /// Of three operations by which a call begins or ends, so many begin one.
    beginning: u64,
    endings: &'static [Ending],
}

fn times(n: u64, ops: &[Op]) -> Vec<Op> {
    ops.repeat(n as usize)
}

const BEGIN_ROUND: Op = Op::Order(Order::HalfOpen);
const FAILS: [Op; 2] = [Op::Acquire, Op::End(Ending::Failure)];
const SUCCEEDS: [Op; 2] = [Op::Acquire, Op::End(Ending::Success)];
const SLOWLY: [Op; 2] = [Op::Acquire, Op::End(Ending::SlowSuccess)];

/// A pace: none, 50, 100 or 200 calls per second. With them a ramp's first share is 1, 1, a half or a quarter.
fn at_a_pace(dice: &mut Dice) -> Vec<Op> {
    let (calls, buckets) = dice.one(&[(0, 0), (1, 2), (1, 1), (2, 1)]);
    let mut ops = times(calls, &SUCCEEDS);
    if calls > 0 {
        ops.push(Op::Advance(buckets * 10 * MS));
        ops.extend(SUCCEEDS);
    }
    ops
}

/// By which a round is won.
fn results(rules: &Rules) -> u64 {
    rules.half_open.recovery.needs().into()
}

fn ramp(dice: &mut Dice) -> Scene {
    use Ending::Success;
    let timeout = dice.one(&[10 * MS, 200 * MS, 400 * MS]);
    let base = rules(Time::Manual);
    let rules = Rules {
        consecutive_failures: Some(2),
        half_open: HalfOpen {
            recovery: dice.one(&[Recovery::Successes(1), Recovery::Successes(2)]),
            probe_timeout: Some(timeout),
            ramp: true,
            ..base.half_open
        },
        ..base
    };
    let results = results(&rules);
    let mut before = at_a_pace(dice);
    before.push(BEGIN_ROUND);
    let begun = dice.roll(8);
    if begun == 0 {
        // the probes are out, and the ramp begins with them
        before.extend(times(results, &[Op::Acquire]));
    } else {
        let slowest = dice.one(&[SUCCEEDS, SUCCEEDS, SLOWLY]);
        before.extend(times(results, &slowest));
    }
    let full = Op::Advance(100 * MS);
    // some are rejected, and then their ends are not done
    match begun {
        0 | 1 => {}
        2 => before.extend(times(3, &FAILS)),
        3 => {
            before.extend(times(dice.one(&[4, 5]), &SUCCEEDS));
            before.push(full);
        }
        4 => {
            // a second step, with three quarters or more
            before.extend(times(17, &[Op::Acquire]));
            before.extend(times(17, &[Op::End(Success)]));
            before.push(full);
            before.extend(times(dice.roll(3) + 2, &FAILS));
        }
        5 => {
            before.extend(times(4, &SUCCEEDS));
            before.extend(SLOWLY);
            before.push(full);
        }
        6 => {
            before.extend(times(2 + dice.roll(3), &[Op::Acquire]));
            before.push(Op::Advance(dice.one(&[timeout / 2, timeout, 100 * MS])));
        }
        _ => {
            before.extend(times(9 + dice.roll(3), &[Op::Acquire]));
            before.push(Op::Advance(301 * MS));
        }
    }
    Scene {
        rules,
        width: 10 * MS,
        before,
        steps: &[MS, 50 * MS, 100 * MS, 100 * MS, 200 * MS, 400 * MS],
        beginning: 1 + dice.roll(2),
        endings: &Ending::DRAWN,
    }
}

const PATIENCE: u64 = 30 * MS;

fn hang(dice: &mut Dice) -> Scene {
    use Ending::{Dropped, Failure, Ignored, Success};
    let rules = Rules {
        consecutive_failures: dice.one(&[None, Some(2)]),
        hang: Some(Hang {
            after: PATIENCE,
            starts: 3,
        }),
        ..rules(Time::Manual)
    };
    let width = dice.one(&[10 * MS, 40 * MS]);
    // enough for a watch to begin
    let mut before = times(20, &SUCCEEDS);
    if dice.roll(8) == 0 {
        before.push(Op::Order(Order::ObserveOnly));
    }
    // calls whose ends are signs of life
    before.extend(times(dice.roll(4), &[Op::Acquire]));
    before.push(Op::Advance(dice.one(&[40 * MS, 50 * MS])));
    before.extend(times(dice.roll(4), &[Op::Acquire]));
    if dice.roll(4) > 0 {
        before.push(Op::Advance(PATIENCE));
    }
    Scene {
        rules,
        width,
        before,
        steps: &[MS, 10 * MS, 10 * MS, 20 * MS, PATIENCE],
        // in half of the plans few calls end
        beginning: 2 + dice.roll(2),
        endings: &[Success, Success, Failure, Ignored, Ignored, Dropped],
    }
}

fn outage(dice: &mut Dice) -> Scene {
    use Ending::{Asking, Dropped, Failure, Ignored, SlowFailure, SlowSuccess, Success};
    let theta = dice.one(&[0.3, 0.5, 0.5]);
    let rules = Rules {
        outage: Some(Outage { theta, loss: 0.1 }),
        failure_count: dice.one(&[None, None, Some(6)]),
        consecutive_failures: dice.one(&[None, None, Some(5)]),
        ..rules(Time::Manual)
    };
    // of long buckets the pace stays for long
    let width = dice.one(&[1_000 * MS, 1_000 * MS, 20 * MS]);
    let mut before = times(1 + dice.roll(4), &FAILS);
    before.extend(times(dice.roll(2), &SUCCEEDS));
    before.push(Op::Advance(20 * MS));
    before.extend(times(dice.roll(3), &dice.one(&[FAILS, FAILS, SLOWLY])));
    Scene {
        rules,
        width,
        before,
        steps: &[MS, 20 * MS, 20 * MS, 20 * MS, 1_000 * MS],
        beginning: 1,
        endings: &[
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
        ],
    }
}

/// No adaptive wait is longer: so one that is asked for never ends before it.
const LONGEST: u64 = 4_000 * MS;

fn wait(dice: &mut Dice) -> Scene {
    use Ending::{Asking, Dropped, Failure, Ignored, SlowFailure, Success};
    let base = rules(Time::Manual);
    let rules = Rules {
        consecutive_failures: Some(1),
        backoff: Backoff {
            max: LONGEST,
            adaptive: Some(dice.roll(1 << 20)),
            ..base.backoff
        },
        half_open: HalfOpen {
            recovery: dice.one(&[Recovery::Successes(1), Recovery::Successes(2)]),
            max_probes: 1 + dice.roll(2) as u32,
            probe_timeout: Some(200 * MS),
            ramp: dice.roll(3) == 0,
        },
        ..base
    };
    let mut before = at_a_pace(dice);
    let rejected = |dice: &mut Dice| times(dice.roll(4), &[Op::Acquire]);
    let opened = dice.roll(4);
    if opened > 0 {
        before.extend(FAILS);
        before.extend(rejected(dice));
        // at least as long as the first wait
        before.push(Op::Advance(250 * MS));
    }
    if opened > 0 && rules.half_open.ramp && dice.roll(2) == 0 {
        // a ramp that is about to fail
        before.extend(times(results(&rules), &SUCCEEDS));
        before.extend(times(3, &FAILS));
    } else if opened > 1 {
        before.extend(FAILS);
        before.extend(rejected(dice));
        before.push(Op::Advance(dice.one(&[250 * MS, LONGEST])));
    }
    Scene {
        rules,
        width: 10 * MS,
        before,
        steps: &[MS, 100 * MS, 250 * MS, 1_000 * MS, 2_001 * MS, LONGEST],
        beginning: 2,
        endings: &[
            Success,
            Success,
            Success,
            Failure,
            Failure,
            Failure,
            Asking,
            SlowFailure,
            Ignored,
            Dropped,
        ],
    }
}

fn order(dice: &mut Dice, rules: &Rules) -> Order {
    let wait = rules.backoff.max;
    dice.one(&[
        Order::Trip,
        Order::HalfOpen,
        Order::Reset,
        Order::Reset,
        Order::Release,
        Order::ForceOpen,
        Order::Disable,
        Order::ObserveOnly,
        Order::Postpone(wait / 2),
        // longer than the backoff ever is: see `spec.rs`
        Order::TripFor(wait / 4 * 5),
    ])
}

fn round(dice: &mut Dice, scene: &Scene, operator: bool) -> Vec<Op> {
    let ending = |dice: &mut Dice| dice.one(scene.endings);
    match dice.roll(12) {
        0 => vec![Op::State],
        1 | 2 if operator => vec![Op::Order(order(dice, &scene.rules))],
        1 | 2 if scene.beginning < 3 => CALL(ending(dice)).to_vec(),
        n => {
            let one = |dice: &mut Dice| match dice.roll(3) < scene.beginning {
                true => Op::Acquire,
                false => Op::End(ending(dice)),
            };
            let ops = (0..1 + n % 3).map(|_| one(dice));
            ops.collect()
        }
    }
}

pub(crate) fn roll(dice: &mut Dice, rule: Adaptive) -> Plan {
    let scene = match rule {
        Adaptive::Ramp => ramp(dice),
        Adaptive::Hang => hang(dice),
        Adaptive::Outage => outage(dice),
        Adaptive::Wait => wait(dice),
    };
    let number = 2 + usize::from(dice.roll(4) == 0);
    // the operator is not always there
    let operator = dice.roll(number as u64 + 3) as usize;
    let mut threads = vec![Vec::new(); number];
    for _ in 0..3 + dice.roll(2) {
        for (thread, rounds) in threads.iter_mut().enumerate() {
            let ops = round(dice, &scene, thread == operator);
            rounds.push(ops.into_iter().map(|op| (turns(dice), op)).collect());
        }
        if dice.roll(2) == 0 {
            continue;
        }
        let step = (turns(dice), Op::Advance(dice.one(scene.steps)));
        if rule == Adaptive::Ramp {
            let mover = dice.roll(number as u64) as usize;
            let round: &mut Vec<(u32, Op)> = threads[mover].last_mut().expect("it has just begun");
            round.insert(dice.roll(round.len() as u64 + 1) as usize, step);
        } else {
            // in a round of its own
            let [first, others @ ..] = &mut threads[..] else {
                unreachable!("there are two threads at least");
            };
            first.push(vec![step]);
            others.iter_mut().for_each(|rounds| rounds.push(Vec::new()));
        }
    }
    Plan {
        time: Time::Manual,
        setup: Setup {
            window: Window::Time {
                buckets: 2,
                width: scene.width,
            },
            rules: scene.rules,
            initial: State::Closed,
            origin: 0,
        },
        prefix: scene.before,
        threads,
    }
}
