//! How long `Open` lasts.

use std::time::Duration;

use tripcoil::{Backoff, FailureKind, HalfOpen, State, Window};

use crate::common::{Rig, SERVER, ms, ns, secs};

/// Trips at a single failure, and closes after a single success.
fn rig(backoff: Backoff) -> Rig {
    Rig::new(|builder| {
        builder
            .consecutive_failures(1)
            .open_for(backoff)
            .half_open(HalfOpen::successes(1))
    })
}

/// The waits of openings by failed probes, the first by a trip.
fn waits(rig: &Rig, times: usize) -> Vec<Duration> {
    let mut waits = Vec::new();
    for _ in 0..times {
        rig.fail(1);
        assert_eq!(rig.state(), State::Open);
        waits.push(rig.rest());
        rig.wait_out();
    }
    waits
}

#[test]
fn it_rises_by_the_factor_to_the_max() {
    let rig = rig(Backoff::exponential(ms(10), 3.0).max(ms(500)));
    let expected = [10, 30, 90, 270, 500, 500].map(ms);
    assert_eq!(waits(&rig, 6), expected);
}

#[test]
fn a_constant_stays() {
    assert_eq!(
        waits(&rig(Backoff::constant(ms(7))), 4),
        [7, 7, 7, 7].map(ms)
    );
}

#[test]
fn a_duration_is_a_constant_backoff() {
    assert_eq!(waits(&rig(ms(7).into()), 4), [7, 7, 7, 7].map(ms));
}

#[test]
fn max_is_ten_minutes_by_default_or_the_base_where_that_is_longer() {
    assert_eq!(
        waits(&rig(Backoff::exponential(secs(250), 2.0)), 3),
        [250, 500, 600].map(secs)
    );
    let long = rig(Backoff::exponential(secs(1_000), 2.0));
    assert_eq!(waits(&long, 3), [1_000, 1_000, 1_000].map(secs));
}

#[test]
fn any_close_resets_it_by_default() {
    let rig = rig(Backoff::exponential(ms(10), 2.0));
    assert_eq!(waits(&rig, 3), [10, 20, 40].map(ms));
    rig.ok(1);
    assert_eq!(rig.state(), State::Closed);
    assert_eq!(waits(&rig, 2), [10, 20].map(ms));
}

#[test]
fn only_a_close_that_lasted_for_reset_after_resets_it() {
    let rig = rig(Backoff::exponential(ms(10), 2.0).reset_after(ms(100)));
    assert_eq!(waits(&rig, 2), [10, 20].map(ms));
    rig.ok(1);
    rig.wait(ms(100) - ns(1));
    assert_eq!(waits(&rig, 1), [ms(40) + ns(1)]);
    rig.ok(1);
    rig.wait(ms(100));
    assert_eq!(waits(&rig, 1), [ms(10)]);
}

#[test]
fn a_close_that_ends_by_hand_counts_its_time_too() {
    let rig = rig(Backoff::exponential(ms(10), 2.0).reset_after(ms(100)));
    assert_eq!(waits(&rig, 2), [10, 20].map(ms));
    rig.ok(1);
    rig.wait(ms(100));
    rig.round();
    assert_eq!(waits(&rig, 1), [ms(10)]);
}

#[test]
fn each_way_of_opening_is_an_opening() {
    let rig = Rig::run_of_three();
    rig.fail(3);
    assert_eq!(rig.rest(), ms(10));
    assert!(rig.controller.trip());
    assert_eq!(rig.rest(), ms(20));
    // a trip for a time of its own counts as well
    assert!(rig.controller.trip_for(ms(5)));
    assert_eq!(rig.rest(), ms(5));
    rig.wait_out();
    rig.fail(1);
    // the fourth
    assert_eq!(rig.rest(), ms(80));
}

#[test]
fn it_is_rounded_to_the_nearest_nanosecond() {
    // 2 ms and 0.4 ns are 2 ms; 2 ms and 0.6 ns are a nanosecond more, and so 3 ms
    assert_eq!(
        waits(&rig(Backoff::exponential(ms(1), 2.000_000_4)), 2)[1],
        ms(2)
    );
    assert_eq!(
        waits(&rig(Backoff::exponential(ms(1), 2.000_000_6)), 2)[1],
        ms(3)
    );
}

#[test]
fn an_overflowing_power_is_the_max() {
    for (factor, max) in [(1e300, secs(5)), (f64::MAX, secs(86_400 * 365))] {
        let rig = rig(Backoff::exponential(ms(1), factor).max(max));
        assert_eq!(waits(&rig, 4), [ms(1), max, max, max]);
    }
}

