//! A bound on how many breakers may be tripped at once, against a naive model of it.

use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::select;
use tripcoil::registry::{Registry, RegistryController};
use tripcoil::{Breaker, Builder, Cause, Hang, ManualClock, Outage, State, Window};

use crate::{Key, fail, succeed};

type Built = (Registry<Key>, RegistryController<Key>);

fn bounded(share: f64, keys: Key, rules: fn(Builder) -> Builder) -> (Built, ManualClock) {
    let clock = ManualClock::new();
    let of = clock.clone();
    let builder = Registry::builder(move |key: &Key| {
        let builder = Breaker::builder(format!("key-{key}")).clock(&of);
        rules(builder.no_failure_rules().open_for(Duration::from_secs(60)))
    });
    let built = builder
        .max_tripped(share)
        .expect("a share")
        .build_with_controller();
    for key in 0..keys {
        built.0.with(&key, |_| ()).expect("valid");
    }
    (built, clock)
}

fn state(registry: &Registry<Key>, key: Key) -> State {
    registry.peek(&key).expect("there").state()
}

fn would_trip(registry: &Registry<Key>, key: Key) -> u64 {
    registry
        .peek(&key)
        .expect("there")
        .observer()
        .snapshot()
        .would_trip
}

#[test]
fn a_share_is_above_zero_and_at_most_one() {
    for share in [0.0, -0.5, 1.01, f64::NAN, f64::INFINITY] {
        let template = |key: &Key| Breaker::builder(key.to_string());
        let refused = Registry::builder(template)
            .max_tripped(share)
            .expect_err("no share");
        assert_eq!(refused.problems()[0].field, "max_tripped", "{share}");
    }
}

#[test]
fn a_trip_beyond_the_share_is_withheld_and_asked_for_again() {
    let ((registry, controller), _clock) = bounded(0.5, 4, |rules| rules.consecutive_failures(2));
    for key in 0..4 {
        fail(&registry, key);
        fail(&registry, key);
    }
    let states: Vec<_> = (0..4).map(|key| state(&registry, key)).collect();
    assert_eq!(
        states,
        [State::Open, State::Open, State::Closed, State::Closed]
    );
    let all = registry.aggregate();
    assert_eq!((all.withheld, all.would_trip), (2, 2));
    // the same run goes on, and is reported once
    fail(&registry, 2);
    assert_eq!(
        (state(&registry, 2), would_trip(&registry, 2)),
        (State::Closed, 1)
    );
    // room for one more: its next failure trips it
    assert!(controller.on(&0, |key| key.reset()).expect("valid"));
    assert_eq!(state(&registry, 2), State::Closed, "no outcome has asked");
    fail(&registry, 2);
    assert_eq!(state(&registry, 2), State::Open);
    let event = registry
        .peek(&2)
        .expect("there")
        .observer()
        .history()
        .pop()
        .expect("an event");
    assert_eq!(
        (event.cause, event.consecutive_failures),
        (Cause::ConsecutiveFailures, 4)
    );
    // and a success ends the run of the other, whose rule may become true again
    succeed(&registry, 3);
    fail(&registry, 3);
    fail(&registry, 3);
    assert_eq!(
        (state(&registry, 3), would_trip(&registry, 3)),
        (State::Closed, 2)
    );
    assert_eq!(registry.aggregate().withheld, 3);
}

#[test]
fn what_an_operator_trips_is_not_withheld_and_counts() {
    let ((registry, controller), clock) = bounded(0.5, 2, |rules| rules.consecutive_failures(1));
    assert!(controller.on(&0, |key| key.force_open()).expect("valid"));
    fail(&registry, 1);
    assert_eq!(state(&registry, 1), State::Closed);
    assert!(controller.on(&1, |key| key.trip()).expect("valid"));
    assert_eq!(state(&registry, 1), State::Open);
    // a round that fails is no trip: it goes on although the bound is passed
    clock.advance(Duration::from_secs(60));
    fail(&registry, 1);
    assert_eq!(state(&registry, 1), State::Open);
    assert_eq!(
        registry
            .peek(&1)
            .expect("there")
            .observer()
            .snapshot()
            .transitions,
        3
    );
}

