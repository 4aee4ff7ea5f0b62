//! What a configuration may not be, told all at once.
//!
//! Each check says its field, the value as it was given and what would be taken instead; none
//! corrects anything. Where one mistake would show twice (a window of zero has buckets of zero),
//! it is told once.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Display;
use core::time::Duration;

use crate::config::{Config, HalfOpen, OnCancel, Recovery, Span};
use crate::error::{ConfigError, Problem};
use crate::round::ROUND_MAX;

/// The longest window.
const MAX_WINDOW: Duration = Duration::from_secs(24 * 3600);
const MAX_BUCKETS: u32 = 3600;
/// What a count window's words index.
const MAX_COUNT: u32 = (1 << 20) - 1;
/// The longest wait: a deadline in milliseconds has room for it beside its tag.
const MAX_WAIT: Duration = Duration::from_secs(365 * 24 * 3600);
/// The longest slow limit, which lies beside a version tag.
const MAX_SLOW_CALL: Duration = Duration::from_nanos((1 << 40) - 1);

impl Config {
    /// Whether a breaker can be built of this.
    ///
    /// # Errors
    /// Every problem that there is, each with its field, its value and what is permitted: values
    /// out of their ranges (see the fields), settings that need another one that is missing, no
    /// trip rule at all, and rules that could never become true.
    ///
    /// ```
    /// use tripcoil::{Config, Window};
    ///
    /// let config = Config { window: Window::count(10), failure_count: Some(11), ..Config::default() };
    /// let error = config.validate().unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "invalid breaker configuration:\n\
    ///      failure_count is 11, permitted is 1 to 10, the size of the window"
    /// );
    /// ```
    pub fn validate(&self) -> Result<(), ConfigError> {
        let mut found = Found(Vec::new());
        self.check_window(&mut found);
        self.check_rules(&mut found);
        self.check_open_for(&mut found);
        self.check_half_open(&mut found);
        if self.on_cancel == OnCancel::FailureIfSlow && self.slow_call.is_none() {
            let without = "Ignored or Failure, unless there is a slow_call";
            found.add("on_cancel", "FailureIfSlow without a slow_call", without);
        }
        if !self.clock.is_set() {
            found.add(
                "clock",
                "none",
                "a clock that is named: there is no default without std",
            );
        }
        ConfigError::of(found.0)
    }

    fn check_window(&self, found: &mut Found) {
        match self.window.span {
            Span::Count(size) => {
                found.count("window", size, MAX_COUNT);
                if let Some(buckets) = self.window.buckets {
                    found.add(
                        "window.buckets",
                        buckets,
                        "none: a count window has no buckets",
                    );
                }
            }
            Span::Time(total) => {
                let buckets = self.window.buckets_in_force();
                let whole = found.duration("window", total, MAX_WINDOW);
                let countable = found.count("window.buckets", buckets, MAX_BUCKETS);
                if whole && countable {
                    self.check_width(total, buckets, found);
                }
            }
        }
    }

    /// Both are in their ranges.
    fn check_width(&self, total: Duration, buckets: u32, found: &mut Found) {
        let width = total / buckets;
        let finest = self.finest();
        if width * buckets != total {
            let whole = format!("a number that divides {total:?} into whole nanoseconds");
            found.add("window.buckets", buckets, whole);
        } else if width < finest {
            let wide = format!("buckets of {finest:?} or more, as fine as the clock is");
            found.add("window.buckets", format!("{buckets} of {width:?}"), wide);
        }
    }

    fn check_rules(&self, found: &mut Found) {
        if let Some(rate) = self.failure_rate {
            found.rate("failure_rate", rate);
        }
        if let Some(calls) = self.min_throughput {
            self.check_reachable("min_throughput", calls, found);
        }
        if let Some(limit) = self.slow_call {
            let packed = found.duration("slow_call", limit, MAX_SLOW_CALL);
            let finest = self.finest();
            if packed && limit < finest {
                let coarse = format!("{finest:?} or more, as fine as the clock is");
                found.add("slow_call", format!("{limit:?}"), coarse);
            }
        }
        if let Some(rate) = self.slow_rate {
            found.rate("slow_rate", rate);
            self.check_measured("slow_rate", rate, found);
        }
        if let Some(n) = self.consecutive_failures {
            // A run is counted whatever the window, so that no window is too small for it.
            found.count("consecutive_failures", n, u32::MAX);
        }
        if let Some(n) = self.failure_count {
            self.check_reachable("failure_count", n, found);
        }
        let failure_rules = [
            self.consecutive_failures.is_some(),
            self.failure_count.is_some(),
            self.failure_rate.is_some(),
        ];
        if !failure_rules.contains(&true) && self.slow_rate.is_none() {
            let some =
                "at least one of consecutive_failures, failure_count, failure_rate, slow_rate";
            found.add("rules", "none", some);
        }
    }

