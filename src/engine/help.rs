//! The only primitive for the steps between an update's announcement and its publication.
//!
//! Load the word. If it has the wanted value, done. If control is no longer the announced word, the
//! update is over. Otherwise exchange. Control is read *after* all reads that determined the wanted
//! value, so those reads were of the frozen counts.
//!
//! A helper may sleep between its look at control and its exchange, and wake in a later update or
//! outside of any. Its exchange must fail then. So a word that is written here must never return to
//! an earlier value, for as long as a helper may sleep: it has a tag that the write changes
//! (version, generation, epoch, the run's era, the position of a log's entry), or it only rises.
//!
//! An update may leave a word alone. Whether it does must be the same for all of its helpers: it follows
//! from the announced word, from what they have agreed on, or from the word itself. Otherwise one that wants to
//! write would sleep, the update would be over without that word, and its exchange would still succeed.

use crate::engine::state::Core;
use crate::sync::atomic::Word;
use crate::sync::pack::Pack;
use crate::words::control::Control;
use crate::words::tagged::{Tag, Tagged, Version};

/// Other threads have ended the update.
pub(crate) struct Over;

impl Core {
    /// Returns the first helper's choice, which holds for all helpers of this update. The tag is
    /// the update's version, or the generation that it begins. A word with the tag has it from this update: one
    /// that an update leaves alone is written, or renewed, before its tag can repeat.
    pub(crate) fn decide_once<T: Tag, P: Pack>(
        &self,
        word: &Word<Tagged<T, P>>,
        announced: Control,
        tag: T,
        say: impl Fn(P) -> P,
    ) -> Result<P, Over> {
        // The tag tells whether a helper has decided. It comes with the payload in one exchange, so
        // all helpers see either nothing or the whole decision.
        let agreed = self.help_write(word, announced, |before| {
            if before.has(tag) {
                before
            } else {
                Tagged::new(tag, say(before.payload()))
            }
        })?;
        Ok(agreed.payload())
    }

    /// For a word that an update leaves as it is: an old tag is moved up to this update's, so that a later one
    /// does not take it for its own. It depends on the word alone, so all helpers agree.
    pub(crate) fn renew<P: Pack>(
        &self,
        word: &Word<Tagged<Version, P>>,
        announced: Control,
    ) -> Result<(), Over> {
        let version = announced.version();
        self.help_write(word, announced, |is| {
            if is.is_old(version) {
                is.retag(version)
            } else {
                is
            }
        })?;
        Ok(())
    }

    /// Brings a word to the value that this update wants, unless the update is over. `want` may
    /// depend on the word, and on anything read before: if the update is still announced
    /// afterwards, all of that was frozen.
    pub(crate) fn help_write<T: Pack>(
        &self,
        word: &Word<T>,
        announced: Control,
        want: impl Fn(T) -> T,
    ) -> Result<T, Over> {
        loop {
            let is = word.load();
            let wanted = want(is);
            // Another helper was here, or nothing had to change.
            if is.pack() == wanted.pack() {
                return Ok(is);
            }
            // After `want`, which may have read words that another helper was already replacing. If
            // control is still the announced word, all that `want` read was frozen.
            if self.control() != announced {
                return Err(Over);
            }
            // Control may move on before this exchange. Then another helper has settled the word,
            // and it is never again what was read above: the exchange fails, and the next turn
            // ends.
            if word.cas(is, wanted).is_ok() {
                return Ok(wanted);
            }
        }
    }
}
