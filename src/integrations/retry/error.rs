//! The problems of a retry policy's settings.

use crate::config::Problem;
use alloc::vec::Vec;
use core::error::Error;
use core::fmt;

/// Every problem of a retry policy's settings.
///
/// ```
/// use std::time::Duration;
/// use tripcoil::Backoff;
/// use tripcoil::retry::RetryPolicy;
///
/// let error = RetryPolicy::builder()
///     .attempts(0)
///     .backoff(Backoff::constant(Duration::from_secs(1)).jitter(1.5))
///     .build()
///     .err()
///     .ok_or("two problems")?;
/// assert_eq!(
///     error.to_string(),
///     "invalid retry policy:\n\
///      attempts is 0, but must be at least 1\n\
///      backoff.jitter is 1.5, but must be at least 0 and below 1"
/// );
/// assert_eq!(error.problems()[0].field, "attempts");
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidRetry {
    problems: Vec<Problem>,
}

impl InvalidRetry {
    /// Returns `Ok` if there are no problems.
    pub(super) fn of(problems: Vec<Problem>) -> Result<(), InvalidRetry> {
        if problems.is_empty() {
            Ok(())
        } else {
            Err(InvalidRetry { problems })
        }
    }

    /// Returns the problems, at least one. Their fields are the builder's methods.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for InvalidRetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid retry policy:")?;
        for problem in &self.problems {
            write!(f, "\n{problem}")?;
        }
        Ok(())
    }
}

impl Error for InvalidRetry {}
