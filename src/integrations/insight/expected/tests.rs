use super::*;
use crate::Backoff;

fn well() -> Config {
    Config {
        min_throughput: Some(50),
        consecutive_failures: Some(20),
        slow_call: Some(Duration::from_millis(500)),
        slow_rate: Some(0.5),
        open_for: Backoff::adaptive(),
        ..Config::default()
    }
}

/// An hour at 1,000 calls per second.
#[test]
fn what_is_expected() {
    let traffic = Observed::new(3_600_000, Duration::from_secs(3600)).failure_rate(0.03);
    let expects = |config: Config| {
        let Expected {
            false_trips,
            detect,
        } = expected(&traffic, &config);
        (false_trips, detect.map(|span| span.as_micros()))
    };
    let (trips, detect) = expects(Config::default());
    assert!((2.0..2.1).contains(&trips), "{trips}");
    assert_eq!(detect, Some(5000), "five in a row come first");
    let (trips, detect) = expects(well());
    assert!(trips < 1e-6, "{trips}");
    assert_eq!(detect, Some(20_000));
    let slow_only = Config {
        failure_rate: None,
        consecutive_failures: None,
        ..well()
    };
    assert_eq!(expects(slow_only).1, Some(5_000_000));
    let hang_only = Config {
        outage: None,
        ..Config::adaptive()
    };
    assert_eq!(expects(hang_only), (0.0, None));
    assert!(expects(Config::adaptive()).1 < Some(60_000));
    let nothing = Observed::new(0, Duration::from_secs(1000));
    assert!(expected(&nothing, &Config::default()).detect.is_none());
}
