//! Any bytes at all: no saved state, or one of which a breaker can be built, upon any configuration,
//! that answers calls and can be saved again.
//!
//! The input is a head of eight bytes (configuration, age, clock, number of operations), the
//! operations, a byte each, and the body of a saved state, of whichever version it is, for which the
//! envelope and its checksum are made here: no fuzzer would guess one.
#![no_main]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a finding is told"
)]

use std::time::Duration;

use libfuzzer_sys::{Corpus, fuzz_target};
use tripcoil::saved::{Age, RestoredWindow, Saved};
use tripcoil::{
    Backoff, Breaker, Builder, Controller, FailureKind, ManualClock, Outcome, Snapshot, State,
    Window,
};

const MS: Duration = Duration::from_millis(1);

fuzz_target!(|data: &[u8]| -> Corpus {
    let _ = Saved::from_bytes(data);
    let Some((head, rest)) = data.split_at_checked(8) else {
        return Corpus::Reject;
    };
    let Some((operations, body)) = rest.split_at_checked(usize::from(head[7] % 64)) else {
        return Corpus::Reject;
    };
    let of = |version| Saved::from_bytes(&enveloped(body, version)).ok();
    let Some(saved) = of(2).or_else(|| of(1)) else {
        return Corpus::Keep;
    };
    let number = |at: usize| u32::from(u16::from_le_bytes([head[at], head[at + 1]]));
    let clock = ManualClock::new();
    clock.advance(MS * number(1));
    let age = MS * number(3) * u32::from(head[5]);
    let at = if head[6] == 0 {
        saved.saved_at().checked_sub(age)
    } else {
        saved.saved_at().checked_add(age)
    };
    let Some(at) = at else { return Corpus::Reject };

    let builder = configured(Breaker::builder(saved.name()), head[0]).clock(&clock);
    let builder = builder.restore_at(saved.clone(), at);
    let (breaker, controller) = builder.build_with_controller().expect("it is valid");
    let restored = controller
        .restored()
        .expect("one was given")
        .expect("of this name");
    let first = breaker.observer().snapshot();
    assert_eq!(first.state, restored.state);
    assert_eq!(restored.state, saved.state());
    assert_eq!(first.probes.in_flight, 0);
    if restored.window != RestoredWindow::Kept {
        assert_eq!(first.window.calls, 0);
    }
    if let Age::Of(age) = restored.age
        && head[6] != 0
    {
        assert_eq!(age, at.duration_since(saved.saved_at()).unwrap_or_default());
    }
    for operation in operations {
        operate(&breaker, &controller, &clock, *operation);
        sound(&breaker.observer().snapshot());
    }
    let history = breaker.observer().history();
    assert!(history.iter().all(|t| t.generation > first.generation));
    let again = controller.save_at(at);
    assert_eq!(Saved::from_bytes(&again.to_bytes()), Ok(again));
    Corpus::Keep
});

fn enveloped(body: &[u8], version: u32) -> Vec<u8> {
    let mut bytes = b"TRIPCOIL".to_vec();
    bytes.extend(version.to_le_bytes());
    bytes.extend((body.len() as u32).to_le_bytes());
    bytes.extend(body);
    let checksum = crc32fast::hash(&bytes);
    bytes.extend(checksum.to_le_bytes());
    bytes
}

fn configured(builder: Builder, by: u8) -> Builder {
    let builder = match by & 7 {
        0 => builder.window(Window::time(MS * 10).buckets(1)),
        1 => builder.window(Window::time(MS * 30).buckets(3)),
        2 => builder.window(Window::count(5)),
        3 => builder.window(Window::count(16)),
        4 => builder.window(Window::count(17)),
        _ => builder,
    };
    let builder = match by >> 3 & 3 {
        0 => builder.failure_rate(0.5).min_throughput(3),
        1 => builder.failure_count(4).consecutive_failures(3),
        2 => builder.slow_call(MS).slow_rate(0.5),
        _ => builder,
    };
    let backoff = Backoff::exponential(MS * 5, 2.0);
    if by & 32 == 0 {
        builder.open_for(backoff)
    } else {
        builder.open_for(backoff.jitter(0.5).reset_after(MS * 20))
    }
}

fn operate(breaker: &Breaker, controller: &Controller, clock: &ManualClock, by: u8) {
    let call = |outcome, took| {
        if let Ok(permit) = breaker.try_acquire() {
            permit.record_timed(outcome, took);
        }
    };
    match by % 16 {
        0..4 => call(Outcome::Success, Duration::ZERO),
        4..7 => call(
            Outcome::Failure(FailureKind::Other(by >> 4)),
            Duration::ZERO,
        ),
        7 => call(Outcome::Success, MS * 2),
        8 => drop(breaker.try_acquire()),
        9 => call(Outcome::Ignored, MS),
        10 | 11 => clock.advance(MS * u32::from(by >> 4)),
        12 => _ = controller.trip(),
        13 => _ = controller.reset(),
        14 => _ = controller.observe_only(),
        _ => _ = controller.release(),
    }
}

fn sound(s: &Snapshot) {
    assert!(s.window.failures <= s.window.calls && s.window.slow <= s.window.calls);
    assert!(s.totals.slow <= s.totals.successes + s.totals.failures);
    assert_eq!(s.state == State::Open, s.retry_after.is_some());
    assert_eq!(s.generation, s.transitions);
}
