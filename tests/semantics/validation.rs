//! What `build()` refuses, field by field.

use std::time::Duration;

use tripcoil::{
    Backoff, Breaker, Builder, Clock, Config, ConfigError, FailureKind, HalfOpen, Lenient,
    ManualClock, OnCancel, Outage, Window,
};

use crate::common::{ms, ns, secs};

const DAY: Duration = secs(86_400);
pub(crate) const YEAR: Duration = secs(86_400 * 365);

pub(crate) fn builder() -> Builder {
    Breaker::builder("checked").clock(ManualClock::new())
}

pub(crate) fn fields(error: &ConfigError) -> Vec<&'static str> {
    error
        .problems()
        .iter()
        .map(|problem| problem.field)
        .collect()
}

/// Refused for this field, and for nothing else.
#[track_caller]
fn refuses(field: &str, builder: Builder) {
    let error = builder.build().map(drop).expect_err("to be refused");
    assert_eq!(fields(&error), [field]);
    for problem in error.problems() {
        assert!(
            !problem.value.is_empty() && !problem.permitted.is_empty(),
            "{problem:?}"
        );
    }
    assert!(error.to_string().contains(field), "{error}");
}

#[track_caller]
pub(crate) fn accepts(builder: Builder) {
    if let Err(error) = builder.build() {
        panic!("{error}");
    }
}

const BAD_RATES: [f64; 7] = [
    0.0,
    -0.1,
    -0.0,
    1.000_000_1,
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
];

#[test]
fn rates_lie_in_zero_to_one_and_are_finite() {
    let slow = || builder().slow_call(ms(5));
    for rate in BAD_RATES {
        refuses("failure_rate", builder().failure_rate(rate));
        refuses("slow_rate", slow().slow_rate(rate));
        refuses(
            "half_open.failure_rate",
            builder().half_open(HalfOpen::rate(5, rate)),
        );
        refuses(
            "half_open.slow_rate",
            slow().half_open(HalfOpen::rate(5, 0.5).slow_rate(rate)),
        );
    }
    for rate in [f64::MIN_POSITIVE, 1.0] {
        accepts(builder().failure_rate(rate));
        accepts(slow().slow_rate(rate));
        accepts(slow().half_open(HalfOpen::rate(5, rate).slow_rate(rate)));
    }
}

#[test]
fn theta_and_loss_have_their_ranges() {
    let outage = |theta, loss| builder().outage(Outage::at(theta).loss_at_most(loss));
    for theta in [
        0.009_999,
        0.900_001,
        0.0,
        -0.5,
        1.0,
        f64::NAN,
        f64::INFINITY,
    ] {
        refuses("outage.theta", outage(theta, 0.01));
    }
    for loss in [
        0.000_099,
        0.100_001,
        0.0,
        -0.01,
        1.0,
        f64::NAN,
        f64::NEG_INFINITY,
    ] {
        refuses("outage.loss", outage(0.3, loss));
    }
    for (theta, loss) in [(0.01, 0.0001), (0.9, 0.1), (0.5, 0.002)] {
        accepts(outage(theta, loss));
    }
}

#[test]
fn the_outage_rule_needs_a_time_window() {
    let window = Window::count(100);
    refuses(
        "outage",
        builder().window(window.clone()).outage(Outage::at(0.5)),
    );
    accepts(
        builder()
            .window(Window::time(secs(1)))
            .outage(Outage::at(0.5)),
    );
    let all = builder()
        .window(window)
        .outage(Outage::at(2.0).loss_at_most(f64::NAN));
    let error = all.build().map(drop).expect_err("to be refused");
    assert_eq!(fields(&error), ["outage", "outage.theta", "outage.loss"]);
}

#[test]
fn counts_are_at_least_one() {
    refuses("consecutive_failures", builder().consecutive_failures(0));
    refuses("failure_count", builder().failure_count(0));
    refuses("min_throughput", builder().min_throughput(0));
    accepts(
        builder()
            .consecutive_failures(1)
            .failure_count(1)
            .min_throughput(1),
    );
    let most = u32::MAX;
    accepts(builder().failure_count(most).min_throughput(most));
}

#[test]
fn a_run_is_shorter_than_two_to_the_29() {
    accepts(builder().consecutive_failures((1 << 29) - 1));
    for n in [1 << 29, u32::MAX] {
        refuses("consecutive_failures", builder().consecutive_failures(n));
        let by_count = builder().window(Window::count(9));
        refuses("consecutive_failures", by_count.consecutive_failures(n));
    }
}

const KINDS: [FailureKind; 2] = [FailureKind::Overload, FailureKind::Other(9)];

