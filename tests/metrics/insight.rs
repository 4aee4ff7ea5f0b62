//! What an insight knows, as it is published.

use super::keys::{Recorder, registry, sweep_all};
use super::{Exporter, LONG, Series, build};
use metrics::with_local_recorder;
use std::time::Duration;
use tripcoil::insight::{Insight, Pattern, Report};
use tripcoil::metrics::Publisher;
use tripcoil::{Breaker, Controller, FailureKind, HalfOpen, ManualClock, Outcome};

const SECOND: Duration = Duration::from_secs(1);

const COUNTERS: [&str; 3] = [
    "tripcoil_outages_total",
    "tripcoil_wasted_calls_total",
    "tripcoil_good_calls_rejected_total",
];

/// A second of traffic, of which so many fail, evenly spread.
fn traffic(breaker: &Breaker, clock: &ManualClock, calls: u32, failures: u32) {
    for call in 0..calls {
        let fails = (call + 1) * failures / calls > call * failures / calls;
        let _ = breaker.call(|| if fails { Err(()) } else { Ok(()) });
    }
    clock.advance(SECOND);
}

/// A call that fails, twice: it opens.
fn fail(breaker: &Breaker) {
    for _ in 0..2 {
        let permit = breaker.try_acquire().expect("closed");
        permit.failure(FailureKind::Server);
    }
}

fn of(name: &str) -> (Breaker, Controller, ManualClock) {
    build(name, |builder| {
        builder
            .consecutive_failures(2)
            .half_open(HalfOpen::successes(1))
    })
}

#[track_caller]
fn agree(series: &Series, report: &Report) {
    let breaker = ("breaker", report.name.as_str());
    let flag = |holds: bool| f64::from(u8::from(holds));
    let left = report.trend.map(|trend| trend.reaches_limit_in);
    let plain = [
        ("tripcoil_health_score", report.health.value / 100.0),
        ("tripcoil_health_confidence", report.health.confidence),
        (
            "tripcoil_eta_guessed",
            flag(report.eta.is_some_and(|eta| eta.guess)),
        ),
        ("tripcoil_degraded", flag(report.degraded.is_some())),
        ("tripcoil_rising", flag(report.trend.is_some())),
        (
            "tripcoil_limit_reached_in_seconds",
            left.unwrap_or_default().as_secs_f64(),
        ),
        (COUNTERS[0], report.cost.outages as f64),
        (COUNTERS[1], report.cost.wasted as f64),
        (COUNTERS[2], report.cost.rejected_good as f64),
    ];
    for (metric, value) in plain {
        assert_eq!(series.get(metric, &[breaker]), value, "{metric}");
    }
    let eta = report.eta.map_or([Duration::ZERO; 2], |e| [e.p50, e.p90]);
    for (quantile, eta) in ["0.5", "0.9"].into_iter().zip(eta) {
        let labels = [breaker, ("quantile", quantile)];
        let value = series.get("tripcoil_eta_seconds", &labels);
        assert_eq!(value, eta.as_secs_f64(), "{quantile}");
    }
    for pattern in ["single", "repeated", "flapping", "periodic"] {
        let value = series.get("tripcoil_outage_pattern", &[breaker, ("pattern", pattern)]);
        let present = report.pattern.map(Pattern::as_str) == Some(pattern);
        assert_eq!(value, flag(present), "{pattern}");
    }
}

