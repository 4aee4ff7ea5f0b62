//! The steps of a ramp: what updates do with its words.
//!
//! *Order.* The next step follows from the frozen words, and from the time when the present one began; so it is decided
//! before those are replaced. The gate is replaced last: a helper that finds the next step's leaves all of them
//! alone. Each has the turn of its step (`words/ramp.rs`), so that one that sleeps before its exchange does not find
//! the frozen word again.

use crate::clock::saturating_nanos;
use crate::config::settings::Hang;
use crate::engine::adaptive::{AdaptiveWords, RampWords};
use crate::engine::help::Over;
use crate::engine::policy::Policy;
use crate::engine::slope::{Ascent, Held, first_share};
use crate::engine::state::Core;
use crate::sync::atomic::Word;
use crate::sync::pack::Pack;
use crate::words::control::Control;
use crate::words::outcome::{Cause, State};
use crate::words::ramp::{Course, Gate, Mark, Results, Spent, Step, WHOLE};
use crate::words::tagged::{Generation, Tagged, Version};

/// How long a round waits for its probes if nothing else is said, in nanoseconds.
const PROBE_TIMEOUT: u64 = 60_000_000_000;

/// The longest that an adaptive breaker waits for them.
const ADAPTIVE_TIMEOUT: u64 = 5_000_000_000;

impl AdaptiveWords {
    /// How long a dependency may give no sign of life, in nanoseconds.
    pub(crate) fn patience(&self, hang: &Hang, slowest: Option<u64>) -> u64 {
        let longest = self.longest.load().payload();
        hang.patience(longest.max(slowest.unwrap_or(0).saturating_mul(1000)))
    }

    /// The slowest success of the round from which the ramp of that generation came, or after which the period of that
    /// generation began, if there was one. In microseconds.
    pub(crate) fn slowest(&self, generation: Generation) -> Option<u64> {
        self.ramp.slowest.load().of(generation)?.checked_sub(1)
    }
}

impl Core {
    /// How long a round, or the step of a ramp after such a slowest success, waits for its calls, in nanoseconds.
    pub(crate) fn probe_timeout(&self, policy: &Policy, slowest: Option<u64>) -> u64 {
        let config = &policy.config;
        match (config.half_open.probe_timeout, &config.hang) {
            (Some(named), _) => saturating_nanos(named),
            (None, Some(hang)) if config.open_for.adaptive => self.adaptive_timeout(hang, slowest),
            (None, _) => PROBE_TIMEOUT,
        }
    }

    /// Longer after each round that was lost.
    #[cold]
    fn adaptive_timeout(&self, hang: &Hang, slowest: Option<u64>) -> u64 {
        let (patience, lost) = match self.adaptive.get() {
            Some(words) => (words.patience(hang, slowest), words.lost.load().payload()),
            None => (hang.patience(0), 0),
        };
        let patience = u128::from(patience.min(ADAPTIVE_TIMEOUT));
        let squared = patience * patience * (u128::from(lost) + 1);
        (squared.isqrt() as u64).min(ADAPTIVE_TIMEOUT)
    }

    /// The step, and the rules by which it is judged at that time.
    pub(crate) fn ascent(
        &self,
        words: &AdaptiveWords,
        policy: &Policy,
        control: Control,
        held: Held,
        now: u64,
    ) -> Ascent {
        let slowest = words.slowest(control.generation());
        Ascent {
            on: policy.config.half_open.ramp.is_some(),
            held,
            slowest,
            age: now.saturating_sub(words.ramp.begun.load()),
            patience: words.patience(&policy.config.hang.unwrap_or_default(), slowest),
            timeout: self.probe_timeout(policy, slowest),
            pace: words.pace.load().payload(),
            weights: policy.ramp,
        }
    }

    /// An update begins the ramp: in the same generation.
    #[cold]
    pub(crate) fn begin_ramp(&self, announced: Control, time: u64) -> Result<(), Over> {
        let Some(words) = self.adaptive.get() else {
            return Ok(()); // they are made before the rules that ask for a ramp
        };
        let (ramp, version) = (&words.ramp, announced.version());
        // The pace stays until a period that counts, or an opening.
        let share = first_share(words.pace.load().payload());
        self.decide_once(&ramp.step, announced, version, |_| Step::first(share))?;
        self.decide_once(&ramp.gate, announced, version, |_| Gate::BEGUN)?;
        self.decide_once(&ramp.results, announced, version, |_| Results::default())?;
        self.decide_once(&ramp.spent, announced, version, |_| Spent::default())?;
        self.decide_once(&ramp.mark, announced, version, |_| Mark::default())?;
        // Of an earlier ramp they have what it ended with, under an earlier version.
        for class in &ramp.classes {
            self.decide_once(class, announced, version, |_| 0)?;
        }
        self.help_write(&ramp.begun, announced, |begun| begun.max(time))?;
        Ok(())
    }

