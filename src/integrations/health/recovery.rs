//! The settings of the driver.

use std::time::Duration;

/// How a health check drives a breaker's recovery; see the [module](super).
///
/// The times between checks and their limit are tokio's; those of the opening are by the breaker's
/// clock. All values are accepted. With `every` at zero, one check follows the other; with
/// `timeout` at zero, only a check that is ready at once can be healthy.
///
/// ```
/// use std::time::Duration;
/// use tripcoil::health::Recovery;
/// use tripcoil::{Breaker, State};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> Result<(), tripcoil::ConfigError> {
/// let (breaker, controller) = Breaker::builder("db")
///     .consecutive_failures(1)
///     .open_for(Duration::from_secs(600))
///     .build_with_controller()?;
/// let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
/// let _subscription = breaker.observer().subscribe(move |t| { let _ = sender.send(t.to); });
///
/// let recovery = Recovery::new().every(Duration::from_millis(50)).healthy(3);
/// let check = || async { Ok::<_, std::io::Error>(()) };
/// let driver = tokio::spawn(recovery.run(controller, check));
///
/// let _ = breaker.call(|| Err::<(), _>("no route"));
/// assert_eq!(receiver.recv().await, Some(State::Open));
/// assert_eq!(receiver.recv().await, Some(State::HalfOpen), "long before the ten minutes are over");
/// driver.abort(); // the future never ends by itself
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "it does nothing until it is run"]
pub struct Recovery {
    pub(super) every: Duration,
    pub(super) timeout: Duration,
    pub(super) healthy: u32,
    pub(super) at_least: Duration,
    pub(super) postpone_at_most: Duration,
}

impl Default for Recovery {
    fn default() -> Self {
        Recovery {
            every: Duration::from_secs(5),
            timeout: Duration::from_secs(1),
            healthy: 2,
            at_least: Duration::ZERO,
            postpone_at_most: Duration::from_secs(60),
        }
    }
}

impl Recovery {
    /// Returns the defaults: a check every 5 s with a limit of 1 s; two healthy answers start the
    /// round; unhealthy answers extend the wait by 60 s in all.
    pub fn new() -> Recovery {
        Recovery::default()
    }

    /// Sets the time between one answer and the next check, and between the start of the opening
    /// and the first check.
    pub const fn every(self, every: Duration) -> Recovery {
        Recovery { every, ..self }
    }

    /// Sets how long a check may take. A check that takes longer is dropped, and counts as
    /// unhealthy.
    pub const fn timeout(self, timeout: Duration) -> Recovery {
        Recovery { timeout, ..self }
    }

    /// Sets how many healthy answers in a row start the round. The number doubles after each such
    /// round that fails, until the breaker has closed. Zero is the same as one, because the round
    /// starts at an answer.
    pub const fn healthy(self, healthy: u32) -> Recovery {
        Recovery { healthy, ..self }
    }

    /// Sets how long an opening lasts at least before healthy answers can end it. Its own wait may
    /// end earlier.
    pub const fn at_least(self, at_least: Duration) -> Recovery {
        Recovery { at_least, ..self }
    }

    /// Sets by how much unhealthy answers can extend one opening in all. Deadlines are kept in
    /// whole milliseconds. At zero, unhealthy answers change nothing.
    pub const fn postpone_at_most(self, postpone_at_most: Duration) -> Recovery {
        Recovery {
            postpone_at_most,
            ..self
        }
    }
}
