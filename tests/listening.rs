//! Many subscriptions, few threads; and listeners that do what listeners should not.
//!
//! The threads are the process's, so these tests take turns.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly"
)]

mod counting;

use counting::{BYTES, everywhere};
use parking_lot::{Mutex, MutexGuard};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};
#[cfg(all(feature = "metrics", feature = "tracing"))]
use tripcoil::Clock;
use tripcoil::observe::Epoch;
use tripcoil::{Breaker, Controller, ManualClock, Subscription, Transition, Window};

static TURN: Mutex<()> = Mutex::new(());

/// No other test's listeners are there, nor their threads.
fn turn() -> MutexGuard<'static, ()> {
    let turn = TURN.lock();
    soon("an earlier test's threads end", || ours() <= 1);
    turn
}

#[track_caller]
fn soon(what: &str, holds: impl Fn() -> bool) {
    let since = Instant::now();
    while !holds() {
        assert!(since.elapsed() < Duration::from_secs(15), "{what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// The crate's threads in this process; 0 where the system does not list them.
fn ours() -> usize {
    named("tripcoil")
}

fn named(prefix: &str) -> usize {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else {
        return 0;
    };
    let names =
        tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.starts_with(prefix)).count()
}

fn built(name: &str) -> (Breaker, Controller) {
    let builder = Breaker::builder(name).clock(ManualClock::new());
    builder.build_with_controller().expect("valid")
}

/// Enters a call and stays in it until it is freed.
fn stuck() -> (
    impl FnMut(&Transition) + Send + 'static,
    mpsc::Receiver<()>,
    mpsc::Sender<()>,
) {
    let (entered, has_entered) = mpsc::channel();
    let (free, freed) = mpsc::channel::<()>();
    let listener = move |_: &Transition| {
        let _ = entered.send(());
        let _ = freed.recv_timeout(Duration::from_secs(120));
    };
    (listener, has_entered, free)
}

const LONG: Duration = Duration::from_secs(60);

#[test]
fn ten_thousand_subscribed_breakers_take_at_most_four_threads() {
    let _turn = turn();
    const BREAKERS: u64 = 10_000;
    let all: Vec<_> = (0..BREAKERS).map(|_| built("one of many")).collect();
    let heard = Arc::new(AtomicU64::new(0));
    let listen = |(breaker, _): &(Breaker, Controller)| {
        let heard = Arc::clone(&heard);
        let count = move |_: &Transition| {
            heard.fetch_add(1, Ordering::Relaxed);
        };
        breaker.observer().subscribe(count)
    };
    let first = listen(&all[0]);
    let before = BYTES.get();
    let listening: Vec<Subscription> = all[1..].iter().map(listen).collect();
    let each = (BYTES.get() - before) / BREAKERS as i64;
    assert!(listening.iter().all(Subscription::is_listening));
    assert!(ours() <= 4, "{} threads", ours());
    for (_, controller) in &all {
        assert!(controller.trip());
        assert!(controller.reset());
    }
    soon("all are told", || {
        heard.load(Ordering::Relaxed) == 2 * BREAKERS
    });
    assert!(ours() <= 4, "{} threads", ours());
    println!("a subscription takes {each} bytes");
    assert!(each <= 4_096, "a subscription takes {each} bytes");
    assert_eq!(first.missed() + first.panicked(), 0);
    drop((first, listening));
    soon("with the last subscription all but one thread end", || {
        ours() <= 1
    });
}

#[cfg(all(feature = "metrics", feature = "tracing"))]
#[test]
fn a_publisher_and_a_tracing_for_each_of_a_thousand_breakers_share_one_thread() {
    let _turn = turn();
    let all: Vec<_> = (0..1_000).map(|n| built(&format!("breaker {n}"))).collect();
    let published: Vec<_> = all
        .iter()
        .map(|(breaker, _)| {
            let observer = breaker.observer();
            let publisher = tripcoil::metrics::Publisher::new(&observer);
            (publisher, tripcoil::tracing::Tracing::new(&observer))
        })
        .collect();
    for (_, controller) in &all {
        assert!(controller.trip());
    }
    // and the keeper
    assert!(ours() <= 2, "{} threads", ours());
    for (publisher, tracing) in &published {
        assert!(publisher.drain(LONG) && tracing.drain(LONG));
    }
}

/// A subscriber of traces that blocks, and the metrics of another breaker.
#[cfg(all(feature = "metrics", feature = "tracing"))]
#[test]
fn a_stuck_publisher_holds_up_no_other() {
    use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

    struct Blocks(Mutex<mpsc::Sender<()>>, Mutex<mpsc::Receiver<()>>);

    impl<S: tracing::Subscriber> Layer<S> for Blocks {
        fn on_event(&self, _: &tracing::Event<'_>, _: Context<'_, S>) {
            let _ = self.0.lock().send(());
            let _ = self.1.lock().recv_timeout(LONG * 2);
        }
    }

    let _turn = turn();
    let (breaker, controller) = built("blocked");
    let (other, others) = built("published");
    let (entered, has_entered) = mpsc::channel();
    let (free, freed) = mpsc::channel();
    let blocks = Blocks(Mutex::new(entered), Mutex::new(freed));
    let subscriber = tracing_subscriber::registry().with(blocks);
    let tracing = tracing::subscriber::with_default(subscriber, || {
        tripcoil::tracing::Tracing::new(&breaker.observer())
    });
    let publisher = tripcoil::metrics::Publisher::new(&other.observer());
    assert!(controller.trip());
    has_entered.recv_timeout(LONG).expect("it is told");
    assert!(others.trip());
    assert!(publisher.drain(LONG / 2), "another thread publishes");
    assert!(ours() <= 3, "{} threads", ours());
    assert!(!tracing.drain(Duration::ZERO));
    drop(free);
    assert!(tracing.drain(LONG));
}

#[test]
fn each_stuck_listener_keeps_one_thread_and_holds_up_no_other() {
    let _turn = turn();
    const STUCK: usize = 5;
    let (breaker, controller) = built("stuck");
    let observer = breaker.observer();
    let held: Vec<_> = (0..STUCK)
        .map(|_| {
            let (listener, has_entered, free) = stuck();
            (observer.subscribe(listener), has_entered, free)
        })
        .collect();
    let heard = Arc::<Mutex<Vec<u64>>>::default();
    let ear = Arc::clone(&heard);
    let listening = observer.subscribe(move |t| ear.lock().push(t.generation));
    assert!(controller.trip());
    for (_, has_entered, _) in &held {
        has_entered.recv_timeout(LONG).expect("it is called");
    }
    soon("the other one is told", || heard.lock().len() == 1);
    for _ in 0..100 {
        assert!(controller.reset() && controller.trip());
    }
    assert!(listening.drain(LONG));
    assert_eq!(*heard.lock(), (1..=201).collect::<Vec<_>>());
    assert!(ours() <= 4 + STUCK, "{} threads", ours());
    for (subscription, _, free) in held {
        assert_eq!(subscription.delivered(), 0, "it is in its first call");
        drop(free);
        assert!(subscription.drain(LONG));
        assert_eq!((subscription.delivered(), subscription.missed()), (201, 0));
    }
    soon("threads that were left to a call end after it", || {
        ours() <= 4
    });
}

/// None is stuck: each call of theirs is short of a second, and hundreds of events wait for them.
#[test]
fn slow_listeners_take_turns_with_others() {
    let _turn = turn();
    let slow: Vec<_> = (0..4)
        .map(|_| {
            let (breaker, controller) = built("slow");
            let (entered, has_entered) = mpsc::channel();
            let listening = breaker.observer().subscribe(move |_| {
                let _ = entered.send(());
                thread::sleep(Duration::from_millis(300));
            });
            (controller, listening, has_entered)
        })
        .collect();
    let (breaker, controller) = built("quick");
    let (tell, told) = mpsc::channel();
    let quick = breaker.observer().subscribe(move |t| {
        let _ = tell.send((t.generation, Instant::now()));
    });
    for (controller, ..) in &slow {
        (0..200).for_each(|_| assert!(controller.trip()));
    }
    for generation in 1..=2 {
        for (_, _, has_entered) in &slow[..2] {
            has_entered.recv_timeout(LONG).expect("it is called");
        }
        let since = Instant::now();
        assert!(controller.trip());
        let (heard, at) = told.recv_timeout(LONG).expect("it is told");
        assert_eq!(heard, generation);
        // a call of each, with time to spare; not the sixty that a turn may have
        assert!(at - since < Duration::from_secs(6), "{:?}", at - since);
    }
    assert!(ours() <= 4, "{} threads", ours());
    drop((slow, quick));
}

/// Breakers whose clock does so where one of the crate's threads reads it.
#[cfg(all(feature = "metrics", feature = "tracing"))]
fn with_a_clock(does: impl Fn() + Clone + Send + Sync + 'static) -> Vec<(Breaker, Controller)> {
    let clock = move || {
        let current = thread::current();
        if current
            .name()
            .is_some_and(|name| name.starts_with("tripcoil"))
        {
            does();
        }
        Duration::from_millis(7)
    };
    let build = |_| {
        let builder = Breaker::builder("by a user's clock").clock(Clock::custom(clock.clone()));
        builder.build_with_controller().expect("valid")
    };
    (0..5).map(build).collect()
}

#[cfg(all(feature = "metrics", feature = "tracing"))]
#[test]
fn a_clock_that_hangs_under_a_listener_holds_up_no_other() {
    let _turn = turn();
    let (entered, has_entered) = mpsc::channel();
    let (free, freed) = mpsc::channel::<()>();
    let freed = Arc::new(Mutex::new(freed));
    let hanging = with_a_clock(move || {
        let _ = entered.send(());
        while freed
            .try_lock()
            .is_none_or(|freed| freed.try_recv() == Err(mpsc::TryRecvError::Empty))
        {
            thread::sleep(Duration::from_millis(1));
        }
    });
    let held: Vec<_> = hanging
        .iter()
        .map(|(breaker, _)| breaker.observer().subscribe(|_| {}))
        .collect();
    // the crate's own publishers have one worker, which hangs as well
    let tracing = tripcoil::tracing::Tracing::new(&hanging[0].0.observer());
    let (other, others) = built("by a clock of the crate's");
    let listening = other.observer().subscribe(|_| {});
    let publisher = tripcoil::metrics::Publisher::new(&other.observer());
    for (_, controller) in &hanging {
        assert!(controller.trip());
    }
    for _ in 0..=held.len() {
        has_entered.recv_timeout(LONG).expect("the clock is read");
    }
    assert!(others.trip());
    assert!(listening.drain(LONG) && publisher.drain(LONG));
    assert_eq!(listening.delivered(), 1);
    assert!(ours() <= 4 + held.len() + 1, "{} threads", ours());
    drop(free);
    for subscription in &held {
        assert!(subscription.drain(LONG));
        assert_eq!((subscription.delivered(), subscription.missed()), (1, 0));
    }
    assert!(tracing.drain(LONG));
    soon("threads that were left to a clock end after it", || {
        ours() <= 4
    });
}

#[test]
fn a_dedicated_listener_has_a_thread_of_its_own_until_it_goes() {
    let _turn = turn();
    let (breaker, controller) = built("dedicated");
    let observer = breaker.observer();
    let (told, hears) = mpsc::sync_channel(0);
    let listening = observer.subscribe(move |t| {
        let _ = told.send(t.generation);
    });
    let other = observer.subscribe(|_| {});
    assert!(other.drain(LONG));
    let listening = listening.dedicated().dedicated();
    assert!(listening.is_listening());
    // the system keeps 15 characters of a thread's name
    let own = || named("tripcoil-dedica");
    soon("a thread of its own", || own() == usize::from(ours() > 0));
    for generation in 1..=300 {
        assert!(controller.trip());
        if generation % 3 == 0 {
            for due in generation - 2..=generation {
                assert_eq!(hears.recv_timeout(LONG), Ok(due));
            }
        }
    }
    assert!(listening.drain(LONG));
    assert_eq!((listening.delivered(), listening.missed()), (300, 0));
    // it is in a call as its subscription goes
    assert!(controller.trip());
    drop((listening, other));
    drop(hears);
    soon("its thread ends", || own() == 0);
}

/// It is moved while events come: from one thread to the other, each comes once.
#[test]
fn a_listener_that_becomes_dedicated_is_told_each_event_once() {
    let _turn = turn();
    for _ in 0..200 {
        let (breaker, controller) = built("moving");
        let heard = Arc::<Mutex<Vec<u64>>>::default();
        let (ear, inside) = (Arc::clone(&heard), AtomicBool::new(false));
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            let events = scope.spawn(|| {
                let mut events = 0;
                while !over.load(Ordering::Relaxed) && events < 900 {
                    events += u64::from(controller.trip());
                }
                events
            });
            let observer = breaker.observer();
            let listening = observer.subscribe(move |t| {
                assert!(!inside.swap(true, Ordering::SeqCst), "two calls at once");
                ear.lock().push(t.generation);
                inside.store(false, Ordering::SeqCst);
            });
            let listening = listening.dedicated();
            over.store(true, Ordering::Relaxed);
            let last = events.join().expect("ends");
            assert!(listening.drain(LONG));
            let heard = heard.lock();
            assert!(
                heard.windows(2).all(|pair| pair[0] + 1 == pair[1]),
                "{heard:?}"
            );
            assert!(
                heard.is_empty() || heard.last() == Some(&last),
                "{heard:?} of {last}"
            );
            assert_eq!((listening.missed(), listening.panicked()), (0, 0));
        });
    }
}

