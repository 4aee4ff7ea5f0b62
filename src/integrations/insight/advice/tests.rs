use super::*;
use crate::Backoff;

fn seen() -> Observed {
    Observed::new(3_600_000, Duration::from_secs(3600))
}

#[test]
fn advice_reads_well() {
    let config = Config::default();
    let text = advise(&seen().failure_rate(0.03), &config).to_string();
    let wanted = "\
At 1000 calls per second, of which 3 % fail, 2 settings are doubtful:

  min_throughput = 11    (now 5)
    3 % of the calls fail while all is well. After each close and each idle time, the rates are judged from 5 calls on, which come within 5 ms: false openings one in 77.9 days.

  consecutive_failures = 9    (now 5)
    3 % of the calls fail while all is well, so that 5 in a row fail by chance: 2.04 per day.

False openings: 2.05 per day now, less than one in 100 years then. A total outage is seen after 5 ms now, after 9 ms then.";
    assert_eq!(text, wanted);
    let fine = advise(&seen(), &config).to_string();
    assert_eq!(
        fine,
        "At 1000 calls per second, of which 0 % fail, the settings are fine.\n\
         False openings: less than one in 100 years. A total outage is seen after 5 ms."
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
        "Too little traffic was seen for advice: it takes 1000 calls in 300 s."
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
    assert!(
        advise(&seen().failure_rate(0.1), &config)
            .suggestions
            .is_empty()
    );
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

#[test]
fn it_serialises() -> Result<(), serde_json::Error> {
    let advice = advise(&seen().failure_rate(0.03), &Config::default());
    let json: serde_json::Value = serde_json::to_value(&advice)?;
    assert_eq!(json["suggestions"][1]["setting"], "consecutive_failures");
    assert_eq!(json["suggestions"][1]["present"], 5);
    assert_eq!(json["suggestions"][1]["live"], true);
    assert_eq!(json["time_to_detect"]["before"], 0.005);
    Ok(())
}
