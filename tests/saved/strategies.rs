//! Breakers, and what is done with them.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tripcoil::call::OwnedPermit;
use tripcoil::{
    Backoff, Breaker, Clock, Config, Controller, FailureKind, HalfOpen, ManualClock, OnCancel,
    Outcome, State, Window,
};

pub(crate) const STATES: [State; 6] = [
    State::Closed,
    State::Open,
    State::HalfOpen,
    State::ForcedOpen,
    State::Disabled,
    State::ObserveOnly,
];

/// `TRIPCOIL_CASES` sets the number of cases.
pub(crate) fn cases() -> ProptestConfig {
    let cases = match std::env::var("TRIPCOIL_CASES") {
        Ok(number) => number.parse().expect("TRIPCOIL_CASES is a number"),
        Err(_) => 1_000,
    };
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

pub(crate) fn nanos(n: u64) -> Duration {
    Duration::from_nanos(n)
}

pub(crate) fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Some day in 2026.
pub(crate) fn wall() -> SystemTime {
    UNIX_EPOCH + Duration::new(1_780_000_000, 123_456_789)
}

fn rate() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.5), Just(1.0), 0.000_001..=1.0f64]
}

/// Any configuration that is valid by the manual clock.
pub(crate) fn configs() -> impl Strategy<Value = Config> {
    let windows = prop_oneof![
        (1..=20u32, 1..2_000_000_000u64).prop_map(|(n, w)| Window::time(nanos(w) * n).buckets(n)),
        Just(Window::default()),
        (1..=60u32).prop_map(Window::count),
    ];
    let backoffs = (
        1..5_000_000_000u64,
        1.0..5.0f64,
        option::of(0..10_000_000_000u64),
        prop_oneof![Just(0.0), 0.0..1.0f64],
        0..100_000_000_000u64,
        option::of(0..i64::MAX as u64),
    )
        .prop_map(|(base, factor, max, jitter, reset_after, seed)| {
            let b = Backoff::exponential(nanos(base), factor);
            let b = b.jitter(jitter).reset_after(nanos(reset_after));
            let b = max.map_or(b.clone(), |more| b.max(nanos(base + more)));
            seed.map_or(b.clone(), |seed| b.seed(seed))
        });
    let rounds = (
        1..=9u32,
        option::of((rate(), option::of(rate()))),
        option::of(1..=9u32),
        1..9_000_000_000u64,
    )
        .prop_map(|(n, by_rate, max_probes, timeout)| {
            let round = match by_rate {
                None => HalfOpen::successes(n),
                Some((rate, None)) => HalfOpen::rate(n, rate),
                Some((rate, Some(slow))) => HalfOpen::rate(n, rate).slow_rate(slow),
            };
            let round = max_probes.map_or(round.clone(), |n| round.max_probes(n));
            round.probe_timeout(nanos(timeout))
        });
    let rules = (
        option::of(rate()),
        option::of(1..9u32),
        option::of(1..1u64 << 34),
        option::of(rate()),
        option::of(1..9u32),
        option::of(1..9u32),
    );
    let rest = (
        select(
            &[
                OnCancel::Ignored,
                OnCancel::Failure,
                OnCancel::FailureIfSlow,
            ][..],
        ),
        any::<bool>(),
        1..=100u32,
        select(&STATES[..]),
    );
    (windows, backoffs, rounds, rules, rest)
        .prop_map(
            |(
                window,
                open_for,
                half_open,
                rules,
                (on_cancel, durations, history, initial_state),
            )| {
                let (failure_rate, min_throughput, slow_call, slow_rate, run, count) = rules;
                Config {
                    window,
                    failure_rate,
                    min_throughput,
                    slow_call: slow_call.map(nanos),
                    slow_rate,
                    consecutive_failures: run,
                    failure_count: count,
                    open_for,
                    half_open,
                    on_cancel,
                    durations,
                    history,
                    clock: ManualClock::new().into(),
                    initial_state,
                }
            },
        )
        .prop_filter("valid", |config| config.validate().is_ok())
}

/// With a clock that can be written.
pub(crate) fn written_configs() -> impl Strategy<Value = Config> {
    let clocks = [Clock::coarse(), Clock::upkeep(), Clock::precise()];
    (configs(), select(clocks.to_vec())).prop_map(|(config, clock)| Config { clock, ..config })
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

/// Runs one test of these in a process of its own, with that variable set, in that folder; whether it
/// passed.
pub(crate) fn apart(test: &str, variable: (&str, &str), folder: &std::path::Path) -> bool {
    let program = std::env::current_exe().unwrap();
    let mut command = std::process::Command::new(program);
    command.args(["--exact", test]).env(variable.0, variable.1);
    command.current_dir(folder).status().unwrap().success()
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
