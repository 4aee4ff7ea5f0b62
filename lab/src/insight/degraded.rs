//! Degraded: how soon a change is seen, and how often without one.

use super::watched::{Watched, poisson};
use super::{Figure, at_most, median};
use crate::dice::{Dice, Stream};
use std::sync::mpsc;
use tripcoil::insight::Notice;

/// The normal rate, the rate after the change, calls per second, and within how many seconds it must be seen.
const CHANGES: [(f64, f64, f64, f64); 6] = [
    (0.001, 0.01, 1000.0, 10.0),
    (0.001, 0.05, 1000.0, 3.0),
    (0.03, 0.10, 1000.0, 3.0),
    (0.08, 0.20, 1000.0, 3.0),
    (0.01, 0.05, 20.0, 120.0),
    (0.01, 0.05, 100.0, 20.0),
];
const LEARNS: u32 = 600;
const WAITS: u32 = 300;

pub(super) fn figures(seeds: u64) -> Vec<Figure> {
    CHANGES
        .iter()
        .flat_map(|&(normal, then, pace, within)| {
            let seen = (0..2 * seeds).map(|seed| change(seed, normal, then, pace));
            let seen: Vec<f64> = seen.map(|seen| seen.unwrap_or(f64::INFINITY)).collect();
            [
                Figure {
                    part: "degraded",
                    of: format!("{} % to {} %, {pace} calls/s", 100.0 * normal, 100.0 * then),
                    name: "seen after s (median)",
                    value: median(seen),
                    wanted: at_most(within),
                },
                steady(normal, pace, seeds),
            ]
        })
        .collect()
}

fn change(seed: u64, normal: f64, then: f64, pace: f64) -> Option<f64> {
    let mut dice = Dice::new(seed, Stream::Noise);
    let watched = Watched::new(0.9, |config| config);
    for second in 0..LEARNS {
        watched.second(poisson(pace, &mut dice), normal, &mut dice);
        if second % 8 == 7 {
            watched.learn();
        }
    }
    watched.learn();
    for second in 0..WAITS {
        watched.second(poisson(pace, &mut dice), then, &mut dice);
        watched.learn();
        if watched.insight.report().degraded.is_some() {
            return Some(f64::from(second + 1));
        }
    }
    None
}

fn steady(normal: f64, pace: f64, seeds: u64) -> Figure {
    // of many calls a day takes long, and a part of it has as many of them
    let hours = if pace > 100.0 { 6 * seeds } else { 24 * seeds }.div_ceil(9);
    let mut dice = Dice::new(77, Stream::Noise);
    let watched = Watched::new(0.9, |config| config);
    let (notices, seen) = mpsc::channel();
    watched.insight.on_notice(move |notice| {
        let _ = notices.send(notice.clone());
    });
    for second in 0..3600 * hours {
        watched.second(poisson(pace, &mut dice), normal, &mut dice);
        if second % 8 == 7 {
            watched.learn();
        }
    }
    let warnings = seen
        .try_iter()
        .filter(|notice| matches!(notice, Notice::Degraded(_)));
    Figure {
        part: "degraded",
        of: format!(
            "{} % all the time, {pace} calls/s, {hours} h",
            100.0 * normal
        ),
        name: "false warnings",
        value: Some(warnings.count() as f64),
        wanted: at_most(1.0),
    }
}
