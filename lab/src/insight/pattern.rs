//! Patterns: of histories of each kind, the part that is recognised; and bursts.

use super::watched::{Watched, whole_ms};
use super::{Figure, at_least, at_most};
use crate::dice::{Dice, Stream, exponential};
use std::time::Duration;
use tripcoil::insight::Pattern;
use tripcoil::{Config, Window};

/// When each outage begins, and how long it lasts, in seconds.
type Make = fn(&mut Dice) -> Vec<(f64, f64)>;

fn log_between(dice: &mut Dice, low: f64, high: f64) -> f64 {
    low * libm::pow(high / low, dice.unit())
}

const KINDS: [(&str, &str, Make, f64); 5] = [
    (
        "one or two outages",
        "single",
        |dice| {
            let number = 1 + usize::from(dice.unit() < 0.5);
            let one = |i| (1800.0 * i as f64, log_between(dice, 5.0, 120.0));
            (0..number).map(one).collect()
        },
        0.99,
    ),
    (
        "six at random in an hour",
        "repeated",
        |dice| {
            let mut at = 0.0;
            let mut one = || {
                at += 600.0 * exponential(dice.unit()) + 20.0;
                (at, log_between(dice, 2.0, 20.0))
            };
            // in an hour
            (0..6)
                .map(|_| one())
                .filter(|(at, _)| *at < 3_500.0)
                .collect()
        },
        0.9,
    ),
    (
        "15 s +-20 %, six times, 3 s apart",
        "flapping",
        |dice| {
            let mut one = |i| {
                let at = 18.0 * f64::from(i) + 2.0 * dice.unit();
                (at, 15.0 * (0.8 + 0.2 * dice.unit()))
            };
            (0..6).map(&mut one).collect()
        },
        0.99,
    ),
    (
        "5 s at each minute, +-1 s",
        "periodic",
        |dice| {
            (0..8)
                .map(|i| (60.0 * f64::from(i) + 2.0 * dice.unit(), 5.0))
                .collect()
        },
        0.99,
    ),
    (
        "3 s each 300 s, +-30 s",
        "periodic",
        |dice| {
            (0..8)
                .map(|i| (300.0 * f64::from(i) + 60.0 * dice.unit(), 3.0))
                .collect()
        },
        0.0,
    ),
];

pub(super) fn figures(seeds: u64) -> Vec<Figure> {
    let kinds = KINDS.iter().map(|(of, truth, make, least)| Figure {
        part: "pattern",
        of: (*of).to_string(),
        name: truth,
        value: Some(recognised(*make, truth, 20 * seeds)),
        wanted: at_least(*least),
    });
    kinds.chain(bursts()).collect()
}

fn recognised(make: Make, truth: &str, times: u64) -> f64 {
    let mut dice = Dice::new(9, Stream::Shape);
    let right = (0..times).filter(|_| found(&make(&mut dice)).map(Pattern::as_str) == Some(truth));
    right.count() as f64 / times as f64
}

fn found(outages: &[(f64, f64)]) -> Option<Pattern> {
    let watched = Watched::brittle();
    let mut now = 0.0;
    for (at, lasts) in outages {
        // one that would overlap begins when the one before is over
        let wait = (at - now).max(2.5);
        watched
            .clock
            .advance(whole_ms(Duration::from_secs_f64(wait)));
        watched.outage(Duration::from_secs_f64(*lasts), &[], |_| ());
        now += wait + lasts;
    }
    watched.insight.report().pattern
}

/// Of 5 % of 1,000 calls per second in half a minute, in the second case all of them in 200 ms of each 2 s.
fn bursts() -> [Figure; 2] {
    let fano = |burst: bool| {
        let mut dice = Dice::new(4, Stream::Noise);
        let hundred = Duration::from_millis(100);
        let watched = Watched::new(0.9, |config| Config {
            window: Window::time(10 * super::watched::SECOND).buckets(100),
            min_throughput: Some(10_000),
            ..config
        });
        for i in 0..300 {
            let rate = match (burst, i % 20 < 2) {
                (false, _) => 0.05,
                (true, within) => 0.5 * f64::from(u8::from(within)),
            };
            watched.calls(100, rate, hundred, &mut dice);
            if i % 50 == 49 {
                watched.learn();
            }
        }
        watched.insight.report().bursts.map(|bursts| bursts.fano)
    };
    let figure = |of: &str, burst, wanted| Figure {
        part: "bursts",
        of: of.to_string(),
        name: "Fano factor",
        value: fano(burst),
        wanted,
    };
    [
        figure("5 % of the calls, independently", false, at_most(3.0)),
        figure("as many, in bursts of 200 ms", true, at_least(3.0)),
    ]
}
