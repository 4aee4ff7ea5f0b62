//! I6: never more probes out than slots, exactly as many results as a round needs, and a probe that
//! is lost holds no round for longer than its timeout.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use tripcoil::call::OwnedPermit;
use tripcoil::{Breaker, Cause, FailureKind, HalfOpen, Rejected, Snapshot, State, Transition};
use tripcoil_loom_tests::{OPEN, all_told, check_history, explore, race, ready_to_probe};

type Answer = Result<OwnedPermit, Rejected>;

fn ask(breaker: &Breaker) -> Answer {
    breaker.try_acquire_owned()
}

fn last(breaker: &Breaker) -> Transition {
    breaker.observer().history().pop().expect("an event")
}

/// Probes that are out, by the callers' own account.
#[derive(Clone, Default)]
struct Out(Arc<AtomicU64>);

impl Out {
    /// A call that is stopped while it is out, and ends as `end` says. In the round it may not be
    /// one too many. A call that was admitted closed is not a probe.
    fn call(&self, breaker: &Breaker, most: u64, end: impl FnOnce(OwnedPermit)) {
        let Ok(permit) = breaker.try_acquire_owned() else {
            return;
        };
        let out = self.0.fetch_add(1, Relaxed) + 1;
        let state = breaker.state();
        assert!(state != State::HalfOpen || out <= most, "{out} are out");
        self.0.fetch_sub(1, Relaxed);
        end(permit);
    }
}

fn check_round(seen: &Snapshot, breaker: &Breaker, needed: u64) {
    match seen.state {
        State::Closed => {
            let verdict = breaker.observer().history()[2];
            assert_eq!(verdict.cause, Cause::ProbesSucceeded, "{verdict:?}");
            assert_eq!(verdict.counts.calls, needed, "{verdict:?}");
        }
        State::HalfOpen => {
            assert_eq!((seen.probes.in_flight, seen.probes.failed), (0, 0));
            assert!(u64::from(seen.probes.succeeded) < needed, "{seen:?}");
            ask(breaker).expect("no slot is lost").ignore();
        }
        other => panic!("{other:?}: {seen:?}"),
    }
}

/// A success and a cancelled one against two successes, for one slot.
#[test]
fn one_slot_is_one_probe() {
    explore("one_slot_is_one_probe", Some(2), || {
        let (breaker, _controller, _clock) = ready_to_probe(HalfOpen::successes(2).max_probes(1));
        let out = Out::default();
        let (other, theirs) = (breaker.clone(), out.clone());
        race(
            || {
                out.call(&breaker, 1, drop);
                out.call(&breaker, 1, OwnedPermit::success);
            },
            move || theirs.call(&other, 1, OwnedPermit::success),
        );
        let seen = check_history(&breaker);
        assert_eq!((all_told(&seen), seen.totals.late), (3, 0), "{seen:?}");
        check_round(&seen, &breaker, 2);
    });
}

/// Two slots, and a round of two: the third is out only when one has come back without a result.
#[test]
fn no_more_probes_than_the_round_still_needs() {
    explore("no_more_probes_than_the_round_still_needs", Some(2), || {
        let (breaker, _controller, _clock) = ready_to_probe(HalfOpen::successes(2).max_probes(2));
        let first = ask(&breaker).expect("the wait is over");
        let other = breaker.clone();
        let (mine, theirs) = race(|| ask(&breaker), move || ask(&other));
        assert!(mine.is_ok() != theirs.is_ok(), "one slot was left");
        let seen = check_history(&breaker);
        assert_eq!((seen.probes.in_flight, seen.totals.rejected), (2, 1));
        first.success();
        assert!(ask(&breaker).is_err(), "one result, one probe out: enough");
        for permit in [mine, theirs].into_iter().flatten() {
            permit.success();
        }
        assert_eq!(breaker.state(), State::Closed);
    });
}

/// A result comes in, and its slot must not be given out beyond what the round needs.
#[test]
fn a_rate_round_is_decided_by_exactly_its_results() {
    let name = "a_rate_round_is_decided_by_exactly_its_results";
    explore(name, Some(2), || {
        let (breaker, _controller, _clock) = ready_to_probe(HalfOpen::rate(2, 0.6).max_probes(2));
        let first = ask(&breaker).expect("the wait is over");
        let other = breaker.clone();
        race(
            || {
                let second = ask(&breaker);
                let third = ask(&breaker);
                for permit in [second, third].into_iter().flatten() {
                    permit.success();
                }
            },
            move || {
                first.failure(FailureKind::Server);
                if let Ok(permit) = ask(&other) {
                    permit.success();
                }
            },
        );
        let seen = check_history(&breaker);
        assert_eq!(
            (seen.state, seen.generation),
            (State::Closed, 3),
            "{seen:?}"
        );
        let verdict = last(&breaker);
        assert_eq!((verdict.counts.calls, verdict.counts.failures), (2, 1));
        // what was admitted besides was a call of the closed period
        assert_eq!(seen.totals.late, 0, "{seen:?}");
        assert_eq!(all_told(&seen), 4, "{seen:?}");
        assert_eq!(seen.window.calls + 2 + seen.totals.rejected, 4, "{seen:?}");
    });
}

