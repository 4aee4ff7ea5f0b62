//! One breaker of an agent: what it has seen, what it knows from the fleet, and what follows.
//!
//! All that is here is for one task, which looks at the breaker every now and then. An act names the generation that
//! was seen, and so does nothing to a breaker that has gone on.

use super::chance::Chance;
use super::decide::{Answer, Probe, Report};
use super::link::Shown;
use super::notes::{Note, Notes};
use super::outcomes::{Ended, Outcomes, SPAN, STALE};
use super::rules::Rules;
use super::table::Table;
use super::vote::Vote;
use crate::error::caught::caught;
#[cfg(feature = "metrics")]
use crate::integrations::metrics::FleetBreakerSeries;
use crate::observe::Probes;
use crate::{Cause, Controller, Observer, Snapshot, State};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

/// After so long without a look the process was frozen: when its calls have ended meanwhile, and by whose fault, is not
/// known. A loaded machine is not as late.
const FROZEN: Duration = Duration::from_secs(2);
/// Reports of a breaker are not closer together, unless they have a probe's result.
const LEAST: Duration = Duration::from_millis(200);
/// An open breaker whose dependency is down is not probed for so long. A look renews it.
const POSTPONED: Duration = Duration::from_secs(2);
/// If a dependency is found down within this time after it was found up, one probe that succeeds proves nothing: the next
/// verdict takes a round that the breaker itself is satisfied with.
const RELAPSE: Duration = Duration::from_secs(10);
/// A lease is renewed until it has lasted for so many, and no longer.
const MOST_LEASES: u32 = 3;
/// The rounds that follow a verdict begin within this time.
const HERD: Duration = Duration::from_millis(500);

/// The time between reports, by the number of votes: about 200 reports per second for each breaker, from all instances.
/// Not longer than a vote lives, with its jitter.
fn pace(votes: u64) -> Duration {
    Duration::max(spread(votes), SECOND)
}

/// The time over which so many reports of one breaker are spread, at 200 per second.
fn spread(reports: u64) -> Duration {
    Duration::from_millis(reports.saturating_mul(5)).min(SECOND * 8)
}

/// More votes than these make no difference.
const CROWD: u64 = 1_600;

/// Over how long one instance spreads the reports of all its breakers: at 100 per second.
pub(super) fn spread_own(breakers: usize) -> Duration {
    spread(
        u64::try_from(breakers)
            .unwrap_or(u64::MAX)
            .saturating_mul(2),
    )
}

/// What an agent's members share.
pub(super) struct Context {
    pub(super) fleet: Arc<str>,
    pub(super) instance: Arc<str>,
    pub(super) rules: Rules,
    pub(super) heartbeat: Duration,
    /// Peers may open a breaker that has not seen a failure.
    pub(super) peers_alone: bool,
    /// Since when exchanges fail, if the last one did.
    pub(super) down_since: Option<Instant>,
    /// The time between two looks.
    pub(super) pause: Duration,
    pub(super) chance: Chance,
    pub(super) table: Table,
    pub(super) notes: Notes,
}

impl Context {
    fn note(&self, breaker: &str, note: Note<'_>) {
        self.notes.note(&self.fleet, Some(breaker), note);
    }
}

/// The latest look.
struct Seen {
    at: Instant,
    state: State,
    generation: u64,
    /// Why this generation began, if that is known.
    cause: Option<Cause>,
    since: Instant,
    ended: Ended,
    rejected: u64,
    probes: Probes,
    /// A probe is out.
    probing: bool,
    /// One has succeeded; or enough of them for the breaker, whose ramp has begun.
    probed: bool,
    passed: bool,
}

impl Seen {
    /// The operator of this instance has opened it.
    fn is_manual(&self) -> bool {
        self.state == State::Open && self.cause == Some(Cause::Manual)
    }

    /// It is open, and for a reason that the fleet may have something to say about.
    fn is_open(&self) -> bool {
        self.state == State::Open && !self.is_manual()
    }
}

