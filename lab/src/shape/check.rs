//! What no type can say of a shape: ranges, and keys that go together.

use super::spec::{
    AfterLast, Behaviour, Between, Course, Drawn, Ends, Latency, LogBetween, Rate, Repeat, Span,
    Spec, Wave,
};
use std::time::Duration;

/// The key, and what is wrong with it.
pub(super) type Problem = (String, String);

const LONGEST: Duration = Duration::from_secs(7 * 86_400);
const MOST_PER_SECOND: f64 = 1e6;
/// More would not fit into memory.
const MOST_CALLS: f64 = 1e7;
const MOST_REPEATS: u32 = 100_000;
const MOST_ATTEMPTS: u32 = 16;

pub(super) fn check(spec: &Spec) -> Result<(), Problem> {
    let ends = match spec.ends {
        Ends::At(span) => within("ends", span)?,
        Ends::AfterLast(AfterLast { after_last }) => {
            if spec.phase.is_empty() {
                return wrong("ends", "there is no phase that it could be after");
            }
            within("ends.after_last", after_last)? + latest(spec)
        }
    };
    if ends.is_zero() {
        return wrong("ends", "a day has to last");
    }
    if !(0.01..=0.9).contains(&spec.theta) {
        return wrong("theta", format!("{} is not within 0.01 to 0.9", spec.theta));
    }
    let client = &spec.client;
    for (key, span) in [
        ("client.timeout", client.timeout),
        ("client.patience", client.patience),
        ("client.slow", client.slow),
    ] {
        if within(key, span)?.is_zero() {
            return wrong(key, "has to be above zero");
        }
    }
    within("client.retry_after", client.retry_after)?;
    if !(1..=MOST_ATTEMPTS).contains(&client.attempts) {
        return wrong(
            "client.attempts",
            format!("{} is not within 1 to {MOST_ATTEMPTS}", client.attempts),
        );
    }
    behaviour("normal", &spec.normal, spec.server.is_some())?;
    steady(&spec.normal)?;
    for (i, phase) in spec.phase.iter().enumerate() {
        let key = format!("phase[{i}]");
        drawn(&format!("{key}.begins"), phase.begins)?;
        if drawn(&format!("{key}.lasts"), phase.lasts)?.is_zero() {
            return wrong(&format!("{key}.lasts"), "has to be above zero");
        }
        repeat(&key, phase.repeat)?;
        behaviour(&key, &phase.behaviour(), spec.server.is_some())?;
    }
    for (i, pause) in spec.pause.iter().enumerate() {
        let key = format!("pause[{i}]");
        drawn(&format!("{key}.begins"), pause.begins)?;
        drawn(&format!("{key}.lasts"), pause.lasts)?;
        repeat(&key, pause.repeat)?;
    }
    for (i, reset) in spec.reset.iter().enumerate() {
        let key = format!("reset[{i}]");
        drawn(&format!("{key}.at"), reset.at)?;
        drawn(&format!("{key}.spread"), reset.spread)?;
        repeat(&key, reset.repeat)?;
    }
    if let Some(server) = &spec.server {
        number("server.capacity", server.capacity, 0.0, MOST_PER_SECOND)?;
        within("server.queue", server.queue)?;
        within("server.restart", server.restart)?;
        within("server.refused_in", server.refused_in)?;
    }
    let usual = spec.normal.rate.map_or(1000.0, Rate::most);
    let most = spec
        .phase
        .iter()
        .filter_map(|phase| phase.rate)
        .map(Rate::most);
    let most = most.fold(usual, f64::max);
    if most <= 0.0 {
        return wrong("normal.rate", "no call is ever made");
    }
    // of an idle hour, nothing counts
    let busy: f64 = busy_seconds(spec, ends);
    if busy * most > MOST_CALLS {
        return wrong(
            "ends",
            format!("more than {MOST_CALLS:.0} calls: make it shorter"),
        );
    }
    Ok(())
}

/// Checks that nothing changes evenly where there is no phase in which it could.
fn steady(normal: &Behaviour) -> Result<(), Problem> {
    let times = normal.latency.map(|latency| latency.times);
    for (key, course) in [
        ("fails", normal.fails),
        ("hangs", normal.hangs),
        ("ignored", normal.ignored),
        ("leaks", normal.leaks),
        ("capacity", normal.capacity),
        ("latency.times", times),
    ] {
        if course
            .map(Course::ends)
            .is_some_and(|[from, to]| from != to)
        {
            return wrong(&format!("normal.{key}"), "changes only within a phase");
        }
    }
    if normal.stalls == Some(true) {
        return wrong("normal.stalls", "only a phase has an end to wait for");
    }
    Ok(())
}

/// Returns at most how long the day is not idle, in seconds.
fn busy_seconds(spec: &Spec, ends: Duration) -> f64 {
    let idle = spec
        .phase
        .iter()
        .filter(|p| p.rate.is_some_and(|r| r.most() == 0.0));
    let idle: f64 = idle.map(|p| shortest(p.lasts).as_secs_f64()).sum();
    (ends.as_secs_f64() - idle).max(0.0)
}

/// Returns the latest end of a phase, whatever is drawn.
fn latest(spec: &Spec) -> Duration {
    let ends = spec.phase.iter().map(|p| {
        let again = p
            .repeat
            .map_or(Duration::ZERO, |r| r.every.0 * r.times.saturating_sub(1));
        longest(p.begins) + longest(p.lasts) + again
    });
    ends.max().unwrap_or_default()
}

