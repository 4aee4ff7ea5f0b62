//! The end of the body as the end of a service's call.

use crate::call::OwnedPermit;
use crate::integrations::guard::end;
use crate::integrations::http::body::{ClassifyBody, GuardedBody, bodiless, guard};
use crate::integrations::tower::{Sealed, Until};
use crate::{Classify, Rejected};
use ::http::Response;
use alloc::sync::Arc;
use http_body::Body;

/// Ends a service's call with the response's body, not with its headers: for
/// [`BreakerLayer::until`](crate::tower::BreakerLayer::until).
///
/// The slow limit then covers the body, and a probe holds its slot for as long. Bodies must be
/// read: see [`GuardedBody`]. A rejected call is an error, unless the classifier answers it
/// ([`ClassifyBody::rejected`]), as gRPC's does.
///
/// On a server, the body of an answer to a `HEAD` request is dropped unread, and its call counts as
/// cancelled. Answer such a request with an empty body: then its call ends with the headers.
///
/// ```
/// use tripcoil::Breaker;
/// use tripcoil::http::{ByStatus, EndOfBody};
/// use tripcoil::tower::BreakerLayer;
///
/// let breaker = Breaker::builder("files").classifier(ByStatus::new()).build()?;
/// let layer = BreakerLayer::new(breaker).until(EndOfBody);
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndOfBody;

impl Sealed for EndOfBody {}

impl<B, E, C> Until<Response<B>, E, C> for EndOfBody
where
    B: Body,
    C: Classify<Response<B>, E> + ClassifyBody<B::Error>,
{
    type Response = Response<GuardedBody<B, C>>;

    fn answered(
        self,
        result: Result<Response<B>, E>,
        mut permit: Option<OwnedPermit>,
        classifier: Arc<C>,
    ) -> Result<Self::Response, E> {
        if result.is_err() {
            end(&mut permit, &*classifier, &result);
        }
        result.map(|response| guard(response, permit, classifier))
    }

    fn rejected(
        &self,
        breaker: &str,
        rejected: &Rejected,
        classifier: &Arc<C>,
    ) -> Option<Self::Response> {
        let answer = classifier.rejected(breaker, rejected)?;
        Some(bodiless(answer, classifier.clone()))
    }
}
