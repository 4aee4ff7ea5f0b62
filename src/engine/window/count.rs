//! The exact window over the last `n` outcomes.
//!
//! *The order.* A fast success lands in its stripe, as under a time window, and writes nothing else.
//! Every other outcome is *logged*: it lands by one exchange on a word that these outcomes share, the
//! *log*, and is given a position there: one more than all outcomes before it. An outcome that is logged
//! is an *entry*. It reads the log, sums up the stripes' successes, and exchanges the log from what it
//! read. Between the two no other entry landed. And the successes, a sum of counts that rise by one at a
//! time, have passed through that very sum at some instant between the two looks. At that instant the
//! entry is ordered: after exactly those successes, and exactly the entries before it. The instant is
//! within its call, so the order is one that the calls can have had.
//!
//! (With loads that may be older: each entry has acquired the log from the one before it, and so sees in
//! each stripe no fewer successes than that one saw. A success that an entry does not count has not
//! happened before it, and one that it counts has not happened after it, since the load synchronises
//! with the exchange by which the success landed. So the order agrees with everything that a thread can
//! know of another.)
//!
//! *Judging.* Each entry knows its window exactly, and judges itself before its exchange, so that the
//! judgement lands with it. An unlogged success is not judged, and must not have to be: it may only
//! come where no rule is true, and where it cannot make one true. Where it could (before there are
//! `min_throughput` calls), or where a rule is true, control is *armed*, and successes are logged as
//! well. That is decided by updates, from the frozen window. An entry that would make a rule true first
//! asks for such an update, and lands where control is armed: so no unlogged success comes after it.
//!
//! *Allowance.* An entry that has judged itself writes into the log how many further ones cannot make a
//! rule true, whatever they are and however many successes come between. Those need no look at the
//! window.
//!
//! *The ring* has a cell for each of the last entries: its position, and the failed and slow entries up
//! to it. Positions rise, so that the oldest entry of a window is found by halving. The last entry's
//! class and position are in the log, and the next entry's thread completes its cell (helping), so that
//! a thread that stops after its exchange delays no other.
//!
//! *Updates* freeze the stripes and the log, and write what the window holds at the cut into three words
//! of their version, from which everything in the log is counted. Records of the version find them
//! there; helpers that come late find them written. An update between two states in which nothing is
//! counted leaves all of that as it is.

use crate::engine::policy::{Judgement, Truth};
use crate::engine::window::class::Class;
use crate::engine::window::log::{Cells, FARTHEST, Holds, Log, MOST_ENTRIES, Marks};
use crate::engine::window::stripes::Stripes;
use crate::sync::atomic::Word;
use crate::words::outcome::Counts;
use crate::words::tagged::{PAYLOAD_MAX, Tagged, Version, since};
use alloc::boxed::Box;
#[cfg(feature = "persist")]
use alloc::vec::Vec;

/// One for the cell before the oldest entry, and one for each entry that may land while a reader looks at
/// a window full of them. The models have short laps.
const SLACK: u64 = if cfg!(any(tripcoil_loom, tripcoil_shuttle, tripcoil_step)) {
    1
} else {
    64
};

/// In a row: an entry reads the first three.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct CountWindow {
    pub(crate) log: Word<Tagged<Version, Log>>,
    /// The position, that is all outcomes, at the cut of the version.
    pub(crate) at: Word<Tagged<Version>>,
    /// The entries at the cut.
    pub(crate) entries: Word<Tagged<Version>>,
    /// What the window held at the cut.
    pub(crate) holds: Word<Tagged<Version, Holds>>,
    /// As many as the window can hold entries, and `SLACK` more.
    ring: Box<[Word]>,
    cells: Cells,
    size: u64,
}

/// What an update found, from which the log counts.
#[derive(Clone, Copy, Debug)]
struct Cut {
    at: u64,
    entries: u64,
    holds: Holds,
}

/// The last entry at some moment: its index, and the marks up to it.
#[derive(Clone, Copy)]
struct Last {
    index: u64,
    marks: Marks,
    /// Its position from the cut, where its cell may not be complete.
    pending: Option<u64>,
}

