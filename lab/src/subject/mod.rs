//! The subjects: breakers that live through a simulated day.

mod crate_itself;
mod peers;
mod rolling;

use crate::dice::{Dice, Stream};
use crate::time::Nanos;
use std::fmt;
use tripcoil::config::Profile;

/// How a call ended, as its client sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Success,
    Failure,
    Timeout,
    /// The connection was reset under it.
    Reset,
    /// An answer that shows nothing about the dependency, such as "404 Not Found".
    Ignored,
}

impl Outcome {
    /// Whether the caller got what it asked for.
    pub(crate) fn is_answer(self) -> bool {
        matches!(self, Outcome::Success | Outcome::Ignored)
    }
}

/// The end of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) outcome: Outcome,
    pub(crate) lasted: Nanos,
}

/// A breaker, as the simulator sees it. Times never decrease from one call to the next.
pub(crate) trait Subject {
    /// What an admitted call keeps until it ends.
    type Permit;

    /// A call wants to begin. `None` rejects it.
    fn admit(&mut self, now: Nanos) -> Option<Self::Permit>;

    /// A call that was admitted has ended.
    fn end(&mut self, now: Nanos, permit: Self::Permit, ended: Ended);

    /// Returns when to wake the subject, if it has a timer in production too.
    fn timer(&self) -> Nanos {
        Nanos::MAX
    }

    fn wake(&mut self, _now: Nanos) {}
}

/// What a subject is built for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) seed: u64,
    /// Its slow limit, if it has one.
    pub(crate) slow: Nanos,
    /// The failure rate from which on the dependency is not worth calling, for subjects that ask.
    pub(crate) theta: f64,
}

impl Setup {
    fn dice(&self) -> Dice {
        Dice::new(self.seed, Stream::Subject)
    }
}

/// What to do with a subject, whichever it is.
pub(crate) trait Experiment {
    type Result;

    fn run<S: Subject>(self, subject: S) -> Self::Result;
}

/// A subject's settings were refused.
#[derive(Debug)]
pub(crate) struct Refused {
    subject: &'static str,
    reason: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "subject {}: {}", self.subject, self.reason)
    }
}

impl std::error::Error for Refused {}

/// A subject of the lab. A mere number: the settings are made anew for each day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry(usize);

/// Lists the subjects: name, where it comes from, and how it is made of a `Setup`.
macro_rules! subjects {
    ($($name:literal, $source:literal => $make:expr;)*) => {
        const LIST: &[(&str, &str)] = &[$(($name, $source)),*];

        impl Entry {
            /// Builds the subject, and runs the experiment with it.
            pub(crate) fn try_with<E: Experiment>(self, setup: &Setup, experiment: E) -> Result<E::Result, Refused> {
                $(
                    if self.name() == $name {
                        let made: Result<_, tripcoil::ConfigError> = made($make, setup);
                        let subject = made.map_err(|error| Refused {
                            subject: $name,
                            reason: error.to_string(),
                        })?;
                        return Ok(experiment.run(subject));
                    }
                )*
                unreachable!("{} is in the list", self.name())
            }
        }
    };
}

/// Gives the closures of the list their types.
fn made<S: Subject, R>(make: impl FnOnce(&Setup) -> Result<S, R>, setup: &Setup) -> Result<S, R> {
    make(setup)
}

subjects! {
    "default", "tripcoil: Breaker::builder" => crate_itself::default;
    "tuned", "tripcoil: the best settings of the rules by count, rate and run" => crate_itself::tuned;
    "adaptive", "tripcoil: Breaker::adaptive, with a slow limit" => crate_itself::adaptive;
    "adaptive-bare", "tripcoil: Breaker::adaptive" => crate_itself::adaptive_bare;
    "database", "tripcoil: Profile::Database" => |s| crate_itself::profile(Profile::Database, s);
    "http", "tripcoil: Profile::Http" => |s| crate_itself::profile(Profile::Http, s);
    "cache", "tripcoil: Profile::Cache" => |s| crate_itself::profile(Profile::Cache, s);
    "queue", "tripcoil: Profile::Queue" => |s| crate_itself::profile(Profile::Queue, s);
    "resilience4j", "resilience4j 2: CircuitBreakerConfig.java, CircuitBreakerStateMachine.java" => |_| Ok(peers::Resilience4j::default());
    "polly", "Polly 8: CircuitStateController.cs, AdvancedCircuitBehavior.cs" => |_| Ok(peers::Polly::default());
    "gobreaker", "gobreaker v2: gobreaker.go" => |_| Ok(peers::Gobreaker::default());
    "failsafe", "failsafe 1.3.0: state_machine.rs, failure_policy.rs" => |s| Ok(peers::Failsafe::new(s.dice()));
    "recloser", "recloser 1.4.0: recloser.rs, ring_buffer.rs" => |_| Ok(peers::Recloser::default());
    "sre", "Site Reliability Engineering, chapter 21: client-side throttling, K = 2" => |s| Ok(peers::Sre::new(s.dice()));
    "go-zero", "go-zero 1.8: core/breaker/googlebreaker.go" => |s| Ok(peers::GoZero::new(s.dice()));
    "semian", "Semian: pid_controller.rb, simple_exponential_smoother.rb" => |s| Ok(peers::Semian::new(s.dice()));
    "envoy", "Envoy 1.3x: outlier detection, consecutive_5xx" => |_| Ok(peers::Envoy::default());
    "phi", "phi-accrual (Hayashibara 2004, Akka), and five failures in a row" => |_| Ok(peers::Phi::default());
    "none", "no breaker" => |_| Ok(peers::Bare);
}

impl Entry {
    pub(crate) fn all() -> impl Iterator<Item = Entry> {
        (0..LIST.len()).map(Entry)
    }

    pub(crate) fn find(name: &str) -> Option<Entry> {
        Entry::all().find(|entry| entry.name() == name)
    }

    pub(crate) fn name(self) -> &'static str {
        LIST[self.0].0
    }

    /// Returns where the subject, or its model, comes from.
    pub(crate) fn source(self) -> &'static str {
        LIST[self.0].1
    }
}

#[cfg(test)]
mod tests;