/// The last success and the first failure: one decides, the other is late.
#[test]
fn a_failure_against_the_last_success() {
    explore("a_failure_against_the_last_success", Some(3), || {
        let (breaker, _controller, _clock) = ready_to_probe(HalfOpen::successes(2).max_probes(2));
        let first = ask(&breaker).expect("the wait is over");
        let second = ask(&breaker).expect("a round of two");
        race(
            || first.success(),
            move || second.failure(FailureKind::Server),
        );
        let seen = check_history(&breaker);
        assert_eq!((seen.state, seen.generation), (State::Open, 3), "{seen:?}");
        let totals = seen.totals;
        assert_eq!(totals.failures, 1, "{seen:?}");
        assert_eq!(totals.successes + totals.late, 1, "{seen:?}");
        let verdict = last(&breaker);
        assert_eq!(verdict.cause, Cause::ProbeFailed, "{verdict:?}");
        let counts = verdict.counts;
        assert_eq!(
            (counts.failures, counts.calls),
            (1, 1 + totals.successes),
            "{verdict:?}"
        );
    });
}

/// As many are dropped as the round needs results, and none has come for as long as the timeout.
#[test]
fn a_round_of_cancelled_probes_is_over_once() {
    explore("a_round_of_cancelled_probes_is_over_once", Some(3), || {
        let half_open = HalfOpen::successes(2).max_probes(2).probe_timeout(OPEN);
        let (breaker, _controller, clock) = ready_to_probe(half_open);
        let first = ask(&breaker).expect("the wait is over");
        let second = ask(&breaker).expect("a round of two");
        clock.advance(OPEN);
        race(|| drop(first), move || drop(second));
        let seen = check_history(&breaker);
        assert_eq!((seen.state, seen.generation), (State::Open, 3), "{seen:?}");
        assert_eq!((seen.totals.cancelled, seen.totals.late), (2, 0));
        assert_eq!(last(&breaker).cause, Cause::ProbesCancelled);
    });
}

/// A cancellation that would give the round up, against the result for the lack of which it would: either
/// the result counts and the round goes on, or the round is over without it.
#[test]
fn a_result_keeps_a_round_from_being_given_up() {
    explore(
        "a_result_keeps_a_round_from_being_given_up",
        Some(3),
        || {
            let half_open = HalfOpen::rate(2, 1.0).max_probes(2).probe_timeout(OPEN);
            let (breaker, _controller, clock) = ready_to_probe(half_open);
            drop(ask(&breaker).expect("the wait is over"));
            drop(ask(&breaker).expect("a slot came back"));
            let probe = ask(&breaker).expect("a slot came back");
            let left = ask(&breaker).expect("a round of two");
            clock.advance(OPEN);
            race(|| probe.success(), move || drop(left));

            let seen = check_history(&breaker);
            let totals = seen.totals;
            assert_eq!((totals.successes + totals.late, totals.cancelled), (1, 3));
            if seen.state == State::HalfOpen {
                assert_eq!((seen.probes.succeeded, seen.probes.in_flight), (1, 0));
            } else {
                let verdict = last(&breaker);
                assert_eq!(verdict.cause, Cause::ProbesCancelled, "{verdict:?}");
                assert_eq!((verdict.counts.calls, totals.late), (0, 1), "{verdict:?}");
            }
        },
    );
}

/// A dropped probe gives its slot back, against an acquire that wants it.
#[test]
fn a_slot_comes_back() {
    explore("a_slot_comes_back", Some(3), || {
        let (breaker, _controller, _clock) = ready_to_probe(HalfOpen::successes(2).max_probes(1));
        let first = ask(&breaker).expect("the wait is over");
        let (answer, ()) = race(|| ask(&breaker), move || drop(first));
        let seen = check_history(&breaker);
        let out = u32::from(answer.is_ok());
        assert_eq!((seen.state, seen.generation), (State::HalfOpen, 2));
        assert_eq!((seen.probes.in_flight, seen.totals.cancelled), (out, 1));
        drop(answer);
    });
}