/// What the window held when an update froze it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AtCut {
    /// All outcomes, and the entries among them.
    pub(crate) position: u64,
    pub(crate) entries: u64,
    pub(crate) holds: Holds,
    pub(crate) counts: Counts,
    /// The rules that were true at the last entry.
    pub(crate) truth: Truth,
}

/// What an entry found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Judged {
    /// True at it, and true at the outcome before.
    pub(crate) truth: Truth,
    pub(crate) was: Truth,
    /// It has looked, and successes need not be logged from here on.
    pub(crate) disarms: bool,
}

/// What became of an outcome that was to be logged.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Entry {
    Landed(Judged),
    /// An update has to come first: the log has no room for another entry, or none so far from the cut.
    Full,
    /// It would make a rule true: control has to be armed first.
    Unarmed,
    /// An update has come between.
    Over,
}

impl CountWindow {
    /// With these outcomes, as failed and slow, oldest first, after so many unlogged successes.
    pub(crate) fn new(
        size: u32,
        successes: u64,
        outcomes: &[(bool, bool)],
        truth: Truth,
    ) -> CountWindow {
        let cells = Cells::new(size);
        let ring: Box<[Word]> = (0..(u64::from(size) + SLACK).next_power_of_two())
            .map(|_| Word::new(0))
            .collect();
        let logged = |outcome: &&(bool, bool)| outcome.0 || outcome.1;
        let entries = outcomes.iter().filter(logged).count() as u64;
        // the successes among these outcomes are among the successes before, if those are not fewer
        let at = successes.wrapping_add(entries) & PAYLOAD_MAX;
        let calls = outcomes.len() as u64;
        let (mut index, mut marks) = (0, Marks::default());
        for (n, (failed, slow)) in outcomes.iter().enumerate() {
            if *failed || *slow {
                index += 1;
                marks = marks.and(*failed, *slow);
                let position = at.wrapping_sub(calls).wrapping_add(n as u64 + 1);
                ring[index as usize].store(cells.pack(position, marks));
            }
        }
        let truth = if entries == 0 {
            Truth::default()
        } else {
            truth
        };
        let first = Version::default();
        CountWindow {
            log: Word::new(Tagged::new(first, Log::begun(truth))),
            at: Word::new(Tagged::new(first, at)),
            entries: Word::new(Tagged::new(first, entries)),
            holds: Word::new(Tagged::new(first, Holds { calls, entries })),
            ring,
            cells,
            size: u64::from(size),
        }
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    pub(crate) fn cell(&self, index: u64) -> &Word {
        &self.ring[(index & (self.ring.len() as u64 - 1)) as usize]
    }

    fn marks(&self, index: u64) -> Marks {
        self.cells.marks(self.cell(index).load())
    }

    /// Logs an outcome, if the log still has this version. `of` is the number of stripes then, and
    /// `armed` says whether successes are logged too.
    #[inline]
    pub(crate) fn try_log(
        &self,
        version: Version,
        class: Class,
        (stripes, of): (&Stripes, usize),
        armed: bool,
        judge: impl Fn(Counts) -> Judgement,
    ) -> Entry {
        loop {
            // Other entries may land after this load, or an update may freeze the log. Everything
            // below is computed from this value, and the exchange expects it. It is never the log's
            // value again: positions rise, and the next version has another tag.
            let word = self.log.load();
            // Of this version as a whole, or an update has begun to replace them. One that replaces
            // them after these loads has frozen the log before.
            let (Some(log), Some(at), Some(entries)) = (
                word.of(version),
                self.at.load().of(version),
                self.entries.load().of(version),
            ) else {
                return Entry::Over;
            };
            let index = entries.wrapping_add(log.entries);
            // The last entry's thread may have stopped after its exchange. Its cell is completed
            // before the next entry lands, so at most one is pending.
            let Some(marks) = self.complete(word, at, index) else {
                continue;
            };
            // The stripes one after the other, while successes land in them. If the exchange below
            // succeeds, no entry landed meanwhile, and the successes passed through this sum. It is of no
            // use after a failed exchange: the entry that landed may have seen successes that it lacks.
            let successes = stripes.fast_successes(of);
            let position = index.wrapping_add(1).wrapping_add(successes);
            let offset = since(position, at);
            if log.entries == MOST_ENTRIES || offset > FARTHEST {
                // If an update has come between, the sum has successes of another version.
                if self.log.load() != word {
                    continue;
                }
                return Entry::Full;
            }
            let (failed, slow) = (class.failed(), class.slow());
            let next = log.followed_by(failed, slow, offset);
            let (next, judged) = match log.within() {
                0 => {
                    let last = Last {
                        index,
                        marks,
                        pending: None,
                    };
                    // Others may overwrite the cells that this reads, if they are almost a lap
                    // ahead. Then the log has moved on, and the exchange fails.
                    self.look(log, offset, last, (failed, slow), next, &judge)
                }
                more => (
                    next.with_ahead(Truth::default(), more - 1),
                    Judged {
                        truth: Truth::default(),
                        was: Truth::default(),
                        disarms: false,
                    },
                ),
            };
            if judged.truth.any() && !armed {
                // A look at cells that others have overwritten meanwhile is none.
                if self.log.load() != word {
                    continue;
                }
                return Entry::Unarmed;
            }
            // The outcome takes its place in the order here, together with its judgement. An update
            // that freezes the log changes its tag first, and then this fails.
            if self.log.cas(word, Tagged::new(version, next)).is_ok() {
                return Entry::Landed(judged);
            }
        }
    }

    #[inline(never)]
    fn look(
        &self,
        log: Log,
        offset: u64,
        last: Last,
        (failed, slow): (bool, bool),
        next: Log,
        judge: &impl Fn(Counts) -> Judgement,
    ) -> (Log, Judged) {
        let cut = self.cut();
        let (holds, before) = self.held(&cut, log.entries, offset, last);
        let judgement = judge(Counts::new(
            holds.calls,
            before.failed + u64::from(failed),
            before.slow + u64::from(slow),
        ));
        let judged = Judged {
            truth: judgement.truth,
            // Where a rule is true, each outcome is an entry: so the last one was the outcome before.
            was: log.truth(),
            // Where each failure would trip, none is ever within: two successes in a row are enough.
            disarms: !judgement.arms
                && (judgement.within > 0 || ![failed, slow, log.failed, log.slow].contains(&true)),
        };
        (next.with_ahead(judgement.truth, judgement.within), judged)
    }

    /// Sees to it that the last entry's cell is complete, and returns the marks up to it. `None` if the
    /// log has moved on.
    #[inline]
    fn complete(&self, word: Tagged<Version, Log>, at: u64, index: u64) -> Option<Marks> {
        let log = word.payload();
        let cell = self.cell(index);
        let is = cell.load();
        if log.entries == 0 {
            // the update has completed it
            return Some(self.cells.marks(is));
        }
        let marks = self.marks(index.wrapping_sub(1)).and(log.failed, log.slow);
        let wanted = self.cells.pack(at.wrapping_add(log.offset), marks);
        if is != wanted {
            // After the marks were read: if the log is still this one, they are those of the entry
            // before, and no thread has gone a lap further.
            if self.log.load() != word {
                return None;
            }
            // Several threads may complete the cell at once, all with the same content, and the
            // first exchange does it. One that slept finds the cell changed, and its exchange fails.
            let _ = cell.cas(is, wanted);
        }
        Some(marks)
    }

    /// As the last update wrote it. Where another is writing, a mixture: the caller has to find that
    /// the log has moved on.
    fn cut(&self) -> Cut {
        Cut {
            at: self.at.load().payload(),
            entries: self.entries.load().payload(),
            holds: self.holds.load().payload(),
        }
    }

    /// What the window holds `offset` outcomes after the cut: of `entries` that have come since it, the
    /// last is `last`.
    fn held(&self, cut: &Cut, entries: u64, offset: u64, last: Last) -> (Holds, Marks) {
        let calls = cut.holds.calls.saturating_add(offset).min(self.size);
        // No others can be in it: these have come since, or were in it at the cut. So their cells are
        // not too old to be found by their positions.
        let most = cut.holds.entries.saturating_add(entries).min(calls);
        let is_held = |back: u64| {
            let of_cell = || {
                let cell = self.cell(last.index.wrapping_sub(back)).load();
                self.cells.offset(cell, cut.at)
            };
            let then = match last.pending {
                Some(offset) if back == 0 => offset.cast_signed(),
                _ => of_cell(),
            };
            offset.cast_signed() - then < calls.cast_signed()
        };
        // Older entries are farther back, so the first that is not held is found by halving. (What is
        // found is added and not branched on: half of the branches would be predicted wrongly.)
        let (mut held, mut left) = (0, most);
        while left > 0 {
            let half = left.div_ceil(2);
            held += half * u64::from(is_held(held + half - 1));
            left -= half;
        }
        let marks = if held == 0 {
            Marks::default()
        } else {
            let base = self.marks(last.index.wrapping_sub(held));
            self.cells.since(last.marks, base)
        };
        let entries = held;
        (Holds { calls, entries }, marks)
    }

    /// The last entry by that log, whose cell may be pending.
    fn last(&self, log: Log, cut: &Cut) -> Last {
        let index = cut.entries.wrapping_add(log.entries);
        if log.entries == 0 {
            let marks = self.marks(index);
            return Last {
                index,
                marks,
                pending: None,
            };
        }
        let marks = self.marks(index.wrapping_sub(1)).and(log.failed, log.slow);
        Last {
            index,
            marks,
            pending: Some(log.offset),
        }
    }
}

/// For an update, which has frozen the stripes and the log.
impl CountWindow {
    /// The cell of the last entry by that frozen log, and what it has to be. `None` where it is
    /// complete: for lack of an entry since the cut, or since another helper has gone on beyond this
    /// step.
    pub(crate) fn pending(&self, log: Log, version: Version) -> Option<(&Word, u64)> {
        let cut = self.cut();
        // Loaded after the others and written before them: if it is not yet this update's, neither
        // were they.
        if log.entries == 0 || self.holds.load().has(version) {
            return None;
        }
        let last = self.last(log, &cut);
        let position = cut.at.wrapping_add(log.offset);
        let cell = self.cells.pack(position, last.marks);
        Some((self.cell(last.index), cell))
    }

