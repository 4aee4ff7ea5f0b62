//! Outcomes: the end of every call.
//!
//! A success while closed is a load of control, a clock reading, a comparison with the period's
//! end, and one exchange on this thread's stripe. The exchange expects the version of the control
//! word that was read. Between the two an update may announce, freeze and publish: then the
//! exchange fails, and control is read again. "Count it" and "what I checked still holds" are one
//! step.
//!
//! Under a count window there are no epochs, so that no clock is read for an untimed call. Outcomes
//! that are not fast successes land on the window's log, by one exchange that expects the version too.

use crate::clock::saturating_nanos;
use crate::config::settings::OnCancel;
use crate::engine::adaptive::AdaptiveWords;
use crate::engine::call::{Admission, Outgoing, Timing, UNTIMED};
use crate::engine::state::Core;
use crate::engine::window::Shape;
use crate::engine::window::class::Class;
use crate::engine::window::count::{CountWindow, Entry, Judged};
use crate::engine::window::stripes::{Landed, Owned, Side, Stripe};
use crate::words::control::{Control, Goal};
use crate::words::deadline::Wait;
use crate::words::leniency::EIGHTHS;
use crate::words::outcome::{Cause, FailureKind, Outcome, State};
use crate::words::run::Run;
use crate::words::tagged::{PAYLOAD_MAX, Tagged};
use core::time::Duration;

/// So many successes in a stripe of a count window are followed by an update, as the end of an epoch is
/// elsewhere: counts are modulo 2^40, and all stripes together are to stay within that.
const LAP: u64 = 1 << 30;

impl Core {
    /// A permit got its result. The common cases have paths of their own: a success that is not
    /// slow, inlined into the caller's code, and an untimed failure.
    #[inline(always)]
    pub(crate) fn conclude(&self, admission: Admission, outcome: Outcome, timing: Timing) {
        match outcome {
            Outcome::Success => match &self.head.window {
                Shape::Time(_) => {
                    // One reading of the clock serves everything that this result leads to: whether
                    // it was slow, the epoch in which it is counted, and the time of a trip.
                    let now = self.head.clock.nanos();
                    if admission.is_timed(timing) {
                        self.succeed_timed(admission, timing, now);
                    } else if !self.try_in_stripe(admission, Outgoing::SUCCESS, now) {
                        self.record_slow(admission, Outgoing::SUCCESS, timing, now);
                    }
                }
                Shape::Count(_) if !admission.is_timed(timing) => {
                    if !self.try_unlogged(admission) {
                        self.conclude_slow(admission, Outgoing::SUCCESS);
                    }
                }
                Shape::Count(_) => self.succeed_in_count(admission, timing),
            },
            Outcome::Failure(kind) if !admission.is_timed(timing) => self.fail(admission, kind),
            Outcome::Failure(kind) => self.fail_timed(admission, kind, None, timing),
            Outcome::FailureRetryAfter(kind, wait) => {
                self.fail_timed(admission, kind, Some(wait), timing);
            }
            Outcome::Ignored => self.ignore(admission),
        }
    }

    /// A timed success under a window of time.
    #[inline(never)]
    fn succeed_timed(&self, admission: Admission, timing: Timing, now: u64) {
        let out = if self.exceeds_limit(admission, timing, now) {
            Outgoing::SLOW_SUCCESS
        } else {
            Outgoing::SUCCESS
        };
        // Under the hang rule the first success of a tick leaves its duration.
        let samples = match self.count_in_stripe(admission, out, now, false) {
            Some(control) => control.watches(),
            None => self.record_slow(admission, out, timing, now),
        };
        if samples {
            self.sample(admission, timing, now);
        }
    }

    /// A success was counted: it leaves its duration, if it is timed and the first of its tick.
    #[inline(never)]
    fn sample(&self, admission: Admission, timing: Timing, now: u64) {
        let Some(words) = self.adaptive.get() else {
            return;
        };
        let sample = words.sample.load();
        if sample.payload() != 0 || !words.watches(self.control()) || !admission.is_timed(timing) {
            return;
        }
        let lasted = self.lasted(admission, timing, now).clamp(1, PAYLOAD_MAX);
        // Another success may come first, or the tick may end: then this one's duration is not needed.
        let _ = words.sample.cas(sample, Tagged::new(sample.tag(), lasted));
    }

