//! The reference model: a list of timed outcomes and the rules of `docs/semantics.md`, written as
//! plainly as they read.
//!
//! It shares nothing with the crate, not even an enum, and takes the time with each operation.
//! Everything that can be derived is derived anew: a window is a walk over the list, a run is
//! another, so that there is no bookkeeping in which a mistake could hide.
#![allow(dead_code, reason = "each test target uses its own part of the model")]

mod control;
mod downtime;
mod evidence;
mod hang;
mod lenient;
pub(crate) mod plain;
mod ramp;
mod round;
mod window;

#[cfg(test)]
mod by_hand;

use downtime::Downtime;
use hang::Life;
pub(crate) use lenient::WHOLE;
pub(crate) use plain::*;
use ramp::Ramp;
use round::Round;

/// One outcome that a window may count.
#[derive(Clone, Copy, Debug, Hash)]
struct Timed {
    at: u64,
    generation: u64,
    failed: bool,
    slow: bool,
    /// It was a lenient failure when it ended.
    lenient: bool,
    /// The eighths of a failure by which it made a run grow.
    grew: u64,
}

/// A time of counting: one generation of `Closed` or `ObserveOnly`.
#[derive(Clone, Copy, Debug, Hash)]
struct Period {
    generation: u64,
    /// The first epoch that is whole within it.
    whole_from: u64,
    ended: Option<u64>,
}

/// What the outage rule keeps.
#[derive(Clone, Copy, Debug, Default, Hash)]
struct Score {
    /// The first epoch whose outcomes count.
    from: u64,
    /// That of the last outcome, or of the last new rules: the epoch, and the tick within it.
    tick: (u64, u64),
    /// When the tick began.
    start: u64,
    /// The outcomes of the tick.
    bad: u64,
    good: u64,
    lenient: u64,
    /// It was true, and no tick has ended with 0 since.
    held: bool,
}

/// How a call has ended that had a result.
#[derive(Clone, Copy, Debug)]
struct Ended {
    failure: Option<Kind>,
    slow: bool,
    /// Of a failure: it counts for less.
    lenient: bool,
    own_wait: Option<u64>,
    took: u64,
}

/// Calls per second, for the outage rule's limit and for adaptive waits.
#[derive(Clone, Copy, Debug, Hash)]
struct Pace {
    value: u64,
    /// The epoch in which it was last looked at, or began to be kept.
    epoch: u64,
}

/// A breaker, seen from one thread.
#[derive(Clone, Debug, Hash)]
pub(crate) struct Model {
    window: Window,
    rules: Rules,
    /// The clock when the breaker was built: epochs are counted from here.
    origin: u64,
    state: State,
    generation: u64,
    /// When this generation began.
    since: u64,
    /// All that was ever counted in a window, oldest first.
    outcomes: Vec<Timed>,
    /// The last time of counting, over or not.
    period: Option<Period>,
    /// Outcomes before this one are in no run: the rule was off when they came.
    run_from: usize,
    /// When `Open` ends.
    deadline: u64,
    /// The openings since the breaker was last closed for long enough.
    openings: u32,
    round: Round,
    /// What follows a round that was won.
    ramp: Option<Ramp>,
    ramps: RampsSoFar,
    /// Which rules were true at the last counted outcome of this generation.
    held: [bool; 5],
    score: Score,
    pace: Pace,
    life: Life,
    lenients: LenientSoFar,
    /// What is judged together, or in steps, is judged from outside: the rules on outcomes, and the ramp.
    apart: bool,
    /// The outage that adaptive waits follow.
    downtime: Option<Downtime>,
    /// The last epoch in which outcomes were counted, or the breaker was built, without a rule that has ticks: the
    /// rest of it is one tick.
    plain: Option<u64>,
    totals: Totals,
    kinds: [u64; 9],
    rejections: [u64; 4],
    /// Calls that hold a place, whatever their generation.
    in_flight: u64,
    would_trip: u64,
    late_probe_successes: u64,
    events: Vec<Event>,
}

