//! The models against sequences that were worked out by hand from their sources.

use super::*;
use crate::time::{MILLISECOND, SECOND};

const MS: Nanos = MILLISECOND;

fn setup() -> Setup {
    Setup {
        seed: 1,
        slow: 250 * MS,
        theta: 0.5,
    }
}

fn ended(outcome: Outcome) -> Ended {
    Ended {
        outcome,
        lasted: MS,
    }
}

/// Lets a call be admitted and end at once; returns whether it was admitted.
fn call<S: Subject>(subject: &mut S, now: Nanos, outcome: Outcome) -> bool {
    let permit = subject.admit(now);
    let admitted = permit.is_some();
    if let Some(permit) = permit {
        subject.end(now, permit, ended(outcome));
    }
    admitted
}

/// Makes so many calls that all have to be admitted.
fn calls<S: Subject>(subject: &mut S, now: Nanos, outcome: Outcome, times: u32) {
    for i in 0..times {
        assert!(call(subject, now, outcome), "call {i} of {times}");
    }
}

fn rejects<S: Subject>(subject: &mut S, now: Nanos) -> bool {
    subject.admit(now).is_none()
}

use Outcome::{Failure, Ignored, Success, Timeout};

#[test]
fn the_list_has_no_name_twice_and_makes_each_subject() {
    struct Nothing;
    impl Experiment for Nothing {
        type Result = ();
        fn run<S: Subject>(self, mut subject: S) {
            assert!(call(&mut subject, SECOND, Success));
        }
    }
    for (at, entry) in Entry::all().enumerate() {
        assert_eq!(Entry::find(entry.name()), Some(Entry(at)));
        assert!(!entry.source().is_empty());
        entry.try_with(&setup(), Nothing).expect("valid settings");
    }
    assert_eq!(Entry::find("nothing"), None);
}

#[test]
fn tripcoil_trips_at_five_in_a_row_by_default() {
    let mut it = crate_itself::default(&setup()).expect("valid");
    calls(&mut it, SECOND, Success, 10);
    calls(&mut it, SECOND, Failure, 4);
    calls(&mut it, SECOND, Success, 1);
    calls(&mut it, SECOND, Failure, 4);
    calls(&mut it, SECOND, Ignored, 9);
    calls(&mut it, SECOND, Timeout, 1);
    assert!(rejects(&mut it, SECOND) && rejects(&mut it, 61 * SECOND - 1));
    // two probes, one at a time
    let probe = it.admit(61 * SECOND).expect("a probe");
    assert!(rejects(&mut it, 61 * SECOND));
    it.end(62 * SECOND, probe, ended(Success));
    calls(&mut it, 62 * SECOND, Success, 20);
}

#[test]
fn tuned_trips_at_forty_in_a_row_and_at_half_of_twenty() {
    let mut it = crate_itself::tuned(&setup()).expect("valid");
    calls(&mut it, SECOND, Success, 41);
    calls(&mut it, SECOND, Failure, 39);
    calls(&mut it, SECOND, Success, 1);
    // 40 of 82, and then 41
    calls(&mut it, SECOND, Failure, 1);
    assert!(!rejects(&mut it, SECOND));
    calls(&mut it, SECOND, Failure, 2);
    assert!(rejects(&mut it, SECOND));
    // 0.5 s, a fifth more or less
    assert!(rejects(&mut it, SECOND + 399 * MS));
    calls(&mut it, SECOND + 601 * MS, Success, 3);

    let mut it = crate_itself::tuned(&setup()).expect("valid");
    let slow: Vec<_> = (0..20).map(|_| it.admit(SECOND).expect("closed")).collect();
    for permit in slow {
        it.end(SECOND + 251 * MS, permit, ended(Success));
    }
    assert!(rejects(&mut it, SECOND + 251 * MS));
}