    /// How long a timed call took, in nanoseconds.
    fn lasted(&self, admission: Admission, timing: Timing, now: u64) -> u64 {
        match timing.lasted {
            Some(lasted) => lasted,
            None if self.has_stopwatch(timing.limit) => {
                admission.lasted(self.head.clock.stopwatch())
            }
            None => admission.lasted(now),
        }
    }

    /// How long a call has lasted so far, in nanoseconds, if it is timed. `own`: a slow limit of its own.
    #[cold]
    pub(crate) fn lasted_so_far(&self, admission: Admission, own: Option<u64>) -> Option<u64> {
        let now = || match self.has_stopwatch(own) {
            true => self.head.clock.stopwatch(),
            false => self.head.clock.nanos(),
        };
        (admission.start != UNTIMED).then(|| admission.lasted(now()))
    }

    /// A timed success under a count window.
    #[inline(never)]
    fn succeed_in_count(&self, admission: Admission, timing: Timing) {
        let now = self.head.clock.nanos();
        if self.exceeds_limit(admission, timing, now) {
            self.record(admission, Outgoing::SLOW_SUCCESS, timing, now);
        } else if !self.try_unlogged(admission) {
            self.record_at_once(admission, Outgoing::SUCCESS, timing, now);
        }
    }

    /// An untimed outcome under a count window: the clock is read where something follows from it.
    #[inline(never)]
    fn conclude_slow(&self, admission: Admission, out: Outgoing) {
        if let Shape::Count(window) = &self.head.window
            && !self.try_in_count(window, admission, out, None)
        {
            self.record_slow(admission, out, Timing::default(), self.head.clock.nanos());
        }
    }

    #[inline(never)]
    fn fail(&self, admission: Admission, kind: FailureKind) {
        match &self.head.window {
            Shape::Time(_) => {
                let now = self.head.clock.nanos();
                let out = Outgoing::failure_of(kind, false);
                if self.count_in_stripe(admission, out, now, true).is_none() {
                    self.fail_again(admission, kind, now);
                }
            }
            // there every failure counts wholly
            Shape::Count(_) => {
                let out = Outgoing::failure_of(kind, false);
                self.conclude_slow(admission, out);
            }
        }
    }

    /// An update came between, or the failure may be lenient.
    #[cold]
    #[inline(never)]
    fn fail_again(&self, admission: Admission, kind: FailureKind, now: u64) {
        let out = Outgoing::failure_of(kind, false);
        self.record_at_once(admission, out, Timing::default(), now);
    }

    #[inline(never)]
    fn fail_timed(
        &self,
        admission: Admission,
        kind: FailureKind,
        wait: Option<Duration>,
        timing: Timing,
    ) {
        let now = self.head.clock.nanos();
        let out = Outgoing {
            wait: wait.map(|wait| self.within_cap(wait)),
            ..Outgoing::failure_of(kind, self.is_slow(admission, timing, now))
        };
        self.record(admission, out, timing, now);
    }

    #[cold]
    fn within_cap(&self, wait: Duration) -> u64 {
        saturating_nanos(wait).min(self.head.policy.load().config.open_for.cap_nanos())
    }

    #[inline(always)]
    fn is_slow(&self, admission: Admission, timing: Timing, now: u64) -> bool {
        admission.is_timed(timing) && self.exceeds_limit(admission, timing, now)
    }

    /// For a timed call that ends with a success or a failure.
    #[inline(always)]
    fn exceeds_limit(&self, admission: Admission, timing: Timing, now: u64) -> bool {
        if self.has_stopwatch(timing.limit) {
            return self.exceeds_by_stopwatch(admission, timing);
        }
        let lasted = timing.lasted.unwrap_or_else(|| admission.lasted(now));
        self.is_beyond_limit(admission, lasted, timing.limit)
    }

    #[inline(never)]
    fn exceeds_by_stopwatch(&self, admission: Admission, timing: Timing) -> bool {
        let lasted = match timing.lasted {
            Some(lasted) => {
                self.note_duration(admission, lasted);
                lasted
            }
            None => {
                let lasted = admission.lasted(self.head.clock.stopwatch());
                self.note_measured(admission, lasted);
                lasted
            }
        };
        self.is_beyond_limit(admission, lasted, timing.limit)
    }

