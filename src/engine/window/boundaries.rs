//! The boundaries: the cumulative counts at the start of each live epoch.
//!
//! Who writes: updates, from the frozen counts: each boundary once for its epoch, and that of the epoch in which
//! a period begins once more. Who reads: updates and snapshots.
//!
//! A period that counts begins with an empty window: all epochs up to the one in which it begins start with
//! the counts of that moment. That epoch's slot alone has them, and `begun_in` says which one it is. A later
//! epoch overwrites the slot when none of those epochs is live any more.
//!
//! The slot of epoch `e` is `e % (n + 1)`: the `n` live epochs, and the one
//! before them, so that the epoch that has just left the window can still be reported to a
//! listener.
//!
//! Epochs are numbered from `n`, so that each slot has one from the start.
//!
//! *Wrap-around.* A boundary's tag is its epoch modulo 2^24. A slot is read only for an epoch of the period, or
//! the one in which it began. An update has written the slot for that epoch, or for one that is `n + 1` before
//! or after, and `n` is at most 3600.

use crate::sync::atomic::Word;
use crate::words::outcome::Counts;
use crate::words::tagged::{EpochNumber, Tagged};
use alloc::boxed::Box;

/// The longest tick, in nanoseconds.
const TICK: u64 = 20_000_000;

/// Counts at the start of an epoch, tagged with it.
#[derive(Debug, Default)]
pub(crate) struct Boundary {
    pub(crate) calls: Word<Tagged<EpochNumber>>,
    pub(crate) failures: Word<Tagged<EpochNumber>>,
    pub(crate) slow: Word<Tagged<EpochNumber>>,
}

#[derive(Debug)]
pub(crate) struct Boundaries {
    slots: Box<[Boundary]>,
    /// The epoch in which the period began, in full. It only rises.
    pub(crate) begun_in: Word,
    /// Of a bucket, in nanoseconds.
    width: u64,
    /// Of a tick, a part of a bucket, in nanoseconds.
    tick: u64,
    /// The first epoch that was counted from its start.
    first_whole: u64,
    /// The clock when built: the start of the first epoch. Modulo 2^64, for the epoch that was under
    /// way in a restored window may have begun before the clock did.
    origin: u64,
}

impl Boundary {
    /// Each word, and what it is to hold of those counts.
    pub(crate) fn words(&self, at: Counts) -> [(&Word<Tagged<EpochNumber>>, u64); 3] {
        [
            (&self.calls, at.calls),
            (&self.failures, at.failures),
            (&self.slow, at.slow),
        ]
    }
}

impl Boundaries {
    /// `starts`: the counts at the start of each live epoch, oldest first; all zero if it is empty. A tick
    /// is never shorter than `finest`.
    pub(crate) fn new(
        buckets: u32,
        width: u64,
        finest: u64,
        origin: u64,
        starts: &[Counts],
    ) -> Boundaries {
        let at = |epoch: u64| {
            let live = epoch.checked_sub(1).and_then(|n| starts.get(n as usize));
            let counts = live.copied().unwrap_or_default();
            let word = |count: u64| Word::new(Tagged::new(EpochNumber(epoch), count));
            Boundary {
                calls: word(counts.calls),
                failures: word(counts.failures),
                slow: word(counts.slow),
            }
        };
        Boundaries {
            slots: (0..=u64::from(buckets)).map(at).collect(),
            begun_in: Word::new(0),
            width,
            tick: width.div_ceil(width.div_ceil(TICK).max(1)).max(finest),
            // what is restored has begun before
            first_whole: u64::from(buckets) + u64::from(!starts.is_empty()),
            origin,
        }
    }

    /// The number of live epochs.
    pub(crate) fn buckets(&self) -> u64 {
        self.slots.len() as u64 - 1
    }

    /// The time since the first epoch began; zero before that.
    fn since_origin(&self, time: u64) -> u64 {
        // no clock comes near 2^63 (`ManualClock` stops at 2^62): what looks as if it were beyond is
        // before the origin
        time.wrapping_sub(self.origin).cast_signed().max(0) as u64
    }

