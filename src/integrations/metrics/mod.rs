//! Counters and gauges for the recorder of the [`metrics`](https://docs.rs/metrics) facade.
//!
//! A [`Publisher`] stands beside a breaker and reads it: calls pay nothing. It publishes after each
//! transition, at the end of each epoch of a time window, and whenever [`Publisher::publish`] is
//! called. An epoch ends when a call finds it over, so what was counted before a silence is published
//! by the next call or the next `publish()`: call it before a scrape, or every few seconds, and always
//! with a count window, which has no epochs.
//!
//! ```
//! use tripcoil::Breaker;
//! use tripcoil::metrics::Publisher;
//!
//! let breaker = Breaker::builder("payments").build()?;
//! let publisher = Publisher::new(&breaker.observer()); // for as long as the breaker
//! let _ = breaker.call(|| Ok::<_, ()>(()));
//! publisher.publish();
//! # Ok::<(), tripcoil::ConfigError>(())
//! ```
//!
//! For a registry there are two more (feature `registry`): `RegistryPublisher` for its totals alone, and
//! `Publisher::of_registry` for every key, under the names below.
//!
//! # Names
//!
//! Each series has the label `breaker`, the breaker's name, and those that were named beside it.
//! Names are in the manner of Prometheus, with base units; values of labels are in snake case.
//!
//! | name | kind | further labels | what |
//! |---|---|---|---|
//! | `tripcoil_calls_total` | counter | `outcome`: `success`, `failure`, `ignored`, `cancelled`, `late` | calls that were admitted and have ended |
//! | `tripcoil_rejections_total` | counter | `state`: `open`, `half_open`, `forced_open` | calls that were not admitted, by the state that rejected them |
//! | `tripcoil_slow_calls_total` | counter | | successes and failures beyond the slow limit |
//! | `tripcoil_failures_total` | counter | `kind` | failures by kind; `other` stands for `Other(2)` and above |
//! | `tripcoil_late_probe_successes_total` | counter | | probes that succeeded when their round had ended: calls last longer than `probe_timeout` |
//! | `tripcoil_would_trips_total` | counter | | rules that turned true under observe-only |
//! | `tripcoil_transitions_total` | counter | `to`, `cause` | transitions since the publisher was made |
//! | `tripcoil_transitions_missed_total` | counter | | transitions of which it came too late to see the cause |
//! | `tripcoil_state` | gauge | `state` | 1 for the present state, 0 for the others |
//! | `tripcoil_time_in_state_seconds` | gauge | | since the last transition, by the breaker's clock |
//! | `tripcoil_retry_after_seconds` | gauge | | what is left of Open; 0 in other states |
//! | `tripcoil_open_until_timestamp_seconds` | gauge | | when the wait of Open ends, as Unix time; 0 where there is none, or it is over |
//! | `tripcoil_failure_ratio`, `tripcoil_slow_ratio` | gauge | | of the window's calls, 0 to 1 |
//! | `tripcoil_window_calls` | gauge | | calls in the window |
//! | `tripcoil_consecutive_failures` | gauge | | the present run |
//! | `tripcoil_probes_in_flight` | gauge | | of a half-open round |
//! | `tripcoil_call_duration_seconds` | histogram | | how long calls lasted, where [`Config::durations`](crate::Config::durations) is on; never by a coarse clock |
//!
//! Counters are set to the breaker's own totals, so none is lost or counted twice however often, and
//! from however many threads, it is published. It follows that two breakers which live in one process
//! (at once, or one after the other) need different names or labels.
//!
//! Durations come from the breaker's own histogram, so each is off by an eighth at most, and a call costs
//! no more with a publisher than without. They are handed over by `record_many`, all of an epoch at
//! once; an exporter that keeps samples (that for Prometheus does) is given one a call. Give it
//! buckets, or it makes a summary of them.
//!
//! A board for Grafana and alert rules for Prometheus are in the repository's `docs/grafana` and
//! `docs/alerts.yml`.

mod aggregate;
mod figures;
mod keys;
mod publisher;
mod series;

#[cfg(feature = "registry")]
pub use self::aggregate::RegistryPublisher;
#[cfg(feature = "registry")]
pub use self::keys::KeysPublisher;
pub use self::publisher::Publisher;
