//! Rounds that are judged by rate.

use tripcoil::{Cause, FailureKind, HalfOpen, Outcome, State};

use crate::common::{LIMIT, Rig, SERVER, counts, ms, ns};

fn rig(half_open: HalfOpen) -> Rig {
    let rig = Rig::new(|builder| builder.consecutive_failures(100).half_open(half_open));
    rig.round();
    rig
}

const OK: Outcome = Outcome::Success;

#[test]
fn either_rate_re_opens_and_else_the_round_closes() {
    let table: [(&[(Outcome, bool)], State); 6] = [
        (
            &[(OK, false), (OK, false), (OK, false), (OK, false)],
            State::Closed,
        ),
        (
            &[(SERVER, false), (OK, false), (OK, false), (OK, false)],
            State::Closed,
        ),
        (
            &[(SERVER, false), (OK, false), (OK, false), (SERVER, false)],
            State::Open,
        ),
        (
            &[(OK, true), (OK, true), (OK, false), (OK, false)],
            State::Closed,
        ),
        (
            &[(OK, true), (OK, true), (OK, false), (OK, true)],
            State::Open,
        ),
        // a slow failure is in both
        (
            &[(SERVER, true), (OK, true), (OK, false), (OK, true)],
            State::Open,
        ),
    ];
    for (results, state) in table {
        let rig = rig(HalfOpen::rate(4, 0.5).slow_rate(0.75));
        for (outcome, slow) in results {
            assert_eq!(rig.state(), State::HalfOpen);
            if *slow {
                rig.slow(*outcome)
            } else {
                rig.end(*outcome)
            }
        }
        assert_eq!(rig.state(), state, "{results:?}");
        let cause = if state == State::Open {
            Cause::ProbeFailed
        } else {
            Cause::ProbesSucceeded
        };
        assert_eq!(rig.cause(), cause, "{results:?}");
    }
}

#[test]
fn no_verdict_comes_early() {
    let rig = rig(HalfOpen::rate(10, 0.1));
    // all is lost at the first, and yet all ten are waited for
    for failed in 0..10 {
        assert_eq!(
            (rig.state(), rig.seen().probes.failed),
            (State::HalfOpen, failed)
        );
        rig.fail(1);
    }
    assert_eq!(rig.state(), State::Open);
    assert_eq!(rig.last().counts, counts(0, 10, 0));
}

#[test]
fn the_rate_is_inclusive() {
    for (of, failures) in [(3_u32, 1_u32), (10, 3), (1, 1), (255, 85)] {
        let rate = f64::from(failures) / f64::from(of);
        let at = rig(HalfOpen::rate(of, rate));
        at.fail(failures as usize);
        at.ok((of - failures) as usize);
        assert_eq!(at.state(), State::Open, "{failures} of {of}");
        let below = rig(HalfOpen::rate(of, rate));
        below.fail(failures as usize - 1);
        below.ok((of - failures) as usize + 1);
        assert_eq!(below.state(), State::Closed, "{failures} of {of}");
    }
}

#[test]
fn ignored_and_cancelled_probes_are_no_results() {
    let rig = rig(HalfOpen::rate(4, 0.5));
    rig.end(Outcome::Ignored);
    drop(rig.acquire());
    rig.ends(&[OK, SERVER, OK]);
    assert_eq!(rig.state(), State::HalfOpen);
    rig.ok(1);
    assert_eq!(
        (rig.state(), rig.last().counts),
        (State::Closed, counts(3, 1, 0))
    );
}

#[test]
fn the_slow_rate_of_a_round_is_its_own_setting() {
    // a slow rate for tripping is none for the round
    let rig = Rig::new(|builder| {
        builder
            .slow_rate(0.1)
            .consecutive_failures(100)
            .half_open(HalfOpen::rate(2, 1.0))
    });
    rig.round();
    rig.slow(OK);
    rig.slow(OK);
    assert_eq!(rig.state(), State::Closed);
    // and one of the round is none for tripping
    let rig = Rig::new(|builder| {
        builder
            .consecutive_failures(100)
            .half_open(HalfOpen::rate(2, 1.0).slow_rate(1.0))
    });
    (0..20).for_each(|_| rig.slow(OK));
    assert_eq!(rig.state(), State::Closed);
    rig.round();
    rig.acquire().record_timed(OK, LIMIT);
    rig.slow(OK);
    assert_eq!(rig.state(), State::Closed);
    rig.round();
    rig.slow(OK);
    rig.slow(OK);
    assert_eq!(rig.state(), State::Open);
    assert_eq!(rig.last().counts, counts(2, 0, 2));
}

