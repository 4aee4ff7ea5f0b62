//! A breaker in some situation, and all that can be seen of it.

use std::cell::{Cell, OnceCell, RefCell};
use std::time::Duration;

use tripcoil::call::OwnedPermit;
use tripcoil::observe::Events;
use tripcoil::{
    Backoff, Breaker, Builder, Cause, Controller, FailureKind, HalfOpen, Local, ManualClock,
    Outcome, Ramp, Snapshot, State, Transition, Window,
};

/// A bucket's width.
pub(crate) const EPOCH: Duration = Duration::from_millis(10);
pub(crate) const OPEN: Duration = Duration::from_millis(7);
pub(crate) const SLOW: Duration = Duration::from_millis(2);
/// What an operator postpones by: longer than all that a call asks for, or passes.
pub(crate) const LONG: Duration = Duration::from_secs(3600);

pub(crate) struct World {
    pub(crate) breaker: Breaker,
    pub(crate) controller: Controller,
    pub(crate) clock: ManualClock,
    /// Each belongs to one caller, and the callers are stopped in the middle of each other. They are made
    /// when they are first used, so that what `local()` does is stopped too, and done at each stop.
    locals: [OnceCell<Local>; 3],
    taken: Cell<usize>,
    /// Permits that the situation has left out.
    pub(crate) out: RefCell<Vec<OwnedPermit>>,
    pub(crate) rejected: Cell<u64>,
    /// Calls that have ended, however.
    pub(crate) ended: Cell<u64>,
    /// The generation of the first Open, if nothing comes before it.
    pub(crate) first_open: u64,
    /// Until when a postponement has moved an Open, and one of the first Open that; and how many rounds
    /// were begun from the first.
    pub(crate) postponed: Cell<Option<Duration>>,
    pub(crate) postponed_in: Cell<Option<Duration>>,
    pub(crate) begun: Cell<u64>,
    /// Of a round.
    pub(crate) most_probes: Cell<u32>,
    /// Cursors, and what they were polled for.
    pub(crate) cursors: RefCell<Vec<(Events, Vec<Transition>)>>,
}

/// What can be seen when all is done.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct View {
    snapshot: Snapshot,
    history: Vec<(State, State, Cause, u64, u64)>,
    said: Vec<Vec<String>>,
    rules: InForce,
}

/// What the rules in force come to.
#[derive(Clone, Debug, PartialEq)]
struct InForce {
    wait: Option<Duration>,
    probes: usize,
    /// Failures to the trip.
    failures: usize,
}

impl View {
    /// Between the outcome that makes a rule true and the trip, others' outcomes may still land that
    /// would else be late. All but what that changes.
    pub(crate) fn but_for_latecomers(&self) -> View {
        let mut view = self.clone();
        if view.snapshot.transitions == 0 {
            return view;
        }
        for said in view.said.iter_mut().flatten() {
            // how long a wait was yet depends on when its caller had looked at the clock
            if let Some((what, _)) = said.split_once(", retry after") {
                *said = what.to_owned();
            }
        }
        let s = &mut view.snapshot;
        let t = &mut s.totals;
        t.late += t.successes + t.failures + t.ignored + t.cancelled;
        (t.successes, t.failures, t.slow) = (0, 0, 0);
        (t.ignored, t.cancelled) = (0, 0);
        s.late_probe_successes = 0;
        s.window = Default::default();
        (s.failure_rate, s.slow_rate) = (0.0, 0.0);
        s.failures_by_kind = Default::default();
        s.buckets.clear();
        if let Some(opening) = &mut s.last_opening {
            (opening.counts, opening.consecutive_failures) = (Default::default(), 0);
            opening.failure = None;
        }
        for event in &mut view.history {
            (event.3, event.4) = (0, 0);
        }
        view
    }

    /// A call that is stopped has read the clock before the others moved it on, so what it makes of
    /// that is older than in any order.
    pub(crate) fn but_for_time(mut self) -> View {
        self.snapshot.buckets.clear();
        self.snapshot.time_in_state = Duration::ZERO;
        self.snapshot.retry_after = self.snapshot.retry_after.map(|_| Duration::ZERO);
        if let Some(opening) = &mut self.snapshot.last_opening {
            (opening.at, opening.open_until) = (Duration::ZERO, None);
        }
        self
    }

