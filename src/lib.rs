//! A lock-free circuit breaker.
//!
//! A breaker guards the calls to a dependency. It admits them while the dependency works
//! (*closed*), rejects them at once when too many fail (*open*), and after a while admits a few
//! probes to find out whether the dependency has recovered (*half-open*).
//!
//! ```
//! use std::time::Duration;
//! use tripcoil::{Backoff, Breaker, CallError, HalfOpen};
//!
//! let (breaker, controller) = Breaker::builder("payments")
//!     .failure_rate(0.5) // of the calls in the last ten seconds,
//!     .min_throughput(20) // once there are twenty
//!     .open_for(Backoff::exponential(Duration::from_secs(5), 2.0).jitter(0.1))
//!     .half_open(HalfOpen::successes(2)) // two probes must succeed
//!     .build_with_controller()?;
//!
//! match breaker.call(|| "200".parse::<u16>()) {
//!     Ok(status) => println!("{status}"),
//!     Err(CallError::Rejected(r)) => println!("not called, retry after {:?}", r.retry_after()),
//!     Err(e) => println!("called, and failed: {e}"),
//! }
//!
//! controller.force_open(); // an operator's override
//! assert!(breaker.call(|| Ok::<_, ()>(())).is_err());
//! controller.release();
//!
//! let snapshot = breaker.observer().snapshot();
//! assert_eq!((snapshot.totals.successes, snapshot.totals.rejected), (1, 1));
//! # Ok::<(), tripcoil::ConfigError>(())
//! ```
//!
//! Calls never take a lock, and never wait for another thread. Every call is counted exactly once.
//! Results of an earlier period change nothing. Half-open admits exactly as many probes as
//! configured, and gives up on lost ones. Each transition happens once, and is reported with its
//! cause and the counts that decided it.
//!
//! **[The guide →](_guide)** shows how to choose settings, connect a client, operate a breaker and test a
//! service that has one. Then [the semantics →](_guide::semantics), [the limits →](_guide::limits), and
//! [coming from another library →](_guide::migrating).
//!
//! # What to use
//!
//! | I want to | use | feature |
//! |---|---|---|
//! | guard a call | [`Breaker::call`], `call_async`, `call_timeout` | `tokio` for the last |
//! | guard a call that does not fit into a closure | [`Breaker::try_acquire`], which returns a [`Permit`] | |
//! | guard a hot loop of one thread | [`Breaker::local`] | |
//! | choose rules and times | [`Builder`], [`Window`], [`HalfOpen`], [`Backoff`] | |
//! | decide what counts as a failure | [`Classify`]; `http::ByStatus`, `grpc::ByCode` | `http`, `grpc` |
//! | guard a tower service | `tower::BreakerLayer` | `tower` |
//! | answer in place of an error | [`Breaker::call_or`], `call_async_or`; `tower::FallbackLayer` | `tower` for the last |
//! | retry failed calls | `retry::RetryPolicy` | `retry` |
//! | balance over endpoints, without those that reject | `BreakerLayer::not_ready_while_rejecting` | `tower`, `tokio` |
//! | count a call when its body ends | `http::EndOfBody`, `http::GuardedBody` | `http` |
//! | limit the calls in flight | [`Builder::max_in_flight`] | |
//! | have a breaker per host, route or tenant | `registry::Registry` | `registry` |
//! | keep a registry from opening everything | `RegistryBuilder::max_tripped` | `registry` |
//! | share what instances find out, and speak to all of them | `fleet::Fleet`, `fleet::Words` | `fleet`, `fleet-redis` |
//! | see which key fails and the others do not | `Registry::outliers` | `registry` |
//! | open, close or change a breaker by hand | [`Controller`] | |
//! | read state and counts | [`Observer`], [`Snapshot`] | |
//! | react to transitions | `Observer::subscribe`, [`Observer::events`] | |
//! | publish metrics | `metrics::Publisher` | `metrics` |
//! | log transitions and mark spans | `tracing::Tracing`, `tracing::RecordRejection` | `tracing` |
//! | find a name or a unit for OpenTelemetry | [the page](_guide::opentelemetry) | |
//! | see what the last calls said | `calls::CallLog` | `calls` |
//! | look at all breakers in a browser, and switch them there or by HTTP | `operate::Operator` | `operate` |
//! | drive the recovery by a health check, or serve `/health` | `health::Recovery`, `health::Indicator` | `health` |
//! | begin the rounds of breakers that are not called | `health::Idle` | `health` |
//! | predict the end of an outage, or see one coming | `insight::Insight` | `insight` |
//! | begin from settings for a kind of dependency | `Breaker::profile`, [`config::Profile`] | |
//! | read the settings of several breakers from one file | `config::NamedSettings` | `settings` |
//! | apply the edits of that file while calls go on | `live::Live` | `settings` |
//! | read settings from files or the environment | [`Config`], `Config::from_env` | `serde` |
//! | keep the state across a restart | `Controller::save`, `Builder::restore`, `saved::FileStore` | `persist` |
//! | keep the state of a whole registry | `saved::RegistryStore`, `RegistryController::save_every` | `persist`, `registry` |
//! | control the time in tests | [`ManualClock`], `testing::tokio_clock` | `testing` for the second |
//! | test code that uses a breaker | `testing::Dependency`, `testing::Recorder` | `testing` |
//! | inject faults into a tower service | `testing::FaultLayer` | `testing`, `tower` |
//!
//! # Features
//!
//! - `std` (default): system clocks, stripes, rules that change at run time, listeners. Without it
//!   the crate is `no_std` with `alloc`, and needs a clock of yours, such as a [`ManualClock`] that
//!   you advance.
//! - `serde`: [`Config`] from files and from the environment; snapshots, transitions, states and causes in serde's
//!   formats, and with `persist` saved states.
//! - `settings`: the settings of several breakers in one TOML file, and rules that follow its edits. Includes `serde`.
//! - `persist`: a breaker's state, saved and restored after a restart; with `registry`, those of all its breakers.
//! - `tokio`: `call_timeout`.
//! - `tower`: a layer and a service, for any runtime.
//! - `retry`: a policy for tower's `Retry` that knows breakers, on tokio's timer. Includes `tower`
//!   and `tokio`.
//! - `http`: responses classified by status, `Retry-After`, and calls that last until the end of
//!   the body.
//! - `grpc`: calls classified by gRPC status. Includes `http`.
//! - `registry`: a breaker per key, created on first use and forgotten when idle.
//! - `metrics`: counters, gauges and a histogram for the recorder of the `metrics` facade.
//! - `tracing`: an event per transition, and rejections on the span of their call.
//! - `calls`: a sample of single calls, with their durations and texts, for rejections and outages.
//! - `insight`: predictions, trends, patterns and a health score, from what a breaker has seen. Includes `serde`.
//! - `operate`: an axum router for operators: a live page, the breakers as JSON, and switches behind a check of yours.
//!   Includes `serde`.
//! - `health`: a health check that drives the recovery, a timer for breakers that are not called, on
//!   tokio's timer, and an indicator for a `/health` route. With `http`, checks by status.
//! - `fleet`: what the instances of a service find out together, through a store, and operators' words to all of them.
//!   Includes `tokio`.
//! - `fleet-redis`: Redis as that store. Includes `fleet`.
//! - `testing`: a scripted dependency, and assertions on transitions. With `tokio`, tokio's paused time as a clock; with
//!   `tower`, a layer that injects faults.