    /// Rounds up, so that the duration kept is never too short, however coarse the stopwatch.
    fn note_measured(&self, admission: Admission, lasted: u64) {
        let most = lasted.saturating_add(self.head.clock.unseen());
        self.note_duration(admission, most);
    }

    #[inline(always)]
    fn is_beyond_limit(&self, admission: Admission, lasted: u64, own: Option<u64>) -> bool {
        // An update may replace the limit between the end of the call and this load. The result is
        // judged by either: it overlaps the change of the rules.
        let limit = own.unwrap_or_else(|| self.slow_limit(admission));
        limit != 0 && lasted > limit
    }

    /// Except under Disabled, which counts no calls.
    #[cold]
    fn note_duration(&self, admission: Admission, lasted: u64) {
        if let Some(histogram) = &self.head.durations
            && admission.period.state() != State::Disabled
        {
            histogram.add(lasted);
        }
    }

    /// The limit in force; 0 for none. Updates adopt new rules where outcomes are counted; a probe
    /// asks the rules themselves.
    #[inline(always)]
    fn slow_limit(&self, admission: Admission) -> u64 {
        // No update applies new rules to the head's words while a round is under way.
        if admission.period.state() == State::HalfOpen {
            self.slow_limit_of_probes()
        } else {
            self.head.slow_limit.load().payload()
        }
    }

    #[cold]
    fn slow_limit_of_probes(&self) -> u64 {
        self.head.policy.load().slow_call()
    }

    #[inline(never)]
    pub(crate) fn record(&self, admission: Admission, out: Outgoing, timing: Timing, now: u64) {
        self.record_at_once(admission, out, timing, now);
    }

    #[inline(always)]
    fn record_at_once(&self, admission: Admission, out: Outgoing, timing: Timing, now: u64) {
        if !self.try_record(admission, out, now) {
            self.record_slow(admission, out, timing, now);
        }
    }

    /// Records the outcome, however often other threads interfere. Everything that follows from it
    /// (slow or not, its epoch, a trip) follows at one time. Returns whether it counts in the window.
    #[cold]
    fn record_slow(&self, admission: Admission, out: Outgoing, timing: Timing, now: u64) -> bool {
        let admission = self.give_place_back(admission);
        // Each turn means that another thread's update came between, so the system as a whole makes
        // progress. This thread helps to finish that update instead of waiting for its announcer.
        while self.resolve(admission, out, timing, now) {
            if self.try_record(admission, out, now) {
                return true;
            }
        }
        false
    }

    /// Counts the outcome if nothing prevents it: an update, another period, the end of an epoch.
    #[inline(always)]
    fn try_record(&self, admission: Admission, out: Outgoing, now: u64) -> bool {
        match &self.head.window {
            Shape::Time(_) => self.try_in_stripe(admission, out, now),
            Shape::Count(window) => self.try_in_count(window, admission, out, Some(now)),
        }
    }

    #[inline(always)]
    fn try_in_stripe(&self, admission: Admission, out: Outgoing, now: u64) -> bool {
        self.count_in_stripe(admission, out, now, false).is_some()
    }

    /// Returns the control word under which the outcome was counted. `known`: a failure only if none can be lenient,
    /// which saves it a dozen instructions.
    #[inline(always)]
    fn count_in_stripe(
        &self,
        admission: Admission,
        out: Outgoing,
        now: u64,
        known: bool,
    ) -> Option<Control> {
        // Everything below is valid for this control word only. The exchange on the stripe expects
        // its version, so it fails if another thread announces an update after this load.
        let control = self.control();
        if !(control.counting()
            && control.quiet_in(admission.period)
            && now < self.head.period_end.load())
        {
            return None;
        }
        // Words that come after this look: nothing is lenient under this control word.
        if out.class == Class::FastFailure
            && let Some(words) = self.adaptive.get()
        {
            return if known {
                None
            } else {
                self.count_weighed(words, control, out, now)
            };
        }
        self.count_under(control, out, now)
    }

    /// A fast failure, which may be lenient.
    #[cold]
    #[inline(never)]
    fn count_weighed(
        &self,
        words: &AdaptiveWords,
        control: Control,
        out: Outgoing,
        now: u64,
    ) -> Option<Control> {
        let class = words.class_of(out.kind);
        self.count_under(control, Outgoing { class, ..out }, now)
    }