    /// A wait is set a moment after the transition is seen: all but what was said of it meanwhile.
    pub(crate) fn but_for_waits(mut self) -> View {
        if let Some(opening) = &mut self.snapshot.last_opening {
            opening.open_until = None;
        }
        for said in self.said.iter_mut().flatten() {
            if let Some((what, _)) = said.split_once(", ") {
                *said = what.to_owned();
            }
        }
        self
    }

    /// All but the run: a rule that was switched off, and on again before anybody had adopted that, was
    /// never off.
    pub(crate) fn but_for_the_run(mut self) -> View {
        self.snapshot.consecutive_failures = 0;
        self
    }

    /// What is asked of a ramp, where a call that was counted, or has judged, goes on after others: it ends once, and
    /// the breaker is in a state in which some order leaves it. That every call is counted once is asked of each view.
    pub(crate) fn ends_its_ramp_once(&self, orders: &[View]) -> bool {
        let of_ramps = [Cause::RampCompleted, Cause::RampFailed];
        let ends = self.history.iter().filter(|e| of_ramps.contains(&e.2));
        let state = self.snapshot.state;
        ends.count() <= 1 && orders.iter().any(|order| order.snapshot.state == state)
    }

    /// What I4 and I5 ask, where landing and judging are not one step. Outcomes that have landed
    /// before the rules are judged are judged together, so a rule that one made true and another (or
    /// the time) untrue again does not trip; and one that was true as an outcome landed may trip
    /// when others have moved the clock on.
    pub(crate) fn judged_later(&self, holds: fn(&Snapshot) -> bool) -> bool {
        let s = &self.snapshot;
        match s.state {
            State::Closed => s.transitions == 0 && !holds(s),
            State::Open => s.transitions == 1 && holds(s),
            _ => false,
        }
    }
}

/// A breaker on the verge of something.
pub(crate) struct Situation {
    pub(crate) name: &'static str,
    pub(crate) make: fn() -> World,
    /// Further successes can make its rule untrue again.
    pub(crate) dilutes: bool,
    /// In a ramp: a call ends, or comes, and is judged in steps of its own.
    pub(crate) ramps: bool,
    pub(crate) holds: fn(&Snapshot) -> bool,
}

fn build(about: impl FnOnce(Builder) -> Builder) -> World {
    let clock = ManualClock::new();
    let builder = Breaker::builder("stopped")
        .clock(&clock)
        .window(Window::time(EPOCH * 2).buckets(2))
        .slow_call(SLOW)
        .open_for(Backoff::exponential(OPEN, 2.0).reset_after(EPOCH * 3));
    let (breaker, controller) = about(builder).build_with_controller().expect("valid");
    World {
        first_open: 1,
        postponed: Cell::new(None),
        postponed_in: Cell::new(None),
        begun: Cell::new(0),
        most_probes: Cell::new(2),
        locals: Default::default(),
        taken: Cell::new(0),
        breaker,
        controller,
        clock,
        out: RefCell::default(),
        rejected: Cell::new(0),
        ended: Cell::new(0),
        cursors: RefCell::default(),
    }
}

impl World {
    pub(crate) fn next_local(&self) -> &Local {
        let next = self.taken.get();
        self.taken.set(next + 1);
        self.locals[next % self.locals.len()].get_or_init(|| self.breaker.local())
    }

    pub(crate) fn end(&self, permit: OwnedPermit, outcome: Outcome) {
        permit.record(outcome);
        self.ended.set(self.ended.get() + 1);
    }

    pub(crate) fn call(&self, outcome: Outcome) {
        match self.breaker.try_acquire_owned() {
            Ok(permit) => self.end(permit, outcome),
            Err(_) => self.rejected.set(self.rejected.get() + 1),
        }
    }

    fn calls(self, outcomes: &[Outcome]) -> World {
        for outcome in outcomes {
            self.call(*outcome);
        }
        self
    }

    fn wait(self, time: Duration) -> World {
        self.clock.advance(time);
        self
    }

    fn hold(self, calls: usize) -> World {
        for _ in 0..calls {
            let permit = self.breaker.try_acquire_owned().expect("admitted");
            self.out.borrow_mut().push(permit);
        }
        self
    }

