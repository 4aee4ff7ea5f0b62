//! Operations on all breakers, while states wait.

use crate::{after, fresh, state, succeed, trip};
use tripcoil::State;
use tripcoil::saved::SavedRegistry;

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
    assert!(!controller.forget("forced"), "there is no breaker");
    assert!(controller.forget_waiting("forced"));
    assert!(!controller.forget_waiting("forced"));
    assert_eq!(state(&registry, "forced"), State::Closed);
}
