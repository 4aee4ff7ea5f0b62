//! What a breaker consists of: its words, where each lies, and what each begins as.
//!
//! `engine/update.rs`, `engine/admit.rs`, `engine/probe.rs` and `engine/snapshot.rs` are the four things that are done to it.

use crate::clock::Clock;
use crate::config::backoff::unit;
use crate::config::settings::{Config, Shape as Geometry};
use crate::engine::durations::Histogram;
use crate::engine::events::event::{HISTORY, LastOpening, Ring, Slot};
use crate::engine::events::queue::Queue;
use crate::engine::events::watch::{Watched, Watchers};
use crate::engine::policy::{Policy, Tally};
use crate::engine::transition::Decision;
use crate::engine::window::Shape;
use crate::engine::window::boundaries::Boundaries;
use crate::engine::window::count::CountWindow;
use crate::engine::window::stripes::{Stripes, share};
use crate::sync::atomic::{Counter, Late, Swap, Word};
use crate::sync::thread_index::cpus;
use crate::words::control::Control;
use crate::words::deadline::Deadline;
use crate::words::outcome::{Cause, FailureKind, State};
use crate::words::round::Round;
use crate::words::run::{Run, RunRule};
use crate::words::tagged::{Generation, Tagged, Version};
use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

/// What every call reads and only updates write: at rest in each cache.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) control: Word<Control>,
    /// When the current epoch is over; `u64::MAX` under a count window. It only rises.
    pub(crate) period_end: Word,
    /// The slow limit in nanoseconds, 0 for none.
    pub(crate) slow_limit: Word<Tagged<Version>>,
    pub(crate) run_limit: Word<Tagged<Version, RunRule>>,
    pub(crate) clock: Clock,
    pub(crate) window: Shape,
    pub(crate) policy: Swap<Policy>,
    pub(crate) durations: Option<Box<Histogram>>,
}

/// What the updates keep for themselves and for readers; and, with some distance to both ends, the run,
/// which failures write.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Ledger {
    /// The stripes' counts by class, carried on into 64 bits.
    pub(crate) lifetime: [Word; 4],
    /// The generation, likewise.
    pub(crate) generations: Word,
    /// The latest time that an update was told; it only rises.
    pub(crate) latest: Word,
    /// The time of the update, in two halves of 32 bits.
    pub(crate) time_high: Word<Tagged<Version>>,
    pub(crate) time_low: Word<Tagged<Version>>,
    /// What the update decided.
    pub(crate) decision: Word<Tagged<Version, Decision>>,
    /// The run of failures.
    pub(crate) run: Word<Tagged<Generation, Run>>,
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
    /// When Open ends; of a Closed that was restored, how long it had lasted before this clock begins,
    /// which `since` cannot tell.
    pub(crate) deadline: Word<Tagged<Generation, Deadline>>,
}

/// The half-open state's own words.
#[derive(Debug)]
pub(crate) struct Probing {
    pub(crate) round: Word<Round>,
    /// When a slot was last taken, or about to be; it only rises.
    pub(crate) latest_admission: Word,
    /// When a result was last counted in a round, or about to be; it only rises.
    pub(crate) latest_result: Word,
    /// Probes that succeeded, but late: their round had ended.
    pub(crate) late_successes: Counter,
    /// The probes' results by class, for life: they are in no window.
    pub(crate) results: [Counter; 4],
}

/// In this order: between what all calls read (`head`, and the first words of `stripes`), what an
/// outcome writes and what failures write (`ledger.run`) lies a line of 64 bytes, or more, that is
/// seldom touched. So they are apart without an alignment, which would add a third to a breaker.
#[repr(C)]
pub(crate) struct Core {
    /// Beside the `Arc`'s own counts, with which it changes.
    pub(crate) watchers: Watchers,
    pub(crate) name: Box<str>,
    pub(crate) history: Ring<[Slot; HISTORY]>,
    pub(crate) last_opening: LastOpening,
    /// A longer history, where one is configured.
    pub(crate) longer: Option<Box<Ring>>,
    /// Longer rings, once there is a listener.
    pub(crate) queue: Late<Box<Queue>>,
    #[cfg(feature = "std")]
    pub(crate) listeners: crate::engine::events::wake::Listeners,
    pub(crate) head: Head,
    pub(crate) stripes: Stripes,
    pub(crate) ledger: Ledger,
    pub(crate) probing: Probing,
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
    /// `{:?}` of each handle: which breaker it is of, and how that is. A window, or a listener's queue,
    /// could be megabytes.
    #[cold]
    pub(crate) fn debug(&self, handle: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(handle)
            .field("name", &self.name)
            .field("state", &self.control().state())
            .finish_non_exhaustive()
    }

