//! Does each operation to both, and compares.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex};

use proptest::prelude::{TestCaseError, prop_assert, prop_assert_eq};
use tripcoil::{self as crated, CallError, ManualClock};

use crate::held::{Admission, Answer, Decode, End, Held, answer, ends, future_call};
use crate::model::{
    Cause, Evidence, HalfOpen, HangSoFar, Kind, Lenient, Model, Order, Outage, OutageSoFar,
    Outcome, RULES, Recovery, State,
};
use crate::plan::{Changes, Ending, Op, Plan, Route, Step, Took, Wait};
use crate::tally::Tally;
use crate::words::{self, nanos, span};

type Checked<T = ()> = Result<T, TestCaseError>;

struct Driver<'a> {
    clock: &'a ManualClock,
    breaker: &'a crated::Breaker<Decode>,
    controller: &'a crated::Controller,
    local: &'a crated::Local<Decode>,
    observer: crated::Observer,
    heard: Arc<Mutex<Vec<crated::Transition>>>,
    model: Model,
    held: Vec<Held<'a>>,
    tally: &'a Tally,
}

pub(crate) fn run(plan: &Plan, tally: &Tally) -> Checked {
    let clock = ManualClock::new();
    clock.advance(span(plan.setup.origin));
    let built = words::build(&plan.setup, plan.built, &clock);
    let (breaker, controller) = built.map_err(|error| TestCaseError::fail(error.to_string()))?;
    let observer = breaker.observer();
    let heard = Arc::<Mutex<Vec<crated::Transition>>>::default();
    let ear = Arc::clone(&heard);
    let listening = observer.subscribe(move |event| ear.lock().expect("unpoisoned").push(*event));
    let local = breaker.local();
    let first = observer.snapshot().generation;
    let mut driver = Driver {
        clock: &clock,
        breaker: &breaker,
        controller: &controller,
        local: &local,
        observer,
        heard,
        model: Model::new(&plan.setup, first),
        held: Vec::new(),
        tally,
    };
    driver.check("as built")?;
    for (index, op) in plan.ops.iter().enumerate() {
        let did = format!("operation {index}: {op:?} at {}", driver.now());
        let before = driver.model.outage_so_far();
        let hang = driver.model.hang_so_far();
        let events = driver.model.events().len();
        driver
            .step(op)
            .map_err(|error| TestCaseError::fail(format!("{did}: {error}")))?;
        driver.check(&did)?;
        driver.note_outage(before);
        driver.note_hang(hang);
        driver.note_waits(hang, events);
    }
    // the listener has a thread of its own
    prop_assert!(listening.drain(std::time::Duration::from_secs(20)));
    let heard = driver.heard.lock().expect("unpoisoned").clone();
    let heard: Vec<_> = heard.iter().map(words::event_of).collect();
    prop_assert_eq!(&heard[..], driver.model.events());
    for event in driver.model.events() {
        tally.note(format!("{:?}", event.cause));
    }
    let view = driver.model.view(driver.now());
    let ramps = driver.model.ramps_so_far();
    let lenients = driver.model.lenient_so_far();
    for (what, times) in [
        ("rejected", view.totals.rejected),
        ("late", view.totals.late),
        ("would trip", view.would_trip),
        ("a ramp began", ramps.begun),
        ("a ramp began with less than one", ramps.begun_with_less),
        ("a good step", ramps.good_steps),
        ("a good step after a cut", ramps.good_after_a_cut),
        ("cut by the score", ramps.cut_by_score),
        ("cut by a hang", ramps.cut_by_hang),
        ("cut by durations", ramps.cut_by_durations),
        ("a cut outlasted", ramps.outlasted),
        ("leaked in a step", ramps.leaked),
        ("a step marked", ramps.marked),
        ("a step good by its mark", ramps.waited_for),
        ("the same share again", ramps.begun_again),
        ("out of its step", ramps.out_of_step),
        ("from before a cut", ramps.before_a_cut),
        ("without a result in a step", ramps.taken_off),
        ("a probe late in a ramp", ramps.late_probes),
        ("a ramp switched off", ramps.switched_off),
        ("a lenient failure in a window", lenients.counted),
        ("a lenient failure of no weight", lenients.of_no_weight),
        ("a slow failure of a lenient kind", lenients.slow),
        ("lenient failures spare a run", lenients.spared_by_run),
        ("lenient failures spare a count", lenients.spared_by_count),
        ("lenient failures spare a rate", lenients.spared_by_rate),
        ("lenient failures count wholly again", lenients.whole_again),
        ("a run with parts", lenients.runs_with_parts),
        ("a lenient failure raises the score", lenients.up),
        ("a lenient failure lowers the score", lenients.down),
        ("a lenient probe gives its slot back", lenients.given_back),
        ("a lenient probe fails", lenients.whole_probes),
        ("a lenient call is taken off", lenients.taken_off),
        ("a lenient call fails in a ramp", lenients.whole_in_ramps),
        ("a hang with lenient failures", lenients.hung_with),
        ("lenient failures without a cause", lenients.without_cause),
        ("a new weight in a tick", lenients.reweighed),
    ] {
        (0..times).for_each(|_| tally.note(what.to_owned()));
    }
    for (rule, times) in RULES.iter().zip(lenients.true_with) {
        (0..times).for_each(|_| tally.note(format!("{rule:?} with lenient failures")));
    }
    Ok(())
}

