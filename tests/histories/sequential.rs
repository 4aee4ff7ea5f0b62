//! The judge is judged first: where nothing overlaps, the steps are the model, no more and no less.

use crate::check::explains;
use crate::model::{Cause, Evidence, Model, Permit, Rejection, State, Watch};
use crate::plan::adaptive::{self, Adaptive};
use crate::plan::{self, Dice, Ending, Op, Plan, Time};
use crate::record::{Call, End, History, Said};

/// The plan's operations one after the other, on the model itself. The threads take
/// turns by rounds.
pub(crate) fn play(plan: &Plan) -> History {
    let mut model = Model::new(&plan.setup, 0);
    let mut now = 0;
    let mut held: Vec<(usize, Permit)> = Vec::new();
    let mut calls: Vec<Call> = Vec::new();
    let longest = plan.threads.iter().map(Vec::len).max().unwrap_or(0);
    let by_turns = (0..longest)
        .flat_map(|n| plan.threads.iter().filter_map(move |rounds| rounds.get(n)))
        .flatten()
        .map(|(_, op)| *op);
    let by_turns = by_turns.flat_map(|op| match op {
        Op::Local => vec![Op::Acquire, Op::End(Ending::Local)],
        op => vec![op],
    });
    for op in plan.prefix.iter().copied().chain(by_turns) {
        let mut of = None;
        let said = match op {
            Op::Acquire => match model.acquire(now) {
                Ok(permit) => {
                    held.push((calls.len(), permit));
                    Said::Admitted
                }
                Err(rejection) => Said::Rejected(rejection),
            },
            Op::End(_) if held.is_empty() => continue,
            Op::End(ending) => {
                let (call, permit) = held.remove(0);
                of = Some(call);
                end(&mut model, permit, ending, now);
                Said::Nothing
            }
            Op::Local => unreachable!("it is two calls"),
            Op::State => Said::State(model.state()),
            Op::Order(order) => Said::Changed(model.control(order, now)),
            Op::Rules(failures) => {
                let mut rules = *model.rules();
                rules.failure_count = Some(failures);
                Said::Changed(model.reconfigure(rules, now))
            }
            Op::Advance(by) => {
                now += by;
                Said::Nothing
            }
        };
        let began = 2 * calls.len() as u64;
        calls.push(Call {
            thread: 0,
            op,
            of,
            began,
            ended: began + 1,
            said,
        });
    }
    let events = model.events();
    History {
        plan: plan.clone(),
        calls,
        end: End {
            view: model.view(now),
            events: events[events.len().saturating_sub(4)..].to_vec(),
        },
    }
}

fn end(model: &mut Model, permit: Permit, ending: Ending, now: u64) {
    use crate::model::{Kind, Outcome};
    let outcome = match ending {
        Ending::Success | Ending::SlowSuccess | Ending::Local => Outcome::Success,
        Ending::Failure | Ending::SlowFailure => Outcome::Failure(Kind::Server, None),
        Ending::Asking => Outcome::Failure(Kind::Server, Some(model.rules().backoff.max)),
        Ending::Ignored => Outcome::Ignored,
        Ending::Dropped => return model.cancel(permit, now),
    };
    model.finish(permit, outcome, ending.took(), now);
}

#[test]
fn what_the_model_does_alone_is_explained() {
    let mut dice = Dice::new(7);
    let mut events = 0;
    for _ in 0..4_000 {
        let history = play(&plan::roll(&mut dice, Time::Manual));
        explains(&history).unwrap_or_else(|refusal| panic!("{refusal}"));
        events += history.end.events.len();
    }
    assert!(events > 4_000, "{events}");
}

#[test]
fn what_the_model_does_alone_under_an_adaptive_rule_is_explained() {
    for rule in Adaptive::ALL {
        let mut dice = Dice::new(11);
        let mut seen = std::collections::BTreeMap::<_, u64>::new();
        for _ in 0..1_000 {
            let history = play(&adaptive::roll(&mut dice, rule));
            explains(&history).unwrap_or_else(|refusal| panic!("{refusal}"));
            for event in &history.end.events {
                *seen.entry(format!("{:?}", event.cause)).or_default() += 1;
            }
        }
        println!("{rule:?}: {seen:?}");
        let cause = match rule {
            Adaptive::Ramp => "RampFailed",
            Adaptive::Hang => "Hang",
            Adaptive::Outage => "Evidence",
            Adaptive::Wait => "ProbeFailed",
        };
        assert!(seen.get(cause).is_some_and(|n| *n > 100), "{seen:?}");
    }
}

