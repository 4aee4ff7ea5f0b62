//! Lenient kinds: failures that count for less, in eighths of a failure.

#[cfg(test)]
mod by_hand;

use super::{Kind, Lenient, LenientSoFar, Model, Rules, State, Timed};

/// The eighths of a failure.
pub(crate) const WHOLE: u64 = 8;

impl Rules {
    fn lenient_in_force(&self) -> Option<Lenient> {
        self.lenient.filter(Lenient::names_a_kind)
    }

    /// What a lenient failure counts for.
    pub(super) fn eighths(&self) -> u64 {
        self.lenient_in_force()
            .map_or(WHOLE, |lenient| lenient.eighths.into())
    }

    /// What an outcome counts for among failures.
    pub(crate) fn weight(&self, failed: bool, lenient: bool) -> u64 {
        match (failed, lenient) {
            (false, _) => 0,
            (true, false) => WHOLE,
            (true, true) => self.eighths(),
        }
    }

    /// Whether a failure that ends now is lenient.
    pub(crate) fn is_lenient(&self, kind: Kind, slow: bool) -> bool {
        let named = |lenient: Lenient| lenient.kinds[kind.index()];
        !slow && self.lenient_in_force().is_some_and(named)
    }

    /// Whether a probe, or a call of a ramp, that fails as lenient counts as a failure.
    pub(crate) fn lenient_probes_fail(&self) -> bool {
        2 * self.eighths() >= WHOLE
    }
}

impl Model {
    /// The failures of the window as the rules weigh them now.
    pub(crate) fn weighted_failures(&self, now: u64) -> f64 {
        let weight = |outcome: &Timed| self.rules.weight(outcome.failed, outcome.lenient);
        let eighths: u64 = self.in_window(now).into_iter().map(weight).sum();
        eighths as f64 / WHOLE as f64
    }

    pub(super) fn lenient_in_window(&self, now: u64) -> u64 {
        let outcomes = self.in_window(now);
        outcomes.iter().filter(|outcome| outcome.lenient).count() as u64
    }

    // ---- for figures of what a test has reached

    /// A failure has ended.
    pub(super) fn note_failure(&mut self, kind: Kind, slow: bool) {
        let lenient = self.rules.is_lenient(kind, slow);
        let fails = self.rules.lenient_probes_fail();
        let counts = self.counting();
        let in_ramp = self.ramp.is_some();
        let probe = self.state == State::HalfOpen && !in_ramp;
        let eighths = self.rules.eighths();
        for (times, happened) in [
            (&mut self.lenients.counted, counts && lenient),
            (
                &mut self.lenients.of_no_weight,
                counts && lenient && eighths == 0,
            ),
            (
                &mut self.lenients.slow,
                slow && self.rules.is_lenient(kind, false),
            ),
            (&mut self.lenients.given_back, probe && lenient && !fails),
            (&mut self.lenients.whole_probes, probe && lenient && fails),
            (&mut self.lenients.taken_off, in_ramp && lenient && !fails),
            (
                &mut self.lenients.whole_in_ramps,
                in_ramp && lenient && fails,
            ),
        ] {
            *times += u64::from(happened);
        }
    }

    /// These rules hold at an outcome that has just been counted.
    pub(super) fn note_judgement(&mut self, holds: [bool; 5], now: u64) {
        self.lenients.runs_with_parts += u64::from(!self.run_in_eighths(now).is_multiple_of(WHOLE));
        if self.lenient_in_window(now) == 0 {
            return;
        }
        let window = self.shown(now);
        let rules = &self.rules;
        let run = self.failures_of_run(now).len() as u64;
        let rate = window.failures as f64 / window.calls as f64;
        let enough = window.calls >= u64::from(rules.min_throughput);
        let whole = [
            rules.consecutive_failures.is_some_and(|n| run >= n.into()),
            rules
                .failure_count
                .is_some_and(|n| window.failures >= n.into()),
            rules
                .failure_rate
                .is_some_and(|limit| enough && rate >= limit),
        ];
        let spared = |rule: usize| u64::from(whole[rule] && !holds[rule]);
        self.lenients.spared_by_run += spared(0);
        self.lenients.spared_by_count += spared(1);
        self.lenients.spared_by_rate += spared(2);
        self.lenients.whole_again += u64::from(rules.lenient_in_force().is_none());
        let first = holds.iter().position(|holds| *holds);
        let counters = self.lenients.true_with.iter_mut();
        for (rule, (times, held)) in counters.zip(self.held).enumerate() {
            let anew = match self.state {
                State::ObserveOnly => holds[rule] && !held,
                _ => first == Some(rule),
            };
            *times += u64::from(anew);
        }
    }

    pub(crate) fn lenient_so_far(&self) -> LenientSoFar {
        self.lenients
    }
}