/// What waits is kept up to 1,024 events, whatever the breaker's first ring holds.
#[test]
fn a_thousand_transitions_wait_for_a_stuck_listener_and_for_a_cursor() {
    let _turn = turn();
    let (breaker, controller) = built("behind");
    let observer = breaker.observer();
    let (mut listener, has_entered, free) = stuck();
    let heard = Arc::<Mutex<Vec<u64>>>::default();
    let ear = Arc::clone(&heard);
    let listening = observer.subscribe(move |t| {
        ear.lock().push(t.generation);
        if t.generation == 1 {
            listener(t);
        }
    });
    let mut events = observer.events();
    assert!(controller.trip());
    has_entered.recv_timeout(LONG).expect("it is called");
    for _ in 0..1_000 {
        assert!(controller.trip());
    }
    let polled: Vec<_> = events.by_ref().map(|t| t.generation).collect();
    assert_eq!(polled, (1..=1_001).collect::<Vec<_>>());
    assert_eq!((events.next(), events.missed()), (None, 0));
    drop(free);
    assert!(listening.drain(LONG));
    assert_eq!(*heard.lock(), polled);
    assert_eq!(listening.missed(), 0);
    for _ in 0..3_000 {
        assert!(controller.trip());
    }
    let polled: Vec<_> = events.by_ref().map(|t| t.generation).collect();
    assert_eq!(polled, (4_001 - 1_023..=4_001).collect::<Vec<_>>());
    assert_eq!(events.missed(), 3_000 - 1_024);
}

