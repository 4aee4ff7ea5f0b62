//! The dependencies: simulated by threads, each with outages of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tripcoil::call::OwnedPermit;
use tripcoil::registry::{Registry, RegistryController};
use tripcoil::{Backoff, Breaker, Builder, FailureKind, HalfOpen, Hang, Outage, Outcome, Window};

/// A dependency, in seconds of a play that begins anew when it is over.
struct Part {
    name: &'static str,
    /// Start, end, and fault.
    outages: &'static [(u64, u64, Wrong)],
    /// Calls per second.
    pace: u32,
}

#[derive(Clone, Copy)]
enum Wrong {
    /// This many of ten calls fail.
    Fails(u64),
    /// Each call takes longer than the slow limit.
    Slow,
    /// Calls never return.
    Hangs,
}

const PARTS: [Part; 5] = [
    Part {
        name: "cache",
        outages: &[(14, 15, Wrong::Fails(10))],
        pace: 90,
    },
    Part {
        name: "inventory",
        outages: &[(8, 13, Wrong::Slow)],
        pace: 40,
    },
    Part {
        name: "mail",
        outages: &[(18, 26, Wrong::Hangs)],
        pace: 12,
    },
    Part {
        name: "payments",
        outages: &[(2, 9, Wrong::Fails(10)), (20, 24, Wrong::Fails(7))],
        pace: 30,
    },
    Part {
        name: "search",
        outages: &[(4, 7, Wrong::Fails(4)), (16, 19, Wrong::Fails(9))],
        pace: 60,
    },
];
const LENGTH: u64 = 30;

/// A call that takes longer is slow.
const PATIENCE: Duration = Duration::from_millis(50);

pub(crate) struct World {
    pub(crate) registry: Registry<String>,
    pub(crate) controller: RegistryController<String>,
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

/// Some by rates, and some by evidence: `mail` may hang as well.
fn template(name: &str) -> Builder {
    let breaker = Breaker::builder(name);
    let breaker = match name {
        "mail" => breaker
            .outage(Outage::at(0.5))
            .hang(Hang::default().starts(5)),
        "search" => breaker.outage(Outage::at(0.3)),
        _ => breaker.failure_rate(0.5).min_throughput(10).slow_rate(0.8),
    };
    breaker
        .window(Window::time(Duration::from_secs(5)).buckets(10))
        .slow_call(PATIENCE)
        .open_for(
            Backoff::exponential(Duration::from_secs(1), 1.5)
                .max(Duration::from_secs(4))
                .jitter(0.1),
        )
        .half_open(
            HalfOpen::successes(5)
                .max_probes(2)
                .probe_timeout(Duration::from_secs(2)),
        )
}

impl World {
    pub(crate) fn begin() -> World {
        let (registry, controller) =
            Registry::builder(|name: &String| template(name)).build_with_controller();
        let over = Arc::new(AtomicBool::new(false));
        let begun = Instant::now();
        let threads = PARTS.iter().map(|part| {
            let (registry, over) = (registry.clone(), over.clone());
            thread::spawn(move || {
                // kept, so that it is not forgotten while nothing is called
                let Ok(breaker) = registry.get(part.name) else {
                    return;
                };
                let mut calls = 0;
                let mut hanging = Vec::new();
                while !over.load(Ordering::Relaxed) {
                    calls += 1;
                    let now = begun.elapsed().as_secs() % LENGTH;
                    let wrong = part.wrong(now);
                    if !matches!(wrong, Some(Wrong::Hangs)) {
                        // the connections break at last
                        hanging
                            .drain(..)
                            .for_each(|permit: OwnedPermit| permit.failure(FailureKind::Connect));
                    }
                    hanging.extend(call(&breaker, wrong, calls));
                    // not quite even, as no traffic is
                    let pause = Duration::from_secs(1) / part.pace;
                    thread::sleep(pause * (50 + (calls * 37 % 100) as u32) / 100);
                }
            })
        });
        World {
            threads: threads.collect(),
            registry,
            controller,
            over,
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Part {
    fn wrong(&self, now: u64) -> Option<Wrong> {
        let mut outages = self.outages.iter();
        outages
            .find(|(from, to, _)| (*from..*to).contains(&now))
            .map(|o| o.2)
    }
}

/// Durations are given, not waited for: one thread plays many callers. Returns a call that hangs.
fn call(breaker: &Breaker, wrong: Option<Wrong>, calls: u64) -> Option<OwnedPermit> {
    let permit = breaker.try_acquire_owned().ok()?;
    let quick = PATIENCE / 5;
    match wrong {
        Some(Wrong::Fails(of_ten)) if calls * 7 % 10 < of_ten => {
            permit.record_timed(Outcome::Failure(FailureKind::Server), quick);
        }
        Some(Wrong::Slow) => permit.record_timed(Outcome::Success, PATIENCE * 2),
        // while closed, the hang rule sees it; of a probe, only the timeout ends the round
        Some(Wrong::Hangs) => return Some(permit),
        // one of a hundred, as on a good day
        _ if calls.is_multiple_of(100) => permit.failure(FailureKind::Data),
        _ => permit.record_timed(Outcome::Success, quick),
    }
    None
}
