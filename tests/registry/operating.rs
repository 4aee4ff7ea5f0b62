//! One operator for all.

use super::{fail, registry, succeed};
use std::sync::{Mutex, mpsc};
use std::time::Duration;
use tripcoil::registry::{Registry, RegistryController};
use tripcoil::{Breaker, Config, State};

type Put = fn(&RegistryController<u32>) -> usize;

fn states(registry: &Registry<u32>) -> Vec<State> {
    let mut all = Vec::new();
    registry.for_each(|key, breaker| all.push((*key, breaker.state())));
    all.sort_by_key(|&(key, _)| key);
    all.into_iter().map(|(_, state)| state).collect()
}

#[test]
fn an_override_of_all_holds_for_later_ones() {
    let (registry, controller) = registry(100);
    succeed(&registry, 0);
    succeed(&registry, 1);
    let overrides: [(State, Put); 3] = [
        (State::ForcedOpen, RegistryController::force_open_all),
        (State::Disabled, RegistryController::disable_all),
        (State::ObserveOnly, RegistryController::observe_only_all),
    ];
    for (n, (state, put)) in (2..).zip(overrides) {
        assert_eq!(put(&controller), n as usize, "{state}");
        assert_eq!(put(&controller), 0, "{state}, repeated");
        registry.get(&n).expect("valid");
        assert_eq!(states(&registry), vec![state; n as usize + 1]);
    }
    assert!(controller.on(&0, |one| one.release()).expect("valid"));
    assert_eq!(controller.release_all(), 4);
    registry.get(&9).expect("valid");
    assert_eq!(states(&registry), [State::Closed; 6]);
    assert_eq!(registry.aggregate().in_state(State::Closed), 6);
}

#[test]
fn reset_ends_an_override_of_later_ones_too() {
    let (registry, controller) = registry(100);
    controller.force_open_all();
    registry.get(&0).expect("valid");
    assert_eq!(controller.reset_all(), 1);
    registry.get(&1).expect("valid");
    assert_eq!(states(&registry), [State::Closed; 2]);
}

#[test]
fn what_is_no_override_is_for_those_that_are_there() {
    let (registry, controller) = registry(100);
    registry.get(&0).expect("valid");
    assert_eq!(controller.trip_all(), 1);
    registry.get(&1).expect("valid");
    assert_eq!(states(&registry), [State::Open, State::Closed]);
    assert_eq!(controller.half_open_all(), 2);
    assert_eq!(states(&registry), [State::HalfOpen; 2]);
    assert_eq!(controller.trip_all_for(Duration::from_secs(7)), 2);
    let wait = registry
        .get(&1)
        .expect("valid")
        .observer()
        .snapshot()
        .retry_after;
    assert_eq!(wait, Some(Duration::from_secs(7)));
}

#[test]
fn rules_for_all_are_rules_for_later_ones_in_their_order() {
    let (registry, controller) = registry(100);
    registry.get(&0).expect("valid");
    assert!(
        controller
            .reconfigure_all(|rules| rules.consecutive_failures(9))
            .is_empty()
    );
    assert!(
        controller
            .reconfigure_all(|rules| rules.consecutive_failures(1))
            .is_empty()
    );
    let refused = controller.reconfigure_all(|rules| rules.failure_rate(3.0));
    assert_eq!(refused.len(), 1);
    assert_eq!(
        (refused[0].0, refused[0].1.problems()[0].field),
        (0, "failure_rate")
    );
    for key in 0..3 {
        fail(&registry, key);
    }
    assert_eq!(states(&registry), [State::Open; 3]);
}

/// It is the operator's, who is told; keys that come later are made without it.
#[test]
fn a_change_that_panics_takes_no_breaker_from_keys_that_come_later() {
    let (registry, controller) = registry(100);
    succeed(&registry, 0);
    let operator = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        controller.reconfigure_all(|_| panic!("the change"))
    }));
    assert!(operator.is_err());
    let refused = controller.reconfigure_all(|rules| rules.consecutive_failures(1));
    assert!(refused.is_empty());
    for key in 0..3 {
        succeed(&registry, key);
        fail(&registry, key);
        assert_eq!(registry.peek(&key).expect("there").state(), State::Open);
    }
}

