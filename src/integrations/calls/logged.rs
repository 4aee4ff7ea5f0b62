//! A classifier that keeps what it sees.

use crate::error::caught::caught;
use crate::integrations::calls::log::CallLog;
use crate::{Classify, Outcome};
#[cfg(feature = "http")]
use crate::{Rejected, http::ClassifyBody};
#[cfg(feature = "http")]
use ::http::{HeaderMap, Response, StatusCode};
use std::fmt;
use std::time::Duration;

/// A classifier whose results go into a [`CallLog`]; [`CallLog::classifier`] returns it.
///
/// The outcomes are those of the wrapped classifier.
#[derive(Clone)]
pub struct Logged<D, F = NoText> {
    log: CallLog,
    classifier: D,
    text: F,
}

/// Says nothing of a result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NoText;

/// Says of a result what may be kept. Any `Fn(&Result<T, E>) -> Option<String>` implements it.
pub trait Text<T, E> {
    /// Returns what to keep. It is asked only for calls that are kept. A panic in it is caught, and the call is kept
    /// without a text.
    fn text(&self, result: &Result<T, E>) -> Option<String>;
}

impl<T, E> Text<T, E> for NoText {
    fn text(&self, _: &Result<T, E>) -> Option<String> {
        None
    }
}

impl<T, E, F: Fn(&Result<T, E>) -> Option<String>> Text<T, E> for F {
    fn text(&self, result: &Result<T, E>) -> Option<String> {
        self(result)
    }
}

impl CallLog {
    /// Returns a classifier with the outcomes of `classifier`, whose results go into this log.
    #[must_use]
    pub fn classifier<D>(&self, classifier: D) -> Logged<D> {
        Logged {
            log: self.clone(),
            classifier,
            text: NoText,
        }
    }
}

impl<D, F> Logged<D, F> {
    /// Keeps what `text` says of the result of each call that is kept: an error's text, a status, or a part of either
    /// that holds no secret. `None` keeps no text.
    pub fn with_text<G>(self, text: G) -> Logged<D, G> {
        Logged {
            log: self.log,
            classifier: self.classifier,
            text,
        }
    }

    /// Returns the wrapped classifier.
    #[must_use]
    pub const fn inner(&self) -> &D {
        &self.classifier
    }
}

impl<D: fmt::Debug, F> fmt::Debug for Logged<D, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logged")
            .field("classifier", &self.classifier)
            .finish_non_exhaustive()
    }
}

impl<T, E, D: Classify<T, E>, F: Text<T, E>> Classify<T, E> for Logged<D, F> {
    /// Keeps nothing: breakers ask by `classify_timed`, once per call, and others ask here, such as a retry policy.
    fn classify(&self, result: &Result<T, E>) -> Outcome {
        self.classifier.classify(result)
    }

    fn classify_timed(
        &self,
        result: &Result<T, E>,
        lasted: &dyn Fn() -> Option<Duration>,
    ) -> Outcome {
        let outcome = self.classifier.classify_timed(result, lasted);
        // what is said of a result changes nothing of what it is
        let text = || caught(|| self.text.text(result)).flatten();
        self.log.note(outcome, lasted, text);
        outcome
    }

    fn timed_out(&self, limit: Duration) -> Outcome {
        let outcome = self.classifier.timed_out(limit);
        let text = || Some("timed out".to_owned());
        self.log.note(outcome, &|| Some(limit), text);
        outcome
    }

    fn panicked(&self) -> Outcome {
        let outcome = self.classifier.panicked();
        self.log
            .note(outcome, &|| None, || Some("panicked".to_owned()));
        outcome
    }
}

/// A call that ends with its response's body: its outcome is kept, and there is no text.
#[cfg(feature = "http")]
impl<E, D: ClassifyBody<E>, F> ClassifyBody<E> for Logged<D, F> {
    fn head(&self, status: StatusCode, headers: &HeaderMap) -> Option<Outcome> {
        let outcome = ClassifyBody::<E>::head(&self.classifier, status, headers)?;
        let text = || Some(format!("status {}", status.as_u16()));
        self.log.note(outcome, &|| None, text);
        Some(outcome)
    }

    fn end(&self, trailers: Option<&HeaderMap>) -> Outcome {
        let outcome = ClassifyBody::<E>::end(&self.classifier, trailers);
        self.log.note(outcome, &|| None, || None);
        outcome
    }

    fn broken(&self, error: &E) -> Outcome {
        let outcome = self.classifier.broken(error);
        self.log.note(outcome, &|| None, || None);
        outcome
    }

    fn panicked(&self) -> Outcome {
        let outcome = ClassifyBody::<E>::panicked(&self.classifier);
        let text = || Some("panicked".to_owned());
        self.log.note(outcome, &|| None, text);
        outcome
    }

    fn rejected(&self, breaker: &str, rejected: &Rejected) -> Option<Response<()>> {
        ClassifyBody::<E>::rejected(&self.classifier, breaker, rejected)
    }
}
