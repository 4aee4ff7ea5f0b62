//! Windows of time and of calls.

use tripcoil::{ManualClock, Outcome, State, Window};

use crate::common::{OVERRIDES, Rig, SERVER, counts, ms, ns, order, secs};

fn timed(total_ms: u64, buckets: u32) -> Rig {
    Rig::new(|builder| {
        builder
            .window(Window::time(ms(total_ms)).buckets(buckets))
            .failure_count(1_000)
    })
}

fn calls(rig: &Rig) -> Vec<u64> {
    rig.seen()
        .buckets
        .iter()
        .map(|bucket| bucket.calls)
        .collect()
}

#[test]
fn live_epochs_are_the_last_n() {
    let rig = timed(30, 3);
    rig.ok(1);
    rig.wait(ms(10));
    rig.ok(2);
    rig.wait(ms(10));
    rig.ok(4);
    assert_eq!(calls(&rig), [1, 2, 4]);
    rig.wait(ms(10) - ns(1));
    assert_eq!(calls(&rig), [1, 2, 4]);
    rig.wait(ns(1));
    assert_eq!(calls(&rig), [2, 4, 0]);
    assert_eq!(rig.seen().window.calls, 6);
    rig.wait(ms(10));
    assert_eq!(calls(&rig), [4, 0, 0]);
    rig.wait(ms(10));
    assert_eq!(calls(&rig), [0, 0, 0]);
    assert_eq!(rig.seen().window, counts(0, 0, 0));
    rig.ok(8);
    assert_eq!(calls(&rig), [0, 0, 8]);
}

#[test]
fn epochs_are_counted_from_the_clock_when_built() {
    let clock = ManualClock::new();
    clock.advance(ms(7));
    let rig = Rig::on(clock, |builder| {
        builder
            .window(Window::time(ms(20)).buckets(2))
            .failure_count(1_000)
    });
    rig.ok(1);
    rig.wait(ms(10) - ns(1));
    rig.ok(1);
    assert_eq!(calls(&rig), [0, 2]);
    rig.wait(ns(1));
    rig.ok(1);
    assert_eq!(calls(&rig), [2, 1]);
    rig.wait(ms(10) - ns(1));
    assert_eq!(rig.seen().window.calls, 3);
    rig.wait(ns(1));
    assert_eq!(rig.seen().window.calls, 1);
}

#[test]
fn an_outcome_counts_in_the_epoch_in_which_it_is_recorded() {
    let rig = timed(30, 3);
    let permit = rig.acquire();
    rig.wait(ms(20));
    permit.success();
    assert_eq!(calls(&rig), [0, 0, 1]);
    rig.acquire().record_timed(SERVER, ms(15));
    assert_eq!(calls(&rig), [0, 0, 2]);
}

#[test]
fn a_long_idle_time_empties_the_window() {
    for idle in [ms(30), secs(1), secs(86_400), secs(86_400 * 300)] {
        let rig = timed(30, 3);
        rig.fail(5);
        rig.wait(idle);
        assert_eq!(rig.seen().window, counts(0, 0, 0), "{idle:?}");
        rig.fail(1);
        assert_eq!(calls(&rig), [0, 0, 1], "{idle:?}");
        assert_eq!(rig.seen().totals.failures, 6);
    }
}

#[test]
fn one_bucket_and_the_narrowest_will_do() {
    let rig = timed(10, 1);
    rig.fail(3);
    rig.wait(ms(10));
    rig.fail(1);
    assert_eq!(calls(&rig), [1]);

    let rig = Rig::new(|builder| {
        builder
            .window(Window::time(ns(2)).buckets(2))
            .failure_count(9)
    });
    rig.fail(3);
    rig.wait(ns(1));
    rig.fail(2);
    assert_eq!(calls(&rig), [3, 2]);
    rig.wait(ns(1));
    assert_eq!(calls(&rig), [2, 0]);
}

#[test]
fn the_most_buckets_will_do() {
    let rig = Rig::new(|builder| {
        builder
            .window(Window::time(secs(3_600)).buckets(3_600))
            .failure_count(100_000)
    });
    for _ in 0..3_700 {
        rig.fail(1);
        rig.wait(secs(1));
    }
    // the current epoch is empty as yet
    assert_eq!(rig.seen().window, counts(0, 3_599, 0));
    assert_eq!(rig.seen().buckets.len(), 3_600);
}

