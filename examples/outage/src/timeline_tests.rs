//! The pure parts of the picture, and what its SVG says.

use super::*;
use crate::record::{Call, Change, Fate, Run};
use tripcoil::{Cause, FailureKind};

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn calls_stand_in_the_column_in_which_they_began() {
    let call = |began, fate| Call {
        began: ms(began),
        took: ms(400),
        fate,
    };
    let lost = Fate::Failed(FailureKind::Timeout);
    let calls = [
        call(249, Fate::Ok),
        call(250, lost),
        call(499, Fate::Rejected),
    ];
    let columns = columns(&calls, ms(600));
    let counts: Vec<_> = columns
        .iter()
        .map(|c| (c.ok, c.failed, c.rejected))
        .collect();
    assert_eq!(counts, [(1, 0, 0), (0, 1, 1), (0, 0, 0)]);
    let points = outline(&columns, |t| t.calls());
    assert_eq!(points[3..5], [(0.25, 8.0), (0.5, 8.0)]);
}

#[test]
fn the_slow_end_is_of_99_percent_of_a_columns_calls() {
    let call = |began, took| Call {
        began: ms(began),
        took: ms(took),
        fate: Fate::Ok,
    };
    let mut calls: Vec<_> = (1..=100).map(|took| call(10, took)).collect();
    calls.push(call(510, 7));
    assert_eq!(
        slow_ends(&calls, ms(750)),
        [Some(ms(99)), None, Some(ms(7))]
    );
    calls.push(call(10, 101));
    assert_eq!(slow_ends(&calls, ms(250)), [Some(ms(100))]);
}

#[test]
fn the_picture_shows_each_groups_calls_and_states() -> Result<(), Box<dyn Error>> {
    let script = Script::two_outages();
    let change = |at, from, to, cause| Change {
        at: ms(at),
        from,
        to,
        cause,
    };
    // Half-open for 2 ms, which is less than a pixel.
    let changes = [
        change(6_000, State::Closed, State::Open, Cause::FailureRate),
        change(6_998, State::Open, State::HalfOpen, Cause::OpenElapsed),
        change(7_000, State::HalfOpen, State::Open, Cause::ProbeFailed),
    ];
    let failed = Call {
        began: ms(5_000),
        took: ms(1),
        fate: Fate::Failed(FailureKind::Server),
    };
    let runs = Guard::ALL.map(|guard| Run {
        guard,
        calls: Vec::from_iter((guard == Guard::Nothing).then_some(failed)),
        changes: Vec::from_iter(
            (guard == Guard::Adaptive)
                .then_some(changes)
                .into_iter()
                .flatten(),
        ),
        missed: 0,
    });
    let svg = draw(&script, &Report::new(&script, runs.into())?)?;
    let captions = [
        "Without a breaker: 1 calls",
        "Behind a breaker with the defaults: 0 calls",
        "Behind an adaptive breaker: 0 calls",
    ];
    for word in captions.into_iter().chain(["flapping", "p99", "seconds"]) {
        assert!(svg.contains(word), "no {word}");
    }

    // by a pattern, where the colour has one
    let fill = |color| match PATTERNS.iter().find(|(of, ..)| *of == color) {
        Some((_, name, _)) => format!("fill=\"url(#{name})\""),
        None => {
            let RGBColor(r, g, b) = color;
            format!("fill=\"#{r:02X}{g:02X}{b:02X}\"")
        }
    };
    assert_eq!(fill(FAILED), "fill=\"url(#failed)\"");
    for (_, name, _) in PATTERNS {
        assert_eq!(svg.matches(&format!("id=\"{name}\"")).count(), 1, "{name}");
        assert!(svg.contains(&format!("url(#{name})")), "{name} is not used");
    }
    let bands = |lane: usize, state| {
        let half = match state {
            State::HalfOpen => (STATES.1 - STATES.0) / 2,
            _ => 0,
        };
        let strip = format!("y=\"{}\"", CAPTIONS[lane] + STATES.0 + half);
        let fill = fill(state_color(state));
        let bands = svg.lines().filter(|l| l.starts_with("<rect"));
        let bands = bands.filter(|l| l.contains(&strip) && l.contains(&fill));
        bands.collect::<Vec<_>>()
    };
    assert_eq!(
        [0, 1, 2].map(|lane| bands(lane, State::Closed).len()),
        [0, 1, 1]
    );
    assert_eq!(
        [0, 1, 2].map(|lane| bands(lane, State::Open).len()),
        [0, 0, 2]
    );
    let rounds = bands(2, State::HalfOpen);
    assert!(
        rounds.len() == 1 && rounds[0].contains("width=\"3\""),
        "{rounds:?}"
    );

    // The one failure stands out of the ground, in the panel of the group that met it.
    let red = svg.lines().filter(|l| l.starts_with("<polygon"));
    let red = red.filter(|l| l.contains(&fill(FAILED)));
    let raised = |line: &str| {
        let points = line.split("points=\"").nth(1)?.split('"').next()?;
        let mut heights = points.split_whitespace().map(|p| p.split(',').nth(1));
        let ground = heights.next()?;
        Some(heights.any(|y| y != ground))
    };
    let raised: Vec<_> = red.map(raised).collect();
    assert_eq!(raised, [Some(true), Some(false), Some(false)]);
    Ok(())
}
