//! One of the threads: does its script, and keeps its own account.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::time::Duration;

use tripcoil::call::OwnedPermit;
use tripcoil::observe::Counts;
use tripcoil::{
    CallError, FailureKind, HalfOpen, Local, Observer, Outcome, Snapshot, State, Transition,
};

use crate::account::{Did, Fate, follows};
use crate::script::{Ending, Op, Order, Route};
use crate::setup::{SLOW, World};

const HELD: usize = 4;
const OWN_WAIT: Duration = Duration::from_millis(1);
const LONG: Duration = SLOW.saturating_mul(2);

pub(crate) struct Worker<'a> {
    world: &'a World,
    local: Option<Local>,
    held: VecDeque<(OwnedPermit, Fate)>,
    looker: Looker,
    did: Did,
}

/// Ends a permit, whichever of the three it is.
macro_rules! end {
    ($permit:expr, $ending:expr) => {{
        let permit = $permit;
        let failure = Outcome::Failure(FailureKind::Server);
        match $ending {
            Ending::Success => permit.success(),
            Ending::Failure => permit.failure(FailureKind::Connect),
            Ending::OwnWait => permit.record(failure.with_retry_after(OWN_WAIT)),
            Ending::SlowSuccess => permit.record_timed(Outcome::Success, LONG),
            Ending::SlowFailure => permit.record_timed(failure, LONG),
            Ending::Ignore => permit.ignore(),
            Ending::Drop => drop(permit),
        }
    }};
}

impl<'a> Worker<'a> {
    pub(crate) fn new(world: &'a World) -> Worker<'a> {
        Worker {
            world,
            local: Some(world.breaker.local()),
            held: VecDeque::new(),
            looker: Looker::new(world),
            did: Did::default(),
        }
    }

    pub(crate) fn step(&mut self, op: Op) {
        match op {
            Op::Call(route, ending) => self.call(route, ending),
            Op::Hold(ending) => {
                match self.world.breaker.try_acquire_owned() {
                    Ok(permit) => self.held.push_back((permit, self.fate(None))),
                    Err(_) => self.did.rejected += 1,
                }
                if self.held.len() > HELD {
                    self.end_oldest(ending);
                }
            }
            Op::End(ending) => self.end_oldest(ending),
            Op::NewLocal => self.local = Some(self.world.breaker.local()),
            Op::NoLocal => self.local = None,
            Op::Order(order) => self.order(order),
            Op::Reconfigure(how) => self.reconfigure(how),
            Op::Advance(by) => self.world.clock.advance(by),
            Op::Look => self.looker.look(),
        }
    }

    /// What is still under way is cancelled.
    pub(crate) fn close(mut self) -> Did {
        while !self.held.is_empty() {
            self.end_oldest(Ending::Drop);
        }
        self.looker.look();
        self.did
    }

    fn end_oldest(&mut self, ending: Ending) {
        if let Some((permit, fate)) = self.held.pop_front() {
            end!(permit, ending);
            self.did.ended(ending, fate);
        }
    }

    /// Before a call: the generation, if nothing is counted in it.
    fn disabled_in(&self) -> Option<u64> {
        let breaker = &self.world.breaker;
        (breaker.state() == State::Disabled)
            .then(|| self.looker.observer.snapshot())
            .filter(|snapshot| snapshot.state == State::Disabled)
            .map(|snapshot| snapshot.generation)
    }

    /// Of a call that has been admitted, and not ended yet. One that was admitted under `Disabled`,
    /// and will not end late, sees `Disabled` here.
    fn fate(&self, disabled_in: Option<u64>) -> Fate {
        match (self.world.breaker.state(), disabled_in) {
            (State::Disabled, Some(generation)) => Fate::Uncounted {
                unless_after: generation,
            },
            (State::Disabled, None) => Fate::Unsure,
            _ => Fate::Counted,
        }
    }

    fn call(&mut self, route: Route, ending: Ending) {
        let breaker = &self.world.breaker;
        let before = self.disabled_in();
        let fate = match (route, &self.local) {
            (Route::Permit, _) | (Route::Local | Route::Across(_), None) => {
                breaker.try_acquire().map(|permit| {
                    let fate = self.fate(before);
                    end!(permit, ending);
                    fate
                })
            }
            (Route::Owned, _) => breaker.try_acquire_owned().map(|permit| {
                let fate = self.fate(before);
                end!(permit, ending);
                fate
            }),
            (Route::Local, Some(local)) => local.try_acquire().map(|permit| {
                let fate = self.fate(before);
                end!(permit, ending);
                fate
            }),
            (Route::Across(order), Some(local)) => {
                let acquired = local.try_acquire();
                let fate = acquired.as_ref().map(|_| self.fate(before)).ok();
                let changed = give(self.world, order);
                self.did.changed += u64::from(changed);
                acquired.map(|permit| {
                    end!(permit, ending);
                    fate.unwrap_or(Fate::Unsure)
                })
            }
            (Route::Closure, _) => return self.closure(ending, before),
        };
        match fate {
            Ok(fate) => self.conclude(ending, fate),
            Err(_) => self.did.rejected += 1,
        }
    }

    /// An answer, since a closure always gives one: a failure or not.
    fn closure(&mut self, ending: Ending, before: Option<u64>) {
        let failing = !matches!(ending, Ending::Success | Ending::SlowSuccess);
        let mut fate = Fate::Unsure;
        let body = || {
            fate = self.fate(before);
            if failing { Err(()) } else { Ok(()) }
        };
        let done = match &self.local {
            Some(local) => local.call(body),
            None => self.world.breaker.call(body),
        };
        match done {
            Err(CallError::Rejected(_)) => self.did.rejected += 1,
            _ if failing => self.conclude(Ending::Failure, fate),
            _ => self.conclude(Ending::Success, fate),
        }
    }

    /// After the call's end: a generation that is still the same one was the same throughout.
    fn conclude(&mut self, ending: Ending, fate: Fate) {
        let fate = match fate {
            Fate::Uncounted { unless_after } if self.disabled_in() != Some(unless_after) => {
                Fate::Unsure
            }
            fate => fate,
        };
        self.did.ended(ending, fate);
    }

    fn order(&mut self, order: Order) {
        let changed = give(self.world, order);
        self.did.changed += u64::from(changed);
    }

    fn reconfigure(&self, how: u8) {
        let done = self.world.controller.reconfigure(|rules| match how % 6 {
            0 => rules.failure_rate(0.9),
            1 => rules.failure_count(1),
            2 => rules.no_failure_rules().consecutive_failures(2),
            3 => rules.half_open(HalfOpen::rate(2, 0.5)),
            4 => rules.slow_call(SLOW).slow_rate(0.5),
            _ => rules.failure_rate(0.1).min_throughput(1),
        });
        done.expect("each of these fits any of the breakers");
    }
}

/// Whether that made a transition.
fn give(world: &World, order: Order) -> bool {
    let controller = &world.controller;
    match order {
        Order::Trip => controller.trip(),
        Order::TripForNothing => controller.trip_for(Duration::ZERO),
        Order::HalfOpen => controller.half_open(),
        Order::Reset => controller.reset(),
        Order::Release => controller.release(),
        Order::ForceOpen => controller.force_open(),
        Order::Disable => controller.disable(),
        Order::ObserveOnly => controller.observe_only(),
        Order::Postpone => {
            controller.postpone(OWN_WAIT);
            false
        }
    }
}

/// A thread that only looks, for as long as there is something to see.
pub(crate) fn watch(world: &World, going_on: impl Fn() -> bool) {
    let mut looker = Looker::new(world);
    while going_on() {
        looker.look();
        std::thread::yield_now();
    }
}

/// One reader's view: no look shows less than the one before.
struct Looker {
    observer: Observer,
    before: Snapshot,
    history: Vec<Transition>,
}

impl Looker {
    fn new(world: &World) -> Looker {
        let observer = world.breaker.observer();
        let before = observer.snapshot();
        Looker {
            observer,
            before,
            history: Vec::new(),
        }
    }