#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

extern crate alloc;

/// The names that users build on, each once.
///
/// ```
/// # #[cfg(feature = "std")] {
/// # use std::time::Duration;
/// # use tripcoil::*;
/// # struct Client;
/// # impl Client {
/// #     fn get(&self) -> Result<u32, std::io::Error> { Ok(7) }
/// # }
/// # struct Remote;
/// # impl Remote {
/// #     async fn get(&self) -> Result<u32, std::io::Error> { Ok(7) }
/// # }
/// # async fn tour(client: Client, remote: Remote) -> Result<(), ConfigError> {
/// let (breaker, controller) = Breaker::builder("payments")
///     .window(Window::time(Duration::from_secs(10)).buckets(10))   // or Window::count(100)
///     .failure_rate(0.5).min_throughput(20)
///     .slow_call(Duration::from_millis(500)).slow_rate(0.8)
///     .consecutive_failures(5).failure_count(50)
///     .open_for(Backoff::exponential(Duration::from_secs(60), 2.0).max(Duration::from_secs(600)).jitter(0.1))
///     .half_open(HalfOpen::successes(2).max_probes(1).probe_timeout(Duration::from_secs(30)))  // or HalfOpen::rate(10, 0.5)
///     .clock(Clock::coarse())                                      // upkeep(), precise(), or .clock(&manual)
///     .build_with_controller()?;                                   // build()? returns the breaker alone
///
/// let r = breaker.call(|| client.get());                           // Result<T, CallError<E>>
/// # assert!(matches!(r, Ok::<u32, CallError<std::io::Error>>(7)));
/// # let client = remote;
/// let r = breaker.call_async(async { client.get().await }).await;  // any runtime; dropping it is a cancellation
/// # assert!(matches!(r, Ok::<u32, CallError<std::io::Error>>(7)));
/// match breaker.try_acquire() {                                    // try_acquire_owned() for 'static
///     Ok(permit) => permit.success(),                              // .failure(kind), .ignore(), .record(..), .record_timed(..)
///     Err(rejected) => { let wait: Option<Duration> = rejected.retry_after(); let state: State = rejected.state(); }
/// }
/// let local = breaker.local();                                     // Send, not Sync; the same calls
/// let observer = breaker.observer();                               // .state(), .snapshot(), .history(), .subscribe(listener)
/// controller.force_open(); controller.disable(); controller.observe_only(); controller.release();
/// controller.trip(); controller.trip_for(Duration::from_secs(5)); controller.half_open(); controller.reset();
/// controller.postpone(Duration::from_secs(1));                     // while open: not before that from now
/// controller.reconfigure(|rules| rules.failure_rate(0.4))?;
/// # let _ = local.call(|| Ok::<(), ()>(()));
/// # let (_, _, _): (State, Snapshot, Vec<Transition>) = (observer.state(), observer.snapshot(), observer.history());
/// # let _subscription: Subscription = observer.subscribe(|_transition: &Transition| {});
/// # assert_eq!((breaker.state(), observer.snapshot().totals.successes), (State::Closed, 4));
/// # Ok(())
/// # }
/// # let tour = std::pin::pin!(tour(Client, Remote));
/// # let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// # assert!(matches!(tour.poll(&mut context), std::task::Poll::Ready(Ok(()))));
/// # use std::future::Future;
/// # }
/// ```
#[cfg(all(doctest, feature = "std"))]
struct Tour;

