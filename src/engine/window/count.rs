//! The exact window over the last `n` outcomes.
//!
//! It needs a total order of the outcomes, so its recorders share one word, and an outcome counts
//! at the compare-exchange that takes the word from the previous outcome. The word has the version,
//! so that an update freezes it as it does the stripes' words. The exchange knows the window of its
//! own outcome exactly, so each outcome judges itself, and updates do not have to.
//!
//! Up to sixteen outcomes fit the word itself, with a bit each for failed and for slow. Above that
//! the word is the *tail*: the position, and the last outcome's two bits, which are *pending*; a
//! ring of cells holds the cumulative failed and slow counts at each position. The next recorder
//! first completes the pending cell (helping), so a recorder that stops after its exchange does not
//! delay the others. The window is the difference of two cells.
//!
//! A window that is full and holds no failures and no slow calls is *clean*, and one more fast
//! success leaves it as it is. So such a success only reads, and takes no position. While it is
//! clean, all threads read a count window and none writes it.
//!
//! *Wrap-around.* A cell is tagged with its position, in the part of 64 bits that its two counts
//! leave: 50 bits for `n = 100` (33 are used, all that the tail has), 32 for 65,535 and 24 for the
//! largest `n`. To do harm, a thread would have to sleep between reading the tail and completing a
//! cell through exactly that many outcomes, less one lap of the ring.

use crate::engine::policy::Truth;
use crate::sync::atomic::Word;
use crate::sync::pack::{Fields, Pack};
use crate::words::outcome::Counts;
use crate::words::tagged::{Tagged, Version};
use alloc::boxed::Box;
#[cfg(feature = "persist")]
use alloc::vec::Vec;

/// The largest window that fits one word.
const IN_A_WORD: u32 = 16;

#[derive(Debug)]
pub(crate) struct CountWindow {
    size: u64,
    /// The bits, or the tail: tagged with the version.
    pub(crate) word: Word<Tagged<Version>>,
    ring: Option<Ring>,
}

/// The bits' payload: fill 5 | truth 3 | failed 16 | slow 16 (from the low end)
#[derive(Clone, Copy)]
struct Bits {
    fill: u64,
    truth: Truth,
    failed: u64,
    slow: u64,
}

/// The tail's payload: full 1 | failed 1 | slow 1 | clean 1 | truth 3 | position 33 (from the low end)
#[derive(Clone, Copy)]
struct Tail {
    full: bool,
    failed: bool,
    slow: bool,
    clean: bool,
    truth: Truth,
    position: u64,
}

const POSITION_BITS: u32 = 33;
const POSITION: u64 = (1 << POSITION_BITS) - 1;
const _: () = assert!(5 + 3 + 2 * IN_A_WORD == crate::words::tagged::PAYLOAD_BITS);
const _: () = assert!(7 + POSITION_BITS == crate::words::tagged::PAYLOAD_BITS);

impl Pack for Bits {
    fn pack(self) -> u64 {
        Fields::of(0)
            .put(5, self.fill)
            .put(3, self.truth.0)
            .put(IN_A_WORD, self.failed)
            .put(IN_A_WORD, self.slow)
            .bits()
    }

    fn unpack(payload: u64) -> Bits {
        let mut fields = Fields::of(payload);
        Bits {
            fill: fields.take(5),
            truth: Truth(fields.take(3)),
            failed: fields.take(IN_A_WORD),
            slow: fields.take(IN_A_WORD),
        }
    }
}

impl Bits {
    fn counts(self) -> Counts {
        Counts::new(
            self.fill,
            u64::from(self.failed.count_ones()),
            u64::from(self.slow.count_ones()),
        )
    }
}

impl Pack for Tail {
    fn pack(self) -> u64 {
        Fields::of(0)
            .put_flag(self.full)
            .put_flag(self.failed)
            .put_flag(self.slow)
            .put_flag(self.clean)
            .put(3, self.truth.0)
            .put(POSITION_BITS, self.position & POSITION)
            .bits()
    }

