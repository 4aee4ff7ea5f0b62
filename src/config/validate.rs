//! What is wrong with a configuration, all at once.
//!
//! Each check reports its field, the value as given, and what is permitted; it corrects nothing. If
//! one mistake would show twice (a window of zero has buckets of zero), it is reported once.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Display;
use core::time::Duration;

use crate::config::backoff::ADAPTIVE_LEAST;
use crate::config::settings::{
    Config, HalfOpen, Hang, Lenient, OnCancel, Outage, RecoveryRule, Span,
};
use crate::error::{ConfigError, NO_RULE, Problem};
use crate::words::leniency::EIGHTHS;
#[cfg(feature = "persist")]
use crate::words::outcome::State;
use crate::words::round::ROUND_MAX;
use crate::words::watch::STARTS_MAX;

/// The longest window.
pub(crate) const MAX_WINDOW: Duration = Duration::from_secs(24 * 3600);
pub(crate) const MAX_BUCKETS: u32 = 3600;
/// What a count window's words index.
pub(crate) const MAX_COUNT: u32 = (1 << 20) - 1;
/// The longest run to trip at: its length has 32 bits, in eighths.
pub(crate) const MAX_RUN: u32 = (1 << 29) - 1;
/// The longest history, of 56 bytes per transition.
const MAX_HISTORY: u32 = 1 << 16;
/// The longest wait: a deadline in milliseconds has room for it beside its tag.
const MAX_WAIT: Duration = Duration::from_secs(365 * 24 * 3600);
/// The most calls that the hang rule asks for: a watch counts a few more.
const MAX_STARTS: u32 = 1000;
const _: () = assert!(MAX_STARTS < STARTS_MAX);

/// The longest slow limit, which lies beside a version tag.
const MAX_SLOW_CALL: Duration = Duration::from_nanos((1 << 40) - 1);

/// The state in which a breaker starts.
#[derive(Clone, Copy)]
pub(crate) enum Begins {
    /// The configured one.
    Initial,
    /// A saved one, which takes precedence.
    #[cfg(feature = "persist")]
    Restored(State),
}

impl Config {
    /// Returns whether a breaker can be built from this configuration.
    ///
    /// # Errors
    ///
    /// Returns every problem, each with its field, its value and what is permitted: values out of
    /// range (see the fields), settings that need another one that is missing, no trip rule at all,
    /// and rules that could never become true.
    ///
    /// An override as the initial state is accepted here. It needs a controller, and only the build
    /// knows whether there is one.
    ///
    /// ```
    /// use tripcoil::{Config, Window};
    ///
    /// let config = Config { window: Window::count(10), failure_count: Some(11), ..Config::default() };
    /// let error = config.validate().unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "invalid breaker configuration:\n\
    ///      failure_count is 11, but must be from 1 to 10, the size of the window"
    /// );
    /// ```
    pub fn validate(&self) -> Result<(), ConfigError> {
        ConfigError::of(self.problems().0)
    }

    /// Validates as `validate` does, for a breaker without a controller.
    ///
    /// # Errors
    ///
    /// Also refuses an override as the first state, because it could never be ended.
    pub(crate) fn validate_alone(&self, begins: Begins) -> Result<(), ConfigError> {
        let mut problems = self.problems();
        let (state, restored) = match begins {
            Begins::Initial => (self.initial_state, ""),
            #[cfg(feature = "persist")]
            Begins::Restored(state) => (state, ", restored"),
        };
        if state.is_override() {
            let ends = "Closed, Open or HalfOpen unless the controller that can end it is handed out, \
                by build_with_controller or from_config_with_controller";
            problems.add("initial_state", format!("{state:?}{restored}"), ends);
        }
        ConfigError::of(problems.0)
    }

