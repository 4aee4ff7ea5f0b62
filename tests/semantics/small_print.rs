//! The small print, a test a sentence (those on rising edges stand in `observe`).

use tripcoil::{Backoff, Cause, FailureKind, HalfOpen, OnCancel, Outcome, State, Window};

use crate::common::{OVERRIDES, Rig, SERVER, counts, ms, ns, order, rig_in, secs};

#[test]
fn cancelled_probes_are_held_against_what_the_whole_round_needs() {
    let rig = Rig::new(|builder| {
        builder
            .consecutive_failures(3)
            .half_open(HalfOpen::successes(3).probe_timeout(ms(50)))
    });
    rig.round();
    // with two results in, one more would do; but it takes three cancelled ones
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
}

/// That a caller leaves says nothing about the dependency: however many do, a result may still come.
#[test]
fn cancelled_probes_alone_decide_nothing_while_the_round_is_young() {
    let rig = rig_in(State::HalfOpen);
    for _ in 0..300 {
        drop(rig.acquire());
    }
    rig.wait(ms(50) - ns(1));
    drop(rig.acquire());
    assert_eq!(rig.state(), State::HalfOpen);
    rig.ok(2);
    assert_eq!(rig.state(), State::Closed);
    assert_eq!(rig.seen().totals.cancelled, 301);
}

/// What the round waits for is a result: a counted one puts it off, an ignored one does not.
#[test]
fn a_result_puts_off_that_cancelled_probes_decide() {
    for (outcome, later) in [
        (Outcome::Success, State::HalfOpen),
        (Outcome::Ignored, State::Open),
    ] {
        let rig = rig_in(State::HalfOpen);
        (0..5).for_each(|_| drop(rig.acquire()));
        rig.wait(ms(30));
        rig.probe(outcome);
        rig.wait(ms(20));
        drop(rig.acquire());
        assert_eq!(rig.state(), later, "{outcome:?}");
    }
}

/// However long the round has been silent, and however many were cancelled in it.
#[test]
fn no_acquire_result_or_ignored_probe_is_judged_by_cancelled_ones() {
    let rig = rig_in(State::HalfOpen);
    (0..5).for_each(|_| drop(rig.acquire()));
    rig.wait(ms(500));
    rig.probe(Outcome::Ignored);
    let probe = rig.acquire();
    assert_eq!(rig.state(), State::HalfOpen);
    probe.success();
    assert_eq!(rig.state(), State::HalfOpen);
    rig.ok(1);
    assert_eq!(rig.state(), State::Closed);
}

/// Results of an earlier round, however late they come, are not what this one waits for.
#[test]
fn late_results_put_nothing_off() {
    let rig = rig_in(State::HalfOpen);
    let late: Vec<_> = (0..2)
        .map(|_| {
            let probe = rig.acquire();
            assert!(rig.controller.half_open());
            probe
        })
        .collect();
    drop(rig.acquire());
    rig.wait(ms(49));
    for probe in late {
        probe.success();
    }
    assert_eq!(rig.seen().totals.late, 2);
    rig.wait(ms(1));
    drop(rig.acquire());
    assert_eq!(rig.cause(), Cause::ProbesCancelled);
}

/// As many results as a round can need, and as many cancellations as it counts.
#[test]
fn the_largest_round_is_given_up_at_its_last_cancellation() {
    let rig = Rig::new(|builder| {
        builder
            .consecutive_failures(3)
            .half_open(HalfOpen::successes(255).probe_timeout(ms(50)))
    });
    rig.round();
    rig.ok(254);
    rig.wait(ms(50));
    (0..254).for_each(|_| drop(rig.acquire()));
    assert_eq!(rig.state(), State::HalfOpen);
    drop(rig.acquire());
    assert_eq!(rig.cause(), Cause::ProbesCancelled);
    // and beyond what is counted, where nothing was decided for as long
    rig.round();
    (0..700).for_each(|_| drop(rig.acquire()));
    rig.wait(ms(50));
    assert_eq!(rig.state(), State::HalfOpen);
    drop(rig.acquire());
    assert_eq!(rig.cause(), Cause::ProbesCancelled);
}

