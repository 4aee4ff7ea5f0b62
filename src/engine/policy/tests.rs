use super::*;
use crate::config::settings::Lenient;
use crate::words::outcome::FailureKind;
use proptest::prelude::*;

fn policy() -> impl Strategy<Value = Policy> {
    let rate = || prop::option::of(prop_oneof![Just(0.5), Just(1.0), Just(0.1), 0.001f64..=1.0]);
    let lenient = prop::option::of(
        (0u32..8)
            .prop_map(|eighths| Lenient::new([FailureKind::Overload], f64::from(eighths) / 8.0)),
    );
    (
        rate(),
        rate(),
        prop::option::of(1u32..20),
        1u32..30,
        lenient,
    )
        .prop_map(|(failure_rate, slow_rate, failure_count, min, lenient)| {
            Policy::new(Config {
                lenient,
                failure_rate,
                slow_rate,
                failure_count,
                min_throughput: Some(min),
                slow_call: Some(core::time::Duration::from_millis(1)),
                ..Config::default()
            })
        })
}

/// And how many of the failures are lenient.
fn counts() -> impl Strategy<Value = (Counts, u64)> {
    let counts = (0u64..60).prop_flat_map(|calls| {
        (0..=calls, 0..=calls).prop_map(move |(failures, slow)| Counts::new(calls, failures, slow))
    });
    counts.prop_flat_map(|counts| (Just(counts), 0..=counts.failures))
}

fn seen(p: &Policy, counts: Counts, lenient: u64) -> Seen {
    let relief = p.relief(lenient);
    Seen {
        relief,
        ..counts.into()
    }
}

proptest! {
    /// The one property that the fast path leans on: within its allowance nothing is missed.
    #[test]
    fn no_mix_within_the_allowance_makes_a_rule_true(p in policy(), (w, lenient) in counts(), mix in prop::array::uniform4(0.0f64..=1.0), successes in 0u64..100) {
        let a = p.allowance(seen(&p, w, lenient));
        // where a rule is true already it is for the next outcome to find it
        if a == Allowance::default() { return Ok(()) }
        let part = |whole: u64, of: f64| (whole.min(200) as f64 * of).round() as u64;
        let (ff, ss, sf) = (part(a.fast_failures, mix[0]), part(a.slow_successes, mix[1]), part(a.slow_failures, mix[2]));
        let lf = part(a.lenient_failures, mix[3]);
        let calls = w.calls + ff + ss + sf + lf + successes.min(a.fast_successes);
        let then = Counts::new(calls, w.failures + ff + sf + lf, w.slow + ss + sf);
        let then = seen(&p, then, lenient + lf);
        prop_assert!(!p.truth(then).any(), "{:?} {:?} -> {:?}", a, w, then);
    }

    /// Unarmed means that successes alone make nothing true; armed means that some number does.
    #[test]
    fn armed_exactly_when_successes_alone_could(p in policy(), (w, lenient) in counts()) {
        let w = seen(&p, w, lenient);
        let ever = (0..=40).any(|n| p.truth(Seen { calls: w.calls + n, ..w }).any());
        prop_assert_eq!(p.allowance(w).armed(), ever);
    }

    /// What entries of a count window lean on: of those within, none needs a look, whichever they
    /// are, and however many successes come between that are not logged.
    #[test]
    fn no_entries_within_make_a_rule_true(
        p in policy(), size in 1usize..80, seed in prop::collection::vec((any::<bool>(), any::<bool>(), 0usize..4), 1..200),
    ) {
        let size = size.max(p.min_throughput() as usize);
        let mut all: Vec<(bool, bool)> = Vec::new();
        let counts = |all: &[(bool, bool)]| {
            let last = &all[all.len().saturating_sub(size)..];
            let of = |is: fn(&(bool, bool)) -> bool| last.iter().filter(|o| is(o)).count() as u64;
            Seen::from(Counts::new(last.len() as u64, of(|o| o.0), of(|o| o.1)))
        };
        let (mut within, mut armed) = (0, true);
        for (failed, slow, between) in seed {
            for _ in 0..between {
                all.push((false, false));
                let now = counts(&all);
                if armed {
                    // each of them is an entry
                    if within > 0 {
                        within -= 1;
                    } else {
                        armed = p.logs_successes(now, p.truth(now));
                        within = if p.truth(now).any() { 0 } else { p.entries_within(now, size as u64) };
                        continue;
                    }
                }
                prop_assert!(!p.truth(now).any(), "{:?}", now);
            }
            all.push((failed, slow));
            let now = counts(&all);
            if within > 0 {
                within -= 1;
                prop_assert!(!p.truth(now).any(), "{:?}", now);
            } else {
                armed = p.logs_successes(now, p.truth(now));
                within = if p.truth(now).any() { 0 } else { p.entries_within(now, size as u64) };
            }
        }
    }

    #[test]
    fn ceil_is_that_of_std(x in -10.0f64..1e15) {
        prop_assert_eq!(ceil(x), x.ceil() as u64);
    }
}

#[test]
fn the_allowance_is_worth_having() {
    let p = Policy::new(Config {
        failure_rate: Some(0.5),
        min_throughput: Some(100),
        ..Config::default()
    });
    let a = p.allowance(Counts::new(1000, 10, 0).into());
    assert_eq!(a.fast_failures, 979);
    let a = p.allowance(Seen::default());
    assert_eq!(a.fast_failures, 49);
    let a = p.allowance(Counts::new(2, 2, 0).into());
    assert_eq!(a.fast_failures, 47);
}

/// Three failures more would be three of fifteen: 0.2, though the formula takes it for less.
#[test]
fn the_allowance_is_judged_as_the_rule_is() {
    let p = Policy::new(Config {
        failure_rate: Some(0.2),
        min_throughput: Some(1),
        ..Config::default()
    });
    let a = p.allowance(Counts::new(12, 0, 0).into());
    assert_eq!(a.fast_failures, 2);
}

#[test]
fn a_slow_failure_takes_from_both_allowances() {
    let p = Policy::new(Config {
        failure_rate: Some(0.5),
        slow_rate: Some(0.5),
        slow_call: Some(core::time::Duration::from_millis(1)),
        min_throughput: Some(100),
        ..Config::default()
    });
    let expected = Allowance {
        fast_successes: PLENTY,
        fast_failures: 25,
        slow_successes: 25,
        slow_failures: 24,
        lenient_failures: 0,
    };
    assert_eq!(p.allowance(Seen::default()), expected);
}

/// Half of the allowance is for them, and of those that count for a quarter four times as many.
#[test]
fn of_lenient_failures_more_are_allowed() {
    let p = Policy::new(Config {
        failure_rate: Some(0.5),
        min_throughput: Some(101),
        lenient: Some(Lenient::new([FailureKind::Overload], 0.25)),
        ..Config::default()
    });
    let a = p.allowance(Seen::default());
    assert_eq!((a.fast_failures, a.lenient_failures), (25, 100));
}

/// A half of a failure more, and the count is reached.
#[test]
fn a_count_is_of_eighths() {
    let p = Policy::new(Config {
        failure_rate: None,
        failure_count: Some(3),
        lenient: Some(Lenient::new([FailureKind::Overload], 0.5)),
        ..Config::default()
    });
    let window = |failures, lenient| seen(&p, Counts::new(9, failures, 0), lenient);
    assert!(!p.truth(window(4, 3)).any());
    assert!(p.truth(window(4, 2)).any());
    assert_eq!(p.allowance(window(4, 3)).fast_failures, 0);
    assert_eq!(p.allowance(window(3, 3)).fast_failures, 1);
}
