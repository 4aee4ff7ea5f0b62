//! Why a call was rejected.

use tripcoil::{Breaker, Cause, HalfOpen, ManualClock, Outage, Outcome, State, Window};

use crate::common::{Rig, SERVER, ms, secs};

impl Rig {
    /// What a rejected call is given for a reason, by each handle.
    fn why(&self) -> Option<Cause> {
        let cause = self.rejected().cause();
        let owned = self.breaker.try_acquire_owned().map(drop);
        let local = self.breaker.local();
        let local = local.try_acquire().map(drop);
        assert_eq!(
            (owned.unwrap_err().cause(), local.unwrap_err().cause()),
            (cause, cause)
        );
        cause
    }

    fn why_open(&self) -> Cause {
        assert_eq!(self.rejected().state(), State::Open);
        assert_eq!(self.why(), Some(self.cause()), "as the event says");
        self.cause()
    }
}

#[test]
fn a_rejection_names_the_rule_that_tripped() {
    let rig = Rig::run_of_three();
    rig.fail(3);
    assert_eq!(rig.why_open(), Cause::ConsecutiveFailures);

    for window in [Window::time(secs(10)), Window::count(8)] {
        let rig = Rig::new(|b| b.window(window.clone()).failure_count(2));
        rig.fail(2);
        assert_eq!(rig.why_open(), Cause::FailureCount);

        let rig = Rig::new(|b| b.window(window.clone()).failure_rate(0.5).min_throughput(2));
        rig.ends(&[SERVER, Outcome::Success]);
        assert_eq!(rig.why_open(), Cause::FailureRate);

        let rig = Rig::new(|b| b.window(window.clone()).slow_rate(0.5).min_throughput(2));
        rig.slow(Outcome::Success);
        rig.ok(1);
        assert_eq!(rig.why_open(), Cause::SlowRate);
    }

    let rig = Rig::new(|b| b.outage(Outage::at(0.5)));
    rig.fail(50);
    rig.wait(ms(20));
    rig.fail(1);
    assert_eq!(rig.why_open(), Cause::Evidence);
}

#[test]
fn after_a_lost_round_a_rejection_names_how_it_was_lost() {
    let rig = Rig::run_of_three();
    rig.fail(3);
    rig.wait_out();
    rig.end(SERVER);
    assert_eq!(rig.why_open(), Cause::ProbeFailed);
}

#[test]
fn the_acquire_that_ends_a_round_by_its_timeout_says_so() {
    let rig = Rig::run_of_three();
    rig.fail(3);
    rig.wait_out();
    let probe = rig.acquire();
    assert_eq!(rig.why(), None, "half-open: a probe is out");
    rig.wait(ms(50));
    let rejected = rig.rejected();
    let said = (rejected.state(), rejected.cause());
    assert_eq!(said, (State::Open, Some(Cause::ProbeTimeout)));
    assert_eq!(rig.why_open(), Cause::ProbeTimeout);
    drop(probe);
}

#[test]
fn too_many_cancelled_probes_are_named() {
    let round = HalfOpen::successes(1).probe_timeout(ms(50));
    let rig = Rig::new(|b| b.consecutive_failures(1).half_open(round));
    rig.fail(1);
    rig.wait_out();
    let probe = rig.acquire();
    rig.wait(ms(60));
    drop(probe);
    assert_eq!(rig.why_open(), Cause::ProbesCancelled);
}

#[test]
fn the_operators_hand_is_named_manual() {
    let rig = Rig::run_of_three();
    rig.fail(3);
    rig.controller.trip();
    assert_eq!(rig.why_open(), Cause::Manual);
    rig.controller.reset();
    rig.controller.trip_for(ms(7));
    assert_eq!(rig.why_open(), Cause::Manual);
    rig.controller.postpone(secs(1));
    assert_eq!(rig.why_open(), Cause::Manual);
    rig.controller.force_open();
    assert_eq!(rig.why(), Some(Cause::Manual));
    // a rule opens it, and the deadline is moved: the rule stays the cause
    rig.controller.release();
    rig.fail(3);
    assert!(rig.controller.postpone(secs(1)));
    assert_eq!(rig.why_open(), Cause::ConsecutiveFailures);
}

#[test]
fn built_open_or_forced_open_is_the_operators() {
    for state in [State::Open, State::ForcedOpen] {
        let clock = ManualClock::new();
        let builder = Breaker::builder("built").clock(&clock).initial_state(state);
        let (breaker, _controller) = builder.build_with_controller().expect("valid");
        let rejected = breaker.try_acquire().map(drop).expect_err("rejected");
        assert_eq!(
            (rejected.state(), rejected.cause()),
            (state, Some(Cause::Manual))
        );
    }
}

#[test]
fn the_text_of_a_rejection_has_its_cause() {
    let rig = Rig::run_of_three();
    rig.fail(3);
    assert_eq!(
        rig.rejected().to_string(),
        "the breaker is open (consecutive failures), retry after 10ms"
    );
    rig.wait_out();
    let _probe = rig.acquire();
    assert_eq!(rig.rejected().to_string(), "the breaker is half-open");
    rig.controller.force_open();
    assert_eq!(
        rig.rejected().to_string(),
        "the breaker is forced open (manual)"
    );
    assert!(size_of::<tripcoil::Rejected>() <= 16);
}