#[test]
fn another_template_is_for_keys_that_come_later() {
    let (registry, controller) = registry(100);
    registry.get(&0).expect("valid");
    controller.retemplate(|key| Breaker::builder(key.to_string()).consecutive_failures(1));
    fail(&registry, 0);
    fail(&registry, 1);
    assert_eq!(states(&registry), [State::Closed, State::Open]);
    assert_eq!(registry.get(&1).expect("valid").observer().name(), "1");

    // what is said of all stands, whatever the template
    let refused = controller.reconfigure_all(|rules| rules.consecutive_failures(3));
    assert!(refused.is_empty());
    controller.retemplate(|key| Breaker::builder(key.to_string()).failure_count(1));
    controller
        .on(&2, |two| {
            two.reconfigure(|r| r.no_failure_rules().consecutive_failures(2))
        })
        .expect("valid")
        .expect("valid");
    fail(&registry, 2);
    fail(&registry, 3);
    assert_eq!(states(&registry)[2..], [State::Closed, State::Open]);
}

#[test]
fn a_first_use_that_overlaps_another_template_is_of_that() {
    let (asked, is_asked) = mpsc::channel();
    let (go, may_go) = mpsc::channel();
    let ends = Mutex::new((asked, may_go));
    let old = move |key: &u32| {
        let ends = ends.lock().expect("one thread");
        ends.0.send(()).expect("heard");
        ends.1.recv().expect("told");
        Breaker::builder(format!("old {key}"))
    };
    let (registry, controller) = Registry::builder(old).build_with_controller();
    std::thread::scope(|threads| {
        let first = threads.spawn(|| registry.get(&7).expect("valid"));
        is_asked.recv().expect("asked");
        controller.retemplate(|key: &u32| Breaker::builder(format!("new {key}")));
        go.send(()).expect("waits");
        let made = first.join().expect("no panic");
        assert_eq!(made.observer().name(), "new 7");
    });
    assert_eq!(registry.len(), 1);
}

/// What a template begins with can be ended by the registry's controller, whether or not it was asked for.
#[test]
fn breakers_of_a_registry_may_begin_with_an_override() {
    for state in [State::ForcedOpen, State::Disabled, State::ObserveOnly] {
        let builder = move |key: &u32| Breaker::builder(key.to_string()).initial_state(state);
        let registry = Registry::builder(builder).build();
        assert_eq!(registry.get(&1).unwrap().state(), state);
        let config = Config {
            initial_state: state,
            ..Config::default()
        };
        let registry = Registry::<u32>::from_config(config).unwrap().build();
        assert_eq!(registry.get(&1).unwrap().state(), state);
    }
}

/// A key's own `Eq` runs while the registry is being changed.
#[test]
fn a_registry_is_printed_while_it_is_being_changed() {
    use std::hash::{Hash, Hasher};
    use std::sync::{Mutex, OnceLock, mpsc};
    use std::time::Duration;

    #[derive(Clone)]
    struct Noisy(u32);
    static ALL: OnceLock<(Registry<Noisy>, RegistryController<Noisy>)> = OnceLock::new();
    static PRINTED: Mutex<Vec<String>> = Mutex::new(Vec::new());
    impl PartialEq for Noisy {
        fn eq(&self, other: &Noisy) -> bool {
            if let Some(all) = ALL.get() {
                PRINTED.lock().unwrap().push(format!("{all:?}"));
            }
            self.0 == other.0
        }
    }
    impl Eq for Noisy {}
    impl Hash for Noisy {
        fn hash<H: Hasher>(&self, state: &mut H) {
            0.hash(state);
        }
    }

    let (done, ended) = mpsc::channel();
    std::thread::spawn(move || {
        let builder = Registry::builder(|key: &Noisy| Breaker::builder(key.0.to_string()));
        let (registry, _) = ALL.get_or_init(|| builder.capacity(2).build_with_controller());
        for key in 0..9 {
            assert!(registry.call(&Noisy(key), || Ok::<(), ()>(())).is_ok());
        }
        registry.sweep();
        done.send(()).unwrap();
    });
    let waited = ended.recv_timeout(Duration::from_secs(60));
    waited.expect("it waits for the change that prints it");
    let printed = PRINTED.lock().unwrap();
    assert!(printed.iter().any(|text| !text.contains("breakers:")));
    assert!(printed.iter().all(|text| text.contains("capacity: 2")));
}