/// Each event is polled once and in order, or counted as missed, while several threads make them.
#[test]
fn a_cursor_polls_each_event_once_whatever_goes_on() {
    let _turn = turn();
    let (breaker, controller) = built("polled");
    let observer = breaker.observer();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..5_000 {
                    controller.trip();
                    controller.reset();
                    let _ = breaker.call(|| Ok::<_, ()>(()));
                }
                over.store(true, Ordering::Relaxed);
            });
        }
        scope.spawn(|| {
            let mut rounds = 0_u64;
            while !over.load(Ordering::Relaxed) {
                // one that has been made while events come
                let mut events = observer.events();
                let mut last: Option<Transition> = None;
                let mut missed = 0;
                for _ in 0..50 {
                    while let Some(t) = events.next() {
                        if let Some(before) = last {
                            let between = t.generation - before.generation - 1;
                            assert_eq!(between, events.missed() - missed);
                            assert!(between > 0 || before.to == t.from);
                        }
                        missed = events.missed();
                        last = Some(t);
                    }
                }
                rounds += 1;
            }
            assert!(rounds > 0);
        });
    });
}

#[test]
fn a_listener_may_drop_its_own_subscription_subscribe_others_and_panic() {
    let _turn = turn();
    let (breaker, controller) = built("meddling");
    let observer = breaker.observer();
    let own = Arc::<Mutex<Option<Subscription>>>::default();
    let others = Arc::<Mutex<Vec<Subscription>>>::default();
    let heard = Arc::new(AtomicU64::new(0));
    let (mine, more, ear) = (own.clone(), others.clone(), heard.clone());
    let (again, guarded) = (observer.clone(), breaker.clone());
    let subscription = observer.subscribe(move |_| {
        let count = ear.clone();
        let other = again.subscribe(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
            std::panic::resume_unwind(Box::new(()));
        });
        more.lock().push(other);
        let _ = guarded.call(|| Ok::<_, ()>(()));
        drop(mine.lock().take());
    });
    *own.lock() = Some(subscription);
    assert!(controller.trip());
    soon("it has dropped its subscription", || own.lock().is_none());
    for _ in 0..10 {
        assert!(controller.trip());
    }
    soon("the other one is told", || {
        heard.load(Ordering::Relaxed) == 10
    });
    let others = others.lock();
    assert_eq!(others.len(), 1);
    assert!(others[0].drain(LONG));
    assert_eq!((others[0].panicked(), others[0].missed()), (10, 0));
}

