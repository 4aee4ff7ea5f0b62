//! The problems of a fleet's settings.

use crate::config::Problem;
use std::error::Error;
use std::fmt;

/// Every problem of a fleet's settings.
///
/// ```
/// use tripcoil::fleet::{Fleet, MemoryStore};
///
/// let built = Fleet::builder("checkout", MemoryStore::new()).quorum(0).failure_rate(7.0).build();
/// let error = built.err().ok_or("three problems")?;
/// let fields: Vec<_> = error.problems().iter().map(|problem| problem.field).collect();
/// assert_eq!(fields, ["instance", "quorum", "failure_rate"]);
/// # Ok::<(), &str>(())
/// ```
///
/// The text has the fleet's name, and a line for each problem:
///
/// ```text
/// invalid settings of the fleet "checkout":
/// instance is not set, but must be the stable name of this instance
/// quorum is 0, but must be from 1 to 4294967295
/// failure_rate is 7.0, but must be above 0 and at most 1
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetError {
    fleet: String,
    problems: Vec<Problem>,
}

impl FleetError {
    /// Returns `Ok` if there are no problems.
    pub(super) fn of(fleet: &str, problems: Vec<Problem>) -> Result<(), FleetError> {
        if problems.is_empty() {
            return Ok(());
        }
        Err(FleetError {
            fleet: fleet.to_owned(),
            problems,
        })
    }

    /// Returns the name of the fleet.
    #[must_use]
    pub fn fleet(&self) -> &str {
        &self.fleet
    }

    /// Returns the problems, at least one, in the order of the builder's methods.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for FleetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid settings of the fleet {:?}:", self.fleet)?;
        for problem in &self.problems {
            write!(f, "\n{problem}")?;
        }
        Ok(())
    }
}

impl Error for FleetError {}
