//! What a tuner may set.

use crate::config::Problem;
use crate::integrations::insight::advisor::Means;
use crate::integrations::insight::setting::{
    CONSECUTIVE_FAILURES, FAILURE_COUNT, FAILURE_RATE, MIN_THROUGHPUT, OPEN_FOR, PROBE_TIMEOUT,
    SLOW_CALL, SLOW_RATE, put,
};
use crate::integrations::insight::value::Value;
use crate::{Backoff, Config, ConfigError, Controller, Observer};
use std::ops::RangeInclusive;
use std::time::Duration;

/// From here on, a wait is long enough to be adaptive: so long is the first one at most.
const ADAPTIVE: Duration = Duration::from_millis(250);

/// What a [`Tuner`](super::Tuner) may set: a range for each setting. A setting without a range is never touched.
///
/// ```
/// use std::time::Duration;
/// use tripcoil::insight::Bounds;
///
/// let bounds = Bounds::new()
///     .min_throughput(5..=1000)
///     .consecutive_failures(5..=100)
///     .failure_rate(0.3..=0.9)
///     .slow_call(Duration::from_millis(50)..=Duration::from_secs(2))
///     .open_for(Duration::from_millis(250)..=Duration::from_secs(60));
/// # drop(bounds);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use]
pub struct Bounds {
    min_throughput: Option<RangeInclusive<u32>>,
    consecutive_failures: Option<RangeInclusive<u32>>,
    failure_count: Option<RangeInclusive<u32>>,
    failure_rate: Option<RangeInclusive<f64>>,
    slow_rate: Option<RangeInclusive<f64>>,
    slow_call: Option<RangeInclusive<Duration>>,
    open_for: Option<RangeInclusive<Duration>>,
    probe_timeout: Option<RangeInclusive<Duration>>,
}

impl Bounds {
    /// Returns bounds by which nothing is touched.
    pub fn new() -> Bounds {
        Bounds::default()
    }

    /// Lets [`Config::min_throughput`] be set within this range.
    pub fn min_throughput(mut self, calls: RangeInclusive<u32>) -> Bounds {
        self.min_throughput = Some(calls);
        self
    }

    /// Lets [`Config::consecutive_failures`] be set within this range, if that rule is on.
    pub fn consecutive_failures(mut self, failures: RangeInclusive<u32>) -> Bounds {
        self.consecutive_failures = Some(failures);
        self
    }

    /// Lets [`Config::failure_count`] be set within this range, if that rule is on.
    pub fn failure_count(mut self, failures: RangeInclusive<u32>) -> Bounds {
        self.failure_count = Some(failures);
        self
    }

    /// Lets [`Config::failure_rate`] be set within this range, if that rule is on.
    pub fn failure_rate(mut self, rates: RangeInclusive<f64>) -> Bounds {
        self.failure_rate = Some(rates);
        self
    }

    /// Lets [`Config::slow_rate`] be set within this range, if that rule is on.
    pub fn slow_rate(mut self, rates: RangeInclusive<f64>) -> Bounds {
        self.slow_rate = Some(rates);
        self
    }

    /// Lets [`Config::slow_call`] be set within this range, if there is a slow limit.
    pub fn slow_call(mut self, limits: RangeInclusive<Duration>) -> Bounds {
        self.slow_call = Some(limits);
        self
    }

    /// Lets [`Config::open_for`] be set within this range: its base, and the longest wait. From 250 ms or less, and under a
    /// time window, the wait may become [adaptive](Backoff::adaptive).
    pub fn open_for(mut self, waits: RangeInclusive<Duration>) -> Bounds {
        self.open_for = Some(waits);
        self
    }

    /// Lets [`HalfOpen::probe_timeout`](crate::HalfOpen::probe_timeout) be set within this range, if there is one.
    pub fn probe_timeout(mut self, limits: RangeInclusive<Duration>) -> Bounds {
        self.probe_timeout = Some(limits);
        self
    }

    /// What advice may make use of.
    pub(super) fn means(&self) -> Means {
        let adaptive = self.open_for.as_ref();
        Means {
            fixed: false,
            adaptive: adaptive.is_some_and(|waits| waits.contains(&ADAPTIVE)),
        }
    }

