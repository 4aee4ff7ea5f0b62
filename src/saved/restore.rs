//! Restores a saved state into a breaker that has just been created.
//!
//! *No other thread has the breaker.* The core is borrowed mutably, before it is shared. No call,
//! update or reader can have begun; a thread that gets the core later gets it through the `Arc`
//! into which it is moved, and that orders everything written here before everything the thread
//! does. So these are plain stores to words that no protocol covers at this point. They leave the
//! words as some sequence of updates could have left them in this same generation: version 0, no
//! update, one stripe.
//!
//! *All or nothing.* Everything that can be refused is refused before the first store: the value is
//! consistent in itself (`Saving::check`), and the name is compared here first. After that nothing
//! can fail.

use crate::clock::saturating_nanos;
use crate::engine::events::event::Event;
use crate::engine::policy::{Allowance, Tally, Truth};
use crate::engine::snapshot::Totals;
use crate::engine::state::Core;
use crate::engine::transition::Decision;
use crate::engine::window::Shape;
use crate::engine::window::boundaries::Boundaries;
use crate::engine::window::count::CountWindow;
use crate::engine::window::stripes::{Class, share};
use crate::saved::report::{Age, Restored, RestoredWindow, SavedError};
use crate::saved::save::wall_nanos;
use crate::saved::state::{Kept, Outage, Saving, Standing};
use crate::saved::value::Saved;
use crate::sync::pack::Pack;
use crate::words::control::Control;
use crate::words::deadline::Deadline;
use crate::words::outcome::{Cause, State};
use crate::words::round::Round;
use crate::words::run::Run;
use crate::words::tagged::{Generation, Tagged, Version};
use core::time::Duration;
use std::time::SystemTime;

/// A state to begin with, and the wall clock's time if it is not to be asked.
#[derive(Clone, Debug)]
pub(crate) struct Beginning {
    pub(crate) saved: Saved,
    pub(crate) at: Option<SystemTime>,
}

/// # Errors
///
/// The state is another breaker's; then this one is as it was.
pub(crate) fn restore(core: &mut Core, from: Beginning) -> Result<Restored, SavedError> {
    let s = from.saved.0;
    if *s.name != *core.name {
        return Err(SavedError::OtherBreaker(s.name));
    }
    let wall = from.at.unwrap_or_else(SystemTime::now);
    let age = age(&s, wall);
    // the time at which the core was made, and at which it begins
    let now = core.ledger.latest.load();
    core.put_totals(&s);
    let (window, tally) = core.put_window(&s, age, now);
    core.put_period(&s, age, now);
    if let Some(outage) = s.outage {
        core.put_outage(outage, wall, now);
    }
    let mut standing = s.standing;
    if window == RestoredWindow::Reshaped {
        standing.window = Truth::default();
    }
    let run = match &core.head.window {
        // as an update has it: where the window holds no failure, the run is over
        Shape::Time(_) if tally.failures == 0 => 0,
        Shape::Count(_) if !fails(&s.window, age) => 0,
        _ => s.run,
    };
    core.put_rules(&s, run, standing, tally);
    Ok(Restored {
        state: s.state,
        age,
        window,
    })
}

/// How many of a time window's buckets are over, one that was counting.
fn buckets_over(width: u64, into: u64, number: u64, age: Age) -> u64 {
    match age {
        Age::Of(_) => number.min(into.saturating_add(passed(age)) / width),
        Age::WentBack(_) => number,
    }
}

/// Whether a window that was counting still holds a failure, by its own geometry. One of outcomes has no
/// age, and its run neither.
fn fails(window: &Kept, age: Age) -> bool {
    match window {
        Kept::Count { .. } => true,
        Kept::Time {
            width,
            into,
            buckets,
        } => {
            let over = buckets_over(*width, *into, buckets.len() as u64, age);
            buckets.iter().skip(over as usize).any(|b| b.failures > 0)
        }
    }
}

fn age(s: &Saving, now: SystemTime) -> Age {
    let saved_at = Duration::from_nanos(s.saved_at);
    let now = now
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    match now.checked_sub(saved_at) {
        Some(age) => Age::Of(age),
        None => Age::WentBack(saved_at - now),
    }
}

