//! Signs of life: what the end of a tick, and the beginning of a period, leave for the hang rule.

use crate::engine::adaptive::AdaptiveWords;
use crate::engine::frozen::Frozen;
use crate::engine::help::Over;
use crate::engine::state::Core;
use crate::words::control::Control;
use crate::words::tagged::{Tagged, since};
use crate::words::watch::Watch;

impl Core {
    /// The longest success of late, for a saved state.
    #[cfg(feature = "persist")]
    pub(crate) fn longest(&self) -> Option<u64> {
        let longest = self.adaptive.get()?.longest.load().payload();
        (longest > 0).then_some(longest)
    }

    /// The end of a tick, once `score` says whether it had a sign of life: then `alive_until` is its end. The next
    /// one begins at `begins`.
    pub(crate) fn end_watched_tick(
        &self,
        announced: Control,
        words: &AdaptiveWords,
        frozen: &Frozen,
        heard: u64,
        alive_until: Option<u64>,
        begins: u64,
    ) -> Result<(), Over> {
        let version = announced.version();
        // Before the counts at the tick's start are replaced, and the sample.
        self.decide_once(&words.longest, announced, version, |longest| {
            if frozen.totals().calls == words.calls.load().payload() {
                longest
            } else {
                let sample = words.sample.load().payload();
                sample.max(longest - longest / 1000)
            }
        })?;
        // From the first sample of a period on, the round before it says nothing more. Before the sample goes: a helper
        // that does not find it any more finds this done.
        if words.sample.load().payload() != 0 {
            self.help_write(&words.ramp.slowest, announced, |slowest| {
                Tagged::new(slowest.tag(), 0)
            })?;
        }
        self.decide_once(&words.sample, announced, version, |_| 0)?;
        if let Some(end) = alive_until {
            // It only rises, and all helpers have the same.
            self.help_write(&words.alive, announced, |alive| alive.max(end))?;
        }
        // Several ticks may be over, of which the last had no sign. `alive` is as all helpers leave it.
        let silent = words.alive.load() < begins;
        // An acquire may count on meanwhile: what it adds is ended too, or goes on.
        self.help_write(&words.watch, announced, |watch| {
            let watch = match alive_until {
                Some(_) => watch.over(),
                None => watch,
            };
            if silent { watch.due() } else { watch }
        })?;
        self.decide_once(&words.ignored, announced, version, |_| heard)?;
        Ok(())
    }

    /// The beginning of a counting period, or of the rule, is a sign of life.
    pub(crate) fn begin_watching(
        &self,
        announced: Control,
        words: &AdaptiveWords,
        end: u64,
    ) -> Result<(), Over> {
        let version = announced.version();
        self.decide_once(&words.ignored, announced, version, |_| self.ignored())?;
        self.decide_once(&words.sample, announced, version, |_| 0)?;
        self.help_write(&words.alive, announced, |alive| alive.max(end))?;
        self.help_write(&words.watch, announced, Watch::over)?;
        Ok(())
    }

    /// Whether the cut has no sign of life since its tick's start.
    pub(crate) fn is_silent_at(&self, words: &AdaptiveWords, frozen: &Frozen) -> bool {
        frozen.totals().calls == words.calls.load().payload()
            && since(self.ignored(), words.ignored.load().payload()) == 0
    }
}
