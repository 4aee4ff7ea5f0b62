//! The picture: a success by threads, and each workload at two threads.

mod axis;
mod pen;
mod series;

pub(crate) use self::series::series;

use self::axis::{Axis, asides, spread};
use self::pen::{
    BAND, BIG, BOLD, Canvas, Drawn, FAINT, GRID, MINOR, SMALL, TINY, grouped, line, mark, readable,
    rounded, turned, write,
};
use self::series::Series;
use crate::report::Circumstances;
use crate::results::{By, Results};
use crate::sides::{CALL, Kind};
use crate::workloads::{WORKLOADS, Workload};
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;
use std::error::Error;

const WIDTH: i32 = 1240;
const LEFT: i32 = 24;
const RIGHT: i32 = 1216;

/// From top to bottom, in pixels; what comes below depends on how many workloads there are.
const TITLE: i32 = 34;
const SUBTITLE: i32 = 68;
const HEADINGS: i32 = 112;
const TOP: i32 = 140;
const ROW: i32 = 46;
/// Below the plots: the axes' labels and names, the caption's two lines, the edge.
const BELOW: i32 = 124;

/// From left to right: the success by threads, the sides' names; the workloads' names, their plot,
/// and a column of ratios.
const THREADS: (i32, i32) = (100, 310);
const NAMES: i32 = 342;
const BANDS: (i32, i32) = (596, 1228);
const WORKLOAD: i32 = 754;
const TIMES: (i32, i32) = (772, 1136);

/// A line of text takes as much, where lines stand in a column.
const LINE: f64 = 24.0;

/// The workload on the left, and the number of threads on the right.
const SUCCESS: &str = "success";
const TWO: usize = 2;

/// What is drawn.
struct Picture<'a> {
    series: Vec<Series<'a>>,
    threads: Vec<usize>,
    rows: Vec<&'static Workload>,
    /// Of the left plot, upwards.
    up: Axis,
    /// Of the right one.
    across: Axis,
    results: &'a Results,
}

impl<'a> Picture<'a> {
    fn of(about: &Circumstances, results: &'a Results) -> Result<Picture<'a>, &'static str> {
        let series = series(results);
        let medians = |workload, threads| {
            let sides = series.iter();
            sides.filter_map(move |s| Some((s.kind, median(results, workload, threads, s.side)?)))
        };
        let breakers =
            |workload, threads| medians(workload, threads).any(|(kind, _)| kind != Kind::Yardstick);
        let threads = about.threads.iter().copied();
        let threads: Vec<usize> = threads.filter(|t| breakers(SUCCESS, *t)).collect();
        let rows = WORKLOADS.iter().filter(|w| breakers(w.name, TWO));
        let rows: Vec<&Workload> = rows.collect();
        let up = Axis::over(threads.iter().flat_map(|t| medians(SUCCESS, *t)).map(ns));
        let across = Axis::over(rows.iter().flat_map(|w| medians(w.name, TWO)).map(ns));
        Ok(Picture {
            up: up.ok_or("no success in the report")?,
            across: across.ok_or("no workload with 2 threads in the report")?,
            series,
            threads,
            rows,
            results,
        })
    }

    fn median(&self, workload: &str, threads: usize, s: &Series<'_>) -> Option<f64> {
        median(self.results, workload, threads, s.side)
    }

    fn bottom(&self) -> i32 {
        TOP + ROW * (self.rows.len() as i32).max(MOST_LINES)
    }

    /// Upwards, for the left plot.
    fn y(&self, ns: f64) -> i32 {
        between((self.bottom(), TOP), self.up.at(ns))
    }

    /// To the right, for the right one.
    fn x(&self, ns: f64) -> i32 {
        between(TIMES, self.across.at(ns))
    }

    /// Of the numbers of threads, evenly.
    fn column(&self, i: usize) -> i32 {
        let part = (i as f64 + 0.5) / self.threads.len() as f64;
        between(THREADS, part)
    }
}

/// The plots are at least as high as this many rows, for the names of the sides.
const MOST_LINES: i32 = 8;

fn median(results: &Results, workload: &str, threads: usize, side: &str) -> Option<f64> {
    Some(results.figure(workload, threads, side)?.median)
}

fn ns((_, ns): (Kind, f64)) -> f64 {
    ns
}

fn between((from, to): (i32, i32), part: f64) -> i32 {
    from + (f64::from(to - from) * part).round() as i32
}