#[test]
fn many_at_once_or_one_by_one_is_the_same() {
    for max in [1, 2, 6, 200] {
        let rig = rig(HalfOpen::rate(6, 0.5).max_probes(max));
        let mut results = 0;
        while rig.state() == State::HalfOpen {
            let mut out = Vec::new();
            while let Ok(permit) = rig.breaker.try_acquire_owned() {
                out.push(permit);
            }
            assert_eq!(out.len() as u32, max.min(6 - results));
            for permit in out {
                results += 1;
                permit.failure(FailureKind::Server);
            }
        }
        assert_eq!((results, rig.state()), (6, State::Open));
    }
}

#[test]
fn cancelled_probes_are_held_against_the_whole_round() {
    let rig = rig(HalfOpen::rate(3, 1.0).probe_timeout(ms(50)));
    rig.ok(2);
    rig.wait(ms(50));
    drop(rig.acquire());
    drop(rig.acquire());
    assert_eq!(rig.state(), State::HalfOpen);
    drop(rig.acquire());
    assert_eq!(
        (rig.state(), rig.cause()),
        (State::Open, Cause::ProbesCancelled)
    );
    assert_eq!(rig.last().counts, counts(2, 0, 0));
}

/// Calls last longer than the probe timeout: no round is ever won, and the snapshot shows why.
#[test]
fn probes_that_succeed_late_are_counted() {
    let rig = Rig::run_of_three();
    rig.fail(3);
    for round in 0..3 {
        assert_eq!(rig.seen().late_probe_successes, round);
        rig.wait_out();
        let probe = rig.acquire();
        rig.wait(ms(50));
        assert_eq!(rig.rejected().cause(), Some(Cause::ProbeTimeout));
        rig.wait(ms(10));
        probe.success();
        let seen = rig.seen();
        assert_eq!(
            (seen.late_probe_successes, seen.totals.late),
            (round + 1, round + 1)
        );
    }
    // into the next round, and after the breaker has closed
    rig.wait_out();
    let probe = rig.acquire();
    rig.controller.half_open();
    probe.success();
    let probe = rig.acquire();
    rig.controller.reset();
    probe.record_timed(Outcome::Success, LIMIT + ns(1));
    assert_eq!(rig.seen().late_probe_successes, 5, "slow ones too");
}

/// Calls of one and a half probe timeouts. The call that comes after the timeout, and before the last result,
/// loses the round; without one the round is won, however long the calls last.
#[test]
fn long_calls_are_lost_to_a_call_that_comes_after_the_timeout() {
    let rounds = [
        HalfOpen::successes(1),
        HalfOpen::successes(3).max_probes(3),
        HalfOpen::successes(5).max_probes(2),
        HalfOpen::rate(4, 1.0),
        HalfOpen::rate(3, 0.5).max_probes(2),
    ];
    for round in rounds {
        for (every, closes) in [(1, false), (7, false), (13, false), (29, false), (45, true)] {
            let rig = rig(round.clone().probe_timeout(ms(60)));
            let mut out = std::collections::VecDeque::new();
            for now in 0..5_000 {
                if out.front().is_some_and(|(until, _)| *until == now) {
                    let (_, call): (_, tripcoil::call::OwnedPermit) = out.pop_front().expect("one");
                    call.success();
                }
                if rig.state() == State::Closed {
                    break;
                }
                if now % every == 0 {
                    out.extend(rig.breaker.try_acquire_owned().map(|call| (now + 90, call)));
                }
                rig.wait(ms(1));
            }
            let seen = rig.seen();
            assert_eq!(rig.state() == State::Closed, closes, "{round:?} {every}");
            assert_eq!(seen.late_probe_successes, seen.totals.late);
            assert_eq!(seen.late_probe_successes > 0, !closes, "{round:?} {every}");
        }
    }
}

#[test]
fn what_else_is_late_is_no_success_of_a_probe() {
    let rig = Rig::run_of_three();
    let late = |how: fn(tripcoil::call::OwnedPermit)| {
        let call = rig.acquire();
        rig.controller.reset();
        how(call);
    };
    late(|call| call.success());
    let ends: [fn(tripcoil::call::OwnedPermit); 3] = [
        |probe| probe.record(SERVER),
        tripcoil::call::OwnedPermit::ignore,
        drop,
    ];
    for how in ends {
        rig.round();
        late(how);
    }
    let seen = rig.seen();
    assert_eq!((seen.totals.late, seen.late_probe_successes), (4, 0));
    // in time
    rig.round();
    rig.probe(Outcome::Success);
    assert_eq!(rig.seen().late_probe_successes, 0);
}
