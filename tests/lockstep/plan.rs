//! What a case is: a breaker, and what is done with it.

use proptest::array::uniform2;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{BoxedStrategy, Just, Strategy, any, prop_oneof};
use proptest::sample::select;

use crate::lenient::{changed_lenients, lenients, lighter_lenients};
use crate::model::{
    Backoff, HalfOpen, Hang, Kind, Lenient, OnCancel, Order, Outage, Outcome, Recovery, Rules,
    Setup, State, Window,
};
use crate::ramps;

pub(crate) const US: u64 = 1_000;
pub(crate) const MS: u64 = 1_000_000;
pub(crate) const SECOND: u64 = 1_000_000_000;
pub(crate) const HOUR: u64 = 3_600 * SECOND;

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) setup: Setup,
    pub(crate) built: Built,
    pub(crate) ops: Vec<Op>,
}

/// How the same breaker is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Built {
    /// By the builder's methods, not as a `Config`.
    pub(crate) by_methods: bool,
    /// The defaults of these two are left to the crate.
    pub(crate) throughput_unnamed: bool,
    pub(crate) max_unnamed: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Op {
    /// A call from end to end.
    Call(Route, Ending),
    /// A call whose closure panics.
    Panic,
    /// The same short call again and again.
    Burst(u8, Outcome),
    /// That in each of so many ticks of the outage rule, one after the other; then, perhaps, so many successes.
    Spell(u8, u8, Outcome, u8),
    /// In each of so many ticks so many failures of a kind that is lenient then, if there is one; and so many others.
    Refused(u8, u8, usize, (u8, Ending)),
    /// Other lenient kinds, perhaps after a failure of one of those before; nothing else changes.
    Weigh(Lenient, Option<usize>),
    /// So many failures that count wholly, where runs trip at the first length; then new lenient kinds, where they trip at
    /// the second, with a failure of such a kind, and one that is perhaps of another.
    Limit(u8, [u32; 2], Lenient, usize),
    /// Under the outage rule, if that is on, and no other of the failure rules, a burst of failures, and in the next
    /// tick a lower limit; then so many failures of a lenient kind.
    Ease(u8, usize),
    /// Calls that are given up again and again; then, after a wait, once more.
    Forsaken(u8, Wait),
    /// So many short successes, after which the hang rule may watch; perhaps with a failure of a lenient kind.
    Settle(u8, Option<usize>),
    /// Calls that begin in each of so many ticks, and do not end; then, perhaps, one of those kept does.
    Hung(u8, u8, bool),
    /// Trips the breaker if it is closed; then, once it is open no longer, so many successes in a row, as of the probes
    /// that a round needs.
    Recover(u8, Took),
    /// So many rounds, one after the other, whose first probe fails.
    Lose(u8),
    /// The same calls again and again, as in the steps of a ramp.
    Steps(u8, Step),
    /// The oldest of the permits kept, so many of them, end the same way.
    EndMany(u8, Ending),
    /// The ramp is switched on or off, and perhaps a round needs so many successes; nothing else changes.
    Alter(bool, Option<u32>),
    /// The first half of a call; the permit is kept.
    Acquire(Route),
    /// The second half, of one of the permits kept.
    End(usize, Ending),
    Wait(Wait),
    Order(Order),
    /// By one that saw a generation so many transitions ago: a round from its `Open`, or that put off; its `Closed`
    /// tripped; its override released.
    OrderIn {
        ago: u64,
        order: Order,
    },
    Reconfigure(Changes),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Permit,
    Owned,
    Local,
    /// A local handle that comes and goes with the call.
    PassingLocal,
    Closure,
    LocalClosure,
    Future,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Ending {
    Result(Outcome, Took),
    Drop,
    Leak,
}

/// So many calls begin one after the other, and after that there is a wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) calls: u8,
    /// The permits of the first so many are kept.
    pub(crate) kept: u8,
    /// Each n-th of the others ends this way.
    pub(crate) odd: Option<(u8, Ending)>,
    /// The rest are successes.
    pub(crate) took: Took,
    pub(crate) wait: Wait,
}

