//! The rules, as pure functions of an exact window and of an exact round.
//!
//! There are no atomics and no clock here: the engine passes the numbers of one instant, and gets
//! the true rules, an allowance or a verdict. Statements about a window hold for both kinds of
//! window.

use crate::clock::saturating_nanos;
use crate::config::settings::{Config, Geometry, OnCancel, Outage, RecoveryRule};
use crate::engine::evidence::{Weighed, Weights, stakes};
use crate::engine::window::class::CLASSES;
use crate::words::control::{Flags, Goal};
use crate::words::leniency::{EIGHTHS, Leniency};
use crate::words::outcome::{Cause, Counts, FailureKind};
use crate::words::round::Round;
#[cfg(feature = "std")]
use alloc::sync::{Arc, Weak};
#[cfg(feature = "std")]
use arc_swap::ArcSwapOption;

/// Of the rules' number: it repeats after half a million changes of the rules without an update between them.
pub(crate) const RULES_BITS: u32 = 19;

/// The rules in force.
#[derive(Debug)]
pub(crate) struct Policy {
    pub(crate) config: Config,
    /// The number of this set among the breaker's rules: the helpers of an update may have
    /// different ones.
    pub(crate) number: u32,
    /// Of the outage rule: what outcomes weigh, and what the settings add to the limit.
    pub(crate) weights: Weights,
    pub(crate) stakes: u64,
    /// Of the ramp, as of the outage rule.
    pub(crate) ramp: Weights,
    pub(crate) leniency: Leniency,
}

/// A window as the rules on it see it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) calls: u64,
    pub(crate) failures: u64,
    pub(crate) slow: u64,
    /// By how much its failures are lighter than they are counted, in eighths.
    pub(crate) relief: u64,
}

impl From<Counts> for Seen {
    #[inline(always)]
    fn from(window: Counts) -> Seen {
        Seen {
            calls: window.calls,
            failures: window.failures,
            slow: window.slow,
            relief: 0,
        }
    }
}

impl Seen {
    /// What its failures count for, in eighths.
    #[inline(always)]
    fn eighths(self) -> u64 {
        // one that comes late may have read the two at different moments: its judgement is not used
        (EIGHTHS * self.failures).saturating_sub(self.relief)
    }

    /// The same in failures. Exact: a float holds every eighth of a count.
    #[inline(always)]
    pub(crate) fn weight(self) -> f64 {
        float(self.eighths()) / float(EIGHTHS)
    }
}

/// The rules on a window that are true: four bits, in their order as causes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Truth(pub(crate) u64);

impl Truth {
    const COUNT: u64 = 1;
    const RATE: u64 = 2;
    const SLOW: u64 = 4;
    const EVIDENCE: u64 = 8;
    /// So many bits there are.
    pub(crate) const BITS: u32 = 4;

    pub(crate) fn any(self) -> bool {
        self.0 != 0
    }

    /// The rules that the next outcome may find untrue. Evidence stays until its tick ends.
    pub(crate) fn by_outcomes(self) -> Truth {
        Truth(self.0 & !Truth::EVIDENCE)
    }

    #[must_use]
    pub(crate) fn with_evidence(self, holds: bool) -> Truth {
        let evidence = if holds { Truth::EVIDENCE } else { 0 };
        Truth(self.0 & !Truth::EVIDENCE | evidence)
    }

    pub(crate) fn evidence(self) -> bool {
        self.0 & Truth::EVIDENCE != 0
    }

    /// The rules that were not true in `before`.
    pub(crate) fn rising_from(self, before: Truth) -> Truth {
        Truth(self.0 & !before.0)
    }

    pub(crate) fn number(self) -> u64 {
        u64::from(self.0.count_ones())
    }

    pub(crate) fn cause(self) -> Option<Cause> {
        self.goal().map(|(_, cause)| cause)
    }

    /// The first true rule, as the goal of a trip and as its cause.
    pub(crate) fn goal(self) -> Option<(Goal, Cause)> {
        if self.0 & Truth::COUNT != 0 {
            Some((Goal::TripByCount, Cause::FailureCount))
        } else if self.0 & Truth::RATE != 0 {
            Some((Goal::TripByFailureRate, Cause::FailureRate))
        } else if self.0 & Truth::SLOW != 0 {
            Some((Goal::TripBySlowRate, Cause::SlowRate))
        } else if self.evidence() {
            Some((Goal::TripByEvidence, Cause::Evidence))
        } else {
            None
        }
    }
}

