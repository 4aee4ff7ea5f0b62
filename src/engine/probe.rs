//! The half-open round: which calls get a slot, and what their results decide.
//!
//! Every step is one exchange on the round word. A slot is taken after `latest_admission` was
//! raised, never before: between the two another thread may check for a timeout, and must not find
//! one that this probe's admission has just prevented. The latest result is likewise raised before
//! the result is counted. A round ends at the exchange that decides it. A thread that finds it
//! decided performs its transition, and later results are late.

use crate::engine::call::{Admission, Outgoing};
use crate::engine::state::Core;
use crate::engine::window::class::Class;
use crate::engine::window::stripes::Side;
use crate::error::Rejected;
use crate::words::control::{Control, Goal};
use crate::words::deadline::{Wait, whole_milliseconds};
use crate::words::outcome::{Cause, FailureKind, State};
use crate::words::round::Round;

impl Core {
    /// Open, and its wait is over: the call that announces the round is its first probe.
    pub(crate) fn begin_round(&self, control: Control, now: u64) -> Option<Admission> {
        // Before the announcement: an acquire that meets the fresh round must not find an admission
        // time of an earlier one, or the round would look timed out at once.
        self.probing.latest_admission.raise(now);
        let announced = control.announce(Goal::Probe);
        let half_open = announced.become_(State::HalfOpen, crate::words::control::Flags::default());
        // From exactly the word under which the deadline was read. A thread that moves the deadline
        // changes that word, so this exchange fails, and the deadline is read again.
        self.start(control, announced, now, Wait::Backoff)
            .then_some(Admission {
                period: half_open.period(),
                start: now,
            })
    }

    /// Returns `None` if the caller must look again.
    pub(crate) fn take_slot(
        &self,
        control: Control,
        now: u64,
    ) -> Option<Result<Admission, Rejected>> {
        if control.ramps() {
            return self.take_share(control, now);
        }
        let policy = self.head.policy.load();
        let round = self.probing.round.load();
        // A transition to half-open that began after control was read has written its own round: control is
        // read again. Another transition leaves this round, and then the call overlaps it.
        if !round.is_of(control.generation()) {
            return None;
        }
        if let Some(goal) = policy.verdict(round) {
            // The round is decided, and the thread that decided it may have stopped: any acquire
            // can make the transition.
            self.update(control, goal, now, Wait::Backoff);
            return None;
        }
        if policy.has_slot(round) {
            self.probing.latest_admission.raise(now);
            // Two acquires may both see the free slot. The admissions are counted in the word, so
            // one exchange succeeds even if a slot came back in between.
            self.probing.round.cas(round, round.admit()).ok()?;
            return Some(Ok(Admission {
                period: control.period(),
                start: now,
            }));
        }
        let rejected = Rejected::by(State::HalfOpen);
        let timeout = self.probe_timeout(&policy, None);
        // After the round was read. A probe that is admitted after this load changes the round, and
        // the exchange below fails.
        let latest = self.probing.latest_admission.load();
        if now < whole_milliseconds(latest.saturating_add(timeout)) {
            return Some(Err(rejected));
        }
        // The probes leaked: the round is over at this exchange, and its finder is rejected. Another thread may
        // end it first, by an older reading of the clock: not earlier than this.
        self.heard(now);
        let over = Round {
            timed_out: true,
            ..round
        };
        // A result that lands first changes the round, and this fails: then the round has not timed
        // out. If this succeeds, any later result finds the round decided and is late.
        self.probing.round.cas(round, over).ok()?;
        self.leave_period(control.period(), Goal::ReopenByTimeout, now, Wait::Backoff);
        // The event says who ended the round: another thread may have done so for another cause.
        let event = self.history.read(control.next_generation().number());
        if event.is_none_or(|event| event.cause != Cause::ProbeTimeout) {
            return None; // the controller was quicker
        }
        // if that Open is over by now, nothing is left of its wait
        let rest = self.open_for(control.next_generation(), now).unwrap_or(0);
        Some(Err(Rejected::by_open(
            control.with_cause(Cause::ProbeTimeout),
            rest,
        )))
    }

