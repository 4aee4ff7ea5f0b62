//! The ramp: a round that is won goes on with a share of the calls; and the probe timeout, which it has in common
//! with rounds.
//!
//! Share and credit are whole numbers of 2^-20, the score is one of 2^-16, and durations are in microseconds.

#[cfg(test)]
mod by_hand;

use super::evidence::{logarithm, weights};
use super::{Cause, Counts, Ended, Hang, Model, RampsSoFar, State};

const MS: u64 = 1_000_000;
const SECOND: u64 = 1_000_000_000;
/// All calls.
const ONE: u64 = 1 << 20;
/// How long a good step lasts at least.
const STEP: u64 = 100 * MS;
const MOST_ADMITTED: u64 = 262_143;
const HIGHEST_SCORE: u64 = (1 << 21) - 1;
const LONGEST_SUM: u64 = (1 << 39) - 1;
/// A call that lasts through so many steps counts as one that began as many steps later.
const STEPS: u32 = 256;
/// How much slower than three times the slowest probe calls may be, in microseconds.
const SLACK: u64 = 20_000;
const DEFAULT_THETA: f64 = 0.5;
const DEFAULT_PATIENCE: Hang = Hang {
    after: 300 * MS,
    starts: 0,
};

/// The ramp under way.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct Ramp {
    first: u64,
    share: u64,
    credit: u64,
    score: u64,
    step: Step,
    /// The step that began with the latest cut.
    cut: Option<u32>,
    /// There was a good step since then.
    good: bool,
    /// All results so far.
    results: Counts,
    /// How long the slowest success of the round took.
    slowest: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, Hash)]
struct Step {
    number: u32,
    began: u64,
    admitted: u64,
    ended: u64,
    /// How long those that have ended took.
    sum: u64,
    /// What was admitted at half of its time.
    mark: Option<u64>,
}

/// What a judgement finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Good,
    Cut,
    /// Another step of the same share begins.
    Again,
    /// Half of its time is over.
    Marked,
}

/// At that pace, which is in 2^-16 calls per second.
fn first_share(pace: u64) -> u64 {
    let of_50 = (50_u128 << 36) / u128::from(pace);
    of_50.clamp(u128::from(ONE / 4), u128::from(ONE)) as u64
}

/// The share and the pace let so many calls be expected within a step, within 1 and 5.
fn calls_needed(share: u64, pace: u64) -> u64 {
    let calls = (u128::from(share) * u128::from(pace) / 10) >> 36;
    calls.clamp(1, 5) as u64
}

impl Ramp {
    fn next_step(&mut self, now: u64) {
        self.step = Step {
            number: self.step.number + 1,
            began: now,
            ..Step::default()
        };
    }

    fn counts_as(&self, step: u32) -> u32 {
        step + (self.step.number - step) / STEPS * STEPS
    }

    fn rise(&mut self, by: u64) {
        self.score = HIGHEST_SCORE.min(self.score + by);
    }
}

impl Model {
    /// How long a round, or a step, waits for its calls.
    pub(super) fn probe_timeout(&self) -> u64 {
        if let Some(timeout) = self.rules.half_open.probe_timeout {
            return timeout;
        }
        let (Some(hang), Some(_)) = (self.rules.hang, self.rules.backoff.adaptive) else {
            return 60 * SECOND;
        };
        let lost = self.downtime.map_or(0, |downtime| downtime.lost);
        let patience = u128::from(self.patience(hang));
        let longer = (patience * patience * (1 + u128::from(lost))).isqrt();
        longer.min(u128::from(5 * SECOND)) as u64
    }

    /// The breaker is about to open for that: an outage that only begins with it has lost nothing so far.
    pub(super) fn count_lost(&mut self, cause: Cause) {
        let lost = matches!(
            cause,
            Cause::ProbeFailed | Cause::ProbeTimeout | Cause::ProbesCancelled | Cause::RampFailed
        );
        if self.rules.backoff.adaptive.is_some()
            && let Some(downtime) = &mut self.downtime
        {
            downtime.lost += u32::from(lost);
        }
    }

    /// The round is won.
    pub(super) fn begin_ramp(&mut self, now: u64) {
        let first = first_share(self.pace.value);
        self.ramp = Some(Ramp {
            first,
            share: first,
            credit: ONE,
            score: 0,
            step: Step {
                began: now,
                ..Step::default()
            },
            cut: None,
            good: false,
            results: Counts::default(),
            slowest: self.round.slowest,
        });
        self.ramps.begun += 1;
        self.ramps.begun_with_less += u64::from(first < ONE);
    }

