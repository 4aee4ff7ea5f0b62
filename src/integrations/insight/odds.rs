//! How often a rule trips although nothing is wrong, and how soon it sees an outage.
//!
//! Pure arithmetic of independent calls, each bad with the same chance. Bursts are ignored: failures that come
//! together trip a rule more often than these figures say.
//!
//! - *A run* of `n` failures: the exact renewal rate, which is about `r p^n (1 - p)`.
//! - *A rate or a count in a count window* of `n` calls: the rate at which a sliding window comes to hold `k` bad calls,
//!   `r p (1 - p) P(Bin(n - 1, p) = k - 1)`.
//! - *A rate in a time window*: calls come at random, so that the number in the window is Poisson's, and a rate is reached
//!   the more easily the fewer there are. The sum, over all sizes from `min_throughput` on, of the rate at which a call
//!   makes the window one that trips, `r P(Poisson = n - 1) p P(Bin(n - 1, p) = k - 1)`; at the first size, any call may.
//!   The window is taken at its emptiest, just after a bucket has left it. Large ones are taken at the size at which the
//!   rate is most likely to be reached, `m e^(-D(x|p))` of `m` on average.
//! - *A count in a time window*: its bad calls are Poisson's too, at its fullest.
//! - *A fresh window*, after each close and each idle time: the sum, over all sizes from `min_throughput` on, of the
//!   chances that the rate is reached at that size. It is an upper bound of the chance that it is reached at all. Its
//!   far terms are bounded together by `e^(-n D(x|p))` (Doob's inequality for the mean, which is a reverse martingale).
//! - *The outage rule*: `e^(a S)` is a fair game for the `a` that solves `p e^(a wf) + (1 - p) e^(a ws) = 1`, and so
//!   false openings are at least `(max(1, 2 r) / loss)^a` calls apart. At `p = 0.6 theta`, `a` is 1, as promised.

/// Seconds per day.
const DAY: f64 = 86_400.0;

/// How often a window is fresh: an assumption. Every close and every idle time begins one.
pub(super) const FRESH_PER_DAY: f64 = 24.0;

/// Sizes of a fresh window whose chances are added one by one, at most.
const TERMS: u32 = 4000;

/// Time windows with more calls than that on average are taken at one size.
const LARGE: f64 = 400.0;
/// How far the sizes that are added lie from the likeliest one, in standard deviations.
const DEVIATIONS: f64 = 8.0;

/// The outage rule judges in ticks of 20 ms, and evidence comes from two.
const TICKS: f64 = 0.04;

/// Calls, and the share of them that is bad.
#[derive(Clone, Copy, Debug)]
pub(super) struct Noise {
    /// Calls per second.
    pub(super) pace: f64,
    /// The chance that a call is bad.
    pub(super) bad: f64,
}

/// What a rule looks at.
#[derive(Clone, Copy, Debug)]
pub(super) enum Extent {
    Time { seconds: f64, buckets: f64 },
    Count(f64),
}

impl Extent {
    /// The calls in it just after a bucket has left it, on average.
    pub(super) fn emptiest(self, pace: f64) -> f64 {
        match self {
            Extent::Time { seconds, buckets } => {
                (pace * seconds * (buckets - 1.0) / buckets).floor()
            }
            Extent::Count(size) => size,
        }
    }

    /// The calls in it just before a bucket leaves it, on average.
    pub(super) fn fullest(self, pace: f64) -> f64 {
        match self {
            Extent::Time { seconds, .. } => (pace * seconds).ceil(),
            Extent::Count(size) => size,
        }
    }

    /// Whether it holds so many calls at this pace.
    pub(super) fn holds(self, calls: f64, pace: f64) -> bool {
        match self {
            Extent::Time { seconds, .. } => pace * seconds >= calls,
            Extent::Count(size) => size >= calls,
        }
    }
}

/// A rate that must be reached by so many calls.
#[derive(Clone, Copy, Debug)]
pub(super) struct RateRule {
    pub(super) rate: f64,
    pub(super) min_throughput: f64,
    pub(super) extent: Extent,
}

impl RateRule {
    pub(super) fn false_trips_per_day(self, noise: Noise) -> f64 {
        let Noise { pace, bad } = noise;
        let n = self.extent.emptiest(pace).max(self.min_throughput);
        let fresh = fresh(self.rate, self.min_throughput, n, bad);
        let filled = match self.extent {
            Extent::Count(_) => sliding(n, least(self.rate, n), noise),
            Extent::Time { seconds, buckets } => {
                self.at_random(pace * seconds * (buckets - 1.0) / buckets, noise)
            }
        };
        let alone = DAY * filled + FRESH_PER_DAY * fresh;
        // each of them begins a fresh window too; and each takes so many calls, and bad ones
        let most = DAY
            * pace
            * (1.0 / self.min_throughput).min(bad / least(self.rate, self.min_throughput));
        (alone / (1.0 - fresh)).min(most)
    }

