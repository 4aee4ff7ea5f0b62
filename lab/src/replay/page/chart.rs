//! The timeline of a configuration, as inline SVG.
//!
//! Shapes are in pieces whose width is stretched to the page; texts are beside them, placed by percentages, so that
//! they keep their size on a narrow screen.

use crate::replay::human::{Times, count, counted, duration};
use crate::replay::timeline::{Bucket, Timeline};
use crate::time::{MILLISECOND, Nanos, SECOND};
use maud::{Markup, html};
use std::fmt::Write as _;

/// The heights of the calls, the gap, and the states, in pixels.
const CALLS: u32 = 130;
const TOP: u32 = 20;
const STATES: u32 = 18;
const STATES_AT: u32 = TOP + CALLS + 6;
const LABELS_AT: u32 = STATES_AT + STATES + 16;
const HEIGHT: u32 = LABELS_AT + 4;

/// The most labels of the axis.
const LABELS: u64 = 7;

/// A layer of the calls, from the ground up.
pub(super) struct Layer {
    pub(super) class: &'static str,
    pub(super) name: &'static str,
    of: fn(&Bucket) -> u64,
}

impl Layer {
    /// Whether there is anything of it.
    pub(super) fn is_in(&self, timeline: &Timeline) -> bool {
        timeline.buckets.iter().any(|bucket| (self.of)(bucket) > 0)
    }
}

pub(super) const LAYERS: [Layer; 5] = [
    Layer {
        class: "answered",
        name: "admitted, good",
        of: |bucket| bucket.tally.admitted.good,
    },
    Layer {
        class: "failed",
        name: "admitted, failed or slow",
        of: |bucket| bucket.tally.admitted.bad,
    },
    Layer {
        class: "spared",
        name: "rejected, would have failed: spared",
        of: |bucket| bucket.tally.rejected.bad,
    },
    Layer {
        class: "good",
        name: "rejected, though good",
        of: |bucket| bucket.tally.rejected.good,
    },
    Layer {
        class: "other",
        name: "cancelled, or rejected when it was recorded",
        of: |bucket| bucket.tally.others(),
    },
];

/// The stripes by which failures, and good calls that were rejected, are seen without their colours.
pub(super) fn patterns() -> Markup {
    html! {
        svg.patterns width="0" height="0" aria-hidden="true" {
            @for (id, period) in [("failed", 4), ("good", 14)] {
                pattern id=(id) width="1" height=(period) patternUnits="userSpaceOnUse" {
                    rect.ground width="1" height=(period) {}
                    rect.stripe width="1" height="1" {}
                }
            }
        }
    }
}

/// Draws the timeline. `keys`: how many breakers there were.
pub(super) fn chart(timeline: &Timeline, times: Times, keys: u64, title: &str) -> Markup {
    let buckets = &timeline.buckets;
    let most = buckets
        .iter()
        .map(|bucket| bucket.tally.calls())
        .max()
        .unwrap_or(0)
        .max(1);
    let stretched = format!("0 0 {} {CALLS}", buckets.len());
    let bands = format!("0 0 {} {STATES}", buckets.len());
    let width = duration(timeline.cut.width);
    html! {
        svg.chart height=(HEIGHT) role="img" aria-label=(title) {
            text x="0" y=(TOP - 7) { (count(most)) " calls per " (width) }
            line.grid x1="0" x2="100%" y1=(TOP) y2=(TOP) {}
            line.grid x1="0" x2="100%" y1=(TOP + CALLS / 2) y2=(TOP + CALLS / 2) {}
            svg x="0" y=(TOP) width="100%" height=(CALLS) viewBox=(stretched) preserveAspectRatio="none" shape-rendering="crispEdges" {
                // from the back to the front, each up to its own height and over the one behind
                @for (at, layer) in LAYERS.iter().enumerate().rev() {
                    @if layer.is_in(timeline) {
                        path class=(layer.class) d=(outline(buckets, at, most)) {}
                    }
                }
            }
            line.axis x1="0" x2="100%" y1=(TOP + CALLS) y2=(TOP + CALLS) {}
            svg x="0" y=(STATES_AT) width="100%" height=(STATES) viewBox=(bands) preserveAspectRatio="none" {
                rect.closed x="0" y="0" width=(buckets.len()) height=(STATES) {}
                @for run in runs(buckets) {
                    @if let Some(class) = run.state.class() {
                        // half-open takes half of the height
                        @let y = if run.state == Shown::HalfOpen { STATES / 2 } else { 0 };
                        rect class=(class) x=(run.from) y=(y) width=(run.to - run.from) height=(STATES - y)
                            fill-opacity=(opacity(&run, buckets, timeline.cut.width, keys)) {}
                    }
                }
            }
            @for run in runs(buckets) {
                @if let Some(name) = run.name(buckets.len()) {
                    text.on."closed-name"[run.state == Shown::Closed]."half-name"[run.state == Shown::HalfOpen] x=(percent((run.from + run.to) as f64 / 2.0, buckets.len()))
                        y=(STATES_AT + STATES - 5) text-anchor="middle" { (name) }
                }
            }
            @for (at, label) in labels(timeline, times).into_iter().enumerate() {
                line.axis x1=(label.x) x2=(label.x) y1=(TOP + CALLS) y2=(TOP + CALLS + 4) {}
                text.second[at % 2 == 1] x=(label.x) y=(LABELS_AT) text-anchor=(label.anchor) { (label.text) }
            }
            svg x="0" y=(TOP) width="100%" height=(STATES_AT + STATES - TOP)
                viewBox=(stretched) preserveAspectRatio="none" {
                @for (at, bucket) in buckets.iter().enumerate() {
                    @if bucket.tally.calls() > 0 || bucket.open + bucket.half_open > 0 {
                        rect.hit x=(at) y="0" width="1" height=(CALLS) {
                            title { (caption(timeline, times, at, keys)) }
                        }
                    }
                }
            }
        }
    }
}

