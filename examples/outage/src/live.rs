//! Prints the run live: a line every half second, and each transition.

use crate::clients::Group;
use crate::record::{Call, Change, Tally};
use crate::script::Script;
use std::time::Duration;
use tokio::time::{Instant, interval_at};
use tripcoil::Observer;

const EVERY: Duration = Duration::from_millis(500);

/// Prints until the script is over.
pub(crate) async fn show(
    script: &Script,
    unguarded: &Group,
    guarded: &Group,
    observer: &Observer,
    begun: Instant,
) {
    println!("{:>7}  {:<9}{:^33}{:^48}", "", "", "no breaker", "breaker");
    println!(
        "{:>7}  {:<9}|{:>6}{:>9}{:>11}    |{:>6}{:>9}{:>11}{:>11}   state",
        "time", "phase", "ok/s", "failed/s", "errors", "ok/s", "failed/s", "rejected/s", "errors",
    );
    let (mut without, mut with) = (0, 0);
    let mut ticks = interval_at(begun + EVERY, EVERY);
    let mut last = begun;
    while begun.elapsed() < script.end() {
        let tick = ticks.tick().await;
        let (now, since) = (begun.elapsed(), last.elapsed());
        last = tick;
        // The phase of the half second that the figures are of.
        let phase = script.at(now.saturating_sub(EVERY / 2));
        let plain = Figures::of(&unguarded.log.since(without), &mut without, since);
        let safe = Figures::of(&guarded.log.since(with), &mut with, since);
        println!(
            "{:>5.1} s  {:<9}|{:>6.0}{:>9.0}{:>11}    |{:>6.0}{:>9.0}{:>11.0}{:>11}   {}",
            now.as_secs_f64(),
            phase.map_or("", |p| p.behaviour.name()),
            plain.ok,
            plain.failed,
            plain.errors,
            safe.ok,
            safe.failed,
            safe.rejected,
            safe.errors,
            observer.state(),
        );
    }
}

/// A transition's line.
pub(crate) fn tell(change: &Change) {
    println!(
        "{:>6.2} s {:>49}: {} -> {} ({})",
        change.at.as_secs_f64(),
        "breaker",
        change.from,
        change.to,
        change.cause,
    );
}

/// Rates per second.
struct Figures {
    ok: f64,
    failed: f64,
    rejected: f64,
    errors: String,
}

impl Figures {
    fn of(calls: &[Call], seen: &mut usize, since: Duration) -> Figures {
        *seen += calls.len();
        let tally = Tally::of(calls);
        let rate = |n: u64| n as f64 / since.as_secs_f64();
        Figures {
            ok: rate(tally.ok),
            failed: rate(tally.failed),
            rejected: rate(tally.rejected),
            errors: tally
                .error_rate()
                .map_or_else(|| "-".into(), |r| format!("{:.1} %", r * 100.0)),
        }
    }
}
