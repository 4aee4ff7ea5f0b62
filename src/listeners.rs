//! Transitions and finished epochs, told to listeners.
//!
//! A listener has a thread of its own, which reads the rings and boundaries that the audits write,
//! at its own pace. Whoever publishes an audit only unparks it: no queue is pushed to, nothing is
//! allocated, and a listener that is slow, stuck or panicking holds up nobody, not even the other
//! listeners. What it misses because the ring went round is counted.

use crate::core::Core;
use crate::event::{Ring, Transition};
use crate::outcome::Counts;
use crate::rules::Tally;
use crate::wake::{Entry, Post};
use crate::watch::Watching;
use crate::window::Shape;
use crate::window::boundaries::Boundaries;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{self, Thread};
use std::time::Instant;

/// Transitions that wait for a listener, at most.
const QUEUE: usize = 1024;

/// An epoch that is over, and what was counted in it.
///
/// Epochs that a listener was too late to tell apart come as one, so nothing that was counted in a
/// time window is left out or told twice. An epoch is over when a call finds it so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Epoch {
    /// When it began, by the breaker's clock.
    pub start: Duration,
    /// When it ended.
    pub end: Duration,
    /// What was recorded in it.
    pub counts: Counts,
}

/// A listener's place. Dropping it detaches the listener: it is called no more, but for a call that
/// is under way.
#[derive(Debug)]
#[must_use = "dropping a subscription detaches its listener"]
pub struct Subscription {
    post: Arc<Post>,
    core: Watching<Core>,
    /// `None` where no thread could be had: then the listener is never called.
    thread: Option<Thread>,
}

impl Subscription {
    /// Transitions (or epochs) that the listener was called with.
    #[must_use]
    pub fn delivered(&self) -> u64 {
        self.post.delivered.get()
    }

    /// Transitions that were overwritten before the listener came to them: more than 1024 waited.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.post.missed.get()
    }

    /// Calls of the listener that panicked. It is called again with the next.
    #[must_use]
    pub fn panicked(&self) -> u64 {
        self.post.panicked.get()
    }

    /// Whether the listener has a thread. If the system gave none, it is never called.
    #[must_use]
    pub fn is_listening(&self) -> bool {
        self.thread.is_some()
    }

    /// Whether the breaker was in a registry that has [forgotten it](crate::Observer::is_forgotten), and
    /// the listener has been called with everything there was. It is called no more, and has been
    /// dropped: what it sends to, say, is at its end.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tripcoil::{Breaker, State};
    ///
    /// let (breaker, controller) = Breaker::builder("db").build_with_controller()?;
    /// let subscription = breaker.observer().subscribe(|_| {});
    /// assert!(!subscription.is_closed(), "in no registry it never is");
    /// # Ok::<(), tripcoil::ConfigError>(())
    /// ```
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.post.closed.get() != 0
    }

    /// Wait until the listener has been called with everything that had happened when this was
    /// called, but no longer than `limit`; whether it has. For the end of a program, and for tests.
    ///
    /// ```
    /// use std::sync::{Arc, Mutex};
    /// use std::time::Duration;
    /// use tripcoil::{Breaker, State};
    ///
    /// let (breaker, controller) = Breaker::builder("db").build_with_controller()?;
    /// let seen = Arc::new(Mutex::new(Vec::new()));
    /// let log = seen.clone();
    /// let subscription = breaker.observer().subscribe(move |t| log.lock().unwrap().push(t.to));
    /// controller.trip();
    /// controller.reset();
    /// assert!(subscription.drain(Duration::from_secs(10)));
    /// assert_eq!(*seen.lock().unwrap(), [State::Open, State::Closed]);
    /// # Ok::<(), tripcoil::ConfigError>(())
    /// ```
    #[must_use]
    pub fn drain(&self, limit: Duration) -> bool {
        let since = Instant::now();
        // the look under way may have begun before; the one after it has not
        let enough = self.post.looks.get() + 2;
        while self.post.looks.get() < enough && !self.is_closed() {
            if since.elapsed() >= limit {
                return false;
            }
            if let Some(thread) = &self.thread {
                thread.unpark();
            }
            thread::sleep(Duration::from_micros(20));
        }
        true
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.post.stop.set(1);
        self.core.listeners.remove(&self.post);
        if let Some(thread) = &self.thread {
            thread.unpark();
        }
    }
}

/// One thing that a listener can be called with, and where it has got to.
trait Feed: Send + 'static {
    /// Tell all that is new; false if the listener is to stop.
    fn tell(&mut self, core: &Core, post: &Post) -> bool;
}