/// The fleet's verdict.
#[derive(Clone, Copy)]
struct Known {
    down: bool,
    /// When it was found out, by this instance's time.
    at: Instant,
    /// When the store said so last.
    heard: Instant,
}

/// A lease that this instance has.
struct Held {
    token: u64,
    since: Instant,
    until: Instant,
    /// When a probe of its round has begun or ended last, and the probes then.
    moved: Instant,
    probes: Option<Probes>,
    /// The generation of its round.
    round: Option<u64>,
    result: Option<Probe>,
}

impl Held {
    /// Whether its round is at a standstill, with a probe that hangs, or takes too long altogether.
    fn is_stuck(&mut self, seen: &Seen, now: Instant, lease: Duration) -> bool {
        if self.probes != Some(seen.probes) {
            (self.moved, self.probes) = (now, Some(seen.probes));
        }
        let hangs = seen.probing && now.saturating_duration_since(self.moved) >= lease;
        hangs || now.saturating_duration_since(self.since) >= lease * MOST_LEASES
    }
}

/// The latest report that was answered.
struct Sent {
    at: Instant,
    vote: Option<Vote>,
    ended: Ended,
    rejected: u64,
    /// Added to each interval: a part of it.
    jitter: f64,
}

/// A report under way.
pub(super) struct Sending {
    pub(super) identity: usize,
    /// The number of the member: another one may have its identity by now.
    serial: u64,
    at: Instant,
    vote: Option<Vote>,
    ended: Ended,
    rejected: u64,
    token: Option<u64>,
    renews: bool,
    /// It has a probe's result.
    ends: bool,
}

pub(super) struct Member {
    /// Of all members that the agent has had.
    serial: u64,
    pub(super) name: Arc<str>,
    /// Keeps its memory, and no place in a registry.
    observer: Observer,
    /// The number of the look that has found it.
    pub(super) look: u64,
    /// The number of the source that has it.
    pub(super) source: usize,
    /// It has come since the look before.
    is_fresh: bool,
    seen: Option<Seen>,
    /// Of the present Closed.
    outcomes: Outcomes,
    /// The outcomes from a second before the verdict on.
    after_verdict: Ended,
    /// Its latest failure, or opening by a rule of its own.
    evidence: Option<Instant>,
    /// When it left Closed last.
    opened: Option<Instant>,
    /// When the latest verdict was that it is up.
    up: Option<Instant>,
    verdict: Option<Known>,
    /// It was down again soon after it was up.
    relapsed: bool,
    /// Of the latest verdict that it has known.
    seq: u64,
    votes: u64,
    /// The votes of a short time ago: a verdict of up has taken them all.
    crowd: u64,
    lease: Option<Held>,
    /// The generation of a round whose lease has lapsed: its next call is a probe all the same.
    lapsed: Option<u64>,
    /// The latest token whose lease is over.
    token: u64,
    /// The generation of Open whose round begins then, because the verdict is up.
    round: Option<(u64, Instant)>,
    sent: Option<Sent>,
    /// When to report because of a push, or for the first time.
    due: Option<Instant>,
    /// The number of the word that was seen to.
    word: Option<u64>,
    /// The generation of the fleet's own override.
    ours: Option<u64>,
    /// It is under no override, because a word has released it.
    released: bool,
    /// The override that it was restored in, if any, has been seen to.
    is_settled: bool,
    /// It has changed since it was shown.
    pub(super) changed: bool,
    #[cfg(feature = "metrics")]
    pub(super) series: Option<Arc<FleetBreakerSeries>>,
}

impl Member {
    pub(super) fn new(
        serial: u64,
        name: Arc<str>,
        observer: Observer,
        is_fresh: bool,
        now: Instant,
        context: &mut Context,
    ) -> Member {
        Member {
            serial,
            name,
            observer,
            look: 0,
            source: 0,
            is_fresh,
            seen: None,
            outcomes: Outcomes::default(),
            after_verdict: Ended::default(),
            evidence: None,
            opened: None,
            up: None,
            verdict: None,
            relapsed: false,
            seq: 0,
            votes: 0,
            crowd: 0,
            lease: None,
            lapsed: None,
            token: 0,
            round: None,
            sent: None,
            // soon, because it may have come in the middle of an outage
            due: Some(now + context.chance.up_to(HERD)),
            word: None,
            ours: None,
            released: false,
            is_settled: false,
            changed: true,
            #[cfg(feature = "metrics")]
            series: None,
        }
    }

