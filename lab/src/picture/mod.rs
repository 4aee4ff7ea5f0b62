//! The picture: what each subject did in each outage, as bands, and the figures as dots.

mod bands;
mod dots;
mod pen;

use crate::args::{Args, Chosen};
use crate::day::{Call, Day};
use crate::figures::Figures;
use crate::grid::{self, FIRST_SEED, Row, live};
use crate::shape::{Scene, Shape};
use crate::subject::{Entry, Refused};
use crate::time::{Nanos, SECOND};
use bands::{Band, Share};
use pen::{BOLD, Canvas, Drawn, FAINT, INK, SMALL, TITLE, line, rectangle, write};
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;
use std::error::Error;

/// Drawn if no shapes are chosen.
const SHAPES: [&str; 7] = [
    "rand-hang",
    "rand-fast",
    "brown70",
    "slow",
    "blips",
    "low",
    "brown30",
];

const WIDTH: i32 = 1400;
const HEAD: i32 = 130;
const ROW: i32 = 20;
/// Above a panel's rows: its name and what it is about, the axes' names.
const PANEL_HEAD: i32 = 64;
/// Below them: the time axis, and room.
const PANEL_FOOT: i32 = 42;
const NAMES: i32 = 24;
const BANDS: (i32, i32) = (130, 790);

/// What is drawn of one shape.
struct Panel<'a> {
    shape: &'a Shape,
    scene: Scene,
    /// The part of the day that is drawn.
    shown: (Nanos, Nanos),
    bands: Vec<Band>,
    figures: &'a [Vec<Figures>],
}

/// Draws the picture, as an SVG.
pub(crate) fn draw(args: &Args) -> Result<String, Box<dyn Error>> {
    let shapes: Vec<&Shape> = match args.chosen {
        Chosen { shapes: true, .. } => args.shapes.iter().collect(),
        _ => SHAPES
            .iter()
            .filter_map(|name| args.shapes.iter().find(|s| s.name == *name))
            .collect(),
    };
    let row = |shape: &&Shape| Row {
        shape: (*shape).clone(),
        subjects: args.subjects.clone(),
    };
    let rows: Vec<Row> = shapes.iter().map(row).collect();
    let measured = grid::measure(&rows, args.seeds, args.threads)?;
    let lived = grid::in_parallel(&shapes, args.threads, |shape| {
        bands_of(shape, &args.subjects)
    });
    let mut panels = Vec::new();
    for ((shape, lived), figures) in shapes.into_iter().zip(lived).zip(&measured) {
        let (scene, shown, bands) = lived?;
        panels.push(Panel {
            shape,
            scene,
            shown,
            bands,
            figures,
        });
    }
    svg(&panels, &args.subjects, args.seeds)
}

type Lived = Result<(Scene, (Nanos, Nanos), Vec<Band>), Refused>;

/// Lets all subjects live through the first seed's day.
fn bands_of(shape: &Shape, subjects: &[Entry]) -> Lived {
    let scene = shape.scene(FIRST_SEED);
    let day = Day::new(&scene, FIRST_SEED);
    let shown = shown(&scene);
    let inside = |call: &&Call| (shown.0..shown.1).contains(&call.at);
    let calls = day.calls.iter().filter(inside).count();
    let columns = bands::columns(calls, BANDS.1 - BANDS.0);
    let bands = subjects.iter().map(|subject| {
        let track = live(*subject, &scene, &day, FIRST_SEED)?;
        Ok(Band::of(&track, shown, columns))
    });
    let bands = bands.collect::<Result<Vec<_>, Refused>>()?;
    Ok((scene, shown, bands))
}

/// Returns from shortly before the first phase to some time after the last outage; without an
/// outage, the whole day.
fn shown(scene: &Scene) -> (Nanos, Nanos) {
    match (scene.outages.first(), scene.outages.last()) {
        (Some((from, _)), Some((_, to))) => {
            let margin = ((to - from) / 5).clamp(SECOND, 10 * SECOND);
            (
                from.saturating_sub(margin),
                (to + 6 * margin).min(scene.ends),
            )
        }
        _ => (0, scene.ends),
    }
}