#[test]
fn a_weight_is_zero_to_seven_eighths() {
    for eighths in 0..8u8 {
        accepts(builder().lenient(KINDS, f64::from(eighths) / 8.0));
    }
    for weight in [
        0.0625,
        0.1,
        0.9375,
        1.0,
        2.0,
        -0.125,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ] {
        refuses("lenient.weight", builder().lenient(KINDS, weight));
        // without kinds it has no effect
        accepts(builder().lenient([], weight));
    }
}

#[test]
fn lenient_kinds_need_a_time_window() {
    let by_count = || builder().window(Window::count(9));
    refuses("lenient", by_count().lenient(KINDS, 0.5));
    accepts(by_count().lenient([], 0.5));
    let error = by_count().lenient(KINDS, 1.0).build().map(drop);
    let error = error.expect_err("to be refused");
    assert_eq!(fields(&error), ["lenient", "lenient.weight"]);
    // the last ones that are set count
    accepts(by_count().lenient(KINDS, 0.5).lenient([], 0.5));
    accepts(by_count().lenient(KINDS, 0.5).window(Window::default()));
}

#[test]
fn the_builder_sets_the_lenient_kinds_of_a_configuration() {
    let lenient = |lenient| Config {
        lenient,
        ..Config::default()
    };
    let kinds = [FailureKind::Other(2), FailureKind::Overload];
    let config = lenient(Some(Lenient::new(kinds, 1.0)));
    let built = |builder: Builder| builder.build().map(drop).expect_err("to be refused");
    let by_hand = built(builder().lenient(KINDS, 1.0));
    let by_config = built(builder().config(config));
    assert_eq!(by_hand, by_config);
    accepts(builder().lenient(KINDS, 1.0).config(lenient(None)));
    // an equal set of kinds is equal
    assert_eq!(Lenient::new(kinds, 0.5), Lenient::new(KINDS, 0.5));
    assert_ne!(Lenient::new(kinds, 0.5), Lenient::new([kinds[0]], 0.5));
}

#[test]
fn a_count_window_has_a_size_that_is_packed() {
    refuses("window", builder().window(Window::count(0)));
    refuses("window", builder().window(Window::count(1_048_576)));
    accepts(builder().window(Window::count(1)));
    accepts(builder().window(Window::count(1_048_575)));
}

#[test]
fn buckets_are_at_least_one_and_at_most_what_is_kept() {
    refuses(
        "window.buckets",
        builder().window(Window::time(secs(1)).buckets(0)),
    );
    refuses(
        "window.buckets",
        builder().window(Window::time(secs(3_601)).buckets(3_601)),
    );
    accepts(builder().window(Window::time(secs(1)).buckets(1)));
    accepts(builder().window(Window::time(secs(3_600)).buckets(3_600)));
}

#[test]
fn buckets_divide_the_window() {
    refuses(
        "window.buckets",
        builder().window(Window::time(ns(10)).buckets(3)),
    );
    refuses(
        "window.buckets",
        builder().window(Window::time(secs(1)).buckets(7)),
    );
    accepts(builder().window(Window::time(ns(9)).buckets(3)));
}

#[test]
fn a_time_window_is_at_least_something_and_at_most_a_day() {
    refuses("window", builder().window(Window::time(Duration::ZERO)));
    refuses("window", builder().window(Window::time(DAY + ns(10))));
    refuses(
        "window",
        builder().window(Window::time(Duration::MAX).buckets(1)),
    );
    accepts(builder().window(Window::time(DAY)));
}

#[test]
fn a_round_needs_one_to_what_is_packed() {
    for n in [0, 256, u32::MAX] {
        refuses(
            "half_open.successes",
            builder().half_open(HalfOpen::successes(n)),
        );
        refuses("half_open.of", builder().half_open(HalfOpen::rate(n, 0.5)));
        let successes = HalfOpen::successes(2).max_probes(n);
        refuses("half_open.max_probes", builder().half_open(successes));
    }
    for n in [1, 255] {
        accepts(builder().half_open(HalfOpen::successes(n).max_probes(n)));
        accepts(builder().half_open(HalfOpen::rate(n, 0.5).max_probes(n)));
    }
}

#[test]
fn min_throughput_is_at_most_a_count_windows_size() {
    let ten = || builder().window(Window::count(10)).failure_rate(0.5);
    refuses("min_throughput", ten().min_throughput(11));
    accepts(ten().min_throughput(10));
}

#[test]
fn a_rule_that_can_never_be_true_is_refused() {
    let ten = || builder().window(Window::count(10));
    refuses("failure_count", ten().failure_count(11));
    accepts(ten().failure_count(10));
    // a run is counted whatever the window
    accepts(ten().consecutive_failures(11));
}

