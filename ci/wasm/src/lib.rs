//! A breaker where there is no clock: `run.mjs` calls these, each of which answers 1 if all is well.

use std::time::Duration;

use tripcoil::clock::TimeSource;
use tripcoil::{Backoff, Breaker, Clock, Config, ManualClock, State};

#[link(wasm_import_module = "host")]
unsafe extern "C" {
    /// Milliseconds, as `performance.now()` has them.
    fn now() -> f64;
}

/// Every clock that the target has not is asked for, and is no trap.
#[unsafe(no_mangle)]
pub extern "C" fn missing_clocks_are_refused() -> u32 {
    let clocks = [
        ("coarse", Clock::default()),
        ("coarse", Clock::coarse()),
        ("upkeep", Clock::upkeep()),
        ("precise", Clock::precise()),
    ];
    let all = clocks.into_iter().all(|(name, clock)| {
        let config = Config { clock, durations: true, ..Config::default() };
        match Breaker::from_config("here", config) {
            Ok(_) => false,
            Err(error) => error
                .problems()
                .iter()
                .any(|p| p.field == "clock" && p.value.starts_with(name)),
        }
    });
    all.into()
}

fn trips_waits_and_closes(clock: impl Into<Clock>, wait: Duration, mut pass: impl FnMut()) -> bool {
    let built = Breaker::builder("here")
        .clock(clock)
        .consecutive_failures(2)
        .durations(true)
        .open_for(Backoff::constant(wait))
        .build_with_controller();
    let Ok((breaker, controller)) = built else {
        return false;
    };
    for _ in 0..2 {
        let _ = breaker.call(|| Err::<(), _>("down"));
    }
    let rejected = breaker.call(|| Ok::<_, &str>(())).is_err();
    let open = breaker.state() == State::Open;
    pass();
    for _ in 0..2 {
        let _ = breaker.call(|| Ok::<_, &str>(()));
    }
    let closed = breaker.state() == State::Closed;
    let seen = breaker.observer().snapshot();
    // no thread can be had, which is said and is no trap
    let listener = breaker.observer().subscribe(|_| {});
    rejected
        && open
        && closed
        && seen.totals.successes == 2
        && !listener.is_listening()
        && controller.trip()
        && breaker.local().try_acquire().is_err()
}

#[unsafe(no_mangle)]
pub extern "C" fn a_manual_clock_works() -> u32 {
    let clock = ManualClock::new();
    let wait = Duration::from_secs(60);
    trips_waits_and_closes(&clock, wait, || clock.advance(wait)).into()
}

struct Page;

impl TimeSource for Page {
    fn now(&self) -> Duration {
        // SAFETY: the host's function takes nothing and gives a number.
        let ms = unsafe { now() };
        Duration::try_from_secs_f64(ms / 1000.0).unwrap_or_default()
    }

    fn resolution(&self) -> Duration {
        Duration::from_micros(100)
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn a_clock_of_the_pages_works() -> u32 {
    let wait = Duration::from_millis(20);
    let pass = || {
        let end = Page.now() + 2 * wait;
        while Page.now() < end {}
    };
    trips_waits_and_closes(Clock::custom(Page), wait, pass).into()
}