/// How long a call says it took, or, where a route measures, how long it takes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Took {
    ByClock,
    Limit,
    JustOver,
    Nanos(u64),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Wait {
    Nanos(u64),
    /// To the start of a coming epoch, give or take a nanosecond.
    Epoch {
        ahead: u8,
        offset: i8,
    },
    /// To the start of the next tick of the outage rule, give or take a nanosecond.
    Tick {
        offset: i8,
    },
    /// To the end of `Open`, or of the patience with a round or with a ramp's step, give or take a nanosecond.
    Turn {
        offset: i8,
    },
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    pub(crate) no_failure_rules: bool,
    pub(crate) no_slow_rules: bool,
    pub(crate) no_hang_rule: bool,
    pub(crate) failure_rate: Option<f64>,
    pub(crate) min_throughput: Option<u32>,
    pub(crate) consecutive_failures: Option<u32>,
    pub(crate) failure_count: Option<u32>,
    pub(crate) outage: Option<Outage>,
    pub(crate) hang: Option<Hang>,
    pub(crate) lenient: Option<Lenient>,
    pub(crate) slow_call: Option<u64>,
    pub(crate) slow_rate: Option<f64>,
    pub(crate) backoff: Option<Backoff>,
    pub(crate) half_open: Option<HalfOpen>,
    pub(crate) on_cancel: Option<OnCancel>,
    pub(crate) max_in_flight: Option<Option<u32>>,
}

// ---- breakers

fn windows() -> impl Strategy<Value = Window> {
    // a bucket of more than 20 ms has several ticks
    let width = prop_oneof![
        select(vec![1, 3, 10, US, MS, 1_500 * US, SECOND]),
        select(vec![20 * MS - 1, 20 * MS, 20 * MS + 1, 50 * MS, 100 * MS]),
    ];
    prop_oneof![
        6 => (1..=12_u32, width).prop_map(|(buckets, width)| Window::Time { buckets, width }),
        2 => (1..=16_u32).prop_map(Window::Count),
        1 => (17..=200_u32).prop_map(Window::Count),
    ]
}

fn rates() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => select(vec![0.1, 0.3, 1.0 / 3.0, 0.5, 0.6, 2.0 / 3.0, 0.75, 0.9, 1.0]),
        1 => 0.01..1.0_f64,
    ]
}

fn outages() -> impl Strategy<Value = Outage> {
    let theta = prop_oneof![2 => Just(0.5), 1 => select(vec![0.01, 0.9]), 3 => 0.01..=0.9_f64];
    let loss = prop_oneof![2 => Just(0.002), 2 => select(vec![0.0001, 0.1]), 3 => 0.0001..=0.1_f64];
    (theta, loss).prop_map(|(theta, loss)| Outage { theta, loss })
}

fn hangs() -> impl Strategy<Value = Hang> {
    let after = prop_oneof![
        4 => (1..=100_u64).prop_map(|ms| ms * MS),
        2 => select(vec![1, 20 * MS + 1, 100 * MS, 150 * MS, SECOND]),
    ];
    let starts = prop_oneof![6 => 1..=4_u32, 1 => 5..=30_u32];
    (after, starts).prop_map(|(after, starts)| Hang { after, starts })
}

fn slow_limits() -> impl Strategy<Value = u64> {
    select(vec![1, 2, 100, MS, 5 * MS + 1, 50 * MS])
}

fn backoffs() -> impl Strategy<Value = Backoff> {
    prop_oneof![3 => growing(), 2 => adaptive()]
}