    fn problems(&self) -> Problems {
        let mut problems = Problems(Vec::new());
        self.check_window(&mut problems);
        self.check_rules(&mut problems);
        self.check_open_for(&mut problems);
        self.check_half_open(&mut problems);
        if self.on_cancel == OnCancel::FailureIfSlow && self.slow_call.is_none() {
            let without = "ignored or failure unless slow_call is set";
            problems.add("on_cancel", "failure_if_slow", without);
        }
        if let Some(n) = self.max_in_flight {
            problems.count("max_in_flight", n, u32::MAX);
        }
        problems.count("history", self.history, MAX_HISTORY);
        if let Some(missing) = self.clock.missing() {
            let own = "a ManualClock or a Clock::custom, since this target has no clock";
            problems.add("clock", missing, own);
        }
        problems
    }

    fn check_window(&self, problems: &mut Problems) {
        match self.window.span {
            Span::Count(size) => {
                problems.count("window", size, MAX_COUNT);
                if let Some(buckets) = self.window.buckets {
                    problems.add(
                        "window.buckets",
                        buckets,
                        "unset, since a count window has no buckets",
                    );
                }
            }
            Span::Time(total) => {
                let buckets = self.window.buckets_in_force();
                let whole = problems.duration("window", total, MAX_WINDOW);
                let countable = problems.count("window.buckets", buckets, MAX_BUCKETS);
                if whole && countable {
                    self.check_width(total, buckets, problems);
                }
            }
        }
    }

    /// Both are in their ranges.
    fn check_width(&self, total: Duration, buckets: u32, problems: &mut Problems) {
        let width = total / buckets;
        let finest = self.finest();
        if width * buckets != total {
            let whole = format!("a number that divides {total:?} into whole nanoseconds");
            problems.add("window.buckets", buckets, whole);
        } else if width < finest {
            let wide = match total.as_nanos() / finest.as_nanos() {
                0 => format!("part of a window of {finest:?} or more, the clock's resolution"),
                most => format!(
                    "{}, so that each lasts {finest:?} or more, the clock's resolution",
                    up_to(most)
                ),
            };
            problems.add("window.buckets", buckets, wide);
        }
    }

    fn check_rules(&self, problems: &mut Problems) {
        if let Some(rate) = self.failure_rate {
            problems.rate("failure_rate", rate);
        }
        if let Some(calls) = self.min_throughput {
            self.check_reachable("min_throughput", calls, problems);
        }
        if let Some(limit) = self.slow_call {
            self.check_measurable("slow_call", limit, MAX_SLOW_CALL, problems);
        }
        if let Some(rate) = self.slow_rate {
            self.check_slow_rate("slow_rate", rate, problems);
        }
        if let Some(n) = self.consecutive_failures {
            // A run may be longer than what the window holds of it, so no window is too small for it.
            problems.count("consecutive_failures", n, MAX_RUN);
        }
        if let Some(n) = self.failure_count {
            self.check_reachable("failure_count", n, problems);
        }
        self.check_outage(problems);
        self.check_hang(problems);
        self.check_lenient(problems);
        let failure_rules = [
            self.outage.is_some(),
            self.consecutive_failures.is_some(),
            self.failure_count.is_some(),
            self.failure_rate.is_some(),
        ];
        if !failure_rules.contains(&true) && self.slow_rate.is_none() && self.hang.is_none() {
            let some = "at least one of consecutive_failures, failure_count, failure_rate, outage, slow_rate and hang";
            problems.add(NO_RULE, "none", some);
        }
    }

    fn check_outage(&self, problems: &mut Problems) {
        let Some(Outage { theta, loss }) = self.outage else {
            return;
        };
        if let Span::Count(_) = self.window.span {
            problems.add("outage", "set", "unset, since the rule needs a time window");
        }
        problems.within("outage.theta", theta, 0.01, 0.9);
        problems.within("outage.loss", loss, 0.0001, 0.1);
    }

