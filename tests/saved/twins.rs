//! A breaker that goes on, and one that was restored from it, in lock step.

use crate::strategies::{Op, Rig, cases, configs, ms, nanos, scripts, wall};
use proptest::prelude::*;
use std::time::Duration;
use tripcoil::saved::{Age, Restored, RestoredWindow, Saved};
use tripcoil::{Backoff, Breaker, Config, HalfOpen, ManualClock, Snapshot, State, Transition};

fn rig(config: &Config, clock: ManualClock) -> Rig {
    let config = Config {
        clock: (&clock).into(),
        ..config.clone()
    };
    let (breaker, controller) = Breaker::builder("twin")
        .config(config)
        .build_with_controller()
        .unwrap();
    Rig {
        breaker,
        controller,
        clock,
    }
}

fn restored(
    config: &Config,
    clock: ManualClock,
    saved: &Saved,
    after: Duration,
) -> (Rig, Restored) {
    let config = Config {
        clock: (&clock).into(),
        initial_state: State::Closed,
        ..config.clone()
    };
    let (breaker, controller) = Breaker::builder("twin")
        .config(config)
        .restore_at(saved.clone(), wall() + after)
        .build_with_controller()
        .unwrap();
    let report = controller.restored().unwrap().unwrap();
    let rig = Rig {
        breaker,
        controller,
        clock,
    };
    (rig, report)
}

/// Without the outage rule and the hang rule, whose score and watch begin anew when a breaker is restored; without
/// adaptive waits, which begin anew to count the calls that are rejected; and without a ramp, after which a round
/// begins anew.
fn without_adaptive_rules(mut config: Config) -> Config {
    if config.outage.take().is_some() | config.hang.take().is_some() {
        config.consecutive_failures.get_or_insert(3);
    }
    if format!("{:?}", config.open_for).contains("adaptive: true") {
        config.open_for = Backoff::default();
    }
    if format!("{:?}", config.half_open).contains("ramp: Some") {
        config.half_open = HalfOpen::default();
    }
    config
}

/// All that can be seen. How long a state has lasted is told as far back as the clock goes.
fn seen(rig: &Rig, past: Duration) -> Snapshot {
    let mut s = rig.breaker.observer().snapshot();
    s.time_in_state = s.time_in_state.min(past);
    // which no saved state has
    s.durations = None;
    s.last_opening = s.last_opening.map(|mut t| {
        // by a clock of its own, and maybe from before that began
        t.at = Duration::ZERO;
        t.open_until = None;
        t.failure = None;
        t
    });
    s
}

/// The transitions since then, and when after it.
fn since(rig: &Rig, generation: u64, then: Duration) -> Vec<Transition> {
    let history = rig.breaker.observer().history().into_iter();
    let own = history.filter(|t| t.generation > generation);
    own.map(|mut t| {
        t.at -= then;
        t.open_until = t.open_until.map(|until| until - then);
        t
    })
    .collect()
}

/// One that is saved, and restored by the same clock.
fn restarted(config: &Config, rig: &Rig) -> Rig {
    let saved = rig.controller.save_at(wall());
    restored(config, rig.clock.clone(), &saved, Duration::ZERO).0
}

proptest! {
    #![proptest_config(cases())]

    /// Whatever the state, and whatever it needs to be left.
    #[test]
    fn a_restart_after_each_operation_changes_nothing(
        mut config in configs().prop_map(without_adaptive_rules), script in scripts(), begun in 0..200_000u64,
    ) {
        config.open_for = config.open_for.seed(7);
        let clock = ManualClock::new();
        clock.advance(ms(begun));
        let other = ManualClock::new();
        other.advance(ms(begun));
        let (old, mut new) = (rig(&config, clock), rig(&config, other));
        for op in script {
            // which looks at the round's times, and they begin anew
            if matches!(op, Op::Cancel) && old.breaker.state() == State::HalfOpen {
                continue;
            }
            prop_assert_eq!(new.step(op), old.step(op), "{:?}", op);
            new = restarted(&config, &new);
            prop_assert_eq!(seen(&new, Duration::MAX), seen(&old, Duration::MAX), "{:?}", op);
        }
    }

    /// Each by a clock of its own, which differ by whole milliseconds, since that is what moments are
    /// rounded up to; and some time after.
    #[test]
    fn a_restored_breaker_does_as_the_first_would_have(
        mut config in configs().prop_map(without_adaptive_rules), first in scripts(), then in scripts(),
        begun in 0..200_000u64, again in 0..200_000u64, long in any::<bool>(),
        off in prop_oneof![Just(0), 0..5_000_000_000u64, 0..1u64 << 40],
    ) {
        // without a seed, each breaker's jitter is its own
        config.open_for = config.open_for.seed(7);
        if !long {
            // a clock that does not reach back cannot tell how long the breaker was closed
            config.open_for = config.open_for.reset_after(Duration::ZERO);
        }
        let clock = ManualClock::new();
        clock.advance(ms(begun));
        let old = rig(&config, clock);
        for op in first {
            let _ = old.step(op);
        }
        let saved = old.controller.save_at(wall());
        old.clock.advance(nanos(off));
        let now = old.clock.now();
        let clock = ManualClock::new();
        let far = if long { 1_000_000_000 } else { 0 };
        clock.advance(ms(again + far) + nanos(u64::from(now.subsec_nanos()) % 1_000_000));
        let past = clock.now();
        let (new, report) = restored(&config, clock, &saved, nanos(off));
        let before = old.breaker.observer().snapshot();
        prop_assert_eq!(report.age, Age::Of(nanos(off)));
        prop_assert_eq!(report.state, before.state);
        prop_assert_ne!(report.window, RestoredWindow::Reshaped);
        if report.window == RestoredWindow::Expired {
            prop_assert_eq!(before.window.calls, 0);
        }
        prop_assert_eq!(seen(&new, past), seen(&old, past));
        for op in then {
            // a cancellation looks at the round's times, which began anew
            let same_round = new.breaker.observer().snapshot().generation == before.generation;
            if matches!(op, Op::Cancel) && same_round && before.state == State::HalfOpen {
                continue;
            }
            prop_assert_eq!(new.step(op), old.step(op), "{:?}", op);
            prop_assert_eq!(seen(&new, past), seen(&old, past), "{:?}", op);
        }
        let generation = before.generation;
        prop_assert_eq!(since(&new, generation, past), since(&old, generation, now));
    }
}
