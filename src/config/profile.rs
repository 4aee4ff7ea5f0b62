//! Settings by kind of dependency.

use crate::config::backoff::Backoff;
use crate::config::settings::{Config, HalfOpen, Hang, OnCancel, Outage, Ramp};
use core::time::Duration;

/// Settings for a kind of dependency, to begin from.
///
/// A profile sets the trip rules, `slow_call`, `lenient`, `open_for`, `half_open` and `on_cancel`. Window, clock,
/// durations, history and initial state are in no profile: they are fixed when a breaker is built. Nor is `max_in_flight`,
/// which depends on the breaker's own size.
///
/// The four by kind are [`Adaptive`](Self::Adaptive) with these differences. An answer that takes longer than
/// `slow_call` counts as a bad one, and so does a call that is dropped after that time
/// ([`OnCancel::FailureIfSlow`]): callers with a deadline drop what hangs.
///
/// | profile | `slow_call` | `hang` | reasons |
/// |---|---|---|---|
/// | `Database` | 500 ms | 500 ms, 10 starts | Checkpoints and locks stop all queries for some hundred ms. Then both limits have to be longer, or each such pause opens the breaker. |
/// | `Http` | 300 ms | 300 ms, 10 starts | A server that needs that long for most requests is overloaded, and retries keep it so. With a longer limit it is seen only when calls time out. |
/// | `Cache` | 250 ms | 250 ms, 20 starts | A cache is called often, and 20 calls without an answer come quickly: a hang is seen soonest. Limits below 200 ms open the breaker at each pause of the server. |
/// | `Queue` | 2 s | 300 ms, 5 starts | A broker confirms when it has written to disk or to replicas, and answers slowly after a restart: slow answers are of use. At a low pace, five calls are as much evidence as there is. |
///
/// `slow_call` has to be longer than at least 70 % of the healthy calls take. If yours take longer than the profile's, or
/// if you know from which duration on an answer is of no use, set it. What each profile costs and saves is measured
/// in the lab, on the shapes of its kind: see `docs/decisions.md` in the repository.
///
/// ```
/// use std::time::Duration;
/// use tripcoil::config::Profile;
/// use tripcoil::{Breaker, Config};
///
/// let orders = Breaker::profile("orders", Profile::Database).build()?;
/// // one setting is known better
/// let search = Breaker::profile("search", Profile::Http).slow_call(Duration::from_millis(800)).build()?;
/// // as plain data
/// let config = Config { durations: true, ..Config::profile(Profile::Cache) };
/// # let _ = (orders, search, Breaker::from_config("sessions", config)?);
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Profile {
    /// The settings of [`Config::default`]: rules that count and divide, and fixed waits.
    #[default]
    Default,
    /// The settings of [`Config::adaptive`], which follow the traffic. For a dependency of no known kind.
    Adaptive,
    /// For a database that is called through a pool of connections.
    Database,
    /// For a service behind HTTP or gRPC.
    Http,
    /// For a cache: fast answers, many calls.
    Cache,
    /// For a message broker to which is published.
    Queue,
}

impl Profile {
    /// All profiles.
    pub const ALL: [Profile; 6] = [
        Profile::Default,
        Profile::Adaptive,
        Profile::Database,
        Profile::Http,
        Profile::Cache,
        Profile::Queue,
    ];

    /// Returns its name in files and in the environment.
    ///
    /// ```
    /// use tripcoil::config::Profile;
    ///
    /// let names: Vec<_> = Profile::ALL.iter().map(|profile| profile.name()).collect();
    /// assert_eq!(names, ["default", "adaptive", "database", "http", "cache", "queue"]);
    /// ```
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Adaptive => "adaptive",
            Self::Database => "database",
            Self::Http => "http",
            Self::Cache => "cache",
            Self::Queue => "queue",
        }
    }
}

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

impl Config {
    /// Returns the settings of the adaptive breaker, see [`Breaker::adaptive`](crate::Breaker::adaptive).
    #[must_use]
    pub fn adaptive() -> Self {
        Self {
            failure_rate: None,
            consecutive_failures: None,
            outage: Some(Outage::default()),
            hang: Some(Hang::default()),
            open_for: Backoff::adaptive(),
            half_open: HalfOpen::successes(3).ramp(Ramp::new()),
            ..Self::default()
        }
    }

    /// Returns the settings for a kind of dependency, see [`Profile`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use tripcoil::Config;
    /// use tripcoil::config::Profile;
    ///
    /// assert_eq!(Config::profile(Profile::Adaptive), Config::adaptive());
    /// assert_eq!(Config::profile(Profile::Http).slow_call, Some(Duration::from_millis(300)));
    /// ```
    #[must_use]
    pub fn profile(profile: Profile) -> Self {
        let of_kind = |slow, hang| Self {
            slow_call: Some(slow),
            hang: Some(hang),
            on_cancel: OnCancel::FailureIfSlow,
            ..Self::adaptive()
        };
        match profile {
            Profile::Default => Self::default(),
            Profile::Adaptive => Self::adaptive(),
            Profile::Database => of_kind(ms(500), Hang::after(ms(500))),
            Profile::Http => of_kind(ms(300), Hang::after(ms(300))),
            Profile::Cache => of_kind(ms(250), Hang::after(ms(250)).starts(20)),
            Profile::Queue => of_kind(ms(2_000), Hang::after(ms(300)).starts(5)),
        }
    }
}

#[cfg(test)]
mod tests;