fn adaptive() -> impl Strategy<Value = Backoff> {
    let max = select(vec![
        250 * MS,
        SECOND,
        30 * SECOND,
        30 * SECOND,
        1_000 * SECOND,
    ]);
    (max, any::<u64>()).prop_map(|(max, seed)| Backoff {
        base: 250 * MS,
        factor: 1.0,
        max,
        reset_after: 0,
        adaptive: Some(seed),
    })
}

fn growing() -> impl Strategy<Value = Backoff> {
    (
        select(vec![1, US, MS, 1_500 * US, 7 * MS, SECOND]),
        // all of these are exact in a f64, as far as `max` goes
        select(vec![1.0, 1.5, 2.0, 3.0]),
        select(vec![1, 2, 5, 1_000]),
        select(vec![0, 0, 0, 1, 2 * MS, SECOND]),
    )
        .prop_map(|(base, factor, times, reset_after)| Backoff {
            base,
            factor,
            max: base * times,
            reset_after,
            adaptive: None,
        })
}

fn half_opens() -> impl Strategy<Value = HalfOpen> {
    let recovery = prop_oneof![
        (1..=4_u32).prop_map(Recovery::Successes),
        (1..=6_u32, rates(), option::weighted(0.3, rates())).prop_map(
            |(of, failure_rate, slow_rate)| Recovery::Rate {
                of,
                failure_rate,
                slow_rate
            }
        ),
    ];
    let probe_timeouts = select(vec![1, MS, 2_500 * US, 150 * MS, SECOND]);
    (
        recovery,
        1..=5_u32,
        option::weighted(0.6, probe_timeouts),
        proptest::bool::weighted(0.4),
    )
        .prop_map(|(recovery, max_probes, probe_timeout, ramp)| HalfOpen {
            recovery,
            max_probes,
            probe_timeout,
            ramp,
        })
}

fn on_cancels() -> impl Strategy<Value = OnCancel> {
    select(vec![
        OnCancel::Ignored,
        OnCancel::Ignored,
        OnCancel::Failure,
        OnCancel::FailureIfSlow,
    ])
}

/// Low ones reject often; a higher one counts.
fn limits() -> impl Strategy<Value = Option<u32>> {
    option::weighted(0.1, prop_oneof![3 => 1..=6_u32, 1 => 7..=1_000_u32])
}

fn rules() -> impl Strategy<Value = Rules> {
    (
        (option::weighted(0.6, rates()), 1..=12_u32),
        (
            option::weighted(0.6, slow_limits()),
            option::weighted(0.5, rates()),
        ),
        (
            option::weighted(0.4, 1..=6_u32),
            option::weighted(0.4, 1..=10_u32),
        ),
        (
            (option::weighted(0.6, outages()), any::<bool>()),
            (
                option::weighted(0.5, hangs()),
                proptest::bool::weighted(0.3),
            ),
        ),
        (lenients(), 0..20_u32),
        (backoffs(), half_opens(), on_cancels(), limits()),
    )
        .prop_map(
            |(mut rate, mut slow, mut counts, (mut outage, hang), (lenient, part), rest)| {
                if let (Some(_), true) = outage {
                    // alone
                    (rate.0, slow.1, counts) = (None, None, (None, None));
                }
                let mut share = 7;
                if let (Some(_), true) = hang {
                    share = 14;
                    (rate.0, slow.1, counts, outage.0) = (None, None, (None, None), None);
                } else if part < 3 {
                    // beside slow calls alone
                    (rate.0, counts, outage.0) = (None, (None, None), None);
                    slow = (slow.0.or(Some(MS)), slow.1.or(Some(0.5)));
                }
                Rules {
                    failure_rate: rate.0,
                    min_throughput: rate.1,
                    slow_call: slow.0,
                    slow_rate: slow.1,
                    consecutive_failures: counts.0,
                    failure_count: counts.1,
                    outage: outage.0,
                    hang: hang.0,
                    lenient: (part < share).then_some(lenient),
                    backoff: rest.0,
                    half_open: rest.1,
                    on_cancel: rest.2,
                    max_in_flight: rest.3,
                }
            },
        )
}

