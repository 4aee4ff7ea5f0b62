use super::*;
use proptest::prelude::*;

proptest! {
    #[test]
    fn an_event_gives_back_what_was_put_in(
        generation in 0u64..1 << 24, from in 0usize..6, to in 0usize..6, cause in 0..Cause::NUMBER, at: u64,
        n in prop::array::uniform4(0..=PAYLOAD_MAX), run in 0..=u32::MAX >> 1, kind in 0u64..1 << KIND_BITS,
    ) {
        let opens = State::ALL[to] == State::Open;
        let counted = matches!(State::ALL[from], State::Closed | State::ObserveOnly);
        let e = Event {
            generation, from: State::ALL[from], to: State::ALL[to], cause: Cause::unpack(cause), at,
            failure: Option::unpack(kind), deadline: if opens { Deadline::unpack(n[3]) } else { Deadline::NONE },
            counts: Counts::new(n[0], n[1], n[2]), run: if counted { run.into() } else { 0 },
        };
        prop_assert_eq!(Event::unpack(generation, e.pack()), e);
        let without = Event { failure: None, ..e };
        let mut payloads = e.pack();
        payloads[META_WORD] = without.pack()[META_WORD];
        prop_assert_eq!(Event::unpack(generation, payloads), without, "the first word says that it has none");
        let ring = EventRing::short();
        prop_assert_eq!(ring.read(generation), None, "nothing has been written");
        for (word, payload) in ring.slot(generation).iter().zip(e.pack()) {
            word.store(Tagged::new(Generation::of(generation), payload));
        }
        prop_assert_eq!(ring.read(generation), Some(e));
        prop_assert_eq!(ring.has_outage(generation), e.begins_outage());
        let meta = Meta(e.pack()[META_WORD]);
        prop_assert_eq!(meta.time(time_high(at)), at);
        prop_assert_eq!(meta.leaves(DEADLINE_WORD), !opens);
        prop_assert_eq!(meta.leaves(RUN_WORD), !counted && e.failure.is_none());
        for i in (0..WORDS).filter(|i| meta.leaves(*i)) {
            ring.slot(generation)[i].store(Tagged::new(Generation::of(generation ^ 8), 7));
        }
        prop_assert_eq!(ring.read(generation), Some(e), "what it leaves is not read");
        prop_assert_eq!(ring.read(generation + HISTORY as u64), None, "another generation's");
        ring.slot(generation)[3].store(Tagged::new(Generation::of(generation + HISTORY as u64), 0));
        prop_assert_eq!(ring.read(generation), None, "half overwritten");
    }
}
