//! The settings of the timer for breakers without calls.

use std::time::Duration;

/// How a timer begins the rounds of breakers that are not called.
///
/// A breaker whose wait is over stays open until its next call, which is a probe. If no call comes, it stays open,
/// though its dependency may have recovered long ago: a replica that a balancer avoids, a nightly job, a tenant who
/// has gone home. One [`IdleTimer`] per process, which is one task, waits for the deadlines of any number of breakers.
/// Once a wait is over and no call has come for the [`grace`](Self::grace), it makes an attempt, in one of two ways:
///
/// - [`IdleTimer::check`] asks a health check, around the breaker. A healthy answer begins the round
///   ([`half_open_from`](crate::Controller::half_open_from), so its cause is
///   [`Manual`](crate::Cause::Manual)). The probes are the calls that come next.
/// - [`IdleTimer::probe`] makes a call of yours through the breaker, as its probe. The result counts, and a round that
///   needs several gets them.
///
/// [`IdleTimer`]: super::IdleTimer
/// [`IdleTimer::check`]: super::IdleTimer::check
/// [`IdleTimer::probe`]: super::IdleTimer::probe
///
/// ```
/// # #[cfg(feature = "testing")] mod example {
/// use std::time::Duration;
/// use tripcoil::health::Idle;
/// use tripcoil::testing::tokio_clock;
/// use tripcoil::{Backoff, Breaker, HalfOpen, State};
///
/// # async fn ping() -> Result<(), std::io::Error> { Ok(()) }
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # pub async fn main() -> Result<(), tripcoil::ConfigError> {
/// let breaker = Breaker::builder("orders")
///     .consecutive_failures(1)
///     .open_for(Backoff::constant(Duration::from_secs(30)))
///     .half_open(HalfOpen::successes(2))
///     .clock(tokio_clock())
///     .build()?;
/// let (timer, task) = Idle::new().start();
/// tokio::spawn(task);
/// timer.probe(&breaker, ping);
///
/// let _ = breaker.call(|| Err::<(), _>("no route"));
/// while breaker.state() != State::Closed {
///     tokio::time::sleep(Duration::from_secs(1)).await; // nothing calls
/// }
/// # Ok(())
/// # }
/// # }
/// # #[cfg(feature = "testing")] example::main()?;
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
///
/// What a timer leaves alone: overrides, waits that are not over, and breakers that are called. An opening by the
/// operator's [`trip`](crate::Controller::trip) is treated as any other, because its next call is a probe too. The
/// answer of a check acts on the opening in which it was asked, or not at all.
///
/// Waits are by the breaker's clock, and everything else by tokio's. All values are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "it does nothing until it is started"]
pub struct Idle {
    pub(super) grace: Duration,
    pub(super) every: Duration,
    pub(super) timeout: Duration,
    pub(super) at_once: usize,
}

impl Default for Idle {
    fn default() -> Self {
        Idle {
            grace: Duration::from_secs(1),
            every: Duration::from_secs(5),
            timeout: Duration::from_secs(5),
            at_once: 8,
        }
    }
}

impl Idle {
    /// Returns the defaults: an attempt 1 s after the wait, of at most 5 s; another 5 s after one that came to
    /// nothing; at most eight at once.
    pub fn new() -> Idle {
        Idle::default()
    }

    /// Sets how long after the end of a wait there must have been no call.
    pub const fn grace(self, grace: Duration) -> Idle {
        Idle { grace, ..self }
    }

    /// Sets the time between an attempt that has not begun or ended the round and the next; at least 1 ms.
    pub const fn every(self, every: Duration) -> Idle {
        Idle { every, ..self }
    }

    /// Sets how long an attempt may take. A check that takes longer is dropped, and is unhealthy. A probe that takes
    /// longer is dropped, and counts as a timeout.
    pub const fn timeout(self, timeout: Duration) -> Idle {
        Idle { timeout, ..self }
    }

    /// Sets how many attempts, for all breakers together, may be under way at once. Further ones wait in the order of
    /// their deadlines. Zero is the same as one.
    ///
    /// The attempts are polled by the timer's one task, all of them each time that it wakes: keep the number in the
    /// tens, and the work in them small.
    pub const fn at_once(self, at_once: usize) -> Idle {
        Idle { at_once, ..self }
    }
}
