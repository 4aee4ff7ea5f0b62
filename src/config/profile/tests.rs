use super::*;
use alloc::vec::Vec;

#[test]
fn each_is_valid_and_leaves_alone_what_is_fixed() {
    let default = Config::default();
    for profile in Profile::ALL {
        let config = Config::profile(profile);
        // where the target has no clock, the user gives it one
        let problems = config.validate().err();
        let fields: Vec<_> = problems
            .iter()
            .flat_map(|error| error.problems())
            .map(|problem| problem.field)
            .filter(|field| *field != "clock")
            .collect();
        assert_eq!(fields, [""; 0], "{profile:?}");
        assert_eq!(config.window, default.window);
        assert_eq!(config.initial_state, default.initial_state);
        assert_eq!(
            (config.durations, config.history),
            (default.durations, default.history)
        );
    }
}

#[test]
fn no_two_are_the_same() {
    for (n, profile) in Profile::ALL.iter().enumerate() {
        for other in &Profile::ALL[n + 1..] {
            assert_ne!(Config::profile(*profile), Config::profile(*other));
            assert_ne!(profile.name(), other.name());
        }
    }
}