/// Takes back what `build()` would refuse.
fn permitted(mut rules: Rules, window: Window) -> Rules {
    if rules.slow_call.is_none() {
        rules.slow_rate = None;
        if let Recovery::Rate { slow_rate, .. } = &mut rules.half_open.recovery {
            *slow_rate = None;
        }
        if rules.on_cancel == OnCancel::FailureIfSlow {
            rules.on_cancel = OnCancel::Failure;
        }
    }
    if let Window::Count(size) = window {
        rules.min_throughput = rules.min_throughput.min(size);
        rules.failure_count = rules.failure_count.map(|n| n.min(size));
        rules.outage = None;
        rules.hang = None;
        rules.lenient = None;
        rules.half_open.ramp = false;
        if rules.backoff.adaptive.take().is_some() {
            rules.backoff.base = MS;
        }
    }
    let by_rate = rules.failure_rate.or(rules.slow_rate).is_some();
    let by_time = rules.outage.is_some() || rules.hang.is_some();
    if !by_rate && rules.failure_count.is_none() && !by_time {
        rules.consecutive_failures = rules.consecutive_failures.or(Some(3));
    }
    rules
}

fn setups() -> impl Strategy<Value = (Setup, Built)> {
    let states = prop_oneof![
        10 => Just(State::Closed),
        1 => Just(State::Open),
        1 => Just(State::HalfOpen),
        4 => Just(State::ObserveOnly),
        1 => select(vec![State::ForcedOpen, State::Disabled]),
    ];
    setups_of(windows(), half_opens(), states)
}

pub(crate) fn setups_of(
    windows: impl Strategy<Value = Window> + 'static,
    half_opens: impl Strategy<Value = HalfOpen> + 'static,
    states: impl Strategy<Value = State> + 'static,
) -> BoxedStrategy<(Setup, Built)> {
    let built = (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(a, b, c)| Built {
        by_methods: a,
        throughput_unnamed: b,
        max_unnamed: c,
    });
    (
        windows,
        (rules(), half_opens),
        states,
        select(vec![0, 1, 7, 999_999, 12_345_678_901]),
        built,
    )
        .prop_map(|(window, (mut rules, half_open), initial, origin, built)| {
            rules.half_open = half_open;
            if built.throughput_unnamed {
                rules.min_throughput = 5;
            }
            if built.max_unnamed {
                rules.backoff.max = match rules.backoff.adaptive {
                    Some(_) if matches!(window, Window::Time { .. }) => 30 * SECOND,
                    _ => 600 * SECOND,
                };
            }
            (
                Setup {
                    window,
                    rules: permitted(rules, window),
                    initial,
                    origin,
                },
                built,
            )
        })
        .boxed()
}

// ---- operations

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![
        select(vec![Kind::Timeout, Kind::Connect, Kind::Overload]),
        select(vec![Kind::Server, Kind::Client, Kind::Data]),
        any::<u8>().prop_map(Kind::Other),
    ]
}

/// `failing` of ten results are failures.
fn outcomes(failing: u32) -> impl Strategy<Value = Outcome> {
    let own_wait = option::weighted(0.1, select(vec![0, 1, MS, 3 * MS + 1, 10_000 * SECOND]));
    prop_oneof![
        20 - 2 * failing => Just(Outcome::Success),
        2 * failing => (kinds(), own_wait).prop_map(|(kind, wait)| Outcome::Failure(kind, wait)),
        1 => Just(Outcome::Ignored),
    ]
}

pub(crate) fn endings(failing: u32) -> impl Strategy<Value = Ending> {
    let took = prop_oneof![
        4 => Just(Took::ByClock),
        1 => Just(Took::Limit),
        2 => Just(Took::JustOver),
        1 => select(vec![0, 1, MS, 40 * SECOND]).prop_map(Took::Nanos),
    ];
    prop_oneof![
        20 => (outcomes(failing), took).prop_map(|(outcome, took)| Ending::Result(outcome, took)),
        2 => Just(Ending::Drop),
        1 => Just(Ending::Leak),
    ]
}

