use super::*;
use crate::words::tagged::PAYLOAD_MAX;
use proptest::prelude::*;

proptest! {
    #[test]
    fn words_give_back_what_was_put_in(bits in 0..=PAYLOAD_MAX) {
        prop_assert_eq!(Gate::unpack(bits).pack(), bits);
        prop_assert_eq!(Results::unpack(bits).pack(), bits);
        prop_assert_eq!(Spent::unpack(bits).pack(), bits);
        prop_assert_eq!(Step::unpack(bits).pack(), bits);
        let mark = Mark::unpack(bits);
        prop_assert_eq!(Mark::unpack(mark.pack()), mark);
    }

    /// Of n arrivals the share is admitted, and one more at most.
    #[test]
    fn the_gate_admits_its_share(share in 1..=WHOLE, arrivals in 0u64..2000) {
        let mut gate = Gate::BEGUN;
        let mut admitted = 0;
        for _ in 0..arrivals {
            let (after, one) = gate.arrive(share);
            prop_assert!(after.credit <= WHOLE);
            gate = Gate::unpack(after.pack());
            admitted += u64::from(one);
        }
        prop_assert_eq!(gate.admitted, admitted);
        prop_assert_eq!(admitted, arrivals.min((WHOLE + arrivals * share) / WHOLE));
    }
}

#[test]
fn a_full_gate_admits_no_more_and_forgets_nothing() {
    let full = Gate {
        admitted: MOST,
        ..Gate::BEGUN
    };
    assert_eq!(full.arrive(WHOLE), (full, false));
    assert!(full.take_off().arrive(WHOLE).1);
    assert_eq!(Gate::default().take_off(), Gate::default());
}

#[test]
fn a_call_scores_from_the_latest_cut_on() {
    let step = |number, fence| Step {
        number,
        fence,
        ..Step::first(WHOLE)
    };
    assert!(step(3, 0).scores(0) && step(3, 0).scores(3));
    assert!(!step(3, 2).scores(1) && step(3, 2).scores(2));
    // over the wrap
    assert!(step(1, 254).scores(255) && !step(1, 254).scores(253));
    assert!(step(0, 0).is_fresh() && !step(1, 0).is_fresh());
}

#[test]
fn a_step_long_after_the_latest_cut_is_not_taken_for_the_one_at_it() {
    let mut step = Step::first(WHOLE);
    for _ in 0..600 {
        let before = step.number;
        step = step.next();
        assert!(!step.is_fresh());
        assert!(step.scores(before) && step.scores(step.number));
    }
    assert!(step.scores(step.number.wrapping_add(1)));
}

#[test]
fn the_score_stays_in_its_word() {
    let high = Results::default().raised(u64::MAX);
    assert_eq!(high.score, SCORE_MAX);
    assert_eq!(Results::unpack(high.pack()), high);
    assert_eq!(high.lowered(u64::MAX).score, 0);
}
