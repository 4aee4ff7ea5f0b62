use super::*;
use alloc::format;

#[test]
fn a_manual_clock_is_shared_and_stops_at_its_end() {
    let manual = ManualClock::new();
    let clocks = [Clock::from(&manual), Clock::from(manual.clone())];
    manual.advance(Duration::from_nanos(7));
    assert!(clocks.iter().all(|clock| clock.nanos() == 7));
    assert_eq!(clocks[0].resolution(), 1);
    assert_eq!(format!("{manual:?}"), "ManualClock(7ns)");
    assert_eq!(
        format!("{:?}", clocks[0]),
        "Clock(Manual(ManualClock(7ns)))"
    );
    manual.advance(Duration::MAX);
    manual.advance(Duration::from_secs(1));
    assert_eq!(manual.now(), Duration::from_nanos(LAST));
}

#[test]
fn long_durations_saturate() {
    assert_eq!(saturating_nanos(Duration::from_nanos(u64::MAX)), u64::MAX);
    assert_eq!(saturating_nanos(Duration::MAX), u64::MAX);
    assert_eq!(saturating_nanos(Duration::from_micros(3)), 3000);
}

#[cfg(feature = "std")]
#[test]
fn system_clocks_move_with_the_time() {
    for clock in [Clock::coarse(), Clock::upkeep(), Clock::precise()] {
        assert_eq!(clock.start(), Ok(()));
        assert!(clock.missing().is_none() && clock.resolution() >= 1);
        // Both are true of any system, however busy: a sleep is never shorter than asked, and
        // a clock lags at most by its resolution and what its thread was kept waiting.
        let (wall, start) = (std::time::Instant::now(), clock.nanos());
        let asked = Duration::from_nanos(20 * clock.resolution()).max(Duration::from_millis(20));
        let mut moved = 0;
        while moved < saturating_nanos(asked) {
            std::thread::sleep(Duration::from_millis(1));
            let now = clock.nanos();
            assert!(now >= start + moved, "{clock:?} went back");
            moved = now - start;
            assert!(
                wall.elapsed() < Duration::from_secs(60),
                "{clock:?} stands still"
            );
        }
        let lag = Duration::from_nanos(clock.resolution()) + Duration::from_millis(1);
        let passed = wall.elapsed() + lag;
        // The upkeep thread may have been late with its first reading, not with its last.
        if !matches!(clock.0, Source::Upkeep) {
            assert!(moved <= saturating_nanos(passed), "{clock:?} runs ahead");
        }
    }
}

#[cfg(feature = "std")]
#[test]
fn one_thread_publishes_however_many_ask() {
    let clock = Clock::upkeep();
    for _ in 0..3 {
        assert_eq!(clock.start(), Ok(()));
    }
    let (published, precise) = (clock.nanos(), Clock::precise().nanos());
    assert!(published <= precise);
    // Published when it was started, if never since.
    assert!(precise - published < saturating_nanos(Duration::from_secs(60)));
}

#[cfg(not(feature = "std"))]
#[test]
fn without_std_there_is_no_default() {
    assert_eq!(Clock::default().missing(), Some("unset"));
    assert_eq!(Clock::from(ManualClock::new()).missing(), None);
    assert_eq!(Clock::custom(|| Duration::ZERO).missing(), None);
}