#[test]
fn gobreaker_opens_at_the_sixth_in_a_row() {
    let mut it = peers::Gobreaker::default();
    calls(&mut it, 0, Failure, 5);
    calls(&mut it, 0, Success, 1);
    let late = it.admit(0).expect("closed");
    calls(&mut it, 0, Failure, 6);
    assert!(rejects(&mut it, 0) && rejects(&mut it, 60 * SECOND));
    let probe = it.admit(60 * SECOND + 1).expect("a probe");
    assert!(rejects(&mut it, 61 * SECOND));
    // of an earlier generation
    it.end(61 * SECOND, late, ended(Success));
    assert!(rejects(&mut it, 61 * SECOND));
    it.end(62 * SECOND, probe, ended(Failure));
    assert!(rejects(&mut it, 122 * SECOND));
    assert!(call(&mut it, 122 * SECOND + 1, Success));
    calls(&mut it, 123 * SECOND, Failure, 5);
}

#[test]
fn resilience4j_judges_a_hundred_and_then_ten() {
    let mut it = peers::Resilience4j::default();
    calls(&mut it, 0, Failure, 49);
    calls(&mut it, 0, Ignored, 30);
    calls(&mut it, 0, Success, 51);
    // 49 of the last 100: each failure pushes another out, until the successes are the oldest
    calls(&mut it, 0, Failure, 49);
    assert!(!rejects(&mut it, 0));
    calls(&mut it, 0, Failure, 1);
    assert!(rejects(&mut it, 0) && rejects(&mut it, 60 * SECOND));
    let later = 60 * SECOND + 1;
    calls(&mut it, later, Failure, 4);
    calls(&mut it, later, Ignored, 5);
    calls(&mut it, later, Success, 5);
    assert!(!rejects(&mut it, later));
    assert!(rejects(&mut it, later));
    // five of ten
    it.end(later, (), ended(Failure));
    assert!(rejects(&mut it, later));
    let later = 2 * later + 1;
    calls(&mut it, later, Failure, 4);
    calls(&mut it, later, Success, 6);
    calls(&mut it, later, Failure, 99);
}

#[test]
fn polly_breaks_at_a_tenth_of_a_hundred() {
    let mut it = peers::Polly::default();
    calls(&mut it, 0, Failure, 99);
    assert!(!rejects(&mut it, 0));
    calls(&mut it, 0, Timeout, 1);
    assert!(rejects(&mut it, 0) && rejects(&mut it, 5 * SECOND - 1));
    assert!(!rejects(&mut it, 5 * SECOND));
    assert!(rejects(&mut it, 5 * SECOND) && rejects(&mut it, 60 * SECOND));
    // the result of a call from before decides too
    it.end(61 * SECOND, (), ended(Failure));
    assert!(rejects(&mut it, 66 * SECOND - 1));
    it.end(66 * SECOND - 1, (), ended(Success));
    assert!(rejects(&mut it, 66 * SECOND - 1));
    assert!(call(&mut it, 66 * SECOND, Success));
    // it begins anew: 10 of 101, and then 11 of 102
    calls(&mut it, 67 * SECOND, Failure, 9);
    calls(&mut it, 67 * SECOND, Success, 91);
    calls(&mut it, 67 * SECOND, Failure, 1);
    assert!(!rejects(&mut it, 67 * SECOND));
    calls(&mut it, 67 * SECOND, Failure, 1);
    assert!(rejects(&mut it, 67 * SECOND));
}

#[test]
fn polly_forgets_what_is_older_than_its_window() {
    let mut it = peers::Polly::default();
    calls(&mut it, 0, Failure, 99);
    calls(&mut it, 29 * SECOND, Success, 1);
    calls(&mut it, 30 * SECOND, Failure, 98);
    assert!(!rejects(&mut it, 30 * SECOND));
    calls(&mut it, 30 * SECOND, Failure, 1);
    assert!(rejects(&mut it, 30 * SECOND));
}

#[test]
fn sre_rejects_when_requests_are_more_than_twice_the_accepts() {
    let mut it = peers::Sre::new(setup().dice());
    calls(&mut it, 0, Success, 50);
    calls(&mut it, 0, Ignored, 50);
    calls(&mut it, 0, Failure, 100);
    // 300 of 201 accepts short: in the long run it rejects the half of what is too much
    let admitted = (0..1000).filter(|_| call(&mut it, SECOND, Failure)).count();
    assert!(admitted > 50 && admitted < 500, "{admitted}");
    assert!(!rejects(&mut it, 121 * SECOND));
}

