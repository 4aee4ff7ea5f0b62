//! How single values are written, in files and in the environment.

use crate::clock::Clock;
use crate::config::profile::Profile;
use crate::config::settings::OnCancel;
use crate::words::names::Named;
use crate::words::outcome::State;
use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

/// A value as found. A format distinguishes these; the environment has text only.
#[derive(Clone, Copy)]
pub(crate) enum Found<'a> {
    Switch(bool),
    Float(f64),
    Integer(u64),
    Text(&'a str),
    /// Text, to be read as any of the others.
    Any(&'a str),
    /// The beginning of a list, whose values follow.
    List,
}

/// A value to be written.
pub(crate) enum Written {
    Switch(bool),
    Float(f64),
    Integer(u64),
    Text(String),
    List(Vec<String>),
}

/// A setting that may be given, whatever its type.
pub(crate) trait Field {
    /// What the field accepts.
    fn expects(&self) -> Cow<'static, str>;

    /// Stores the value if it fits.
    ///
    /// # Errors
    ///
    /// Returns what is expected instead.
    fn put(&mut self, found: Found<'_>) -> Result<(), Cow<'static, str>>;

    /// `None` if the setting is not given.
    fn written(&self) -> Option<Written>;
}

/// What is switched off is written as `false`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Off;

/// A type that a value can be read into.
pub(crate) trait Value: Clone + Into<Written> {
    /// What is expected.
    const IS: &'static str;

    fn float(_: f64) -> Option<Self> {
        None
    }

    fn integer(_: u64) -> Option<Self> {
        None
    }

    fn text(_: &str) -> Option<Self> {
        None
    }

    fn found(found: Found<'_>) -> Option<Self> {
        match found {
            Found::Switch(_) | Found::List => None,
            Found::Float(x) => Self::float(x),
            Found::Integer(n) => Self::integer(n),
            Found::Text(text) => Self::text(text),
            Found::Any(text) => {
                let integer = || Self::integer(text.parse().ok()?);
                let float = || Self::float(text.parse().ok()?);
                Self::text(text).or_else(integer).or_else(float)
            }
        }
    }
}

impl Value for f64 {
    const IS: &'static str = "a number such as 0.5";

    fn float(x: f64) -> Option<f64> {
        Some(x)
    }

    fn integer(n: u64) -> Option<f64> {
        Some(n as f64)
    }
}

impl Value for bool {
    const IS: &'static str = "true or false";

    fn found(found: Found<'_>) -> Option<bool> {
        match found {
            Found::Switch(on) => Some(on),
            Found::Any(text) => text.parse().ok(),
            _ => None,
        }
    }
}

impl Value for u32 {
    const IS: &'static str = "a whole number up to 4294967295, such as 20";

    fn integer(n: u64) -> Option<u32> {
        u32::try_from(n).ok()
    }
}

impl Value for u64 {
    const IS: &'static str = "a whole number, such as 7";

    fn integer(n: u64) -> Option<u64> {
        Some(n)
    }
}

impl Value for Duration {
    const IS: &'static str = "a duration such as \"10s\" or \"500ms\"";

    fn text(text: &str) -> Option<Duration> {
        humantime::parse_duration(text).ok()
    }
}

impl Value for State {
    const IS: &'static str =
        "\"closed\", \"open\", \"half_open\", \"forced_open\", \"disabled\" or \"observe_only\"";

    fn text(text: &str) -> Option<State> {
        State::from_name(text)
    }
}

impl Value for Profile {
    const IS: &'static str =
        "\"default\", \"adaptive\", \"database\", \"http\", \"cache\" or \"queue\"";

    fn text(text: &str) -> Option<Profile> {
        let mut all = Profile::ALL.into_iter();
        all.find(|profile| profile.name() == text)
    }
}

impl Value for Off {
    const IS: &'static str = "false to turn it off";

    fn found(found: Found<'_>) -> Option<Off> {
        matches!(found, Found::Switch(false) | Found::Any("false")).then_some(Off)
    }
}

impl Value for OnCancel {
    const IS: &'static str = "\"ignored\", \"failure\" or \"failure_if_slow\"";

    fn text(text: &str) -> Option<OnCancel> {
        named(&CANCELLATIONS, text)
    }
}

impl Value for Clock {
    const IS: &'static str = "\"coarse\", \"upkeep\" or \"precise\"";

    fn text(text: &str) -> Option<Clock> {
        Clock::named(text)
    }
}

const CANCELLATIONS: [(&str, OnCancel); 3] = [
    ("ignored", OnCancel::Ignored),
    ("failure", OnCancel::Failure),
    ("failure_if_slow", OnCancel::FailureIfSlow),
];

fn named<T: Copy>(words: &[(&str, T)], name: &str) -> Option<T> {
    words.iter().find(|w| w.0 == name).map(|w| w.1)
}

fn name_of<T: PartialEq>(words: &[(&'static str, T)], value: T) -> &'static str {
    // each value has its word: the test goes through them
    words.iter().find(|w| w.1 == value).map_or("", |w| w.0)
}

impl From<f64> for Written {
    fn from(x: f64) -> Written {
        Written::Float(x)
    }
}

impl From<bool> for Written {
    fn from(on: bool) -> Written {
        Written::Switch(on)
    }
}

impl From<u32> for Written {
    fn from(n: u32) -> Written {
        Written::Integer(n.into())
    }
}

impl From<u64> for Written {
    fn from(n: u64) -> Written {
        Written::Integer(n)
    }
}

impl From<Duration> for Written {
    fn from(d: Duration) -> Written {
        Written::Text(humantime::format_duration(d).to_string())
    }
}

impl From<State> for Written {
    fn from(state: State) -> Written {
        Written::Text(state.as_str().to_string())
    }
}

impl From<Profile> for Written {
    fn from(profile: Profile) -> Written {
        Written::Text(profile.name().to_string())
    }
}

impl From<Off> for Written {
    fn from(_: Off) -> Written {
        Written::Switch(false)
    }
}

impl From<OnCancel> for Written {
    fn from(on_cancel: OnCancel) -> Written {
        Written::Text(name_of(&CANCELLATIONS, on_cancel).to_string())
    }
}

impl From<Clock> for Written {
    fn from(clock: Clock) -> Written {
        Written::Text(clock.name().unwrap_or("").to_string())
    }
}

#[cfg(test)]
mod tests;