    /// What the window holds by that frozen log, whose last cell is complete. Where another helper has
    /// written the new cut meanwhile, it is not what the window holds, and not used: all that follows
    /// from it has been agreed.
    pub(crate) fn at_cut(&self, log: Log, successes: u64) -> AtCut {
        let cut = self.cut();
        let entries = cut.entries.wrapping_add(log.entries) & PAYLOAD_MAX;
        let position = entries.wrapping_add(successes) & PAYLOAD_MAX;
        let offset = since(position, cut.at);
        let last = Last {
            pending: None,
            ..self.last(log, &cut)
        };
        let (holds, marks) = self.held(&cut, log.entries, offset, last);
        AtCut {
            position,
            entries,
            holds,
            counts: Counts::new(holds.calls, marks.failed, marks.slow),
            truth: log.truth(),
        }
    }
}

/// For readers: a window that goes on meanwhile.
impl CountWindow {
    /// What it holds as it is built, before another thread has it.
    pub(crate) fn first(&self) -> Counts {
        let cut = self.cut();
        let successes = since(cut.at, cut.entries);
        self.at_cut(self.log.load().payload(), successes).counts
    }

    /// What it holds at some moment of this call; `None` if it has moved on meanwhile.
    pub(crate) fn now(&self, stripes: &Stripes) -> Option<Counts> {
        let reading = self.read(stripes)?;
        self.is_intact(&reading)?.then(|| reading.counts())
    }