    fn check_hang(&self, problems: &mut Problems) {
        let Some(Hang { after, starts }) = self.hang else {
            return;
        };
        if let Span::Count(_) = self.window.span {
            problems.add("hang", "set", "unset, since the rule needs a time window");
        }
        self.check_measurable("hang.after", after, MAX_SLOW_CALL, problems);
        problems.count("hang.starts", starts, MAX_STARTS);
    }

    fn check_lenient(&self, problems: &mut Problems) {
        let Some(Lenient { weight, .. }) = self.lenient_in_force() else {
            return; // without kinds the weight says nothing
        };
        if let Span::Count(_) = self.window.span {
            problems.add("lenient", "set", "unset, since weights need a time window");
        }
        // NaN is refused too
        let eighths = weight * EIGHTHS as f64;
        if !(eighths >= 0.0 && eighths < EIGHTHS as f64 && eighths as u64 as f64 == eighths) {
            let range = "from 0 to 0.875, a multiple of 0.125";
            problems.add("lenient.weight", weight, range);
        }
    }

    /// Refuses more outcomes than the window ever holds: the rule could never be true.
    fn check_reachable(&self, field: &'static str, n: u32, problems: &mut Problems) {
        match self.window.span {
            // A size out of range is a problem of its own, and no measure.
            Span::Count(size) if (1..=MAX_COUNT).contains(&size) && !(1..=size).contains(&n) => {
                problems.add(field, n, format!("{}, the size of the window", up_to(size)));
            }
            _ => {
                problems.count(field, n, u32::MAX);
            }
        }
    }

    /// Reports one problem at most: an invalid rate needs no slow limit either.
    fn check_slow_rate(&self, field: &'static str, rate: f64, problems: &mut Problems) {
        if problems.rate(field, rate) && self.slow_call.is_none() {
            problems.add(field, rate, "unset unless slow_call is set");
        }
    }

    /// Checks that it is in its range, and long enough for the clock to measure.
    fn check_measurable(
        &self,
        field: &'static str,
        duration: Duration,
        most: Duration,
        problems: &mut Problems,
    ) -> bool {
        let finest = self.finest();
        let in_range = problems.duration(field, duration, most);
        if in_range && duration < finest {
            let coarse = format!("{finest:?} or more, the clock's resolution");
            problems.add(field, format!("{duration:?}"), coarse);
        }
        in_range && duration >= finest
    }

    fn check_open_for(&self, problems: &mut Problems) {
        let backoff = &self.open_for;
        if backoff.adaptive {
            return self.check_adaptive(problems);
        }
        let base = backoff.base;
        let based = self.check_measurable("open_for.base", base, MAX_WAIT, problems);
        if !(backoff.factor.is_finite() && backoff.factor >= 1.0) {
            problems.add(
                "open_for.factor",
                backoff.factor,
                "a finite number, 1 or more",
            );
        }
        if let Some(max) = backoff.max
            && (max.is_zero() || max < base.min(MAX_WAIT) || max > MAX_WAIT)
        {
            let least = match based {
                true => format!("{base:?}, the base,"),
                false => "the base".into(),
            };
            let range = format!("from {least} to {}", readable(MAX_WAIT));
            problems.add("open_for.max", format!("{max:?}"), range);
        }
        if !(backoff.jitter >= 0.0 && backoff.jitter < 1.0) {
            problems.add("open_for.jitter", backoff.jitter, "at least 0 and below 1");
        }
        let reset_after = backoff.reset_after;
        if reset_after > MAX_WAIT {
            let range = format!("at most {}", readable(MAX_WAIT));
            problems.add("open_for.reset_after", format!("{reset_after:?}"), range);
        }
    }

