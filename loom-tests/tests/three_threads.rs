//! Three threads at one update: two work it out and the third sleeps in it, and wakes in the next.

use loom::thread::spawn;
use tripcoil::{Breaker, Cause, HalfOpen, State};
use tripcoil_loom_tests::{
    EPOCH, all_told, by_count, by_rate, check_history, explore, fail, ready_to_probe, succeed,
};

/// Each in a thread of its own, the first one in this.
fn three(breaker: &Breaker, first: fn(&Breaker), second: fn(&Breaker), third: fn(&Breaker)) {
    let others = [second, third].map(|call| {
        let breaker = breaker.clone();
        spawn(move || call(&breaker))
    });
    first(breaker);
    for other in others {
        other.join().expect("each ends");
    }
}

/// Each finds the epoch over (I1, I2).
#[test]
fn three_calls_at_an_epochs_end() {
    explore("three_calls_at_an_epochs_end", Some(2), || {
        let (breaker, _controller, clock) = by_count(100);
        fail(&breaker);
        clock.advance(EPOCH);
        three(&breaker, fail, fail, succeed);

        let seen = check_history(&breaker);
        assert_eq!((seen.totals.failures, seen.totals.successes), (3, 1));
        assert_eq!((seen.window.failures, seen.window.successes), (3, 1));
        assert_eq!((seen.buckets[0].calls, seen.buckets[1].calls), (1, 3));
        clock.advance(EPOCH);
        let seen = breaker.observer().snapshot();
        assert_eq!((seen.window.failures, seen.window.successes), (2, 1));
    });
}

/// Two failures reach the rate, and a success may come before, between or after them (I4, I5).
#[test]
fn two_failures_and_a_success() {
    explore("two_failures_and_a_success", Some(2), || {
        let (breaker, _controller, _clock) = by_rate(0.6, 3);
        three(&breaker, fail, fail, succeed);

        let seen = check_history(&breaker);
        assert_eq!((seen.state, seen.generation), (State::Open, 1), "{seen:?}");
        let event = breaker.observer().history()[0];
        assert_eq!((event.counts.calls, event.counts.failures), (3, 2));
        assert_eq!(seen.totals.late, 0, "{seen:?}");
    });
}

/// The failures are in one period, or in two (I2, I3, I4).
#[test]
fn two_failures_and_a_reset() {
    explore("two_failures_and_a_reset", Some(2), || {
        let (breaker, controller, _clock) = by_count(2);
        let others = [(); 2].map(|()| {
            let breaker = breaker.clone();
            spawn(move || fail(&breaker))
        });
        assert!(controller.reset());
        for other in others {
            other.join().expect("each ends");
        }

        let seen = check_history(&breaker);
        assert_eq!(all_told(&seen), 2, "{seen:?}");
        let history = breaker.observer().history();
        let trips = history.iter().filter(|e| e.cause == Cause::FailureCount);
        assert!(trips.clone().all(|e| e.counts.failures == 2), "{history:?}");
        assert_eq!(history.len(), 1 + trips.count(), "{history:?}");
        let window = seen.window.failures;
        assert!(seen.state == State::Open || window < 2, "missed: {seen:?}");
    });
}

/// One probe, whoever it is (I6).
#[test]
fn three_acquires_at_the_deadline() {
    explore("three_acquires_at_the_deadline", Some(2), || {
        let (breaker, _controller, _clock) = ready_to_probe(HalfOpen::successes(2).max_probes(1));
        let others = [(); 2].map(|()| {
            let breaker = breaker.clone();
            spawn(move || breaker.try_acquire_owned())
        });
        let mine = breaker.try_acquire_owned();
        let [b, c] = others.map(|other| other.join().expect("each ends"));
        let admitted = [mine, b, c].into_iter().flatten();
        assert_eq!(admitted.map(|probe| probe.ignore()).count(), 1);

        let seen = check_history(&breaker);
        assert_eq!((seen.state, seen.generation), (State::HalfOpen, 2));
        assert_eq!((seen.totals.rejected, seen.probes.in_flight), (2, 0));
    });
}
