//! What can be done to a breaker, in the steps in which it takes effect.

use std::time::Duration;

use tripcoil::{FailureKind, LocalPermit, Outcome, OwnedPermit};

use crate::world::{EPOCH, SLOW, World};

/// An operation under way.
#[derive(Default)]
pub(crate) struct Doing<'w> {
    permit: Option<OwnedPermit>,
    local: Option<LocalPermit<'w>>,
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
}

const fn op(name: &'static str, steps: &'static [Step]) -> Op {
    Op {
        name,
        steps,
        asks: false,
        passes: false,
        nested: false,
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

const OK: Outcome = Outcome::Success;
const BAD: Outcome = Outcome::Failure(FailureKind::Server);
const ASKED: Duration = Duration::from_millis(500);

pub(crate) const OPS: &[Op] = &[
    nested("success", &[acquire, |w, d| end(w, d, OK)]),
    nested("failure", &[acquire, |w, d| end(w, d, BAD)]),
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
    nested("reset", &[|w, d| says(d, w.controller.reset())]),
    nested("force open", &[|w, d| says(d, w.controller.force_open())]),
    op(
        "observe only",
        &[|w, d| says(d, w.controller.observe_only())],
    ),
    op("release", &[|w, d| says(d, w.controller.release())]),
    op("postpone", &[|w, d| says(d, w.controller.postpone(ASKED))]),
    op(
        "new rules",
        &[|w, d| {
            says(
                d,
                w.controller
                    .reconfigure(|rules| rules.failure_count(1))
                    .is_ok(),
            );
        }],
    ),
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
];