/// How many more outcomes of each class, whatever part of the other classes' allowances is used,
/// cannot make a rule true.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Allowance {
    pub(crate) fast_successes: u64,
    pub(crate) fast_failures: u64,
    pub(crate) slow_successes: u64,
    pub(crate) slow_failures: u64,
    pub(crate) lenient_failures: u64,
}

/// An entry's judgement of its own window, under a count window.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Judgement {
    pub(crate) truth: Truth,
    /// So many further entries cannot make a rule true.
    pub(crate) within: u64,
    /// Successes have to be logged from here on.
    pub(crate) arms: bool,
}

impl Allowance {
    pub(crate) fn by_class(self) -> [u64; CLASSES] {
        [
            self.fast_successes,
            self.fast_failures,
            self.slow_successes,
            self.slow_failures,
            self.lenient_failures,
        ]
    }

    /// Whether successes alone could make a rule true: they must be checked too.
    pub(crate) fn armed(self) -> bool {
        self.fast_successes < PLENTY
    }
}

/// More than is ever recorded within one version, and small enough to be added to a count.
const PLENTY: u64 = 1 << 38;

/// Counts are far below 2^63. A signed number takes one instruction.
#[inline(always)]
fn float(count: u64) -> f64 {
    count.cast_signed() as f64
}

/// The order in which a rate is judged: `part as f64 / whole as f64 >= rate`.
fn reached(part: f64, whole: u64, rate: f64) -> bool {
    part / float(whole) >= rate
}

impl Policy {
    pub(crate) fn new(config: Config) -> Policy {
        let weights = config.outage.map_or(Weights::default(), Weights::of);
        let ramps = config.half_open.ramp.is_some();
        Policy {
            number: 0,
            weights: Weights {
                paced: weights.paced || config.open_for.adaptive || ramps,
                watches: config.hang.is_some(),
                ..weights
            },
            // A ramp weighs its calls by the outage rule's weights, or by the default ones where that is off.
            ramp: match weights.are_off() && ramps {
                true => Weights::of(Outage::default()),
                false => weights,
            },
            stakes: config.outage.map_or(0, stakes),
            leniency: config.leniency(),
            config,
        }
    }

    /// Returns the rules of a breaker that was built before, if they are the same: many breakers
    /// from one template share their rules until one gets others.
    #[cfg(feature = "std")]
    pub(crate) fn shared(self) -> Arc<Policy> {
        // the last ones built, by their hash
        static LAST: [ArcSwapOption<Weak<Policy>>; 16] =
            [const { ArcSwapOption::const_empty() }; 16];
        let place = &LAST[(self.config.hash() % 16) as usize];
        // Another breaker may be built at the same time and store its own rules here. Then one of
        // the two keeps a copy of its own, which costs memory and nothing else.
        if let Some(last) = place.load().as_deref().and_then(Weak::upgrade)
            && last.config == self.config
        {
            return last;
        }
        let fresh = Arc::new(self);
        place.store(Some(Arc::new(Arc::downgrade(&fresh))));
        fresh
    }

    #[cfg(not(feature = "std"))]
    pub(crate) fn shared(self) -> Policy {
        self
    }

    /// The rules that come after these.
    #[cfg(feature = "std")]
    pub(crate) fn replaced_by(&self, config: Config) -> Policy {
        Policy {
            number: (self.number + 1) % (1 << RULES_BITS),
            ..Policy::new(config)
        }
    }

    fn min_throughput(&self) -> u64 {
        u64::from(self.config.min_throughput_in_force())
    }

    /// In nanoseconds; 0 if off.
    pub(crate) fn slow_call(&self) -> u64 {
        self.config.slow_call.map_or(0, saturating_nanos)
    }

    /// The length at which a run trips, in eighths; 0 if off.
    pub(crate) fn run(&self) -> u64 {
        let failures = self.config.consecutive_failures;
        failures.map_or(0, |n| EIGHTHS * u64::from(n))
    }

    /// By how much so many lenient failures are lighter than others, in eighths.
    pub(crate) fn relief(&self, lenient: u64) -> u64 {
        (EIGHTHS - self.leniency.eighths) * lenient
    }

    pub(crate) fn flags(&self, armed: bool) -> Flags {
        let watches = self.config.hang.is_some() || self.config.max_in_flight.is_some();
        Flags {
            armed,
            runs: self.run() != 0,
            // an acquire that looks closer does so where it would read the clock
            timed: self.slow_call() != 0 || self.config.durations || watches,
            watches,
        }
    }