    #[cfg(feature = "metrics")]
    pub(super) fn with_series(self, series: Option<Arc<FleetBreakerSeries>>) -> Member {
        Member { series, ..self }
    }

    /// Looks at the breaker, and acts.
    pub(super) fn look(&mut self, controller: &Controller, now: Instant, context: &mut Context) {
        // a clock of the user's may panic
        let Some(figures) = caught(|| self.observer.figures()) else {
            return;
        };
        self.count(&figures, now, context);
        self.expire(now, context);
        self.obey(controller, now, context);
        self.act(controller, now, context);
    }

    /// Takes the figures.
    fn count(&mut self, figures: &Snapshot, now: Instant, context: &Context) {
        let ended = Ended {
            successes: figures.totals.successes,
            failures: figures.totals.failures,
        };
        let before = self.seen.take();
        let same = before
            .as_ref()
            .filter(|seen| seen.generation == figures.generation);
        let cause = match same {
            Some(seen) => seen.cause,
            None => self.cause(figures.generation),
        };
        let since = match same {
            Some(seen) => seen.since,
            None => now.checked_sub(figures.time_in_state).unwrap_or(now),
        };
        let limit = FROZEN.max(context.pause * 3);
        let more = match &before {
            Some(seen) if now.saturating_duration_since(seen.at) > limit => Ended::default(),
            Some(seen) => Ended {
                successes: ended.successes.saturating_sub(seen.ended.successes),
                failures: ended.failures.saturating_sub(seen.ended.failures),
            },
            // all of it has ended since the look before
            None if self.is_fresh => Ended {
                successes: figures.window.calls.saturating_sub(figures.window.failures),
                failures: figures.window.failures,
            },
            // what ended before it joined is not of interest
            None => Ended::default(),
        };
        if more.failures > 0 {
            self.evidence = Some(now);
        }
        let is_first = before.is_none();
        match same {
            _ if figures.state == State::Closed && (same.is_some() || is_first) => {
                self.outcomes.add(now, more);
                self.after_verdict.add(more);
            }
            Some(_) => {}
            // outcomes on both sides of a transition are of no known generation
            None => {
                self.outcomes.clear();
                self.after_verdict = Ended::default();
                if figures.state == State::Open && cause.is_some_and(is_rule) {
                    self.evidence = self.evidence.max(Some(since));
                }
                // a round and the Open after it are of the opening before
                let was_closed = |seen: &Seen| seen.state == State::Closed;
                if self.opened.is_none() || before.as_ref().is_none_or(was_closed) {
                    self.opened = Some(since);
                }
            }
        }
        self.seen = Some(Seen {
            at: now,
            state: figures.state,
            generation: figures.generation,
            cause,
            since,
            ended,
            rejected: figures.totals.rejected,
            probes: figures.probes,
            probing: figures.probes.in_flight > 0,
            probed: figures.probes.succeeded > 0 || figures.admitted_share > 0.0,
            passed: figures.admitted_share > 0.0,
        });
    }

    /// Returns why that generation began. A breaker that was built or restored in it has no reason.
    fn cause(&self, generation: u64) -> Option<Cause> {
        let history = caught(|| self.observer.history())?;
        let of_it = history.iter().find(|t| t.generation == generation)?;
        Some(of_it.cause)
    }

    /// Forgets what the store has not said again for long, and leases that are over.
    fn expire(&mut self, now: Instant, context: &Context) {
        if let Some(known) = self.verdict {
            let is_open = self.seen.as_ref().is_some_and(Seen::is_open);
            let (from, limit) = match context.down_since {
                Some(down) if known.down => (known.heard.max(down), SECOND * 5 / 2),
                _ if known.down && is_open => (known.heard, pace(self.votes) * 5 / 2),
                _ => (known.heard, context.heartbeat.max(pace(self.votes)) * 5),
            };
            if now.saturating_duration_since(from) > limit {
                self.forget();
            }
        }
        if let Some(held) = self.lease.as_ref().filter(|held| held.until <= now) {
            self.lapsed = held.round;
            self.give_up(context, "lapsed");
        }
    }

