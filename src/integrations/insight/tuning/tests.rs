use super::*;
use crate::Backoff;
use crate::integrations::insight::setting::OPEN_FOR;
use crate::observe::Counts;

const MINUTE: Duration = Duration::from_secs(60);

fn change(at: Duration, setting: &'static str, from: u32, to: u32) -> Change {
    Change {
        at,
        setting,
        from: Value::Count(from),
        to: Value::Count(to),
        reason: "A reason.".into(),
    }
}

/// An opening that may have been false.
fn false_opening(began: Duration, cause: Cause) -> OutageRecord {
    OutageRecord {
        began,
        ended: Some(began + MINUTE),
        cause: Some(cause),
        ended_by: Some(Cause::ProbesSucceeded),
        counts: Counts::default(),
        rounds: 1,
        probes: 2,
        probes_failed: 0,
        rejected: 0,
        wasted: 0,
        rejected_good: 0,
    }
}

/// A tuner that has just let the rates be judged by fewer calls, and wants more failures in a row.
fn tuning() -> Tuning {
    let mut tuning = Tuning::new(&Config::default());
    let both = [
        change(MINUTE, MIN_THROUGHPUT, 50, 10),
        change(MINUTE, CONSECUTIVE_FAILURES, 5, 9),
    ];
    tuning.made(&both, MINUTE);
    tuning
}

fn regretted(began: Duration, cause: Cause) -> Vec<&'static str> {
    let outages = [false_opening(began, cause)];
    let undone = tuning().regretted(&outages, began + 2 * MINUTE);
    undone.iter().map(|change| change.setting).collect()
}

#[test]
fn changes_are_an_hour_apart() {
    assert!(Tuning::new(&Config::default()).is_due(Duration::ZERO));
    let tuning = tuning();
    assert!(!tuning.is_due(MINUTE + HOUR - Duration::from_nanos(1)));
    assert!(tuning.is_due(MINUTE + HOUR));
}

#[test]
fn what_may_have_caused_a_false_opening_is_undone() {
    assert_eq!(regretted(3 * MINUTE, Cause::FailureRate), [MIN_THROUGHPUT]);
    assert_eq!(regretted(HOUR + MINUTE, Cause::SlowRate), [MIN_THROUGHPUT]);
    assert_eq!(
        regretted(HOUR + 2 * MINUTE, Cause::FailureRate),
        [""; 0],
        "too late"
    );
    assert_eq!(
        regretted(MINUTE / 2, Cause::FailureRate),
        [""; 0],
        "before it"
    );
    // more failures in a row open the breaker less often
    assert_eq!(regretted(3 * MINUTE, Cause::ConsecutiveFailures), [""; 0]);
}

#[test]
fn an_outage_is_no_false_opening() {
    let mut outage = false_opening(3 * MINUTE, Cause::FailureRate);
    outage.probes_failed = 1;
    assert_eq!(tuning().regretted(&[outage], HOUR), []);
    outage.probes_failed = 0;
    outage.ended = None;
    assert_eq!(tuning().regretted(&[outage], HOUR), []);
}

#[test]
fn undoing_puts_it_back_and_leaves_it_alone_for_a_day() {
    let mut tuning = tuning();
    let outages = [false_opening(3 * MINUTE, Cause::FailureRate)];
    let now = 5 * MINUTE;
    let undone = tuning.regretted(&outages, now);
    assert_eq!(undone.len(), 1);
    assert_eq!(
        (&undone[0].from, &undone[0].to),
        (&Value::Count(10), &Value::Count(50))
    );
    tuning.made(&undone, now);
    assert!(tuning.holds(MIN_THROUGHPUT, now + DAY - MINUTE));
    assert!(!tuning.holds(MIN_THROUGHPUT, now + DAY));
    assert!(!tuning.holds(CONSECUTIVE_FAILURES, now));
    assert_eq!(
        tuning.regretted(&outages, now + MINUTE),
        [],
        "once is enough"
    );
    assert_eq!(tuning.pending.len(), 1, "the other one is still watched");
    let settings: Vec<_> = tuning
        .changes()
        .iter()
        .map(|change| change.setting)
        .collect();
    assert_eq!(
        settings,
        [MIN_THROUGHPUT, CONSECUTIVE_FAILURES, MIN_THROUGHPUT]
    );
}