    fn check_adaptive(&self, problems: &mut Problems) {
        let backoff = &self.open_for;
        if let Span::Count(_) = self.window.span {
            let timed = "false, since an adaptive backoff needs a time window";
            problems.add("open_for.adaptive", true, timed);
        }
        if let Some(max) = backoff.max
            && !(ADAPTIVE_LEAST..=MAX_WAIT).contains(&max)
        {
            let range = format!("from {ADAPTIVE_LEAST:?} to {}", readable(MAX_WAIT));
            problems.add("open_for.max", format!("{max:?}"), range);
        }
        if backoff.jitter != 0.0 {
            let own = "unset, since an adaptive backoff spreads its waits itself";
            problems.add("open_for.jitter", backoff.jitter, own);
        }
        let reset_after = backoff.reset_after;
        if !reset_after.is_zero() {
            let own = "unset, since an adaptive backoff counts no openings";
            problems.add("open_for.reset_after", format!("{reset_after:?}"), own);
        }
    }

    fn check_half_open(&self, problems: &mut Problems) {
        let HalfOpen {
            recovery,
            max_probes,
            probe_timeout,
            slow_rate,
            ramp,
        } = &self.half_open;
        match *recovery {
            RecoveryRule::Successes(n) => {
                problems.count("half_open.successes", n, ROUND_MAX);
                if let Some(rate) = slow_rate {
                    let none = "unset, since a round by successes uses the breaker's slow_rate";
                    problems.add("half_open.slow_rate", rate, none);
                }
            }
            RecoveryRule::Rate { of, failure_rate } => {
                problems.count("half_open.of", of, ROUND_MAX);
                problems.rate("half_open.failure_rate", failure_rate);
                if let Some(rate) = *slow_rate {
                    self.check_slow_rate("half_open.slow_rate", rate, problems);
                }
            }
        }
        if let Some(n) = *max_probes {
            problems.count("half_open.max_probes", n, ROUND_MAX);
        }
        if let Some(timeout) = *probe_timeout {
            problems.duration("half_open.probe_timeout", timeout, MAX_WAIT);
        }
        if ramp.is_some()
            && let Span::Count(_) = self.window.span
        {
            problems.add(
                "half_open.ramp",
                true,
                "false, since a ramp needs a time window",
            );
        }
    }

    /// Returns the shortest duration that the clock can measure.
    fn finest(&self) -> Duration {
        Duration::from_nanos(self.clock.resolution())
    }
}

fn up_to(most: impl Into<u128>) -> String {
    match most.into() {
        1 => "1".into(),
        most => format!("from 1 to {most}"),
    }
}

/// Returns a bound in readable units.
fn readable(bound: Duration) -> String {
    match bound {
        MAX_WAIT => "365 days".into(),
        MAX_WINDOW => "24 hours".into(),
        other => format!("{other:?}"),
    }
}

struct Problems(Vec<Problem>);

impl Problems {
    fn add(&mut self, field: &'static str, value: impl Display, permitted: impl Into<String>) {
        self.0.push(Problem {
            field,
            value: value.to_string(),
            permitted: permitted.into(),
        });
    }

    /// The range checks return whether the value is in the range.
    fn count(&mut self, field: &'static str, n: u32, most: u32) -> bool {
        let fine = (1..=most).contains(&n);
        if !fine {
            self.add(field, n, up_to(most));
        }
        fine
    }

    /// NaN is in no range, and is refused too.
    fn rate(&mut self, field: &'static str, rate: f64) -> bool {
        let fine = rate > 0.0 && rate <= 1.0;
        if !fine {
            self.add(field, rate, "above 0 and at most 1");
        }
        fine
    }

    /// NaN is refused too.
    fn within(&mut self, field: &'static str, value: f64, least: f64, most: f64) {
        if !(least..=most).contains(&value) {
            self.add(field, value, format!("from {least} to {most}"));
        }
    }

    fn duration(&mut self, field: &'static str, duration: Duration, most: Duration) -> bool {
        let fine = !duration.is_zero() && duration <= most;
        if !fine {
            self.add(
                field,
                format!("{duration:?}"),
                format!("above 0 and at most {}", readable(most)),
            );
        }
        fine
    }
}

#[cfg(test)]
mod tests;