    /// Knows nothing from the fleet any more, but the operators' words.
    pub(super) fn forget(&mut self) {
        self.verdict = None;
        self.lease = None;
        self.round = None;
        self.changed = true;
    }

    /// Knows nothing at all, as it is not looked at any more.
    pub(super) fn stop(&mut self) {
        self.forget();
        (self.seen, self.is_fresh) = (None, false);
        self.outcomes.clear();
        self.after_verdict = Ended::default();
    }

    /// Ends the lease without a result.
    fn give_up(&mut self, context: &Context, result: &'static str) {
        if let Some(held) = self.lease.take() {
            self.token = held.token;
            self.changed = true;
            context.note(&self.name, Note::Probed(result));
        }
    }

    /// Does what an operator has asked of the fleet, once.
    fn obey(&mut self, controller: &Controller, now: Instant, context: &mut Context) {
        let in_force = context.table.in_force(&self.name, now);
        let serial = in_force.map(|(serial, _)| serial);
        let word = in_force.map(|(_, word)| word);
        let state = word.and_then(|word| word.mode.state());
        let generation = self.seen.as_ref().map_or(0, |seen| seen.generation);
        let settles = !self.is_settled && context.table.is_read() && self.seen.is_some();
        // its word has ended while there was no process
        let is_over = settles && state.is_none() && self.is_restored(controller);
        if is_over {
            self.ours = Some(generation);
        }
        if serial == self.word && !is_over {
            self.is_settled |= settles;
            return;
        }
        let is_overridden = self
            .seen
            .as_ref()
            .is_some_and(|seen| seen.state.is_override());
        let is_fleets = self.ours == Some(generation) || (self.released && !is_overridden);
        let done = match state {
            // A word that has ended was the newer one, and this instance's operator has made another override since.
            Some(_) if !is_fleets && self.word > serial => true,
            Some(state) => match caught(|| controller.override_as(state)) {
                Some(Some(generation)) => {
                    self.ours = Some(generation);
                    true
                }
                // it is in force already
                Some(None) => {
                    if self.is_restored(controller) {
                        self.ours = Some(generation);
                    }
                    true
                }
                None => false,
            },
            None => match self.ours {
                Some(ours) => caught(|| controller.release_from(ours)).is_some(),
                None => true,
            },
        };
        if !done {
            return; // the clock has panicked: at the next look
        }
        self.released = match state {
            Some(_) => false,
            None => word.is_some() && (!is_overridden || self.ours == Some(generation)),
        };
        if state.is_none() {
            self.ours = None;
        }
        match word {
            Some(word) => context.note(&self.name, Note::Word(word)),
            None => context.note(&self.name, Note::WordEnded),
        }
        self.word = serial;
        self.is_settled |= settles;
        self.changed = true;
    }

    /// Whether it is under an override of the process before, which is taken to be the fleet's: nothing has changed it
    /// since.
    #[cfg(feature = "persist")]
    fn is_restored(&self, controller: &Controller) -> bool {
        let restored = controller.restored().is_some_and(|how| how.is_ok());
        let is_as_it_came = |seen: &Seen| seen.state.is_override() && seen.cause.is_none();
        self.word.is_none() && restored && self.seen.as_ref().is_some_and(is_as_it_came)
    }

    #[cfg(not(feature = "persist"))]
    fn is_restored(&self, _: &Controller) -> bool {
        false
    }

