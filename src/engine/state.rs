//! The parts of a breaker: its words, their layout, and their initial values.

use crate::clock::Clock;
use crate::config::settings::{Config, Geometry};
use crate::engine::adaptive::AdaptiveWords;
use crate::engine::bound::Bound;
use crate::engine::durations::Histogram;
use crate::engine::events::event::{EventRing, EventWords, HISTORY, LastOpening};
use crate::engine::events::queue::Queue;
use crate::engine::events::watch::{Watched, Watchers};
use crate::engine::in_flight::InFlight;
use crate::engine::initial::Initial;
use crate::engine::policy::{Allowance, Policy, Seen};
use crate::engine::transition::Decision;
use crate::engine::window::Shape;
use crate::engine::window::boundaries::Boundaries;
use crate::engine::window::class::{CLASSES, Class, WHOLE_CLASSES, counts_of};
use crate::engine::window::count::CountWindow;
use crate::engine::window::stripes::Stripes;
use crate::sync::atomic::{Counter, Word};
use crate::sync::cell::{Late, Swap};
use crate::sync::thread_index::cpus;
use crate::words::control::Control;
use crate::words::deadline::Deadline;
use crate::words::outcome::{Counts, FailureKind, State};
use crate::words::round::Round;
use crate::words::run::{Run, RunRule};
use crate::words::tagged::{Generation, Tagged, Version};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

/// Read by every call and written only by updates, so it stays in each cache.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) control: Word<Control>,
    /// When the current epoch is over; `u64::MAX` under a count window. It only rises.
    pub(crate) period_end: Word,
    /// The slow limit in nanoseconds; 0 if off.
    pub(crate) slow_limit: Word<Tagged<Version>>,
    pub(crate) run_limit: Word<Tagged<Version, RunRule>>,
    pub(crate) clock: Clock,
    pub(crate) window: Shape,
    pub(crate) policy: Swap<Policy>,
    pub(crate) durations: Option<Box<Histogram>>,
}

/// What updates keep for themselves and for readers; and at the end, at some distance from the
/// stripe before it, the run, which failures write.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Ledger {
    /// The stripes' counts by class, carried on into 64 bits. (Of a count window, the fast successes'.)
    pub(crate) lifetime: [Word; CLASSES],
    /// The generation, likewise. Both are written now and then, and readers carry them on.
    pub(crate) generations: Word,
    /// The latest time that any update has seen; it only rises.
    pub(crate) latest: Word,
    /// The time of an update that makes no transition, in two halves of 32 bits.
    pub(crate) time_high: Word<Tagged<Version>>,
    pub(crate) time_low: Word<Tagged<Version>>,
    /// What the update decided.
    pub(crate) decision: Word<Tagged<Version, Decision>>,
    /// Rising edges of rules under observe-only.
    pub(crate) would_trip: Counter,
    /// Of the jitter.
    pub(crate) seed: u64,
    /// Openings since closed for long enough.
    pub(crate) openings: Word<Tagged<Generation>>,
    /// The kind of the failure that is about to end the generation.
    pub(crate) deciding: Word<Tagged<Generation, Option<FailureKind>>>,
    /// When the present generation began.
    pub(crate) since: Word,
    /// The end of Open. For a restored Closed: how long it had lasted before this clock began,
    /// which is before any value of `since`.
    pub(crate) deadline: Word<Tagged<Generation, Deadline>>,
    /// The run of failures.
    pub(crate) run: Word<Tagged<Generation, Run>>,
}

/// The half-open state's own words.
#[derive(Debug)]
pub(crate) struct Probing {
    pub(crate) round: Word<Round>,
    /// When a slot was last taken, or is about to be; it only rises.
    pub(crate) latest_admission: Word,
    /// When a result was last counted in a round, or is about to be; it only rises.
    pub(crate) latest_result: Word,
    /// Probes that succeeded, but late: their round had ended.
    pub(crate) late_successes: Counter,
    /// The probes' results by class, for the lifetime: they are in no window. And the fast successes
    /// that a count window has logged: they are in no stripe.
    pub(crate) results: [Counter; WHOLE_CLASSES],
}