    /// What is right whatever the order was.
    pub(crate) fn view(&self, said: Vec<Vec<String>>) -> View {
        let observer = self.breaker.observer();
        let snapshot = observer.snapshot();
        let history = observer.history();
        for pair in history.windows(2) {
            assert_eq!(pair[0].generation + 1, pair[1].generation, "{history:?}");
            assert_eq!(pair[0].to, pair[1].from, "{history:?}");
        }
        for (events, heard) in self.cursors.borrow_mut().iter_mut() {
            heard.extend(events.by_ref());
            // each transition since it was made, and what the history has of it
            for (n, event) in heard.iter().rev().enumerate() {
                assert_eq!(event.generation + n as u64, snapshot.generation);
                let same = history.iter().find(|e| e.generation == event.generation);
                assert!(same.is_none_or(|e| e == event), "{event:?}, {history:?}");
            }
            assert_eq!(events.missed(), 0, "{heard:?}");
        }
        assert_eq!(
            history.len() as u64,
            snapshot.transitions.min(4),
            "{history:?}"
        );
        assert_eq!(
            history.last().map_or(0, |e| e.generation),
            snapshot.generation
        );
        self.keeps_postponements(&snapshot, &history);
        let totals = snapshot.totals;
        let counted =
            totals.successes + totals.failures + totals.ignored + totals.cancelled + totals.late;
        // what was admitted while disabled is in no total
        if history.iter().all(|e| e.to != State::Disabled) {
            assert_eq!(counted, self.ended.get(), "conservation: {snapshot:?}");
        }
        assert_eq!(totals.rejected, self.rejected.get(), "{snapshot:?}");
        assert!(
            snapshot.probes.in_flight + snapshot.probes.succeeded + snapshot.probes.failed
                <= self.most_probes.get()
        );
        View {
            snapshot,
            history: history
                .iter()
                .map(|e| (e.from, e.to, e.cause, e.counts.calls, e.counts.failures))
                .collect(),
            said,
            rules: self.in_force(),
        }
    }

    /// A postponement that changed something holds, and it and a round act in the Open of that
    /// generation alone, whatever came at the same time.
    fn keeps_postponements(&self, s: &Snapshot, history: &[Transition]) {
        if s.transitions != history.len() as u64 {
            return; // some are forgotten
        }
        let at = |generation| history.iter().find(|e| e.generation == generation);
        let first = at(self.first_open).filter(|e| e.to == State::Open);
        if self.begun.get() > 0 {
            assert_eq!(self.begun.get(), 1, "two rounds in the place of one Open");
            let round = at(self.first_open + 1).is_some_and(|e| {
                (e.from, e.to, e.cause) == (State::Open, State::HalfOpen, Cause::Manual)
            });
            assert!(first.is_some() && round, "not of that Open: {history:?}");
        }
        let mut opened = history.iter().filter(|e| e.to == State::Open);
        let only = opened.next().filter(|_| opened.next().is_none());
        for (until, open) in [
            (self.postponed_in.get(), first),
            (self.postponed.get(), only),
        ] {
            let Some(until) = until else { continue };
            let Some(open) = open else {
                let other = self.postponed_in.get().is_some() && first.is_none();
                assert!(!other, "another Open was postponed: {history:?}");
                continue;
            };
            let held = match at(open.generation + 1) {
                None => s.retry_after >= Some(until - self.clock.now()),
                Some(e) => e.cause != Cause::OpenElapsed || e.at >= until,
            };
            assert!(held, "a postponement is lost: {s:?}, {history:?}");
        }
    }

    /// Found out by what the breaker does, when all has been seen.
    fn in_force(&self) -> InForce {
        let c = &self.controller;
        c.reset();
        let trips = || self.breaker.state() == State::Open;
        let failures = (0..12).find(|_| {
            if !trips() {
                self.call(BAD);
            }
            trips()
        });
        c.reset();
        assert!(c.trip());
        let wait = self.breaker.observer().snapshot().retry_after;
        c.half_open();
        let slots = (0..12).map_while(|_| self.breaker.try_acquire_owned().ok());
        let probes = slots.collect::<Vec<_>>().len();
        InForce {
            wait,
            probes,
            failures: failures.unwrap_or(12),
        }
    }
}

const OK: Outcome = Outcome::Success;
const BAD: Outcome = Outcome::Failure(FailureKind::Server);

