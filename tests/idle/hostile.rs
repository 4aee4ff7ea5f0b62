//! User code that panics, hangs or is dropped.

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::sleep;
use tripcoil::{Breaker, Clock, FailureKind, State};

use crate::{Attempts, becomes, builder, fail, secs, start, until};

/// Ready, or panics where it is polled, dropped or made.
struct Bomb(&'static str);

impl Future for Bomb {
    type Output = Result<(), String>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        assert_ne!(self.0, "polled", "as it should");
        Poll::Ready(Err("down".to_owned()))
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        if self.0 == "dropped" {
            panic!("as it should");
        }
    }
}

fn bomb(when: &'static str) -> Bomb {
    assert_ne!(when, "made", "as it should");
    Bomb(when)
}

/// In every place where it can be, and the timer goes on for all breakers.
#[tokio::test(start_paused = true)]
async fn panics_are_unhealthy_answers_and_failed_calls() {
    for when in ["made", "polled", "dropped"] {
        let (checked, controller) = builder("checked").build_with_controller().expect("valid");
        let probed = builder("probed").build().expect("valid");
        let other = builder("other").build().expect("valid");
        [&checked, &probed, &other].into_iter().for_each(fail);
        let (timer, task) = start();
        timer.check(controller, move || bomb(when));
        timer.probe(&probed, move || bomb(when));
        sleep(secs(40)).await;
        assert_eq!(checked.state(), State::Open, "{when}");
        let seen = probed.observer().snapshot();
        assert_eq!(
            (seen.state, seen.totals.failures),
            (State::Open, 2),
            "{when}"
        );
        timer.probe(&other, || async { Ok::<_, ()>(()) });
        becomes(&other, State::Closed).await;
        assert!(!task.is_finished());
    }
}

#[tokio::test(start_paused = true)]
async fn a_check_that_hangs_is_dropped_and_holds_up_no_other() {
    let (breaker, controller) = builder("hangs").build_with_controller().expect("valid");
    let other = builder("other").build().expect("valid");
    [&breaker, &other].into_iter().for_each(fail);
    let held = Arc::new(());
    let hangs = held.clone();
    let (timer, _task) = start();
    timer.check(controller, move || {
        let held = hangs.clone();
        async move {
            let _held = held;
            pending::<Result<(), ()>>().await
        }
    });
    timer.probe(&other, || async { Ok::<_, ()>(()) });
    sleep(Duration::from_millis(31_500)).await;
    assert_eq!(Arc::strong_count(&held), 3, "the check is under way");
    assert_eq!(other.state(), State::Closed);
    sleep(secs(1)).await;
    assert_eq!(Arc::strong_count(&held), 2, "and is dropped");
    assert_eq!(breaker.state(), State::Open);
}

/// Its breaker is looked at again; the others are served.
#[tokio::test(start_paused = true)]
async fn a_clock_may_panic() {
    let broken = Arc::new(AtomicBool::new(false));
    let (switch, start_at) = (broken.clone(), tokio::time::Instant::now());
    let clock = Clock::custom(move || {
        assert!(!switch.load(SeqCst), "as it should");
        start_at.elapsed()
    });
    let breaker = builder("broken").clock(clock).build().expect("valid");
    let other = builder("other").build().expect("valid");
    [&breaker, &other].into_iter().for_each(fail);
    let (timer, task) = start();
    timer.probe(&breaker, || async { Ok::<_, ()>(()) });
    broken.store(true, SeqCst);
    timer.probe(&other, || async { Ok::<_, ()>(()) });
    becomes(&other, State::Closed).await;
    sleep(secs(100)).await;
    broken.store(false, SeqCst);
    becomes(&breaker, State::Closed).await;
    assert!(!task.is_finished());
}

#[tokio::test(start_paused = true)]
async fn the_breakers_classifier_judges_a_probe() {
    let classified = builder("orders").classifier(|result: &Result<u32, u32>| match result {
        Err(404) => tripcoil::Outcome::Success,
        Err(_) => tripcoil::Outcome::Failure(FailureKind::Data),
        Ok(_) => tripcoil::Outcome::Ignored,
    });
    let breaker: Breaker<_> = classified.build().expect("valid");
    fail(&breaker);
    let (timer, _task) = start();
    timer.probe(&breaker, || async { Err(404) });
    becomes(&breaker, State::Closed).await;
}

/// An attempt under way is dropped with the timer.
#[tokio::test(start_paused = true)]
async fn the_end_of_the_timer_drops_what_is_under_way() {
    let breaker = builder("orders").build().expect("valid");
    fail(&breaker);
    let attempts = Attempts::default();
    let begun = attempts.ending(|_| Ok::<_, ()>(()));
    let (timer, task) = start();
    timer.probe(&breaker, move || {
        let begun = begun();
        async move {
            begun.await?;
            pending::<Result<(), ()>>().await
        }
    });
    sleep(Duration::from_millis(31_500)).await;
    assert_eq!(attempts.count(), 1);
    assert_eq!(breaker.observer().snapshot().probes.in_flight, 1);
    drop(timer);
    task.await.expect("it ends");
    let seen = breaker.observer().snapshot();
    assert_eq!((seen.probes.in_flight, seen.totals.cancelled), (0, 1));
    until(|| breaker.users() == 1).await;
}
