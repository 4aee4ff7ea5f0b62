//! The hang rule: calls begin, and none ends.
//!
//! An outcome is a sign of life. It is found in the counts, so it writes nothing for this rule, but for the first
//! success of a tick, which leaves its duration. A tick's end says whether there was a sign in the tick. An
//! acquire that finds a whole tick over without one begins a watch, and those after it count themselves. The one
//! that finds enough of them asks for an update, which judges on the frozen counts: a sign of life in those ends
//! the watch, and nothing trips.

use crate::engine::adaptive::AdaptiveWords;
use crate::engine::state::Core;
use crate::engine::window::Shape;
use crate::engine::window::boundaries::Boundaries;
use crate::words::control::{Control, Goal};
use crate::words::deadline::Wait;
use crate::words::outcome::State;
use crate::words::watch::Watch;

/// The rule asks for so many successes and failures before its first watch.
const SETTLED: u64 = 20;

/// What an acquire is to do.
enum Look {
    Admit,
    /// The period is over: by this acquire, or by another thread.
    Leave,
    /// Another thread came between.
    Again,
}

impl Core {
    /// Every acquire looks at the tick and at the watch, of which each is written a few times per tick at most.
    /// Returns whether the state still admits the call: not if this acquire trips the breaker.
    #[inline]
    pub(crate) fn look_for_hang(&self, now: u64) -> bool {
        let Some(words) = self.adaptive.get() else {
            return true;
        };
        // The watch after the tick: who ends a silent tick says so in the watch first.
        if now < self.head.period_end.load() && !words.watch.load().asks() {
            return true;
        }
        self.look_closely(words, now)
    }

    #[cold]
    #[inline(never)]
    fn look_closely(&self, words: &AdaptiveWords, now: u64) -> bool {
        let Shape::Time(boundaries) = &self.head.window else {
            return true;
        };
        loop {
            let control = self.quiet(now);
            if !control.counting() || !words.watches(control) {
                return control.admits_all();
            }
            if now >= self.head.period_end.load() {
                // The tick is over, as an outcome may find it. Of several threads one announces the update.
                self.update(control, Goal::Maintain, now, Wait::Backoff);
                continue;
            }
            match self.watch(control, words, boundaries, now) {
                Look::Admit => return true,
                Look::Leave => return false,
                Look::Again => {}
            }
        }
    }

    /// `control` is quiet, and the tick is the present one. An update may come between any two of these lines: then
    /// the words are of two ticks. A watch that begins or counts on so decides nothing, since the update that judges
    /// has the words of one cut.
    fn watch(
        &self,
        control: Control,
        words: &AdaptiveWords,
        boundaries: &Boundaries,
        now: u64,
    ) -> Look {
        let policy = self.head.policy.load();
        let Some(hang) = &policy.config.hang else {
            return Look::Admit;
        };
        let watch = words.watch.load();
        // Before the counts: a sign that lands after this load is in them, or in the next tick.
        let alive = words.alive.load();
        let silent = self.is_silent(words);
        // Each exchange expects the watch that was read before the signs: one that ended meanwhile has another number.
        // Control once more, since under an update the words may be of two ticks: its helpers end the watch with a new
        // number, and what began before that is as if it had come before the update.
        let change = |to: Watch| {
            if self.control() == control && words.watch.cas(watch, to).is_ok() {
                Look::Admit
            } else {
                Look::Again
            }
        };
        if !watch.is_on() {
            let quiet = alive < boundaries.tick_start(now);
            return match silent {
                true if quiet && self.has_settled() => change(watch.begun(now)),
                true => Look::Admit,
                // none can begin in this tick
                false => change(watch.ended()),
            };
        }
        if !silent {
            return change(watch.ended());
        }
        // Under observe-only, or if the registry lets nothing trip now.
        let withheld = control.state() == State::ObserveOnly || self.withholds();
        if watch.is_reported() && withheld {
            // it counts nothing further, whatever the rule has become since
            return Look::Admit;
        }
        let patience = words.patience(hang, words.slowest(control.generation()));
        let starts = u64::from(hang.starts);
        // An acquire that finds every place in flight taken will be rejected, and is no call that began. The calls that
        // hold the places are the evidence then: where there are fewer than the rule asks for, for longer in proportion.
        let full = match control.state() {
            State::Closed => self.in_flight.full(),
            _ => None,
        };
        let held = full.map(|limit| {
            let longer =
                u128::from(patience) * u128::from(starts.max(limit)) / u128::from(3 * limit);
            u64::try_from(longer).unwrap_or(u64::MAX)
        });
        let lasted = watch.lasted(now);
        let found = (watch.starts >= starts || held.is_some_and(|longer| lasted >= Some(longer)))
            && lasted >= Some(patience / 3)
            && now >= alive.saturating_add(patience);
        if !found && (watch.is_reported() || full.is_some()) {
            return Look::Admit;
        }
        if !found {
            return change(watch.counted());
        }
        if withheld {
            // This exchange is the edge: of several acquires that find it one succeeds.
            return match words.watch.cas(watch, watch.reported()) {
                Ok(()) => {
                    self.report_would_trip(control.state(), 1);
                    Look::Admit
                }
                Err(_) => Look::Again,
            };
        }
        self.trip_by_hang(control, now)
    }

    fn trip_by_hang(&self, control: Control, now: u64) -> Look {
        // From exactly the word under which the watch was found. If a sign of life is in the cut, the breaker stays
        // closed, and the next look ends the watch.
        self.update(control, Goal::CheckHang, now, Wait::Backoff);
        // Whichever thread has ended the period, the call acts on the state that it finds.
        if self.control().period() == control.period() {
            Look::Again
        } else {
            Look::Leave
        }
    }

    /// So few calls say nothing about a dependency.
    fn has_settled(&self) -> bool {
        let totals = self.totals(0);
        totals.successes + totals.failures >= SETTLED
    }
}
