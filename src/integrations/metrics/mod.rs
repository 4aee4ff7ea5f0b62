//! Counters, gauges and a histogram for the recorder of the [`metrics`](https://docs.rs/metrics)
//! facade.
//!
//! A [`Publisher`] reads one breaker, so calls pay nothing for it. It publishes after each
//! transition, at the end of each epoch of a time window, and whenever [`Publisher::publish`] is
//! called. An epoch ends when a call finds that it is over, so the last counts before a silence are
//! published at the next call, or by `publish()`. Call `publish()` before each scrape or every few
//! seconds; a count window, which has no epochs, always needs it.
//!
//! ```
//! use tripcoil::Breaker;
//! use tripcoil::metrics::Publisher;
//!
//! let breaker = Breaker::builder("payments").build()?;
//! let publisher = Publisher::new(&breaker.observer()); // keep it as long as the breaker
//! let _ = breaker.call(|| Ok::<_, ()>(()));
//! publisher.publish();
//! # Ok::<(), tripcoil::ConfigError>(())
//! ```
//!
//! For a registry (feature `registry`) there are two more publishers: `RegistryPublisher` publishes
//! its totals, and `Publisher::of_registry` every key, under the names below.
//!
//! # Names
//!
//! Each series has the label `breaker` with the breaker's name, and the labels that you add. Names
//! follow Prometheus, with base units; label values are in snake case.
//!
//! | name | kind | further labels | meaning |
//! |---|---|---|---|
//! | `tripcoil_calls_total` | counter | `outcome`: `success`, `failure`, `ignored`, `cancelled`, `late` | calls that were admitted and have ended |
//! | `tripcoil_rejections_total` | counter | `state`: `open`, `half_open`, `forced_open`, `closed` | calls that were not admitted, by the state that rejected them; by `closed` those beyond the limit on [calls in flight](crate::Builder::max_in_flight) |
//! | `tripcoil_slow_calls_total` | counter | | successes and failures beyond the slow limit |
//! | `tripcoil_failures_total` | counter | `kind` | failures by kind; `other` is `Other(2)` and above |
//! | `tripcoil_late_probe_successes_total` | counter | | probes that succeeded after their round had ended: calls last longer than `probe_timeout` |
//! | `tripcoil_would_trips_total` | counter | | rules that became true and did not trip: under observe-only, or withheld by the registry's bound |
//! | `tripcoil_fallbacks_total` | counter | `reason`: `rejected`, `failed` | fallbacks that ran in place of an error: of `call_or` and its like, and of a `tower::FallbackLayer` that counts for the breaker |
//! | `tripcoil_transitions_total` | counter | `to`, `cause` | transitions since the publisher was created |
//! | `tripcoil_transitions_missed_total` | counter | | transitions that were overwritten before the publisher read their cause |
//! | `tripcoil_state` | gauge | `state` | 1 for the current state, 0 for the others |
//! | `tripcoil_time_in_state_seconds` | gauge | | time since the last transition, by the breaker's clock |
//! | `tripcoil_retry_after_seconds` | gauge | | the rest of the wait while open; 0 in other states |
//! | `tripcoil_open_until_timestamp_seconds` | gauge | | the end of the wait while open, as Unix time; 0 if it is over, and in other states |
//! | `tripcoil_failure_ratio`, `tripcoil_slow_ratio` | gauge | | share of the window's calls, 0 to 1; failures of [lenient kinds](crate::Lenient) are whole |
//! | `tripcoil_window_calls` | gauge | | calls in the window |
//! | `tripcoil_consecutive_failures` | gauge | | the current run of failures |
//! | `tripcoil_evidence`, `tripcoil_evidence_limit` | gauge | | the outage rule's score, and the score at which it trips; 0 if the rule is off, and in states that it does not judge |
//! | `tripcoil_evidence_calls_per_second` | gauge | | the pace by which the outage rule sets its limit; 0 as above |
//! | `tripcoil_hang_calls` | gauge | | calls that began while the hang rule watches for a sign of life; 0 if it does not |
//! | `tripcoil_probes_in_flight` | gauge | | probes of a half-open round |
//! | `tripcoil_calls_in_flight` | gauge | | calls in flight, where they are [limited](crate::Builder::max_in_flight); 0 elsewhere |
//! | `tripcoil_admitted_share` | gauge | | the share of the calls that the state admits, 0 to 1: that of a [ramp](crate::Ramp) in half-open, 0 in a round and while open; of several breakers the mean |
//! | `tripcoil_call_duration_seconds` | histogram | | durations of calls, if [`Config::durations`](crate::Config::durations) is on; never by a coarse clock |
//!
//! # Insight
//!
//! With an insight (feature `insight`, `Publisher::with_insight`), a publisher has these series too. Those of a registry do not: keep an insight and a publisher for each key that is worth them.
//!
//! | name | kind | further labels | meaning |
//! |---|---|---|---|
//! | `tripcoil_health_score` | gauge | | how well the next calls are likely to go, 0 to 1: a hundredth of the insight's score |
//! | `tripcoil_health_confidence` | gauge | | how much that score is worth, 0 to 1 |
//! | `tripcoil_eta_seconds` | gauge | `quantile`: `0.5`, `0.9` | the time until half (0.5) or nine in ten (0.9) of such outages are over; 0 without an outage |
//! | `tripcoil_eta_guessed` | gauge | | 1 if that is a guess, because too few outages are known; otherwise 0 |
//! | `tripcoil_degraded` | gauge | | 1 while more calls are bad than is normal; otherwise 0 |
//! | `tripcoil_rising` | gauge | | 1 while bad calls are on the rise; otherwise 0 |
//! | `tripcoil_limit_reached_in_seconds` | gauge | | when they reach the limit, if they go on like that; 0 if they have reached it, and while `tripcoil_rising` is 0 |
//! | `tripcoil_outage_pattern` | gauge | `pattern`: `single`, `repeated`, `flapping`, `periodic` | 1 for the pattern of the last hour's outages, 0 for the others; all 0 without an outage |
//! | `tripcoil_outages_total` | counter | | outages that have begun; a breaker that opens again within 2 s of its close goes on with the same one |
//! | `tripcoil_wasted_calls_total` | counter | | calls wasted on a failing or slow dependency (estimate): until the breaker opened, and as probes |
//! | `tripcoil_good_calls_rejected_total` | counter | | calls that were rejected although the dependency was well again, by estimate; counted 2 s after the outage's end, when it is certain that it is over |
//!
//! These counters are the insight's `Cost`: they count from when it began to learn, so
//! keep one insight as long as the breaker.
//!
//! # Fleet
//!
//! An agent of a fleet (feature `fleet`) publishes these by itself, for the recorder that is installed when it is built,
//! and when a breaker joins. They have the label `fleet`; the last two have the label `breaker` too, and are those of breakers that have
//! joined by themselves: a registry has too many keys, which are counted in `tripcoil_fleet_breakers_down`.
//!
//! | name | kind | further labels | meaning |
//! |---|---|---|---|
//! | `tripcoil_fleet_link` | gauge | | 1 while the fleet's store answers, 0 while breakers are local |
//! | `tripcoil_fleet_link_lasted_seconds` | gauge | | how long it has been so |
//! | `tripcoil_fleet_reports_total` | counter | | reports that the store has answered |
//! | `tripcoil_fleet_failures_total` | counter | `reason`: `unreachable`, `timeout`, `denied`, `read_only`, `script`, `protocol` | requests that it has not answered |
//! | `tripcoil_fleet_breakers_down` | gauge | | breakers, and keys of registries, whose dependency the fleet has found down |
//! | `tripcoil_fleet_down` | gauge | | 1 while the fleet has found the dependency down |
//! | `tripcoil_fleet_lease` | gauge | | 1 while this instance may probe for the fleet |
//!
//! # Counting
//!
//! Counters are set to the breaker's own totals, so nothing is lost or counted twice, however often
//! and from however many threads they are published. Two breakers in one process, even one after
//! the other, therefore need different names or labels. For the keys of a registry, which may be forgotten
//! and come again, use `Publisher::of_registry`.
//!
//! Keep one publisher per breaker and set of labels. Transitions by cause and durations are counted from when
//! a publisher was created, so two publishers at once with the same labels count them twice.
//!
//! Durations come from the breaker's own histogram, so each is off by an eighth at most, and a
//! publisher makes no call slower. They are passed on with `record_many`, once per epoch; an
//! exporter that keeps samples, such as the one for Prometheus, gets one sample per call. Configure
//! buckets for it, or it exports a summary.
//!
//! The repository has a Grafana dashboard and Prometheus alert rules, in `docs/grafana` and
//! `docs/alerts.yml`.

mod aggregate;
mod figures;
mod fleet;
mod group;
mod insight;
mod keys;
mod publisher;
mod series;

#[cfg(feature = "registry")]
pub use self::aggregate::RegistryPublisher;
#[cfg(feature = "fleet")]
pub(crate) use self::fleet::{FleetBreakerSeries, FleetSeries};
#[cfg(feature = "registry")]
pub use self::keys::KeysPublisher;
pub use self::publisher::Publisher;
