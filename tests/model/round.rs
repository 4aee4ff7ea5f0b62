//! A half-open round.

use super::{Counts, HalfOpen, Recovery, whole_ms};

#[derive(Clone, Copy, Debug, Default, Hash)]
pub(super) struct Round {
    pub(super) in_flight: u32,
    pub(super) succeeded: u32,
    pub(super) failed: u32,
    pub(super) slow: u32,
    pub(super) cancelled: u32,
    /// The latest admission.
    pub(super) latest: Option<u64>,
    /// The latest result that counted.
    pub(super) heard: Option<u64>,
    /// How long the slowest success took, while an adaptive rule was on, in microseconds.
    pub(super) slowest: Option<u64>,
}

impl Round {
    pub(super) fn has_room(&self, half_open: &HalfOpen) -> bool {
        self.in_flight < half_open.max_probes
            && self.in_flight + self.succeeded + self.failed < half_open.recovery.needs()
    }

    pub(super) fn admit(&mut self, now: u64) {
        self.in_flight += 1;
        self.latest = Some(now);
    }

    /// A slot comes back; outside a round there is none.
    pub(super) fn give_back(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// A probe's result; `Some(true)` closes, `Some(false)` re-opens.
    pub(super) fn result(
        &mut self,
        failed: bool,
        slow: bool,
        recovery: Recovery,
        slow_fails: bool,
    ) -> Option<bool> {
        self.give_back();
        self.slow += u32::from(slow);
        match recovery {
            Recovery::Successes(needed) => {
                if failed || slow && slow_fails {
                    self.failed += 1;
                    return Some(false);
                }
                self.succeeded += 1;
                (self.succeeded >= needed).then_some(true)
            }
            Recovery::Rate {
                of,
                failure_rate,
                slow_rate,
            } => {
                if failed {
                    self.failed += 1;
                } else {
                    self.succeeded += 1;
                }
                let results = self.succeeded + self.failed;
                let reached = |part: u32, limit: f64| f64::from(part) / f64::from(results) >= limit;
                let bad = reached(self.failed, failure_rate)
                    || slow_rate.is_some_and(|limit| reached(self.slow, limit));
                (results >= of).then_some(!bad)
            }
        }
    }

    /// How the round stands by rules that came while it was under way: over, or not yet.
    pub(super) fn stands(&self, recovery: Recovery) -> Option<bool> {
        let results = self.succeeded + self.failed;
        match recovery {
            Recovery::Successes(_) if self.failed > 0 => Some(false),
            Recovery::Successes(needed) => (self.succeeded >= needed).then_some(true),
            Recovery::Rate {
                of,
                failure_rate,
                slow_rate,
            } => {
                let reached = |part: u32, limit: f64| f64::from(part) / f64::from(results) >= limit;
                let bad = || {
                    reached(self.failed, failure_rate)
                        || slow_rate.is_some_and(|limit| reached(self.slow, limit))
                };
                (results >= of).then(|| !bad())
            }
        }
    }

    /// A probe was cancelled; answers whether the round, which began at `since`, is given up for it.
    pub(super) fn cancel(&mut self, since: u64, now: u64, needed: u32, timeout: u64) -> bool {
        self.give_back();
        self.cancelled += 1;
        self.cancelled >= needed && now >= self.silent_at(since, timeout)
    }

    /// The moment from which on no result has come for too long.
    pub(super) fn silent_at(&self, since: u64, timeout: u64) -> u64 {
        let heard = self.heard.unwrap_or(since).max(since);
        whole_ms(heard + timeout)
    }

    pub(super) fn counts(&self) -> Counts {
        Counts {
            calls: u64::from(self.succeeded + self.failed),
            successes: u64::from(self.succeeded),
            failures: u64::from(self.failed),
            slow: u64::from(self.slow),
        }
    }
}
