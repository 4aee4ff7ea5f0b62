//! The calls of a day, and what the dependency would answer to each: drawn before any subject
//! decides, so that all of them live through the same day.

use crate::dice::{Dice, Stream};
use crate::shape::{Scene, Stretch};
use crate::time::Nanos;

/// What a dependency says to a call, if it is called.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) kind: Kind,
    pub(crate) latency: Nanos,
    /// The caller never ends its permit.
    pub(crate) leaks: bool,
    /// The call's place within the spread of a reset, in 2^-32.
    pub(crate) reset: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Success,
    Failure,
    /// It shows nothing about the dependency.
    Ignored,
    /// Never an answer.
    Hang,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) at: Nanos,
    pub(crate) answer: Answer,
}

/// Draws for one answer: always as many, whatever comes of them.
const DRAWS: u64 = 4;

impl Answer {
    pub(crate) fn draw(scene: &Scene, at: Nanos, dice: &mut Dice) -> Answer {
        let (fate, latency, caller) = (dice.unit(), dice.unit(), dice.unit());
        let reset = (dice.bits() >> 32) as u32;
        let now = scene.stretch(at);
        let hangs = now.hangs(at);
        let ignored = now.ignored(at);
        // independent of each other: hangs first, failures among the rest, ignored ones among those
        // that would have gone well
        let fails = hangs + (1.0 - hangs) * now.fails(at);
        let (kind, latency) = if fate < hangs {
            (Kind::Hang, Nanos::MAX)
        } else if fate < fails {
            (Kind::Failure, now.failed_in())
        } else if fate < fails + (1.0 - fails) * ignored {
            (Kind::Ignored, now.latency(at, latency))
        } else {
            (Kind::Success, now.latency(at, latency))
        };
        Answer {
            kind,
            latency,
            leaks: caller < now.leaks(at),
            reset,
        }
    }

    pub(crate) fn reset_unit(&self) -> f64 {
        f64::from(self.reset) / (1_u64 << 32) as f64
    }
}

pub(crate) struct Day {
    pub(crate) calls: Vec<Call>,
    retries: Dice,
}

impl Day {
    pub(crate) fn new(scene: &Scene, seed: u64) -> Day {
        let mut arrivals = Dice::new(seed, Stream::Arrivals);
        let mut answers = Dice::new(seed, Stream::Answers);
        let mut calls = Vec::new();
        let mut now = 0;
        while let Some(next) = arrival(scene, now, &mut arrivals) {
            now = next;
            let at = scene.client_time(now);
            if at >= scene.ends {
                break;
            }
            let answer = Answer::draw(scene, at, &mut answers);
            calls.push(Call { at, answer });
        }
        Day {
            calls,
            retries: Dice::new(seed, Stream::Retries),
        }
    }

    /// Draws the answer to the `attempt`-th attempt of a call: the same whatever was drawn before.
    pub(crate) fn retried(&self, scene: &Scene, at: Nanos, call: u32, attempt: u32) -> Answer {
        let place = (u64::from(call) << 8 | u64::from(attempt)) * DRAWS;
        Answer::draw(scene, at, &mut self.retries.at_draw(place))
    }
}

/// Draws the next arrival after `now` of a Poisson stream with a varying rate, by thinning within
/// each stretch: the stream has no memory, so that it may begin anew at an edge.
fn arrival(scene: &Scene, mut now: Nanos, dice: &mut Dice) -> Option<Nanos> {
    loop {
        let edge = scene.next_edge(now).min(scene.ends);
        let stretch = scene.stretch(now);
        if stretch.most_calls() > 0.0
            && let Some(at) = arrival_within(stretch, (now, edge), dice)
        {
            return Some(at);
        }
        if edge >= scene.ends {
            return None;
        }
        now = edge;
    }
}