#[test]
fn half_open_counts_as_tripped() {
    let ((registry, _controller), clock) = bounded(0.5, 2, |rules| rules.consecutive_failures(1));
    fail(&registry, 0);
    clock.advance(Duration::from_secs(60));
    succeed(&registry, 0);
    assert_eq!(state(&registry, 0), State::HalfOpen);
    fail(&registry, 1);
    assert_eq!(state(&registry, 1), State::Closed);
    succeed(&registry, 0);
    assert_eq!(state(&registry, 0), State::Closed);
    fail(&registry, 1);
    assert_eq!(state(&registry, 1), State::Open);
}

/// Of every rule: while the other key is open it is withheld, and afterwards it trips.
#[test]
fn every_rule_is_withheld() {
    let rules: [fn(Builder) -> Builder; 6] = [
        |rules| rules.consecutive_failures(3),
        |rules| rules.failure_count(3),
        |rules| rules.failure_rate(0.5).min_throughput(3),
        |rules| rules.window(Window::count(5)).failure_count(3),
        |rules| {
            rules
                .window(Window::count(5))
                .failure_rate(0.5)
                .min_throughput(3)
        },
        |rules| rules.outage(Outage::at(0.5)),
    ];
    for (which, rules) in rules.into_iter().enumerate() {
        let ((registry, controller), clock) = bounded(0.5, 2, rules);
        assert!(controller.on(&0, |key| key.trip()).expect("valid"));
        for _ in 0..30 {
            clock.advance(Duration::from_millis(20));
            fail(&registry, 1);
        }
        assert_eq!(state(&registry, 1), State::Closed, "rule {which}");
        assert_eq!(would_trip(&registry, 1), 1, "rule {which}");
        assert!(controller.on(&0, |key| key.reset()).expect("valid"));
        fail(&registry, 1);
        assert_eq!(state(&registry, 1), State::Open, "rule {which}");
        assert_eq!(registry.aggregate().withheld, 1, "rule {which}");
    }
}

#[test]
fn a_hang_is_withheld_and_found_again() {
    let rules: fn(Builder) -> Builder = |rules| {
        let rules = rules.consecutive_failures(1_000);
        rules.hang(Hang::after(Duration::from_millis(100)).starts(3))
    };
    let ((registry, controller), clock) = bounded(0.5, 2, rules);
    assert!(controller.on(&0, |key| key.trip()).expect("valid"));
    for _ in 0..30 {
        succeed(&registry, 1);
    }
    let breaker = registry.get(&1).expect("valid");
    let begin = |times: u32| {
        for _ in 0..times {
            clock.advance(Duration::from_millis(20));
            if let Ok(permit) = breaker.try_acquire_owned() {
                std::mem::forget(permit);
            }
        }
    };
    begin(100);
    assert_eq!(
        (breaker.state(), would_trip(&registry, 1)),
        (State::Closed, 1)
    );
    assert!(controller.on(&0, |key| key.reset()).expect("valid"));
    begin(1);
    assert_eq!(breaker.state(), State::Open);
    assert_eq!(breaker.observer().history()[0].cause, Cause::Hang);
}

#[test]
fn keys_that_go_take_their_trips_with_them() {
    let ((registry, controller), _clock) = bounded(0.5, 4, |rules| rules.consecutive_failures(1));
    fail(&registry, 0);
    fail(&registry, 1);
    assert!(controller.forget(&0) && controller.forget(&1));
    // of the two that are left, one may be tripped
    fail(&registry, 2);
    fail(&registry, 3);
    assert_eq!(
        (state(&registry, 2), state(&registry, 3)),
        (State::Open, State::Closed)
    );
    assert_eq!(registry.aggregate().withheld, 1);
}

#[test]
fn without_a_bound_all_trip() {
    let (registry, _controller) = crate::registry(100);
    (0..20).for_each(|key| crate::trip(&registry, key));
    assert_eq!(registry.aggregate().withheld, 0);
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Fail(Key),
    Succeed(Key),
    Reset(Key),
    Trip(Key),
    Force(Key),
    Observe(Key),
}

fn ops(keys: Key) -> impl Strategy<Value = Op> {
    let key = 0..keys;
    (key, select(vec![0, 0, 0, 0, 0, 1, 1, 2, 3, 4, 5])).prop_map(|(key, which)| match which {
        0 => Op::Fail(key),
        1 => Op::Succeed(key),
        2 => Op::Reset(key),
        3 => Op::Trip(key),
        4 => Op::Force(key),
        _ => Op::Observe(key),
    })
}

