//! The classifier by status code.

use crate::classify::classifier::{Classify, pointers};
use crate::integrations::grpc::code::Code;
use crate::integrations::grpc::metadata::{
    code, is_of_this_process, pushback, rejected_response_of,
};
use crate::integrations::http::{ClassifyBody, ClassifyError, ErrIsConnect, is_rejection};
use crate::{FailureKind, Outcome, Rejected};
use ::http::{HeaderMap, Response, StatusCode};
use alloc::boxed::Box;
use core::fmt;

/// Classifies gRPC calls by their status code, with the table of the [module](crate::grpc).
///
/// ```
/// use tripcoil::grpc::{ByCode, Code};
/// use tripcoil::{FailureKind, Outcome};
///
/// let classifier = ByCode::new().overriding(|code, _metadata| match code {
///     Code::Unimplemented => Some(Outcome::Failure(FailureKind::Client)), // an old server
///     Code::ResourceExhausted => Some(Outcome::Success), // our own quota
///     _ => None, // the default table
/// });
/// let outcome = classifier.outcome(Code::Unimplemented, &Default::default());
/// assert_eq!(outcome, Outcome::Failure(FailureKind::Client));
/// ```
///
/// Around other breakers, wrap it, so that an inner rejection does not count as a
/// `Failure(Connect)`; for an inner service with boxed errors use `IgnoreRejections::boxed`. The
/// answer of [`rejected_response`](crate::grpc::rejected_response) from the same process is ignored
/// without a wrapper.
///
/// ```
/// use tripcoil::grpc::ByCode;
/// use tripcoil::Breaker;
/// use tripcoil::classify::IgnoreRejections;
///
/// let breaker = Breaker::builder("greeter")
///     .classifier(IgnoreRejections::new(ByCode::new()))
///     .build()?;
/// # let (inner, controller) = Breaker::builder("replica").build_with_controller()?;
/// # controller.force_open();
/// # let ask = || inner.call(|| Ok::<_, std::io::Error>(http::Response::new(())));
/// # assert!(breaker.call(ask).is_err());
/// # assert_eq!(breaker.observer().snapshot().totals.ignored, 1);
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
#[derive(Clone, Copy)]
pub struct ByCode<F = fn(Code, &HeaderMap) -> Option<Outcome>, G = ErrIsConnect> {
    overriding: F,
    errors: G,
}

impl ByCode {
    /// Returns a classifier with the default table.
    #[must_use]
    pub const fn new() -> ByCode {
        ByCode {
            overriding: |_, _| None,
            errors: ErrIsConnect,
        }
    }
}

impl Default for ByCode {
    fn default() -> ByCode {
        ByCode::new()
    }
}

impl<F, G> ByCode<F, G> {
    /// Adds a rule that is asked first, with the headers or trailers that hold the status. If it
    /// returns `None`, the default table applies. A failure without a wait gets the wait of
    /// `grpc-retry-pushback-ms` here too.
    pub fn overriding<O>(self, overriding: O) -> ByCode<O, G>
    where
        O: Fn(Code, &HeaderMap) -> Option<Outcome>,
    {
        ByCode {
            overriding,
            errors: self.errors,
        }
    }

    /// Sets the outcome of an error in place of a response.
    pub fn errors<E, O: Fn(&E) -> Outcome>(self, errors: O) -> ByCode<F, O> {
        ByCode {
            overriding: self.overriding,
            errors,
        }
    }
}

impl<F, G> ByCode<F, G>
where
    F: Fn(Code, &HeaderMap) -> Option<Outcome>,
{
    /// Returns the outcome of a call with this status: [`Outcome::Ignored`] if a breaker of this
    /// process has rejected the call, and the table's otherwise.
    pub fn outcome(&self, code: Code, metadata: &HeaderMap) -> Outcome {
        if is_of_this_process(metadata) {
            return Outcome::Ignored;
        }
        let outcome = (self.overriding)(code, metadata).unwrap_or_else(|| by_default(code));
        match outcome {
            Outcome::Failure(_) => match pushback(metadata) {
                Some(wait) => outcome.with_retry_after(wait),
                None => outcome,
            },
            _ => outcome,
        }
    }

    /// The outcome, if the headers decide.
    fn by_head(&self, status: StatusCode, headers: &HeaderMap) -> Option<Outcome> {
        let code = match code(headers) {
            Some(code) => code,
            None if status == StatusCode::OK => return None,
            None => Code::of_http(status.as_u16()),
        };
        Some(self.outcome(code, headers))
    }
}

fn by_default(code: Code) -> Outcome {
    Outcome::Failure(match code {
        Code::Unknown | Code::Internal => FailureKind::Server,
        Code::DeadlineExceeded => FailureKind::Timeout,
        Code::ResourceExhausted => FailureKind::Overload,
        Code::Unavailable => FailureKind::Connect,
        Code::DataLoss => FailureKind::Data,
        Code::Cancelled => return Outcome::Ignored,
        Code::Ok
        | Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unimplemented
        | Code::Unauthenticated => return Outcome::Success,
    })
}

impl<B, E, F, G> Classify<Response<B>, E> for ByCode<F, G>
where
    F: Fn(Code, &HeaderMap) -> Option<Outcome>,
    G: ClassifyError<E>,
{
    /// By the headers only: without a status there, the call is a success.
    fn classify(&self, result: &Result<Response<B>, E>) -> Outcome {
        match result {
            Ok(response) if is_rejection(response) => Outcome::Ignored,
            Ok(response) => self
                .by_head(response.status(), response.headers())
                .unwrap_or(Outcome::Success),
            Err(error) => self.errors.error(error),
        }
    }
}

pointers! {
    [
        B,
        E,
        F: Fn(Code, &HeaderMap) -> Option<Outcome>,
        G: ClassifyError<E>
    ] <Response<B>, E> &ByCode<F, G>;
    [
        B,
        E,
        F: Fn(Code, &HeaderMap) -> Option<Outcome>,
        G: ClassifyError<E>
    ] <Response<B>, E> Box<ByCode<F, G>>;
}

/// A body that breaks off is `Failure(Connect)`; one that ends without a status is `Failure(Data)`.
/// A rejected call is answered by [`rejected_response_of`].
impl<E, F, G> ClassifyBody<E> for ByCode<F, G>
where
    F: Fn(Code, &HeaderMap) -> Option<Outcome>,
{
    fn head(&self, status: StatusCode, headers: &HeaderMap) -> Option<Outcome> {
        self.by_head(status, headers)
    }

    fn end(&self, trailers: Option<&HeaderMap>) -> Outcome {
        match trailers.and_then(|trailers| Some((code(trailers)?, trailers))) {
            Some((code, trailers)) => self.outcome(code, trailers),
            None => Outcome::Failure(FailureKind::Data),
        }
    }

    fn broken(&self, _error: &E) -> Outcome {
        Outcome::Failure(FailureKind::Connect)
    }

    fn rejected(&self, breaker: &str, rejected: &Rejected) -> Option<Response<()>> {
        Some(rejected_response_of(breaker, rejected))
    }
}

impl<F, G> fmt::Debug for ByCode<F, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByCode").finish_non_exhaustive()
    }
}