/// A subscription that goes leaves nothing, in its breaker or in the pool; and nothing is told to it.
#[test]
fn subscriptions_that_come_and_go_take_no_memory() {
    let _turn = turn();
    const MANY: usize = 3_000;
    let (breaker, controller) = built("comes and goes");
    let observer = breaker.observer();
    type Way = fn(&tripcoil::Observer);
    let ways: [(&str, Way); 5] = [
        ("transitions", |o| drop(o.subscribe(|_| {}))),
        ("epochs", |o| drop(o.subscribe_epochs(|_| {}))),
        ("cursors", |o| drop(o.events())),
        ("drained", |o| assert!(o.subscribe(|_| {}).drain(LONG))),
        ("dedicated", |o| drop(o.subscribe(|_| {}).dedicated())),
    ];
    let kept = observer.subscribe(|_| {});
    for (name, way) in ways {
        let many = if name == "dedicated" { 300 } else { MANY };
        (0..100).for_each(|_| way(&observer));
        soon("threads end", || ours() <= 3);
        let before = everywhere();
        for n in 0..many {
            way(&observer);
            if n % 100 == 0 {
                assert!(controller.trip() && kept.drain(LONG));
            }
        }
        let left = || everywhere() - before;
        // threads that end, and what the test's harness prints, take some for a moment
        soon(name, || left() < 24_000 && ours() <= 3);
        println!("{many} subscriptions ({name}) left {} bytes", left());
    }
}

