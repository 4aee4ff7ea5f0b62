//! Events and span fields for [`tracing`](https://docs.rs/tracing).
//!
//! [`Tracing`] stands beside a breaker and tells its transitions as events, on a thread that all
//! publishers of the process share: no call pays for them, and none of them has a call's span around it. [`RecordRejection`] is for the
//! call's own span.
//!
//! ```
//! use tracing::field::Empty;
//! use tripcoil::Breaker;
//! use tripcoil::tracing::{RecordRejection, Tracing};
//!
//! let breaker = Breaker::builder("payments").build()?;
//! let tracing = Tracing::new(&breaker.observer()); // for as long as the breaker
//!
//! let span = tracing::info_span!(
//!     "pay",
//!     tripcoil.rejected = Empty,
//!     tripcoil.breaker = Empty,
//!     tripcoil.state = Empty,
//!     tripcoil.cause = Empty,
//!     tripcoil.retry_after_ms = Empty,
//! );
//! let _inside = span.enter();
//! let paid = breaker.call(|| Ok::<_, std::io::Error>(())).record_rejection_of(breaker.name());
//! # assert!(paid.is_ok());
//! # Ok::<(), tripcoil::ConfigError>(())
//! ```
//!
//! # Events
//!
//! All have the target `tripcoil` and the field `breaker`. States and causes are in snake case, as in
//! the metrics.
//!
//! | event | level | fields |
//! |---|---|---|
//! | `breaker opened`, to Open or ForcedOpen | WARN | `from`, `to`, `cause`, `generation`, `calls`, `failures`, `slow`, `consecutive_failures`, `failure`, `open_for_ms`, `at_ms`, `unix_ms` |
//! | `breaker changed state`, to any other state | INFO | the same |
//! | `breaker would have tripped`, under observe-only | WARN | `rules`: rules that turned true; `calls`, `failures`, `slow`: the window when it was seen |
//! | `transitions missed`: the listener came too late for some | WARN | `missed` |
//!
//! The fields of a transition are those of [`Transition`](crate::Transition): `failure` is the kind of the failure that
//! decided, `open_for_ms` how long an opening lasts, `unix_ms` the wall clock's time; each is left out where
//! there is none. Each transition's event is in a span of its own, `breaker transition`, which has no
//! parent and lasts no longer: so it reaches a layer that exports traces (`tracing-opentelemetry`), as a
//! trace of one span with one event. What would have
//! tripped is looked for at the end of each epoch of a time window, at each transition, and when
//! [`Tracing::check`] is called, which a count window needs. `Tracing::of_registry` tells the
//! same of every key of a registry (feature `registry`).

#[cfg(feature = "registry")]
mod keys;
mod listener;

#[cfg(feature = "registry")]
pub use self::keys::KeysTracing;
pub use self::listener::{RecordRejection, Tracing};