impl<'a> Driver<'a> {
    fn now(&self) -> u64 {
        nanos(self.clock.now())
    }

    fn step(&mut self, op: &Op) -> Checked {
        match op {
            Op::Call(route, ending) => self.call(*route, *ending)?,
            Op::Panic => self.panic()?,
            Op::Burst(times, outcome) => self.burst(*times, *outcome)?,
            Op::Spell(ticks, times, outcome, after) => {
                for _ in 0..*ticks {
                    self.burst(*times, *outcome)?;
                    self.wait(Wait::Tick { offset: 0 });
                }
                self.burst(*after, Outcome::Success)?;
            }
            Op::Refused(ticks, times, which, (others, ending)) => {
                for _ in 0..*ticks {
                    self.burst(*times, self.refusal(*which))?;
                    for _ in 0..*others {
                        self.call(Route::Permit, *ending)?;
                    }
                    self.wait(Wait::Tick { offset: 0 });
                }
            }
            Op::Weigh(lenient, which) => {
                if let Some(which) = which {
                    self.burst(1, self.refusal(*which))?;
                }
                let changes = Changes {
                    lenient: Some(*lenient),
                    ..Changes::default()
                };
                self.step(&Op::Reconfigure(changes))?;
            }
            Op::Limit(times, [before, after], lenient, which) => {
                let change = |n, lenient| {
                    Op::Reconfigure(Changes {
                        consecutive_failures: Some(n),
                        lenient: Some(lenient),
                        ..Changes::default()
                    })
                };
                let server = Outcome::Failure(Kind::Server, None);
                self.step(&change(*before, Lenient::new(&[], 0)))?;
                self.burst(*times, server)?;
                self.step(&change(*after, *lenient))?;
                self.burst(1, self.refusal(*which))?;
                self.burst(1, server)?;
            }
            Op::Ease(times, which) => {
                if let Some(outage) = self.model.rules().outage {
                    let alone = |loss| {
                        Op::Reconfigure(Changes {
                            no_failure_rules: true,
                            outage: Some(Outage { loss, ..outage }),
                            ..Changes::default()
                        })
                    };
                    self.step(&alone(0.0001))?;
                    self.burst(60, Outcome::Failure(Kind::Server, None))?;
                    self.wait(Wait::Tick { offset: 0 });
                    self.step(&alone(0.1))?;
                    self.burst(*times, self.refusal(*which))?;
                }
            }
            Op::Forsaken(times, wait) => {
                for _ in 0..*times {
                    self.call(Route::Permit, Ending::Drop)?;
                }
                // the first of the two moments may be the other one's
                for _ in 0..2 {
                    self.wait(*wait);
                    self.call(Route::Permit, Ending::Drop)?;
                }
            }
            Op::Settle(times, which) => {
                if let Some(which) = which {
                    self.burst(1, self.refusal(*which))?;
                }
                for _ in 0..*times {
                    self.call(
                        Route::Owned,
                        Ending::Result(Outcome::Success, Took::ByClock),
                    )?;
                }
            }
            Op::Hung(ticks, times, ends) => {
                for _ in 0..*ticks {
                    self.wait(Wait::Tick { offset: 0 });
                    for _ in 0..*times {
                        let held = self.acquire(Route::Permit, self.local)?;
                        self.held.extend(held);
                    }
                }
                if *ends && let Some(held) = self.held.pop() {
                    self.end(held, Ending::Result(Outcome::Success, Took::ByClock));
                }
            }
            Op::Recover(times, took) => {
                if self.model.state() == State::Closed {
                    self.step(&Op::Order(Order::Trip))?;
                }
                if self.model.state() == State::Open {
                    self.wait(Wait::Turn { offset: 0 });
                }
                for _ in 0..*times {
                    self.call(Route::Permit, Ending::Result(Outcome::Success, *took))?;
                }
            }
            Op::Lose(times) => {
                let failure = Outcome::Failure(Kind::Server, None);
                for _ in 0..*times {
                    self.wait(Wait::Turn { offset: 0 });
                    self.call(Route::Permit, Ending::Result(failure, Took::ByClock))?;
                }
            }
            Op::Steps(times, step) => {
                for _ in 0..*times {
                    self.steps(step)?;
                }
            }
            Op::EndMany(times, ending) => {
                for _ in 0..self.held.len().min(usize::from(*times)) {
                    let held = self.held.remove(0);
                    self.end(held, *ending);
                }
            }
            Op::Alter(ramp, needed) => {
                let half_open = self.model.rules().half_open;
                let recovery = needed.map(Recovery::Successes);
                let half_open = HalfOpen {
                    recovery: recovery.unwrap_or(half_open.recovery),
                    ramp: *ramp,
                    ..half_open
                };
                let changes = Changes {
                    half_open: Some(half_open),
                    ..Changes::default()
                };
                self.step(&Op::Reconfigure(changes))?;
            }
            Op::Acquire(route) => {
                if let Some(held) = self.acquire(*route, self.local)? {
                    self.held.push(held);
                }
            }
            Op::End(which, ending) => {
                if !self.held.is_empty() {
                    let held = self.held.swap_remove(which % self.held.len());
                    self.end(held, *ending);
                }
            }
            Op::Wait(wait) => self.wait(*wait),
            Op::Order(order) => {
                let now = self.now();
                prop_assert_eq!(self.order(*order), self.model.control(*order, now));
            }
            Op::OrderIn { ago, order } => self.order_in(*ago, *order)?,
            Op::Reconfigure(changes) => {
                let scored = |evidence: &Evidence| evidence.value > 0.0;
                let evidence = self.model.view(self.now()).evidence.filter(scored);
                let rules = words::changed_model(*self.model.rules(), changes);
                let done = self
                    .controller
                    .reconfigure(|rules| words::changed(rules, changes));
                prop_assert_eq!(
                    done.is_ok(),
                    self.model.reconfigure(rules, self.now()),
                    "{:?}",
                    done
                );
                if done.is_ok() && changes.outage.is_some() && evidence.is_some() {
                    self.tally.note("a new rule for a score above 0".to_owned());
                }
            }
        }
        Ok(())
    }

