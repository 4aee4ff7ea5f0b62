//! Errors as they come out of other people's stacks: shared, boxed, converted, and within each other.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly"
)]

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;
use tripcoil::call::NoBreaker;
use tripcoil::classify::{ErrIsFailure, IgnoreRejections, InBoxed};
use tripcoil::{Breaker, CallError, Classify, Outcome, Rejected};

type BoxError = Box<dyn Error + Send + Sync>;
type Shared = Arc<dyn Error + Send + Sync>;

/// By a breaker that is forced open.
fn rejected() -> Rejected {
    let (breaker, controller) = Breaker::builder("inner").build_with_controller().unwrap();
    controller.force_open();
    breaker.try_acquire().map(drop).unwrap_err()
}

/// An error of a service, with whatever it was caused by.
#[derive(Debug)]
struct Failed<S>(S);

impl<S> fmt::Display for Failed<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the service failed")
    }
}

impl<S: Error + 'static> Error for Failed<S> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

fn ignored<E: Error + 'static>(error: E) -> bool {
    let classifier = IgnoreRejections::new(ErrIsFailure);
    classifier.classify(&Err::<(), _>(error)) == Outcome::Ignored
}

macro_rules! each_ignored {
    ($by:ident: $($error:expr),* $(,)?) => {$(
        assert!($by($error), "{}", stringify!($error));
    )*};
}

fn boxed_ignored<E>(error: E) -> bool
where
    IgnoreRejections<ErrIsFailure, InBoxed>: Classify<(), E>,
{
    let classifier = IgnoreRejections::boxed(ErrIsFailure);
    classifier.classify(&Err::<(), _>(error)) == Outcome::Ignored
}

/// Whose chain begins behind the error that is shared.
#[test]
fn a_rejection_is_found_in_a_shared_error() {
    let call = || CallError::<io::Error>::from(rejected());
    let shared = || Shared::from(BoxError::from(rejected()));
    let io = || io::Error::other(rejected());
    each_ignored!(ignored:
        shared(),
        Failed(shared()),
        CallError::Inner(shared()),
        CallError::Inner(CallError::Inner(shared())),
        Failed(CallError::Inner(shared())),
        Arc::<dyn Error>::from(Box::<dyn Error>::from(rejected())),
        Failed(Arc::new(rejected()) as Arc<dyn Error + Send>),
        Failed(Arc::new(rejected()) as Arc<dyn Error + Sync>),
        Arc::new(shared()),
        // shared before the call's error was known, or after
        Arc::new(call()),
        Box::new(call()),
        Arc::new(CallError::Inner(io())),
        Box::new(CallError::Inner(io())),
        Failed(Arc::new(CallError::Inner(CallError::Inner(rejected())))),
        Shared::from(BoxError::from(CallError::Inner(io()))),
        Shared::from(BoxError::from(io())),
        io::Error::other(shared()),
        io::Error::other(io::Error::other(Arc::new(io()))),
        Arc::new(CallError::<BoxError>::Inner(rejected().into()).boxed()),
        Failed(Arc::new(NoBreaker::because("it has no key")) as Shared),
    );
    let other = || io::Error::from(io::ErrorKind::ConnectionReset);
    assert!(!ignored(Shared::from(BoxError::from(other()))));
    assert!(!ignored(Failed(Shared::from(BoxError::from("no route")))));
    assert!(!ignored(Arc::new(CallError::Inner(other()))));
    assert!(!ignored(CallError::Inner(Arc::new(io::Error::other(
        "no route"
    )))));
}

