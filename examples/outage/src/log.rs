//! The calls of each group as a log, and the transitions of the breakers: CSV.

use crate::record::{Call, Fate, Run};
use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::time::Duration;

/// Writes `no-breaker.csv` and so on, one line per call, and `transitions.csv`.
pub(crate) fn write(folder: &Path, runs: &[Run]) -> io::Result<()> {
    for run in runs {
        let name = run.guard.name().replace(' ', "-");
        std::fs::write(folder.join(name + ".csv"), calls(&run.calls))?;
    }
    std::fs::write(folder.join("transitions.csv"), transitions(runs))
}

/// In the order in which they ended, as in any log.
fn calls(calls: &[Call]) -> String {
    let mut text = String::from("time,duration_ms,outcome\n");
    for call in calls {
        let outcome = match call.fate {
            Fate::Ok => "success".to_string(),
            Fate::Failed(kind) => kind.to_string(),
            Fate::Rejected => "rejected".to_string(),
        };
        let took = call.took.as_nanos();
        let (ms, ns) = (took / 1_000_000, took % 1_000_000);
        let _ = writeln!(text, "{},{ms}.{ns:06},{outcome}", seconds(call.began));
    }
    text
}

fn transitions(runs: &[Run]) -> String {
    let mut text = String::from("time,group,from,to,cause\n");
    for run in runs {
        for change in &run.changes {
            let (name, at) = (run.guard.name(), seconds(change.at));
            let _ = writeln!(
                text,
                "{at},{name},{},{},{}",
                change.from, change.to, change.cause
            );
        }
    }
    text
}

/// All digits, since a float has too few of them.
fn seconds(at: Duration) -> String {
    format!("{}.{:09}", at.as_secs(), at.subsec_nanos())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::Guard;
    use crate::record::Change;
    use tripcoil::{Cause, FailureKind, State};

    #[test]
    fn a_line_per_call_and_per_transition() {
        let call = |began, took, fate| Call {
            began: Duration::from_nanos(began),
            took: Duration::from_nanos(took),
            fate,
        };
        let run = Run {
            guard: Guard::Adaptive,
            calls: vec![
                call(1_000_000_001, 2_500_000, Fate::Ok),
                call(2, 250_000_007, Fate::Failed(FailureKind::Timeout)),
                call(3_000_000_000, 0, Fate::Rejected),
            ],
            changes: vec![Change {
                at: Duration::from_millis(1_500),
                from: State::Closed,
                to: State::Open,
                cause: Cause::Evidence,
            }],
            missed: 0,
        };
        let expected = "time,duration_ms,outcome\n\
            1.000000001,2.500000,success\n0.000000002,250.000007,timeout\n3.000000000,0.000000,rejected\n";
        assert_eq!(calls(&run.calls), expected);
        let expected = "time,group,from,to,cause\n1.500000000,adaptive,closed,open,evidence\n";
        assert_eq!(transitions(&[run]), expected);
    }

    #[test]
    fn one_file_per_group() -> io::Result<()> {
        let folder =
            std::env::temp_dir().join(format!("tripcoil-outage-log-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let run = |guard| Run {
            guard,
            calls: Vec::new(),
            changes: Vec::new(),
            missed: 0,
        };
        write(&folder, &Guard::ALL.map(run))?;
        for name in ["no-breaker", "defaults", "adaptive", "transitions"] {
            let text = std::fs::read_to_string(folder.join(name).with_extension("csv"))?;
            assert!(text.starts_with("time,"), "{name}");
        }
        std::fs::remove_dir_all(&folder)
    }
}
