//! Labels as they come: too many, the same in another order, twice, or those of the series themselves.

use super::build;
use super::keys::{Recorder, fail, registry, succeed};
use metrics::{
    Counter, Gauge, Histogram, Key, KeyName, Label, Metadata, SharedString, Unit,
    with_local_recorder,
};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use tripcoil::Config;
use tripcoil::metrics::{KeysPublisher, Publisher};
use tripcoil::registry::Registry;

/// Names of labels that series bear themselves, and exporters.
const TAKEN: [&str; 8] = [
    "outcome", "state", "kind", "to", "cause", "le", "quantile", "pattern",
];

impl Recorder {
    fn labelled<L: Into<Label> + Clone>(
        &self,
        registry: &Registry<u32>,
        labels: impl Fn(u32) -> Vec<L> + Send + Sync + 'static,
    ) -> KeysPublisher {
        with_local_recorder(&self.recorder, || {
            Publisher::of_registry(registry, move |key| {
                labels(*key).into_iter().map(Into::into).collect::<Vec<_>>()
            })
        })
    }

    /// No series is there twice, none has a label twice, and each breaker is in one state.
    #[track_caller]
    fn is_sound(&self, breakers: usize) {
        let text = self.text();
        let mut all = BTreeSet::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some((series, _)) = line.rsplit_once(' ') else {
                continue;
            };
            assert!(all.insert(series), "{series} is there twice");
            let Some((_, labels)) = series.split_once('{') else {
                continue;
            };
            let mut names = BTreeSet::new();
            for label in labels.trim_end_matches('}').split("\",") {
                let (name, _) = label.split_once('=').expect("a label");
                assert!(names.insert(name), "{name} is twice in {series}");
            }
        }
        assert_eq!(self.sum("tripcoil_state"), breakers as f64);
    }
}

#[test]
fn the_limit_of_label_values_holds_at_none_one_and_exactly_as_many() {
    for (most, keys) in [(0, 1), (0, 9), (1, 1), (1, 2), (7, 6), (7, 7), (7, 8)] {
        let recorder = Recorder::new(None);
        let (registry, _, _) = registry();
        let publisher = recorder.of_registry(&registry).max_label_values(most);
        for turn in 1..4 {
            (0..keys).for_each(|key| succeed(&registry, key));
            recorder.publish(&publisher);
            let others = (keys as usize).saturating_sub(most);
            let sets = most.min(keys as usize) + usize::from(others > 0);
            assert_eq!(recorder.values("tenant").len(), sets, "{most} {keys}");
            let other = (others > 0).then_some((others * turn) as f64);
            let labels = [("tenant", "other"), ("outcome", "success")];
            assert_eq!(recorder.find("tripcoil_calls_total", &labels), other);
            recorder.is_sound(keys as usize);
        }
    }
}

/// The keys beyond the limit and a key that has those very labels are one set, whichever comes first.
#[test]
fn a_key_named_other_shares_its_series_with_the_keys_beyond() {
    let name = |key: u32, other: u32| {
        if key == other {
            "other".into()
        } else {
            key.to_string()
        }
    };
    for other in [0, 1, 2, 3, 4] {
        let recorder = Recorder::new(None);
        let (registry, _, _) = registry();
        let labels = move |key| {
            let name = name(key, other);
            vec![("breaker", name.clone()), ("tenant", name)]
        };
        let publisher = recorder
            .labelled(&registry, move |key| {
                labels(key).iter().map(Label::from).collect()
            })
            .max_label_values(2);
        for turn in 1..4 {
            for key in 0..5 {
                (0..=key).for_each(|_| succeed(&registry, key));
                recorder.publish(&publisher);
            }
            recorder.is_sound(5);
            let own = (0..5).filter(|key| *key != other).take(2);
            let own: u32 = own.map(|key| key + 1).sum();
            assert_eq!(
                recorder.calls("other", "success"),
                f64::from((15 - own) * turn)
            );
            assert_eq!(recorder.values("tenant").len(), 3, "{other}");
        }
    }
}

