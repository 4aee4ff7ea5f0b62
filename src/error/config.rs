//! The problems of a configuration.

use alloc::string::String;
use alloc::vec::Vec;
use core::error::Error;
use core::fmt;

/// Every problem of a configuration.
///
/// ```
/// use tripcoil::Breaker;
///
/// let error = Breaker::builder("payments")
///     .failure_rate(1.5)
///     .min_throughput(0)
///     .build()
///     .err()
///     .ok_or("two problems")?;
/// let fields: Vec<_> = error.problems().iter().map(|problem| problem.field).collect();
/// assert_eq!(fields, ["failure_rate", "min_throughput"]);
/// # Ok::<(), &str>(())
/// ```
///
/// The text has the breaker's name, if it is known, and a line for each problem:
///
/// ```text
/// invalid configuration of the breaker "payments":
/// failure_rate is 1.5, but must be above 0 and at most 1
/// min_throughput is 0, but must be from 1 to 4294967295
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    problems: Vec<Problem>,
    breaker: Option<String>,
}

impl ConfigError {
    /// Returns `Ok` if there are no problems.
    pub(crate) fn of(problems: Vec<Problem>) -> Result<(), Self> {
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Self {
                problems,
                breaker: None,
            })
        }
    }

    /// Adds the breaker's name.
    pub(crate) fn of_breaker(self, name: &str) -> Self {
        Self {
            breaker: Some(name.into()),
            ..self
        }
    }

    /// Returns the name of the breaker that could not be built or changed. `None` from
    /// [`Config::validate`](crate::Config::validate), which has no breaker.
    #[must_use]
    pub fn breaker(&self) -> Option<&str> {
        self.breaker.as_deref()
    }

    /// Returns the problems, at least one, in the order of [`Config`](crate::Config)'s fields.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.breaker {
            Some(name) => write!(f, "invalid configuration of the breaker {name:?}:")?,
            None => f.write_str("invalid breaker configuration:")?,
        }
        for problem in &self.problems {
            write!(f, "\n{problem}")?;
        }
        Ok(())
    }
}

impl Error for ConfigError {}

/// The field of the problem that no trip rule is on.
pub(crate) const NO_RULE: &str = "rules";

/// One problem of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The setting, as its path in [`Config`](crate::Config): `"open_for.jitter"`. `"rules"` if no
    /// trip rule is on at all.
    pub field: &'static str,
    /// The value that was refused.
    pub value: String,
    /// What is permitted instead.
    pub permitted: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            field,
            value,
            permitted,
        } = self;
        if *field == NO_RULE {
            return write!(
                f,
                "the trip rules are all off, but there must be {permitted}"
            );
        }
        write!(f, "{field} is {value}, but must be {permitted}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec;

    #[test]
    fn problems_are_told_one_a_line() {
        assert_eq!(ConfigError::of(vec![]), Ok(()));
        let problem = |field| Problem {
            field,
            value: "7".into(),
            permitted: "1 to 5".into(),
        };
        let two = vec![problem("failure_count"), problem("window")];
        let error = ConfigError {
            problems: two.clone(),
            breaker: None,
        };
        assert_eq!(ConfigError::of(two.clone()), Err(error.clone()));
        assert_eq!(error.problems(), two);
        let text = error.to_string();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[1], "failure_count is 7, but must be 1 to 5");
        assert_eq!(lines[0], "invalid breaker configuration:");
        assert_eq!(lines[2], "window is 7, but must be 1 to 5");
        let named = error.of_breaker("a \"name\"\n");
        assert_eq!(named.breaker(), Some("a \"name\"\n"));
        let first = named.to_string().lines().next().map(ToString::to_string);
        let expected = "invalid configuration of the breaker \"a \\\"name\\\"\\n\":";
        assert_eq!(first.as_deref(), Some(expected));
    }
}