/// Every other answer to one call, and every other end.
fn altered(history: &History) -> Vec<(&'static str, History)> {
    let mut all = Vec::new();
    let mut change = |what, change: &dyn Fn(&mut History)| {
        let mut other = history.clone();
        change(&mut other);
        all.push((what, other));
    };
    for (i, call) in history.calls.iter().enumerate() {
        match call.said {
            Said::Nothing => {}
            Said::Admitted => {
                let rejection = Rejection {
                    state: State::Open,
                    cause: Some(Cause::ConsecutiveFailures),
                    retry_after: Some(0),
                };
                let used = history.calls.iter().any(|c| c.of == Some(i));
                if !used {
                    change("admitted, said to be rejected", &|h| {
                        h.calls[i].said = Said::Rejected(rejection);
                    });
                }
            }
            Said::Rejected(rejection) => {
                change("rejected, said to be admitted", &|h| {
                    h.calls[i].said = Said::Admitted;
                });
                change("another cause", &|h| {
                    h.calls[i].said = Said::Rejected(Rejection {
                        cause: match rejection.cause {
                            Some(Cause::SlowRate) => None,
                            _ => Some(Cause::SlowRate),
                        },
                        ..rejection
                    });
                });
                if let Some(rest) = rejection.retry_after {
                    change("another wait", &|h| {
                        h.calls[i].said = Said::Rejected(Rejection {
                            retry_after: Some(rest + 1),
                            ..rejection
                        });
                    });
                }
            }
            Said::State(state) => change("another state", &|h| {
                let other = match state {
                    State::Closed => State::Open,
                    _ => State::Closed,
                };
                h.calls[i].said = Said::State(other);
            }),
            Said::Changed(changed) => change("the order's contrary", &|h| {
                h.calls[i].said = Said::Changed(!changed);
            }),
        }
    }
    if history.end.view.totals.failures > 0 {
        change("a failure lost", &|h| {
            h.end.view.totals.failures -= 1;
        });
    }
    change("a late one too many", &|h| h.end.view.totals.late += 1);
    change("a success more in the window", &|h| {
        h.end.view.window.successes += 1;
        h.end.view.window.calls += 1;
    });
    change("a generation skipped", &|h| h.end.view.generation += 1);
    if let Some(watch) = history.end.view.watch {
        change("a call more in the watch", &|h| {
            let starts = watch.starts + 1;
            h.end.view.watch = Some(Watch { starts, ..watch });
        });
    }
    if let Some(evidence) = history.end.view.evidence {
        change("a higher score", &|h| {
            let value = evidence.value + 1.0;
            h.end.view.evidence = Some(Evidence { value, ..evidence });
        });
    }
    change("a smaller share", &|h| h.end.view.admitted_share -= 0.25);
    if let Some(last) = history.end.events.len().checked_sub(1) {
        change("an event lost", &|h| {
            h.end.events.remove(last);
        });
        change("a failure more in an event", &|h| {
            h.end.events[last].counts.failures += 1;
        });
    }
    all
}

#[test]
fn nothing_else_is_explained_where_nothing_overlaps() {
    let mut dice = Dice::new(8);
    let mut tried = 0;
    let plans = (0..300).map(|_| plan::roll(&mut dice, Time::Manual));
    let mut plans: Vec<_> = plans.collect();
    for rule in Adaptive::ALL {
        plans.extend((0..40).map(|_| adaptive::roll(&mut dice, rule)));
    }
    for history in plans.iter().map(play) {
        for (what, other) in altered(&history) {
            assert!(explains(&other).is_err(), "{what}: {other:?}");
            tried += 1;
        }
    }
    assert!(tried > 6_000, "{tried}");
}

/// Recorded on threads: an alteration may then be what another order gives, but for the counts.
#[test]
fn altered_recordings_are_refused() {
    let mut dice = Dice::new(9);
    let plans = (0..300).map(|_| plan::roll(&mut dice, Time::Manual));
    let mut plans: Vec<_> = plans.collect();
    for rule in Adaptive::ALL {
        plans.extend((0..80).map(|_| adaptive::roll(&mut dice, rule)));
    }
    let mut tried = std::collections::BTreeMap::<_, (u64, u64)>::new();
    for history in crate::threads::run(plans, crate::subject::real) {
        for (what, other) in altered(&history) {
            let (all, refused) = tried.entry(what).or_default();
            *all += 1;
            *refused += u64::from(explains(&other).is_err());
        }
    }
    println!("altered, and refused: {tried:?}");
    for (what, (all, refused)) in tried {
        assert!(all > 0, "{what}: {all}");
        assert!(refused * 10 >= all * 9, "{what}: {refused} of {all}");
    }
}
