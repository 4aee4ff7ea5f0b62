//! Seeded chance. Each purpose has a stream of its own, so that one that draws more or less often
//! changes nothing for the others.

use crate::time::{Nanos, seconds};
use rand_pcg::Pcg64;
use rand_pcg::rand_core::{Rng as _, SeedableRng as _};

/// What a stream is for.
#[derive(Clone, Copy)]
pub(crate) enum Stream {
    /// When a shape's phases begin, and how long they last.
    Shape = 1,
    Arrivals = 2,
    Answers = 3,
    Retries = 4,
    /// What a subject draws for itself.
    Subject = 5,
    Noise = 6,
}

/// Returns a seed that differs for each pair of a seed and a stream.
pub(crate) fn seed_of(seed: u64, stream: Stream) -> u64 {
    seed.wrapping_mul(8).wrapping_add(stream as u64)
}

/// A stream of random numbers: the same on every platform, and with every version of its crate.
#[derive(Clone)]
pub(crate) struct Dice(Pcg64);

impl Dice {
    pub(crate) fn new(seed: u64, stream: Stream) -> Dice {
        Dice(Pcg64::seed_from_u64(seed_of(seed, stream)))
    }

    /// Returns this stream from its `draws`-th draw on.
    pub(crate) fn at_draw(&self, draws: u64) -> Dice {
        let mut later = self.clone();
        later.0.advance(u128::from(draws));
        later
    }

    pub(crate) fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Draws from `[0, 1)`.
    pub(crate) fn unit(&mut self) -> f64 {
        // as many bits as an `f64` holds exactly
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Draws the gap to the next of events that come at this pace, independently.
    pub(crate) fn gap(&mut self, per_second: f64) -> Nanos {
        seconds(exponential(self.unit()) / per_second)
    }

    /// Draws evenly from `low` to `high`.
    pub(crate) fn between(&mut self, low: Nanos, high: Nanos) -> Nanos {
        low + ((high - low) as f64 * self.unit()) as Nanos
    }

    /// Draws from `low` to `high`, each factor being as likely as any other.
    pub(crate) fn log_between(&mut self, low: Nanos, high: Nanos) -> Nanos {
        let factor = libm::pow(high as f64 / low as f64, self.unit());
        ((low as f64 * factor) as Nanos).clamp(low, high)
    }
}

/// Returns the quantile at `unit` of the exponential distribution with mean 1.
pub(crate) fn exponential(unit: f64) -> f64 {
    -libm::log(1.0 - unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_repeat_and_differ() {
        let draws = |seed, stream| {
            let mut dice = Dice::new(seed, stream);
            [dice.bits(), dice.bits(), dice.bits()]
        };
        assert_eq!(draws(1, Stream::Arrivals), draws(1, Stream::Arrivals));
        assert_ne!(draws(1, Stream::Arrivals), draws(1, Stream::Answers));
        assert_ne!(draws(1, Stream::Arrivals), draws(2, Stream::Arrivals));
    }

    #[test]
    fn a_stream_is_continued_anywhere() {
        let begin = Dice::new(7, Stream::Retries);
        let mut all = begin.clone();
        let drawn: Vec<u64> = (0..20).map(|_| all.bits()).collect();
        assert_eq!(begin.at_draw(12).bits(), drawn[12]);
    }

    #[test]
    fn means_are_as_asked() {
        let mut dice = Dice::new(3, Stream::Noise);
        let n = 200_000;
        let mean = |total: f64| total / f64::from(n);
        let unit = mean((0..n).map(|_| dice.unit()).sum());
        assert!((unit - 0.5).abs() < 0.003, "{unit}");
        let gap = mean((0..n).map(|_| dice.gap(1000.0) as f64).sum());
        assert!((gap / 1e6 - 1.0).abs() < 0.01, "{gap}");
        let log = mean(
            (0..n)
                .map(|_| libm::log(dice.log_between(5, 125_000) as f64 / 5.0))
                .sum(),
        );
        assert!((log - libm::log(25_000.0) / 2.0).abs() < 0.05, "{log}");
    }
}