#[test]
fn many_openings_stay_at_the_max() {
    let rig = rig(Backoff::exponential(ms(1), 1.01).max(ms(50)));
    let waits = waits(&rig, 2_000);
    assert!(waits.windows(2).all(|pair| pair[0] <= pair[1]));
    assert_eq!(waits[1_999], ms(50));
}

/// The waits of a thousand first openings.
fn first_waits(backoff: Backoff) -> Vec<Duration> {
    let rig = rig(backoff);
    (0..1_000)
        .map(|_| {
            assert!(rig.controller.trip());
            let rest = rig.rest();
            assert!(rig.controller.reset());
            rest
        })
        .collect()
}

#[test]
fn jitter_lies_within_its_range_and_uses_all_of_it() {
    let waits = first_waits(
        Backoff::constant(secs(100))
            .max(secs(1_000))
            .jitter(0.2)
            .seed(7),
    );
    let (least, most) = (waits.iter().min().unwrap(), waits.iter().max().unwrap());
    // rounded up to the millisecond
    assert!(
        *least >= secs(80) && *most <= secs(120) + ms(1),
        "{least:?} to {most:?}"
    );
    assert!(
        *least < secs(82) && *most > secs(118),
        "{least:?} to {most:?}"
    );
    let mean = waits.iter().sum::<Duration>() / 1_000;
    assert!(mean > secs(98) && mean < secs(102), "{mean:?}");
}

#[test]
fn jitter_is_capped_by_max_again() {
    let waits = first_waits(
        Backoff::constant(secs(100))
            .max(secs(100))
            .jitter(0.2)
            .seed(7),
    );
    assert!(waits.iter().all(|wait| *wait <= secs(100)));
    let capped = waits.iter().filter(|wait| **wait == secs(100)).count();
    assert!((300..700).contains(&capped), "{capped}");
}

#[test]
fn a_seed_makes_jitter_repeatable() {
    let backoff = |seed| Backoff::constant(secs(100)).jitter(0.5).seed(seed);
    // a thousand figures would be no help in a message
    assert!(first_waits(backoff(3)) == first_waits(backoff(3)));
    assert!(first_waits(backoff(3)) != first_waits(backoff(4)));
}

#[test]
fn without_a_seed_two_breakers_differ() {
    let backoff = || Backoff::constant(secs(100)).jitter(0.5);
    assert!(first_waits(backoff()) != first_waits(backoff()));
}

#[test]
fn neither_max_nor_jitter_touches_trip_for() {
    let rig = rig(Backoff::constant(ms(10)).max(ms(10)).jitter(0.9).seed(1));
    for wait in [ms(1), ms(9), secs(1), secs(86_400)] {
        assert!(rig.controller.trip_for(wait));
        assert_eq!(rig.rest(), wait);
    }
}

#[test]
fn trip_for_may_be_zero() {
    let rig = rig(Backoff::constant(ms(10)));
    assert!(rig.controller.trip_for(ns(0)));
    assert_eq!((rig.state(), rig.rest()), (State::Open, ns(0)));
    rig.ok(1);
    assert_eq!(rig.state(), State::Closed);
}

#[test]
fn a_failures_own_wait_lengthens_the_backoff_up_to_max_and_never_shortens_it() {
    for (own, wait) in [
        (0, 10),
        (1, 10),
        (9, 10),
        (10, 10),
        (11, 11),
        (80, 80),
        (81, 80),
        (10_000, 80),
    ] {
        let rig = Rig::run_of_three();
        rig.fail(2);
        rig.end(SERVER.with_retry_after(ms(own)));
        assert_eq!((rig.state(), rig.rest()), (State::Open, ms(wait)), "{own}");
    }
}

#[test]
fn no_jitter_touches_a_failures_own_wait() {
    let backoff = || Backoff::constant(ms(100)).jitter(0.9).seed(1);
    let (rig, twin) = (rig(backoff()), rig(backoff()));
    let (mut by_jitter, mut by_own) = (0, 0);
    for _ in 0..20 {
        rig.end(SERVER.with_retry_after(ms(120)));
        twin.end(SERVER);
        assert_eq!(rig.rest(), twin.rest().max(ms(120)));
        by_jitter += u32::from(rig.rest() == twin.rest());
        by_own += u32::from(rig.rest() == ms(120));
        assert!(rig.controller.reset() && twin.controller.reset());
    }
    assert!(by_jitter > 3 && by_own > 3, "{by_jitter} {by_own}");
}

