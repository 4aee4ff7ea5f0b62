//! A shape as it is written in its file. README.md describes each key.

use serde::{Deserialize, Deserializer, de};
use std::time::Duration;

/// A duration as text: `"250ms"`, `"1m 30s"`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Span(pub(super) Duration);

impl Span {
    pub(super) const fn millis(ms: u64) -> Span {
        Span(Duration::from_millis(ms))
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        humantime::parse_duration(&text).map(Span).map_err(|error| {
            de::Error::custom(format!(
                "{text:?} is not a duration such as \"250ms\": {error}"
            ))
        })
    }
}

/// A time that is fixed, or drawn once for each seed.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a duration such as \"60s\", { between = [\"60s\", \"61s\"] } or { log_between = [\"5s\", \"120s\"] }"
)]
pub(super) enum Drawn {
    Fixed(Span),
    Between(Between),
    LogBetween(LogBetween),
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Between {
    pub(super) between: [Span; 2],
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LogBetween {
    pub(super) log_between: [Span; 2],
}

/// A number that stays, or that changes evenly from the beginning of a phase to its end.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged, expecting = "expected a number, or { from = 0, to = 1 }")]
pub(super) enum Course {
    Constant(f64),
    Even(Even),
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Even {
    pub(super) from: f64,
    pub(super) to: f64,
}

impl Course {
    pub(super) fn ends(self) -> [f64; 2] {
        match self {
            Course::Constant(value) => [value, value],
            Course::Even(Even { from, to }) => [from, to],
        }
    }
}

/// Calls per second.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "expected calls per second, or { low = 100, high = 1000, period = \"120s\" }"
)]
pub(super) enum Rate {
    Constant(f64),
    Wave(Wave),
}

/// Lowest at the beginning of the day.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wave {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) period: Span,
}

impl Rate {
    pub(super) fn most(self) -> f64 {
        match self {
            Rate::Constant(rate) => rate,
            Rate::Wave(Wave { high, .. }) => high,
        }
    }
}

/// How long an answer takes: `plus`, and a part that is distributed as its one other key says,
/// multiplied by `times`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Latency {
    pub(super) exponential: Option<Span>,
    pub(super) constant: Option<Span>,
    pub(super) uniform: Option<[Span; 2]>,
    #[serde(default = "once")]
    pub(super) times: Course,
    #[serde(default = "nothing")]
    pub(super) plus: Span,
}

fn once() -> Course {
    Course::Constant(1.0)
}

fn nothing() -> Span {
    Span::millis(0)
}

/// When the day ends.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a duration such as \"240s\", or { after_last = \"60s\" }"
)]
pub(super) enum Ends {
    At(Span),
    AfterLast(AfterLast),
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AfterLast {
    pub(super) after_last: Span,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Repeat {
    pub(super) times: u32,
    pub(super) every: Span,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Spec {
    pub(super) about: String,
    pub(super) ends: Ends,
    #[serde(default = "half")]
    pub(super) theta: f64,
    #[serde(default)]
    pub(super) client: Client,
    #[serde(default)]
    pub(super) normal: Behaviour,
    #[serde(default)]
    pub(super) phase: Vec<Phase>,
    #[serde(default)]
    pub(super) pause: Vec<Pause>,
    #[serde(default)]
    pub(super) reset: Vec<Reset>,
    pub(super) server: Option<Server>,
    /// For tests: the day is cut off after so long.
    #[serde(skip)]
    pub(super) cut: Option<Duration>,
}

fn half() -> f64 {
    0.5
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Client {
    pub(super) timeout: Span,
    pub(super) patience: Span,
    pub(super) slow: Span,
    pub(super) attempts: u32,
    pub(super) retry_after: Span,
}

impl Default for Client {
    fn default() -> Self {
        Client {
            timeout: Span::millis(1000),
            patience: Span::millis(250),
            slow: Span::millis(250),
            attempts: 1,
            retry_after: Span::millis(0),
        }
    }
}

/// Defines `Behaviour`, and `Phase` with the same keys: flattened, serde would let unknown keys pass.
macro_rules! behaviour {
    ($($(#[$doc:meta])* $key:ident: $kind:ty,)*) => {
        /// What calls and answers are like.
        #[derive(Clone, Debug, Default, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub(super) struct Behaviour {
            $($(#[$doc])* pub(super) $key: Option<$kind>,)*
        }

        /// For a while, all is as normal but for what the phase says.
        #[derive(Clone, Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct Phase {
            pub(super) kind: Kind,
            pub(super) begins: Drawn,
            pub(super) lasts: Drawn,
            pub(super) repeat: Option<Repeat>,
            $($(#[$doc])* pub(super) $key: Option<$kind>,)*
        }

        impl Phase {
            pub(super) fn behaviour(&self) -> Behaviour {
                Behaviour { $($key: self.$key,)* }
            }
        }
    };
}

behaviour! {
    rate: Rate,
    latency: Latency,
    fails: Course,
    failed_in: Span,
    hangs: Course,
    ignored: Course,
    leaks: Course,
    /// Of a server: calls per second.
    capacity: Course,
    /// Answers that are due come at the phase's end.
    stalls: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Outage,
    Tolerated,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pause {
    pub(super) begins: Drawn,
    pub(super) lasts: Drawn,
    pub(super) repeat: Option<Repeat>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reset {
    pub(super) at: Drawn,
    #[serde(default = "at_once")]
    pub(super) spread: Drawn,
    pub(super) repeat: Option<Repeat>,
}

fn at_once() -> Drawn {
    Drawn::Fixed(nothing())
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Server {
    pub(super) capacity: f64,
    pub(super) queue: Span,
    pub(super) crash_at: Option<Span>,
    #[serde(default = "nothing")]
    pub(super) restart: Span,
    #[serde(default = "refusal")]
    pub(super) refused_in: Span,
}

fn refusal() -> Span {
    Span::millis(1)
}
