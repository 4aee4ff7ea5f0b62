use super::*;
use crate::arguments::{Command, parse};
use crate::record::{Heard, Hit, Line};

fn s(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn run(shares: bool, opens: f64) -> Run {
    let moved = |at, from, to| Heard {
        at: s(at),
        pod: 0,
        line: Line::Moved {
            from,
            to,
            cause: String::new(),
        },
    };
    let hit = |at, probe| Hit {
        at: s(at),
        pod: 0,
        probe,
        bad: true,
        probing: 0,
    };
    Run {
        shares,
        pods: 1,
        heard: vec![
            moved(10.0 + opens, State::Closed, State::Open),
            moved(60.0, State::Open, State::HalfOpen),
            moved(61.5, State::HalfOpen, State::Closed),
        ],
        hits: vec![hit(10.5, false), hit(10.9, false), hit(12.0, true)],
    }
}

#[test]
fn calls_are_in_the_second_in_which_they_arrive() {
    let columns = columns(&run(true, 3.0), s(13.0));
    assert_eq!(columns.len(), 13);
    let counts: Vec<_> = columns[10..].iter().map(|c| (c.probes, c.others)).collect();
    assert_eq!(counts, [(0, 2), (0, 0), (1, 0)]);
}

#[test]
fn the_picture_says_what_both_runs_did() -> Result<(), Box<dyn Error>> {
    let Command::Show(show) = parse(["show", "--pods=1"], |_| None)? else {
        return Err("show".into());
    };
    for (fault, down) in [(Fault::Total, "down"), (Fault::Hang, "hang")] {
        let script = Script::two_outages(false, fault);
        let report = Report::new(&script, &show, run(false, 7.25), run(true, 1.5));
        let svg = draw(&report)?;
        for words in [
            "Each process alone",
            "In a fleet",
            "all open after 7.2 s",
            "all open after 1.5 s",
            "not all open",
            "half are back after 6.5 s",
            "3 calls wasted (1 probe)",
            "killed",
            "no Redis",
            "seconds",
            down,
        ] {
            assert!(svg.contains(words), "no {words:?}");
        }
        for (_, name, _) in PATTERNS {
            assert_eq!(svg.matches(&format!("id=\"{name}\"")).count(), 1, "{name}");
            assert!(svg.contains(&format!("url(#{name})")), "{name} is not used");
        }
    }
    Ok(())
}