fn svg(panels: &[Panel<'_>], subjects: &[Entry], seeds: u64) -> Result<String, Box<dyn Error>> {
    let panel = PANEL_HEAD + ROW * subjects.len() as i32 + PANEL_FOOT;
    let height = HEAD + panel * panels.len() as i32;
    let mut out = String::new();
    {
        let canvas =
            SVGBackend::with_string(&mut out, (WIDTH as u32, height as u32)).into_drawing_area();
        canvas.fill(&WHITE)?;
        head(&canvas, seeds)?;
        for (i, drawn) in (0..).zip(panels) {
            one(&canvas, drawn, subjects, HEAD + panel * i)?;
        }
        canvas.present()?;
    }
    Ok(patterned(&out))
}

/// Fills that are known without their colour: each colour that is replaced, the pattern's name, and what is drawn over
/// the colour.
const PATTERNS: [(RGBColor, &str, &str); 2] = [
    (
        Share::Wasted.color(),
        "wasted",
        r##"<path d="M-2 2L2 -2M0 8L8 0M6 10L10 6" stroke="#fff" stroke-opacity="0.75" stroke-width="1.6"/>"##,
    ),
    (
        Share::Missed.color(),
        "missed",
        r##"<circle cx="2" cy="2" r="1.1" fill="#fff"/><circle cx="6" cy="6" r="1.1" fill="#fff"/>"##,
    ),
];

/// Puts patterns in place of plain fills, which are all that plotters draws.
fn patterned(svg: &str) -> String {
    let mut defs = String::from("<defs>");
    let mut svg = svg.to_owned();
    for (RGBColor(r, g, b), name, over) in PATTERNS {
        let plain = format!("fill=\"#{r:02X}{g:02X}{b:02X}\"");
        svg = svg.replace(&plain, &format!("fill=\"url(#{name})\""));
        defs += &format!(
            "<pattern id=\"{name}\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\">\
             <rect width=\"8\" height=\"8\" {plain}/>{over}</pattern>"
        );
    }
    defs += "</defs>";
    match svg.find('>') {
        // behind the opening tag
        Some(at) => svg.insert_str(at + 1, &defs),
        None => svg.clear(),
    }
    svg
}

fn head(canvas: &Canvas<'_>, seeds: u64) -> Drawn {
    write(canvas, "What each breaker did", (NAMES, 34), TITLE)?;
    let days = format!(
        "Left: the calls of one day, each column by what became of them. Right: the median of {seeds} days, \
         and a line to the second worst of nine."
    );
    write(canvas, &days, (NAMES, 66), SMALL.color(FAINT))?;
    let mut x = NAMES;
    for share in Share::ALL {
        rectangle(canvas, (x, 88), (x + 16, 104), share.color())?;
        write(canvas, share.words(), (x + 24, 96), SMALL)?;
        x += 40 + 8 * share.words().len() as i32;
    }
    Ok(())
}

fn one(canvas: &Canvas<'_>, panel: &Panel<'_>, subjects: &[Entry], top: i32) -> Drawn {
    write(canvas, &panel.shape.name, (NAMES, top + 12), BOLD)?;
    write(
        canvas,
        panel.shape.about(),
        (BANDS.0, top + 12),
        SMALL.color(FAINT),
    )?;
    let rows = top + PANEL_HEAD;
    let bottom = rows + ROW * subjects.len() as i32;
    for ((i, subject), band) in (0..).zip(subjects).zip(&panel.bands) {
        let y = rows + ROW * i;
        write(canvas, subject.name(), (NAMES, y + ROW / 2), SMALL)?;
        band.draw(canvas, BANDS, (y + 2, y + ROW - 2))?;
    }
    time_axis(canvas, panel, (rows, bottom))?;
    dots::draw(canvas, panel.figures, (rows, ROW))
}

/// Marks where outages begin and end, and writes the times below.
fn time_axis(canvas: &Canvas<'_>, panel: &Panel<'_>, (top, bottom): (i32, i32)) -> Drawn {
    let (from, to) = panel.shown;
    let x = |t: Nanos| {
        let part = t.saturating_sub(from) as f64 / (to - from) as f64;
        BANDS.0 + (f64::from(BANDS.1 - BANDS.0) * part.min(1.0)) as i32
    };
    for &(begin, end) in &panel.scene.outages {
        for t in [begin, end] {
            line(canvas, (x(t), top - 6), (x(t), bottom + 2), INK, 1)?;
        }
        line(canvas, (x(begin), top - 6), (x(end), top - 6), INK, 2)?;
    }
    if let Some(&(begin, end)) = panel.scene.outages.first() {
        write(
            canvas,
            "outage",
            ((x(begin) + x(end)) / 2, top - 16),
            SMALL.to(HPos::Center),
        )?;
    }
    let zero = panel.scene.outages.first().map_or(0, |(begin, _)| *begin);
    let step = step((to - from) / SECOND);
    // the first multiple of the step, counted from the outage's beginning
    let mut mark = (from as i128 - zero as i128).div_euclid(i128::from(step * SECOND)) + 1;
    loop {
        let at = zero as i128 + mark * i128::from(step * SECOND);
        let Ok(at) = Nanos::try_from(at) else { break };
        if at > to {
            break;
        }
        line(canvas, (x(at), bottom), (x(at), bottom + 4), FAINT, 1)?;
        let words = format!("{} s", mark * i128::from(step));
        write(
            canvas,
            &words,
            (x(at), bottom + 14),
            SMALL.color(FAINT).to(HPos::Center),
        )?;
        mark += 1;
    }
    Ok(())
}

/// Returns whole seconds between two marks, so that there are about eight.
fn step(seconds: u64) -> u64 {
    const STEPS: [u64; 10] = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600];
    STEPS
        .into_iter()
        .find(|step| seconds / step <= 9)
        .unwrap_or(3600)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_has_a_row_for_each_subject_and_shape() {
        let file = "picture.svg";
        let args = [
            "picture",
            file,
            "--shapes",
            "rand-fast,noise3",
            "--subjects",
            "default,none",
            "--seeds",
            "1",
        ];
        let args = crate::args::parse(args).expect("valid");
        let svg = draw(&args).expect("drawn");
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
        for pattern in ["wasted", "missed"] {
            assert_eq!(svg.matches(&format!("id=\"{pattern}\"")).count(), 1);
            // in the legend, and in the bands
            assert!(svg.matches(&format!("url(#{pattern})")).count() > 1);
        }
        for (words, times) in [
            ("\nrand-fast\n", 1),
            ("\nnoise3\n", 1),
            ("\ndefault\n", 2),
            ("\nnone\n", 2),
        ] {
            assert_eq!(svg.matches(words).count(), times, "{words:?}");
        }
    }

    #[test]
    fn marks_are_neither_many_nor_few() {
        assert_eq!([3, 45, 180, 7200].map(step), [1, 5, 20, 3600]);
    }
}
