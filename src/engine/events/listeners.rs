//! Reports transitions and finished epochs to listeners.
//!
//! Listeners are called by a few threads that all breakers share (see `pool`). These read the rings
//! and boundaries that the updates write, at their own pace. A thread that publishes an update only
//! marks the subscription: it pushes to no queue and allocates nothing. A slow, stuck or panicking
//! listener delays other listeners by a second at most, and never a call. What it misses because
//! the ring wrapped is counted.

use crate::engine::events::cursor::Events;
use crate::engine::events::event::Transition;
use crate::engine::events::pool::{Lane, Pool};
use crate::engine::events::task::{Bell, Look, Looked, Seat, Task, Turn};
use crate::engine::events::wake::Entry;
use crate::engine::events::watch::Watching;
use crate::engine::state::Core;
use crate::engine::window::Shape;
use crate::engine::window::boundaries::Boundaries;
use crate::sync::atomic::spawn;
use crate::words::outcome::Counts;
#[cfg(feature = "serde")]
use crate::words::units::seconds;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;
use std::thread;
use std::time::Instant;

/// A finished epoch of a time window, with its counts.
///
/// If a listener falls behind, several epochs are reported as one, so every outcome in a time
/// window is reported exactly once. An epoch is finished when a call finds that it is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Epoch {
    /// When it began, by the breaker's clock.
    // by the same clock as a transition's `at_seconds`
    #[cfg_attr(
        feature = "serde",
        serde(rename = "start_seconds", serialize_with = "seconds")
    )]
    pub start: Duration,
    /// When it ended.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "end_seconds", serialize_with = "seconds")
    )]
    pub end: Duration,
    /// The outcomes recorded in the epoch.
    pub counts: Counts,
}

/// A listener's subscription. Dropping it detaches the listener. A call of the listener that is
/// under way still ends.
#[must_use = "dropping a subscription detaches its listener"]
pub struct Subscription {
    core: Watching<Core>,
    /// `None` if the system could not start a thread: the listener is then never called.
    served: Option<Served>,
}

#[derive(Debug)]
struct Served {
    task: Arc<Task>,
    pool: Arc<Pool>,
    entry: Entry,
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.core.debug("Subscription", f)
    }
}

impl Subscription {
    fn count(&self, what: impl Fn(&Task) -> u64) -> u64 {
        self.served.as_ref().map_or(0, |served| what(&served.task))
    }

    /// Returns how many transitions (or epochs) the listener was called with.
    #[must_use]
    pub fn delivered(&self) -> u64 {
        self.count(|task| task.post.delivered.get())
    }

    /// Returns how many transitions were overwritten before the listener got them, because more
    /// than 1024 waited.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.count(|task| task.post.missed.get())
    }

    /// Returns how many calls of the listener panicked. The listener is called again for the next
    /// transition.
    #[must_use]
    pub fn panicked(&self) -> u64 {
        self.count(|task| task.post.panicked.get())
    }

    /// Returns whether a thread calls the listener. `false` if the system could not start a thread,
    /// or in a process that was forked after the subscription: the listener is then never called.
    #[must_use]
    pub fn is_listening(&self) -> bool {
        let served = self.served.as_ref();
        served.is_some_and(|served| served.pool.is_of_this_process())
    }

    /// Gives the listener a thread of its own, for a listener that blocks or takes long. The thread
    /// ends with the subscription. If the system cannot start one, the listener stays on the shared
    /// threads.
    ///
    /// There are two shared threads, and one that has been in a call for a second is replaced. So a
    /// listener that sometimes waits for a disk can stay on them.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tripcoil::Breaker;
    ///
    /// let (breaker, controller) = Breaker::builder("db").build_with_controller()?;
    /// let (page, pages) = std::sync::mpsc::sync_channel(0);
    /// let observer = breaker.observer();
    /// // waits until the other side takes it
    /// let subscription = observer.subscribe(move |t| drop(page.send(t.to))).dedicated();
    /// controller.trip();
    /// assert_eq!(pages.recv(), Ok(tripcoil::State::Open));
    /// # Ok::<(), tripcoil::ConfigError>(())
    /// ```
    pub fn dedicated(self) -> Subscription {
        if let Some(Served { task, pool, .. }) = &self.served
            && pool.is_of_this_process()
            && !task.bell.has_own_thread()
        {
            let own = task.clone();
            if let Some(thread) = spawn("tripcoil-dedicated", move || serve(&own)) {
                pool.unlist(task);
                task.bell.answered_by(thread);
                ring_once_shown(&self.core, &task.bell);
            }
        }
        self
    }

    /// Returns whether the breaker was in a registry that has [forgotten
    /// it](crate::Observer::is_forgotten), and the listener was called with everything there was.
    /// The listener was then dropped, together with its end of a channel, for example.
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
        self.count(|task| task.post.closed.get()) != 0
    }

    /// Waits until the listener was called with everything that happened before this call, for at
    /// most `limit`. Returns whether it was. For the end of a program, and for tests.
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
        let Some(Served { task, .. }) = &self.served else {
            return false;
        };
        if !self.is_listening() {
            return false;
        }
        let since = Instant::now();
        // the look under way may have begun before; the one after it has not
        let enough = task.post.looks.get() + 2;
        while task.post.looks.get() < enough && !self.is_closed() {
            if since.elapsed() >= limit {
                return false;
            }
            task.bell.ring();
            thread::sleep(Duration::from_micros(20));
        }
        true
    }

    /// For models and schedules: serves the listener on this thread, which has subscribed it, until
    /// `until` returns true.
    #[cfg(any(tripcoil_loom, tripcoil_shuttle))]
    #[doc(hidden)]
    pub fn attend(&self, until: impl Fn() -> bool) {
        loop {
            self.served.iter().for_each(|served| served.pool.attend());
            if until() {
                return;
            }
            crate::sync::atomic::park();
        }
    }

    /// For the models: the generation to which the slowest listener or cursor of the breaker has read.
    #[cfg(tripcoil_loom)]
    #[doc(hidden)]
    pub fn reached(&self) -> u64 {
        self.core.listeners.read()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(Served { task, pool, entry }) = &self.served {
            task.post.stop.set(1);
            self.core.listeners.remove(entry);
            pool.unlist(task);
            if task.bell.has_own_thread() {
                task.bell.ring();
            }
        }
    }
}

