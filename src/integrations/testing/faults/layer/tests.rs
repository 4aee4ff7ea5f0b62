use super::*;

#[test]
fn a_latency_is_within_its_range_and_reaches_both_ends() {
    let nanos = Duration::from_nanos;
    let latency = Latency::from(nanos(5)..=nanos(8));
    let picked = [0, u64::MAX / 4 + 1, u64::MAX / 2 + 1, u64::MAX];
    let picked = picked.map(|bits| latency.pick(bits));
    assert_eq!(picked, [5, 6, 7, 8].map(nanos));

    assert_eq!(Latency::from(nanos(7)).pick(u64::MAX), nanos(7));
    let all = Latency::from(Duration::ZERO..=Duration::MAX);
    assert_eq!(all.pick(0), Duration::ZERO);
    assert_eq!(all.pick(u64::MAX), nanos(u64::MAX));
    let last = Latency::from(Duration::MAX);
    assert_eq!(last.pick(u64::MAX), Duration::MAX);
}