    /// An update judges the step. Returns the transition that follows.
    #[cold]
    pub(crate) fn end_step(
        &self,
        announced: Control,
        policy: &Policy,
        time: u64,
    ) -> Result<Option<(State, Cause)>, Over> {
        let Some(words) = self.adaptive.get() else {
            return Ok(None);
        };
        let (ramp, version) = (&words.ramp, announced.version());
        // A call that lands on one of these before it is frozen, and on the next after it, is counted in this cut, and
        // judged in the next.
        for class in &ramp.classes {
            self.freeze_word(class, announced)?;
        }
        // An acquire that is admitted after this, or a call that ends, finds the next version.
        let (gate, results, spent, mark) = (
            self.freeze_word(&ramp.gate, announced)?,
            self.freeze_word(&ramp.results, announced)?,
            self.freeze_word(&ramp.spent, announced)?,
            self.freeze_word(&ramp.mark, announced)?,
        );
        let held = |step| Held {
            step,
            gate,
            results,
            spent,
            mark,
        };
        // Before the beginning of the step is replaced. The step itself is put in where it is decided: another helper may have replaced it by now.
        let ascent = self.ascent(words, policy, announced, held(Step::first(WHOLE)), time);
        let step = self.decide_once(&ramp.step, announced, version, |before| {
            let ascent = Ascent {
                held: held(before),
                ..ascent
            };
            ascent.judge().unwrap_or(before)
        })?;
        match step.course {
            // The words stay as they are: no call counts on them any more, and a later ramp begins them anew.
            Course::Completed => return Ok(Some((State::Closed, Cause::RampCompleted))),
            Course::Failed => return Ok(Some((State::Open, Cause::RampFailed))),
            // Where another helper has begun the next step, what was read above may be that one's, and is not
            // used.
            Course::Going if gate.turn != step.turn() => {
                self.begin_step(announced, words, step, time, ascent.score_after(step))?;
            }
            // Nothing follows by now: what was out when the update was announced has ended since, or was taken off.
            Course::Going => {}
            // All helpers have the same gate, and it is never without a mark again in this step.
            Course::Marked => self.begin_word(&ramp.mark, announced, |mark| {
                Mark(mark.0.or(Some(gate.admitted)))
            })?,
        }
        Ok(None)
    }

    fn begin_step(
        &self,
        announced: Control,
        words: &AdaptiveWords,
        step: Step,
        time: u64,
        score: u64,
    ) -> Result<(), Over> {
        let (ramp, turn) = (&words.ramp, step.turn());
        // The score follows from the step's age: so before its beginning is replaced.
        self.begin_word(&ramp.results, announced, |results| {
            let fresh = Results {
                ended: 0,
                score,
                turn,
            };
            if results.turn == turn { results } else { fresh }
        })?;
        self.begin_word(&ramp.spent, announced, |spent| {
            let fresh = Spent { sum: 0, turn };
            if spent.turn == turn { spent } else { fresh }
        })?;
        self.begin_word(&ramp.mark, announced, |_| Mark::default())?;
        self.help_write(&ramp.begun, announced, |begun| begun.max(time))?;
        self.begin_word(&ramp.gate, announced, |gate| {
            if gate.turn == turn {
                gate
            } else {
                gate.next(turn)
            }
        })
    }

    /// One that sleeps before its exchange does not find the frozen word again: what followed it has another turn.
    fn begin_word<P: Pack>(
        &self,
        word: &Word<Tagged<Version, P>>,
        announced: Control,
        next: impl Fn(P) -> P,
    ) -> Result<(), Over> {
        self.help_write(word, announced, |is| {
            Tagged::new(announced.version(), next(is.payload()))
        })?;
        Ok(())
    }

    /// From here to the publication no exchange lands on the word.
    fn freeze_word<P: Pack>(
        &self,
        word: &Word<Tagged<Version, P>>,
        announced: Control,
    ) -> Result<P, Over> {
        let version = announced.version();
        let frozen = self.help_write(word, announced, |is| is.retag(version))?;
        Ok(frozen.payload())
    }

    /// The ramp's words of updates that are not about it.
    pub(crate) fn renew_ramp(&self, ramp: &RampWords, announced: Control) -> Result<(), Over> {
        self.renew(&ramp.step, announced)?;
        self.renew(&ramp.gate, announced)?;
        self.renew(&ramp.results, announced)?;
        self.renew(&ramp.spent, announced)?;
        self.renew(&ramp.mark, announced)?;
        for class in &ramp.classes {
            self.renew(class, announced)?;
        }
        Ok(())
    }

    /// The share of the calls that half-open admits; 0 in a round.
    pub(crate) fn share_now(&self, control: Control) -> f64 {
        let step = match self.adaptive.get() {
            Some(words) if control.ramps() => words.ramp.step.load().of(control.version()),
            _ => None,
        };
        step.map_or(0.0, |step| step.share as f64 / WHOLE as f64)
    }
}
