//! Breakers that are broken on purpose, and must be found out.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::check::explains;
use crate::model::{Backoff, Hang, Order, Outage, Rejection, Rules, State};
use crate::plan::adaptive::{self, Adaptive};
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
    /// Half-open, every rejected call is made all the same.
    AdmitsAll,
    /// A watch is full one call too early.
    Hurries,
    /// The score is that of another theta.
    Weighs,
    /// Waits are drawn from another seed.
    Draws,
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
            Err(by) if matches!(self.fault, Fault::AdmitsAll) && by.state == State::HalfOpen => {
                Ok(None)
            }
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

/// What the breaker goes by in place of the plan's rules.
fn rules(of: Rules, fault: Fault) -> Rules {
    match fault {
        Fault::Hurries => Rules {
            hang: of.hang.map(|hang| Hang {
                starts: hang.starts - 1,
                ..hang
            }),
            ..of
        },
        Fault::Weighs => Rules {
            outage: of.outage.map(|outage| Outage {
                theta: outage.theta + 0.1,
                ..outage
            }),
            ..of
        },
        Fault::Draws => Rules {
            backoff: Backoff {
                adaptive: of.backoff.adaptive.map(|seed| seed + 1),
                ..of.backoff
            },
            ..of
        },
        _ => of,
    }
}

fn is_found_out(fault: Fault) {
    is_found_out_in(fault, |dice| plan::roll(dice, Time::Manual));
}

fn is_found_out_under(rule: Adaptive, fault: Fault) {
    is_found_out_in(fault, |dice| adaptive::roll(dice, rule));
}

fn is_found_out_in(fault: Fault, roll: impl Fn(&mut Dice) -> Plan) {
    const WITHIN: usize = 200;
    let make = |plan: &Plan| -> Box<dyn Subject> {
        let mut setup = plan.setup;
        setup.rules = rules(setup.rules, fault);
        Box::new(Broken {
            rig: Rig::new(&Plan {
                setup,
                ..plan.clone()
            }),
            fault,
            count: AtomicU64::new(0),
            last: AtomicU64::new(0),
        })
    };
    let mut dice = Dice::new(10);
    let plans = (0..WITHIN).map(|_| roll(&mut dice)).collect();
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

#[test]
fn a_ramp_that_admits_every_call_is_found_out() {
    is_found_out_under(Adaptive::Ramp, Fault::AdmitsAll);
}

#[test]
fn a_ramp_that_loses_results_is_found_out() {
    is_found_out_under(Adaptive::Ramp, Fault::Swallows);
}

#[test]
fn a_watch_that_is_full_one_call_too_early_is_found_out() {
    is_found_out_under(Adaptive::Hang, Fault::Hurries);
}

#[test]
fn a_score_of_another_theta_is_found_out() {
    is_found_out_under(Adaptive::Outage, Fault::Weighs);
}

#[test]
fn a_wait_of_another_seed_is_found_out() {
    is_found_out_under(Adaptive::Wait, Fault::Draws);
}
