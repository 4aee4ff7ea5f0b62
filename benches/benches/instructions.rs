//! The calls whose instructions ci/instructions.sh counts, one a process: callgrind collects while
//! it is inside `measured`, so that nothing of the preparation is in a count.
//!
//! Without a name it makes every call once and prints the names.
//!
//! Counts must repeat exactly: the clock is a manual one, there is one thread, and what is set up
//! lazily (a thread's own slots in arc-swap) is set up before.

use std::hint::black_box;
use std::time::Duration;
use tripcoil::{Breaker, ManualClock, State};
use tripcoil_benches::dependency;

/// The symbol that callgrind is told; nothing else may have this word in its name.
#[inline(never)]
fn measured<T>(call: impl FnOnce() -> T) {
    black_box(call());
}

/// A breaker in use: it has counted, and it has turned an epoch.
struct Rig {
    breaker: Breaker,
    clock: ManualClock,
}

const BUCKET: Duration = Duration::from_secs(1);
const SUCCESSES: u32 = 100;

impl Rig {
    fn new() -> Rig {
        let clock = ManualClock::new();
        let breaker = Breaker::builder("counted")
            .failure_rate(0.5)
            .min_throughput(10)
            .clock(&clock)
            .build()
            .expect("these settings are valid");
        let rig = Rig { breaker, clock };
        rig.call(SUCCESSES / 2, true);
        rig.clock.advance(BUCKET);
        rig.call(SUCCESSES / 2, true);
        rig
    }

    fn call(&self, times: u32, ok: bool) {
        for _ in 0..times {
            let _ = self.breaker.call(|| dependency(ok));
        }
    }

    fn ends(&self, state: State) {
        assert_eq!(self.breaker.state(), state);
    }
}

type Case = (&'static str, fn(Rig));

const CASES: [Case; 7] = [
    ("success", |rig| {
        measured(|| rig.breaker.call(|| dependency(true)));
        rig.ends(State::Closed);
    }),
    ("fallback-success", |rig| {
        measured(|| {
            rig.breaker
                .call_or(|| dependency(true), |_| Default::default())
        });
        rig.ends(State::Closed);
    }),
    ("local-success", |rig| {
        let local = rig.breaker.local();
        let _ = local.call(|| dependency(true));
        measured(|| local.call(|| dependency(true)));
        rig.ends(State::Closed);
    }),
    ("failure", |rig| {
        rig.call(1, false);
        measured(|| rig.breaker.call(|| dependency(false)));
        rig.ends(State::Closed);
    }),
    ("rejection", |rig| {
        rig.call(SUCCESSES, false);
        measured(|| rig.breaker.call(|| dependency(true)));
        rig.ends(State::Open);
    }),
    ("rotation", |rig| {
        rig.clock.advance(BUCKET);
        measured(|| rig.breaker.call(|| dependency(true)));
        rig.ends(State::Closed);
    }),
    ("trip", |rig| {
        // the next one makes half of them failures
        rig.call(SUCCESSES - 1, false);
        rig.ends(State::Closed);
        measured(|| rig.breaker.call(|| dependency(false)));
        rig.ends(State::Open);
    }),
];

fn main() {
    // cargo's own arguments are flags
    let named = std::env::args().skip(1).find(|a| !a.starts_with('-'));
    for (name, case) in CASES {
        if named.as_deref().is_none_or(|n| n == name) {
            case(Rig::new());
            println!("{name}");
        }
    }
}
