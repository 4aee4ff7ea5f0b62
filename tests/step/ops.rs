//! What can be done to a breaker, in the steps in which it takes effect.

use std::time::Duration;

use tripcoil::call::{LocalPermit, OwnedPermit};
use tripcoil::config::Rules;
use tripcoil::observe::Events;
use tripcoil::{Backoff, FailureKind, HalfOpen, Outcome};

use crate::world::{EPOCH, LONG, SLOW, World};

/// An operation under way.
#[derive(Default)]
pub(crate) struct Doing<'w> {
    permit: Option<OwnedPermit>,
    local: Option<LocalPermit<'w>>,
    events: Option<Events>,
    /// What its caller was told.
    pub(crate) said: Vec<String>,
}

type Step = for<'w> fn(&'w World, &mut Doing<'w>);

pub(crate) struct Op {
    pub(crate) name: &'static str,
    pub(crate) steps: &'static [Step],
    /// It brings a wait of its own, which others may not see at once: see `docs/semantics.md`.
    pub(crate) asks: bool,
    /// It moves the clock on.
    pub(crate) passes: bool,
    /// One of those that are stopped in each other.
    pub(crate) nested: bool,
    /// One of those that are stopped twice, each time for one of those that come then.
    pub(crate) stopped_twice: bool,
    pub(crate) comes_then: bool,
    /// It switches the rule on runs off, and has done so where that has been adopted.
    pub(crate) switches_off: bool,
}

const fn op(name: &'static str, steps: &'static [Step]) -> Op {
    Op {
        name,
        steps,
        asks: false,
        passes: false,
        nested: false,
        stopped_twice: false,
        comes_then: false,
        switches_off: false,
    }
}

/// One of an operator's, for a call that is stopped twice.
const fn then(name: &'static str, steps: &'static [Step]) -> Op {
    Op {
        comes_then: true,
        ..op(name, steps)
    }
}

const fn nested(name: &'static str, steps: &'static [Step]) -> Op {
    Op {
        nested: true,
        ..op(name, steps)
    }
}

const fn asking(name: &'static str, steps: &'static [Step]) -> Op {
    Op {
        asks: true,
        ..op(name, steps)
    }
}

fn acquire(world: &World, doing: &mut Doing<'_>) {
    match world.breaker.try_acquire_owned() {
        Ok(permit) => doing.permit = Some(permit),
        Err(rejected) => {
            world.rejected.set(world.rejected.get() + 1);
            doing.said.push(rejected.to_string());
        }
    }
}

fn acquire_local<'w>(world: &'w World, doing: &mut Doing<'w>) {
    match world.next_local().try_acquire() {
        Ok(permit) => doing.local = Some(permit),
        Err(rejected) => {
            world.rejected.set(world.rejected.get() + 1);
            doing.said.push(rejected.to_string());
        }
    }
}

fn end(world: &World, doing: &mut Doing<'_>, outcome: Outcome) {
    if let Some(permit) = doing.permit.take() {
        world.end(permit, outcome);
    }
}

/// A call that was under way before.
fn end_other(world: &World, outcome: Outcome) {
    let permit = world.out.borrow_mut().pop();
    if let Some(permit) = permit {
        world.end(permit, outcome);
    }
}

fn says(doing: &mut Doing<'_>, changed: bool) {
    doing.said.push(changed.to_string());
}

fn postpone(world: &World, doing: &mut Doing<'_>, in_the_first_open: bool) {
    let until = world.clock.now() + LONG;
    let (moved, kept) = if in_the_first_open {
        let moved = world.controller.postpone_in(world.first_open, LONG);
        (moved, &world.postponed_in)
    } else {
        (world.controller.postpone(LONG), &world.postponed)
    };
    if moved {
        kept.set(Some(until));
    }
    doing.said.push(format!("postponed, {moved}"));
}

fn half_open_from(world: &World, doing: &mut Doing<'_>) {
    let begun = world.controller.half_open_from(world.first_open);
    world.begun.set(world.begun.get() + u64::from(begun));
    says(doing, begun);
}

fn change(world: &World, doing: &mut Doing<'_>, change: fn(Rules) -> Rules) {
    says(doing, world.controller.reconfigure(change).is_ok());
}

