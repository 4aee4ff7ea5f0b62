//! Clones a request, for a second attempt or another service.

/// Clones a request that may be needed again: for a fallback service, or for a retry.
///
/// [`ByClone`] clones requests that are [`Clone`]. So does any closure `Fn(&Request) ->
/// Option<Request>`, for requests that are not: it may leave the body out, and returns `None` for a
/// request that must not be sent twice.
///
/// ```
/// use http::{Method, Request};
/// use tripcoil::tower::CloneRequest;
///
/// // only what may be repeated, and has no body
/// let gets = |request: &Request<Vec<u8>>| {
///     (request.method() == Method::GET).then(|| {
///         let mut again = Request::new(Vec::new());
///         *again.uri_mut() = request.uri().clone();
///         *again.headers_mut() = request.headers().clone();
///         again
///     })
/// };
/// let request = Request::get("https://example.org/prices").body(Vec::new())?;
/// assert_eq!(gets.clone_request(&request).map(|r| r.uri().clone()), Some(request.uri().clone()));
/// let order = Request::post("https://example.org/orders").body(b"one".to_vec())?;
/// assert!(gets.clone_request(&order).is_none());
/// # Ok::<(), http::Error>(())
/// ```
pub trait CloneRequest<Request> {
    /// Returns a clone, or `None` if the request must not be sent again.
    fn clone_request(&self, request: &Request) -> Option<Request>;
}

/// Clones every request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByClone;

impl<Request: Clone> CloneRequest<Request> for ByClone {
    fn clone_request(&self, request: &Request) -> Option<Request> {
        Some(request.clone())
    }
}

impl<Request, F: Fn(&Request) -> Option<Request>> CloneRequest<Request> for F {
    fn clone_request(&self, request: &Request) -> Option<Request> {
        self(request)
    }
}