fn subscribe(core: &Watching<Core>, epochs: bool, mut feed: impl Feed) -> Subscription {
    let post = Arc::new(Post::default());
    let (mine, own) = (core.clone(), post.clone());
    let run = move || {
        // read before the look: what it finds of a breaker that is forgotten is the last there is
        let mut last = mine.watchers.forgotten();
        while own.stop.get() == 0 && feed.tell(&mine, &own) && !last {
            own.looks.add(1);
            // a publication since that look has left its token, and this returns at once
            thread::park();
            last = mine.watchers.forgotten();
        }
        // so that what the listener holds is dropped before it is known to be closed
        drop(feed);
        own.closed.set(1);
    };
    let spawned = thread::Builder::new()
        .name("tripcoil-listener".into())
        .spawn(run);
    let thread = spawned.ok().map(|handle| handle.thread().clone());
    if let Some(thread) = &thread {
        core.listeners.add(Entry {
            thread: thread.clone(),
            post: post.clone(),
            epochs,
        });
        // what came between the thread's first look and the entry woke nobody
        thread.unpark();
    }
    Subscription {
        post,
        core: core.clone(),
        thread,
    }
}

/// Call a listener; what it panics with is dropped.
fn call<T>(listener: &mut impl FnMut(&T), with: &T, post: &Post) -> bool {
    if post.stop.get() != 0 {
        return false;
    }
    if catch_unwind(AssertUnwindSafe(|| listener(with))).is_err() {
        post.panicked.add(1);
    }
    post.delivered.add(1);
    true
}

struct Transitions<F> {
    listener: F,
    /// The last generation told or missed.
    told: u64,
}

impl<F: FnMut(&Transition) + Send + 'static> Feed for Transitions<F> {
    fn tell(&mut self, core: &Core, post: &Post) -> bool {
        let Some(ring) = core.queue.get() else {
            return true;
        };
        loop {
            let last = core.generation(core.control());
            if self.told >= last {
                return true;
            }
            // what the ring cannot hold any more is gone
            let oldest = (last + 1).saturating_sub(ring.len());
            if self.told + 1 < oldest {
                post.missed.add(oldest - 1 - self.told);
                self.told = oldest - 1;
            }
            self.told += 1;
            match ring.read(self.told) {
                Some(event) => {
                    if !call(&mut self.listener, &event.transition(), post) {
                        return false;
                    }
                }
                None => post.missed.add(1),
            }
        }
    }
}

pub(crate) fn subscribe_transitions(
    core: &Watching<Core>,
    listener: impl FnMut(&Transition) + Send + 'static,
) -> Subscription {
    core.queue.get_or_make(|| Ring::long(QUEUE));
    // from here on every audit leaves its event there too
    let from = core.show(core.head.clock.nanos());
    let feed = Transitions {
        listener,
        told: core.generation(from),
    };
    subscribe(core, false, feed)
}

struct Epochs<F> {
    listener: F,
    /// The first epoch that is not told yet, and the counts at its start.
    next: u64,
    base: Tally,
}

impl<F: FnMut(&Epoch) + Send + 'static> Feed for Epochs<F> {
    fn tell(&mut self, core: &Core, post: &Post) -> bool {
        let Shape::Time(b) = &core.head.window else {
            return true;
        };
        loop {
            let c = core.control();
            let rolled = b.ending_at(core.head.period_end.load());
            let first = self.next.max(rolled - b.buckets());
            let at: Option<Vec<Tally>> = (first..=rolled).map(|e| b.at(e)).collect();
            // An audit is at it, or has been: boundaries of a fresh period are written anew, one
            // after the other. Whoever publishes wakes us.
            let Some(at) = at.filter(|_| !c.auditing() && core.control() == c) else {
                return true;
            };
            if at.len() < 2 && first <= self.next {
                return true;
            }
            for (epoch, start) in (first..).zip(at) {
                if epoch > self.next && !self.tell_up_to(b, epoch, start, post) {
                    return false;
                }
            }
        }
    }
}

impl<F: FnMut(&Epoch) + Send + 'static> Epochs<F> {
    /// One epoch, or several that can no longer be told apart.
    fn tell_up_to(&mut self, b: &Boundaries, next: u64, at: Tally, post: &Post) -> bool {
        let epoch = Epoch {
            start: Duration::from_nanos(b.start_of(self.next)),
            end: Duration::from_nanos(b.start_of(next)),
            counts: at.since(self.base).counts(),
        };
        self.next = next;
        self.base = at;
        call(&mut self.listener, &epoch, post)
    }
}

pub(crate) fn subscribe_epochs(
    core: &Watching<Core>,
    listener: impl FnMut(&Epoch) + Send + 'static,
) -> Subscription {
    let (next, base) = match &core.head.window {
        Shape::Time(b) => loop {
            let c = core.show(core.head.clock.nanos());
            let epoch = b.ending_at(core.head.period_end.load());
            if let Some(at) = b.at(epoch)
                && core.control() == c
            {
                break (epoch, at);
            }
        },
        Shape::Count(_) => (0, Tally::default()),
    };
    subscribe(
        core,
        true,
        Epochs {
            listener,
            next,
            base,
        },
    )
}
