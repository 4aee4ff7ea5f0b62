//! The one primitive of every step between an audit's announcement and its publication.
//!
//! Load; if the word is what is wanted, done; if control is no longer the announced word, the audit
//! is over; else exchange. Control is read *after* all that went into what is wanted, so those reads
//! were of the frozen cut.
//!
//! A helper may sleep between its look at control and its exchange, and wake in a later audit or in
//! none. Its exchange must fail then: so a word that is settled must never again be what it was
//! before, for as long as a helper may sleep. Each of them either has a tag that the settling
//! changes (version, generation, epoch, the run's era), or only rises.

use crate::control::Control;
use crate::core::Core;
use crate::sync::Word;
use crate::tagged::Tagged;

/// The audit was ended by others.
pub(crate) struct Over;

impl Core {
    /// What the first one says, under that tag, holds for all helpers of this audit. The tag is its
    /// version, or the generation that it begins; and the word must be one that is written by each
    /// audit, or by each transition, so that a word which bears the tag bears it from this audit.
    pub(crate) fn agree(
        &self,
        word: &Word,
        a: Control,
        tag: u64,
        say: impl Fn(u64) -> u64,
    ) -> Result<u64, Over> {
        let agreed = self.settle(word, a, |w| {
            let w = Tagged(w);
            if w.has(tag) {
                w.0
            } else {
                Tagged::new(tag, say(w.payload())).0
            }
        })?;
        Ok(Tagged(agreed).payload())
    }

    /// Bring a word to what this audit wants of it, unless the audit is over. `want` may depend on
    /// the word, and on whatever was read before: if the audit is still announced afterwards, all
    /// of that was frozen.
    pub(crate) fn settle(
        &self,
        word: &Word,
        a: Control,
        want: impl Fn(u64) -> u64,
    ) -> Result<u64, Over> {
        loop {
            let is = word.load();
            let wanted = want(is);
            if is == wanted {
                return Ok(is);
            }
            if self.control() != a {
                return Err(Over);
            }
            if word.cas(is, wanted).is_ok() {
                return Ok(wanted);
            }
        }
    }
}
