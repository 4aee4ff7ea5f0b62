//! How long an opening lasts: a pure function of the number of openings in a row.

use core::time::Duration;

use crate::clock::saturating_nanos;

/// The cap of a backoff without a `max`, unless its base is longer.
const DEFAULT_MAX: Duration = Duration::from_secs(600);

/// The shortest wait of an adaptive backoff after a lost round, and the longest one after a trip from Closed.
pub(crate) const ADAPTIVE_LEAST: Duration = Duration::from_millis(250);

/// The cap of an adaptive backoff without a `max`.
const ADAPTIVE_MAX: Duration = Duration::from_secs(30);

/// How long the breaker stays open.
///
/// The k-th opening in a row lasts `min(min(base * factor^(k-1), max) * jitter, max)`. It is computed in nanoseconds as `f64` and rounded to the nearest; its end is
/// rounded up to a whole millisecond of the clock. `k` restarts at 1 when the breaker was closed
/// for at least `reset_after`.
///
/// The defaults are `exponential(60 s, 2.0)`, `max` the larger of 10 min and the base, no jitter,
/// and `reset_after` zero.
///
/// ```
/// use std::time::Duration;
/// use tripcoil::{Backoff, Breaker};
///
/// let breaker = Breaker::builder("payments")
///     .open_for(Backoff::exponential(Duration::from_secs(1), 2.0).max(Duration::from_secs(30)).jitter(0.1))
///     .build()?;
/// // A plain duration is a constant wait.
/// let breaker = Breaker::builder("payments").open_for(Duration::from_secs(5)).build()?;
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Backoff {
    pub(crate) base: Duration,
    pub(crate) factor: f64,
    pub(crate) max: Option<Duration>,
    pub(crate) jitter: f64,
    pub(crate) reset_after: Duration,
    pub(crate) seed: Option<u64>,
    pub(crate) adaptive: bool,
}

impl Backoff {
    /// Makes each opening `factor` times as long as the one before. The first lasts `base`.
    ///
    /// `base`: above zero, at most 365 days. `factor`: finite, at least 1.
    pub const fn exponential(base: Duration, factor: f64) -> Self {
        Self {
            base,
            factor,
            max: None,
            jitter: 0.0,
            reset_after: Duration::ZERO,
            seed: None,
            adaptive: false,
        }
    }

    /// Makes every opening last `wait`: above zero, at most 365 days.
    pub const fn constant(wait: Duration) -> Self {
        Self::exponential(wait, 1.0)
    }

    /// Waits as long as the outage suggests: 125 to 250 ms at first, and then longer the longer the outage has
    /// lasted, and the fewer calls there are. At most 30 s, unless [`max`](Self::max) is set. Needs a time window.
    ///
    /// With an outage that has lasted for `t` seconds, and `r` calls per second, a lost round is followed by a wait of
    /// about `max(sqrt(t / sqrt(r)), 3 / r)` seconds from its first probe. An outage is expected to last as long
    /// again as it has; this wait balances the probes that are wasted against the good calls that are rejected.
    pub const fn adaptive() -> Self {
        Self {
            base: ADAPTIVE_LEAST,
            max: Some(ADAPTIVE_MAX),
            adaptive: true,
            ..Self::constant(ADAPTIVE_LEAST)
        }
    }

    /// Sets the longest wait, jitter and a failure's own `retry_after` included: from the base to
    /// 365 days. By default it is the larger of 10 min and the base.
    pub const fn max(mut self, max: Duration) -> Self {
        self.max = Some(max);
        self
    }

    /// Spreads each wait evenly over `1 - jitter` to `1 + jitter` times its length, so that a fleet
    /// of breakers does not return in step. In `[0, 1)`, by default 0: no jitter.
    pub const fn jitter(mut self, jitter: f64) -> Self {
        self.jitter = jitter;
        self
    }

    /// Sets how long the breaker must stay closed before its openings are counted from one again:
    /// at most 365 days, by default zero, so that any close is enough.
    pub const fn reset_after(mut self, closed_for: Duration) -> Self {
        self.reset_after = closed_for;
        self
    }