/// Up to the next whole millisecond.
pub(crate) fn whole_ms(moment: u64) -> u64 {
    moment.div_ceil(1_000_000) * 1_000_000
}

impl Model {
    /// `first` is the generation with which the crate begins: only its rises are specified.
    pub(crate) fn new(setup: &Setup, first: u64) -> Model {
        let mut model = Model {
            window: setup.window,
            rules: setup.rules,
            origin: setup.origin,
            state: setup.initial,
            generation: first,
            since: setup.origin,
            outcomes: Vec::new(),
            period: None,
            run_from: 0,
            deadline: 0,
            openings: 0,
            round: Round::default(),
            ramp: None,
            ramps: RampsSoFar::default(),
            held: [false; 5],
            score: Score::default(),
            pace: Pace {
                value: evidence::FIRST_PACE,
                epoch: 0,
            },
            life: Life::default(),
            lenients: LenientSoFar::default(),
            apart: false,
            downtime: None,
            plain: (!setup.rules.tick()).then_some(0),
            totals: Totals::default(),
            kinds: [0; 9],
            rejections: [0; 4],
            in_flight: 0,
            would_trip: 0,
            late_probe_successes: 0,
            events: Vec::new(),
        };
        if model.counting() {
            model.period = Some(Period {
                generation: first,
                whole_from: 0,
                ended: None,
            });
            model.begin_life(None, setup.origin);
        }
        if model.state == State::Open {
            model.openings = 1;
            let wait = match model.rules.backoff.adaptive {
                Some(seed) => downtime::first_wait(downtime::unit(seed, first)),
                None => model.rules.backoff.wait(1),
            };
            model.deadline = whole_ms(setup.origin + wait);
            model.begin_downtime(setup.origin);
        }
        model
    }

    /// From here on it is judged from outside.
    pub(crate) fn take_apart(&mut self) {
        self.apart = true;
    }

    // ---- calls

    pub(crate) fn acquire(&mut self, now: u64) -> Result<Permit, Rejection> {
        self.end_round_if_over(now);
        self.judge_ramp(None, now);
        let mut step = None;
        match self.state {
            State::Closed | State::ObserveOnly => {
                if self.begins_in_vain(now) {
                    let counts = self.shown(now);
                    self.lenients.hung_with += u64::from(self.lenient_in_window(now) > 0);
                    self.open(Cause::Hang, None, counts, now);
                    return Err(self.reject(now));
                }
            }
            State::Disabled => {}
            State::ForcedOpen => return Err(self.reject(now)),
            State::Open if now < self.deadline => return Err(self.reject(now)),
            State::Open => {
                let counts = self.shown(now);
                self.enter(State::HalfOpen, Cause::OpenElapsed, counts, now);
                self.round.admit(now);
            }
            State::HalfOpen if self.ramp.is_some() => match self.admit_to_ramp() {
                Some(number) => step = Some(number),
                None => return Err(self.reject(now)),
            },
            State::HalfOpen if self.round.has_room(&self.rules.half_open) => self.round.admit(now),
            State::HalfOpen => {
                let latest = self.round.latest.unwrap_or(self.since);
                if now >= whole_ms(latest + self.probe_timeout()) {
                    self.open(Cause::ProbeTimeout, None, self.round.counts(), now);
                }
                return Err(self.reject(now));
            }
        }
        let in_flight = self.rules.max_in_flight.is_some() && self.state != State::Disabled;
        if self.state == State::Closed
            && let Some(most) = self.rules.max_in_flight
            && self.in_flight >= u64::from(most)
        {
            self.count_rejection(State::Closed);
            return Err(Rejection {
                state: State::Closed,
                cause: Some(Cause::MaxInFlight),
                retry_after: None,
            });
        }
        self.in_flight += u64::from(in_flight);
        Ok(Permit {
            in_flight,
            generation: self.generation,
            // a call that begins with neither a slow limit, the hang rule nor a limit on calls in flight has no
            // duration, but for a probe
            admitted: (self.rules.slow_call.is_some()
                || self.rules.hang.is_some()
                || self.rules.max_in_flight.is_some()
                || self.state == State::HalfOpen)
                .then_some(now),
            probe: self.state == State::HalfOpen,
            step,
        })
    }