/// The time that has passed for sure, in nanoseconds.
fn passed(age: Age) -> u64 {
    match age {
        Age::Of(age) => saturating_nanos(age),
        Age::WentBack(_) => 0,
    }
}

impl Core {
    /// All of them in the first stripe.
    fn put_totals(&mut self, s: &Saving) {
        let t = &s.totals;
        let counts = by_class(t);
        let stripe = self.stripes.get(0);
        let timed = matches!(self.head.window, Shape::Time(_));
        for (i, (word, count)) in stripe.counts.iter().zip(counts).enumerate() {
            if timed {
                word.store(Tagged::new(Version(0), count));
                self.ledger.lifetime[i].store(count);
            } else {
                word.store(Tagged::unpack(count));
            }
        }
        let side = &stripe.side;
        side.late.set(t.late);
        side.ignored.set(t.ignored);
        side.cancelled.set(t.cancelled);
        for (counter, count) in side.kinds.iter().zip(s.kinds) {
            counter.set(count);
        }
        for (counter, count) in side.rejected.iter().zip(s.rejections) {
            counter.set(count);
        }
        self.ledger.would_trip.set(s.would_trip);
    }

    /// Epochs keep their boundaries: the current one may have begun before this clock did. Returns
    /// what the window holds.
    fn put_window(&mut self, s: &Saving, age: Age, now: u64) -> (RestoredWindow, Tally) {
        let b = match &mut self.head.window {
            Shape::Time(b) => b,
            Shape::Count(window) => return (land_all(window, s), Tally::default()),
        };
        let (width, number) = (b.width(), b.buckets());
        let none: &[Tally] = &[];
        let counting = matches!(s.state, State::Closed | State::ObserveOnly);
        let (report, into, live) = match &s.window {
            Kept::Time {
                width: saved_width,
                into,
                buckets,
            } if (*saved_width, buckets.len() as u64) == (width, number) => {
                let over = if counting {
                    buckets_over(width, *into, number, age)
                } else {
                    0
                };
                let into = into.saturating_add(passed(age));
                let live = buckets.get(over as usize..).unwrap_or(none);
                let report = if live.is_empty() {
                    RestoredWindow::Expired
                } else {
                    RestoredWindow::Kept
                };
                (report, into % width, live)
            }
            _ => (RestoredWindow::Reshaped, 0, none),
        };
        *b = Boundaries::new(number as u32, width, now.wrapping_sub(into));
        let current = b.epoch_at(now);
        let first = b.oldest(current);
        let totals = Tally {
            calls: s.totals.successes + s.totals.failures,
            failures: s.totals.failures,
            slow: s.totals.slow,
        };
        // from the present counts back to those at the start of each epoch; `live` begins with the
        // oldest one's
        let mut at = totals;
        for epoch in (first..=current).rev() {
            let counted = live.get((epoch - first) as usize);
            at = at.since(counted.copied().unwrap_or_default());
            b.put(epoch, at);
        }
        self.head.period_end.store(b.end_of(current));
        (report, totals.since(at))
    }

    /// The words of its generation, as `turn` leaves them, and of a round what has been counted.
    fn put_period(&mut self, s: &Saving, age: Age, now: u64) {
        let l = &self.ledger;
        let generation = Generation::of(s.generation);
        let lasted = s.lasted.saturating_add(passed(age));
        let since = now.saturating_sub(lasted);
        let deadline = match (s.state, s.left.saturating_sub(passed(age))) {
            (State::Open, 0) => Deadline::OVER,
            (State::Open, left) => Deadline::after(since, now, left, true),
            // where the clock does not reach back to the beginning of this state, `since` cannot tell it
            (State::Closed, _) => Deadline::lasted_before(lasted.saturating_sub(now)),
            _ => Deadline::NONE,
        };
        l.since.store(since);
        l.generations.store(s.generation);
        l.deciding.store(Tagged::new(generation, None));
        l.openings.store(Tagged::new(generation, s.openings));
        l.deadline.store(Tagged::new(generation, deadline));
        // The probes that were out are gone with their process. One that was decided is found so by the
        // first acquire.
        let counted = s.round.unwrap_or_default();
        let round = Round {
            succeeded: counted.succeeded,
            failed: counted.failed,
            slow: counted.slow,
            cancelled: counted.cancelled,
            timed_out: counted.timed_out,
            given_up: counted.given_up,
            ..Round::fresh(generation)
        };
        self.probing.round.store(round);
        self.probing.latest_admission.store(now);
        self.probing.latest_result.store(now);
    }

