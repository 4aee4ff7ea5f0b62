//! The records of a run: what the dependency saw, and what the processes report.

use serde::{Deserialize, Serialize};
use std::time::Duration;
use tripcoil::State;

/// What a process reports, as a line of JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Line {
    /// It can begin.
    Ready,
    /// Its breaker has gone to another state.
    Moved {
        from: State,
        to: State,
        cause: String,
    },
    /// A call succeeded.
    Ok,
    /// A call was sent, and failed.
    Failed,
    /// A call was rejected by the breaker.
    Rejected,
    /// Its link to the fleet's store has changed.
    Link(String),
}

/// A process's report. Times are since the script's beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) at: Duration,
    pub(crate) pod: usize,
    pub(crate) line: Line,
}

/// A call as the dependency saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) at: Duration,
    pub(crate) pod: usize,
    /// Its breaker was half-open.
    pub(crate) probe: bool,
    /// It failed, was late, or got no answer.
    pub(crate) bad: bool,
    /// Processes with probes under way, with this one's.
    pub(crate) probing: usize,
}

/// One of the two runs of the script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) shares: bool,
    pub(crate) pods: usize,
    pub(crate) heard: Vec<Heard>,
    pub(crate) hits: Vec<Hit>,
}

impl Run {
    pub(crate) fn name(&self) -> &'static str {
        if self.shares { "fleet" } else { "alone" }
    }

    /// The states a process's breaker went to, and when.
    pub(crate) fn moves(&self, pod: usize) -> impl Iterator<Item = (Duration, State)> {
        let own = self.heard.iter().filter(move |heard| heard.pod == pod);
        own.filter_map(|heard| match heard.line {
            Line::Moved { to, .. } => Some((heard.at, to)),
            _ => None,
        })
    }

    /// The state of a process's breaker at a moment.
    pub(crate) fn state(&self, pod: usize, at: Duration) -> State {
        let until = self.moves(pod).take_while(|(moved, _)| *moved <= at);
        until.last().map_or(State::Closed, |(_, state)| state)
    }

    /// How many breakers are in these states, from each moment at which it changes.
    pub(crate) fn counts(&self, wanted: impl Fn(State) -> bool) -> Vec<(Duration, usize)> {
        let mut states = vec![State::Closed; self.pods];
        let count = |states: &[State]| states.iter().filter(|state| wanted(**state)).count();
        let mut counts = vec![(Duration::ZERO, count(&states))];
        for heard in &self.heard {
            if let (Line::Moved { to, .. }, Some(state)) = (&heard.line, states.get_mut(heard.pod))
            {
                *state = *to;
                counts.push((heard.at, count(&states)));
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_follow_the_reports() {
        let moved = |ms, pod, from, to| Heard {
            at: Duration::from_millis(ms),
            pod,
            line: Line::Moved {
                from,
                to,
                cause: "failure-rate".into(),
            },
        };
        let run = Run {
            shares: true,
            pods: 2,
            heard: vec![
                moved(10, 0, State::Closed, State::Open),
                moved(20, 1, State::Closed, State::Open),
                moved(30, 0, State::Open, State::HalfOpen),
            ],
            hits: Vec::new(),
        };
        let ms = Duration::from_millis;
        assert_eq!(run.state(0, ms(9)), State::Closed);
        assert_eq!(run.state(0, ms(10)), State::Open);
        assert_eq!(run.state(0, ms(99)), State::HalfOpen);
        let open = run.counts(|state| state == State::Open);
        let counts: Vec<_> = open.iter().map(|(_, open)| *open).collect();
        assert_eq!(counts, [0, 1, 2, 1]);
        assert_eq!(open[3].0, ms(30));
    }

    #[test]
    fn lines_survive_their_pipe() {
        let lines = [
            Line::Ready,
            Line::Moved {
                from: State::Closed,
                to: State::ForcedOpen,
                cause: "manual".into(),
            },
            Line::Link("up\n\"quoted\"".into()),
        ];
        for line in lines {
            let text = serde_json::to_string(&line).expect("written");
            assert!(!text.contains('\n'), "{text}");
            assert_eq!(serde_json::from_str::<Line>(&text).expect("read"), line);
        }
    }
}