    /// The most calls in flight; 0 if off.
    pub(crate) fn max_in_flight(&self) -> u32 {
        self.config.max_in_flight.unwrap_or(0)
    }

    pub(crate) fn truth(&self, window: Seen) -> Truth {
        // which is one or more, so nothing is divided by zero; calls are whole, however light their failures are
        let enough = window.calls >= self.min_throughput();
        let on = |is: bool, bit: u64| if is { bit } else { 0 };
        let rate = |part: f64, rate: Option<f64>| {
            enough && rate.is_some_and(|rate| reached(part, window.calls, rate))
        };
        Truth(
            on(self.count_reached(window), Truth::COUNT)
                | on(rate(window.weight(), self.config.failure_rate), Truth::RATE)
                | on(rate(float(window.slow), self.config.slow_rate), Truth::SLOW),
        )
    }

    fn count_reached(&self, window: Seen) -> bool {
        let reaches = |n| window.eighths() >= EIGHTHS * u64::from(n);
        self.config.failure_count.is_some_and(reaches)
    }

    /// The most further failures with which the count stays below its limit.
    fn more_by_count(&self, window: Seen) -> u64 {
        self.config.failure_count.map_or(PLENTY, |n| {
            (EIGHTHS * u64::from(n) - 1).saturating_sub(window.eighths()) / EIGHTHS
        })
    }

    /// Whether no number of further fast successes can make a failure rule true: the rate is judged
    /// as if `min_throughput` were reached.
    fn safe_from_failures(&self, window: Seen) -> bool {
        !self.count_reached(window)
            && self.safe_rate(window.weight(), window.calls, self.config.failure_rate)
    }

    fn safe_rate(&self, part: f64, calls: u64, rate: Option<f64>) -> bool {
        rate.is_none_or(|rate| !reached(part, calls.max(self.min_throughput()), rate))
    }

    /// Whether successes alone could make a rule true of a time window. `stays`: the evidence was found true, and no
    /// outcome changes that.
    pub(crate) fn is_armed_beside(&self, window: Seen, weighed: &Weighed, stays: bool) -> bool {
        self.is_armed(window) || weighed.holds() && !stays
    }

    /// Whether a rate is reached, and only calls are missing; or a rule is true.
    fn is_armed(&self, window: Seen) -> bool {
        !self.safe_from_failures(window)
            || !self.safe_rate(float(window.slow), window.calls, self.config.slow_rate)
    }

    /// For a time window. `stays`: the evidence was found true, and no outcome changes that.
    #[inline(always)]
    pub(crate) fn allowance_beside(
        &self,
        window: Seen,
        weighed: &Weighed,
        stays: bool,
    ) -> Allowance {
        let by_window = self.allowance(window);
        match weighed.within() {
            Some(bad) if !stays => self.allowance_of_both(by_window, weighed, bad),
            _ => by_window,
        }
    }

    #[cold]
    fn allowance_of_both(&self, by_window: Allowance, weighed: &Weighed, bad: u64) -> Allowance {
        if weighed.holds() {
            return Allowance::default();
        }
        // the classes together take no more than `bad`
        let slow = if self.slow_call() == 0 { 0 } else { bad / 4 };
        let (fast, lenient) = self.split(bad - 2 * slow);
        Allowance {
            fast_successes: by_window.fast_successes,
            fast_failures: by_window.fast_failures.min(fast),
            slow_successes: by_window.slow_successes.min(slow),
            slow_failures: by_window.slow_failures.min(slow),
            lenient_failures: by_window.lenient_failures.min(lenient),
        }
    }

    /// An allowance of fast failures, in part for the lenient ones: of those there may be more, the lighter they are.
    fn split(&self, failures: u64) -> (u64, u64) {
        if self.leniency.kinds == 0 {
            // one that was counted by rules before these looks for itself
            return (failures, 0);
        }
        // A lenient one moves no rule by more than its weight of a failure: in the rate it is a call too, and in the
        // score it lowers what it does not raise.
        let part = failures / 2;
        let lenient = (EIGHTHS * part).checked_div(self.leniency.eighths);
        (failures - part, lenient.unwrap_or(PLENTY).min(PLENTY))
    }

