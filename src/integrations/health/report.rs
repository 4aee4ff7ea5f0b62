//! The health of several dependencies, as plain data and as JSON.

#[cfg(feature = "insight")]
use crate::insight::{Eta, Insight, Pattern, Score};
use crate::integrations::health::score::{Health, Status};
use crate::{Observer, State};
use serde_core::ser::SerializeStruct;
use serde_core::{Serialize, Serializer};
use std::time::Duration;

/// The dependencies of a service, for a health report.
///
/// If a *required* dependency is down, so is the service. An *optional* one degrades it at most.
/// Clones read the same breakers, and are cheap. A breaker in an indicator keeps its place in its
/// registry.
///
/// With axum:
///
/// ```
/// use axum::extract::State;
/// use axum::http::StatusCode;
/// use axum::response::{IntoResponse, Json, Response};
/// use axum::{Router, routing::get};
/// use tripcoil::Breaker;
/// use tripcoil::health::Indicator;
///
/// async fn health(State(indicator): State<Indicator>) -> Response {
///     let report = indicator.report();
///     let status = StatusCode::from_u16(report.http_status());
///     (status.expect("200 or 503"), Json(report)).into_response()
/// }
///
/// let breaker = Breaker::builder("orders").build()?;
/// let indicator = Indicator::new().required(&breaker.observer());
/// let router: Router = Router::new().route("/health", get(health)).with_state(indicator);
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "it does nothing until `report` is called"]
pub struct Indicator {
    required: Vec<Source>,
    optional: Vec<Source>,
}

/// What an [`Indicator`] reads: an [`Observer`], or an `Insight` (feature `insight`), which has its breaker's observer.
#[derive(Clone, Debug)]
pub struct Source {
    observer: Observer,
    #[cfg(feature = "insight")]
    insight: Option<Insight>,
}

impl From<&Observer> for Source {
    fn from(observer: &Observer) -> Source {
        Source {
            observer: observer.clone(),
            #[cfg(feature = "insight")]
            insight: None,
        }
    }
}

#[cfg(feature = "insight")]
impl From<&Insight> for Source {
    fn from(insight: &Insight) -> Source {
        Source {
            observer: insight.observer().clone(),
            insight: Some(insight.clone()),
        }
    }
}

impl Indicator {
    /// Returns an indicator without dependencies, which is up.
    pub fn new() -> Indicator {
        Indicator::default()
    }

    /// Adds a dependency that the service cannot work without, by its `&Observer` or its `&Insight`.
    pub fn required(mut self, dependency: impl Into<Source>) -> Indicator {
        self.required.push(dependency.into());
        self
    }

    /// Adds a dependency that the service can work without, with reduced function, by its `&Observer` or its
    /// `&Insight`.
    pub fn optional(mut self, dependency: impl Into<Source>) -> Indicator {
        self.optional.push(dependency.into());
        self
    }

    /// Reads all the breakers, one after the other, and returns their health.
    #[must_use]
    pub fn report(&self) -> Report {
        let required = self.required.iter().map(|s| Dependency::of(s, true));
        let optional = self.optional.iter().map(|s| Dependency::of(s, false));
        let dependencies: Vec<_> = required.chain(optional).collect();
        let parts = || dependencies.iter().map(Dependency::part);
        Report {
            status: parts().map(|p| p.status).min().unwrap_or(Status::Up),
            score: parts().map(|p| p.score).min().unwrap_or(100),
            dependencies,
        }
    }
}

/// The health of a service's dependencies.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// The worst status of all; an optional dependency that is down counts as degraded.
    pub status: Status,
    /// The lowest score of all, in whole numbers; an optional dependency's score counts as `50 +
    /// score / 2`.
    pub score: u8,
    /// The required dependencies in the order in which they were added, then the optional ones.
    pub dependencies: Vec<Dependency>,
}

impl Report {
    /// Returns 503 (Service Unavailable) if down, and 200 otherwise.
    #[must_use]
    pub const fn http_status(&self) -> u16 {
        match self.status {
            Status::Down => 503,
            Status::Degraded | Status::Up => 200,
        }
    }
}

