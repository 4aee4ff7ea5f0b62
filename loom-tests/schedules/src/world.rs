//! Does what is planned, on shuttle's threads, and checks what must hold of every schedule.
//!
//! While it goes on: totals never go down for any reader (I1), readings fit together, each generation has
//! one event, wherever it is read (I3), and begins in the state in which the one before it ended; there are never more probes out than
//! may be (I6); what was put off stays so; an override stays (I9). When all threads have ended: each
//! admitted call has been counted once (I1), no trip was missed (I4), and none came without its rule (I5).
//! Then the breaker is reset, and must go on as the reference model does under the rules that are in
//! force by then: so a change that was lost is seen, and whatever else an earlier time has left.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use shuttle::sync::mpsc::{Sender, channel};
use shuttle::thread::spawn;
use tripcoil::call::OwnedPermit;
use tripcoil::observe::{Events, Totals};
use tripcoil::{
    Breaker, Cause, Config, Controller, FailureKind, Lenient, Local, ManualClock, OnCancel,
    Outcome, Rejected, Snapshot, State, Transition, Window as Crated,
};

use crate::model::{self, Model, Order, Window};
use crate::plan::{ASKED, Ending, Op, Plan, Route, Rule, SLOW, up};
use crate::stopping::bounded;
use crate::words::{self, nanos, span};

/// What a thread did, by its own account.
#[derive(Clone, Copy, Debug, Default)]
struct Did {
    succeeded: u64,
    failed: u64,
    ignored: u64,
    dropped: u64,
    rejected: u64,
}

impl Did {
    fn and(self, other: Did) -> Did {
        Did {
            succeeded: self.succeeded + other.succeeded,
            failed: self.failed + other.failed,
            ignored: self.ignored + other.ignored,
            dropped: self.dropped + other.dropped,
            rejected: self.rejected + other.rejected,
        }
    }

    fn admitted(&self) -> u64 {
        self.succeeded + self.failed + self.ignored + self.dropped
    }
}

/// What any thread has seen. Shuttle's threads take turns on one, so the lock is never waited for; and
/// nobody holds it over an access.
#[derive(Debug, Default)]
struct Notes {
    events: BTreeMap<u64, Transition>,
    /// By generation: when its Open does not end before.
    not_before: BTreeMap<u64, u64>,
}

impl Notes {
    fn event(&mut self, event: Transition) {
        let known = *self.events.entry(event.generation).or_insert(event);
        assert_eq!(known, event, "two events of one generation");
        for (a, b) in [
            (event.generation - 1, event.generation),
            (event.generation, event.generation + 1),
        ] {
            if let (Some(a), Some(b)) = (self.events.get(&a), self.events.get(&b)) {
                assert_eq!(a.to, b.from, "{a:?}, then {b:?}");
                assert!(a.at <= b.at, "{a:?}, then {b:?}");
            }
        }
        for generation in [event.generation - 1, event.generation] {
            self.put_off(generation);
        }
    }

    fn not_before(&mut self, generation: u64, moment: u64) {
        let least = self.not_before.entry(generation).or_default();
        *least = up(moment).max(*least);
        self.put_off(generation);
    }

    /// A round that began when Open was over did not begin before that.
    fn put_off(&self, generation: u64) {
        if let Some(least) = self.not_before.get(&generation)
            && let Some(next) = self.events.get(&(generation + 1))
            && next.cause == Cause::OpenElapsed
        {
            let at = nanos(next.at);
            assert!(at >= *least, "put off to {least}: {next:?}");
        }
    }
}

/// What all threads share.
struct World {
    plan: Plan,
    breaker: Breaker,
    controller: Controller,
    clock: ManualClock,
    notes: Mutex<Notes>,
    /// All that is to be heard has happened.
    over: AtomicBool,
}

impl World {
    fn now(&self) -> u64 {
        nanos(self.clock.now())
    }

    fn note<R>(&self, with: impl FnOnce(&mut Notes) -> R) -> R {
        with(
            &mut self
                .notes
                .lock()
                .expect("no schedule goes on after a panic"),
        )
    }
}

