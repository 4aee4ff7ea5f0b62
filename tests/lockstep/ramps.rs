//! Plans with ramps: rounds that are soon won, and steps of many calls.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::sample::select;

use crate::model::{HalfOpen, Kind, Order, Outcome, Recovery, Setup, State, Window};
use crate::plan::{
    Built, Ending, HOUR, MS, Op, Plan, Route, SECOND, Step, Took, US, Wait, changes, endings, ops,
    setups_of,
};

/// A breaker with a ramp, and rounds that are soon won.
fn setups() -> impl Strategy<Value = (Setup, Built)> {
    let width = select(vec![
        MS,
        5 * MS,
        20 * MS + 1,
        50 * MS,
        100 * MS,
        SECOND,
        10 * SECOND,
    ]);
    let window = (2..=10_u32, width).prop_map(|(buckets, width)| Window::Time { buckets, width });
    let probe_timeouts = prop_oneof![
        1 => select(vec![1, MS, 50 * MS, 99 * MS]),
        4 => select(vec![100 * MS, 100 * MS + 1, 150 * MS, 250 * MS, SECOND]),
    ];
    let half_open = (
        (1..=3_u32, 1..=3_u32),
        option::weighted(0.5, probe_timeouts),
        proptest::bool::weighted(0.9),
    )
        .prop_map(|((needed, max_probes), probe_timeout, ramp)| HalfOpen {
            recovery: Recovery::Successes(needed),
            max_probes,
            probe_timeout,
            ramp,
        });
    let states = prop_oneof![
        4 => Just(State::Closed),
        1 => select(vec![State::HalfOpen, State::Open]),
    ];
    setups_of(window, half_open, states)
}

/// The pace, and an outage with a round that is won.
fn ways_into_a_ramp() -> impl Strategy<Value = Vec<Op>> {
    let times = prop_oneof![1 => Just(0), 2 => 1..=10_u8, 4 => 30..=60_u8];
    let early = proptest::bool::weighted(0.2);
    (times, 1..=3_u8, took_by_probes(), early).prop_map(|(times, needed, took, early)| {
        let way = vec![
            Op::Wait(Wait::Epoch {
                ahead: 0,
                offset: 0,
            }),
            Op::Burst(times, Outcome::Success),
            Op::Wait(Wait::Epoch {
                ahead: 0,
                offset: 0,
            }),
            Op::Burst(times.min(1), Outcome::Success),
            Op::Recover(if early { 1 } else { needed }, took),
        ];
        let probe = Op::Acquire(Route::Permit);
        let late = Ending::Result(Outcome::Success, Took::ByClock);
        let rest = [
            probe.clone(),
            probe,
            Op::Alter(true, Some(1)),
            Op::Burst(1, Outcome::Success),
            Op::EndMany(1, late),
        ];
        [way, if early { rest.to_vec() } else { Vec::new() }].concat()
    })
}

fn took_by_probes() -> impl Strategy<Value = Took> {
    select(vec![0, 0, 0, 0, 1, 1, MS, MS + 1, 30 * MS, 2 * HOUR]).prop_map(Took::Nanos)
}

fn steps(failing: u32) -> impl Strategy<Value = Step> {
    let calls = prop_oneof![2 => 0..=4_u8, 4 => 4..=25_u8, 3 => 25..=60_u8];
    let kept = prop_oneof![6 => Just(0), 3 => 1..=3_u8, 4 => 8..=15_u8];
    // around what the slowest probe permits
    let most = vec![
        20 * MS,
        20 * MS + 1,
        20_003 * US,
        23 * MS,
        23 * MS + 1,
        24 * MS,
    ];
    let took = prop_oneof![
        6 => Just(Took::ByClock),
        1 => select(vec![1, MS, MS, 100 * MS, 2 * HOUR, 10 * HOUR]).prop_map(Took::Nanos),
        2 => select(most).prop_map(Took::Nanos),
    ];
    let odd = option::weighted(0.4, (1..=6_u8, endings(failing)));
    let wait = prop_oneof![
        12 => select(vec![-1_i8, 0, 0, 0, 0, 1]).prop_map(|offset| Wait::Turn { offset }),
        2 => select(vec![
            10 * MS, 50 * MS, 200 * MS, 2 * SECOND, 100 * SECOND, 1_200 * HOUR,
        ]).prop_map(Wait::Nanos),
    ];
    (calls, kept, odd, took, wait).prop_map(|(calls, kept, odd, took, wait)| Step {
        calls,
        kept,
        odd,
        took,
        wait,
    })
}

/// Nothing is wrong with the calls, but that one may outlast its step, and the next one finds the step good if there
/// were enough of them.
fn good_steps() -> impl Strategy<Value = Step> {
    let kept = prop_oneof![2 => Just(0), 1 => Just(1)];
    (10..=60_u8, kept).prop_map(|(calls, kept)| Step {
        calls,
        kept,
        odd: None,
        took: Took::ByClock,
        wait: Wait::Turn { offset: 0 },
    })
}

/// So few calls that each step ends at the probe timeout.
fn idle_steps() -> impl Strategy<Value = Step> {
    let wait = select(vec![100 * MS, SECOND, 60 * SECOND]).prop_map(Wait::Nanos);
    (1..=3_u8, 0..=1_u8, wait).prop_map(|(calls, kept, wait)| Step {
        calls,
        kept,
        odd: None,
        took: Took::ByClock,
        wait,
    })
}

/// The score cuts the step, and a second step hardly.
fn bad_steps() -> impl Strategy<Value = Step> {
    let failure = Ending::Result(Outcome::Failure(Kind::Server, None), Took::ByClock);
    (6..=10_u8).prop_map(move |calls| Step {
        calls,
        kept: 0,
        odd: Some((1, failure)),
        took: Took::ByClock,
        wait: Wait::Nanos(0),
    })
}

fn ramp_ops(failing: u32) -> impl Strategy<Value = Op> {
    prop_oneof![
        20 => (1..=3_u8, good_steps()).prop_map(|(times, step)| Op::Steps(times, step)),
        1 => prop_oneof![9 => 1..=9_u8, 1 => 0..=255_u8].prop_map(Op::Lose),
        1 => (prop_oneof![9 => 1..=9_u8, 1 => 50..=255_u8], idle_steps())
            .prop_map(|(times, step)| Op::Steps(times, step)),
        6 => bad_steps().prop_map(|step| Op::Steps(1, step)),
        20 => (1..=2_u8, steps(failing)).prop_map(|(times, step)| Op::Steps(times, step)),
        10 => (1..=3_u8, took_by_probes()).prop_map(|(needed, took)| Op::Recover(needed, took)),
        2 => select(vec![Order::Trip, Order::HalfOpen]).prop_map(Op::Order),
        12 => (1..=20_u8, endings(failing)).prop_map(|(times, ending)| Op::EndMany(times, ending)),
        2 => (proptest::bool::weighted(0.8), option::weighted(0.3, 1..=3_u32))
            .prop_map(|(ramp, needed)| Op::Alter(ramp, needed)),
        3 => changes().prop_map(Op::Reconfigure),
        12 => ops(failing),
    ]
}

pub(crate) fn plans() -> impl Strategy<Value = Plan> {
    let failing = prop_oneof![3 => Just(0), 2 => 1..=10_u32];
    failing.prop_flat_map(|failing| {
        (setups(), ways_into_a_ramp(), vec(ramp_ops(failing), 1..=30)).prop_map(
            |((setup, built), way, ops)| Plan {
                setup,
                built,
                ops: [way, ops].concat(),
            },
        )
    })
}