    /// Whether no cell that was of use has been overwritten: the oldest is the one before the entries.
    fn is_intact(&self, reading: &Reading) -> Option<bool> {
        Some(reading.holds.entries + self.moved(reading)? < self.ring.len() as u64)
    }

    /// The outcomes of that reading, oldest first, as failed and slow. Entries land meanwhile: the oldest
    /// outcomes are left out if they are overwritten. `None` if all are. `last_index` is that of the last
    /// entry when it is called.
    #[cfg(feature = "persist")]
    pub(crate) fn outcomes(
        &self,
        reading: &Reading,
        last_index: impl Fn() -> u64,
    ) -> Option<Vec<(bool, bool)>> {
        let Reading { holds, last, .. } = *reading;
        // Of each entry its own cell, and the one before. Other threads overwrite cells between these loads, and
        // between them and the reading, the oldest first.
        let cell = |back: u64| self.cell(last.index.wrapping_sub(back)).load();
        let mut cells: Vec<u64> = (0..=holds.entries).rev().map(cell).collect();
        if let (Some(latest), Some(offset)) = (cells.last_mut(), last.pending) {
            // its thread may have stopped after its exchange
            *latest = self.cells.pack(reading.at.wrapping_add(offset), last.marks);
        }
        // After the copies: the thread that completed a cell had loaded its entry from the log. So this
        // index is no less than that of any entry whose cell is among the copies, and a copy is of the
        // entry that is wanted if that is less than a lap behind. Updates may come between.
        let moved = since(last_index(), last.index);
        let intact = (self.ring.len() as u64).saturating_sub(moved) as usize;
        let cells = &cells[cells.len().saturating_sub(intact)..];
        let age = |cell: u64| {
            let offset = self.cells.offset(cell, reading.at);
            (reading.offset.cast_signed() - offset).cast_unsigned()
        };
        // of the oldest copy that is left only the position is known
        let known = if (cells.len() as u64) <= holds.entries {
            age(*cells.first()?).min(holds.calls)
        } else {
            holds.calls
        };
        let mut outcomes = alloc::vec![(false, false); known as usize];
        for pair in cells.windows(2) {
            let marks = |cell: u64| self.cells.marks(cell);
            let one = self.cells.since(marks(pair[1]), marks(pair[0]));
            // A reading that met overwritten cells may have taken older entries to be in the window.
            if let Some(place) = known.checked_sub(age(pair[1]).saturating_add(1)) {
                outcomes[place as usize] = (one.failed != 0, one.slow != 0);
            }
        }
        Some(outcomes)
    }