/// One key: its state, its run, and its failures in the window.
#[derive(Clone, Copy, Debug)]
struct Plain {
    state: State,
    run: u32,
    failures: u32,
    /// What was true at its last outcome.
    held: [bool; 2],
    would_trip: u64,
}

const FRESH: Plain = Plain {
    state: State::Closed,
    run: 0,
    failures: 0,
    held: [false; 2],
    would_trip: 0,
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Runs of two and counts of three, time standing still: so an open breaker stays open.
    #[test]
    fn a_registry_agrees_with_a_naive_model(
        keys in 1..8_u32,
        share in 0.01..=1.0_f64,
        ops in prop::collection::vec(ops(8), 1..150),
        count_window: bool,
    ) {
        let rules: fn(Builder) -> Builder = if count_window {
            |rules| rules.window(Window::count(1_000)).consecutive_failures(2).failure_count(3)
        } else {
            |rules| rules.consecutive_failures(2).failure_count(3)
        };
        let ((registry, controller), _clock) = bounded(share, keys, rules);
        let mut model = vec![FRESH; keys as usize];
        let mut withheld = 0;
        for op in ops {
            let (Op::Fail(key) | Op::Succeed(key) | Op::Reset(key) | Op::Trip(key) | Op::Force(key) | Op::Observe(key)) = op;
            let key = key % keys;
            let tripped = |plain: &Plain| matches!(plain.state, State::Open | State::ForcedOpen);
            let more = model.iter().filter(|plain| tripped(plain)).count() + 1;
            let full = more as f64 / f64::from(keys) > share;
            let plain = &mut model[key as usize];
            let operate = |operation: fn(&tripcoil::Controller) -> bool| {
                controller.on(&key, operation).expect("valid")
            };
            match op {
                Op::Reset(_) => {
                    operate(|key| key.reset());
                    *plain = Plain { would_trip: plain.would_trip, ..FRESH };
                }
                Op::Trip(_) => {
                    if operate(|key| key.trip()) {
                        plain.state = State::Open;
                    }
                }
                Op::Force(_) => {
                    operate(|key| key.force_open());
                    plain.state = State::ForcedOpen;
                }
                Op::Observe(_) => {
                    if operate(|key| key.observe_only()) {
                        *plain = Plain { state: State::ObserveOnly, would_trip: plain.would_trip, ..FRESH };
                    }
                }
                Op::Fail(_) | Op::Succeed(_) => {
                    let failed = matches!(op, Op::Fail(_));
                    let _ = registry.call(&key, || if failed { Err(()) } else { Ok(()) });
                    if matches!(plain.state, State::Closed | State::ObserveOnly) {
                        plain.run = if failed { plain.run + 1 } else { 0 };
                        plain.failures += u32::from(failed);
                        let holds = [plain.run >= 2, plain.failures >= 3];
                        if plain.state == State::Closed && holds.contains(&true) && !full {
                            plain.state = State::Open;
                        } else {
                            let rising = holds.iter().zip(plain.held).filter(|(now, was)| **now && !was).count() as u64;
                            plain.would_trip += rising;
                            withheld += if plain.state == State::Closed { rising } else { 0 };
                            plain.held = holds;
                        }
                    }
                }
            }
            let seen = registry.peek(&key).expect("there").observer().snapshot();
            let plain = &model[key as usize];
            prop_assert_eq!((seen.state, seen.would_trip), (plain.state, plain.would_trip), "{:?}", op);
        }
        prop_assert_eq!(registry.aggregate().withheld, withheld);
    }
}

/// Threads that fail all keys at once: with n of them, the bound is passed by n - 1 at most, and what is counted
/// comes out even in the end.
#[test]
fn racing_trips_pass_the_bound_by_no_more_than_those_under_way() {
    const THREADS: u32 = 4;
    for _ in 0..20 {
        let ((registry, controller), _clock) =
            bounded(0.25, 40, |rules| rules.consecutive_failures(1));
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let registry = &registry;
                scope.spawn(move || {
                    (0..40).for_each(|at| {
                        let _ = registry.call(&((at * 7 + thread * 11) % 40), || Err::<(), _>(()));
                    })
                });
            }
        });
        let open = registry.aggregate().in_state(State::Open);
        assert!((10..10 + THREADS as usize).contains(&open), "{open}");
        controller.reset_all();
        (0..40).for_each(|key| fail(&registry, key));
        assert_eq!(registry.aggregate().in_state(State::Open), 10);
    }
}

