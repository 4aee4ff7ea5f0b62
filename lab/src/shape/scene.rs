//! One day as a shape may bring it: all that is drawn once for each seed has been drawn.

use super::spec::{
    AfterLast, Behaviour, Between, Course, Drawn, Ends, Kind, Latency, LogBetween, Rate, Repeat,
    Spec, Wave,
};
use crate::dice::{Dice, Stream, exponential};
use crate::time::{MILLISECOND, Nanos, SECOND, in_seconds, nanos};

/// What the callers are like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client {
    pub(crate) timeout: Nanos,
    /// An answer that comes later is of no use.
    pub(crate) patience: Nanos,
    /// The slow limit of those subjects that have one.
    pub(crate) slow: Nanos,
    pub(crate) attempts: u32,
    pub(crate) retry_after: Nanos,
}

/// A server that answers one call after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Server {
    pub(crate) capacity: f64,
    /// With a longer backlog, it refuses.
    pub(crate) queue: Nanos,
    /// With a longer backlog, it falls over, and is back after `restart`.
    pub(crate) crash_at: Nanos,
    pub(crate) restart: Nanos,
    pub(crate) refused_in: Nanos,
}

#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) ends: Nanos,
    pub(crate) theta: f64,
    pub(crate) client: Client,
    pub(crate) server: Option<Server>,
    /// In ascending order, and apart.
    pub(crate) outages: Vec<(Nanos, Nanos)>,
    /// When all calls in flight fail, and within how long; in ascending order.
    resets: Vec<(Nanos, Nanos)>,
    /// When the client stops, and goes on; in ascending order, and apart.
    pauses: Vec<(Nanos, Nanos)>,
    normal: Stretch,
    phases: Vec<Stretch>,
    /// When a phase begins or ends; in ascending order.
    edges: Vec<Nanos>,
}

/// How calls and answers are for a while.
#[derive(Clone, Debug)]
pub(crate) struct Stretch {
    from: Nanos,
    to: Nanos,
    rate: Rate,
    latency: Latency,
    fails: Course,
    failed_in: Nanos,
    hangs: Course,
    ignored: Course,
    leaks: Course,
    capacity: Option<Course>,
    stalls: bool,
}

/// What is usual in the shapes: 1,000 calls per second, of which one in a thousand fails.
const RATE: Rate = Rate::Constant(1000.0);
const FAILS: f64 = 0.001;
const FAILED_IN: Nanos = 20 * MILLISECOND;
const LATENCY: Latency = Latency {
    exponential: Some(super::spec::Span::millis(10)),
    constant: None,
    uniform: None,
    times: Course::Constant(1.0),
    plus: super::spec::Span::millis(0),
};

impl Stretch {
    fn normal(of: &Behaviour) -> Stretch {
        let usual = Stretch {
            from: 0,
            to: Nanos::MAX,
            rate: RATE,
            latency: LATENCY,
            fails: Course::Constant(FAILS),
            failed_in: FAILED_IN,
            hangs: Course::Constant(0.0),
            ignored: Course::Constant(0.0),
            leaks: Course::Constant(0.0),
            capacity: None,
            stalls: false,
        };
        usual.with(of, 0, Nanos::MAX)
    }

    fn with(&self, of: &Behaviour, from: Nanos, to: Nanos) -> Stretch {
        Stretch {
            from,
            to,
            rate: of.rate.unwrap_or(self.rate),
            latency: of.latency.unwrap_or(self.latency),
            fails: of.fails.unwrap_or(self.fails),
            failed_in: of.failed_in.map_or(self.failed_in, |span| nanos(span.0)),
            hangs: of.hangs.unwrap_or(self.hangs),
            ignored: of.ignored.unwrap_or(self.ignored),
            leaks: of.leaks.unwrap_or(self.leaks),
            capacity: of.capacity.or(self.capacity),
            stalls: of.stalls.unwrap_or(self.stalls),
        }
    }