fn routes(whole: bool) -> impl Strategy<Value = Route> {
    use Route::{Closure, Future, Local, LocalClosure, Owned, PassingLocal, Permit};
    let halves = vec![Permit, Owned, Local, Local, Future];
    select(if whole {
        [halves, vec![PassingLocal, Closure, LocalClosure]].concat()
    } else {
        halves
    })
}

fn waits() -> impl Strategy<Value = Wait> {
    prop_oneof![
        3 => (0..=12_u64).prop_map(Wait::Nanos),
        2 => select(vec![999, US, MS, MS + 1, 10 * MS, SECOND, 700 * SECOND]).prop_map(Wait::Nanos),
        4 => (prop_oneof![3 => 0..=1_u8, 1 => 0..=13_u8], -1..=1_i8)
            .prop_map(|(ahead, offset)| Wait::Epoch { ahead, offset }),
        6 => select(vec![-1_i8, 0, 0, 0, 1]).prop_map(|offset| Wait::Tick { offset }),
        9 => select(vec![-1_i8, 0, 0, 0, 1]).prop_map(|offset| Wait::Turn { offset }),
    ]
}

fn orders() -> impl Strategy<Value = Order> {
    let spans = select(vec![0, 1, MS, 2 * MS + 1, 30 * SECOND]);
    prop_oneof![
        3 => Just(Order::Trip),
        2 => spans.clone().prop_map(Order::TripFor),
        3 => Just(Order::HalfOpen),
        2 => Just(Order::Reset),
        5 => Just(Order::Release),
        3 => select(vec![Order::ForceOpen, Order::Disable, Order::ObserveOnly]),
        2 => spans.prop_map(Order::Postpone),
    ]
}

fn orders_in() -> impl Strategy<Value = Op> {
    let spans = select(vec![1, 2 * MS + 1, 30 * SECOND]);
    let orders = prop_oneof![
        2 => Just(Order::HalfOpen),
        2 => spans.prop_map(Order::Postpone),
        1 => Just(Order::TripByPeers),
        1 => Just(Order::Release),
    ];
    (prop_oneof![3 => Just(0), 1 => 1..=3_u64], orders)
        .prop_map(|(ago, order)| Op::OrderIn { ago, order })
}

pub(crate) fn changes() -> impl Strategy<Value = Changes> {
    let refused = select(vec![(f64::NAN, 0.002), (0.009, 0.002), (0.5, 0.11)]);
    let outages = prop_oneof![
        12 => outages(),
        1 => refused.prop_map(|(theta, loss)| Outage { theta, loss }),
    ];
    let refused = select(vec![(0, 1), (1 << 40, 1), (MS, 0), (MS, 1_001)]);
    let hangs = prop_oneof![
        12 => hangs(),
        1 => refused.prop_map(|(after, starts)| Hang { after, starts }),
    ];
    let runs = prop_oneof![30 => 1..=6_u32, 1 => select(vec![(1 << 29) - 1, 1 << 29])];
    let bad = prop_oneof![12 => rates(), 1 => Just(1.5), 1 => Just(0.0)];
    (
        (
            option::weighted(0.3, bad),
            option::weighted(0.3, 1..=12_u32),
        ),
        (
            option::weighted(0.3, runs),
            option::weighted(0.3, 1..=10_u32),
        ),
        (
            option::weighted(0.3, slow_limits()),
            option::weighted(0.2, rates()),
        ),
        (
            proptest::bool::weighted(0.3),
            proptest::bool::weighted(0.2),
            proptest::bool::weighted(0.2),
        ),
        (
            option::weighted(0.4, outages),
            option::weighted(0.4, hangs),
            option::weighted(0.3, changed_lenients()),
        ),
        option::weighted(0.3, backoffs()),
        option::weighted(0.3, half_opens()),
        (
            option::weighted(0.2, on_cancels()),
            option::weighted(0.1, limits()),
        ),
    )
        .prop_map(
            |(rate, counts, slow, none, adaptive, backoff, half_open, rest)| Changes {
                no_failure_rules: none.0,
                no_slow_rules: none.1 && slow.0.is_some(),
                no_hang_rule: none.2,
                failure_rate: rate.0,
                min_throughput: rate.1,
                consecutive_failures: counts.0,
                failure_count: counts.1,
                outage: adaptive.0,
                hang: adaptive.1,
                lenient: adaptive.2,
                slow_call: slow.0,
                slow_rate: slow.1,
                backoff,
                half_open,
                on_cancel: rest.0,
                max_in_flight: rest.1,
            },
        )
}

