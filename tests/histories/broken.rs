//! Breakers that are broken on purpose, and must be found out.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::check::explains;
use crate::model::{Order, Rejection, State};
use crate::plan::{self, Dice, Ending, Plan, Time};
use crate::record::End;
use crate::subject::{Held, Rig, Subject};
use crate::threads;

#[derive(Clone, Copy, Debug)]
enum Fault {
    /// Every third result is not recorded.
    Swallows,
    /// Every second result is recorded in two calls.
    Doubles,
    /// Every second rejected call is made all the same.
    Admits,
    /// An order's answer is always that it changed something.
    Boasts,
    /// The state is what it was one look ago.
    Lags,
    /// A success is recorded as a failure now and then.
    Confuses,
    /// A reset is done twice.
    Stutters,
}

struct Broken {
    rig: Rig,
    fault: Fault,
    count: AtomicU64,
    last: AtomicU64,
}

impl Broken {
    fn each(&self, n: u64) -> bool {
        self.count.fetch_add(1, Ordering::SeqCst) % n == n - 1
    }
}

const STATES: [State; 6] = [
    State::Closed,
    State::Open,
    State::HalfOpen,
    State::ForcedOpen,
    State::Disabled,
    State::ObserveOnly,
];

impl Subject for Broken {
    fn acquire(&self) -> Result<Held, Rejection> {
        match self.rig.acquire() {
            Err(_) if matches!(self.fault, Fault::Admits) && self.each(2) => Ok(None),
            answer => answer,
        }
    }

    fn end(&self, held: Held, ending: Ending) {
        match self.fault {
            Fault::Swallows if self.each(3) => std::mem::forget(held),
            Fault::Doubles if self.each(2) => {
                self.rig.end(held, ending);
                if let Ok(held) = self.rig.acquire() {
                    self.rig.end(held, ending);
                }
            }
            Fault::Confuses if ending == Ending::Success && self.each(3) => {
                self.rig.end(held, Ending::Failure);
            }
            _ => self.rig.end(held, ending),
        }
    }

    fn local(&self, thread: usize, admitted: &mut dyn FnMut(Result<(), Rejection>)) {
        self.rig.local(thread, admitted);
    }

    fn state(&self) -> State {
        let state = self.rig.state();
        if !matches!(self.fault, Fault::Lags) {
            return state;
        }
        let place = STATES.iter().position(|s| *s == state).unwrap_or(0);
        STATES[self.last.swap(place as u64, Ordering::SeqCst) as usize]
    }

    fn order(&self, order: Order) -> bool {
        let changed = self.rig.order(order);
        if matches!(self.fault, Fault::Stutters) && order == Order::Reset {
            self.rig.order(order);
        }
        changed || matches!(self.fault, Fault::Boasts)
    }

    fn rules(&self, failures: u32) -> bool {
        self.rig.rules(failures)
    }

    fn advance(&self, nanos: u64) {
        self.rig.advance(nanos);
    }

    fn look(&self) -> End {
        self.rig.look()
    }
}

fn is_found_out(fault: Fault) {
    const WITHIN: usize = 200;
    let make = |plan: &Plan| -> Box<dyn Subject> {
        Box::new(Broken {
            rig: Rig::new(plan),
            fault,
            count: AtomicU64::new(0),
            last: AtomicU64::new(0),
        })
    };
    let mut dice = Dice::new(10);
    let plans = (0..WITHIN)
        .map(|_| plan::roll(&mut dice, Time::Manual))
        .collect();
    let histories = threads::run(plans, make);
    let refused = histories.iter().filter(|h| explains(h).is_err()).count();
    let first = histories.iter().position(|h| explains(h).is_err());
    println!("{fault:?}: {refused} of {WITHIN} are refused, the first is number {first:?}");
    assert!(refused > 0, "{fault:?} was not found out");
}

#[test]
fn a_breaker_that_swallows_results_is_found_out() {
    is_found_out(Fault::Swallows);
}

#[test]
fn a_breaker_that_counts_results_twice_is_found_out() {
    is_found_out(Fault::Doubles);
}

#[test]
fn a_breaker_that_admits_what_it_rejects_is_found_out() {
    is_found_out(Fault::Admits);
}

#[test]
fn a_breaker_that_lies_to_its_operator_is_found_out() {
    is_found_out(Fault::Boasts);
}

#[test]
fn a_breaker_whose_state_lags_is_found_out() {
    is_found_out(Fault::Lags);
}

#[test]
fn a_breaker_that_confuses_results_is_found_out() {
    is_found_out(Fault::Confuses);
}

#[test]
fn a_breaker_that_resets_twice_is_found_out() {
    is_found_out(Fault::Stutters);
}
