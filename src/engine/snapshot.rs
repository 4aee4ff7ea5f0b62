//! A reading of the whole breaker, as plain data.
//!
//! Who writes: a reader writes nothing itself, but it finishes an update that it meets. A reading
//! is taken between two looks at the same quiet control word, so everything that updates write is
//! from one moment. The counts of calls that end meanwhile are each true at some moment of the
//! reading.

use crate::engine::durations::Durations;
use crate::engine::events::event::Transition;
use crate::engine::evidence::ONE;
use crate::engine::policy::Seen;
use crate::engine::state::Core;
use crate::engine::sums::Totals;
use crate::engine::window::Shape;
use crate::engine::window::class::{Class, counts_of};
use crate::words::control::Control;
use crate::words::deadline::Wait;
use crate::words::leniency::EIGHTHS;
use crate::words::outcome::{Counts, FailureKind, FailureKinds, Fallbacks, Rejections, State};
use crate::words::tagged::since;
#[cfg(feature = "serde")]
use crate::words::units::seconds;
use alloc::vec::Vec;
use core::time::Duration;

/// The probes of the current round. All zero outside half-open.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Probes {
    /// Probes that were admitted and have not ended.
    pub in_flight: u32,
    /// Results that count as a success for the round.
    pub succeeded: u32,
    /// Results that count as a failure for the round. Under `HalfOpen::successes` with a
    /// `slow_rate` or an `outage` rule, that includes slow successes.
    pub failed: u32,
}

/// What the outage rule has seen so far, and what it takes to trip.
///
/// ```
/// use tripcoil::{Breaker, Outage};
///
/// let breaker = Breaker::builder("payments").outage(Outage::at(0.5)).build()?;
/// let evidence = breaker.observer().snapshot().evidence.ok_or("the rule is on")?;
/// assert_eq!(evidence.value, 0.0);
/// assert!(evidence.value < evidence.limit);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Evidence {
    /// The score: 0 while nothing speaks for an outage. A natural logarithm, as the limit.
    pub value: f64,
    /// The rule is true from this score on. It grows with the logarithm of the pace.
    pub limit: f64,
    /// Calls per second that were counted in the window's whole buckets; the latest ones that had any.
    pub pace: f64,
}

/// The hang rule's view: calls began, and none has ended since.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Watch {
    /// Calls that began since the watch did, the first included.
    pub starts: u32,
    /// How long it has lasted.
    // the unit of the metrics, and the name says so, because a number does not
    #[cfg_attr(
        feature = "serde",
        serde(rename = "lasted_seconds", serialize_with = "seconds")
    )]
    pub lasted: Duration,
    /// How long there must have been no sign of life before the rule trips.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "patience_seconds", serialize_with = "seconds")
    )]
    pub patience: Duration,
}

/// The state, counts and times of a breaker at one moment.
///
/// Plain data; taking a snapshot only reads. `time_in_state`, `retry_after` and the live epochs
/// refer to the time of the reading.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Snapshot {
    /// The state. An `Open` whose wait is over reads `Open` until the next call.
    pub state: State,
    /// The generation: it rises by one at each transition, from 0, or from the saved value of a
    /// restored breaker.
    pub generation: u64,
    /// The window's counts. Outside closed and observe-only, those of the last counting period when
    /// it ended.
    pub window: Counts,
    /// `failures / calls` of the window, in which [lenient](crate::Lenient) failures count for their part; 0 without
    /// calls.
    pub failure_rate: f64,
    /// `slow / calls` of the window; 0 without calls.
    pub slow_rate: f64,
    /// The current run of failures, rounded down to whole ones. 0 if the rule on runs is off, if the state is neither closed
    /// nor observe-only, or if a time window no longer holds a failure.
    pub consecutive_failures: u64,
    /// The number of openings that lengthen the next wait of the backoff, the current one included.
    /// 0 once the breaker has been closed for [`reset_after`](crate::Backoff::reset_after).
    pub openings: u64,
    /// The outage rule's score; `None` if the rule is off, or the state is neither closed nor
    /// observe-only.
    pub evidence: Option<Evidence>,
    /// The hang rule's watch; `None` while calls end, if the rule is off, and in a state that is neither closed nor
    /// observe-only.
    pub watch: Option<Watch>,
    /// The current round.
    pub probes: Probes,
    /// The calls in flight, if a [limit](crate::Builder::max_in_flight) is set. Those that were admitted without a
    /// limit, and those under `Disabled`, are not counted.
    pub in_flight: Option<u64>,
    /// The part of the calls that the state admits: 1 in closed, disabled and observe-only; the share of the
    /// [ramp](crate::Ramp) in half-open; else 0, also in a round, which admits its probes and no share.
    pub admitted_share: f64,
    /// The part of `totals.late` that are successful probes, since the breaker was built. Not in a
    /// saved state.
    ///
    /// If it rises while the breaker does not close, calls last longer than
    /// [`probe_timeout`](crate::HalfOpen::probe_timeout).
    pub late_probe_successes: u64,
    /// Totals since the breaker was built.
    pub totals: Totals,
    /// `totals.failures`, by kind.
    pub failures_by_kind: FailureKinds,
    /// `totals.rejected`, by the state that rejected.
    pub rejections_by_state: Rejections,
    /// Fallbacks that ran in place of an error, since the breaker was built. Not in a saved state.
    pub fallbacks: Fallbacks,
    /// How often a rule became true and did not trip, counted per rule, since the breaker was built: under observe-only,
    /// or since the bound of its registry (`max_tripped`) withheld the trip.
    pub would_trip: u64,
    /// Transitions since the breaker was built.
    pub transitions: u64,
    /// The last opening from closed, which began the latest outage. It is kept however many rounds
    /// of probes fail, and after the breaker has closed.
    pub last_opening: Option<Transition>,
    /// The time since the last transition, self-transitions included.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "time_in_state_seconds", serialize_with = "seconds")
    )]
    pub time_in_state: Duration,
    /// How long an open breaker will go on rejecting calls; `None` in any other state.
    // null where it is unknown: zero would say that the wait is over
    #[cfg_attr(
        feature = "serde",
        serde(rename = "retry_after_seconds", serialize_with = "seconds")
    )]
    pub retry_after: Option<Duration>,
    /// The live epochs of a time window, oldest first; empty under a count window.
    pub buckets: Vec<Counts>,
    /// The durations of the calls since the breaker was built, if they [are
    /// kept](crate::Config::durations). Not in a saved state.
    pub durations: Option<Durations>,
}

