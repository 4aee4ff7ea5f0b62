//! Each range at its ends, and each mistake told once.

use super::*;
use crate::clock::kinds::{Clock, ManualClock};
use crate::config::backoff::Backoff;
use crate::config::settings::Window;
use crate::words::outcome::FailureKind;

const NS: Duration = Duration::from_nanos(1);

fn base() -> Config {
    Config {
        clock: ManualClock::new().into(),
        ..Config::default()
    }
}

/// The fields of the problems after `change`.
fn refused(change: impl FnOnce(&mut Config)) -> Vec<&'static str> {
    let mut config = base();
    change(&mut config);
    match config.validate() {
        Ok(()) => Vec::new(),
        Err(error) => error.problems().iter().map(|p| p.field).collect(),
    }
}

#[test]
fn the_default_is_fine() {
    assert_eq!(base().validate(), Ok(()));
    #[cfg(feature = "std")]
    assert_eq!(Config::default().validate(), Ok(()));
    #[cfg(not(feature = "std"))]
    assert_eq!(refused(|c| c.clock = Clock::default()), ["clock"]);
}

#[test]
fn one_mistake_in_a_window_is_told_once() {
    let window = |w: Window| refused(|c| c.window = w);
    assert_eq!(window(Window::time(Duration::ZERO)), ["window"]);
    assert_eq!(window(Window::time(Duration::MAX)), ["window"]);
    assert_eq!(window(Window::time(MAX_WINDOW + NS)), ["window"]);
    assert_eq!(window(Window::time(MAX_WINDOW)), [""; 0]);
    let second = Window::time(Duration::from_secs(1));
    for buckets in [0, 3, 3601, u32::MAX] {
        assert_eq!(window(second.clone().buckets(buckets)), ["window.buckets"]);
    }
    assert_eq!(window(Window::time(NS).buckets(1)), [""; 0]);
    assert_eq!(window(Window::time(NS).buckets(2)), ["window.buckets"]);
    let both = Window::time(Duration::ZERO).buckets(0);
    assert_eq!(window(both), ["window", "window.buckets"]);
}

#[test]
fn a_count_window_bounds_what_is_counted_in_it() {
    assert_eq!(refused(|c| c.window = Window::count(0)), ["window"]);
    let past = Window::count(MAX_COUNT + 1);
    assert_eq!(refused(|c| c.window = past), ["window"]);
    let buckets = Window::count(10).buckets(2);
    assert_eq!(refused(|c| c.window = buckets), ["window.buckets"]);
    let of = |size: u32, n: u32| {
        refused(|c| {
            c.window = Window::count(size);
            c.failure_count = Some(n);
            c.min_throughput = Some(n);
        })
    };
    assert_eq!(of(10, 10), [""; 0]);
    assert_eq!(of(10, 11), ["min_throughput", "failure_count"]);
    assert_eq!(of(10, 0), ["min_throughput", "failure_count"]);
    // A size that is refused measures nothing.
    assert_eq!(of(0, 1), ["window"]);
    let run = |c: &mut Config| {
        c.window = Window::count(2);
        c.consecutive_failures = Some(5);
    };
    assert_eq!(refused(run), [""; 0]);
}

#[test]
fn no_rate_is_nan_or_beyond_one() {
    for rate in [0.0, -0.0, -1.0, 1.0 + f64::EPSILON, f64::NAN, f64::INFINITY] {
        let all = refused(|c| {
            c.failure_rate = Some(rate);
            c.slow_call = Some(NS);
            c.slow_rate = Some(rate);
            c.half_open = HalfOpen::rate(1, rate).slow_rate(rate);
        });
        let expected = [
            "failure_rate",
            "slow_rate",
            "half_open.failure_rate",
            "half_open.slow_rate",
        ];
        assert_eq!(all, expected, "{rate}");
    }
    for rate in [f64::MIN_POSITIVE, 1.0] {
        assert_eq!(refused(|c| c.failure_rate = Some(rate)), [""; 0]);
    }
}

#[test]
fn a_run_is_packed_in_eighths() {
    let run = |n| refused(|c| c.consecutive_failures = Some(n));
    for n in [0, MAX_RUN + 1, u32::MAX] {
        assert_eq!(run(n), ["consecutive_failures"], "{n}");
    }
    assert_eq!(MAX_RUN, 536_870_911);
    assert_eq!(run(MAX_RUN), [""; 0]);
    let by_count = |n| {
        refused(|c| {
            c.window = Window::count(9);
            c.consecutive_failures = Some(n);
        })
    };
    assert_eq!(by_count(MAX_RUN), [""; 0]);
    assert_eq!(by_count(MAX_RUN + 1), ["consecutive_failures"]);
}

