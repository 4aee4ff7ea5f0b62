//! Notices on their way to listeners.

use crate::error::caught::caught;
use crate::integrations::insight::analysis::Notice;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

pub(super) type Listener = Box<dyn FnMut(&Notice) + Send>;

/// So many wait for a listener that takes long; the oldest are dropped beyond that.
const WAITING: usize = 64;

/// Any thread that learns adds notices, and a thread of the listeners delivers them: so a listener may ask for a
/// report, whose transitions are notices for itself.
#[derive(Default)]
pub(super) struct Notices(Mutex<Post>);

#[derive(Default)]
struct Post {
    waiting: VecDeque<Notice>,
    listeners: Vec<Listener>,
    /// The listeners are away: a thread calls them.
    delivering: bool,
}

impl Notices {
    pub(super) fn listen(&self, listener: Listener) {
        self.lock().listeners.push(listener);
    }

    pub(super) fn add(&self, notices: impl IntoIterator<Item = Notice>) {
        let mut post = self.lock();
        if post.listeners.is_empty() && !post.delivering {
            return;
        }
        post.waiting.extend(notices);
        let beyond = post.waiting.len().saturating_sub(WAITING);
        post.waiting.drain(..beyond);
    }

    /// Calls the listeners with what waits, unless another thread is at it, which then does.
    pub(super) fn deliver(&self) {
        let mut post = self.lock();
        while !post.delivering
            && let Some(notice) = post.waiting.pop_front()
        {
            let mut listeners = std::mem::take(&mut post.listeners);
            post.delivering = true;
            drop(post);
            for listener in &mut listeners {
                // one that panics harms no other
                let _ = caught(|| listener(&notice));
            }
            post = self.lock();
            // those that have come meanwhile are the later ones
            listeners.append(&mut post.listeners);
            post.listeners = listeners;
            post.delivering = false;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Post> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