/// A window as a reader finds it.
#[derive(Default)]
pub(crate) struct Shown {
    pub(crate) window: Counts,
    /// Oldest first, as the others.
    buckets: Vec<Counts>,
    /// How many of the failures are lenient, in all and of each bucket; of none if the rule has never been on.
    pub(crate) lenient: u64,
    lenient_buckets: Vec<u64>,
}

impl Core {
    /// Reads between two looks at the same quiet control word. An update under way is finished
    /// first, so a thread that stops within one delays no reader. Each further attempt means that
    /// other threads made progress.
    pub(crate) fn snapshot(&self) -> Snapshot {
        self.between_updates(|control, now| self.reading(control, now, true))
            .0
    }

    /// Reads without the series of buckets, which takes longest: for callers that read many
    /// breakers.
    #[cfg(any(
        feature = "fleet",
        feature = "insight",
        feature = "operate",
        feature = "registry"
    ))]
    pub(crate) fn figures(&self) -> Snapshot {
        self.between_updates(|control, now| self.reading(control, now, false))
            .0
    }

    pub(crate) fn between_updates<T>(&self, read: impl Fn(Control, u64) -> Option<T>) -> T {
        loop {
            let control = self.control();
            // after the word, so that no transition that it shows is later
            let now = self.head.clock.nanos();
            if control.updating() {
                self.finish(control, now, Wait::Backoff);
            // The same quiet word before and after means that no update was announced in between:
            // each raises the version. Results may have been counted meanwhile, and are in the
            // reading or not.
            } else if let Some(read) = read(control, now)
                && self.control() == control
            {
                return read;
            }
        }
    }

    /// Reads with or without the series of buckets; and how many of each bucket's failures are lenient.
    pub(crate) fn reading(
        &self,
        control: Control,
        now: u64,
        series: bool,
    ) -> Option<(Snapshot, Vec<u64>)> {
        let state = control.state();
        let shown = self.window_now(control, now, series)?;
        let Shown {
            window, buckets, ..
        } = shown;
        let evidence = self.evidence_now(control, now);
        let rate = |part: f64| {
            if window.calls == 0 {
                0.0
            } else {
                part / window.calls as f64
            }
        };
        let seen = Seen {
            relief: self.head.policy.load().relief(shown.lenient),
            ..window.into()
        };
        // Of another generation it says nothing here, and the second look at control will find that
        // it has moved on.
        let round = self.probing.round.load();
        let probes = if state == State::HalfOpen && round.is_of(control.generation()) {
            Probes {
                in_flight: round.in_flight as u32,
                succeeded: round.succeeded as u32,
                failed: round.failed as u32,
            }
        } else {
            Probes::default()
        };
        let generation = self.generation(control);
        let mut kinds = [0; FailureKind::SLOTS];
        let mut rejections = [0; Rejections::SLOTS];
        let mut fallbacks = [0; Fallbacks::SLOTS];
        for stripe in self.stripes.all() {
            let side = &stripe.side;
            let sums = kinds.iter_mut().chain(&mut rejections);
            let more = side.kinds.iter().chain(&side.rejected);
            for (sum, one) in (sums.chain(&mut fallbacks)).zip(more.chain(&side.fallbacks)) {
                *sum += one.get();
            }
        }
        let snapshot = Snapshot {
            state,
            generation,
            window,
            failure_rate: rate(seen.weight()),
            slow_rate: rate(window.slow as f64),
            consecutive_failures: if control.counting() && control.runs() {
                self.run_beside(control.generation(), window) / EIGHTHS
            } else {
                0
            },
            openings: self.openings_at(control, now),
            evidence,
            watch: self.watch_now(control, now),
            probes,
            in_flight: self.in_flight.now(),
            admitted_share: if control.admits_all() {
                1.0
            } else {
                self.share_now(control)
            },
            late_probe_successes: self.probing.late_successes.get(),
            totals: self.totals(rejections.iter().sum()),
            failures_by_kind: FailureKinds(kinds),
            rejections_by_state: Rejections::of_slots(rejections),
            fallbacks: Fallbacks::of_slots(fallbacks),
            would_trip: self.ledger.would_trip.get(),
            transitions: generation,
            last_opening: self
                .last_opening(control)?
                .map(|event| self.transition_of(event)),
            time_in_state: Duration::from_nanos(now.saturating_sub(self.ledger.since.load())),
            retry_after: if state == State::Open {
                self.open_for(control.generation(), now)
                    .map(Duration::from_nanos)
            } else {
                None
            },
            buckets,
            durations: self
                .head
                .durations
                .as_ref()
                .map(|histogram| histogram.read()),
        };
        Some((snapshot, shown.lenient_buckets))
    }

    /// The number that the next opening would continue from.
    fn openings_at(&self, control: Control, now: u64) -> u64 {
        // Between quiet words it is the openings of this generation.
        let kept = self.ledger.openings.load().payload();
        let reset_after = || self.head.policy.load().config.open_for.reset_after_nanos();
        if kept > 0 && control.state() == State::Closed {
            let dwell = now.saturating_sub(self.ledger.since.load());
            let dwell = dwell.saturating_add(self.lasted_before(control));
            return if dwell >= reset_after() { 0 } else { kept };
        }
        kept
    }

    /// The window as of `now`; for a counting period that has ended, as of its end. `None` if it
    /// has moved on meanwhile.
    pub(crate) fn window_now(&self, control: Control, now: u64, series: bool) -> Option<Shown> {
        let boundaries = match &self.head.window {
            Shape::Count(window) => {
                return Some(Shown {
                    window: window.now(&self.stripes)?,
                    ..Shown::default()
                });
            }
            Shape::Time(boundaries) => boundaries,
        };
        // Time may have passed since the last update, which nothing has recorded. The reading is of
        // `now`, as if an update had just moved the epochs on.
        let rolled = boundaries.ending_at(self.head.period_end.load());
        let current = if control.counting() {
            rolled.max(boundaries.epoch_at(now))
        } else {
            rolled
        };
        let classes = self.class_counts();
        let totals = counts_of(&classes);
        // the counts at the start of an epoch; one that no update has reached starts with the
        // present ones
        let at = |epoch: u64| {
            if epoch > rolled {
                Some(totals)
            } else {
                boundaries.at(epoch)
            }
        };
        // Of the same sums, so that no failure is taken for a lenient one that is not in the window.
        let words = self.lenient_words();
        let all_lenient = classes[Class::LenientFailure as usize];
        let lenient_at = |epoch: u64| match words {
            Some(words) if epoch <= rolled => words.at(boundaries, epoch),
            _ => all_lenient,
        };
        let first = boundaries.oldest(current);
        let bucket = |epoch: u64| Some(at(epoch + 1)?.since(at(epoch)?));
        let lenient_of = |epoch: u64| since(lenient_at(epoch + 1), lenient_at(epoch));
        let shown = first..if series { current + 1 } else { first };
        let buckets: Option<Vec<Counts>> = shown.clone().map(bucket).collect();
        Some(Shown {
            window: totals.since(at(first)?),
            buckets: buckets?,
            lenient: since(all_lenient, lenient_at(first)),
            lenient_buckets: match words {
                Some(_) => shown.map(lenient_of).collect(),
                None => Vec::new(),
            },
        })
    }

    /// The hang rule's watch, unless a sign of life has ended it.
    fn watch_now(&self, control: Control, now: u64) -> Option<Watch> {
        let words = self.adaptive.get()?;
        if !(control.counting() && control.watches()) {
            return None;
        }
        let policy = self.head.policy.load();
        let hang = policy.config.hang.as_ref()?;
        let watch = words.watch.load();
        (watch.is_on() && self.is_silent(words)).then(|| Watch {
            starts: watch.starts as u32,
            lasted: Duration::from_nanos(watch.lasted(now).unwrap_or(0)),
            patience: Duration::from_nanos(
                words.patience(hang, words.slowest(control.generation())),
            ),
        })
    }

    /// The outage rule's view at `now`, as an outcome would find it.
    fn evidence_now(&self, control: Control, now: u64) -> Option<Evidence> {
        let Shape::Time(boundaries) = &self.head.window else {
            return None;
        };
        if !control.counting() {
            return None;
        }
        let classes = self.class_counts();
        let (value, limit, pace) = self.score_now(boundaries, now, &classes)?;
        let exact = |part: u64| part as f64 / ONE as f64;
        Some(Evidence {
            value: exact(value),
            limit: exact(limit),
            pace: exact(pace),
        })
    }
}
