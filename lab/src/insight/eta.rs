//! Recovery time: which part of the outages ended by the predicted p50 and p90.

use super::watched::{SECOND, Watched, normal};
use super::{Figure, median};
use crate::dice::{Dice, Stream};
use std::time::Duration;

type Draw = fn(&mut Dice, usize) -> f64;

/// How long outages last, in seconds.
const KINDS: [(&str, Draw); 5] = [
    ("log-normal, median 30 s, sigma 1", |dice, _| {
        30.0 * libm::exp(normal(dice))
    }),
    (
        "restart of 5 s (70 %) or failover of 120 s, +-20 %",
        |dice, _| {
            let base = if dice.unit() < 0.7 { 5.0 } else { 120.0 };
            base * (0.8 + 0.4 * dice.unit())
        },
    ),
    ("deployments of 20 s +-10 %", |dice, _| {
        20.0 * (0.9 + 0.2 * dice.unit())
    }),
    ("Pareto, alpha 1.1, from 2 s", |dice, _| {
        2.0 / libm::pow(1.0 - dice.unit(), 1.0 / 1.1)
    }),
    (
        "10 s or 60 s, +-50 %, changing after each 100",
        |dice, i| {
            let base = if i / 100 % 2 == 0 { 10.0 } else { 60.0 };
            base * (0.5 + dice.unit())
        },
    ),
];

/// The first ones are not counted: nothing is known.
const FIRST: usize = 5;
/// When it is asked once more.
const LATER: Duration = Duration::from_secs(10);

pub(super) fn figures(seeds: u64) -> Vec<Figure> {
    let outages = (220 * seeds + 20) as usize;
    KINDS
        .iter()
        .enumerate()
        .flat_map(|(kind, (of, draw))| of_kind(kind as u64, of, *draw, outages))
        .collect()
}

#[derive(Default)]
struct Covered {
    asked: u64,
    by_p50: u64,
    by_p90: u64,
    known: u64,
}

impl Covered {
    fn part(&self, of: u64) -> Option<f64> {
        (self.asked > 0).then(|| of as f64 / self.asked as f64)
    }
}

fn of_kind(kind: u64, of: &str, draw: Draw, outages: usize) -> Vec<Figure> {
    let mut dice = Dice::new(kind, Stream::Shape);
    let watched = Watched::brittle();
    let mut at: [Covered; 2] = Default::default();
    let mut errors = Vec::new();
    for i in 0..outages {
        let lasts = Duration::from_secs_f64(draw(&mut dice, i));
        let mut covered = at.iter_mut();
        let looks = [Duration::ZERO, LATER];
        let mut gone = looks.iter();
        watched.outage(lasts, &looks, |insight| {
            let eta = insight.report().eta.expect("it is open");
            let (Some(covered), Some(gone)) = (covered.next(), gone.next()) else {
                return;
            };
            if i < FIRST {
                return;
            }
            let left = lasts - *gone;
            covered.asked += 1;
            covered.by_p50 += u64::from(left <= eta.p50);
            covered.by_p90 += u64::from(left <= eta.p90);
            covered.known += u64::from(!eta.guess);
            if gone.is_zero() {
                errors.push((eta.p50.as_secs_f64() / lasts.as_secs_f64() - 1.0).abs());
            }
        });
        // not within the time in which the same outage goes on
        watched.clock.advance(10 * SECOND);
    }
    let [begin, later] = at;
    let figure = |name, value, wanted| Figure {
        part: "ETA",
        of: of.to_string(),
        name,
        value,
        wanted,
    };
    // three standard errors beside the 0.03, where there are fewer outages than are published
    let wanted = |q: f64, covered: &Covered| {
        let error = 3.0 * (q * (1.0 - q) / covered.asked.max(1) as f64).sqrt();
        let off = 0.03_f64.max(error);
        q - off..=q + off
    };
    vec![
        figure(
            "over by p50",
            begin.part(begin.by_p50),
            Some(wanted(0.5, &begin)),
        ),
        figure(
            "over by p90",
            begin.part(begin.by_p90),
            Some(wanted(0.9, &begin)),
        ),
        figure(
            "over by p50, asked after 10 s",
            later.part(later.by_p50),
            None,
        ),
        figure(
            "over by p90, asked after 10 s",
            later.part(later.by_p90),
            None,
        ),
        figure("no guess, asked after 10 s", later.part(later.known), None),
        figure("relative error of p50 (median)", median(errors), None),
    ]
}
