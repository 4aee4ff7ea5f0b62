//! Keys that come and go while calls are under way.

use tripcoil_schedules::{explore, keys};

#[test]
fn a_key_has_one_breaker_and_nothing_is_lost_with_it() {
    explore(
        "a_key_has_one_breaker_and_nothing_is_lost_with_it",
        keys::roll,
        keys::run,
    );
}