    /// A call of a ramp begins, after the step was judged; answers its step, if it is admitted.
    pub(super) fn admit_to_ramp(&mut self) -> Option<u32> {
        let ramp = self.ramp.as_mut()?;
        let credit = ramp.credit + ramp.share;
        if credit < ONE {
            ramp.credit = credit;
            return None;
        }
        if ramp.step.admitted == MOST_ADMITTED {
            return None;
        }
        ramp.credit = credit - ONE;
        ramp.step.admitted += 1;
        Some(ramp.step.number)
    }

    /// A call of a ramp ends with a success or a failure. If the ramp is judged from outside, it is only counted.
    pub(super) fn end_in_ramp(&mut self, step: u32, ended: Ended, now: u64) {
        let Ended {
            failure,
            slow,
            own_wait,
            took,
            ..
        } = ended;
        let failed = failure.is_some();
        let Some(ramp) = &mut self.ramp else {
            unreachable!("a call of a ramp that is over is late");
        };
        ramp.results.calls += 1;
        ramp.results.successes += u64::from(!failed);
        ramp.results.failures += u64::from(failed);
        ramp.results.slow += u64::from(slow);
        if self.apart {
            return;
        }
        self.time_in_ramp(step, took);
        self.score_in_ramp(step, failed || slow);
        self.judge_ramp(own_wait, now);
    }

    /// The duration of a call that has been counted.
    pub(crate) fn time_in_ramp(&mut self, step: u32, took: u64) {
        if let Some(ramp) = &mut self.ramp
            && ramp.step.number == ramp.counts_as(step)
        {
            ramp.step.sum = LONGEST_SUM.min(ramp.step.sum + took.div_ceil(1_000));
        }
    }

    /// What its result does to the step and to the score.
    pub(crate) fn score_in_ramp(&mut self, step: u32, is_bad: bool) {
        let (bad, good) = self.weights_in_ramp();
        let Some(ramp) = &mut self.ramp else {
            return;
        };
        let step = ramp.counts_as(step);
        ramp.step.ended += u64::from(step == ramp.step.number);
        self.ramps.out_of_step += u64::from(step < ramp.step.number);
        if ramp.cut.is_none_or(|cut| step >= cut) {
            if is_bad {
                ramp.rise(bad);
            } else {
                ramp.score = ramp.score.saturating_sub(good);
            }
        } else {
            self.ramps.before_a_cut += 1;
        }
    }

    /// A call of a ramp ends without a result.
    pub(super) fn leave_ramp(&mut self, step: u32, now: u64) {
        if let Some(ramp) = &mut self.ramp
            && ramp.step.number == ramp.counts_as(step)
        {
            ramp.step.admitted = ramp.step.admitted.saturating_sub(1);
            self.ramps.taken_off += 1;
        }
        self.judge_ramp(None, now);
    }

    fn weights_in_ramp(&self) -> (u64, u64) {
        let theta = self.rules.outage.map_or(DEFAULT_THETA, |rule| rule.theta);
        weights(theta)
    }

    /// Judges the ramp, if there is one, until nothing more follows; with the own wait of the failure that has just
    /// ended. Not if it is judged from outside.
    pub(super) fn judge_ramp(&mut self, own_wait: Option<u64>, now: u64) {
        while !self.apart && self.judge_step(own_wait, now) {}
    }

    /// Judges the step once; answers whether anything followed.
    pub(crate) fn judge_step(&mut self, own_wait: Option<u64>, now: u64) -> bool {
        let Some(mut ramp) = self.ramp else {
            return false;
        };
        if !self.rules.half_open.ramp {
            self.ramps.switched_off += 1;
            self.enter(State::Closed, Cause::RampCompleted, ramp.results, now);
            return true;
        }
        let Some(verdict) = self.verdict(&mut ramp, now) else {
            return false;
        };
        match verdict {
            Verdict::Marked => {
                self.ramps.marked += 1;
                ramp.step.mark = Some(ramp.step.admitted);
                self.ramp = Some(ramp);
                return true;
            }
            Verdict::Again => self.ramps.begun_again += 1,
            Verdict::Good => {
                self.ramps.good_steps += 1;
                self.ramps.good_after_a_cut += u64::from(ramp.cut.is_some());
                ramp.good = true;
                ramp.share = match ramp.cut {
                    None => 3 * ramp.share,
                    Some(_) => 3 * ramp.share / 2,
                };
                if ramp.share >= ONE {
                    self.enter(State::Closed, Cause::RampCompleted, ramp.results, now);
                    return true;
                }
            }
            Verdict::Cut => {
                let again = ramp.cut.is_some() && !ramp.good;
                if ramp.share == ramp.first || again {
                    self.open(Cause::RampFailed, own_wait, ramp.results, now);
                    return true;
                }
                self.ramps.outlasted += 1;
                ramp.share = (ramp.share / 2).max(ramp.first);
                ramp.score = 0;
                ramp.cut = Some(ramp.step.number + 1);
                ramp.good = false;
            }
        }
        ramp.next_step(now);
        self.ramp = Some(ramp);
        true
    }

