//! The picture: the results of each group's calls over time, and the breakers' states.

use crate::clients::Guard;
use crate::record::{Call, Tally};
use crate::report::{GroupReport, Report};
use crate::script::{Behaviour, Script};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::error::Error;
use std::time::Duration;
use tripcoil::State;

const WIDTH: i32 = 1200;
const HEIGHT: i32 = 1_110;
const LEFT: i32 = 90;
const RIGHT: i32 = 24;
const AXIS_MARGIN: i32 = 14;

/// From top to bottom, in pixels.
const TITLE: i32 = 14;
const LEGEND: i32 = 84;
const PHASES: (i32, i32) = (114, 140);
/// A group's caption, the panel of its calls, and between them its breaker's states.
const CAPTIONS: [i32; 3] = [162, 374, 618];
const STATES: (i32, i32) = (16, 40);
const PANEL: i32 = 160;
const LATENCY_CAPTION: i32 = 862;
const LATENCY: (i32, i32) = (878, 1_046);
const TIME_AXIS: i32 = 48;

/// A column of the picture.
const COLUMN: Duration = Duration::from_millis(250);

/// A round of probes is over in milliseconds, but should be seen.
const NARROWEST: i32 = 3;

const OK: RGBColor = RGBColor(126, 190, 132);
const FAILED: RGBColor = RGBColor(205, 52, 46);
const REJECTED: RGBColor = RGBColor(176, 190, 210);
const OPEN: RGBColor = RGBColor(240, 158, 148);
const INK: RGBColor = RGBColor(38, 42, 48);
const FAINT: RGBColor = RGBColor(110, 116, 124);
const GRID: RGBColor = RGBColor(226, 229, 233);

type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn Error>>;
type Height = fn(&Tally) -> u64;

/// The picture, as SVG.
pub(crate) fn draw(script: &Script, report: &Report) -> Result<String, Box<dyn Error>> {
    let mut svg = String::new();
    {
        let size = (WIDTH.unsigned_abs(), HEIGHT.unsigned_abs());
        let canvas = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        canvas.fill(&WHITE)?;
        let groups = report.groups.iter();
        let lanes = groups.map(|group| columns(&group.run.calls, script.end()));
        let lanes: Vec<_> = lanes.collect();
        let top = lanes.iter().flatten().map(Tally::calls).max();
        let top = per_second(top.unwrap_or(0)).max(1.0) * 1.12;

        heading(&canvas, script.outages().len())?;
        phases(&canvas, script)?;
        for ((group, columns), y) in report.groups.iter().zip(&lanes).zip(CAPTIONS) {
            lane(&canvas, y, script, group, columns, top)?;
        }
        latency(&canvas, script, &report.groups)?;
        canvas.present()?;
    }
    Ok(patterned(&svg))
}

