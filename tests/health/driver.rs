//! The driver of recovery: what it makes of answers, and what it leaves alone.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;
use tripcoil::health::Recovery;
use tripcoil::{Cause, Clock, State};

use crate::rig::Says::{Healthy, Nothing, Panics, PanicsAtOnce, Unhealthy, When};
use crate::rig::{Guard, OPEN, Rig, recovery, secs};

#[tokio::test(start_paused = true)]
async fn healthy_answers_begin_the_round_early() {
    let mut rig = Rig::open();
    rig.says([Healthy, Healthy]);
    rig.drive(recovery().healthy(2)).await;
    rig.pass(9).await;
    assert_eq!((rig.state(), rig.checks()), (State::Open, 1));
    assert_eq!(
        rig.rest(),
        OPEN - secs(9),
        "a healthy answer puts nothing off"
    );
    rig.pass(1).await;
    rig.begun_by_a_check();
    rig.succeed();
    assert_eq!(
        rig.state(),
        State::Closed,
        "the probe closes, not the check"
    );
    rig.pass(60).await;
    assert_eq!((rig.state(), rig.checks()), (State::Closed, 1));
}

#[tokio::test(start_paused = true)]
async fn they_begin_it_in_a_row_alone() {
    let mut rig = Rig::open();
    rig.says([Healthy, Healthy, Unhealthy, Healthy, Healthy, Healthy]);
    rig.drive(recovery().healthy(3)).await;
    rig.pass(29).await;
    assert_eq!((rig.state(), rig.checks()), (State::Open, 5));
    rig.pass(1).await;
    rig.begun_by_a_check();
}

#[tokio::test(start_paused = true)]
async fn one_answer_is_enough_for_one_and_for_none() {
    for healthy in [0, 1] {
        let mut rig = Rig::open();
        rig.says([Healthy]);
        rig.drive(recovery().healthy(healthy)).await;
        rig.pass(4).await;
        assert_eq!(rig.state(), State::Open);
        rig.pass(1).await;
        rig.begun_by_a_check();
    }
}

/// A check that knows nothing of what calls need.
#[tokio::test(start_paused = true)]
async fn a_round_that_was_begun_in_vain_makes_it_doubt() {
    let mut rig = Rig::open();
    rig.drive(recovery().healthy(1)).await;
    for needed in [1, 2, 4, 8] {
        healthy_until_it_begins(&mut rig, needed).await;
        rig.fail();
    }
    // a round that began by itself changes nothing in that
    rig.next_check().await;
    rig.pass_unseen(OPEN * 2);
    rig.fail();
    healthy_until_it_begins(&mut rig, 16).await;
    rig.succeed();
    rig.fail();
    healthy_until_it_begins(&mut rig, 1).await;
}

async fn healthy_until_it_begins(rig: &mut Rig, needed: usize) {
    for answer in 1..=needed {
        assert_eq!(
            rig.state(),
            State::Open,
            "before answer {answer} of {needed}"
        );
        rig.says([Healthy]);
        rig.next_check().await;
    }
    rig.begun_by_a_check();
}

#[tokio::test(start_paused = true)]
async fn an_open_lasts_at_least_so_long() {
    let mut rig = Rig::open();
    rig.says([Healthy, Healthy, Healthy]);
    rig.drive(recovery().healthy(1).at_least(secs(15))).await;
    rig.pass(14).await;
    assert_eq!((rig.state(), rig.checks()), (State::Open, 2));
    rig.pass(1).await;
    rig.begun_by_a_check();
}

#[tokio::test(start_paused = true)]
async fn at_least_is_of_the_open_and_not_of_the_driver() {
    let mut rig = Rig::open();
    rig.pass_unseen(secs(12));
    rig.says([Healthy]);
    rig.drive(recovery().healthy(1).at_least(secs(15))).await;
    rig.pass(5).await;
    rig.begun_by_a_check();
}