    fn act(&mut self, controller: &Controller, now: Instant, context: &mut Context) {
        let Some(seen) = &self.seen else {
            return;
        };
        let generation = seen.generation;
        match seen.state {
            State::Closed => {
                self.probed(now, context);
                self.trip(controller, context);
            }
            State::Open if seen.is_manual() => self.probed(now, context),
            State::Open => {
                self.probed(now, context);
                if self.lease.is_some() {
                    self.begin(controller, generation);
                } else if self.is_down() {
                    caught(|| controller.postpone_in(generation, POSTPONED));
                } else if let Some((of, at)) = self.round
                    && of == generation
                    && at <= now
                {
                    self.round = None;
                    caught(|| controller.half_open_from(generation));
                }
            }
            State::HalfOpen => self.probed(now, context),
            _ => self.give_up(context, "ended"),
        }
    }

    pub(super) fn is_down(&self) -> bool {
        self.verdict.is_some_and(|known| known.down)
    }

    /// Whether it would probe: it has rejected calls since the latest report, or probes although its lease has lapsed.
    fn demands(&self, seen: &Seen) -> bool {
        match seen.state {
            State::Open if !seen.is_manual() => {
                let before = self.sent.as_ref().map(|sent| sent.rejected);
                before.is_some_and(|before| seen.rejected > before)
            }
            // only then: an instance that is no longer called would have the lease for ever
            State::HalfOpen => self.lapsed == Some(seen.generation) && seen.probing,
            _ => false,
        }
    }

    /// Opens a closed breaker whose dependency the fleet has found down.
    fn trip(&mut self, controller: &Controller, context: &Context) {
        let Some(seen) = self.seen.as_ref().filter(|_| self.is_down()) else {
            return;
        };
        // once per verdict, or at its start: a round of its own that has closed it knows better
        let is_first = self.verdict.is_some_and(|known| known.at >= seen.since);
        let alone = context.peers_alone && (is_first || seen.cause.is_none());
        if !(alone || self.after_verdict.is_failing()) {
            return;
        }
        let generation = seen.generation;
        if caught(|| controller.trip_in(generation)) == Some(true) {
            context.note(&self.name, Note::Tripped(generation));
        }
    }

    /// Begins the round of the lease.
    fn begin(&mut self, controller: &Controller, generation: u64) {
        if let Some(held) = &mut self.lease
            && held.round.is_none()
            && held.result.is_none()
            && caught(|| controller.half_open_from(generation)) == Some(true)
        {
            held.round = Some(generation + 1);
        }
    }

    /// Finds out what became of the lease's round.
    fn probed(&mut self, now: Instant, context: &Context) {
        let (Some(seen), Some(held)) = (&self.seen, &mut self.lease) else {
            return;
        };
        if held.result.is_some() {
            return;
        }
        let manual = seen.cause == Some(Cause::Manual);
        let (is_later, is_round) = match held.round {
            Some(round) => (seen.generation > round, seen.generation == round),
            // a call has begun it before
            None if seen.state == State::HalfOpen => {
                held.round = Some(seen.generation);
                (false, true)
            }
            None => (false, false),
        };
        let enough = if self.relapsed {
            seen.passed
        } else {
            seen.probed
        };
        let won = (is_round && enough) || (is_later && seen.state == State::Closed && !manual);
        let lost = is_later && !won;
        if won {
            held.result = Some(Probe::Succeeded(held.token));
            context.note(&self.name, Note::Probed("succeeded"));
        } else if lost {
            held.result = Some(Probe::Failed(held.token));
            context.note(&self.name, Note::Probed("failed"));
        } else if is_round && held.is_stuck(seen, now, context.rules.probe_lease) {
            // another instance probes, and the breaker's own round goes on
            held.result = Some(Probe::Failed(held.token));
            context.note(&self.name, Note::Probed("stuck"));
        } else if held.round.is_none() && (seen.state != State::Open || manual) {
            self.give_up(context, "ended");
        }
    }

    fn vote(&self, now: Instant, rules: &Rules) -> Option<Vote> {
        let seen = self.seen.as_ref()?;
        match seen.state {
            State::Closed => self.outcomes.vote(now, rules.most_calls()),
            State::Open if !seen.is_manual() => {
                // an evidence of its own, not from before the fleet was found up, and not from long before it opened
                let evidence = self.evidence.filter(|&at| Some(at) > self.up)?;
                let before = self.opened?.saturating_duration_since(evidence);
                (before < STALE).then_some(Vote::Standing)
            }
            _ => None,
        }
    }

