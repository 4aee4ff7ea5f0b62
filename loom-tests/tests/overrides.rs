//! I9: an override, once its call returned, is never overwritten but by the controller.

use loom::thread::spawn;
use tripcoil::{Breaker, Controller, State};
use tripcoil_loom_tests::{by_count, by_run, check_history, explore, fail};

fn force_open_against_a_trip(breaker: Breaker, controller: Controller) {
    let other = breaker.clone();
    let b = spawn(move || fail(&other));
    assert!(controller.force_open());
    assert_eq!(breaker.state(), State::ForcedOpen, "overwritten");
    b.join().expect("b ends");

    let seen = check_history(&breaker);
    assert_eq!(seen.state, State::ForcedOpen, "overwritten");
    let totals = seen.totals;
    assert_eq!(
        totals.failures + totals.late + totals.rejected,
        1,
        "{seen:?}"
    );
    // two transitions if the failure tripped first; then it was counted
    assert!(
        matches!((seen.transitions, totals.failures), (1, 0..=1) | (2, 1)),
        "{seen:?}"
    );
}

#[test]
fn override_against_trip() {
    explore("override_against_trip", Some(3), || {
        let (breaker, controller, _clock) = by_count(1);
        force_open_against_a_trip(breaker, controller);
    });
}

/// The consecutive rule decides by a word of its own.
#[test]
fn override_against_a_run() {
    explore("override_against_a_run", Some(3), || {
        let (breaker, controller, _clock) = by_run(1);
        force_open_against_a_trip(breaker, controller);
    });
}