    fn unpack(payload: u64) -> Tail {
        let mut fields = Fields::of(payload);
        Tail {
            full: fields.take_flag(),
            failed: fields.take_flag(),
            slow: fields.take_flag(),
            clean: fields.take_flag(),
            truth: Truth(fields.take(3)),
            position: fields.take(POSITION_BITS),
        }
    }
}

fn bits_of(word: Tagged<Version>) -> Bits {
    Bits::unpack(word.payload())
}

fn tail_of(word: Tagged<Version>) -> Tail {
    Tail::unpack(word.payload())
}

#[derive(Debug)]
struct Ring {
    cells: Box<[Word]>,
    /// The position at which the current period began; it only rises. Only read while the window is
    /// not full.
    start: Word,
    /// Bits of each of a cell's two counts: enough for differences up to `n`.
    count_bits: u32,
    tag_bits: u32,
}

/// Cumulative failed and slow, modulo 2^count_bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Sums {
    failed: u64,
    slow: u64,
}

impl Ring {
    fn new(size: u32) -> Ring {
        let count_bits = u32::BITS - size.leading_zeros();
        Ring {
            // the window's base, its outcomes, and the one that is pending
            cells: (0..(u64::from(size) + 2).next_power_of_two())
                .map(|_| Word::new(0))
                .collect(),
            start: Word::new(0),
            count_bits,
            tag_bits: POSITION_BITS.min(u64::BITS - 2 * count_bits),
        }
    }

    fn cell(&self, position: u64) -> &Word {
        &self.cells[(position & (self.cells.len() as u64 - 1)) as usize]
    }

    fn pack(&self, position: u64, sums: Sums) -> u64 {
        let mask = (1 << self.count_bits) - 1;
        let tag = position & ((1 << self.tag_bits) - 1);
        tag | (sums.failed & mask) << self.tag_bits
            | (sums.slow & mask) << (self.tag_bits + self.count_bits)
    }

    /// The sums at that position, if the cell is complete and still that position's.
    fn sums(&self, position: u64) -> Option<Sums> {
        let cell = self.cell(position).load();
        let mask = (1 << self.count_bits) - 1;
        ((cell ^ position) & ((1 << self.tag_bits) - 1) == 0).then_some(Sums {
            failed: cell >> self.tag_bits & mask,
            slow: cell >> (self.tag_bits + self.count_bits) & mask,
        })
    }

    /// The sums at the tail, its pending outcome included.
    fn sums_at(&self, tail: Tail) -> Option<Sums> {
        if let Some(sums) = self.sums(tail.position) {
            return Some(sums);
        }
        let before = self.sums(tail.position.wrapping_sub(1) & POSITION)?;
        Some(Sums {
            failed: before.failed + u64::from(tail.failed),
            slow: before.slow + u64::from(tail.slow),
        })
    }

    fn length(&self, tail: Tail, size: u64) -> u64 {
        if tail.full {
            return size;
        }
        let start = self.start.load();
        (tail.position.wrapping_sub(start) & POSITION).min(size)
    }

    fn counts(&self, calls: u64, at: Sums, base: Sums) -> Counts {
        let mask = (1 << self.count_bits) - 1;
        Counts::new(
            calls,
            at.failed.wrapping_sub(base.failed) & mask,
            at.slow.wrapping_sub(base.slow) & mask,
        )
    }
}

/// What an outcome found when it was recorded.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Judged {
    /// True now, and true at the outcome before.
    pub(crate) truth: Truth,
    pub(crate) was: Truth,
}

impl CountWindow {
    pub(crate) fn new(size: u32) -> CountWindow {
        CountWindow {
            size: u64::from(size),
            word: Word::default(),
            ring: (size > IN_A_WORD).then(|| Ring::new(size)),
        }
    }

