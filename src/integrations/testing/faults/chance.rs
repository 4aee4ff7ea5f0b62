//! Chance that is the same in each run.
//!
//! A draw depends on the seed, the request's number and what is drawn for, and on nothing else. So
//! requests need no shared generator, and another rate for hangs changes nothing in the delays.

use crate::ConfigError;
use crate::config::Problem;

/// What is drawn for.
#[derive(Clone, Copy)]
pub(super) enum Draw {
    Hang,
    Answer,
    Delay,
    #[cfg(feature = "tokio")]
    HowLong,
}

/// Returns 64 bits of chance.
pub(super) fn draw(seed: u64, request: u64, what: Draw) -> u64 {
    mix(mix(mix(seed).wrapping_add(request)).wrapping_add(what as u64 + 1))
}

/// SplitMix64, by Steele, Lea and Flood, which is a bijection.
fn mix(state: u64) -> u64 {
    let z = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A share of all requests, from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Rate(f64);

impl Rate {
    pub(super) fn of(rate: f64, field: &'static str) -> Result<Rate, ConfigError> {
        // false for what is not a number
        if !(0.0..=1.0).contains(&rate) {
            refused(field, format!("{rate:?}"), "from 0 to 1")?;
        }
        Ok(Rate(rate))
    }

    /// Returns whether these bits are within the rate.
    pub(super) fn meets(self, bits: u64) -> bool {
        // 53 bits are exact in an f64, and the result is below 1
        const STEP: f64 = 1.0 / (1_u64 << 53) as f64;
        ((bits >> 11) as f64 * STEP) < self.0
    }
}

/// Returns the error of a setting that is out of its range.
pub(super) fn refused(
    field: &'static str,
    value: String,
    permitted: &str,
) -> Result<(), ConfigError> {
    ConfigError::of(vec![Problem {
        field,
        value,
        permitted: permitted.to_owned(),
    }])
}

#[cfg(test)]
mod tests;