    /// The window at some moment of this call; `None` if an update comes between.
    pub(crate) fn read(&self, stripes: &Stripes) -> Option<Reading> {
        let word = self.log.load();
        let log = word.payload();
        let version = word.tag();
        let cut = Cut {
            at: self.at.load().of(version)?,
            entries: self.entries.load().of(version)?,
            holds: self.holds.load().of(version)?,
        };
        let successes = stripes.fast_successes_of_all();
        // Entries may have landed since, or an update has frozen the log: then the sum may have successes of a
        // later version.
        let now = self.log.load();
        if log.is_frozen() || !now.has(version) || now.payload().is_frozen() {
            return None;
        }
        let (log, offset) = if now == word {
            // As for an entry: between the two looks none has landed, so that the sum is of one instant.
            let index = cut.entries.wrapping_add(log.entries);
            (log, since(index.wrapping_add(successes), cut.at))
        } else {
            // The last of them landed between the two looks: it is the instant, and its position the sum.
            (now.payload(), now.payload().offset)
        };
        let last = self.last(log, &cut);
        let (holds, marks) = self.held(&cut, log.entries, offset, last);
        Some(Reading {
            holds,
            marks,
            last,
            #[cfg(feature = "persist")]
            truth: log.truth(),
            #[cfg(feature = "persist")]
            at: cut.at,
            #[cfg(feature = "persist")]
            offset,
        })
    }

    /// How many entries have landed since a reading; `None` if an update is under way.
    fn moved(&self, reading: &Reading) -> Option<u64> {
        Some(since(self.last_index()?, reading.last.index))
    }

    /// That of the last entry; `None` if an update is under way.
    pub(crate) fn last_index(&self) -> Option<u64> {
        let word = self.log.load();
        // An update that comes here writes this word with its own tag; and the log that it has frozen counts
        // from the word before, until it is released.
        let entries = self.entries.load().of(word.tag())?;
        let log = word.payload();
        (!log.is_frozen()).then(|| entries.wrapping_add(log.entries))
    }
}

/// A window at one moment.
#[derive(Clone, Copy)]
pub(crate) struct Reading {
    holds: Holds,
    marks: Marks,
    last: Last,
    /// The rules that were true at the last entry; the cut, and the outcomes since it.
    #[cfg(feature = "persist")]
    pub(crate) truth: Truth,
    #[cfg(feature = "persist")]
    at: u64,
    #[cfg(feature = "persist")]
    offset: u64,
}

impl Reading {
    fn counts(&self) -> Counts {
        Counts::new(self.holds.calls, self.marks.failed, self.marks.slow)
    }
}

#[cfg(all(test, feature = "std"))]
mod tests;
