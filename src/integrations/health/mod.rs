//! Health, both ways: a check of the dependency that shortens an outage or spares it calls, and an
//! indicator to be served at a `/health` route.
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
//! let controller = Arc::new(controller); // or moved in, where nobody else needs it
//! let recovery = Recovery::new()
//!     .every(Duration::from_secs(5))
//!     .healthy(2)
//!     .postpone_at_most(Duration::from_secs(60));
//! tokio::spawn(recovery.run(controller.clone(), ping));
//! # Ok(())
//! # }
//! ```
//!
//! While the breaker is open, [`Recovery::run`] asks the check: enough healthy answers in a row begin
//! the half-open round before the wait is over, and an unhealthy one puts the end of the wait off, so
//! that no user's call is spent on finding out what is known. A healthy answer never closes the breaker:
//! the round's probes, which are real calls, decide that. A check that sees less than a call does (a
//! route that answers while the database behind it is gone) begins rounds in vain, and is believed less
//! after each: twice as many healthy answers are needed in the next Open, until the breaker has closed.
//! So it cannot undo the backoff.
//!
//! - *Whose Open.* One that the operator made ([`Cause::Manual`](crate::Cause::Manual)) is left alone,
//!   and so are overrides. One in which the breaker was built
//!   ([`initial_state`](crate::Builder::initial_state)) is nobody's, and is driven: so a service can
//!   begin closed to a dependency until that is there. So is one that was restored after a restart, whoever
//!   made it before: what it began by is not saved.
//! - *Other waits.* A healthy answer ends any wait of an Open that is driven: the backoff's, a
//!   `Retry-After`, and what [`postpone`](crate::Controller::postpone) put off. To keep an Open, trip it
//!   or force it open.
//! - *Cause.* A round that is begun so has the cause `Manual`, as everything that a controller does.
//! - *When.* Whatever is decided acts on the Open that was looked at, or not at all
//!   ([`half_open_from`](crate::Controller::half_open_from),
//!   [`postpone_in`](crate::Controller::postpone_in)).
//! - *The way.* A check goes past the breaker, not through it: it would be rejected.
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
//! | Closed, ObserveOnly | up from 80 on, else degraded | `100 * (1 - failures / calls) * (1 - slow / calls / 2)` of the window, where a window of fewer than 5 calls is filled up with good ones |
//! | HalfOpen | degraded | `50 * succeeded / results` of the round; 25 before the first |
//! | Open, whose wait is over | degraded | 25 |
//! | Open | down | 0 |
//! | ForcedOpen | down | 0 |
//! | Disabled | degraded: calls go through, and nobody looks | 50 |
//!
//! *Up* means that calls are made and go well, *down* that none is made. An Open whose wait is over is
//! not down, since the next call is a probe: a balancer that took the service out for a 503 would
//! otherwise take away the very call that brings it back. For the same reason serve the report as
//! readiness, not as liveness: a restart heals no dependency.
//!
//! [`Report`] is serialised with serde, in names that stay:
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
//!         "retry_after_ms": null, // a number while open
//!     }],
//! }));
//! # Ok::<(), tripcoil::ConfigError>(())
//! ```
//!
//! The example `health` has both ways in one program, with axum.

mod check;
mod driver;
mod opening;
mod recovery;
mod report;
mod score;
#[cfg(feature = "http")]
mod status;

pub use self::recovery::Recovery;
pub use self::report::{Dependency, Indicator, Report};
pub use self::score::{Health, Status};
#[cfg(feature = "http")]
pub use self::status::{UnhealthyStatus, healthy_status};