    /// A call ends with a result that took `took`.
    pub(crate) fn finish(&mut self, permit: Permit, outcome: Outcome, took: u64, now: u64) {
        let permit = self.give_place_back(permit);
        if permit.generation == self.generation {
            self.end_round_if_over(now);
        }
        if self.is_late(permit) {
            self.totals.late += 1;
            let success = outcome == Outcome::Success;
            self.late_probe_successes +=
                u64::from(permit.probe && permit.step.is_none() && success);
            return;
        }
        if self.state == State::Disabled {
            return;
        }
        let slow = self.rules.slow_call.is_some_and(|limit| took > limit);
        self.hear_life(outcome, permit.admitted.map(|_| took), now);
        match outcome {
            Outcome::Ignored => {
                self.totals.ignored += 1;
                self.decide_nothing(permit, now);
            }
            Outcome::Success => {
                self.totals.successes += 1;
                self.totals.slow += u64::from(slow);
                let ended = Ended {
                    failure: None,
                    slow,
                    lenient: false,
                    own_wait: None,
                    took,
                };
                self.counted(permit.step, ended, now);
            }
            Outcome::Failure(kind, own_wait) => {
                self.totals.failures += 1;
                self.totals.slow += u64::from(slow);
                self.kinds[kind.index()] += 1;
                let lenient = self.rules.is_lenient(kind, slow);
                self.note_failure(kind, slow);
                if permit.probe && lenient && !self.rules.lenient_probes_fail() {
                    return self.decide_nothing(permit, now);
                }
                let ended = Ended {
                    failure: Some(kind),
                    slow,
                    lenient,
                    own_wait,
                    took,
                };
                self.counted(permit.step, ended, now);
            }
        }
    }

    /// A call ends without a result that counts: a probe, or a call of a ramp, gives its slot back.
    fn decide_nothing(&mut self, permit: Permit, now: u64) {
        match permit.step {
            Some(step) => self.leave_ramp(step, now),
            None => self.round.give_back(),
        }
    }

    /// A call ends without a result.
    pub(crate) fn cancel(&mut self, permit: Permit, now: u64) {
        let permit = self.give_place_back(permit);
        if permit.generation == self.generation {
            self.end_round_if_over(now);
        }
        let took = permit.lasted(now);
        let fails = match self.rules.on_cancel {
            OnCancel::Ignored => false,
            OnCancel::Failure => true,
            OnCancel::FailureIfSlow => self.rules.slow_call.is_some_and(|limit| took > limit),
        };
        if fails || self.is_late(permit) {
            return self.finish(permit, Outcome::Failure(Kind::Timeout, None), took, now);
        }
        if self.state == State::Disabled {
            return;
        }
        self.totals.cancelled += 1;
        if let Some(step) = permit.step {
            return self.leave_ramp(step, now);
        }
        let needed = self.rules.half_open.recovery.needs();
        let timeout = self.probe_timeout();
        if self.state == State::HalfOpen && self.round.cancel(self.since, now, needed, timeout) {
            self.open(Cause::ProbesCancelled, None, self.round.counts(), now);
        }
    }

    /// Once per call.
    fn give_place_back(&mut self, permit: Permit) -> Permit {
        self.in_flight -= u64::from(permit.in_flight);
        Permit {
            in_flight: false,
            ..permit
        }
    }

    /// A call ends in a later generation, or a probe in the ramp that its round has led to.
    fn is_late(&mut self, permit: Permit) -> bool {
        let of_round = self.ramp.is_some() && permit.step.is_none();
        let same = permit.generation == self.generation;
        self.ramps.late_probes += u64::from(same && of_round);
        !same || of_round
    }

