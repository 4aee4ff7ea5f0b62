//! One subscription's listener, and how it is woken.

use crate::engine::events::ready::Ready;
use crate::error::caught::{caught, quietly};
use crate::sync::atomic::{Counter, Thread};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;
use std::sync::{Mutex, OnceLock, PoisonError, TryLockError};
use std::time::Instant;

/// What a listener's thread and its subscription share.
#[derive(Debug, Default)]
pub(crate) struct Post {
    pub(crate) stop: Counter,
    /// The breaker is forgotten, and the listener has had everything.
    pub(crate) closed: Counter,
    pub(crate) delivered: Counter,
    pub(crate) missed: Counter,
    pub(crate) panicked: Counter,
    /// Looks that were taken to their end.
    pub(crate) looks: Counter,
}

/// A thread that calls listeners, as the keeper sees it.
#[derive(Debug, Default)]
pub(crate) struct Seat {
    /// Beginnings and ends of calls: odd within one.
    pub(crate) calls: Counter,
}

impl Seat {
    /// Runs user code.
    pub(crate) fn busy<T>(&self, work: impl FnOnce() -> T) -> T {
        self.calls.add(1);
        let done = work();
        self.calls.add(1);
        done
    }
}

/// Calls of one listener in a row before another one's turn.
const TURN: u32 = 64;
/// The time limit of a turn: a slow listener has one call per turn. In models and schedules a turn
/// must not depend on the time.
const SLICE: Duration = if cfg!(any(tripcoil_loom, tripcoil_shuttle)) {
    Duration::MAX
} else {
    Duration::from_millis(5)
};

/// A turn of one listener, on one thread.
pub(crate) struct Turn<'a> {
    pub(crate) post: &'a Post,
    seat: &'a Seat,
    left: u32,
    began: Instant,
}

/// How a turn ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Looked {
    /// There is nothing more.
    All,
    /// There may be more.
    More,
    /// The subscription has been dropped.
    Over,
}

impl Turn<'_> {
    /// Runs code that may be the user's and is not the listener; returns `None` if it panics. While
    /// it hangs, the keeper sees this thread in a call, and leaves it to that.
    pub(crate) fn run<T>(&self, work: impl FnOnce() -> T) -> Option<T> {
        self.seat.busy(|| caught(work))
    }

    /// Lets the listener handle one value; a panic is caught, and its payload dropped. If the
    /// result is not `All`, the turn must end.
    pub(crate) fn call<T>(&mut self, listener: &mut impl FnMut(&T), with: &T) -> Looked {
        if self.post.stop.get() != 0 {
            return Looked::Over;
        }
        if self.run(|| listener(with)).is_none() {
            self.post.panicked.add(1);
        }
        self.post.delivered.add(1);
        self.left = self.left.saturating_sub(1);
        if self.left == 0 || self.began.elapsed() >= SLICE {
            Looked::More
        } else {
            Looked::All
        }
    }
}

/// One kind of value that a listener is called with, and its position.
pub(crate) trait Look: Send {
    /// Whether nothing can follow the values that the next look finds.
    fn at_the_end(&self) -> bool;

    /// Calls the listener with all that is new.
    fn look(&mut self, turn: &mut Turn<'_>) -> Looked;
}

/// Wakes a listener: all that a publishing thread needs.
#[derive(Debug)]
pub(crate) struct Bell {
    pub(crate) ready: Arc<Ready>,
    pub(crate) place: usize,
    /// The thread of a dedicated listener.
    own: OnceLock<Thread>,
}

impl Bell {
    /// There may be something new. On the path of a call that publishes: it never waits.
    pub(crate) fn ring(&self) {
        match self.own.get() {
            Some(thread) => thread.unpark(),
            None => self.ready.mark(self.place),
        }
    }

    /// From now on that thread is woken. The caller must ring for what came before.
    pub(crate) fn answered_by(&self, thread: Thread) {
        let _first = self.own.set(thread);
    }

    pub(crate) fn has_own_thread(&self) -> bool {
        self.own.get().is_some()
    }
}

/// A listener.
pub(crate) struct Task {
    pub(crate) post: Post,
    pub(crate) bell: Arc<Bell>,
    /// `None` once there is nothing more to come.
    look: Mutex<Option<Box<dyn Look>>>,
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task")
            .field("post", &self.post)
            .finish_non_exhaustive()
    }
}

impl Task {
    pub(crate) fn new(ready: Arc<Ready>, place: usize, look: Box<dyn Look>) -> Task {
        Task {
            post: Post::default(),
            bell: Arc::new(Bell {
                ready,
                place,
                own: OnceLock::new(),
            }),
            look: Mutex::new(Some(look)),
        }
    }

    /// Runs one turn, unless another thread is running one.
    pub(crate) fn try_look(&self, seat: &Seat) -> Looked {
        match self.look.try_lock() {
            Ok(mut look) => self.turn(&mut look, seat),
            Err(TryLockError::Poisoned(look)) => self.turn(&mut look.into_inner(), seat),
            Err(TryLockError::WouldBlock) => Looked::All,
        }
    }

    /// Runs one turn. For a dedicated thread, which may wait for a worker of the pool that is still
    /// running one.
    pub(crate) fn look(&self, seat: &Seat) -> Looked {
        let mut look = self.look.lock().unwrap_or_else(PoisonError::into_inner);
        self.turn(&mut look, seat)
    }

    fn turn(&self, slot: &mut Option<Box<dyn Look>>, seat: &Seat) -> Looked {
        let post = &self.post;
        let look = match slot {
            Some(look) if post.stop.get() == 0 => look,
            _ => return Looked::Over,
        };
        // read before the look: what that finds of a breaker that is forgotten is the last there is
        let last = look.at_the_end();
        let looked = look.look(&mut Turn {
            post,
            seat,
            left: TURN,
            began: Instant::now(),
        });
        if looked != Looked::All {
            return looked;
        }
        post.looks.add(1);
        if last {
            // what the listener holds is dropped before it is known to be closed
            seat.busy(|| quietly(slot.take()));
            post.closed.set(1);
            return Looked::Over;
        }
        Looked::All
    }
}
