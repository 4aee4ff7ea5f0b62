//! A dependency whose calls end as a script says.

use crate::integrations::testing::calls::{Calls, Counters, Ended};
use crate::integrations::testing::script::{Ending, Script, Step};
use crate::{Classify, FailureKind, ManualClock, Outcome};
use std::error::Error;
use std::fmt;
use std::future::{Future, pending};
use std::sync::Arc;
use std::time::Duration;

/// A dependency whose calls end as its [`Script`] says, and which counts them. Clones share the script's place
/// and the counts, between threads too.
///
/// A call that succeeds returns its number, from 1. One that fails returns a [`ScriptedError`], which
/// [`ByScript`] classifies; code with an error type of its own converts it with `map_err`.
///
/// How the time of a call passes, where its script [`takes`](Script::takes) any:
///
/// | dependency | `call()` | `call_async()` |
/// |---|---|---|
/// | with a manual clock, [`on`](Self::on) | advances the clock | advances the clock |
/// | without, feature `tokio` | the thread sleeps | on tokio's timer |
/// | without both | the thread sleeps | the thread sleeps |
///
/// ```
/// use std::time::Duration;
/// use tripcoil::testing::{Dependency, Script};
/// use tripcoil::{Breaker, ManualClock};
///
/// let clock = ManualClock::new();
/// let breaker = Breaker::builder("orders")
///     .slow_call(Duration::from_millis(100))
///     .slow_rate(0.5)
///     .clock(&clock)
///     .build()?;
/// let orders = Dependency::new(Script::new().takes(Duration::from_millis(150))).on(&clock);
/// assert_eq!(breaker.call(|| orders.call()), Ok(1));
/// assert_eq!(breaker.observer().snapshot().totals.slow, 1);
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Dependency {
    script: Arc<Script>,
    counters: Arc<Counters>,
    clock: Option<ManualClock>,
}

impl From<Script> for Dependency {
    fn from(script: Script) -> Dependency {
        Dependency::new(script)
    }
}

impl Dependency {
    /// Returns a dependency that is at the script's beginning.
    #[must_use]
    pub fn new(script: Script) -> Dependency {
        Dependency {
            script: Arc::new(script),
            counters: Arc::default(),
            clock: None,
        }
    }

    /// Returns a handle of the same dependency whose calls take their time on this clock: each advances it.
    #[must_use]
    pub fn on(mut self, clock: &ManualClock) -> Dependency {
        self.clock = Some(clock.clone());
        self
    }

    /// Makes a call.
    ///
    /// # Errors
    ///
    /// Returns the error that the script has for this call. A call that [hangs](Script::hangs) fails with
    /// the kind [`Timeout`](FailureKind::Timeout).
    ///
    /// # Panics
    ///
    /// Panics where the script says so.
    pub fn call(&self) -> Result<u64, ScriptedError> {
        let (begun, step) = self.begin();
        match &self.clock {
            Some(clock) => clock.advance(step.takes),
            None if step.takes.is_zero() => {}
            None => std::thread::sleep(step.takes),
        }
        begun.end(step.ending)
    }