    /// Records the first outcomes, as failed and slow, in their order, before another thread has
    /// the window. The rules that were `true` stay so while the window holds a failure or a slow
    /// call.
    pub(crate) fn land_all(&self, outcomes: &[(bool, bool)], truth: Truth) {
        for (failed, slow) in outcomes {
            let landed = self.try_count(Version::default(), *failed, *slow, |counts| {
                if counts.failures | counts.slow == 0 {
                    Truth::default()
                } else {
                    truth
                }
            });
            debug_assert!(landed.is_some(), "no other thread has the window");
        }
    }

    /// Counts one outcome, if the word still has this version.
    pub(crate) fn try_count(
        &self,
        version: Version,
        failed: bool,
        slow: bool,
        judge: impl Fn(Counts) -> Truth,
    ) -> Option<Judged> {
        loop {
            // Another recorder may take the word after this load. Everything below is computed from
            // this value, and the exchange expects it.
            let word = self.word.load();
            if !word.has(version) {
                return None;
            }
            // One more success would leave a clean window as it is, so this one is counted by
            // having looked. If a failure lands after this load, this success came before it.
            if !failed && !slow && self.is_clean(word) {
                return Some(Judged::default());
            }
            // the pending cell is another recorder's, or the tail has moved on: look again
            let Some((next, judged)) = self.next(word, failed, slow, &judge) else {
                continue;
            };
            // The outcome takes its place in the order here, together with its judgement. An update
            // that freezes the word changes its tag first, and then this fails.
            if self.word.cas(word, Tagged::new(version, next)).is_ok() {
                return Some(judged);
            }
        }
    }

    /// Full, and nothing in it is failed or slow (so no rule is true).
    fn is_clean(&self, word: Tagged<Version>) -> bool {
        match self.ring {
            None => word.payload() == self.size,
            Some(_) => tail_of(word).clean,
        }
    }

    fn next(
        &self,
        word: Tagged<Version>,
        failed: bool,
        slow: bool,
        judge: &impl Fn(Counts) -> Truth,
    ) -> Option<(u64, Judged)> {
        let Some(ring) = &self.ring else {
            let bits = bits_of(word);
            let mask = (1 << self.size) - 1;
            let mut next = Bits {
                fill: (bits.fill + 1).min(self.size),
                failed: (bits.failed << 1 | u64::from(failed)) & mask,
                slow: (bits.slow << 1 | u64::from(slow)) & mask,
                ..bits
            };
            next.truth = judge(next.counts());
            return Some((
                next.pack(),
                Judged {
                    truth: next.truth,
                    was: bits.truth,
                },
            ));
        };
        let tail = tail_of(word);
        // The cell of the last outcome may be pending, if the recorder that took the position has
        // stopped. It is completed before the next position is taken, so at most one cell is
        // pending.
        let at = self.complete(ring, word, tail)?;
        let calls = (ring.length(tail, self.size) + 1).min(self.size);
        // The cell before the window. Others may overwrite it if they are more than a lap ahead:
        // then its tag differs, the tail has moved on, and the caller looks again.
        let base = ring.sums((tail.position + 1).wrapping_sub(calls) & POSITION)?;
        let then = Sums {
            failed: at.failed + u64::from(failed),
            slow: at.slow + u64::from(slow),
        };
        let counts = ring.counts(calls, then, base);
        let truth = judge(counts);
        let full = calls == self.size;
        let next = Tail {
            full,
            failed,
            slow,
            clean: full && counts.failures | counts.slow == 0,
            truth,
            position: tail.position + 1,
        };
        Some((
            next.pack(),
            Judged {
                truth,
                was: tail.truth,
            },
        ))
    }

    /// Sees to it that the tail's cell is complete. Between reading the tail and the exchange other
    /// threads may complete it and go on; then the cell has changed, and the exchange fails.
    fn complete(&self, ring: &Ring, word: Tagged<Version>, tail: Tail) -> Option<Sums> {
        let cell = ring.cell(tail.position);
        let is = cell.load();
        if let Some(sums) = ring.sums(tail.position) {
            return Some(sums);
        }
        let sums = ring.sums_at(tail)?;
        // After the sums were read: if the tail is still this one, they belong to it, and no
        // recorder has gone a lap further.
        if self.word.load() != word {
            return None;
        }
        // Several recorders may complete the cell at once, all with the same content, and the first
        // exchange does it. One that slept finds the cell changed, and its exchange fails.
        let _ = cell.cas(is, ring.pack(tail.position, sums));
        ring.sums(tail.position)
    }

