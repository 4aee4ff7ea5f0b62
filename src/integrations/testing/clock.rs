//! The time of a tokio runtime as a clock.

use crate::Clock;
use tokio::runtime::Handle;
use tokio::time::Instant;

/// Returns a clock that reads the time of the current tokio runtime, from zero on.
///
/// In a test on paused time (`#[tokio::test(start_paused = true)]`), a breaker with this clock and tokio's timers
/// have one time, which does not move while a task runs and moves when all tasks wait. So waits, windows and
/// durations are exact, and it makes no difference which of the system's clocks the breaker has in production.
/// Where time is not paused, or tokio lacks its feature `test-util`, this is the precise clock.
///
/// Other threads read the same time, such as those that call listeners.
///
/// ```
/// use std::time::Duration;
/// use tripcoil::testing::{Recorder, tokio_clock};
/// use tripcoil::{Backoff, Breaker, Cause, State};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), tripcoil::ConfigError> {
/// let breaker = Breaker::builder("orders")
///     .consecutive_failures(1)
///     .open_for(Backoff::constant(Duration::from_secs(60)))
///     .clock(tokio_clock())
///     .build()?;
/// let mut recorder = Recorder::on(&breaker.observer());
/// let _ = breaker.call_async(async { Err::<(), _>("down") }).await;
/// tokio::time::sleep(Duration::from_secs(60)).await; // passes at once
/// assert!(breaker.call_async(async { Ok::<_, ()>(()) }).await.is_ok());
/// recorder.assert([(State::Open, Cause::ConsecutiveFailures), (State::HalfOpen, Cause::OpenElapsed)]);
/// # Ok(())
/// # }
/// ```
///
/// # Panics
///
/// Panics outside a tokio runtime.
#[must_use]
#[track_caller]
pub fn tokio_clock() -> Clock {
    let runtime = Handle::current();
    let start = Instant::now();
    Clock::custom(move || {
        // a thread outside the runtime would read the system's time, which does not stand still
        let _inside = runtime.enter();
        start.elapsed()
    })
}
