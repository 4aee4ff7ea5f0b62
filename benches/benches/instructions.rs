//! The calls whose instructions ci/instructions.sh counts, one a process: callgrind collects while
//! it is inside `measured`, so that nothing of the preparation is in a count.
//!
//! Without a name it makes every call once and prints the names.
//!
//! Counts must repeat exactly: the clock is a manual one, there is one thread, and what is set up
//! lazily (a thread's own slots in arc-swap) is set up before.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;
use tripcoil::fleet::{Fleet, MemoryStore};
use tripcoil::{Breaker, Controller, ManualClock, State};
use tripcoil_benches::dependency;

/// The symbol that callgrind is told; nothing else may have this word in its name.
#[inline(never)]
fn measured<T>(call: impl FnOnce() -> T) {
    black_box(call());
}

/// A breaker in use: it has counted, and it has turned an epoch.
struct Rig {
    breaker: Breaker,
    controller: Arc<Controller>,
    clock: ManualClock,
}

const BUCKET: Duration = Duration::from_secs(1);
const SUCCESSES: u32 = 100;

impl Rig {
    fn new() -> Rig {
        let clock = ManualClock::new();
        let (breaker, controller) = Breaker::builder("counted")
            .failure_rate(0.5)
            .min_throughput(10)
            .clock(&clock)
            .build_with_controller()
            .expect("these settings are valid");
        let rig = Rig {
            breaker,
            controller: Arc::new(controller),
            clock,
        };
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

    /// An agent has looked at it several times, and the store has answered.
    fn joins(&self) -> Fleet<MemoryStore> {
        let fleet = Fleet::builder("counted", MemoryStore::new()).instance("one");
        let fleet = fleet.build().expect("these settings are valid");
        fleet.join(self.controller.clone());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        runtime.expect("a runtime").block_on(async {
            let seen = async {
                while !fleet.link().up || fleet.view("counted").is_none() {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            };
            tokio::select! {
                never = fleet.run() => match never {},
                () = seen => {}
            }
        });
        fleet
    }

    fn ends(&self, state: State) {
        assert_eq!(self.breaker.state(), state);
    }
}

type Case = (&'static str, fn(Rig));

const CASES: [Case; 9] = [
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
    ("fleet-success", |rig| {
        let _fleet = rig.joins();
        measured(|| rig.breaker.call(|| dependency(true)));
        rig.ends(State::Closed);
    }),
    ("fleet-rejection", |rig| {
        let _fleet = rig.joins();
        rig.call(SUCCESSES, false);
        measured(|| rig.breaker.call(|| dependency(true)));
        rig.ends(State::Open);
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