fn longest(drawn: Drawn) -> Duration {
    match drawn {
        Drawn::Fixed(span) => span.0,
        Drawn::Between(Between { between: [_, high] }) => high.0,
        Drawn::LogBetween(LogBetween {
            log_between: [_, high],
        }) => high.0,
    }
}

fn shortest(drawn: Drawn) -> Duration {
    match drawn {
        Drawn::Fixed(span) => span.0,
        Drawn::Between(Between { between: [low, _] }) => low.0,
        Drawn::LogBetween(LogBetween {
            log_between: [low, _],
        }) => low.0,
    }
}

fn behaviour(key: &str, behaviour: &Behaviour, served: bool) -> Result<(), Problem> {
    match behaviour.rate {
        Some(Rate::Constant(rate)) => number(&format!("{key}.rate"), rate, 0.0, MOST_PER_SECOND)?,
        Some(Rate::Wave(Wave { low, high, period })) => {
            number(&format!("{key}.rate.high"), high, 0.0, MOST_PER_SECOND)?;
            number(&format!("{key}.rate.low"), low, 0.0, high)?;
            if within(&format!("{key}.rate.period"), period)?.is_zero() {
                return wrong(&format!("{key}.rate.period"), "has to be above zero");
            }
        }
        None => {}
    }
    for (name, course) in [
        ("fails", behaviour.fails),
        ("hangs", behaviour.hangs),
        ("ignored", behaviour.ignored),
        ("leaks", behaviour.leaks),
    ] {
        part(&format!("{key}.{name}"), course)?;
    }
    if let Some(latency) = &behaviour.latency {
        check_latency(&format!("{key}.latency"), latency)?;
    }
    if let Some(span) = behaviour.failed_in {
        within(&format!("{key}.failed_in"), span)?;
    }
    if let Some(capacity) = behaviour.capacity {
        let key = format!("{key}.capacity");
        if !served {
            return wrong(&key, "there is no server: it needs a table [server]");
        }
        for end in capacity.ends() {
            number(&key, end, 0.0, MOST_PER_SECOND)?;
        }
    }
    Ok(())
}

fn check_latency(key: &str, latency: &Latency) -> Result<(), Problem> {
    let Latency {
        exponential,
        constant,
        uniform,
        times,
        plus,
    } = *latency;
    let named = [exponential.is_some(), constant.is_some(), uniform.is_some()];
    if named.iter().filter(|named| **named).count() != 1 {
        return wrong(key, "wants one of exponential, constant and uniform");
    }
    for span in [exponential, constant].into_iter().flatten() {
        within(key, span)?;
    }
    if let Some([low, high]) = uniform {
        ordered(&format!("{key}.uniform"), low, high)?;
    }
    for end in times.ends() {
        number(&format!("{key}.times"), end, 0.0, 1e6)?;
    }
    within(&format!("{key}.plus"), plus)?;
    Ok(())
}

fn part(key: &str, course: Option<Course>) -> Result<(), Problem> {
    for end in course.into_iter().flat_map(Course::ends) {
        number(key, end, 0.0, 1.0)?;
    }
    Ok(())
}

fn number(key: &str, value: f64, low: f64, high: f64) -> Result<(), Problem> {
    if (low..=high).contains(&value) {
        Ok(())
    } else {
        wrong(key, format!("{value} is not within {low} to {high}"))
    }
}

fn within(key: &str, span: Span) -> Result<Duration, Problem> {
    if span.0 <= LONGEST {
        Ok(span.0)
    } else {
        wrong(key, "longer than a week")
    }
}

fn ordered(key: &str, low: Span, high: Span) -> Result<Duration, Problem> {
    within(key, high)?;
    if low.0 <= high.0 {
        Ok(low.0)
    } else {
        wrong(key, "the first is longer than the second")
    }
}

/// Checks the time, and returns the longest that may be drawn.
fn drawn(key: &str, drawn: Drawn) -> Result<Duration, Problem> {
    match drawn {
        Drawn::Fixed(span) => within(key, span),
        Drawn::Between(Between {
            between: [low, high],
        }) => {
            ordered(key, low, high)?;
            Ok(high.0)
        }
        Drawn::LogBetween(LogBetween {
            log_between: [low, high],
        }) => {
            if ordered(key, low, high)?.is_zero() {
                return wrong(key, "has to begin above zero");
            }
            Ok(high.0)
        }
    }
}

fn repeat(key: &str, repeat: Option<Repeat>) -> Result<(), Problem> {
    let Some(Repeat { times, every }) = repeat else {
        return Ok(());
    };
    if !(1..=MOST_REPEATS).contains(&times) {
        return wrong(
            &format!("{key}.repeat.times"),
            format!("{times} is not within 1 to {MOST_REPEATS}"),
        );
    }
    let key = format!("{key}.repeat.every");
    if within(&key, every)?.is_zero() {
        return wrong(&key, "has to be above zero");
    }
    if every.0 * times > LONGEST {
        return wrong(&key, "all of them together are longer than a week");
    }
    Ok(())
}

fn wrong<T>(key: &str, problem: impl Into<String>) -> Result<T, Problem> {
    Err((key.to_string(), problem.into()))
}
