//! A request without a breaker.

use crate::error::config::ConfigError;
use core::error::Error;
use core::fmt;

/// There is no breaker for a request, so the call was not made. A small value, made without
/// allocating.
///
/// Whoever picks a breaker for each request may find that its key is none (in his own words:
/// [`because`](Self::because)), or that a registry's template says something invalid of it, which
/// comes as a [`ConfigError`] and leaves the name of its first problem here.
///
/// ```
/// use tripcoil::{Breaker, NoBreaker};
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
    /// In the words of whoever picks: "its tenant is unknown".
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