    /// Makes an asynchronous call, which begins when the future is first polled. The future borrows
    /// nothing, and can be spawned.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tripcoil::testing::{Dependency, Script};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// let orders = Dependency::new(Script::new().hangs(1).then_succeeds());
    /// let limit = Duration::from_secs(5);
    /// assert!(tokio::time::timeout(limit, orders.call_async()).await.is_err(), "it hangs");
    /// assert_eq!(orders.call_async().await, Ok(2));
    /// assert_eq!(orders.calls().cancelled, 1);
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the error that the script has for this call. A call that [hangs](Script::hangs) never ends.
    ///
    /// # Panics
    ///
    /// Panics where the script says so, when it is awaited. With the feature `tokio`, panics outside a tokio
    /// runtime with the timer enabled if the call takes time and there is no manual clock.
    pub fn call_async(
        &self,
    ) -> impl Future<Output = Result<u64, ScriptedError>> + Send + 'static + use<> {
        let dependency = self.clone();
        async move {
            let (begun, step) = dependency.begin();
            if step.ending == Ending::Hang {
                pending::<()>().await;
            }
            match &dependency.clock {
                Some(clock) => clock.advance(step.takes),
                None if step.takes.is_zero() => {}
                #[cfg(feature = "tokio")]
                None => tokio::time::sleep(step.takes).await,
                #[cfg(not(feature = "tokio"))]
                None => std::thread::sleep(step.takes),
            }
            begun.end(step.ending)
        }
    }

    /// Returns the calls so far.
    #[must_use]
    pub fn calls(&self) -> Calls {
        self.counters.read()
    }

    fn begin(&self) -> (Begun, Step) {
        let number = self.counters.begin();
        let begun = Begun {
            counters: self.counters.clone(),
            number,
            ended: Ended::Cancelled,
        };
        (begun, self.script.of_call(number))
    }
}

/// A call under way. Dropped before its end, it is cancelled.
struct Begun {
    counters: Arc<Counters>,
    number: u64,
    ended: Ended,
}

impl Begun {
    #[expect(clippy::panic, reason = "the script says so")]
    fn end(mut self, how: Ending) -> Result<u64, ScriptedError> {
        let call = self.number.saturating_add(1);
        let (kind, retry_after) = match how {
            Ending::Success => {
                self.ended = Ended::Succeeded;
                return Ok(call);
            }
            Ending::Panic => {
                self.ended = Ended::Panicked;
                drop(self);
                panic!("call {call} panics, as its script says");
            }
            Ending::Failure { kind, retry_after } => (kind, retry_after),
            Ending::Hang => (FailureKind::Timeout, None),
        };
        self.ended = Ended::Failed;
        Err(ScriptedError {
            call,
            kind,
            retry_after,
        })
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.counters.end(self.ended);
    }
}

/// The error of a call that fails because its [`Script`] says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScriptedError {
    call: u64,
    kind: FailureKind,
    retry_after: Option<Duration>,
}

impl ScriptedError {
    /// Returns the kind of the failure.
    #[must_use]
    pub const fn kind(&self) -> FailureKind {
        self.kind
    }

    /// Returns the number of the call, from 1.
    #[must_use]
    pub const fn call(&self) -> u64 {
        self.call
    }

    /// Returns the wait that the script asks for, if any.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Returns what the failure means to a breaker, for a classifier of your own.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        let outcome = Outcome::Failure(self.kind);
        match self.retry_after {
            Some(wait) => outcome.with_retry_after(wait),
            None => outcome,
        }
    }
}

impl fmt::Display for ScriptedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "scripted failure of call {}: {}", self.call, self.kind)?;
        match self.retry_after {
            Some(wait) => write!(f, ", retry after {wait:?}"),
            None => Ok(()),
        }
    }
}

impl Error for ScriptedError {}

/// A classifier that takes the kind and the wait of a [`ScriptedError`].
///
/// ```
/// use std::time::Duration;
/// use tripcoil::testing::{ByScript, Dependency, Script};
/// use tripcoil::{Breaker, FailureKind};
///
/// let breaker = Breaker::builder("orders").classifier(ByScript).consecutive_failures(1).build()?;
/// let wait = Duration::from_secs(120);
/// let orders = Dependency::new(Script::new().fails_retry_after(1, FailureKind::Overload, wait));
/// let _ = breaker.call(|| orders.call());
/// let snapshot = breaker.observer().snapshot();
/// assert_eq!(snapshot.failures_by_kind.get(FailureKind::Overload), 1);
/// assert!(snapshot.retry_after > Some(Duration::from_secs(110)));
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByScript;

impl<T> Classify<T, ScriptedError> for ByScript {
    fn classify(&self, result: &Result<T, ScriptedError>) -> Outcome {
        match result {
            Ok(_) => Outcome::Success,
            Err(error) => error.outcome(),
        }
    }
}