    /// From a configuration that has been validated.
    pub(crate) fn new(name: String, config: Config, seed: u64) -> Core {
        let clock = config.clock.clone();
        let now = clock.nanos();
        let state = config.initial_state;
        let (window, period_end) = match config.window.shape() {
            Geometry::Time { width, buckets } => {
                let b = Boundaries::new(buckets, width, now);
                let end = b.end_of(b.epoch_at(now));
                (Shape::Time(b), end)
            }
            Geometry::Count(size) => (Shape::Count(Box::new(CountWindow::new(size))), u64::MAX),
        };
        let kept = config.history as usize;
        let longer = (kept > HISTORY).then(|| Box::new(Ring::of(kept.next_power_of_two())));
        let durations = config.durations.then(|| Box::new(Histogram::new()));
        let policy = Policy::new(config);
        let rule = RunRule::default().with(policy.run());
        let k = u64::from(state == State::Open);
        let backoff = &policy.config.open_for;
        let wait = backoff.wait_nanos(k as u32, unit(seed, 0));
        let deadline = match state {
            State::Open => Deadline::after(now, now, wait, false),
            _ => Deadline::NONE,
        };
        let stripes = Stripes::new(cpus());
        let shares = share(policy.allowance(Tally::default()), 0, 1);
        for (limit, share) in stripes.get(0).limits.iter().zip(shares) {
            limit.store(Tagged::new(Version::default(), share)); // nobody else has it yet
        }
        let mut control = Control::new(state, policy.flags(false));
        let generation = control.generation();
        if state == State::Open {
            control = control.with_cause(Cause::Manual);
        }
        Core {
            head: Head {
                control: Word::new(control),
                period_end: Word::new(period_end),
                slow_limit: Word::new(Tagged::new(control.version(), policy.slow_call())),
                run_limit: Word::new(Tagged::new(control.version(), rule)),
                clock,
                window,
                policy: Swap::new(policy.shared()),
                durations,
            },
            ledger: Ledger {
                run: Word::new(Tagged::new(generation, Run::begun(rule.era))),
                latest: Word::new(now),
                time_high: Word::default(),
                time_low: Word::default(),
                decision: Word::default(),
                deciding: Word::default(),
                lifetime: Default::default(),
                generations: Word::default(),
                since: Word::new(now),
                openings: Word::new(Tagged::new(generation, k)),
                deadline: Word::new(Tagged::new(generation, deadline)),
                would_trip: Counter::default(),
                seed,
            },
            stripes,
            probing: Probing {
                round: Word::default(),
                latest_admission: Word::default(),
                late_successes: Counter::default(),
                latest_result: Word::default(),
                results: Default::default(),
            },
            watchers: Watchers::default(),
            history: Ring::short(),
            last_opening: LastOpening::none(),
            longer,
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
    pub(crate) fn generation(&self, c: Control) -> u64 {
        // an update raises the long count before it publishes, so it may be ahead by one
        c.generation().at_most(self.ledger.generations.load())
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
    pub(crate) fn lasted_before(&self, c: Control) -> u64 {
        match self.ledger.deadline.load().of(c.generation()) {
            Some(before) if c.state() == State::Closed => before.before_clock(),
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

    /// The same, as what is left of it.
    pub(crate) fn open_for(&self, generation: Generation, now: u64) -> Option<u64> {
        let until = self.open_until(generation)?;
        Some(until.saturating_sub(now))
    }
}
