//! Prints the run live: a line every half second, and each transition.

use crate::clients::{Group, Guard};
use crate::record::{Change, Tally};
use crate::script::Script;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, interval_at};

const EVERY: Duration = Duration::from_millis(500);

/// Prints until the script is over.
pub(crate) async fn show(script: &Script, groups: &[Arc<Group>], begun: Instant) {
    let (mut names, mut titles) = (String::new(), String::new());
    for group in groups {
        let title = cells(
            "ok/s",
            "errors",
            group.state().map(|_| ("rejected/s", "state")),
        );
        names += &format!("  | {:<1$}", group.guard.name(), title.len() - 4);
        titles += &title;
    }
    println!("{:>7}  {:<8}{names}", "", "");
    println!("{:>7}  {:<8}{titles}", "time", "phase");
    let mut seen = vec![0; groups.len()];
    let mut ticks = interval_at(begun + EVERY, EVERY);
    let mut last = begun;
    while begun.elapsed() < script.end() {
        let tick = ticks.tick().await;
        let (now, since) = (begun.elapsed(), last.elapsed());
        last = tick;
        // The phase of the half second that the figures are of.
        let phase = script.at(now.saturating_sub(EVERY / 2));
        let mut line = format!(
            "{:>5.1} s  {:<8}",
            now.as_secs_f64(),
            phase.map_or("", |p| p.behaviour.name()),
        );
        for (group, seen) in groups.iter().zip(&mut seen) {
            let calls = group.calls.since(*seen);
            *seen += calls.len();
            line += &figures(&Tally::of(&calls), since, group);
        }
        println!("{line}");
    }
}

/// A transition's line.
pub(crate) fn show_change(guard: Guard, change: &Change) {
    println!(
        "{:>6.2} s  {}: {} -> {} ({})",
        change.at.as_secs_f64(),
        guard.name(),
        change.from,
        change.to,
        change.cause,
    );
}

/// One group's part of a line.
fn figures(tally: &Tally, since: Duration, group: &Group) -> String {
    let rate = |n: u64| format!("{:.0}", n as f64 / since.as_secs_f64());
    let errors = tally.error_rate();
    let errors = errors.map_or_else(|| "-".into(), |r| format!("{:.1} %", r * 100.0));
    let state = group.state().map(|state| state.to_string());
    let rejected = rate(tally.rejected);
    cells(
        &rate(tally.ok),
        &errors,
        state.as_deref().map(|state| (rejected.as_str(), state)),
    )
}

fn cells(ok: &str, errors: &str, breaker: Option<(&str, &str)>) -> String {
    let breaker = breaker.map(|(rejected, state)| format!("{rejected:>11}  {state:<9}"));
    format!("  |{ok:>5}{errors:>9}{}", breaker.unwrap_or_default())
}
