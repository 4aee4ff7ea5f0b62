//! The threads that call listeners: few, however many breakers have listeners.
//!
//! One *keeper* is woken by publications (see `ready`), and calls no listener itself. It queues the
//! listeners to be served, and *workers* call them: one for the crate's own publishers, and at most
//! two for users' listeners. A worker that has been in one call for a second is left to it: the
//! keeper no longer counts it, and starts another one when there is work. The old worker ends when
//! its call returns.
//!
//! Between a publication and the keeper nothing is locked. Keeper, workers, and threads that
//! subscribe or detach share a lock, which is never held while a listener is called or dropped. A
//! listener's `Status` is under that lock, so two threads never call one listener at once, and no
//! listener is forgotten.
//!
//! *Fork.* These threads do not exist in a child. A pool knows its process, and the first
//! subscription in another process starts a new pool.

use crate::engine::events::queue::refill;
use crate::engine::events::ready::Ready;
use crate::engine::events::task::{Look, Looked, Seat, Task};
use crate::error::caught::quietly;
use crate::sync::atomic::process;
use crate::sync::atomic::spawn;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use arc_swap::ArcSwapOption;
use core::time::Duration;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{park, park_timeout};
use std::time::Instant;

/// A worker in a longer call is left to it.
const STUCK: Duration = Duration::from_secs(1);
/// How often the keeper checks workers that are in calls.
const WATCH: Duration = Duration::from_millis(250);
/// Of 64 places each. With more listeners than places, some share one.
const WORDS: usize = if cfg!(tripcoil_loom) { 1 } else { 16 };

static POOL: ArcSwapOption<Pool> = ArcSwapOption::const_empty();

/// The owner of a listener.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Lane {
    /// The crate's own publishers.
    BuiltIn = 0,
    Users = 1,
}

const LANES: [Lane; 2] = [Lane::BuiltIn, Lane::Users];

