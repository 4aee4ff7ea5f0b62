//! Votes make verdicts, and one instance probes: the rules by example, and what holds whatever is reported.
#![allow(clippy::expect_used, reason = "a test may fail loudly")]

use super::{Answer, LARGEST_KNOWN, Probe, Record, Report, decide};
use crate::fleet::{Rules, Vote, Votes};
use proptest::prelude::*;

const START: u64 = 1_764_500_000_000;
const HOUR: u64 = 3_600_000;

/// A breaker in a store.
#[derive(Default)]
struct Stored {
    record: Record,
    votes: Votes,
}

impl Stored {
    fn take(&mut self, report: &Report, now: u64) -> Answer {
        decide(&mut self.record, &mut self.votes, report, now).0
    }

    /// Down at that time, by the votes of three.
    fn down(now: u64) -> Stored {
        let mut stored = Stored::default();
        for pod in 0..3 {
            stored.take(&failing(pod), now);
        }
        assert!(stored.record.down);
        stored
    }
}

fn report(pod: usize, vote: Option<Vote>) -> Report {
    Report {
        breaker: "orders".to_owned(),
        instance: format!("pod-{pod}"),
        vote,
        seq: 0,
        demand: false,
        probe: None,
        rules: Rules::new(),
    }
}

fn failing(pod: usize) -> Report {
    let (calls, failures) = (2_667, 2_667);
    report(pod, Some(Vote::Outcomes { calls, failures }))
}

/// Open, with rejected calls.
fn open(pod: usize, seq: u64) -> Report {
    Report {
        seq,
        demand: true,
        ..report(pod, Some(Vote::Standing))
    }
}

#[test]
fn one_probes_and_its_success_ends_the_outage() {
    let mut stored = Stored::down(START);
    let seq = stored.record.seq;
    assert_eq!(
        stored.take(&open(1, seq), START + 999).lease,
        None,
        "too early"
    );
    let token = stored.take(&open(1, seq), START + 1_000).lease;
    assert!(token.is_some());
    for pod in [0, 2, 3] {
        assert_eq!(
            stored.take(&open(pod, seq), START + 5_000).lease,
            None,
            "it is held"
        );
    }
    let succeeded = Report {
        probe: token.map(Probe::Succeeded),
        ..report(1, None)
    };
    let up = stored.take(&succeeded, START + 5_500);
    assert!(!up.down && up.seq > seq && up.lease.is_none());
    assert!(stored.votes.is_empty());
    // of the outage that is over
    assert_eq!(stored.take(&open(2, seq), START + 5_600).votes, 0);
}

#[test]
fn an_older_token_changes_nothing() {
    let mut stored = Stored::down(START);
    let first = stored
        .take(&open(1, 0), START + 1_000)
        .lease
        .expect("a lease");
    // its holder is gone
    let second = stored
        .take(&open(2, 0), START + 6_000)
        .lease
        .expect("a lease");
    assert!(second > first);
    for (pod, token) in [(1, first), (1, second), (2, first), (2, second + 1), (2, 0)] {
        for probe in [
            Probe::Succeeded(token),
            Probe::Failed(token),
            Probe::Renewed(token),
        ] {
            let before = stored.record.clone();
            let late = Report {
                probe: Some(probe),
                ..report(pod, None)
            };
            let answer = stored.take(&late, START + 6_100);
            assert!(answer.down, "{probe:?} of pod-{pod}");
            assert_eq!(stored.record, before, "{probe:?} of pod-{pod}");
        }
    }
}

#[test]
fn the_same_instance_does_not_fail_twice_in_a_row() {
    let mut stored = Stored::down(START);
    let token = stored
        .take(&open(1, 0), START + 1_000)
        .lease
        .expect("a lease");
    let failed = Report {
        probe: Some(Probe::Failed(token)),
        ..open(1, 0)
    };
    assert_eq!(stored.take(&failed, START + 2_000).lease, None);
    assert_eq!(stored.take(&open(1, 0), START + 2_999).lease, None);
    assert!(
        stored.take(&open(2, 0), START + 2_999).lease.is_some(),
        "another may"
    );
}