    /// A probe, or a call of a ramp, ends with a result, after `lasted` nanoseconds.
    pub(crate) fn conclude_probe(
        &self,
        admission: Admission,
        out: Outgoing,
        lasted: u64,
        now: u64,
    ) {
        let policy = self.head.policy.load();
        // By the rules themselves: no update adopts kinds in the middle of a round.
        if out.class == Class::FastFailure && !policy.fails_wholly(out.kind) {
            return self.give_back(admission, now, |side| {
                // a total before its part
                self.probing.results[Class::FastFailure as usize].add(1);
                side.kinds[out.kind.slot()].add(1);
            });
        }
        if let Some(step) = admission.period.step() {
            let period = admission.period.whole();
            return self.conclude_in_ramp(period, step, out, lasted, now);
        }
        let (failed, slow) = (out.class.failed(), out.class.slow());
        let fails = u64::from(policy.fails_round(failed, slow));
        let noted = fails == 0 && policy.config.times_probes();
        let after = |round: Round| {
            // Before the exchange, never after: a cancellation that finds this result in the round reads
            // its time, or a later one.
            self.probing.latest_result.raise(now);
            // So is its duration. If the exchange fails, and the probe is late, other probes have decided the round:
            // a call that comes to its ramp meanwhile overlaps this one.
            if noted {
                self.note_probe(admission.period.generation(), lasted);
            }
            let round = round.give_back();
            Round {
                succeeded: round.succeeded + 1 - fails,
                failed: round.failed + fails,
                slow: round.slow + u64::from(slow),
                ..round
            }
        };
        let kind = out.failure();
        let Some(round) = self.update_round(admission, now, kind, after) else {
            if !failed {
                self.probing.late_successes.add(1);
            }
            return;
        };
        // The exchange has counted the result. These are sums for readers.
        self.probing.results[out.class as usize].add(1);
        if failed {
            self.stripes.side().kinds[out.kind.slot()].add(1);
        }
        // This thread's exchange decided the round, and it makes the transition. If it stops here,
        // the next acquire does.
        if let Some(goal) = policy.verdict(round) {
            // what a success decides waits for the backoff
            let own = out.wait.filter(|_| failed);
            self.leave_period(admission.period, goal, now, Wait::of_failure(own));
            // a thread that found the round decided before us did not know our wait; if it was the
            // controller that ended the round, its wait stands
            if let Some(own) = own {
                self.lengthen_deadline(admission.period, own, now, |cause| {
                    cause == Cause::ProbeFailed
                });
            }
        }
    }

    /// A probe was cancelled. A caller that leaves says nothing about the dependency. The round is
    /// given up only if as many left as the round needs results, and no result came within the
    /// probe timeout.
    pub(crate) fn cancel_probe(&self, admission: Admission, now: u64) {
        if let Some(step) = admission.period.step() {
            let period = admission.period.whole();
            return self.leave_ramp(period, step, now, |side| side.cancelled.add(1));
        }
        let policy = self.head.policy.load();
        let timeout = self.probe_timeout(&policy, None);
        let after = |round: Round| {
            let round = round.cancel();
            // After the round was read, so no older than the results that it holds. One that comes
            // meanwhile changes the round, and this exchange fails.
            let latest = self.probing.latest_result.load();
            let heard = latest.max(self.ledger.since.load());
            Round {
                given_up: policy.too_many_cancelled(round)
                    && now >= whole_milliseconds(heard.saturating_add(timeout)),
                ..round
            }
        };
        let Some(round) = self.update_round(admission, now, None, after) else {
            return;
        };
        self.stripes.side().cancelled.add(1);
        if round.given_up {
            self.leave_period(
                admission.period,
                Goal::ReopenByCancelled,
                now,
                Wait::Backoff,
            );
        }
    }

    /// An ignored probe only gives its slot back.
    pub(crate) fn ignore_probe(&self, admission: Admission) {
        let now = self.head.clock.nanos();
        self.give_back(admission, now, |side| side.ignored.add(1));
    }

    /// A call ends that decides nothing: counts it where it belongs, if it is not late.
    fn give_back(&self, admission: Admission, now: u64, count: impl Fn(&Side)) {
        if let Some(step) = admission.period.step() {
            let period = admission.period.whole();
            return self.leave_ramp(period, step, now, count);
        }
        let round = self.update_round(admission, now, None, Round::give_back);
        if round.is_some() {
            count(self.stripes.side());
        }
    }

    /// Makes one exchange on the round of that admission; `kind` is that of its failure. Returns
    /// `None`, and counts the result as late, if the round is over.
    fn update_round(
        &self,
        admission: Admission,
        now: u64,
        kind: Option<FailureKind>,
        after: impl Fn(Round) -> Round,
    ) -> Option<Round> {
        let policy = self.head.policy.load();
        loop {
            // While an update is under way the round may be about to be replaced. It is finished
            // first.
            let control = self.quiet(now);
            // Or the round was won, by rules that asked for fewer results.
            if control.period() != admission.period || control.ramps() {
                self.late();
                return None;
            }
            let round = self.probing.round.load();
            // Control was read before the round, so the round can only be of a later generation:
            // the next turn finds the period ended.
            if !round.is_of(control.generation()) {
                continue;
            }
            // Another probe decided it. Its transition is made before this result is counted as
            // late, so that a call which returns late returns after the transition.
            if let Some(goal) = policy.verdict(round) {
                self.update(control, goal, now, Wait::Backoff);
                continue;
            }
            let next = after(round);
            if policy.verdict(next).is_some() {
                // Before the exchange that decides: any thread that finds the round decided ends it, and it may
                // have read the clock long ago.
                self.leave_kind(control.generation(), kind);
                self.heard(now);
            }
            // The one step at which the result counts. If another probe comes first, `after` is
            // asked again for what that one left.
            if self.probing.round.cas(round, next).is_ok() {
                return Some(next);
            }
        }
    }
}
