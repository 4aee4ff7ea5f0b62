//! Goes through the settings, and mends those that are doubtful.
//!
//! The order matters: the slow limit first, since how many calls are slow depends on it; then the window, on which all
//! rates depend. Each step judges the settings as those before it have left them.

use crate::integrations::insight::expected::{expected, extent, rate_rule, slow};
use crate::integrations::insight::observed::Observed;
use crate::integrations::insight::odds::{
    Extent, Noise, OutageRule, RateRule, count_false_trips_per_day, run_false_trips_per_day,
};
use crate::integrations::insight::setting::{
    CONSECUTIVE_FAILURES, DURATIONS, FAILURE_COUNT, FAILURE_RATE, MIN_THROUGHPUT, OPEN_FOR,
    PROBE_TIMEOUT, SLOW_CALL, SLOW_RATE, WINDOW, put, value_of,
};
use crate::integrations::insight::value::Value;
use crate::integrations::insight::wording::{
    counted, often, percent, readable, round_up, round_up_span,
};
use crate::{Backoff, Cause, Config, OnCancel, Window};
use std::time::Duration;

/// False openings that are fine, per day: one in 100 days, so that an operator of a hundred breakers sees one per day.
const FALSE_OPENINGS: f64 = 0.01;
/// What each of the four rules on runs, counts and rates may have of that.
const FINE: f64 = FALSE_OPENINGS / 4.0;
/// What is suggested has half of it, at twice the rate of failures that was seen.
const AIM: f64 = FINE / 2.0;

/// The share of calls that may be slow while all is well.
const SLOW: f64 = 0.01;
/// The smallest number of calls that is ever suggested to judge a rate by.
const FEWEST: u32 = 5;
/// No rate above this is suggested, nor one that is much above twice what is usual: few outages would be detected.
const HIGHEST_RATE: f64 = 0.6;
const ABOVE_USUAL: f64 = 0.1;
/// The longest window that is suggested so that a rate is judged by more calls.
const LONGEST_WINDOW: Duration = Duration::from_secs(600);
const LARGEST_WINDOW: u32 = 10_000;
/// The longest run of failures that is suggested.
const LONGEST_RUN: u32 = 1000;
/// So many false openings on windows that were still filling are not by chance.
const REPEATED: usize = 3;
/// So many outages show how long they are.
const OUTAGES: usize = 3;
/// A wait that is so many times as long as the outages call for is doubtful.
const LONG: f64 = 8.0;
/// The bounds of the waits that are suggested, as those of an adaptive backoff.
const WAITS: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(30));

/// What advice may make use of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Means {
    /// Settings that are fixed when the breaker is built.
    pub(super) fixed: bool,
    /// An adaptive backoff.
    pub(super) adaptive: bool,
}

impl Means {
    pub(super) const ALL: Means = Means {
        fixed: true,
        adaptive: true,
    };
}

/// Twice the rate that was seen, or half-way to all.
fn room(bad: f64) -> f64 {
    (2.0 * bad).min(f64::midpoint(1.0, bad))
}

