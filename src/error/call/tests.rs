use super::*;
use crate::error::chain;
use crate::words::control::Control;
use crate::words::outcome::{Cause, State};

const fn by(cause: Cause) -> Control {
    Control::of_open(cause)
}

const OPEN: Rejected = Rejected::by_open(by(Cause::FailureRate), 1_500_000_000);
const FORCED: Rejected = Rejected::by(State::ForcedOpen);

/// An error with a cause of its own.
#[derive(Debug)]
struct NoRoute(Rejected);

impl fmt::Display for NoRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no route")
    }
}

impl Error for NoRoute {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

#[test]
fn a_call_error_says_each_cause_once() {
    let inner = CallError::Inner(NoRoute(FORCED));
    assert_eq!(
        chain(&inner),
        ["no route", "the breaker is forced open (manual)"]
    );
    assert!(!inner.is_rejected() && inner.as_rejected().is_none());
    let nested = CallError::Inner(inner);
    assert_eq!(
        chain(&nested),
        ["no route", "the breaker is forced open (manual)"]
    );

    let rejected = CallError::<NoRoute>::from(OPEN);
    let wait = "the breaker is open (failure rate), retry after 1.5s";
    assert_eq!(chain(&rejected), ["call not made", wait]);
    assert_eq!(chain(&CallError::Inner(rejected)), ["call not made", wait]);

    let late = CallError::<NoRoute>::TimedOut(Duration::from_secs(2));
    assert_eq!(chain(&late), ["timed out after 2s"]);

    let none = CallError::<NoRoute>::from(NoBreaker::because("it has no key"));
    let why = "no breaker for this request: it has no key";
    assert_eq!(chain(&none), ["call not made", why]);
}

#[test]
fn a_call_error_gives_out_what_it_holds() {
    let inner = CallError::Inner(7);
    assert_eq!((inner.as_rejected(), inner.is_rejected()), (None, false));
    assert_eq!(inner.map_inner(|n| n + 1).into_inner(), Some(8));

    let rejected = CallError::<u8>::from(OPEN);
    assert_eq!(
        (rejected.as_rejected(), rejected.is_rejected()),
        (Some(&OPEN), true)
    );
    assert_eq!(rejected.map_inner(u64::from), CallError::Rejected(OPEN));
    assert_eq!(rejected.into_inner(), None);

    let late = CallError::<u8>::TimedOut(Duration::from_secs(2));
    assert_eq!((late.as_rejected(), late.is_rejected()), (None, false));
    let same = CallError::TimedOut(Duration::from_secs(2));
    assert_eq!((late.map_inner(u64::from), late.into_inner()), (same, None));

    let none = NoBreaker::because("it has no key");
    let without = CallError::<u8>::from(none);
    assert_eq!((without.as_rejected(), without.is_rejected()), (None, true));
    let same = CallError::NoBreaker(none);
    assert_eq!(
        (without.map_inner(u64::from), without.into_inner()),
        (same, None)
    );
    assert!(size_of::<CallError<()>>() <= 24);
}
