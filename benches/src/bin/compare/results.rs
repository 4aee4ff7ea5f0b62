//! What was measured, and how it is looked up.

use crate::measure::Sample;
use crate::sides::{Kind, Reason};

/// A side in a workload with a number of threads.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) workload: &'static str,
    pub(crate) threads: usize,
    pub(crate) side: String,
    pub(crate) kind: Kind,
    pub(crate) figure: Result<Figure, Reason>,
}

/// Nanoseconds a call, as each thread sees it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Figure {
    pub(crate) best: f64,
    pub(crate) median: f64,
    /// How many rounds it is of.
    pub(crate) rounds: usize,
    /// How many are not in it, since a thread had to wait for a CPU for a part of them.
    pub(crate) spoilt: usize,
}

impl Figure {
    pub(crate) fn of(sample: &Sample) -> Result<Figure, Reason> {
        if sample.astray > 0 {
            return Err("it left the state that the workload is about");
        }
        let mut ns = sample.ns.clone();
        ns.sort_by(f64::total_cmp);
        let Some(&best) = ns.first() else {
            return Err("in each round a thread had to wait for a CPU");
        };
        let (low, high) = (ns[(ns.len() - 1) / 2], ns[ns.len() / 2]);
        Ok(Figure {
            best,
            median: f64::midpoint(low, high),
            rounds: ns.len(),
            spoilt: sample.spoilt,
        })
    }
}

/// Which of a figure's numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum By {
    Median,
    Best,
}

impl By {
    pub(crate) fn of(self, figure: &Figure) -> f64 {
        match self {
            By::Median => figure.median,
            By::Best => figure.best,
        }
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Results(pub(crate) Vec<Cell>);

impl Results {
    fn of(&self, workload: &str, threads: usize) -> impl Iterator<Item = &Cell> {
        self.0
            .iter()
            .filter(move |c| c.workload == workload && c.threads == threads)
    }

    pub(crate) fn find(&self, workload: &str, threads: usize, side: &str) -> Option<&Cell> {
        self.of(workload, threads).find(|c| c.side == side)
    }

    pub(crate) fn figure(&self, workload: &str, threads: usize, side: &str) -> Option<&Figure> {
        self.find(workload, threads, side)?.figure.as_ref().ok()
    }

    /// The fastest peer, and what it takes.
    pub(crate) fn best_peer(&self, workload: &str, threads: usize, by: By) -> Option<(&str, f64)> {
        self.of(workload, threads)
            .filter(|c| c.kind == Kind::Peer)
            .filter_map(|c| Some((c.side.as_str(), by.of(c.figure.as_ref().ok()?))))
            .min_by(|a, b| a.1.total_cmp(&b.1))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn cell(
        workload: &'static str,
        threads: usize,
        side: &str,
        kind: Kind,
        ns: f64,
    ) -> Cell {
        Cell {
            workload,
            threads,
            side: side.to_owned(),
            kind,
            figure: Ok(Figure {
                best: ns / 2.0,
                median: ns,
                rounds: 3,
                spoilt: 0,
            }),
        }
    }

    fn sample(ns: &[f64], astray: u64) -> Sample {
        Sample {
            ns: ns.to_vec(),
            spoilt: 2,
            astray,
        }
    }

    #[test]
    fn best_and_median() {
        let figure = |ns: &[f64]| Figure::of(&sample(ns, 0)).map(|f| (f.best, f.median, f.spoilt));
        assert_eq!(figure(&[3.0, 1.0, 8.0]), Ok((1.0, 3.0, 2)));
        assert_eq!(figure(&[4.0, 1.0, 2.0, 8.0]), Ok((1.0, 3.0, 2)));
        assert!(figure(&[]).is_err());
        assert!(Figure::of(&sample(&[1.0], 1)).is_err());
    }

    #[test]
    fn the_best_peer_is_no_yardstick_and_none_without_a_figure() {
        let mut results = Results(vec![
            cell("success", 1, "limiter", Kind::Yardstick, 1.0),
            cell("success", 1, "own", Kind::Own, 2.0),
            cell("success", 1, "slow", Kind::Peer, 9.0),
            cell("success", 1, "fast", Kind::Peer, 5.0),
            cell("success", 2, "fast", Kind::Peer, 3.0),
        ]);
        assert_eq!(
            results.best_peer("success", 1, By::Median),
            Some(("fast", 5.0))
        );
        assert_eq!(
            results.best_peer("success", 1, By::Best),
            Some(("fast", 2.5))
        );
        results.0[3].figure = Err("it has none");
        assert_eq!(
            results.best_peer("success", 1, By::Median),
            Some(("slow", 9.0))
        );
        assert_eq!(results.best_peer("open", 1, By::Median), None);
    }
}
