//! Settings for the traffic of a log: what a breaker would see of it, and what `tripcoil::insight` advises for that.

mod outages;

use crate::log::{self, Call, Log, Options, Recorded, Source};
use crate::replay::{Configuration, Output, bar, compare};
use crate::time::{Nanos, in_seconds};
use hdrhistogram::Histogram;
use outages::{APART, FEW, LONGEST, Outages};
use std::error::Error;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;
use tripcoil::Config;
use tripcoil::insight::{Advice, Observed, advise};

/// What to read, and which settings are judged.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) source: Source,
    pub(crate) options: Options,
    pub(crate) configuration: Configuration,
    pub(crate) json: Option<PathBuf>,
    pub(crate) threads: usize,
}

/// The settings as TOML, for standard output, and what there is to say of them.
pub(crate) struct Answer {
    pub(crate) toml: String,
    pub(crate) about: String,
}

/// Reads the log and advises on it.
pub(crate) fn run(plan: &Plan) -> Result<Answer, Box<dyn Error>> {
    let json = plan.json.as_deref().map(Output::new).transpose()?;
    let progress = bar("reading", "{bytes} of {total_bytes}");
    let log = log::read(&plan.source, &plan.options, &progress)?;
    progress.finish_and_clear();
    let (key, seen) = busiest(&log, plan.configuration.slow);
    let config = plan.configuration.given();
    let advice = advise(&seen.observed(), config);
    if !advice.enough {
        let (calls, s) = (seen.calls, if seen.calls == 1 { "" } else { "s" });
        let mut reason = format!(
            "{}: too little to advise on: {calls} call{s} in {:.0} s outside of outages, where 1000 in 300 s are needed",
            log.name,
            in_seconds(seen.lasted)
        );
        if log.bad.count > 0 {
            let _ = write!(reason, "\n{}", log.bad);
        }
        return Err(reason.into());
    }
    let better = advice.config(config);
    let suggested = Configuration::new("suggested", better.clone())?;
    let mut all = vec![plan.configuration.clone(), suggested];
    if all.iter().all(|one| one.name != "adaptive") {
        all.push(Configuration::new("adaptive", Config::adaptive())?);
    }
    let table = compare(&log, &all, plan.threads)?;
    if let Some(json) = json {
        json.write(&(serde_json::to_string_pretty(&advice)? + "\n"))?;
    }
    Ok(Answer {
        toml: toml(&log, &advice, &better)?,
        about: about(key.as_deref(), &seen, &advice, &table),
    })
}

/// What is normal in a log, and what is not.
#[derive(Debug)]
struct Seen {
    /// Outside of outages: how long that is, the calls, and those of them that failed or were slow.
    lasted: Nanos,
    calls: u64,
    failed: u64,
    slow: Option<u64>,
    /// Milliseconds of successes.
    durations: Histogram<u64>,
    outages: Outages,
}

impl Seen {
    /// Of one breaker's calls, which are in the order in which they began, and its outages.
    fn of(calls: impl Iterator<Item = Call>, outages: Outages, slow: Option<Nanos>) -> Seen {
        // three digits, up to an hour in microseconds
        let durations = Histogram::new_with_bounds(1, 3_600_000_000, 3);
        let mut seen = Seen {
            lasted: 0,
            calls: 0,
            failed: 0,
            slow: slow.map(|_| 0),
            durations: durations.unwrap_or_else(|_| unreachable!("the bounds are right")),
            outages,
        };
        let mut last = 0;
        let mut near = seen.outages.all.clone().into_iter().peekable();
        for call in calls {
            last = last.max(call.at);
            while near
                .next_if(|(_, ended)| *ended + APART < call.at)
                .is_some()
            {}
            let down = near
                .peek()
                .is_some_and(|(began, _)| call.at + APART >= *began);
            if !down {
                seen.add(&call, slow);
            }
        }
        seen.lasted = last - seen.outages.with_margins(last);
        seen
    }

    fn add(&mut self, call: &Call, slow: Option<Nanos>) {
        if !counts(call.outcome) {
            return;
        }
        self.calls += 1;
        if let (Some(limit), Some(number)) = (slow, &mut self.slow) {
            *number += u64::from(call.lasted > limit);
        }
        if call.outcome.is_failure() {
            self.failed += 1;
        } else {
            self.durations
                .saturating_record((call.lasted / 1000).max(1));
        }
    }

    fn rate(&self) -> f64 {
        self.failed as f64 / self.calls.max(1) as f64
    }

    fn quantile(&self, part: f64) -> Option<Duration> {
        let some = !self.durations.is_empty();
        some.then(|| Duration::from_micros(self.durations.value_at_quantile(part)))
    }