    fn reject(&mut self, now: u64) -> Rejection {
        self.count_rejection(self.state);
        Rejection {
            state: self.state,
            cause: self.why(),
            retry_after: self.rest(now).or(self.rest_of_step(now)),
        }
    }

    /// A call is rejected by that state, which may have ended since the call looked.
    pub(crate) fn count_rejection(&mut self, by: State) {
        self.totals.rejected += 1;
        for (count, state) in self.rejections.iter_mut().zip(REJECTING) {
            *count += u64::from(state == by);
        }
    }

    /// A call that is rejected by that state is counted later.
    pub(crate) fn withhold_rejection(&mut self, by: State) {
        self.totals.rejected -= 1;
        for (count, state) in self.rejections.iter_mut().zip(REJECTING) {
            *count -= u64::from(state == by);
        }
    }

    /// Why calls are rejected: one that was built open, or forced so, is the operator's.
    fn why(&self) -> Option<Cause> {
        match (self.state, self.events.last()) {
            (State::HalfOpen, _) => None,
            (State::Open, Some(event)) => Some(event.cause),
            _ => Some(Cause::Manual),
        }
    }

    fn counted(&mut self, step: Option<u32>, ended: Ended, now: u64) {
        let Ended {
            failure,
            slow,
            lenient,
            own_wait,
            ..
        } = ended;
        match (self.state, step) {
            (_, Some(step)) => self.end_in_ramp(step, ended, now),
            (State::HalfOpen, None) => self.probed(ended, now),
            (State::Closed | State::ObserveOnly, None) => {
                // a run that is over is not true any more, and may become so again
                self.held[0] &= self.run_in_eighths(now) > 0;
                let outcome = Timed {
                    at: now,
                    generation: self.generation,
                    failed: failure.is_some(),
                    slow,
                    lenient,
                    grew: self.rules.weight(failure.is_some(), lenient),
                };
                self.outcomes.push(outcome);
                let outage = self.outage_at(outcome, now);
                self.judge(outage, own_wait, now);
                self.blame(failure);
            }
            (other, None) => unreachable!("a result was counted in {other:?}"),
        }
    }

    /// The failure that has just ended the state, if it has.
    fn blame(&mut self, failure: Option<Kind>) {
        if self.state == State::Open
            && let Some(event) = self.events.last_mut()
        {
            event.failure = failure;
        }
    }

    fn probed(&mut self, ended: Ended, now: u64) {
        let Ended {
            failure,
            slow,
            own_wait,
            took,
            ..
        } = ended;
        let slow_fails = self.rules.slow_rate.is_some() || self.rules.outage.is_some();
        self.hear(now);
        let rules = &self.rules;
        let adaptive = rules.tick() || rules.backoff.adaptive.is_some() || rules.half_open.ramp;
        if failure.is_none() && adaptive {
            self.note_probe(took);
        }
        match self.round.result(
            failure.is_some(),
            slow,
            self.rules.half_open.recovery,
            slow_fails,
        ) {
            None => {}
            Some(true) => self.win_round(now),
            Some(false) => {
                self.open(Cause::ProbeFailed, own_wait, self.round.counts(), now);
                self.blame(failure);
            }
        }
    }

    /// A probe has a result, or is about to.
    pub(crate) fn hear(&mut self, now: u64) {
        self.round.heard = self.round.heard.max(Some(now));
    }

    /// A probe is about to be admitted.
    pub(crate) fn expect_probe(&mut self, now: u64) {
        self.round.latest = self.round.latest.max(Some(now));
    }

    /// When the latest probe was admitted, and what has happened in the round.
    pub(crate) fn round_so_far(&self) -> (u64, [u32; 5]) {
        let round = &self.round;
        let counts = [
            round.in_flight,
            round.succeeded,
            round.failed,
            round.slow,
            round.cancelled,
        ];
        (round.latest.unwrap_or(self.since), counts)
    }