    fn order(&self, order: Order) -> bool {
        match order {
            Order::Trip | Order::TripByPeers => self.controller.trip(),
            Order::TripFor(wait) => self.controller.trip_for(span(wait)),
            Order::HalfOpen => self.controller.half_open(),
            Order::Reset => self.controller.reset(),
            Order::Release => self.controller.release(),
            Order::ForceOpen => self.controller.force_open(),
            Order::Disable => self.controller.disable(),
            Order::ObserveOnly => self.controller.observe_only(),
            Order::Postpone(wait) => self.controller.postpone(span(wait)),
        }
    }

    fn order_in(&mut self, ago: u64, order: Order) -> Checked {
        let now = self.now();
        let Some(seen) = self.model.view(now).generation.checked_sub(ago) else {
            return Ok(());
        };
        let controller = self.controller;
        let (what, done) = match order {
            Order::Postpone(wait) => ("put off", controller.postpone_in(seen, span(wait))),
            Order::TripByPeers => ("tripped by peers", controller.trip_in(seen)),
            Order::Release => ("one override released", controller.release_from(seen)),
            _ => ("a round from its open", controller.half_open_from(seen)),
        };
        prop_assert_eq!(done, self.model.control_in(seen, order, now));
        if done {
            self.tally.note(what.to_owned());
        }
        Ok(())
    }

