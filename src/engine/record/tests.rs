use super::*;
use crate::config::settings::Config;
use crate::engine::initial::Initial;
use alloc::string::String;

fn core() -> Core {
    let config = Config::default();
    let now = config.clock.nanos();
    let initial = Initial::fresh(&config, 0, now);
    Core::new(String::from("grown"), config, 0, now, initial, None)
}

/// Twice as many at each meeting, to the CPUs' next power of two, and there they stay; whatever
/// has landed stays in the window.
#[test]
fn stripes_double_up_to_the_cpus() {
    let core = core();
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let most = cpus.next_power_of_two().min(128);
    let mut counts = alloc::vec![core.control().stripes()];
    for _ in 0..10 {
        let permit = core.admit(None).map(|admission| {
            core.conclude(admission, Outcome::Success, Timing::default());
        });
        assert!(permit.is_ok());
        core.grow(core.control(), core.head.clock.nanos());
        counts.push(core.control().stripes());
    }
    for pair in counts.windows(2) {
        assert_eq!(pair[1], (2 * pair[0]).min(most), "{counts:?}");
    }
    assert_eq!(core.snapshot().window.calls, 10);
}

/// Who was overtaken by an update announces nothing.
#[test]
fn growth_is_of_the_control_word_that_was_met() {
    let core = core();
    let met = core.control();
    core.update(met, Goal::Maintain, core.head.clock.nanos(), Wait::Backoff);
    let now = core.control();
    core.grow(met, core.head.clock.nanos());
    assert_eq!(core.control(), now);
}
