use super::*;
use crate::config::settings::Outage;

const MS: u64 = 1_000_000;

/// At 1,000 calls per second, in the second step: so many were admitted, and so many of them have ended.
fn held(admitted: u64, ended: u64) -> Held {
    let first = Step::first(first_share(1000 * ONE));
    Held {
        step: Step {
            share: 3 * first.share,
            ..first.next()
        },
        gate: Gate {
            admitted,
            ..Gate::default()
        },
        results: Results {
            ended,
            ..Results::default()
        },
        spent: Spent::default(),
        mark: Mark::default(),
    }
}

/// Old enough to be good.
fn at(age: u64, held: Held) -> Ascent {
    Ascent {
        on: true,
        held,
        slowest: None,
        age,
        patience: 300 * MS,
        timeout: 5_000 * MS,
        pace: 1000 * ONE,
        weights: Weights::of(Outage::default()),
    }
}

fn course(ascent: Ascent) -> Option<Course> {
    ascent.judge().map(|step| step.course)
}

fn is_cut(ascent: Ascent) -> bool {
    ascent.judge().is_some_and(|step| step.cut)
}

/// The score of ten bad calls.
fn hit(held: Held) -> Held {
    Held {
        results: held.results.raised(10 * ONE),
        ..held
    }
}

#[test]
fn the_first_share_is_a_quarter_or_fifty_calls_per_second() {
    assert_eq!(first_share(1000 * ONE), WHOLE / 4);
    assert_eq!(first_share(100 * ONE), WHOLE / 2);
    assert_eq!(first_share(50 * ONE), WHOLE);
    assert_eq!(first_share(0), WHOLE);
}

#[test]
fn a_step_is_good_once_it_is_old_enough_and_nearly_all_calls_are_back() {
    let completed = Some(Course::Completed);
    assert_eq!(course(at(STEP, held(20, 20))), completed);
    assert_eq!(course(at(STEP, held(20, 18))), completed);
    assert_eq!(course(at(STEP, held(20, 17))), None);
    assert_eq!(course(at(STEP - 1, held(20, 20))), None);
    // five are enough, and four are not
    assert_eq!(course(at(STEP, held(5, 5))), completed);
    assert_eq!(course(at(STEP, held(4, 4))), None);
}

#[test]
fn after_a_cut_the_share_is_halved_and_grows_by_half() {
    let hit_step = at(STEP, hit(held(20, 20)));
    let Some(cut) = hit_step.judge() else {
        unreachable!("the score is beyond ln 80")
    };
    assert_eq!(cut.share, 3 * WHOLE / 8);
    assert!(cut.slowed && cut.cut && cut.is_fresh());
    assert_eq!(hit_step.score_after(cut), 0);
    let after = |held: Held| at(STEP, Held { step: cut, ..held });
    assert_eq!(course(after(hit(held(20, 20)))), Some(Course::Failed));
    let Some(grown) = after(held(20, 20)).judge() else {
        unreachable!("a good step")
    };
    assert_eq!(
        (grown.share, grown.cut, grown.fence),
        (9 * WHOLE / 16, false, cut.fence)
    );
}

#[test]
fn a_cut_at_the_first_share_reopens() {
    let first = Held {
        step: Step::first(WHOLE / 4),
        ..hit(held(20, 20))
    };
    assert_eq!(course(at(STEP, first)), Some(Course::Failed));
}

#[test]
fn calls_that_hang_cut_the_step() {
    assert!(is_cut(at(301 * MS, held(10, 0))));
    assert_eq!(course(at(300 * MS, held(10, 0))), None);
    assert_eq!(course(at(301 * MS, held(9, 0))), None);
}

#[test]
fn calls_that_take_much_longer_than_the_probes_cut_the_step() {
    let lasted = |sum| Ascent {
        slowest: Some(10_000),
        ..at(
            STEP,
            Held {
                spent: Spent { sum, turn: false },
                ..held(20, 20)
            },
        )
    };
    assert_eq!(course(lasted(20 * 50_000)), Some(Course::Completed));
    assert!(is_cut(lasted(20 * 50_000 + 1)));
}

/// At the end of its time, with that mark.
fn old(admitted: u64, ended: u64, mark: Option<u64>) -> Ascent {
    let held = held(admitted, ended);
    at(
        5_000 * MS,
        Held {
            mark: Mark(mark),
            ..held
        },
    )
}

#[test]
fn what_is_out_for_too_long_is_bad_and_the_step_begins_anew() {
    // two of two leaked: too few for a good step
    let two = old(2, 0, None);
    let Some(again) = two.judge() else {
        unreachable!("it is over")
    };
    assert_eq!((again.share, again.cut), (two.held.step.share, false));
    assert_eq!(two.score_after(again), 2 * two.weights.bad);
    assert!(is_cut(old(9, 0, None)));
    // one of ten leaked: a good step, and the score goes on
    let one = old(10, 9, None);
    assert_eq!(course(one), Some(Course::Completed));
    assert_eq!(one.score_after(one.held.step.next()), one.weights.bad);
    assert_eq!(course(old(0, 0, None)), Some(Course::Going));
}

/// A dependency that takes long is not taken for one that leaks: its calls overlap.
#[test]
fn what_was_admitted_in_the_second_half_is_not_waited_for() {
    let half = at(2_500 * MS, held(100, 50));
    assert_eq!(half.judge(), Some(half.held.step.marked()));
    assert_eq!(at(2_499 * MS, held(100, 50)).judge(), None);
    let marked = Held {
        step: half.held.step.marked(),
        mark: Mark(Some(100)),
        ..held(190, 140)
    };
    assert_eq!(at(4_999 * MS, marked).judge(), None);
    assert_eq!(course(old(200, 150, Some(100))), Some(Course::Completed));
    assert!(is_cut(old(200, 80, Some(100))));
    // a call that was cancelled since then is taken off what is waited for
    assert_eq!(course(old(50, 50, Some(100))), Some(Course::Completed));
    // few had come by then: all of them have to be back
    assert_eq!(course(old(90, 50, Some(4))), Some(Course::Completed));
    assert_eq!(course(old(90, 3, Some(4))), Some(Course::Going));
}

/// However short the probe timeout is.
#[test]
fn a_step_has_its_100_ms() {
    let short = |age, held| Ascent {
        timeout: MS,
        ..at(age, held)
    };
    assert_eq!(short(STEP / 2 - 1, held(20, 0)).judge(), None);
    assert_eq!(course(short(STEP - 1, held(20, 20))), Some(Course::Marked));
    assert_eq!(course(short(STEP, held(20, 20))), Some(Course::Completed));
}

#[test]
fn a_ramp_that_is_switched_off_is_over() {
    let off = Ascent {
        on: false,
        ..at(0, held(0, 0))
    };
    assert_eq!(course(off), Some(Course::Completed));
}