    /// The window as that word of ours has it; `None` if it is no longer ours.
    pub(crate) fn counts(&self, word: Tagged<Version>) -> Option<Counts> {
        let Some(ring) = &self.ring else {
            return Some(bits_of(word).counts());
        };
        let tail = tail_of(word);
        let calls = ring.length(tail, self.size);
        let at = ring.sums_at(tail)?;
        let base = if calls == 0 {
            at
        } else {
            ring.sums(tail.position.wrapping_sub(calls) & POSITION)?
        };
        Some(ring.counts(calls, at, base))
    }

    /// Returns where a fresh period begins, for the word that an update froze: its start, and the
    /// word itself. Returns the same for the word that it returned.
    pub(crate) fn fresh(&self, frozen: Tagged<Version>) -> (Option<(&Word, u64)>, u64) {
        match &self.ring {
            None => (None, 0),
            Some(ring) => {
                let tail = tail_of(frozen);
                let begun = Tail {
                    full: false,
                    clean: false,
                    truth: Truth::default(),
                    ..tail
                };
                (Some((&ring.start, tail.position)), begun.pack())
            }
        }
    }
}

/// For a state that is saved.
#[cfg(feature = "persist")]
impl CountWindow {
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// The rules that were true at the outcome that wrote the word.
    pub(crate) fn truth(&self, word: Tagged<Version>) -> Truth {
        match self.ring {
            None => bits_of(word).truth,
            Some(_) => tail_of(word).truth,
        }
    }

    /// The outcomes that the window holds by that word, oldest first, as failed and slow. Recorders
    /// go on meanwhile; the oldest, if they have been overwritten, are left out.
    pub(crate) fn outcomes(&self, word: Tagged<Version>) -> Vec<(bool, bool)> {
        let mut outcomes = Vec::new();
        let Some(ring) = &self.ring else {
            let bits = bits_of(word);
            let bit = |bits: u64, n: u64| bits >> n & 1 == 1;
            outcomes.extend(
                (0..bits.fill)
                    .rev()
                    .map(|n| (bit(bits.failed, n), bit(bits.slow, n))),
            );
            return outcomes;
        };
        let tail = tail_of(word);
        let (mut position, mut at) = (tail.position, ring.sums_at(tail));
        // the latest first: what is overwritten meanwhile is the oldest
        for _ in 0..ring.length(tail, self.size) {
            position = position.wrapping_sub(1) & POSITION;
            // Recorders go on while this reads, and overwrite the oldest cells first. A cell that
            // is overwritten has another position's tag, and ends the list.
            let before = ring.sums(position);
            let (Some(then), Some(base)) = (at, before) else {
                break;
            };
            let one = ring.counts(1, then, base);
            outcomes.push((one.failures != 0, one.slow != 0));
            at = before;
        }
        outcomes.reverse();
        outcomes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Against the last `n` of a list.
        #[test]
        fn the_window_is_that_of_a_list(size in 1u32..70, outcomes in prop::collection::vec(any::<(bool, bool)>(), 0..400)) {
            let w = CountWindow::new(size);
            for i in 0..outcomes.len() {
                let (failed, slow) = outcomes[i];
                let last = &outcomes[(i + 1).saturating_sub(size as usize)..=i];
                let expected = Counts::new(last.len() as u64, last.iter().filter(|o| o.0).count() as u64, last.iter().filter(|o| o.1).count() as u64);
                let odd = |t: Counts| Truth(t.failures % 2);
                let judged = w.try_count(Version(0), failed, slow, |t| { assert_eq!(t, expected); odd(t) });
                prop_assert_eq!(judged.map(|j| j.truth), Some(odd(expected)));
                prop_assert_eq!(w.counts(w.word.load()), Some(expected));
                #[cfg(feature = "persist")]
                {
                    prop_assert_eq!(w.outcomes(w.word.load()), last);
                    prop_assert_eq!(w.truth(w.word.load()), odd(expected));
                }
            }
        }

        #[test]
        fn payloads_give_back_their_fields(payload in 0..=crate::words::tagged::PAYLOAD_MAX) {
            prop_assert_eq!(Bits::unpack(payload).pack(), payload);
            prop_assert_eq!(Tail::unpack(payload).pack(), payload);
        }
    }

