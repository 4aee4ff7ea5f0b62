//! Rejections inside of errors of many kinds, found and told from others.

use super::*;
use crate::words::outcome::{FailureKind, State};
use alloc::string::String;
use core::fmt;

const REJECTED: Rejected = Rejected::by(State::Open);

#[derive(Debug)]
struct Failed(Option<Box<dyn Error + Send + Sync>>);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("failed")
    }
}

impl Error for Failed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.0.as_deref()?)
    }
}

fn failed(source: impl Error + Send + Sync + 'static) -> Failed {
    Failed(Some(Box::new(source)))
}

fn nested<E>(error: E) -> CallError<CallError<E>> {
    CallError::Inner(CallError::Inner(error))
}

#[test]
fn a_rejection_is_found_along_the_chain() {
    fn found<E: Error + 'static>(error: E) -> bool {
        let classifier = IgnoreRejections::new(ErrIsFailure);
        classifier.classify(&Err::<(), _>(error)) == Outcome::Ignored
    }
    type Call = CallError<Failed>;
    assert!(found(REJECTED));
    assert!(found(NoBreaker::because("it has no key")));
    assert!(found(Call::from(REJECTED)));
    assert!(found(Call::from(NoBreaker::because("it has no key"))));
    assert!(found(nested(Call::from(REJECTED))));
    assert!(found(failed(REJECTED)));
    assert!(found(failed(failed(nested(Call::from(REJECTED))))));
    assert!(found(nested(failed(REJECTED))));
    // where the chain passes over it
    assert!(found(CallError::Inner(REJECTED)));
    assert!(found(nested(REJECTED)));
    assert!(found(Box::new(REJECTED)) && found(Arc::new(REJECTED)));
    assert!(found(CallError::Inner(nested(REJECTED))));
    assert!(found(CallError::Inner(nested(Arc::new(REJECTED)))));
    let none = || NoBreaker::because("it has no key");
    assert!(found(CallError::Inner(nested(none()))) && found(Box::new(none())));
    let boxed = || CallError::<Box<dyn Error + Send + Sync>>::Inner(REJECTED.into()).boxed();
    assert!(found(boxed()) && found(failed(boxed())));
    assert!(found(nested(boxed())) && found(failed(nested(boxed()))));

    assert!(!found(Failed(None)));
    assert!(!found(failed(Failed(None))));
    assert!(!found(nested(Failed(None))));
    assert!(!found(Call::TimedOut(core::time::Duration::ZERO)));
    assert!(!found(CallError::Inner("no route").boxed()));
}

#[cfg(feature = "std")]
#[test]
fn a_rejection_is_found_in_an_io_error() {
    use std::io;
    let find = |error: io::Error| InSources.is_rejection(&error);
    assert!(find(io::Error::other(REJECTED)));
    assert!(find(io::Error::other(failed(REJECTED))));
    assert!(InSources.is_rejection(&CallError::Inner(io::Error::other(REJECTED))));
    assert!(InSources.is_rejection(&failed(io::Error::other(io::Error::other(REJECTED)))));
    let io = || io::Error::other(REJECTED);
    assert!(InSources.is_rejection(&nested(io())));
    assert!(InSources.is_rejection(&CallError::Inner(nested(io()))));
    assert!(InSources.is_rejection(&nested(Arc::new(io()))));
    assert!(InSources.is_rejection(&failed(Box::new(io()))));
    let inside: CallError<io::Error> = CallError::Inner(io::Error::other(nested(io())));
    assert!(InSources.is_rejection(&inside));
    let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
    assert!(!InSources.is_rejection(&CallError::Inner(nested(refused()))));
    assert!(!find(io::Error::other("no route")));
    assert!(!find(io::ErrorKind::TimedOut.into()));
}

#[test]
fn a_rejection_is_found_in_a_box() {
    fn found<E>(error: E) -> bool
    where
        InBoxed: FindRejection<E>,
    {
        let classifier = IgnoreRejections::boxed(ErrIsFailure);
        classifier.classify(&Err::<(), _>(error)) == Outcome::Ignored
    }
    type Boxed = Box<dyn Error + Send + Sync>;
    let boxed = |error: CallError<Failed>| -> Boxed { error.into() };
    assert!(found(Boxed::from(REJECTED)));
    assert!(found(Box::<dyn Error>::from(REJECTED)));
    assert!(found(Box::new(REJECTED) as Box<dyn Error + Send>));
    assert!(found(Arc::<dyn Error + Send + Sync>::from(boxed(
        REJECTED.into()
    ))));
    assert!(found(boxed(REJECTED.into())));
    assert!(found(boxed(CallError::Inner(failed(REJECTED)))));
    assert!(found(CallError::<Boxed>::from(REJECTED)));
    assert!(found(nested(boxed(REJECTED.into()))));
    assert!(found(
        anyhow::Error::from(failed(REJECTED)).context("asked")
    ));
    assert!(found(CallError::<anyhow::Error>::from(REJECTED)));

    assert!(!found(boxed(CallError::Inner(Failed(None)))));
    assert!(!found(CallError::Inner(Boxed::from("no route"))));
    assert!(!found(anyhow::anyhow!("no route").context("asked")));
}

#[test]
fn a_closure_finds_it_in_anything() {
    let classifier = IgnoreRejections::found_by(ErrIsFailure, CallError::<()>::as_rejected);
    let outcome = |error| classifier.classify(&Err::<(), _>(error));
    assert_eq!(outcome(REJECTED.into()), Outcome::Ignored);
    let failure = Outcome::Failure(FailureKind::Server);
    assert_eq!(outcome(CallError::Inner(())), failure);
}

#[test]
fn all_else_is_for_the_classifier_inside() {
    struct Own;
    impl Classify<u8, String> for Own {
        fn classify(&self, result: &Result<u8, String>) -> Outcome {
            Outcome::Failure(FailureKind::Other(result.as_ref().map_or(9, |n| *n)))
        }
        fn panicked(&self) -> Outcome {
            Outcome::Ignored
        }
    }
    let wrapped = IgnoreRejections::found_by(Own, |_: &String| None);
    let failure = |n| Outcome::Failure(FailureKind::Other(n));
    assert_eq!(wrapped.classify(&Ok(3)), failure(3));
    assert_eq!(wrapped.classify(&Err(String::new())), failure(9));
    assert_eq!(wrapped.panicked(), Outcome::Ignored);
}
