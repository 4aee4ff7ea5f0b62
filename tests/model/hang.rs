//! The hang rule: calls begin, and none ends.

#[cfg(test)]
mod by_hand;

use super::{Hang, HangSoFar, Model, Outcome, Rules, State, Watch, Window, whole_ms};

/// Successes and failures without which no watch begins.
const SETTLED: u64 = 20;

const MOST_STARTS: u32 = 1_023;
const LONGEST_SAMPLE: u64 = (1 << 40) - 1;

/// What the hang rule keeps.
#[derive(Clone, Copy, Debug, Default, Hash)]
pub(super) struct Life {
    /// The end of the tick with the last sign of life.
    until: u64,
    watch: Option<Begun>,
    /// The tick that was last looked at.
    tick: (u64, u64),
    /// It has a success or a failure.
    busy: bool,
    /// How long its first success took.
    sample: Option<u64>,
    /// The longest success of late; it outlasts all the others.
    longest: u64,
    /// The slowest success of the round whose ramp led to this period, in microseconds, until the period has a sample.
    pub(super) slowest: Option<u64>,
}

/// A watch.
#[derive(Clone, Copy, Debug, Hash)]
struct Begun {
    at: u64,
    starts: u32,
    /// Observe-only has reported it.
    reported: bool,
}

impl Model {
    pub(super) fn patience(&self, hang: Hang) -> u64 {
        let in_ramp = self.ramp_slowest();
        let slowest = self.life.slowest.max(in_ramp).unwrap_or(0);
        hang.after.max(2 * self.life.longest.max(1_000 * slowest))
    }

    /// A call is about to begin where outcomes are counted; answers whether that trips the breaker.
    pub(super) fn begins_in_vain(&mut self, now: u64) -> bool {
        let Some(hang) = self.rules.hang else {
            return false;
        };
        self.end_ticks(now);
        let patience = self.patience(hang);
        let observed = self.state == State::ObserveOnly;
        let totals = self.totals.successes + self.totals.failures;
        let quiet = self.life.until < self.tick_start(now);
        let until = self.life.until;
        // rejected, it is no call that began: those that hold the places are
        let full = (self.rules.max_in_flight)
            .map(u64::from)
            .filter(|limit| self.state == State::Closed && self.in_flight >= *limit);
        let starts = u64::from(hang.starts);
        let held = |watch: &Begun| {
            full.is_some_and(|limit| {
                let longer =
                    u128::from(patience) * u128::from(starts.max(limit)) / u128::from(3 * limit);
                u128::from(now) >= u128::from(watch.at) + longer
            })
        };
        match &mut self.life.watch {
            None => {
                if quiet && totals >= SETTLED {
                    self.life.watch = Some(Begun {
                        at: whole_ms(now),
                        starts: 1,
                        reported: false,
                    });
                }
                false
            }
            Some(watch) if watch.reported => false,
            Some(watch)
                if (watch.starts >= hang.starts || held(watch))
                    && now >= watch.at + patience / 3
                    && now >= until + patience =>
            {
                if observed {
                    watch.reported = true;
                    self.would_trip += 1;
                }
                !observed
            }
            Some(_) if full.is_some() => false,
            Some(watch) => {
                watch.starts = MOST_STARTS.min(watch.starts + 1);
                false
            }
        }
    }

    /// A call of this generation ends with a result; how long it took, if it was timed.
    pub(super) fn hear_life(&mut self, outcome: Outcome, took: Option<u64>, now: u64) {
        if !self.counting() {
            return;
        }
        if outcome != Outcome::Ignored || self.rules.hang.is_some() {
            self.end_ticks(now);
        }
        self.life.busy |= outcome != Outcome::Ignored;
        if self.rules.hang.is_none() {
            return;
        }
        self.life.until = self.life.until.max(self.tick_end(now));
        self.life.watch = None;
        if outcome == Outcome::Success && self.life.sample.is_none() {
            self.life.sample = took.map(|took| took.clamp(1, LONGEST_SAMPLE));
        }
    }

    /// A period is about to begin: its beginning is a sign of life before the period is seen.
    pub(crate) fn expect_period(&mut self, now: u64) {
        self.life.until = self.life.until.max(self.tick_end(now));
        self.life.watch = None;
    }

    /// An ignored result of a call that was found to be in time.
    pub(crate) fn count_ignored(&mut self, now: u64) {
        self.totals.ignored += 1;
        self.hear_life(Outcome::Ignored, None, now);
    }

    pub(super) fn end_tick_of_life(&mut self, now: u64) {
        let tick = self.tick(now);
        let life = &mut self.life;
        if life.tick == tick {
            return;
        }
        if life.busy && self.rules.hang.is_some() {
            let faded = life.longest - life.longest / 1_000;
            life.longest = life.sample.unwrap_or(0).max(faded);
            if life.sample.is_some() {
                life.slowest = None;
            }
        }
        life.busy = false;
        life.sample = None;
        life.tick = tick;
    }

    /// A counting period begins, after a ramp whose round had that slowest success.
    pub(super) fn begin_life(&mut self, slowest: Option<u64>, now: u64) {
        self.life = Life {
            // a rule that was switched on in this bucket still begins with the next
            until: self.life.until.max(self.tick_end(now)),
            tick: self.tick(now),
            longest: self.life.longest,
            slowest,
            ..Life::default()
        };
    }

    /// The rules are about to become these, and all ticks that are over have ended.
    pub(super) fn change_hang(&mut self, new: &Rules, now: u64) {
        if !(self.rules.tick() && new.tick()) {
            self.life.busy = false;
        }
        self.life.tick = self.tick(now);
        if self.rules.hang.is_some() == new.hang.is_some() {
            return;
        }
        self.life.watch = None;
        self.life.sample = None;
        if new.hang.is_some() {
            self.life.until = self.next_epoch(now).unwrap_or(0);
        }
    }

    fn tick_end(&self, now: u64) -> u64 {
        self.next_tick(now).unwrap_or(0)
    }

    fn tick_start(&self, now: u64) -> u64 {
        let Window::Time { width, .. } = self.window else {
            return 0;
        };
        let (epoch, tick) = self.tick(now);
        self.origin + epoch * width + tick * super::evidence::tick_length(width)
    }

    pub(super) fn watch(&self, now: u64) -> Option<Watch> {
        let hang = self.rules.hang.filter(|_| self.counting())?;
        let watch = self.life.watch?;
        Some(Watch {
            starts: watch.starts,
            lasted: now.saturating_sub(watch.at),
            patience: self.patience(hang),
        })
    }

    /// What the hang rule and the outage under way have come to.
    pub(crate) fn hang_so_far(&self) -> HangSoFar {
        HangSoFar {
            generation: self.generation,
            on: self.counting() && self.rules.hang.is_some(),
            watched: self.life.watch.is_some(),
            reported: self.life.watch.is_some_and(|watch| watch.reported),
            longest: self.life.longest,
            lost: self.downtime.map_or(0, |downtime| downtime.lost),
            down_since: self.downtime.map(|downtime| downtime.since),
        }
    }
}
