//! The table of states, row by row.

use tripcoil::{Cause, HalfOpen, Outcome, State};

use crate::common::{OVERRIDES, Rig, SERVER, counts, ms, ns, order, rig_in, secs};

#[test]
fn state_is_a_pure_read_and_an_open_whose_deadline_has_passed_reads_open() {
    let rig = rig_in(State::Open);
    rig.wait(secs(3_600));
    for _ in 0..3 {
        assert_eq!(rig.state(), State::Open);
        assert_eq!(rig.observer.state(), State::Open);
        assert_eq!(rig.seen().state, State::Open);
        assert_eq!(rig.seen().retry_after, Some(ns(0)));
    }
    assert_eq!(rig.seen().transitions, 1);
    rig.acquire().success();
    assert_eq!(rig.state(), State::HalfOpen);
}

#[test]
fn an_outcome_that_makes_a_rule_true_opens() {
    let rig = Rig::run_of_three();
    rig.fail(2);
    assert_eq!(rig.state(), State::Closed);
    rig.wait(ms(4));
    rig.fail(1);
    assert_eq!(rig.state(), State::Open);
    let event = rig.last();
    assert_eq!((event.from, event.to), (State::Closed, State::Open));
    assert_eq!(event.cause, Cause::ConsecutiveFailures);
    assert_eq!(event.at, ms(4));
    // with the deciding outcome
    assert_eq!(event.counts, counts(0, 3, 0));
    assert_eq!(event.consecutive_failures, 3);
}

#[test]
fn open_rejects_until_its_deadline() {
    let rig = rig_in(State::Open);
    for (wait, rest) in [(ns(0), ms(10)), (ms(4), ms(6)), (ms(6) - ns(1), ns(1))] {
        rig.wait(wait);
        let rejected = rig.rejected();
        assert_eq!(rejected.state(), State::Open);
        assert_eq!(rejected.retry_after(), Some(rest));
    }
    assert_eq!(rig.seen().totals.rejected, 3);
    assert_eq!(rig.state(), State::Open);
}

#[test]
fn the_first_acquire_at_the_deadline_is_the_first_probe() {
    let rig = rig_in(State::Open);
    rig.wait(ms(10));
    let probe = rig.acquire();
    assert_eq!(rig.state(), State::HalfOpen);
    assert_eq!(rig.seen().probes.in_flight, 1);
    let event = rig.last();
    assert_eq!((event.from, event.to), (State::Open, State::HalfOpen));
    assert_eq!((event.cause, event.at), (Cause::OpenElapsed, ms(10)));
    // the window shown at that moment
    assert_eq!(event.counts, counts(0, 3, 0));
    // it holds the one slot
    assert_eq!(rig.rejected().state(), State::HalfOpen);
    probe.success();
    assert_eq!(rig.seen().probes.succeeded, 1);
}

#[test]
fn a_satisfied_recovery_rule_closes_with_a_fresh_window_and_run() {
    let rig = rig_in(State::Open);
    rig.wait(ms(10));
    rig.ok(1);
    assert_eq!(rig.state(), State::HalfOpen);
    rig.ok(1);
    assert_eq!(rig.state(), State::Closed);
    let event = rig.last();
    assert_eq!((event.from, event.to), (State::HalfOpen, State::Closed));
    assert_eq!(event.cause, Cause::ProbesSucceeded);
    assert_eq!(event.counts, counts(2, 0, 0));
    let seen = rig.seen();
    assert_eq!(seen.window, counts(0, 0, 0));
    assert_eq!(seen.consecutive_failures, 0);
    // the old failures are in no run
    rig.fail(2);
    assert_eq!(rig.state(), State::Closed);
    rig.fail(1);
    assert_eq!(rig.state(), State::Open);
}

#[test]
fn a_failed_recovery_rule_re_opens() {
    let rig = rig_in(State::HalfOpen);
    rig.probe(Outcome::Success);
    rig.probe(SERVER);
    assert_eq!(rig.state(), State::Open);
    let event = rig.last();
    assert_eq!((event.from, event.to), (State::HalfOpen, State::Open));
    assert_eq!(event.cause, Cause::ProbeFailed);
    // for a verdict, the round's probes
    assert_eq!(event.counts, counts(1, 1, 0));
}

#[test]
fn an_acquire_without_a_slot_re_opens_once_the_probe_timeout_has_passed() {
    let rig = rig_in(State::HalfOpen);
    rig.wait(ms(5));
    let stuck = rig.acquire();
    rig.wait(ms(50) - ns(1));
    assert_eq!(rig.rejected().state(), State::HalfOpen);
    rig.wait(ns(1));
    let rejected = rig.rejected();
    assert_eq!(rejected.state(), State::Open);
    assert_eq!(rejected.retry_after(), Some(ms(10)));
    let event = rig.last();
    assert_eq!((event.from, event.to), (State::HalfOpen, State::Open));
    assert_eq!((event.cause, event.at), (Cause::ProbeTimeout, ms(55)));
    assert_eq!(event.counts, counts(0, 0, 0));
    stuck.success();
    assert_eq!(rig.seen().totals.late, 1);
}

