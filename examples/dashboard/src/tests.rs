//! What is drawn, by the cells of a terminal that is none; and what keys mean.

use crate::keys::{Act, act};
use crate::view::{Change, Row, View, color, draw};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::style::{Color, Modifier};
use std::error::Error;
use std::time::Duration;
use tripcoil::insight::Insight;
use tripcoil::{
    Breaker, CallError, ConfigError, Controller, FailureKind, HalfOpen, Hang, ManualClock, Outage,
    Ramp, State, Window,
};

type Done = Result<(), Box<dyn Error>>;

/// How a breaker comes into a state.
type Enter = fn(&Controller) -> bool;

const SECOND: Duration = Duration::from_secs(1);

/// One that has counted, bucket for bucket, so many calls and failures.
fn breaker(name: &str, counts: &[(u32, u32)]) -> Result<(Breaker, Controller), ConfigError> {
    let clock = ManualClock::new();
    let made = Breaker::builder(name)
        .window(
            Window::time(SECOND * counts.len().max(1) as u32).buckets(counts.len().max(1) as u32),
        )
        .failure_count(1000)
        .half_open(HalfOpen::successes(3).max_probes(2))
        .clock(&clock)
        .build_with_controller()?;
    for (n, &(calls, failures)) in counts.iter().enumerate() {
        if n > 0 {
            clock.advance(SECOND);
        }
        for call in 0..calls {
            let answer = if call < failures { Err(()) } else { Ok(()) };
            let _: Result<(), CallError<()>> = made.0.call(|| answer);
        }
    }
    Ok(made)
}

fn row(breaker: &Breaker) -> Row {
    let observer = breaker.observer();
    Row {
        name: observer.name().into(),
        seen: observer.snapshot(),
        known: Insight::new(&observer).report(),
    }
}

fn changes(breaker: &Breaker) -> impl Iterator<Item = Change> {
    let name = breaker.observer().name().to_string();
    let history = breaker.observer().history().into_iter();
    history.map(move |transition| Change {
        at: Duration::from_millis(61_300),
        name: name.clone(),
        transition,
    })
}

fn picture(view: &View, width: u16, height: u16) -> Result<Buffer, Box<dyn Error>> {
    let mut terminal = Terminal::new(TestBackend::new(width, height))?;
    terminal.draw(|frame| draw(frame, view))?;
    Ok(terminal.backend().buffer().clone())
}

fn lines(picture: &Buffer) -> Vec<String> {
    let lines = picture.content().chunks(picture.area.width.into());
    lines
        .map(|line| line.iter().map(|cell| cell.symbol()).collect())
        .collect()
}

/// The column in which the text begins, in that line.
fn column(picture: &Buffer, line: u16, text: &str) -> Result<u16, String> {
    let line = lines(picture).swap_remove(line.into());
    let at = line
        .find(text)
        .ok_or_else(|| format!("no {text:?} in {line:?}"))?;
    Ok(line[..at].chars().count() as u16)
}

#[test]
fn each_state_has_its_word_and_its_colour() -> Done {
    let enter: [(State, Enter); 6] = [
        (State::Closed, |_| true),
        (State::Open, |c| c.trip_for(SECOND * 5)),
        (State::HalfOpen, Controller::half_open),
        (State::ForcedOpen, Controller::force_open),
        (State::Disabled, Controller::disable),
        (State::ObserveOnly, Controller::observe_only),
    ];
    let mut colours = Vec::new();
    for (state, enter) in enter {
        let (breaker, controller) = breaker("db", &[(3, 1)])?;
        assert!(enter(&controller));
        let view = View {
            breakers: vec![row(&breaker)],
            ..View::default()
        };
        let picture = picture(&view, 80, 24)?;
        let at = column(&picture, 1, &state.to_string())?;
        assert_eq!(picture[(at, 1)].bg, color(state), "{state}");
        assert!(
            !colours.contains(&color(state)),
            "{state} has a colour of its own"
        );
        colours.push(color(state));
        let more = match state {
            State::Open => "0.0 s, retry in 5.0 s",
            State::HalfOpen => "probes: 0 out, 0 ok, 0 failed",
            State::ObserveOnly => "would have tripped 0 times",
            _ => "0.0 s",
        };
        assert!(
            lines(&picture)[1..3].iter().any(|line| line.contains(more)),
            "{state}"
        );
    }
    Ok(())
}