const fn on(name: &'static str, make: fn() -> World) -> Situation {
    Situation {
        name,
        make,
        dilutes: false,
        ramps: false,
        holds: |_| false,
    }
}

/// The shortest step of a ramp, and one whose time is over.
const RAMP_STEP: Duration = Duration::from_millis(100);
const OLD: Duration = Duration::from_millis(200);

/// In a ramp that lets all calls through, whose first good step completes it.
fn ramp() -> World {
    let round = HalfOpen::successes(1).ramp(Ramp::new()).probe_timeout(OLD);
    let world = build(|b| b.consecutive_failures(1).half_open(round)).calls(&[BAD]);
    world.wait(OPEN).calls(&[OK])
}

/// Each is a step before something happens.
pub(crate) const SITUATIONS: &[Situation] = &[
    Situation {
        holds: |s| s.window.failures >= 2,
        ..on("one failure short of the count", || {
            build(|b| b.failure_count(2)).calls(&[BAD])
        })
    },
    Situation {
        holds: |s| s.window.failures >= 2,
        ..on("one short, and the epoch over", || {
            build(|b| b.failure_count(2)).calls(&[BAD]).wait(EPOCH)
        })
    },
    on("one short, and the window over", || {
        build(|b| b.failure_count(2)).calls(&[BAD]).wait(EPOCH * 2)
    }),
    Situation {
        dilutes: true,
        holds: |s| s.window.calls >= 2 && s.failure_rate >= 0.5,
        ..on("armed: a success may trip", || {
            build(|b| b.failure_rate(0.5).min_throughput(2)).calls(&[BAD])
        })
    },
    Situation {
        holds: |s| s.window.failures >= 2,
        ..on("a half short, and the epoch over", || {
            let rules = |b: Builder| b.failure_count(1).lenient([FailureKind::Server], 0.5);
            build(rules).calls(&[BAD]).wait(EPOCH)
        })
    },
    on("one failure short of the run", || {
        build(|b| b.consecutive_failures(2)).calls(&[BAD])
    }),
    Situation {
        dilutes: true,
        holds: |s| s.window.calls >= 2 && s.slow_rate >= 0.5,
        ..on("one slow call short of the rate", || {
            build(|b| b.no_failure_rules().slow_rate(0.5).min_throughput(2)).calls(&[OK])
        })
    },
    on("two failures short of the run", || {
        build(|b| b.consecutive_failures(3)).calls(&[BAD])
    }),
    on("open, with time to go", || {
        build(|b| b.consecutive_failures(1)).calls(&[BAD])
    }),
    on("open, and its wait over", || {
        let world = build(|b| b.consecutive_failures(1).half_open(HalfOpen::successes(2)));
        world.calls(&[BAD]).wait(OPEN)
    }),
    on("half-open, one result to come", || {
        let round = HalfOpen::rate(2, 1.0).probe_timeout(EPOCH);
        let world = build(|b| b.consecutive_failures(1).half_open(round)).calls(&[BAD]);
        world.wait(OPEN).calls(&[OK]).hold(1)
    }),
    on("half-open, both probes lost", || {
        let round = HalfOpen::rate(2, 1.0).probe_timeout(EPOCH);
        let world = build(|b| b.consecutive_failures(1).half_open(round)).calls(&[BAD]);
        world.wait(OPEN).hold(2).wait(EPOCH)
    }),
    Situation {
        ramps: true,
        ..on("in a ramp, one result to come", || {
            ramp().hold(1).wait(RAMP_STEP)
        })
    },
    Situation {
        ramps: true,
        ..on("in a ramp, all calls lost", || ramp().hold(4).wait(OLD))
    },
    on("a short count window, one failure short", || {
        let rules = |b: Builder| b.window(Window::count(3)).failure_count(2);
        build(rules).calls(&[OK, BAD])
    }),
    on("a longer count window, one failure short, full", || {
        let rules = |b: Builder| b.window(Window::count(17)).failure_count(2);
        build(rules).calls(&[OK; 17]).calls(&[BAD])
    }),
    on("observe-only, one failure short", || {
        let world = build(|b| b.failure_count(2).consecutive_failures(3));
        world.controller.observe_only();
        world.calls(&[BAD])
    }),
    on("disabled", || {
        let world = build(|b| b.failure_count(1));
        world.controller.disable();
        world
    }),
];
