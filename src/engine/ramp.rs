//! The ramp: from a round that was won to closed.
//!
//! The ramp's words are counted on by exchanges that expect the version of the control word, as the stripes are. An
//! acquire, or a call that has ended, judges what it finds; if anything follows from it, it asks for an update
//! (`Goal::Step`), which freezes the words and judges them at a cut. The step that the first helper decides holds for
//! all. A transition follows from it alone.
//!
//! *A call ends in three words*: its class, which counts it, then its duration, then the step's result. An update may
//! come between any two of them. Then the rest counts in the step that it finds, as if the call had ended just
//! after the update; and if the ramp is over, nowhere.

use crate::engine::adaptive::AdaptiveWords;
use crate::engine::call::{Admission, Outgoing};
use crate::engine::slope::{Held, STEP, micros};
use crate::engine::state::Core;
use crate::engine::window::class::Class;
use crate::engine::window::stripes::Side;
use crate::error::Rejected;
use crate::sync::atomic::Word;
use crate::sync::pack::Pack;
use crate::words::control::{Control, Goal, Period};
use crate::words::deadline::Wait;
use crate::words::outcome::Cause;
use crate::words::ramp::Step;
use crate::words::tagged::{Generation, PAYLOAD_MAX, Tagged, Version};

impl Core {
    /// A probe succeeded, and is about to count for its round. Before it does: so the ramp that follows finds its
    /// duration. A late one leaves nothing.
    pub(crate) fn note_probe(&self, generation: Generation, lasted: u64) {
        let Some(words) = self.adaptive.get() else {
            return;
        };
        let word = &words.ramp.slowest;
        // plus one: 0 says that there was none
        let lasted = (micros(lasted) + 1).min(PAYLOAD_MAX);
        loop {
            let is = word.load();
            // Another round's: this one is over, or the rule has come in the middle of it.
            if is.of(generation).is_none_or(|slowest| slowest >= lasted) {
                return;
            }
            // another probe's may come first
            if word.cas(is, Tagged::new(generation, lasted)).is_ok() {
                return;
            }
        }
    }

    /// A share of the calls is admitted. Returns `None` if the caller must look again.
    pub(crate) fn take_share(
        &self,
        control: Control,
        now: u64,
    ) -> Option<Result<Admission, Rejected>> {
        let words = self.adaptive.get()?;
        // Each word is read with its version. If an update comes between two of these loads, the later word has another
        // one, and the caller looks again.
        let version = control.version();
        let held = words.ramp.read(version)?;
        if self.follows(words, control, held, now) {
            // From exactly the word under which the step was read. Of several that find it over one announces the update;
            // for the others the next look finds it done.
            self.update(control, Goal::Step, now, Wait::Backoff);
            return None;
        }
        let gate = Tagged::new(version, held.gate);
        let (after, admitted) = held.gate.arrive(held.step.share);
        // If another call comes first, or an update, this one is judged again by what that left.
        words
            .ramp
            .gate
            .cas(gate, Tagged::new(version, after))
            .ok()?;
        if admitted {
            return Some(Ok(Admission {
                period: control.period().in_step(held.step.number),
                start: now,
            }));
        }
        // An update may have begun another step since the exchange: then this is what is left of that one.
        let age = now.saturating_sub(words.ramp.begun.load());
        Some(Err(Rejected::by_ramp(STEP.saturating_sub(age))))
    }

    /// Whether anything follows from the step, by counts that go on.
    fn follows(&self, words: &AdaptiveWords, control: Control, held: Held, now: u64) -> bool {
        let policy = self.head.policy.load();
        self.ascent(words, &policy, control, held, now)
            .judge()
            .is_some()
    }

