//! One check of the dependency.

use crate::error::caught::caught;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;
use tokio::time::timeout;

/// Returns whether the check finds the dependency healthy within the limit. A panic counts as
/// unhealthy.
pub(super) async fn is_healthy<F, A, E>(check: &mut F, limit: Duration) -> bool
where
    F: FnMut() -> A,
    A: Future<Output = Result<(), E>>,
{
    let Some(answer) = caught(check) else {
        return false;
    };
    let mut answer = pin!(answer);
    let unpanicked = poll_fn(|cx| {
        let poll = caught(|| answer.as_mut().poll(cx).map(|said| said.is_ok()));
        poll.unwrap_or(Poll::Ready(false))
    });
    timeout(limit, unpanicked).await.unwrap_or(false)
}
