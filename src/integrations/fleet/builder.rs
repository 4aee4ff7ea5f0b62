//! The settings of an agent.

use super::agent::Settings;
use super::error::FleetError;
use super::handle::Fleet;
use super::rules::Rules;
use super::store::Store;
use crate::config::Problem;
use std::fmt;
use std::time::Duration;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Builds a [`Fleet`].
///
/// ```
/// use std::time::Duration;
/// use tripcoil::fleet::{Fleet, MemoryStore};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), tripcoil::fleet::FleetError> {
/// let fleet = Fleet::builder("checkout", MemoryStore::new())
///     .instance("pod-7f9c") // its stable name
///     .quorum(5)
///     .probe_every(Duration::from_secs(2))
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[must_use = "it builds nothing until `build` is called"]
pub struct FleetBuilder<S> {
    fleet: String,
    store: S,
    instance: Option<String>,
    rules: Rules,
    heartbeat: Duration,
    peers_alone: bool,
}

impl<S> fmt::Debug for FleetBuilder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FleetBuilder")
            .field("fleet", &self.fleet)
            .field("instance", &self.instance)
            .field("rules", &self.rules)
            .field("heartbeat", &self.heartbeat)
            .field("peers_alone", &self.peers_alone)
            .finish_non_exhaustive()
    }
}

impl<S: Store> Fleet<S> {
    /// Returns a builder of an agent in that fleet: the instances of one service that share a store and call the same
    /// dependencies.
    pub fn builder(fleet: impl Into<String>, store: S) -> FleetBuilder<S> {
        FleetBuilder {
            fleet: fleet.into(),
            store,
            instance: None,
            rules: Rules::new(),
            heartbeat: Duration::from_secs(5),
            peers_alone: false,
        }
    }
}

impl<S: Store> FleetBuilder<S> {
    /// Sets the name of this instance, which no other instance has and which stays the same across restarts, such as the
    /// name of a pod. It is required. With a new name at each restart, an instance that crashes and comes again has
    /// several votes.
    pub fn instance(mut self, name: impl Into<String>) -> Self {
        self.instance = Some(name.into());
        self
    }

    /// Lets peers open a breaker only if it has seen failures of its own, which is the default: at least one, and at
    /// least half of its calls since a second before the verdict.
    pub fn advise(mut self) -> Self {
        self.peers_alone = false;
        self
    }

    /// Lets peers open a breaker that has not seen a failure.
    ///
    /// It saves the calls with which an instance finds out for itself. The price: if a part of the instances fail for a
    /// reason of their own, such as their zone or their release, the healthy ones reject good calls too.
    pub fn peers_alone(mut self) -> Self {
        self.peers_alone = true;
        self
    }

    /// Sets how many instances make a verdict, by default 3; fewer never do. At least 1.
    pub fn quorum(mut self, instances: u32) -> Self {
        self.rules.quorum = instances;
        self
    }

    /// Sets how many failures, over all instances, a verdict needs, by default 8. At least 1.
    pub fn min_failures(mut self, failures: u32) -> Self {
        self.rules.min_failures = failures;
        self
    }

    /// Sets the failures per call, over all votes, that a verdict needs, by default 0.7: above 0 and at most 1.
    pub fn failure_rate(mut self, rate: f64) -> Self {
        self.rules.failure_rate = rate;
        self
    }

    /// Sets the time from one probe to the next, for all instances together, by default 1 s: 100 ms to 5 s.
    pub fn probe_every(mut self, time: Duration) -> Self {
        self.rules.probe_every = time;
        self
    }

    /// Sets how long an instance may probe before another one may, by default 5 s: 1 s to 10 s. It is renewed while
    /// its round goes on, but not if no probe of that has begun or ended for as long, and up to three times as long at most. So
    /// it is how long recovery waits for an instance that has died as it probed, or for a probe that hangs: it should be
    /// longer than calls take.
    pub fn probe_lease(mut self, time: Duration) -> Self {
        self.rules.probe_lease = time;
        self
    }

    /// Sets the time between reports while nothing happens, and between readings of operators' words, by default 5 s: 1 s
    /// to 8 s. Without calls, a breaker reports four times more rarely.
    ///
    /// A vote lives for 10 s. With rarer reports, the votes of instances that are well would be missing.
    pub fn heartbeat(mut self, time: Duration) -> Self {
        self.heartbeat = time;
        self
    }

    /// Builds the agent. Nothing happens until [`Fleet::run`] does.
    ///
    /// # Errors
    ///
    /// Returns every problem of the settings at once.
    pub fn build(self) -> Result<Fleet<S>, FleetError> {
        let rules = &self.rules;
        let mut problems = Vec::new();
        let mut check = |is_permitted: bool, field, value: String, permitted: &str| {
            if !is_permitted {
                problems.push(Problem {
                    field,
                    value,
                    permitted: permitted.to_owned(),
                });
            }
        };
        let name = format!("{:?}", self.fleet);
        check(!self.fleet.is_empty(), "fleet", name, "a name");
        let (has_instance, instance) = match &self.instance {
            None => (false, "not set".to_owned()),
            Some(name) => (!name.is_empty(), format!("{name:?}")),
        };
        let permitted = "the stable name of this instance";
        check(has_instance, "instance", instance, permitted);
        for (field, count) in [
            ("quorum", rules.quorum),
            ("min_failures", rules.min_failures),
        ] {
            let permitted = format!("from 1 to {}", u32::MAX);
            check(count > 0, field, count.to_string(), &permitted);
        }
        let rate = rules.failure_rate;
        let is_rate = rate > 0.0 && rate <= 1.0;
        let permitted = "above 0 and at most 1";
        check(is_rate, "failure_rate", format!("{rate:?}"), permitted);
        for (field, time, least, most) in [
            ("probe_every", rules.probe_every, ms(100), ms(5_000)),
            ("probe_lease", rules.probe_lease, ms(1_000), ms(10_000)),
            ("heartbeat", self.heartbeat, ms(1_000), ms(8_000)),
        ] {
            let permitted = format!("from {least:?} to {most:?}");
            let is_permitted = (least..=most).contains(&time);
            check(is_permitted, field, format!("{time:?}"), &permitted);
        }
        FleetError::of(&self.fleet, problems)?;
        let settings = Settings {
            fleet: self.fleet.into(),
            instance: self.instance.unwrap_or_default().into(),
            rules: self.rules,
            heartbeat: self.heartbeat,
            peers_alone: self.peers_alone,
        };
        Ok(Fleet::new(settings, self.store))
    }
}