#[test]
fn each_figure_is_the_reports() {
    let exporter = Exporter::new();
    let (breaker, _controller, clock) = build("payments", |b| b.failure_rate(0.9));
    let (publisher, insight) = exporter.with_insight(&breaker);
    let check = || {
        assert!(publisher.drain(LONG));
        let report = insight.report();
        agree(&exporter.scrape(), &report);
        report
    };
    assert_eq!(check().health.value, 100.0);
    for _ in 0..40 {
        traffic(&breaker, &clock, 200, 2);
        assert!(insight.drain(LONG));
    }
    let well = check();
    assert!(well.health.value > 95.0 && well.health.confidence > 0.9);
    assert_eq!(
        (well.degraded, well.trend, well.pattern),
        (None, None, None)
    );

    // they rise by three per cent in a second
    for second in 0..20 {
        traffic(&breaker, &clock, 200, 2 + 6 * second);
        assert!(insight.drain(LONG));
    }
    let rising = check();
    assert!(
        rising.degraded.is_some() && rising.trend.is_some(),
        "{rising:?}"
    );
    assert!(rising.health.value < 60.0, "{rising:?}");
    let series = exporter.scrape();
    assert!(series.of("tripcoil_limit_reached_in_seconds") > 0.0);

    while breaker.state() == tripcoil::State::Closed {
        traffic(&breaker, &clock, 200, 200);
        assert!(insight.drain(LONG));
    }
    clock.advance(SECOND * 3);
    let _ = breaker.try_acquire().expect_err("open");
    let open = check();
    let eta = open.eta.expect("there is an outage");
    assert!(eta.guess && eta.p50 > Duration::ZERO && eta.p90 > eta.p50);
    assert_eq!((open.health.value, open.health.confidence), (0.0, 1.0));
    assert_eq!(open.pattern, Some(Pattern::Single));
    assert_eq!((open.cost.outages, open.outages_total), (1, 0));
    assert!(open.cost.wasted > 200, "{:?}", open.cost);

    clock.advance(SECOND * 30);
    (0..2).for_each(|_| breaker.try_acquire().expect("a probe").success());
    clock.advance(SECOND * 3);
    let closed = check();
    assert_eq!((closed.eta, closed.outages_total), (None, 1));
    assert_eq!(closed.cost.outages, 1);
}

#[test]
fn outages_that_follow_each_other_have_a_pattern() {
    let exporter = Exporter::new();
    let (breaker, _controller, clock) = of("stock");
    let (publisher, insight) = exporter.with_insight(&breaker);
    for number in 1..6 {
        fail(&breaker);
        clock.advance(SECOND * 30);
        breaker.try_acquire().expect("a probe").success();
        // longer than one that goes on
        clock.advance(SECOND * 3);
        assert!(publisher.drain(LONG));
        let report = insight.report();
        agree(&exporter.scrape(), &report);
        let expected = if number < 3 {
            Pattern::Single
        } else {
            Pattern::Flapping
        };
        assert_eq!(report.pattern, Some(expected));
        assert_eq!(report.cost.outages, number);
    }
}

/// An outage that goes on after its end takes nothing back, and is counted once.
#[test]
fn counters_never_go_down_after_a_relapse() {
    let exporter = Exporter::new();
    let (breaker, controller, clock) = of("search");
    let (publisher, _insight) = exporter.with_insight(&breaker);
    let mut before = [0.0; 3];
    let mut counted = || {
        assert!(publisher.drain(LONG));
        let series = exporter.scrape();
        let now = COUNTERS.map(|name| series.get(name, &[("breaker", "search")]));
        let falls = now.iter().zip(&before).any(|(now, before)| now < before);
        assert!(!falls, "{now:?} after {before:?}");
        before = now;
        now
    };
    let reject = |calls| {
        for _ in 0..calls {
            assert!(breaker.try_acquire().is_err());
        }
    };
    let recover = || {
        controller.half_open();
        breaker.try_acquire().expect("a probe").success();
    };
    assert_eq!(counted(), [0.0; 3]);
    fail(&breaker);
    assert_eq!(counted(), [1.0, 2.0, 0.0]);
    reject(10);
    clock.advance(SECOND);
    controller.half_open();
    let permit = breaker.try_acquire().expect("a probe");
    permit.record(Outcome::Failure(FailureKind::Server));
    assert_eq!(counted(), [1.0, 3.0, 0.0]);
    reject(40);
    clock.advance(SECOND);
    recover();
    // it may go on
    assert_eq!(counted(), [1.0, 3.0, 0.0]);
    clock.advance(SECOND);
    fail(&breaker);
    assert_eq!(counted(), [1.0, 5.0, 0.0]);
    reject(6);
    clock.advance(SECOND);
    controller.half_open();
    let permit = breaker.try_acquire().expect("a probe");
    permit.record(Outcome::Failure(FailureKind::Server));
    assert_eq!(counted(), [1.0, 6.0, 0.0]);
    reject(6);
    recover();
    assert_eq!(counted(), [1.0, 6.0, 0.0]);
    clock.advance(SECOND * 2);
    assert_eq!(counted(), [1.0, 6.0, 0.0], "it may still go on");
    clock.advance(Duration::from_nanos(1));
    // half of the rejections in the last wait before each close: of 40 and of 6
    assert_eq!(counted(), [1.0, 6.0, 23.0]);
    fail(&breaker);
    assert_eq!(counted(), [2.0, 8.0, 23.0]);
}

