//! Runs shapes, subjects and seeds against each other, on several threads.

use crate::day::Day;
use crate::figures::Figures;
use crate::shape::{Scene, Shape};
use crate::sim::simulate;
use crate::subject::{Entry, Experiment, Refused, Setup, Subject};
use crate::track::Track;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Seeds are counted from here.
pub(crate) const FIRST_SEED: u64 = 1;

/// A shape, and the subjects that live through it.
pub(crate) struct Row {
    pub(crate) shape: Shape,
    pub(crate) subjects: Vec<Entry>,
}

/// The figures of a row: for each subject, one of each seed.
pub(crate) type Measured = Vec<Vec<Figures>>;

/// A day that a subject lives through.
struct Lived<'a> {
    scene: &'a Scene,
    day: &'a Day,
}

impl Experiment for Lived<'_> {
    type Result = Track;

    fn run<S: Subject>(self, mut subject: S) -> Track {
        simulate(self.scene, self.day, &mut subject)
    }
}

/// Lets one subject live through a day.
pub(crate) fn live(entry: Entry, scene: &Scene, day: &Day, seed: u64) -> Result<Track, Refused> {
    let setup = Setup {
        seed,
        slow: scene.client.slow,
        theta: scene.theta,
    };
    entry.try_with(&setup, Lived { scene, day })
}

pub(crate) fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

/// Does each job once, on as many threads, and returns the results in the jobs' order.
pub(crate) fn in_parallel<J: Sync, R: Send>(
    jobs: &[J],
    threads: usize,
    work: impl Fn(&J) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, R)>> = Mutex::new(Vec::with_capacity(jobs.len()));
    std::thread::scope(|scope| {
        for _ in 0..threads.clamp(1, jobs.len().max(1)) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(job) = jobs.get(at) else { return };
                    let result = work(job);
                    done.lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push((at, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Measures each row over so many seeds.
pub(crate) fn measure(rows: &[Row], seeds: u64, threads: usize) -> Result<Vec<Measured>, Refused> {
    let jobs: Vec<(usize, u64)> = (0..rows.len())
        .flat_map(|row| (FIRST_SEED..FIRST_SEED + seeds).map(move |seed| (row, seed)))
        .collect();
    let done = in_parallel(&jobs, threads, |&(row, seed)| {
        let row = &rows[row];
        let scene = row.shape.scene(seed);
        let day = Day::new(&scene, seed);
        let of = |entry: &Entry| {
            let track = live(*entry, &scene, &day, seed)?;
            Ok(Figures::of(&scene, &track))
        };
        row.subjects
            .iter()
            .map(of)
            .collect::<Result<Vec<Figures>, Refused>>()
    });
    let mut measured: Vec<Measured> = rows
        .iter()
        .map(|row| vec![Vec::new(); row.subjects.len()])
        .collect();
    for ((row, _), figures) in jobs.into_iter().zip(done) {
        for (subject, figures) in figures?.into_iter().enumerate() {
            measured[row][subject].push(figures);
        }
    }
    Ok(measured)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::catalogue;
    use std::time::Duration;

    fn rows() -> Vec<Row> {
        let shapes = catalogue().expect("valid").into_iter();
        let short = shapes
            .take(3)
            .map(|shape| shape.cut_to(Duration::from_secs(62)));
        let subjects = ["default", "semian"].map(|name| Entry::find(name).expect("in the list"));
        let row = |shape| Row {
            shape,
            subjects: subjects.to_vec(),
        };
        short.map(row).collect()
    }

    #[test]
    fn threads_change_no_figure() {
        let alone = measure(&rows(), 3, 1).expect("valid settings");
        assert_eq!(alone, measure(&rows(), 3, 4).expect("valid settings"));
        assert_eq!(alone.len(), 3);
        assert!(
            alone
                .iter()
                .all(|row| row.len() == 2 && row.iter().all(|days| days.len() == 3))
        );
        // the first seeds are the same, however many there are
        let fewer = measure(&rows(), 2, 1).expect("valid settings");
        assert_eq!(fewer[0][1], alone[0][1][..2]);
    }

    #[test]
    fn results_come_in_the_order_of_the_jobs() {
        let jobs: Vec<u64> = (0..100).collect();
        for threads in [1, 3, 200] {
            let done = in_parallel(&jobs, threads, |job| job * job);
            assert!(done.iter().zip(&jobs).all(|(done, job)| *done == job * job));
        }
        assert!(in_parallel(&[], 2, |job: &u64| *job).is_empty());
    }
}
