//! The timer's task: a heap of deadlines, and the attempts under way.
//!
//! The task sleeps until the first deadline, and is woken by openings. A breaker that is closed is in no
//! heap and costs nothing. A deadline that has changed stays in the heap until it comes up, where it is
//! recognised by its breaker's entry, which has the present one; if most are such, they are taken out.

use crate::error::caught::{caught, quietly};
use crate::integrations::health::attempt::Attempt;
use crate::integrations::health::idle::Idle;
use crate::integrations::health::notes::{Note, Notes, Watched};
use crate::integrations::health::timer::IdleTimer;
use crate::{Snapshot, State};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Between two attempts for one breaker, so that the task waits now and then.
const LEAST: Duration = Duration::from_millis(1);

/// As good as never, and not too far for an `Instant`.
const NEVER: Duration = Duration::from_secs(86_400 * 365 * 30);

struct Entry {
    watched: Watched,
    /// When the breaker is looked at next.
    due: Option<Instant>,
    /// The generation of a round that a probe from here has begun.
    round: Option<u64>,
    /// An attempt is under way.
    busy: bool,
}

struct Running {
    id: u64,
    attempt: Attempt,
}

struct Agenda {
    settings: Idle,
    notes: Arc<Notes>,
    entries: HashMap<u64, Entry>,
    deadlines: BinaryHeap<Reverse<(Instant, u64)>>,
    running: Vec<Running>,
    /// Dropped with the task.
    #[cfg(feature = "registry")]
    kept: Vec<Box<dyn Send>>,
}

impl Idle {
    /// Returns a timer, and its task, to be spawned. The task ends when the timer and its clones are dropped. If the
    /// task is dropped, or never run, the timer does nothing.
    ///
    /// # Panics
    ///
    /// The task panics if it is polled outside a tokio runtime with the timer enabled once an attempt is due.
    pub fn start(self) -> (IdleTimer, impl Future<Output = ()> + Send + 'static) {
        let timer = IdleTimer::new(self.timeout);
        let agenda = Agenda::new(self, &timer);
        (timer, agenda.run())
    }
}

impl Drop for Agenda {
    fn drop(&mut self) {
        // what is given to the timer from now on is not kept for a task that will not come
        let unread = self.notes.end();
        quietly(unread);
        self.running.drain(..).for_each(quietly);
        self.entries.drain().for_each(quietly);
    }
}

impl Agenda {
    fn new(settings: Idle, timer: &IdleTimer) -> Agenda {
        Agenda {
            settings,
            notes: timer.notes().clone(),
            entries: HashMap::new(),
            deadlines: BinaryHeap::new(),
            running: Vec::new(),
            #[cfg(feature = "registry")]
            kept: Vec::new(),
        }
    }

    async fn run(mut self) {
        while let Some(notes) = self.notes.take() {
            for note in notes {
                self.read(note);
            }
            let next = self.begin_due();
            for (id, well) in self.wait(next).await {
                self.ended(id, well);
            }
        }
    }

    fn read(&mut self, note: Note) {
        match note {
            Note::Added(id, watched) => {
                let entry = Entry {
                    watched,
                    due: None,
                    round: None,
                    busy: false,
                };
                self.entries.insert(id, entry);
                self.look(id);
            }
            Note::Opened(id) => self.look(id),
            #[cfg(feature = "registry")]
            Note::Removed(id) => {
                quietly(self.entries.remove(&id));
                let of_it = |one: &mut Running| one.id == id;
                self.running.extract_if(.., of_it).for_each(quietly);
            }
            #[cfg(feature = "registry")]
            Note::Keep(kept) => self.kept.push(kept),
        }
    }

    /// Waits until there are notes, a deadline has come, or attempts have ended. Returns those, and whether they went
    /// well.
    async fn wait(&mut self, next: Option<Instant>) -> Vec<(u64, bool)> {
        let notes = self.notes.clone();
        let mut rung = pin!(notes.rung());
        let mut deadline = pin!(next.map(sleep_until));
        poll_fn(|cx| {
            let ended = self.poll_attempts(cx);
            let deadline = deadline.as_mut().as_pin_mut();
            let due = deadline.is_some_and(|deadline| deadline.poll(cx).is_ready());
            if due || !ended.is_empty() || rung.as_mut().poll(cx).is_ready() {
                Poll::Ready(ended)
            } else {
                Poll::Pending
            }
        })
        .await
    }

