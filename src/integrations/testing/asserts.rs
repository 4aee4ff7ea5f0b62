//! Assertions on a breaker as it is.

use crate::integrations::testing::recorder::shown;
use crate::{Cause, Observer, State};

/// Checks that the breaker is in this state.
///
/// A breaker whose wait is over is `Open` until its next call.
///
/// ```
/// use tripcoil::testing::assert_state;
/// use tripcoil::{Breaker, State};
///
/// let breaker = Breaker::builder("orders").build()?;
/// assert_state(&breaker.observer(), State::Closed);
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
///
/// # Panics
///
/// Panics if it is in another. The message has the last transitions, with causes and times by the breaker's clock.
#[track_caller]
pub fn assert_state(observer: &Observer, expected: State) {
    let state = observer.state();
    assert!(
        state == expected,
        "the breaker '{}' is {state}, and not {expected}\n{}",
        observer.name(),
        latest(observer)
    );
}

/// Checks that the latest opening from closed had this cause, however long ago it was.
///
/// Rounds of probes that failed since do not count: the breaker was not closed before them.
///
/// ```
/// use tripcoil::testing::assert_tripped_by;
/// use tripcoil::{Breaker, Cause};
///
/// let breaker = Breaker::builder("orders").consecutive_failures(1).build()?;
/// let _ = breaker.call(|| Err::<(), _>("no route"));
/// assert_tripped_by(&breaker.observer(), Cause::ConsecutiveFailures);
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
///
/// # Panics
///
/// Panics if it had another, or if the breaker has never opened from closed. The message has the opening, and the
/// last transitions.
#[track_caller]
pub fn assert_tripped_by(observer: &Observer, expected: Cause) {
    let opening = observer.snapshot().last_opening;
    let was = match opening {
        Some(opening) if opening.cause == expected => return,
        Some(opening) => format!("was last tripped otherwise: {}", shown(&opening)),
        None => "was never tripped".to_owned(),
    };
    failed(observer, expected, &was);
}

#[track_caller]
#[expect(clippy::panic, reason = "an assertion")]
fn failed(observer: &Observer, expected: Cause, was: &str) {
    panic!(
        "the breaker '{}' was not tripped by {expected}: it {was}\n{}",
        observer.name(),
        latest(observer)
    );
}

/// Returns the last transitions, a line each.
fn latest(observer: &Observer) -> String {
    let history = observer.history();
    if history.is_empty() {
        return "it has made no transition".to_owned();
    }
    let lines = history.iter().map(|one| format!("\n  {}", shown(one)));
    format!("its last transitions:{}", lines.collect::<String>())
}
