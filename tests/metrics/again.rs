//! Publishers that end and are made anew, and two at once.

use super::keys::{Recorder, fail, registry, succeed};
use super::{LONG, build};
use metrics::{Label, with_local_recorder};
use tripcoil::Breaker;
use tripcoil::metrics::{KeysPublisher, Publisher};

/// What is counted while there is no publisher is nobody's.
#[test]
fn a_registrys_publisher_that_is_replaced_counts_nothing_twice() {
    type Replace =
        fn(&Recorder, &tripcoil::registry::Registry<u32>, KeysPublisher) -> KeysPublisher;
    let ways: [Replace; 2] = [
        |recorder, registry, old| {
            drop(old);
            recorder.of_registry(registry)
        },
        |recorder, registry, old| {
            let new = recorder.of_registry(registry);
            drop(old);
            new
        },
    ];
    for replace in ways {
        let recorder = Recorder::new(None);
        let (registry, controller, _clock) = registry();
        (0..3).for_each(|_| succeed(&registry, 1));
        let mut publisher = recorder.of_registry(&registry);
        recorder.publish(&publisher);
        for turn in 1..5_u32 {
            publisher = replace(&recorder, &registry, publisher);
            recorder.publish(&publisher);
            succeed(&registry, 1);
            fail(&registry, 2);
            succeed(&registry, 2);
            controller
                .on(&1, |one| one.trip() && one.reset())
                .expect("valid");
            recorder.publish(&publisher);
            recorder.publish(&publisher);
            let calls = |key, outcome| recorder.calls(key, outcome);
            assert_eq!(calls("1", "success"), f64::from(3 + turn));
            assert_eq!(calls("2", "failure"), f64::from(turn));
            assert_eq!(
                recorder.sum("tripcoil_transitions_total"),
                f64::from(2 * turn)
            );
            assert_eq!(recorder.sum("tripcoil_transitions_missed_total"), 0.0);
            assert_eq!(recorder.sum("tripcoil_state"), 2.0);
        }
    }
}

#[test]
fn durations_of_a_replaced_publisher_are_not_recorded_twice() {
    let recorder = Recorder::new(None);
    let registry = tripcoil::registry::Registry::builder(|key: &u32| {
        Breaker::builder(key.to_string()).durations(true)
    })
    .build();
    let lasted = || {
        let labels = [("tenant", "1")];
        recorder.find("tripcoil_call_duration_seconds_count", &labels)
    };
    for turn in 1..4 {
        let publisher = recorder.of_registry(&registry);
        recorder.publish(&publisher);
        succeed(&registry, 1);
        recorder.publish(&publisher);
        assert_eq!(lasted(), Some(f64::from(turn)));
    }
}

/// Keys of one set of labels, of which some keep durations, whichever comes first.
#[test]
fn durations_of_a_key_that_comes_later_are_published() {
    for late in [0, 1, 3] {
        let recorder = Recorder::new(None);
        let registry = tripcoil::registry::Registry::builder(move |key: &u32| {
            Breaker::builder(key.to_string()).durations(*key == late)
        })
        .build();
        let publisher = with_local_recorder(&recorder.recorder, || {
            Publisher::of_registry(&registry, |_| vec![Label::new("breaker", "all")])
        });
        for key in 0..4 {
            (0..=key).for_each(|_| succeed(&registry, key));
            recorder.publish(&publisher);
            let count = recorder.find("tripcoil_call_duration_seconds_count", &[]);
            let kept = (key >= late).then_some(f64::from(late + 1));
            assert_eq!(count, kept, "{late} {key}");
        }
    }
}

/// By tenant and by region, say.
#[test]
fn two_publishers_of_one_registry_count_each_for_itself() {
    let recorder = Recorder::new(None);
    let (registry, _, _) = registry();
    let tenants = recorder.of_registry(&registry);
    let regions = with_local_recorder(&recorder.recorder, || {
        Publisher::of_registry(&registry, |key| {
            vec![Label::new("breaker", ["eu", "us"][*key as usize % 2])]
        })
    });
    (0..6).for_each(|key| (0..=key).for_each(|_| succeed(&registry, key)));
    for publisher in [&tenants, &regions, &tenants] {
        recorder.publish(publisher);
    }
    let get = |name: &str, value: &str| {
        let labels = [(name, value), ("outcome", "success")];
        recorder.get("tripcoil_calls_total", &labels)
    };
    assert_eq!(
        (0..6)
            .map(|key| get("tenant", &key.to_string()))
            .sum::<f64>(),
        21.0
    );
    assert_eq!((get("breaker", "eu"), get("breaker", "us")), (9.0, 12.0));
    // the one goes, and the other goes on
    drop(tenants);
    succeed(&registry, 0);
    recorder.publish(&regions);
    assert_eq!(get("breaker", "eu"), 10.0);
    assert_eq!(get("tenant", "0"), 1.0);
}

/// A breaker does not count its transitions by cause, so that each publisher's are added to the counter.
#[test]
fn a_breakers_publisher_that_is_made_anew_counts_each_transition_once() {
    let recorder = Recorder::new(None);
    let (breaker, controller, _clock) = build("again", |b| b);
    let observer = breaker.observer();
    for turn in 1..5 {
        let publisher = with_local_recorder(&recorder.recorder, || Publisher::new(&observer));
        assert!(controller.trip() && controller.reset());
        breaker.call(|| Ok::<_, ()>(())).expect("closed");
        assert!(publisher.drain(LONG));
        publisher.publish();
        let opened = [("to", "open"), ("cause", "manual")];
        let seen = recorder.get("tripcoil_transitions_total", &opened);
        assert_eq!(seen, f64::from(turn), "of each publisher");
        let succeeded = recorder.get("tripcoil_calls_total", &[("outcome", "success")]);
        assert_eq!(succeeded, f64::from(turn), "of the breaker");
    }
    assert_eq!(recorder.sum("tripcoil_transitions_missed_total"), 0.0);
}