/// Compiles and runs the README's examples.
#[cfg(all(doctest, feature = "std"))]
#[doc = include_str!("../README.md")]
struct Readme;

// The pages for users, on docs.rs, with their examples as tests. A link definition here comes before the page's
// own, which is for readers of the repository, and so replaces it.
#[cfg(any(all(doc, not(doctest)), all(doctest, feature = "std")))]
pub mod _guide {
    #![doc = "[semantics]: self::semantics"]
    #![doc = "[limits]: self::limits"]
    #![doc = "[insight]: self::insight"]
    #![doc = "[fleet]: self::fleet"]
    #![doc = "[opentelemetry]: self::opentelemetry"]
    #![doc = "[out-of-scope]: self::limits#out-of-scope"]
    #![doc = ""]
    #![doc = include_str!("../docs/guide.md")]

    #[doc = include_str!("../docs/semantics.md")]
    pub mod semantics {}

    #[doc = include_str!("../docs/limits.md")]
    pub mod limits {}

    #[doc = include_str!("../docs/insight.md")]
    pub mod insight {}

    #[doc = include_str!("../docs/fleet.md")]
    pub mod fleet {}

    /// [board]: crate::_guide#from-cargo-add-to-a-board
    ///
    #[doc = include_str!("../docs/opentelemetry.md")]
    pub mod opentelemetry {}