fn arrival_within(
    stretch: &Stretch,
    (mut now, edge): (Nanos, Nanos),
    dice: &mut Dice,
) -> Option<Nanos> {
    loop {
        now = now.saturating_add(dice.gap(stretch.most_calls()));
        if now >= edge {
            return None;
        }
        let part = stretch.part_of_calls(now);
        if part >= 1.0 || dice.unit() < part {
            return Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::Shape;
    use crate::time::SECOND;

    fn day(text: &str, seed: u64) -> (Scene, Day) {
        let scene = Shape::parse("test", "test.toml", text)
            .expect("valid")
            .scene(seed);
        let day = Day::new(&scene, seed);
        (scene, day)
    }

    fn between(day: &Day, from: u64, to: u64) -> usize {
        let inside = |call: &&Call| (from * SECOND..to * SECOND).contains(&call.at);
        day.calls.iter().filter(inside).count()
    }

    #[test]
    fn calls_come_at_the_rate_of_their_phase() {
        let (_, day) = day(
            r#"
            about = "three rates, and an hour without calls"
            ends = "3640s"
            [normal]
            rate = 500
            [[phase]]
            kind = "tolerated"
            begins = "10s"
            lasts = "10s"
            rate = { low = 0, high = 1000, period = "10s" }
            [[phase]]
            kind = "tolerated"
            begins = "20s"
            lasts = "3600s"
            rate = 0
            "#,
            4,
        );
        assert!(day.calls.is_sorted_by_key(|call| call.at));
        for (from, to, expected) in [
            (0, 10, 5000),
            (10, 20, 5000),
            (20, 3620, 0),
            (3620, 3640, 10_000),
        ] {
            let found = between(&day, from, to);
            let spread = 4.0 * f64::sqrt(f64::from(expected));
            assert!(
                (found as f64 - f64::from(expected)).abs() <= spread,
                "{from} to {to}: {found}"
            );
        }
        // the wave begins low
        assert!(between(&day, 10, 12) * 4 < between(&day, 14, 16));
    }

    #[test]
    fn answers_are_as_often_as_the_phase_says() {
        let (_, day) = day(
            r#"
            about = "all kinds of answers"
            ends = "40s"
            [normal]
            hangs = 0.2
            fails = 0.25
            ignored = 0.5
            leaks = 0.1
            "#,
            5,
        );
        let of = |is: fn(&Answer) -> bool| {
            let count = day.calls.iter().filter(|call| is(&call.answer)).count();
            count as f64 / day.calls.len() as f64
        };
        for (found, expected) in [
            (of(|a| a.kind == Kind::Hang), 0.2),
            (of(|a| a.kind == Kind::Failure), 0.2),
            (of(|a| a.kind == Kind::Ignored), 0.3),
            (of(|a| a.kind == Kind::Success), 0.3),
            (of(|a| a.leaks), 0.1),
        ] {
            assert!(
                (found - expected).abs() < 0.01,
                "{found} and not {expected}"
            );
        }
    }

    #[test]
    fn a_retry_is_drawn_by_its_place_alone() {
        let (scene, day) = day("about = \"quiet\"\nends = \"1s\"", 6);
        let again = |call, attempt| day.retried(&scene, SECOND / 2, call, attempt);
        let first = again(7, 2);
        assert_ne!(first, again(7, 3));
        assert_ne!(first, again(8, 2));
        assert_eq!(first, again(7, 2));
    }

    #[test]
    fn what_is_due_in_a_pause_comes_at_its_end() {
        let (scene, day) = day(
            "about = \"a pause\"\nends = \"3s\"\n[[pause]]\nbegins = \"1s\"\nlasts = \"500ms\"",
            7,
        );
        let inside = |at| (SECOND..SECOND + SECOND / 2).contains(&at);
        assert!(day.calls.iter().all(|call| !inside(call.at)));
        let late = day
            .calls
            .iter()
            .filter(|call| call.at == SECOND + SECOND / 2)
            .count();
        assert!((400..600).contains(&late), "{late}");
        assert_eq!(scene.client_time(SECOND - 1), SECOND - 1);
        assert_eq!(scene.client_time(SECOND), SECOND * 3 / 2);
    }
}