    /// However many successes a clean window sees, the next failure is the one in its last `n`.
    #[test]
    fn a_clean_window_stays_as_it_is() {
        for size in [5, 50] {
            let w = CountWindow::new(size);
            let land = |failed| {
                w.try_count(Version(0), failed, false, |t| {
                    Truth(u64::from(t.failures > 0))
                })
            };
            (0..size + 1).for_each(|_| assert!(land(false).is_some()));
            let clean = w.word.load();
            (0..3 * size).for_each(|_| assert!(land(false).is_some()));
            assert_eq!(w.word.load(), clean, "{size}");
            assert_eq!(land(true).map(|j| j.truth), Some(Truth(1)));
            for n in 1..=size {
                let judged = land(false);
                assert_eq!(judged.map(|j| j.truth.any()), Some(n < size), "{n}");
            }
            let calls = || w.counts(w.word.load()).map(|t| (t.calls, t.failures));
            assert_eq!(calls(), Some((u64::from(size), 0)));

            // and of another period it says nothing
            land(false);
            let (start, begun) = w.fresh(w.word.load());
            if let Some((word, position)) = start {
                word.store(position);
            }
            w.word.store(Tagged::new(Version(0), begun));
            assert_eq!(calls(), Some((0, 0)));
            land(false);
            assert_eq!(calls(), Some((1, 0)));
        }
    }

    /// The tail's position starts just below its wrap.
    #[test]
    fn the_position_wraps_without_harm() {
        let w = CountWindow::new(20);
        // far enough for each cell to have been another position's before
        let begin = POSITION - 40;
        let tail = Tail {
            full: false,
            failed: false,
            slow: false,
            clean: false,
            truth: Truth::default(),
            position: begin,
        };
        let Some(ring) = &w.ring else {
            unreachable!("more than a word holds")
        };
        w.word.store(Tagged::new(Version(0), tail.pack()));
        ring.start.store(begin);
        ring.cell(begin).store(ring.pack(
            begin,
            Sums {
                failed: 31,
                slow: 31,
            },
        ));
        for i in 0..200u64 {
            let last = |n: u64| (i + 1).min(20).min(n);
            let seen = w.try_count(Version(0), i % 2 == 0, false, |t| {
                assert_eq!(t.calls, last(20));
                assert!(t.failures.abs_diff(t.calls / 2) <= 1);
                Truth::default()
            });
            assert!(seen.is_some());
        }
    }

    #[test]
    fn a_fresh_period_begins_empty() {
        for size in [5, 50] {
            let w = CountWindow::new(size);
            for _ in 0..80 {
                assert!(w.try_count(Version(0), true, true, |_| Truth(1)).is_some());
            }
            let frozen = w.word.load().retag(Version(1));
            w.word.store(frozen);
            let (start, begun) = w.fresh(frozen);
            if let Some((word, position)) = start {
                word.store(position);
            }
            w.word.store(Tagged::new(Version(1), begun));
            assert!(
                w.try_count(Version(0), true, true, |_| Truth(0)).is_none(),
                "an earlier version's"
            );
            let judged = w.try_count(Version(1), true, false, |t| {
                assert_eq!(t, Counts::new(1, 1, 0));
                Truth(0)
            });
            assert_eq!(judged.map(|j| j.was), Some(Truth(0)));
        }
    }
}