    fn poll_attempts(&mut self, cx: &mut Context<'_>) -> Vec<(u64, bool)> {
        let mut ended = Vec::new();
        let mut at = 0;
        while let Some(one) = self.running.get_mut(at) {
            // one that panics did not go well
            let poll = caught(|| one.attempt.as_mut().poll(cx)).unwrap_or(Poll::Ready(false));
            match poll {
                Poll::Pending => at += 1,
                Poll::Ready(well) => {
                    let gone = self.running.swap_remove(at);
                    ended.push((gone.id, well));
                    quietly(gone);
                }
            }
        }
        ended
    }

    /// Begins the attempts that are due, as many as may be under way. Returns the next deadline.
    fn begin_due(&mut self) -> Option<Instant> {
        let now = Instant::now();
        while self.running.len() < self.settings.at_once.max(1) {
            let &Reverse((due, id)) = self.deadlines.peek()?;
            if due > now {
                return Some(due);
            }
            self.deadlines.pop();
            if self
                .entries
                .get(&id)
                .is_some_and(|one| one.due == Some(due))
            {
                self.begin(id);
            }
        }
        // the next end makes room
        None
    }

    /// Begins an attempt for a breaker whose deadline has come, if it still needs one.
    fn begin(&mut self, id: u64) {
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        let Some(seen) = seen(&entry.watched) else {
            return self.look(id);
        };
        let waits = seen.retry_after.is_some_and(|rest| !rest.is_zero());
        let open = seen.state == State::Open && !waits;
        if !open && !entry.goes_on(&seen) {
            return self.look(id);
        }
        entry.due = None;
        if open && entry.watched.attempts.are_calls() {
            entry.round = Some(seen.generation + 1);
        }
        match caught(|| entry.watched.attempts.begin(seen.generation)) {
            Some(attempt) => {
                entry.busy = true;
                self.running.push(Running { id, attempt });
            }
            None => self.again(id, self.settings.every),
        }
    }

    fn ended(&mut self, id: u64, well: bool) {
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        entry.busy = false;
        let Some(seen) = seen(&entry.watched) else {
            return self.look(id);
        };
        let waits = seen.retry_after.is_some_and(|rest| !rest.is_zero());
        if entry.goes_on(&seen) {
            // a ramp admits a share of the calls, in its own time
            let at_once = well && seen.admitted_share <= 0.0;
            let pause = if at_once { LEAST } else { self.settings.every };
            self.again(id, pause);
        } else if seen.state == State::Open && !waits {
            self.again(id, self.settings.every);
        } else {
            self.look(id);
        }
    }

    /// Sets the breaker's deadline by its state.
    fn look(&mut self, id: u64) {
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        // before the look: an opening after it is noted again
        entry.watched.noted.store(false, Ordering::Release);
        if entry.busy {
            return; // it is looked at when the attempt ends
        }
        entry.due = None;
        match seen(&entry.watched) {
            Some(seen) if seen.state == State::Open => {
                let rest = seen.retry_after.unwrap_or_default();
                self.again(id, rest.saturating_add(self.settings.grace));
            }
            // its openings are noted, unless the system had no thread for that
            Some(_) if entry.watched.transitions.is_listening() => {}
            // or its clock panics
            Some(_) | None => self.again(id, self.settings.every),
        }
    }

    /// Sets the breaker's deadline.
    fn again(&mut self, id: u64, pause: Duration) {
        let now = Instant::now();
        let due = now.checked_add(pause.clamp(LEAST, NEVER)).unwrap_or(now);
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.due = Some(due);
            self.deadlines.push(Reverse((due, id)));
        }
        if self.deadlines.len() > 2 * self.entries.len() + 64 {
            let entries = &self.entries;
            let present = |&Reverse((due, id)): &Reverse<(Instant, u64)>| {
                entries.get(&id).is_some_and(|one| one.due == Some(due))
            };
            self.deadlines.retain(present);
        }
    }
}

impl Entry {
    /// Whether the breaker is in a round that a probe from here has begun, and that needs more of them.
    fn goes_on(&self, seen: &Snapshot) -> bool {
        seen.state == State::HalfOpen && self.round == Some(seen.generation)
    }
}

/// `None` if the breaker's clock, which may be the user's, panics.
fn seen(watched: &Watched) -> Option<Snapshot> {
    caught(|| watched.observer.snapshot())
}

#[cfg(test)]
mod tests;
