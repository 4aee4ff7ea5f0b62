//! Which settings are doubtful, and what to set.

use crate::Config;
use crate::integrations::insight::advisor::{Advisor, Means};
use crate::integrations::insight::expected::expected;
use crate::integrations::insight::observed::{CALLS, Observed, SECONDS};
use crate::integrations::insight::observer::Insight;
use crate::integrations::insight::setting::{is_live, put};
use crate::integrations::insight::value::Value;
use crate::integrations::insight::wording::{figure, often, percent, readable};
use serde::{Serialize, Serializer};
use std::fmt;
use std::time::Duration;

/// A doubtful setting, and a better value.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Suggestion {
    /// The setting, as its path in [`Config`]: `"min_throughput"`, `"half_open.probe_timeout"`.
    pub setting: &'static str,
    /// The value in force.
    pub present: Value,
    /// The better value.
    pub suggested: Value,
    /// Why, as a sentence.
    pub reason: String,
    /// Whether [`reconfigure`](crate::Controller::reconfigure) can set it. The window, and whether durations are kept,
    /// are fixed when the breaker is built.
    pub live: bool,
}

/// What is expected of the settings as they are, and as they are suggested.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Compared<T> {
    /// With the present settings.
    pub before: T,
    /// With all that is suggested.
    pub after: T,
}

/// Which settings are doubtful, and what they should be: see [`Insight::advice`] and [`advise`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Advice {
    /// Whether enough traffic was seen to judge: 1,000 calls in 300 s. If not, nothing is suggested.
    pub enough: bool,
    /// Calls per second, and the part of them that fails: what the advice is for.
    pub pace: f64,
    /// The part of the calls that fail outside of outages.
    pub failure_rate: f64,
    /// The doubtful settings.
    pub suggestions: Vec<Suggestion>,
    /// Openings per day without an outage, as computed from the pace and the rates of failures and slow calls, of calls
    /// that are independent of each other: bursts are not in it. A window is taken to be fresh once per hour. Lenient
    /// kinds count as other failures, and the hang rule is not in it.
    pub false_trips_per_day: Compared<f64>,
    /// How long an outage lasts in which every call fails at once, before the first rule trips; without a rule on
    /// failures, one in which every call is slow. In seconds if serialised. `None` if no such rule would, as if only the
    /// hang rule is on.
    #[serde(serialize_with = "detections")]
    pub time_to_detect: Compared<Option<Duration>>,
}

fn detections<S: Serializer>(
    detect: &Compared<Option<Duration>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let seconds = |span: Option<Duration>| span.map(|span| span.as_secs_f64());
    Compared {
        before: seconds(detect.before),
        after: seconds(detect.after),
    }
    .serialize(serializer)
}

/// Returns which of the settings are doubtful for what was seen, and what to set.
///
/// A setting is doubtful if its rule is expected to open the breaker more often than its share of once in 100 days
/// without an outage, if it cannot do what it is for (a window that never holds `min_throughput` calls, a slow limit
/// that more than one call in a hundred exceeds, a probe timeout shorter than twice the longest healthy call), or if the
/// wait is much longer than the outages call for. Once in 100 days: with a hundred breakers, an operator sees one false
/// opening per day. A suggestion leaves room for twice the rate of failures that was seen, and is not larger than
/// that takes, within a fifth.
///
/// With the suggested settings and the same traffic, nothing more is suggested. (The slow calls of the same traffic are
/// fewer by a longer limit.)
///
/// ```
/// use std::time::Duration;
/// use tripcoil::Config;
/// use tripcoil::insight::{Observed, advise};
///
/// let config = Config { slow_call: Some(Duration::from_millis(100)), slow_rate: Some(0.3), ..Config::default() };
/// let ms = |ms| Some(Duration::from_millis(ms));
/// let seen = Observed::new(3_600_000, Duration::from_secs(3600)).quantiles(ms(20), ms(150), ms(280));
/// let advice = advise(&seen, &config);
/// let slow = &advice.suggestions[0];
/// assert_eq!((slow.setting, slow.suggested.to_string()), ("slow_call", "\"280ms\"".into()));
/// let better = advice.config(&config);
/// better.validate()?;
/// assert!(advise(&seen, &better).suggestions.is_empty());
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
#[must_use]
pub fn advise(seen: &Observed, config: &Config) -> Advice {
    advise_by(seen, config, Means::ALL)
}

/// Gives the advice that these means can follow.
pub(super) fn advise_by(seen: &Observed, config: &Config, means: Means) -> Advice {
    let enough = seen.suffices();
    let before = expected(seen, config);
    // figures are of some worth only if the settings are
    let judged = enough && config.validate().is_ok();
    let (suggestions, after) = if judged {
        let mut advisor = Advisor::new(seen, config, means);
        advisor.judge();
        let after = expected(&advisor.seen, &advisor.config);
        (advisor.suggestions, after)
    } else {
        (Vec::new(), before)
    };
    Advice {
        enough,
        pace: seen.pace,
        failure_rate: seen.failing,
        suggestions: suggestions
            .into_iter()
            .map(|(setting, present, suggested, reason)| Suggestion {
                setting,
                present,
                suggested,
                reason,
                live: is_live(setting),
            })
            .collect(),
        false_trips_per_day: Compared {
            before: before.false_trips,
            after: after.false_trips,
        },
        time_to_detect: Compared {
            before: before.detect,
            after: after.detect,
        },
    }
}

