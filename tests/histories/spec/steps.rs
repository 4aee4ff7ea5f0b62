//! What a call may do next, and when it may return.

use super::{Landed, Phase, Spec, failed, growth};
use crate::model::{Cause, Order, Rejection, State, WHOLE, Window};
use crate::plan::Op;
use crate::record::{Call, Said};

impl Spec {
    /// All that the call may do next, of what answers as it did. What there is after each.
    pub(crate) fn steps(
        &self,
        index: usize,
        call: &Call,
        phase: Phase,
        others: &[usize],
    ) -> Vec<(Spec, Phase)> {
        let mut found = self.all_steps(index, call, phase, others);
        found.retain(|(spec, _)| spec.may_come_to_what_is_seen(self));
        found
    }

    fn all_steps(
        &self,
        index: usize,
        call: &Call,
        phase: Phase,
        others: &[usize],
    ) -> Vec<(Spec, Phase)> {
        let mut found = Vec::new();
        let now = match phase {
            Phase::Ruled { since } => {
                for read in self.clocks.iter().filter(|read| **read >= since) {
                    found.extend(self.meanwhile(call, phase, *read));
                }
                return found;
            }
            Phase::Called { since } => {
                if let Op::State = call.op {
                    if call.said == Said::State(self.model.state()) {
                        found.push((self.clone(), Phase::Done));
                    }
                } else if let Op::Rules(_) = call.op {
                    found.extend(self.ruled(call));
                } else if let Op::Advance(by) = call.op {
                    let mut spec = self.clone();
                    spec.clock += by;
                    spec.clocks.push(spec.clock);
                    found.push((spec, Phase::Done));
                } else {
                    for read in self.clocks.iter().filter(|read| **read >= since) {
                        found.extend(self.all_steps(index, call, Phase::Read(*read), others));
                    }
                }
                return found;
            }
            Phase::Done => return found,
            Phase::Read(_) if matches!(call.op, Op::Rules(_)) => {
                return self.ruled(call).into_iter().collect();
            }
            Phase::Read(now)
            | Phase::Decided { now, .. }
            | Phase::Opened { now, .. }
            | Phase::Moved { now, .. }
            | Phase::Due { now, .. }
            | Phase::Expired { now, .. }
            | Phase::Raising { now }
            | Phase::Storing { now, .. }
            | Phase::Stored { now, .. }
            | Phase::Noting { now }
            | Phase::Beginning { now }
            | Phase::Turned { now }
            | Phase::Watching { now, .. }
            | Phase::Ignoring { now }
            | Phase::Uncounted { now, .. } => now,
            Phase::Landed(landed) => landed.now,
            Phase::Leaving(leaving) => leaving.now,
        };
        let mut spec = self.clone();
        match phase {
            Phase::Read(_) | Phase::Beginning { .. } => match call.op {
                Op::Acquire if spec.is_due(now) => {
                    if call.said == Said::Admitted {
                        let version = spec.version();
                        found.push((spec, Phase::Due { now, version }));
                    }
                }
                Op::Acquire if spec.watches() => {
                    let generation = spec.generation();
                    found.push((spec, Phase::Watching { now, generation }));
                }
                Op::Acquire if spec.rules.half_open.ramp && spec.decided.is_some() => {
                    spec.conclude(now);
                    found.push((spec, Phase::Read(now)));
                }
                Op::Acquire if spec.model.ramps() => {
                    found.extend(spec.take_share(index, now, call.said));
                }
                Op::Acquire => {
                    found.extend(spec.expired(call.said, now));
                    if spec.acquire(index, now, call.said, others.is_empty()) {
                        found.extend(spec.uncounted(now, call.said, others));
                        found.push((spec, Phase::Done));
                    }
                }
                Op::Order(order) => {
                    let earlier = spec.before_the_result(index, order);
                    for mut spec in [Some(spec), earlier].into_iter().flatten() {
                        if let Order::TripFor(wait) = order {
                            let mut spec = spec.clone();
                            if spec.order(Order::Trip, now) {
                                let generation = spec.generation();
                                let phase = Phase::Opened {
                                    now,
                                    generation,
                                    wait,
                                };
                                found.push((spec, phase));
                            }
                        }
                        let changed = spec.order(order, now);
                        if changed && matches!(order, Order::Postpone(_)) {
                            let generation = spec.generation();
                            found.push((spec, Phase::Moved { now, generation }));
                        } else if call.said == Said::Changed(changed) {
                            found.push((spec, Phase::Done));
                        }
                    }
                }
                Op::End(ending) => {
                    if let Some(generation) = spec.may_store(call, ending, now) {
                        found.push((spec.clone(), Phase::Storing { now, generation }));
                    }
                    let phase = spec.end(call, ending, now, others);
                    found.push((spec, phase));
                }
                Op::State | Op::Advance(_) | Op::Local | Op::Rules(_) => {
                    unreachable!("they do not read the clock before their effect")
                }
            },
            Phase::Decided { generation, .. } if spec.is_pending(generation) => {
                spec.conclude(now);
                found.push((spec, phase));
            }
            Phase::Decided {
                generation, asks, ..
            } => {
                let ended = generation != spec.generation();
                let lost = || spec.events()[generation as usize].cause == Cause::ProbeFailed;
                if asks && ended && lost() {
                    let phase = spec.claim(now, generation + 1, spec.rules.backoff.max);
                    found.push((spec, phase));
                } else {
                    found.push((spec, Phase::Done));
                }
            }
            Phase::Opened {
                generation, wait, ..
            } if generation == spec.generation() => {
                let phase = spec.claim(now, generation, wait);
                found.push((spec, phase));
            }
            Phase::Opened {
                generation, wait, ..
            } => {
                let probed = spec.probed_before(generation, wait);
                if call.said == Said::Changed(true) && (!probed || spec.may_have_lost(generation)) {
                    found.push((spec.clone(), Phase::Done));
                }
                if probed {
                    // it has to open once more
                    found.push((spec, Phase::Read(now)));
                }
            }
            Phase::Moved { generation, .. } if generation == spec.generation() => {
                if call.said != Said::Changed(false) {
                    spec.renewed += 1;
                    found.push((spec, Phase::Done));
                }
            }
            // a round began, or the operator was quicker: it looks again
            Phase::Moved { generation, .. } => {
                let phase = match call.op {
                    Op::Order(Order::TripFor(wait)) => Phase::Opened {
                        now,
                        generation,
                        wait,
                    },
                    Op::Order(_) => Phase::Read(now),
                    _ => Phase::Done,
                };
                found.push((spec, phase));
            }
            Phase::Due { version, .. } if version == spec.version() => {
                spec.begin_round(index, now);
                found.push((spec, Phase::Done));
            }
            Phase::Expired { .. } if matches!(call.said, Said::Rejected(by) if by.state == State::HalfOpen) =>
            {
                if !spec.is_put_off(now) {
                    return found;
                }
                spec.model.count_rejection(State::HalfOpen);
                found.push((spec, Phase::Done));
            }
            Phase::Expired { latest, round, .. } if round == spec.progress() => {
                spec.model.expect_no_probe_since(latest);
                if spec.decided.is_none() && spec.acquire(index, now, call.said, others.is_empty())
                {
                    found.extend(spec.uncounted(now, call.said, others));
                    found.push((spec, Phase::Done));
                }
            }
            Phase::Storing { generation, .. } => {
                let phase = match self.rules.consecutive_failures {
                    Some(_) => Phase::Stored { now, generation },
                    None => Phase::Done,
                };
                if !others.is_empty() {
                    let mut spec = spec.clone();
                    spec.unseen.push(others.to_vec());
                    found.push((spec, phase));
                }
                spec.store();
                found.push((spec, phase));
            }
            Phase::Stored { generation, .. } => {
                if generation == spec.generation() {
                    spec.run = 0;
                    spec.runs.push(0);
                }
                found.push((spec, Phase::Done));
            }
            Phase::Landed(landed) if landed.generation == spec.generation() => {
                found.extend(spec.follow(landed, call));
            }
            Phase::Landed(landed) => {
                if !self.may_claim(landed) {
                    return found;
                }
                let phase = spec.claim(now, landed.generation + 1, spec.rules.backoff.max);
                found.push((spec, phase));
            }
            Phase::Raising { .. } => {
                spec.raise(call, now);
                return vec![(spec, Phase::Read(now))];
            }
            Phase::Noting { .. } => {
                spec.note(call);
                return vec![(spec, Phase::Read(now))];
            }
            Phase::Turned { .. } => {
                if !spec.is_turned_away(now, call.said) {
                    return found;
                }
                spec.model.count_rejection(State::HalfOpen);
                found.extend(spec.uncounted(now, call.said, others));
                found.push((spec, Phase::Done));
            }
            Phase::Uncounted { by, .. } => {
                spec.model.count_rejection(by);
                found.push((spec, Phase::Done));
            }
            Phase::Leaving(leaving) => found.push(spec.leave_ramp(leaving, call)),
            Phase::Watching { generation, .. } => {
                found.extend(spec.look_at_watch(index, now, generation, others, call.said));
            }
            Phase::Ignoring { .. } => {
                spec.model.count_ignored(now);
                found.push((spec, Phase::Done));
            }
            // due by an older control word: as if it had not looked yet
            _ => return found,
        }
        let told = found
            .iter()
            .flat_map(|(spec, phase)| self.told(spec, *phase));
        let mut found: Vec<_> = told.collect();
        if !others.is_empty() {
            found.extend(self.meanwhile(call, phase, now));
        }
        found
    }