fn lenient_ops(failing: u32) -> impl Strategy<Value = Op> {
    let slow = Ending::Result(Outcome::Success, Took::JustOver);
    let last = prop_oneof![1 => Just(slow), 2 => endings(failing)];
    prop_oneof![
        5 * failing => (1..=4_u8, 1..=8_u8, any::<usize>(), (1..=6_u8, last))
            .prop_map(|(ticks, times, which, end)| Op::Refused(ticks, times, which, end)),
        6 * failing => (1..=3_u8, any::<usize>())
            .prop_map(|(times, which)| Op::Ease(times, which)),
        2 * failing => (1..=6_u8, uniform2(1..=6_u32), lighter_lenients(), any::<usize>())
            .prop_map(|(times, limits, lenient, which)| Op::Limit(times, limits, lenient, which)),
        10 => (changed_lenients(), option::of(any::<usize>()))
            .prop_map(|(lenient, which)| Op::Weigh(lenient, which)),
    ]
}

/// In a box: a strategy of many parts is large, and is moved about on the stack.
pub(crate) fn ops(failing: u32) -> BoxedStrategy<Op> {
    prop_oneof![
        24 => (routes(true), endings(failing)).prop_map(|(route, end)| Op::Call(route, end)),
        1 => Just(Op::Panic),
        2 => (1..=40_u8, outcomes(failing)).prop_map(|(times, outcome)| Op::Burst(times, outcome)),
        4 => (1..=5_u8, 1..=12_u8, outcomes(failing), prop_oneof![Just(0), 1..=20_u8, 20..=60_u8])
            .prop_map(|(ticks, times, outcome, after)| Op::Spell(ticks, times, outcome, after)),
        2 + failing => lenient_ops(failing),
        2 => (1..=6_u8, select(vec![-1_i8, 0, 0, 1]))
            .prop_map(|(times, offset)| Op::Forsaken(times, Wait::Turn { offset })),
        3 => (15..=25_u8, option::weighted(0.7, any::<usize>()))
            .prop_map(|(times, which)| Op::Settle(times, which)),
        8 => (1..=9_u8, 0..=4_u8, proptest::bool::weighted(0.3))
            .prop_map(|(ticks, times, ends)| Op::Hung(ticks, times, ends)),
        8 => routes(false).prop_map(Op::Acquire),
        8 => (any::<usize>(), endings(failing)).prop_map(|(which, end)| Op::End(which, end)),
        18 => waits().prop_map(Op::Wait),
        2 => orders().prop_map(Op::Order),
        2 => orders_in(),
        2 => changes().prop_map(Op::Reconfigure),
    ]
    .boxed()
}

pub(crate) fn plans() -> impl Strategy<Value = Plan> {
    let any = (0..=10_u32)
        .prop_flat_map(|failing| (setups(), vec(ops(failing), 1..=100)))
        .prop_map(|((setup, built), ops)| Plan { setup, built, ops });
    prop_oneof![3 => any, 1 => ramps::plans()]
}
