//! A recorder that panics at times: what it missed is published the next time, once.

use super::LONG;
use super::keys::{Recorder, fail, registry, succeed, sweep_all};
use metrics::{
    Counter, CounterFn, Gauge, Histogram, Key, KeyName, Label, Metadata, SharedString, Unit,
    with_local_recorder,
};
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tripcoil::metrics::{KeysPublisher, Publisher};
use tripcoil::registry::Registry;
use tripcoil::{Breaker, Clock};

/// How many increases it takes until it panics, once; at zero it never does.
type Fuse = Arc<AtomicUsize>;

/// Panics at each increase.
const ALWAYS: usize = usize::MAX;

/// A recorder whose counters panic in place of an increase.
struct Faulty<'a>(&'a Recorder, Fuse);

struct Fused(Counter, Fuse);

impl CounterFn for Fused {
    fn increment(&self, value: u64) {
        let left = self.1.load(Ordering::Relaxed);
        assert_ne!(left, ALWAYS, "the recorder is full");
        self.1.store(left.saturating_sub(1), Ordering::Relaxed);
        assert_ne!(left, 1, "the recorder is full");
        self.0.increment(value);
    }

    fn absolute(&self, value: u64) {
        self.0.absolute(value);
    }
}

impl metrics::Recorder for Faulty<'_> {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn register_counter(&self, key: &Key, metadata: &Metadata<'_>) -> Counter {
        let counter = self.0.recorder.register_counter(key, metadata);
        Counter::from_arc(Arc::new(Fused(counter, self.1.clone())))
    }
    fn register_gauge(&self, key: &Key, metadata: &Metadata<'_>) -> Gauge {
        self.0.recorder.register_gauge(key, metadata)
    }
    fn register_histogram(&self, key: &Key, metadata: &Metadata<'_>) -> Histogram {
        self.0.recorder.register_histogram(key, metadata)
    }
}

impl Faulty<'_> {
    fn publish(&self, publisher: &KeysPublisher) {
        with_local_recorder(self, || publisher.publish());
    }

    /// Publishes until the panic at that increase; returns whether there was one.
    fn panics_at(&self, increase: usize, publish: impl FnOnce()) -> bool {
        self.1.store(increase, Ordering::Relaxed);
        let panicked = catch_unwind(AssertUnwindSafe(publish)).is_err();
        self.1.store(0, Ordering::Relaxed);
        panicked
    }
}

/// A panic at each increase in turn: the next publication makes up for what was missed, and for no more.
#[test]
fn a_publication_after_a_panic_counts_everything_once() {
    set_hook(Box::new(|_| {}));
    let mut panics = 0;
    for increase in (1..150).step_by(5) {
        let recorder = Recorder::new(None);
        let faulty = Faulty(&recorder, Fuse::default());
        let (registry, controller, _clock) = registry();
        let publisher = recorder.of_registry(&registry);
        for turn in 1..4 {
            succeed(&registry, 1);
            fail(&registry, 2);
            succeed(&registry, 2);
            controller
                .on(&1, |one| one.trip() && one.reset())
                .expect("valid");
            panics += usize::from(faulty.panics_at(increase, || faulty.publish(&publisher)));
            if turn != 2 {
                faulty.publish(&publisher);
            }
        }
        assert_eq!(recorder.calls("1", "success"), 3.0, "{increase}");
        assert_eq!(recorder.calls("2", "failure"), 3.0, "{increase}");
        assert_eq!(recorder.sum("tripcoil_calls_total"), 9.0);
        assert_eq!(recorder.sum("tripcoil_transitions_total"), 6.0);
        assert_eq!(recorder.sum("tripcoil_state"), 2.0);
    }
    let _ = take_hook();
    assert!(panics > 40, "{panics}");
}

/// A key for which another set's last figures have to be published first.
#[test]
fn a_key_that_comes_while_the_recorder_panics_is_published() {
    let recorder = Recorder::new(None);
    let faulty = Faulty(&recorder, Fuse::default());
    let (registry, _, _) = registry();
    let publisher = recorder
        .of_registry(&registry)
        .max_label_values(1)
        .reuse_after(Duration::ZERO);
    succeed(&registry, 1);
    faulty.publish(&publisher);
    succeed(&registry, 1);
    sweep_all(&registry);
    set_hook(Box::new(|_| {}));
    assert!(
        faulty.panics_at(1, || faulty.publish(&publisher)),
        "its last"
    );
    succeed(&registry, 2);
    succeed(&registry, 3);
    assert!(faulty.panics_at(1, || faulty.publish(&publisher)), "again");
    let _ = take_hook();
    faulty.publish(&publisher);
    assert_eq!(recorder.calls("1", "success"), 2.0);
    assert_eq!(recorder.calls("2", "success"), 1.0, "in its place");
    assert_eq!(recorder.calls("other", "success"), 1.0);
}

/// A registry that is never published again, through which many keys go.
#[test]
fn forgotten_keys_are_let_go_after_a_panic() {
    let recorder = Recorder::new(None);
    let faulty = Faulty(&recorder, Fuse::default());
    let alive = Arc::new(());
    let token = alive.clone();
    let registry = Registry::builder(move |key: &u32| {
        let token = token.clone();
        let clock = Clock::custom(move || {
            let _kept = &token;
            Duration::ZERO
        });
        Breaker::builder(key.to_string()).clock(clock)
    })
    .capacity(8)
    .build();
    let publisher = with_local_recorder(&faulty, || {
        Publisher::of_registry(&registry, |_| vec![Label::new("breaker", "all")])
    });
    succeed(&registry, 0);
    set_hook(Box::new(|_| {}));
    assert!(faulty.panics_at(1, || faulty.publish(&publisher)));
    let _ = take_hook();
    let keys = 5_000;
    (1..keys).for_each(|key| succeed(&registry, key));
    let breakers = Arc::strong_count(&alive);
    assert!(breakers < 1_500, "{breakers} of {keys} are kept");
    faulty.publish(&publisher);
    assert_eq!(recorder.sum("tripcoil_calls_total"), f64::from(keys));
}

/// The publisher of one breaker, whose key is forgotten meanwhile.
#[test]
fn the_last_figures_of_a_forgotten_breaker_are_published_after_a_panic() {
    let recorder = Recorder::new(None);
    let faulty = Faulty(&recorder, Fuse::default());
    let (registry, controller, _clock) = registry();
    let breaker = registry.get(&1).expect("valid");
    let publisher = with_local_recorder(&faulty, || Publisher::new(&breaker.observer()));
    controller
        .on(&1, |one| one.trip() && one.reset())
        .expect("valid");
    assert!(publisher.drain(LONG));
    assert_eq!(recorder.sum("tripcoil_state"), 1.0);
    breaker.call(|| Ok::<_, ()>(())).expect("closed");
    drop(breaker);
    set_hook(Box::new(|_| {}));
    let panicked = faulty.panics_at(ALWAYS, || {
        sweep_all(&registry);
        let _waits_for_the_listener = publisher.drain(LONG);
    });
    let _ = take_hook();
    assert!(panicked, "in its last publication");
    publisher.publish();
    assert_eq!(recorder.sum("tripcoil_state"), 0.0, "it is gone");
    assert_eq!(recorder.sum("tripcoil_calls_total"), 1.0);
    assert_eq!(recorder.sum("tripcoil_transitions_total"), 2.0);
    let touched = faulty.panics_at(1, || publisher.publish());
    assert!(
        !touched,
        "its series are left alone, so that an exporter can drop them"
    );
}