pub(crate) fn config(plan: &Plan, clock: &ManualClock) -> Config {
    let rules = &plan.setup.rules;
    Config {
        window: match plan.setup.window {
            Window::Count(size) => Crated::count(size),
            Window::Time { buckets, width } => Crated::time(span(width) * buckets).buckets(buckets),
        },
        failure_rate: rules.failure_rate,
        min_throughput: Some(rules.min_throughput),
        slow_call: rules.slow_call.map(span),
        slow_rate: rules.slow_rate,
        consecutive_failures: rules.consecutive_failures,
        failure_count: rules.failure_count,
        outage: rules.outage.map(words::outage),
        hang: rules.hang.map(words::hang),
        lenient: rules.lenient.map(lenient),
        open_for: words::backoff(rules.backoff),
        half_open: words::half_open(rules.half_open),
        on_cancel: on_cancel(rules.on_cancel),
        max_in_flight: rules.max_in_flight,
        clock: clock.into(),
        ..Config::default()
    }
}

fn lenient(of: model::Lenient) -> Lenient {
    // no plan names another
    Lenient::new([FailureKind::Overload], f64::from(of.eighths) / 8.0)
}

fn on_cancel(of: model::OnCancel) -> OnCancel {
    match of {
        model::OnCancel::Ignored => OnCancel::Ignored,
        model::OnCancel::Failure => OnCancel::Failure,
        model::OnCancel::FailureIfSlow => OnCancel::FailureIfSlow,
    }
}

/// One thread's part.
struct Hand<'a> {
    world: &'a World,
    /// The only one that operates.
    alone: bool,
    did: Did,
    held: Vec<OwnedPermit>,
    local: Option<Local>,
    /// The latest that it has seen, and the override that it has set.
    seen: Option<Snapshot>,
    over: Option<State>,
    /// What it reads of transitions, and the last that it has read or need not.
    events: Option<(Events, u64)>,
}

/// What a permit of any kind ends with.
macro_rules! conclude {
    ($permit:expr, $ending:expr, $did:expr) => {{
        let failure = Outcome::Failure(FailureKind::Server);
        let slow = span(2 * SLOW);
        match $ending {
            Ending::Success => {
                $did.succeeded += 1;
                $permit.record_timed(Outcome::Success, Duration::ZERO)
            }
            Ending::SlowSuccess => {
                $did.succeeded += 1;
                $permit.record_timed(Outcome::Success, slow)
            }
            Ending::Failure => {
                $did.failed += 1;
                $permit.record_timed(failure, Duration::ZERO)
            }
            Ending::LenientFailure => {
                $did.failed += 1;
                $permit.record_timed(Outcome::Failure(FailureKind::Overload), Duration::ZERO)
            }
            Ending::SlowFailure => {
                $did.failed += 1;
                $permit.record_timed(failure, slow)
            }
            Ending::Asking => {
                $did.failed += 1;
                $permit.record_timed(failure.with_retry_after(span(ASKED)), Duration::ZERO)
            }
            Ending::Ignored => {
                $did.ignored += 1;
                $permit.ignore()
            }
            Ending::Dropped => {
                $did.dropped += 1;
                drop($permit)
            }
        }
    }};
}

