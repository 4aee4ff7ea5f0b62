//! What a breaker's insight says of the run, as a table.

use std::fmt::Write as _;
use std::time::Duration;
use tripcoil::insight::{OutageRecord, Report};

/// `begun` is when the script began, by the breaker's clock.
pub(crate) fn text(report: &Report, begun: Duration) -> String {
    let mut out = format!(
        "\n{}, by its insight:\n     began   lasted  cause                 rounds  rejected  of these good  wasted\n",
        report.name
    );
    for outage in report.outages.iter().chain(&report.outage) {
        line(&mut out, outage, report.at, begun);
    }
    // a `String` takes everything
    let _ = match report.pattern {
        Some(pattern) => writeln!(out, "  pattern: {}", pattern.as_str()),
        None => Ok(()),
    };
    if let Some(eta) = report.eta {
        let guess = if eta.guess { ", a guess" } else { "" };
        let (p50, p90) = (eta.p50.as_secs_f64(), eta.p90.as_secs_f64());
        let _ = writeln!(
            out,
            "  over within {p50:.1} s (p50) or {p90:.1} s (p90){guess}"
        );
    }
    out
}

fn line(out: &mut String, outage: &OutageRecord, now: Duration, begun: Duration) {
    let cause = outage
        .cause
        .map_or_else(|| "unknown".to_string(), |cause| cause.to_string());
    let began = outage.began.saturating_sub(begun).as_secs_f64();
    let lasted = outage.lasted(now).as_secs_f64();
    let so_far = if outage.ended.is_none() {
        ", so far"
    } else {
        ""
    };
    let _ = writeln!(
        out,
        "  {began:6.2} s {lasted:6.2} s  {cause:20} {:7} {:9} {:14} {:7}{so_far}",
        outage.rounds, outage.rejected, outage.rejected_good, outage.wasted
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use tripcoil::insight::Insight;
    use tripcoil::{Breaker, ConfigError, FailureKind, ManualClock};

    #[test]
    fn each_outage_has_a_line() -> Result<(), ConfigError> {
        let clock = ManualClock::new();
        let breaker = Breaker::builder("orders")
            .consecutive_failures(1)
            .clock(&clock)
            .build()?;
        let insight = Insight::new(&breaker.observer());
        let second = Duration::from_secs(1);
        clock.advance(Duration::from_millis(2500));
        if let Ok(permit) = breaker.try_acquire() {
            permit.failure(FailureKind::Server);
        }
        clock.advance(Duration::from_secs(2));
        let text = text(&insight.report(), second);
        let line = "    1.50 s   2.00 s  consecutive failures       0         0              0       1, so far\n";
        assert!(text.contains(line), "{text}");
        assert!(text.contains("pattern: single"), "{text}");
        assert!(
            text.contains("over within 2.0 s (p50) or 18.0 s (p90), a guess"),
            "{text}"
        );
        Ok(())
    }
}
