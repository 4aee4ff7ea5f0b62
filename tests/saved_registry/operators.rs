//! Operations on all breakers, while states wait.

use crate::{after, fresh, state, succeed, trip};
use tripcoil::registry::{Registry, RegistryController};
use tripcoil::saved::{SavedError, SavedRegistry};
use tripcoil::{Breaker, State};

fn saved() -> SavedRegistry {
    let (registry, controller) = fresh();
    trip(&registry, "open");
    controller
        .on("forced", |forced| forced.force_open())
        .unwrap();
    succeed(&registry, "closed");
    controller.save()
}

#[test]
fn a_release_of_all_is_of_those_that_wait_too() {
    let (registry, controller) = after(saved());
    controller.release_all();
    assert_eq!(controller.waiting(), 2);
    assert_eq!(state(&registry, "forced"), State::Closed);
    assert_eq!(state(&registry, "open"), State::Open);
}

#[test]
fn a_reset_of_all_is_of_those_that_wait_too() {
    let (registry, controller) = after(saved());
    controller.reset_all();
    assert_eq!(controller.waiting(), 0);
    assert_eq!(state(&registry, "open"), State::Closed);
    assert!(controller.save().keys().eq(["open"]));
}

#[test]
fn an_override_of_all_is_put_upon_those_that_come() {
    let (registry, controller) = after(saved());
    controller.disable_all();
    for key in ["open", "forced", "closed", "new"] {
        assert_eq!(state(&registry, key), State::Disabled, "{key}");
    }
}

#[test]
fn changes_of_all_are_made_to_those_that_come() {
    let (registry, controller) = after(saved());
    let refused = controller.reconfigure_all(|rules| rules.failure_rate(0.9));
    assert!(refused.is_empty());
    let open = registry.get("open").unwrap();
    assert_eq!(open.observer().config().failure_rate, Some(0.9));
    assert_eq!(open.state(), State::Open);
}

/// It was forced in an earlier process, not by the template: the next breaker of the key would be closed.
#[test]
fn a_restored_override_that_was_released_can_be_forgotten() {
    let (registry, controller) = after(saved());
    assert_eq!(state(&registry, "forced"), State::ForcedOpen);
    controller.on("forced", |forced| forced.release()).unwrap();
    registry.sweep();
    assert_eq!(registry.sweep(), 1);
    assert!(registry.is_empty());
}

#[test]
fn a_key_that_waits_can_be_forgotten() {
    let (registry, controller) = after(saved());
    assert!(controller.forget("forced"), "its state");
    assert!(!controller.forget("forced"), "there is neither");
    assert!(!controller.forget_waiting("forced"));
    assert!(controller.save().keys().eq(["closed", "open"]));
    assert_eq!(state(&registry, "forced"), State::Closed);
    // by its text, where the key is not known
    assert!(controller.forget_waiting("open"));
    assert_eq!(state(&registry, "open"), State::Closed);
}

/// The text is the user's code, and so is the template that has the name.
#[test]
fn a_key_that_waits_is_forgotten_by_its_text() {
    let (_, one) = Breaker::builder("search").build_with_controller().unwrap();
    let mut saved = SavedRegistry::new();
    saved.insert("7", &one.save());
    saved.insert("8", &one.save());
    let (registry, controller) = Registry::builder(|_: &u32| Breaker::builder("search"))
        .saved_as(|key| {
            assert_ne!(*key, 9, "the text's own");
            key.to_string()
        })
        .restore(saved)
        .build_with_controller();
    assert!(controller.forget(&7));
    assert!(!controller.forget(&9));
    assert!(controller.save().keys().eq(["8"]));
    let held = registry.get(&8).unwrap();
    assert!(!controller.forget(&8), "its breaker is in use");
    drop(held);
    assert!(controller.forget(&8));
    assert!(controller.save().is_empty());
}

/// New keys too, in the next process and in that after it, until an operator ends it.
#[test]
fn an_override_of_all_is_restored() {
    type Put = fn(&RegistryController<String>) -> usize;
    let put: [(Put, State); 3] = [
        (RegistryController::force_open_all, State::ForcedOpen),
        (RegistryController::disable_all, State::Disabled),
        (RegistryController::observe_only_all, State::ObserveOnly),
    ];
    for (put, standing) in put {
        let (registry, controller) = fresh();
        succeed(&registry, "a");
        succeed(&registry, "b");
        assert_eq!(controller.save().standing(), None);
        put(&controller);
        controller.on("b", |b| b.release()).unwrap();
        let bytes = controller.save().to_bytes();
        let saved = SavedRegistry::from_bytes(&bytes).unwrap();
        assert_eq!(saved.standing(), Some(standing));
        let (_registry, controller) = after(saved);
        let (registry, controller) = after(controller.save());
        assert_eq!(state(&registry, "new"), standing);
        assert_eq!(state(&registry, "a"), standing);
        // an exception stays one, as in the process before
        assert_eq!(state(&registry, "b"), State::Closed);
        registry.sweep();
        assert_eq!(registry.sweep(), 0);
        // an override of this process has no exceptions among those that wait
        let (other, operator) = after(controller.save());
        operator.force_open_all();
        assert_eq!(state(&other, "b"), State::ForcedOpen);
        controller.release_all();
        assert_eq!(state(&registry, "later"), State::Closed);
        assert_eq!(controller.save().standing(), None);
        let (registry, _controller) = after(controller.save());
        assert_eq!(state(&registry, "even later"), State::Closed);
    }
}

#[test]
fn an_unknown_override_of_all_is_refused() {
    let mut bytes = saved().to_bytes();
    let end = bytes.len() - 4;
    bytes[end - 4] = 4;
    let checksum = crc32fast::hash(&bytes[..end]);
    bytes[end..].copy_from_slice(&checksum.to_le_bytes());
    assert_eq!(SavedRegistry::from_bytes(&bytes), Err(SavedError::Damaged));
}
