use super::*;

const MINUTE: Nanos = 60 * SECOND;

#[test]
fn buckets_begin_at_round_times() {
    // 7 s past a round time
    let cut = Buckets::of_times(7 * SECOND as i64, 60_000, 59 * MINUTE);
    assert_eq!((cut.width, cut.before), (10 * SECOND, 7 * SECOND));
    assert_eq!(
        (cut.begins(0), cut.begins(1)),
        (-7 * SECOND as i64, 3 * SECOND as i64)
    );
    assert_eq!(
        [0, 3 * SECOND - 1, 3 * SECOND].map(|at| cut.of(at)),
        [0, 0, 1]
    );
    assert_eq!(cut.many, 355);
    assert_eq!(cut.of(Nanos::MAX / 2), cut.many - 1);
}

#[test]
fn few_calls_have_few_buckets_and_no_log_has_too_many() {
    for calls in [1, 300, 3_000, 10_000_000] {
        for lasts in [
            0,
            1,
            999,
            SECOND,
            59 * SECOND,
            3_601 * SECOND,
            1 << 48,
            1 << 58,
        ] {
            for begins in [-1, 0, 123_456_789_012_345_678] {
                let cut = Buckets::of_times(begins, calls, lasts);
                assert!(cut.many as u64 <= (calls / 4).clamp(60, 600), "{cut:?}");
                assert!(
                    cut.span() > lasts && cut.of(lasts) == cut.many - 1,
                    "{cut:?}"
                );
            }
        }
    }
}

#[test]
fn a_state_is_in_each_bucket_that_it_touches() {
    let mut timeline = Timeline::new(Buckets {
        width: 10,
        before: 4,
        many: 4,
    });
    timeline.state(Shut::Open, 3, 18);
    timeline.state(Shut::HalfOpen, 18, 18);
    timeline.state(Shut::HalfOpen, 18, 40);
    let open: Vec<Nanos> = timeline.buckets.iter().map(|bucket| bucket.open).collect();
    let half_open: Vec<Nanos> = timeline
        .buckets
        .iter()
        .map(|bucket| bucket.half_open)
        .collect();
    assert_eq!((open, half_open), (vec![3, 10, 2, 0], vec![0, 0, 8, 14]));
}