    /// How often per second a time window that holds `mean` calls on average comes to reach the rate.
    fn at_random(self, mean: f64, noise: Noise) -> f64 {
        let Noise { pace, bad } = noise;
        if bad <= 0.0 || mean <= 0.0 {
            return 0.0;
        }
        let apart = if bad < self.rate {
            divergence(self.rate, bad)
        } else {
            0.0
        };
        let likeliest = (mean * (-apart).exp()).floor().max(self.min_throughput);
        if mean > LARGE {
            return sliding(likeliest, least(self.rate, likeliest), noise);
        }
        let mut before = least(self.rate, self.min_throughput);
        let mut sum = pace
            * poisson(mean, self.min_throughput - 1.0)
            * tail(self.min_throughput, before, bad);
        let width = DEVIATIONS * likeliest.sqrt() + DEVIATIONS;
        let mut n = self.min_throughput;
        while n < likeliest + width {
            n += 1.0;
            let k = least(self.rate, n);
            // below it before, and reached by this call
            if k <= before && n > likeliest - width {
                let reached = (pace * bad * mass(n - 1.0, k - 1.0, bad)).min(pace * bad / k);
                sum += poisson(mean, n - 1.0) * reached;
            }
            before = k;
        }
        sum
    }

    /// Of an outage in which every call is bad; `None` if it never judges.
    pub(super) fn seconds_to_detect(self, pace: f64) -> Option<f64> {
        if !self.extent.holds(self.min_throughput, pace) {
            return None;
        }
        let full = match self.extent {
            Extent::Time { seconds, .. } => self.rate * seconds,
            Extent::Count(size) => least(self.rate, size) / pace,
        };
        Some(full.max(self.min_throughput / pace))
    }
}

/// A run of `n` failures without a success.
pub(super) fn run_false_trips_per_day(n: f64, noise: Noise) -> f64 {
    let Noise { pace, bad } = noise;
    if bad >= 1.0 {
        return DAY * pace / n;
    }
    let all = bad.powf(n);
    DAY * pace * all * (1.0 - bad) / (1.0 - all)
}

/// `count` failures in the window.
pub(super) fn count_false_trips_per_day(count: f64, extent: Extent, noise: Noise) -> f64 {
    let Noise { pace, bad } = noise;
    let Extent::Time { seconds, .. } = extent else {
        return DAY * sliding(extent.fullest(pace), count, noise);
    };
    let usual = pace * seconds * bad;
    let counted = pace * bad / count;
    if count <= usual {
        return DAY * counted;
    }
    DAY * counted.min(pace * bad * poisson(usual, count - 1.0))
}

/// Of a rule that wants so many failures: a run, or a count that the window can hold.
pub(super) fn count_seconds_to_detect(count: f64, pace: f64) -> f64 {
    count / pace
}

/// The outage rule.
#[derive(Clone, Copy, Debug)]
pub(super) struct OutageRule {
    pub(super) theta: f64,
    pub(super) loss: f64,
}

/// The part of theta up to which the promise holds.
const NULL: f64 = 0.6;

impl OutageRule {
    /// At most: what it promises, and where fewer calls are bad, the same argument for that rate.
    pub(super) fn false_trips_per_day(self, noise: Noise) -> f64 {
        let Noise { pace, bad } = noise;
        let (up, down) = self.weights();
        if bad <= 0.0 {
            return 0.0;
        }
        let power = fair(bad, up, down);
        DAY * pace * (-power * ((2.0 * pace).max(1.0) / self.loss).ln()).exp()
    }

    pub(super) fn seconds_to_detect(self, pace: f64) -> f64 {
        let limit = (2.0 * (2.0 * pace).max(1.0) / self.loss).ln();
        limit / (pace * self.weights().0) + TICKS
    }

    /// By how much a bad call raises the score, and a good one lowers it.
    fn weights(self) -> (f64, f64) {
        let odds = self.theta / (1.0 - self.theta);
        let up = fair(NULL * self.theta, 1.0, odds);
        (up, up * odds)
    }
}

/// The positive solution of `p e^(a up) + (1 - p) e^(-a down) = 1`; 0 if the score does not fall on average.
fn fair(p: f64, up: f64, down: f64) -> f64 {
    if p >= 1.0 || p * up >= (1.0 - p) * down {
        return 0.0;
    }
    let sum = |a: f64| p * (a * up).exp() + (1.0 - p) * (-a * down).exp();
    let (mut low, mut high) = (0.0, 1.0);
    while sum(high) < 1.0 {
        low = high;
        high *= 2.0;
    }
    for _ in 0..60 {
        let a = f64::midpoint(low, high);
        if sum(a) < 1.0 {
            low = a;
        } else {
            high = a;
        }
    }
    low
}