#[test]
fn a_count_window_is_the_last_n_counted_outcomes() {
    for size in [1_usize, 2, 16, 63, 64, 65, 200, 1_000] {
        let rig = Rig::new(|builder| {
            builder
                .window(Window::count(size as u32))
                .consecutive_failures(1_000_000)
        });
        let mut all = Vec::new();
        for step in 0..3 * size + 5 {
            let (failed, slow) = (step % 3 == 0, step % 5 == 0);
            all.push((failed, slow));
            let outcome = if failed { SERVER } else { Outcome::Success };
            if slow {
                rig.slow(outcome)
            } else {
                rig.end(outcome)
            }
            if step % 7 == 0 {
                // neither is counted
                rig.end(Outcome::Ignored);
                drop(rig.acquire());
            }
            let last = &all[all.len().saturating_sub(size)..];
            let failures = last.iter().filter(|(failed, _)| *failed).count() as u64;
            let slow = last.iter().filter(|(_, slow)| *slow).count() as u64;
            let expected = counts(last.len() as u64 - failures, failures, slow);
            assert_eq!(rig.seen().window, expected, "{size}, after {step}");
        }
    }
}

#[test]
fn time_does_not_empty_a_count_window() {
    let rig = Rig::new(|builder| builder.window(Window::count(10)).failure_count(4));
    rig.fail(3);
    rig.wait(secs(86_400));
    assert_eq!(rig.seen().window, counts(0, 3, 0));
    rig.fail(1);
    assert_eq!(rig.state(), State::Open);
}

#[test]
fn a_count_window_has_no_buckets() {
    let rig = Rig::new(|builder| builder.window(Window::count(10)).failure_count(4));
    rig.ok(3);
    assert_eq!(rig.seen().buckets, []);
}

/// Two breakers that trip at the third failure, by window.
fn both() -> [Rig; 2] {
    [
        Rig::new(|b| {
            b.window(Window::time(ms(20)).buckets(2))
                .consecutive_failures(3)
        }),
        Rig::new(|b| b.window(Window::count(4)).consecutive_failures(3)),
    ]
}

#[test]
fn the_window_shows_the_last_counting_period_as_it_stood_when_it_ended() {
    for rig in both() {
        rig.ok(1);
        rig.fail(3);
        assert_eq!(rig.state(), State::Open);
        let stood = counts(1, 3, 0);
        let buckets = rig.seen().buckets;
        let check = |what: &str| {
            assert_eq!(rig.seen().window, stood, "{what}");
            assert_eq!(rig.seen().buckets, buckets, "{what}");
            assert_eq!(rig.seen().failure_rate, 0.75, "{what}");
        };
        check("open");
        rig.wait(secs(10));
        check("open, later");
        rig.ok(1);
        assert_eq!(rig.state(), State::HalfOpen);
        check("half-open");
        rig.fail(1);
        check("open again");
        assert!(rig.controller.force_open());
        check("forced open");
        assert!(rig.controller.disable());
        rig.fail(3);
        check("disabled");
    }
}

#[test]
fn a_period_that_an_override_ends_is_shown_as_it_stood_too() {
    for state in [State::ForcedOpen, State::Disabled] {
        for rig in both() {
            rig.fail(2);
            rig.wait(ms(10));
            rig.ok(1);
            assert!(order(&rig.controller, state));
            rig.wait(secs(1));
            assert_eq!(rig.seen().window, counts(1, 2, 0));
        }
    }
}

#[test]
fn what_had_left_the_window_when_the_period_ended_is_not_shown() {
    let [rig, _] = both();
    rig.fail(2);
    rig.wait(ms(10));
    rig.ok(1);
    rig.wait(ms(10));
    assert!(rig.controller.trip());
    assert_eq!(rig.seen().window, counts(1, 0, 0));
    assert_eq!(rig.last().counts, counts(1, 0, 0));
}

#[test]
fn closed_and_observe_only_begin_with_an_empty_window() {
    for rig in both() {
        rig.fail(2);
        assert!(rig.controller.observe_only());
        assert_eq!(rig.seen().window, counts(0, 0, 0));
        rig.fail(2);
        assert!(rig.controller.release());
        assert_eq!(rig.seen().window, counts(0, 0, 0));
        rig.fail(2);
        assert!(rig.controller.reset());
        assert_eq!(rig.seen().window, counts(0, 0, 0));
        assert_eq!(rig.seen().totals.failures, 6);
    }
}

#[test]
fn a_breaker_that_never_counted_shows_an_empty_window() {
    for state in OVERRIDES.into_iter().chain([State::Open, State::HalfOpen]) {
        let rig = Rig::new(|builder| {
            let window = Window::time(ms(20)).buckets(2);
            builder
                .window(window)
                .consecutive_failures(3)
                .initial_state(state)
        });
        assert_eq!(rig.seen().window, counts(0, 0, 0), "{state:?}");
        assert_eq!(calls(&rig), [0, 0], "{state:?}");
    }
}

#[test]
fn a_new_period_in_the_same_epoch_does_not_see_the_old_one() {
    let rig = timed(30, 3);
    rig.fail(3);
    assert!(rig.controller.reset());
    rig.ok(1);
    assert_eq!(rig.seen().window, counts(1, 0, 0));
    assert_eq!(calls(&rig), [0, 0, 1]);
}
