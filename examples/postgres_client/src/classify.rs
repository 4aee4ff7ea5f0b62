//! What a query's error means to the breaker.

use std::fmt;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Error, Row};
use tripcoil::{Classify, FailureKind, Outcome};

/// A failed query.
#[derive(Debug)]
pub(crate) struct Failed(pub(crate) Error);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Classifies by the SQLSTATE, which PostgreSQL gives with each error of its own.
///
/// An error without one comes from the connection. An error of the query, such as a violated constraint, is an
/// answer: the database works.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ByState;

impl Classify<Row, Failed> for ByState {
    fn classify(&self, result: &Result<Row, Failed>) -> Outcome {
        match result {
            Ok(_) => Outcome::Success,
            Err(Failed(error)) => by_state(error.code()),
        }
    }
}

fn by_state(state: Option<&SqlState>) -> Outcome {
    let Some(state) = state else {
        return Outcome::Failure(FailureKind::Connect);
    };
    // the first two characters are the class
    match state.code() {
        // cancelled by statement_timeout, or a lock that was not free in time
        "57014" | "55P03" => Outcome::Failure(FailureKind::Timeout),
        "57P03" => Outcome::Failure(FailureKind::Overload), // it starts up, or shuts down
        code if code.starts_with("08") || code.starts_with("57P") => {
            Outcome::Failure(FailureKind::Connect)
        }
        code if code.starts_with("53") => Outcome::Failure(FailureKind::Overload),
        code if code.starts_with("58") || code.starts_with("XX") => {
            Outcome::Failure(FailureKind::Server)
        }
        _ => Outcome::Success,
    }
}

#[cfg(test)]
mod tests;
