//! Requests to the store, which may hang, fail and panic.

use super::changes::{Change, Changes};
use super::decide::{Answer, Report};
use super::store::{Down, Reason, Store};
use super::word::Word;
use crate::error::caught::{caught, quietly};
use std::future::{Future, poll_fn};
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::timeout;

/// The store answers within this time, or it does not.
const LIMIT: Duration = Duration::from_millis(500);

/// A request under way. Whatever is in it may panic, and so may its drop.
pub(super) struct Request<T>(Option<Pin<Box<dyn Future<Output = T> + Send>>>);

impl<T> Default for Request<T> {
    fn default() -> Self {
        Request(None)
    }
}

impl<T> Drop for Request<T> {
    fn drop(&mut self) {
        self.end();
    }
}

impl<T> Request<T> {
    fn begin(&mut self, request: impl Future<Output = T> + Send + 'static) {
        self.end();
        self.0 = Some(Box::pin(request));
    }

    /// Drops it.
    pub(super) fn end(&mut self) {
        quietly(mem::take(&mut self.0));
    }

    pub(super) fn is_idle(&self) -> bool {
        self.0.is_none()
    }

    /// Pending, if there is no request. A panic is `None`.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let Some(request) = &mut self.0 else {
            return Poll::Pending;
        };
        match caught(|| request.as_mut().poll(cx)) {
            Some(Poll::Pending) => Poll::Pending,
            Some(Poll::Ready(given)) => {
                self.end();
                Poll::Ready(Some(given))
            }
            None => {
                self.end();
                Poll::Ready(None)
            }
        }
    }
}

/// Sets the limit, and makes a panic an answer like others.
async fn limited<T>(request: impl Future<Output = Result<T, Down>>) -> Result<T, Down> {
    let mut request = std::pin::pin!(request);
    let unpanicked = poll_fn(|cx| {
        let poll = caught(|| request.as_mut().poll(cx));
        poll.unwrap_or_else(|| {
            let down = Down::new(Reason::Protocol, "the store's client panicked");
            Poll::Ready(Err(down))
        })
    });
    match timeout(LIMIT, unpanicked).await {
        Ok(given) => given,
        Err(_) => {
            let detail = format!("no answer in {} ms", LIMIT.as_millis());
            Err(Down::new(Reason::Timeout, detail))
        }
    }
}

/// All that is under way.
pub(super) struct Requests<S> {
    store: Arc<S>,
    fleet: Arc<str>,
    pub(super) exchange: Request<Result<Vec<Answer>, Down>>,
    pub(super) words: Request<Result<Vec<Word>, Down>>,
    changes: Option<Changes>,
}

/// What has come.
pub(super) enum Came {
    Answers(Result<Vec<Answer>, Down>),
    Words(Result<Vec<Word>, Down>),
    Change(Change),
}

impl<S: Store> Requests<S> {
    pub(super) fn new(store: S, fleet: Arc<str>) -> Requests<S> {
        Requests {
            store: Arc::new(store),
            fleet,
            exchange: Request::default(),
            words: Request::default(),
            changes: None,
        }
    }

    pub(super) fn send(&mut self, reports: Vec<Report>) {
        let (store, fleet) = (self.store.clone(), self.fleet.clone());
        self.exchange.begin(limited(async move {
            let answers = store.exchange(&fleet, &reports).await?;
            if answers.len() == reports.len() {
                return Ok(answers);
            }
            let detail = format!("{} answers to {} reports", answers.len(), reports.len());
            Err(Down::new(Reason::Protocol, detail))
        }));
    }

    pub(super) fn read_words(&mut self) {
        let (store, fleet) = (self.store.clone(), self.fleet.clone());
        self.words
            .begin(limited(async move { store.words(&fleet).await }));
    }

    /// Returns what comes next, changes only if they are `wanted`. Nothing is lost if it is dropped before.
    pub(super) async fn next(&mut self, wanted: bool) -> Came {
        let Requests {
            store,
            fleet,
            exchange,
            words,
            changes,
        } = self;
        if changes.is_none() {
            *changes = caught(|| store.changes(fleet));
        }
        let changes = changes.as_mut().filter(|_| wanted);
        let mut changed = std::pin::pin!(changes.map(Changes::next));
        poll_fn(|cx| {
            if let Poll::Ready(given) = exchange.poll(cx) {
                return Poll::Ready(Came::Answers(given.unwrap_or_else(dropped)));
            }
            if let Poll::Ready(given) = words.poll(cx) {
                return Poll::Ready(Came::Words(given.unwrap_or_else(dropped)));
            }
            match changed.as_mut().as_pin_mut() {
                Some(changed) => changed.poll(cx).map(Came::Change),
                None => Poll::Pending,
            }
        })
        .await
    }

    /// Drops what is under way.
    pub(super) fn end(&mut self) {
        self.exchange.end();
        self.words.end();
        self.changes = None;
    }
}

/// The answer of a request whose drop has panicked.
fn dropped<T>() -> Result<T, Down> {
    Err(Down::new(Reason::Protocol, "the store's client panicked"))
}
