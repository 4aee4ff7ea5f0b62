//! Breakers inside breakers: what a rejection of the inner one is to the outer one.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly"
)]

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;
use tripcoil::call::NoBreaker;
use tripcoil::classify::{ErrIsFailure, IgnoreRejections};
use tripcoil::{
    Breaker, Builder, CallError, Cause, FailureKind, HalfOpen, ManualClock, Outcome, State,
};

const WAIT: Duration = Duration::from_secs(60);

fn builder(clock: &ManualClock) -> Builder {
    Breaker::builder("nested").clock(clock).open_for(WAIT)
}

/// Two deep in the same breaker, without an error of its own.
type Twice = Result<(), CallError<CallError<io::Error>>>;

fn answered() -> io::Result<()> {
    Ok(())
}

/// Half-open, its wait just over.
fn begin_round<C>(clock: &ManualClock, builder: Builder<C>) -> Breaker<C> {
    let (breaker, controller) = builder.build_with_controller().unwrap();
    controller.trip();
    clock.advance(WAIT);
    breaker
}

fn last_cause<C>(breaker: &Breaker<C>) -> Option<Cause> {
    breaker.observer().history().last().map(|t| t.cause)
}

#[test]
fn a_rejection_inside_fails_a_probe_of_the_default_classifier() {
    let clock = ManualClock::new();
    let breaker = begin_round(&clock, builder(&clock));
    let twice: Twice = breaker.call(|| breaker.call(answered));
    assert!(matches!(
        twice,
        Err(CallError::Inner(CallError::Rejected(_)))
    ));
    assert_eq!(breaker.state(), State::Open);
    assert_eq!(last_cause(&breaker), Some(Cause::ProbeFailed));
}

#[test]
fn a_round_survives_a_rejection_inside_and_recovers() {
    let clock = ManualClock::new();
    let wrapped = IgnoreRejections::new(ErrIsFailure);
    let breaker = begin_round(&clock, builder(&clock).classifier(wrapped));
    for _ in 0..100 {
        let twice: Twice = breaker.call(|| breaker.call(answered));
        assert!(matches!(
            twice,
            Err(CallError::Inner(CallError::Rejected(_)))
        ));
        let seen = breaker.observer().snapshot();
        assert_eq!((seen.state, seen.probes.in_flight), (State::HalfOpen, 0));
        assert_eq!((seen.probes.succeeded, seen.probes.failed), (0, 0));
    }
    assert_eq!(breaker.observer().snapshot().totals.ignored, 100);
    for _ in 0..2 {
        breaker.call(answered).unwrap();
    }
    assert_eq!(breaker.state(), State::Closed);
    let twice: Twice = breaker.call(|| breaker.call(answered));
    twice.unwrap();
}

#[test]
fn max_probes_of_the_depth_recovers() {
    for depth in 1..=5_u32 {
        let clock = ManualClock::new();
        let round = HalfOpen::successes(depth).max_probes(depth);
        let wrapped = IgnoreRejections::found_by(ErrIsFailure, |_: &()| None);
        let plain = begin_round(&clock, builder(&clock).half_open(round.clone()));
        let wrapped = begin_round(&clock, builder(&clock).half_open(round).classifier(wrapped));
        fn deep<C: tripcoil::Classify<(), ()>>(breaker: &Breaker<C>, depth: u32) {
            let inner = || {
                if depth > 1 {
                    deep(breaker, depth - 1);
                }
                Ok(())
            };
            breaker.call(inner).expect("admitted");
        }
        deep(&plain, depth);
        deep(&wrapped, depth);
        assert_eq!(
            (plain.state(), wrapped.state()),
            (State::Closed, State::Closed)
        );
    }
}

