//! Plans under adaptive rules, one of them or several at once: others' plans, with dice of their own, so that those stay
//! as they are.

use super::{Ending, MS, Op, Plan, Route, roll};
use crate::dice::Dice;
use crate::model::{Hang, Kind, Lenient, Outage, Rules, Window};

/// By which the clock goes on: within a tick, to the next one, to a ramp's next step, and beyond the first wait.
const STEPS: [u64; 6] = [MS, 20 * MS, 40 * MS, 100 * MS, 100 * MS, 400 * MS];
/// What the hang rule waits for.
const PATIENCE: u64 = 30 * MS;

/// Leaves the adaptive rules alone: others are true much sooner.
fn no_others(rules: &mut Rules) {
    rules.consecutive_failures = None;
    rules.failure_count = None;
    rules.failure_rate = None;
    rules.slow_rate = None;
}

/// Rolls a plan, under adaptive rules that are `seed`'s.
#[must_use]
pub fn roll_adaptive(seed: u64) -> Plan {
    let mut plan = roll(seed);
    let mut dice = Dice::new(!seed);
    let dice = &mut dice;
    if matches!(plan.setup.window, Window::Count(_)) {
        plan.setup.window = Window::Time {
            buckets: 2,
            width: 10 * MS,
        };
    }
    let mut first = Vec::new();
    let rules = &mut plan.setup.rules;
    rules.half_open.ramp = dice.once_in(2);
    if dice.once_in(2) {
        rules.backoff.max = dice.one(&[250 * MS, 4_000 * MS]);
        rules.backoff.adaptive = Some(seed);
    }
    // the pace that both go by is read off the outage rule
    let at_a_pace = rules.half_open.ramp || rules.backoff.adaptive.is_some();
    if at_a_pace || dice.once_in(2) {
        let theta = dice.one(&[0.3, 0.5, 0.9]);
        rules.outage = Some(Outage { theta, loss: 0.1 });
        if dice.once_in(2) {
            no_others(rules);
            // onto the verge
            first.extend(vec![
                Op::Call(Route::Shared, Ending::Failure);
                dice.roll(7) as usize
            ]);
            first.push(Op::Advance(20 * MS));
        }
    }
    if dice.once_in(2) {
        rules.hang = Some(Hang {
            after: PATIENCE,
            starts: dice.between(1, 3) as u32,
        });
        // enough for a watch to begin, and a tick without any
        let call = Op::Call(Route::Shared, Ending::Success);
        first.extend([call; 20]);
        first.push(Op::Advance(dice.one(&[40 * MS, 2 * PATIENCE])));
        if dice.once_in(2) {
            no_others(rules);
            first.push(Op::Acquire);
            first.push(Op::Advance(PATIENCE));
        }
    }
    if dice.once_in(3) {
        rules.lenient = Some(Lenient::new(&[Kind::Overload], dice.roll(8) as u32));
    }
    if rules.half_open.ramp && dice.once_in(2) {
        // into the ramp, or onto its verge
        first.push(Op::HalfOpen);
        let results = rules.half_open.recovery.needs() as usize;
        first.extend(vec![Op::Call(Route::Shared, Ending::Success); results]);
    }
    plan.before.splice(0..0, first);
    let lenient = plan.setup.rules.lenient.is_some();
    let threads = plan.threads.iter_mut().chain(&mut plan.listeners);
    for op in threads.chain([&mut plan.after]).flatten() {
        match op {
            Op::Advance(by) => *by = dice.one(&STEPS),
            Op::Call(_, ending) | Op::End(ending)
                if lenient && *ending == Ending::Failure && dice.once_in(2) =>
            {
                *ending = Ending::LenientFailure;
            }
            _ => {}
        }
    }
    plan
}
