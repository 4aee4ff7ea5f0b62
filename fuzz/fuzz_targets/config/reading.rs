//! Validation as the contract reads, by field: what has to be refused, and nothing else.
//!
//! It shares nothing with the crate's own. Where one mistake would show twice (a window that is out
//! of range has no buckets to speak of), it is one field's.

use std::collections::BTreeSet;
use std::time::Duration;

use tripcoil::OnCancel;

use crate::settings::{Recovery, Settings, Span};

const DAY: Duration = Duration::from_secs(24 * 3600);
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
/// Of an adaptive backoff's max.
const LEAST: Duration = Duration::from_millis(250);
const LARGEST_COUNT_WINDOW: u32 = 1_048_575;
const LONGEST_RUN: u32 = 536_870_911;
const LONGEST_SLOW_CALL: Duration = Duration::from_nanos(1_099_511_627_775);

pub(crate) fn bad_rate(rate: f64) -> bool {
    rate.is_nan() || rate <= 0.0 || rate > 1.0
}

pub(crate) fn bad_count(n: u32, most: u32) -> bool {
    n == 0 || n > most
}

fn bad_weight(weight: f64) -> bool {
    (0..8).all(|eighths| weight != f64::from(eighths) / 8.0)
}

fn bad_span(span: Duration, most: Duration) -> bool {
    span.is_zero() || span > most
}

pub(crate) fn refused(s: &Settings) -> BTreeSet<&'static str> {
    let unmeasured = s.slow_call.is_none();
    let (bad_window, bad_buckets) = window(s);
    // the most outcomes that the window holds, as far as is known
    let held = match s.span {
        Span::Count(size) if !bad_window => size,
        _ => u32::MAX,
    };
    let (results, bad_results, bad_probe_rate, slow_rate_allowed) = match s.recovery {
        Recovery::Successes(n) => ("half_open.successes", bad_count(n, 255), false, false),
        Recovery::Rate(of, rate) => ("half_open.of", bad_count(of, 255), bad_rate(rate), true),
    };
    let by_count = matches!(s.span, Span::Count(_));
    let judged = [s.failure_rate.is_some(), s.slow_rate.is_some()];
    let counted = [s.consecutive_failures.is_some(), s.failure_count.is_some()];
    // without kinds it has no effect
    let lenient = s.lenient.filter(|(kinds, _)| !kinds.is_empty());
    let lenient = lenient.map(|(_, weight)| weight);
    let reads = [
        ("window", bad_window),
        ("window.buckets", bad_buckets),
        ("failure_rate", s.failure_rate.is_some_and(bad_rate)),
        (
            "min_throughput",
            s.min_throughput.is_some_and(|n| bad_count(n, held)),
        ),
        (
            "slow_call",
            s.slow_call
                .is_some_and(|limit| bad_span(limit, LONGEST_SLOW_CALL)),
        ),
        (
            "slow_rate",
            s.slow_rate.is_some_and(|rate| bad_rate(rate) || unmeasured),
        ),
        (
            "consecutive_failures",
            s.consecutive_failures
                .is_some_and(|n| bad_count(n, LONGEST_RUN)),
        ),
        (
            "failure_count",
            s.failure_count.is_some_and(|n| bad_count(n, held)),
        ),
        ("outage", s.outage.is_some() && by_count),
        (
            "outage.theta",
            s.outage
                .is_some_and(|(theta, _)| !(0.01..=0.9).contains(&theta)),
        ),
        (
            "outage.loss",
            s.outage
                .is_some_and(|(_, loss)| !(0.0001..=0.1).contains(&loss)),
        ),
        ("hang", s.hang.is_some() && by_count),
        (
            "hang.after",
            s.hang
                .is_some_and(|(after, _)| bad_span(after, LONGEST_SLOW_CALL)),
        ),
        (
            "hang.starts",
            s.hang.is_some_and(|(_, starts)| bad_count(starts, 1_000)),
        ),
        ("lenient", lenient.is_some() && by_count),
        ("lenient.weight", lenient.is_some_and(bad_weight)),
        (
            "rules",
            judged == [false; 2] && counted == [false; 2] && s.outage.is_none() && s.hang.is_none(),
        ),
        ("open_for.adaptive", s.adaptive && by_count),
        ("open_for.base", !s.adaptive && bad_span(s.base, YEAR)),
        (
            "open_for.factor",
            !s.adaptive && (!s.factor.is_finite() || s.factor < 1.0),
        ),
        (
            "open_for.max",
            s.max.is_some_and(|max| {
                let least = if s.adaptive { LEAST } else { s.base.min(YEAR) };
                bad_span(max, YEAR) || max < least
            }),
        ),
        (
            "open_for.jitter",
            s.jitter.is_nan() || s.jitter < 0.0 || s.jitter >= 1.0 || s.adaptive && s.jitter != 0.0,
        ),
        (
            "open_for.reset_after",
            s.reset_after > YEAR || s.adaptive && !s.reset_after.is_zero(),
        ),
        (results, bad_results),
        ("half_open.failure_rate", bad_probe_rate),
        (
            "half_open.slow_rate",
            s.probe_slow_rate
                .is_some_and(|rate| !slow_rate_allowed || bad_rate(rate) || unmeasured),
        ),
        (
            "half_open.max_probes",
            s.max_probes.is_some_and(|n| bad_count(n, 255)),
        ),
        (
            "half_open.probe_timeout",
            s.probe_timeout
                .is_some_and(|timeout| bad_span(timeout, YEAR)),
        ),
        ("half_open.ramp", s.ramp && by_count),
        (
            "on_cancel",
            s.on_cancel == OnCancel::FailureIfSlow && unmeasured,
        ),
        (
            "max_in_flight",
            s.max_in_flight.is_some_and(|n| bad_count(n, u32::MAX)),
        ),
    ];
    reads
        .into_iter()
        .filter(|read| read.1)
        .map(|read| read.0)
        .collect()
}

fn window(s: &Settings) -> (bool, bool) {
    match s.span {
        Span::Count(size) => (bad_count(size, LARGEST_COUNT_WINDOW), s.buckets.is_some()),
        Span::Time(total) => {
            let buckets = s.buckets.unwrap_or(10);
            let bad = bad_span(total, DAY);
            let divides = buckets != 0 && total.as_nanos() % u128::from(buckets) == 0;
            (bad, bad_count(buckets, 3600) || !bad && !divides)
        }
    }
}
