//! What an update does to the log of a count window.
//!
//! Where no outcome can land before the update, nor after it, the log and its words are left as they are.
//!
//! *Order.* The log is frozen, then its last cell is completed, then everything is read that follows
//! from the frozen window. Only when that is agreed (the decision, the event) are the words written from
//! which the log counts: first what the window holds, then the position, then the number of entries.
//! Last the log is released, which still bears this version until the publication: no entry lands
//! before that, since a record reads a published control word first.
//!
//! A helper that comes late finds, by the first of those words, that the others may be new, and leaves
//! the cell alone. What it computes from such a mixture is not used: where the first word is written, all
//! has been agreed that follows from the old ones; where the second and the third are not, the first
//! helper to write them had the old ones whole.

use crate::engine::frozen::Frozen;
use crate::engine::help::Over;
use crate::engine::policy::Truth;
use crate::engine::state::Core;
use crate::engine::transition::thaws;
use crate::engine::window::class::Class;
use crate::engine::window::count::{AtCut, CountWindow};
use crate::engine::window::log::{Holds, Log};
use crate::words::control::Control;
use crate::words::tagged::Tagged;

impl Core {
    /// From here to the publication no entry lands. The stripes are frozen already: an entry of the old
    /// version that lands between finds in them what the update has found.
    #[inline(never)]
    pub(crate) fn freeze_log(
        &self,
        announced: Control,
        window: &CountWindow,
        frozen: &mut Frozen,
    ) -> Result<(), Over> {
        let log = if thaws(announced) {
            self.stop_log(announced, window)?
        } else {
            // No entry has landed since the last update that released it, and none does before one that freezes
            // it. (A helper that comes after this update may find one that did: its reading is not used, for
            // nothing is written any more under this word of control.)
            window.log.load().payload()
        };
        let successes = frozen.classes[Class::FastSuccess as usize];
        frozen.log = window.at_cut(log, successes);
        Ok(())
    }

    fn stop_log(&self, announced: Control, window: &CountWindow) -> Result<Log, Over> {
        let version = announced.version();
        let log = self.help_write(&window.log, announced, |log| {
            // Frozen already; or even released, by a helper that is ahead.
            if log.has(version) {
                log
            } else {
                Tagged::new(version, log.payload().frozen())
            }
        })?;
        let log = log.payload();
        // The thread of the last entry may have stopped before another completed its cell. All helpers
        // want the same there. One that sleeps before its exchange finds the cell changed.
        if let Some((cell, wanted)) = window.pending(log, version) {
            self.help_write(cell, announced, |_| wanted)?;
        }
        Ok(log)
    }

    /// Lets the log go on from the cut; empty, if a fresh period begins. `truth`: the rules that are
    /// true there. A log that was not frozen stays as it is.
    #[inline(never)]
    pub(crate) fn release_log(
        &self,
        announced: Control,
        window: &CountWindow,
        cut: &AtCut,
        fresh: bool,
        truth: Truth,
    ) -> Result<(), Over> {
        if !thaws(announced) {
            // All four have the version of the update that released the log; so all become old at once.
            self.renew(&window.holds, announced)?;
            self.renew(&window.at, announced)?;
            self.renew(&window.entries, announced)?;
            return self.renew(&window.log, announced);
        }
        let version = announced.version();
        // Each update that freezes the log writes these, and the others renew them, so none has this version from
        // long ago. Helpers that are not late have the same values; one that is finds them written.
        self.decide_once(&window.holds, announced, version, |_| {
            if fresh { Holds::default() } else { cut.holds }
        })?;
        self.decide_once(&window.at, announced, version, |_| cut.position)?;
        self.decide_once(&window.entries, announced, version, |_| cut.entries)?;
        self.help_write(&window.log, announced, |log| {
            // It may be released already, and after the publication entries land.
            if log.has(version) && log.payload().is_frozen() {
                Tagged::new(version, Log::begun(truth))
            } else {
                log
            }
        })?;
        Ok(())
    }
}