#[test]
fn a_bar_is_as_high_as_its_bucket_and_red_and_marked_up_to_its_failures() -> Done {
    let (breaker, _) = breaker(
        "db",
        &[(16, 0), (8, 0), (16, 4), (16, 16), (4, 4), (1, 0), (0, 0)],
    )?;
    let view = View {
        breakers: vec![row(&breaker)],
        ..View::default()
    };
    let picture = picture(&view, 80, 24)?;
    let first = column(&picture, 0, "window")?;
    let cells = |line: u16| {
        let bars = (first..first + 7).map(move |x| (x, line));
        bars.map(|at| (picture[at].symbol(), picture[at].fg, picture[at].bg))
            .collect::<Vec<_>>()
    };
    let (good, bad, none) = (Color::Green, Color::Red, Color::Reset);
    let air = |cells: Vec<(_, Color, Color)>| -> Vec<_> {
        let seen = cells.into_iter();
        seen.map(|(symbol, fg, bg)| {
            if symbol == " " {
                (symbol, none, bg)
            } else {
                (symbol, fg, bg)
            }
        })
        .collect()
    };
    assert_eq!(
        air(cells(1)),
        [
            ("█", good, none),
            (" ", none, none),
            ("█", good, none),
            ("x", Color::Black, bad),
            (" ", none, none),
            (" ", none, none),
            (" ", none, none)
        ]
    );
    assert_eq!(
        air(cells(2)),
        [
            ("█", good, none),
            ("█", good, none),
            ("x", bad, good),
            ("x", Color::Black, bad),
            ("x", bad, none),
            ("▁", good, none),
            (" ", none, none)
        ]
    );
    Ok(())
}

#[test]
fn rates_and_calls_are_told() -> Done {
    let (breaker, _) = breaker("db", &[(200, 75)])?;
    let view = View {
        breakers: vec![row(&breaker)],
        ..View::default()
    };
    let lines = lines(&picture(&view, 80, 24)?);
    assert!(lines[1].contains(" 38%    0%"), "{lines:?}");
    assert!(lines[2].contains("200 calls"), "{lines:?}");
    Ok(())
}

/// The lines of a picture with that breaker alone.
fn shown(breaker: &Breaker) -> Result<Vec<String>, Box<dyn Error>> {
    let view = View {
        breakers: vec![row(breaker)],
        changes: changes(breaker).collect(),
        chosen: 0,
    };
    Ok(lines(&picture(&view, 80, 24)?))
}

#[test]
fn evidence_and_calls_without_an_answer_are_told() -> Done {
    let clock = ManualClock::new();
    let breaker = Breaker::builder("mail")
        .outage(Outage::at(0.5))
        .hang(Hang::default())
        .clock(&clock)
        .build()?;
    let told = || shown(&breaker);
    let end = |answer| {
        let _: Result<(), CallError<()>> = breaker.call(|| answer);
    };
    (0..20).for_each(|_| end(Ok(())));
    assert!(!told()?[2].contains("evidence"), "{:?}", told()?);
    clock.advance(SECOND / 10);
    (0..3).for_each(|_| end(Err(())));
    assert!(told()?[2].contains("evidence 2.5 of 7.0"), "{:?}", told()?);
    clock.advance(SECOND / 5);
    let mut held = Vec::new();
    for _ in 0..10 {
        held.push(breaker.try_acquire()?);
    }
    clock.advance(SECOND / 2);
    assert!(told()?[2].contains("10 calls hang, 0.5 s"), "{:?}", told()?);
    assert!(breaker.try_acquire().is_err());
    assert!(
        told()?[4].trim_end().ends_with("closed > open: hang"),
        "{:?}",
        told()?
    );
    Ok(())
}

