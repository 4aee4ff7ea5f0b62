use super::*;
use proptest::prelude::*;

proptest! {
    #[test]
    fn an_epoch_lasts_from_its_start_to_its_end(buckets in 1u32..20, width in 1u64..1000, origin in 0u64..5000, after in 0u64..100_000) {
        let b = Boundaries::new(buckets, width, 1, origin, &[]);
        let e = b.epoch_at(origin + after);
        prop_assert_eq!(e, after / width + u64::from(buckets));
        prop_assert!(b.start_of(e) <= origin + after && origin + after < b.end_of(e));
        prop_assert_eq!(b.ending_at(b.end_of(e)), e);
        prop_assert_eq!(b.oldest(e), e - u64::from(buckets) + 1);
    }
}

/// By how much an epoch had begun when the clock did shortens it, and no other.
#[test]
fn an_epoch_may_have_begun_before_the_clock() {
    let b = Boundaries::new(3, 10, 1, 0u64.wrapping_sub(7), &[]);
    assert_eq!([0, 2, 3, 12, 13].map(|t| b.epoch_at(t)), [3, 3, 4, 4, 5]);
    assert_eq!(
        [3, 4].map(|e| (b.start_of(e), b.end_of(e))),
        [(0, 3), (3, 13)]
    );
    assert_eq!(b.ending_at(3), 3);
    // readings of before
    let b = Boundaries::new(3, 10, 1, 50, &[]);
    assert_eq!([0, 49, 50, 60].map(|t| b.epoch_at(t)), [3, 3, 3, 4]);
}

#[test]
fn a_window_begins_with_the_counts_that_it_is_given() {
    let at = |calls: u64| Counts::new(calls, calls / 2, 1);
    let b = Boundaries::new(3, 10, 1, 7, &[at(5), at(8), at(9)]);
    let seen = [1, 2, 3].map(|epoch| b.at(epoch));
    assert_eq!(seen, [5, 8, 9].map(|calls| Some(at(calls))));
}

#[test]
fn a_fresh_window_has_all_its_epochs() {
    let b = Boundaries::new(3, 10, 1, 7, &[]);
    for e in 0..=3 {
        assert_eq!(b.at(e), Some(Counts::default()));
    }
    assert_eq!(b.at(4), None);
}
