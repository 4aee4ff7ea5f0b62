//! What a window shows: walks over the list of outcomes.

use super::{Counts, Model, Timed, WHOLE, Window};

fn sum<'a>(outcomes: impl Iterator<Item = &'a Timed>) -> Counts {
    let mut counts = Counts::default();
    for outcome in outcomes {
        counts.calls += 1;
        counts.successes += u64::from(!outcome.failed);
        counts.failures += u64::from(outcome.failed);
        counts.slow += u64::from(outcome.slow);
    }
    counts
}

impl Model {
    /// The outcomes of the last time of counting, newest first, and the moment from which they are
    /// seen: now, or when that time ended.
    fn period(&self, now: u64) -> (impl Iterator<Item = &Timed>, u64) {
        let generation = self.period.map(|period| period.generation);
        let moment = self.period.and_then(|period| period.ended).unwrap_or(now);
        let outcomes = self.outcomes.iter().rev();
        (
            outcomes.take_while(move |outcome| Some(outcome.generation) == generation),
            moment,
        )
    }

    /// The outcomes of the window as a snapshot shows it.
    pub(super) fn in_window(&self, now: u64) -> Vec<&Timed> {
        let (outcomes, moment) = self.period(now);
        match self.window {
            Window::Count(size) => outcomes.take(size as usize).collect(),
            Window::Time { buckets, width } => {
                let current = (moment - self.origin) / width;
                let live = |at: u64| (at - self.origin) / width + u64::from(buckets) > current;
                outcomes.take_while(|outcome| live(outcome.at)).collect()
            }
        }
    }

    /// The window as a snapshot shows it.
    pub(super) fn shown(&self, now: u64) -> Counts {
        sum(self.in_window(now).into_iter())
    }

    /// The live epochs, oldest first; those from before the breaker was built are empty.
    pub(super) fn buckets(&self, now: u64) -> Vec<Counts> {
        let Window::Time { buckets, width } = self.window else {
            return Vec::new();
        };
        let (outcomes, moment) = self.period(now);
        let outcomes: Vec<&Timed> = outcomes.collect();
        let current = (moment - self.origin) / width;
        let epoch = |back: u32| {
            sum(outcomes.iter().copied().filter(move |outcome| {
                (outcome.at - self.origin) / width + u64::from(back) == current
            }))
        };
        (0..buckets).rev().map(epoch).collect()
    }

    /// Whether what came at a moment is in the window at a later one; a count window has no age.
    fn live(&self, at: u64, later: u64) -> bool {
        match self.window {
            Window::Count(_) => true,
            Window::Time { buckets, width } => {
                (at - self.origin) / width + u64::from(buckets) > (later - self.origin) / width
            }
        }
    }

    /// Failures since the last success of this generation, while the rule is on. Where the window held
    /// no failure any more, the run was over.
    pub(super) fn failures_of_run(&self, now: u64) -> Vec<&Timed> {
        if self.rules.consecutive_failures.is_none() {
            return Vec::new();
        }
        let mine = |outcome: &&Timed| outcome.generation == self.generation && outcome.failed;
        let failures = self.outcomes[self.run_from..].iter().rev();
        let mut later = now;
        let lasts =
            |failure: &&Timed| self.live(failure.at, std::mem::replace(&mut later, failure.at));
        failures.take_while(mine).take_while(lasts).collect()
    }

    /// By how much they have made the run grow.
    pub(super) fn run_in_eighths(&self, now: u64) -> u64 {
        let failures = self.failures_of_run(now);
        failures.into_iter().map(|failure| failure.grew).sum()
    }

    /// The same in whole failures.
    pub(super) fn run(&self, now: u64) -> u64 {
        self.run_in_eighths(now) / WHOLE
    }
}
