//! Configurations, and what runs the tests of them.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use std::time::Duration;
use tripcoil::{
    Backoff, Config, FailureKind, HalfOpen, Hang, Lenient, ManualClock, OnCancel, Outage, Ramp,
    State, Window,
};

pub(crate) const STATES: [State; 6] = [
    State::Closed,
    State::Open,
    State::HalfOpen,
    State::ForcedOpen,
    State::Disabled,
    State::ObserveOnly,
];

const KINDS: [FailureKind; 9] = [
    FailureKind::Timeout,
    FailureKind::Connect,
    FailureKind::Overload,
    FailureKind::Server,
    FailureKind::Client,
    FailureKind::Data,
    FailureKind::Other(0),
    FailureKind::Other(1),
    FailureKind::Other(200),
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
    let adaptive = (
        option::of(250_000_000..1u64 << 40),
        option::of(0..i64::MAX as u64),
    )
        .prop_map(|(max, seed)| {
            let b = Backoff::adaptive();
            let b = max.map_or(b.clone(), |max| b.max(nanos(max)));
            seed.map_or(b.clone(), |seed| b.seed(seed))
        });
    let backoffs = prop_oneof![3 => backoffs, 1 => adaptive];
    let rounds = (
        1..=9u32,
        option::of((rate(), option::of(rate()))),
        option::of(1..=9u32),
        option::of(1..9_000_000_000u64),
        option::weighted(0.3, Just(Ramp::new())),
    )
        .prop_map(|(n, by_rate, max_probes, timeout, ramp)| {
            let round = match by_rate {
                None => HalfOpen::successes(n),
                Some((rate, None)) => HalfOpen::rate(n, rate),
                Some((rate, Some(slow))) => HalfOpen::rate(n, rate).slow_rate(slow),
            };
            let round = max_probes.map_or(round.clone(), |n| round.max_probes(n));
            let round = timeout.map_or(round.clone(), |t| round.probe_timeout(nanos(t)));
            ramp.map_or(round.clone(), |ramp| round.ramp(ramp))
        });
    let outage = (0.01..=0.9f64, option::of(0.0001..=0.1f64)).prop_map(|(theta, loss)| {
        let outage = Outage::at(theta);
        loss.map_or(outage, |loss| outage.loss_at_most(loss))
    });
    let hang = (1..1u64 << 40, option::of(1..=1_000u32)).prop_map(|(after, starts)| {
        let hang = Hang::after(nanos(after));
        starts.map_or(hang, |starts| hang.starts(starts))
    });
    // with a count window only without kinds
    let lenient = (vec(select(&KINDS[..]), 0..4), 0..8u8)
        .prop_map(|(kinds, eighths)| Lenient::new(kinds, f64::from(eighths) / 8.0));
    let rules = (
        option::of(rate()),
        option::of(1..9u32),
        option::of(1..1u64 << 34),
        option::of(rate()),
        option::of(1..9u32),
        option::of(1..9u32),
        option::of(outage),
        option::weighted(0.3, hang),
        option::weighted(0.3, lenient),
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
        option::weighted(0.3, 1..=u32::MAX),
    );
    (windows, backoffs, rounds, rules, rest)
        .prop_map(
            |(
                window,
                open_for,
                half_open,
                rules,
                (on_cancel, durations, history, initial_state, max_in_flight),
            )| {
                let (rate, min, slow_call, slow_rate, run, count, outage, hang, lenient) = rules;
                Config {
                    window,
                    failure_rate: rate,
                    min_throughput: min,
                    slow_call: slow_call.map(nanos),
                    slow_rate,
                    consecutive_failures: run,
                    failure_count: count,
                    outage,
                    hang,
                    lenient,
                    open_for,
                    half_open,
                    on_cancel,
                    max_in_flight,
                    durations,
                    history,
                    clock: ManualClock::new().into(),
                    initial_state,
                }
            },
        )
        .prop_filter("valid", |config| config.validate().is_ok())
}

/// Runs one test of these in a process of its own, with that variable set, in that folder; whether it
/// passed.
pub(crate) fn apart(test: &str, variable: (&str, &str), folder: &std::path::Path) -> bool {
    let program = std::env::current_exe().unwrap();
    let mut command = std::process::Command::new(program);
    command.args(["--exact", test]).env(variable.0, variable.1);
    command.current_dir(folder).status().unwrap().success()
}
