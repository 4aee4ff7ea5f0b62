//! How long a call lasts: until the response's head, or further.

use crate::integrations::guard::end;
use crate::{Classify, OwnedPermit, Rejected};
use alloc::sync::Arc;

/// Until when a call lasts: [`Head`], or with the feature `http` the end of the response's body.
///
/// Sealed. A service of one's own can keep an [`OwnedPermit`] for as long as it likes.
pub trait Until<T, E, C>: sealed::Sealed {
    /// What the inner service's response becomes.
    type Response;

    /// The inner service has answered. Without a permit the call has ended already, by a panic.
    #[doc(hidden)]
    fn answered(
        self,
        result: Result<T, E>,
        permit: Option<OwnedPermit>,
        classifier: Arc<C>,
    ) -> Result<Self::Response, E>;

    /// What a request is answered with whose call was rejected, if it is not the error.
    #[doc(hidden)]
    fn rejected(&self, _rejected: &Rejected, _classifier: &Arc<C>) -> Option<Self::Response> {
        None
    }
}

pub(crate) mod sealed {
    pub trait Sealed {}
}

/// The call ends with the response, as it comes out of the inner service's future.
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