    /// Makes the jitter repeatable: the same seed gives the same waits for the same sequence of
    /// transitions. Breakers without a seed differ from one another.
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Returns the wait of the `k`-th opening in a row (0 counts as 1), in nanoseconds. `unit`, in
    /// `[0, 1)`, is its place within the jitter.
    ///
    /// A power too large for `f64` is infinite, and so capped.
    #[inline]
    pub(crate) fn wait_nanos(&self, k: u32, unit: f64) -> u64 {
        let cap = self.cap_nanos();
        let base = saturating_nanos(self.base) as f64;
        if self.adaptive {
            return round(base * (0.5 + 0.5 * unit));
        }
        let grown = (base * powi(self.factor, k.saturating_sub(1))).min(cap as f64);
        let spread = grown * (1.0 - self.jitter + 2.0 * self.jitter * unit);
        // Again as integers: a cap beyond 2^53 may have been rounded up by `as f64`. And never nothing, as
        // half of a nanosecond would be: an Open lasts.
        round(spread.min(cap as f64)).min(cap).max(1)
    }

    /// Returns the wait before the `k`-th retry of a call, and the `draw`-th of its policy.
    #[cfg(feature = "retry")]
    pub(crate) fn retry_wait(&self, k: u32, seed: u64, draw: u64) -> Duration {
        let place = unit(self.seed.unwrap_or(seed), draw);
        Duration::from_nanos(self.wait_nanos(k, place))
    }

    #[cfg(feature = "retry")]
    pub(crate) fn is_adaptive(&self) -> bool {
        self.adaptive
    }

    /// Returns the wait of an adaptive backoff after a lost round, in nanoseconds. The outage has lasted for so many
    /// milliseconds, and `pace` is in 2^-16 calls per second.
    pub(crate) fn adaptive_wait_nanos(&self, lasted: u64, pace: u64, unit: f64) -> u64 {
        let (least, cap) = (saturating_nanos(self.base), self.cap_nanos());
        let pace = pace.max(1);
        // roots in integers are the same everywhere
        let root = u128::from((pace << 16).isqrt().max(1));
        let by_age = ((u128::from(lasted) * 1_000_000_000_000_000) << 16) / root;
        let by_calls = (3_000_000_000_u64 << 16).div_ceil(pace);
        let wait = (by_age.isqrt() as u64).max(by_calls).clamp(least, cap);
        round(wait as f64 * (0.8 + 0.4 * unit)).clamp(least, cap)
    }

    /// Returns the longest wait in force, in nanoseconds.
    pub(crate) fn cap_nanos(&self) -> u64 {
        saturating_nanos(self.max.unwrap_or(DEFAULT_MAX.max(self.base)))
    }

    /// Returns how long a close has to last before openings are counted from one, in nanoseconds.
    pub(crate) fn reset_after_nanos(&self) -> u64 {
        saturating_nanos(self.reset_after)
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::exponential(Duration::from_secs(60), 2.0)
    }
}

impl From<Duration> for Backoff {
    fn from(wait: Duration) -> Self {
        Self::constant(wait)
    }
}

/// Returns a place in `[0, 1)` for the jitter of one generation: the finaliser of splitmix64
/// (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014). It depends on
/// its arguments only, so a thread that computes the same wait again gets the same result.
pub(crate) fn unit(seed: u64, generation: u64) -> f64 {
    let stepped = generation
        .wrapping_add(1)
        .wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut z = seed.wrapping_add(stepped);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^= z >> 31;
    // The upper 53 bits: as many as `f64` holds exactly, so that 1.0 is never reached.
    (z >> 11) as f64 / (1_u64 << 53) as f64
}

/// `f64::powi`, which `core` lacks: the same squaring and multiplying in the same order.
fn powi(mut base: f64, mut exponent: u32) -> f64 {
    let mut power = 1.0;
    loop {
        if exponent & 1 == 1 {
            power *= base;
        }
        exponent >>= 1;
        if exponent == 0 {
            return power;
        }
        base *= base;
    }
}

/// `f64::round` of a value that is not negative, which `core` lacks; saturating.
///
/// Not `(x + 0.5) as u64`: that sum is itself rounded, and wrong just below 0.5 and from 2^52 on.
fn round(x: f64) -> u64 {
    let floor = x as u64;
    if x - floor as f64 >= 0.5 {
        floor.saturating_add(1)
    } else {
        floor
    }
}

#[cfg(test)]
mod tests;