    fn observed(&self) -> Observed {
        let (p50, p99, p999) = (
            self.quantile(0.5),
            self.quantile(0.99),
            self.quantile(0.999),
        );
        let mut observed = Observed::new(self.calls, Duration::from_nanos(self.lasted))
            .failure_rate(self.rate())
            .quantiles(p50, p99, p999);
        if let Some(slow) = self.slow {
            observed = observed.slow_rate(slow as f64 / self.calls.max(1) as f64);
        }
        for (began, ended) in &self.outages.all {
            observed = observed.outage(Duration::from_nanos(ended - began));
        }
        observed
    }
}

/// Neither ignored, cancelled nor rejected.
fn counts(outcome: Recorded) -> bool {
    outcome == Recorded::Success || outcome.is_failure()
}

/// The key with the most calls, if there are keys: its rules are the ones that chance trips most often.
fn busiest(log: &Log, slow: Option<Nanos>) -> (Option<String>, Seen) {
    let numbers = log.by_key().map(|(key, calls)| (key, calls.len()));
    let most = numbers
        .max_by_key(|(_, calls)| *calls)
        .map_or("", |(key, _)| key);
    let calls = || {
        log.by_key()
            .filter(|(key, _)| *key == most)
            .flat_map(|(_, calls)| calls)
    };
    let seen = Seen::of(calls(), Outages::of(calls(), slow), slow);
    (log.has_keys().then(|| most.to_string()), seen)
}

/// Ready to use, with the reasons as comments.
fn toml(log: &Log, advice: &Advice, config: &Config) -> Result<String, Box<dyn Error>> {
    let mut out = format!(
        "# For {} calls per second, of which {} fail (from {}).\n",
        digits(advice.pace),
        percent(advice.failure_rate),
        log.name.replace(|letter: char| letter.is_control(), " "),
    );
    let trips = advice.false_trips_per_day.after;
    let detect = advice.time_to_detect.after;
    let detect = detect.map_or("never detected by these rules".to_string(), |after| {
        format!("detected within {:.3} s", after.as_secs_f64())
    });
    let trips = match trips {
        0.001.. => format!("{trips:.3}"),
        _ => "less than 0.001".to_string(),
    };
    // a `String` takes everything
    let _ = writeln!(
        out,
        "# Expected: {trips} false trips per day; a total outage is {detect}."
    );
    for doubt in &advice.doubts {
        let _ = writeln!(out, "# Doubtful: {doubt}");
    }
    for suggestion in &advice.suggestions {
        let _ = writeln!(
            out,
            "# {} was {}: {}",
            suggestion.setting, suggestion.present, suggestion.reason
        );
    }
    out += &toml::to_string(config)?;
    Ok(out)
}

fn about(key: Option<&str>, seen: &Seen, advice: &Advice, table: &str) -> String {
    let mut out = format!("{advice}\n");
    if let Some(key) = key {
        let _ = writeln!(out, "\nThe key with the most calls was judged: {key:?}.");
    }
    let _ = writeln!(out, "\n{}", about_outages(seen));
    let _ = write!(out, "\nReplayed on this log:\n\n{table}");
    out
}

/// Which outages there were, or why none was found.
fn about_outages(seen: &Seen) -> String {
    let outages = &seen.outages;
    let (bad, be_bad) = match seen.slow {
        Some(_) => ("failed or were slow", "fail or take too long"),
        None => ("failed", "fail"),
    };
    let lengths: Vec<String> = outages
        .all
        .iter()
        .take(10)
        .map(|(began, ended)| format!("{} s", in_seconds(ended - began)))
        .collect();
    let width = in_seconds(outages.width);
    let mut out = match outages.all.len() {
        0 if outages.judged < 0.5 => {
            let longest = in_seconds(LONGEST);
            return format!(
                "The pace is too low to find outages: mostly fewer than {FEW} calls in {longest} s."
            );
        }
        0 if outages.base >= 0.5 => format!(
            "No outage was found: {} of the calls {bad} at most times, which is taken for normal.",
            percent(outages.base)
        ),
        0 => format!(
            "No outage was found: at no time did half of the calls {be_bad}, beyond what chance explains."
        ),
        n => format!(
            "{n} outage{}, in which half of the calls or more {bad}: {}{}.",
            if n > 1 { "s" } else { "" },
            lengths.join(", "),
            if n > 10 { ", ..." } else { "" }
        ),
    };
    if width > 1.0 {
        let _ = write!(
            out,
            " At this pace, outages of less than about {width} s cannot be found: that is how long {FEW} calls take."
        );
    }
    if seen.slow.is_none() {
        out += " Slow calls were not judged: the settings have no slow_call.";
    }
    if outages.judged < 0.99 {
        let _ = write!(
            out,
            " {} of the calls were too far apart to be judged.",
            percent(1.0 - outages.judged)
        );
    }
    out
}

fn digits(number: f64) -> String {
    if number >= 100.0 {
        format!("{number:.0}")
    } else {
        format!("{number:.1}")
    }
}

fn percent(part: f64) -> String {
    format!("{:.2} %", 100.0 * part)
}

#[cfg(test)]
mod tests;