#[test]
fn a_ramp_is_told_by_its_share() -> Done {
    let clock = ManualClock::new();
    let (breaker, controller) = Breaker::builder("mail")
        .half_open(HalfOpen::successes(1).ramp(Ramp::new()))
        .clock(&clock)
        .build_with_controller()?;
    let told = || shown(&breaker);
    let succeed = || breaker.try_acquire().map(|permit| permit.success());
    (0..100).try_for_each(|_| succeed())?;
    clock.advance(SECOND);
    succeed()?;
    controller.half_open();
    assert!(told()?[2].contains("probes: 0 out"), "{:?}", told()?);
    succeed()?;
    assert!(
        told()?[2].contains("ramp: 50% of the calls"),
        "{:?}",
        told()?
    );
    Ok(())
}

/// Of the breaker as its insight knows it, in a picture of that width.
fn known(insight: &Insight, width: u16) -> Result<Vec<String>, Box<dyn Error>> {
    let observer = insight.observer();
    let view = View {
        breakers: vec![Row {
            name: observer.name().into(),
            seen: observer.snapshot(),
            known: insight.report(),
        }],
        ..View::default()
    };
    Ok(lines(&picture(&view, width, 24)?))
}

#[test]
fn health_and_the_end_of_an_outage_are_shown() -> Done {
    let clock = ManualClock::new();
    let (breaker, controller) = Breaker::builder("db")
        .failure_rate(0.5)
        .open_for(SECOND * 9)
        .clock(&clock)
        .build_with_controller()?;
    let insight = Insight::new(&breaker.observer());
    let second = |failures: u32| {
        for call in 0..100 {
            let answer = if call < failures { Err(()) } else { Ok(()) };
            let _: Result<(), CallError<()>> = breaker.call(|| answer);
        }
        clock.advance(SECOND);
        insight.drain(SECOND * 60)
    };
    let shown = || known(&insight, 80);
    assert!(shown()?[2].contains(" no calls"), "{:?}", shown()?);
    assert!((0..40).all(|_| second(1)));
    let well = shown()?;
    assert!(well[2].contains(" 98, 98% sure"), "{well:?}");
    assert!((0..5).all(|_| second(12)));
    let worse = shown()?;
    assert!(worse[2].contains("12% bad, normal is 1%"), "{worse:?}");

    controller.reset();
    while breaker
        .try_acquire()
        .map(|permit| permit.failure(FailureKind::Server))
        .is_ok()
    {}
    clock.advance(SECOND * 2);
    let open = shown()?;
    assert!(
        open[2].contains(" 0, 100% sure") && open[1].contains("retry in 7.0 s"),
        "{open:?}"
    );
    assert!(open[2].contains("over in 2-18 s, a guess"), "{open:?}");
    let narrow = known(&insight, 40)?;
    assert!(narrow[2].contains(" 0, 100% sure"), "{narrow:?}");
    Ok(())
}

#[test]
fn the_latest_transitions_are_told_with_their_cause() -> Done {
    let (breaker, controller) = breaker("db", &[(4, 1)])?;
    controller.trip();
    controller.half_open();
    breaker.try_acquire()?.failure(FailureKind::Server);
    let view = View {
        breakers: vec![row(&breaker)],
        changes: changes(&breaker).collect(),
        chosen: 0,
    };
    let told = lines(&picture(&view, 80, 24)?);
    assert!(
        told[4].starts_with("1 min 1 s  db           closed > open: manual (1 of 4 failed)"),
        "{told:?}"
    );
    assert!(
        told[5].contains("db           open > half-open: manual"),
        "{told:?}"
    );
    assert!(
        told[6].contains("half-open > open: probe failed (1 of 1 failed)"),
        "{told:?}"
    );

    // where there is no room for all, the last
    let told = lines(&picture(&view, 80, 7)?);
    assert!(told[5].contains("probe failed"), "{told:?}");
    Ok(())
}

#[test]
fn the_chosen_one_is_marked_and_in_sight() -> Done {
    let mut view = View::default();
    for n in 0..20 {
        view.breakers
            .push(row(&breaker(&format!("key-{n}"), &[])?.0));
    }
    for (width, height) in [(80, 24), (40, 10)] {
        for chosen in 0..20 {
            view.chosen = chosen;
            let picture = picture(&view, width, height)?;
            let marked = format!("> key-{chosen} ");
            let line = lines(&picture)
                .iter()
                .position(|line| line.starts_with(&marked));
            let line = line.ok_or(marked)? as u16;
            assert!(picture[(2, line)].modifier.contains(Modifier::BOLD));
        }
    }
    Ok(())
}

