//! The picture: how many processes are open over time, and the calls that meet the outage, alone and in a fleet.

use crate::record::Run;
use crate::report::{Group, Outage, Report, short};
use crate::script::{Fault, Script, Span};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::error::Error;
use std::time::Duration;
use tripcoil::State;

const WIDTH: i32 = 1200;
const HEIGHT: i32 = 908;
const LEFT: i32 = 112;
const RIGHT: i32 = 24;
const AXIS_MARGIN: i32 = 14;

/// From top to bottom, in pixels.
const TITLE: i32 = 14;
const LEGEND: i32 = 88;
const DEPENDENCY: (i32, i32) = (116, 140);
const STORE: (i32, i32) = (146, 170);
/// A row's caption; below it, the panel of the breakers, and that of the calls.
const CAPTIONS: [i32; 2] = [198, 536];
const OPEN_PANEL: (i32, i32) = (16, 176);
const CALLS_PANEL: (i32, i32) = (190, 310);
const TIME_AXIS: i32 = 48;

/// A column of the calls.
const COLUMN: Duration = Duration::from_secs(1);

const CALL: RGBColor = RGBColor(205, 52, 46);
const OPEN: RGBColor = RGBColor(240, 158, 148);
const PROBE: RGBColor = RGBColor(240, 180, 20);
const UP: RGBColor = RGBColor(176, 219, 178);
const DOWN: RGBColor = RGBColor(245, 199, 186);
const GONE: RGBColor = RGBColor(176, 190, 210);
const INK: RGBColor = RGBColor(38, 42, 48);
const FAINT: RGBColor = RGBColor(110, 116, 124);
const GRID: RGBColor = RGBColor(226, 229, 233);

type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn Error>>;

/// The picture, as SVG.
pub(crate) fn draw(report: &Report) -> Result<String, Box<dyn Error>> {
    let mut svg = String::new();
    {
        let size = (WIDTH.unsigned_abs(), HEIGHT.unsigned_abs());
        let canvas = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        canvas.fill(&WHITE)?;
        let groups = report.groups();
        let columns = groups.map(|group| columns(&group.run, report.script.end));
        let most = columns.iter().flatten().map(Column::calls).max();
        let top = most.unwrap_or(0).max(1) as f64 * 1.3;

        heading(&canvas, report)?;
        strips(&canvas, &report.script)?;
        for ((group, columns), caption) in groups.into_iter().zip(&columns).zip(CAPTIONS) {
            let name = if group.run.shares {
                "In a fleet: each process knows what the others found out"
            } else {
                "Each process alone"
            };
            text(&canvas, name, (LEFT, caption), 20, INK, HPos::Left, true)?;
            let rows = |(from, to): (i32, i32)| (caption + from, caption + to);
            breakers(&canvas, rows(OPEN_PANEL), &report.script, group)?;
            calls(
                &canvas,
                rows(CALLS_PANEL),
                &report.script,
                group,
                columns,
                top,
            )?;
        }
        canvas.present()?;
    }
    Ok(patterned(&svg))
}