    fn look(&mut self) {
        let (before, now) = (&self.before, self.observer.snapshot());
        let pairs = [
            (before.totals.successes, now.totals.successes),
            (before.totals.failures, now.totals.failures),
            (before.totals.slow, now.totals.slow),
            (before.totals.rejected, now.totals.rejected),
            (before.totals.late, now.totals.late),
            (before.totals.ignored, now.totals.ignored),
            (before.totals.cancelled, now.totals.cancelled),
            (before.would_trip, now.would_trip),
            (before.transitions, now.transitions),
            (before.generation, now.generation),
        ];
        let rising = pairs.iter().all(|(before, now)| before <= now);
        assert!(rising, "{before:?} then {now:?}");
        let whole = |counts: &Counts| {
            // The totals are read after the window, and have all that it has; but for a count
            // window, in which an outcome lands an instant before it is in the totals.
            let told = now.buckets.is_empty()
                || counts.calls <= now.totals.successes + now.totals.failures;
            counts.calls == counts.successes + counts.failures
                && counts.slow <= counts.calls
                && told
        };
        assert!(whole(&now.window), "{now:?}");
        assert!(now.buckets.iter().all(whole), "{now:?}");
        self.before = now;
        self.look_back();
    }

    /// Under way the history may have holes, at its newer end too, if this thread was held up while
    /// it read. What it shows is in order, and fits what it showed before.
    fn look_back(&mut self) {
        let history = self.observer.history();
        for pair in history.windows(2) {
            assert!(follows(&pair[0], &pair[1]), "{pair:?}");
        }
        for now in &history {
            for before in &self.history {
                let fits = match before.generation.cmp(&now.generation) {
                    Ordering::Less => follows(before, now),
                    Ordering::Equal => before == now,
                    Ordering::Greater => follows(now, before),
                };
                assert!(fits, "{before:?} then {now:?}");
            }
        }
        self.history = history;
    }
}