    fn has(&self, t: Nanos) -> bool {
        self.from <= t && t < self.to
    }

    fn at(&self, course: Course, t: Nanos) -> f64 {
        let [from, to] = course.ends();
        if from == to {
            return from;
        }
        let part = (t - self.from) as f64 / (self.to - self.from) as f64;
        from + (to - from) * part
    }

    pub(crate) fn fails(&self, t: Nanos) -> f64 {
        self.at(self.fails, t)
    }

    pub(crate) fn hangs(&self, t: Nanos) -> f64 {
        self.at(self.hangs, t)
    }

    pub(crate) fn ignored(&self, t: Nanos) -> f64 {
        self.at(self.ignored, t)
    }

    pub(crate) fn leaks(&self, t: Nanos) -> f64 {
        self.at(self.leaks, t)
    }

    pub(crate) fn failed_in(&self) -> Nanos {
        self.failed_in
    }

    /// Returns how long an answer takes that comes at `t`, at this quantile.
    pub(crate) fn latency(&self, t: Nanos, unit: f64) -> Nanos {
        let latency = &self.latency;
        let varying = match (latency.exponential, latency.uniform, latency.constant) {
            (Some(mean), ..) => nanos(mean.0) as f64 * exponential(unit),
            (_, Some([low, high]), _) => {
                let (low, high) = (nanos(low.0) as f64, nanos(high.0) as f64);
                low + (high - low) * unit
            }
            (.., constant) => constant.map_or(0.0, |span| nanos(span.0) as f64),
        };
        let waits = if self.stalls { self.to - t } else { 0 };
        // `as` saturates
        (varying * self.at(latency.times, t)) as Nanos + nanos(latency.plus.0) + waits
    }

    /// Returns the most calls per second within the stretch.
    pub(crate) fn most_calls(&self) -> f64 {
        self.rate.most()
    }

    /// Returns the part of the most calls that come at `t`.
    pub(crate) fn part_of_calls(&self, t: Nanos) -> f64 {
        match self.rate {
            Rate::Constant(_) => 1.0,
            Rate::Wave(Wave { low, high, period }) => {
                let turn = in_seconds(t) / period.0.as_secs_f64();
                let up = 0.5 - 0.5 * libm::cos(std::f64::consts::TAU * turn);
                (low + (high - low) * up) / high
            }
        }
    }
}

impl Scene {
    pub(super) fn draw(spec: &Spec, seed: u64) -> Scene {
        let mut dice = Dice::new(seed, Stream::Shape);
        let normal = Stretch::normal(&spec.normal);
        let mut phases: Vec<Stretch> = Vec::new();
        let mut outages = Vec::new();
        for phase in &spec.phase {
            let behaviour = phase.behaviour();
            let (begins, lasts) = (draw(phase.begins, &mut dice), draw(phase.lasts, &mut dice));
            for from in repeated(begins, phase.repeat) {
                let to = from + lasts;
                phases.push(normal.with(&behaviour, from, to));
                if phase.kind == Kind::Outage {
                    outages.push((from, to));
                }
            }
        }
        let mut pauses = Vec::new();
        for pause in &spec.pause {
            let (begins, lasts) = (draw(pause.begins, &mut dice), draw(pause.lasts, &mut dice));
            pauses.extend(repeated(begins, pause.repeat).map(|from| (from, from + lasts)));
        }
        let mut resets = Vec::new();
        for reset in &spec.reset {
            let first = draw(reset.at, &mut dice);
            for at in repeated(first, reset.repeat) {
                resets.push((at, draw(reset.spread, &mut dice)));
            }
        }
        let last = phases.iter().map(|phase| phase.to).max().unwrap_or(0);
        let ends = match spec.ends {
            Ends::At(span) => nanos(span.0),
            Ends::AfterLast(AfterLast { after_last }) => last + nanos(after_last.0),
        };
        let ends = spec.cut.map_or(ends, |cut| ends.min(nanos(cut)));
        let mut edges: Vec<Nanos> = phases.iter().flat_map(|p| [p.from, p.to]).collect();
        for times in [&mut outages, &mut pauses, &mut resets] {
            times.sort_unstable();
        }
        edges.sort_unstable();
        edges.dedup();
        Scene {
            ends,
            theta: spec.theta,
            client: Client {
                timeout: nanos(spec.client.timeout.0),
                patience: nanos(spec.client.patience.0),
                slow: nanos(spec.client.slow.0),
                attempts: spec.client.attempts,
                retry_after: nanos(spec.client.retry_after.0),
            },
            server: spec.server.as_ref().map(|server| Server {
                capacity: server.capacity,
                queue: nanos(server.queue.0),
                crash_at: server.crash_at.map_or(Nanos::MAX, |span| nanos(span.0)),
                restart: nanos(server.restart.0),
                refused_in: nanos(server.refused_in.0),
            }),
            outages: joined(&outages, ends),
            resets,
            pauses: joined(&pauses, Nanos::MAX),
            normal,
            phases,
            edges,
        }
    }