#[test]
fn long_names_are_cut_and_seen_to_be() -> Done {
    let view = View {
        breakers: vec![
            row(&breaker("a-name-that-is-longer-than-its-column", &[])?.0),
            row(&breaker("名前が長すぎるサービス", &[])?.0),
        ],
        ..View::default()
    };
    let picture = picture(&view, 80, 24)?;
    for line in [1, 3] {
        let state = column(&picture, line, "closed")?;
        assert_eq!(
            picture[(state, line)].bg,
            color(State::Closed),
            "it stands where it should"
        );
        assert!(lines(&picture)[usize::from(line)].contains('…'));
    }
    assert!(
        lines(&picture)[1].starts_with("> a-name-that…  closed"),
        "{:?}",
        lines(&picture)[1]
    );
    Ok(())
}

#[test]
fn any_size_and_no_breaker_at_all_can_be_drawn() -> Done {
    let (tripped, controller) = breaker("a-name-that-is-longer-than-its-column", &[(9, 3); 30])?;
    controller.trip();
    let full = || View {
        breakers: (0..7).map(|_| row(&tripped)).collect(),
        changes: changes(&tripped).collect(),
        chosen: 6,
    };
    let none = || View {
        chosen: 3,
        ..View::default()
    };
    for (width, height) in [
        (80, 24),
        (40, 10),
        (200, 60),
        (1, 1),
        (0, 0),
        (12, 3),
        (59, 2),
        (7, 40),
    ] {
        picture(&full(), width, height)?;
        picture(&none(), width, height)?;
    }
    let empty = lines(&picture(&none(), 80, 24)?);
    assert!(
        empty.iter().any(|line| line.contains("no breakers")),
        "{empty:?}"
    );
    assert!(empty[23].contains("q quit"), "{empty:?}");
    let narrow = lines(&picture(&full(), 40, 10)?);
    assert!(
        narrow[9].contains("q:quit") && narrow[1].contains("open"),
        "{narrow:?}"
    );
    Ok(())
}

#[test]
fn keys_choose_and_act() -> Done {
    let mut view = View::default();
    for name in ["a", "b", "c"] {
        view.breakers.push(row(&breaker(name, &[])?.0));
    }
    let press = |view: &View, code| act(view, KeyEvent::new(code, KeyModifiers::NONE));
    let typed = |view: &View, c| press(view, KeyCode::Char(c));
    for (chosen, up, down) in [(0, 0, 1), (1, 0, 2), (2, 1, 2)] {
        view.chosen = chosen;
        assert_eq!(press(&view, KeyCode::Up), Act::Choose(up));
        assert_eq!(press(&view, KeyCode::Down), Act::Choose(down));
    }
    assert_eq!(typed(&view, 'f'), Act::ForceOpen("c".into()));
    assert_eq!(typed(&view, 'r'), Act::Release("c".into()));
    assert_eq!(typed(&view, 'x'), Act::Reset("c".into()));
    assert_eq!(typed(&view, 'q'), Act::Quit);
    assert_eq!(typed(&view, 'c'), Act::Nothing);
    let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(act(&view, interrupt), Act::Quit);
    // some terminals tell of the key's end too
    let released = KeyEvent::new_with_kind(
        KeyCode::Char('f'),
        KeyModifiers::NONE,
        KeyEventKind::Release,
    );
    assert_eq!(act(&view, released), Act::Nothing);

    let empty = View::default();
    assert_eq!(typed(&empty, 'f'), Act::Nothing);
    assert_eq!(press(&empty, KeyCode::Down), Act::Choose(0));
    Ok(())
}

#[test]
fn frames_are_asked_for() {
    let frames = |args: &[&str]| crate::frames(args.iter().map(ToString::to_string));
    assert!(matches!(frames(&[]), Ok(None)));
    assert!(matches!(frames(&["--frames", "3"]), Ok(Some(3))));
    for wrong in [
        &["--frames"][..],
        &["--frames", "x"],
        &["--frame", "3"],
        &["--frames", "3", "4"],
    ] {
        assert!(frames(wrong).is_err(), "{wrong:?}");
    }
}
