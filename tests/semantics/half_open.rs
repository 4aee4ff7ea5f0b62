//! Rounds that close after successes, and the slots of any round.

use tripcoil::{Cause, FailureKind, HalfOpen, Outcome, State};

use crate::common::{LIMIT, Rig, SERVER, counts, ms, secs};

fn rig(half_open: HalfOpen) -> Rig {
    let rig = Rig::new(|builder| builder.consecutive_failures(3).half_open(half_open));
    rig.round();
    rig
}

fn probes(rig: &Rig) -> [u32; 3] {
    let probes = rig.seen().probes;
    [probes.in_flight, probes.succeeded, probes.failed]
}

#[test]
fn n_successes_close() {
    for n in [1, 2, 7, 255] {
        let rig = rig(HalfOpen::successes(n));
        for done in 0..n {
            assert_eq!(
                (rig.state(), probes(&rig)),
                (State::HalfOpen, [0, done, 0]),
                "{n}"
            );
            rig.ok(1);
        }
        assert_eq!(
            (rig.state(), rig.cause()),
            (State::Closed, Cause::ProbesSucceeded),
            "{n}"
        );
        assert_eq!(rig.last().counts, counts(u64::from(n), 0, 0));
    }
}

#[test]
fn the_first_failure_re_opens() {
    for before in 0..4 {
        let rig = rig(HalfOpen::successes(5));
        rig.ok(before);
        rig.fail(1);
        assert_eq!(
            (rig.state(), rig.cause()),
            (State::Open, Cause::ProbeFailed)
        );
        assert_eq!(rig.last().counts, counts(before as u64, 1, 0));
    }
}

#[test]
fn a_failure_re_opens_while_other_probes_are_out() {
    let rig = rig(HalfOpen::successes(3).max_probes(3));
    let (a, b, c) = (rig.acquire(), rig.acquire(), rig.acquire());
    a.success();
    b.failure(FailureKind::Server);
    assert_eq!(rig.state(), State::Open);
    c.success();
    assert_eq!((rig.state(), rig.seen().totals.late), (State::Open, 1));
    assert_eq!(probes(&rig), [0, 0, 0]);
}

#[test]
fn never_more_probes_are_out_than_max_probes() {
    let rig = rig(HalfOpen::successes(10).max_probes(3));
    let mut out: Vec<_> = (0..3).map(|_| rig.acquire()).collect();
    for _ in 0..3 {
        let rejected = rig.rejected();
        assert_eq!(
            (rejected.state(), rejected.retry_after()),
            (State::HalfOpen, None)
        );
    }
    assert_eq!(probes(&rig), [3, 0, 0]);
    out.pop().expect("three").success();
    out.push(rig.acquire());
    assert_eq!(probes(&rig), [3, 1, 0]);
    rig.rejected();
    assert_eq!(rig.seen().totals.rejected, 4);
}

#[test]
fn nor_more_than_the_round_still_needs() {
    for half_open in [HalfOpen::successes(3), HalfOpen::rate(3, 1.0)] {
        let rig = rig(half_open.max_probes(10));
        let first = rig.acquire();
        first.success();
        let (b, c) = (rig.acquire(), rig.acquire());
        // one result and two under way are the three
        assert_eq!(rig.rejected().state(), State::HalfOpen);
        b.success();
        assert_eq!(rig.rejected().state(), State::HalfOpen);
        c.success();
        assert_eq!(rig.state(), State::Closed);
    }
}

#[test]
fn an_ignored_or_cancelled_probe_gives_its_slot_back() {
    let rig = rig(HalfOpen::successes(3));
    let probe = rig.acquire();
    rig.rejected();
    probe.ignore();
    assert_eq!(probes(&rig), [0, 0, 0]);
    let probe = rig.acquire();
    rig.rejected();
    drop(probe);
    assert_eq!(probes(&rig), [0, 0, 0]);
    rig.ok(3);
    assert_eq!(rig.state(), State::Closed);
    assert_eq!(
        (rig.seen().totals.ignored, rig.seen().totals.cancelled),
        (1, 1)
    );
}

#[test]
fn ignored_probes_hold_a_round_for_as_long_as_there_is_nothing_else() {
    type WayOut = fn(&Rig);
    let ways_out: [(WayOut, State); 5] = [
        (|rig| assert!(rig.controller.reset()), State::Closed),
        (|rig| assert!(rig.controller.trip()), State::Open),
        (|rig| rig.ok(2), State::Closed),
        (|rig| rig.fail(1), State::Open),
        // one that does not come back
        (
            |rig| {
                let _leaked = rig.acquire();
                rig.wait(ms(50));
                rig.rejected();
            },
            State::Open,
        ),
    ];
    for (way_out, state) in ways_out {
        let rig = rig(HalfOpen::successes(2).probe_timeout(ms(50)));
        let round = rig.seen().generation;
        for n in 0..20 {
            // each admission begins the patience anew, so whoever finds no slot finds it unspent
            let probe = rig.acquire();
            rig.wait(ms(49));
            rig.rejected();
            probe.ignore();
            assert_eq!((rig.state(), probes(&rig)), (State::HalfOpen, [0, 0, 0]));
            // nor does it count where a slot is free
            rig.wait(ms(10 * n));
        }
        assert_eq!(
            (rig.seen().generation, rig.seen().totals.ignored),
            (round, 20)
        );
        way_out(&rig);
        assert_eq!(rig.state(), state);
    }
}

