//! How the models are run, and what they have in common.
//!
//! A model is a closure that loom runs once for every interleaving of its threads' accesses to the
//! protocol's words, up to a number of preemptions. Each model says its bound. The clock is the
//! manual one, and stands still while threads run: loom does not see it, and so would not explore
//! when it moves.

#[cfg(not(tripcoil_loom))]
compile_error!(
    "without RUSTFLAGS=\"--cfg tripcoil_loom\" no model explores anything: use ci/loom.sh"
);

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tripcoil::{
    Backoff, Breaker, Builder, Cause, Controller, FailureKind, HalfOpen, ManualClock, Outcome,
    Snapshot, State, Window,
};

/// Width of a bucket in the models.
pub const EPOCH: Duration = Duration::from_secs(1);
/// How long Open lasts in the models.
pub const OPEN: Duration = Duration::from_secs(1);
/// What lasts longer is slow, in the models that ask.
pub const SLOW: Duration = Duration::from_millis(1);

/// More accesses than the longest of the models has. A thread that waits for another one, which
/// loom has stopped, spins until it has made as many, and the model fails: so each model is one of
/// lock-freedom too (I7).
const ACCESSES: usize = 20_000;

/// The preemptions of a quick run. `ci/loom.sh --full` goes to each model's own bound.
const QUICK: usize = 2;

/// Runs a model in every interleaving with at most `bound` preemptions (`None`: in every one), or
/// in a quick run with at most two, and prints and returns how many executions that took.
///
/// # Panics
///
/// If an execution of the model does; if the environment tells loom to stop early, which it does
/// silently and green; and if there was but one execution, since then nothing was interleaved.
pub fn explore(name: &str, bound: Option<usize>, model: impl Fn() + Send + Sync + 'static) -> u64 {
    for forbidden in [
        "LOOM_MAX_DURATION",
        "LOOM_MAX_PERMUTATIONS",
        "LOOM_CHECKPOINT_FILE",
    ] {
        assert!(
            std::env::var_os(forbidden).is_none(),
            "{forbidden} cuts the exploration short: unset it"
        );
    }
    let full = std::env::var_os("TRIPCOIL_LOOM_FULL").is_some();
    let bound = if full {
        bound
    } else {
        Some(bound.map_or(QUICK, |b| b.min(QUICK)))
    };
    let executions = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&executions);
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = bound;
    builder.max_branches = ACCESSES;
    let begun = Instant::now();
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        model();
    });
    let executions = executions.load(Ordering::Relaxed);
    let bound = bound.map_or("none".to_owned(), |bound| bound.to_string());
    println!(
        "{name}: bound {bound}, {executions} executions, {:.1} s",
        begun.elapsed().as_secs_f64()
    );
    assert!(executions > 1, "{name}: nothing was interleaved");
    executions
}

/// `mine` on this thread against `other` on a second one, to the end of both.
///
/// # Panics
///
/// If either does.
pub fn race<A, B: 'static>(
    mine: impl FnOnce() -> A,
    other: impl FnOnce() -> B + 'static,
) -> (A, B) {
    let other = loom::thread::spawn(other);
    let mine = mine();
    (mine, other.join().expect("the other thread ends"))
}

/// One call, from end to end.
pub fn succeed(breaker: &Breaker) {
    if let Ok(permit) = breaker.try_acquire() {
        permit.success();
    }
}

/// One call that fails.
pub fn fail(breaker: &Breaker) {
    if let Ok(permit) = breaker.try_acquire() {
        permit.failure(FailureKind::Server);
    }
}

/// One call that succeeds slowly, where the breaker times calls.
pub fn succeed_slowly(breaker: &Breaker) {
    if let Ok(permit) = breaker.try_acquire() {
        permit.record_timed(Outcome::Success, SLOW * 2);
    }
}

/// One call that fails, and asks for a wait of its own.
pub fn fail_asking_for(breaker: &Breaker, wait: Duration) {
    if let Ok(permit) = breaker.try_acquire() {
        permit.record(Outcome::Failure(FailureKind::Overload).with_retry_after(wait));
    }
}

