//! The outage under way, by which an adaptive backoff waits.

use crate::config::backoff::unit;
use crate::engine::adaptive::AdaptiveWords;
use crate::engine::evidence::pace;
use crate::engine::help::Over;
use crate::engine::policy::Policy;
use crate::engine::state::Core;
use crate::engine::transition::judges_round;
use crate::words::control::{Control, Goal};
use crate::words::downtime::Downtime;
#[cfg(feature = "persist")]
use crate::words::downtime::LONGEST_DOWNTIME;
use crate::words::outcome::State;
use crate::words::tagged::{PAYLOAD_MAX, since as rejections_since};

/// A breaker that trips again so soon after it has closed goes on with the same outage, in nanoseconds.
const RELAPSE: u64 = 2_000_000_000;

/// The outage after a transition. `dwell` is how long the state that ends had lasted.
fn downtime_after(
    before: Downtime,
    announced: Control,
    to: State,
    dwell: u64,
    time: u64,
) -> Downtime {
    let ended = match announced.goal() {
        Goal::Reset | Goal::Release => true,
        _ => announced.state() == State::Closed && dwell > RELAPSE,
    };
    let kept = if ended {
        Downtime::NONE
    } else {
        before.goes_on()
    };
    if to == State::Open && !kept.is_under_way() {
        Downtime::begun(time)
    } else {
        kept
    }
}

impl Core {
    /// How long the outage under way has lasted, in milliseconds, for a saved state.
    #[cfg(feature = "persist")]
    pub(crate) fn down(&self, now: u64) -> Option<u64> {
        let outage = self.adaptive.get()?.downtime.load().payload();
        let lasted = outage.lasted(now).min(LONGEST_DOWNTIME);
        outage.is_under_way().then_some(lasted)
    }

    /// Follows the outage through that transition, for a backoff that is adaptive. Returns how long an Open lasts
    /// that follows a lost round; `None` if the backoff says that by itself.
    #[inline(always)]
    pub(crate) fn follow_downtime(
        &self,
        announced: Control,
        next: Control,
        policy: &Policy,
        time: u64,
    ) -> Result<Option<u64>, Over> {
        match self.adaptive.get() {
            Some(words) => {
                self.begin_round_of(words, announced, next)?;
                self.follow_downtime_in(words, announced, next, policy, time)
            }
            None => Ok(None),
        }
    }

    /// The slowest success of a round, for the ramp that may follow, and for the period after that.
    #[cold]
    fn begin_round_of(
        &self,
        words: &AdaptiveWords,
        announced: Control,
        next: Control,
    ) -> Result<(), Over> {
        let (slowest, generation) = (&words.ramp.slowest, next.generation());
        // Helpers find the word with either tag, and decide the same: only probes of the old generation change it, and
        // none of those is out where a ramp ends.
        let completed = announced.goal() == Goal::Step && next.counting();
        if completed || next.state() == State::HalfOpen || slowest.load().is_old(generation) {
            self.decide_once(slowest, announced, generation, |before| {
                if completed { before } else { 0 }
            })?;
        }
        Ok(())
    }

    /// Before `since` is replaced, which says how long the state that ends had lasted.
    #[cold]
    fn follow_downtime_in(
        &self,
        words: &AdaptiveWords,
        announced: Control,
        next: Control,
        policy: &Policy,
        time: u64,
    ) -> Result<Option<u64>, Over> {
        // Helpers with other rules may leave these words alone. Each is decided once by those that do not, and
        // what follows from them is decided once again: the deadline.
        let generation = next.generation();
        let backoff = &policy.config.open_for;
        if !backoff.adaptive {
            // an old tag is not to be taken for a later generation's
            if words.downtime.load().is_old(generation) {
                self.decide_once(&words.downtime, announced, generation, |before| before)?;
            }
            for word in [&words.rejected, &words.lost] {
                if word.load().is_old(generation) {
                    self.decide_once(word, announced, generation, |before| before)?;
                }
            }
            return Ok(None);
        }
        // `since` still has the beginning of the state that ends, or what follows from it has been decided.
        let since = self.ledger.since.load();
        let outage = self.decide_once(&words.downtime, announced, generation, |before| {
            let dwell = time.saturating_sub(since);
            let dwell = dwell.saturating_add(self.lasted_before(announced));
            downtime_after(before, announced, next.state(), dwell, time)
        })?;
        let rejected = self.decide_once(&words.rejected, announced, generation, |before| {
            // A sum that goes on meanwhile: the first helper's reading holds.
            if outage.is_new() {
                self.rejections()
            } else {
                before
            }
        })?;
        let reopens = next.state() == State::Open && judges_round(announced.goal());
        // By the goal, which all helpers have: a verdict on a round or on a ramp that leads to Open.
        self.decide_once(&words.lost, announced, generation, |before| {
            match outage.is_new() || !outage.is_under_way() {
                true => 0,
                false => before.saturating_add(u64::from(reopens)).min(PAYLOAD_MAX),
            }
        })?;
        if next.state() != State::Open || announced.state() == State::Closed {
            return Ok(None);
        }
        let lasted = outage.lasted(time);
        let pace = self.decide_once(&words.pace, announced, announced.version(), |before| {
            let rejections = rejections_since(self.rejections(), rejected);
            before.max(pace(rejections, lasted.max(1000) * 1_000_000))
        })?;
        // Drawn from the seed and the generation, so helpers with the same rules compute the same wait.
        let unit = unit(
            backoff.seed.unwrap_or(self.ledger.seed),
            generation.number(),
        );
        let wait = backoff.adaptive_wait_nanos(lasted, pace, unit);
        let from = match announced.goal() {
            Goal::Trip | Goal::Step => time,
            // a lost round's wait counts from its beginning
            _ => since.min(time),
        };
        Ok(Some(from.saturating_add(wait).saturating_sub(time)))
    }
}

#[cfg(test)]
mod tests;
