//! Keeps a service from being ready while its breaker would reject the call.
//!
//! The caller's task is woken by the next transition, from the thread that the crate's publishers
//! share, and by a timer: the end of a wait is not a transition, and neither is a free slot. The
//! waker is put in before the last look at the breaker, so a transition after that look finds it.
#![cfg(feature = "tokio")]

use crate::{Breaker, State, Subscription};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker, ready};
use core::time::Duration;
use std::sync::{Mutex, PoisonError};
use tokio::time::{Instant, Sleep, sleep};

/// How long it takes at most to see that a probe's slot is free.
const SLOT: Duration = Duration::from_millis(20);
/// How long it takes at most to see anything else, such as another clock that has jumped ahead.
const MOST: Duration = Duration::from_secs(1);
/// The timer's resolution.
const LEAST: Duration = Duration::from_millis(1);

/// The task that waits.
#[derive(Default)]
struct Bell(Mutex<Option<Waker>>);

impl Bell {
    fn set(&self, waker: Option<&Waker>) -> Option<Waker> {
        let mut set = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match (&mut *set, waker) {
            (Some(old), Some(new)) => old.clone_from(new),
            (slot, new) => return std::mem::replace(slot, new.cloned()),
        }
        None
    }

    fn ring(&self) {
        // outside of the lock: a waker is the runtime's code
        if let Some(waker) = self.set(None) {
            waker.wake();
        }
    }
}

/// One service's wait. A clone of the service has its own.
#[derive(Default)]
pub(super) struct Gate {
    bell: Arc<Bell>,
    transitions: Option<Subscription>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Gate {
    /// Ready if the breaker is likely to admit a call. It takes no slot.
    pub(super) fn poll<C>(&mut self, breaker: &Breaker<C>, cx: &mut Context<'_>) -> Poll<()> {
        let bell = &self.bell;
        self.transitions.get_or_insert_with(|| {
            let bell = bell.clone();
            breaker.observer().publish(move |_| bell.ring())
        });
        bell.set(Some(cx.waker()));
        while let Some(rejected) = breaker.foresee_rejection() {
            let wait = match rejected.state() {
                State::HalfOpen => SLOT,
                _ => rejected.retry_after().unwrap_or(MOST).clamp(LEAST, MOST),
            };
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(wait)));
            timer.as_mut().reset(Instant::now() + wait);
            ready!(timer.as_mut().poll(cx));
        }
        bell.set(None);
        self.timer = None;
        Poll::Ready(())
    }
}
