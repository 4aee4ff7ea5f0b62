//! The classifier by status.

use crate::classify::classifier::{Classify, pointers};
use crate::integrations::http::body::{ClassifyBody, is_rejection};
use crate::integrations::http::retry_after::retry_after;
use crate::{FailureKind, Outcome};
use ::http::{HeaderMap, Response, StatusCode};
use alloc::boxed::Box;
use core::fmt;

/// Classifies responses by their status, with the table of the [module](crate::http).
///
/// ```
/// use http::StatusCode;
/// use tripcoil::http::ByStatus;
/// use tripcoil::{FailureKind, Outcome};
///
/// // Calls carry valid credentials, so 401 and 403 are faults of ours; 501 is an answer.
/// let classifier = ByStatus::new()
///     .overriding(|status, _headers| match status.as_u16() {
///         401 | 403 => Some(Outcome::Failure(FailureKind::Client)),
///         501 => Some(Outcome::Success),
///         _ => None, // the default table
///     })
///     .errors(|error: &std::io::Error| match error.kind() {
///         std::io::ErrorKind::TimedOut => Outcome::Failure(FailureKind::Timeout),
///         _ => Outcome::Failure(FailureKind::Connect),
///     });
/// let outcome = classifier.outcome(StatusCode::FORBIDDEN, &Default::default());
/// assert_eq!(outcome, Outcome::Failure(FailureKind::Client));
/// ```
///
/// Around other breakers, wrap it, so that an inner rejection does not count as a
/// `Failure(Connect)`; for an inner service with boxed errors use `IgnoreRejections::boxed`. The
/// answer of [`rejected_response`](crate::http::rejected_response) from the same process is ignored
/// without a wrapper.
///
/// ```
/// use tripcoil::http::ByStatus;
/// use tripcoil::classify::IgnoreRejections;
/// use tripcoil::{Breaker, CallError};
///
/// let (inner, controller) = Breaker::builder("replica").build_with_controller()?;
/// let breaker = Breaker::builder("orders")
///     .classifier(IgnoreRejections::new(ByStatus::new()))
///     .build()?;
/// controller.force_open();
/// let get = || inner.call(|| Ok::<_, std::io::Error>(http::Response::new(())));
/// assert!(matches!(breaker.call(get), Err(CallError::Inner(_))));
/// assert_eq!(breaker.observer().snapshot().totals.ignored, 1);
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
#[derive(Clone, Copy)]
pub struct ByStatus<F = fn(StatusCode, &HeaderMap) -> Option<Outcome>, G = ErrIsConnect> {
    overriding: F,
    errors: G,
}

impl ByStatus {
    /// Returns a classifier with the default table.
    #[must_use]
    pub const fn new() -> ByStatus {
        ByStatus {
            overriding: |_, _| None,
            errors: ErrIsConnect,
        }
    }
}

impl Default for ByStatus {
    fn default() -> ByStatus {
        ByStatus::new()
    }
}

impl<F, G> ByStatus<F, G> {
    /// Adds a rule that is asked first. If it returns `None`, the default table applies. A failure
    /// of the kind `Overload` without a wait gets the wait of the `Retry-After` header here too.
    pub fn overriding<O>(self, overriding: O) -> ByStatus<O, G>
    where
        O: Fn(StatusCode, &HeaderMap) -> Option<Outcome>,
    {
        ByStatus {
            overriding,
            errors: self.errors,
        }
    }

    /// Sets the outcome of an error in place of a response.
    pub fn errors<E, O: Fn(&E) -> Outcome>(self, errors: O) -> ByStatus<F, O> {
        ByStatus {
            overriding: self.overriding,
            errors,
        }
    }
}

impl<F, G> ByStatus<F, G>
where
    F: Fn(StatusCode, &HeaderMap) -> Option<Outcome>,
{
    /// Returns the outcome of a response with this status and these headers.
    pub fn outcome(&self, status: StatusCode, headers: &HeaderMap) -> Outcome {
        let outcome =
            (self.overriding)(status, headers).unwrap_or_else(|| by_default(status.as_u16()));
        match outcome {
            Outcome::Failure(FailureKind::Overload) => match retry_after(headers) {
                Some(wait) => outcome.with_retry_after(wait),
                None => outcome,
            },
            _ => outcome,
        }
    }
}

fn by_default(status: u16) -> Outcome {
    Outcome::Failure(match status {
        429 | 503 => FailureKind::Overload,
        504 => FailureKind::Timeout,
        500..=599 => FailureKind::Server,
        600.. => FailureKind::Data,
        _ => return Outcome::Success,
    })
}

impl<B, E, F, G> Classify<Response<B>, E> for ByStatus<F, G>
where
    F: Fn(StatusCode, &HeaderMap) -> Option<Outcome>,
    G: ClassifyError<E>,
{
    fn classify(&self, result: &Result<Response<B>, E>) -> Outcome {
        match result {
            Ok(response) if is_rejection(response) => Outcome::Ignored,
            Ok(response) => self.outcome(response.status(), response.headers()),
            Err(error) => self.errors.error(error),
        }
    }
}

pointers! {
    [
        B,
        E,
        F: Fn(StatusCode, &HeaderMap) -> Option<Outcome>,
        G: ClassifyError<E>
    ] <Response<B>, E> &ByStatus<F, G>;
    [
        B,
        E,
        F: Fn(StatusCode, &HeaderMap) -> Option<Outcome>,
        G: ClassifyError<E>
    ] <Response<B>, E> Box<ByStatus<F, G>>;
}

/// A body that breaks off is `Failure(Connect)`.
impl<E, F, G> ClassifyBody<E> for ByStatus<F, G>
where
    F: Fn(StatusCode, &HeaderMap) -> Option<Outcome>,
{
    fn head(&self, status: StatusCode, headers: &HeaderMap) -> Option<Outcome> {
        match self.outcome(status, headers) {
            Outcome::Success => None,
            outcome => Some(outcome),
        }
    }

    fn end(&self, _trailers: Option<&HeaderMap>) -> Outcome {
        Outcome::Success
    }

    fn broken(&self, _error: &E) -> Outcome {
        Outcome::Failure(FailureKind::Connect)
    }
}

impl<F, G> fmt::Debug for ByStatus<F, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByStatus").finish_non_exhaustive()
    }
}

/// Decides what an error in place of a response means. Any `Fn(&E) -> Outcome` implements it.
pub trait ClassifyError<E> {
    /// Returns what this error means.
    fn error(&self, error: &E) -> Outcome;
}

impl<E, F: Fn(&E) -> Outcome> ClassifyError<E> for F {
    fn error(&self, error: &E) -> Outcome {
        self(error)
    }
}

/// The default: every error is a `Failure(Connect)`, whatever its type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ErrIsConnect;

impl<E> ClassifyError<E> for ErrIsConnect {
    fn error(&self, _error: &E) -> Outcome {
        Outcome::Failure(FailureKind::Connect)
    }
}
