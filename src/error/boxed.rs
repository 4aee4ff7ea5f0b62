//! A boxed error that implements `Error`, which `Box<dyn Error>` does not.

use alloc::boxed::Box;
use core::error::Error;
use core::fmt;
use core::ops::Deref;

/// A call's own error in a box, from [`CallError::boxed`](crate::CallError::boxed).
///
/// It is transparent: its text, its source and its `{:?}` are those of the inner error.
///
/// ```
/// use tripcoil::{Breaker, CallError};
///
/// let breaker = Breaker::builder("payments").build()?;
/// let error = breaker.call(|| Err::<(), _>("no route")).map_err(CallError::boxed).unwrap_err();
/// assert_eq!(error.to_string(), "no route");
/// let inner = error.into_inner().expect("the call was made").into_box();
/// # let _: Box<dyn std::error::Error + Send + Sync> = inner;
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
pub struct BoxedError(Box<dyn Error + Send + Sync>);

impl BoxedError {
    /// Returns the box.
    #[must_use]
    pub fn into_box(self) -> Box<dyn Error + Send + Sync> {
        self.0
    }
}

impl From<Box<dyn Error + Send + Sync>> for BoxedError {
    fn from(error: Box<dyn Error + Send + Sync>) -> BoxedError {
        BoxedError(error)
    }
}

impl Deref for BoxedError {
    type Target = dyn Error + Send + Sync;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl fmt::Display for BoxedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for BoxedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Error for BoxedError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}