#[test]
fn after_a_step_back_of_the_clock_nothing_lasts_longer_than_it_should() {
    let mut stored = Stored::down(START);
    stored
        .take(&open(1, 0), START + 1_000)
        .lease
        .expect("a lease");
    let back = START - HOUR;
    // the lease of an hour to come is over; the next probe is one interval away
    assert_eq!(stored.take(&open(2, 0), back).lease, None);
    let token = stored
        .take(&open(2, 0), back + 1_000)
        .lease
        .expect("a lease");
    assert!(token > START, "it only rises");
    let succeeded = Report {
        probe: Some(Probe::Succeeded(token)),
        ..report(2, None)
    };
    let seq = stored.record.seq;
    assert!(
        stored.take(&succeeded, back + 1_100).seq > seq,
        "it only rises"
    );

    let mut stored = Stored::down(START);
    assert!(stored.take(&report(5, None), back).down);
    assert!(stored.take(&report(5, None), back + 15_000).down);
    assert!(
        !stored.take(&report(5, None), back + 15_001).down,
        "nothing was heard of it"
    );
    // votes of an hour to come
    assert!(stored.votes.is_empty());
}

#[test]
fn verdicts_are_counted_on_after_a_loss_of_data() {
    let seq = Stored::down(START).record.seq;
    // another server, empty, whose clock is behind
    let mut stored = Stored::default();
    for pod in 0..3 {
        stored.take(&open(pod, seq), START - HOUR);
    }
    assert!(
        stored.record.down && stored.record.seq > seq,
        "{:?}",
        stored.record
    );
    // a number that no store has given
    let mut stored = Stored::default();
    for pod in 0..3 {
        stored.take(&open(pod, LARGEST_KNOWN + 1), START);
    }
    assert_eq!(stored.record.seq, START);
}

fn votes() -> impl Strategy<Value = Option<Vote>> {
    prop_oneof![
        Just(None),
        Just(Some(Vote::Standing)),
        (0..4_000_u32, 0..4_000_u32)
            .prop_map(|(calls, failures)| Some(Vote::Outcomes { calls, failures })),
    ]
}

proptest! {
    /// However often they report, and whatever: two of a quorum of three never make a verdict.
    #[test]
    fn fewer_than_a_quorum_make_no_verdict(
        reports in prop::collection::vec((0..2_usize, votes(), any::<bool>(), 0..3_000_u64), 1..60),
        healthy in 0..4_usize,
    ) {
        let (mut stored, mut now) = (Stored::default(), START);
        for pod in 0..healthy {
            let (calls, failures) = (2_667, 0);
            stored.take(&report(10 + pod, Some(Vote::Outcomes { calls, failures })), now);
        }
        for (pod, vote, demand, later) in reports {
            now += later;
            let report = Report { demand, ..report(pod, vote) };
            let answer = stored.take(&report, now);
            prop_assert!(!answer.down);
            prop_assert_eq!((answer.seq, answer.lease), (0, None));
        }
    }

    /// Whatever is reported, and whenever: numbers only grow, and at most one instance holds a lease.
    #[test]
    fn numbers_grow_and_one_probes(
        reports in prop::collection::vec((0..5_usize, votes(), -HOUR.cast_signed()..20_000_i64, 0..8_u8), 1..80),
    ) {
        let (mut stored, mut now) = (Stored::default(), START);
        for (pod, vote, by, probe) in reports {
            // mostly forwards
            now = if by < -9_000 { now } else { now.saturating_add_signed(by) };
            let before = stored.record.clone();
            let probe = match probe {
                0 => Some(Probe::Succeeded(before.token)),
                1 => Some(Probe::Failed(before.token)),
                2 => Some(Probe::Renewed(before.token)),
                _ => None,
            };
            let report = Report { demand: true, seq: before.seq, probe, ..report(pod, vote) };
            let answer = stored.take(&report, now);
            let after = &stored.record;
            prop_assert!(after.seq >= before.seq && after.token >= before.token);
            prop_assert!(after.seq > before.seq || after.down == before.down);
            let held = |record: &Record| record.lease.clone().filter(|lease| lease.until > now);
            if let (Some(was), Some(is)) = (held(&before), held(after)) {
                // as long as it lives, it changes hands after its holder's own word only
                prop_assert!(was.instance == is.instance || was.instance == report.instance || was.until > now + 10_000);
            }
            if answer.lease.is_some() {
                let holder = after.lease.as_ref().map(|lease| &lease.instance);
                prop_assert_eq!(holder, Some(&report.instance));
                prop_assert!(after.down);
            }
            prop_assert!(after.down || after.lease.is_none());
        }
    }
}
