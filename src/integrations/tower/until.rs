//! When a call ends: with the response's headers, or later.

use crate::call::OwnedPermit;
use crate::integrations::guard::end;
use crate::{Classify, Rejected};
use alloc::sync::Arc;

/// When a call ends: with [`Head`], or with the end of the response's body (feature `http`).
///
/// Sealed. A service of your own can keep an [`OwnedPermit`] for as long as it needs.
pub trait Until<T, E, C>: sealed::Sealed {
    /// The response after wrapping.
    type Response;

    /// The inner service has answered. Without a permit the call has already ended, by a panic.
    #[doc(hidden)]
    fn answered(
        self,
        result: Result<T, E>,
        permit: Option<OwnedPermit>,
        classifier: Arc<C>,
    ) -> Result<Self::Response, E>;

    /// The answer to a request whose call was rejected, in place of an error.
    #[doc(hidden)]
    fn rejected(
        &self,
        _breaker: &str,
        _rejected: &Rejected,
        _classifier: &Arc<C>,
    ) -> Option<Self::Response> {
        None
    }
}

pub(crate) mod sealed {
    pub trait Sealed {}
}

/// The call ends with the response of the inner service's future.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head;

impl sealed::Sealed for Head {}

impl<T, E, C: Classify<T, E>> Until<T, E, C> for Head {
    type Response = T;

    fn answered(
        self,
        result: Result<T, E>,
        mut permit: Option<OwnedPermit>,
        classifier: Arc<C>,
    ) -> Result<T, E> {
        end(&mut permit, &*classifier, &result);
        result
    }
}
