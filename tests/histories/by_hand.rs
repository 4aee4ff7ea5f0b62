//! Histories written by hand, of what threads do too rarely: while a call moves the end of Open, a
//! probe that found Open over before begins the round, and a third call is told of the newer end.

use crate::check::explains;
use crate::model::{Cause, Order, Rejection, Rules, Setup, State, Window};
use crate::plan::{self, Ending, MS, Op, Plan, Time};
use crate::record::{Call, History, Said};
use crate::sequential::play;

/// The backoff's wait, and those that are asked for instead.
const WAIT: u64 = 7 * MS;
const POSTPONED: u64 = 21 * MS;
const TRIPPED: u64 = 35 * MS;
const ASKED: u64 = 28 * MS;

/// The breaker opens and rejects a call, its wait passes, and a probe begins the round.
fn a_round_begins(open: &[Op], after: &[Op]) -> History {
    let round = [Op::Acquire, Op::Advance(WAIT), Op::Acquire];
    play(&Plan {
        time: Time::Manual,
        setup: Setup {
            window: Window::Time {
                buckets: 2,
                width: 10 * MS,
            },
            rules: Rules {
                consecutive_failures: Some(1),
                ..plan::rules(Time::Manual)
            },
            initial: State::Closed,
            origin: 0,
        },
        prefix: [open, &round, after].concat(),
        threads: Vec::new(),
    })
}

fn told(cause: Cause, rest: u64) -> Said {
    Said::Rejected(Rejection {
        state: State::Open,
        cause: Some(cause),
        retry_after: Some(rest),
    })
}

/// An order says that it changed something.
fn boast(call: &mut Call) {
    if let Said::Changed(changed) = &mut call.said {
        *changed = true;
    }
}

const TRIP: Op = Op::Order(Order::Trip);
const TRIP_FOR: Op = Op::Order(Order::TripFor(TRIPPED));
const POSTPONE: Op = Op::Order(Order::Postpone(POSTPONED));
const FAIL: [Op; 2] = [Op::Acquire, Op::End(Ending::Failure)];
const ASK: Op = Op::End(Ending::Asking);

#[test]
fn a_round_may_begin_while_its_open_is_put_off() {
    // it says that it changed nothing
    let postponed = a_round_begins(&[TRIP], &[POSTPONE]);
    // it opens once more
    let mut tripped = a_round_begins(&[TRIP], &[TRIP_FOR]);
    tripped.calls.remove(0);
    // its wait is lost
    let mut failed = a_round_begins(&FAIL, &[]);
    failed.calls[1].op = ASK;

    // where the probe is, and whoever moves the end
    for (mut history, cause, probe, mover, wait) in [
        (postponed, Cause::Manual, 3, 4, WAIT + POSTPONED),
        (tripped, Cause::Manual, 2, 3, TRIPPED),
        (failed, Cause::ConsecutiveFailures, 4, 1, ASKED),
    ] {
        let (third, advance) = (probe - 2, probe - 1);
        history.calls[third].said = told(cause, wait - WAIT);
        let is_explained = |history: &mut History, mover_ended, probe_at, third_at| {
            for (call, (began, ended)) in [
                (mover, (10, mover_ended)),
                (advance, (11, 12)),
                (probe, probe_at),
                (third, third_at),
            ] {
                history.calls[call].began = began;
                history.calls[call].ended = ended;
            }
            explains(history).is_ok()
        };
        let h = &mut history;
        assert!(is_explained(h, 24, (20, 23), (21, 22)), "{wait}");
        // the probe would have seen what the other call was told
        assert!(!is_explained(h, 24, (22, 23), (20, 21)), "{wait}");
        boast(&mut h.calls[mover]);
        let boasted = h.calls[mover].op == POSTPONE;
        let explained = is_explained(h, 24, (20, 23), (21, 22));
        assert_eq!(explained, !boasted, "put off in vain: {wait}");
        // it would have seen what was moved by then
        assert!(!is_explained(h, 13, (20, 23), (21, 22)), "{wait}");
        // it would have found another control word
        assert!(!is_explained(h, 14, (13, 23), (21, 22)), "{wait}");
    }
}