    /// Returns how urgent a report is: since when it is due.
    pub(super) fn due(&self, now: Instant, context: &Context) -> Option<Instant> {
        let seen = self.seen.as_ref()?;
        let held = self.lease.as_ref();
        let Some(sent) = &self.sent else {
            return self.due.filter(|&due| due <= now);
        };
        if held.is_some_and(|held| held.result.is_some()) {
            return Some(sent.at);
        }
        let pushed = self.due.is_some_and(|due| due <= now);
        let pace = pace(self.votes);
        let vote = self.vote(now, &context.rules);
        let fails = |vote: Option<Vote>| vote.is_some_and(Vote::is_failing);
        let news = seen.ended.failures > sent.ended.failures || fails(vote) != fails(sent.vote);
        let interval = if held.is_some_and(|held| held.round.is_some()) && seen.probing {
            // the lease has to be renewed
            Duration::min(context.rules.probe_lease / 4, pace)
        } else if pushed {
            LEAST
        } else if news || (seen.state == State::HalfOpen && self.demands(seen)) {
            pace
        } else if seen.is_open() {
            if self.is_down() {
                pace
            } else {
                pace.max(SECOND * 2)
            }
        } else if seen.ended != sent.ended {
            context.heartbeat.max(pace)
        } else {
            (context.heartbeat * 4).max(pace)
        };
        let due = sent.at + interval.mul_f64(sent.jitter);
        (due <= now).then_some(due)
    }

    /// Reports soon: all instances do, and so within the time that their number takes, and within `least`.
    pub(super) fn push(&mut self, least: Duration, now: Instant, context: &mut Context) {
        let spread = spread(self.crowd).max(least);
        // push after push does not make it sooner
        if self.due.is_none_or(|due| due > now + spread) {
            self.due = Some(now + context.chance.up_to(spread));
        }
    }

    pub(super) fn report(
        &self,
        identity: usize,
        now: Instant,
        context: &Context,
    ) -> Option<(Report, Sending)> {
        let seen = self.seen.as_ref()?;
        let vote = self.vote(now, &context.rules);
        let held = self.lease.as_ref();
        let renews = held.is_some_and(|held| held.result.is_none()) && seen.probing;
        let probe = held.and_then(|held| {
            let renewed = renews.then_some(Probe::Renewed(held.token));
            held.result.or(renewed)
        });
        let report = Report {
            breaker: self.name.as_ref().to_owned(),
            instance: context.instance.as_ref().to_owned(),
            vote,
            seq: self.seq,
            demand: self.demands(seen),
            probe,
            rules: context.rules,
        };
        let sending = Sending {
            identity,
            serial: self.serial,
            at: now,
            vote,
            ended: seen.ended,
            rejected: seen.rejected,
            token: held.map(|held| held.token),
            renews,
            ends: held.is_some_and(|held| held.result.is_some()),
        };
        Some((report, sending))
    }

    /// Returns a last report, if the store has something of it.
    pub(super) fn farewell(&self, context: &Context) -> Option<Report> {
        let voted = self.sent.as_ref().is_some_and(|sent| sent.vote.is_some());
        let held = self.lease.as_ref();
        (voted || held.is_some()).then(|| Report {
            breaker: self.name.as_ref().to_owned(),
            instance: context.instance.as_ref().to_owned(),
            vote: None,
            seq: self.seq,
            demand: false,
            // for another instance
            probe: held.map(|held| held.result.unwrap_or(Probe::Failed(held.token))),
            rules: context.rules,
        })
    }

