use super::*;

fn ended(successes: u64, failures: u64) -> Ended {
    Ended {
        successes,
        failures,
    }
}

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn outcomes(calls: u32, failures: u32) -> Option<Vote> {
    Some(Vote::Outcomes { calls, failures })
}

#[test]
fn a_vote_is_on_the_last_second_and_scaled_down() {
    let start = Instant::now();
    let mut own = Outcomes::default();
    assert_eq!(own.vote(start, 2_667), None);
    own.add(start, ended(0, 0));
    assert_eq!(own.vote(start, 2_667), None, "no call has ended");
    own.add(start, ended(1, 0));
    assert_eq!(own.vote(start, 2_667), outcomes(1_000, 0));
    own.add(start + ms(1_000), ended(0, 1));
    assert_eq!(own.vote(start + ms(1_000), 2_667), outcomes(2_000, 1_000));
    assert_eq!(own.vote(start + ms(5_999), 2_667), outcomes(2_000, 1_000));
    assert_eq!(own.vote(start + ms(6_000), 2_667), None, "too old");
    own.add(start + ms(1_001), ended(0, 1));
    assert_eq!(own.vote(start + ms(1_001), 2_667), outcomes(2_000, 2_000));
    own.add(start + ms(1_500), ended(999_999, 0));
    assert_eq!(
        own.vote(start + ms(1_500), 2_667),
        outcomes(2_667, 1),
        "few failures are not lost"
    );
    own.clear();
    own.add(start, ended(u64::MAX / 4, u64::MAX / 4));
    assert_eq!(
        own.vote(start, u32::MAX),
        outcomes(u32::MAX, u32::MAX / 2 + 1)
    );
}

#[test]
fn what_is_long_ago_is_not_kept() {
    let start = Instant::now();
    let mut own = Outcomes::default();
    for second in 0..100 {
        own.add(start + ms(1_000 * second), ended(1, 1));
    }
    assert_eq!(own.0.len(), 4);
    assert_eq!(own.since(None), ended(4, 4));
    assert_eq!(own.since(Some(start + ms(98_000))), ended(2, 2));
    assert_eq!(own.since(Some(start + ms(98_001))), ended(1, 1));
    assert!(own.since(None).is_failing());
    assert!(!ended(2, 1).is_failing() && !ended(0, 0).is_failing());
}
