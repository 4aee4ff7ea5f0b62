//! The one primitive of every step between an update's announcement and its publication.
//!
//! Load; if the word is what is wanted, done; if control is no longer the announced word, the update
//! is over; else exchange. Control is read *after* all that went into what is wanted, so those reads
//! were of the frozen counts.
//!
//! A helper may sleep between its look at control and its exchange, and wake in a later update or in
//! none. Its exchange must fail then: so a word that is settled must never again be what it was
//! before, for as long as a helper may sleep. Each of them either has a tag that the settling
//! changes (version, generation, epoch, the run's era), or only rises.

use crate::engine::state::Core;
use crate::sync::atomic::Word;
use crate::sync::pack::Pack;
use crate::words::control::Control;
use crate::words::tagged::{Tag, Tagged};

/// The update was ended by others.
pub(crate) struct Over;

impl Core {
    /// What the first one says, under that tag, holds for all helpers of this update. The tag is its
    /// version, or the generation that it begins; and the word must be one that is written by each
    /// update, or by each transition, so that a word which bears the tag bears it from this update.
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

    /// Bring a word to what this update wants of it, unless the update is over. `want` may depend on
    /// the word, and on whatever was read before: if the update is still announced afterwards, all
    /// of that was frozen.
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