    /// Takes the answer to a report. Returns whether there is something to be done.
    pub(super) fn answered(
        &mut self,
        sending: &Sending,
        answer: &Answer,
        now: Instant,
        context: &mut Context,
    ) -> bool {
        if sending.serial != self.serial {
            return false; // it was about a breaker that has left
        }
        self.sent = Some(Sent {
            at: sending.at,
            vote: sending.vote,
            ended: sending.ended,
            rejected: sending.rejected,
            jitter: 1.0 + context.chance.up_to(SECOND / 5).as_secs_f64(),
        });
        self.due = self.due.filter(|&due| due > sending.at);
        let votes = std::mem::replace(&mut self.votes, answer.votes);
        self.changed |= votes != answer.votes;
        self.crowd = (answer.votes.min(CROWD)).max(self.crowd - self.crowd.div_ceil(8));
        if sending.ends {
            self.end(sending.token);
        }
        if answer.seq == 0 {
            if !answer.down && self.seq > 0 {
                // the store has lost what it knew
                self.forget();
                (self.seq, self.token) = (0, 0);
            }
            return false;
        }
        if self.verdict.is_some() && answer.seq < self.seq {
            return false;
        }
        let is_new = self.verdict.is_none() || answer.seq > self.seq;
        let age = Duration::from_millis(answer.now.saturating_sub(answer.seq));
        let at = now.checked_sub(age).unwrap_or(now);
        self.seq = answer.seq;
        match &mut self.verdict {
            Some(known) if !is_new => known.heard = now,
            _ => self.turned(answer, at, now, context),
        }
        let news = self.leased(sending, answer, now, context);
        is_new || news
    }

    /// Takes a verdict that is new.
    fn turned(&mut self, answer: &Answer, at: Instant, now: Instant, context: &mut Context) {
        let down = answer.down;
        let before = self.verdict.replace(Known {
            down,
            at,
            heard: now,
        });
        self.changed = true;
        if down {
            let soon = self
                .up
                .is_some_and(|up| at.saturating_duration_since(up) < RELAPSE);
            self.relapsed = soon;
            self.after_verdict = self.outcomes.since(at.checked_sub(SPAN));
            self.round = None;
        } else {
            self.up = self.up.max(Some(at));
            // it opened before, and so has not seen that the dependency is well again
            if let Some(seen) = &self.seen
                && seen.state == State::Open
                && seen.since < at
            {
                self.round = Some((seen.generation, now + context.chance.up_to(HERD)));
            }
        }
        if before.map_or(down, |before| before.down != down) {
            context.note(&self.name, Note::Verdict(down, answer.votes));
        }
    }

    /// Ends the lease of that token.
    fn end(&mut self, token: Option<u64>) {
        if let Some(held) = self.lease.take_if(|held| token == Some(held.token)) {
            self.token = held.token;
            self.changed = true;
        }
    }

    /// Takes the lease that the answer gives or ends. Returns whether it is a new one.
    fn leased(
        &mut self,
        sending: &Sending,
        answer: &Answer,
        now: Instant,
        context: &Context,
    ) -> bool {
        let given = answer.lease.filter(|_| answer.down);
        match &mut self.lease {
            Some(held) if given == Some(held.token) => {
                if sending.renews {
                    held.until = now + context.rules.probe_lease;
                }
                return false;
            }
            // it is over
            Some(_) => self.end(sending.token),
            None => {}
        }
        let Some(token) = given.filter(|&token| token > self.token && self.lease.is_none()) else {
            return false;
        };
        self.lease = Some(Held {
            token,
            since: now,
            until: now + context.rules.probe_lease,
            moved: now,
            probes: None,
            round: None,
            result: None,
        });
        self.changed = true;
        context.note(&self.name, Note::Leased);
        true
    }

    /// Returns when it has reported last.
    pub(super) fn reported(&self) -> Option<Instant> {
        self.sent.as_ref().map(|sent| sent.at)
    }

    pub(super) fn shown(&self, now: Instant, table: &Table) -> Shown {
        Shown {
            verdict: self.verdict.map(|known| (known.down, known.at)),
            leased: self.lease.is_some(),
            votes: self.votes,
            word: table.shown(&self.name, now),
        }
    }
}

/// Whether the breaker has opened by a rule of its own.
fn is_rule(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::ConsecutiveFailures
            | Cause::FailureCount
            | Cause::FailureRate
            | Cause::SlowRate
            | Cause::Evidence
            | Cause::Hang
    )
}