impl Advice {
    /// Returns these settings with all that is suggested applied.
    #[must_use]
    pub fn config(&self, config: &Config) -> Config {
        let mut config = config.clone();
        for suggestion in &self.suggestions {
            put(&mut config, suggestion.setting, &suggestion.suggested);
        }
        config
    }
}

/// For a terminal or a log: the traffic, each doubtful setting with its reason, and what changes.
impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.enough {
            return write!(
                f,
                "Too little traffic was seen for advice: it takes {CALLS} calls in {SECONDS} s."
            );
        }
        let (pace, failing) = (figure(self.pace), percent(self.failure_rate));
        let traffic = format!("At {pace} calls per second, of which {failing} fail,");
        match self.suggestions.as_slice() {
            [] => writeln!(f, "{traffic} the settings are fine.")?,
            [_] => writeln!(f, "{traffic} one setting is doubtful:\n")?,
            all => writeln!(f, "{traffic} {} settings are doubtful:\n", all.len())?,
        }
        for suggestion in &self.suggestions {
            writeln!(f, "{suggestion}\n")?;
        }
        let Compared { before, after } = self.false_trips_per_day;
        let (was, will) = (
            seen_after(self.time_to_detect.before),
            seen_after(self.time_to_detect.after),
        );
        if self.suggestions.is_empty() {
            return write!(
                f,
                "False openings: {}. A total outage is seen {was}.",
                often(before)
            );
        }
        write!(
            f,
            "False openings: {} now, {} then. A total outage is seen {was} now, {will} then.",
            often(before),
            often(after),
        )
    }
}

impl fmt::Display for Suggestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Suggestion {
            setting,
            present,
            suggested,
            reason,
            live,
        } = self;
        write!(
            f,
            "  {setting} = {suggested}    (now {present})\n    {reason}"
        )?;
        if !live {
            f.write_str(" It is fixed when the breaker is built.")?;
        }
        Ok(())
    }
}

fn seen_after(detect: Option<Duration>) -> String {
    match detect {
        Some(span) => format!("after {}", readable(span)),
        None => "never".into(),
    }
}

impl Insight {
    /// Returns which of the breaker's settings are doubtful for the traffic that was seen, and what to set.
    ///
    /// Durations are known if they [are kept](Config::durations), over the breaker's whole life. Without them, advice
    /// on the slow limit says so. A count window has no buckets, so that its pace is not known and there is no advice;
    /// [`advise`] can judge it.
    ///
    /// ```
    /// use tripcoil::Breaker;
    /// use tripcoil::insight::Insight;
    ///
    /// let breaker = Breaker::builder("payments").durations(true).build()?;
    /// let insight = Insight::new(&breaker.observer());
    /// // after some traffic, now and then
    /// let advice = insight.advice();
    /// println!("{advice}");
    /// # assert!(!advice.enough);
    /// # Ok::<(), tripcoil::ConfigError>(())
    /// ```
    #[must_use]
    pub fn advice(&self) -> Advice {
        let config = self.observer().config();
        advise(&self.observed_under(&config), &config)
    }

    /// Returns what advice is drawn from, to judge other settings by it.
    ///
    /// ```
    /// use tripcoil::insight::{Insight, advise};
    /// use tripcoil::{Breaker, Config};
    ///
    /// let breaker = Breaker::builder("payments").build()?;
    /// let insight = Insight::new(&breaker.observer());
    /// let adaptive = advise(&insight.observed(), &Config::adaptive());
    /// println!("an adaptive breaker would open falsely {:.3} times per day", adaptive.false_trips_per_day.after);
    /// # assert_eq!(adaptive.false_trips_per_day.after, 0.0);
    /// # Ok::<(), tripcoil::ConfigError>(())
    /// ```
    pub fn observed(&self) -> Observed {
        self.observed_under(&self.observer().config())
    }

    /// The same, of a breaker with these settings.
    pub(super) fn observed_under(&self, config: &Config) -> Observed {
        let report = self.report();
        let snapshot = self.observer().snapshot();
        let traffic = report.traffic;
        let totals = snapshot.totals;
        let over = Duration::from_secs(traffic.intervals.into());
        let mut seen = Observed::new(totals.successes + totals.failures, over)
            .pace(traffic.pace)
            .failure_rate(traffic.failure_rate);
        if config.slow_call.is_some() {
            seen = seen.slow_rate(traffic.slow_rate);
        }
        if let Some(durations) = &snapshot.durations {
            let at = |part| durations.quantile(part);
            seen = seen.quantiles(at(0.5), at(0.99), at(0.999));
        }
        for outage in report.outages.iter().filter(|outage| outage.is_by_itself()) {
            seen = seen.outage(outage.lasted(report.at));
            if let Some(cause) = outage.cause
                && outage.may_be_false()
            {
                seen = seen.false_opening(cause, outage.counts.calls);
            }
        }
        seen
    }
}

#[cfg(test)]
mod tests;