    /// Returns what to set instead of the present value, on the way to the suggested one; `None` if the range has nothing
    /// nearer to it.
    pub(super) fn within(
        &self,
        setting: &str,
        present: &Value,
        suggested: &Value,
    ) -> Option<Value> {
        match (present, suggested) {
            (Value::Count(from), Value::Count(to)) => {
                let range = match setting {
                    MIN_THROUGHPUT => &self.min_throughput,
                    CONSECUTIVE_FAILURES => &self.consecutive_failures,
                    FAILURE_COUNT => &self.failure_count,
                    _ => &None,
                };
                nearer(range.as_ref()?, *from, *to).map(Value::Count)
            }
            (Value::Rate(from), Value::Rate(to)) => {
                let range = match setting {
                    FAILURE_RATE => &self.failure_rate,
                    SLOW_RATE => &self.slow_rate,
                    _ => &None,
                };
                nearer(range.as_ref()?, *from, *to).map(Value::Rate)
            }
            (Value::Time(from), Value::Time(to)) => {
                let range = match setting {
                    SLOW_CALL => &self.slow_call,
                    PROBE_TIMEOUT => &self.probe_timeout,
                    _ => &None,
                };
                nearer(range.as_ref()?, *from, *to).map(Value::Time)
            }
            (Value::Wait(from), Value::Wait(to)) if setting == OPEN_FOR => {
                let range = self.open_for.as_ref()?;
                let most =
                    |wait: &Backoff| Duration::from_nanos(wait.cap_nanos()).min(*range.end());
                if to.adaptive {
                    return Some(Value::Wait(to.clone().max(most(to))));
                }
                let base = nearer(range, from.base, to.base)?;
                let wait = Backoff { base, ..to.clone() };
                Some(Value::Wait(wait.max(most(to))))
            }
            _ => None,
        }
    }

    /// Returns whether a breaker can have all of it, and the controller is that breaker's.
    pub(super) fn validate(
        &self,
        observer: &Observer,
        controller: &Controller,
    ) -> Result<(), ConfigError> {
        let mut problems = self.problems(&observer.config());
        let name = observer.name();
        let of = controller.observer();
        if !of.is_same(observer) {
            problems.push(Problem {
                field: "controller",
                value: format!("that of {:?}", of.name()),
                permitted: format!("that of {name:?}, from which the insight learns"),
            });
        }
        ConfigError::of(problems).map_err(|error| error.of_breaker(name))
    }

    /// Returns what is wrong, in the order of the settings.
    fn problems(&self, config: &Config) -> Vec<Problem> {
        let wait = |wait| Value::Wait(Backoff::constant(wait));
        let found = [
            wrong(
                config,
                FAILURE_RATE,
                self.failure_rate.as_ref(),
                Value::Rate,
            ),
            wrong(
                config,
                MIN_THROUGHPUT,
                self.min_throughput.as_ref(),
                Value::Count,
            ),
            wrong(config, SLOW_CALL, self.slow_call.as_ref(), Value::Time),
            wrong(config, SLOW_RATE, self.slow_rate.as_ref(), Value::Rate),
            wrong(
                config,
                CONSECUTIVE_FAILURES,
                self.consecutive_failures.as_ref(),
                Value::Count,
            ),
            wrong(
                config,
                FAILURE_COUNT,
                self.failure_count.as_ref(),
                Value::Count,
            ),
            wrong(config, OPEN_FOR, self.open_for.as_ref(), wait),
            wrong(
                config,
                PROBE_TIMEOUT,
                self.probe_timeout.as_ref(),
                Value::Time,
            ),
        ];
        found.into_iter().flatten().collect()
    }
}

/// Returns the value of the range that is nearest to `to`, if it is nearer than `from`.
fn nearer<T: PartialOrd + Copy>(range: &RangeInclusive<T>, from: T, to: T) -> Option<T> {
    let least = if to < *range.start() {
        *range.start()
    } else {
        to
    };
    let clamped = if least > *range.end() {
        *range.end()
    } else {
        least
    };
    let rises = from < clamped && clamped <= to;
    let falls = to <= clamped && clamped < from;
    (rises || falls).then_some(clamped)
}

/// Returns what is wrong with a range: it is empty, or one of its ends is a value that the setting cannot have.
fn wrong<T: PartialOrd + Copy + std::fmt::Debug>(
    config: &Config,
    setting: &'static str,
    range: Option<&RangeInclusive<T>>,
    value: impl Fn(T) -> Value,
) -> Option<Problem> {
    let range = range?;
    let (least, most) = (*range.start(), *range.end());
    let problem = |permitted: String| {
        Some(Problem {
            field: setting,
            value: format!("{range:?}"),
            permitted,
        })
    };
    // in each of these, a breaker refuses it for its value alone
    let refused = |end| {
        let mut config = config.clone();
        if setting == SLOW_RATE {
            config.slow_call.get_or_insert(Duration::from_secs(1));
        }
        put(&mut config, setting, &value(end));
        let error = config.validate().err()?;
        let of_it = |problem: &&Problem| problem.field.starts_with(setting);
        Some(error.problems().iter().find(of_it)?.permitted.clone())
    };
    if let Some(permitted) = refused(least).or_else(|| refused(most)) {
        // "from 1 to 9", "above 0 and at most 1"
        let within = match permitted.strip_prefix("from ") {
            Some(ends) => format!("within {ends}"),
            None => format!("of values {permitted}"),
        };
        return problem(format!("a range {within}"));
    }
    // NaN was refused
    if least > most || range.is_empty() {
        return problem("a range from a smaller value to a larger one".into());
    }
    None
}

#[cfg(test)]
mod tests;