#[test]
fn labels_in_another_order_are_the_same_set() {
    let recorder = Recorder::new(None);
    let (registry, _, _) = registry();
    let publisher = recorder
        .labelled(&registry, |key| {
            let mut labels = [("breaker", "one"), ("zone", "eu"), ("app", "shop")];
            labels.rotate_left(key as usize % 3);
            labels.iter().map(Label::from).collect()
        })
        .max_label_values(1);
    (0..6).for_each(|key| succeed(&registry, key));
    recorder.publish(&publisher);
    recorder.is_sound(6);
    let zone = [("zone", "eu"), ("outcome", "success")];
    assert_eq!(recorder.get("tripcoil_calls_total", &zone), 6.0);
}

/// As exporters write them: another key of the same set would overwrite it, or be lost.
#[test]
fn of_labels_with_the_same_name_the_first_counts() {
    let (breaker, _controller, _clock) = build("named", |b| b);
    let alike = [
        ("a-b", "1"),
        ("a_b", "2"),
        ("a.b", "3"),
        ("1a", "4"),
        ("_a", "5"),
        ("a-b", "6"),
    ];
    let recorder = Recorder::new(None);
    let publisher = with_local_recorder(&recorder.recorder, || {
        Publisher::with_labels(&breaker.observer(), &alike)
    });
    publisher.publish();
    recorder.is_sound(1);
    let labels = [("a_b", "1"), ("_a", "4"), ("breaker", "named")];
    assert_eq!(recorder.get("tripcoil_window_calls", &labels), 0.0);

    let recorder = Recorder::new(None);
    let (registry, _, _) = registry();
    let publisher = recorder.labelled(&registry, move |key| {
        let last = key.to_string();
        let mut labels: Vec<_> = alike.iter().map(Label::from).collect();
        labels.push(Label::new("a_b", last.clone()));
        labels.extend(["breaker", "breaker"].map(|name| Label::new(name, last.clone())));
        labels
    });
    (0..3).for_each(|key| succeed(&registry, key));
    recorder.publish(&publisher);
    recorder.is_sound(3);
    assert_eq!(recorder.values("breaker").len(), 3);
    assert_eq!(recorder.values("a_b"), BTreeSet::from(["1".into()]));
}

#[test]
fn a_label_that_series_have_already_is_exported_beside_it() {
    let labels = |value: &str| {
        TAKEN
            .map(|name| Label::new(name, value.to_owned()))
            .to_vec()
    };
    let check = |recorder: &Recorder, breaker: &str, value: &str| {
        for taken in TAKEN {
            let exported = format!("exported_{taken}");
            let labels = [("breaker", breaker), (exported.as_str(), value)];
            let closed = [labels[0], labels[1], ("state", "closed")];
            assert_eq!(recorder.get("tripcoil_state", &closed), 1.0);
            let failed = [labels[0], labels[1], ("outcome", "failure")];
            assert_eq!(recorder.get("tripcoil_calls_total", &failed), 1.0);
        }
    };
    let (breaker, _controller, _clock) = build("alone", |b| b);
    let recorder = Recorder::new(None);
    let publisher = with_local_recorder(&recorder.recorder, || {
        Publisher::with_labels(&breaker.observer(), labels("open"))
    });
    breaker.call(|| Err::<(), ()>(())).expect_err("its own");
    publisher.publish();
    recorder.is_sound(1);
    check(&recorder, "alone", "open");

    let recorder = Recorder::new(None);
    let (registry, _, _) = registry();
    let publisher = recorder.labelled(&registry, move |key| labels(&format!("open-{key}")));
    (0..2).for_each(|key| fail(&registry, key));
    recorder.publish(&publisher);
    recorder.is_sound(2);
    check(&recorder, "tenant-0", "open-0");
    check(&recorder, "tenant-1", "open-1");
}

