//! Events to listeners, and epochs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tripcoil::observe::Epoch;
use tripcoil::{Cause, Outcome, State, Transition, Window};

use crate::common::{Rig, counts, ms, ns, rig_in, secs};

fn ear<T: Copy + Send + 'static>() -> (Arc<Mutex<Vec<T>>>, impl FnMut(&T) + Send + 'static) {
    let heard = Arc::<Mutex<Vec<T>>>::default();
    let ear = Arc::clone(&heard);
    (heard, move |it: &T| {
        ear.lock().expect("unpoisoned").push(*it)
    })
}

#[test]
fn a_listener_gets_each_event_once_and_in_order() {
    let rig = Rig::run_of_three();
    let (heard, ear) = ear::<Transition>();
    let listening = rig.observer.subscribe(ear);
    rig.fail(3);
    rig.wait_out();
    rig.ok(2);
    assert!(rig.controller.force_open());
    assert!(rig.controller.release());
    assert!(listening.drain(secs(20)));
    let heard = heard.lock().expect("unpoisoned");
    assert_eq!(heard[1..], rig.observer.history());
    let causes: Vec<_> = heard.iter().map(|event| event.cause).collect();
    let (manual, elapsed) = (Cause::Manual, Cause::OpenElapsed);
    let expected = [
        Cause::ConsecutiveFailures,
        elapsed,
        Cause::ProbesSucceeded,
        manual,
        manual,
    ];
    assert_eq!(causes, expected);
    assert_eq!(
        (
            listening.delivered(),
            listening.missed(),
            listening.panicked()
        ),
        (5, 0, 0)
    );
}

#[test]
fn a_listener_hears_nothing_from_before_nor_after() {
    let rig = Rig::run_of_three();
    assert!(rig.controller.trip());
    let (heard, ear) = ear::<Transition>();
    let listening = rig.observer.subscribe(ear);
    assert!(heard.lock().expect("unpoisoned").is_empty());
    assert!(rig.controller.reset());
    assert!(listening.drain(secs(20)));
    drop(listening);
    assert!(rig.controller.trip());
    assert_eq!(heard.lock().expect("unpoisoned").len(), 1);
}

#[test]
fn several_listeners_each_hear_all() {
    let rig = Rig::run_of_three();
    let ears: Vec<_> = (0..5).map(|_| ear::<Transition>()).collect();
    let mut heard = Vec::new();
    let mut listening = Vec::new();
    for (list, ear) in ears {
        heard.push(list);
        listening.push(rig.observer.subscribe(ear));
    }
    (0..4).for_each(|_| assert!(rig.controller.trip()));
    for listening in &listening {
        assert!(listening.drain(secs(20)));
    }
    for list in heard {
        assert_eq!(*list.lock().expect("unpoisoned"), rig.observer.history());
    }
}

#[test]
fn the_history_keeps_the_last_four_oldest_first() {
    let rig = Rig::run_of_three();
    assert_eq!(rig.observer.history(), []);
    for step in 1..=20_u64 {
        rig.wait(ms(1));
        assert!(rig.controller.trip());
        let history = rig.observer.history();
        assert_eq!(history.len() as u64, step.min(4));
        let times: Vec<_> = history.iter().map(|event| event.at).collect();
        let expected: Vec<_> = (step.saturating_sub(4) + 1..=step).map(ms).collect();
        assert_eq!(times, expected);
    }
}

#[test]
fn a_listener_may_use_the_breaker_that_it_listens_to() {
    let rig = Rig::run_of_three();
    let (breaker, observer) = (rig.breaker.clone(), rig.observer.clone());
    let states = Arc::<Mutex<Vec<State>>>::default();
    let seen = Arc::clone(&states);
    let listening = rig.observer.subscribe(move |event| {
        // it is told after the transition, and under no lock
        let _ = breaker.call(|| Ok::<_, ()>(()));
        let last = observer.history().last().map(|last| last.generation);
        assert_eq!(last, Some(event.generation));
        seen.lock()
            .expect("unpoisoned")
            .push(observer.snapshot().state);
    });
    rig.fail(3);
    assert!(listening.drain(secs(20)));
    assert!(rig.controller.reset());
    assert!(listening.drain(secs(20)));
    assert_eq!(
        *states.lock().expect("unpoisoned"),
        [State::Open, State::Closed]
    );
    assert_eq!(
        (rig.seen().totals.rejected, rig.seen().totals.successes),
        (1, 1)
    );
}