    /// Counts the outcome unless an update has been announced since control was read.
    #[inline(always)]
    fn count_under(&self, control: Control, out: Outgoing, now: u64) -> Option<Control> {
        // Another thread may double the stripes now. This stripe stays among them, and its word
        // gets the new version, so the exchange below fails and control is read again.
        let stripe = self.stripes.mine(control.stripes());
        // The result is counted here or not at all. Before this exchange a thread that stops has
        // changed nothing; after it, the count is in the window of every later update.
        let landed = stripe.try_count(out.class, control.version())?;
        if out.class.failed() {
            // A sum for readers. A snapshot that comes between the two has the failure and not yet
            // its kind.
            stripe.side.kinds[out.kind.slot()].add(1);
        }
        // If this thread stops before it has judged, the rule is judged by the next result that
        // finds itself beyond its limit, and by each update.
        self.judge(control, stripe, out, landed.count, now);
        // Another thread's exchange came first. The result is counted by now, so growing is only
        // for those that follow.
        if landed.contended {
            self.grow(control, now);
        }
        Some(control)
    }

    /// A local handle's success: a load and a store, if nothing prevents it.
    #[inline(always)]
    pub(crate) fn succeed_in(&self, owned: &Owned, admission: Admission, timing: Timing) {
        let now = self.head.clock.nanos();
        let slow = self.is_slow(admission, timing, now);
        let control = self.control();
        if !slow
            // While successes alone can make a rule true, they have to look at a limit, and an
            // owned count has none.
            && !control.armed()
            && control.counting()
            && control.quiet_in(admission.period)
            && now < self.head.period_end.load()
        {
            // an update that comes between takes the count as it finds it: this one success may be
            // attributed to the period in which it is stored
            owned.add_one();
            // After the store: an update that ends the run in between counts this success too.
            if control.runs() {
                self.note_run(control, Outgoing::SUCCESS, now);
            }
            if control.watches() {
                self.sample(admission, timing, now);
            }
            return;
        }
        self.succeed_shared(admission, timing, slow, now);
    }

    /// A local handle's success that is not counted in its own stripe.
    #[inline(never)]
    fn succeed_shared(&self, admission: Admission, timing: Timing, slow: bool, now: u64) {
        let out = if slow {
            Outgoing::SLOW_SUCCESS
        } else {
            Outgoing::SUCCESS
        };
        let counted =
            self.try_record(admission, out, now) || self.record_slow(admission, out, timing, now);
        if counted {
            self.sample(admission, timing, now);
        }
    }

    /// The outcome was recorded: must a thread check the rules?
    #[inline(always)]
    fn judge(&self, control: Control, stripe: &Stripe, out: Outgoing, count: u64, now: u64) {
        // The run first: if both the run and a rule on the window become true, the run is the cause
        // that is reported.
        if control.runs() {
            self.note_run(control, out, now);
        }
        let asks = control.armed() || out.class != Class::FastSuccess;
        // An update may replace the limit before this load. Its tag is another version's then, and
        // the result looks for itself.
        if asks && !stripe.within(out.class, control.version(), count) {
            self.check(control, now, out);
        }
    }

    /// An obstacle came between an outcome and its count. Returns false if the outcome is dealt
    /// with.
    #[cold]
    fn resolve(&self, admission: Admission, out: Outgoing, timing: Timing, now: u64) -> bool {
        let control = self.control();
        // The period ended while the call was under way. A later period may have the same state;
        // its generation differs, so the result is late there too.
        if control.period() != admission.period.whole() {
            self.late();
            let probe = admission.period.state() == State::HalfOpen;
            if probe && admission.period.step().is_none() && !out.class.failed() {
                self.probing.late_successes.add(1);
            }
            return false;
        }
        match control.state() {
            State::HalfOpen => {
                // The admission is this round's, or the period would differ.
                let lasted = self.lasted(admission, timing, now);
                self.conclude_probe(admission, out, lasted, now);
                false
            }
            // admitted while disabled: in no total
            State::Disabled => false,
            _ => {
                // The update has frozen the counts, so nothing can land until it is published. The
                // thread that announced it may have stopped.
                if control.updating() {
                    self.finish(control, now, Wait::Backoff);
                } else if now >= self.head.period_end.load() {
                    // The epoch is over by this thread's clock. Of several threads that find this,
                    // one announces the update, and for the others the next turn finds it done.
                    self.update(control, Goal::Maintain, now, Wait::Backoff);
                }
                true
            }
        }
    }