/// Labels whose texts, one after the other, are the same.
#[test]
fn labels_of_any_text_are_told_apart() {
    let all: [&[(&str, &str)]; 10] = [
        &[("a", "b")],
        &[("ab", "")],
        &[("a", "b1:c1:d")],
        &[("a", "b"), ("c", "d")],
        &[("a", "1:b")],
        &[("a", "\n")],
        &[("a", "\"")],
        &[("a", "\u{e4}\u{1f980}")],
        &[("a", "\0")],
        &[],
    ];
    let recorder = Recorder::new(None);
    let (registry, _, _) = registry();
    let publisher = recorder.labelled(&registry, move |key| {
        let mut labels: Vec<_> = all[key as usize].iter().map(Label::from).collect();
        labels.push(Label::new("breaker", "one"));
        labels
    });
    (0..all.len() as u32).for_each(|key| (0..=key).for_each(|_| succeed(&registry, key)));
    recorder.publish(&publisher);
    let calls = recorder.series("tripcoil_calls_total").into_iter();
    let mut counts: Vec<_> = calls.map(|(_, calls)| calls as usize).collect();
    counts.retain(|calls| *calls > 0);
    counts.sort_unstable();
    assert_eq!(counts, (1..=all.len()).collect::<Vec<_>>());
}

/// A recorder that counts how often it is asked for a series.
struct Asked<'a>(&'a Recorder, AtomicUsize);

impl Asked<'_> {
    fn one(&self) {
        self.1.fetch_add(1, Ordering::Relaxed);
    }
}

impl metrics::Recorder for Asked<'_> {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn register_counter(&self, key: &Key, metadata: &Metadata<'_>) -> Counter {
        self.one();
        self.0.recorder.register_counter(key, metadata)
    }
    fn register_gauge(&self, key: &Key, metadata: &Metadata<'_>) -> Gauge {
        self.one();
        self.0.recorder.register_gauge(key, metadata)
    }
    fn register_histogram(&self, key: &Key, metadata: &Metadata<'_>) -> Histogram {
        self.one();
        self.0.recorder.register_histogram(key, metadata)
    }
}

/// A hundred thousand keys in release, where the times that are printed say something: what takes most of
/// the first publication is the recorder's own, so that there is one registration for each series is what
/// can be held here.
#[test]
fn a_registry_of_many_keys_registers_each_series_once() {
    const KEYS: u32 = if cfg!(debug_assertions) {
        5_000
    } else {
        100_000
    };
    let recorder = Recorder::new(None);
    let config = Config::default();
    let registry = Registry::<u32>::from_config(config)
        .expect("valid")
        .capacity(KEYS as usize)
        .build();
    let asked = Asked(&recorder, AtomicUsize::new(0));
    let publisher = recorder.of_registry(&registry);
    for key in 0..KEYS {
        let _ = registry.call(&key, || if key % 5 == 0 { Err(()) } else { Ok(()) });
    }
    let publish = || {
        let since = Instant::now();
        with_local_recorder(&asked, || publisher.publish());
        (asked.1.swap(0, Ordering::Relaxed), since.elapsed())
    };
    let (first, took) = publish();
    let later: Vec<_> = (0..7).map(|_| publish()).collect();
    println!("{KEYS} keys: {first} series in {took:?}, then {later:?}");
    let lines = recorder.text();
    let series = lines.lines().filter(|line| line.starts_with("tripcoil_"));
    assert_eq!(first, series.count(), "each once");
    // as docs/limits.md says: of a thousand sets and the other
    assert_eq!(first, 64 * 1_001);
    assert!(later.iter().all(|(asked, _)| *asked == 0));
    assert_eq!(recorder.sum("tripcoil_calls_total"), f64::from(KEYS));
    // and a set that comes later alone
    let few = Recorder::new(None);
    let asked = Asked(&few, AtomicUsize::new(0));
    let (registry, _, _) = super::keys::registry();
    let publisher = few.of_registry(&registry);
    for key in 0..3 {
        succeed(&registry, key);
        with_local_recorder(&asked, || publisher.publish());
        assert_eq!(asked.1.swap(0, Ordering::Relaxed), first / 1_001);
    }
}