const NO_WEIGHTS: [f64; 10] = [
    1.0 / 16.0,
    0.875 + 1.0 / 16.0,
    0.1,
    1.0,
    1.125,
    -0.125,
    f64::MIN_POSITIVE,
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
];

#[test]
fn a_weight_is_a_whole_number_of_eighths_and_less_than_a_failure() {
    let weight = |weight| refused(|c| c.lenient = Some(Lenient::new([FailureKind::Data], weight)));
    for bad in NO_WEIGHTS {
        assert_eq!(weight(bad), ["lenient.weight"], "{bad}");
    }
    for eighths in 0..8u8 {
        assert_eq!(weight(f64::from(eighths) / 8.0), [""; 0], "{eighths}");
    }
    assert_eq!(weight(-0.0), [""; 0]);
}

#[test]
fn lenient_kinds_need_a_time_window() {
    let by_count = |kinds: &[FailureKind], weight| {
        refused(|c| {
            c.window = Window::count(9);
            c.lenient = Some(Lenient::new(kinds.iter().copied(), weight));
        })
    };
    let kinds = [FailureKind::Overload, FailureKind::Other(7)];
    assert_eq!(by_count(&kinds, 0.5), ["lenient"]);
    assert_eq!(by_count(&kinds, 1.0), ["lenient", "lenient.weight"]);
    // without kinds there is nothing to weigh
    assert_eq!(by_count(&[], 0.5), [""; 0]);
    for weight in NO_WEIGHTS {
        assert_eq!(by_count(&[], weight), [""; 0], "{weight}");
        let by_time = refused(|c| c.lenient = Some(Lenient::new([], weight)));
        assert_eq!(by_time, [""; 0], "{weight}");
    }
}

/// Lenient kinds are no rule.
#[test]
fn lenient_kinds_do_not_replace_a_rule() {
    let alone = refused(|c| {
        c.clear_failure_rules();
        c.lenient = Some(Lenient::new([FailureKind::Data], 1.0));
    });
    assert_eq!(alone, ["lenient.weight", "rules"]);
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let all = refused(|c| {
        c.window = Window::count(9);
        c.failure_rate = Some(2.0);
        c.min_throughput = Some(10);
        c.slow_call = Some(Duration::ZERO);
        c.slow_rate = Some(0.0);
        c.consecutive_failures = Some(MAX_RUN + 1);
        c.failure_count = Some(10);
        c.outage = Some(Outage::at(1.0));
        c.hang = Some(Hang::after(NS).starts(0));
        c.lenient = Some(Lenient::new([FailureKind::Timeout], f64::NAN));
        c.open_for = Backoff::constant(Duration::ZERO);
        c.half_open = HalfOpen::successes(0);
        c.history = 0;
    });
    let expected = [
        "failure_rate",
        "min_throughput",
        "slow_call",
        "slow_rate",
        "consecutive_failures",
        "failure_count",
        "outage",
        "outage.theta",
        "hang",
        "hang.starts",
        "lenient",
        "lenient.weight",
        "open_for.base",
        "half_open.successes",
        "history",
    ];
    assert_eq!(all, expected);
}

#[test]
fn what_is_measured_needs_a_measure() {
    assert_eq!(refused(|c| c.slow_rate = Some(0.5)), ["slow_rate"]);
    let cancel = |c: &mut Config| c.on_cancel = OnCancel::FailureIfSlow;
    assert_eq!(refused(cancel), ["on_cancel"]);
    let round = HalfOpen::rate(4, 0.5).slow_rate(0.5);
    assert_eq!(refused(|c| c.half_open = round), ["half_open.slow_rate"]);
    let stray = HalfOpen::successes(4).slow_rate(0.5);
    let measured = |c: &mut Config| {
        c.slow_call = Some(NS);
        c.half_open = stray;
    };
    assert_eq!(refused(measured), ["half_open.slow_rate"]);
}

#[test]
fn a_slow_call_is_packed_and_not_finer_than_the_clock() {
    let slow = |limit| refused(|c| c.slow_call = Some(limit));
    assert_eq!(slow(Duration::ZERO), ["slow_call"]);
    assert_eq!(slow(MAX_SLOW_CALL + NS), ["slow_call"]);
    assert_eq!(slow(MAX_SLOW_CALL), [""; 0]);
    assert_eq!(slow(NS), [""; 0]);
}