/// A setting, its value, a better one, and why.
pub(super) type Mended = (&'static str, Value, Value, String);

#[derive(Debug)]
pub(super) struct Advisor {
    pub(super) seen: Observed,
    means: Means,
    /// With all that is suggested so far.
    pub(super) config: Config,
    pub(super) suggestions: Vec<Mended>,
    /// What is doubtful with all of that, as sentences.
    pub(super) doubts: Vec<String>,
}

impl Advisor {
    pub(super) fn new(seen: &Observed, config: &Config, means: Means) -> Advisor {
        Advisor {
            seen: seen.under(config),
            means,
            config: config.clone(),
            suggestions: Vec::new(),
            doubts: Vec::new(),
        }
    }

    pub(super) fn judge(&mut self) {
        self.slow_limit();
        self.blind_rates();
        self.rates();
        self.run();
        self.count();
        self.wait();
        self.probe_timeout();
        self.doubt();
    }

    /// Keeps a suggestion, unless no breaker could have it.
    fn suggest(&mut self, setting: &'static str, suggested: Value, reason: String) {
        let mut config = self.config.clone();
        put(&mut config, setting, &suggested);
        let Some(present) = value_of(&self.config, setting) else {
            return;
        };
        if config.validate().is_err() {
            return;
        }
        self.config = config;
        match self.suggestions.iter_mut().find(|one| one.0 == setting) {
            // two rules share it
            Some(before) => before.2 = suggested,
            None => self.suggestions.push((setting, present, suggested, reason)),
        }
    }

    fn failing(&self) -> Noise {
        Noise {
            pace: self.seen.pace,
            bad: self.seen.failing,
        }
    }

    /// The rules on rates that are on, with what they look at.
    fn rate_rules(&self) -> impl Iterator<Item = (&'static str, f64, Noise)> + use<> {
        let (failing, pace) = (self.failing(), self.seen.pace);
        let slow = Noise {
            pace,
            bad: slow(&self.seen, &self.config),
        };
        let failures = self.config.failure_rate.map(|x| (FAILURE_RATE, x, failing));
        let slow = self.config.slow_rate.map(|x| (SLOW_RATE, x, slow));
        failures.into_iter().chain(slow)
    }

    /// Rates that are never judged: by fewer calls, if so few can do; else over a longer time.
    fn blind_rates(&mut self) {
        let (pace, least) = (self.seen.pace, self.config.min_throughput_in_force());
        let extent = extent(&self.config.window);
        let Some(span) = self.config.window.time_span() else {
            return;
        };
        if extent.holds(least.into(), pace) || self.rate_rules().next().is_none() {
            return;
        }
        let held = counted(pace * span.as_secs_f64(), "call");
        let reason = format!(
            "The window holds {held} at this pace, fewer than min_throughput: its rates are never judged."
        );
        let most = (extent.emptiest(pace) / 2.0) as u32;
        let enough = |rule: (&str, f64, Noise)| Self::enough(extent, rule.1, FEWEST, most, rule.2);
        let fewer: Option<Vec<u32>> = self.rate_rules().map(enough).collect();
        if let Some(fewer) = fewer.and_then(|all| all.into_iter().max()) {
            return self.suggest(MIN_THROUGHPUT, Value::Count(fewer), reason);
        }
        let buckets = self.config.window.buckets_in_force();
        let width = 2.0 * f64::from(least) / pace / f64::from(buckets);
        if let Ok(width) = Duration::try_from_secs_f64(width)
            && let Some(total) = round_up_span(width).checked_mul(buckets)
            && self.means.fixed
        {
            let window = Window::time(total).buckets(buckets);
            self.suggest(WINDOW, Value::Window(window), reason);
        }
    }

    /// Returns the smallest number of calls, within a fifth, by which this rate can be judged.
    fn enough(extent: Extent, rate: f64, from: u32, most: u32, noise: Noise) -> Option<u32> {
        let noise = Noise {
            bad: room(noise.bad),
            ..noise
        };
        let fits = |calls: u32| {
            let rule = RateRule {
                rate,
                min_throughput: calls.into(),
                extent,
            };
            rule.false_trips_per_day(noise) <= AIM
        };
        if from > most || !fits(most) {
            return None;
        }
        let mut calls = from;
        while calls < most {
            if fits(calls) {
                return Some(calls);
            }
            let next = more(calls, 0.2);
            if next <= calls {
                break;
            }
            calls = next;
        }
        Some(most)
    }

    fn slow_limit(&mut self) {
        let config = &self.config;
        let used = [
            config.slow_rate.is_some(),
            config.outage.is_some(),
            config.half_open.slow_rate.is_some(),
            config.on_cancel == OnCancel::FailureIfSlow,
        ];
        let Some(limit) = config.slow_call.filter(|_| used.contains(&true)) else {
            return;
        };
        let slow = slow(&self.seen, config);
        if slow <= SLOW {
            return;
        }
        let calls = format!(
            "{} of the calls last longer while all is well",
            percent(slow)
        );
        let Some(p99) = self.seen.p99 else {
            if self.means.fixed && !config.durations {
                let reason = format!(
                    "{calls} than slow_call, {}. With durations, a better limit can be suggested.",
                    readable(limit)
                );
                self.suggest(DURATIONS, Value::Switch(true), reason);
            }
            return;
        };
        let twice = p99.saturating_mul(2);
        let better = self.seen.p999.map_or(twice, |p999| p999.min(twice));
        let better = round_up_span(better);
        // if it is not longer, those that are slow are failures, and no limit helps
        if better > limit {
            let reason = format!(
                "{calls}; 99 % of all successful calls end within {}.",
                readable(p99)
            );
            self.suggest(SLOW_CALL, Value::Time(better), reason);
        }
    }

    fn rates(&mut self) {
        let extent = extent(&self.config.window);
        let (pace, least) = (self.seen.pace, self.config.min_throughput_in_force());
        if !extent.holds(least.into(), pace) {
            return;
        }
        for (setting, rate, noise) in self.rate_rules().collect::<Vec<_>>() {
            self.rate(setting, rate, noise);
        }
        self.filling_windows();
    }

    /// The largest `min_throughput` that the window always holds twice.
    fn most_throughput(&self, extent: Extent) -> u32 {
        let half = match extent {
            Extent::Time { .. } => extent.emptiest(self.seen.pace) / 2.0,
            Extent::Count(size) => size,
        };
        (half as u32).max(self.config.min_throughput_in_force())
    }

    /// Longer windows, each half as long again as the one before.
    fn longer_windows(&self) -> Vec<Window> {
        let window = &self.config.window;
        let buckets = window.buckets_in_force();
        let longer = |window: &Window| {
            if let Some(size) = window.size() {
                let size = more(size, 0.5);
                return (size <= LARGEST_WINDOW).then(|| Window::count(size));
            }
            let width = (window.time_span()? / buckets).mul_f64(1.5);
            let span = round_up_span(width).checked_mul(buckets)?;
            (span <= LONGEST_WINDOW).then(|| Window::time(span).buckets(buckets))
        };
        let first = longer(window).filter(|_| self.means.fixed);
        let valid = |window: &Window| {
            let window = window.clone();
            let config = Config {
                window,
                ..self.config.clone()
            };
            config.validate().is_ok()
        };
        std::iter::successors(first, longer).filter(valid).collect()
    }

    fn rate(&mut self, setting: &'static str, rate: f64, noise: Noise) {
        let trips = rate_rule(&self.config, rate).false_trips_per_day(noise);
        if trips <= FINE {
            return;
        }
        let least = self.config.min_throughput_in_force();
        let by = |window: &Window, rate| {
            let extent = extent(window);
            let most = self.most_throughput(extent);
            let calls = Self::enough(extent, rate, least, most, noise)?;
            Some((window.clone(), rate, calls))
        };
        // by more calls if that can do, else over a longer time, else the lowest rate that can
        let highest = HIGHEST_RATE.max(room(noise.bad) + ABOVE_USUAL);
        let mut higher = (1..20)
            .map(|i| f64::from(i) / 20.0)
            .filter(|x| *x > rate && *x <= highest);
        let (present, longer) = (&self.config.window, self.longer_windows());
        let by_longer = |rate| longer.iter().find_map(|window| by(window, rate));
        let found = by(present, rate)
            .or_else(|| by_longer(rate))
            .or_else(|| higher.clone().find_map(|x| by(present, x)))
            .or_else(|| higher.find_map(by_longer));
        let Some((window, better, calls)) = found else {
            return;
        };
        let which = if setting == FAILURE_RATE {
            "fail"
        } else {
            "are slow"
        };
        let usual = format!(
            "{} of the calls {which} while all is well",
            percent(noise.bad)
        );
        if better > rate {
            let reason = format!(
                "{usual}, too near the limit: false openings {}. An outage in which fewer than {} of the calls {which} is \
                 then no longer detected by this rule.",
                often(trips),
                percent(better),
            );
            self.suggest(setting, Value::Rate(better), reason);
        }
        if window != self.config.window {
            let reason = format!(
                "{usual}. By chance, {} of the few calls in the window {which}: false openings {}.",
                percent(rate),
                often(trips),
            );
            self.suggest(WINDOW, Value::Window(window), reason);
        }
        if calls > least {
            let time = Duration::try_from_secs_f64(f64::from(least) / noise.pace);
            let reason = format!(
                "{usual}. After each close and each idle time, the rates are judged from {} on, which takes {}: \
                 false openings {}.",
                counted(least.into(), "call"),
                readable(time.unwrap_or(Duration::MAX)),
                often(trips),
            );
            self.suggest(MIN_THROUGHPUT, Value::Count(calls), reason);
        }
    }

    /// Openings that may have been false, on windows that were still filling.
    fn filling_windows(&mut self) {
        let least = self.config.min_throughput_in_force();
        let filling = extent(&self.config.window).emptiest(self.seen.pace) / 4.0;
        let by_rate = |cause| matches!(cause, Cause::FailureRate | Cause::SlowRate);
        let calls: Vec<u64> = self
            .seen
            .false_openings
            .iter()
            .filter(|(cause, calls)| {
                by_rate(*cause) && *calls >= least.into() && (*calls as f64) < filling
            })
            .map(|(_, calls)| *calls)
            .collect();
        let Some(most) = calls.iter().max().filter(|_| calls.len() >= REPEATED) else {
            return;
        };
        let better = round_up(u128::from(*most) * 2)
            .min(self.most_throughput(extent(&self.config.window)).into());
        let reason = format!(
            "{} openings that may have been false came of windows that were still filling, with at most {}.",
            calls.len(),
            counted(*most as f64, "call")
        );
        if let Ok(better) = u32::try_from(better) {
            self.suggest(MIN_THROUGHPUT, Value::Count(better), reason);
        }
    }

    fn run(&mut self) {
        let Some(n) = self.config.consecutive_failures else {
            return;
        };
        let noise = self.failing();
        let trips = run_false_trips_per_day(n.into(), noise);
        if trips <= FINE {
            return;
        }
        let more = Noise {
            bad: room(noise.bad),
            ..noise
        };
        let fits = |n: &u32| run_false_trips_per_day((*n).into(), more) <= AIM;
        let better = (n.saturating_add(1)..=LONGEST_RUN).find(fits);
        if let Some(better) = better {
            let reason = format!(
                "{} of the calls fail while all is well, so that {} by chance: {}.",
                percent(noise.bad),
                in_a_row(n),
                often(trips)
            );
            self.suggest(CONSECUTIVE_FAILURES, Value::Count(better), reason);
        }
    }

    fn count(&mut self) {
        let Some(count) = self.config.failure_count else {
            return;
        };
        let (noise, extent) = (self.failing(), extent(&self.config.window));
        let trips = count_false_trips_per_day(count.into(), extent, noise);
        if trips <= FINE {
            return;
        }
        let (usual, full) = (room(noise.bad), extent.fullest(noise.pace));
        let more_failing = Noise {
            bad: usual,
            ..noise
        };
        let fits = |n: &u32| count_false_trips_per_day((*n).into(), extent, more_failing) <= AIM;
        let first = count.max((usual * full) as u32);
        let grows =
            std::iter::successors(Some(first), |n| Some(more(*n, 0.1)).filter(|next| next > n));
        // beyond that, all calls of the window would have to fail
        let mut within = grows.take_while(|n| f64::from(*n) <= full);
        let Some(better) = within.find(fits) else {
            return;
        };
        let reason = format!(
            "The window holds {} while all is well, and sometimes {count}: false openings {}.",
            counted(noise.bad * full, "failure"),
            often(trips)
        );
        self.suggest(FAILURE_COUNT, Value::Count(better), reason);
    }

    fn wait(&mut self) {
        let wait = &self.config.open_for;
        let mut outages = self.seen.outages.clone();
        outages.sort_unstable();
        let Some(median) = outages
            .get(outages.len() / 2)
            .filter(|_| outages.len() >= OUTAGES)
        else {
            return;
        };
        let ideal = wait_for(*median, self.seen.pace);
        if wait.adaptive || wait.base <= ideal.mul_f64(LONG) {
            return;
        }
        let cap = Duration::from_nanos(wait.cap_nanos());
        let adaptive = self.means.adaptive && self.config.window.time_span().is_some();
        let better = if adaptive {
            Backoff {
                seed: wait.seed,
                ..Backoff::adaptive().max(cap.clamp(WAITS.0, WAITS.1))
            }
        } else {
            Backoff {
                base: round_up_span(ideal),
                ..wait.clone()
            }
        };
        let reason = format!(
            "Half of the {} outages were over after {}, as far as a wait of {} shows. Probes that began after {} would \
             have found that out sooner, at little cost.",
            outages.len(),
            readable(*median),
            readable(wait.base),
            readable(ideal),
        );
        self.suggest(OPEN_FOR, Value::Wait(better), reason);
    }

    fn probe_timeout(&mut self) {
        let (Some(timeout), Some(p999)) = (self.config.half_open.probe_timeout, self.seen.p999)
        else {
            return;
        };
        let twice = p999.saturating_mul(2);
        if timeout >= twice {
            return;
        }
        let reason = format!(
            "One successful call in 1,000 lasts {} or longer. A round that gives up so soon re-opens the breaker although \
             its probes would have succeeded.",
            readable(p999)
        );
        self.suggest(PROBE_TIMEOUT, Value::Time(round_up_span(twice)), reason);
    }
}

/// What no suggestion mends.
impl Advisor {
    fn doubt(&mut self) {
        let mut doubts: Vec<String> = self
            .rate_rules()
            .filter_map(|(setting, rate, noise)| self.doubtful_rate(setting, rate, noise))
            .collect();
        doubts.extend(self.doubtful_run());
        doubts.extend(self.doubtful_count());
        doubts.extend(self.doubtful_outage_rule());
        let expected = expected(&self.seen, &self.config);
        if doubts.is_empty() && expected.detect.is_none() {
            doubts.push(
                "No rule opens the breaker when every call fails at once: a total outage is never detected.".into(),
            );
        }
        if doubts.is_empty() && expected.false_trips > FALSE_OPENINGS {
            doubts.push(format!(
                "False openings by all rules together: {}.",
                often(expected.false_trips)
            ));
        }
        self.doubts = doubts;
    }

    fn doubtful_rate(&self, setting: &str, rate: f64, noise: Noise) -> Option<String> {
        let (extent, least) = (
            extent(&self.config.window),
            self.config.min_throughput_in_force(),
        );
        if !extent.holds(least.into(), noise.pace) {
            let held = counted(extent.fullest(noise.pace), "call");
            return Some(format!(
                "{setting} is never judged: the window holds {held} or fewer at this pace, and min_throughput is \
                 {least}. No better values are known: use consecutive_failures, or the outage rule."
            ));
        }
        let trips = rate_rule(&self.config, rate).false_trips_per_day(noise);
        (trips > FINE).then(|| {
            format!(
                "False openings by {setting}: {}. No rate and no window that could be suggested helps: use a much longer \
                 window, or the outage rule.",
                often(trips)
            )
        })
    }

    fn doubtful_run(&self) -> Option<String> {
        let n = self.config.consecutive_failures?;
        let trips = run_false_trips_per_day(n.into(), self.failing());
        (trips > FINE).then(|| {
            format!(
                "False openings by consecutive_failures: {}. No run of up to {LONGEST_RUN} failures is long enough: use a \
                 rate, or the outage rule.",
                often(trips)
            )
        })
    }

    fn doubtful_count(&self) -> Option<String> {
        let count = self.config.failure_count?;
        let (noise, extent) = (self.failing(), extent(&self.config.window));
        if !extent.holds(count.into(), noise.pace) {
            let held = counted(extent.fullest(noise.pace), "call");
            return Some(format!(
                "failure_count is never reached: it is {count}, and the window holds {held} or fewer at this pace."
            ));
        }
        let trips = count_false_trips_per_day(count.into(), extent, noise);
        (trips > FINE).then(|| {
            format!(
                "False openings by failure_count: {}. No value helps within this window: use a rate, or the outage rule.",
                often(trips)
            )
        })
    }

    fn doubtful_outage_rule(&self) -> Option<String> {
        let outage = self.config.outage?;
        let bad = (self.seen.failing + slow(&self.seen, &self.config)).min(1.0);
        let rule = OutageRule {
            theta: outage.theta,
            loss: outage.loss,
        };
        let trips = rule.false_trips_per_day(Noise {
            pace: self.seen.pace,
            bad,
        });
        (trips > FINE).then(|| {
            format!(
                "False openings by the outage rule: up to {}. Its theta, {}, is too near the {} of the calls that are bad \
                 while all is well.",
                often(trips),
                percent(outage.theta),
                percent(bad)
            )
        })
    }
}

/// The wait of an adaptive backoff in an outage that has lasted so long.
fn wait_for(lasted: Duration, pace: f64) -> Duration {
    let seconds = (lasted.as_secs_f64() / pace.sqrt()).sqrt().max(3.0 / pace);
    Duration::try_from_secs_f64(seconds)
        .unwrap_or(WAITS.1)
        .clamp(WAITS.0, WAITS.1)
}

fn in_a_row(n: u32) -> String {
    match n {
        1 => "a single failure opens the breaker".into(),
        _ => format!("{n} in a row fail"),
    }
}

/// The next number to try.
fn more(n: u32, part: f64) -> u32 {
    let next = (f64::from(n) * (1.0 + part)) as u128 + 1;
    u32::try_from(round_up(next)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