#[test]
fn a_free_slot_is_given_however_long_the_round_has_lasted() {
    let rig = rig_in(State::HalfOpen);
    rig.probe(Outcome::Success);
    rig.wait(secs(10));
    rig.probe(Outcome::Success);
    assert_eq!(rig.state(), State::Closed);
}

#[test]
fn the_timeout_counts_from_the_rounds_latest_admission() {
    let rig = Rig::new(|builder| {
        let half_open = HalfOpen::successes(2).max_probes(2).probe_timeout(ms(50));
        builder.consecutive_failures(3).half_open(half_open)
    });
    rig.round();
    let _first = rig.acquire();
    rig.wait(ms(40));
    let _second = rig.acquire();
    rig.wait(ms(49));
    assert_eq!(rig.rejected().state(), State::HalfOpen);
    rig.wait(ms(1));
    assert_eq!(rig.rejected().state(), State::Open);
}

#[test]
fn as_many_cancelled_probes_as_the_round_needs_results_re_open() {
    let rig = rig_in(State::HalfOpen);
    drop(rig.acquire());
    rig.wait(ms(50));
    let probe = rig.acquire();
    assert_eq!(rig.state(), State::HalfOpen);
    drop(probe);
    assert_eq!(rig.state(), State::Open);
    assert_eq!(rig.cause(), Cause::ProbesCancelled);
    assert_eq!(rig.seen().totals.cancelled, 2);
    assert_eq!(rig.rest(), ms(10));
}

#[test]
fn the_operator_overrides_any_state() {
    let all = [
        State::Closed,
        State::Open,
        State::HalfOpen,
        State::ForcedOpen,
        State::Disabled,
        State::ObserveOnly,
    ];
    for from in all {
        for to in OVERRIDES.into_iter().filter(|to| *to != from) {
            let rig = rig_in(from);
            assert!(order(&rig.controller, to), "{from:?} to {to:?}");
            assert_eq!(rig.state(), to);
            let event = rig.last();
            assert_eq!(
                (event.from, event.to, event.cause),
                (from, to, Cause::Manual)
            );
        }
    }
}

#[test]
fn no_outcome_overwrites_an_override() {
    for state in OVERRIDES {
        let rig = rig_in(State::Closed);
        let earlier: Vec<_> = (0..4).map(|_| rig.acquire()).collect();
        assert!(order(&rig.controller, state));
        for permit in earlier {
            permit.failure(tripcoil::FailureKind::Server);
        }
        if state != State::ForcedOpen {
            rig.fail(10);
        }
        rig.wait(secs(100));
        let _ = rig.breaker.try_acquire().map(|permit| permit.success());
        assert_eq!(rig.state(), state);
    }
}

#[test]
fn forced_open_rejects_all() {
    let rig = rig_in(State::ForcedOpen);
    for _ in 0..3 {
        rig.wait(secs(1_000));
        let rejected = rig.rejected();
        assert_eq!(
            (rejected.state(), rejected.retry_after()),
            (State::ForcedOpen, None)
        );
    }
    assert_eq!(rig.seen().totals.rejected, 3);
    assert_eq!(rig.seen().retry_after, None);
}

#[test]
fn disabled_admits_all_and_counts_nothing() {
    let rig = rig_in(State::Disabled);
    let before = rig.seen();
    for outcome in [Outcome::Success, SERVER, Outcome::Ignored] {
        rig.end(outcome);
        rig.slow(outcome);
    }
    drop(rig.acquire());
    let after = rig.seen();
    assert_eq!(after.totals, before.totals);
    assert_eq!(after.window, before.window);
    assert_eq!(after.consecutive_failures, 0);
    let kinds: u64 = after.failures_by_kind.iter().map(|(_, times)| times).sum();
    assert_eq!(kinds, 0);
}

#[test]
fn observe_only_admits_all_counts_and_never_trips() {
    let rig = rig_in(State::ObserveOnly);
    rig.fail(20);
    rig.ok(1);
    assert_eq!(rig.state(), State::ObserveOnly);
    let seen = rig.seen();
    assert_eq!(seen.window, counts(1, 20, 0));
    assert_eq!((seen.totals.failures, seen.totals.successes), (20, 1));
    assert_eq!(seen.would_trip, 1);
    assert_eq!(seen.transitions, 1);
}

#[test]
fn release_gives_a_fresh_closed() {
    for state in OVERRIDES {
        let rig = rig_in(State::Closed);
        rig.fail(2);
        assert!(order(&rig.controller, state));
        assert!(rig.controller.release());
        assert_eq!(rig.state(), State::Closed);
        let event = rig.last();
        assert_eq!(
            (event.from, event.to, event.cause),
            (state, State::Closed, Cause::Manual)
        );
        assert_eq!(rig.seen().window, counts(0, 0, 0));
        rig.fail(2);
        assert_eq!(rig.state(), State::Closed);
    }
}