#[test]
fn by_default_two_deep_recovers_with_two_probes() {
    let clock = ManualClock::new();
    let round = HalfOpen::default().max_probes(2);
    let breaker = begin_round(&clock, builder(&clock).half_open(round));
    let twice: Twice = breaker.call(|| breaker.call(answered));
    twice.unwrap();
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn another_breakers_rejections_trip_nothing_and_fail_no_round() {
    let clock = ManualClock::new();
    let (inner, controller) = builder(&clock).build_with_controller().unwrap();
    let outer = builder(&clock)
        .classifier(IgnoreRejections::new(ErrIsFailure))
        .consecutive_failures(1)
        .failure_rate(0.1)
        .min_throughput(1)
        .build()
        .unwrap();
    let ask = || outer.call(|| inner.call(answered));
    controller.force_open();
    for _ in 0..50 {
        assert!(ask().is_err());
    }
    let seen = outer.observer().snapshot();
    assert_eq!((seen.state, seen.totals.ignored), (State::Closed, 50));

    // a failure of the dependency is one to both
    controller.release();
    let refused = || Err::<(), io::Error>(io::ErrorKind::ConnectionRefused.into());
    let both = outer.call(|| inner.call(refused));
    assert!(matches!(both, Err(CallError::Inner(CallError::Inner(_)))));
    assert_eq!(outer.state(), State::Open);
    assert_eq!(inner.observer().snapshot().totals.failures, 1);

    // while the inner one is open, the outer one's round decides nothing; then it recovers
    clock.advance(WAIT);
    controller.trip();
    assert!(ask().is_err());
    assert_eq!(outer.state(), State::HalfOpen);
    clock.advance(2 * WAIT);
    while outer.state() != State::Closed {
        ask().unwrap();
    }
    assert_eq!(inner.state(), State::Closed);
}

/// A service's own error, with a cause somewhere in it.
#[derive(Debug)]
struct Failed(Box<dyn Error + Send + Sync>);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the order could not be placed")
    }
}

impl Error for Failed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}

#[test]
fn each_form_sees_a_rejection_through_the_services_own_error() {
    let clock = ManualClock::new();
    let (inner, controller) = builder(&clock).build_with_controller().unwrap();
    controller.force_open();

    let outer = builder(&clock)
        .classifier(IgnoreRejections::new(ErrIsFailure))
        .build()
        .unwrap();
    let place = || inner.call(answered).map_err(|e| Failed(e.into()));
    assert!(outer.call(place).is_err());
    assert!(
        outer
            .call(|| Err::<(), _>(Failed("no stock".into())))
            .is_err()
    );
    let totals = outer.observer().snapshot().totals;
    assert_eq!((totals.ignored, totals.failures), (1, 1));

    let outer = builder(&clock)
        .classifier(IgnoreRejections::boxed(ErrIsFailure))
        .build()
        .unwrap();
    let place = || -> anyhow::Result<()> { Ok(inner.call(answered)?) };
    assert!(outer.call(place).is_err());
    let boxed = || -> Result<(), Box<dyn Error + Send + Sync>> { Ok(inner.call(answered)?) };
    assert!(outer.call(boxed).is_err());
    assert!(outer.call(|| outer.call(boxed)).is_err());
    assert!(
        outer
            .call(|| Err::<(), _>(anyhow::anyhow!("no stock")))
            .is_err()
    );
    let totals = outer.observer().snapshot().totals;
    assert_eq!((totals.ignored, totals.failures), (4, 1));

    let outer = builder(&clock)
        .classifier(IgnoreRejections::found_by(
            ErrIsFailure,
            CallError::<()>::as_rejected,
        ))
        .build()
        .unwrap();
    assert!(outer.call(|| inner.call(|| Ok::<(), ()>(()))).is_err());
    let totals = outer.observer().snapshot().totals;
    assert_eq!((totals.ignored, totals.failures), (1, 0));
}

/// Nothing was called then either.
#[test]
fn the_lack_of_a_breaker_is_ignored_too() {
    let clock = ManualClock::new();
    let breaker = builder(&clock)
        .classifier(IgnoreRejections::new(ErrIsFailure))
        .consecutive_failures(1)
        .build()
        .unwrap();
    let none = NoBreaker::because("its tenant is unknown");
    let asked = breaker.call(|| Err::<(), _>(CallError::<io::Error>::from(none)));
    assert!(asked.is_err());
    assert_eq!(breaker.observer().snapshot().totals.ignored, 1);
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn the_classifier_inside_judges_what_is_no_rejection() {
    let clock = ManualClock::new();
    let lenient = |result: &Result<(), io::Error>| match result {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Outcome::Success,
        Err(_) => Outcome::Failure(FailureKind::Connect),
        Ok(()) => Outcome::Success,
    };
    let breaker = builder(&clock)
        .classifier(IgnoreRejections::new(lenient))
        .build()
        .unwrap();
    let _ = breaker.call(|| Err(io::ErrorKind::NotFound.into()));
    let _ = breaker.call(|| Err(io::ErrorKind::ConnectionReset.into()));
    let (inner, controller) = builder(&clock).build_with_controller().unwrap();
    controller.trip();
    let _ = breaker.call(|| inner.call(answered).map_err(io::Error::other));
    let seen = breaker.observer().snapshot();
    let totals = &seen.totals;
    assert_eq!(
        (totals.successes, totals.failures, totals.ignored),
        (1, 1, 1)
    );
    assert_eq!(seen.failures_by_kind.get(FailureKind::Connect), 1);
}
