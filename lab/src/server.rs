//! A server that works through its calls one after the other, and what a long queue does to it.

use crate::day::{Answer, Kind};
use crate::shape::Server;
use crate::time::{Nanos, SECOND};

pub(crate) struct Backlog {
    server: Server,
    busy_until: Nanos,
    down_until: Nanos,
}

impl Backlog {
    pub(crate) fn new(server: Server) -> Backlog {
        Backlog {
            server,
            busy_until: 0,
            down_until: 0,
        }
    }

    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// Returns the server's answer to the call. Its latency so far is added to the time in the queue; a call
    /// that the dependency fails by itself takes no room.
    pub(crate) fn serve(&mut self, now: Nanos, capacity: f64, answer: Answer) -> Answer {
        let refused = Answer {
            kind: Kind::Failure,
            latency: self.server.refused_in,
            ..answer
        };
        if capacity <= 0.0 || now < self.down_until {
            self.busy_until = now;
            return refused;
        }
        let waits = self.busy_until.saturating_sub(now);
        if waits > self.server.crash_at {
            self.down_until = now + self.server.restart;
            return refused;
        }
        if waits > self.server.queue {
            return refused;
        }
        if matches!(answer.kind, Kind::Failure | Kind::Hang) {
            return answer;
        }
        let works = (SECOND as f64 / capacity) as Nanos;
        self.busy_until = now + waits + works;
        Answer {
            latency: answer.latency.saturating_add(waits + works),
            ..answer
        }
    }
}