    /// New rules can be found.
    fn ruled(&self, call: &Call) -> Option<(Spec, Phase)> {
        let Op::Rules(failures) = call.op else {
            return None;
        };
        let mut spec = self.clone();
        spec.rules.failure_count = Some(failures);
        let since = spec.clock();
        (call.said == Said::Changed(true)).then_some((spec, Phase::Ruled { since }))
    }

    /// What a call may do to others that are under way, and which matters to nobody else.
    fn meanwhile(&self, call: &Call, phase: Phase, now: u64) -> Vec<(Spec, Phase)> {
        let mut found = Vec::new();
        // who is admitted without a look at the clock helps in nothing
        let acquires = call.op == Op::Acquire;
        let looks = !acquires || self.watches();
        let helps = looks || matches!(self.model.state(), State::Open | State::HalfOpen);
        if helps && now > self.latest {
            for date in self.dates_up_to(now) {
                let mut spec = self.clone();
                spec.date(date);
                found.push((spec, phase));
            }
        }
        let ages = self.run != 0 && self.window_is_clear(self.rolled);
        if looks && self.counting() && (self.is_beyond(now.max(self.latest)) || ages) {
            let mut spec = self.clone();
            spec.roll(now);
            found.push((spec, phase));
        }
        if let Phase::Read(_) = phase
            && self.may_raise(call, now)
        {
            found.push((self.clone(), Phase::Raising { now }));
        }
        if let Phase::Read(_) = phase
            && self.may_note(call)
        {
            found.push((self.clone(), Phase::Noting { now }));
        }
        if let Phase::Read(_) = phase
            && self.may_begin(call, now)
        {
            let mut spec = self.clone();
            spec.date(now);
            spec.model.expect_period(spec.latest);
            found.push((spec, Phase::Beginning { now }));
        }
        found
    }

