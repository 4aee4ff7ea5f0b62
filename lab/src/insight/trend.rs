//! Trends: how long before the limit one is seen, how far off its forecast is, and how many are seen without cause.

use super::watched::{Watched, poisson};
use super::{Figure, at_least, at_most, median};
use crate::dice::{Dice, Stream};
use std::sync::mpsc;
use tripcoil::insight::Notice;

/// Calls per second, and how many seconds the rate of failures takes from 0 to 1.
const RAMPS: [(f64, u32); 5] = [
    (1000.0, 60),
    (1000.0, 120),
    (1000.0, 300),
    (100.0, 120),
    (20.0, 120),
];
const THETA: f64 = 0.5;
/// Seconds of the normal rate before that, for the insight to learn it.
const BEFORE: u32 = 120;
const NORMAL: f64 = 0.001;

/// Calls per second, and the rate that stays.
const STEADY: [(f64, f64); 3] = [(100.0, 0.001), (100.0, 0.03), (100.0, 0.08)];

pub(super) fn figures(seeds: u64) -> Vec<Figure> {
    let ramps = RAMPS
        .iter()
        .flat_map(|(pace, lasts)| ramp(*pace, *lasts, 4 * seeds));
    let steady = STEADY
        .iter()
        .map(|(pace, rate)| steady(*pace, *rate, seeds));
    ramps.chain(steady).collect()
}

fn ramp(pace: f64, lasts: u32, times: u64) -> Vec<Figure> {
    let (mut leads, mut errors) = (Vec::new(), Vec::new());
    for seed in 0..times {
        if let Some((lead, error)) = one_ramp(seed, pace, lasts) {
            leads.push(lead);
            errors.push(100.0 * error);
        }
    }
    let seen = leads.len() as f64 / times as f64;
    let of = format!("0 to 100 % in {lasts} s, {pace} calls/s");
    // at a high pace; at a low one a trend is lost in the noise
    let judged = pace >= 1000.0;
    let figure = |name, value, wanted| Figure {
        part: "trend",
        of: of.clone(),
        name,
        value,
        wanted,
    };
    vec![
        figure(
            "ramps seen",
            Some(seen),
            if judged { at_least(1.0) } else { None },
        ),
        figure(
            "seconds before theta (median)",
            median(leads),
            if judged { at_least(20.0) } else { None },
        ),
        figure(
            "error of the forecast, % (median)",
            median(errors),
            if judged { at_most(15.0) } else { None },
        ),
    ]
}

/// When it was seen before the limit was reached, and the relative error of its forecast.
fn one_ramp(seed: u64, pace: f64, lasts: u32) -> Option<(f64, f64)> {
    let mut dice = Dice::new(seed, Stream::Noise);
    // the breaker does not open: what is measured is the forecast
    let watched = Watched::new(THETA, |config| config);
    watched.observe_only();
    let crosses = f64::from(lasts) * THETA;
    for second in 0..BEFORE + lasts {
        let into = f64::from(second) - f64::from(BEFORE);
        let rate = ((into + 0.5) / f64::from(lasts)).max(NORMAL);
        watched.second(poisson(pace, &mut dice), rate, &mut dice);
        watched.learn();
        let left = crosses - (into + 1.0);
        if left <= 0.0 {
            return None;
        }
        let trend = watched.insight.report().trend;
        if let Some(trend) = trend.filter(|_| into >= 0.0) {
            let forecast = trend.reaches_limit_in.as_secs_f64();
            return Some((left, (forecast / left - 1.0).abs()));
        }
    }
    None
}

/// A day at a rate that does not change, or a part of one.
fn steady(pace: f64, rate: f64, seeds: u64) -> Figure {
    let hours = (24 * seeds).div_ceil(9);
    let mut dice = Dice::new(3, Stream::Noise);
    let watched = Watched::new(THETA, |config| config);
    let (notices, seen) = mpsc::channel();
    watched.insight.on_notice(move |notice| {
        let _ = notices.send(notice.clone());
    });
    for second in 0..3600 * hours {
        watched.second(poisson(pace, &mut dice), rate, &mut dice);
        // before buckets are overwritten in the window
        if second % 8 == 7 {
            watched.learn();
        }
    }
    let trends = seen
        .try_iter()
        .filter(|notice| matches!(notice, Notice::Trend(_)));
    Figure {
        part: "trend",
        of: format!("{} % all the time, {pace} calls/s, {hours} h", 100.0 * rate),
        name: "false trends",
        value: Some(trends.count() as f64),
        wanted: at_most(1.0),
    }
}
