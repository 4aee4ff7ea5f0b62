//! How the schedules are run, and what they have in common.
//!
//! A *plan* is what 4 to 8 threads are to do; shuttle runs it again and again, and at each access of a
//! word chooses the thread that goes on: at random, by priorities that change a few times (PCT), and
//! both of them with threads that are stopped for good. Plans are rolled from seeds until the test's
//! time is over. What fails is printed with its plan and with its schedule, and belongs in
//! `tests/kept.rs`.

#[cfg(not(tripcoil_shuttle))]
compile_error!(
    "without RUSTFLAGS=\"--cfg tripcoil_shuttle\" no schedule is chosen: use ci/schedules.sh"
);

pub mod dice;
pub mod keys;
#[path = "../../../tests/model/mod.rs"]
mod model;
pub mod plan;
pub mod stopping;
#[allow(dead_code, reason = "of the histories")]
#[path = "../../../tests/histories/words.rs"]
mod words;
pub mod world;

use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use shuttle::scheduler::{PctScheduler, RandomScheduler, ReplayScheduler, Scheduler};
use shuttle::{Config, FailurePersistence, MaxSteps, Runner};

use crate::stopping::{Manner, Stopping};

/// Accesses of all threads in one execution. The longest takes a twentieth; a thread that waits for
/// another one, which is stopped, makes as many, and the plan fails.
const ACCESSES: usize = 400_000;

/// Executions of a plan by one scheduler.
const TURNS: usize = 24;

/// Seconds for a test that explores.
const SECONDS: u64 = 5;

fn number(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(number) => number.parse().expect("a number"),
        Err(_) => default,
    }
}

/// How threads are scheduled.
#[derive(Clone, Copy, Debug)]
enum By {
    Random,
    /// With priorities, and so many changes of them.
    Priorities(usize),
}

const ALL: [(By, Manner); 8] = [
    (By::Priorities(2), Manner::Fair),
    (By::Random, Manner::Fair),
    (By::Priorities(3), Manner::Fair),
    (By::Priorities(3), Manner::OneStops),
    (By::Priorities(5), Manner::Fair),
    (By::Random, Manner::OneStops),
    (By::Priorities(8), Manner::Fair),
    (By::Random, Manner::OneGoesOn),
];

fn config() -> Config {
    let mut config = Config::new();
    // the check of a history goes as deep as the history is long
    config.stack_size = 1 << 22;
    config.failure_persistence = FailurePersistence::Print;
    config.max_steps = MaxSteps::FailAfter(ACCESSES);
    config.silence_warnings = true;
    config
        .ungraceful_shutdown_config
        .immediately_return_on_panic = true;
    config
}

fn run(scheduler: impl Scheduler + 'static, work: Arc<dyn Fn() + Send + Sync>) -> u64 {
    Runner::new(scheduler, config()).run(move || work()) as u64
}

/// Executions of that plan by that scheduler.
fn turns(by: By, manner: Manner, seed: u64, work: Arc<dyn Fn() + Send + Sync>) -> u64 {
    match by {
        By::Random => {
            let inner = RandomScheduler::new_from_seed(seed, TURNS);
            run(Stopping::new(inner, manner, seed), work)
        }
        By::Priorities(changes) => {
            let inner = PctScheduler::new_from_seed(seed, changes + 1, TURNS);
            run(Stopping::new(inner, manner, seed), work)
        }
    }
}

/// Runs plans, each made of its seed, until the time is over; how many executions that were.
///
/// `TRIPCOIL_SECONDS` is the time of each test, and `TRIPCOIL_SEED` the first seed.
///
/// # Panics
///
/// If an execution of a plan does, with the plan and the schedule.
pub fn explore<P: Debug + Clone + Send + Sync + 'static>(
    name: &str,
    make: impl Fn(u64) -> P,
    work: fn(&P),
) -> u64 {
    let limit = Duration::from_secs(number("TRIPCOIL_SECONDS", SECONDS));
    let (begun, mut executions, mut plans) = (Instant::now(), 0, 0);
    let mut seed = number("TRIPCOIL_SEED", 1);
    while begun.elapsed() < limit {
        executions += every_way(name, &make(seed), seed, work);
        plans += 1;
        seed += 1;
    }
    println!(
        "{name}: {plans} plans, {executions} executions, {:.1} s, {} accesses in the longest operation",
        begun.elapsed().as_secs_f64(),
        stopping::longest(),
    );
    executions
}

/// Runs one plan under each scheduler.
///
/// # Panics
///
/// If an execution does.
pub fn every_way<P: Debug + Clone + Send + Sync + 'static>(
    name: &str,
    plan: &P,
    seed: u64,
    work: fn(&P),
) -> u64 {
    let mut executions = 0;
    for (by, manner) in ALL {
        let mine = plan.clone();
        let work: Arc<dyn Fn() + Send + Sync> = Arc::new(move || work(&mine));
        let run = || turns(by, manner, seed, work);
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(n) => executions += n,
            Err(panic) => {
                eprintln!("{name}: seed {seed}, {by:?}, {manner:?}: {plan:?}");
                resume_unwind(panic);
            }
        }
    }
    executions
}

/// Runs a plan by a schedule that shuttle once printed, as far as it still fits, and then under each
/// scheduler. Without a schedule there is the latter alone.
///
/// # Panics
///
/// If an execution does.
pub fn again<P: Debug + Clone + Send + Sync + 'static>(
    name: &str,
    plan: &P,
    schedule: &str,
    work: fn(&P),
) {
    if !schedule.is_empty() {
        let mine = plan.clone();
        let mut replay = ReplayScheduler::new_from_encoded(schedule);
        replay.set_allow_incomplete();
        run(replay, Arc::new(move || work(&mine)));
    }
    every_way(name, plan, 1, work);
}