impl Lane {
    /// The largest number of workers that are not stuck.
    fn most(self) -> usize {
        match self {
            Lane::BuiltIn => 1,
            Lane::Users => 2,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Lane::BuiltIn => "tripcoil-publish",
            Lane::Users => "tripcoil-listen",
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Status {
    Idle,
    Queued,
    Running,
    /// To be queued again when it has run.
    Again,
}

#[derive(Debug)]
struct Row {
    task: Arc<Task>,
    lane: Lane,
    status: Status,
}

#[derive(Debug)]
struct Worker {
    seat: Arc<Seat>,
    /// Its calls when it was last seen to move, and when that was.
    calls: u64,
    since: Instant,
}

#[derive(Debug, Default)]
struct LaneQueue {
    tasks: VecDeque<Arc<Task>>,
    /// Subscriptions of the lane. With the last of them its workers end.
    listed: usize,
    workers: Vec<Worker>,
    /// Of them, those that have no task.
    idle: usize,
}

#[derive(Debug)]
struct Shared {
    /// By place.
    rows: Vec<Vec<Row>>,
    queues: [LaneQueue; LANES.len()],
    /// Another pool was started first.
    over: bool,
    next: usize,
}

#[derive(Debug)]
pub(crate) struct Pool {
    process: u32,
    pub(crate) ready: Arc<Ready>,
    shared: Mutex<Shared>,
    work: [Condvar; LANES.len()],
}

impl Shared {
    fn row(&mut self, task: &Arc<Task>) -> Option<&mut Row> {
        let rows = &mut self.rows[task.bell.place];
        rows.iter_mut().find(|row| Arc::ptr_eq(&row.task, task))
    }

    /// Queued, or to be when it has run.
    fn queue(&mut self, place: usize) {
        for row in &mut self.rows[place] {
            match row.status {
                Status::Idle => {
                    row.status = Status::Queued;
                    let queue = &mut self.queues[row.lane as usize];
                    queue.tasks.push_back(row.task.clone());
                }
                Status::Running => row.status = Status::Again,
                Status::Queued | Status::Again => {}
            }
        }
    }

    /// A worker takes it. Whether it is listed still.
    fn begin(&mut self, task: &Arc<Task>) -> bool {
        let row = self.row(task);
        row.map(|row| row.status = Status::Running).is_some()
    }

    /// It has run. Whether it is listed still.
    fn ran(&mut self, task: &Arc<Task>, looked: Looked) -> bool {
        let Some(row) = self.row(task) else {
            return false;
        };
        let again = row.status == Status::Again || looked == Looked::More;
        row.status = if again { Status::Queued } else { Status::Idle };
        let lane = row.lane as usize;
        if again {
            self.queues[lane].tasks.push_back(task.clone());
        }
        true
    }
}

impl LaneQueue {
    fn next(&mut self) -> Option<Arc<Task>> {
        let task = self.tasks.pop_front()?;
        self.idle = self.idle.saturating_sub(1);
        Some(task)
    }

    fn sits(&self, seat: &Arc<Seat>) -> bool {
        self.workers.iter().any(|w| Arc::ptr_eq(&w.seat, seat))
    }

    fn leave(&mut self, seat: &Arc<Seat>) {
        self.workers.retain(|w| !Arc::ptr_eq(&w.seat, seat));
    }

    /// Leaves workers that have been in one call for too long.
    fn leave_the_stuck(&mut self, now: Instant) {
        self.workers.retain_mut(|worker| {
            let calls = worker.seat.calls.get();
            if calls != worker.calls {
                (worker.calls, worker.since) = (calls, now);
            }
            calls % 2 == 0 || now.duration_since(worker.since) < STUCK
        });
    }

    fn at_work(&self) -> bool {
        !self.tasks.is_empty() || self.workers.len() > self.idle
    }
}

impl Pool {
    /// Returns this process's pool, and starts it if necessary; `None` if the system cannot start a
    /// thread.
    pub(crate) fn of_this_process() -> Option<Arc<Pool>> {
        if cfg!(any(tripcoil_loom, tripcoil_shuttle)) {
            return Pool::start(); // an execution leaves nothing to the next one
        }
        loop {
            let found = POOL.load_full();
            if let Some(pool) = &found
                && pool.is_of_this_process()
            {
                return found;
            }
            let made = Pool::start()?;
            // Without a lock, which another thread may have held at a fork.
            let before = POOL.compare_and_swap(&found, Some(made.clone()));
            if before.as_ref().map(Arc::as_ptr) == found.as_ref().map(Arc::as_ptr) {
                return Some(made);
            }
            made.lock().over = true;
            made.ready.wake();
        }
    }

    fn start() -> Option<Arc<Pool>> {
        let pool = Arc::new(Pool::new());
        let ours = pool.clone();
        pool.ready
            .read_by(spawn("tripcoil-keeper", move || ours.keep())?);
        Some(pool)
    }

    fn new() -> Pool {
        let ready = Arc::new(Ready::new(WORDS));
        Pool {
            process: process(),
            shared: Mutex::new(Shared {
                rows: (0..ready.places()).map(|_| Vec::new()).collect(),
                queues: Default::default(),
                over: false,
                next: 0,
            }),
            ready,
            work: Default::default(),
        }
    }

    pub(crate) fn is_of_this_process(&self) -> bool {
        self.process == process()
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a listener. Returns `None` if the system cannot start a thread for its lane.
    pub(crate) fn list(self: &Arc<Pool>, lane: Lane, look: Box<dyn Look>) -> Option<Arc<Task>> {
        let mut shared = self.lock();
        let queue = &mut shared.queues[lane as usize];
        if queue.workers.is_empty() && !self.employ(queue, lane) {
            return None;
        }
        let place = shared.next % shared.rows.len();
        shared.next = shared.next.wrapping_add(1);
        let task = Arc::new(Task::new(self.ready.clone(), place, look));
        shared.queues[lane as usize].listed += 1;
        shared.rows[place].push(Row {
            task: task.clone(),
            lane,
            status: Status::Idle,
        });
        Some(task)
    }

    /// Removes a listener: from here on no thread of the pool starts to serve it.
    pub(crate) fn unlist(&self, task: &Arc<Task>) {
        // in a child another thread may have held the lock when it was forked
        if !self.is_of_this_process() {
            return;
        }
        let mut shared = self.lock();
        let rows = &mut shared.rows[task.bell.place];
        let Some(at) = rows.iter().position(|row| Arc::ptr_eq(&row.task, task)) else {
            return;
        };
        let lane = rows.swap_remove(at).lane as usize;
        if rows.is_empty() {
            *rows = Vec::new();
        }
        shared.queues[lane].listed -= 1;
        if shared.queues[lane].listed == 0 {
            self.work[lane].notify_all();
        }
    }

    /// Queues what publications have marked.
    fn collect(&self) -> MutexGuard<'_, Shared> {
        let places = self.ready.take();
        let mut shared = self.lock();
        for place in places {
            shared.queue(place);
        }
        shared
    }

    /// Runs the keeper.
    fn keep(self: Arc<Pool>) {
        loop {
            let mut shared = self.collect();
            if shared.over {
                return;
            }
            let now = Instant::now();
            let mut at_work = false;
            for lane in LANES {
                let queue = &mut shared.queues[lane as usize];
                queue.leave_the_stuck(now);
                while queue.workers.len() < lane.most()
                    && queue.tasks.len() > queue.idle
                    && self.employ(queue, lane)
                {}
                if !queue.tasks.is_empty() {
                    self.work[lane as usize].notify_all();
                }
                at_work |= queue.at_work();
            }
            drop(shared);
            refill();
            // A mark that came after `collect` has left its token.
            if at_work {
                park_timeout(WATCH);
            } else {
                park();
            }
        }
    }

    /// Starts one more worker, unless the system cannot start a thread.
    fn employ(self: &Arc<Pool>, queue: &mut LaneQueue, lane: Lane) -> bool {
        let seat = Arc::new(Seat::default());
        let (pool, own) = (self.clone(), seat.clone());
        let begun = spawn(lane.name(), move || pool.work(lane, &own)).is_some();
        if begun {
            queue.idle += 1;
            queue.workers.push(Worker {
                seat,
                calls: 0,
                since: Instant::now(),
            });
        }
        begun
    }

    /// Runs a worker: until its lane has no subscriptions, or until it returns from a call that it
    /// was left to.
    fn work(&self, lane: Lane, seat: &Arc<Seat>) {
        let mut shared = self.lock();
        loop {
            let queue = &mut shared.queues[lane as usize];
            if let Some(task) = queue.next() {
                shared = self.look_after(shared, task, seat);
                let queue = &mut shared.queues[lane as usize];
                if !queue.sits(seat) {
                    if !queue.tasks.is_empty() {
                        self.ready.wake();
                    }
                    return;
                }
                queue.idle += 1;
            } else if queue.listed == 0 {
                queue.idle -= 1;
                queue.leave(seat);
                return;
            } else {
                let woken = self.work[lane as usize].wait(shared);
                shared = woken.unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    /// One turn of a listener, without the lock.
    fn look_after<'a>(
        &'a self,
        mut shared: MutexGuard<'a, Shared>,
        task: Arc<Task>,
        seat: &Seat,
    ) -> MutexGuard<'a, Shared> {
        let mut listed = shared.begin(&task);
        if listed {
            drop(shared);
            let looked = task.try_look(seat);
            shared = self.lock();
            listed = shared.ran(&task, looked);
        }
        if listed {
            return shared; // its row has it still, so this is not where the listener is dropped
        }
        drop(shared);
        seat.busy(|| quietly(task));
        self.lock()
    }

    /// For models and schedules, where the thread that subscribes is the keeper and the worker of its pool.
    #[cfg(any(tripcoil_loom, tripcoil_shuttle))]
    pub(crate) fn attend(&self) {
        let mut shared = self.collect();
        while let Some(task) = shared.queues[Lane::Users as usize].next() {
            shared = self.look_after(shared, task, &Seat::default());
        }
    }
}
