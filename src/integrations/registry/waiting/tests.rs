use super::*;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The wall clock is set while states wait; what has passed is known all the same.
#[test]
fn a_wall_clock_that_is_set_removes_nothing() {
    let since = Since::now();
    let at = |days: u32| since.wall + DAY * days;
    for (passed, wall, time) in [
        (0, 0, 0),
        (2, 2, 2),
        // set forward, and then right again
        (0, 365, 0),
        (1, 365, 1),
        // set back
        (2, 1, 1),
    ] {
        assert_eq!(since.time_at(at(wall), DAY * passed), at(time));
    }
    let before = since.wall - DAY;
    assert_eq!(since.time_at(before, DAY * 2), before);
    assert_eq!(since.time_at(at(1), Duration::MAX), at(1));
}
