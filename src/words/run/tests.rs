use super::*;
use crate::words::tagged::PAYLOAD_MAX;
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_run_gives_back_its_fields(reached: bool, length in 0..=LENGTH, era in 0..=ERA) {
        let run = Run { reached, length, era };
        prop_assert!(run.pack() <= PAYLOAD_MAX);
        prop_assert_eq!(Run::unpack(run.pack()), run);
        let rule = RunRule { limit: length, era };
        prop_assert_eq!(RunRule::unpack(rule.pack()), rule);
    }

    #[test]
    fn every_payload_is_a_run(payload in 0..=PAYLOAD_MAX) {
        prop_assert_eq!(Run::unpack(payload).pack(), payload);
    }
}

#[test]
fn failures_add_up_and_a_success_ends_them() {
    let rule = RunRule { limit: 2, era: 3 };
    let one = Run::begun(3).after(Some(1), rule);
    assert_eq!((one.length, one.reached), (1, false));
    let two = one.after(Some(1), rule);
    assert_eq!((two.length, two.reached, two.era), (2, true, 3));
    assert_eq!(two.after(None, rule), Run::begun(3));
    let off = RunRule { limit: 0, era: 3 };
    assert!(!two.after(Some(8), off).reached);
    let longest = Run {
        length: LENGTH,
        ..two
    };
    assert_eq!(longest.after(Some(8), rule).length, LENGTH);
}

#[test]
fn an_era_wraps() {
    let on = RunRule { limit: 5, era: ERA };
    assert_eq!(on.begun_anew(), RunRule { limit: 5, era: 0 });
}
