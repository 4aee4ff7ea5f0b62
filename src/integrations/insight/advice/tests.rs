use super::*;
use crate::{Backoff, Breaker, ManualClock, Window};

fn seen() -> Observed {
    Observed::new(3_600_000, Duration::from_secs(3600))
}

#[test]
fn advice_reads_well() {
    let config = Config::default();
    let text = advise(&seen().failure_rate(0.03), &config).to_string();
    let wanted = "\
At 1,000 calls per second, of which 3 % fail, 2 settings are doubtful:

  min_throughput = 11    (now 5)
    3 % of the calls fail while all is well. After each close and each idle time, the rates are judged from 5 calls on, which takes 5 ms: false openings one per 77.9 days.

  consecutive_failures = 9    (now 5)
    3 % of the calls fail while all is well, so that 5 in a row fail by chance: 2.04 per day.

False openings: 2.05 per day now, fewer than one per 100 years with these settings. A total outage is detected after 5 ms now, after 9 ms with these settings.";
    assert_eq!(text, wanted);
    let fine = advise(&seen(), &config).to_string();
    assert_eq!(
        fine,
        "At 1,000 calls per second, of which 0 % fail, the settings are fine.\n\
         False openings: fewer than one per 100 years. A total outage is detected after 5 ms."
    );
}

#[test]
fn little_traffic_gets_none_and_says_so() {
    let advice = advise(
        &Observed::new(999, Duration::from_secs(3600)).failure_rate(0.5),
        &Config::default(),
    );
    assert!(!advice.enough);
    assert!(advice.suggestions.is_empty());
    assert_eq!(
        advice.to_string(),
        "Advice needs at least 1,000 calls over at least 300 s."
    );
}

/// Thirty buckets of ten seconds are 300 s.
#[test]
fn long_buckets_count_by_their_length() -> Result<(), Box<dyn std::error::Error>> {
    let clock = ManualClock::new();
    let window = Window::time(Duration::from_secs(100));
    let breaker = Breaker::builder("long")
        .window(window)
        .clock(&clock)
        .build()?;
    let insight = Insight::new(&breaker.observer());
    let mut enough = Vec::new();
    for _ in 0..31 {
        for _ in 0..50 {
            breaker.try_acquire()?.success();
            clock.advance(Duration::from_millis(200));
        }
        assert!(insight.drain(Duration::from_secs(60)));
        enough.push(insight.advice().enough);
    }
    // the last bucket is not finished
    let first = enough.iter().position(|enough| *enough);
    assert_eq!(first, Some(30));
    Ok(())
}

/// Where nine in ten calls fail, no rate is far enough from that.
#[test]
fn a_rule_that_nothing_mends_is_not_fine() {
    let config = Config {
        window: Window::count(20),
        failure_rate: Some(0.5),
        min_throughput: Some(20),
        consecutive_failures: None,
        ..Config::default()
    };
    let advice = advise(&seen().pace(10.0).failure_rate(0.9), &config);
    assert_eq!(
        (advice.suggestions.len(), advice.doubts.len()),
        (0, 1),
        "{advice}"
    );
    let text = advice.to_string();
    assert!(
        text.starts_with(
            "At 10 calls per second, of which 90 % fail, there are doubts, and no better"
        ),
        "{text}"
    );
    assert!(
        advice.doubts[0].starts_with("False openings by failure_rate: "),
        "{text}"
    );
}

#[test]
fn a_rule_that_is_never_judged_is_not_fine() {
    // one call in three hours: a window of a day holds eight
    let config = Config {
        min_throughput: Some(20),
        consecutive_failures: None,
        ..Config::default()
    };
    let advice = advise(&seen().pace(1e-4), &config);
    let text = advice.to_string();
    assert!(advice.suggestions.is_empty(), "{text}");
    assert!(
        advice.doubts[0]
            .starts_with("failure_rate is never judged: the window holds 1 call or fewer"),
        "{text}"
    );
    assert!(
        text.ends_with("A total outage is never detected."),
        "{text}"
    );
    // nor is a count that the window cannot hold, though another rule detects outages
    let counts = Config {
        failure_count: Some(1000),
        ..Config::default()
    };
    let advice = advise(&seen().pace(2.0), &counts);
    assert!(
        advice.doubts[0].starts_with("failure_count is never reached"),
        "{advice}"
    );
    let hang_only = Config {
        outage: None,
        ..Config::adaptive()
    };
    let doubts = advise(&seen(), &hang_only).doubts;
    assert!(
        doubts[0].starts_with("No rule opens the breaker"),
        "{doubts:?}"
    );
    // an outage rule that is too near what is usual
    let near = advise(&seen().failure_rate(0.4), &Config::adaptive());
    assert!(
        near.doubts[0].starts_with("False openings by the outage rule"),
        "{near}"
    );
}

/// Settings that no breaker can have are the business of `validate`.
#[test]
fn a_config_that_is_not_valid_is_not_judged() {
    let config = Config {
        failure_rate: Some(f64::NAN),
        min_throughput: Some(0),
        ..Config::default()
    };
    let advice = advise(&seen().failure_rate(0.1), &config);
    assert_eq!(advice.suggestions, []);
    assert_eq!(advice.doubts.len(), 2);
    let text = "No breaker can have this: failure_rate is NaN, but must be";
    assert!(advice.doubts[0].starts_with(text), "{advice}");
}

#[test]
fn all_that_is_suggested_is_applied() {
    let config = Config {
        open_for: Backoff::constant(Duration::from_secs(60)),
        ..Config::default()
    };
    let outage = Duration::from_secs(60);
    let traffic = seen()
        .failure_rate(0.03)
        .outage(outage)
        .outage(outage)
        .outage(outage);
    let advice = advise(&traffic, &config);
    let better = advice.config(&config);
    assert_eq!(better.validate(), Ok(()));
    assert_eq!(
        (
            better.min_throughput,
            better.consecutive_failures,
            better.open_for
        ),
        (Some(11), Some(9), Backoff::adaptive())
    );
    let Compared { before, after } = advice.false_trips_per_day;
    assert!(before > 2.0 && after < 0.01, "{before} {after}");
    assert!(advice.time_to_detect.after > advice.time_to_detect.before);
}