#[tokio::test(start_paused = true)]
async fn unhealthy_answers_put_the_end_off_within_their_bound() {
    let mut rig = Rig::open();
    rig.drive(recovery().postpone_at_most(secs(8))).await;
    rig.pass(50).await;
    assert_eq!(rig.rest(), secs(10), "the next answer is there by then");
    rig.pass(5).await;
    assert_eq!(rig.rest(), secs(6), "55 + 6: the minute and 1");
    rig.pass(5).await;
    assert_eq!(rig.rest(), secs(6), "60 + 6: the minute and 6");
    assert!(rig.breaker.try_acquire().is_err(), "the wait is longer");
    rig.pass(5).await;
    assert_eq!(rig.rest(), secs(3), "65 + 3: the minute and 8, and no more");
    rig.pass(3).await;
    assert_eq!((rig.rest(), rig.checks()), (Duration::ZERO, 13));
    rig.pass(7).await;
    assert_eq!((rig.rest(), rig.checks()), (Duration::ZERO, 2));
    rig.fail();
    assert_eq!(rig.last().cause, Cause::ProbeFailed, "it was admitted");
}

#[tokio::test(start_paused = true)]
async fn a_bound_of_zero_leaves_the_wait_alone() {
    let mut rig = Rig::open();
    rig.drive(recovery().postpone_at_most(Duration::ZERO)).await;
    rig.pass(60).await;
    assert_eq!((rig.rest(), rig.checks()), (Duration::ZERO, 12));
}

/// On a clock that goes on between the driver's reading and the breaker's.
#[tokio::test(start_paused = true)]
async fn beyond_its_bound_nothing_creeps() {
    let mut rig = Rig::new(|builder| builder.clock(Clock::precise()));
    rig.fail();
    let length = |rig: &Rig| {
        let seen = rig.seen();
        seen.time_in_state + seen.retry_after.expect("open")
    };
    let before = length(&rig);
    let long = recovery().timeout(OPEN * 60);
    rig.drive(long.postpone_at_most(Duration::ZERO)).await;
    for _ in 0..50 {
        rig.next_check().await;
    }
    assert_eq!(length(&rig), before);
}

#[tokio::test(start_paused = true)]
async fn the_bound_is_each_openings_own() {
    let mut rig = Rig::new(|builder| builder.open_for(secs(3)));
    rig.drive(recovery().postpone_at_most(secs(2))).await;
    for opening in 1..=3 {
        rig.fail();
        rig.next_check().await;
        assert_eq!(rig.rest(), secs(5), "opening {opening}");
        rig.pass(5).await;
        assert_eq!(rig.checks(), 1, "and no more is put off");
        rig.succeed();
        assert_eq!(rig.state(), State::Closed);
    }
}