/// The probe is lost; two find so at once. Both are rejected, and the round ends once.
#[test]
fn a_lost_probe_ends_its_round_once() {
    explore("a_lost_probe_ends_its_round_once", Some(3), || {
        let (breaker, _controller, clock) =
            ready_to_probe(HalfOpen::successes(1).probe_timeout(OPEN));
        let lost = ask(&breaker).expect("the wait is over");
        clock.advance(OPEN);
        let other = breaker.clone();
        let (mine, theirs) = race(|| ask(&breaker), move || ask(&other));

        for answer in [mine, theirs] {
            let rejected = answer.expect_err("the round is over, and the wait begins");
            assert_eq!(rejected.state(), State::Open, "{rejected:?}");
            assert_eq!(rejected.retry_after(), Some(OPEN), "{rejected:?}");
        }
        let seen = check_history(&breaker);
        assert_eq!((seen.state, seen.generation), (State::Open, 3), "{seen:?}");
        assert_eq!(last(&breaker).cause, Cause::ProbeTimeout);
        lost.success();
        let seen = check_history(&breaker);
        assert_eq!((seen.totals.late, seen.totals.rejected), (1, 2), "{seen:?}");
    });
}

/// The probe was only slow: its result comes as the round is found to have lasted too long.
#[test]
fn a_result_against_the_timeout() {
    explore("a_result_against_the_timeout", Some(3), || {
        let (breaker, _controller, clock) =
            ready_to_probe(HalfOpen::successes(1).probe_timeout(OPEN));
        let probe = ask(&breaker).expect("the wait is over");
        clock.advance(OPEN);
        let (answer, ()) = race(|| ask(&breaker), move || probe.success());

        let seen = check_history(&breaker);
        let totals = seen.totals;
        assert_eq!((seen.generation, totals.successes + totals.late), (3, 1));
        if totals.late == 1 {
            assert_eq!((seen.state, answer.is_err()), (State::Open, true));
            assert_eq!(last(&breaker).cause, Cause::ProbeTimeout);
        } else {
            assert_eq!((seen.state, answer.is_ok()), (State::Closed, true));
            assert_eq!(last(&breaker).cause, Cause::ProbesSucceeded);
        }
        drop(answer);
    });
}

/// A call has read the clock before the result comes that decides the round, and makes the transition.
#[test]
fn a_verdict_is_no_older_than_its_result() {
    explore("a_verdict_is_no_older_than_its_result", Some(2), || {
        let (breaker, _controller, clock) =
            ready_to_probe(HalfOpen::successes(1).probe_timeout(OPEN * 9));
        let probe = ask(&breaker).expect("the wait is over");
        let (other, read) = (breaker.clone(), clock.now() + OPEN);
        let conclude = move || {
            clock.advance(OPEN);
            probe.success();
        };
        let (answer, ()) = race(|| ask(&other), conclude);

        check_history(&breaker);
        let verdict = last(&breaker);
        assert_eq!(verdict.cause, Cause::ProbesSucceeded);
        assert!(verdict.at >= read, "older than {read:?}: {verdict:?}");
        drop(answer);
    });
}

/// Likewise before another one finds that the probe has leaked.
#[test]
fn a_timeout_is_no_older_than_the_call_that_found_it() {
    explore(
        "a_timeout_is_no_older_than_the_call_that_found_it",
        Some(2),
        || {
            let (breaker, _controller, clock) =
                ready_to_probe(HalfOpen::successes(1).probe_timeout(OPEN));
            let probe = ask(&breaker).expect("the wait is over");
            let (other, read) = (breaker.clone(), clock.now() + OPEN);
            let mine = breaker.clone();
            let find = move || {
                clock.advance(OPEN);
                ask(&mine).is_err()
            };
            let (answer, found) = race(|| ask(&other).is_err(), find);

            check_history(&breaker);
            let over = last(&breaker);
            assert_eq!(
                (answer, found, over.cause),
                (true, true, Cause::ProbeTimeout)
            );
            assert!(over.at >= read, "older than {read:?}: {over:?}");
            drop(probe);
        },
    );
}

/// A slot is free although the timeout is over: whoever takes it puts the timeout off, for the one
/// that comes just after.
#[test]
fn an_admission_puts_the_timeout_off() {
    explore("an_admission_puts_the_timeout_off", Some(3), || {
        let (breaker, _controller, clock) =
            ready_to_probe(HalfOpen::successes(1).probe_timeout(OPEN));
        ask(&breaker).expect("the wait is over").ignore();
        clock.advance(OPEN);
        let other = breaker.clone();
        let (mine, theirs) = race(|| ask(&breaker), move || ask(&other));

        let seen = check_history(&breaker);
        assert!(mine.is_ok() != theirs.is_ok(), "one slot: {seen:?}");
        assert_eq!(
            (seen.state, seen.generation),
            (State::HalfOpen, 2),
            "{seen:?}"
        );
        assert_eq!((seen.probes.in_flight, seen.totals.rejected), (1, 1));
    });
}
