//! What is measured of a day. README.md defines each figure in words.

use crate::shape::Scene;
use crate::time::{Nanos, SECOND, in_seconds};
use crate::track::{Seen, Track};

/// A figure of one day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Figure {
    /// The shape has nothing to measure it by.
    NotApplicable,
    /// It did not happen before the day's end.
    Never,
    Is(f64),
}

/// Which figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Detect,
    Wasted,
    Recover,
    GoodRejected,
    Goodput,
    Probes,
    FalseOpenings,
}

impl Kind {
    pub(crate) const ALL: [Kind; 7] = [
        Kind::Detect,
        Kind::Wasted,
        Kind::Recover,
        Kind::GoodRejected,
        Kind::Goodput,
        Kind::Probes,
        Kind::FalseOpenings,
    ];

    /// Returns its name in files.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Detect => "detect",
            Kind::Wasted => "wasted",
            Kind::Recover => "recover",
            Kind::GoodRejected => "good_rejected",
            Kind::Goodput => "goodput",
            Kind::Probes => "probes",
            Kind::FalseOpenings => "false_openings",
        }
    }

    /// Returns its name at the head of a table.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Kind::Detect => "detect s",
            Kind::Wasted => "wasted",
            Kind::Recover => "recover s",
            Kind::GoodRejected => "good rejected %",
            Kind::Goodput => "goodput %",
            Kind::Probes => "probes/s",
            Kind::FalseOpenings => "false openings/day",
        }
    }

    pub(crate) fn digits(self) -> usize {
        match self {
            Kind::Detect | Kind::GoodRejected | Kind::Probes => 2,
            Kind::Recover | Kind::Goodput => 1,
            Kind::Wasted | Kind::FalseOpenings => 0,
        }
    }

    pub(crate) fn smaller_is_worse(self) -> bool {
        self == Kind::Goodput
    }

    pub(crate) fn of(self, figures: &Figures) -> Figure {
        match self {
            Kind::Detect => figures.detect,
            Kind::Wasted => figures.wasted,
            Kind::Recover => figures.recover,
            Kind::GoodRejected => figures.good_rejected,
            Kind::Goodput => figures.goodput,
            Kind::Probes => figures.probes,
            Kind::FalseOpenings => figures.false_openings,
        }
    }
}

/// All figures of one day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Figures {
    pub(crate) detect: Figure,
    pub(crate) wasted: Figure,
    pub(crate) recover: Figure,
    pub(crate) good_rejected: Figure,
    pub(crate) goodput: Figure,
    pub(crate) probes: Figure,
    pub(crate) false_openings: Figure,
}

impl Figures {
    pub(crate) fn of(scene: &Scene, track: &Track) -> Figures {
        Figures {
            detect: detect(scene, track),
            wasted: wasted(scene, track),
            recover: recover(scene, track),
            good_rejected: good_rejected(scene, track),
            goodput: goodput(track),
            probes: probes(scene, track),
            false_openings: false_openings(scene, track),
        }
    }
}

/// Of so many calls from a rejected one on, so many have to be rejected for it to be a decision.
const DECIDED: usize = 10;
const DECIDED_REJECTED: usize = 7;
/// For so long, and at least so many calls, at most this part may be rejected.
const SETTLED_FOR: Nanos = 5 * SECOND;
const SETTLED_CALLS: usize = 10;
const SETTLED_REJECTED: f64 = 0.03;
/// With a server: this part of what is wanted has to be answered in each of so many seconds.
const SETTLED_ANSWERED: f64 = 0.93;
const SETTLED_SECONDS: usize = 5;
/// What an outage is given before what is let through counts as probes.
const PROBES_FROM: Nanos = 5 * SECOND;
const PROBES_AT_LEAST: Nanos = SECOND;
/// Rejections this far apart are of two openings.
const APART: Nanos = 5 * SECOND;
/// What an outage is given after its end.
const AFTERMATH: Nanos = 30 * SECOND;
const QUIET_AT_LEAST: Nanos = 30 * SECOND;
const DAY: f64 = 86_400.0;

fn detect(scene: &Scene, track: &Track) -> Figure {
    let Some(&(from, to)) = scene.outages.first() else {
        return Figure::NotApplicable;
    };
    let decided = |at: usize| {
        let next = track.seen.iter().skip(at).take(DECIDED);
        let rejected = next.filter(|seen| !seen.admitted()).count();
        let calls = DECIDED.min(track.seen.len() - at);
        rejected * DECIDED >= calls * DECIDED_REJECTED
    };
    let begin = track.from(from);
    let found = track.between(from, to).iter().enumerate();
    let mut found = found.filter(|(i, seen)| !seen.admitted() && decided(begin + i));
    match found.next() {
        Some((_, seen)) => Figure::Is(in_seconds(seen.at() - from)),
        None => Figure::Never,
    }
}

fn in_outages<'a>(scene: &'a Scene, track: &'a Track) -> impl Iterator<Item = &'a Seen> {
    scene
        .outages
        .iter()
        .flat_map(|(from, to)| track.between(*from, *to))
}

fn wasted(scene: &Scene, track: &Track) -> Figure {
    if scene.outages.is_empty() {
        return Figure::NotApplicable;
    }
    let wasted = in_outages(scene, track).filter(|seen| seen.admitted() && !seen.good());
    Figure::Is(wasted.count() as f64)
}