impl<'a> Hand<'a> {
    fn new(world: &'a World, alone: bool) -> Hand<'a> {
        Hand {
            world,
            alone,
            did: Did::default(),
            held: Vec::new(),
            local: None,
            seen: None,
            over: None,
            events: None,
        }
    }

    fn call(&mut self, route: Route, ending: Ending) -> Option<Rejected> {
        let breaker = &self.world.breaker;
        let answer = match route {
            Route::Shared => bounded(|| breaker.try_acquire())
                .map(|permit| bounded(|| conclude!(permit, ending, self.did))),
            Route::Owned => bounded(|| breaker.try_acquire_owned())
                .map(|permit| bounded(|| conclude!(permit, ending, self.did))),
            Route::Local => {
                let local = self.local.take();
                let local = local.unwrap_or_else(|| bounded(|| breaker.local()));
                let answer = bounded(|| local.try_acquire())
                    .map(|permit| bounded(|| conclude!(permit, ending, self.did)));
                self.local = Some(local);
                answer
            }
        };
        self.did.rejected += u64::from(answer.is_err());
        answer.err()
    }

    /// Drops the permits that are left.
    fn let_go(&mut self) {
        self.did.dropped += self.held.len() as u64;
        for permit in self.held.drain(..) {
            bounded(|| drop(permit));
        }
    }

    fn do_it(&mut self, op: Op) {
        let World {
            breaker,
            controller,
            clock,
            ..
        } = self.world;
        if self.alone && op.operates() {
            self.still();
        }
        match op {
            Op::Call(route, ending) => {
                self.call(route, ending);
            }
            Op::Acquire => match bounded(|| breaker.try_acquire_owned()) {
                Ok(permit) => self.held.push(permit),
                Err(_) => self.did.rejected += 1,
            },
            Op::End(ending) if !self.held.is_empty() => {
                let permit = self.held.remove(0);
                bounded(|| conclude!(permit, ending, self.did));
            }
            Op::End(_) => {}
            Op::Handle => {
                self.local = None;
                self.local = Some(bounded(|| breaker.local()));
            }
            Op::Trip => {
                bounded(|| controller.trip());
            }
            Op::TripFor(wait) => self.trip_for(wait),
            Op::HalfOpen => {
                bounded(|| controller.half_open());
            }
            Op::HalfOpenFrom => {
                let generation = self.generation();
                bounded(|| controller.half_open_from(generation));
            }
            Op::Reset => {
                assert!(bounded(|| controller.reset()));
                self.over = None;
            }
            Op::Release => {
                bounded(|| controller.release());
                self.over = None;
            }
            Op::ForceOpen => {
                bounded(|| controller.force_open());
                self.over = Some(State::ForcedOpen);
            }
            Op::Disable => {
                bounded(|| controller.disable());
                self.over = Some(State::Disabled);
            }
            Op::ObserveOnly => {
                bounded(|| controller.observe_only());
                self.over = Some(State::ObserveOnly);
            }
            Op::Postpone(wait) => {
                let before = self.look();
                let now = self.world.now();
                if bounded(|| controller.postpone(span(wait))) {
                    let after = self.look();
                    if before.generation == after.generation {
                        self.world
                            .note(|notes| notes.not_before(after.generation, now + wait));
                        self.look();
                    }
                }
            }
            Op::PostponeIn(wait) => {
                let generation = self.generation();
                let now = self.world.now();
                if bounded(|| controller.postpone_in(generation, span(wait))) {
                    self.world
                        .note(|notes| notes.not_before(generation, now + wait));
                    self.look();
                }
            }
            Op::Rule(rule) => {
                let changed = bounded(|| {
                    controller.reconfigure(|rules| match rule {
                        Rule::ConsecutiveFailures(n) => rules.consecutive_failures(n),
                        Rule::FailureCount(n) => rules.failure_count(n),
                        Rule::FailureRate(rate) => rules.failure_rate(rate),
                        Rule::MinThroughput(n) => rules.min_throughput(n),
                        Rule::SlowRate(rate) => rules.slow_rate(rate),
                        Rule::OnCancel(fails) => rules.on_cancel(if fails {
                            OnCancel::Failure
                        } else {
                            OnCancel::Ignored
                        }),
                    })
                });
                changed.expect("valid rules");
            }
            Op::Advance(by) => clock.advance(span(by)),
            Op::State => {
                bounded(|| breaker.state());
            }
            Op::Snapshot => {
                self.look();
            }
            Op::History => self.history(),
            Op::Save => self.save(),
            Op::Poll => self.poll(),
            Op::Unpoll => {
                self.poll();
                let events = self.events.take();
                bounded(|| drop(events));
            }
        }
    }

    /// The override that this thread, which alone operates, has set.
    fn still(&self) {
        if let Some(over) = self.over {
            assert_eq!(
                self.world.breaker.state(),
                over,
                "an override has been overwritten"
            );
        }
    }

    fn trip_for(&mut self, wait: u64) {
        let World { controller, .. } = self.world;
        let now = self.world.now();
        if !bounded(|| controller.trip_for(span(wait))) || !self.alone {
            return;
        }
        // the Open is its own, since nobody else makes one by hand
        let seen = self.look();
        let events = self.history_of();
        if let Some(event) = events.last()
            && (event.generation, event.to, event.cause)
                == (seen.generation, State::Open, Cause::Manual)
        {
            self.world
                .note(|notes| notes.not_before(event.generation, now + wait));
            self.look();
        }
    }

    /// The generation that it has last seen, or sees now.
    fn generation(&mut self) -> u64 {
        match &self.seen {
            Some(seen) => seen.generation,
            None => self.look().generation,
        }
    }

    fn history(&mut self) {
        self.history_of();
    }

    fn history_of(&mut self) -> Vec<Transition> {
        let observer = self.world.breaker.observer();
        let events = bounded(|| observer.history());
        for pair in events.windows(2) {
            assert_eq!(pair[0].generation + 1, pair[1].generation, "{events:?}");
        }
        for event in &events {
            self.world.note(|notes| notes.event(*event));
        }
        events
    }

    fn look(&mut self) -> Snapshot {
        let observer = self.world.breaker.observer();
        let least = self.world.note(|notes| notes.not_before.clone());
        let seen = bounded(|| observer.snapshot());
        let now = self.world.now();
        self.world.fits(&seen);
        if seen.state == State::Open
            && let Some(least) = least.get(&seen.generation)
        {
            let until = now + seen.retry_after.map_or(0, nanos);
            assert!(until >= *least, "put off to {least}, at {now}: {seen:?}");
        }
        if let Some(before) = &self.seen {
            only_rises(before, &seen);
        }
        self.seen = Some(seen.clone());
        seen
    }

    /// Each transition since it began to read, once and in turn.
    fn poll(&mut self) {
        let (mut events, mut last) = match self.events.take() {
            Some(reading) => reading,
            None => {
                let observer = self.world.breaker.observer();
                let events = bounded(|| observer.events());
                // whatever began after that it is given
                let since = self.look().generation;
                (events, since)
            }
        };
        let now = self.look().generation;
        while let Some(event) = bounded(|| events.next()) {
            // of those from before its first look it may be given some
            assert!(event.generation <= last + 1, "after {last}: {event:?}");
            last = last.max(event.generation);
            self.world.note(|notes| notes.event(event));
        }
        assert_eq!(events.missed(), 0, "there is room for all");
        assert!(last >= now, "{now} had begun, and {last} was read");
        self.events = Some((events, last));
    }

    /// A saved state lies between the readings before and after it, and a breaker that is restored from
    /// it shows what it says.
    fn save(&mut self) {
        let before = self.look();
        let saved = bounded(|| self.world.controller.save_at(SystemTime::UNIX_EPOCH));
        let after = self.look();
        let clock = ManualClock::new();
        let builder = Breaker::builder("scheduled").config(config(&self.world.plan, &clock));
        let (other, controller) = builder
            .restore_at(saved.clone(), SystemTime::UNIX_EPOCH)
            .build_with_controller()
            .expect("valid");
        assert!(
            matches!(controller.restored(), Some(Ok(_))),
            "{:?}",
            controller.restored()
        );
        let seen = other.observer().snapshot();
        assert_eq!(seen.state, saved.state(), "{seen:?}");
        let between = before.generation..=after.generation;
        assert!(between.contains(&seen.generation), "{seen:?}");
        assert_eq!(seen.probes.in_flight, 0, "{seen:?}");
        for (totals, than) in [
            (&before.totals, &seen.totals),
            (&seen.totals, &after.totals),
        ] {
            no_less(totals, than);
        }
        if before.generation == after.generation {
            assert_eq!(saved.state(), before.state);
            let results = |of: &Snapshot| of.probes.succeeded + of.probes.failed;
            let between = results(&before)..=results(&after);
            // a ramp is saved as an untouched round
            let ramp = after.state == State::HalfOpen && after.admitted_share > 0.0;
            assert!(
                between.contains(&results(&seen)) || ramp && results(&seen) == 0,
                "{before:?}, then {seen:?}, then {after:?}"
            );
        }
    }
}

fn no_less(before: &Totals, after: &Totals) {
    let all = |t: &Totals| {
        [
            t.successes,
            t.failures,
            t.slow,
            t.rejected,
            t.late,
            t.ignored,
            t.cancelled,
        ]
    };
    let pairs = all(before).into_iter().zip(all(after));
    for (before_one, after_one) in pairs {
        assert!(before_one <= after_one, "{before:?}, then {after:?}");
    }
}

fn only_rises(before: &Snapshot, after: &Snapshot) {
    no_less(&before.totals, &after.totals);
    let all = |s: &Snapshot| [s.generation, s.transitions, s.would_trip];
    for (a, b) in all(before).into_iter().zip(all(after)) {
        assert!(a <= b, "{before:?}, then {after:?}");
    }
}

impl World {
    /// What holds of any reading.
    fn fits(&self, seen: &Snapshot) {
        let w = &seen.window;
        assert_eq!(w.calls, w.successes + w.failures, "{seen:?}");
        assert!(w.slow <= w.calls, "{seen:?}");
        assert_eq!(seen.transitions, seen.generation, "{seen:?}");
        if matches!(self.plan.setup.window, Window::Time { .. }) {
            let calls: u64 = seen.buckets.iter().map(|bucket| bucket.calls).sum();
            assert_eq!(calls, w.calls, "{seen:?}");
        }
        let half_open = &self.plan.setup.rules.half_open;
        let needs = half_open.recovery.needs();
        let p = &seen.probes;
        assert!(p.in_flight <= half_open.max_probes, "{seen:?}");
        assert!(p.in_flight + p.succeeded + p.failed <= needs, "{seen:?}");
        let share = seen.admitted_share;
        let fits = match seen.state {
            State::Open | State::ForcedOpen => share == 0.0,
            State::HalfOpen if half_open.ramp => (0.0..=1.0).contains(&share),
            State::HalfOpen => share == 0.0,
            _ => share == 1.0,
        };
        assert!(fits, "{seen:?}");
        let known = self.note(|notes| notes.events.get(&seen.generation).copied());
        if let Some(event) = known {
            assert_eq!(event.to, seen.state, "{event:?}, {seen:?}");
        }
    }
}

/// Runs a plan in one schedule.
///
/// # Panics
///
/// If something does not hold.
pub fn run(plan: &Plan) {
    let clock = ManualClock::new();
    let built = Breaker::from_config_with_controller("scheduled", config(plan, &clock));
    let (breaker, controller) = built.expect("valid");
    let world = Arc::new(World {
        plan: plan.clone(),
        breaker,
        controller,
        clock,
        notes: Mutex::default(),
        over: AtomicBool::new(false),
    });
    let mut did = Did::default();
    let mut hand = Hand::new(&world, false);
    for op in &plan.before {
        hand.do_it(*op);
    }
    did = did.and(hand.did);
    let operator = plan.operator();
    let threads: Vec<_> = (0..plan.threads.len())
        .map(|thread| {
            let world = world.clone();
            spawn(move || {
                let mut hand = Hand::new(&world, operator == Some(thread));
                for op in &world.plan.threads[thread] {
                    hand.do_it(*op);
                }
                if hand.alone {
                    hand.still();
                }
                hand.let_go();
                hand.did
            })
        })
        .collect();
    let (listens, listening) = channel();
    let listeners: Vec<_> = (0..plan.listeners.len())
        .map(|listener| {
            let world = world.clone();
            let listens = listens.clone();
            spawn(move || listen(&world, &world.plan.listeners[listener], &listens))
        })
        .collect();
    for thread in threads {
        did = did.and(thread.join().expect("it ends"));
    }
    for _ in 0..plan.listeners.len() {
        did = did.and(listening.recv().expect("each says so"));
    }
    settle(&world, &did, hand.held.len() as u64);
    drop(hand);
    // the last transition wakes whoever has heard all others
    world.over.store(true, Ordering::SeqCst);
    assert!(world.controller.reset());
    for listener in listeners {
        listener.join().expect("it ends");
    }
    go_on(&world);
}

/// The life of a thread that does a few things, and listens from then on.
fn listen(world: &World, ops: &[Op], listens: &Sender<Did>) {
    let mut hand = Hand::new(world, false);
    for op in ops {
        hand.do_it(*op);
    }
    hand.let_go();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let told = heard.clone();
    let observer = world.breaker.observer();
    let subscription = bounded(|| {
        observer.subscribe(move |event| told.lock().expect("no schedule goes on").push(*event))
    });
    let since = hand.look().generation;
    listens.send(hand.did).expect("it is waited for");
    let last = || {
        heard
            .lock()
            .expect("no schedule goes on")
            .last()
            .map(|event: &Transition| event.generation)
    };
    subscription.attend(|| {
        // nobody does anything any more
        world.over.load(Ordering::SeqCst)
            && last() >= Some(world.breaker.observer().snapshot().generation)
    });
    assert_eq!(subscription.missed(), 0, "there is room for all");
    let heard = heard.lock().expect("no schedule goes on").clone();
    assert_eq!(subscription.delivered(), heard.len() as u64);
    assert!(
        heard[0].generation <= since + 1,
        "{since} had begun: {heard:?}"
    );
    for pair in heard.windows(2) {
        assert_eq!(pair[0].generation + 1, pair[1].generation, "{heard:?}");
    }
    world.note(|notes| heard.iter().for_each(|event| notes.event(*event)));
    drop(subscription);
}

/// When all threads have ended, and so many calls have not.
fn settle(world: &World, did: &Did, held: u64) {
    let mut hand = Hand::new(world, false);
    let seen = hand.look();
    let events = hand.history_of();
    let last = events.last().map_or(0, |event| event.generation);
    assert_eq!(last, seen.generation, "{events:?}, {seen:?}");
    let t = &seen.totals;
    let counted = t.successes + t.failures + t.ignored + t.cancelled + t.late;
    if world.plan.has(|op| *op == Op::Disable) {
        assert!(counted <= did.admitted(), "{did:?}, {seen:?}");
    } else {
        assert_eq!(counted, did.admitted(), "{did:?}, {seen:?}");
        // each is where it belongs, or late; a drop may be a failure
        assert!(
            t.successes <= did.succeeded && t.ignored <= did.ignored,
            "{did:?}, {seen:?}"
        );
        assert!(t.cancelled <= did.dropped, "{did:?}, {seen:?}");
        assert!(t.failures <= did.failed + did.dropped, "{did:?}, {seen:?}");
        assert!(t.successes + t.late >= did.succeeded, "{did:?}, {seen:?}");
        assert!(t.failures + t.late >= did.failed, "{did:?}, {seen:?}");
    }
    assert_eq!(t.rejected, did.rejected, "{did:?}, {seen:?}");
    let r = &seen.rejections_by_state;
    let by_state = r.open + r.half_open + r.forced_open + r.closed;
    assert_eq!(by_state, t.rejected, "{seen:?}");
    // each call has given its place back, in whichever period it ended, but for those that began before the threads
    let limit = world.plan.setup.rules.max_in_flight;
    assert_eq!(seen.in_flight, limit.map(|_| held), "{seen:?}");
    assert_eq!(seen.probes.in_flight, 0, "{seen:?}");
    if !world.plan.has(|op| matches!(op, Op::Rule(_))) {
        let events = world.note(|notes| notes.events.clone());
        events.values().for_each(|event| justified(world, event));
        missed(world, &seen);
    }
}

/// I5, as far as an event shows it. Under a count window each outcome is judged as it lands, and others
/// may land before the event, so that it shows nothing.
fn justified(world: &World, event: &Transition) {
    if matches!(world.plan.setup.window, Window::Count(_)) {
        return;
    }
    let rules = &world.plan.setup.rules;
    let c = &event.counts;
    let rate = |part: u64| part as f64 / c.calls as f64;
    let enough = c.calls >= u64::from(rules.min_throughput);
    let holds = match event.cause {
        Cause::FailureCount => rules
            .failure_count
            .is_some_and(|n| c.failures >= u64::from(n)),
        Cause::FailureRate => enough && rules.failure_rate.is_some_and(|r| rate(c.failures) >= r),
        Cause::SlowRate => enough && rules.slow_rate.is_some_and(|r| rate(c.slow) >= r),
        Cause::ConsecutiveFailures => rules.consecutive_failures.is_some(),
        Cause::Evidence => rules.outage.is_some(),
        Cause::Hang => rules.hang.is_some(),
        Cause::RampCompleted | Cause::RampFailed => rules.half_open.ramp,
        _ => true,
    };
    assert!(holds, "without a rule: {event:?}");
}

/// I4: but for a window that time alone, or a local handle's success, has changed since it was judged.
fn missed(world: &World, seen: &Snapshot) {
    if seen.state != State::Closed {
        return;
    }
    let rules = &world.plan.setup.rules;
    let w = &seen.window;
    let rate = |part: u64| part as f64 / w.calls as f64;
    let run = rules.consecutive_failures;
    assert!(
        run.is_none_or(|n| seen.consecutive_failures < u64::from(n)),
        "missed: {seen:?}"
    );
    // a lenient failure counts for its part
    let failures = match rules.lenient {
        Some(_) => seen.failure_rate * w.calls as f64,
        None => w.failures as f64,
    };
    let count = rules.failure_count;
    assert!(
        count.is_none_or(|n| failures < f64::from(n)),
        "missed: {seen:?}"
    );
    let shifting = |op: &Op| matches!(op, Op::Advance(_) | Op::Call(Route::Local, _));
    if w.calls >= u64::from(rules.min_throughput) && !world.plan.has(shifting) {
        assert!(
            rules.failure_rate.is_none_or(|r| seen.failure_rate < r),
            "missed: {seen:?}"
        );
        assert!(
            rules.slow_rate.is_none_or(|r| rate(w.slow) < r),
            "missed: {seen:?}"
        );
    }
}

/// Under the rules that are in force by now, from a fresh start, as the model does.
fn go_on(world: &World) {
    let mut setup = world.plan.setup;
    for op in world.plan.threads.iter().flatten() {
        // no rule is changed by two threads, so the last of each holds
        if let Op::Rule(rule) = op {
            let rules = &mut setup.rules;
            match *rule {
                Rule::ConsecutiveFailures(n) => rules.consecutive_failures = Some(n),
                Rule::FailureCount(n) => rules.failure_count = Some(n),
                Rule::FailureRate(rate) => rules.failure_rate = Some(rate),
                Rule::MinThroughput(n) => rules.min_throughput = n,
                Rule::SlowRate(rate) => rules.slow_rate = Some(rate),
                Rule::OnCancel(fails) => {
                    rules.on_cancel = if fails {
                        model::OnCancel::Failure
                    } else {
                        model::OnCancel::Ignored
                    }
                }
            }
        }
    }
    // adaptive waits go by the generation
    let generation = world.breaker.observer().snapshot().generation;
    let mut model = Model::new(&setup, generation);
    let mut hand = Hand::new(world, false);
    assert!(world.controller.reset());
    model.control(Order::Reset, world.now());
    // what went before leaves nothing but the pace
    if let Some(evidence) = world.breaker.observer().snapshot().evidence {
        model.assume_pace(evidence.pace);
    }
    for op in &world.plan.after {
        match *op {
            Op::Advance(by) => world.clock.advance(span(by)),
            Op::Call(route, ending) => {
                let now = world.now();
                let rejected = hand.call(route, ending).map(words::rejection_of);
                let expected = model.acquire(now);
                assert_eq!(rejected, expected.err(), "of {op:?}");
                if let Ok(permit) = expected {
                    let failure = |wait| model::Outcome::Failure(model::Kind::Server, wait);
                    let lenient = model::Outcome::Failure(model::Kind::Overload, None);
                    match ending {
                        Ending::Success => model.finish(permit, model::Outcome::Success, 0, now),
                        Ending::SlowSuccess => {
                            model.finish(permit, model::Outcome::Success, 2 * SLOW, now);
                        }
                        Ending::Failure => model.finish(permit, failure(None), 0, now),
                        Ending::LenientFailure => model.finish(permit, lenient, 0, now),
                        Ending::SlowFailure => model.finish(permit, failure(None), 2 * SLOW, now),
                        Ending::Asking => model.finish(permit, failure(Some(ASKED)), 0, now),
                        Ending::Ignored => model.finish(permit, model::Outcome::Ignored, 0, now),
                        Ending::Dropped => model.cancel(permit, now),
                    }
                }
            }
            _ => unreachable!("there are only calls"),
        }
        let seen = world.breaker.observer().snapshot();
        let (seen, expected) = (words::view_of(seen), model.view(world.now()));
        assert_eq!(
            (
                seen.state,
                seen.window,
                seen.consecutive_failures,
                seen.evidence,
                seen.admitted_share,
                seen.probes,
                seen.retry_after
            ),
            (
                expected.state,
                expected.window,
                expected.consecutive_failures,
                expected.evidence,
                expected.admitted_share,
                expected.probes,
                expected.retry_after
            ),
            "after {op:?}, under {:?}",
            setup.rules
        );
    }
}
