//! I6 and I8: who is admitted when Open is over, and how a round ends.

use loom::thread::spawn;
use tripcoil::call::OwnedPermit;
use tripcoil::{FailureKind, HalfOpen, Rejected, State};
use tripcoil_loom_tests::{OPEN, check_history, explore, ready_to_probe};

type Answer = Result<OwnedPermit, Rejected>;

/// Both hold what they got until both have an answer.
#[test]
fn racing_acquires_at_the_deadline() {
    explore("racing_acquires_at_the_deadline", Some(3), || {
        let (breaker, _controller, _clock) = ready_to_probe(HalfOpen::successes(1).max_probes(1));
        let other = breaker.clone();
        let b = spawn(move || -> Answer { other.try_acquire_owned() });
        let mine = breaker.try_acquire_owned();
        let answers = [mine, b.join().expect("b ends")];

        let seen = check_history(&breaker);
        assert_eq!(
            (seen.state, seen.generation),
            (State::HalfOpen, 2),
            "{seen:?}"
        );
        assert_eq!(
            (seen.probes.in_flight, seen.totals.rejected),
            (1, 1),
            "{seen:?}"
        );
        let mut admitted = 0;
        for permit in answers.into_iter().flatten() {
            admitted += 1;
            permit.success();
        }
        assert_eq!(admitted, 1, "exactly one probe");
        let seen = check_history(&breaker);
        assert_eq!(
            (seen.state, seen.generation),
            (State::Closed, 3),
            "{seen:?}"
        );
    });
}

/// A success and a failure decide a round of two: one of them ends it, the other is late or counted.
#[test]
fn a_round_is_decided_once() {
    explore("a_round_is_decided_once", Some(3), || {
        let (breaker, _controller, _clock) = ready_to_probe(HalfOpen::rate(2, 0.5));
        let first = breaker.try_acquire_owned().expect("the wait is over");
        let second = breaker.try_acquire_owned().expect("a round of two");
        let b = spawn(move || first.success());
        second.failure(FailureKind::Connect);
        b.join().expect("b ends");

        let seen = check_history(&breaker);
        assert_eq!(
            (seen.state, seen.generation),
            (State::Open, 3),
            "one of two failed: {seen:?}"
        );
        let totals = seen.totals;
        assert_eq!(
            (totals.successes, totals.failures, totals.late),
            (1, 1, 0),
            "{seen:?}"
        );
        let verdict = breaker.observer().history().pop().expect("an event");
        assert_eq!(
            (verdict.counts.calls, verdict.counts.failures),
            (2, 1),
            "{verdict:?}"
        );
    });
}

/// An acquire finds the round timed out, and sleeps while its slot comes back and is taken again.
#[test]
fn a_fresh_probe_is_not_timed_out() {
    explore("a_fresh_probe_is_not_timed_out", Some(2), || {
        let (breaker, _controller, clock) =
            ready_to_probe(HalfOpen::successes(1).probe_timeout(OPEN));
        let first = breaker.try_acquire_owned().expect("the wait is over");
        clock.advance(OPEN);
        let other = breaker.clone();
        let b = spawn(move || -> Answer { other.try_acquire_owned() });
        first.ignore();
        let second = breaker.try_acquire_owned();
        let third = b.join().expect("b ends");

        let seen = check_history(&breaker);
        assert!(
            second.is_err() || seen.state == State::HalfOpen,
            "{seen:?} {third:?}"
        );
        let out = u64::from(second.is_ok()) + u64::from(third.is_ok());
        assert!(out <= 1, "one probe at a time");
    });
}

/// An acquire has read a deadline that is over, and sleeps while it is moved.
#[test]
fn no_probe_after_a_postponement() {
    explore("no_probe_after_a_postponement", Some(3), || {
        let (breaker, controller, _clock) = ready_to_probe(HalfOpen::successes(1));
        let other = breaker.clone();
        let b = spawn(move || -> Answer { other.try_acquire_owned() });
        let moved = controller.postpone(OPEN * 5);
        let probe = b.join().expect("b ends");
        assert!(
            !(moved && probe.is_ok()),
            "{:?}",
            breaker.observer().snapshot()
        );
        check_history(&breaker);
    });
}