#[test]
fn go_zero_lets_one_pass_per_second() {
    let mut it = peers::GoZero::new(setup().dice());
    calls(&mut it, 0, Failure, 5);
    let mut passed = None;
    for _ in 0..10_000 {
        if call(&mut it, 0, Failure) {
            passed = Some(0);
        }
    }
    assert!(passed.is_some());
    // nearly all are dropped
    let admitted = (0..100).filter(|_| call(&mut it, SECOND, Failure)).count();
    assert!(admitted < 5, "{admitted}");
    assert!(call(&mut it, 2 * SECOND + 1, Failure));
    // the window is empty again
    assert!(call(&mut it, 30 * SECOND, Success));
}

#[test]
fn go_zero_drops_fewer_the_longer_it_works() {
    let share = |good_buckets: u64, fails_again: bool| {
        let mut it = peers::GoZero::new(setup().dice());
        // all at once, so that none is decided on by what the others were
        let permits: Vec<_> = (0..300).filter_map(|_| it.admit(0)).collect();
        for permit in permits {
            it.end(0, permit, ended(Failure));
        }
        for bucket in 1..=good_buckets {
            it.end(bucket * 250 * MS, (), ended(Success));
        }
        let now = good_buckets * 250 * MS;
        if fails_again {
            it.end(now, (), ended(Failure));
        }
        (0..200).filter(|_| it.admit(now).is_some()).count()
    };
    // of 39 buckets that only succeeded after it, one part in 40 of the drops is left
    let admitted = [(0, false), (39, false), (39, true)].map(|(good, again)| share(good, again));
    assert!(admitted[0] < 20 && admitted[1] > 180, "{admitted:?}");
    // a failure in the last of them, and they count for nothing
    assert!(admitted[2] < 70, "{admitted:?}");
}

#[test]
fn semian_follows_its_controller() {
    let close = |it: &peers::Semian, expected: f64| {
        assert!(
            (it.rejects() - expected).abs() < 1e-9,
            "{} and not {expected}",
            it.rejects()
        );
    };
    let hear = |successes: u32, errors: u32| {
        let mut it = peers::Semian::new(setup().dice());
        calls(&mut it, 0, Success, successes);
        calls(&mut it, 0, Failure, errors);
        assert_eq!(it.timer(), SECOND);
        it.wake(SECOND);
        it
    };
    // 0.25 above the ideal rate; and 0.2 times the integral
    let mut it = hear(70, 30);
    close(&it, 0.3);
    it.wake(2 * SECOND);
    close(&it, 0.3 + 0.025 + 0.2 * 0.275);
    // within the dead zone
    close(&hear(94, 6), 0.0);
    close(&hear(0, 100), 1.0);
    // both windows are full at 2,000
    close(&hear(7000, 3000), 0.45 + 0.09);
    // all are forgotten after 10 s: the ideal rate falls, and the integral is below zero
    let mut it = hear(70, 30);
    it.wake(11 * SECOND);
    let ideal = 0.05 * (1.0 - 0.078);
    let error: f64 = -ideal - (1.0 + ideal) * 0.3;
    close(&it, (0.3 + error + 0.2 * (0.25 + error)).max(0.0));
}

#[test]
fn envoy_ejects_for_longer_each_time() {
    let mut it = peers::Envoy::default();
    let wake_until = |it: &mut peers::Envoy, until: Nanos| {
        while it.timer() <= until {
            let at = it.timer();
            it.wake(at);
        }
    };
    calls(&mut it, 3 * SECOND, Failure, 4);
    calls(&mut it, 3 * SECOND, Success, 1);
    calls(&mut it, 3 * SECOND, Failure, 5);
    wake_until(&mut it, 39 * SECOND);
    // 30 s are over, but it looks only every 10 s
    assert!(rejects(&mut it, 39 * SECOND));
    wake_until(&mut it, 40 * SECOND);
    calls(&mut it, 41 * SECOND, Failure, 5);
    wake_until(&mut it, 100 * SECOND);
    assert!(rejects(&mut it, 100 * SECOND));
    wake_until(&mut it, 110 * SECOND);
    assert!(!rejects(&mut it, 110 * SECOND));
    // forgiven twice: as if it were the first
    wake_until(&mut it, 130 * SECOND);
    calls(&mut it, 131 * SECOND, Failure, 5);
    wake_until(&mut it, 160 * SECOND);
    assert!(rejects(&mut it, 160 * SECOND));
    wake_until(&mut it, 170 * SECOND);
    assert!(!rejects(&mut it, 170 * SECOND));
}

