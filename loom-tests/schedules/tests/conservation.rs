//! All operations at once: conservation, order, justice, and nobody waits.

use tripcoil_schedules::{explore, plan, world};

#[test]
fn each_call_is_counted_once_and_nobody_waits() {
    explore(
        "each_call_is_counted_once_and_nobody_waits",
        plan::roll,
        world::run,
    );
}

#[test]
fn each_call_is_counted_once_under_adaptive_rules() {
    explore(
        "each_call_is_counted_once_under_adaptive_rules",
        plan::roll_adaptive,
        world::run,
    );
}