fn calls(registry: &Registry<Key>, key: Key, good: u32, bad: u32) {
    (0..good).for_each(|_| succeed(registry, key));
    (0..bad).for_each(|_| fail(registry, key));
}

#[test]
fn an_outlier_is_found_against_the_others() {
    let ((registry, controller), _clock) = bounded(1.0, 5, |rules| rules.failure_count(10_000));
    calls(&registry, 0, 950, 50);
    calls(&registry, 1, 940, 60);
    calls(&registry, 2, 700, 300);
    calls(&registry, 3, 3, 1);
    let outliers = registry.outliers(20);
    let keys: Vec<_> = outliers.iter().map(|one| one.key).collect();
    assert_eq!(
        keys,
        [2, 1, 0],
        "neither the idle one nor the one with few calls"
    );
    let worst = &outliers[0];
    assert_eq!((worst.calls, worst.failure_rate), (1_000, 0.3));
    assert!((worst.others - 111.0 / 2_004.0).abs() < 1e-12, "{worst:?}");
    // by hand: p = 411 / 3004, se = sqrt(p (1 - p) (1/1000 + 1/2004)), z = (0.3 - 0.05539) / se
    assert!((worst.z - 18.385).abs() < 0.001, "{worst:?}");
    assert!(outliers[1].z < 0.0 && outliers[2].z < outliers[1].z);
    // one that is open shows what it was when it opened
    assert!(controller.on(&2, |key| key.trip()).expect("valid"));
    assert_eq!(registry.outliers(20)[0].state, State::Open);
}

#[test]
fn alike_keys_are_no_outliers() {
    for (good, bad) in [(10, 0), (0, 10), (5, 5)] {
        let ((registry, _controller), _clock) =
            bounded(1.0, 3, |rules| rules.failure_count(10_000));
        (0..3).for_each(|key| calls(&registry, key, good, bad));
        assert!(registry.outliers(0).iter().all(|one| one.z == 0.0));
    }
    let ((registry, _controller), _clock) = bounded(1.0, 1, |rules| rules.failure_count(10_000));
    assert!(registry.outliers(0).is_empty(), "no calls");
    calls(&registry, 0, 1, 9);
    let alone = &registry.outliers(0)[0];
    assert_eq!((alone.z, alone.others), (0.0, 0.0));
}

/// What outlives its registry goes on without the bound.
#[test]
fn a_breaker_that_outlives_its_registry_trips() {
    let ((registry, controller), _clock) = bounded(0.5, 3, |rules| rules.consecutive_failures(2));
    let breaker = registry.get(&0).expect("valid");
    drop((registry, controller));
    for _ in 0..2 {
        let _ = breaker.call(|| Err::<(), _>(()));
    }
    assert_eq!(breaker.state(), State::Open);
}

/// While it is withheld, the edges of a rate are found as they come, both ways, whatever it costs.
#[test]
fn a_rate_that_falls_and_rises_while_withheld_is_reported_each_time() {
    let rules: fn(Builder) -> Builder = |rules| rules.failure_rate(0.5).min_throughput(4);
    let ((registry, controller), _clock) = bounded(0.5, 2, rules);
    assert!(controller.on(&0, |key| key.trip()).expect("valid"));
    for times in 1..=5 {
        // from below a half to a half and more, and back
        let window = |registry: &Registry<Key>| {
            registry
                .peek(&1)
                .expect("there")
                .observer()
                .snapshot()
                .window
        };
        while window(&registry).calls < 4
            || 2 * window(&registry).failures < window(&registry).calls
        {
            fail(&registry, 1);
        }
        assert_eq!(would_trip(&registry, 1), times);
        (0..6).for_each(|_| fail(&registry, 1));
        assert_eq!(would_trip(&registry, 1), times, "it is true still");
        while 2 * window(&registry).failures >= window(&registry).calls {
            succeed(&registry, 1);
        }
        succeed(&registry, 1);
    }
    assert_eq!(state(&registry, 1), State::Closed);
}
