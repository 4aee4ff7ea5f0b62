//! I3 as far as listeners go: each transition comes once, in order, and none is slept over.
//!
//! A subscription is served by the thread that made it, which does by hand what the pool's keeper and a
//! worker do; what they share is under a lock, and not explored. The list of listeners is not either.

use std::sync::{Arc, Mutex};

use tripcoil::Transition;
use tripcoil::observe::Events;
use tripcoil_loom_tests::{by_count, by_run, explore, fail, race};

fn generations(events: &mut Events) -> Vec<u64> {
    events.by_ref().map(|t| t.generation).collect()
}

/// All from some point on.
fn none_is_missed(heard: &[u64], missed: u64, last: u64) {
    let from = last + 1 - heard.len() as u64;
    assert_eq!(heard, (from..=last).collect::<Vec<_>>());
    assert_eq!(missed, 0, "{heard:?}");
}

/// A transition is under way as the cursor is made: its update has looked for a ring before there was one,
/// or finds it.
#[test]
fn a_cursor_misses_no_transition_under_way() {
    explore("a_cursor_misses_no_transition_under_way", Some(3), || {
        let (breaker, controller, _clock) = by_count(2);
        let observer = breaker.observer();
        let controller = Arc::new(controller);
        let trips = Arc::clone(&controller);
        let (mut events, _) = race(
            move || {
                let mut events = observer.events();
                let first = generations(&mut events);
                (events, first)
            },
            move || assert!(trips.trip()),
        );

        assert!(controller.trip());
        let heard = [events.1, generations(&mut events.0)].concat();
        none_is_missed(&heard, events.0.missed(), 2);
    });
}

/// The publications come before, while and after the listener subscribes. If one wakes nobody, the thread
/// that serves sleeps for ever, which loom reports.
#[test]
fn no_publication_is_slept_over() {
    explore("no_publication_is_slept_over", Some(3), || {
        let (breaker, controller, _clock) = by_count(2);
        let observer = breaker.observer();
        let ((), (heard, missed)) = race(
            || assert!(controller.trip() && controller.reset()),
            move || {
                let heard = Arc::<Mutex<Vec<u64>>>::default();
                let ear = Arc::clone(&heard);
                let hear = move |t: &Transition| ear.lock().expect("unpoisoned").push(t.generation);
                let subscription = observer.subscribe(hear);
                subscription.attend(|| subscription.reached() >= 2);
                let heard = heard.lock().expect("unpoisoned").clone();
                (heard, subscription.missed())
            },
        );
        none_is_missed(&heard, missed, 2);
    });
}

/// Two threads publish, and each wakes the one that serves.
#[test]
fn no_publication_of_two_is_slept_over() {
    explore("no_publication_of_two_is_slept_over", Some(2), || {
        let (breaker, controller, _clock) = by_count(2);
        let observer = breaker.observer();
        let controller = Arc::new(controller);
        let other = Arc::clone(&controller);
        let serving = loom::thread::spawn(move || {
            let heard = Arc::<Mutex<Vec<u64>>>::default();
            let ear = Arc::clone(&heard);
            let hear = move |t: &Transition| ear.lock().expect("unpoisoned").push(t.generation);
            let subscription = observer.subscribe(hear);
            subscription.attend(|| subscription.reached() >= 2);
            let heard = heard.lock().expect("unpoisoned").clone();
            (heard, subscription.missed())
        });
        race(|| assert!(controller.trip()), move || assert!(other.trip()));
        let (heard, missed) = serving.join().expect("it is woken");
        none_is_missed(&heard, missed, 2);
    });
}

/// A failure changes the run while others write its event, into two rings: both have the same.
#[test]
fn a_listener_is_told_what_the_history_has() {
    explore("a_listener_is_told_what_the_history_has", Some(3), || {
        let (breaker, controller, _clock) = by_run(2);
        fail(&breaker);
        let observer = breaker.observer();
        let mut events = observer.events();
        race(|| fail(&breaker), move || controller.trip());

        let told: Vec<Transition> = events.by_ref().collect();
        assert_eq!(told, observer.history());
        assert_eq!(events.missed(), 0);
    });
}
