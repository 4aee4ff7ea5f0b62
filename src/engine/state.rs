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
use crate::engine::window::Shape;
use crate::engine::window::boundaries::Boundaries;
use crate::engine::window::count::CountWindow;
use crate::engine::window::stripes::{Stripes, share};
use crate::sync::atomic::{Counter, Late, Swap, Word};
use crate::sync::thread_index::cpus;
use crate::words::control::Control;
use crate::words::deadline::{Before, Deadline};
use crate::words::outcome::{Cause, State};
use crate::words::run::{Run, RunRule};
use crate::words::tagged::Tagged;
use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

/// What every call reads and only updates write: at rest in each cache.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) control: Word,
    /// When the current epoch is over; `u64::MAX` under a count window. It only rises.
    pub(crate) period_end: Word,
    /// Version | the slow limit in nanoseconds, 0 for none.
    pub(crate) slow_limit: Word,
    /// Version | the rule on runs.
    pub(crate) run_limit: Word,
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
    /// Version | the time of the update, in two halves of 32 bits.
    pub(crate) time_high: Word,
    pub(crate) time_low: Word,
    /// Version | what the update decided.
    pub(crate) decision: Word,
    /// Generation | the run of failures.
    pub(crate) run: Word,
    /// Rising edges of rules under observe-only.
    pub(crate) would_trip: Counter,
    /// Of the jitter.
    pub(crate) seed: u64,
    /// Generation | openings since closed for long enough.
    pub(crate) openings: Word,
    /// Generation | the kind of the failure that is about to end it.
    pub(crate) deciding: Word,
    /// When the present generation began.
    pub(crate) since: Word,
    /// Generation | firm, and the millisecond at which Open ends; of a Closed that was restored, how long
    /// it had lasted before this clock begins, which `since` cannot tell; else 0.
    pub(crate) deadline: Word,
}

/// The half-open state's own words.
#[derive(Debug)]
pub(crate) struct Probing {
    pub(crate) round: Word,
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
        let rule = RunRule::from_bits(0).with(policy.run());
        let k = u64::from(state == State::Open);
        let backoff = &policy.config.open_for;
        let wait = backoff.wait_nanos(k as u32, unit(seed, 0));
        let deadline = match state {
            State::Open => Deadline::after(now, now, wait, false).0,
            _ => 0,
        };
        let stripes = Stripes::new(cpus());
        let shares = share(policy.allowance(Tally::default()), 0, 1);
        for (limit, share) in stripes.get(0).limits.iter().zip(shares) {
            limit.store(Tagged::new(0, share).0); // nobody else has it yet
        }
        let mut control = Control::new(state, policy.flags(false));
        if state == State::Open {
            control = control.with_cause(Cause::Manual);
        }
        Core {
            head: Head {
                control: Word::new(control.0),
                period_end: Word::new(period_end),
                slow_limit: Word::new(Tagged::new(0, policy.slow_call()).0),
                run_limit: Word::new(Tagged::new(0, rule.payload()).0),
                clock,
                window,
                policy: Swap::new(policy.shared()),
                durations,
            },
            ledger: Ledger {
                run: Word::new(Tagged::new(0, Run::begun(rule.era).payload()).0),
                latest: Word::new(now),
                time_high: Word::default(),
                time_low: Word::default(),
                decision: Word::default(),
                deciding: Word::default(),
                lifetime: Default::default(),
                generations: Word::default(),
                since: Word::new(now),
                openings: Word::new(Tagged::new(0, k).0),
                deadline: Word::new(Tagged::new(0, deadline).0),
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
        Control(self.head.control.load())
    }

    /// The present generation, in 64 bits, for a control word that was read before.
    pub(crate) fn generation(&self, c: Control) -> u64 {
        // an update raises the long count before it publishes, so it may be ahead by one
        let long = self.ledger.generations.load();
        let modulus = 1 << crate::words::control::GENERATION_BITS;
        long.wrapping_sub(long.wrapping_sub(c.generation()) & (modulus - 1))
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
        let w = Tagged(self.ledger.deadline.load());
        if c.state() == State::Closed && w.has(c.generation()) {
            Before(w.payload()).nanos()
        } else {
            0
        }
    }

    /// When the Open of that generation ends, in nanoseconds of the clock; `None` if the deadline is
    /// another generation's.
    pub(crate) fn open_until(&self, generation: u64) -> Option<u64> {
        // before the deadline, and so of no later generation than it is
        let opened = self.ledger.since.load();
        let w = Tagged(self.ledger.deadline.load());
        w.has(generation)
            .then(|| Deadline(w.payload()).nanos(opened))
    }

    /// The same, as what is left of it.
    pub(crate) fn open_for(&self, generation: u64, now: u64) -> Option<u64> {
        let until = self.open_until(generation)?;
        Some(until.saturating_sub(now))
    }
}