    /// An outcome was recorded at the word `landed`: sees to it that a `Check` of a later version
    /// is done.
    #[cold]
    fn check(&self, landed: Control, now: u64, out: Outgoing) {
        let own = out.wait;
        loop {
            let control = self.control();
            // Another thread has tripped, or an operator has moved the breaker on: there is no rule
            // left to judge.
            if !control.counting() || control.period() != landed.period() {
                break;
            }
            // A `Check` of a later version was announced after this result had landed, so the
            // counts that it freezes contain the result, and its judgement is this result's
            // judgement.
            let covered = control.version() != landed.version() && control.goal() == Goal::Check;
            if control.updating() {
                // Only what is published counts: a thread that stopped must not leave this call
                // without the trip that its failure caused.
                self.finish(control, now, Wait::Backoff);
                if covered {
                    break;
                }
                continue;
            }
            if covered {
                break;
            }
            if self.bound.is_some() && self.stays_withheld(control, now) {
                break;
            }
            // Before the announcement, so that any helper that carries out the trip finds the kind.
            self.leave_kind(control.generation(), out.failure());
            if self.update(control, Goal::Check, now, Wait::of_failure(own)) {
                break;
            }
        }
        // A helper may have set the deadline without knowing of the wait that this failure asked
        // for.
        if let Some(own) = own {
            self.lengthen_deadline(landed.period(), own, now, Cause::is_rule);
        }
    }

    /// An outcome made a rule true by itself: in a run, or in a count window.
    #[cold]
    fn trip(&self, landed: Control, goal: Goal, now: u64, out: Outgoing) {
        let own = out.wait;
        // Before the announcement. If another thread leaves the period first, its own cause stands. The kind is
        // tagged with its generation, and no transition of a later one reads it.
        self.leave_kind(landed.generation(), out.failure());
        self.leave_period(landed.period(), goal, now, Wait::of_failure(own));
        if let Some(own) = own {
            self.lengthen_deadline(landed.period(), own, now, Cause::is_rule);
        }
    }

    /// Whether a rule that is true trips: not under observe-only, nor where the registry withholds it.
    #[inline]
    fn may_trip(&self, control: Control) -> bool {
        control.state() == State::Closed && !self.withholds()
    }

    /// As if an outcome had met another's exchange.
    #[cfg(tripcoil_loom)]
    pub(crate) fn collide(&self) {
        self.grow(self.control(), self.head.clock.nanos());
    }

    #[cold]
    fn grow(&self, control: Control, now: u64) {
        // The array is in place before the control word announces it. If control has moved on, the
        // growth is left to the next result that meets another.
        if self.stripes.grow(control.level()) && self.control() == control {
            self.start(
                control,
                control.announce(Goal::Maintain).more_stripes(),
                now,
                Wait::Backoff,
            );
        }
    }

    #[cold]
    fn weight_of(&self, kind: FailureKind) -> u64 {
        let words = self.adaptive.get();
        words.map_or(EIGHTHS, |words| words.leniency().weight_of(kind))
    }

