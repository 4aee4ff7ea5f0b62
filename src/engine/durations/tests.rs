use super::*;
use proptest::prelude::*;

#[test]
fn buckets_follow_on_one_another() {
    assert_eq!((begin(0), end(0)), (0, 1 << FIRST));
    assert_eq!(begin(BUCKETS - 1), 1 << LAST);
    for i in 1..BUCKETS - 1 {
        let (from, to) = (begin(i), end(i));
        assert!(
            from < to && 5 * (to - from) <= to && 4 * (to - from) <= from + (to - from),
            "{i}"
        );
    }
}

proptest! {
    #[test]
    fn each_duration_has_its_bucket(nanos in prop_oneof![any::<u64>(), 0u64..1 << 40, 0u64..5000]) {
        let i = bucket(nanos);
        prop_assert!(begin(i) <= nanos);
        prop_assert!(nanos < end(i) || i == BUCKETS - 1);
    }

    /// As of the sorted durations themselves, rounded up by their bucket.
    #[test]
    fn quantiles_are_those_of_the_calls(mut all in prop::collection::vec(0u64..1 << 38, 1..50), part in 0.0..=1.0f64) {
        let histogram = Histogram::new();
        all.iter().for_each(|n| histogram.add(*n));
        all.sort_unstable();
        let rank = ((all.len() as f64 * part).ceil() as usize).max(1);
        let of = bucket(all[rank - 1]);
        let told = histogram.read().quantile(part);
        let expected = if of == BUCKETS - 1 { Duration::MAX } else { Duration::from_nanos(end(of)) };
        prop_assert_eq!(told, Some(expected));
    }
}

#[test]
fn nothing_has_no_quantile() {
    let none = Histogram::new().read();
    assert_eq!((none.calls(), none.quantile(0.5)), (0, None));
    let one = Histogram::new();
    one.add(5_000_000);
    for part in [-0.1, 1.1, f64::NAN] {
        assert_eq!(one.read().quantile(part), None, "{part}");
    }
    assert_eq!(one.read().quantile(0.0), one.read().quantile(1.0));
}