    /// Whether a time comes before the end of an epoch.
    pub(crate) fn is_before(&self, time: u64, end: u64) -> bool {
        self.since_origin(time) < self.since_origin(end)
    }

    #[inline(always)]
    pub(crate) fn epoch_at(&self, time: u64) -> u64 {
        self.since_origin(time) / self.width + self.buckets()
    }

    /// Returns when the tick of that time ends, which is in that epoch. The last one ends with the epoch.
    pub(crate) fn tick_end(&self, epoch: u64, time: u64) -> u64 {
        let number = epoch - self.buckets();
        let start = number.saturating_mul(self.width);
        let into = self.since_origin(time).saturating_sub(start);
        let end = start.saturating_add((into / self.tick + 1).saturating_mul(self.tick));
        self.origin.wrapping_add(end).min(self.end_of(epoch))
    }

    /// Returns when the tick of that time began.
    pub(crate) fn tick_start(&self, time: u64) -> u64 {
        let since = self.since_origin(time);
        let into = since % self.width;
        self.origin.wrapping_add(since - into % self.tick)
    }

    /// Returns the first epoch of the present period that was counted from its start.
    pub(crate) fn first_whole(&self) -> u64 {
        self.first_whole.max(self.begun_in.load() + 1)
    }

    /// Returns when that epoch ends.
    pub(crate) fn end_of(&self, epoch: u64) -> u64 {
        let number = epoch + 1 - self.buckets();
        self.origin.wrapping_add(number.saturating_mul(self.width))
    }

    /// Returns when that epoch began; epochs before the first began with it.
    #[cfg(any(feature = "std", test))]
    pub(crate) fn start_of(&self, epoch: u64) -> u64 {
        let number = epoch.saturating_sub(self.buckets());
        let start = self.origin.wrapping_add(number.saturating_mul(self.width));
        // nothing is reported as earlier than the clock's beginning
        start.cast_signed().max(0) as u64
    }

    /// A bucket's, in nanoseconds.
    pub(crate) fn width(&self) -> u64 {
        self.width
    }

    /// Returns how much of that epoch is over at that time; zero before its start.
    #[cfg(feature = "persist")]
    pub(crate) fn elapsed_of(&self, epoch: u64, time: u64) -> u64 {
        let start = epoch
            .saturating_sub(self.buckets())
            .saturating_mul(self.width);
        self.since_origin(time).saturating_sub(start)
    }

    /// The epoch that ends then, or in which a tick ends then.
    #[inline(always)]
    pub(crate) fn ending_at(&self, period_end: u64) -> u64 {
        // every period has at least a nanosecond
        self.epoch_at(period_end.wrapping_sub(1))
    }

    /// Returns the oldest epoch that is live during that one.
    pub(crate) fn oldest(&self, epoch: u64) -> u64 {
        epoch + 1 - self.buckets()
    }

    pub(crate) fn slot(&self, epoch: u64) -> &Boundary {
        &self.slots[(epoch % self.slots.len() as u64) as usize]
    }

    /// Returns the counts at that epoch's start, if the slot is still (or already) that epoch's.
    #[inline(always)]
    pub(crate) fn at(&self, epoch: u64) -> Option<Counts> {
        // Three loads, while an update may replace the slot. The tag of each word is compared with the epoch, so
        // boundaries of two epochs are never mixed. A transition that begins a period in the same epoch may be
        // read half-way: who reads then finds that control has moved on.
        let epoch = epoch.max(self.begun_in.load());
        let slot = self.slot(epoch);
        let epoch = EpochNumber(epoch);
        Some(Counts::new(
            slot.calls.load().of(epoch)?,
            slot.failures.load().of(epoch)?,
            slot.slow.load().of(epoch)?,
        ))
    }
}

#[cfg(test)]
mod tests;
