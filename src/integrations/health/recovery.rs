//! The settings of the driver.

use std::time::Duration;

/// How a health check drives a breaker's recovery; see the [module](super).
///
/// Times between checks, and their limit, are tokio's; those of the Open are the breaker's clock's.
/// All values are taken as they are: at zero, `every` has one check follow the other, and `timeout` lets
/// pass only a check that is ready at once.
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
/// let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
/// let _subscription = breaker.observer().subscribe(move |t| { let _ = tell.send(t.to); });
///
/// let recovery = Recovery::new().every(Duration::from_millis(50)).healthy(3);
/// let check = || async { Ok::<_, std::io::Error>(()) };
/// let driver = tokio::spawn(recovery.run(controller, check));
///
/// let _ = breaker.call(|| Err::<(), _>("no route"));
/// assert_eq!(told.recv().await, Some(State::Open));
/// assert_eq!(told.recv().await, Some(State::HalfOpen), "long before the ten minutes are over");
/// driver.abort(); // and so ends what never ends by itself
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
    /// A check every 5 s that may take 1 s; two healthy answers begin the round, unhealthy ones put
    /// it off by 60 s in all.
    pub fn new() -> Recovery {
        Recovery::default()
    }

    /// Between one answer and the next check, and between the beginning of Open and the first one.
    pub const fn every(self, every: Duration) -> Recovery {
        Recovery { every, ..self }
    }

    /// How long a check may take. One that takes longer is dropped, and is unhealthy.
    pub const fn timeout(self, timeout: Duration) -> Recovery {
        Recovery { timeout, ..self }
    }

    /// So many healthy answers in a row begin the round; twice as many after a round that they began
    /// in vain, and so on until the breaker has closed. None and one are the same, since it is an answer
    /// that begins it.
    pub const fn healthy(self, healthy: u32) -> Recovery {
        Recovery { healthy, ..self }
    }

    /// An Open lasts at least so long before healthy answers end it; it may end by itself earlier.
    pub const fn at_least(self, at_least: Duration) -> Recovery {
        Recovery { at_least, ..self }
    }

    /// By how much unhealthy answers may make one Open longer in all, to the millisecond in which
    /// deadlines are kept. At zero they change nothing.
    pub const fn postpone_at_most(self, postpone_at_most: Duration) -> Recovery {
        Recovery {
            postpone_at_most,
            ..self
        }
    }
}