/// No other rule is on in any situation, or it is named anew.
fn run_rule_off(rules: Rules) -> Rules {
    rules.no_failure_rules().failure_count(9)
}

const OK: Outcome = Outcome::Success;
const BAD: Outcome = Outcome::Failure(FailureKind::Server);
const ASKED: Duration = Duration::from_millis(500);

pub(crate) const OPS: &[Op] = &[
    nested("success", &[acquire, |w, d| end(w, d, OK)]),
    Op {
        stopped_twice: true,
        ..nested("failure", &[acquire, |w, d| end(w, d, BAD)])
    },
    asking(
        "failure that asks for a wait",
        &[acquire, |w, d| end(w, d, BAD.with_retry_after(ASKED))],
    ),
    op(
        "slow success",
        &[acquire, |w, d| {
            if let Some(permit) = d.permit.take() {
                permit.record_timed(OK, SLOW * 2);
                w.ended.set(w.ended.get() + 1);
            }
        }],
    ),
    op("ignored", &[acquire, |w, d| end(w, d, Outcome::Ignored)]),
    op(
        "cancelled",
        &[acquire, |w, d| {
            if let Some(permit) = d.permit.take() {
                drop(permit);
                w.ended.set(w.ended.get() + 1);
            }
        }],
    ),
    nested("success of a call under way", &[|w, _| end_other(w, OK)]),
    op("failure of a call under way", &[|w, _| end_other(w, BAD)]),
    nested("trip", &[|w, d| says(d, w.controller.trip())]),
    asking("trip for", &[|w, d| says(d, w.controller.trip_for(ASKED))]),
    op("half-open", &[|w, d| says(d, w.controller.half_open())]),
    op("half-open from the first Open", &[half_open_from]),
    nested("reset", &[|w, d| says(d, w.controller.reset())]),
    nested("force open", &[|w, d| says(d, w.controller.force_open())]),
    op(
        "observe only",
        &[|w, d| says(d, w.controller.observe_only())],
    ),
    op("release", &[|w, d| says(d, w.controller.release())]),
    then("postpone", &[|w, d| postpone(w, d, false)]),
    // beyond the backoff, and short of what is asked for
    op(
        "postpone a little",
        &[|w, d| {
            let moved = w.controller.postpone(EPOCH * 2);
            d.said.push(format!("postponed, {moved}"));
        }],
    ),
    op("postpone in the first Open", &[|w, d| postpone(w, d, true)]),
    op(
        "new rules",
        &[|w, d| change(w, d, |rules| rules.failure_count(1))],
    ),
    op(
        "a new wait",
        &[|w, d| change(w, d, |rules| rules.open_for(Backoff::constant(ASKED * 3)))],
    ),
    op(
        "a new round",
        &[|w, d| {
            w.most_probes.set(9);
            change(w, d, |rules| {
                rules.half_open(HalfOpen::rate(9, 0.9).max_probes(7))
            });
        }],
    ),
    Op {
        switches_off: true,
        ..then("the rule on runs off", &[|w, d| change(w, d, run_rule_off)])
    },
    then(
        "the rule on runs on",
        &[|w, d| change(w, d, |rules| rules.consecutive_failures(3))],
    ),
    Op {
        switches_off: true,
        ..op(
            "the rule on runs off, and on",
            &[
                |w, d| change(w, d, run_rule_off),
                |w, d| change(w, d, |rules| rules.consecutive_failures(3)),
            ],
        )
    },
    Op {
        passes: true,
        ..nested(
            "an epoch passes, success",
            &[
                |w, _| w.clock.advance(EPOCH),
                |w, d| acquire(w, d),
                |w, d| end(w, d, OK),
            ],
        )
    },
    op(
        "a local handle's success",
        &[acquire_local, |w, d| {
            if let Some(permit) = d.local.take() {
                permit.success();
                w.ended.set(w.ended.get() + 1);
            }
        }],
    ),
    op(
        "a cursor is made, and polled",
        &[
            |w, d| d.events = Some(w.breaker.observer().events()),
            |w, d| {
                if let Some(mut events) = d.events.take() {
                    let heard = events.by_ref().collect();
                    w.cursors.borrow_mut().push((events, heard));
                }
            },
        ],
    ),
];