#[test]
fn a_rejection_is_found_in_anothers_box() {
    // what turns into a box of its own type hides a bare rejection
    let call = || CallError::<io::Error>::from(rejected());
    let io = || io::Error::other(rejected());
    let shared = || Shared::from(BoxError::from(rejected()));
    each_ignored!(boxed_ignored:
        anyhow::Error::new(rejected()),
        anyhow::Error::new(rejected()).context("asked").context("twice"),
        anyhow::Error::new(io()).context("asked"),
        anyhow::Error::new(Failed(shared())),
        anyhow::Error::new(shared()),
        anyhow::Error::new(CallError::<BoxError>::Inner(rejected().into()).boxed()),
        anyhow::Error::from_boxed(call().into()),
        CallError::Inner(anyhow::Error::new(shared())),
        BoxError::from(shared()),
        BoxError::from(Box::new(Failed(shared())) as BoxError),
        shared(),
        CallError::Inner(CallError::Inner(shared())),
        BoxError::from(anyhow::Error::new(Failed(rejected()))),
        BoxError::from(anyhow::Error::new(CallError::<io::Error>::from(rejected()))),
        BoxError::from(anyhow::Error::new(rejected()).context("asked")),
        BoxError::from(anyhow::Error::new(call())),
        BoxError::from(tonic::Status::from_error(rejected().into())),
    );
    assert!(!boxed_ignored(anyhow::anyhow!("the breaker is open")));
    assert!(!boxed_ignored(BoxError::from(
        "the breaker is open (failure rate)"
    )));
}

#[test]
fn a_rejection_is_found_in_a_status() {
    let status = |error: BoxError| tonic::Status::from_error(error);
    let inside = || tonic::Status::from_error(CallError::<io::Error>::from(rejected()).into());
    each_ignored!(ignored:
        status(rejected().into()),
        status(CallError::<tonic::Status>::from(rejected()).into()),
        status(Failed(rejected()).into()),
        status(io::Error::other(rejected()).into()),
        status(Box::new(CallError::Inner(io::Error::other(rejected())))),
        CallError::Inner(status(rejected().into())),
        Failed(status(rejected().into())),
        Arc::new(status(rejected().into())),
        status(status(rejected().into()).into()),
        status(CallError::Inner(inside()).into()),
        io::Error::other(inside()),
    );
    assert!(!ignored(tonic::Status::unavailable("the breaker is open")));
    assert!(!ignored(status(
        io::Error::from(io::ErrorKind::BrokenPipe).into()
    )));
}

/// The text of an error and of each of its causes, as a report has them.
fn chain(error: &dyn Error) -> Vec<String> {
    let links = std::iter::successors(Some(error), |error| (*error).source());
    links.map(ToString::to_string).collect()
}

/// No text stands in the text of what it caused, and none is empty or in more lines than it has problems.
#[track_caller]
fn says_each_cause_once(error: &dyn Error) {
    let texts = chain(error);
    for (n, text) in texts.iter().enumerate() {
        assert!(!text.trim().is_empty(), "{texts:?}");
        assert!(
            !text.contains("CallError") && !text.contains("Custom {"),
            "{texts:?}"
        );
        for earlier in &texts[..n] {
            assert!(!earlier.contains(text.as_str()), "{texts:?}");
        }
    }
}

