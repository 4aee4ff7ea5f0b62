//! What is passed to the timer's task.
//!
//! Who writes: those who register breakers, and the listeners' thread, when a breaker opens. Who reads: the task. The
//! lock is held to put a note there or to take them all; no call through a breaker takes it. An opening is noted once
//! until it is read, so the notes are never more than the breakers and those that come and go.

use crate::integrations::health::attempt::Attempts;
use crate::{Observer, State, Subscription};
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// A breaker that the timer looks after.
pub(super) struct Watched {
    pub(super) observer: Observer,
    pub(super) attempts: Box<dyn Attempts>,
    pub(super) transitions: Subscription,
    /// An opening is among the notes.
    pub(super) noted: Arc<AtomicBool>,
}

pub(super) enum Note {
    Added(u64, Watched),
    /// The breaker has opened.
    Opened(u64),
    #[cfg(feature = "registry")]
    Removed(u64),
    /// To be kept as long as the task.
    #[cfg(feature = "registry")]
    Keep(Box<dyn Send>),
}

#[derive(Default)]
pub(super) struct Notes {
    listed: Mutex<Listed>,
    next: AtomicU64,
    bell: Notify,
}

#[derive(Default)]
struct Listed {
    notes: Vec<Note>,
    /// The timer or its task is gone.
    over: bool,
}

impl Notes {
    fn listed(&self) -> MutexGuard<'_, Listed> {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn put(&self, note: Note) {
        let mut listed = self.listed();
        if listed.over {
            drop(listed);
            // a note has the user's values, which are dropped outside the lock
            return drop(note);
        }
        listed.notes.push(note);
        drop(listed);
        self.bell.notify_one();
    }

    /// Returns the notes since the last time; `None` if it is over.
    pub(super) fn take(&self) -> Option<Vec<Note>> {
        let mut listed = self.listed();
        (!listed.over).then(|| mem::take(&mut listed.notes))
    }

    /// From now on there are no notes. Returns those that were not read.
    pub(super) fn end(&self) -> Vec<Note> {
        let mut listed = self.listed();
        listed.over = true;
        let unread = mem::take(&mut listed.notes);
        drop(listed);
        self.bell.notify_one();
        unread
    }

    /// Waits until there are notes, or it is over.
    pub(super) async fn rung(&self) {
        self.bell.notified().await;
    }

    /// Notes a breaker, and from now on its openings. Returns its number.
    pub(super) fn watch(self: &Arc<Self>, observer: Observer, attempts: Box<dyn Attempts>) -> u64 {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let noted = Arc::new(AtomicBool::new(false));
        // not kept by what it keeps
        let (notes, flag) = (Arc::downgrade(self), noted.clone());
        let transitions = observer.publish(move |seen| {
            if seen.to == State::Open
                && !flag.swap(true, Ordering::AcqRel)
                && let Some(notes) = notes.upgrade()
            {
                notes.put(Note::Opened(id));
            }
        });
        // An opening before this note is not lost: the task looks at the breaker when it reads the note.
        self.put(Note::Added(
            id,
            Watched {
                observer,
                attempts,
                transitions,
                noted,
            },
        ));
        id
    }
}
