use super::*;

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn past(lasted: impl IntoIterator<Item = u64>) -> Past {
    let mut past = Past::new();
    lasted.into_iter().for_each(|n| past.add(secs(n)));
    past
}

#[test]
fn of_nine_outages_the_fifth_and_the_ninth_are_the_quantiles() {
    let eta = past([90, 10, 80, 20, 70, 30, 60, 40, 50]).eta(Duration::ZERO);
    // ranks ceil(0.5 * 10) and ceil(0.9 * 10)
    assert_eq!((eta.p50, eta.p90), (secs(50), secs(90)));
    assert_eq!((eta.outages, eta.guess), (9, false));
}

#[test]
fn what_has_elapsed_leaves_the_longer_ones() {
    let eta = past((1..=30).map(|n| 10 * n)).eta(secs(100));
    // 20 of 30 lasted longer: ranks 11 and 19 among them, less what has elapsed
    assert_eq!((eta.p50, eta.p90), (secs(210 - 100), secs(290 - 100)));
    assert_eq!(eta.outages, 20);
    // one as long as it has lasted is not longer
    assert_eq!(past([10]).eta(secs(10)).outages, 0);
}

#[test]
fn without_any_it_is_expected_to_last_as_long_again() {
    let eta = past([]).eta(secs(30));
    assert!(eta.guess);
    assert_eq!((eta.p50, eta.p90), (secs(30), secs(270)));
    // at the beginning, of a second at least
    let eta = past([]).eta(Duration::ZERO);
    assert_eq!((eta.p50, eta.p90, eta.guess), (secs(2), secs(10), true));
}

#[test]
fn of_few_the_longest_is_what_a_guess_goes_by() {
    // one is enough for p50, and not for p90
    let eta = past([20]).eta(Duration::ZERO);
    assert_eq!((eta.p50, eta.p90, eta.guess), (secs(20), secs(200), true));
    assert_eq!(eta.outages, 1);
}

#[test]
fn the_newest_are_remembered_and_the_last_can_be_taken_back() {
    let mut past = past((0..40).map(|n| if n < 8 { 1_000_000 } else { 7 }));
    let eta = past.eta(Duration::ZERO);
    assert_eq!((eta.p90, eta.outages), (secs(7), 32));
    past.take_back();
    assert_eq!(past.eta(Duration::ZERO).outages, 31);
}

#[test]
fn a_length_near_the_largest_is_no_panic() {
    let eta = past([]).eta(Duration::MAX / 2);
    assert!(eta.guess && eta.p90 >= eta.p50, "{eta:?}");
}
