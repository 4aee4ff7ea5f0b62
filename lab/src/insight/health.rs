//! The health score: its rank correlation with the success rate of the next second.

use super::watched::Watched;
use super::{Figure, at_least};
use crate::dice::{Dice, Stream};

/// Calls per second, and what the correlation must be.
const PACES: [(f64, Option<f64>); 4] = [
    (2.0, None),
    (10.0, None),
    (100.0, Some(0.9)),
    (1000.0, Some(0.9)),
];
/// After so many seconds the rate of failures is another one.
const CHANGES: u64 = 20;

pub(super) fn figures(seeds: u64) -> Vec<Figure> {
    let seconds = 1000 * seeds + 1000;
    PACES
        .iter()
        .flat_map(|(pace, least)| {
            let (score, window) = correlations(*pace, seconds);
            let figure = |name, value, wanted| Figure {
                part: "health",
                of: format!("{pace} calls/s, {seconds} s"),
                name,
                value: Some(value),
                wanted,
            };
            [
                figure(
                    "rank correlation of the score",
                    score,
                    least.and_then(at_least),
                ),
                figure("that of the success rate of 10 s", window, None),
            ]
        })
        .collect()
}

fn correlations(pace: f64, seconds: u64) -> (f64, f64) {
    let mut dice = Dice::new(8, Stream::Noise);
    // it judges nothing: what is measured are closed seconds
    let watched = Watched::new(1.0, |config| config);
    watched.observe_only();
    let (mut truth, mut score, mut window) = (Vec::new(), Vec::new(), Vec::new());
    let mut rate = 0.01;
    for second in 0..seconds {
        if second % CHANGES == 0 {
            rate = 0.001 * libm::pow(600.0, dice.unit());
        }
        let calls = (pace * (0.8 + 0.4 * dice.unit())).round().max(1.0) as u64;
        watched.second(calls, rate, &mut dice);
        let failing = watched.breaker.observer().snapshot().failure_rate;
        watched.learn();
        // the next second may be of another kind
        if second % CHANGES != CHANGES - 1 {
            truth.push(1.0 - rate);
            score.push(watched.insight.report().health.value);
            window.push(1.0 - failing);
        }
    }
    let truth = ranks(&truth);
    (
        correlation(&ranks(&score), &truth),
        correlation(&ranks(&window), &truth),
    )
}

/// Equal values share the mean of their ranks.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    for alike in order.chunk_by(|a, b| values[*a] == values[*b]) {
        let first = order.partition_point(|i| values[*i] < values[alike[0]]);
        let rank = first as f64 + (alike.len() - 1) as f64 / 2.0;
        alike.iter().for_each(|i| ranks[*i] = rank);
    }
    ranks
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let sum = |of: fn(f64, f64) -> f64| -> f64 {
        let pairs = a.iter().zip(b);
        pairs.map(|(a, b)| of(a - mean_a, b - mean_b)).sum()
    };
    sum(|a, b| a * b) / (sum(|a, _| a * a) * sum(|_, b| b * b)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_shared_and_correlate() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0]), [2.5, 0.0, 2.5, 1.0]);
        let rising = [1.0, 2.0, 3.0, 4.0];
        assert!((correlation(&rising, &[2.0, 4.0, 6.0, 8.0]) - 1.0).abs() < 1e-12);
        assert!((correlation(&rising, &[4.0, 3.0, 2.0, 1.0]) + 1.0).abs() < 1e-12);
        assert!(correlation(&[1.0, 2.0, 1.0, 2.0], &[1.0, 1.0, 2.0, 2.0]).abs() < 1e-12);
    }
}