/// The picture, as SVG.
///
/// # Errors
/// If nothing that it shows was measured.
pub(crate) fn draw(about: &Circumstances, results: &Results) -> Result<String, Box<dyn Error>> {
    let picture = Picture::of(about, results)?;
    let mut svg = String::new();
    {
        let size = (
            WIDTH.unsigned_abs(),
            (picture.bottom() + BELOW).unsigned_abs(),
        );
        let canvas = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        canvas.fill(&WHITE)?;
        heading(&canvas)?;
        by_threads(&canvas, &picture)?;
        by_workload(&canvas, &picture)?;
        caption(&canvas, about, picture.bottom() + 88)?;
        canvas.present()?;
    }
    Ok(svg)
}

fn heading(canvas: &Canvas<'_>) -> Drawn {
    write(
        canvas,
        "What a circuit breaker adds to a call",
        (LEFT, TITLE),
        BIG,
    )?;
    let words = "Time of a guarded call that itself does nothing, as each thread sees it: median, \
                 logarithmic scale, less is better";
    write(canvas, words, (LEFT, SUBTITLE), SMALL.color(FAINT))?;
    write(canvas, "A success, by threads", (LEFT, HEADINGS), BOLD)?;
    let words = "By workload, at 2 threads";
    write(canvas, words, (TIMES.0, HEADINGS), BOLD)
}

fn by_threads(canvas: &Canvas<'_>, picture: &Picture<'_>) -> Drawn {
    let bottom = picture.bottom();
    for (ns, bold) in picture.up.ticks() {
        let y = picture.y(ns);
        line(canvas, (THREADS.0, y), (THREADS.1, y), grid(bold), 1)?;
        if bold {
            let at = (THREADS.0 - 10, y);
            write(canvas, &grouped(ns), at, SMALL.to(HPos::Right))?;
        }
    }
    let at = (LEFT + 6, i32::midpoint(TOP, bottom));
    turned(canvas, "nanoseconds a call", at, SMALL)?;
    for (i, threads) in picture.threads.iter().enumerate() {
        let at = (picture.column(i), bottom + 20);
        write(canvas, &threads.to_string(), at, SMALL.to(HPos::Center))?;
    }
    let middle = i32::midpoint(THREADS.0, THREADS.1);
    write(
        canvas,
        "threads",
        (middle, bottom + 46),
        SMALL.to(HPos::Center),
    )?;

    let mut ends = Vec::new();
    for series in picture.series.iter().rev() {
        let points: Vec<((i32, i32), f64)> = (picture.threads.iter().enumerate())
            .filter_map(|(i, &t)| Some((i, picture.median(SUCCESS, t, series)?)))
            .map(|(i, ns)| ((picture.column(i), picture.y(ns)), ns))
            .collect();
        for pair in points.windows(2) {
            let width = if series.kind == Kind::Own { 3 } else { 2 };
            line(canvas, pair[0].0, pair[1].0, series.color, width)?;
        }
        for &(at, _) in &points {
            mark(canvas, at, series.shape, series.color)?;
        }
        ends.extend(points.last().map(|&(at, ns)| (series, at, ns)));
    }
    names(canvas, &ends)
}

/// Each line's name and last figure, beside its end.
fn names(canvas: &Canvas<'_>, ends: &[(&Series<'_>, (i32, i32), f64)]) -> Drawn {
    let wanted: Vec<f64> = ends.iter().map(|(_, at, _)| f64::from(at.1)).collect();
    for ((series, at, ns), y) in ends.iter().zip(spread(&wanted, LINE)) {
        let y = y.round() as i32;
        line(canvas, (at.0 + 10, at.1), (NAMES - 18, y), GRID, 1)?;
        mark(canvas, (NAMES - 8, y), series.shape, series.color)?;
        let font = if series.kind == Kind::Own {
            BOLD
        } else {
            SMALL
        };
        let words = format!("{} {} ns", series.name, rounded(*ns));
        write(
            canvas,
            &words,
            (NAMES + 6, y),
            font.color(readable(series.color)),
        )?;
    }
    Ok(())
}