    /// Returns how things are at `t`: as the last phase of the file that has begun says.
    pub(crate) fn stretch(&self, t: Nanos) -> &Stretch {
        self.phases
            .iter()
            .rev()
            .find(|phase| phase.has(t))
            .unwrap_or(&self.normal)
    }

    /// Returns when a phase begins or ends next, after `t`.
    pub(crate) fn next_edge(&self, t: Nanos) -> Nanos {
        let next = self.edges.partition_point(|edge| *edge <= t);
        self.edges.get(next).copied().unwrap_or(Nanos::MAX)
    }

    /// Returns when the client does what is due at `t`: it may be paused.
    pub(crate) fn client_time(&self, t: Nanos) -> Nanos {
        let begun = self.pauses.partition_point(|(from, _)| *from <= t);
        match begun.checked_sub(1).and_then(|i| self.pauses.get(i)) {
            Some((_, to)) if t < *to => *to,
            _ => t,
        }
    }

    /// Returns when a call fails by a reset, if it began at `from`; `unit` is its place within the
    /// reset's spread.
    pub(crate) fn reset_after(&self, from: Nanos, unit: f64) -> Option<Nanos> {
        let next = self.resets.partition_point(|(at, _)| *at <= from);
        let (at, spread) = self.resets.get(next)?;
        Some(at + (*spread as f64 * unit) as Nanos)
    }

    /// Returns what the server can do at `t`, calls per second.
    pub(crate) fn capacity(&self, t: Nanos, server: &Server) -> f64 {
        let stretch = self.stretch(t);
        stretch
            .capacity
            .map_or(server.capacity, |course| stretch.at(course, t))
    }
}

/// Joins those that touch, in ascending order, and leaves out what lies beyond the end.
fn joined(times: &[(Nanos, Nanos)], ends: Nanos) -> Vec<(Nanos, Nanos)> {
    let mut apart: Vec<(Nanos, Nanos)> = Vec::new();
    for &(from, to) in times.iter().filter(|(from, _)| *from < ends) {
        let to = to.min(ends);
        match apart.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => apart.push((from, to)),
        }
    }
    apart
}

fn draw(time: Drawn, dice: &mut Dice) -> Nanos {
    match time {
        Drawn::Fixed(span) => nanos(span.0),
        Drawn::Between(Between {
            between: [low, high],
        }) => dice.between(nanos(low.0), nanos(high.0)),
        Drawn::LogBetween(LogBetween {
            log_between: [low, high],
        }) => dice.log_between(nanos(low.0), nanos(high.0)),
    }
}

fn repeated(first: Nanos, repeat: Option<Repeat>) -> impl Iterator<Item = Nanos> {
    let (times, every) = repeat.map_or((1, SECOND), |r| (r.times, nanos(r.every.0)));
    (0..u64::from(times)).map(move |i| first + i * every)
}
