//! A guarded call's error.

use crate::error::boxed::BoxedError;
use crate::error::no_breaker::NoBreaker;
use crate::error::rejected::Rejected;
use alloc::boxed::Box;
use core::convert::Infallible;
use core::error::Error;
use core::fmt;
use core::time::Duration;

/// Why a guarded call returned no value.
///
/// As an error it reports each cause once. [`Inner`](Self::Inner) is transparent: its text and its
/// source are those of the call's own error. For a call that was not made, the source is the
/// [`Rejected`] or the [`NoBreaker`]. A report of the whole chain reads "call not made: the breaker
/// is open (failure rate), retry after 1.5s".
///
/// ```
/// use tripcoil::{Breaker, CallError};
///
/// let breaker = Breaker::builder("payments").build()?;
/// match breaker.call(|| Err::<u32, &str>("no route")) {
///     Err(CallError::Inner(error)) => assert_eq!(error, "no route"),
///     Err(CallError::Rejected(rejected)) => println!("later: {:?}", rejected.retry_after()),
///     other => println!("{other:?}"),
/// }
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallError<E> {
    /// The breaker rejected the call, so it was not made.
    Rejected(Rejected),
    /// The call was made and returned this error.
    Inner(E),
    /// The call was given up after this limit. Only `call_timeout` (feature `tokio`) returns it.
    TimedOut(Duration),
    /// The request has no breaker, so the call was not made.
    ///
    /// Returned by tower services that pick a breaker per request (feature `tower`), and by a
    /// registry (feature `registry`) whose template returns an invalid configuration for the key.
    NoBreaker(NoBreaker),
}

impl<E> CallError<E> {
    /// Returns whether the call was not made at all.
    #[must_use]
    pub const fn is_rejected(&self) -> bool {
        matches!(self, Self::Rejected(_) | Self::NoBreaker(_))
    }

    /// Returns the breaker's rejection, if that is the error.
    ///
    /// ```
    /// use tripcoil::{Breaker, State};
    ///
    /// let (breaker, controller) = Breaker::builder("payments").build_with_controller()?;
    /// controller.force_open();
    /// let error = breaker.call(|| Ok::<(), ()>(())).unwrap_err();
    /// assert_eq!(error.as_rejected().map(|r| r.state()), Some(State::ForcedOpen));
    /// # Ok::<(), tripcoil::ConfigError>(())
    /// ```
    #[must_use]
    pub const fn as_rejected(&self) -> Option<&Rejected> {
        match self {
            Self::Rejected(rejected) => Some(rejected),
            Self::Inner(_) | Self::TimedOut(_) | Self::NoBreaker(_) => None,
        }
    }

    /// Replaces the call's own error, and leaves all other errors as they are.
    ///
    /// ```
    /// use tripcoil::{Breaker, CallError};
    ///
    /// let breaker = Breaker::builder("payments").build()?;
    /// let result = breaker.call(|| Err::<(), _>("no route"));
    /// let result = result.map_err(|error| error.map_inner(str::len));
    /// assert_eq!(result, Err(CallError::Inner(8)));
    /// # Ok::<(), tripcoil::ConfigError>(())
    /// ```
    #[must_use]
    pub fn map_inner<F>(self, map: impl FnOnce(E) -> F) -> CallError<F> {
        match self {
            Self::Inner(error) => CallError::Inner(map(error)),
            Self::Rejected(rejected) => CallError::Rejected(rejected),
            Self::TimedOut(limit) => CallError::TimedOut(limit),
            Self::NoBreaker(none) => CallError::NoBreaker(none),
        }
    }

    /// Boxes the call's own error as a type that implements [`Error`].
    ///
    /// For own errors that do not implement it, such as `anyhow::Error`, `Box<dyn Error + Send +
    /// Sync>`, `String` or `&str`. Then `?` turns the result into an `anyhow::Error` or a `Box<dyn
    /// Error>`.
    ///
    /// ```
    /// use tripcoil::{Breaker, CallError};
    ///
    /// fn fetch(breaker: &Breaker) -> anyhow::Result<u32> {
    ///     let answer = breaker
    ///         .call(|| anyhow::Ok(7)) // a Result<u32, CallError<anyhow::Error>>
    ///         .map_err(CallError::boxed)?;
    ///     Ok(answer)
    /// }
    ///
    /// let (breaker, controller) = Breaker::builder("payments").build_with_controller()?;
    /// assert_eq!(fetch(&breaker)?, 7);
    /// controller.force_open();
    /// let error = fetch(&breaker).unwrap_err();
    /// assert_eq!(format!("{error:#}"), "call not made: the breaker is forced open (manual)");
    /// # Ok::<(), anyhow::Error>(())
    /// ```
    #[must_use]
    pub fn boxed(self) -> CallError<BoxedError>
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        self.map_inner(|error| BoxedError::from(error.into()))
    }

    /// Converts the error into a `Box<dyn Error>`: the call's own error as it is, or this one. For
    /// call errors that [`boxed`](Self::boxed) does not take because they stay on their thread, such
    /// as `Box<dyn Error>`.
    ///
    /// ```
    /// use std::error::Error;
    /// use tripcoil::{Breaker, CallError};
    ///
    /// fn fetch() -> Result<u32, Box<dyn Error>> {
    ///     Ok("7".parse()?)
    /// }
    ///
    /// let breaker = Breaker::builder("payments").build()?;
    /// let answer = breaker.call(fetch).map_err(CallError::into_box)?;
    /// assert_eq!(answer, 7);
    /// # Ok::<(), Box<dyn Error>>(())
    /// ```
    #[must_use]
    pub fn into_box(self) -> Box<dyn Error>
    where
        E: Into<Box<dyn Error>>,
    {
        let not_made: CallError<Infallible> = match self {
            Self::Inner(error) => return error.into(),
            Self::Rejected(rejected) => CallError::Rejected(rejected),
            Self::TimedOut(limit) => CallError::TimedOut(limit),
            Self::NoBreaker(none) => CallError::NoBreaker(none),
        };
        not_made.into()
    }

    /// Returns the call's own error, if the call was made and failed.
    #[must_use]
    pub fn into_inner(self) -> Option<E> {
        match self {
            Self::Inner(error) => Some(error),
            Self::Rejected(_) | Self::TimedOut(_) | Self::NoBreaker(_) => None,
        }
    }
}

impl<E> From<Rejected> for CallError<E> {
    fn from(rejected: Rejected) -> Self {
        Self::Rejected(rejected)
    }
}

impl<E> From<NoBreaker> for CallError<E> {
    fn from(none: NoBreaker) -> Self {
        Self::NoBreaker(none)
    }
}

impl<E: fmt::Display> fmt::Display for CallError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // the source says why
            Self::Rejected(_) | Self::NoBreaker(_) => f.write_str("call not made"),
            Self::Inner(error) => error.fmt(f),
            Self::TimedOut(limit) => write!(f, "timed out after {limit:?}"),
        }
    }
}

impl<E: Error + 'static> Error for CallError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Inner(error) => error.source(),
            Self::Rejected(rejected) => Some(rejected),
            Self::NoBreaker(none) => Some(none),
            Self::TimedOut(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
