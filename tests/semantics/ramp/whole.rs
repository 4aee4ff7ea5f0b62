//! The adaptive breaker, from an outage to closed.

use std::time::Duration;

use tripcoil::{
    Backoff, Breaker, Cause, Config, FailureKind, HalfOpen, Hang, ManualClock, Outage, Ramp, State,
    Transition, Window,
};

use crate::common::{SERVER, counts, ms, secs};

/// A dependency, and the breaker in front of it: a call each millisecond.
struct Path {
    breaker: Breaker,
    up: bool,
}

impl Path {
    fn new(name: &str, clock: &ManualClock) -> Path {
        let breaker = Breaker::adaptive(name).clock(clock).build();
        Path {
            breaker: breaker.expect("valid"),
            up: true,
        }
    }

    /// Whether the call was let through.
    fn call(&self) -> bool {
        let Ok(permit) = self.breaker.try_acquire() else {
            return false;
        };
        match self.up {
            true => permit.success(),
            false => permit.failure(FailureKind::Server),
        }
        true
    }

    fn is(&self, state: State) -> bool {
        self.breaker.state() == state
    }

    fn share(&self) -> f64 {
        self.breaker.observer().snapshot().admitted_share
    }

    fn last(&self) -> Transition {
        *self.breaker.observer().history().last().expect("an event")
    }

    fn causes(&self) -> Vec<Cause> {
        let history = self.breaker.observer().history();
        history.iter().map(|event| event.cause).collect()
    }
}

#[test]
fn two_adaptive_breakers_follow_an_outage_each() {
    let clock = ManualClock::new();
    let (mut short, mut long) = (Path::new("short", &clock), Path::new("long", &clock));
    // a call each millisecond, until one path is there; how many each let through
    let until = |paths: [&Path; 2], is_there: &dyn Fn() -> bool| {
        let mut passed = [0; 2];
        for _ in 0..10_000 {
            if is_there() {
                return passed;
            }
            clock.advance(ms(1));
            for (path, passed) in paths.into_iter().zip(&mut passed) {
                *passed += u32::from(path.call());
            }
        }
        panic!("{:?} {:?}", figures(paths[0]), figures(paths[1]))
    };
    let at = |end: Duration| {
        let clock = &clock;
        move || clock.now() >= end
    };
    assert_eq!(until([&short, &long], &at(secs(3))), [3_000; 2]);
    (short.up, long.up) = (false, false);
    // 18 bad calls, in two ticks at least
    let passed = until([&short, &long], &|| short.is(State::Open));
    assert_eq!(passed[0], passed[1]);
    assert!((18..=41).contains(&passed[0]), "{passed:?}");
    for path in [&short, &long] {
        let event = path.last();
        assert_eq!(event.cause, Cause::Evidence);
        let wait = event.open_until.expect("open") - event.at;
        assert!((ms(125)..=ms(251)).contains(&wait), "{wait:?}");
    }

    short.up = true;
    let waits = short.last().open_until.expect("open");
    let passed = until([&short, &long], &at(waits - ms(1)));
    assert_eq!(passed[0], 0);
    let passed = until([&short, &long], &|| short.share() > 0.0);
    assert_eq!((passed[0], short.share()), (3, 0.25), "three probes");
    assert_eq!(clock.now(), waits + ms(2));
    let passed = until([&short, &long], &|| short.share() > 0.25);
    // of a hundred calls a quarter, and the one with which the credit begins; the last one began a step
    assert_eq!((passed[0], short.share()), (26, 0.75));
    let passed = until([&short, &long], &|| short.is(State::Closed));
    assert_eq!(passed[0], 75);
    assert_eq!(clock.now(), waits + ms(202));
    let causes = [Cause::Evidence, Cause::OpenElapsed, Cause::RampCompleted];
    assert_eq!(short.causes(), causes);
    assert_eq!(short.last().counts, counts(100, 0, 0));

    // the other one has lost a round, comes back, and breaks down again under a share of the calls
    until([&short, &long], &|| long.last().cause == Cause::ProbeFailed);
    long.up = true;
    until([&short, &long], &|| long.share() > 0.0);
    let begun = clock.now();
    let passed = until([&short, &long], &at(begun + ms(80)));
    assert_eq!(passed, [80, 21]);
    long.up = false;
    let passed = until([&short, &long], &|| long.is(State::Open));
    assert_eq!(long.last().cause, Cause::RampFailed);
    assert_eq!(long.last().counts, counts(21, u64::from(passed[1]), 0));
    // four in the rest of the step, whose score cuts the next one at once, and four more
    assert_eq!(passed[1], 8);
    long.up = true;
    until([&short, &long], &|| long.is(State::Closed));
    assert_eq!(long.last().cause, Cause::RampCompleted);
    assert!(short.is(State::Closed));
}

fn figures(path: &Path) -> (State, f64) {
    (path.breaker.state(), path.share())
}

#[test]
fn the_adaptive_breaker_is_a_configuration() {
    let adaptive = Config::adaptive();
    let outage = (adaptive.outage, adaptive.hang);
    assert_eq!(outage, (Some(Outage::default()), Some(Hang::default())));
    let rules = (adaptive.failure_rate, adaptive.consecutive_failures);
    assert_eq!(rules, (None, None));
    assert_eq!(
        (
            adaptive.failure_count,
            adaptive.slow_rate,
            adaptive.slow_call
        ),
        (None, None, None)
    );
    assert_eq!(adaptive.open_for, Backoff::adaptive());
    let round = HalfOpen::successes(3).ramp(Ramp::new());
    assert_eq!(adaptive.half_open, round);
    assert_eq!(adaptive.window, Window::default());
    assert!(adaptive.validate().is_ok());
    let clock = ManualClock::new();
    let built = Breaker::adaptive("db").clock(&clock).build();
    let breaker = built.expect("valid");
    (0..5).for_each(|_| breaker.try_acquire().expect("closed").record(SERVER));
    assert_eq!(breaker.state(), State::Closed, "no run of five");
}
