//! What a listener is told of epochs, at each stop of what writes their boundaries.

use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tripcoil::observe::Epoch;
use tripcoil::{Breaker, ManualClock, Outcome, Window, step};

use crate::world::EPOCH;

const LONG: Duration = Duration::from_secs(20);
const BAD: Outcome = Outcome::Failure(tripcoil::FailureKind::Server);

/// Whether there was such a stop. Three epochs wait for the listener when the operation begins, and it looks
/// for them at the stop.
fn at_stop(stop: u64, fresh: bool) -> bool {
    let clock = ManualClock::new();
    let (breaker, controller) = Breaker::builder("told")
        .clock(&clock)
        .window(Window::time(EPOCH * 5).buckets(5))
        .failure_count(1_000)
        .build_with_controller()
        .expect("valid");
    let heard = Arc::<Mutex<Vec<Epoch>>>::default();
    let ear = Arc::clone(&heard);
    let (entered, has_entered) = mpsc::channel();
    let (free, freed) = mpsc::channel::<()>();
    let listening = breaker.observer().subscribe_epochs(move |epoch| {
        ear.lock().expect("unpoisoned").push(*epoch);
        let _ = entered.send(());
        // for as long as there is a sender, which is until the stop
        let _ = freed.recv_timeout(LONG);
    });
    let calls = |outcomes: &[Outcome]| {
        for outcome in outcomes {
            breaker.try_acquire().expect("closed").record(*outcome);
        }
    };
    calls(&[Outcome::Success, BAD]);
    for turn in 0..4 {
        clock.advance(EPOCH);
        calls(&[Outcome::Success, BAD, Outcome::Success]);
        if turn == 0 {
            has_entered.recv_timeout(LONG).expect("an epoch is over");
        }
    }

    let listening = Arc::new(listening);
    let (looks, look) = (Arc::clone(&listening), free);
    step::stop_before(stop, move || {
        drop(look);
        assert!(looks.drain(LONG));
    });
    let made = if fresh {
        assert!(controller.reset());
        0
    } else {
        clock.advance(EPOCH * 2);
        calls(&[BAD]);
        1
    };
    let stopped = !step::never_came();
    clock.advance(EPOCH);
    calls(&[Outcome::Success]);

    assert!(listening.drain(LONG));
    let heard = heard.lock().expect("unpoisoned");
    let told = |part: fn(&Epoch) -> u64| heard.iter().map(part).sum::<u64>();
    assert_eq!(told(|e| e.counts.calls), 14 + made, "{stop}: {heard:?}");
    assert_eq!(told(|e| e.counts.failures), 5 + made, "{stop}: {heard:?}");
    for pair in heard.windows(2) {
        assert_eq!(pair[0].end, pair[1].start, "{stop}: {heard:?}");
    }
    stopped
}

#[test]
fn an_epoch_listener_reads_no_window_that_is_being_rewritten() {
    for fresh in [true, false] {
        let stops = (1..).take_while(|stop| at_stop(*stop, fresh)).count();
        println!(
            "{stops} stops of a {}",
            if fresh { "reset" } else { "turn of epochs" }
        );
        assert!(stops > 20, "{stops}");
    }
}
