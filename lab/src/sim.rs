//! The event loop: calls, ends, timeouts, retries, and a server that may be there.

use crate::day::{Answer, Day, Kind};
use crate::server::Backlog;
use crate::shape::Scene;
use crate::subject::{Ended, Outcome, Subject};
use crate::time::{Nanos, SECOND};
use crate::track::{Seen, Track};
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Lets the subject live through the day.
pub(crate) fn simulate<S: Subject>(scene: &Scene, day: &Day, subject: &mut S) -> Track {
    let whole_seconds = (scene.ends / SECOND + 1) as usize;
    let mut run = Run {
        scene,
        day,
        subject,
        queue: BinaryHeap::new(),
        order: 0,
        backlog: scene.server.map(Backlog::new),
        leaked: Vec::new(),
        track: Track {
            seen: Vec::with_capacity(day.calls.len()),
            wanted: day.calls.len() as u64,
            in_time: 0,
            seconds: vec![
                (0, 0);
                if scene.server.is_some() {
                    whole_seconds
                } else {
                    0
                }
            ],
        },
    };
    for (call, next) in (0_u32..).zip(&day.calls) {
        run.until(next.at);
        if let Some(second) = run.second(next.at) {
            second.0 += 1;
        }
        run.attempt(next.at, call, 1, next.answer);
    }
    run.until(scene.ends);
    run.track
}

struct Run<'a, S: Subject> {
    scene: &'a Scene,
    day: &'a Day,
    subject: &'a mut S,
    queue: BinaryHeap<Event<S::Permit>>,
    order: u64,
    backlog: Option<Backlog>,
    /// Permits that are never ended: held until the day is over.
    leaked: Vec<S::Permit>,
    track: Track,
}

struct Event<P> {
    at: Nanos,
    /// Of two at one time, the one that was set first.
    order: u64,
    call: u32,
    attempt: u32,
    what: What<P>,
}

enum What<P> {
    End {
        permit: P,
        ended: Ended,
        leaks: bool,
    },
    Retry,
}

impl<P> Event<P> {
    fn key(&self) -> (Nanos, u64) {
        (self.at, self.order)
    }
}

impl<P> PartialEq for Event<P> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl<P> Eq for Event<P> {}

impl<P> PartialOrd for Event<P> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The earliest is the greatest, since the heap gives the greatest.
impl<P> Ord for Event<P> {
    fn cmp(&self, other: &Self) -> Ordering {
        other.key().cmp(&self.key())
    }
}

impl<S: Subject> Run<'_, S> {
    /// Lets all happen that is due up to this time.
    fn until(&mut self, time: Nanos) {
        loop {
            let event = self.queue.peek().map_or(Nanos::MAX, |event| event.at);
            // a timer of the subject's runs in the client, which may be paused
            let timer = match self.subject.timer() {
                Nanos::MAX => Nanos::MAX,
                timer => self.scene.client_time(timer),
            };
            if event.min(timer) > time {
                return;
            }
            if timer < event {
                self.subject.wake(timer);
                continue;
            }
            let Some(event) = self.queue.pop() else {
                return;
            };
            self.happen(event);
        }
    }

    fn happen(&mut self, event: Event<S::Permit>) {
        let Event {
            at,
            call,
            attempt,
            what,
            ..
        } = event;
        let (permit, ended, leaks) = match what {
            What::End {
                permit,
                ended,
                leaks,
            } => (permit, ended, leaks),
            What::Retry => {
                let answer = self.day.retried(self.scene, at, call, attempt);
                return self.attempt(at, call, attempt, answer);
            }
        };
        if leaks {
            self.leaked.push(permit);
        } else {
            self.subject.end(at, permit, ended);
        }
        if ended.outcome.is_answer() {
            self.track.in_time += u64::from(ended.lasted <= self.scene.client.patience);
            if let Some(second) = self.second(at) {
                second.1 += 1;
            }
        } else if attempt < self.scene.client.attempts {
            let again = self.scene.client_time(at + self.scene.client.retry_after);
            self.push(again, call, attempt + 1, What::Retry);
        }
    }

    fn attempt(&mut self, now: Nanos, call: u32, attempt: u32, answer: Answer) {
        let Some(mut backlog) = self.backlog.take() else {
            // the answer depends on nothing that a subject does
            let (at, ended) = self.seen_by_client(now, answer);
            let permit = self.subject.admit(now);
            self.note(now, permit.is_some(), ended);
            if let Some(permit) = permit {
                self.push(
                    at,
                    call,
                    attempt,
                    What::End {
                        permit,
                        ended,
                        leaks: answer.leaks,
                    },
                );
            }
            return;
        };
        match self.subject.admit(now) {
            Some(permit) => {
                let capacity = self.scene.capacity(now, backlog.server());
                let served = backlog.serve(now, capacity, answer);
                let (at, ended) = self.seen_by_client(now, served);
                self.note(now, true, ended);
                self.push(
                    at,
                    call,
                    attempt,
                    What::End {
                        permit,
                        ended,
                        leaks: answer.leaks,
                    },
                );
            }
            // unknown: it would have changed the backlog
            None => self.track.seen.push(Seen::new(now, false, false)),
        }
        self.backlog = Some(backlog);
    }

    fn note(&mut self, now: Nanos, admitted: bool, ended: Ended) {
        let good = ended.outcome.is_answer() && ended.lasted <= self.scene.client.patience;
        self.track.seen.push(Seen::new(now, admitted, good));
    }

    /// Returns when the client sees the call end, and how.
    fn seen_by_client(&self, now: Nanos, answer: Answer) -> (Nanos, Ended) {
        let answered = now.saturating_add(answer.latency);
        let reset = self.scene.reset_after(now, answer.reset_unit());
        let (end, outcome) = match (reset, answer.kind) {
            (Some(reset), _) if reset < answered => (reset, Outcome::Reset),
            (_, Kind::Success) => (answered, Outcome::Success),
            (_, Kind::Ignored) => (answered, Outcome::Ignored),
            (_, Kind::Failure) => (answered, Outcome::Failure),
            (_, Kind::Hang) => (Nanos::MAX, Outcome::Timeout),
        };
        let timeout = self.scene.client.timeout;
        let at = self.scene.client_time(end.min(now + timeout));
        // a client that was paused finds its timers due before it looks for answers
        let late = end > now + timeout || at - now > timeout;
        let outcome = if late { Outcome::Timeout } else { outcome };
        (
            at,
            Ended {
                outcome,
                lasted: at - now,
            },
        )
    }

    fn push(&mut self, at: Nanos, call: u32, attempt: u32, what: What<S::Permit>) {
        self.order += 1;
        self.queue.push(Event {
            at,
            order: self.order,
            call,
            attempt,
            what,
        });
    }

    fn second(&mut self, at: Nanos) -> Option<&mut (u32, u32)> {
        self.track.seconds.get_mut((at / SECOND) as usize)
    }
}

#[cfg(test)]
mod tests;
