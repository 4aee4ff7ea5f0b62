#![allow(clippy::expect_used, reason = "a test may fail loudly")]

use super::*;
use crate::{Breaker, FailureKind, ManualClock};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn an_opening_between_the_events_and_the_reading_ends_with_its_close() {
    let clock = ManualClock::new();
    let (breaker, controller) = Breaker::builder("learnt")
        .consecutive_failures(1)
        .clock(&clock)
        .build_with_controller()
        .expect("valid");
    let observer = breaker.observer();
    let mut analysis = Analysis::new(&observer, Duration::ZERO);
    clock.advance(SECOND);
    breaker
        .try_acquire()
        .expect("closed")
        .failure(FailureKind::Server);
    // as a reading of the open breaker would have it, before its event is read
    analysis.count(false, SECOND);
    analysis.catch_up(&observer);
    clock.advance(SECOND);
    controller.reset();
    analysis.catch_up(&observer);
    assert_eq!(
        analysis.away.iter().copied().collect::<Vec<_>>(),
        [(SECOND, Some(2 * SECOND))]
    );
    assert!(analysis.is_beside_all(2 * SECOND, 3 * SECOND));
    assert!(!analysis.is_beside_all(SECOND / 2, 3 * SECOND));
}
