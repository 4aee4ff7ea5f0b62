//! Sums over the stripes, of counts that go on: each is true of some moment of the reading.

use crate::engine::adaptive::AdaptiveWords;
use crate::engine::state::Core;
use crate::engine::window::Shape;
use crate::engine::window::class::{CLASSES, Class, counts_of};
use crate::sync::atomic::Counter;
use crate::sync::pack::Pack;
#[cfg(feature = "insight")]
use crate::words::outcome::Rejections;
use crate::words::tagged::{PAYLOAD_BITS, extend, since};

/// Totals since the breaker was built. A restored breaker continues those of the saved one. They
/// never go down.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Totals {
    /// Successes, probes included.
    pub successes: u64,
    /// Failures, probes included.
    pub failures: u64,
    /// Successes and failures that lasted longer than the slow limit.
    pub slow: u64,
    /// Calls that were not admitted.
    pub rejected: u64,
    /// Permits that ended in a later generation than the one that admitted them.
    pub late: u64,
    /// Calls that ended as [`Outcome::Ignored`](crate::Outcome::Ignored).
    pub ignored: u64,
    /// Permits that were dropped, unless [`OnCancel`](crate::OnCancel) counts them as failures.
    pub cancelled: u64,
}

impl Core {
    /// The stripes' counts by class: modulo 2^40 where they are tagged.
    pub(crate) fn class_counts(&self) -> [u64; CLASSES] {
        let mut classes = [0u64; CLASSES];
        let tagged = self.head.window.tagged_classes(true);
        for stripe in self.stripes.all() {
            for (i, (sum, word)) in classes.iter_mut().zip(&stripe.counts).enumerate() {
                let word = word.load();
                let count = if i < tagged {
                    word.payload()
                } else {
                    word.pack()
                };
                *sum = sum.wrapping_add(count);
            }
        }
        // Local handles go on storing. Their counts are read one after the other, as those of the
        // stripes are.
        for owned in self.stripes.owned() {
            let sum = &mut classes[Class::FastSuccess as usize];
            *sum = sum.wrapping_add(owned.count.load());
        }
        classes
    }

    /// How many of the classes updates freeze: that of lenient failures only where the words are in which updates find
    /// what those count for. Until then none lands.
    #[inline(always)]
    pub(crate) fn tagged_classes(&self) -> usize {
        // One helper may see the words and another not. Nothing lands in the class before all helpers of an update see
        // them, so it is empty, and the one that freezes it writes a tag and no count.
        let lenient = self.adaptive.get().is_some();
        self.head.window.tagged_classes(lenient)
    }

    /// Calls that ended as ignored.
    pub(crate) fn ignored(&self) -> u64 {
        let all = self.stripes.all().map(|stripe| &stripe.side.ignored);
        all.map(Counter::get).sum()
    }

    /// Whether nothing has ended since the tick began, by counts that go on.
    pub(crate) fn is_silent(&self, words: &AdaptiveWords) -> bool {
        counts_of(&self.class_counts()).calls == words.calls.load().payload()
            && since(self.ignored(), words.ignored.load().payload()) == 0
    }

    /// Failures of all kinds.
    fn kinds(&self) -> u64 {
        let all = self.stripes.all().flat_map(|stripe| &stripe.side.kinds);
        all.map(Counter::get).sum()
    }

    pub(crate) fn totals(&self, rejected: u64) -> Totals {
        let mut classes = [0u64; CLASSES];
        // the long counts first: they are what earlier frozen counts had, so never more than the sums
        let long: [u64; CLASSES] = core::array::from_fn(|i| self.ledger.lifetime[i].load());
        let counts = self.class_counts();
        let tagged = self.head.window.tagged_classes(true);
        for (i, class) in classes.iter_mut().enumerate() {
            let stripes = if i < tagged {
                extend(long[i], counts[i], 1 << PAYLOAD_BITS)
            } else {
                counts[i]
            };
            // probes count wholly
            let probes = self.probing.results.get(i);
            *class = stripes.wrapping_add(probes.map_or(0, Counter::get));
        }
        let of = |class: Class| classes[class as usize];
        let mut totals = Totals {
            successes: of(Class::FastSuccess) + of(Class::SlowSuccess),
            failures: match self.head.window {
                Shape::Time(_) => {
                    let whole = of(Class::FastFailure) + of(Class::SlowFailure);
                    whole + of(Class::LenientFailure)
                }
                // Each has its kind, and the class has the number of those without. A probe's kind follows it: a
                // slow failure that is there already is a failure.
                Shape::Count(_) => counts[Class::FastFailure as usize]
                    .wrapping_add(self.kinds())
                    .max(of(Class::SlowFailure)),
            },
            slow: of(Class::SlowSuccess) + of(Class::SlowFailure),
            rejected,
            ..Totals::default()
        };
        for stripe in self.stripes.all() {
            totals.late += stripe.side.late.get();
            totals.ignored += stripe.side.ignored.get();
            totals.cancelled += stripe.side.cancelled.get();
        }
        totals
    }

    /// Calls that were rejected so far, by the state that rejected.
    #[cfg(feature = "insight")]
    pub(crate) fn rejections_by_state(&self) -> Rejections {
        let mut sums = [0; Rejections::SLOTS];
        for stripe in self.stripes.all() {
            for (sum, one) in sums.iter_mut().zip(&stripe.side.rejected) {
                *sum += one.get();
            }
        }
        Rejections::of_slots(sums)
    }

    /// Calls that were rejected so far, in every state.
    pub(crate) fn rejections(&self) -> u64 {
        let all = self.stripes.all().flat_map(|stripe| &stripe.side.rejected);
        all.map(Counter::get).sum()
    }
}
