//! The breaker's time, and the moment to which its window has moved on.

use super::{Note, Spec};
use crate::model::{Cause, Model, State, Window};

impl Spec {
    /// Does something to the model at the breaker's time, for one that has read `now`. Without a cause it looks
    /// at what the window still holds.
    pub(super) fn at<R>(
        &mut self,
        now: u64,
        cause: Option<Cause>,
        act: impl FnOnce(&mut Model, u64) -> R,
    ) -> R {
        self.date(now);
        let counting = self.counting();
        if counting && cause.is_none() {
            self.rolled = self.latest;
        }
        let run = match cause {
            _ if !counting => 0,
            None if self.window_is_clear(self.rolled) => 0,
            _ => self.run,
        };
        let counts = counting.then(|| self.model.view(self.rolled).window);
        let before = self.generation();
        let result = act(&mut self.model, self.latest);
        if self.generation() != before {
            self.notes.push(Note {
                cause,
                run,
                counts,
                strays: self.strays,
            });
            self.run = 0;
            self.runs = vec![0];
            self.decided = None;
            if self.counting() {
                self.strays = 0;
                self.rolled = self.latest;
            } else if counting {
                self.model.ended_as_of(self.rolled);
            }
            if self.model.state() == State::HalfOpen {
                self.model.hear(self.heard);
            }
            for _ in 0..std::mem::take(&mut self.unseen).len() {
                self.store();
            }
        }
        result
    }

    /// What a transition may be dated once that has been read. Of a time beyond the next multiple of 2^29 ns the two
    /// halves may be agreed on apart, the first of them before that was read: then it is the last moment before
    /// the multiple.
    pub(super) fn dates_up_to(&self, now: u64) -> impl Iterator<Item = u64> {
        let between = self.latest | ((1 << 29) - 1);
        [Some(now), (between < now).then_some(between)]
            .into_iter()
            .flatten()
    }

    /// There is an update, at that time or later.
    pub(super) fn date(&mut self, now: u64) {
        self.latest = self.latest.max(now);
    }

    /// The window moves on to the breaker's time. The update that does so and finds no failure in the window
    /// begins the run anew; a failure that has landed and is not noted yet counts in the new one.
    pub(super) fn roll(&mut self, now: u64) {
        self.date(now);
        self.rolled = self.latest;
        if self.counting() && self.is_adaptive() {
            self.model.end_ticks(self.rolled);
        }
        if self.counting() && self.window_is_clear(self.rolled) {
            self.run = 0;
            self.runs = vec![0];
        }
    }

    /// That moment is beyond the epoch to which the window has moved on, or beyond its tick.
    pub(super) fn is_beyond(&self, at: u64) -> bool {
        match self.window {
            _ if self.rules.outage.is_some() || self.rules.hang.is_some() => self
                .model
                .next_tick(self.rolled)
                .is_some_and(|end| at >= end),
            Window::Time { width, .. } => at / width > self.rolled / width,
            Window::Count(_) => false,
        }
    }
}
