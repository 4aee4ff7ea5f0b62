//! The model, in the steps that threads may see apart.
//!
//! Most operations are one step of the model: whatever they do takes effect at one moment between
//! their beginning and their end. `docs/semantics.md` leaves open what lies between two steps of:
//!
//! - a result while closed: it *lands* (it is in the window and in the totals), then it is *noted*
//!   in the run of failures, then it is *judged*. Others may land before it is judged, and count in
//!   what is judged. Under a count window, and for the run, each result has its own judgement at
//!   its landing, and only the trip comes later;
//!   A transition's event says what the run was at some moment since the last landing before it;
//! - a result that decides a round: it lands, and the transition follows. Whoever looks at the round
//!   meanwhile makes the transition first; only the operator may be quicker, and then the round has
//!   no verdict;
//! - what asks for a wait (`trip_for`, a failure): it opens the breaker, and then sets the wait. Of
//!   several failures that were judged together each may set its own;
//! - what moves the end of Open (`postpone`, and whoever sets a wait): it *moves* it, and then changes
//!   the control word. An acquire that found Open over before the move may still begin the round
//!   between the two, when others have been told of the newer end. Then the move came to nothing:
//!   `postpone` goes by what it finds, `trip_for` opens once more (unless so many transitions have followed that its
//!   own is out of the history), and a failure's wait is lost;
//! - a local handle's success: the handle looks, and then stores; what it stores counts wherever the
//!   breaker is by then, and an update under way need not see it, but counts it after;
//! - a call that takes a probe's slot, or brings a probe's result: it puts off the moment at which the round
//!   is given up, and then takes the slot or counts. Another call may be quicker, and then only the first
//!   has happened;
//! - a result that wins a round with a ramp: it lands, and the ramp begins, as a verdict follows. A success leaves
//!   its duration before it counts, though the round may be decided before that;
//! - an acquire in a ramp: it judges the step until nothing more follows by its own reading, once at a time, and then
//!   takes its share. If it is rejected, it looks at what is left of the step after that;
//! - a call that ends in a ramp: it is counted, then its duration counts, then its result, each in the step that there
//!   is by then, and then it judges as an acquire does. Without a result it is taken off at once, and judges;
//! - an acquire under the hang rule: the period admits it, and then it looks at the watch. If that period is over by
//!   then, there is nothing to look at; if the acquire trips the breaker, it acts on the state that it finds next;
//! - an ignored result under the hang rule: it finds its period under way, and then it counts. It is a sign of life in
//!   the period in which it counts;
//! - an order that ends a period and begins another, under the hang rule: it ends the watch, and then the period;
//! - a rejection, where waits are adaptive: the call is rejected, and then counted;
//! - new rules: they can be found at once, and their operator reads the clock after that, and adopts them;
//! - any other operation: it reads the clock before it takes effect, and others may go on meanwhile.
//!
//! *Time.* Only updates move the breaker's own time, which never goes back. A transition is dated no earlier
//! than the reading of the call that makes it (of a round's verdict: of the result that brought it), nor than any
//! update before (an operator's update may have had its time when such a result lands, and is not dated by it); and
//! no later than what any call under way has read, since that call may help. A result that
//! lands moves no time, unless its own reading is beyond the epoch: then the window moves on first. So a transition
//! may be older than a result that it counts. What judges a window leaves it at the epoch in which the results
//! have landed; the operator's transitions, and what moves on for a result, take it to the breaker's time.
//!
//! *Not checked*: what observe-only would have tripped; the wait and the failure in an event, though the wait itself
//! is checked wherever a call or the last snapshot shows it; ticks, watches and outages of calls that read the clock
//! at different times (`plan/adaptive.rs`); and the sample of the hang rule, since no call takes long there.
//!
//! So the model here never judges a window, or a ramp, by itself (its rules are off, and it is taken apart), and
//! `judged`, below, says once more what its `judge` does. That the two agree where nothing overlaps is tested in
//! `sequential.rs`. What must hold is not loosened: a call that owes a judgement
//! may not return without it, unless another that has landed before takes the debt.

mod locals;
mod ramps;
mod rounds;
mod seen;
mod signs;
mod steps;
mod time;
mod waits;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::model::Window;
use crate::model::{Cause, Counts, Kind, Model, Order, Outcome, Permit, Rules, State, Totals};
use crate::plan::{Ending, Op, Time};
use crate::record::{Call, End, History, Said};
use ramps::Leaving;

