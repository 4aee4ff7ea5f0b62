//! Breakers, and what is done with them.

pub(crate) use crate::settings::{STATES, apart, cases, configs, nanos};
use proptest::collection::vec;
use proptest::prelude::*;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tripcoil::call::OwnedPermit;
use tripcoil::{Breaker, Controller, FailureKind, ManualClock, Outcome};

pub(crate) fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Some day in 2026.
pub(crate) fn wall() -> SystemTime {
    UNIX_EPOCH + Duration::new(1_780_000_000, 123_456_789)
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    Call(Outcome, u64),
    Cancel,
    Advance(u64),
    Trip,
    TripFor(u64),
    HalfOpen,
    Reset,
    Release,
    ForceOpen,
    Disable,
    ObserveOnly,
    Postpone(u64),
}

fn ops() -> impl Strategy<Value = Op> {
    let bad = Outcome::Failure(FailureKind::Server);
    let outcomes = prop_oneof![
        4 => Just(Outcome::Success),
        3 => (0..9u8).prop_map(|n| Outcome::Failure(FailureKind::Other(n))),
        1 => Just(Outcome::Failure(FailureKind::Connect)),
        1 => Just(Outcome::Ignored),
        1 => (0..3_000_000_000u64).prop_map(move |wait| bad.with_retry_after(nanos(wait))),
    ];
    prop_oneof![
        24 => (outcomes, prop_oneof![Just(0), 0..1u64 << 34]).prop_map(|(o, t)| Op::Call(o, t)),
        1 => Just(Op::Cancel),
        6 => (0..2_000_000_000u64).prop_map(Op::Advance),
        1 => (0..100_000_000_000u64).prop_map(Op::Advance),
        1 => Just(Op::Trip),
        1 => (0..9_000_000_000u64).prop_map(Op::TripFor),
        1 => Just(Op::HalfOpen),
        1 => Just(Op::Reset),
        2 => Just(Op::Release),
        1 => Just(Op::ForceOpen),
        1 => Just(Op::Disable),
        1 => Just(Op::ObserveOnly),
        1 => (0..9_000_000_000u64).prop_map(Op::Postpone),
    ]
}

pub(crate) fn scripts() -> impl Strategy<Value = Vec<Op>> {
    vec(ops(), 0..80)
}

pub(crate) struct Rig {
    pub(crate) breaker: Breaker,
    pub(crate) controller: Controller,
    pub(crate) clock: ManualClock,
}

impl Rig {
    /// What the caller was told.
    pub(crate) fn step(&self, op: Op) -> Result<bool, tripcoil::Rejected> {
        let c = &self.controller;
        Ok(match op {
            Op::Call(outcome, took) => {
                self.breaker
                    .try_acquire()?
                    .record_timed(outcome, nanos(took));
                true
            }
            Op::Cancel => {
                drop(self.breaker.try_acquire()?);
                true
            }
            Op::Advance(by) => {
                self.clock.advance(nanos(by));
                true
            }
            Op::Trip => c.trip(),
            Op::TripFor(wait) => c.trip_for(nanos(wait)),
            Op::HalfOpen => c.half_open(),
            Op::Reset => c.reset(),
            Op::Release => c.release(),
            Op::ForceOpen => c.force_open(),
            Op::Disable => c.disable(),
            Op::ObserveOnly => c.observe_only(),
            Op::Postpone(wait) => c.postpone(nanos(wait)),
        })
    }

    pub(crate) fn acquire(&self) -> Option<OwnedPermit> {
        self.breaker.try_acquire_owned().ok()
    }

    pub(crate) fn succeed(&self, times: usize) {
        (0..times).for_each(|_| self.acquire().expect("admitted").success());
    }

    pub(crate) fn fail(&self, times: usize) {
        (0..times).for_each(|_| {
            self.acquire()
                .expect("admitted")
                .failure(FailureKind::Server)
        });
    }
}
