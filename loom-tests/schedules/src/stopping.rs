//! Threads that are stopped for good, and what each operation takes.

use std::cell::{Cell, RefCell};

use shuttle::scheduler::{Schedule, Scheduler, Task, TaskId};

use crate::dice::Dice;

/// Who is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    Fair,
    /// One thread, somewhere in its work, until all others have ended.
    OneStops,
    /// All but one, wherever each of them is, until that one has ended.
    OneGoesOn,
}

/// Accesses of one operation by a thread that goes on alone. An update of four stripes and as many
/// handles, found under way in each of its steps, takes a fifth.
pub const ALONE: u64 = 4_000;

std::thread_local! {
    /// Times that each thread was chosen.
    static CHOSEN: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
    /// The thread that goes on alone.
    static LONE: Cell<Option<usize>> = const { Cell::new(None) };
    static LONGEST: Cell<u64> = const { Cell::new(0) };
}

/// The accesses of the longest operation that was [`bounded`].
#[must_use]
pub fn longest() -> u64 {
    LONGEST.get()
}

/// One operation: whatever the others do, or if they do nothing any more, it ends.
///
/// # Panics
///
/// If a thread that goes on alone makes more accesses than an operation takes. (Beside others that go
/// on too, an operation is lock-free and not wait-free: then the sum of all has a bound.)
pub fn bounded<R>(operation: impl FnOnce() -> R) -> R {
    let me = shuttle::current::get_current_task().map_or(0, usize::from);
    let chosen = || CHOSEN.with_borrow(|all| all.get(me).copied().unwrap_or(0));
    let alone = || LONE.get() == Some(me);
    let (before, from) = (chosen(), alone());
    let result = operation();
    let took = chosen() - before;
    if from && alone() {
        assert!(took <= ALONE, "an operation takes {took} accesses alone");
    }
    LONGEST.set(LONGEST.get().max(took));
    result
}

/// A scheduler that chooses among those that are not stopped.
#[derive(Debug)]
pub struct Stopping<S> {
    inner: S,
    manner: Manner,
    dice: Dice,
    /// In this execution: how many choices have been made, at which one thread is chosen, and that one.
    step: u64,
    at: u64,
    chosen: Option<TaskId>,
    /// Choices in the longest execution so far.
    most: u64,
}

impl<S> Stopping<S> {
    pub fn new(inner: S, manner: Manner, seed: u64) -> Stopping<S> {
        Stopping {
            inner,
            manner,
            dice: Dice::new(seed),
            step: 0,
            at: 0,
            chosen: None,
            most: 200,
        }
    }
}

impl<S: Scheduler> Scheduler for Stopping<S> {
    fn new_execution(&mut self) -> Option<Schedule> {
        self.most = self.most.max(self.step);
        self.step = 0;
        self.at = self.dice.roll(self.most);
        self.chosen = None;
        CHOSEN.with_borrow_mut(Vec::clear);
        LONE.set(None);
        self.inner.new_execution()
    }

    fn next_task(
        &mut self,
        runnable: &[&Task],
        current: Option<TaskId>,
        is_yielding: bool,
    ) -> Option<TaskId> {
        // a thread that is parked could wake without cause, and then no wake-up would ever be missed
        let woken: Vec<&Task> = runnable.iter().filter(|t| t.runnable()).copied().collect();
        let runnable = &woken[..];
        self.step += 1;
        if self.manner != Manner::Fair && self.step == self.at && runnable.len() > 1 {
            // the first thread only waits for the others
            let of: Vec<_> = runnable.iter().map(|t| t.id()).collect();
            let of: Vec<_> = of.into_iter().filter(|t| usize::from(*t) != 0).collect();
            self.chosen = (!of.is_empty()).then(|| self.dice.one(&of));
        }
        let allowed: Vec<&Task> = match (self.manner, self.chosen) {
            (Manner::OneStops, Some(stopped)) => {
                let others = runnable.iter().filter(|t| t.id() != stopped);
                others.copied().collect()
            }
            (Manner::OneGoesOn, Some(lone)) => {
                let it = runnable.iter().filter(|t| t.id() == lone);
                it.copied().collect()
            }
            _ => Vec::new(),
        };
        LONE.set(match (self.manner, self.chosen) {
            (Manner::OneGoesOn, Some(lone)) if !allowed.is_empty() => Some(usize::from(lone)),
            _ => None,
        });
        let allowed = if allowed.is_empty() {
            runnable
        } else {
            &allowed
        };
        let next = self.inner.next_task(allowed, current, is_yielding)?;
        CHOSEN.with_borrow_mut(|all| {
            let next = usize::from(next);
            if all.len() <= next {
                all.resize(next + 1, 0);
            }
            all[next] += 1;
        });
        Some(next)
    }

    fn next_u64(&mut self) -> u64 {
        self.inner.next_u64()
    }
}
