//! Every key of a registry: what is published of it while it is there, and when it is gone.

use super::{LONG, build, state_label};
use metrics::Label;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use metrics_util::MetricKindMask;
use prometheus_parse::{Scrape, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::{Duration, Instant};
use tripcoil::metrics::{KeysPublisher, Publisher};
use tripcoil::registry::{Registry, RegistryBuilder, RegistryController};
use tripcoil::{Breaker, Hang, ManualClock, Outage, State};

const IDLE: Duration = Duration::from_millis(400);

/// An exporter without a server.
pub(super) struct Recorder {
    pub(super) recorder: PrometheusRecorder,
    handle: PrometheusHandle,
}

pub(super) type Labels = BTreeMap<String, String>;

impl Recorder {
    pub(super) fn new(idle: Option<Duration>) -> Recorder {
        let builder = PrometheusBuilder::new().idle_timeout(MetricKindMask::ALL, idle);
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        Recorder { recorder, handle }
    }

    pub(super) fn publish(&self, publisher: &KeysPublisher) {
        metrics::with_local_recorder(&self.recorder, || publisher.publish());
    }

    pub(super) fn of_registry(&self, registry: &Registry<u32>) -> KeysPublisher {
        metrics::with_local_recorder(&self.recorder, || {
            Publisher::of_registry(registry, |key| vec![Label::new("tenant", key.to_string())])
        })
    }

    pub(super) fn text(&self) -> String {
        self.handle.render()
    }

    /// All series of that name: their labels and values.
    pub(super) fn series(&self, name: &str) -> Vec<(Labels, f64)> {
        let text = self.text();
        let lines = text.lines().map(|line| Ok(line.to_owned()));
        let scrape = Scrape::parse(lines).expect("the exposition format");
        let found = scrape.samples.into_iter().filter(|s| s.metric == name);
        found
            .map(|sample| {
                let (Value::Counter(value) | Value::Gauge(value) | Value::Untyped(value)) =
                    sample.value
                else {
                    panic!("{name} is no number");
                };
                let labels = sample.labels.iter();
                (labels.map(|(k, v)| (k.clone(), v.clone())).collect(), value)
            })
            .collect()
    }

    /// The one series of that name with these labels, if it is there.
    pub(super) fn find(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let has = |of: &Labels| {
            let mut wanted = labels.iter();
            wanted.all(|(k, v)| of.get(*k).is_some_and(|value| value == v))
        };
        let found: Vec<_> = self
            .series(name)
            .into_iter()
            .filter(|(of, _)| has(of))
            .collect();
        assert!(found.len() < 2, "{found:?}");
        found.first().map(|(_, value)| *value)
    }

    #[track_caller]
    pub(super) fn get(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let found = self.find(name, labels);
        found.unwrap_or_else(|| panic!("no {name} {labels:?}"))
    }

    pub(super) fn calls(&self, tenant: &str, outcome: &str) -> f64 {
        self.get(
            "tripcoil_calls_total",
            &[("tenant", tenant), ("outcome", outcome)],
        )
    }

    pub(super) fn values(&self, label: &str) -> BTreeSet<String> {
        let all = self.series("tripcoil_calls_total").into_iter();
        all.filter_map(|(labels, _)| labels.get(label).cloned())
            .collect()
    }

    pub(super) fn sum(&self, name: &str) -> f64 {
        self.series(name).iter().map(|(_, value)| value).sum()
    }
}

fn builder(clock: &ManualClock) -> RegistryBuilder<u32> {
    let clock = clock.clone();
    Registry::builder(move |key: &u32| {
        Breaker::builder(format!("tenant-{key}"))
            .clock(&clock)
            .consecutive_failures(2)
            .open_for(Duration::from_secs(30))
    })
}

pub(super) fn registry() -> (Registry<u32>, RegistryController<u32>, ManualClock) {
    let clock = ManualClock::new();
    let (registry, controller) = builder(&clock).build_with_controller();
    (registry, controller, clock)
}

pub(super) fn succeed(registry: &Registry<u32>, key: u32) {
    registry.call(&key, || Ok::<_, ()>(())).expect("closed");
}

pub(super) fn fail(registry: &Registry<u32>, key: u32) {
    registry
        .call(&key, || Err::<(), _>(()))
        .expect_err("its own");
}

pub(super) fn sweep_all(registry: &Registry<u32>) {
    (0..2).for_each(|_| _ = registry.sweep());
}

#[test]
fn every_key_is_published_by_one_publisher() {
    let recorder = Recorder::new(None);
    let (registry, controller, clock) = registry();
    succeed(&registry, 1);
    let publisher = recorder.of_registry(&registry);
    (0..3).for_each(|_| succeed(&registry, 2));
    (0..2).for_each(|_| fail(&registry, 2));
    let rejected = registry.call(&2, || Ok::<_, ()>(()));
    assert!(rejected.is_err());
    controller
        .on(&3, |three| three.force_open())
        .expect("valid");
    clock.advance(Duration::from_secs(10));
    recorder.publish(&publisher);
    assert_eq!(recorder.values("breaker").len(), 3);
    for (key, state) in [(1, State::Closed), (2, State::Open), (3, State::ForcedOpen)] {
        let seen = registry.peek(&key).expect("there").observer().snapshot();
        assert_eq!(seen.state, state);
        let tenant = key.to_string();
        let name = format!("tenant-{key}");
        let labels = [("tenant", tenant.as_str()), ("breaker", name.as_str())];
        let get = |metric: &str| recorder.get(metric, &labels);
        assert_eq!(
            recorder.calls(&tenant, "success"),
            seen.totals.successes as f64
        );
        assert_eq!(
            recorder.calls(&tenant, "failure"),
            seen.totals.failures as f64
        );
        let with = |more| [labels[0], labels[1], more];
        for one in [
            State::Closed,
            State::Open,
            State::ForcedOpen,
            State::HalfOpen,
        ] {
            let value = recorder.get("tripcoil_state", &with(("state", state_label(one))));
            assert_eq!(value, f64::from(u8::from(one == state)), "{key} {one}");
        }
        let rejections = recorder.get("tripcoil_rejections_total", &with(("state", "open")));
        assert_eq!(rejections, seen.totals.rejected as f64);
        assert_eq!(get("tripcoil_failure_ratio"), seen.failure_rate);
        assert_eq!(get("tripcoil_window_calls"), seen.window.calls as f64);
        let wait = seen.retry_after.unwrap_or_default().as_secs_f64();
        assert_eq!(get("tripcoil_retry_after_seconds"), wait);
        assert_eq!(
            get("tripcoil_time_in_state_seconds"),
            seen.time_in_state.as_secs_f64()
        );
    }
    let moves = |tenant, to, cause| {
        let labels = [("tenant", tenant), ("to", to), ("cause", cause)];
        recorder.get("tripcoil_transitions_total", &labels)
    };
    assert_eq!(moves("2", "open", "consecutive_failures"), 1.0);
    assert_eq!(moves("3", "forced_open", "manual"), 1.0);
    assert_eq!(recorder.sum("tripcoil_transitions_total"), 2.0);

    // it goes on, and nothing is counted twice
    succeed(&registry, 1);
    recorder.publish(&publisher);
    recorder.publish(&publisher);
    assert_eq!(
        (
            recorder.calls("1", "success"),
            recorder.calls("2", "success")
        ),
        (2.0, 3.0)
    );
    assert_eq!(recorder.sum("tripcoil_transitions_total"), 2.0);
}

#[test]
fn transitions_between_two_publications_are_counted_or_missed() {
    let recorder = Recorder::new(None);
    let (registry, controller, _clock) = registry();
    let publisher = recorder.of_registry(&registry);
    for (round, trips) in [(1, 1), (2, 2), (3, 40)] {
        controller
            .on(&1, |one| {
                (0..trips).for_each(|_| assert!(one.trip() && one.reset()))
            })
            .expect("valid");
        recorder.publish(&publisher);
        let all = recorder.sum("tripcoil_transitions_total")
            + recorder.sum("tripcoil_transitions_missed_total");
        let seen = registry.peek(&1).expect("there").observer().snapshot();
        assert_eq!(all, seen.transitions as f64, "{round}");
    }
    let missed = recorder.sum("tripcoil_transitions_missed_total");
    assert!(missed > 0.0 && missed <= 76.0, "{missed}");
}

#[test]
fn label_values_have_a_limit_and_the_rest_is_other() {
    let recorder = Recorder::new(None);
    let (registry, _, _) = registry();
    (0..20).for_each(|key| succeed(&registry, key));
    let publisher = recorder.of_registry(&registry).max_label_values(30);
    (0..100).for_each(|key| succeed(&registry, key));
    (50..52).for_each(|_| fail(&registry, 99));
    recorder.publish(&publisher);
    for label in ["tenant", "breaker"] {
        let values = recorder.values(label);
        assert_eq!(values.len(), 31, "{label} {values:?}");
        assert!(values.contains("other"));
    }
    assert_eq!(
        recorder.calls("0", "success"),
        2.0,
        "first come, first served"
    );
    assert_eq!(recorder.calls("other", "success"), 70.0);
    assert_eq!(recorder.calls("other", "failure"), 2.0);
    let other = |state| {
        let labels = [("tenant", "other"), ("state", state)];
        recorder.get("tripcoil_state", &labels)
    };
    assert_eq!((other("closed"), other("open")), (69.0, 1.0));
    assert_eq!(recorder.sum("tripcoil_calls_total"), 122.0, "none is lost");
    // and a thousand, unless another number is set
    let more = Recorder::new(None);
    let (registry, _, _) = self::registry();
    (0..1_200).for_each(|key| succeed(&registry, key));
    let publisher = more.of_registry(&registry);
    more.publish(&publisher);
    assert_eq!(more.values("tenant").len(), 1_001);
    assert_eq!(more.calls("other", "success"), 200.0);
}

/// A key that came and went between two publications, too.
#[test]
fn counts_of_forgotten_keys_are_published_and_their_gauges_are_zero() {
    let recorder = Recorder::new(None);
    let (registry, controller, _clock) = registry();
    let publisher = recorder.of_registry(&registry);
    succeed(&registry, 1);
    recorder.publish(&publisher);
    let level = |tenant: &str| {
        let closed = [("tenant", tenant), ("state", "closed")];
        let tenant = [("tenant", tenant)];
        (
            recorder.get("tripcoil_state", &closed),
            recorder.get("tripcoil_window_calls", &tenant),
        )
    };
    assert_eq!(level("1"), (1.0, 1.0));
    fail(&registry, 1);
    fail(&registry, 2);
    controller.on(&3, |three| three.trip()).expect("valid");
    sweep_all(&registry);
    assert!(controller.forget(&3));
    assert_eq!(registry.len(), 0);
    recorder.publish(&publisher);
    assert_eq!(
        (
            recorder.calls("1", "success"),
            recorder.calls("1", "failure")
        ),
        (1.0, 1.0)
    );
    assert_eq!(recorder.calls("2", "failure"), 1.0);
    assert_eq!(
        (level("1"), level("2"), level("3")),
        ((0.0, 0.0), (0.0, 0.0), (0.0, 0.0))
    );
    let opened = [("tenant", "3"), ("to", "open"), ("cause", "manual")];
    assert_eq!(recorder.get("tripcoil_transitions_total", &opened), 1.0);
    for gauge in [
        "tripcoil_state",
        "tripcoil_time_in_state_seconds",
        "tripcoil_retry_after_seconds",
        "tripcoil_failure_ratio",
        "tripcoil_consecutive_failures",
    ] {
        assert_eq!(recorder.sum(gauge), 0.0, "{gauge}");
    }
    // one that comes back goes on from there
    succeed(&registry, 1);
    recorder.publish(&publisher);
    assert_eq!(recorder.calls("1", "success"), 2.0);
    assert_eq!(level("1"), (1.0, 1.0));
    assert_eq!(
        recorder.sum("tripcoil_calls_total"),
        registry.aggregate().totals.successes as f64 + 2.0
    );
}

/// A registry of a few places through which many keys go, published now and then, or never until the
/// end: no call is lost, and there are no more label values than there may be.
#[test]
fn keys_that_come_and_go_lose_nothing() {
    for (publications, places) in [(10, 50), (1, 50), (1, 0), (40, 7)] {
        let recorder = Recorder::new(None);
        let registry = builder(&ManualClock::new()).capacity(places).build();
        let publisher = recorder.of_registry(&registry).max_label_values(100);
        let keys = 4_000;
        for key in 0..keys {
            succeed(&registry, key);
            if key % 3 == 0 {
                fail(&registry, key);
            }
            if key % (keys / publications) == 1 {
                recorder.publish(&publisher);
            }
        }
        recorder.publish(&publisher);
        let all = registry.aggregate();
        assert!(all.evicted > 3_000);
        let calls = |outcome: &str| {
            let all = recorder.series("tripcoil_calls_total").into_iter();
            let of = all.filter(|(labels, _)| labels["outcome"] == outcome);
            of.map(|(_, value)| value).sum::<f64>()
        };
        assert_eq!(calls("success"), f64::from(keys));
        assert_eq!(calls("failure"), all.totals.failures as f64);
        assert_eq!(recorder.sum("tripcoil_state"), registry.len() as f64);
        assert_eq!(recorder.values("tenant").len(), 101);
    }
}

#[test]
fn a_place_is_free_when_its_keys_have_been_gone_for_long_enough() {
    let recorder = Recorder::new(None);
    let (registry, _, _) = registry();
    let publisher = recorder.of_registry(&registry).max_label_values(2);
    let turn = |keys: [u32; 2]| {
        keys.into_iter().for_each(|key| succeed(&registry, key));
        recorder.publish(&publisher);
        sweep_all(&registry);
        recorder.publish(&publisher);
    };
    turn([1, 2]);
    turn([3, 4]);
    assert_eq!(recorder.values("tenant").len(), 3, "for an hour it is kept");
    let publisher = publisher.reuse_after(Duration::ZERO);
    let turn = |keys: [u32; 2]| {
        keys.into_iter().for_each(|key| succeed(&registry, key));
        recorder.publish(&publisher);
        sweep_all(&registry);
        recorder.publish(&publisher);
    };
    turn([5, 6]);
    assert_eq!(
        (
            recorder.calls("5", "success"),
            recorder.calls("6", "success")
        ),
        (1.0, 1.0)
    );
    turn([1, 5]);
    assert_eq!(
        recorder.calls("1", "success"),
        2.0,
        "it goes on in the recorder"
    );
    assert_eq!(recorder.calls("5", "success"), 2.0);
    assert_eq!(recorder.calls("other", "success"), 2.0);
    assert_eq!(recorder.sum("tripcoil_calls_total"), 8.0);
}

#[test]
fn keys_with_the_same_labels_are_summed_up() {
    let recorder = Recorder::new(None);
    let (registry, controller, _clock) = registry();
    let region = |key: &u32| if key.is_multiple_of(2) { "eu" } else { "us" };
    let publisher = metrics::with_local_recorder(&recorder.recorder, || {
        Publisher::of_registry(&registry, move |key| {
            vec![Label::new("breaker", region(key))]
        })
    });
    (0..6).for_each(|key| succeed(&registry, key));
    fail(&registry, 0);
    fail(&registry, 2);
    fail(&registry, 2);
    controller
        .on(&4, |four| four.trip_for(Duration::from_secs(7)))
        .expect("valid");
    recorder.publish(&publisher);
    assert_eq!(
        recorder.values("breaker"),
        BTreeSet::from(["eu".into(), "us".into()])
    );
    let eu = |name: &str| recorder.get(name, &[("breaker", "eu")]);
    assert_eq!(eu("tripcoil_window_calls"), 6.0);
    assert_eq!(eu("tripcoil_failure_ratio"), 0.5);
    assert_eq!(
        eu("tripcoil_consecutive_failures"),
        1.0,
        "of those that are closed"
    );
    assert_eq!(eu("tripcoil_retry_after_seconds"), 30.0, "the longest");
    let open = [("breaker", "eu"), ("state", "open")];
    assert_eq!(recorder.get("tripcoil_state", &open), 2.0);
    let us = [("breaker", "us"), ("state", "closed")];
    assert_eq!(recorder.get("tripcoil_state", &us), 3.0);
}

#[test]
fn durations_of_every_key_are_published_where_they_are_kept() {
    let recorder = Recorder::new(None);
    let clock = ManualClock::new();
    let kept = clock.clone();
    let registry = Registry::builder(move |key: &u32| {
        Breaker::builder(key.to_string())
            .clock(&kept)
            .durations(key.is_multiple_of(2))
    })
    .build();
    let publisher = recorder.of_registry(&registry).max_label_values(1);
    let count = |tenant| {
        recorder.find(
            "tripcoil_call_duration_seconds_count",
            &[("tenant", tenant)],
        )
    };
    for turn in 1..4 {
        for key in 0..5 {
            succeed(&registry, key);
        }
        recorder.publish(&publisher);
        recorder.publish(&publisher);
        assert_eq!(count("0"), Some(f64::from(turn)));
        assert_eq!(
            count("other"),
            Some(f64::from(2 * turn)),
            "two of four keep them"
        );
        sweep_all(&registry);
    }
}

/// Labels are the user's code.
#[test]
fn labels_that_panic_harm_no_call() {
    let recorder = Recorder::new(None);
    let (registry, _, _) = registry();
    let publisher = metrics::with_local_recorder(&recorder.recorder, || {
        Publisher::of_registry(&registry, |key| {
            assert_ne!(*key, 7, "no liking for seven");
            vec![Label::new("tenant", key.to_string())]
        })
    });
    std::panic::set_hook(Box::new(|_| {}));
    (5..9).for_each(|key| succeed(&registry, key));
    let _ = std::panic::take_hook();
    recorder.publish(&publisher);
    assert_eq!(recorder.values("tenant").len(), 3);
    drop(publisher);
    succeed(&registry, 10);
}

/// Waits for the series of a key to be dropped by the exporter, while `alive` goes on.
fn vanish(recorder: &Recorder, label: (&str, &str), mut alive: impl FnMut()) {
    let since = Instant::now();
    let there = || {
        let names = [
            "tripcoil_state",
            "tripcoil_calls_total",
            "tripcoil_window_calls",
        ];
        let all = names.into_iter().flat_map(|name| recorder.series(name));
        all.filter(|(labels, _)| labels.get(label.0).is_some_and(|value| value == label.1))
            .count()
    };
    while there() > 0 {
        assert!(since.elapsed() < LONG, "{} are there", there());
        alive();
        thread::sleep(IDLE / 8);
    }
}

#[test]
fn series_of_a_forgotten_key_disappear_from_the_exporter() {
    let recorder = Recorder::new(Some(IDLE));
    let (registry, _, _) = registry();
    let publisher = recorder.of_registry(&registry);
    (1..3).for_each(|key| succeed(&registry, key));
    let used = registry.get(&2).expect("valid");
    recorder.publish(&publisher);
    sweep_all(&registry);
    recorder.publish(&publisher);
    assert_eq!(recorder.calls("1", "success"), 1.0, "its last");
    vanish(&recorder, ("tenant", "1"), || recorder.publish(&publisher));
    assert_eq!(recorder.calls("2", "success"), 1.0, "the other is there");
    // and when it is back
    succeed(&registry, 1);
    recorder.publish(&publisher);
    assert_eq!(recorder.calls("1", "success"), 1.0);
    drop(used);
}

#[test]
fn a_publisher_of_one_breaker_ends_with_its_key() {
    let recorder = Recorder::new(Some(IDLE));
    let (registry, controller, clock) = registry();
    let publisher = |key| {
        let observer = registry.get(&key).expect("valid").observer();
        metrics::with_local_recorder(&recorder.recorder, || Publisher::new(&observer))
    };
    let (one, two) = (publisher(1), publisher(2));
    fail(&registry, 1);
    controller
        .on(&1, |one| one.trip() && one.reset())
        .expect("valid");
    assert!(one.drain(LONG));
    let state = |breaker| {
        let labels = [("breaker", breaker), ("state", "closed")];
        recorder.get("tripcoil_state", &labels)
    };
    assert_eq!((state("tenant-1"), state("tenant-2")), (1.0, 1.0));
    let used = registry.get(&2).expect("valid");
    fail(&registry, 1);
    sweep_all(&registry);
    assert_eq!(registry.len(), 1, "a publisher keeps nothing");
    // by itself, soon
    let since = Instant::now();
    while state("tenant-1") != 0.0 {
        assert!(since.elapsed() < LONG);
        thread::sleep(Duration::from_millis(1));
    }
    let labels = [("breaker", "tenant-1")];
    let all = |name: &str| {
        let of = recorder.series(name).into_iter();
        of.filter(|(l, _)| l["breaker"] == "tenant-1")
            .map(|(_, v)| v)
            .sum::<f64>()
    };
    assert_eq!(all("tripcoil_calls_total"), 2.0, "its final totals");
    assert_eq!(all("tripcoil_transitions_total"), 2.0);
    assert_eq!(recorder.get("tripcoil_window_calls", &labels), 0.0);
    assert_eq!(recorder.get("tripcoil_time_in_state_seconds", &labels), 0.0);
    vanish(&recorder, ("breaker", "tenant-1"), || {
        // the one that is forgotten says nothing any more, however often it is asked
        one.publish();
        clock.advance(Duration::from_millis(1));
        two.publish();
    });
    assert_eq!(state("tenant-2"), 1.0);
    drop((used, one));
}

/// In no registry a publisher publishes on, though the breaker is dropped.
#[test]
fn a_breaker_of_no_registry_is_published_as_it_was() {
    let recorder = Recorder::new(None);
    let (breaker, _controller, _clock) = build("alone", |b| b);
    let observer = breaker.observer();
    let publisher = metrics::with_local_recorder(&recorder.recorder, || Publisher::new(&observer));
    drop(breaker);
    publisher.publish();
    let labels = [("breaker", "alone"), ("state", "closed")];
    assert_eq!(recorder.get("tripcoil_state", &labels), 1.0);
}

/// Keys of one label are one series: the nearest to its limit, all paces, and all calls that hang.
#[test]
fn evidence_of_several_keys_is_that_of_the_nearest_to_its_limit() {
    let recorder = Recorder::new(None);
    let clock = ManualClock::new();
    let of = clock.clone();
    let registry = Registry::builder(move |key: &u32| {
        Breaker::builder(format!("tenant-{key}"))
            .clock(&of)
            .outage(Outage::at(if *key == 1 { 0.5 } else { 0.2 }))
            .hang(Hang::default())
    })
    .build();
    for _ in 0..60 {
        clock.advance(Duration::from_millis(50));
        succeed(&registry, 1);
        succeed(&registry, 2);
    }
    fail(&registry, 1);
    (0..2).for_each(|_| fail(&registry, 2));
    clock.advance(Duration::from_millis(200));
    let held = [1, 1, 2].map(|key| registry.get(&key).expect("valid").try_acquire_owned());
    let publisher = metrics::with_local_recorder(&recorder.recorder, || {
        Publisher::of_registry(&registry, |_| vec![Label::new("breaker", "tenants")])
    });
    recorder.publish(&publisher);
    let seen = [1, 2].map(|key| {
        let observer = registry.peek(&key).expect("there").observer();
        observer.snapshot().evidence.expect("it is on")
    });
    assert!(seen[1].value / seen[1].limit > seen[0].value / seen[0].limit);
    let get = |name: &str| recorder.get(name, &[("breaker", "tenants")]);
    assert_eq!(get("tripcoil_evidence"), seen[1].value);
    assert_eq!(get("tripcoil_evidence_limit"), seen[1].limit);
    assert_eq!(
        get("tripcoil_evidence_calls_per_second"),
        seen[0].pace + seen[1].pace
    );
    assert_eq!(get("tripcoil_hang_calls"), 3.0);
    drop(held);
}

/// Of keys of one label it is the mean.
#[test]
fn the_admitted_share_of_several_keys_is_their_mean() {
    let recorder = Recorder::new(None);
    let clock = ManualClock::new();
    let registry = Registry::builder(move |key: &u32| {
        Breaker::builder(format!("tenant-{key}"))
            .clock(&clock)
            .consecutive_failures(1)
    })
    .build();
    let publisher = metrics::with_local_recorder(&recorder.recorder, || {
        Publisher::of_registry(&registry, |_| vec![Label::new("breaker", "tenants")])
    });
    (1..=4).for_each(|key| succeed(&registry, key));
    let share = || {
        recorder.publish(&publisher);
        recorder.get("tripcoil_admitted_share", &[("breaker", "tenants")])
    };
    assert_eq!(share(), 1.0);
    fail(&registry, 1);
    assert_eq!(share(), 0.75);
    (2..=4).for_each(|key| fail(&registry, key));
    assert_eq!(share(), 0.0);
}
