//! Nanoseconds at the clock; what ends later than now ends at a whole millisecond.

use tripcoil::{Backoff, HalfOpen, ManualClock, State, Window};

use crate::common::{Rig, counts, ms, ns, secs};

/// (clock at the trip, wait, end of `Open`), in nanoseconds.
const ENDS: [(u64, u64, u64); 7] = [
    (0, 10_000_000, 10_000_000),
    (300_000, 10_000_000, 11_000_000),
    (1, 1, 1_000_000),
    (999_999, 1, 1_000_000),
    (1_000_000, 1, 2_000_000),
    (1_000_000, 999_999, 2_000_000),
    (7, 1_000_000, 2_000_000),
];

#[test]
fn open_ends_at_a_whole_millisecond() {
    for (at, wait, end) in ENDS {
        let rig = Rig::new(|builder| {
            builder
                .consecutive_failures(1)
                .open_for(Backoff::constant(ns(wait)))
        });
        rig.wait(ns(at));
        rig.fail(1);
        assert_eq!(rig.rest(), ns(end - at), "{wait} from {at}");
        rig.wait(ns(end - at - 1));
        assert_eq!(
            rig.rejected().retry_after(),
            Some(ns(1)),
            "{wait} from {at}"
        );
        rig.wait(ns(1));
        rig.acquire().ignore();
    }
}

#[test]
fn so_does_what_was_given_by_hand_or_by_the_dependency() {
    for (at, wait, end) in ENDS {
        let rig = Rig::run_of_three();
        rig.wait(ns(at));
        assert!(rig.controller.trip_for(ns(wait)));
        assert_eq!(rig.rest(), ns(end - at), "{wait} from {at}");
        let later = rig.controller.postpone(ns(end - at));
        assert!(!later, "{wait} from {at}");
        assert!(rig.controller.postpone(ns(end - at + 1)));
        assert_eq!(rig.rest(), ns(end + 1_000_000 - at));

        let backoff = Backoff::constant(ns(1)).max(secs(1));
        let rig = Rig::new(|builder| builder.consecutive_failures(3).open_for(backoff));
        rig.wait(ns(at));
        rig.fail(2);
        rig.end(crate::common::SERVER.with_retry_after(ns(wait)));
        assert_eq!(rig.rest(), ns(end - at), "{wait} from {at}");
    }
}

#[test]
fn a_wait_of_nothing_ends_at_the_next_whole_millisecond() {
    let rig = Rig::run_of_three();
    rig.wait(ns(1_000_001));
    assert!(rig.controller.trip_for(ns(0)));
    assert_eq!(rig.rest(), ns(999_999));
}

#[test]
fn the_probe_timeout_passes_at_a_whole_millisecond() {
    for (at, timeout, end) in ENDS {
        let rig = Rig::new(|builder| {
            let half_open = HalfOpen::successes(1).probe_timeout(ns(timeout));
            builder.consecutive_failures(1).half_open(half_open)
        });
        rig.wait(ns(at));
        rig.round();
        let _stuck = rig.acquire();
        rig.wait(ns(end - at - 1));
        assert_eq!(
            rig.rejected().state(),
            State::HalfOpen,
            "{timeout} from {at}"
        );
        rig.wait(ns(1));
        assert_eq!(rig.rejected().state(), State::Open, "{timeout} from {at}");
    }
}

#[test]
fn so_does_the_time_after_which_cancelled_probes_decide() {
    for (at, timeout, end) in ENDS {
        let rig = Rig::new(|builder| {
            let half_open = HalfOpen::rate(2, 1.0).probe_timeout(ns(timeout));
            builder.consecutive_failures(1).half_open(half_open)
        });
        // from its latest result, a failed one too
        rig.round();
        drop(rig.acquire());
        rig.wait(ns(at));
        rig.fail(1);
        rig.wait(ns(end - at - 1));
        drop(rig.acquire());
        assert_eq!(rig.state(), State::HalfOpen, "{timeout} from {at}");
        rig.wait(ns(1));
        drop(rig.acquire());
        assert_eq!(rig.state(), State::Open, "{timeout} from {at}");
    }
}

#[test]
fn an_open_breaker_as_built_ends_at_a_whole_millisecond_of_the_clock() {
    let clock = ManualClock::new();
    clock.advance(ns(12_345_678));
    let rig = Rig::on(clock, |builder| {
        builder.consecutive_failures(1).initial_state(State::Open)
    });
    assert_eq!(rig.rest(), ns(23_000_000 - 12_345_678));
}

#[test]
fn epochs_are_exact() {
    let rig = Rig::new(|builder| {
        builder
            .window(Window::time(ns(3_000_021)).buckets(3))
            .failure_count(100)
    });
    rig.fail(1);
    rig.wait(ns(3_000_020));
    assert_eq!(rig.seen().window, counts(0, 1, 0));
    rig.wait(ns(1));
    assert_eq!(rig.seen().window, counts(0, 0, 0));
}

#[test]
fn events_and_dwell_are_exact() {
    let rig = Rig::new(|builder| {
        let backoff = Backoff::exponential(ms(10), 2.0).reset_after(ns(1_000_003));
        builder.consecutive_failures(1).open_for(backoff)
    });
    rig.fail(1);
    rig.wait_out();
    rig.ok(2);
    rig.wait(ns(1_000_002));
    rig.fail(1);
    assert_eq!(rig.last().at, ns(11_000_002));
    // not reset: twenty milliseconds, rounded up
    assert_eq!(rig.rest(), ns(32_000_000 - 11_000_002));
    rig.wait_out();
    rig.ok(2);
    rig.wait(ns(1_000_003));
    rig.fail(1);
    assert_eq!(rig.rest(), ns(44_000_000 - 33_000_003));
}

#[test]
fn a_clock_far_from_zero_is_as_good() {
    let clock = ManualClock::new();
    clock.advance(secs(86_400 * 365 * 20));
    let rig = Rig::on(clock, |builder| builder.consecutive_failures(3));
    rig.fail(3);
    assert_eq!(rig.rest(), ms(10));
    rig.wait_out();
    rig.ok(2);
    assert_eq!(rig.state(), State::Closed);
    assert_eq!(rig.last().at, secs(86_400 * 365 * 20) + ms(10));
}

#[test]
fn a_manual_clock_is_shared_and_begins_at_zero() {
    let clock = ManualClock::new();
    assert_eq!(clock.now(), ns(0));
    let other = clock.clone();
    clock.advance(ms(3));
    other.advance(ns(1));
    assert_eq!(clock.now(), ms(3) + ns(1));
}
