use super::*;
use crate::config::files::draft::Draft;

/// What the profile of a breaker's own table replaces.
const BY_PROFILE: [&str; 13] = [
    "profile",
    "failure_rate",
    "min_throughput",
    "slow_call",
    "slow_rate",
    "consecutive_failures",
    "failure_count",
    "outage",
    "hang",
    "lenient",
    "open_for",
    "half_open",
    "on_cancel",
];

/// A new setting has to be sorted.
#[test]
fn each_setting_is_by_profile_or_stays() {
    for (key, _) in Draft::default().fields() {
        let name = outer(key);
        assert!(
            BY_PROFILE.contains(&name) != stays(name),
            "{name}: either one or the other"
        );
    }
}

#[test]
fn no_profile_sets_what_stays() {
    let keys = Draft::default().fields().map(|(key, _)| outer(key));
    for setting in keys.into_iter().filter(|name| stays(name)) {
        let by_default = written(&Config::default(), setting);
        for profile in Profile::ALL {
            let value = written(&Config::profile(profile), setting);
            assert_eq!(value, by_default, "{setting} in {}", profile.name());
        }
    }
}
