//! The errors, as small values: a rejection, a call's error, a configuration's problems.

#[cfg(feature = "std")]
pub(crate) mod caught;

mod boxed;
mod call;
mod config;
mod no_breaker;
mod rejected;

pub use self::boxed::BoxedError;
pub use self::call::CallError;
pub(crate) use self::config::NO_RULE;
pub use self::config::{ConfigError, Problem};
pub use self::no_breaker::NoBreaker;
pub use self::rejected::Rejected;

/// The text of an error and those of its causes, as a report of the whole chain has them.
#[cfg(test)]
pub(crate) fn chain(error: &dyn core::error::Error) -> alloc::vec::Vec<alloc::string::String> {
    let links = core::iter::successors(Some(error), |error| error.source());
    links.map(alloc::string::ToString::to_string).collect()
}