/// What a listener holds may panic as it goes, and the payload of its panic too.
#[test]
fn a_panic_as_a_listener_goes_harms_no_other() {
    struct Bad;
    impl Drop for Bad {
        fn drop(&mut self) {
            if !thread::panicking() {
                std::panic::resume_unwind(Box::new(()));
            }
        }
    }
    let _turn = turn();
    let (breaker, controller) = built("bad");
    let observer = breaker.observer();
    for _ in 0..8 {
        let bad = observer.subscribe(|_| std::panic::resume_unwind(Box::new(Bad)));
        let (entered, has_entered) = mpsc::channel();
        let inside = Bad;
        let kept = observer.subscribe(move |_| {
            let _ = &inside;
            let _ = entered.send(());
            thread::sleep(Duration::from_millis(5));
        });
        assert!(controller.trip());
        has_entered.recv_timeout(LONG).expect("it is called");
        // in its call: what it holds goes on the pool's thread
        drop(kept);
        assert!(bad.drain(LONG));
        assert_eq!(bad.panicked(), 1);
    }
    let heard = Arc::new(AtomicU64::new(0));
    let ear = heard.clone();
    let good = observer.subscribe(move |_| {
        ear.fetch_add(1, Ordering::Relaxed);
    });
    assert!(controller.trip());
    assert!(good.drain(LONG));
    assert_eq!(heard.load(Ordering::Relaxed), 1);
}

/// Epochs and transitions of one breaker, and no listener that is never woken: what is published just
/// after, or while, it subscribes is told without a further call.
#[test]
fn what_is_published_just_after_subscribing_is_told() {
    let _turn = turn();
    let clock = ManualClock::new();
    let builder = Breaker::builder("just after").clock(&clock);
    let (breaker, controller) = builder
        .window(Window::time(Duration::from_secs(10)).buckets(10))
        .build_with_controller()
        .expect("valid");
    let observer = breaker.observer();
    for _ in 0..500 {
        let (tell, told) = mpsc::channel();
        let (tell_epoch, told_epochs) = mpsc::channel::<Epoch>();
        let first = observer.snapshot().generation;
        let go = AtomicBool::new(false);
        thread::scope(|scope| {
            let tripping = scope.spawn(|| {
                while !go.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
                controller.trip();
                controller.reset();
            });
            go.store(true, Ordering::Relaxed);
            let listening = observer.subscribe(move |t| {
                let _ = tell.send(t.generation);
            });
            let epochs = observer.subscribe_epochs(move |e| {
                let _ = tell_epoch.send(*e);
            });
            tripping.join().expect("ends");
            controller.reset();
            let mut last = 0;
            while last < first + 3 {
                last = told
                    .recv_timeout(LONG)
                    .expect("it is told, and not by a later event");
            }
            assert_eq!((listening.missed(), last), (0, first + 3));
            clock.advance(Duration::from_secs(1));
            breaker.try_acquire().expect("closed").success();
            told_epochs.recv_timeout(LONG).expect("an epoch is over");
            drop(epochs);
        });
    }
}