    /// An underestimate only costs an update.
    pub(crate) fn allowance(&self, window: Seen) -> Allowance {
        let by_count = self.more_by_count(window);
        if self.is_armed(window) {
            return self.until_enough(window, by_count);
        }
        let failures = self
            .more(window.weight(), window.calls, self.config.failure_rate)
            .min(by_count);
        let slow = self.more(float(window.slow), window.calls, self.config.slow_rate);
        // a slow failure is a part of both
        let both = if self.slow_call() == 0 {
            0
        } else {
            (failures / 2).min(slow / 2)
        };
        // what a slow failure takes is taken from both, and what is left is shared with the lenient ones
        let (fast, lenient) = self.split(failures - both);
        Allowance {
            fast_successes: PLENTY,
            fast_failures: fast,
            slow_successes: slow - both,
            slow_failures: both,
            lenient_failures: lenient,
        }
    }

    /// Under a count window: whether a success may be the outcome at which a rule is found true, or may
    /// end one in `truth`, which were true at the last outcome. Then it has to be logged, as all other
    /// outcomes are. (New rules may be true of a window in which nothing has been judged by them.)
    pub(crate) fn logs_successes(&self, window: Seen, truth: Truth) -> bool {
        truth.any() || self.awaits_calls(window) || self.truth_of_entry(window).any()
    }

    /// Under a count window: whether the next entry could make a rule true.
    pub(crate) fn is_on_the_verge(&self, window: Seen) -> bool {
        match self.config.window.geometry() {
            Geometry::Count(size) => self.entries_within(window, u64::from(size)) == 0,
            Geometry::Time { .. } => false,
        }
    }

    /// Whether a rate waits for more calls.
    fn awaits_calls(&self, window: Seen) -> bool {
        let rates = self.config.failure_rate.is_some() || self.config.slow_rate.is_some();
        rates && window.calls < self.min_throughput()
    }

    fn truth_of_entry(&self, window: Seen) -> Truth {
        // every rule needs something failed or slow
        if window.failures | window.slow == 0 {
            Truth::default()
        } else {
            self.truth(window)
        }
    }

    /// An entry's judgement, by its own window.
    pub(crate) fn judge_entry(&self, window: Seen, size: u64) -> Judgement {
        let truth = self.truth_of_entry(window);
        Judgement {
            truth,
            within: if truth.any() {
                0
            } else {
                self.entries_within(window, size)
            },
            arms: truth.any() || self.awaits_calls(window),
        }
    }

    /// How many further entries in the log of a count window of that size cannot make a rule true,
    /// whatever they are, and however many successes that need not be logged come between. No rule is
    /// true now. An underestimate only costs a look.
    pub(crate) fn entries_within(&self, window: Seen, size: u64) -> u64 {
        let by_count = self.more_by_count(window);
        if self.awaits_calls(window) {
            // Each outcome is an entry, and no rate is judged before there are enough of them.
            let calls = (self.min_throughput() - 1).saturating_sub(window.calls);
            return calls.min(by_count);
        }
        let failed = self.more_of(
            size,
            window.weight(),
            window.calls,
            self.config.failure_rate,
        );
        let slow = self.more_of(
            size,
            float(window.slow),
            window.calls,
            self.config.slow_rate,
        );
        by_count.min(failed).min(slow)
    }

    /// The most by which `part` can grow in a window of that size, every new one a call too, with its
    /// rate safe. Successes between them, and what leaves the window, only lower the rate.
    fn more_of(&self, size: u64, part: f64, calls: u64, rate: Option<f64>) -> u64 {
        let Some(below) = rate else { return PLENTY };
        // (part + more) / min(size, calls + more) < below: by both of the two divisors
        let full = ceil(below * float(size) - part).saturating_sub(1);
        let most = if calls < size {
            full.min(self.more(part, calls, rate))
        } else {
            full
        };
        // the formula may be one off, where the division rounds
        let safe = |more: &u64| !reached(part + float(*more), size.min(calls + more), below);
        [most, most.saturating_sub(1)]
            .into_iter()
            .find(safe)
            .unwrap_or(0)
    }

