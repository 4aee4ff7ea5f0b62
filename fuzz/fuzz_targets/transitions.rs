//! Any control word, goal, window and rules: the state machine does not panic, moves the generation by
//! one or not at all, and goes only where its table says.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use tripcoil::fuzzing::transitions;
use tripcoil::{Config, ManualClock};

type Input = (u64, u64, [u32; 3], u64, [Option<u32>; 3], [Option<u32>; 2]);

fuzz_target!(|input: Input| {
    let (bits, goal, window, before, [run, count, least], [failed, slow]) = input;
    // the edges too: a rate of one, and one of a call in four thousand million
    let rate = |n: u32| (f64::from(n) + 1.0) / 4_294_967_296.0;
    let config = Config {
        consecutive_failures: run,
        failure_count: count,
        min_throughput: least,
        failure_rate: failed.map(rate),
        slow_rate: slow.map(rate),
        slow_call: slow.map(|_| Duration::from_millis(1)),
        clock: ManualClock::new().into(),
        ..Config::default()
    };
    // small windows more often than the whole range would give
    let small = window.map(|n| if n & 1 == 0 { n >> 1 } else { n >> 1 & 0xFF });
    transitions(bits, goal, small, before, &config);
});
