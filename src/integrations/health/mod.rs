//! Health, both ways: a check of the dependency that drives the recovery, and an indicator for a
//! `/health` route.
//!
//! # Inward: a check drives the recovery
//!
//! ```no_run
//! use std::sync::Arc;
//! use std::time::Duration;
//! use tripcoil::Breaker;
//! use tripcoil::health::Recovery;
//!
//! # async fn ping() -> Result<(), std::io::Error> { Ok(()) }
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), tripcoil::ConfigError> {
//! let (breaker, controller) = Breaker::builder("db").build_with_controller()?;
//! let controller = Arc::new(controller); // or move it in, if nothing else needs it
//! let recovery = Recovery::new()
//!     .every(Duration::from_secs(5))
//!     .healthy(2)
//!     .postpone_at_most(Duration::from_secs(60));
//! tokio::spawn(recovery.run(controller.clone(), ping));
//! # Ok(())
//! # }
//! ```
//!
//! While the breaker is open, [`Recovery::run`] runs the check. Enough healthy answers in a row
//! start the half-open round before the wait is over. An unhealthy answer extends the wait, so that
//! no user's call is spent on a dependency that is known to be down.
//!
//! A healthy answer never closes the breaker: the probes of the round, which are real calls, decide
//! that. A check may see less than a call does, for example a route that answers while the database
//! behind it is gone. It then starts rounds that fail. After each such round the next opening needs
//! twice as many healthy answers, until the breaker has closed. So a check cannot undo the backoff.
//!
//! - *Which openings.* Openings by the operator ([`Cause::Manual`](crate::Cause::Manual)) and
//!   overrides are left alone. An opening in which the breaker was built
//!   ([`initial_state`](crate::Builder::initial_state)) is driven: a service can start open, and
//!   admit calls once the dependency is there. A restored opening is driven too, whatever caused
//!   it.
//! - *Other waits.* A healthy answer ends any wait of an opening that is driven: that of the
//!   backoff, a `Retry-After`, and what [`postpone`](crate::Controller::postpone) added. To keep a
//!   breaker open, trip it or force it open.
//! - *Cause.* A round started by a check has the cause `Manual`, like everything that a controller
//!   does.
//! - *Timing.* A decision acts on the opening that was examined, or not at all
//!   ([`half_open_from`](crate::Controller::half_open_from),
//!   [`postpone_in`](crate::Controller::postpone_in)).
//! - *The path.* A check goes around the breaker, not through it: through it, it would be rejected.
//!
//! # Without calls: a timer
//!
//! A [`Recovery`] acts while the breaker waits. A breaker whose wait is over needs a call, because its next call is
//! the probe. An [`Idle`] timer, one task for all breakers of a process, makes an attempt where none comes: a check
//! that begins the round, or a probe of its own. See there.
//!
//! # Outward: an indicator
//!
//! ```
//! use tripcoil::Breaker;
//! use tripcoil::health::{Indicator, Status};
//!
//! let orders = Breaker::builder("orders").build()?;
//! let (hints, controller) = Breaker::builder("hints").build_with_controller()?;
//! let indicator = Indicator::new()
//!     .required(&orders.observer())
//!     .optional(&hints.observer());
//!
//! controller.trip();
//! let report = indicator.report();
//! assert_eq!((report.status, report.score), (Status::Degraded, 50));
//! assert_eq!(report.http_status(), 200);
//! # Ok::<(), tripcoil::ConfigError>(())
//! ```
//!
//! | state | status | score |
//! |---|---|---|
//! | Closed, ObserveOnly | up from 80, else degraded | `100 * (1 - failures / calls) * (1 - slow / calls / 2)` of the window; a window of fewer than 5 calls is filled up with good ones |
//! | HalfOpen | degraded | `50 * succeeded / results` of the round; 25 before the first |
//! | Open, whose wait is over | degraded | 25 |
//! | Open | down | 0 |
//! | ForcedOpen | down | 0 |
//! | Disabled | degraded: calls go through, unmonitored | 50 |
//!
//! *Up* means that calls are made and go well; *down* means that calls are not made. An open
//! breaker whose wait is over is not down, because the next call is a probe: a load balancer that
//! removed the service for a 503 would take away the very call that brings it back. For the same
//! reason, serve the report as readiness, not as liveness: a restart does not repair a dependency.
//!
//! [`Report`] is serialised with serde, under names that will not change:
//!
//! ```
//! # use tripcoil::{Breaker, health::Indicator};
//! # let orders = Breaker::builder("orders").build()?;
//! let report = Indicator::new().required(&orders.observer()).report();
//! let json = serde_json::to_value(&report).expect("plain data");
//! assert_eq!(json, serde_json::json!({
//!     "status": "up", // "degraded", "down"
//!     "score": 100,
//!     "dependencies": [{
//!         "name": "orders",
//!         "required": true,
//!         "status": "up",
//!         "score": 100,
//!         "state": "closed", // "open", "half_open", "forced_open", "disabled", "observe_only"
//!         "failure_rate": 0.0,
//!         "slow_rate": 0.0,
//!         "retry_after_seconds": null, // a number while open
//!     }],
//! }));
//! # Ok::<(), tripcoil::ConfigError>(())
//! ```
//!
//! # With an insight
//!
//! A dependency that is added by its `Insight` (feature `insight`) in place of its observer has one more field, an
//! `Outlook`: when its outage is likely to end, a score of the next calls, and warnings. All other dependencies have
//! the fields above, in JSON too.
//!
//! ```
//! # #[cfg(feature = "insight")] {
//! use std::time::Duration;
//! use tripcoil::health::{Indicator, Status};
//! use tripcoil::insight::Insight;
//! use tripcoil::{Breaker, FailureKind, ManualClock};
//!
//! let clock = ManualClock::new();
//! let builder = Breaker::builder("orders").consecutive_failures(1).open_for(Duration::from_secs(5));
//! let orders = builder.clock(&clock).build()?;
//! let insight = Insight::new(&orders.observer());
//! let indicator = Indicator::new().required(&insight);
//!
//! orders.try_acquire()?.failure(FailureKind::Connect);
//! clock.advance(Duration::from_secs(4));
//! let report = indicator.report();
//! assert_eq!(report.status, Status::Down);
//! let json = serde_json::to_value(&report.dependencies[0])?;
//! assert_eq!(json["retry_after_seconds"], 1.0); // the next probe
//! assert_eq!(json["outlook"], serde_json::json!({
//!     "score": 0,
//!     "confidence": 1.0,
//!     // null without an outage
//!     "eta": { "p50_seconds": 4.0, "p90_seconds": 36.0, "outages": 0, "guess": true },
//!     "degraded": false,
//!     "reaches_limit_in_seconds": null, // a number while bad calls are on the rise
//!     "pattern": "single", // "repeated", "flapping", "periodic", null
//! }));
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Status and score stay those of the table: they say what the breaker does now, and an outlook is a forecast. A load
//! balancer that takes away a service for a forecast would make it true. The outlook's score is another one: that of the
//! insight, of the last seconds in place of the whole window, against the rate at which the rules open the breaker.
//!
//! The example `health` shows both directions in one program, with axum.

mod agenda;
mod attempt;
mod check;
mod driver;
mod idle;
#[cfg(feature = "registry")]
mod keys;
mod notes;
mod opening;
mod recovery;
mod report;
mod score;
#[cfg(feature = "http")]
mod status;
mod timer;

pub use self::idle::Idle;
pub use self::recovery::Recovery;
#[cfg(feature = "insight")]
pub use self::report::Outlook;
pub use self::report::{Dependency, Indicator, Report, Source};
pub use self::score::{Health, Status};
#[cfg(feature = "http")]
pub use self::status::{UnhealthyStatus, healthy_status};
pub use self::timer::IdleTimer;
