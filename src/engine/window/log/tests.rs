use super::*;
use proptest::prelude::*;

proptest! {
    #[test]
    fn payloads_give_back_their_fields(payload in 0..=PAYLOAD_MAX) {
        prop_assert_eq!(Log::unpack(payload).pack(), payload);
        prop_assert_eq!(Holds::unpack(payload).pack(), payload);
    }

    #[test]
    fn a_log_tells_what_is_ahead(payload in 0..=PAYLOAD_MAX, truth in 0u64..8, within in 0u64..100) {
        let log = Log::unpack(payload);
        let told = log.with_ahead(Truth(truth), within);
        prop_assert_eq!(told.truth(), Truth(truth));
        let left = if truth == 0 { within.min(MOST_WITHIN) } else { 0 };
        prop_assert_eq!(told.within(), left);
        prop_assert!(!told.is_frozen());
        let frozen = told.frozen();
        prop_assert!(frozen.is_frozen() && frozen != told);
        prop_assert_eq!((frozen.truth(), frozen.within()), (Truth(truth), 0));
        prop_assert_eq!((frozen.entries, frozen.offset), (log.entries, log.offset));
        prop_assert_eq!(Log::unpack(frozen.pack()), frozen);
    }

    #[test]
    fn a_cell_is_seen_from_the_cut(size in 1u32..1 << 20, at in 0..=PAYLOAD_MAX, ahead in -(1i64 << 20)..1 << 21, failed: u64, slow: u64) {
        let cells = Cells::new(size);
        let position = at.wrapping_add_signed(ahead);
        let cell = cells.pack(position, Marks { failed, slow });
        prop_assert_eq!(cells.offset(cell, at), ahead);
        let marks = Marks { failed: failed & cells.mask(), slow: slow & cells.mask() };
        prop_assert_eq!(cells.marks(cell), marks);
        let more = Marks { failed: failed.wrapping_add(u64::from(size)), slow };
        prop_assert_eq!(cells.since(more, marks), Marks { failed: u64::from(size), slow: 0 });
    }
}