    /// The rule on runs: a failure adds to the run, a success ends it. A success without a run
    /// writes nothing.
    #[inline]
    fn note_run(&self, control: Control, out: Outgoing, now: u64) {
        let generation = control.generation();
        let failed = out.class.failed();
        // By the rules of now, which may be later than those by which it was counted: it is noted after them.
        let eighths = match out.class {
            Class::LenientFailure => self.weight_of(out.kind),
            _ => EIGHTHS,
        };
        // The run is not frozen by updates, since it decides by itself: the exchange that makes it
        // long enough is the decision.
        let mut word = self.ledger.run.load();
        loop {
            // A helper of the transition has begun the next generation's run already, and control
            // still names the old one.
            if word.later_than(generation) {
                // the transition that ends this generation is under way: no failure returns before it
                if failed {
                    self.leave_period(control.period(), Goal::TripByRun, now, Wait::Backoff);
                }
                return;
            }
            let run = word.payload();
            // There is no run to end. A failure that adds to it after this load overlaps this
            // success, so either order of the two is correct.
            if !failed && (!word.has(generation) || run.length == 0) {
                return;
            }
            // read after the run, so never older than it
            let rule = self.head.run_limit.load().payload();
            // A run of an earlier generation or era is over, though its words may still be here.
            let before = if word.has(generation) && run.era == rule.era {
                run
            } else {
                Run::begun(rule.era)
            };
            let after = before.after(failed.then_some(eighths), rule);
            let next = Tagged::new(generation, after);
            match self.ledger.run.cas(word, next) {
                // This exchange made the rule true, and only one can: the next failure finds a
                // longer run. If the thread stops before the trip, the next failure trips instead,
                // since its run is long enough as well. (One that counts for nothing finds a run as long, and trips too:
                // of two trips the second finds the period over.)
                Ok(_) if after.reached && self.may_trip(control) => {
                    return self.trip(control, Goal::TripByRun, now, out);
                }
                Ok(_) => {
                    // The rising edge. What is withheld is asked for again by the next failure, whose run is as long.
                    if after.reached && !before.reached {
                        self.report_would_trip(control.state(), 1);
                    }
                    return;
                }
                // Another result or a transition came first. All of the checks are made again for
                // what it left.
                Err(is) => word = is,
            }
        }
    }

    /// A fast success under a count window, unless it has to be logged or an update comes between.
    #[inline(always)]
    fn try_unlogged(&self, admission: Admission) -> bool {
        // As in `try_in_stripe`. This word also says that one more success makes no rule true, and
        // ends none: that holds until the next update, whatever else lands.
        let control = self.control();
        if !(control.counting() && !control.armed() && control.quiet_in(admission.period)) {
            return false;
        }
        let stripe = self.stripes.mine(control.stripes());
        // Here it takes its place in the order: after the entries whose sums do not have it.
        let Some(landed) = stripe.try_count(Class::FastSuccess, control.version()) else {
            return false;
        };
        if control.runs() {
            // it ends a run, and needs no time for that
            self.note_run(control, Outgoing::SUCCESS, 0);
        }
        if landed.contended || landed.count & (LAP - 1) == 0 {
            self.after_unlogged(control, landed);
        }
        true
    }

    #[cold]
    #[inline(never)]
    fn after_unlogged(&self, control: Control, landed: Landed) {
        let now = self.head.clock.nanos();
        if landed.contended {
            self.grow(control, now);
        }
        if landed.count & (LAP - 1) == 0 {
            // Any update does. If this thread stops before it, there are other laps.
            self.update(control, Goal::Maintain, now, Wait::Backoff);
        }
    }

    /// Under a count window. `now` is read only where something follows from it.
    #[inline]
    fn try_in_count(
        &self,
        window: &CountWindow,
        admission: Admission,
        out: Outgoing,
        now: Option<u64>,
    ) -> bool {
        if out.class == Class::FastSuccess && self.try_unlogged(admission) {
            return true;
        }
        let control = self.control();
        if !(control.counting() && control.quiet_in(admission.period)) {
            return false;
        }
        if out.class == Class::FastSuccess && !control.armed() {
            // disarmed just now
            return false;
        }
        // Counted, ordered and judged in one step.
        let policy = &self.head.policy;
        let stripes = (&self.stripes, control.stripes());
        let (version, armed) = (control.version(), control.armed());
        let entry = window.try_log(version, out.class, stripes, armed, |counts| {
            policy.load().judge_entry(counts.into(), window.size())
        });
        let judged = match entry {
            Entry::Landed(judged) => judged,
            Entry::Over => return false,
            Entry::Full => {
                self.prepare_log(control, Goal::Maintain, now);
                return false;
            }
            Entry::Unarmed => {
                self.prepare_log(control, Goal::Check, now);
                return false;
            }
        };
        // Sums for readers. A snapshot that comes between has the outcome in the window and not yet in
        // the totals.
        if out.class == Class::FastSuccess {
            self.probing.results[Class::FastSuccess as usize].add(1);
        } else {
            self.stripes.add(out.class, out.kind);
        }
        let clock = || now.unwrap_or_else(|| self.head.clock.nanos());
        if control.runs() {
            // a success ends a run, and needs no time for that
            let now = if out.class.failed() { clock() } else { 0 };
            self.note_run(control, out, now);
        }
        if armed {
            self.follow_judgement(control, out, judged, clock);
        }
        true
    }

