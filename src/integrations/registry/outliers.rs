//! One key against the others.

use crate::{Snapshot, State};

/// How a key's window compares with those of the other keys of its registry.
///
/// ```
/// use tripcoil::Breaker;
/// use tripcoil::registry::Registry;
///
/// let registry = Registry::builder(|host: &String| Breaker::builder(host.as_str()).failure_count(100)).build();
/// for (host, good) in [("a", true), ("b", true), ("c", false)] {
///     for _ in 0..50 {
///         let _ = registry.call(host, || if good { Ok(()) } else { Err("no route") });
///     }
/// }
/// let outliers = registry.outliers(20);
/// let worst = &outliers[0];
/// assert_eq!((worst.key.as_str(), worst.failure_rate, worst.others), ("c", 1.0, 0.0));
/// assert!(worst.z > 3.0 && outliers[1].z < 0.0);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Outlier<K> {
    /// The key.
    pub key: K,
    /// The state of its breaker. Outside closed and observe-only its window is that of the last counting period.
    pub state: State,
    /// The calls in its window.
    pub calls: u64,
    /// The share of them that failed, 0 to 1.
    pub failure_rate: f64,
    /// The share of the calls of all other keys that failed, 0 to 1; 0 if there are no such calls.
    pub others: f64,
    /// By how many standard errors the first share is above the second: the z of the test of two proportions with the
    /// pooled share. Below zero if it is below; 0 if the others have no calls, and if no call or every call failed.
    ///
    /// Beyond 3 chance alone is unlikely: 1 in 700 for one key whose calls fail one by one and independently.
    pub z: f64,
}

/// Returns those with at least so many calls, the most conspicuous first.
pub(super) fn outliers<K>(all: Vec<(K, Snapshot)>, min_calls: u64) -> Vec<Outlier<K>> {
    let calls: u64 = all.iter().map(|(_, seen)| seen.window.calls).sum();
    let failures: u64 = all.iter().map(|(_, seen)| seen.window.failures).sum();
    let share = |part: u64, whole: u64| match whole {
        0 => 0.0,
        _ => part as f64 / whole as f64,
    };
    let pooled = share(failures, calls);
    let with_enough = |seen: &Snapshot| seen.window.calls > 0 && seen.window.calls >= min_calls;
    let one = |(key, seen): (K, Snapshot)| {
        let (own, failed) = (seen.window.calls, seen.window.failures);
        let rest = calls - own;
        let (failure_rate, others) = (share(failed, own), share(failures - failed, rest));
        let error = (pooled * (1.0 - pooled) * (1.0 / own as f64 + 1.0 / rest as f64)).sqrt();
        // without other calls the error is infinite
        let comparable = error > 0.0 && error.is_finite();
        Outlier {
            key,
            state: seen.state,
            calls: own,
            failure_rate,
            others,
            z: if comparable {
                (failure_rate - others) / error
            } else {
                0.0
            },
        }
    };
    let enough = all.into_iter().filter(|(_, seen)| with_enough(seen));
    let mut outliers: Vec<_> = enough.map(one).collect();
    outliers.sort_by(|a, b| b.z.total_cmp(&a.z));
    outliers
}