/// The health of one dependency.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Dependency {
    /// The breaker's name.
    pub name: String,
    /// Whether the service is down without it.
    pub required: bool,
    /// Its own status and score.
    pub health: Health,
    /// The breaker's state.
    pub state: State,
    /// The failure rate of the window, as in [`Snapshot`](crate::Snapshot::failure_rate).
    pub failure_rate: f64,
    /// The slow rate of the window, as in [`Snapshot`](crate::Snapshot::slow_rate).
    pub slow_rate: f64,
    /// How long an open breaker will go on rejecting calls.
    pub retry_after: Option<Duration>,
    /// What its insight says. `None` if it was added by its observer.
    #[cfg(feature = "insight")]
    pub outlook: Option<Outlook>,
}

/// What an insight says of a dependency: for people who look at the report. It changes neither status nor score.
#[cfg(feature = "insight")]
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Outlook {
    /// How well the next calls are likely to go, from 0 to 100, with a confidence from 0 to 1.
    pub score: Score,
    /// When the outage under way is likely to end.
    pub eta: Option<Eta>,
    /// Whether more calls are bad than is normal.
    pub degraded: bool,
    /// When bad calls, which are on the rise, will reach the limit.
    pub reaches_limit_in: Option<Duration>,
    /// How the outages of the last hour follow each other.
    pub pattern: Option<Pattern>,
}

#[cfg(feature = "insight")]
impl Outlook {
    fn of(insight: &Insight) -> Outlook {
        let report = insight.report();
        Outlook {
            score: report.health,
            eta: report.eta,
            degraded: report.degraded.is_some(),
            reaches_limit_in: report.trend.map(|trend| trend.reaches_limit_in),
            pattern: report.pattern,
        }
    }
}

impl Dependency {
    fn of(source: &Source, required: bool) -> Dependency {
        let observer = &source.observer;
        let seen = observer.snapshot();
        Dependency {
            name: observer.name().to_owned(),
            required,
            health: Health::of(&seen),
            state: seen.state,
            failure_rate: seen.failure_rate,
            slow_rate: seen.slow_rate,
            retry_after: seen.retry_after,
            #[cfg(feature = "insight")]
            outlook: source.insight.as_ref().map(Outlook::of),
        }
    }

    /// The health of the service, if all others were well.
    fn part(&self) -> Health {
        let Health { status, score } = self.health;
        if self.required {
            self.health
        } else {
            Health::new(status.max(Status::Degraded), 50 + score / 2)
        }
    }
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Report", 3)?;
        fields.serialize_field("status", &self.status)?;
        fields.serialize_field("score", &self.score)?;
        fields.serialize_field("dependencies", &self.dependencies)?;
        fields.end()
    }
}

impl Serialize for Dependency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[cfg(feature = "insight")]
        let more = usize::from(self.outlook.is_some());
        #[cfg(not(feature = "insight"))]
        let more = 0;
        let mut fields = serializer.serialize_struct("Dependency", 8 + more)?;
        fields.serialize_field("name", &self.name)?;
        fields.serialize_field("required", &self.required)?;
        fields.serialize_field("status", &self.health.status)?;
        fields.serialize_field("score", &self.health.score)?;
        fields.serialize_field("state", self.state.as_str())?;
        fields.serialize_field("failure_rate", &self.failure_rate)?;
        fields.serialize_field("slow_rate", &self.slow_rate)?;
        fields.serialize_field("retry_after_seconds", &self.retry_after.map(seconds))?;
        #[cfg(feature = "insight")]
        if let Some(outlook) = &self.outlook {
            fields.serialize_field("outlook", outlook)?;
        }
        fields.end()
    }
}

fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}

#[cfg(feature = "insight")]
impl Serialize for Outlook {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Outlook", 6)?;
        // in whole numbers, as the other score
        fields.serialize_field("score", &(self.score.value.round() as u8))?;
        fields.serialize_field("confidence", &self.score.confidence)?;
        fields.serialize_field("eta", &self.eta)?;
        fields.serialize_field("degraded", &self.degraded)?;
        let left = self.reaches_limit_in.map(seconds);
        fields.serialize_field("reaches_limit_in_seconds", &left)?;
        fields.serialize_field("pattern", &self.pattern.map(Pattern::as_str))?;
        fields.end()
    }
}