    /// How the step stands, if it is over.
    fn verdict(&mut self, ramp: &mut Ramp, now: u64) -> Option<Verdict> {
        let pace = self.pace.value;
        let patience = self.patience(self.rules.hang.unwrap_or(DEFAULT_PATIENCE));
        let (bad, _) = self.weights_in_ramp();
        // a call may have read the clock before the step began
        let age = now.saturating_sub(ramp.step.began);
        let time = self.probe_timeout().max(STEP);
        let Step {
            admitted,
            ended,
            sum,
            mark,
            ..
        } = ramp.step;
        let marked = mark.unwrap_or(admitted).min(admitted);
        let over = age >= time;
        if over {
            let overdue = marked.saturating_sub(ended);
            self.ramps.leaked += overdue;
            ramp.rise(overdue * bad);
        }
        if ramp.score >= logarithm(4 * u128::from(admitted.max(5))) {
            self.ramps.cut_by_score += 1;
            return Some(Verdict::Cut);
        }
        if admitted.saturating_sub(ended) >= 10 && age > patience && 2 * ended < admitted {
            self.ramps.cut_by_hang += 1;
            return Some(Verdict::Cut);
        }
        let quorum = calls_needed(ramp.share, pace);
        let nearly_all = ended >= quorum && 10 * ended >= 9 * admitted;
        let waited = marked >= quorum || marked > 0 && ended >= marked;
        if age >= STEP && nearly_all || over && waited {
            let most = |slowest: u64| ended * (3 * slowest + SLACK);
            if ended >= 5 && ramp.slowest.is_some_and(|slowest| sum > most(slowest)) {
                self.ramps.cut_by_durations += 1;
                return Some(Verdict::Cut);
            }
            self.ramps.waited_for += u64::from(!nearly_all);
            return Some(Verdict::Good);
        }
        if over {
            return Some(Verdict::Again);
        }
        (mark.is_none() && age >= time / 2).then_some(Verdict::Marked)
    }

    /// A ramp is under way.
    pub(crate) fn ramps(&self) -> bool {
        self.ramp.is_some()
    }

    /// A success of the round took that long: it is known before the success counts.
    pub(crate) fn note_probe(&mut self, took: u64) {
        let slowest = match &mut self.ramp {
            Some(ramp) => &mut ramp.slowest,
            None => &mut self.round.slowest,
        };
        *slowest = (*slowest).max(Some(took.div_ceil(1_000)));
    }

    /// Whether a success that took that long would be the slowest of its round.
    pub(crate) fn is_slowest(&self, took: u64) -> bool {
        self.round.slowest < Some(took.div_ceil(1_000))
    }

    pub(super) fn ramp_slowest(&self) -> Option<u64> {
        self.ramp?.slowest
    }

    // ---- what can be seen

    pub(super) fn admitted_share(&self) -> f64 {
        match (self.state, self.ramp) {
            (State::Closed | State::Disabled | State::ObserveOnly, _) => 1.0,
            (_, Some(ramp)) => ramp.share as f64 / ONE as f64,
            _ => 0.0,
        }
    }

    /// What is left of the time that a step lasts at least.
    pub(crate) fn rest_of_step(&self, now: u64) -> Option<u64> {
        let age = now.saturating_sub(self.ramp?.step.began);
        let left = STEP.saturating_sub(age);
        (left > 0).then_some(left)
    }

    /// The next moment at which time alone may decide about the step.
    pub(super) fn turn_of_ramp(&self, now: u64) -> Option<u64> {
        let began = self.ramp?.step.began;
        let patience = self.patience(self.rules.hang.unwrap_or(DEFAULT_PATIENCE));
        let time = self.probe_timeout().max(STEP);
        let turns = [STEP, time / 2, time, patience + 1];
        let after = |turn: u64| began.checked_add(turn).filter(|at| *at > now);
        turns.into_iter().filter_map(after).min()
    }

    pub(crate) fn ramps_so_far(&self) -> RampsSoFar {
        self.ramps
    }
}