/// Fills that are known without their colour: each colour that is replaced, the pattern's name, and what is drawn over
/// the colour.
const PATTERNS: [(RGBColor, &str, &str); 3] = [
    (
        FAILED,
        "failed",
        r##"<path d="M-2 2L2 -2M0 8L8 0M6 10L10 6" stroke="#fff" stroke-opacity="0.75" stroke-width="1.6"/>"##,
    ),
    (
        REJECTED,
        "rejected",
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

/// One group: its results in words, its breaker's states, and its calls.
fn lane(
    canvas: &Canvas<'_>,
    caption: i32,
    script: &Script,
    group: &GroupReport,
    columns: &[Tally],
    top: f64,
) -> Drawn {
    let title = match group.run.guard {
        Guard::Nothing => "Without a breaker",
        Guard::Defaults => "Behind a breaker with the defaults",
        Guard::Adaptive => "Behind an adaptive breaker",
    };
    let words = format!("{title}: {}", summary(group));
    text(canvas, &words, (LEFT, caption), 19, INK, HPos::Left, true)?;
    let mut y = caption + STATES.0;
    if group.run.guard != Guard::Nothing {
        let end = script.end();
        let strip = (y, caption + STATES.1);
        states(canvas, strip, &group.run.states(end), end)?;
        y = strip.1 + 6;
    }
    panel(canvas, (y, y + PANEL), script, columns, top)
}

/// The results of the calls that began in each column's time.
fn columns(calls: &[Call], end: Duration) -> Vec<Tally> {
    let many = end.as_millis().div_ceil(COLUMN.as_millis());
    let mut columns = vec![Tally::default(); many as usize];
    for call in calls {
        let column = call.began.as_millis() / COLUMN.as_millis();
        if let Some(tally) = columns.get_mut(column as usize) {
            tally.add(call.fate);
        }
    }
    columns
}

/// How long the slowest of the fastest 99 % of each column's calls took; `None` for a column without calls.
/// A rejected call counts too: its caller had an answer.
fn slow_ends(calls: &[Call], end: Duration) -> Vec<Option<Duration>> {
    let many = end.as_millis().div_ceil(COLUMN.as_millis()) as usize;
    let mut columns = vec![Vec::new(); many];
    for call in calls {
        let column = call.began.as_millis() / COLUMN.as_millis();
        if let Some(column) = columns.get_mut(column as usize) {
            column.push(call.took);
        }
    }
    let slow_end = |mut took: Vec<Duration>| {
        took.sort_unstable();
        took.get((took.len() * 99).div_ceil(100).saturating_sub(1))
            .copied()
    };
    columns.into_iter().map(slow_end).collect()
}

fn per_second(calls: u64) -> f64 {
    calls as f64 / COLUMN.as_secs_f64()
}

fn summary(group: &GroupReport) -> String {
    let tally = group.tally;
    let rejected = match tally.rejected {
        0 => String::new(),
        n => format!(", {n} rejected at once"),
    };
    format!(
        "{} calls, {} ok, {} failed{rejected}; {} requests wasted during the outages",
        tally.calls(),
        tally.ok,
        tally.failed,
        group.wasted_calls(),
    )
}

fn heading(canvas: &Canvas<'_>, outages: usize) -> Drawn {
    let title = format!("What a circuit breaker does in {outages} outages");
    text(
        canvas,
        &title,
        (LEFT, TITLE + 14),
        30,
        INK,
        HPos::Left,
        true,
    )?;
    let words = "Three groups of HTTP clients call three identical servers at the same pace. \
                 Calls are shown at the moment they began.";
    text(
        canvas,
        words,
        (LEFT, TITLE + 42),
        18,
        FAINT,
        HPos::Left,
        false,
    )?;
    let mut x = LEFT;
    let legend = [
        ("ok", OK),
        ("failed or timed out", FAILED),
        ("rejected by the breaker, never sent", REJECTED),
    ];
    for (name, color) in legend {
        x = key(canvas, x, name, color, 7)?;
    }
    x += 40;
    text(canvas, "breaker:", (x, LEGEND), 18, INK, HPos::Left, true)?;
    x += 84;
    for (name, state) in [
        ("closed", State::Closed),
        ("open", State::Open),
        ("half-open (probing)", State::HalfOpen),
    ] {
        let up = if state == State::HalfOpen { 0 } else { 7 };
        x = key(canvas, x, name, state_color(state), up)?;
    }
    Ok(())
}

/// One entry of the legend, which reaches so far above its middle; returns where the next may begin.
fn key(
    canvas: &Canvas<'_>,
    x: i32,
    name: &str,
    color: RGBColor,
    up: i32,
) -> Result<i32, Box<dyn Error>> {
    let swatch = [(x, LEGEND - up), (x + 14, LEGEND + 7)];
    canvas.draw(&Rectangle::new(swatch, color.filled()))?;
    text(canvas, name, (x + 20, LEGEND), 18, INK, HPos::Left, false)?;
    Ok(x + 48 + 15 * name.len() as i32 / 2)
}

/// The strip with the servers' phases.
fn phases(canvas: &Canvas<'_>, script: &Script) -> Drawn {
    let middle = (PHASES.0 + PHASES.1) / 2;
    text(
        canvas,
        "server",
        (LEFT - 12, middle),
        18,
        INK,
        HPos::Right,
        true,
    )?;
    for phase in script.phases() {
        let color = match phase.behaviour {
            Behaviour::Healthy => RGBColor(219, 238, 219),
            Behaviour::Slow => RGBColor(250, 226, 176),
            Behaviour::Failing | Behaviour::Flapping => RGBColor(245, 199, 186),
            Behaviour::Dead | Behaviour::Hanging => RGBColor(226, 160, 154),
        };
        let (from, to) = (x_of(phase.from, script.end()), x_of(phase.to, script.end()));
        // A gap of a pixel, so that neighbours of one colour are told apart.
        band(
            canvas,
            (from, to - 1),
            PHASES,
            color,
            phase.behaviour.name(),
        )?;
    }
    Ok(())
}

/// The strip with a breaker's states.
fn states(
    canvas: &Canvas<'_>,
    strip: (i32, i32),
    spans: &[(State, Duration, Duration)],
    end: Duration,
) -> Drawn {
    let middle = (strip.0 + strip.1) / 2;
    text(
        canvas,
        "breaker",
        (LEFT - 12, middle),
        18,
        INK,
        HPos::Right,
        true,
    )?;
    // The short ones last, so that no neighbour covers them.
    let short = |span: &&(State, _, _)| span.0 == State::HalfOpen;
    let long = spans.iter().filter(|s| !short(s));
    for &(state, from, to) in long.chain(spans.iter().filter(short)) {
        let (from, to) = (x_of(from, end), x_of(to, end));
        let to = to.max(from + NARROWEST);
        // Half of the height, so that it is known without its colour.
        let half = if state == State::HalfOpen {
            strip.1 - middle
        } else {
            0
        };
        band(
            canvas,
            (from, to),
            (strip.0 + half, strip.1),
            state_color(state),
            &state.to_string(),
        )?;
    }
    Ok(())
}

fn state_color(state: State) -> RGBColor {
    match state {
        State::Closed => RGBColor(176, 219, 178),
        State::Open => OPEN,
        State::HalfOpen => RGBColor(240, 180, 20),
        _ => RGBColor(200, 200, 200),
    }
}

/// A piece of a strip, with its name if there is room for it.
fn band(canvas: &Canvas<'_>, x: (i32, i32), y: (i32, i32), color: RGBColor, name: &str) -> Drawn {
    canvas.draw(&Rectangle::new([(x.0, y.0), (x.1, y.1)], color.filled()))?;
    if x.1 - x.0 > 12 * name.len() as i32 {
        let middle = ((x.0 + x.1) / 2, (y.0 + y.1) / 2);
        text(canvas, name, middle, 17, INK, HPos::Center, false)?;
    }
    Ok(())
}

/// One group's calls: ok, failed and rejected stacked, in calls per second.
fn panel(
    canvas: &Canvas<'_>,
    y: (i32, i32),
    script: &Script,
    columns: &[Tally],
    top: f64,
) -> Drawn {
    let area = canvas.clone();
    let area = area.shrink((0, y.0), (WIDTH - RIGHT, y.1 - y.0));
    let mut chart = ChartBuilder::on(&area)
        .margin_left(AXIS_MARGIN)
        .set_label_area_size(LabelAreaPosition::Left, LEFT - AXIS_MARGIN)
        .set_label_area_size(LabelAreaPosition::Bottom, 0)
        .build_cartesian_2d(0.0..script.end().as_secs_f64(), 0.0..top)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .axis_style(FAINT)
        .label_style(("sans-serif", 16).into_font().color(&INK))
        .axis_desc_style(("sans-serif", 18).into_font().color(&INK))
        .x_labels(16)
        .y_labels(5)
        .x_label_formatter(&|s| format!("{s:.0}"))
        .y_label_formatter(&|n| format!("{n:.0}"))
        .y_desc("calls per second")
        .draw()?;

    // From the back to the front, each up to its own height and over the one behind.
    let layers: [(RGBColor, Height); 3] = [
        (REJECTED, |t| t.ok + t.failed + t.rejected),
        (FAILED, |t| t.ok + t.failed),
        (OK, |t| t.ok),
    ];
    for (color, height) in layers {
        chart.draw_series([Polygon::new(outline(columns, height), color.filled())])?;
    }
    for phase in script.phases().iter().skip(1) {
        let x = phase.from.as_secs_f64();
        let line = vec![(x, 0.0), (x, top)];
        chart.draw_series([PathElement::new(line, INK.mix(0.35))])?;
    }
    Ok(())
}

/// How long callers waited, in each group, on a logarithmic scale.
fn latency(canvas: &Canvas<'_>, script: &Script, groups: &[GroupReport]) -> Drawn {
    let words = "How long callers waited, p99 (at the bottom: 0.1 ms or less)";
    text(
        canvas,
        words,
        (LEFT, LATENCY_CAPTION),
        19,
        INK,
        HPos::Left,
        true,
    )?;
    let end = script.end();
    let mut x = LEFT + 640;
    for group in groups {
        let guard = group.run.guard;
        let line = vec![(x, LATENCY_CAPTION), (x + 26, LATENCY_CAPTION)];
        let style = guard_color(guard).stroke_width(3);
        canvas.draw(&PathElement::new(line, style))?;
        text(
            canvas,
            guard.name(),
            (x + 34, LATENCY_CAPTION),
            18,
            INK,
            HPos::Left,
            false,
        )?;
        x += 150;
    }

    let area = canvas.clone();
    let area = area.shrink(
        (0, LATENCY.0),
        (WIDTH - RIGHT, LATENCY.1 - LATENCY.0 + TIME_AXIS),
    );
    let (least, most) = (0.1, 2_000.0);
    let mut chart = ChartBuilder::on(&area)
        .margin_left(AXIS_MARGIN)
        .set_label_area_size(LabelAreaPosition::Left, LEFT - AXIS_MARGIN)
        .set_label_area_size(LabelAreaPosition::Bottom, TIME_AXIS)
        .build_cartesian_2d(0.0..end.as_secs_f64(), (least..most).log_scale())?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .axis_style(FAINT)
        .label_style(("sans-serif", 16).into_font().color(&INK))
        .axis_desc_style(("sans-serif", 18).into_font().color(&INK))
        .x_labels(16)
        .y_labels(5)
        .x_label_formatter(&|s| format!("{s:.0}"))
        .y_label_formatter(&|ms| format!("{ms}"))
        .x_desc("seconds")
        .y_desc("ms, p99")
        .draw()?;
    for phase in script.phases().iter().skip(1) {
        let x = phase.from.as_secs_f64();
        let line = vec![(x, least), (x, most)];
        chart.draw_series([PathElement::new(line, INK.mix(0.35))])?;
    }
    let width = COLUMN.as_secs_f64();
    for group in groups {
        let mut steps = Vec::new();
        let slow_ends = slow_ends(&group.run.calls, end);
        for (i, took) in slow_ends.into_iter().enumerate() {
            let Some(took) = took else { continue };
            let y = (took.as_secs_f64() * 1000.0).clamp(least, most);
            steps.extend([(i as f64 * width, y), ((i + 1) as f64 * width, y)]);
        }
        let style = guard_color(group.run.guard).stroke_width(2);
        chart.draw_series([PathElement::new(steps, style)])?;
    }
    Ok(())
}

fn guard_color(guard: Guard) -> RGBColor {
    match guard {
        Guard::Nothing => RGBColor(122, 62, 138),
        Guard::Defaults => RGBColor(224, 128, 20),
        Guard::Adaptive => RGBColor(20, 96, 168),
    }
}

/// The outline of the columns, from the ground up and down to it again.
fn outline(columns: &[Tally], height: Height) -> Vec<(f64, f64)> {
    let width = COLUMN.as_secs_f64();
    let mut points = vec![(0.0, 0.0)];
    for (i, column) in columns.iter().enumerate() {
        let y = per_second(height(column));
        points.extend([(i as f64 * width, y), ((i + 1) as f64 * width, y)]);
    }
    points.push((columns.len() as f64 * width, 0.0));
    points
}

/// Where a moment lies, in pixels.
fn x_of(at: Duration, end: Duration) -> i32 {
    let wide = f64::from(WIDTH - LEFT - RIGHT);
    LEFT + (wide * at.as_secs_f64() / end.as_secs_f64()).round() as i32
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
#[path = "timeline_tests.rs"]
mod tests;
