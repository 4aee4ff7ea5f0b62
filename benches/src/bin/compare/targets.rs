//! What the figures should be. A target that is missed is reported, and fails nothing.

use crate::results::{By, Results};
use crate::sides::{CALL, CLOCK, COUNT_CALL, FLOOR, LOCAL_UPKEEP, RECLOSER, SUCCESS};

#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

impl Limit {
    pub(crate) fn allows(self, value: f64) -> bool {
        match self {
            Limit::AtMost(most) => value <= most,
            Limit::AtLeast(least) => value >= least,
        }
    }
}

type Value = fn(&Measured<'_>) -> Option<f64>;

pub(crate) struct Target {
    pub(crate) name: &'static str,
    /// What the value is.
    pub(crate) of: &'static str,
    pub(crate) limit: Limit,
    value: Value,
}

use Limit::{AtLeast, AtMost};

/// How much more than the floor something flat may rise from one thread to two.
const RISE: f64 = 1.15;

pub(crate) const TARGETS: [Target; 18] = [
    Target {
        name: "success, 1 thread",
        of: "call / floor",
        limit: AtMost(1.7),
        value: |m| Some(m.ns("success", 1, CALL)? / m.ns("success", 1, FLOOR)?),
    },
    Target {
        name: "success, 1 thread, the aim",
        of: "call / floor",
        limit: AtMost(1.4),
        value: |m| Some(m.ns("success", 1, CALL)? / m.ns("success", 1, FLOOR)?),
    },
    Target {
        name: "success, 1 thread",
        of: "call / best peer",
        limit: AtMost(1.0),
        value: |m| Some(m.ns("success", 1, CALL)? / m.peer("success", 1)?),
    },
    Target {
        name: "success, 2 threads",
        of: "best peer / call",
        limit: AtLeast(4.0),
        value: |m| Some(m.peer("success", 2)? / m.ns("success", 2, CALL)?),
    },
    Target {
        name: "success, from 1 thread to 2",
        of: "rise of call / rise of floor",
        limit: AtMost(RISE),
        value: |m| Some(m.rise("success", CALL)? / m.rise("success", FLOOR)?),
    },
    Target {
        name: "success, 1 thread, local with upkeep clock",
        of: "best peer / local",
        limit: AtLeast(3.0),
        value: |m| Some(m.peer("success", 1)? / m.ns("success", 1, LOCAL_UPKEEP)?),
    },
    Target {
        name: "success, 2 threads, local with upkeep clock",
        of: "best peer / local",
        limit: AtLeast(15.0),
        value: |m| Some(m.peer("success", 2)? / m.ns("success", 2, LOCAL_UPKEEP)?),
    },
    Target {
        name: "half fail, rate rule, 2 threads",
        of: "call / best peer",
        limit: AtMost(0.25),
        value: |m| Some(m.ns("fail-50", 2, CALL)? / m.peer("fail-50", 2)?),
    },
    Target {
        name: "half fail, with consecutive rule, 1 thread",
        of: "call / best peer",
        limit: AtMost(1.0),
        value: |m| Some(m.ns("fail-50-run", 1, CALL)? / m.peer("fail-50-run", 1)?),
    },
    Target {
        name: "half fail, with consecutive rule, 2 threads",
        of: "call / best peer",
        limit: AtMost(1.0),
        value: |m| Some(m.ns("fail-50-run", 2, CALL)? / m.peer("fail-50-run", 2)?),
    },
    Target {
        name: "armed, 2 threads",
        of: "call, ns",
        limit: AtMost(100.0),
        value: |m| m.ns("armed", 2, CALL),
    },
    Target {
        name: "open, 1 thread",
        of: "rejection / success",
        limit: AtMost(1.0),
        value: |m| Some(m.ns("open", 1, CALL)? / m.ns("open", 1, SUCCESS)?),
    },
    Target {
        name: "open, 2 threads",
        of: "rejection / success",
        limit: AtMost(1.0),
        value: |m| Some(m.ns("open", 2, CALL)? / m.ns("open", 2, SUCCESS)?),
    },
    Target {
        name: "open, from 1 thread to 2",
        of: "rise of rejection / rise of floor",
        limit: AtMost(RISE),
        value: |m| Some(m.rise("open", CALL)? / m.rise("open", FLOOR)?),
    },
    Target {
        name: "slow rule, 1 thread",
        of: "call / (success + clock)",
        limit: AtMost(1.0),
        value: |m| m.with_slow_rule(1),
    },
    Target {
        name: "slow rule, 2 threads",
        of: "call / (success + clock)",
        limit: AtMost(1.0),
        value: |m| m.with_slow_rule(2),
    },
    Target {
        name: "count window, success, 1 thread",
        of: "call / recloser",
        limit: AtMost(1.0),
        value: |m| Some(m.ns("success", 1, COUNT_CALL)? / m.ns("success", 1, RECLOSER)?),
    },
    Target {
        name: "count window, success, 2 threads",
        of: "recloser / call",
        limit: AtLeast(2.0),
        value: |m| Some(m.ns("success", 2, RECLOSER)? / m.ns("success", 2, COUNT_CALL)?),
    },
];

struct Measured<'a> {
    results: &'a Results,
    by: By,
}

