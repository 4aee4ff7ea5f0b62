//! Windows in the engine's units, configurations that are equal, and the values in force.

use super::*;

#[test]
fn windows_have_their_geometry() {
    let geometry = Window::default().geometry();
    let width = 1_000_000_000;
    assert_eq!(geometry, Geometry::Time { width, buckets: 10 });
    let width = 250_000_000;
    let quarter = Window::time(Duration::from_secs(1)).buckets(4).geometry();
    assert_eq!(quarter, Geometry::Time { width, buckets: 4 });
    assert_eq!(Window::count(7).geometry(), Geometry::Count(7));
    // Refused by validation; here only to show that it is harmless.
    let none = Window::time(Duration::MAX).buckets(0).geometry();
    assert_eq!(
        none,
        Geometry::Time {
            width: 0,
            buckets: 0
        }
    );
}

/// Breakers whose configurations are the same share their rules.
#[cfg(feature = "std")]
#[test]
fn configurations_are_the_same_if_nothing_differs() {
    let second = Duration::from_secs(1);
    let changes: [fn(&mut Config); 15] = [
        |_| {},
        |c| c.window = Window::count(9),
        |c| c.failure_rate = None,
        |c| c.min_throughput = Some(7),
        |c| c.slow_call = Some(Duration::from_secs(1)),
        |c| c.slow_rate = Some(0.5),
        |c| c.consecutive_failures = Some(6),
        |c| c.failure_count = Some(6),
        |c| c.open_for = Backoff::constant(Duration::from_secs(1)),
        |c| c.half_open = HalfOpen::successes(3),
        |c| c.on_cancel = OnCancel::Failure,
        |c| c.durations = true,
        |c| c.history = 5,
        |c| c.clock = crate::ManualClock::new().into(),
        |c| c.initial_state = State::Open,
    ];
    let all = changes.map(|change| {
        let mut config = Config::default();
        change(&mut config);
        config
    });
    for (i, one) in all.iter().enumerate() {
        for (k, other) in all.iter().enumerate() {
            assert_eq!(one == &other.clone(), i == k, "{one:?} {other:?}");
        }
        assert_eq!(one.hash(), one.clone().hash());
    }
    // different for most
    let hashes: std::collections::BTreeSet<u64> = all.iter().map(Config::hash).collect();
    assert!(hashes.len() >= 6, "{hashes:?}");
    let other_base = Config {
        open_for: Backoff::exponential(second, 2.0),
        ..Config::default()
    };
    assert_ne!(other_base, all[0]);
}

#[test]
fn the_throughput_in_force_fits_the_window() {
    let of = |window: Window, min_throughput| {
        let config = Config {
            window,
            min_throughput,
            ..Config::default()
        };
        config.min_throughput_in_force()
    };
    assert_eq!(of(Window::default(), None), 5);
    assert_eq!(of(Window::count(3), None), 3);
    assert_eq!(of(Window::count(30), None), 5);
    assert_eq!(of(Window::count(30), Some(20)), 20);
}

#[test]
fn the_probes_in_force_are_those_named_or_those_of_the_round() {
    assert_eq!(HalfOpen::successes(4).max_probes_in_force(), 1);
    assert_eq!(HalfOpen::rate(4, 0.5).max_probes_in_force(), 4);
    assert_eq!(
        HalfOpen::rate(4, 0.5).max_probes(2).max_probes_in_force(),
        2
    );
    assert_eq!(
        HalfOpen::successes(4).max_probes(3).max_probes_in_force(),
        3
    );
}