    fn acquire<'b>(
        &mut self,
        route: Route,
        local: &'b crated::Local<Decode>,
    ) -> Checked<Option<Held<'b>>>
    where
        'a: 'b,
    {
        let expected = self.model.acquire(self.now());
        let admission: Admission<'b> = match route {
            Route::Permit => self.breaker.try_acquire().map(|permit| ends!(permit) as _),
            Route::Owned => self
                .breaker
                .try_acquire_owned()
                .map(|permit| ends!(permit) as _),
            Route::Local => local.try_acquire().map(|permit| ends!(permit) as _),
            Route::Future => future_call(self.breaker),
            other => unreachable!("{other:?} has no halves"),
        };
        match (admission, expected) {
            (Ok(end), Ok(permit)) => Ok(Some(Held { permit, route, end })),
            (Err(got), Err(expected)) => {
                prop_assert_eq!(words::rejection_of(got), expected);
                Ok(None)
            }
            (Ok(_), Err(expected)) => disagree(format!("admitted, the model says {expected:?}")),
            (Err(got), Ok(_)) => disagree(format!("{got:?}, the model admits")),
        }
    }

    fn end(&mut self, held: Held<'_>, ending: Ending) {
        let (outcome, took) = match ending {
            Ending::Result(outcome, took) => (outcome, took),
            Ending::Drop => {
                (held.end)(End::Drop);
                let now = self.now();
                return self.model.cancel(held.permit, now);
            }
            Ending::Leak => return (held.end)(End::Leak),
        };
        let given = self.nanos_of(took);
        let told = words::outcome(outcome);
        let took = match given {
            Some(took) if held.route != Route::Future => {
                (held.end)(End::Timed(told, took));
                took
            }
            _ => {
                self.clock.advance(span(given.unwrap_or(0)));
                (held.end)(End::Record(told));
                held.permit.lasted(self.now())
            }
        };
        let now = self.now();
        let mut permit = held.permit;
        if given.is_some() && held.route != Route::Future {
            // its duration is known, whether its beginning was or not
            permit.admitted = permit.admitted.or(Some(now));
        }
        self.model.finish(permit, outcome, took, now);
    }

    fn nanos_of(&self, took: Took) -> Option<u64> {
        let limit = self.model.rules().slow_call.unwrap_or(7);
        match took {
            Took::ByClock => None,
            Took::Limit => Some(limit),
            Took::JustOver => Some(limit + 1),
            Took::Nanos(nanos) => Some(nanos),
        }
    }

    fn call(&mut self, route: Route, ending: Ending) -> Checked {
        match (route, ending) {
            (Route::Closure | Route::LocalClosure, Ending::Result(outcome, took)) => {
                return self.closure(route, outcome, self.nanos_of(took).unwrap_or(0));
            }
            // a closure always answers: what is left for it is a call on a passing handle
            (Route::PassingLocal | Route::Closure | Route::LocalClosure, _) => {
                let local = self.breaker.local();
                if let Some(held) = self.acquire(Route::Local, &local)? {
                    self.end(held, ending);
                }
            }
            _ => {
                if let Some(held) = self.acquire(route, self.local)? {
                    self.end(held, ending);
                }
            }
        }
        Ok(())
    }

    fn burst(&mut self, times: u8, outcome: Outcome) -> Checked {
        for _ in 0..times {
            self.call(Route::Permit, Ending::Result(outcome, Took::Nanos(0)))?;
        }
        Ok(())
    }

    /// A failure of one of the lenient kinds, if there are any.
    fn refusal(&self, which: usize) -> Outcome {
        let lenient = self.model.rules().lenient;
        let kinds = lenient.map_or_else(Vec::new, words::kinds);
        let kind = kinds.get(which % kinds.len().max(1));
        Outcome::Failure(kind.copied().map_or(Kind::Server, words::kind_of), None)
    }

    fn steps(&mut self, step: &Step) -> Checked {
        let mut admitted = 0;
        for _ in 0..step.calls {
            let Some(held) = self.acquire(Route::Permit, self.local)? else {
                continue;
            };
            admitted += 1;
            if admitted <= step.kept {
                self.held.push(held);
                continue;
            }
            let ending = match step.odd {
                Some((every, ending)) if admitted % every == 0 => ending,
                _ => Ending::Result(Outcome::Success, step.took),
            };
            self.end(held, ending);
        }
        self.wait(step.wait);
        Ok(())
    }

    fn closure(&mut self, route: Route, outcome: Outcome, took: u64) -> Checked {
        let told = words::outcome(outcome);
        let now = self.now();
        let body = || {
            self.clock.advance(span(took));
            answer(told)
        };
        let got = match route {
            Route::Closure => self.breaker.call(body),
            _ => self.local.call(body),
        };
        match (got, self.model.acquire(now)) {
            (Ok(got) | Err(CallError::Inner(got)), Ok(permit)) => {
                prop_assert_eq!(got, told);
                self.model.finish(permit, outcome, took, now + took);
                Ok(())
            }
            (Err(CallError::Rejected(got)), Err(expected)) => {
                prop_assert_eq!(words::rejection_of(got), expected);
                Ok(())
            }
            (got, expected) => disagree(format!("{got:?}, the model says {expected:?}")),
        }
    }

    fn panic(&mut self) -> Checked {
        let now = self.now();
        // without the hook, which would print
        let body = || -> Answer { resume_unwind(Box::new("the dependency's own")) };
        let unwound = catch_unwind(AssertUnwindSafe(|| self.breaker.call(body)));
        match (unwound, self.model.acquire(now)) {
            (Err(payload), Ok(permit)) => {
                prop_assert_eq!(payload.downcast_ref(), Some(&"the dependency's own"));
                self.model
                    .finish(permit, Outcome::Failure(Kind::Client, None), 0, now);
                Ok(())
            }
            (Ok(Err(CallError::Rejected(got))), Err(expected)) => {
                prop_assert_eq!(words::rejection_of(got), expected);
                Ok(())
            }
            (unwound, expected) => disagree(format!("{unwound:?}, the model says {expected:?}")),
        }
    }

    fn wait(&self, wait: Wait) {
        let now = self.now();
        let beside = |moment: u64, offset: i8| moment.saturating_add_signed(i64::from(offset));
        let to = match wait {
            Wait::Nanos(nanos) => now + nanos,
            Wait::Turn { offset } => self
                .model
                .turning_point(now)
                .map_or(now, |moment| beside(moment, offset)),
            Wait::Tick { offset } => self
                .model
                .next_tick(now)
                .map_or(now, |moment| beside(moment, offset)),
            Wait::Epoch { ahead, offset } => {
                let start = |from| self.model.next_epoch(from).unwrap_or(from);
                beside((0..ahead).fold(start(now), |from, _| start(from)), offset)
            }
        };
        self.clock.advance(span(to.saturating_sub(now)));
    }

    /// What has become of the outage rule.
    fn note_outage(&self, before: OutageSoFar) {
        let after = self.model.outage_so_far();
        let evidence = self.model.view(self.now()).evidence;
        let same = (before.generation, before.on) == (after.generation, after.on) && after.on;
        let ended = same && before.tick != after.tick;
        let below = evidence.is_some_and(|evidence| evidence.value < evidence.limit);
        for (what, happened) in [
            ("a tick ended above 0", ended && after.start > 0),
            (
                "a tick ended at 0",
                ended && before.start > 0 && after.start == 0,
            ),
            (
                "a tick ended within its bucket",
                ended && before.tick.0 == after.tick.0,
            ),
            ("held below the limit", same && after.held && below),
            ("held no more", same && before.held && !after.held),
            ("switched on amid a bucket", !before.on && after.waits),
            (
                "began with the next bucket",
                same && before.waits && !after.waits,
            ),
            (
                "switched off",
                before.on && !after.on && before.generation == after.generation,
            ),
            ("a new pace", before.pace != after.pace),
        ] {
            if happened {
                self.tally.note(what.to_owned());
            }
        }
    }

    /// What has become of the hang rule.
    fn note_hang(&self, before: HangSoFar) {
        let after = self.model.hang_so_far();
        let same = (before.generation, before.on) == (after.generation, after.on) && after.on;
        for (what, happened) in [
            ("a watch began", same && !before.watched && after.watched),
            (
                "a watch ended by a sign",
                same && before.watched && !after.watched,
            ),
            ("a watch reported", !before.reported && after.reported),
            (
                "a longer success of late",
                before.longest < after.longest && before.longest > 0,
            ),
            ("a shorter one", before.longest > after.longest),
        ] {
            if happened {
                self.tally.note(what.to_owned());
            }
        }
    }

    /// What has become of adaptive waits.
    fn note_waits(&self, before: HangSoFar, events: usize) {
        if self.model.rules().backoff.adaptive.is_none() {
            return;
        }
        for event in &self.model.events()[events..] {
            let lasts = |until: u64| until.saturating_sub(event.at);
            let wait = event.open_until.map_or(0, lasts);
            let rules = self.model.rules();
            let unnamed = rules.half_open.probe_timeout.is_none() && rules.hang.is_some();
            if event.cause == Cause::ProbeTimeout && unnamed && before.lost > 0 {
                self.tally
                    .note("an adaptive probe timeout after a lost round".to_owned());
            }
            let reopens = event.from == State::HalfOpen;
            if reopens && wait > 251_000_000 {
                self.tally.note("an adaptive wait above 250 ms".to_owned());
            }
            let closed = event.from == State::Closed && event.to == State::Open;
            let since = self.model.hang_so_far().down_since;
            if closed && since.is_some() && before.down_since == since {
                self.tally.note("a relapse".to_owned());
            }
        }
    }

    /// All that can be seen is as the model says.
    fn check(&self, did: &str) -> Checked {
        let did = format!("{did} (left: the crate, right: the model)");
        let expected = self.model.view(self.now());
        prop_assert_eq!(
            words::view_of(self.observer.snapshot()),
            expected,
            "{}",
            did
        );
        prop_assert_eq!(
            words::state_of(self.breaker.state()),
            self.model.state(),
            "{}",
            did
        );
        let events = self.model.events();
        let history: Vec<_> = self
            .observer
            .history()
            .iter()
            .map(words::event_of)
            .collect();
        let last = &events[events.len().saturating_sub(4)..];
        prop_assert_eq!(&history[..], last, "{}", did);
        Ok(())
    }
}

fn disagree<T>(what: String) -> Checked<T> {
    Err(TestCaseError::fail(what))
}
