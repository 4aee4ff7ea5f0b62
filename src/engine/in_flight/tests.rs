use super::Limit;
use crate::engine::policy::RULES_BITS;
use crate::sync::pack::Pack;
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_limit_survives_its_word(calls: u32, rules in 0..1_u32 << RULES_BITS) {
        let limit = Limit { calls, rules };
        prop_assert_eq!(Limit::unpack(limit.pack()), limit);
    }

    #[test]
    fn later_rules_replace_earlier_ones_across_the_wrap(rules in 0..1_u32 << RULES_BITS, by in 1..1_u32 << (RULES_BITS - 1)) {
        let later = (rules + by) % (1 << RULES_BITS);
        let limit = |rules| Limit { calls: 1, rules };
        prop_assert!(limit(rules).is_older_than(later));
        prop_assert!(!limit(later).is_older_than(rules));
        prop_assert!(!limit(rules).is_older_than(rules));
    }
}
