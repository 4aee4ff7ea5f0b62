//! Events and span fields for [`tracing`](https://docs.rs/tracing).
//!
//! [`Tracing`] emits the transitions of a breaker as events, on a thread that all publishers of the
//! process share. Calls pay nothing for it, and the events are not inside a call's span.
//! [`RecordRejection`] records a rejection on the call's own span.
//!
//! ```
//! use tracing::field::Empty;
//! use tripcoil::Breaker;
//! use tripcoil::tracing::{RecordRejection, Tracing};
//!
//! let breaker = Breaker::builder("payments").build()?;
//! let tracing = Tracing::new(&breaker.observer()); // keep it as long as the breaker
//!
//! let span = tracing::info_span!(
//!     "pay",
//!     tripcoil.rejected = Empty,
//!     error.type = Empty,
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
//! All events have the target `tripcoil` and the field `tripcoil.breaker`. The names of the other
//! fields begin with `tripcoil.` too, which the table leaves out, except for `error.type`. States,
//! causes and kinds are in snake case, as in the metrics.
//!
//! | event | level | fields |
//! |---|---|---|
//! | `breaker opened`, to Open or ForcedOpen | WARN | `from`, `to`, `cause`, `generation`, `calls`, `failures`, `slow`, `consecutive_failures`, `open_for_ms`, `at_ms`, `unix_ms`, `error.type` |
//! | `breaker changed state`, to any other state | INFO | as above |
//! | `breaker would have tripped`, under observe-only | WARN | `rules`: rules that became true; `calls`, `failures`, `slow`: the window at the time of the event |
//! | `transitions missed`: the listener was too late for some | WARN | `missed` |
//! | `breaker is degraded`: more calls are bad than is normal | WARN | `normal`, `rate`: shares of bad calls, 0 to 1; `at_ms` |
//! | `bad calls are on the rise` | WARN | `rate`, `limit`: shares of bad calls, 0 to 1; `reaches_limit_in_ms` |
//! | `setting tuned`: a `insight::Tuner` has changed one | INFO | `setting`, `setting_from`, `setting_to`, `reason`, `at_ms` |
//! | `outage ended` | INFO | `lasted_ms`, `cause`, `ended_by`, `rejections`, `rounds`, `probes`, `probes_failed`, `wasted_calls`, `good_calls_rejected`, `began_ms` |
//!
//! The last four come from an insight (feature `insight`, `Tracing::with_insight`), and their fields are those of
//! its `Notice`. A breaker that opens again within 2 s of its close goes on with the same outage, which then ends once
//! more, with the figures of the whole.
//!
//! The router of the feature `operate` emits two more, for switches that were thrown and for those that were refused; and the
//! agent of a fleet (feature `fleet`) ten, to the subscriber that is in force where it is built: `docs/opentelemetry.md`
//! has them.
//!
//! The fields of a transition are those of [`Transition`](crate::Transition). `error.type` is the
//! kind of the failure that decided, `open_for_ms` the length of the opening, and `unix_ms` the
//! wall-clock time; a field without a value is left out.
//!
//! Each transition's event is in a span of its own, `breaker transition`, without a parent and as
//! short as the event; an insight's is in a span `breaker insight`. So a layer that exports traces
//! (`tracing-opentelemetry`) exports it as a trace of one span with one event.
//!
//! Would-be trips are reported at the end of each epoch of a time window, at each transition, and
//! when [`Tracing::check`] is called; a count window, which has no epochs, needs that call.
//! `Tracing::of_registry` emits the events of every key of a registry (feature `registry`).

mod destination;
#[cfg(feature = "registry")]
mod keys;
mod listener;

#[cfg(feature = "fleet")]
pub(crate) use self::destination::Destination;
#[cfg(feature = "registry")]
pub use self::keys::KeysTracing;
pub use self::listener::{RecordRejection, Tracing};