/// A dependency that is well, most of whose callers leave at once.
#[test]
fn callers_that_leave_do_not_keep_it_open() {
    for leaving in [2, 5, 10] {
        let rig = Rig::new(|builder| builder.consecutive_failures(3));
        rig.fail(3);
        rig.wait_out();
        for call in 1.. {
            assert!(call < 100, "one in {leaving} stays");
            if call % leaving != 0 {
                drop(rig.acquire());
            } else {
                rig.ok(1);
            }
            rig.wait(ms(1));
            if rig.state() == State::Closed {
                break;
            }
        }
        assert_eq!(rig.seen().transitions, 3, "at the first round");
    }
}

#[test]
fn an_ignored_probe_is_not_a_cancelled_one() {
    let rig = rig_in(State::HalfOpen);
    (0..50).for_each(|_| rig.probe(Outcome::Ignored));
    drop(rig.acquire());
    (0..50).for_each(|_| rig.probe(Outcome::Ignored));
    assert_eq!(rig.state(), State::HalfOpen);
    assert_eq!(
        (rig.seen().totals.ignored, rig.seen().totals.cancelled),
        (100, 1)
    );
}

#[test]
fn reset_and_release_clear_the_backoff_whatever_reset_after_says() {
    let fresh = || {
        let rig = Rig::new(|builder| {
            let backoff = Backoff::exponential(ms(10), 2.0).reset_after(secs(3_600));
            builder.consecutive_failures(3).open_for(backoff)
        });
        (0..3).for_each(|_| assert!(rig.controller.trip()));
        assert_eq!(rig.rest(), ms(40));
        rig
    };
    let rig = fresh();
    assert!(rig.controller.reset());
    assert!(rig.controller.trip());
    assert_eq!(rig.rest(), ms(10));
    for state in OVERRIDES {
        let rig = fresh();
        assert!(order(&rig.controller, state));
        assert!(rig.controller.release());
        assert!(rig.controller.trip());
        assert_eq!(rig.rest(), ms(10), "{state:?}");
    }
}

#[test]
fn a_breaker_built_open_has_opened_once() {
    let rig = Rig::new(|builder| builder.consecutive_failures(3).initial_state(State::Open));
    assert_eq!(rig.rejected().retry_after(), Some(ms(10)));
    rig.wait_out();
    rig.fail(1);
    assert_eq!(rig.rest(), ms(20));
}

#[test]
fn in_a_round_only_the_wait_of_the_deciding_failure_counts() {
    let rig = Rig::new(|builder| {
        builder
            .consecutive_failures(3)
            .half_open(HalfOpen::rate(3, 0.5))
    });
    rig.round();
    rig.probe(SERVER.with_retry_after(ms(30)));
    rig.probe(SERVER.with_retry_after(ms(50)));
    rig.probe(SERVER.with_retry_after(ms(17)));
    assert_eq!(rig.rest(), ms(17));
    rig.wait_out();
    rig.probe_through(&[SERVER.with_retry_after(ms(30)), SERVER, SERVER]);
    // the decider named none: the backoff, of the second opening
    assert_eq!(rig.rest(), ms(20));
}

#[test]
fn if_a_success_decides_a_round_the_wait_is_the_backoff() {
    let rig = Rig::new(|builder| {
        builder
            .consecutive_failures(3)
            .half_open(HalfOpen::rate(3, 0.5))
    });
    rig.round();
    rig.probe(SERVER.with_retry_after(ms(30)));
    rig.probe(SERVER.with_retry_after(ms(30)));
    rig.probe(Outcome::Success);
    assert_eq!(
        (rig.state(), rig.cause()),
        (State::Open, Cause::ProbeFailed)
    );
    assert_eq!(rig.rest(), ms(10));
}

#[test]
fn a_success_that_trips_opens_for_the_backoff() {
    let rig = Rig::new(|builder| builder.failure_rate(0.5).min_throughput(3));
    rig.end(SERVER.with_retry_after(ms(77)));
    rig.end(SERVER.with_retry_after(ms(77)));
    rig.ok(1);
    assert_eq!(rig.rest(), ms(10));
}

#[test]
fn neither_a_timed_out_nor_a_cancelled_round_keeps_a_wait() {
    let rig = Rig::new(|builder| {
        builder
            .consecutive_failures(3)
            .half_open(HalfOpen::rate(2, 0.5).max_probes(1).probe_timeout(ms(50)))
    });
    rig.round();
    rig.probe(SERVER.with_retry_after(ms(30)));
    let _stuck = rig.acquire();
    rig.wait(ms(50));
    assert_eq!(rig.rejected().retry_after(), Some(ms(10)));
    rig.wait_out();
    rig.end(SERVER.with_retry_after(ms(30)));
    drop(rig.acquire());
    rig.wait(ms(50));
    drop(rig.acquire());
    assert_eq!((rig.cause(), rig.rest()), (Cause::ProbesCancelled, ms(20)));
}

