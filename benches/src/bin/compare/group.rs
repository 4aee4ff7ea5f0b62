//! A workload with a number of threads: its sides, and what was measured of them.

use crate::args::Args;
use crate::measure::{Sample, measure};
use crate::results::{Cell, Figure};
use crate::sides::{self, Entry, Kind, Reason, Subject};
use crate::workloads::Workload;

pub(crate) struct Group<'a> {
    args: &'a Args,
    workload: &'static Workload,
    threads: usize,
    rows: Vec<Row>,
}

struct Row {
    side: String,
    kind: Kind,
    sample: Result<Sample, Reason>,
}

impl<'a> Group<'a> {
    /// All sides that are wanted, not measured yet. `None` if there is none but the floor.
    pub(crate) fn new(
        args: &'a Args,
        workload: &'static Workload,
        threads: usize,
    ) -> Option<Group<'a>> {
        let named = |side: &str| {
            let name = format!("{}/{side}", workload.name);
            args.only.as_ref().is_none_or(|only| name.contains(only))
        };
        let entries = sides::all(workload, threads, &|side| {
            side == sides::FLOOR || named(side)
        });
        if !entries.iter().any(|entry| named(&entry.name)) {
            return None;
        }
        let row = |entry: Entry| Row {
            side: entry.name,
            kind: entry.kind,
            sample: entry.subject.map(|_| Sample::default()),
        };
        Some(Group {
            args,
            workload,
            threads,
            rows: entries.into_iter().map(row).collect(),
        })
    }

    pub(crate) fn name(&self) -> String {
        let threads = crate::report::counted(self.threads);
        format!("{}, {threads}", self.workload.name)
    }

    /// Whether a side has too few rounds that count.
    pub(crate) fn wants_more(&self) -> bool {
        self.rows.iter().any(|row| self.lacks(row))
    }

    fn lacks(&self, row: &Row) -> bool {
        let sample = row.sample.as_ref();
        sample.is_ok_and(|sample| self.args.plan.wants_more(sample))
    }

    /// Rounds of the sides that want them, and of the floor.
    pub(crate) fn measure(&mut self) {
        let wanted = |side: &str| {
            side == sides::FLOOR || self.rows.iter().any(|r| r.side == side && self.lacks(r))
        };
        let entries = sides::all(self.workload, self.threads, &wanted);
        let subjects: Vec<(&str, &dyn Subject)> = entries
            .iter()
            .filter_map(|entry| Some((&*entry.name, &**entry.subject.as_ref().ok()?)))
            .collect();
        let (names, subjects): (Vec<_>, Vec<_>) = subjects.into_iter().unzip();
        let samples = measure(&subjects, self.threads, &self.args.plan);
        for (name, more) in names.into_iter().zip(samples) {
            let row = self.rows.iter_mut().find(|row| row.side == name);
            if let Some(Ok(sample)) = row.map(|row| row.sample.as_mut()) {
                sample.add(more);
            }
        }
    }

    pub(crate) fn cells(self) -> impl Iterator<Item = Cell> {
        self.rows.into_iter().map(move |row| Cell {
            workload: self.workload.name,
            threads: self.threads,
            side: row.side,
            kind: row.kind,
            figure: row.sample.and_then(|sample| Figure::of(&sample)),
        })
    }
}