fn by_workload(canvas: &Canvas<'_>, picture: &Picture<'_>) -> Drawn {
    let bottom = TOP + ROW * picture.rows.len() as i32;
    for i in (0..picture.rows.len() as i32).step_by(2) {
        let band = [(BANDS.0, TOP + ROW * i), (BANDS.1, TOP + ROW * (i + 1))];
        canvas.draw(&Rectangle::new(band, BAND.filled()))?;
    }
    for (ns, bold) in picture.across.ticks() {
        let x = picture.x(ns);
        line(canvas, (x, TOP), (x, bottom), grid(bold), 1)?;
        if bold {
            // a long one would touch the next
            let label = match ns {
                1e6.. => format!("{}M", grouped(ns / 1e6)),
                _ => grouped(ns),
            };
            write(canvas, &label, (x, bottom + 20), SMALL.to(HPos::Center))?;
        }
    }
    let middle = i32::midpoint(TIMES.0, TIMES.1);
    write(
        canvas,
        "nanoseconds a call",
        (middle, bottom + 46),
        SMALL.to(HPos::Center),
    )?;
    let head = "best peer / tripcoil call";
    write(
        canvas,
        head,
        (RIGHT, HEADINGS),
        SMALL.color(FAINT).to(HPos::Right),
    )?;

    for (i, workload) in picture.rows.iter().enumerate() {
        let y = TOP + ROW * i as i32 + ROW / 2;
        write(canvas, workload.short, (WORKLOAD, y), SMALL.to(HPos::Right))?;
        line(canvas, (TIMES.0, y), (TIMES.1, y), GRID, 1)?;
        // ours last: nothing hides them
        let measured: Vec<_> = (picture.series.iter().rev())
            .filter_map(|s| Some((s, picture.x(picture.median(workload.name, TWO, s)?))))
            .collect();
        let columns: Vec<i32> = measured.iter().map(|(_, x)| *x).collect();
        for ((series, x), aside) in measured.iter().zip(asides(&columns)) {
            mark(canvas, (*x, y + aside), series.shape, series.color)?;
        }
        let (words, font) = match ratio(picture.results, workload.name) {
            Some(ratio) => (format!("{}×", rounded(ratio)), BOLD),
            None => ("no peer".to_owned(), SMALL.color(FAINT)),
        };
        write(canvas, &words, (RIGHT, y), font.to(HPos::Right))?;
    }
    Ok(())
}

/// How many times as long as ours the fastest peer's call takes.
fn ratio(results: &Results, workload: &str) -> Option<f64> {
    let (_, peer) = results.best_peer(workload, TWO, By::Median)?;
    Some(peer / median(results, workload, TWO, CALL)?)
}

fn caption(canvas: &Canvas<'_>, about: &Circumstances, y: i32) -> Drawn {
    let words = format!("{}; {}", about.day(), about.machine());
    write(canvas, &words, (LEFT, y), TINY)?;
    write(canvas, &about.versions(), (LEFT, y + 22), TINY)
}

fn grid(bold: bool) -> RGBColor {
    if bold { GRID } else { MINOR }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::about;
    use crate::results::tests::cell;
    use crate::sides::{ADAPTIVE, FLOOR, LOCAL_UPKEEP};

    fn results() -> Results {
        Results(vec![
            cell("success", 1, FLOOR, Kind::Yardstick, 5.0),
            cell("success", 1, CALL, Kind::Own, 9.0),
            cell("success", 2, CALL, Kind::Own, 10.0),
            cell("success", 2, "tripcoil/call/count/coarse", Kind::Own, 700.0),
            cell("success", 2, "one <peer>", Kind::Peer, 120.0),
            cell("success", 2, "other", Kind::Peer, 4000.0),
            cell("armed", 2, CALL, Kind::Own, 100.0),
            cell("trip", 1, CALL, Kind::Own, 90_000.0),
        ])
    }

    #[test]
    fn it_shows_what_was_measured_of_its_sides() {
        let results = results();
        let picture = Picture::of(&about(), &results).expect("there is something");
        let sides: Vec<_> = picture.series.iter().map(|s| s.side).collect();
        assert_eq!(
            sides,
            [CALL, LOCAL_UPKEEP, ADAPTIVE, FLOOR, "one <peer>", "other"]
        );
        let rows: Vec<_> = picture.rows.iter().map(|w| w.name).collect();
        assert_eq!(
            (picture.threads.clone(), rows),
            (vec![1, 2], vec!["success", "armed"])
        );
        // of the least and the most that is drawn
        assert_eq!(Some(picture.up), Axis::over([5.0, 4000.0].into_iter()));
        assert_eq!(Some(picture.across), Axis::over([10.0, 4000.0].into_iter()));
        assert_eq!(ratio(&results, "success"), Some(12.0));
        assert_eq!(ratio(&results, "armed"), None);
        assert!(Picture::of(&about(), &Results::default()).is_err());
    }

    #[test]
    fn sides_and_ratios_are_labelled() {
        let svg = draw(&about(), &results()).expect("it can be drawn");
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
        for label in [
            "tripcoil call 10 ns",
            "one &lt;peer&gt; 120 ns",
            "12×",
            "no peer",
            "2000-01-01;",
        ] {
            assert!(svg.contains(label), "{label}\n{svg}");
        }
    }
}