#[test]
fn outside_half_open_the_snapshots_probes_are_zero() {
    let rig = rig_in(State::HalfOpen);
    rig.ok(1);
    let out = rig.acquire();
    let probes = rig.seen().probes;
    assert_eq!(
        (probes.in_flight, probes.succeeded, probes.failed),
        (1, 1, 0)
    );
    let none = |what: &str| assert_eq!(rig.seen().probes, Default::default(), "{what}");
    out.failure(FailureKind::Server);
    assert_eq!(rig.state(), State::Open);
    none("open");
    for state in OVERRIDES {
        rig.round_again();
        let _out = rig.acquire();
        assert!(order(&rig.controller, state));
        none("overridden");
        assert!(rig.controller.release());
        none("closed");
    }
}

#[test]
fn outside_closed_and_observe_only_the_run_is_zero() {
    let rig = Rig::run_of_three();
    rig.fail(3);
    assert_eq!(
        (rig.state(), rig.seen().consecutive_failures),
        (State::Open, 0)
    );
    rig.wait_out();
    rig.ok(1);
    assert_eq!(
        (rig.state(), rig.seen().consecutive_failures),
        (State::HalfOpen, 0)
    );
    for state in [State::ForcedOpen, State::Disabled] {
        assert!(rig.controller.reset());
        rig.fail(2);
        assert_eq!(rig.seen().consecutive_failures, 2);
        assert!(order(&rig.controller, state));
        assert_eq!(rig.seen().consecutive_failures, 0, "{state:?}");
    }
}

#[test]
fn a_drop_that_on_cancel_makes_a_failure_is_a_failure_everywhere() {
    let rig = Rig::new(|builder| {
        builder
            .window(Window::time(secs(10)).buckets(10))
            .consecutive_failures(10)
            .failure_count(2)
            .on_cancel(OnCancel::Failure)
            .half_open(HalfOpen::rate(2, 1.0))
    });
    drop(rig.acquire());
    let seen = rig.seen();
    assert_eq!(
        (seen.window, seen.consecutive_failures),
        (counts(0, 1, 0), 1)
    );
    assert_eq!((seen.totals.failures, seen.totals.cancelled), (1, 0));
    assert_eq!(seen.failures_by_kind.get(FailureKind::Timeout), 1);
    drop(rig.acquire());
    assert_eq!(rig.cause(), Cause::FailureCount);
    rig.wait_out();
    drop(rig.acquire());
    let probes = rig.seen().probes;
    assert_eq!((probes.in_flight, probes.failed), (0, 1));
    drop(rig.acquire());
    assert_eq!(rig.cause(), Cause::ProbeFailed);
    assert_eq!(
        (rig.seen().totals.failures, rig.seen().totals.cancelled),
        (4, 0)
    );
}

#[test]
fn one_not_made_a_failure_is_cancelled() {
    let rig = Rig::new(|builder| {
        builder
            .consecutive_failures(1)
            .on_cancel(OnCancel::FailureIfSlow)
    });
    drop(rig.acquire());
    assert_eq!(
        (rig.state(), rig.seen().totals.cancelled),
        (State::Closed, 1)
    );
    rig.round();
    drop(rig.acquire());
    let probe = rig.acquire();
    rig.wait(ms(3) + ns(1));
    drop(probe);
    assert_eq!(
        (rig.state(), rig.cause()),
        (State::Open, Cause::ProbeFailed)
    );
    assert_eq!(
        (rig.seen().totals.failures, rig.seen().totals.cancelled),
        (1, 2)
    );
}

#[test]
fn consecutive_failures_stay_tripped_by_the_failure_that_completed_the_run() {
    // "whatever comes after it": a success that was under way is late
    let rig = Rig::run_of_three();
    let under_way = rig.acquire();
    rig.fail(3);
    under_way.success();
    assert_eq!((rig.state(), rig.seen().totals.late), (State::Open, 1));
}

impl Rig {
    /// The first of these begins the round.
    fn probe_through(&self, outcomes: &[Outcome]) {
        outcomes.iter().for_each(|outcome| self.end(*outcome));
        assert_eq!(self.state(), State::Open);
    }

    fn round_again(&self) {
        assert!(self.controller.reset());
        self.round();
    }
}
