//! The data shown, and how it is drawn. Nothing here reads a breaker or a clock.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use std::time::Duration;
use tripcoil::insight::Report;
use tripcoil::observe::Counts;
use tripcoil::{Cause, Snapshot, State, Transition};

/// Lines of a breaker: its figures, and below them more of these.
const TALL: u16 = 2;

/// Below it some of the columns are left out.
const NARROW: u16 = 60;

const GOOD: Color = Color::Green;
const BAD: Color = Color::Red;
const FAINT: Style = Style::new().fg(Color::DarkGray);

#[derive(Default)]
pub(crate) struct View {
    /// In the order in which they are shown.
    pub(crate) breakers: Vec<Row>,
    /// The latest last.
    pub(crate) changes: Vec<Change>,
    /// The breaker that the keys act on.
    pub(crate) chosen: usize,
}

pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) seen: Snapshot,
    /// What its insight knows.
    pub(crate) known: Report,
}

pub(crate) struct Change {
    /// Since the program began.
    pub(crate) at: Duration,
    pub(crate) name: String,
    pub(crate) transition: Transition,
}

pub(crate) fn draw(frame: &mut Frame<'_>, view: &View) {
    let rows = u16::try_from(view.breakers.len().max(1)).unwrap_or(u16::MAX);
    let wanted = rows.saturating_mul(TALL).saturating_add(1);
    // what a small terminal has goes to the breakers first
    let [breakers, changes, help] = Layout::vertical([
        Constraint::Max(wanted),
        Constraint::Min(if frame.area().height < 12 { 0 } else { 5 }),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    draw_breakers(frame.buffer_mut(), breakers, view);
    draw_changes(frame.buffer_mut(), changes, view);
    let keys = if help.width < NARROW {
        "up/down f:force r:release x:reset q:quit"
    } else {
        " up/down choose  f force open  r release  x reset  q quit"
    };
    frame
        .buffer_mut()
        .set_style(help, Style::new().add_modifier(Modifier::REVERSED));
    put(frame.buffer_mut(), help, keys, Style::new());
}

/// The columns that there is room for: name, state and health, rates, window, and what is going on.
fn columns(area: Rect, buckets: u16) -> [Rect; 5] {
    let (name, rates, buckets) = match area.width {
        0..NARROW => (10, 0, buckets.min(6)),
        NARROW..100 => (14, 11, buckets),
        _ => (24, 11, buckets),
    };
    Layout::horizontal([
        Constraint::Length(name),
        Constraint::Length(14),
        Constraint::Length(rates),
        Constraint::Length(buckets),
        Constraint::Fill(1),
    ])
    .spacing(1)
    .areas(area)
}

fn draw_breakers(buffer: &mut Buffer, area: Rect, view: &View) {
    let [head, body] = Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(area);
    let most = view.breakers.iter().map(|row| row.seen.buckets.len()).max();
    let buckets = most.unwrap_or(0).clamp(6, 20) as u16;
    let bold = Style::new().add_modifier(Modifier::BOLD);
    for (column, title) in columns(head, buckets).into_iter().zip([
        "  breaker",
        "state, health",
        "fail  slow",
        "window (x: failed)",
        "since",
    ]) {
        put(buffer, column, title, bold);
    }
    if view.breakers.is_empty() {
        put(buffer, body, "  no breakers", FAINT);
    }
    // so that the chosen one is among those that there is room for
    let room = usize::from(body.height / TALL).max(1);
    let first = (view.chosen + 1).saturating_sub(room);
    let places = body.rows().step_by(usize::from(TALL));
    for ((index, row), top) in view.breakers.iter().enumerate().skip(first).zip(places) {
        let place = Rect {
            height: TALL,
            ..top
        }
        .intersection(body);
        let [name, state, rates, bars, rest] = columns(place, buckets);
        let chosen = index == view.chosen;
        let mark = if chosen { "> " } else { "  " };
        put(
            buffer,
            name,
            &(mark.to_string() + &row.name),
            if chosen { bold } else { Style::new() },
        );
        let word = format!(" {:<13}", row.seen.state);
        put(
            buffer,
            state,
            &word,
            Style::new().fg(Color::Black).bg(color(row.seen.state)),
        );
        draw_health(buffer, second(state), &row.known);
        draw_rates(buffer, rates, &row.seen);
        draw_bars(buffer, bars, &row.seen.buckets);
        draw_rest(buffer, rest, row);
    }
}

/// The score of the next calls, and how sure it is.
fn draw_health(buffer: &mut Buffer, area: Rect, known: &Report) {
    let health = known.health;
    if health.confidence == 0.0 {
        put(buffer, area, " no calls", FAINT);
        return;
    }
    let style = match health.value {
        0.0..50.0 => Style::new().fg(BAD),
        50.0..90.0 => Style::new().fg(Color::Yellow),
        _ => Style::new().fg(GOOD),
    };
    let line = Line::from(vec![
        Span::styled(format!(" {:.0}", health.value), style),
        Span::styled(format!(", {:.0}% sure", health.confidence * 100.0), FAINT),
    ]);
    buffer.set_line(area.x, area.y, &line, area.width);
}

fn draw_rates(buffer: &mut Buffer, area: Rect, seen: &Snapshot) {
    let of = |rate: f64| format!("{:>3.0}%  ", rate * 100.0);
    let style = |rate: f64| {
        if rate > 0.0 {
            Style::new().fg(BAD)
        } else {
            FAINT
        }
    };
    let line = Line::from(vec![
        Span::styled(of(seen.failure_rate), style(seen.failure_rate)),
        Span::styled(of(seen.slow_rate), style(seen.slow_rate)),
    ]);
    buffer.set_line(area.x, area.y, &line, area.width);
    put(
        buffer,
        second(area),
        &format!("{} calls", seen.window.calls),
        FAINT,
    );
}

/// What is going on: how long it has been so and will be, and the probes or the rejections.
fn draw_rest(buffer: &mut Buffer, area: Rect, row: &Row) {
    let (seen, known) = (&row.seen, &row.known);
    let mut since = seconds(seen.time_in_state);
    if let Some(wait) = seen.retry_after {
        since += &if wait.is_zero() {
            ", the next call probes".to_string()
        } else {
            format!(", retry in {}", seconds(wait))
        };
    }
    put(buffer, area, &since, Style::new());
    let probes = seen.probes;
    let more = match seen.state {
        State::HalfOpen if seen.admitted_share > 0.0 => {
            format!("ramp: {:.0}% of the calls", seen.admitted_share * 100.0)
        }
        State::HalfOpen => format!(
            "probes: {} out, {} ok, {} failed",
            probes.in_flight, probes.succeeded, probes.failed
        ),
        State::ObserveOnly => format!("would have tripped {} times", seen.would_trip),
        _ => adaptive(seen)
            .or_else(|| outlook(known))
            .unwrap_or_else(|| match seen.totals.rejected {
                0 => String::new(),
                rejected => format!("{rejected} rejected so far"),
            }),
    };
    put(buffer, second(area), &more, FAINT);
}

/// When the outage is likely to be over, or what may become one.
fn outlook(known: &Report) -> Option<String> {
    if let Some(eta) = known.eta {
        let range = if eta.p90 < Duration::from_secs(100) {
            format!(
                "{:.0}-{:.0} s",
                eta.p50.as_secs_f64(),
                eta.p90.as_secs_f64()
            )
        } else {
            format!("{}-{}", seconds(eta.p50), seconds(eta.p90))
        };
        let guess = if eta.guess { ", a guess" } else { "" };
        return Some(format!("over in {range}{guess}"));
    }
    if let Some(trend) = known.trend {
        let left = seconds(trend.reaches_limit_in);
        return Some(format!("rising, limit in {left}"));
    }
    let degraded = known.degraded?;
    Some(format!(
        "{:.0}% bad, normal is {:.0}%",
        degraded.rate * 100.0,
        degraded.normal * 100.0
    ))
}

/// What the hang rule and the outage rule see, while there is anything to see.
fn adaptive(seen: &Snapshot) -> Option<String> {
    if let Some(watch) = seen.watch {
        let lasted = seconds(watch.lasted);
        return Some(format!("{} calls hang, {lasted}", watch.starts));
    }
    let evidence = seen.evidence.filter(|evidence| evidence.value > 0.0)?;
    Some(format!(
        "evidence {:.1} of {:.1}",
        evidence.value, evidence.limit
    ))
}

/// A bar a bucket, the oldest first; the tallest is the bucket with most calls. Failures are at its foot, and marked
/// there, so that they are seen without colours.
fn draw_bars(buffer: &mut Buffer, area: Rect, buckets: &[Counts]) {
    if area.is_empty() {
        return;
    }
    // where there is no room for all, the newest
    let shown = &buckets[buckets.len().saturating_sub(area.width.into())..];
    let most = buckets.iter().map(|b| b.calls).max().unwrap_or(0);
    for (column, bucket) in area.columns().zip(shown) {
        let full = u64::from(area.height) * 8;
        let all = eighths(bucket.calls, most, full);
        let failed = eighths(bucket.failures, most, full);
        for (up, cell) in column.rows().rev().enumerate() {
            let below = up as u64 * 8;
            let (all, failed) = (
                all.saturating_sub(below).min(8),
                failed.saturating_sub(below).min(8),
            );
            let block = |height: u64| BLOCKS[height as usize];
            let (symbol, style) = match (failed, all) {
                (0, _) => (block(all), Style::new().fg(GOOD)),
                (8, _) => (FAILED, Style::new().fg(Color::Black).bg(BAD)),
                // the foot of the bar
                (_, 8) if up == 0 => (FAILED, Style::new().fg(BAD).bg(GOOD)),
                _ if up == 0 => (FAILED, Style::new().fg(BAD)),
                (_, 8) => (block(failed), Style::new().fg(BAD).bg(GOOD)),
                // a cell has two colours, so one that has air above it is of the colour that fills more of it
                _ if failed * 2 >= all => (block(all), Style::new().fg(BAD)),
                _ => (block(all), Style::new().fg(GOOD)),
            };
            put(buffer, cell, symbol, style);
        }
    }
}

/// Calls that failed.
const FAILED: &str = "x";

const BLOCKS: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/// What is there is seen, however little it is.
fn eighths(n: u64, most: u64, full: u64) -> u64 {
    match most {
        0 => 0,
        most => (n as u128 * full as u128).div_ceil(most as u128) as u64,
    }
}

fn draw_changes(buffer: &mut Buffer, area: Rect, view: &View) {
    let [head, body] = Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(area);
    let rule = "─".repeat(head.width.into());
    put(buffer, head, &rule, FAINT);
    put(buffer, head, "── latest transitions ", FAINT);
    let latest = view.changes.iter().rev().take(body.height.into()).rev();
    for (place, change) in body.rows().zip(latest) {
        let t = &change.transition;
        let mut line = Line::from(vec![
            Span::styled(format!("{:>8}  ", seconds(change.at)), FAINT),
            Span::raw(format!("{:<12} ", short(&change.name, 12))),
            Span::styled(t.from.to_string(), color(t.from)),
            Span::raw(" > "),
            Span::styled(t.to.to_string(), color(t.to)),
            Span::raw(format!(": {}", t.cause)),
        ]);
        // the calls that hang are in no count
        if t.counts.calls > 0 && t.cause != Cause::Hang {
            let (part, what) = match t.cause {
                Cause::SlowRate => (t.counts.slow, "slow"),
                Cause::Evidence if t.counts.slow > t.counts.failures => (t.counts.slow, "slow"),
                _ => (t.counts.failures, "failed"),
            };
            let counts = format!(" ({part} of {} {what})", t.counts.calls);
            line.push_span(Span::styled(counts, FAINT));
        }
        buffer.set_line(place.x, place.y, &line, place.width);
    }
}

pub(crate) fn color(state: State) -> Color {
    match state {
        State::Closed => GOOD,
        State::Open => BAD,
        State::HalfOpen => Color::Yellow,
        State::ForcedOpen => Color::Magenta,
        State::Disabled => Color::Gray,
        State::ObserveOnly => Color::Cyan,
        _ => Color::White,
    }
}

fn seconds(d: Duration) -> String {
    match d.as_secs() {
        s @ 0..60 => format!("{s}.{} s", d.subsec_millis() / 100),
        s @ 60..3600 => format!("{} min {} s", s / 60, s % 60),
        s => format!("{} h {} min", s / 3600, s % 3600 / 60),
    }
}

/// Cut, and seen to be.
fn short(text: &str, width: usize) -> String {
    if Line::raw(text).width() <= width {
        return text.into();
    }
    let mut kept = String::new();
    for c in text.chars() {
        if Line::raw(&kept).width() + Line::raw(c.to_string()).width() >= width {
            break;
        }
        kept.push(c);
    }
    kept + "…"
}

/// In the first line of that place, or nowhere.
fn put(buffer: &mut Buffer, area: Rect, text: &str, style: Style) {
    if !area.is_empty() {
        let text = short(text, area.width.into());
        buffer.set_stringn(area.x, area.y, text, area.width.into(), style);
    }
}

fn second(area: Rect) -> Rect {
    Rect {
        y: area.y + 1,
        height: area.height.saturating_sub(1),
        ..area
    }
}