/// How far a call has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Phase {
    /// When the clock was there. It has read that or a later time when it does something.
    Called {
        since: u64,
    },
    /// It has looked at the clock.
    Read(u64),
    /// It has found room in the round, or the round under way, and is about to say that a probe or its result
    /// comes.
    Raising {
        now: u64,
    },
    Landed(Landed),
    /// Its result has decided the round, of that generation.
    Decided {
        now: u64,
        generation: u64,
        asks: bool,
    },
    /// It has opened the breaker, with that generation, and its wait is still to be set.
    Opened {
        now: u64,
        generation: u64,
        wait: u64,
    },
    /// It has moved the end of that Open, and not yet changed the control word.
    Moved {
        now: u64,
        generation: u64,
    },
    /// An acquire has found Open over, and is about to begin the round from that control word.
    Due {
        now: u64,
        version: u64,
    },
    /// An acquire has found the round without a slot, and its probes timed out. It is about to end the round if
    /// it is still so, whatever an acquire that gets no slot puts off meanwhile; or it finds that put off, and is
    /// rejected by the round that it saw.
    Expired {
        now: u64,
        latest: u64,
        round: Progress,
    },
    /// A local handle has seen that period, and is about to store its success.
    Storing {
        now: u64,
        generation: u64,
    },
    /// It has stored it, and not yet ended the run.
    Stored {
        now: u64,
        generation: u64,
    },
    /// A probe is about to leave its duration, and then to count.
    Noting {
        now: u64,
    },
    /// A ramp has rejected it, and it is about to look at what is left of the step.
    Turned {
        now: u64,
    },
    /// A call of a ramp is counted, and not yet judged.
    Leaving(Leaving),
    /// New rules can be found since then. Who set them reads the clock after that, and helps or moves on the window.
    Ruled {
        since: u64,
    },
    /// An order has ended the watch of the period that it ends.
    Beginning {
        now: u64,
    },
    /// An acquire has found that period, and is about to look at the watch.
    Watching {
        now: u64,
        generation: u64,
    },
    /// A result that is ignored has found its period under way, and is about to count.
    Ignoring {
        now: u64,
    },
    /// It knows that it is rejected, and by which state, and is about to be counted.
    Uncounted {
        now: u64,
        by: State,
    },
    Done,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Landed {
    now: u64,
    generation: u64,
    noted: bool,
    /// What it must trip for, whatever comes after it.
    by_run: bool,
    by_count: Option<Cause>,
    /// It was the first to make it true: the wait that it asks for counts.
    first: bool,
    /// A rule was true of the window as it landed, and has not been judged since.
    owes: bool,
    asks: bool,
    /// How many had landed before it.
    rank: u32,
}

/// How far a round has come: its generation, the permits up to now, and what became of its probes.
pub(crate) type Progress = (u64, usize, [u32; 5]);

/// A result has decided a round, whose transition is still to be made.
#[derive(Clone, Debug, Hash)]
struct Decided {
    permit: Permit,
    ending: Ending,
    /// The breaker's time before it, and the calls that were under way then: an operator's update may have had its time
    /// by that moment, and comes after the result all the same.
    before: u64,
    beside: Vec<usize>,
}

/// Of an event, what the model does not know.
#[derive(Clone, Copy, Debug, Hash)]
struct Note {
    /// A trip's rule.
    cause: Option<Cause>,
    run: u64,
    /// The window as it had moved on by then, where one ended.
    counts: Option<Counts>,
    strays: u64,
}

/// What has to come of it in the end; the same in all situations of a search.
struct Expected {
    end: End,
    /// By call: what it was asked to do.
    ops: Vec<Op>,
}

impl fmt::Debug for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}