/// Fills that are known without their colour: each colour that is replaced, the pattern's name, and what is drawn over
/// the colour.
const PATTERNS: [(RGBColor, &str, &str); 3] = [
    (
        CALL,
        "call",
        r##"<path d="M-2 2L2 -2M0 8L8 0M6 10L10 6" stroke="#fff" stroke-opacity="0.75" stroke-width="1.6"/>"##,
    ),
    (
        GONE,
        "gone",
        r##"<circle cx="2" cy="2" r="1.1" fill="#fff"/><circle cx="6" cy="6" r="1.1" fill="#fff"/>"##,
    ),
    (
        OPEN,
        "open",
        r##"<path d="M-2 6L2 10M0 0L8 8M6 -2L10 2" stroke="#a33" stroke-width="1"/>"##,
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

/// The bad calls that arrived within a column's time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Column {
    probes: usize,
    others: usize,
}

impl Column {
    fn calls(&self) -> usize {
        self.probes + self.others
    }
}

fn columns(run: &Run, end: Duration) -> Vec<Column> {
    let many = end.as_millis().div_ceil(COLUMN.as_millis()) as usize;
    let mut columns = vec![Column::default(); many];
    for hit in run.hits.iter().filter(|hit| hit.bad) {
        let column = (hit.at.as_millis() / COLUMN.as_millis()) as usize;
        if let Some(column) = columns.get_mut(column) {
            if hit.probe {
                column.probes += 1;
            } else {
                column.others += 1;
            }
        }
    }
    columns
}

fn heading(canvas: &Canvas<'_>, report: &Report) -> Drawn {
    let title = "Two outages: each process alone, and in a fleet";
    text(canvas, title, (LEFT, TITLE + 14), 30, INK, HPos::Left, true)?;
    let words = format!("{}, at the same time on the same machine.", report.about());
    text(
        canvas,
        &words,
        (LEFT, TITLE + 44),
        18,
        FAINT,
        HPos::Left,
        false,
    )?;
    let bad = match report.script.fault {
        Fault::Total | Fault::Brownout(_) => "failed",
        Fault::Hang => "was not answered",
        Fault::Slow => "was late",
    };
    let mut x = LEFT;
    let legend = [
        ("process that rejects calls (open)".to_owned(), OPEN),
        (format!("call that {bad}"), CALL),
        (
            format!("process that probes (half-open), and a probe that {bad}"),
            PROBE,
        ),
    ];
    for (name, color) in &legend {
        let swatch = [(x, LEGEND - 7), (x + 14, LEGEND + 7)];
        canvas.draw(&Rectangle::new(swatch, color.filled()))?;
        text(canvas, name, (x + 20, LEGEND), 18, INK, HPos::Left, false)?;
        x += 56 + 15 * name.len() as i32 / 2;
    }
    Ok(())
}

/// When the dependency was up, and when the store.
fn strips(canvas: &Canvas<'_>, script: &Script) -> Drawn {
    let whole = Span::new(Duration::ZERO, script.end);
    strip(canvas, DEPENDENCY, "dependency", script, whole, UP, "up")?;
    for outage in &script.outages {
        let name = match script.fault {
            Fault::Total => "down".to_owned(),
            fault => fault.name(),
        };
        strip(canvas, DEPENDENCY, "", script, *outage, DOWN, &name)?;
    }
    strip(canvas, STORE, "Redis", script, whole, UP, "up")?;
    if let Some(gone) = script.store_gone {
        strip(canvas, STORE, "", script, gone, GONE, "killed")?;
    }
    Ok(())
}

/// A piece of a strip, with what it means if there is room for it.
fn strip(
    canvas: &Canvas<'_>,
    y: (i32, i32),
    label: &str,
    script: &Script,
    span: Span,
    color: RGBColor,
    name: &str,
) -> Drawn {
    let middle = (y.0 + y.1) / 2;
    text(
        canvas,
        label,
        (LEFT - 8, middle),
        16,
        INK,
        HPos::Right,
        true,
    )?;
    let (from, to) = (x_of(span.from, script.end), x_of(span.to, script.end));
    canvas.draw(&Rectangle::new([(from, y.0), (to, y.1)], color.filled()))?;
    if label.is_empty() && to - from > 9 * name.len() as i32 {
        let plate = 5 * name.len() as i32;
        let center = (from + to) / 2;
        if PATTERNS.iter().any(|(of, ..)| *of == color) {
            let plate = [(center - plate, y.0 + 2), (center + plate, y.1 - 2)];
            canvas.draw(&Rectangle::new(plate, WHITE.mix(0.8).filled()))?;
        }
        text(canvas, name, (center, middle), 17, INK, HPos::Center, false)?;
    } else if !label.is_empty() {
        text(
            canvas,
            name,
            (from + 20, middle),
            17,
            INK,
            HPos::Center,
            false,
        )?;
    }
    Ok(())
}

/// How many processes reject calls, and how many probe; when all did, and when half are back.
fn breakers(canvas: &Canvas<'_>, y: (i32, i32), script: &Script, group: &Group) -> Drawn {
    let run = &group.run;
    let end = script.end;
    let mut chart = chart(canvas, y, end, run.pods as f64 * 1.3, "processes", false)?;
    without_store(&mut chart, script, run, run.pods as f64 * 1.1)?;
    let outline = |counts: &[(Duration, usize)]| {
        let mut points = vec![(0.0, 0.0)];
        let mut height = 0.0;
        for (at, count) in counts {
            let at = at.min(&end).as_secs_f64();
            points.push((at, height));
            height = *count as f64;
            points.push((at, height));
        }
        points.extend([(end.as_secs_f64(), height), (end.as_secs_f64(), 0.0)]);
        points
    };
    let not_closed = run.counts(|state| state != State::Closed);
    let open = run.counts(|state| state != State::Closed && state != State::HalfOpen);
    for (counts, color) in [(not_closed, PROBE), (open, OPEN)] {
        chart.draw_series([Polygon::new(outline(&counts), color.filled())])?;
    }
    verticals(&mut chart, script, run.pods as f64 * 1.3)?;
    for (i, outage) in group.outages.iter().enumerate() {
        let all = match outage.all_open() {
            Some(_) => format!("all open after {} s", short(outage.all_open())),
            None => "not all open".to_owned(),
        };
        let from = x_of(outage.span.from, end) + 6;
        label(canvas, &all, (from, y.0 + 16))?;
        back(canvas, y.0 + 16, script, outage, i == 0)?;
    }
    Ok(())
}

/// A line from an outage's end until half of the processes are closed again.
fn back(canvas: &Canvas<'_>, y: i32, script: &Script, outage: &Outage, wide: bool) -> Drawn {
    let from = x_of(outage.span.to, script.end);
    let Some(back) = outage.back(0.5) else {
        return label(canvas, "half are not back", (from + 8, y));
    };
    let to = x_of(outage.span.to + back, script.end).max(from + 2);
    let style = INK.stroke_width(2);
    let line = vec![(from, y + 14), (to, y + 14)];
    canvas.draw(&PathElement::new(line, style))?;
    for x in [from, to] {
        canvas.draw(&PathElement::new(vec![(x, y + 9), (x, y + 19)], style))?;
    }
    let words = if wide {
        "half are back after"
    } else {
        "half back after"
    };
    label(
        canvas,
        &format!("{words} {} s", short(Some(back))),
        (from + 8, y),
    )
}

/// The calls per second that met the outage.
fn calls(
    canvas: &Canvas<'_>,
    y: (i32, i32),
    script: &Script,
    group: &Group,
    columns: &[Column],
    top: f64,
) -> Drawn {
    let last = group.run.shares;
    let mut chart = chart(canvas, y, script.end, top, "calls per s", last)?;
    without_store(&mut chart, script, &group.run, top / 1.2)?;
    // a probe in a second is a pixel or two, but should be seen
    let least = top * 4.0 / f64::from(y.1 - y.0);
    for (i, column) in columns.iter().enumerate() {
        let seconds = |i: usize| i as f64 * COLUMN.as_secs_f64();
        let mut base = 0.0;
        for (count, color) in [(column.probes, PROBE), (column.others, CALL)] {
            if count > 0 {
                let height = base + (count as f64).max(least);
                let bar = [(seconds(i), base), (seconds(i + 1), height)];
                chart.draw_series([Rectangle::new(bar, color.filled())])?;
                base = height;
            }
        }
    }
    verticals(&mut chart, script, top)?;
    for outage in &group.outages {
        let from = x_of(outage.span.from, script.end) + 6;
        let probes = match outage.probes {
            1 => "1 probe".to_owned(),
            n => format!("{n} probes"),
        };
        let words = format!("{} calls wasted ({probes})", outage.wasted);
        label(canvas, &words, (from, y.0 + 12))?;
    }
    if let Some(gone) = script.store_gone.filter(|_| group.run.shares) {
        let from = x_of(gone.from, script.end) + 6;
        label(canvas, "no Redis", (from, y.0 + 34))?;
    }
    Ok(())
}

type Chart<'a, 'b> = ChartContext<
    'a,
    SVGBackend<'b>,
    Cartesian2d<plotters::coord::types::RangedCoordf64, plotters::coord::types::RangedCoordf64>,
>;

fn chart<'b>(
    canvas: &Canvas<'b>,
    y: (i32, i32),
    end: Duration,
    top: f64,
    what: &str,
    last: bool,
) -> Result<Chart<'b, 'b>, Box<dyn Error>> {
    let axis = if last { TIME_AXIS } else { 0 };
    let area = canvas.clone();
    let area = area.shrink((0, y.0), (WIDTH - RIGHT, y.1 - y.0 + axis));
    let mut chart = ChartBuilder::on(&area)
        .margin_left(AXIS_MARGIN)
        .set_label_area_size(LabelAreaPosition::Left, LEFT - AXIS_MARGIN)
        .set_label_area_size(LabelAreaPosition::Bottom, axis)
        .build_cartesian_2d(0.0..end.as_secs_f64(), 0.0..top)?;
    let seconds = |s: &f64| format!("{s:.0}");
    let whole = |n: &f64| format!("{n:.0}");
    let mut mesh = chart.configure_mesh();
    mesh.disable_x_mesh()
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .axis_style(FAINT)
        .label_style(("sans-serif", 16).into_font().color(&INK))
        .axis_desc_style(("sans-serif", 17).into_font().color(&INK))
        .x_labels(22)
        .y_labels(5)
        .x_label_formatter(&seconds)
        .y_label_formatter(&whole)
        .y_desc(what);
    if last {
        mesh.x_desc("seconds");
    }
    mesh.draw()?;
    drop(mesh);
    Ok(chart)
}