    /// A probe that was about to be admitted was not.
    pub(crate) fn expect_no_probe_since(&mut self, latest: u64) {
        self.round.latest = Some(latest);
    }

    /// Whether a probe would be admitted.
    pub(crate) fn has_room(&self) -> bool {
        self.state == State::HalfOpen && self.round.has_room(&self.rules.half_open)
    }

    /// The last time of counting ended as the window stood at that moment.
    pub(crate) fn ended_as_of(&mut self, moment: u64) {
        if let Some(period) = &mut self.period {
            period.ended = period.ended.and(Some(moment));
        }
    }

    /// New rules may say that the round under way is over. They change nothing by themselves: the
    /// next probe, or the end of one, finds it so.
    fn end_round_if_over(&mut self, now: u64) {
        if self.state != State::HalfOpen || self.ramp.is_some() {
            return;
        }
        let counts = self.round.counts();
        match self.round.stands(self.rules.half_open.recovery) {
            None => {}
            Some(true) => self.win_round(now),
            Some(false) => self.open(Cause::ProbeFailed, None, counts, now),
        }
    }

    fn win_round(&mut self, now: u64) {
        if self.rules.half_open.ramp {
            return self.begin_ramp(now);
        }
        let counts = self.round.counts();
        self.enter(State::Closed, Cause::ProbesSucceeded, counts, now);
    }

    fn judge(&mut self, outage: bool, own_wait: Option<u64>, now: u64) {
        if self.apart {
            return;
        }
        let window = self.shown(now);
        let rate = |part: f64, limit: f64| {
            window.calls >= u64::from(self.rules.min_throughput)
                && part / window.calls as f64 >= limit
        };
        let failures = self.weighted_failures(now);
        let rules = &self.rules;
        let holds = [
            rules
                .consecutive_failures
                .is_some_and(|n| self.run_in_eighths(now) >= WHOLE * u64::from(n)),
            rules
                .failure_count
                .is_some_and(|n| failures >= f64::from(n)),
            rules
                .failure_rate
                .is_some_and(|limit| rate(failures, limit)),
            rules
                .slow_rate
                .is_some_and(|limit| rate(window.slow as f64, limit)),
            outage,
        ];
        self.note_judgement(holds, now);
        if self.state == State::ObserveOnly {
            for (holds, held) in holds.into_iter().zip(self.held) {
                self.would_trip += u64::from(holds && !held);
            }
            self.held = holds;
        } else if let Some(first) = holds.into_iter().position(|holds| holds) {
            self.open(RULES[first], own_wait, window, now);
        }
    }

    // ---- transitions

    fn enter(&mut self, to: State, cause: Cause, counts: Counts, now: u64) {
        if self.state == State::Closed && now - self.since >= self.rules.backoff.reset_after {
            self.openings = 0;
        }
        self.follow_downtime(to, now);
        self.events.push(Event {
            generation: self.generation + 1,
            from: self.state,
            to,
            cause,
            at: now,
            counts,
            consecutive_failures: self.run(now),
            open_until: None,
            failure: None,
        });
        if self.counting() {
            self.end_score(now);
            self.period
                .as_mut()
                .expect("a counting state has a period")
                .ended = Some(now);
        }
        self.generation += 1;
        self.state = to;
        self.since = now;
        let slowest = match cause {
            Cause::RampCompleted => self.ramp_slowest(),
            _ => None,
        };
        self.round = Round::default();
        self.life.slowest = None;
        self.ramp = None;
        self.held = [false; 5];
        if self.counting() {
            self.begin_score(now);
            self.begin_life(slowest, now);
            self.period = Some(Period {
                generation: self.generation,
                whole_from: self.epoch(now) + 1,
                ended: None,
            });
        }
    }