impl Hash for Expected {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

#[derive(Clone, Debug, Hash)]
pub(crate) struct Spec {
    /// With its rules on windows and runs off.
    model: Model,
    rules: Rules,
    window: Window,
    exact: bool,
    expected: Arc<Expected>,
    clock: u64,
    /// All that it has shown.
    clocks: Vec<u64>,
    /// The breaker's time: that of the latest update.
    latest: u64,
    /// The moment to which the window has moved on; that of an update.
    rolled: u64,
    /// The latest admission of a probe, and its latest result, or one that was about to be.
    /// Results that have landed in a window.
    landed: u32,
    admitted: u64,
    heard: u64,
    /// Changes of the control word after the end of Open was moved.
    renewed: u64,
    /// In eighths of a failure.
    run: u64,
    /// What the run was since the last result landed: see `told`.
    runs: Vec<u64>,
    notes: Vec<Note>,
    decided: Option<Decided>,
    /// Results that decided a round which the operator ended first.
    beside: Totals,
    /// Successes that local handles have stored while an update was at it, which did not see them:
    /// each with the calls that were under way then, one of which made that update.
    unseen: Vec<Vec<usize>>,
    /// Those that were stored since the last period ended, and are shown with it.
    strays: u64,
    permits: Vec<(usize, Permit)>,
}

fn outcome(ending: Ending) -> Outcome {
    match ending {
        Ending::Success | Ending::SlowSuccess | Ending::Local => Outcome::Success,
        // a wait is set by itself: see `Spec::claim`
        Ending::Failure | Ending::SlowFailure | Ending::Asking => {
            Outcome::Failure(Kind::Server, None)
        }
        Ending::Ignored => Outcome::Ignored,
        Ending::Dropped => unreachable!("a drop has no outcome"),
    }
}

fn failed(ending: Ending) -> bool {
    matches!(
        ending,
        Ending::Failure | Ending::SlowFailure | Ending::Asking
    )
}

/// The eighths by which a run grows.
fn growth(rules: &Rules, ending: Ending) -> u64 {
    rules.weight(failed(ending), is_lenient(rules, ending))
}

fn is_lenient(rules: &Rules, ending: Ending) -> bool {
    let slow = rules.slow_call.is_some_and(|limit| ending.took() > limit);
    failed(ending) && rules.is_lenient(Kind::Server, slow)
}

/// Of a probe: it only gives its slot back.
fn decides_nothing(rules: &Rules, ending: Ending) -> bool {
    let light = is_lenient(rules, ending) && !rules.lenient_probes_fail();
    light || matches!(ending, Ending::Ignored | Ending::Dropped)
}

fn end(model: &mut Model, permit: Permit, ending: Ending, now: u64) {
    match ending {
        Ending::Dropped => model.cancel(permit, now),
        _ => model.finish(permit, outcome(ending), ending.took(), now),
    }
}

impl Spec {
    pub(crate) fn new(history: &History) -> Spec {
        let plan = &history.plan;
        let rules = plan.setup.rules;
        let mut setup = plan.setup;
        setup.rules.failure_rate = None;
        setup.rules.failure_count = None;
        setup.rules.consecutive_failures = None;
        // never reached; but a round looks whether there is one
        setup.rules.slow_rate = rules.slow_rate.map(|_| 2.0);
        let mut model = Model::new(&setup, 0);
        model.take_apart();
        Spec {
            model,
            rules,
            window: setup.window,
            exact: plan.time == Time::Manual,
            expected: Arc::new(Expected {
                end: history.end.clone(),
                ops: history.calls.iter().map(|call| call.op).collect(),
            }),
            clock: 0,
            clocks: vec![0],
            latest: 0,
            rolled: 0,
            landed: 0,
            admitted: 0,
            heard: 0,
            renewed: 0,
            run: 0,
            runs: vec![0],
            notes: Vec::new(),
            decided: None,
            beside: Totals::default(),
            unseen: Vec::new(),
            strays: 0,
            permits: Vec::new(),
        }
    }

    pub(crate) fn clock(&self) -> u64 {
        self.clock
    }

    fn generation(&self) -> u64 {
        self.model.events().len() as u64
    }

    fn counting(&self) -> bool {
        matches!(self.model.state(), State::Closed | State::ObserveOnly)
    }

    /// A window of time holds no failure at that moment.
    fn window_is_clear(&self, at: u64) -> bool {
        matches!(self.window, Window::Time { .. }) && self.model.view(at).window.failures == 0
    }

    /// The first true rule of the window.
    fn judged(&self) -> Option<Cause> {
        if self.model.state() != State::Closed {
            return None;
        }
        let w: Counts = self.model.view(self.rolled).window;
        let failures = self.model.weighted_failures(self.rolled);
        let rate = |part: f64, limit: f64| {
            w.calls >= u64::from(self.rules.min_throughput) && part / w.calls as f64 >= limit
        };
        let r = &self.rules;
        if r.failure_count.is_some_and(|n| failures >= f64::from(n)) {
            Some(Cause::FailureCount)
        } else if r.failure_rate.is_some_and(|limit| rate(failures, limit)) {
            Some(Cause::FailureRate)
        } else if r.slow_rate.is_some_and(|limit| rate(w.slow as f64, limit)) {
            Some(Cause::SlowRate)
        } else if self.model.outage_is_true() {
            Some(Cause::Evidence)
        } else {
            None
        }
    }

    /// A rule is on that has ticks, or another that keeps the pace.
    fn is_adaptive(&self) -> bool {
        let Rules {
            outage,
            hang,
            backoff,
            half_open,
            ..
        } = &self.rules;
        let ticks = outage.is_some() || hang.is_some();
        ticks || backoff.adaptive.is_some() || half_open.ramp
    }

    /// The verdict that a result has brought becomes a transition.
    fn conclude(&mut self, now: u64) {
        if let Some(Decided { permit, ending, .. }) = self.decided.take() {
            self.at(now, None, |model, now| end(model, permit, ending, now));
        }
    }