#[cfg(feature = "std")]
#[test]
fn the_clock_says_how_fine_a_setting_may_be() {
    let width = Duration::from_millis(1);
    let upkeep = |width: Duration| {
        refused(|c| {
            c.clock = Clock::upkeep();
            c.window = Window::time(width * 4).buckets(4);
            c.slow_call = Some(width);
        })
    };
    assert_eq!(upkeep(width), [""; 0]);
    assert_eq!(upkeep(width - NS), ["window.buckets", "slow_call"]);
    // A window of zero is not also too narrow.
    assert_eq!(upkeep(Duration::ZERO), ["window", "slow_call"]);
    let config = Config {
        clock: Clock::upkeep(),
        window: Window::time(width).buckets(10),
        ..Config::default()
    };
    let told = config.validate().err();
    let told = told.as_ref().and_then(|error| error.problems().first());
    let value = told.map(|problem| problem.value.as_str());
    assert_eq!(value, Some("10"));
    let permitted = told.map(|problem| problem.permitted.as_str());
    assert_eq!(
        permitted,
        Some("1, so that each lasts 1ms or more, the clock's resolution")
    );
}

#[cfg(feature = "std")]
#[test]
fn an_open_time_is_not_finer_than_the_clock() {
    let tick = Duration::from_millis(1);
    let upkeep = |backoff: Backoff| {
        refused(|c| {
            c.clock = Clock::upkeep();
            c.open_for = backoff;
        })
    };
    assert_eq!(upkeep(tick.into()), [""; 0]);
    assert_eq!(upkeep((tick - NS).into()), ["open_for.base"]);
    assert_eq!(upkeep(NS.into()), ["open_for.base"]);
    // one mistake, one problem
    let growing = Backoff::exponential(NS, 2.0);
    assert_eq!(upkeep(growing.clone()), ["open_for.base"]);
    assert_eq!(upkeep(growing.clone().max(tick - NS)), ["open_for.base"]);
    assert_eq!(
        upkeep(growing.max(MAX_WAIT + NS)),
        ["open_for.base", "open_for.max"]
    );
    assert_eq!(upkeep(Duration::ZERO.into()), ["open_for.base"]);
}

#[test]
fn one_mistake_is_one_problem() {
    for rate in [2.0, 0.0, f64::NAN] {
        assert_eq!(refused(|c| c.slow_rate = Some(rate)), ["slow_rate"]);
        let round = HalfOpen::rate(4, 0.5).slow_rate(rate);
        assert_eq!(refused(|c| c.half_open = round), ["half_open.slow_rate"]);
        let stray = HalfOpen::successes(4).slow_rate(rate);
        assert_eq!(refused(|c| c.half_open = stray), ["half_open.slow_rate"]);
    }
    // a bound that is wrong itself is none for others
    let wait = Backoff::constant(MAX_WAIT + NS).max(MAX_WAIT);
    assert_eq!(refused(|c| c.open_for = wait), ["open_for.base"]);
    let size = |c: &mut Config| {
        c.window = Window::count(MAX_COUNT + 1);
        c.min_throughput = Some(u32::MAX);
        c.failure_count = Some(u32::MAX);
    };
    assert_eq!(refused(size), ["window"]);
    let buckets = |c: &mut Config| c.window = Window::count(5).buckets(0);
    assert_eq!(refused(buckets), ["window.buckets"]);
    let slow = |c: &mut Config| {
        c.slow_call = Some(Duration::ZERO);
        c.slow_rate = Some(0.5);
        c.on_cancel = OnCancel::FailureIfSlow;
    };
    assert_eq!(refused(slow), ["slow_call"]);
}