    /// For as long as the backoff says, or as the failure that decided asks for, if that is longer.
    fn open(&mut self, cause: Cause, own_wait: Option<u64>, counts: Counts, now: u64) {
        let before = (self.state, self.since);
        self.count_lost(cause);
        self.enter(State::Open, cause, counts, now);
        self.openings += 1;
        let backoff = &self.rules.backoff;
        let own_wait = own_wait.unwrap_or(0).min(backoff.max);
        let end = match backoff.adaptive {
            Some(seed) => self.adaptive_end(seed, before, cause, now),
            None => now + backoff.wait(self.openings),
        };
        self.open_until(end.max(now + own_wait));
    }

    /// For as long as the operator says.
    fn open_for(&mut self, wait: u64, counts: Counts, now: u64) {
        self.enter(State::Open, Cause::Manual, counts, now);
        self.openings += 1;
        self.open_until(now + wait);
    }

    fn open_until(&mut self, moment: u64) {
        self.deadline = whole_ms(moment);
        let event = self.events.last_mut().expect("it has just been entered");
        event.open_until = Some(self.deadline);
    }

    /// The last opening from closed.
    fn last_opening(&self) -> Option<Event> {
        let mut openings = self.events.iter().rev();
        openings
            .find(|event| (event.from, event.to) == (State::Closed, State::Open))
            .copied()
    }

    // ---- what can be seen

    pub(crate) fn state(&self) -> State {
        self.state
    }

    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// All the events so far, oldest first.
    pub(crate) fn events(&self) -> &[Event] {
        &self.events
    }

    /// The next moment from which on an acquire, or a cancelled probe, is answered otherwise, if time
    /// alone brings one; else the last such moment.
    pub(crate) fn turning_point(&self, now: u64) -> Option<u64> {
        match self.state {
            State::Open => Some(self.deadline),
            State::HalfOpen => {
                if let Some(moment) = self.turn_of_ramp(now) {
                    return Some(moment);
                }
                let timeout = self.probe_timeout();
                let silent = self.round.silent_at(self.since, timeout);
                let latest = self.round.latest;
                let leaked = latest.map_or(silent, |at| whole_ms(at + timeout));
                let next = [silent, leaked].into_iter().filter(|at| *at > now).min();
                Some(next.unwrap_or(silent.max(leaked)))
            }
            _ => None,
        }
    }

    /// The start of the first epoch after `now`.
    pub(crate) fn next_epoch(&self, now: u64) -> Option<u64> {
        match self.window {
            Window::Count(_) => None,
            Window::Time { width, .. } => {
                Some(self.origin + ((now - self.origin) / width + 1) * width)
            }
        }
    }

    pub(crate) fn view(&self, now: u64) -> View {
        let window = self.shown(now);
        let rate = |part: f64| {
            if window.calls == 0 {
                0.0
            } else {
                part / window.calls as f64
            }
        };
        View {
            state: self.state,
            generation: self.generation,
            window,
            failure_rate: rate(self.weighted_failures(now)),
            slow_rate: rate(window.slow as f64),
            consecutive_failures: self.run(now),
            evidence: self.evidence(now),
            watch: self.watch(now),
            admitted_share: self.admitted_share(),
            in_flight: self.rules.max_in_flight.map(|_| self.in_flight),
            probes: [
                self.round.in_flight,
                self.round.succeeded,
                self.round.failed,
            ],
            totals: self.totals,
            kinds: self.kinds,
            rejections: self.rejections,
            would_trip: self.would_trip,
            late_probe_successes: self.late_probe_successes,
            transitions: self.events.len() as u64,
            last_opening: self.last_opening(),
            time_in_state: now - self.since,
            retry_after: self.rest(now),
            buckets: self.buckets(now),
        }
    }

    fn rest(&self, now: u64) -> Option<u64> {
        (self.state == State::Open).then(|| self.deadline.saturating_sub(now))
    }

    fn counting(&self) -> bool {
        matches!(self.state, State::Closed | State::ObserveOnly)
    }
}