    /// More outcomes than the window ever holds: the rule could never be true.
    fn check_reachable(&self, field: &'static str, n: u32, found: &mut Found) {
        match self.window.span {
            // A size out of range is a problem of its own, and no measure.
            Span::Count(size) if (1..=MAX_COUNT).contains(&size) && !(1..=size).contains(&n) => {
                found.add(field, n, format!("1 to {size}, the size of the window"));
            }
            _ => {
                found.count(field, n, u32::MAX);
            }
        }
    }

    fn check_measured(&self, field: &'static str, rate: f64, found: &mut Found) {
        if self.slow_call.is_none() {
            let value = format!("{rate} without a slow_call");
            found.add(field, value, "none, unless there is a slow_call");
        }
    }

    fn check_open_for(&self, found: &mut Found) {
        let backoff = &self.open_for;
        let base = backoff.base;
        found.duration("open_for.base", base, MAX_WAIT);
        if !(backoff.factor.is_finite() && backoff.factor >= 1.0) {
            found.add(
                "open_for.factor",
                backoff.factor,
                "a finite number, 1 or more",
            );
        }
        if let Some(max) = backoff.max
            && (max.is_zero() || max < base.min(MAX_WAIT) || max > MAX_WAIT)
        {
            let range = format!("the base, {base:?}, to {MAX_WAIT:?} (365 days)");
            found.add("open_for.max", format!("{max:?}"), range);
        }
        if !(backoff.jitter >= 0.0 && backoff.jitter < 1.0) {
            found.add("open_for.jitter", backoff.jitter, "0 or more, and below 1");
        }
        let reset_after = backoff.reset_after;
        if reset_after > MAX_WAIT {
            let range = format!("0 to {MAX_WAIT:?} (365 days)");
            found.add("open_for.reset_after", format!("{reset_after:?}"), range);
        }
    }

    fn check_half_open(&self, found: &mut Found) {
        let HalfOpen {
            recovery,
            max_probes,
            probe_timeout,
            stray_slow_rate,
        } = &self.half_open;
        match *recovery {
            Recovery::Successes(n) => {
                found.count("half_open.successes", n, ROUND_MAX);
                if let Some(rate) = stray_slow_rate {
                    let none = "none: a round by successes goes by the breaker's slow_rate";
                    found.add("half_open.slow_rate", rate, none);
                }
            }
            Recovery::Rate {
                of,
                failure_rate,
                slow_rate,
            } => {
                found.count("half_open.of", of, ROUND_MAX);
                found.rate("half_open.failure_rate", failure_rate);
                if let Some(rate) = slow_rate {
                    found.rate("half_open.slow_rate", rate);
                    self.check_measured("half_open.slow_rate", rate, found);
                }
            }
        }
        if let Some(n) = *max_probes {
            found.count("half_open.max_probes", n, ROUND_MAX);
        }
        found.duration("half_open.probe_timeout", *probe_timeout, MAX_WAIT);
    }

    /// The smallest duration that the clock tells from zero.
    fn finest(&self) -> Duration {
        Duration::from_nanos(self.clock.resolution())
    }
}

struct Found(Vec<Problem>);

impl Found {
    fn add(&mut self, field: &'static str, value: impl Display, permitted: impl Into<String>) {
        self.0.push(Problem {
            field,
            value: value.to_string(),
            permitted: permitted.into(),
        });
    }

    /// The checks of a range say whether the value is in it.
    fn count(&mut self, field: &'static str, n: u32, most: u32) -> bool {
        let fine = (1..=most).contains(&n);
        if !fine {
            self.add(field, n, format!("1 to {most}"));
        }
        fine
    }

    /// NaN is in no range, and so is refused with the rest.
    fn rate(&mut self, field: &'static str, rate: f64) -> bool {
        let fine = rate > 0.0 && rate <= 1.0;
        if !fine {
            self.add(field, rate, "above 0, and at most 1");
        }
        fine
    }

    fn duration(&mut self, field: &'static str, duration: Duration, most: Duration) -> bool {
        let fine = !duration.is_zero() && duration <= most;
        if !fine {
            self.add(
                field,
                format!("{duration:?}"),
                format!("above 0, and at most {most:?}"),
            );
        }
        fine
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backoff::Backoff;
    use crate::clock::{Clock, ManualClock};
    use crate::config::Window;

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
        assert_eq!(value, Some("10 of 100µs"));
        assert!(told.is_some_and(|problem| problem.permitted.contains("1ms")));
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
}