    /// The last opening from closed. What its wait was, and the kind of its failure, are not saved.
    fn put_outage(&mut self, outage: Outage, wall: SystemTime, now: u64) {
        // the other way about where the wall clock has gone back
        let ago = wall_nanos(wall).wrapping_sub(outage.at);
        self.last_opening.put(Event {
            generation: outage.generation,
            from: State::Closed,
            to: State::Open,
            cause: outage.cause,
            failure: None,
            at: now.wrapping_sub(ago),
            counts: outage.counts,
            run: outage.run,
            deadline: Deadline::NONE,
        });
    }

    /// What follows from the rules, for what the window holds: as `update` leaves it.
    fn put_rules(&mut self, s: &Saving, run: u64, standing: Standing, window: Tally) {
        let state = s.state;
        let policy = self.head.policy.load();
        let rule = self.head.run_limit.load().payload();
        // where the rule is off, or was, no run has gone on that it could have been true of
        let run = if rule.limit == 0 || run == 0 {
            Run::begun(rule.era)
        } else {
            Run {
                reached: standing.run,
                length: run,
                era: rule.era,
            }
        };
        self.ledger
            .run
            .store(Tagged::new(Generation::of(s.generation), run));
        let mut armed = false;
        if matches!(self.head.window, Shape::Time(_)) {
            let stands = standing.window.any();
            let allowance = if stands {
                Allowance::default()
            } else {
                policy.allowance(window)
            };
            let stripe = self.stripes.get(0);
            let limits = stripe.limits.iter().zip(&stripe.counts);
            for ((limit, count), share) in limits.zip(share(allowance, 0, 1)) {
                let count = count.load().payload();
                limit.store(Tagged::new(Version(0), count.wrapping_add(share)));
            }
            let counting = matches!(state, State::Closed | State::ObserveOnly);
            armed = counting && (stands || allowance.armed());
        }
        let flags = policy.flags(armed);
        let decision = Decision {
            transition: None,
            flags,
            truth: standing.window,
            rising: Truth::default(),
            rules: policy.number,
        };
        self.ledger
            .decision
            .store(Tagged::new(Version(0), decision));
        let mut control = Control::new(state, flags).of_generation(Generation::of(s.generation));
        if state == State::Open {
            control = control.with_cause(s.opening.unwrap_or(Cause::Manual));
        }
        self.head.control.store(control);
    }
}

/// Puts in the outcomes of a count window, in their order. Rules that were true stay true, and are
/// not reported again.
fn land_all(window: &CountWindow, s: &Saving) -> RestoredWindow {
    let outcomes = match &s.window {
        Kept::Count { size, outcomes } if *size == window.size() => outcomes,
        _ => return RestoredWindow::Reshaped,
    };
    for (failed, slow) in outcomes {
        let landed = window.try_count(Version(0), *failed, *slow, |t| {
            if t.failures | t.slow == 0 {
                Truth::default()
            } else {
                s.standing.window
            }
        });
        debug_assert!(landed.is_some(), "no other thread has the breaker");
    }
    RestoredWindow::Kept
}

/// Slow calls are failures or successes; only their sums are ever read.
fn by_class(totals: &Totals) -> [u64; 4] {
    let slow_failures = totals.slow.min(totals.failures);
    let slow_successes = totals.slow - slow_failures;
    let mut counts = [0; 4];
    counts[Class::FastSuccess as usize] = totals.successes - slow_successes;
    counts[Class::FastFailure as usize] = totals.failures - slow_failures;
    counts[Class::SlowSuccess as usize] = slow_successes;
    counts[Class::SlowFailure as usize] = slow_failures;
    counts
}