fn recover(scene: &Scene, track: &Track) -> Figure {
    let Some(&(_, end)) = scene.outages.last() else {
        return Figure::NotApplicable;
    };
    if scene.server.is_some() {
        return served_again(scene, track, end);
    }
    let begin = track.from(end);
    let after = &track.seen[begin..];
    let mut rejected_before = Vec::with_capacity(after.len() + 1);
    rejected_before.push(0_usize);
    for (i, seen) in after.iter().enumerate() {
        rejected_before.push(rejected_before[i] + usize::from(!seen.admitted()));
    }
    let settled = |at: usize| {
        let until = after.partition_point(|seen| seen.at() < after[at].at() + SETTLED_FOR);
        let until = until.max(at + SETTLED_CALLS);
        // what lies beyond the day's end is unknown
        until < after.len()
            && after[at].admitted()
            && (rejected_before[until] - rejected_before[at]) as f64
                <= SETTLED_REJECTED * (until - at) as f64
    };
    // it begins at the outage's end, or after a rejection
    let rejections = after
        .iter()
        .enumerate()
        .filter(|(_, seen)| !seen.admitted());
    let mut begins = std::iter::once(0).chain(rejections.map(|(i, _)| i + 1));
    match begins.find(|at| *at < after.len() && settled(*at)) {
        Some(0) => Figure::Is(0.0),
        Some(at) => Figure::Is(in_seconds(after[at].at() - end)),
        None => Figure::Never,
    }
}

fn served_again(scene: &Scene, track: &Track, end: Nanos) -> Figure {
    let first = end.div_ceil(SECOND) as usize;
    let last = (scene.ends / SECOND) as usize;
    let whole = track.seconds.get(first..last).unwrap_or_default();
    let answered = |&(wanted, answered): &(u32, u32)| {
        f64::from(answered) >= SETTLED_ANSWERED * f64::from(wanted)
    };
    match whole
        .windows(SETTLED_SECONDS)
        .position(|seconds| seconds.iter().all(answered))
    {
        Some(second) => Figure::Is(second as f64),
        None => Figure::Never,
    }
}

fn good_rejected(scene: &Scene, track: &Track) -> Figure {
    let good = track.seen.iter().filter(|seen| seen.good()).count();
    if scene.server.is_some() || good == 0 {
        return Figure::NotApplicable;
    }
    let rejected = track
        .seen
        .iter()
        .filter(|seen| seen.good() && !seen.admitted())
        .count();
    Figure::Is(100.0 * rejected as f64 / good as f64)
}

fn goodput(track: &Track) -> Figure {
    if track.wanted == 0 {
        return Figure::NotApplicable;
    }
    Figure::Is(100.0 * track.in_time as f64 / track.wanted as f64)
}

fn probes(scene: &Scene, track: &Track) -> Figure {
    let (mut sent, mut time) = (0, 0);
    for &(from, to) in &scene.outages {
        if to - from >= PROBES_FROM + PROBES_AT_LEAST {
            let late = track.between(from + PROBES_FROM, to);
            sent += late.iter().filter(|seen| seen.admitted()).count();
            time += to - from - PROBES_FROM;
        }
    }
    if time == 0 {
        return Figure::NotApplicable;
    }
    Figure::Is(sent as f64 / in_seconds(time))
}

fn false_openings(scene: &Scene, track: &Track) -> Figure {
    // outages with their aftermath, joined
    let mut excused: Vec<(Nanos, Nanos)> = Vec::new();
    for &(from, to) in &scene.outages {
        let to = (to + AFTERMATH).min(scene.ends);
        match excused.last_mut() {
            Some(last) if from <= last.1 => last.1 = to,
            _ => excused.push((from, to)),
        }
    }
    let quiet = scene.ends - excused.iter().map(|(from, to)| to - from).sum::<Nanos>();
    if quiet < QUIET_AT_LEAST {
        return Figure::NotApplicable;
    }
    let mut openings = 0;
    let mut last: Option<Nanos> = None;
    for seen in track.seen.iter().filter(|seen| !seen.admitted()) {
        let at = seen.at();
        let begins = last.is_none_or(|last| at - last > APART);
        if begins && !excused.iter().any(|(from, to)| *from <= at && at < *to) {
            openings += 1;
        }
        last = Some(at);
    }
    Figure::Is(f64::from(openings) * DAY / in_seconds(quiet))
}

/// The median of several days, and the second worst of nine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: Figure,
    pub(crate) p90: Figure,
}

impl Spread {
    pub(crate) fn of(kind: Kind, days: &[Figures]) -> Spread {
        let mut all: Vec<Figure> = days.iter().map(|day| kind.of(day)).collect();
        // a shape that draws its outages may have nothing to measure on one day, and something on another
        all.retain(|figure| *figure != Figure::NotApplicable);
        all.sort_by(|a, b| badness(kind, *a).total_cmp(&badness(kind, *b)));
        let at = |place: usize| all.get(place).copied().unwrap_or(Figure::NotApplicable);
        let last = all.len().saturating_sub(1);
        Spread {
            median: at(last / 2),
            p90: at(last * 9 / 10),
        }
    }
}

/// Returns how bad the figure is: "never" is the worst.
pub(crate) fn badness(kind: Kind, figure: Figure) -> f64 {
    match figure {
        Figure::Is(value) if kind.smaller_is_worse() => -value,
        Figure::Is(value) => value,
        Figure::Never => f64::INFINITY,
        Figure::NotApplicable => f64::NAN,
    }
}

#[cfg(test)]
mod tests;