#[test]
fn probes_count_in_the_totals_and_in_no_window() {
    let rig = rig(HalfOpen::successes(3));
    rig.ok(2);
    rig.slow(SERVER);
    let seen = rig.seen();
    let totals = seen.totals;
    assert_eq!((totals.successes, totals.failures, totals.slow), (2, 1, 1));
    assert_eq!(seen.failures_by_kind.get(FailureKind::Server), 1);
    assert_eq!(seen.window, counts(0, 0, 0));
}

#[test]
fn a_slow_probe_is_a_failed_one_where_slow_rate_is_configured() {
    let rig = Rig::new(|builder| {
        builder
            .slow_rate(0.9)
            .consecutive_failures(3)
            .half_open(HalfOpen::successes(3))
    });
    rig.round();
    rig.probe(Outcome::Success);
    rig.acquire().record_timed(Outcome::Success, LIMIT);
    assert_eq!(rig.state(), State::HalfOpen);
    rig.slow(Outcome::Success);
    assert_eq!(
        (rig.state(), rig.cause()),
        (State::Open, Cause::ProbeFailed)
    );
    // in the lifetime totals it stays a success
    let totals = rig.seen().totals;
    assert_eq!((totals.successes, totals.failures, totals.slow), (3, 0, 1));
    // for the round it is a failed one
    assert_eq!(
        (rig.last().counts.successes, rig.last().counts.failures),
        (2, 1)
    );
}

#[test]
fn a_slow_probe_is_a_good_one_where_it_is_not() {
    let rig = rig(HalfOpen::successes(2));
    rig.slow(Outcome::Success);
    rig.slow(Outcome::Success);
    assert_eq!(rig.state(), State::Closed);
}

#[test]
fn max_probes_is_one_by_default_and_of_under_rate() {
    let one = rig(HalfOpen::successes(5));
    let _probe = one.acquire();
    one.rejected();

    let rate = rig(HalfOpen::rate(5, 0.5));
    let probes: Vec<_> = (0..5).map(|_| rate.acquire()).collect();
    rate.rejected();
    assert_eq!(probes.len(), 5);
}

#[test]
fn a_round_waits_for_sixty_seconds_by_default() {
    let rig = rig(HalfOpen::successes(2));
    let _stuck = rig.acquire();
    rig.wait(secs(60) - ms(1));
    assert_eq!(rig.rejected().state(), State::HalfOpen);
    rig.wait(ms(1));
    assert_eq!(rig.rejected().state(), State::Open);
}

#[test]
fn a_leaked_probe_holds_no_round_for_longer_than_the_timeout() {
    let rig = rig(HalfOpen::successes(1).probe_timeout(ms(50)));
    for round in 1..=3 {
        std::mem::forget(rig.acquire());
        rig.rejected();
        rig.wait(ms(50));
        assert_eq!(rig.rejected().state(), State::Open, "{round}");
        rig.wait_out();
    }
    rig.ok(1);
    assert_eq!(rig.state(), State::Closed);
}

#[test]
fn the_acquire_that_finds_the_timeout_passed_is_rejected_with_the_whole_new_wait() {
    let rig = Rig::run_of_three();
    rig.fail(3);
    rig.wait_out();
    let _stuck = rig.acquire();
    rig.wait(ms(73));
    let before = rig.seen().totals.rejected;
    let rejected = rig.rejected();
    // the second opening
    assert_eq!(
        (rejected.state(), rejected.retry_after()),
        (State::Open, Some(ms(20)))
    );
    assert_eq!(rig.seen().totals.rejected, before + 1);
}

#[test]
fn a_round_begun_by_hand_or_at_build_is_untouched() {
    let by_hand = rig(HalfOpen::successes(2));
    let built = Rig::new(|builder| {
        builder
            .consecutive_failures(3)
            .initial_state(State::HalfOpen)
    });
    for rig in [by_hand, built] {
        assert_eq!(probes(&rig), [0, 0, 0]);
        // nobody was admitted, so no patience runs out
        rig.wait(secs(1_000));
        rig.ok(2);
        assert_eq!(rig.state(), State::Closed);
    }
}

#[test]
fn a_new_round_begins_from_nothing() {
    let rig = rig(HalfOpen::successes(3).max_probes(2));
    rig.ok(2);
    let _out = rig.acquire();
    assert!(rig.controller.half_open());
    assert_eq!(probes(&rig), [0, 0, 0]);
    // nor are the old round's cancelled ones held against it
    drop(rig.acquire());
    drop(rig.acquire());
    assert!(rig.controller.half_open());
    drop(rig.acquire());
    drop(rig.acquire());
    assert_eq!(rig.state(), State::HalfOpen);
    rig.ok(3);
    assert_eq!(rig.state(), State::Closed);
}