#[test]
fn phi_suspects_after_a_silence() {
    let mut it = peers::Phi::default();
    for i in 0..20 {
        assert!(call(&mut it, i * 100 * MS, Success));
    }
    // phi is 8 at 5.2 deviations of 100 ms beyond the mean of 100 ms
    assert!(!rejects(&mut it, 1900 * MS + 610 * MS));
    assert!(rejects(&mut it, 1900 * MS + 640 * MS));
    assert!(rejects(&mut it, 3539 * MS));
    let probe = it.admit(3540 * MS).expect("a probe");
    assert!(rejects(&mut it, 3540 * MS));
    it.end(3550 * MS, probe, ended(Success));
    calls(&mut it, 3550 * MS, Timeout, 5);
    assert!(rejects(&mut it, 3550 * MS));
}

#[test]
fn recloser_judges_beyond_a_full_ring() {
    let mut it = peers::Recloser::default();
    calls(&mut it, 0, Failure, 100);
    assert!(!rejects(&mut it, 0));
    calls(&mut it, 0, Failure, 1);
    assert!(rejects(&mut it, 0) && rejects(&mut it, 30 * SECOND));
    let later = 30 * SECOND + 1;
    // half-open, all are admitted: five of the last ten have failed, and it is a success
    calls(&mut it, later, Failure, 6);
    calls(&mut it, later, Success, 4);
    calls(&mut it, later, Success, 1);
    calls(&mut it, later, Failure, 100);
    calls(&mut it, later, Failure, 1);
    let later = 2 * later;
    calls(&mut it, later, Success, 6);
    calls(&mut it, later, Failure, 4);
    // five of the last ten, and it is a failure
    calls(&mut it, later, Failure, 1);
    assert!(rejects(&mut it, later));
}

#[test]
fn failsafe_waits_longer_each_time() {
    let mut it = peers::Failsafe::new(setup().dice());
    calls(&mut it, 0, Failure, 5);
    assert!(rejects(&mut it, 5 * SECOND - 1));
    // half-open, all are admitted, and the first result decides
    let probes: Vec<_> = (0..3).filter_map(|_| it.admit(10 * SECOND + 1)).collect();
    assert_eq!(probes.len(), 3);
    it.end(11 * SECOND, (), ended(Failure));
    assert!(rejects(&mut it, 21 * SECOND - 1));
    assert!(call(&mut it, 31 * SECOND + 1, Success));
    // and the waits begin anew
    calls(&mut it, 32 * SECOND, Failure, 5);
    assert!(call(&mut it, 42 * SECOND + 1, Success));
}

#[test]
fn failsafe_draws_the_second_half_of_its_waits() {
    let waits: Vec<u64> = (0..40)
        .map(|seed| {
            let mut it = peers::Failsafe::new(Setup { seed, ..setup() }.dice());
            calls(&mut it, 0, Failure, 5);
            let open = |wait: &u64| it.admit(*wait * SECOND + 1).is_some();
            (0..20).find(open).expect("it ends")
        })
        .collect();
    assert_eq!(waits.iter().min(), Some(&5));
    assert_eq!(waits.iter().max(), Some(&10));
}

#[test]
fn failsafe_judges_the_rate_once_it_is_old_enough() {
    let mut it = peers::Failsafe::new(setup().dice());
    for i in 0..300_u64 {
        let outcome = if i % 2 == 0 { Success } else { Failure };
        assert!(call(&mut it, i * 100 * MS, outcome), "{i}");
    }
    assert!(call(&mut it, 30_000 * MS, Success));
    assert!(call(&mut it, 30_100 * MS, Failure));
    assert!(rejects(&mut it, 30_100 * MS));
}