/// The outline of the layers up to this one: from the ground up, and down to it again.
fn outline(buckets: &[Bucket], layer: usize, most: u64) -> String {
    let mut path = format!("M0 {CALLS}");
    let mut last = f64::from(CALLS);
    for (at, bucket) in buckets.iter().enumerate() {
        let height: u64 = LAYERS[..=layer]
            .iter()
            .map(|layer| (layer.of)(bucket))
            .sum();
        let y = f64::from(CALLS) * (1.0 - height as f64 / most as f64);
        let y = (y * 10.0).round() / 10.0;
        if y != last {
            let _ = write!(path, "H{at}V{y}");
            last = y;
        }
    }
    let _ = write!(path, "H{}V{CALLS}Z", buckets.len());
    path
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    Closed,
    HalfOpen,
    Open,
}

impl Shown {
    /// A bucket in which a breaker was not closed all the time is not shown as closed.
    fn of(bucket: &Bucket) -> Shown {
        match (bucket.open, bucket.half_open) {
            (0, 0) => Shown::Closed,
            (open, half_open) if half_open > open => Shown::HalfOpen,
            _ => Shown::Open,
        }
    }

    fn class(self) -> Option<&'static str> {
        match self {
            Shown::Closed => None,
            Shown::HalfOpen => Some("half-open"),
            Shown::Open => Some("open"),
        }
    }
}

/// Buckets of one state.
struct Run {
    state: Shown,
    from: usize,
    to: usize,
}

impl Run {
    /// If there is room for it.
    fn name(&self, many: usize) -> Option<&'static str> {
        let share = (self.to - self.from) as f64 / many as f64;
        match self.state {
            Shown::Closed if share > 0.2 => Some("closed"),
            Shown::HalfOpen if share > 0.2 => Some("half-open"),
            Shown::Open if share > 0.12 => Some("open"),
            _ => None,
        }
    }
}

fn runs(buckets: &[Bucket]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (at, bucket) in buckets.iter().enumerate() {
        let state = Shown::of(bucket);
        match runs.last_mut() {
            Some(run) if run.state == state => run.to = at + 1,
            _ => runs.push(Run {
                state,
                from: at,
                to: at + 1,
            }),
        }
    }
    runs
}

/// The more of several breakers are not closed, the stronger.
fn opacity(run: &Run, buckets: &[Bucket], width: Nanos, keys: u64) -> f64 {
    if keys <= 1 {
        return 1.0;
    }
    let shut: Nanos = buckets[run.from..run.to]
        .iter()
        .map(|b| b.open + b.half_open)
        .sum();
    let all = (run.to - run.from) as f64 * width as f64 * keys as f64;
    (0.35 + 0.65 * (shut as f64 / all).min(1.0)).clamp(0.35, 1.0)
}

fn percent(at: f64, many: usize) -> String {
    format!("{:.2}%", 100.0 * at / many as f64)
}

struct Label {
    x: String,
    anchor: &'static str,
    text: String,
}

/// At round times of the log's own clock.
fn labels(timeline: &Timeline, times: Times) -> Vec<Label> {
    let (cut, span) = (timeline.cut, timeline.cut.span());
    let steps = [1, 2, 5, 10, 20, 50, 100, 200, 500]
        .map(|n| n * MILLISECOND)
        .into_iter();
    let steps =
        steps.chain([1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800].map(|n| n * SECOND));
    let steps =
        steps.chain([1, 2, 3, 6, 12, 24, 48, 120, 240, 720, 2400, 7200].map(|n| n * 3600 * SECOND));
    let step = steps
        .into_iter()
        .find(|step| span / step <= LABELS)
        .unwrap_or(span);
    let first = cut.begins(0);
    // to the next round time
    let late = (-times.absolute(first)).rem_euclid(step.cast_signed());
    let places = (0..=LABELS).map(|n| late + (n * step).cast_signed());
    let within = places.filter(|place| place.cast_unsigned() <= span);
    within
        .map(|place| {
            let share = place as f64 / span as f64;
            Label {
                x: format!("{:.2}%", share * 100.0),
                anchor: match share {
                    s if s < 0.03 => "start",
                    s if s > 0.97 => "end",
                    _ => "middle",
                },
                text: times.short(first + place, step),
            }
        })
        .collect()
}

/// What a bucket's title says.
fn caption(timeline: &Timeline, times: Times, at: usize, keys: u64) -> String {
    let bucket = &timeline.buckets[at];
    let tally = &bucket.tally;
    let mut text = format!(
        "{}, {}\n",
        times.clock(timeline.cut.begins(at)),
        duration(timeline.cut.width)
    );
    let _ = write!(text, "{}", counted(tally.calls(), "call"));
    for layer in &LAYERS {
        match (layer.of)(bucket) {
            0 => {}
            n => {
                let _ = write!(text, "\n{} {}", count(n), layer.name);
            }
        }
    }
    let breakers = if keys > 1 { " (all keys together)" } else { "" };
    for (name, lasted) in [("open", bucket.open), ("half-open", bucket.half_open)] {
        if lasted > 0 {
            let _ = write!(text, "\n{name} for {}{breakers}", duration(lasted));
        }
    }
    text
}

#[cfg(test)]
mod tests;
