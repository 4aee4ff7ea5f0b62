//! How often what happened: a run that reaches no corner proves nothing.

use std::cell::RefCell;
use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(crate) struct Tally(RefCell<BTreeMap<String, u64>>);

impl Tally {
    pub(crate) fn note(&self, what: String) {
        *self.0.borrow_mut().entry(what).or_default() += 1;
    }

    pub(crate) fn require(&self, cases: u32) {
        let causes = [
            "ConsecutiveFailures",
            "FailureCount",
            "FailureRate",
            "SlowRate",
            "Evidence",
            "Hang",
            "OpenElapsed",
            "ProbesSucceeded",
            "ProbeFailed",
            "ProbeTimeout",
            "ProbesCancelled",
            "RampCompleted",
            "RampFailed",
            "Manual",
            "rejected",
            "late",
            "would trip",
            "a round from its open",
            "put off",
            "a tick ended above 0",
            "a tick ended at 0",
            "a tick ended within its bucket",
            "held below the limit",
            "held no more",
            "switched on amid a bucket",
            "began with the next bucket",
            "switched off",
            "a new pace",
            "a new rule for a score above 0",
            "a watch began",
            "a watch ended by a sign",
            "a watch reported",
            "a longer success of late",
            "a shorter one",
            "an adaptive wait above 250 ms",
            "a relapse",
            "an adaptive probe timeout after a lost round",
            "a ramp began",
            "a ramp began with less than one",
            "a good step",
            "a good step after a cut",
            "cut by the score",
            "cut by a hang",
            "cut by durations",
            "a cut outlasted",
            "leaked in a step",
            "a step marked",
            "a step good by its mark",
            "the same share again",
            "out of its step",
            "from before a cut",
            "without a result in a step",
            "a probe late in a ramp",
            "a ramp switched off",
            "a lenient failure in a window",
            "a lenient failure of no weight",
            "a slow failure of a lenient kind",
            "lenient failures spare a run",
            "lenient failures spare a count",
            "lenient failures spare a rate",
            "lenient failures count wholly again",
            "a run with parts",
            "a lenient failure raises the score",
            "a lenient failure lowers the score",
            "a lenient probe gives its slot back",
            "a lenient probe fails",
            "a lenient call is taken off",
            "a lenient call fails in a ramp",
            "a hang with lenient failures",
            "lenient failures without a cause",
            "a new weight in a tick",
            "ConsecutiveFailures with lenient failures",
            "FailureCount with lenient failures",
            "FailureRate with lenient failures",
            "SlowRate with lenient failures",
            "Evidence with lenient failures",
        ];
        for cause in causes {
            let seen = self.0.borrow().get(cause).copied().unwrap_or(0);
            // it comes in bursts: some plans have dozens, and most none
            let least = if cause == "from before a cut" { 1 } else { 10 };
            assert!(
                cases < 500 || seen >= least,
                "{cause} was seen {seen} times only"
            );
        }
    }
}
