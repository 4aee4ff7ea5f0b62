//! A breaker on a manual clock, and short words for what is done with it.

use std::time::Duration;

use tripcoil::call::OwnedPermit;
use tripcoil::observe::Counts;
use tripcoil::{
    Backoff, Breaker, Builder, Cause, Controller, FailureKind, HalfOpen, ManualClock, Observer,
    Outcome, Rejected, Snapshot, State, Transition,
};

pub(crate) const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

pub(crate) const fn ns(n: u64) -> Duration {
    Duration::from_nanos(n)
}

pub(crate) const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

pub(crate) const SERVER: Outcome = Outcome::Failure(FailureKind::Server);

/// What `Rig::new` calls slow.
pub(crate) const LIMIT: Duration = ms(3);

pub(crate) struct Rig {
    pub(crate) breaker: Breaker,
    pub(crate) controller: Controller,
    pub(crate) observer: Observer,
    pub(crate) clock: ManualClock,
}

impl Rig {
    /// Trips at three failures in a row, opens for 10 ms, 20 ms, 40 ms and so on up to 80 ms,
    /// closes after two successes one by one, has 50 ms of patience with a probe, and ten buckets
    /// of a second; what the test is about, it names itself.
    pub(crate) fn new(about: impl FnOnce(Builder) -> Builder) -> Rig {
        Rig::on(ManualClock::new(), about)
    }

    pub(crate) fn on(clock: ManualClock, about: impl FnOnce(Builder) -> Builder) -> Rig {
        let builder = Breaker::builder("rig")
            .clock(&clock)
            .no_failure_rules()
            .slow_call(LIMIT)
            .open_for(Backoff::exponential(ms(10), 2.0).max(ms(80)))
            .half_open(HalfOpen::successes(2).probe_timeout(ms(50)));
        let (breaker, controller) = about(builder).build_with_controller().expect("valid");
        Rig {
            observer: breaker.observer(),
            breaker,
            controller,
            clock,
        }
    }

    /// With the run of three, and nothing else.
    pub(crate) fn run_of_three() -> Rig {
        Rig::new(|builder| builder.consecutive_failures(3))
    }

    pub(crate) fn acquire(&self) -> OwnedPermit {
        self.breaker.try_acquire_owned().expect("admitted")
    }

    pub(crate) fn rejected(&self) -> Rejected {
        self.breaker.try_acquire().map(drop).expect_err("rejected")
    }

    /// A call that takes no time.
    pub(crate) fn end(&self, outcome: Outcome) {
        self.acquire().record(outcome);
    }

    pub(crate) fn ends(&self, outcomes: &[Outcome]) {
        outcomes.iter().for_each(|outcome| self.end(*outcome));
    }

    pub(crate) fn ok(&self, times: usize) {
        (0..times).for_each(|_| self.end(Outcome::Success));
    }

    pub(crate) fn fail(&self, times: usize) {
        (0..times).for_each(|_| self.end(SERVER));
    }

    /// A call that takes longer than the limit, by its own account.
    pub(crate) fn slow(&self, outcome: Outcome) {
        self.acquire().record_timed(outcome, LIMIT + ns(1));
    }

    pub(crate) fn wait(&self, span: Duration) {
        self.clock.advance(span);
    }

    pub(crate) fn state(&self) -> State {
        self.breaker.state()
    }

    pub(crate) fn seen(&self) -> Snapshot {
        self.observer.snapshot()
    }

    pub(crate) fn last(&self) -> Transition {
        *self.observer.history().last().expect("an event")
    }

    pub(crate) fn cause(&self) -> Cause {
        self.last().cause
    }

    /// What is left of `Open`.
    pub(crate) fn rest(&self) -> Duration {
        self.seen().retry_after.expect("open")
    }

    /// To the end of `Open`, and not a nanosecond further.
    pub(crate) fn wait_out(&self) {
        self.wait(self.rest());
    }

    /// A round under way, by the operator's hand, with no probe yet.
    pub(crate) fn round(&self) {
        assert!(self.controller.half_open());
        assert_eq!(self.state(), State::HalfOpen);
    }

    /// One probe to the end.
    pub(crate) fn probe(&self, outcome: Outcome) {
        assert_eq!(self.state(), State::HalfOpen);
        self.end(outcome);
    }
}

pub(crate) fn counts(successes: u64, failures: u64, slow: u64) -> Counts {
    let mut counts = Counts::default();
    counts.calls = successes + failures;
    counts.successes = successes;
    counts.failures = failures;
    counts.slow = slow;
    counts
}

pub(crate) const OVERRIDES: [State; 3] = [State::ForcedOpen, State::Disabled, State::ObserveOnly];

/// The operator's way into an override.
pub(crate) fn order(controller: &Controller, state: State) -> bool {
    match state {
        State::ForcedOpen => controller.force_open(),
        State::Disabled => controller.disable(),
        State::ObserveOnly => controller.observe_only(),
        other => panic!("{other:?} is no override"),
    }
}

/// In the state, by the shortest way.
pub(crate) fn rig_in(state: State) -> Rig {
    let rig = Rig::run_of_three();
    match state {
        State::Closed => {}
        State::Open => rig.fail(3),
        State::HalfOpen => rig.round(),
        state => assert!(order(&rig.controller, state)),
    }
    assert_eq!(rig.state(), state);
    rig
}
