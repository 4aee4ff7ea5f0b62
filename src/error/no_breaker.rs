//! A request that has no breaker.

use crate::error::config::ConfigError;
use core::error::Error;
use core::fmt;

/// The request has no breaker, so the call was not made. A small value, created without allocating.
///
/// Code that picks a breaker per request may refuse a key, with a reason of its own
/// ([`because`](Self::because)). A registry's template may return an invalid [`ConfigError`] for a
/// key; the field of its first problem is kept here.
///
/// ```
/// use tripcoil::Breaker;
/// use tripcoil::call::NoBreaker;
///
/// let invalid = Breaker::builder("payments").failure_rate(1.5).build().err().ok_or("invalid")?;
/// assert_eq!(NoBreaker::from(invalid).to_string(), "no breaker for this request: failure_rate is invalid");
/// let unknown = NoBreaker::because("its tenant is unknown");
/// assert_eq!(unknown.to_string(), "no breaker for this request: its tenant is unknown");
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NoBreaker {
    why: Why,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Why {
    Because(&'static str),
    /// The first problem's field.
    Invalid(&'static str),
}

impl NoBreaker {
    /// Returns an error with this reason, for example "its tenant is unknown".
    #[must_use]
    pub const fn because(reason: &'static str) -> NoBreaker {
        NoBreaker {
            why: Why::Because(reason),
        }
    }
}

impl From<ConfigError> for NoBreaker {
    fn from(error: ConfigError) -> Self {
        let first = error.problems().first();
        NoBreaker {
            why: Why::Invalid(first.map_or("its configuration", |problem| problem.field)),
        }
    }
}

impl fmt::Display for NoBreaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.why {
            Why::Because(reason) => write!(f, "no breaker for this request: {reason}"),
            Why::Invalid(field) => write!(f, "no breaker for this request: {field} is invalid"),
        }
    }
}

impl Error for NoBreaker {}