    /// A call has been rejected, and counted at once: the count may come later. That matters to an adaptive wait.
    fn uncounted(&self, now: u64, said: Said, others: &[usize]) -> Option<(Spec, Phase)> {
        let Said::Rejected(Rejection { state: by, .. }) = said else {
            return None;
        };
        self.rules.backoff.adaptive.filter(|_| !others.is_empty())?;
        let mut spec = self.clone();
        spec.model.withhold_rejection(by);
        Some((spec, Phase::Uncounted { now, by }))
    }

    /// A verdict on the round of that generation is still to be carried out.
    fn is_pending(&self, generation: u64) -> bool {
        generation == self.generation() && self.decided.is_some()
    }

    /// A transition's event is written between the moment from which nothing lands any more and
    /// that at which the transition is seen. The run goes on meanwhile, so the event may have any of
    /// its values since the last landing.
    fn told(&self, after: &Spec, phase: Phase) -> Vec<(Spec, Phase)> {
        let mut all = vec![(after.clone(), phase)];
        let Some(note) = after.notes.get(self.notes.len()) else {
            return all;
        };
        // the operator's is beside the window, which may hold no failure any more
        let aged = note.cause.is_none() && self.window_is_clear(after.latest);
        let told = note.run;
        if self.counting() && !aged && self.rules.consecutive_failures.is_some() {
            for run in self.runs.iter().filter(|run| **run != told) {
                let mut other = after.clone();
                other.notes[self.notes.len()].run = *run;
                all.push((other, phase));
            }
        }
        all
    }