/// The smallest number of bad calls among `n` that reaches the rate.
fn least(rate: f64, n: f64) -> f64 {
    let near = (rate * n).round();
    // judged as the breaker does
    let reaches = |k: f64| k / n >= rate;
    let k = if reaches(near) { near } else { near + 1.0 };
    k.max(1.0)
}

/// How often per second a sliding window of `n` calls comes to hold `k` bad ones. If it usually holds as many, the
/// breaker opens as soon as it has counted them.
fn sliding(n: f64, k: f64, noise: Noise) -> f64 {
    let Noise { pace, bad } = noise;
    if k > n {
        return 0.0;
    }
    let counted = pace * bad / k;
    if k <= n * bad {
        return counted;
    }
    counted.min(pace * bad * (1.0 - bad) * mass(n - 1.0, k - 1.0, bad))
}

/// The chance, at most, that a window that fills from nothing to `most` calls reaches the rate, from `least_calls` on.
fn fresh(rate: f64, least_calls: f64, most: f64, p: f64) -> f64 {
    if p >= rate {
        return 1.0;
    }
    if p <= 0.0 {
        return 0.0;
    }
    let k = least(rate, least_calls);
    let mut sum = tail(least_calls, k, p);
    let (mut n, mut before) = (least_calls, k);
    let apart = divergence(rate, p);
    for _ in 0..TERMS {
        n += 1.0;
        if n > most {
            return sum.min(1.0);
        }
        let k = least(rate, n);
        // below it before, and reached by this call
        if k <= before {
            sum += p * mass(n - 1.0, k - 1.0, p);
        }
        before = k;
        if (-n * apart).exp() < 0.01 * sum {
            break;
        }
    }
    (sum + (-n * apart).exp()).min(1.0)
}

/// How far a rate `x` is from `p`: a mean of `n` reaches it with a chance of at most `e^(-n D)`.
fn divergence(x: f64, p: f64) -> f64 {
    let part = |x: f64, p: f64| if x > 0.0 { x * (x / p).ln() } else { 0.0 };
    part(x, p) + part(1.0 - x, 1.0 - p)
}

/// `P(Poisson(mean) = k)`.
fn poisson(mean: f64, k: f64) -> f64 {
    if mean <= 0.0 {
        return f64::from(u8::from(k == 0.0));
    }
    (k * mean.ln() - mean - ln_gamma(k + 1.0)).exp()
}

/// `P(Bin(n, p) = k)`.
pub(super) fn mass(n: f64, k: f64, p: f64) -> f64 {
    if k < 0.0 || k > n {
        return 0.0;
    }
    if p <= 0.0 || p >= 1.0 {
        let all = if p <= 0.0 { 0.0 } else { n };
        return f64::from(u8::from(k == all));
    }
    let choices = ln_gamma(n + 1.0) - ln_gamma(k + 1.0) - ln_gamma(n - k + 1.0);
    (choices + k * p.ln() + (n - k) * (-p).ln_1p()).exp()
}

/// `P(Bin(n, p) >= k)`.
pub(super) fn tail(n: f64, k: f64, p: f64) -> f64 {
    if k <= 0.0 {
        return 1.0;
    }
    if p <= 0.0 || p >= 1.0 {
        return f64::from(u8::from(p >= 1.0 && k <= n));
    }
    // away from the mean the terms fall faster and faster
    if k <= n * p {
        let below = |j: f64| j / (n - j + 1.0) * (1.0 - p) / p;
        return 1.0 - falling(mass(n, k - 1.0, p), k - 1.0, -1.0, below);
    }
    let above = |j: f64| (n - j) / (j + 1.0) * p / (1.0 - p);
    falling(mass(n, k, p), k, 1.0, above).min(1.0)
}

/// A sum of terms, each of which is the last one times `ratio`.
fn falling(first: f64, from: f64, step: f64, ratio: impl Fn(f64) -> f64) -> f64 {
    let (mut sum, mut term, mut j) = (first, first, from);
    while term > 1e-17 * sum {
        term *= ratio(j);
        j += step;
        sum += term;
    }
    sum
}

/// The logarithm of the gamma function, for `x > 0`, by Stirling's series from 10 on.
fn ln_gamma(x: f64) -> f64 {
    let (mut x, mut shift) = (x, 1.0);
    while x < 10.0 {
        shift *= x;
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    let series =
        (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square / 1680.0))) / x;
    (x - 0.5) * x.ln() - x + 0.5 * (2.0 * std::f64::consts::PI).ln() + series - shift.ln()
}

#[cfg(test)]
mod tests;
