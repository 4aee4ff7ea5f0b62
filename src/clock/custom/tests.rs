use super::*;
use crate::clock::Clock;
use alloc::format;
use alloc::sync::Arc;

/// What its tests set, in steps of 10 ns.
struct Set(Arc<Counter>);

impl TimeSource for Set {
    fn now(&self) -> Duration {
        match self.0.get() {
            u64::MAX => Duration::MAX,
            nanos => Duration::from_nanos(nanos),
        }
    }

    fn resolution(&self) -> Duration {
        Duration::from_nanos(10)
    }
}

#[test]
fn a_custom_clock_moves_in_steps_and_never_back() {
    let said = Arc::new(Counter::new(0));
    let clock = Clock::custom(Set(said.clone()));
    let same = clock.clone();
    assert_eq!(clock.resolution(), 10);
    assert_eq!(format!("{clock:?}"), "Clock(Custom(10ns))");
    for (now, told) in [(7, 0), (10, 10), (39, 30), (12, 30), (0, 30), (40, 40)] {
        said.set(now);
        assert_eq!((clock.nanos(), same.nanos()), (told, told), "at {now}");
        assert_eq!(clock.stopwatch(), now, "no step");
    }
    assert_eq!(clock.unseen(), 9);
    said.set(u64::MAX);
    assert_eq!(clock.nanos(), LAST - LAST % 10);
    said.set(41);
    assert_eq!(clock.nanos(), LAST - LAST % 10, "it stops at its end");
}

#[test]
fn a_source_without_a_resolution_has_the_finest() {
    struct Coarsest(Duration);
    impl TimeSource for Coarsest {
        fn now(&self) -> Duration {
            Duration::from_nanos(3)
        }
        fn resolution(&self) -> Duration {
            self.0
        }
    }
    let of = |resolution| Clock::custom(Coarsest(resolution));
    assert_eq!(of(Duration::ZERO).resolution(), 1);
    assert_eq!(of(Duration::ZERO).nanos(), 3);
    assert_eq!(of(Duration::MAX).resolution(), u64::MAX);
    assert_eq!(of(Duration::MAX).nanos(), 0);
    assert_eq!(Clock::custom(|| Duration::from_nanos(5)).resolution(), 1);
}

#[cfg(feature = "std")]
#[test]
fn threads_that_read_a_source_see_it_go_on_alone() {
    // a source that goes back all the time
    let ticks = Arc::new(Counter::new(0));
    let source = ticks.clone();
    let clock = Clock::custom(move || {
        let n = source.next();
        Duration::from_nanos(if n.is_multiple_of(3) { n / 2 } else { n })
    });
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut last = 0;
                for _ in 0..20_000 {
                    let now = clock.nanos();
                    assert!(now >= last);
                    last = now;
                }
            });
        }
    });
    assert!(clock.nanos() <= ticks.get());
}

#[cfg(feature = "std")]
#[test]
fn only_clones_of_a_custom_clock_tell_the_same_time() {
    let one = Clock::custom(|| Duration::ZERO);
    let other = Clock::custom(|| Duration::ZERO);
    assert!(one == one.clone() && one != other);
    assert_ne!(one, Clock::coarse());
}