#[test]
fn an_own_wait_is_an_opening_like_another() {
    let rig = Rig::run_of_three();
    rig.fail(2);
    rig.end(SERVER.with_retry_after(ms(15)));
    rig.wait_out();
    rig.fail(1);
    assert_eq!(rig.rest(), ms(20));
}

/// A dead server that answers 503 at once, and says "retry after 0 s" each time.
#[test]
fn a_dead_dependency_cannot_talk_itself_into_being_called() {
    let mut calls = Vec::new();
    for own in [None, Some(ms(0)), Some(ns(1)), Some(ms(9))] {
        let rig = rig(Backoff::exponential(ms(10), 2.0).max(ms(10_000)));
        let mut reached = 0;
        for _ in 0..6_000 {
            rig.wait(ms(10));
            if let Ok(permit) = rig.breaker.try_acquire() {
                reached += 1;
                permit.record(own.map_or(SERVER, |wait| SERVER.with_retry_after(wait)));
            }
        }
        calls.push(reached);
    }
    assert_eq!(calls, [calls[0]; 4]);
    assert!(calls[0] < 20, "{calls:?}");
}

/// Those of the rules on windows, of a count window, and of a round by rate, as of a run.
#[test]
fn an_own_wait_never_shortens_whichever_rule_decides() {
    let soon = || SERVER.with_retry_after(ms(1));
    let by_count = Rig::new(|builder| builder.failure_count(2));
    by_count.ends(&[SERVER, soon()]);
    assert_eq!(by_count.rest(), ms(10));
    let by_rate = Rig::new(|builder| builder.failure_rate(0.5).min_throughput(2));
    by_rate.ends(&[SERVER, soon()]);
    assert_eq!(by_rate.rest(), ms(10));
    let counted = Rig::new(|builder| builder.window(Window::count(4)).failure_count(2));
    counted.ends(&[SERVER, soon()]);
    assert_eq!(counted.rest(), ms(10));
    counted.wait_out();
    counted.end(soon());
    assert_eq!(counted.rest(), ms(20), "a lost round's");
    // the operator's is the operator's
    assert!(counted.controller.trip_for(ms(1)));
    assert_eq!(counted.rest(), ms(1));
}

#[test]
fn an_own_wait_of_a_failure_that_does_not_decide_is_none() {
    let rig = Rig::run_of_three();
    rig.end(SERVER.with_retry_after(ms(1)));
    rig.end(SERVER.with_retry_after(ms(1)));
    rig.fail(1);
    assert_eq!(rig.rest(), ms(10));
}

#[test]
fn only_a_failure_takes_a_wait() {
    assert_eq!(
        tripcoil::Outcome::Success.with_retry_after(ms(5)),
        tripcoil::Outcome::Success
    );
    let kind = FailureKind::Overload;
    let failure = tripcoil::Outcome::Failure(kind).with_retry_after(ms(5));
    assert_eq!(failure, tripcoil::Outcome::FailureRetryAfter(kind, ms(5)));
    assert_eq!(
        failure.with_retry_after(ms(6)),
        tripcoil::Outcome::FailureRetryAfter(kind, ms(6))
    );
}

#[test]
fn a_wait_is_as_long_however_late_it_begins() {
    let rig = rig(Backoff::constant(ms(10)));
    // decades after the breaker was built: waits are counted from the opening
    for _ in 0..5 {
        rig.wait(secs(18 * 365 * 86_400));
        rig.fail(1);
        assert_eq!(rig.rest(), ms(10));
        assert!(rig.controller.postpone(secs(60)));
        assert_eq!(rig.rest(), secs(60));
        assert!(rig.controller.trip_for(secs(365 * 86_400)));
        assert_eq!(rig.rest(), secs(365 * 86_400));
        assert!(rig.controller.reset());
    }
}

#[test]
fn a_seed_may_come_with_new_rules() {
    let waits = |seed| -> Vec<_> {
        let rig = rig(Backoff::constant(ms(10)));
        let jittered = Backoff::constant(secs(10)).jitter(0.5).seed(seed);
        let done = rig.controller.reconfigure(|rules| rules.open_for(jittered));
        done.expect("valid");
        let wait = |_| rig.controller.trip().then(|| rig.rest());
        (0..4).map(wait).collect()
    };
    assert_eq!(waits(7), waits(7));
    assert_ne!(waits(7), waits(8));
}