/// In this order: between the words that all calls read (`head`, and the first words of `stripes`),
/// those that an outcome writes, and those that failures write (`ledger.run`), there are at least
/// 64 bytes from word to word, and 128 for what successes and rejections write. This keeps them apart
/// without an alignment, which would add a third to a breaker. `tests/step/caches.rs` holds it to that.
#[repr(C)]
pub(crate) struct Core {
    /// Beside the `Arc`'s own counts, with which it changes.
    pub(crate) watchers: Watchers,
    pub(crate) name: Box<str>,
    pub(crate) history: EventRing<[EventWords; HISTORY]>,
    pub(crate) last_opening: LastOpening,
    /// Of its registry, if that bounds how many breakers may be tripped.
    pub(crate) bound: Option<Arc<Bound>>,
    /// A longer history, where one is configured.
    pub(crate) longer: Option<Box<EventRing>>,
    /// The adaptive rules' words, once one is on.
    pub(crate) adaptive: Late<Box<AdaptiveWords>>,
    /// Longer rings, once there is a listener.
    pub(crate) queue: Late<Box<Queue>>,
    #[cfg(feature = "std")]
    pub(crate) listeners: crate::engine::events::wake::Listeners,
    pub(crate) head: Head,
    pub(crate) stripes: Stripes,
    pub(crate) ledger: Ledger,
    pub(crate) probing: Probing,
    /// Written by every call, where it is limited.
    pub(crate) in_flight: InFlight,
}

impl Watched for Core {
    fn watchers(&self) -> &Watchers {
        &self.watchers
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.debug("Core", f)
    }
}

impl Core {
    /// `{:?}` of each handle: its breaker and its state. A window, or a listener's queue, could be
    /// megabytes.
    #[cold]
    pub(crate) fn debug(&self, handle: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(handle)
            .field("name", &self.name)
            .field("state", &self.control().state())
            .finish_non_exhaustive()
    }

    /// Builds a breaker from a validated configuration. No other thread has any of its words at
    /// this point; a thread that gets the core gets it by an exchange or a lock, and so sees
    /// everything that is stored here.
    pub(crate) fn new(
        name: String,
        config: Config,
        seed: u64,
        now: u64,
        initial: Initial,
        bound: Option<Arc<Bound>>,
    ) -> Core {
        let clock = config.clock.clone();
        let kept = config.history as usize;
        let longer = (kept > HISTORY).then(|| Box::new(EventRing::of(kept.next_power_of_two())));
        let durations = config.durations.then(|| Box::new(Histogram::new()));
        let (window, period_end, held) = window(&config, &initial, now);
        let policy = Policy::new(config);
        let seen = Seen {
            relief: policy.relief(initial.lenient_in_window()),
            ..held.into()
        };
        let timed = matches!(window, Shape::Time(_));

        // a rule that was true may have become untrue with the next outcome: each has to look
        let allowance = if initial.truth.any() {
            Allowance::default()
        } else {
            policy.allowance(seen)
        };
        let counting = matches!(initial.state, State::Closed | State::ObserveOnly);
        let armed = counting
            && if timed {
                initial.truth.any() || allowance.armed()
            } else {
                policy.logs_successes(seen, initial.truth)
            };
        let generation = Generation::of(initial.generation);
        let mut control =
            Control::new(initial.state, policy.flags(armed)).of_generation(generation);
        if initial.state == State::Open {
            control = control.with_cause(initial.opening);
        }
        let version = control.version();
        let (adaptive, period_end) = adaptive(&policy, &window, control, &initial, period_end, now);
        let Initial { totals, .. } = initial;
        let in_flight = InFlight::new(&policy);
        let decision = Decision {
            flags: policy.flags(armed),
            truth: initial.truth,
            rules: policy.number,
            ..Decision::default()
        };
        let rule = RunRule {
            limit: policy.run(),
            ..RunRule::default()
        };
        // where the rule is off, or was, no run has gone on that it could have been true of
        let run = if rule.limit == 0 || initial.run == 0 {
            Run::begun(rule.era)
        } else {
            Run {
                reached: initial.run_reached,
                length: initial.run,
                era: rule.era,
            }
        };
        let last_opening = LastOpening::none();
        if let Some(event) = initial.last_opening {
            last_opening.put(event);
        }
        let stripes = Stripes::new(cpus());
        stripes.get(0).begin_with(&totals, timed, allowance);
        Core {
            head: Head {
                control: Word::new(control),
                period_end: Word::new(period_end),
                slow_limit: Word::new(Tagged::new(version, policy.slow_call())),
                run_limit: Word::new(Tagged::new(version, rule)),
                clock,
                window,
                policy: Swap::new(policy.shared()),
                durations,
            },
            ledger: Ledger {
                run: Word::new(Tagged::new(generation, run)),
                latest: Word::new(now),
                time_high: Word::default(),
                time_low: Word::default(),
                decision: Word::new(Tagged::new(version, decision)),
                deciding: Word::new(Tagged::new(generation, None)),
                lifetime: totals.classes.map(Word::new),
                generations: Word::new(initial.generation),
                since: Word::new(initial.since),
                openings: Word::new(Tagged::new(generation, initial.openings)),
                deadline: Word::new(Tagged::new(generation, initial.deadline)),
                would_trip: Counter::new(totals.would_trip),
                seed,
            },
            stripes,
            in_flight,
            probing: Probing {
                round: Word::new(initial.round),
                latest_admission: Word::new(now),
                late_successes: Counter::default(),
                latest_result: Word::new(now),
                results: Default::default(),
            },
            watchers: Watchers::default(),
            bound,
            history: EventRing::short(),
            last_opening,
            longer,
            adaptive,
            queue: Late::midway(),
            #[cfg(feature = "std")]
            listeners: Default::default(),
            name: name.into_boxed_str(),
        }
    }

