//! What a result means to a retry.

use crate::call::NoBreaker;
use crate::{CallError, Classify, FailureKind, Outcome, Rejected};
use alloc::boxed::Box;
use core::error::Error;
use core::mem::replace;
use core::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Success,
    /// An ignored result, or one that is never retried.
    Final,
    Rejected(Rejected),
    /// With the wait that the failure asks for.
    Failed(FailureKind, Option<Duration>),
}

impl Verdict {
    fn of_outcome(outcome: Outcome) -> Verdict {
        match outcome {
            Outcome::Success => Verdict::Success,
            Outcome::Failure(kind) => Verdict::Failed(kind, None),
            Outcome::FailureRetryAfter(kind, wait) => Verdict::Failed(kind, Some(wait)),
            Outcome::Ignored => Verdict::Final,
        }
    }

    /// Of a guarded call's result. The classifier is for the call's own, which is taken out for it.
    pub(super) fn of_call<T, E, C: Classify<T, E>>(
        result: &mut Result<T, CallError<E>>,
        classifier: &C,
    ) -> Verdict {
        // If the classifier panics, the result is lost with the response's future.
        let taken = replace(result, Err(CallError::TimedOut(Duration::ZERO)));
        let own = match taken {
            Ok(response) => Ok(response),
            Err(CallError::Inner(error)) => Err(error),
            Err(error) => {
                let verdict = match &error {
                    CallError::Rejected(rejected) => Verdict::Rejected(*rejected),
                    CallError::TimedOut(_) => Verdict::Failed(FailureKind::Timeout, None),
                    _ => Verdict::Final,
                };
                *result = Err(error);
                return verdict;
            }
        };
        let verdict = Verdict::of_outcome(classifier.classify(&own));
        *result = own.map_err(CallError::Inner);
        verdict
    }

    /// Of a result with a boxed error.
    pub(super) fn of_boxed<T, C: Classify<T, BoxError>>(
        result: &Result<T, BoxError>,
        classifier: &C,
    ) -> Verdict {
        if let Err(error) = result {
            let mut next: Option<&(dyn Error + 'static)> = Some(&**error);
            while let Some(error) = next {
                if let Some(rejected) = error.downcast_ref::<Rejected>() {
                    return Verdict::Rejected(*rejected);
                }
                if error.is::<NoBreaker>() {
                    return Verdict::Final;
                }
                next = error.source();
            }
        }
        Verdict::of_outcome(classifier.classify(result))
    }
}

/// tower's.
pub(super) type BoxError = Box<dyn Error + Send + Sync>;