    /// A rate is reached, and only the number of calls, of any class, is missing. (Or a rule is
    /// true: then every outcome is checked.)
    fn until_enough(&self, window: Seen, by_count: u64) -> Allowance {
        if self.count_reached(window) {
            return Allowance::default();
        }
        let calls = (self.min_throughput() - 1).saturating_sub(window.calls);
        let slow = if self.slow_call() == 0 { 0 } else { calls / 4 };
        let both = slow.min(by_count / 2);
        let failures = ((calls - 2 * slow) / 2).min(by_count - both);
        // each is a call, and what is awaited is calls: here they are as good as others
        let lenient = if self.leniency.kinds == 0 {
            0
        } else {
            failures / 2
        };
        Allowance {
            fast_successes: calls - slow - both - failures,
            fast_failures: failures - lenient,
            lenient_failures: lenient,
            slow_successes: slow,
            slow_failures: both,
        }
    }

    /// The most by which `part` can grow, every new one a call too, with its rate safe.
    fn more(&self, part: f64, calls: u64, rate: Option<f64>) -> u64 {
        let Some(below) = rate else { return PLENTY };
        // (part + more) / max(min_throughput, calls + more) < below; a rate of 1 makes the second infinite, which
        // saturates
        let by_minimum = below * float(self.min_throughput()) - part;
        let by_calls = (below * float(calls) - part) / (1.0 - below);
        let first = by_minimum.max(by_calls);
        let more = if first.is_nan() {
            0
        } else {
            ceil(first).saturating_sub(1).min(PLENTY)
        };
        // the formula may be one off, where the division rounds
        let safe = |more: &u64| self.safe_rate(part + float(*more), calls + more, rate);
        [more, more.saturating_sub(1)]
            .into_iter()
            .find(safe)
            .unwrap_or(0)
    }

    /// The verdict on a round, if it is decided.
    pub(crate) fn verdict(&self, round: Round) -> Option<Goal> {
        // The two marks are set by the exchange that ends the round. No result lands after it.
        if round.timed_out {
            return Some(Goal::ReopenByTimeout);
        }
        if round.given_up {
            return Some(Goal::ReopenByCancelled);
        }
        let need = self.need();
        let won = match self.config.half_open.ramp {
            Some(_) => Goal::Ramp,
            None => Goal::Close,
        };
        match self.config.half_open.recovery {
            RecoveryRule::Successes(_) if round.failed > 0 => Some(Goal::ReopenByProbe),
            RecoveryRule::Successes(_) => (round.succeeded >= need).then_some(won),
            RecoveryRule::Rate { failure_rate, .. } => {
                let all = round.results();
                let lost = || {
                    reached(float(round.failed), all, failure_rate)
                        || (self.config.half_open.slow_rate)
                            .is_some_and(|rate| reached(float(round.slow), all, rate))
                };
                (all >= need).then(|| match lost() {
                    true => Goal::ReopenByProbe,
                    false => won,
                })
            }
        }
    }

    /// Whether as many probes were cancelled as the round needs results. The consequence also
    /// depends on the time, and is only considered at a cancellation.
    pub(crate) fn too_many_cancelled(&self, round: Round) -> bool {
        round.cancelled >= self.need()
    }

    /// The results that a round needs.
    fn need(&self) -> u64 {
        match self.config.half_open.recovery {
            RecoveryRule::Successes(n) => u64::from(n),
            RecoveryRule::Rate { of, .. } => u64::from(of),
        }
    }

    /// Whether there is a slot for one more probe.
    pub(crate) fn has_slot(&self, round: Round) -> bool {
        round.in_flight < u64::from(self.config.half_open.max_probes_in_force())
            && round.in_flight + round.results() < self.need()
    }

    /// Whether this result counts as failed in the round. (The totals count it by its outcome.)
    pub(crate) fn fails_round(&self, failed: bool, slow: bool) -> bool {
        let strict = matches!(self.config.half_open.recovery, RecoveryRule::Successes(_));
        let judges_slow = self.config.slow_rate.is_some() || self.config.outage.is_some();
        failed || slow && strict && judges_slow
    }

    /// What a fast failure counts as in half-open, which has no parts of a result: a failure, or nothing.
    pub(crate) fn fails_wholly(&self, kind: FailureKind) -> bool {
        2 * self.leniency.weight_of(kind) >= EIGHTHS
    }

    pub(crate) fn on_cancel(&self) -> OnCancel {
        self.config.on_cancel
    }
}

/// Without `std` there is no `f64::ceil`. Negative gives 0, infinity saturates.
fn ceil(value: f64) -> u64 {
    let whole = value as i64;
    let up = i64::from((whole as f64) < value);
    whole.saturating_add(up).max(0).cast_unsigned()
}

#[cfg(test)]
mod tests;