    #[inline(always)]
    pub(crate) fn control(&self) -> Control {
        self.head.control.load()
    }

    /// The present generation, in 64 bits, for a control word that was read before.
    pub(crate) fn generation(&self, control: Control) -> u64 {
        // Updates raise the long count now and then, before they publish. So it is behind by less than half
        // of the range, and ahead only of a control word that was read before.
        control.generation().nearest(self.ledger.generations.load())
    }

    /// Whether `control` is the Open of that generation, by its long count.
    pub(crate) fn is_open_of(&self, control: Control, generation: u64) -> bool {
        control.state() == State::Open && self.generation(control) == generation
    }

    /// Counts a result whose generation has ended.
    pub(crate) fn late(&self) {
        self.stripes.side().late.add(1);
    }

    /// How long a Closed had lasted before this clock begins, in nanoseconds.
    pub(crate) fn lasted_before(&self, control: Control) -> u64 {
        match self.ledger.deadline.load().of(control.generation()) {
            Some(before) if control.state() == State::Closed => before.before_clock(),
            _ => 0,
        }
    }

    /// When the Open of that generation ends, in nanoseconds of the clock; `None` if the deadline is
    /// another generation's.
    pub(crate) fn open_until(&self, generation: Generation) -> Option<u64> {
        // before the deadline, and so of no later generation than it is
        let opened = self.ledger.since.load();
        let deadline = self.ledger.deadline.load();
        deadline
            .has(generation)
            .then(|| deadline.payload().nanos(opened))
    }

    /// Returns the rest of the wait.
    pub(crate) fn open_for(&self, generation: Generation, now: u64) -> Option<u64> {
        let until = self.open_until(generation)?;
        Some(until.saturating_sub(now))
    }
}

/// The adaptive rules' words, if one is on, and when the first period ends with them.
fn adaptive(
    policy: &Policy,
    window: &Shape,
    control: Control,
    initial: &Initial,
    period_end: u64,
    now: u64,
) -> (Late<Box<AdaptiveWords>>, u64) {
    let Shape::Time(boundaries) = window else {
        return (Late::midway(), period_end);
    };
    if !policy.config.is_adaptive() {
        return (Late::midway(), period_end);
    }
    let end = if policy.weights.tick() {
        boundaries.tick_end(boundaries.epoch_at(now), now)
    } else {
        period_end
    };
    let words = AdaptiveWords::new(
        boundaries,
        policy,
        control.version(),
        control.generation(),
        initial,
        end,
    );
    (Late::full(Box::new(words)), end)
}

/// The window, when its first period ends, and what a window of time holds.
fn window(config: &Config, initial: &Initial, now: u64) -> (Shape, u64, Counts) {
    let held = &initial.window;
    match config.window.geometry() {
        Geometry::Time { width, buckets } => {
            let totals = counts_of(&initial.totals.classes);
            let origin = now.wrapping_sub(held.into);
            let finest = config.clock.resolution();
            let boundaries = Boundaries::new(buckets, width, finest, origin, &held.starts);
            let end = boundaries.end_of(boundaries.epoch_at(now));
            let oldest = held.starts.first().copied().unwrap_or(totals);
            (Shape::Time(boundaries), end, totals.since(oldest))
        }
        Geometry::Count(size) => {
            let successes = initial.totals.classes[Class::FastSuccess as usize];
            let window = CountWindow::new(size, successes, &held.outcomes, initial.truth);
            let held = window.first();
            (Shape::Count(Box::new(window)), u64::MAX, held)
        }
    }
}