    /// The settings of other libraries, and their counterparts here.
    pub mod migrating {
        #[doc = include_str!("../docs/migrating/failsafe.md")]
        pub mod failsafe {}

        #[doc = include_str!("../docs/migrating/recloser.md")]
        pub mod recloser {}

        /// [traffic]: crate::_guide#which-window-which-clock
        ///
        #[doc = include_str!("../docs/migrating/tower-resilience.md")]
        pub mod tower_resilience {}

        #[doc = include_str!("../docs/migrating/breaker-machines.md")]
        pub mod breaker_machines {}

        #[doc = include_str!("../docs/migrating/gobreaker.md")]
        pub mod gobreaker {}

        #[doc = include_str!("../docs/migrating/resilience4j.md")]
        pub mod resilience4j {}

        #[doc = include_str!("../docs/migrating/polly.md")]
        pub mod polly {}
    }
}

pub mod classify;
pub mod clock;
pub mod config;
mod engine;
mod error;
mod handles;
mod integrations;
#[cfg(feature = "persist")]
pub mod saved;
mod sync;
mod words;
#[cfg(all(test, feature = "std"))]
mod wrap_tests;

// The root has the names that most programs use, at most 30; the others are in modules.
pub use self::classify::classifier::Classify;
pub use self::clock::kinds::{Clock, ManualClock};
pub use self::config::backoff::Backoff;
pub use self::config::settings::{Config, HalfOpen, Hang, Lenient, OnCancel, Outage, Ramp, Window};
pub use self::engine::events::event::Transition;
#[cfg(feature = "std")]
pub use self::engine::events::listeners::Subscription;
pub use self::engine::snapshot::Snapshot;
pub use self::error::{CallError, ConfigError, Rejected};
pub use self::handles::breaker::Breaker;
pub use self::handles::builder::Builder;
pub use self::handles::controller::Controller;
pub use self::handles::local::Local;
pub use self::handles::observer::Observer;
pub use self::handles::permit::Permit;
#[cfg(feature = "calls")]
pub use self::integrations::calls;
#[cfg(feature = "fleet")]
pub use self::integrations::fleet;
#[cfg(feature = "grpc")]
pub use self::integrations::grpc;
#[cfg(feature = "health")]
pub use self::integrations::health;
#[cfg(feature = "http")]
pub use self::integrations::http;
#[cfg(feature = "insight")]
pub use self::integrations::insight;
#[cfg(feature = "settings")]
pub use self::integrations::live;
#[cfg(feature = "metrics")]
pub use self::integrations::metrics;
#[cfg(feature = "operate")]
pub use self::integrations::operate;
#[cfg(feature = "registry")]
pub use self::integrations::registry;
#[cfg(feature = "retry")]
pub use self::integrations::retry;
#[cfg(feature = "testing")]
pub use self::integrations::testing;
#[cfg(feature = "tower")]
pub use self::integrations::tower;
#[cfg(feature = "tracing")]
pub use self::integrations::tracing;
pub use self::words::outcome::{Cause, FailureKind, Outcome, State};

/// The types of a single call: owned permits, calls with a classifier of their own, and the errors
/// inside a [`CallError`].
///
/// ```
/// use tripcoil::call::OwnedPermit;
/// use tripcoil::{Breaker, Rejected};
///
/// let breaker = Breaker::builder("payments").build()?;
/// let permit: Result<OwnedPermit, Rejected> = breaker.try_acquire_owned();
/// # if let Ok(permit) = permit { std::thread::spawn(|| permit.success()).join().unwrap() }
/// # assert_eq!(breaker.observer().snapshot().totals.successes, 1);
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
pub mod call {
    pub use crate::error::{BoxedError, NoBreaker};
    pub use crate::handles::call::Call;
    pub use crate::handles::local::{LocalCall, LocalPermit};
    pub use crate::handles::permit::OwnedPermit;
}

