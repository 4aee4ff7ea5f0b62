//! What a breaker's history says: when an outage is likely to end, whether one is coming, and what is normal.
//!
//! An [`Insight`] listens to one breaker, off every call, and keeps a bounded memory of its finished buckets and
//! transitions. Its [`report`](Insight::report) is plain data, which serialises with serde.
//!
//! ```
//! use tripcoil::Breaker;
//! use tripcoil::insight::Insight;
//!
//! let breaker = Breaker::adaptive("payments").build()?;
//! let insight = Insight::new(&breaker.observer()); // keep it as long as the breaker
//! let _ = breaker.call(|| Ok::<_, ()>(()));
//! let report = insight.report();
//! println!("health {:.0}, {:?}", report.health.value, report.eta);
//! # assert_eq!((report.health.value, report.health.confidence), (100.0, 0.0));
//! # Ok::<(), tripcoil::ConfigError>(())
//! ```
//!
//! | what | from | says |
//! |---|---|---|
//! | [`Score`] | the last second, and the mean of five | how well the next calls are likely to go |
//! | [`Eta`] | the lengths of the last 32 outages | when the outage under way is likely to end |
//! | [`Trend`] | the last 16 seconds | bad calls rise, and reach the limit within 120 s |
//! | [`Degraded`] | the rate of bad calls that is normal here, learnt over five minutes | more of them than that |
//! | [`Pattern`] | the outages of the last hour | single, repeated, flapping or periodic |
//! | [`Bursts`] | failures per 100 ms | whether they cluster |
//! | [`OutageRecord`] | the transitions | what each of the last 32 outages was, and an estimate of what it cost |
//! | [`Advice`] | pace, rates, durations and outages | which settings are doubtful, and what to set |
//! | [`Tuner`] | the advice, within [`Bounds`] | each [`Change`] that it makes |
//!
//! All of it needs a time window: a count window has no buckets, so that only outages, their pattern and their ETA are
//! known. None of it changes what the breaker does, but for a [`Tuner`].

mod advice;
mod advisor;
mod analysis;
mod bounds;
mod change;
mod degraded;
mod eta;
mod expected;
mod failing;
mod notices;
mod observed;
mod observer;
mod odds;
mod outage;
mod pattern;
mod report;
mod score;
mod series;
mod setting;
mod trend;
mod tuner;
mod tuning;
mod units;
mod value;
mod wording;

pub use self::advice::{Advice, Compared, Suggestion, advise};
pub use self::analysis::Notice;
pub use self::bounds::Bounds;
pub use self::change::Change;
pub use self::degraded::Degraded;
pub use self::eta::Eta;
pub use self::observed::Observed;
pub use self::observer::Insight;
pub use self::outage::{Cost, OutageRecord};
pub use self::pattern::{Bursts, Pattern};
pub use self::report::{Report, Traffic};
pub use self::score::Score;
pub use self::trend::Trend;
pub use self::tuner::Tuner;
pub use self::value::Value;