#[test]
fn durations_are_not_zero() {
    let zero = Duration::ZERO;
    refuses("open_for.base", builder().open_for(zero));
    refuses("slow_call", builder().slow_call(zero));
    refuses(
        "half_open.probe_timeout",
        builder().half_open(HalfOpen::successes(2).probe_timeout(zero)),
    );
    // the one that may be
    accepts(builder().open_for(Backoff::constant(secs(1)).reset_after(zero)));
}

#[test]
fn durations_are_at_most_what_is_packed() {
    let over = YEAR + ns(1);
    let max = |max| builder().open_for(Backoff::constant(secs(1)).max(max));
    let reset = |after| builder().open_for(Backoff::constant(secs(1)).reset_after(after));
    let probe = |timeout| builder().half_open(HalfOpen::successes(2).probe_timeout(timeout));
    for long in [over, Duration::MAX] {
        refuses("open_for.max", max(long));
        refuses("open_for.reset_after", reset(long));
        refuses("half_open.probe_timeout", probe(long));
        refuses("open_for.base", builder().open_for(long));
    }
    accepts(builder().open_for(YEAR));
    accepts(max(YEAR));
    accepts(reset(YEAR));
    accepts(probe(YEAR));
    refuses("slow_call", builder().slow_call(ns(1 << 40)));
    refuses("slow_call", builder().slow_call(Duration::MAX));
    accepts(builder().slow_call(ns((1 << 40) - 1)));
}

#[test]
fn buckets_are_not_too_narrow_for_the_clock() {
    let narrow = || builder().window(Window::time(ns(10)).buckets(10));
    accepts(narrow());
    refuses("window.buckets", narrow().clock(Clock::coarse()));
    refuses("window.buckets", narrow().clock(Clock::upkeep()));
    accepts(
        builder()
            .clock(Clock::coarse())
            .window(Window::time(secs(10)).buckets(10)),
    );
}

#[test]
fn a_slow_call_is_not_finer_than_the_clock() {
    accepts(builder().slow_call(ns(1)));
    refuses(
        "slow_call",
        builder().slow_call(ns(1)).clock(Clock::coarse()),
    );
    refuses(
        "slow_call",
        builder().slow_call(ns(1)).clock(Clock::upkeep()),
    );
    accepts(builder().slow_call(secs(1)).clock(Clock::coarse()));
}

#[test]
fn a_factor_is_finite_and_at_least_one() {
    for factor in [0.999, 0.0, -2.0, f64::NAN, f64::INFINITY] {
        refuses(
            "open_for.factor",
            builder().open_for(Backoff::exponential(secs(1), factor)),
        );
    }
    accepts(builder().open_for(Backoff::exponential(secs(1), 1.0)));
}

#[test]
fn max_is_not_below_the_base() {
    let max = |max| builder().open_for(Backoff::constant(secs(5)).max(max));
    refuses("open_for.max", max(secs(5) - ns(1)));
    refuses("open_for.max", max(Duration::ZERO));
    accepts(max(secs(5)));
}

#[test]
fn jitter_lies_in_zero_up_to_but_not_one() {
    let jitter = |jitter| builder().open_for(Backoff::constant(secs(5)).jitter(jitter));
    for bad in [1.0, -0.01, 2.0, f64::NAN, f64::INFINITY] {
        refuses("open_for.jitter", jitter(bad));
    }
    accepts(jitter(0.0));
    accepts(jitter(0.999));
}

#[test]
fn what_goes_by_duration_needs_a_slow_call() {
    let slow_rounds = HalfOpen::rate(5, 0.5).slow_rate(0.5);
    refuses("slow_rate", builder().slow_rate(0.5));
    refuses(
        "half_open.slow_rate",
        builder().half_open(slow_rounds.clone()),
    );
    refuses("on_cancel", builder().on_cancel(OnCancel::FailureIfSlow));
    accepts(builder().on_cancel(OnCancel::Failure));
    let all = builder()
        .slow_rate(0.5)
        .half_open(slow_rounds)
        .on_cancel(OnCancel::FailureIfSlow);
    accepts(all.slow_call(ms(5)));
}

#[test]
fn a_slow_rate_is_no_setting_of_a_round_by_successes() {
    let round = HalfOpen::successes(5).slow_rate(0.5);
    refuses(
        "half_open.slow_rate",
        builder().slow_call(ms(5)).half_open(round),
    );
}

#[test]
fn at_least_one_rule_is_required() {
    refuses("rules", builder().no_failure_rules());
    refuses("rules", builder().no_failure_rules().slow_call(ms(5)));
    accepts(builder().no_failure_rules().slow_call(ms(5)).slow_rate(0.5));
    accepts(builder().no_failure_rules().outage(Outage::at(0.5)));
    refuses(
        "rules",
        builder().outage(Outage::at(0.5)).no_failure_rules(),
    );
}