/// The parts of a [`Snapshot`] and of a [`Transition`]: counts, totals and durations; and a cursor over
/// transitions.
///
/// ```
/// use tripcoil::Breaker;
/// use tripcoil::observe::{Counts, Totals};
///
/// let breaker = Breaker::builder("payments").build()?;
/// let _ = breaker.call(|| Ok::<(), ()>(()));
/// let snapshot = breaker.observer().snapshot();
/// let (window, life): (Counts, Totals) = (snapshot.window, snapshot.totals);
/// assert_eq!((window.successes, life.successes), (1, 1));
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
///
/// With the feature `serde` they serialise, and so do [`Snapshot`], [`Transition`], [`Rejected`], and the aggregate of
/// a registry. Fields keep their names, except times, which are seconds with a fraction: `retry_after` is
/// `retry_after_seconds`, and `wall_time` is `wall_time_seconds`, since 1970. States, causes and kinds of failures are
/// written as in the labels of metrics: `half_open` ([`State::as_str`]), `failure_rate`, `other_0`; and are read back.
///
/// ```
/// # #[cfg(feature = "serde")] {
/// use serde_json::json;
/// use tripcoil::{Breaker, State};
///
/// let (breaker, controller) = Breaker::builder("payments").build_with_controller()?;
/// controller.half_open();
/// let snapshot = serde_json::to_value(breaker.observer().snapshot()).expect("plain data");
/// assert_eq!((&snapshot["state"], &snapshot["retry_after_seconds"]), (&json!("half_open"), &json!(null)));
/// assert_eq!(serde_json::from_value::<State>(json!("half_open")).ok(), Some(State::HalfOpen));
/// # }
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
pub mod observe {
    pub use crate::engine::durations::{DurationBucket, Durations};
    pub use crate::engine::events::cursor::Events;
    #[cfg(feature = "std")]
    pub use crate::engine::events::listeners::Epoch;
    pub use crate::engine::snapshot::{Evidence, Probes, Watch};
    pub use crate::engine::sums::Totals;
    pub use crate::words::outcome::{Counts, FailureKinds, Fallbacks, Rejections};
}

/// The types and traits that most programs use, without the modules: `use tripcoil::prelude::*`.
///
/// `use tripcoil::*` would also import the modules `http` and `tower`, which have the names of crates.
///
/// ```
/// use tripcoil::prelude::*;
///
/// # #[cfg(all(feature = "http", feature = "tower"))] {
/// use http::StatusCode; // the crate
/// use tower::ServiceBuilder; // the crate
/// # let _ = (StatusCode::OK, ServiceBuilder::new());
/// # }
/// let breaker = Breaker::builder("payments").open_for(Backoff::default()).build()?;
/// assert_eq!(breaker.state(), State::Closed);
/// # Ok::<(), ConfigError>(())
/// ```
pub mod prelude {
    #[cfg(feature = "std")]
    pub use crate::Subscription;
    pub use crate::call::{NoBreaker, OwnedPermit};
    pub use crate::classify::{ErrIsFailure, IgnoreRejections};
    #[cfg(feature = "std")]
    pub use crate::config::Rules;
    #[cfg(feature = "grpc")]
    pub use crate::grpc::ByCode;
    #[cfg(feature = "http")]
    pub use crate::http::ByStatus;
    #[cfg(all(feature = "http", feature = "tower"))]
    pub use crate::http::EndOfBody;
    #[cfg(feature = "registry")]
    pub use crate::registry::Registry;
    #[cfg(feature = "tower")]
    pub use crate::tower::BreakerLayer;
    pub use crate::{
        Backoff, Breaker, Builder, CallError, Cause, Classify, Clock, Config, ConfigError,
        Controller, FailureKind, HalfOpen, Hang, Lenient, Local, ManualClock, Observer, OnCancel,
        Outage, Outcome, Permit, Ramp, Rejected, Snapshot, State, Transition, Window,
    };
}

/// For the fuzz targets only.
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;

/// For `tests/step` only.
#[cfg(tripcoil_step)]
#[doc(hidden)]
pub use self::sync::step;