#[tokio::test(start_paused = true)]
async fn what_others_put_off_is_not_charged_to_the_bound() {
    let mut rig = Rig::open();
    rig.drive(recovery().postpone_at_most(secs(2))).await;
    rig.pass(7).await;
    assert!(rig.controller.postpone(secs(60)));
    rig.pass(55).await;
    assert_eq!(rig.rest(), secs(5));
    rig.pass(3).await;
    assert_eq!(rig.rest(), secs(4), "the operator's 67 and 2");
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_over_is_put_off_from_now() {
    let mut rig = Rig::open();
    rig.pass_unseen(OPEN * 2);
    assert_eq!(rig.rest(), Duration::ZERO);
    rig.drive(recovery().postpone_at_most(secs(60))).await;
    rig.pass(5).await;
    assert_eq!(rig.rest(), secs(6));
    assert!(rig.breaker.try_acquire().is_err());
}

/// The bound counts from where the wait ended, and not from where an answer found it over.
#[tokio::test(start_paused = true)]
async fn a_wait_that_passed_under_a_check_is_charged_in_full() {
    let mut rig = Rig::open();
    rig.drive(recovery().postpone_at_most(secs(8))).await;
    rig.pass_unseen(secs(57));
    rig.pass(5).await;
    assert_eq!(rig.rest(), secs(6), "62 + 6: the minute and 8");
    rig.pass(5).await;
    assert_eq!((rig.rest(), rig.checks()), (secs(1), 2));
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_over_is_begun_as_any_other() {
    let mut rig = Rig::open();
    rig.pass_unseen(OPEN * 2);
    rig.says([Healthy]);
    rig.drive(recovery().healthy(1)).await;
    rig.pass(5).await;
    rig.begun_by_a_check();
}

#[tokio::test(start_paused = true)]
async fn what_the_operator_opened_is_left_alone() {
    for forced in [false, true] {
        let mut rig = Rig::new(|builder| builder);
        assert!(if forced {
            rig.controller.force_open()
        } else {
            rig.controller.trip_for(secs(7))
        });
        let before = rig.seen();
        rig.says([Healthy]);
        rig.drive(recovery().healthy(1)).await;
        rig.pass(30).await;
        assert_eq!(rig.checks(), 0);
        let after = rig.seen();
        assert_eq!(after.generation, before.generation);
        let rest = (!forced).then_some(Duration::ZERO);
        assert_eq!(after.retry_after, rest, "not put off either");
    }
}

#[tokio::test(start_paused = true)]
async fn the_operators_trip_takes_an_open_over() {
    let mut rig = Rig::open();
    rig.says([Healthy, Healthy]);
    rig.drive(recovery().healthy(2)).await;
    rig.pass(7).await;
    assert!(rig.controller.trip());
    rig.pass(90).await;
    assert_eq!((rig.state(), rig.checks()), (State::Open, 1));
    assert_eq!(rig.rest(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn an_open_after_the_operators_is_driven() {
    let mut rig = Rig::new(|builder| builder);
    assert!(rig.controller.trip_for(Duration::ZERO));
    rig.drive(recovery().healthy(1)).await;
    rig.fail();
    assert_eq!(rig.last().cause, Cause::ProbeFailed);
    rig.says([Healthy]);
    rig.next_check().await;
    rig.begun_by_a_check();
}

#[tokio::test(start_paused = true)]
async fn a_breaker_that_was_built_open_is_driven() {
    let mut rig = Rig::new(|builder| builder.initial_state(State::Open));
    rig.says([Healthy]);
    rig.drive(recovery().healthy(1)).await;
    rig.pass(5).await;
    rig.begun_by_a_check();
}

/// Its Open began in another process, and no event tells of it here.
#[cfg(feature = "persist")]
#[tokio::test(start_paused = true)]
async fn a_breaker_that_was_restored_open_is_driven() {
    let saved = Rig::open().controller.save();
    let mut rig = Rig::new(|builder| builder.restore(saved));
    assert_eq!(rig.state(), State::Open);
    assert_eq!(
        (rig.observer.snapshot().generation, rig.observer.history()),
        (1, vec![])
    );
    rig.says([Healthy]);
    rig.drive(recovery().healthy(1)).await;
    rig.pass(5).await;
    rig.begun_by_a_check();
}

/// Nothing is asked and no timer is set; a trip wakes the driver.
#[tokio::test(start_paused = true)]
async fn closed_costs_nothing_and_a_trip_wakes() {
    let mut rig = Rig::new(|builder| builder);
    rig.drive(recovery()).await;
    rig.pass(1000).await;
    assert_eq!(rig.checks(), 0);
    let tripped = Instant::now();
    rig.fail();
    // with no timer but the driver's, paused time goes on only once it waits for its check
    rig.next_check().await;
    assert_eq!(tripped.elapsed(), secs(5));
}

#[tokio::test(start_paused = true)]
async fn an_answer_for_an_open_that_is_over_changes_nothing() {
    let mut rig = Rig::open();
    let (say, told) = oneshot::channel();
    rig.says([When(told, Guard::default())]);
    rig.drive(recovery().healthy(1)).await;
    rig.pass(5).await;
    assert_eq!(rig.checks(), 1, "under way");
    assert!(rig.controller.reset());
    let _ = say.send(());
    rig.pass(30).await;
    assert_eq!((rig.state(), rig.checks()), (State::Closed, 0));
    assert_eq!(rig.seen().generation, 2);
}

#[tokio::test(start_paused = true)]
async fn a_check_is_dropped_with_its_open() {
    let mut rig = Rig::open();
    let (_say, told) = oneshot::channel();
    let guard = Guard::default();
    rig.says([When(told, guard.clone())]);
    rig.drive(recovery().timeout(Duration::MAX)).await;
    rig.pass(5).await;
    assert_eq!(Arc::strong_count(&guard), 2, "under way");
    assert!(rig.controller.reset());
    rig.fail();
    rig.next_check().await; // that of the first Open
    rig.next_check().await;
    assert_eq!(Arc::strong_count(&guard), 1);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_takes_too_long_is_unhealthy_and_dropped() {
    let mut rig = Rig::open();
    let guard = Guard::default();
    rig.says([Healthy, Nothing(guard.clone()), Healthy, Healthy]);
    rig.drive(recovery().healthy(2)).await;
    rig.pass(10).await;
    assert_eq!((Arc::strong_count(&guard), rig.checks()), (2, 2));
    rig.pass(1).await;
    assert_eq!(Arc::strong_count(&guard), 1, "given up");
    rig.pass(9).await;
    assert_eq!((rig.state(), rig.checks()), (State::Open, 1));
    rig.pass(1).await;
    rig.begun_by_a_check();
}

#[tokio::test(start_paused = true)]
async fn a_check_that_panics_is_unhealthy_and_asked_again() {
    let mut rig = Rig::open();
    rig.says([Healthy, Panics, Healthy, PanicsAtOnce, Healthy, Healthy]);
    rig.drive(recovery().healthy(2)).await;
    rig.pass(29).await;
    assert_eq!((rig.state(), rig.checks()), (State::Open, 5));
    rig.pass(1).await;
    rig.begun_by_a_check();
}

#[tokio::test(start_paused = true)]
async fn a_panic_puts_the_end_off_as_any_unhealthy_answer() {
    let mut rig = Rig::new(|builder| builder.open_for(secs(6)));
    rig.fail();
    rig.says([Panics]);
    rig.drive(recovery()).await;
    rig.pass(5).await;
    assert_eq!(rig.rest(), secs(6));
}

#[tokio::test(start_paused = true)]
async fn dropping_it_stops_it() {
    let mut rig = Rig::open();
    let guard = Guard::default();
    rig.says([Healthy, Nothing(guard.clone()), Healthy]);
    rig.drive(recovery().healthy(1).at_least(secs(6)).timeout(secs(50)))
        .await;
    rig.pass(10).await;
    assert_eq!((Arc::strong_count(&guard), rig.checks()), (2, 2));
    rig.stop().await;
    assert_eq!(Arc::strong_count(&guard), 1, "the check that was under way");
    assert_eq!(Arc::strong_count(&rig.controller), 1);
    rig.pass(60).await;
    assert_eq!((rig.state(), rig.checks()), (State::Open, 0));
}

#[tokio::test(start_paused = true)]
async fn two_drivers_begin_one_round() {
    let mut rig = Rig::open();
    rig.says([Healthy]);
    let check = || async { Ok::<_, ()>(()) };
    let other = tokio::spawn(recovery().healthy(1).run(rig.controller.clone(), check));
    rig.drive(recovery().healthy(1)).await;
    rig.pass(5).await;
    rig.begun_by_a_check();
    assert_eq!(rig.seen().generation, 2);
    other.abort();
}

#[test]
fn what_is_not_named_is_as_it_says() {
    let named = Recovery::new()
        .every(secs(5))
        .timeout(secs(1))
        .healthy(2)
        .at_least(Duration::ZERO)
        .postpone_at_most(secs(60));
    assert_eq!(Recovery::new(), named);
    assert_eq!(Recovery::default(), named);
}