/// Read each aloud.
#[test]
fn each_problem_is_a_sentence() {
    let said = |change: &dyn Fn(&mut Config)| {
        let mut config = base();
        change(&mut config);
        let error = config.validate().err().map(|error| error.to_string());
        let text = error.unwrap_or_default();
        text.lines().skip(1).collect::<Vec<_>>().join("; ")
    };
    let open = |backoff: Backoff| said(&|c| c.open_for = backoff.clone());
    let round = |half_open: HalfOpen| said(&|c| c.half_open = half_open.clone());
    let window = |window: Window| said(&|c| c.window = window.clone());
    let second = Duration::from_secs(1);
    for (told, sentence) in [
        (
            window(Window::count(0)),
            "window is 0, but must be from 1 to 1048575",
        ),
        (
            window(Window::time(Duration::MAX)),
            "window is 18446744073709551615.999999999s, but must be above 0 and at most 24 hours",
        ),
        (
            window(Window::count(9).buckets(3)),
            "window.buckets is 3, but must be unset, since a count window has no buckets",
        ),
        (
            window(Window::time(second).buckets(7)),
            "window.buckets is 7, but must be a number that divides 1s into whole nanoseconds",
        ),
        (
            said(&|c| c.failure_rate = Some(f64::NAN)),
            "failure_rate is NaN, but must be above 0 and at most 1",
        ),
        (
            said(&|c| {
                c.window = Window::count(1);
                c.failure_count = Some(2);
            }),
            "failure_count is 2, but must be 1, the size of the window",
        ),
        (
            said(&|c| c.consecutive_failures = Some(1 << 29)),
            "consecutive_failures is 536870912, but must be from 1 to 536870911",
        ),
        (
            said(&|c| c.lenient = Some(Lenient::new([FailureKind::Data], 0.3))),
            "lenient.weight is 0.3, but must be from 0 to 0.875, a multiple of 0.125",
        ),
        (
            said(&|c| {
                c.window = Window::count(9);
                c.lenient = Some(Lenient::new([FailureKind::Data], 0.5));
            }),
            "lenient is set, but must be unset, since weights need a time window",
        ),
        (
            said(&|c| c.slow_rate = Some(0.5)),
            "slow_rate is 0.5, but must be unset unless slow_call is set",
        ),
        (
            said(&|c| c.on_cancel = OnCancel::FailureIfSlow),
            "on_cancel is failure_if_slow, but must be ignored or failure unless slow_call is set",
        ),
        (
            said(&|c| c.clear_failure_rules()),
            "the trip rules are all off, but there must be at least one of consecutive_failures, \
             failure_count, failure_rate, outage, slow_rate and hang",
        ),
        (
            open(Backoff::exponential(second, 0.5)),
            "open_for.factor is 0.5, but must be a finite number, 1 or more",
        ),
        (
            open(Backoff::constant(second).max(NS)),
            "open_for.max is 1ns, but must be from 1s, the base, to 365 days",
        ),
        (
            open(Backoff::constant(second).jitter(1.0)),
            "open_for.jitter is 1, but must be at least 0 and below 1",
        ),
        (
            open(Backoff::constant(second).reset_after(Duration::MAX)),
            "open_for.reset_after is 18446744073709551615.999999999s, but must be at most 365 days",
        ),
        (
            round(HalfOpen::successes(2).slow_rate(0.5)),
            "half_open.slow_rate is 0.5, but must be unset, since a round by successes uses the \
             breaker's slow_rate",
        ),
        (
            round(HalfOpen::successes(0)),
            "half_open.successes is 0, but must be from 1 to 255",
        ),
    ] {
        assert_eq!(told, sentence);
    }
}

#[test]
fn a_backoff_is_finite_and_packed() {
    let open = |backoff: Backoff| refused(|c| c.open_for = backoff);
    let second = || Backoff::constant(Duration::from_secs(1));
    for factor in [0.9, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let backoff = Backoff::exponential(NS, factor);
        assert_eq!(open(backoff), ["open_for.factor"], "{factor}");
    }
    for jitter in [-0.1, 1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(open(second().jitter(jitter)), ["open_for.jitter"]);
    }
    for wait in [Duration::ZERO, MAX_WAIT + NS, Duration::MAX] {
        assert_eq!(open(wait.into()), ["open_for.base"]);
        assert_eq!(open(second().max(wait)), ["open_for.max"]);
    }
    let below = second().max(Duration::from_secs(1) - NS);
    assert_eq!(open(below), ["open_for.max"]);
    let both = Backoff::constant(Duration::ZERO).max(Duration::ZERO);
    assert_eq!(open(both), ["open_for.base", "open_for.max"]);
    // A base that is too long is not also above the longest max.
    let long = Backoff::constant(Duration::MAX).max(MAX_WAIT);
    assert_eq!(open(long), ["open_for.base"]);
    let late = second().reset_after(MAX_WAIT + NS);
    assert_eq!(open(late), ["open_for.reset_after"]);
    let widest = Backoff::exponential(MAX_WAIT, f64::MAX)
        .max(MAX_WAIT)
        .jitter(0.999);
    assert_eq!(open(widest.reset_after(MAX_WAIT)), [""; 0]);
}

#[test]
fn a_round_is_packed() {
    let round = |half_open: HalfOpen| refused(|c| c.half_open = half_open);
    for n in [0, ROUND_MAX + 1] {
        assert_eq!(round(HalfOpen::successes(n)), ["half_open.successes"]);
        assert_eq!(round(HalfOpen::rate(n, 1.0)), ["half_open.of"]);
        let probes = HalfOpen::successes(1).max_probes(n);
        assert_eq!(round(probes), ["half_open.max_probes"]);
    }
    let most = HalfOpen::successes(ROUND_MAX).max_probes(ROUND_MAX);
    assert_eq!(round(most.clone().probe_timeout(MAX_WAIT)), [""; 0]);
    for wait in [Duration::ZERO, MAX_WAIT + NS] {
        let timeout = most.clone().probe_timeout(wait);
        assert_eq!(round(timeout), ["half_open.probe_timeout"]);
    }
}

#[test]
fn there_is_a_rule() {
    let none = |c: &mut Config| c.clear_failure_rules();
    assert_eq!(refused(none), ["rules"]);
    let slow = |c: &mut Config| {
        c.clear_failure_rules();
        c.slow_call = Some(NS);
        c.slow_rate = Some(1.0);
    };
    assert_eq!(refused(slow), [""; 0]);
}