/// A breaker with a window of two epochs, its controller and its clock.
///
/// # Panics
///
/// If the configuration is refused.
pub fn model_breaker(rule: impl FnOnce(Builder) -> Builder) -> (Breaker, Controller, ManualClock) {
    let clock = ManualClock::new();
    let builder = Breaker::builder("model")
        .clock(&clock)
        .window(Window::time(EPOCH * 2).buckets(2))
        .open_for(OPEN);
    let built = rule(builder).build_with_controller();
    let (breaker, controller) = built.expect("a valid configuration");
    (breaker, controller, clock)
}

/// One that opens at `failures` in the window.
pub fn by_count(failures: u32) -> (Breaker, Controller, ManualClock) {
    model_breaker(|rules| rules.failure_count(failures))
}

/// One that opens at `failures` in a row.
pub fn by_run(failures: u32) -> (Breaker, Controller, ManualClock) {
    model_breaker(|rules| rules.consecutive_failures(failures))
}

/// One that opens at that rate of failures, once there are `calls`.
pub fn by_rate(rate: f64, calls: u32) -> (Breaker, Controller, ManualClock) {
    model_breaker(|rules| rules.failure_rate(rate).min_throughput(calls))
}

/// One that opens at that rate of slow calls, once there are `calls`.
pub fn by_slow_rate(rate: f64, calls: u32) -> (Breaker, Controller, ManualClock) {
    model_breaker(|rules| {
        let rules = rules.no_failure_rules().slow_call(SLOW);
        rules.slow_rate(rate).min_throughput(calls)
    })
}

/// A breaker that is open, and whose wait is over.
///
/// # Panics
///
/// If the configuration is refused.
pub fn ready_to_probe(half_open: HalfOpen) -> (Breaker, Controller, ManualClock) {
    let (breaker, controller, clock) =
        model_breaker(|rules| rules.consecutive_failures(1).half_open(half_open));
    assert!(controller.trip());
    clock.advance(OPEN);
    (breaker, controller, clock)
}

/// A breaker that has been open for that long, by that backoff, and whose wait is over.
///
/// # Panics
///
/// If the configuration is refused.
pub fn ready_to_probe_after(
    backoff: Backoff,
    open: Duration,
) -> (Breaker, Controller, ManualClock) {
    let (breaker, controller, clock) =
        model_breaker(|rules| rules.consecutive_failures(1).open_for(backoff));
    assert!(controller.trip());
    clock.advance(open);
    (breaker, controller, clock)
}

/// Calls that have ended, or were never made.
pub fn all_told(seen: &Snapshot) -> u64 {
    let t = seen.totals;
    t.successes + t.failures + t.ignored + t.cancelled + t.late + t.rejected
}

/// What holds of every breaker when all calls have returned: each transition has exactly one
/// event, their generations rise by one, and each begins where the one before ended.
///
/// # Panics
///
/// If it does not hold.
pub fn check_history(breaker: &Breaker) -> Snapshot {
    let observer = breaker.observer();
    let snapshot = observer.snapshot();
    let history = observer.history();
    assert_eq!(
        history.len() as u64,
        snapshot.transitions.min(4),
        "an event for each transition"
    );
    let last = history.last().map_or(0, |event| event.generation);
    assert_eq!(
        last, snapshot.generation,
        "the last event is the present generation's"
    );
    let mut state = history.first().map_or(State::Closed, |event| event.from);
    for pair in history.windows(2) {
        assert_eq!(pair[0].generation + 1, pair[1].generation, "{history:?}");
    }
    for event in &history {
        assert_eq!(event.from, state, "{history:?}");
        state = event.to;
    }
    assert_eq!(state, snapshot.state, "{history:?}");
    snapshot
}

/// Open since the failure that brought the window to this many.
///
/// # Panics
///
/// If it is not.
pub fn tripped_at(breaker: &Breaker, failures: u64, generation: u64) {
    let seen = check_history(breaker);
    assert_eq!(
        (seen.state, seen.generation),
        (State::Open, generation),
        "missed: {seen:?}"
    );
    let event = breaker.observer().history().pop().expect("an event");
    assert_eq!(
        (event.cause, event.counts.failures),
        (Cause::FailureCount, failures),
        "{event:?}"
    );
}