#[test]
fn each_error_says_each_cause_once() {
    let limit = std::time::Duration::from_millis(1_500);
    let invalid = || {
        let builder = Breaker::builder("a \"b\"\n").failure_rate(2.0);
        builder.min_throughput(0).build().map(drop).unwrap_err()
    };
    type Call<E> = CallError<E>;
    let refused = || io::Error::new(io::ErrorKind::ConnectionRefused, Failed(rejected()));
    let errors: Vec<Box<dyn Error>> = vec![
        rejected().into(),
        NoBreaker::from(invalid()).into(),
        NoBreaker::because("its tenant is unknown").into(),
        invalid().into(),
        Call::<io::Error>::from(rejected()).into(),
        Call::<io::Error>::from(NoBreaker::from(invalid())).into(),
        Call::<io::Error>::TimedOut(limit).into(),
        Call::Inner(Call::<io::Error>::TimedOut(limit)).into(),
        Call::Inner(Call::<io::Error>::from(rejected())).into(),
        Call::Inner(refused()).into(),
        Call::Inner(Call::Inner(refused())).into(),
        Failed(Call::Inner(Call::<io::Error>::from(rejected()))).into(),
        Call::Inner(invalid()).into(),
        Call::Inner(Arc::new(refused())).into(),
        Call::Inner(Shared::from(BoxError::from(Failed(rejected())))).into(),
        Call::<BoxError>::Inner(Failed(rejected()).into())
            .boxed()
            .into(),
        Call::<&str>::Inner("no route").boxed().into(),
        Call::<String>::from(rejected()).boxed().into(),
        Call::Inner(anyhow::Error::new(Failed(rejected())).context("asked"))
            .boxed()
            .into(),
    ];
    for error in &errors {
        says_each_cause_once(&**error);
    }
    // as the reports of others have it
    for error in errors {
        let texts = chain(&*error);
        let all = format!("{:#}", anyhow::anyhow!(error.to_string()));
        assert_eq!(all, texts[0]);
    }
    let report = |error: anyhow::Error| format!("{error:#}");
    let nested = Failed(Call::Inner(Call::<io::Error>::from(rejected())));
    assert_eq!(
        report(nested.into()),
        "the service failed: call not made: the breaker is forced open (manual)"
    );
    let none = Call::<io::Error>::from(NoBreaker::from(invalid()));
    assert_eq!(
        report(none.into()),
        "call not made: no breaker for this request: failure_rate is invalid"
    );
    let name = report(invalid().into());
    assert_eq!(name.lines().count(), 3, "{name}");
    assert_eq!(name.matches(r#""a \"b\"\n""#).count(), 1, "{name}");
}

#[cfg(all(feature = "persist", feature = "serde"))]
#[test]
fn each_error_of_a_store_or_the_environment_says_each_cause_once() {
    use tripcoil::Config;
    use tripcoil::saved::{FileStore, Saved};

    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| FileStore::new(folder.path().join(name));
    std::fs::write(at("damaged").path(), "damaged").unwrap();
    let stores = ["damaged", "damaged/below", "none/below", "", "a\0b", "x/"];
    for store in stores.map(at) {
        let error = || store.load().unwrap_err();
        says_each_cause_once(&error());
        says_each_cause_once(&io::Error::from(error()));
        says_each_cause_once(&CallError::Inner(error()));
        says_each_cause_once(&CallError::Inner(io::Error::from(error())));
        says_each_cause_once(&Failed(io::Error::from(error())));
        let path = format!("{:?}", store.path());
        for text in [
            format!("{:#}", anyhow::Error::new(error())),
            format!("{:#}", anyhow::Error::new(io::Error::from(error()))),
        ] {
            assert_eq!(text.matches(&path).count(), 1, "{text}");
        }
    }
    says_each_cause_once(&Saved::from_bytes(b"TRIPCOIL").unwrap_err());
    let wrong = [
        ("DB_FAILURE_RATE", "2"),
        ("DB_SLOW_CALL", "fast"),
        ("DB_X", "y"),
    ];
    says_each_cause_once(&Config::from_vars("DB", wrong).unwrap_err());
}

/// Which is what `main` returns, and what a call's error does not convert to without a way.
#[test]
fn an_error_that_stays_on_its_thread_has_a_way() {
    type Local = Box<dyn Error>;

    fn asked(breaker: &Breaker, f: impl FnOnce() -> Result<u32, Local>) -> Result<u32, Local> {
        Ok(breaker.call(f).map_err(CallError::into_box)? + 1)
    }
    let (breaker, controller) = Breaker::builder("local").build_with_controller().unwrap();
    assert_eq!(asked(&breaker, || Ok(6)).unwrap(), 7);

    let error = asked(&breaker, || Ok("x".parse()?)).unwrap_err();
    assert!(error.is::<std::num::ParseIntError>());
    let error = asked(&breaker, || Err("no route".into())).unwrap_err();
    assert_eq!(chain(&*error), ["no route"]);
    let not_sync = || Failed(Stays(std::cell::Cell::new(7)));
    let error = asked(&breaker, || Err(not_sync().into())).unwrap_err();
    assert_eq!(chain(&*error), ["the service failed", "7"]);

    controller.force_open();
    let error = asked(&breaker, || Ok(6)).unwrap_err();
    assert_eq!(
        chain(&*error),
        ["call not made", "the breaker is forced open (manual)"]
    );
    // and a breaker around it sees that the call was not made
    assert!(boxed_ignored(error));
    let late = CallError::<Local>::TimedOut(std::time::Duration::from_secs(2));
    assert_eq!(chain(&*late.into_box()), ["timed out after 2s"]);
}

/// An error that is neither `Send` nor `Sync`.
#[derive(Debug)]
struct Stays(std::cell::Cell<u8>);

impl fmt::Display for Stays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.get().fmt(f)
    }
}

impl Error for Stays {}
