use super::*;
use crate::insight::Insight;
use crate::{Breaker, FailureKind, ManualClock, Outcome};
use std::error::Error;
use std::time::Duration;

/// One call in ten is slow, and one in fifty fails: they are not taken for each other.
#[test]
fn slow_calls_do_not_fail() -> Result<(), Box<dyn Error>> {
    let clock = ManualClock::new();
    let breaker = Breaker::builder("slow")
        .failure_rate(0.5)
        .slow_call(Duration::from_millis(100))
        .clock(&clock)
        .build()?;
    let insight = Insight::new(&breaker.observer());
    for second in 1..=400 {
        for i in 0..50 {
            let permit = breaker.try_acquire()?;
            match i {
                0 => permit.failure(FailureKind::Server),
                1..6 => permit.record_timed(Outcome::Success, Duration::from_millis(200)),
                _ => permit.success(),
            }
        }
        clock.advance(Duration::from_secs(1));
        if second % 4 == 0 {
            assert!(insight.drain(Duration::from_secs(60)));
        }
    }
    let traffic = insight.report().traffic;
    assert!((traffic.failure_rate - 0.02).abs() < 1e-9, "{traffic:?}");
    assert!((traffic.slow_rate - 0.1).abs() < 1e-9, "{traffic:?}");
    assert!((traffic.bad_rate - 0.1).abs() < 1e-9, "{traffic:?}");
    Ok(())
}

#[test]
fn no_more_fail_than_are_bad() {
    let learnt = Failing {
        calls: 100.0,
        failures: 10.0,
    };
    assert_eq!(learnt.rate(0.3), 0.1);
    assert_eq!(learnt.rate(0.05), 0.05);
    assert_eq!(Failing::default().rate(0.3), 0.3);
}