/// A publisher that is made anew goes on with the same counters.
#[test]
fn a_publisher_that_is_replaced_counts_no_outage_twice() {
    let exporter = Exporter::new();
    let (breaker, controller, clock) = of("db");
    let observer = breaker.observer();
    let insight = Insight::new(&observer);
    for number in 1..5 {
        let publisher = with_local_recorder(&exporter.recorder, || {
            Publisher::new(&observer).with_insight(&insight)
        });
        fail(&breaker);
        clock.advance(SECOND * 5);
        controller.reset();
        clock.advance(SECOND * 5);
        assert!(publisher.drain(LONG));
        let outages = exporter.scrape().of("tripcoil_outages_total");
        assert_eq!(outages, f64::from(number));
    }
}

/// Its counters stay, and its gauges are 0; and it does not keep its place in the registry.
#[test]
fn of_a_breaker_that_is_forgotten_only_the_counters_stay() {
    let recorder = Recorder::new(None);
    let (registry, controller, clock) = registry();
    let observer = registry.get(&7).expect("valid").observer();
    let insight = Insight::new(&observer);
    let publisher = with_local_recorder(&recorder.recorder, || {
        Publisher::new(&observer).with_insight(&insight)
    });
    drop(observer);
    (0..2).for_each(|_| {
        let _ = registry.call(&7, || Err::<(), ()>(()));
    });
    clock.advance(SECOND * 4);
    assert!(publisher.drain(LONG));
    assert_eq!(recorder.sum("tripcoil_eta_seconds"), 40.0);
    assert!(controller.on(&7, |one| one.reset()).expect("valid"));
    assert!(publisher.drain(LONG));
    let sum = |name: &str| recorder.sum(name);
    assert_eq!(sum("tripcoil_health_score"), 1.0);
    assert_eq!(sum("tripcoil_outages_total"), 1.0);
    drop(insight);
    sweep_all(&registry);
    assert_eq!(registry.len(), 0);
    assert!(publisher.drain(LONG));
    for gauge in [
        "tripcoil_health_score",
        "tripcoil_health_confidence",
        "tripcoil_eta_seconds",
        "tripcoil_outage_pattern",
        "tripcoil_state",
    ] {
        assert_eq!(sum(gauge), 0.0, "{gauge}");
    }
    assert_eq!(sum("tripcoil_outages_total"), 1.0);
    assert_eq!(sum("tripcoil_wasted_calls_total"), 2.0);
}

/// A listener that is called by the publication itself.
#[test]
fn a_listener_of_the_insight_may_publish() {
    let exporter = Exporter::new();
    let (breaker, controller, _clock) = of("mail");
    let (publisher, insight) = exporter.with_insight(&breaker);
    let publisher = std::sync::Arc::new(publisher);
    let ours = std::sync::Arc::downgrade(&publisher);
    insight.on_notice(move |_| {
        if let Some(publisher) = ours.upgrade() {
            publisher.publish();
        }
    });
    for _ in 0..50 {
        fail(&breaker);
        controller.reset();
        publisher.publish();
    }
    assert!(publisher.drain(LONG));
    // an operator's reset ends each of them
    assert_eq!(exporter.scrape().of("tripcoil_outages_total"), 50.0);
}