    /// A result that has landed goes on.
    fn follow(mut self, mut landed: Landed, call: &Call) -> Option<(Spec, Phase)> {
        let Op::End(ending) = call.op else {
            unreachable!("only results land");
        };
        let cause = if !landed.noted {
            landed.noted = true;
            let growth = growth(&self.rules, ending);
            self.run = if failed(ending) { self.run + growth } else { 0 };
            self.runs.push(self.run);
            let limit = self.rules.consecutive_failures;
            let reached = limit.is_some_and(|n| self.run >= WHOLE * u64::from(n));
            landed.by_run = failed(ending) && reached && self.model.state() == State::Closed;
            return Some((self, Phase::Landed(landed)));
        } else if landed.by_run {
            Cause::ConsecutiveFailures
        } else {
            match self.window {
                Window::Count(_) => landed.by_count?,
                Window::Time { .. } => self.judged()?,
            }
        };
        self.at(landed.now, Some(cause), |model, now| {
            model.control(Order::Trip, now)
        });
        if landed.asks {
            // where another judged it, it is too late to be the first
            landed.owes |= landed.by_count.is_none() && !landed.by_run;
            return Some((self, Phase::Landed(landed)));
        }
        Some((self, Phase::Done))
    }

    /// May a call that has come so far return?
    pub(crate) fn may_return(&self, phase: Phase) -> bool {
        match phase {
            Phase::Done | Phase::Ruled { .. } => true,
            Phase::Decided {
                generation, asks, ..
            } => !self.is_pending(generation) && !asks,
            Phase::Landed(l) if l.generation == self.generation() => {
                l.noted && !l.by_run && l.by_count.is_none() && !l.owes
            }
            Phase::Landed(l) => !self.may_claim(l) || !self.must_claim(l),
            Phase::Called { .. }
            | Phase::Read(_)
            | Phase::Opened { .. }
            | Phase::Moved { .. }
            | Phase::Due { .. }
            | Phase::Expired { .. }
            | Phase::Raising { .. }
            | Phase::Storing { .. }
            | Phase::Stored { .. }
            | Phase::Noting { .. }
            | Phase::Beginning { .. }
            | Phase::Turned { .. }
            | Phase::Leaving(_)
            | Phase::Watching { .. }
            | Phase::Ignoring { .. }
            | Phase::Uncounted { .. } => false,
        }
    }

    /// May a call return that owes a judgement, if another that has landed takes the debt? A result within
    /// its allowance returns at once, though the result before it, which is beyond its own, has yet to look.
    pub(crate) fn may_pass_on(&self, phase: Phase) -> bool {
        let paid = match phase {
            Phase::Landed(landed) => Phase::Landed(Landed {
                owes: false,
                ..landed
            }),
            other => other,
        };
        self.has_landed(phase) && self.may_return(paid)
    }

    /// Has it landed in the present generation?
    fn has_landed(&self, phase: Phase) -> bool {
        matches!(phase, Phase::Landed(landed) if landed.generation == self.generation())
    }

    /// The debt of a call that returns is that of those which have landed before it and not returned, as long as
    /// there is one. Returns whether there is.
    pub(crate) fn pass_on<'a>(
        &self,
        from: Phase,
        others: impl Iterator<Item = &'a mut Phase>,
    ) -> bool {
        let Phase::Landed(Landed { rank, .. }) = from else {
            return false;
        };
        let mut taken = false;
        for phase in others {
            if self.has_landed(*phase)
                && let Phase::Landed(landed) = phase
                && landed.rank < rank
            {
                landed.owes = true;
                taken = true;
            }
        }
        taken
    }

    /// Could a call that may return still do something? Then it matters whether it does.
    pub(crate) fn may_go_on(&self, phase: Phase) -> bool {
        match phase {
            Phase::Landed(l) if l.generation == self.generation() => {
                // another's trip may come first, and the wait that it asks for be set then
                let by_time = matches!(self.window, Window::Time { .. });
                by_time && (l.asks || self.judged().is_some())
            }
            Phase::Landed(l) => self.may_claim(l),
            Phase::Ruled { .. } => true,
            _ => false,
        }
    }

    /// After any step: whoever owes a judgement has one, if it may come to nothing now.
    pub(crate) fn absolve<'a>(&self, phases: impl Iterator<Item = &'a mut Phase>) {
        let mut clear = None;
        for phase in phases {
            if let Phase::Landed(landed) = phase
                && landed.owes
                && landed.generation == self.generation()
            {
                landed.owes = !*clear.get_or_insert_with(|| self.judged().is_none());
            }
        }
    }
}
