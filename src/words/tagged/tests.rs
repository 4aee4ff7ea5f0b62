use super::*;
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_tagged_word_gives_back_what_was_put_in(tag in 0..=TAG, other in 0..=TAG, payload in 0..=PAYLOAD_MAX) {
        let w = Tagged::new(Version(tag), payload);
        prop_assert_eq!(w.payload(), payload);
        prop_assert_eq!((w.tag(), w.of(Version(tag))), (Version(tag), Some(payload)));
        prop_assert_eq!(Tagged::<Version>::unpack(w.pack()), w);
        prop_assert!(w.has(Version(tag)));
        prop_assert_eq!(w.has(Version(other)), other == tag);
        prop_assert_eq!(w.retag(Version(other)), Tagged::new(Version(other), payload));
        prop_assert_eq!(w.plus_one(), Tagged::new(Version(tag), (payload + 1) & PAYLOAD_MAX));
    }

    #[test]
    fn differences_survive_the_wrap(base in 0..=PAYLOAD_MAX, n in 0..=PAYLOAD_MAX) {
        prop_assert_eq!(since(base.wrapping_add(n) & PAYLOAD_MAX, base), n);
    }

    #[test]
    fn extension_is_exact_below_one_lap(known: u32, n in 0..=PAYLOAD_MAX) {
        let known = u64::from(known) << 20;
        prop_assert_eq!(extend(known, (known + n) & PAYLOAD_MAX, 1 << PAYLOAD_BITS), known + n);
    }

    #[test]
    fn later_looks_half_way_round(tag in 0..=TAG, n in 1..=TAG / 2) {
        prop_assert!(Tagged::new(EpochNumber(tag.wrapping_add(n)), 0).later_than(EpochNumber(tag)));
        prop_assert!(!Tagged::new(EpochNumber(tag), 0).later_than(EpochNumber(tag.wrapping_add(n))));
        prop_assert!(!Tagged::new(EpochNumber(tag), 7).later_than(EpochNumber(tag)));
    }

    #[test]
    fn a_tag_is_old_from_a_quarter_of_the_way_round(tag in 0..=TAG, n in 0..=TAG) {
        prop_assert_eq!(Tagged::new(EpochNumber(tag), 9).is_old(EpochNumber(tag.wrapping_add(n))), n > TAG / 4);
    }
}

#[test]
fn a_generation_is_found_on_both_sides_of_its_wrap() {
    let whole = 1u64 << TAG_BITS;
    for long in [0, 1, whole - 1, whole, whole + 1, 5 * whole - 1] {
        let generation = Generation::of(long);
        assert_eq!(generation.at_least(long), long);
        assert_eq!(generation.at_most(long), long);
        assert_eq!(generation.next().at_least(long), long + 1);
        assert_eq!(generation.at_most(long + 1), long);
        // what is written now and then is behind, and a reader that slept finds it ahead
        for known in [
            long.saturating_sub(whole / 4),
            long,
            long + 1,
            long + whole / 4,
        ] {
            assert_eq!(generation.nearest(known), long);
        }
    }
}