    /// A call of the ramp ends with a result, after `lasted` nanoseconds.
    pub(crate) fn conclude_in_ramp(
        &self,
        period: Period,
        admitted: u8,
        out: Outgoing,
        lasted: u64,
        now: u64,
    ) {
        let Some(words) = self.adaptive.get() else {
            return self.late();
        };
        let ramp = &words.ramp;
        // First: it is counted once, whatever comes between this and the rest.
        let counted = self.land(period, now, &ramp.classes[out.class as usize], |n, _| {
            n.wrapping_add(1) & PAYLOAD_MAX
        });
        if counted.is_none() {
            return self.late();
        }
        // The exchange has counted the result. These are sums for readers.
        self.probing.results[out.class as usize].add(1);
        if out.class.failed() {
            self.stripes.side().kinds[out.kind.slot()].add(1);
        }
        let lasted = micros(lasted);
        // Before the result. A judgement between the two has its duration without its result, and finds a mean that is
        // too long rather than too short: by this one call.
        let timed = self.land(period, now, &ramp.spent, |spent, step| {
            if step.number == admitted {
                spent.plus(lasted)
            } else {
                spent
            }
        });
        // New rules may come before the exchange. Either set's weights are right for a call that ends meanwhile.
        let weights = self.head.policy.load().ramp;
        let scored = self.land(period, now, &ramp.results, |results, step| {
            let results = if step.number == admitted {
                results.counted()
            } else {
                results
            };
            match (step.scores(admitted), out.class) {
                (false, _) => results,
                (true, Class::FastSuccess) => results.lowered(weights.good),
                (true, _) => results.raised(weights.bad),
            }
        });
        // the ramp has ended since this call was counted
        if timed.is_none() || scored.is_none() {
            return;
        }
        // what a success decides waits for the backoff
        let own = out.wait.filter(|_| out.class.failed());
        let over = self.judge_ramp(words, period, now, Wait::of_failure(own));
        // A thread that made the transition did not know our wait.
        if let Some(own) = own
            && over
        {
            self.lengthen_deadline(period, own, now, |cause| cause == Cause::RampFailed);
        }
    }

    /// A call of the ramp ends without a result: counts it where it belongs.
    pub(crate) fn leave_ramp(&self, period: Period, admitted: u8, now: u64, count: impl Fn(&Side)) {
        let Some(words) = self.adaptive.get() else {
            return self.late();
        };
        let left = self.land(period, now, &words.ramp.gate, |gate, step| {
            if step.number == admitted {
                gate.take_off()
            } else {
                gate
            }
        });
        if left.is_none() {
            return self.late();
        }
        // A sum for readers. A snapshot that comes between has the call in no total.
        count(self.stripes.side());
        self.judge_ramp(words, period, now, Wait::Backoff);
    }

    /// Changes a word of the ramp by one exchange, under the step that is there then. Returns `None` if the period
    /// is over.
    fn land<P: Pack>(
        &self,
        period: Period,
        now: u64,
        word: &Word<Tagged<Version, P>>,
        change: impl Fn(P, Step) -> P,
    ) -> Option<()> {
        let words = self.adaptive.get()?;
        loop {
            // An update under way has frozen the words, or is about to: nothing lands until it is published.
            let control = self.quiet(now);
            if control.period() != period {
                return None;
            }
            let version = control.version();
            let step = words.ramp.step.load().of(version);
            let is = word.load();
            // An update has come between: control has moved on.
            let (Some(step), Some(before)) = (step, is.of(version)) else {
                continue;
            };
            // The exchange expects the version, so the step is still that one.
            let after = Tagged::new(version, change(before, step));
            if after.pack() == is.pack() || word.cas(is, after).is_ok() {
                return Some(());
            }
        }
    }

    /// A call has ended: judges until nothing more follows. Returns whether the ramp is over: then this call may have
    /// decided it, whichever thread announced that.
    fn judge_ramp(&self, words: &AdaptiveWords, period: Period, now: u64, wait: Wait) -> bool {
        loop {
            // Only what is published counts: what this call's end has caused is there when it returns.
            let control = self.quiet(now);
            if control.period() != period {
                return true;
            }
            // else an update has come between
            if let Some(held) = words.ramp.read(control.version()) {
                if !self.follows(words, control, held, now) {
                    return false;
                }
                self.update(control, Goal::Step, now, wait);
            }
        }
    }
}