#[test]
fn a_listener_may_cause_the_next_event() {
    let rig = Rig::new(|builder| builder.consecutive_failures(1));
    let breaker = rig.breaker.clone();
    let clock = rig.clock.clone();
    let (heard, mut ear) = ear::<Transition>();
    let listening = rig.observer.subscribe(move |event| {
        ear(event);
        if event.to == State::Open {
            clock.advance(ms(10));
            let _ = breaker.call(|| Ok::<_, ()>(()));
        }
    });
    rig.fail(1);
    assert!(listening.drain(secs(20)));
    let heard = heard.lock().expect("unpoisoned");
    assert_eq!(*heard, rig.observer.history());
    assert_eq!(heard.len(), 2);
}

#[test]
fn a_panicking_listener_harms_no_caller() {
    let rig = Rig::run_of_three();
    // without the panic hook, which would print
    let bad = rig
        .observer
        .subscribe(|_| std::panic::resume_unwind(Box::new(())));
    let (heard, ear) = ear::<Transition>();
    let good = rig.observer.subscribe(ear);
    rig.fail(3);
    assert!(rig.controller.reset());
    assert!(bad.drain(secs(20)) && good.drain(secs(20)));
    assert_eq!(rig.state(), State::Closed);
    assert_eq!(bad.panicked(), 2);
    assert_eq!(heard.lock().expect("unpoisoned").len(), 2);
}

#[test]
fn a_dropped_subscription_lets_its_listener_go() {
    let rig = Rig::run_of_three();
    let kept = Arc::new(());
    let inside = Arc::clone(&kept);
    let listening = rig.observer.subscribe(move |_| {
        let _ = &inside;
    });
    assert!(rig.controller.trip());
    drop(listening);
    assert!(rig.controller.trip());
    // its thread ends by itself, and nobody waits for it but this test
    let since = std::time::Instant::now();
    while Arc::strong_count(&kept) > 1 && since.elapsed() < secs(20) {
        std::thread::yield_now();
    }
    assert_eq!(Arc::strong_count(&kept), 1);
}

#[test]
fn causes_have_words() {
    assert_eq!(Cause::FailureRate.to_string(), "failure rate");
    assert_eq!(
        rig_in(State::Open).cause().to_string(),
        "consecutive failures"
    );
}

#[test]
fn finished_epochs_are_told_with_their_counts() {
    let rig = Rig::new(|builder| {
        builder
            .window(Window::time(ms(30)).buckets(3))
            .failure_count(1_000)
    });
    let (heard, ear) = ear::<Epoch>();
    let listening = rig.observer.subscribe_epochs(ear);
    rig.ok(2);
    rig.fail(1);
    rig.slow(Outcome::Success);
    assert!(listening.drain(secs(20)));
    assert!(heard.lock().expect("unpoisoned").is_empty());
    rig.wait(ms(10));
    rig.ok(1);
    assert!(listening.drain(secs(20)));
    {
        let heard = heard.lock().expect("unpoisoned");
        assert_eq!(heard.len(), 1);
        assert_eq!((heard[0].start, heard[0].end), (ns(0), ms(10)));
        assert_eq!(heard[0].counts, counts(3, 1, 1));
    }
    rig.wait(ms(10));
    rig.ok(1);
    assert!(listening.drain(secs(20)));
    let heard = heard.lock().expect("unpoisoned");
    assert_eq!((heard[1].start, heard[1].end), (ms(10), ms(20)));
    assert_eq!(heard[1].counts, counts(1, 0, 0));
}

#[test]
fn epochs_cover_all_that_was_counted_without_gap_or_overlap() {
    let rig = Rig::new(|builder| {
        builder
            .window(Window::time(ms(30)).buckets(3))
            .failure_count(100_000)
    });
    let told = Arc::new(AtomicU64::new(0));
    let sum = Arc::clone(&told);
    let (heard, mut ear) = ear::<Epoch>();
    let listening = rig.observer.subscribe_epochs(move |epoch| {
        sum.fetch_add(epoch.counts.calls, Ordering::Relaxed);
        ear(epoch);
    });
    for step in 0..200_u64 {
        rig.ok(1);
        rig.fail(1);
        rig.wait(ms(step * 7 % 50));
    }
    // the epoch that tells the last ones is theirs no more
    rig.wait(ms(100));
    rig.ok(1);
    assert!(listening.drain(secs(20)));
    assert_eq!(told.load(Ordering::Relaxed), 400);
    let heard = heard.lock().expect("unpoisoned");
    assert!(heard.iter().all(|epoch| epoch.start < epoch.end));
    assert!(heard.windows(2).all(|pair| pair[0].end <= pair[1].start));
}
