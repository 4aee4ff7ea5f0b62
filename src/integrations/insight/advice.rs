//! Which settings are doubtful, and what to set.

use crate::Config;
use crate::config::Problem;
use crate::integrations::insight::advisor::{Advisor, Means};
use crate::integrations::insight::expected::expected;
use crate::integrations::insight::observed::{CALLS, Observed, SECONDS};
use crate::integrations::insight::observer::Insight;
use crate::integrations::insight::setting::{is_live, put};
use crate::integrations::insight::value::Value;
use crate::integrations::insight::wording::{counted, figure, often, percent, readable};
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
    /// Whether enough traffic was seen to judge: at least 1,000 calls over at least 300 s. If not, nothing is suggested.
    pub enough: bool,
    /// Calls per second: what the advice is for.
    pub pace: f64,
    /// The share of calls that fail outside of outages.
    pub failure_rate: f64,
    /// The doubtful settings, with better values.
    pub suggestions: Vec<Suggestion>,
    /// What is doubtful even with all that is suggested, as sentences: a rule that opens falsely too often, or that can
    /// never open the breaker, and for which no better value is known.
    pub doubts: Vec<String>,
    /// Openings per day without an outage, as computed from the pace and the rates of failures and slow calls, of calls
    /// that come at random and are independent of each other: bursts are not in it. A window is taken to be fresh once
    /// per hour. Lenient kinds count as other failures, and the hang rule is not in it.
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
/// that takes, within a fifth. More calls are preferred to a longer window, and that to a higher rate. What no suggestion
/// mends is in [`Advice::doubts`].
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
    let (suggestions, doubts, after) = match config.validate() {
        _ if !enough => (Vec::new(), Vec::new(), before),
        Ok(()) => {
            let mut advisor = Advisor::new(seen, config, means);
            advisor.judge();
            let after = expected(&advisor.seen, &advisor.config);
            (advisor.suggestions, advisor.doubts, after)
        }
        Err(error) => {
            let invalid = |problem: &Problem| format!("No breaker can have this: {problem}.");
            let doubts = error.problems().iter().map(invalid).collect();
            (Vec::new(), doubts, before)
        }
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
        doubts,
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
                "Advice needs at least {} calls over at least {SECONDS} s.",
                figure(CALLS as f64)
            );
        }
        let pace = counted(self.pace, "call");
        let failing = percent(self.failure_rate);
        write!(f, "At {pace} per second, of which {failing} fail, ")?;
        match (self.suggestions.len(), self.doubts.as_slice()) {
            (0, []) => writeln!(f, "the settings are fine.")?,
            (0, _) => writeln!(f, "there are doubts, and no better values are known:\n")?,
            (1, _) => writeln!(f, "one setting is doubtful:\n")?,
            (n, _) => writeln!(f, "{n} settings are doubtful:\n")?,
        }
        for suggestion in &self.suggestions {
            writeln!(f, "{suggestion}\n")?;
        }
        if !self.suggestions.is_empty() && !self.doubts.is_empty() {
            writeln!(f, "Doubts remain with these settings:\n")?;
        }
        for doubt in &self.doubts {
            writeln!(f, "  {doubt}\n")?;
        }
        let Compared { before, after } = self.false_trips_per_day;
        let trips = Compared {
            before: often(before),
            after: often(after),
        };
        let Compared { before, after } = self.time_to_detect;
        let detected = Compared {
            before: detected(before),
            after: detected(after),
        };
        write!(f, "False openings: {}. ", self.change(&trips))?;
        write!(f, "A total outage is {}.", self.change(&detected))
    }
}

impl Advice {
    /// What changes by the suggestions, in words.
    fn change(&self, words: &Compared<String>) -> String {
        let Compared { before, after } = words;
        match before == after {
            _ if self.suggestions.is_empty() => before.clone(),
            true => format!("{before}, unchanged"),
            false => {
                let after = after.strip_prefix(DETECTED).unwrap_or(after);
                format!("{before} now, {after} with these settings")
            }
        }
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

const DETECTED: &str = "detected ";

fn detected(detect: Option<Duration>) -> String {
    match detect {
        Some(span) => format!("{DETECTED}after {}", readable(span)),
        None => "never detected".into(),
    }
}

impl Insight {
    /// Returns which of the breaker's settings are doubtful for the traffic that was seen, and what to set.
    ///
    /// Durations are known if they [are kept](Config::durations): those of all successful calls of the breaker's whole
    /// life, in outages too. Without them, advice on the slow limit says so. A count window has no buckets, so that its pace is not known and there is no advice;
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
        let calls = totals.successes + totals.failures;
        let mut seen = Observed::new(calls, traffic.learnt_over)
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