    /// An entry has judged itself while control was armed: does a trip follow, or an edge, or need
    /// successes be logged no longer?
    #[cold]
    #[inline(never)]
    fn follow_judgement(
        &self,
        control: Control,
        out: Outgoing,
        judged: Judged,
        clock: impl Fn() -> u64,
    ) {
        if let Some((goal, _)) = judged.truth.goal() {
            if self.may_trip(control) {
                // if it was true before, an earlier outcome decided: this one's wait does not count
                let wait = out.wait.filter(|_| !judged.was.any());
                return self.trip(control, goal, clock(), Outgoing { wait, ..out });
            }
            // Each entry has a state before and after it, so each rising edge has exactly one that counts it. Where the
            // period has ended nothing was withheld: the entry's own run has tripped the breaker, or another thread has.
            let observed = control.state() == State::ObserveOnly;
            if observed || self.control().period() == control.period() {
                let rising = judged.truth.rising_from(judged.was);
                self.report_would_trip(control.state(), rising.number());
            }
        }
        if judged.disarms {
            // If another thread announces an update first, that one has this entry in its cut.
            self.update(control, Goal::Maintain, clock(), Wait::Backoff);
        }
    }

    /// An entry has no room in the log of a count window, or would make a rule true and needs control to
    /// be armed. If another thread announces an update first, this one looks again after it.
    #[cold]
    #[inline(never)]
    fn prepare_log(&self, control: Control, goal: Goal, now: Option<u64>) {
        let now = now.unwrap_or_else(|| self.head.clock.nanos());
        self.update(control, goal, now, Wait::Backoff);
    }

    pub(crate) fn ignore(&self, admission: Admission) {
        let admission = self.give_place_back(admission);
        if let Some(words) = self.adaptive.get()
            && words.watches(self.control())
        {
            self.end_tick_before(admission, self.head.clock.nanos());
        }
        self.leave(admission, |side| side.ignored.add(1));
    }

    /// A sign of life counts in the tick of its time, and the words may be in one that is over.
    #[cold]
    #[inline(never)]
    fn end_tick_before(&self, admission: Admission, now: u64) {
        loop {
            let control = self.quiet(now);
            let counts = control.counting() && control.period() == admission.period;
            if !counts || now < self.head.period_end.load() {
                return;
            }
            // Of several threads one announces the update, and the others find it done.
            self.update(control, Goal::Maintain, now, Wait::Backoff);
        }
    }

    /// A permit was dropped. `limit`: a slow limit of its own.
    #[cold]
    pub(crate) fn cancel(&self, admission: Admission, limit: Option<u64>) {
        let admission = self.give_place_back(admission);
        let now = self.head.clock.nanos();
        let lasted = self.lasted_so_far(admission, limit);
        let slow = lasted.is_some_and(|lasted| self.is_beyond_limit(admission, lasted, limit));
        let fails = match self.head.policy.load().on_cancel() {
            OnCancel::Ignored => false,
            OnCancel::Failure => true,
            OnCancel::FailureIfSlow => slow,
        };
        if fails {
            if let Some(lasted) = lasted {
                self.note_measured(admission, lasted);
            }
            let out = Outgoing::failure_of(FailureKind::Timeout, slow);
            let timing = Timing {
                lasted: None,
                limit,
            };
            return self.record(admission, out, timing, now);
        }
        if admission.period.state() == State::HalfOpen {
            return self.cancel_probe(admission, now);
        }
        self.leave(admission, |side| side.cancelled.add(1));
    }

    /// A call that is in no window ends: counts it where it belongs, unless it is late.
    fn leave(&self, admission: Admission, count: impl Fn(&Side)) {
        // Nothing here decides. If the period ends after this load, the call is counted as if it
        // had ended just before.
        let control = self.control();
        if control.period() != admission.period.whole() {
            self.late();
        } else if control.counting() {
            count(self.stripes.side());
        } else if control.state() == State::HalfOpen {
            self.ignore_probe(admission);
        }
    }
}

#[cfg(all(test, feature = "std"))]
mod tests;
