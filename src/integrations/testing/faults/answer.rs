//! What is asked of the user's closures: which requests, and which answer.

/// Returns the answer that is given in place of the service's.
pub trait Answer<T, E> {
    /// Returns the answer; `None` if there is none to give.
    fn answer(&self) -> Option<Result<T, E>>;
}

/// No answer: a [`FaultLayer`](super::FaultLayer) that was given none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NoAnswer;

impl<T, E> Answer<T, E> for NoAnswer {
    fn answer(&self) -> Option<Result<T, E>> {
        None
    }
}

/// The answers of a closure: see [`FaultLayer::answer`](super::FaultLayer::answer).
#[derive(Clone, Copy)]
pub struct WithAnswer<F>(pub(super) F);

impl<F> core::fmt::Debug for WithAnswer<F> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("WithAnswer").finish_non_exhaustive()
    }
}

impl<T, E, F: Fn() -> Result<T, E>> Answer<T, E> for WithAnswer<F> {
    fn answer(&self) -> Option<Result<T, E>> {
        Some(self.0())
    }
}

/// Decides which requests may meet a fault.
pub trait Meets<R> {
    /// Returns whether this one may.
    fn meets(&self, request: &R) -> bool;
}

/// Every request: a [`FaultLayer`](super::FaultLayer) without a filter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Always;

impl<R> Meets<R> for Always {
    fn meets(&self, _: &R) -> bool {
        true
    }
}

/// The requests for which a closure returns `true`: see [`FaultLayer::only`](super::FaultLayer::only).
#[derive(Clone, Copy)]
pub struct Only<F>(pub(super) F);

impl<F> core::fmt::Debug for Only<F> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Only").finish_non_exhaustive()
    }
}

impl<R, F: Fn(&R) -> bool> Meets<R> for Only<F> {
    fn meets(&self, request: &R) -> bool {
        self.0(request)
    }
}