#[test]
fn no_round_begins_before_the_end_that_a_call_has_set() {
    let too_short = Op::Order(Order::Postpone(MS));
    for (open, longer, cause, wait) in [
        (&[TRIP, too_short][..], POSTPONE, Cause::Manual, POSTPONED),
        (&[TRIP], TRIP_FOR, Cause::Manual, TRIPPED),
        (&FAIL, ASK, Cause::ConsecutiveFailures, ASKED),
    ] {
        let mut history = a_round_begins(open, &[]);
        assert!(explains(&history).is_ok(), "by the backoff: {longer:?}");
        let mover = open.len() - 1;
        history.calls[mover].op = longer;
        boast(&mut history.calls[mover]);
        history.calls[open.len()].said = told(cause, wait);
        assert!(explains(&history).is_err(), "{longer:?}");
    }
}

/// Found by running every schedule of a plan: the operator's update has its time, the clock moves on, and the result
/// lands that decides the round. It comes before the transition, which is not dated by its reading.
#[test]
fn a_result_lands_while_an_order_has_its_time() {
    let force = Op::Order(Order::ForceOpen);
    let before = [TRIP, Op::Advance(WAIT), Op::Acquire];
    let mut history = play(&Plan {
        prefix: [
            &before[..],
            &[
                Op::End(Ending::Success),
                Op::Acquire,
                force,
                Op::Advance(10 * MS),
            ],
            &[Op::End(Ending::Success)],
        ]
        .concat(),
        ..a_round_begins(&[TRIP], &[]).plan
    });
    assert!(explains(&history).is_ok(), "the second result is late");
    // it is not
    history.end.view.totals.successes += 1;
    history.end.view.totals.late -= 1;
    history.end.view.late_probe_successes -= 1;
    let [order, advance, end] = [5, 6, 7];
    let mut is_explained = |order_at: (u64, u64)| {
        for (call, (began, ended)) in [(order, order_at), (advance, (21, 22)), (end, (30, 31))] {
            history.calls[call].began = began;
            history.calls[call].ended = ended;
        }
        explains(&history).is_ok()
    };
    assert!(is_explained((20, 40)));
    assert!(
        !is_explained((25, 40)),
        "it would have read the clock after the advance"
    );
    assert!(!is_explained((20, 29)), "the result is late");
}

/// Found by a random schedule: new rules can be found at once, and their operator reads the clock after that. It helps
/// a trip, which is then dated later than the result that it is for has read.
#[test]
fn an_operator_reads_the_clock_after_its_rules_are_found() {
    const LATER: u64 = 10 * MS;
    let before = [FAIL, [Op::Acquire, Op::End(Ending::Success)], FAIL].concat();
    let after = [Op::Rules(4), Op::Acquire, Op::End(Ending::Failure)];
    let last = [Op::Acquire, ASK, Op::Advance(LATER)];
    let mut history = play(&Plan {
        setup: Setup {
            rules: Rules {
                consecutive_failures: Some(3),
                failure_count: Some(3),
                ..plan::rules(Time::Manual)
            },
            ..a_round_begins(&[TRIP], &[]).plan.setup
        },
        prefix: [&before[..], &after, &last].concat(),
        ..a_round_begins(&[TRIP], &[]).plan
    });
    assert!(
        explains(&history).is_ok(),
        "the trip is dated by its result"
    );
    let view = &mut history.end.view;
    let opening = view.last_opening.as_mut().expect("it has opened");
    assert_eq!((opening.cause, opening.at), (Cause::ConsecutiveFailures, 0));
    opening.at = LATER;
    history.end.events[0].at = LATER;
    view.time_in_state = 0;
    view.retry_after = Some(ASKED);
    assert!(explains(&history).is_err(), "one after the other");

    let [rules, failed, asked, advance] = [6, 8, 10, 11];
    let mut is_explained = |rules_at: (u64, u64)| {
        for (call, (began, ended)) in [
            (rules, rules_at),
            (failed, (32, 33)),
            (failed + 1, (34, 35)),
            (asked, (36, 39)),
            (advance, (37, 38)),
        ] {
            history.calls[call].began = began;
            history.calls[call].ended = ended;
        }
        explains(&history).is_ok()
    };
    assert!(is_explained((30, 40)));
    assert!(!is_explained((34, 40)), "the older rules trip by then");
    assert!(
        !is_explained((30, 37)),
        "it reads the clock before the advance"
    );
}
