//! The other bytes: two for each operation, and the first bit says whose it is.
//!
//! So an operation that the fuzzer inserts or removes changes nothing about the others.

use std::time::Duration;

/// Operations of both scripts together.
const LONGEST: usize = 192;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Op {
    Call(Route, Ending),
    /// The first half of a call, the permit of which is kept; the oldest one ends, if there are many.
    Hold(Ending),
    /// The second half, of the oldest one.
    End(Ending),
    /// The local handle goes, and another one comes.
    NewLocal,
    NoLocal,
    Order(Order),
    Reconfigure(u8),
    Advance(Duration),
    Look,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Route {
    Permit,
    Owned,
    Local,
    Closure,
    /// By the local handle, with an order between its two halves.
    Across(Order),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ending {
    Success,
    Failure,
    OwnWait,
    SlowSuccess,
    SlowFailure,
    Ignore,
    Drop,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Order {
    Trip,
    TripForNothing,
    HalfOpen,
    Reset,
    Release,
    ForceOpen,
    Disable,
    ObserveOnly,
    Postpone,
}

pub(crate) fn scripts(data: &[u8]) -> [Vec<Op>; 2] {
    let mut scripts = [Vec::new(), Vec::new()];
    let (pairs, _) = data.as_chunks::<2>();
    for &[what, how] in pairs.iter().take(LONGEST) {
        scripts[usize::from(what >> 7)].push(op(what & 0x7f, how));
    }
    scripts
}

fn op(what: u8, how: u8) -> Op {
    match what % 24 {
        0..=3 => Op::Call(Route::Permit, ending(how)),
        4 | 5 => Op::Call(Route::Owned, ending(how)),
        6..=8 => Op::Call(Route::Local, ending(how)),
        9 | 10 => Op::Call(Route::Closure, ending(how)),
        11 => Op::Call(Route::Across(order(how >> 4)), ending(how & 15)),
        12 | 13 => Op::Hold(ending(how)),
        14 | 15 => Op::End(ending(how)),
        16 => Op::NewLocal,
        17 => Op::NoLocal,
        18 | 19 => Op::Order(order(how)),
        20 => Op::Reconfigure(how),
        21 | 22 => Op::Advance(Duration::from_nanos(u64::from(how) << (how % 4 * 5))),
        _ => Op::Look,
    }
}

fn ending(how: u8) -> Ending {
    match how % 12 {
        0..=3 => Ending::Success,
        4..=6 => Ending::Failure,
        7 => Ending::OwnWait,
        8 => Ending::SlowSuccess,
        9 => Ending::SlowFailure,
        10 => Ending::Ignore,
        _ => Ending::Drop,
    }
}

fn order(how: u8) -> Order {
    match how % 12 {
        0 => Order::Trip,
        1 | 2 => Order::TripForNothing,
        3 => Order::HalfOpen,
        4 => Order::Reset,
        5..=7 => Order::Release,
        8 => Order::ForceOpen,
        9 => Order::Disable,
        10 => Order::ObserveOnly,
        _ => Order::Postpone,
    }
}
