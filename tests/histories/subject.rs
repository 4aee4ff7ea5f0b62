//! What the threads do it to.

use std::sync::Mutex;
use std::time::Duration;

use tripcoil::call::OwnedPermit;
use tripcoil::{
    Breaker, Clock, Controller, FailureKind, Lenient, Local, ManualClock, Outcome, Window as Crated,
};

use crate::model::{Order, Rejection, State, Window};
use crate::plan::{Ending, Op, Plan, Time};
use crate::record::End;
use crate::words::{self, span};

/// An admitted call; `None` if a broken breaker only said that it was admitted.
pub(crate) type Held = Option<OwnedPermit>;

pub(crate) trait Subject: Send + Sync {
    fn acquire(&self) -> Result<Held, Rejection>;
    fn end(&self, held: Held, ending: Ending);
    /// A success by the thread's own handle; tells what the acquire answered before it goes on.
    fn local(&self, thread: usize, admitted: &mut dyn FnMut(Result<(), Rejection>));
    fn state(&self) -> State;
    fn order(&self, order: Order) -> bool;
    fn rules(&self, failures: u32) -> bool;
    fn advance(&self, nanos: u64);
    /// When all is done.
    fn look(&self) -> End;
}

pub(crate) struct Rig {
    breaker: Breaker,
    controller: Controller,
    clock: ManualClock,
    /// What an asking failure asks for.
    asked: Duration,
    /// Each is one thread's, and the mutex is never waited for.
    locals: Vec<Mutex<Local>>,
}

pub(crate) fn real(plan: &Plan) -> Box<dyn Subject> {
    Box::new(Rig::new(plan))
}

impl Rig {
    pub(crate) fn new(plan: &Plan) -> Rig {
        let clock = ManualClock::new();
        let rules = &plan.setup.rules;
        let config = tripcoil::Config {
            window: match plan.setup.window {
                Window::Count(size) => Crated::count(size),
                Window::Time { buckets, width } => {
                    Crated::time(span(width) * buckets).buckets(buckets)
                }
            },
            failure_rate: rules.failure_rate,
            min_throughput: Some(rules.min_throughput),
            slow_call: rules.slow_call.map(span),
            slow_rate: rules.slow_rate,
            consecutive_failures: rules.consecutive_failures,
            failure_count: rules.failure_count,
            outage: rules.outage.map(words::outage),
            hang: rules.hang.map(words::hang),
            lenient: rules.lenient.map(|lenient| {
                Lenient::new([FailureKind::Server], f64::from(lenient.eighths) / 8.0)
            }),
            open_for: words::backoff(rules.backoff),
            half_open: words::half_open(rules.half_open),
            clock: match plan.time {
                Time::Manual => Clock::from(&clock),
                Time::Precise => Clock::precise(),
                Time::Coarse => Clock::coarse(),
            },
            ..tripcoil::Config::default()
        };
        let (breaker, controller) =
            Breaker::from_config_with_controller("recorded", config).expect("valid");
        let ops = || plan.threads.iter().flatten().flatten();
        let locals = if ops().any(|(_, op)| *op == Op::Local) {
            plan.threads
                .iter()
                .map(|_| Mutex::new(breaker.local()))
                .collect()
        } else {
            Vec::new()
        };
        Rig {
            locals,
            breaker,
            controller,
            clock,
            asked: span(rules.backoff.max),
        }
    }
}

impl Subject for Rig {
    fn acquire(&self) -> Result<Held, Rejection> {
        let permit = self.breaker.try_acquire_owned();
        permit.map(Some).map_err(words::rejection_of)
    }

    fn end(&self, held: Held, ending: Ending) {
        let Some(permit) = held else { return };
        let took = span(ending.took());
        let failure = Outcome::Failure(FailureKind::Server);
        match ending {
            Ending::Success | Ending::SlowSuccess | Ending::Local => {
                permit.record_timed(Outcome::Success, took)
            }
            Ending::Failure | Ending::SlowFailure => permit.record_timed(failure, took),
            Ending::Asking => {
                permit.record_timed(failure.with_retry_after(self.asked), took);
            }
            Ending::Ignored => permit.ignore(),
            Ending::Dropped => drop(permit),
        }
    }

    fn local(&self, thread: usize, admitted: &mut dyn FnMut(Result<(), Rejection>)) {
        let local = self.locals[thread - 1]
            .try_lock()
            .expect("one thread's own");
        match local.try_acquire() {
            Ok(permit) => {
                admitted(Ok(()));
                permit.record_timed(Outcome::Success, Duration::ZERO);
            }
            Err(rejected) => admitted(Err(words::rejection_of(rejected))),
        }
    }

    fn state(&self) -> State {
        words::state_of(self.breaker.state())
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

    fn rules(&self, failures: u32) -> bool {
        let changed = self
            .controller
            .reconfigure(|rules| rules.failure_count(failures));
        changed.is_ok()
    }

    fn advance(&self, nanos: u64) {
        self.clock.advance(Duration::from_nanos(nanos));
    }

    fn look(&self) -> End {
        let observer = self.breaker.observer();
        End {
            view: words::view_of(observer.snapshot()),
            events: observer.history().iter().map(words::event_of).collect(),
        }
    }
}