#[test]
fn what_the_operator_sets_is_left_alone() {
    let mut tuning = tuning();
    let config = |min_throughput| Config {
        min_throughput: Some(min_throughput),
        consecutive_failures: Some(9),
        ..Config::default()
    };
    tuning.respect(&config(10), 2 * MINUTE);
    assert!(!tuning.holds(MIN_THROUGHPUT, 2 * MINUTE), "as it was set");
    tuning.respect(&config(20), 3 * MINUTE);
    assert!(tuning.holds(MIN_THROUGHPUT, 3 * MINUTE));
    let outages = [false_opening(4 * MINUTE, Cause::FailureRate)];
    assert_eq!(
        tuning.regretted(&outages, 6 * MINUTE),
        [],
        "there is nothing to undo"
    );
    // a rule that is switched off is changed too
    let off = Config {
        consecutive_failures: None,
        ..config(20)
    };
    tuning.respect(&off, 7 * MINUTE);
    assert!(tuning.holds(CONSECUTIVE_FAILURES, 8 * MINUTE));
}

/// Even if the tuner has never set it.
#[test]
fn what_the_operator_sets_first_is_left_alone() {
    let mut tuning = Tuning::new(&Config::default());
    tuning.respect(&Config::default(), MINUTE);
    assert!(!LIVE.iter().any(|setting| tuning.holds(setting, MINUTE)));
    let config = Config {
        failure_rate: Some(0.3),
        slow_call: Some(MINUTE),
        ..Config::default()
    };
    tuning.respect(&config, HOUR);
    tuning.respect(&config, 2 * HOUR);
    let held: Vec<_> = LIVE
        .into_iter()
        .filter(|setting| tuning.holds(setting, HOUR + DAY - MINUTE))
        .collect();
    assert_eq!(held, [FAILURE_RATE, SLOW_CALL]);
    assert!(!tuning.holds(FAILURE_RATE, HOUR + DAY));
    tuning.respect(&Config::default(), HOUR + DAY);
    assert!(
        tuning.holds(SLOW_CALL, HOUR + DAY),
        "a rule that is switched off"
    );
}

#[test]
fn the_last_changes_are_kept() {
    let mut tuning = Tuning::new(&Config::default());
    for i in 0..100 {
        tuning.made(&[change(HOUR * i, MIN_THROUGHPUT, i, i + 1)], HOUR * i);
    }
    let changes = tuning.changes();
    assert_eq!(changes.len(), KEPT);
    assert_eq!(
        (&changes[0].from, &changes[63].to),
        (&Value::Count(36), &Value::Count(100))
    );
}

/// Waits decide nothing while the breaker is closed.
#[test]
fn a_shorter_wait_opens_nothing() {
    let shorter = Change {
        from: Value::Wait(Backoff::default()),
        to: Value::Wait(Backoff::adaptive()),
        ..change(MINUTE, OPEN_FOR, 0, 0)
    };
    assert!(!may_cause(&shorter, Cause::FailureRate));
    let sooner = Change {
        from: Value::Time(MINUTE),
        to: Value::Time(MINUTE / 2),
        ..change(MINUTE, SLOW_CALL, 0, 0)
    };
    assert!(may_cause(&sooner, Cause::SlowRate) && !may_cause(&sooner, Cause::FailureRate));
    let lower = Change {
        from: Value::Rate(0.5),
        to: Value::Rate(0.4),
        ..change(MINUTE, FAILURE_RATE, 0, 0)
    };
    assert!(may_cause(&lower, Cause::FailureRate));
    assert!(!may_cause(
        &Change {
            setting: SLOW_RATE,
            ..lower
        },
        Cause::FailureRate
    ));
}