impl Measured<'_> {
    fn ns(&self, workload: &str, threads: usize, side: &str) -> Option<f64> {
        Some(self.by.of(self.results.figure(workload, threads, side)?))
    }

    fn peer(&self, workload: &str, threads: usize) -> Option<f64> {
        let (_, ns) = self.results.best_peer(workload, threads, self.by)?;
        Some(ns)
    }

    /// From one thread to two.
    fn rise(&self, workload: &str, side: &str) -> Option<f64> {
        Some(self.ns(workload, 2, side)? / self.ns(workload, 1, side)?)
    }

    fn with_slow_rule(&self, threads: usize) -> Option<f64> {
        let ns = |side| self.ns("slow", threads, side);
        Some(ns(CALL)? / (ns(SUCCESS)? + ns(CLOCK)?))
    }
}

impl Target {
    /// `None` if something that it is computed from was not measured.
    pub(crate) fn value(&self, results: &Results, by: By) -> Option<f64> {
        (self.value)(&Measured { results, by })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::tests::cell;
    use crate::sides::Kind;

    fn value(results: &Results, name: &str, of: &str) -> Option<f64> {
        let target = TARGETS.iter().find(|t| t.name == name && t.of == of);
        target.expect("that name").value(results, By::Median)
    }

    #[test]
    fn limits_are_inclusive() {
        assert!(AtMost(1.0).allows(1.0) && !AtMost(1.0).allows(1.01));
        assert!(AtLeast(4.0).allows(4.0) && !AtLeast(4.0).allows(3.99));
    }

    #[test]
    fn ratios_are_of_the_sides_that_they_name() {
        let results = Results(vec![
            cell("success", 1, FLOOR, Kind::Yardstick, 5.0),
            cell("success", 2, FLOOR, Kind::Yardstick, 6.0),
            cell("success", 1, CALL, Kind::Own, 10.0),
            cell("success", 2, CALL, Kind::Own, 18.0),
            cell("success", 1, RECLOSER, Kind::Peer, 20.0),
            cell("success", 2, RECLOSER, Kind::Peer, 90.0),
            cell("slow", 1, CALL, Kind::Own, 14.0),
            cell("slow", 1, SUCCESS, Kind::Yardstick, 10.0),
            cell("slow", 1, CLOCK, Kind::Yardstick, 4.0),
        ]);
        let value = |name, of| value(&results, name, of);
        assert_eq!(value("success, 1 thread", "call / floor"), Some(2.0));
        assert_eq!(value("success, 1 thread", "call / best peer"), Some(0.5));
        assert_eq!(value("success, 2 threads", "best peer / call"), Some(5.0));
        let rise = value(
            "success, from 1 thread to 2",
            "rise of call / rise of floor",
        );
        assert!(rise.is_some_and(|r| (r - 1.5).abs() < 1e-9), "{rise:?}");
        let slow = value("slow rule, 1 thread", "call / (success + clock)");
        assert_eq!(slow, Some(1.0));
        assert_eq!(value("armed, 2 threads", "call, ns"), None);
    }
}