/// Where an outage begins and ends.
fn verticals(chart: &mut Chart<'_, '_>, script: &Script, top: f64) -> Drawn {
    let ends = script.outages.iter().flat_map(|span| [span.from, span.to]);
    for at in ends.map(|at| at.as_secs_f64()) {
        chart.draw_series([PathElement::new(vec![(at, 0.0), (at, top)], INK.mix(0.35))])?;
    }
    Ok(())
}

/// The time without the store, behind what those did that share one.
fn without_store(chart: &mut Chart<'_, '_>, script: &Script, run: &Run, top: f64) -> Drawn {
    if let Some(gone) = script.store_gone.filter(|_| run.shares) {
        let (from, to) = (gone.from.as_secs_f64(), gone.to.as_secs_f64());
        let band = Rectangle::new([(from, 0.0), (to, top)], GONE.mix(0.45).filled());
        chart.draw_series([band])?;
    }
    Ok(())
}

/// Where a moment lies, in pixels.
fn x_of(at: Duration, end: Duration) -> i32 {
    let wide = f64::from(WIDTH - LEFT - RIGHT);
    LEFT + (wide * at.as_secs_f64() / end.as_secs_f64()).round() as i32
}

fn label(canvas: &Canvas<'_>, words: &str, at: (i32, i32)) -> Drawn {
    text(canvas, words, at, 16, INK, HPos::Left, false)
}

fn text(
    canvas: &Canvas<'_>,
    words: &str,
    at: (i32, i32),
    size: i32,
    color: RGBColor,
    side: HPos,
    bold: bool,
) -> Drawn {
    if words.is_empty() {
        return Ok(());
    }
    let weight = if bold {
        FontStyle::Bold
    } else {
        FontStyle::Normal
    };
    let font = FontDesc::new(FontFamily::SansSerif, f64::from(size), weight);
    let style = font.color(&color).pos(Pos::new(side, VPos::Center));
    canvas.draw(&Text::new(words, at, style))?;
    Ok(())
}

#[cfg(test)]
mod tests;