    fn acquire(&mut self, index: usize, now: u64, said: Said, alone: bool) -> bool {
        self.conclude(now);
        let before = self.generation();
        // an acquire goes by its own reading; what it changes, by the breaker's time
        let mut tried = self.model.clone();
        let answer = tried.acquire(now);
        let opened = tried.events().len() as u64 != before;
        let permit = if opened {
            self.at(now, None, |model, now| model.acquire(now))
        } else if answer.is_ok() && self.model.state() == State::HalfOpen {
            self.model.acquire(now.max(self.admitted))
        } else {
            self.model.acquire(now)
        };
        match (permit, said) {
            (Ok(permit), Said::Admitted) => {
                self.admit(index, permit, now);
                true
            }
            (Err(rejection), Said::Rejected(got)) => {
                // the rest is by its own reading too; and who ended a round by its timeout reads the end
                // of Open after that, when it may have been moved
                let until = self.model.turning_point(now);
                let rest = rejection.retry_after.map(|rest| match until {
                    Some(until) if rejection.state == State::Open => until.saturating_sub(now),
                    _ => rest,
                });
                let cause = match rejection.state {
                    // by what the trip was for, which the model does not know
                    State::Open => self.events().last().map(|event| event.cause),
                    _ => rejection.cause,
                };
                (rejection.state, cause) == (got.state, got.cause)
                    && if self.exact && (alone || !opened) {
                        rest == got.retry_after
                    } else {
                        rest.is_some() == got.retry_after.is_some()
                    }
            }
            _ => false,
        }
    }

    /// The call lasts from its own reading, though the round may know of a later one.
    fn admit(&mut self, index: usize, permit: Permit, now: u64) {
        if self.model.state() == State::HalfOpen {
            self.admitted = self.admitted.max(permit.admitted.unwrap_or(0));
        }
        let admitted = permit.admitted.map(|_| now);
        self.permits.push((index, Permit { admitted, ..permit }));
    }

    /// As an order finds it that was under way when the result landed that has decided the round.
    fn before_the_result(&self, index: usize, order: Order) -> Option<Spec> {
        let decided = self.decided.as_ref()?;
        // one that changes nothing leaves the verdict to come, and that is no earlier than its result
        let acts = || self.model.clone().control(order, self.latest);
        (decided.before < self.latest && decided.beside.contains(&index) && acts()).then(|| Spec {
            latest: decided.before,
            ..self.clone()
        })
    }

    fn order(&mut self, order: Order, now: u64) -> bool {
        if let Order::Postpone(_) = order {
            return self.model.control(order, now);
        }
        if !self.model.clone().control(order, now.max(self.latest)) {
            return false;
        }
        let pending = self.decided.clone();
        self.at(now, None, |model, now| model.control(order, now));
        if let Some(Decided { ending, .. }) = pending {
            // the result has landed, and its verdict will never be
            let slow = ending.took() > self.rules.slow_call.unwrap_or(u64::MAX);
            match ending {
                Ending::Dropped => self.beside.cancelled += 1,
                _ if failed(ending) => self.beside.failures += 1,
                _ => self.beside.successes += 1,
            }
            self.beside.slow += u64::from(slow && ending != Ending::Dropped);
        }
        true
    }

    fn permit(&self, call: &Call) -> Permit {
        let of = call.of.expect("an end has a beginning");
        let found = self.permits.iter().find(|(index, _)| *index == of);
        found.expect("what was admitted has a permit").1
    }

    fn end(&mut self, call: &Call, ending: Ending, now: u64, beside: &[usize]) -> Phase {
        let permit = self.permit(call);
        let mine = |spec: &Spec| permit.generation == spec.generation();
        if mine(self) && self.decided.is_some() {
            self.conclude(now);
        }
        if mine(self) && self.model.ramps() {
            return self.end_in_ramp(permit, ending, now);
        }
        if mine(self) && self.model.state() == State::HalfOpen {
            return self.probed(permit, ending, now, beside);
        }
        if mine(self) && self.watches() && ending == Ending::Ignored {
            return self.ignore(now);
        }
        if !mine(self) || !self.counting() || matches!(ending, Ending::Ignored | Ending::Dropped) {
            end(&mut self.model, permit, ending, now);
            return Phase::Done;
        }
        if self.is_beyond(now) {
            self.roll(now);
        }
        let before = self.judged();
        end(&mut self.model, permit, ending, self.rolled);
        self.runs = vec![self.run];
        self.landed += 1;
        let truth = self.judged();
        let by_count = matches!(self.window, Window::Count(_));
        Phase::Landed(Landed {
            now,
            generation: self.generation(),
            noted: self.rules.consecutive_failures.is_none(),
            by_run: false,
            by_count: truth.filter(|_| by_count),
            first: before.is_none(),
            owes: truth.is_some() && !by_count,
            asks: ending == Ending::Asking,
            rank: self.landed - 1,
        })
    }
}
