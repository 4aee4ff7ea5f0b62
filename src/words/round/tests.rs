use super::*;
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_word_gives_back_its_round(word: u64) {
        prop_assert_eq!(Round::unpack(word).pack(), word);
    }

    #[test]
    fn a_round_gives_back_its_fields(generation in 0..=GENERATION, timed_out: bool, given_up: bool, n in prop::array::uniform6(0..=FIELD)) {
        let r = Round {
            generation, timed_out, given_up, admissions: n[5],
            in_flight: n[0], succeeded: n[1], failed: n[2], slow: n[3], cancelled: n[4],
        };
        prop_assert_eq!(Round::unpack(r.pack()), r);
    }

    #[test]
    fn a_round_knows_its_generation(generation in 0u64..1 << 24, other in 0u64..1 << 24) {
        let r = Round::fresh(Generation::of(generation)).admit();
        prop_assert!(r.is_of(Generation::of(generation)));
        prop_assert_eq!(r.is_of(Generation::of(other)), (generation ^ other) & GENERATION == 0);
        let behind = other.wrapping_sub(generation) & GENERATION;
        prop_assert_eq!(r.is_old(Generation::of(other)), behind > GENERATION / 4);
    }
}

#[test]
fn cancellations_are_counted_up_to_what_the_word_holds() {
    let mut r = Round::fresh(Generation::of(3)).admit();
    for n in 1..=300 {
        r = Round::unpack(r.cancel().pack()).admit();
        assert_eq!((r.cancelled, r.in_flight), (n.min(FIELD), 1));
    }
    assert_eq!((r.results(), r.slow, r.generation), (0, 0, 3));
}

#[test]
fn a_slot_that_comes_back_leaves_a_trace() {
    let once = Round::fresh(Generation::of(1)).admit();
    let again = Round {
        in_flight: 0,
        ..once
    }
    .admit();
    assert_eq!((once.in_flight, again.in_flight), (1, 1));
    assert_ne!(once.pack(), again.pack());
    let last = Round {
        admissions: FIELD,
        ..once
    };
    assert_eq!(last.admit().admissions, 0);
}
