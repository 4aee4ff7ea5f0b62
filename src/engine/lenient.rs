//! Lenient kinds: the class of a failure, and what lenient ones make of a window.

use crate::engine::frozen::Frozen;
use crate::engine::help::Over;
use crate::engine::policy::Policy;
use crate::engine::state::Core;
use crate::engine::transition::thaws;
use crate::engine::window::class::Class;
use crate::engine::window::lenient::LenientWords;
use crate::words::control::Control;
use crate::words::tagged::{EpochNumber, Tagged, since};
#[cfg(feature = "std")]
use alloc::boxed::Box;

impl Core {
    /// Puts the words in, if they are not there; beside those of the adaptive rules, which are.
    #[cfg(feature = "std")]
    pub(crate) fn make_lenient_words(&self) {
        let (Some(words), Some(boundaries)) = (self.adaptive.get(), self.head.window.boundaries())
        else {
            return;
        };
        // The version before the one under way, for a helper of that one may find the new rules. What it decides then has
        // its own version, and another helper that has not seen the words decides nothing.
        let version = self.control().version().before();
        let make = || Box::new(LenientWords::unused(boundaries, version));
        words.lenient.get_or_make(make);
    }

    /// The words, if there are any.
    #[inline(always)]
    pub(crate) fn lenient_words(&self) -> Option<&LenientWords> {
        self.adaptive.get()?.lenient.get().map(|words| &**words)
    }

    /// Before kinds are adopted: a failure that finds them finds the class under this update's version, or a later one.
    /// If it was not frozen before, no kind has been lenient so far, and it is empty.
    pub(crate) fn freeze_lenient(&self, announced: Control) -> Result<(), Over> {
        let thaws = thaws(announced);
        for i in 0..announced.stripes() {
            let word = &self.stripes.get(i).counts[Class::LenientFailure as usize];
            // as in `freeze`, which has done it for most
            self.help_write(word, announced, |word| match thaws {
                true => word.retag(announced.version()),
                false => word,
            })?;
        }
        Ok(())
    }

    /// Gives the frozen count to an epoch that begins, or in which a period does.
    pub(crate) fn begin_lenient(
        &self,
        announced: Control,
        words: &LenientWords,
        frozen: &Frozen,
        epoch: u64,
    ) -> Result<(), Over> {
        let start = Tagged::new(EpochNumber(epoch), frozen.lenient());
        // As with the boundaries: the counts are frozen, so all helpers want the same word, and the slot's next epoch has
        // another tag. One that finds no words so far writes nothing, and then the class is empty.
        self.help_write(words.start(epoch), announced, |_| start)?;
        Ok(())
    }

    /// By how much the failures of the window are lighter at the cut than they are counted, in eighths.
    #[inline(always)]
    pub(crate) fn relief_at(&self, frozen: &Frozen, policy: &Policy) -> u64 {
        match self.lenient_words() {
            Some(words) => self.relief_of(words, frozen, policy),
            None => 0,
        }
    }

    #[cold]
    #[inline(never)]
    fn relief_of(&self, words: &LenientWords, frozen: &Frozen, policy: &Policy) -> u64 {
        let Some(boundaries) = self.head.window.boundaries() else {
            return 0; // a count window has no such words
        };
        // as in `window_at`: where another helper moves on between the two loads, this result is not used
        let epoch = boundaries.ending_at(self.head.period_end.load());
        let before = words.at(boundaries, boundaries.oldest(epoch));
        policy.relief(since(frozen.lenient(), before))
    }
}