/// Runs a thread that has one listener.
fn serve(task: &Task) {
    let seat = Seat::default();
    loop {
        match task.look(&seat) {
            // The listener may have parked too, and have used up the token that said so.
            Looked::All if task.post.stop.get() != 0 => return,
            // A publication since that look has left its token, and this returns at once.
            Looked::All => thread::park(),
            Looked::More => {}
            Looked::Over => return,
        }
    }
}

/// Rings for what was published before the subscription was visible: it has woken another thread,
/// or none. Each publication is an exchange of control, and so is this. A publication before it is
/// found by the look that this rings for; one after it sees whom to wake.
fn ring_once_shown(core: &Core, bell: &Bell) {
    core.sync(core.head.clock.nanos());
    bell.ring();
}

fn subscribe(
    core: &Watching<Core>,
    lane: Lane,
    look: impl Look + 'static,
    entry: fn(Arc<Bell>) -> Entry,
) -> Subscription {
    let served = Pool::of_this_process().and_then(|pool| {
        let task = pool.list(lane, Box::new(look))?;
        let entry = entry(task.bell.clone());
        core.listeners.add(entry.clone());
        ring_once_shown(core, &task.bell);
        Some(Served { task, pool, entry })
    });
    Subscription {
        core: core.clone(),
        served,
    }
}

struct Transitions<F> {
    events: Events,
    listener: F,
}

impl<F: FnMut(&Transition) + Send> Look for Transitions<F> {
    fn at_the_end(&self) -> bool {
        self.events.at_the_end()
    }

    fn look(&mut self, turn: &mut Turn<'_>) -> Looked {
        loop {
            let missed = self.events.missed();
            let event = self.events.next_shared(turn);
            turn.post.missed.add(self.events.missed() - missed);
            let Some(event) = event else {
                return Looked::All;
            };
            match turn.call(&mut self.listener, &event) {
                Looked::All => {}
                ended => return ended,
            }
        }
    }
}

pub(crate) fn subscribe_transitions(
    core: &Watching<Core>,
    lane: Lane,
    listener: impl FnMut(&Transition) + Send + 'static,
) -> Subscription {
    let look = Transitions {
        events: Events::from_now_on(core),
        listener,
    };
    subscribe(core, lane, look, Entry::Transitions)
}

struct Epochs<F> {
    core: Watching<Core>,
    listener: F,
    /// The first epoch that was not reported, and the counts at its start.
    next: u64,
    base: Counts,
}

impl<F: FnMut(&Epoch) + Send> Look for Epochs<F> {
    fn at_the_end(&self) -> bool {
        self.core.watchers.forgotten()
    }

    fn look(&mut self, turn: &mut Turn<'_>) -> Looked {
        let core = self.core.clone(); // what is borrowed of it is told to `self`
        let Shape::Time(boundaries) = &core.head.window else {
            return Looked::All;
        };
        loop {
            let control = core.control();
            let rolled = boundaries.ending_at(core.head.period_end.load());
            let first = self.next.max(rolled - boundaries.buckets());
            let at: Option<Vec<Counts>> =
                (first..=rolled).map(|epoch| boundaries.at(epoch)).collect();
            // An update is at it, or has been: boundaries of a fresh period are written anew, one
            // after the other. The thread that publishes it wakes us.
            let Some(at) = at.filter(|_| !control.updating() && core.control() == control) else {
                return Looked::All;
            };
            if at.len() < 2 && first <= self.next {
                return Looked::All;
            }
            for (epoch, start) in (first..).zip(at) {
                if epoch > self.next {
                    match self.tell_up_to(boundaries, epoch, start, turn) {
                        Looked::All => {}
                        ended => return ended,
                    }
                }
            }
        }
    }
}

impl<F: FnMut(&Epoch) + Send> Epochs<F> {
    /// Reports one epoch, or several that can no longer be separated.
    fn tell_up_to(
        &mut self,
        boundaries: &Boundaries,
        next: u64,
        at: Counts,
        turn: &mut Turn<'_>,
    ) -> Looked {
        let epoch = Epoch {
            start: Duration::from_nanos(boundaries.start_of(self.next)),
            end: Duration::from_nanos(boundaries.start_of(next)),
            counts: at.since(self.base),
        };
        self.next = next;
        self.base = at;
        turn.call(&mut self.listener, &epoch)
    }
}

pub(crate) fn subscribe_epochs(
    core: &Watching<Core>,
    lane: Lane,
    listener: impl FnMut(&Epoch) + Send + 'static,
) -> Subscription {
    let (next, base) = match &core.head.window {
        Shape::Time(boundaries) => loop {
            let control = core.sync(core.head.clock.nanos());
            let epoch = boundaries.ending_at(core.head.period_end.load());
            if let Some(at) = boundaries.at(epoch)
                && core.control() == control
            {
                break (epoch, at);
            }
        },
        Shape::Count(_) => (0, Counts::default()),
    };
    let look = Epochs {
        core: core.clone(),
        listener,
        next,
        base,
    };
    subscribe(core, lane, look, Entry::Epochs)
}
