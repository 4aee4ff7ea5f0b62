//! What a Prometheus server would scrape, over HTTP, against what the breaker says of itself.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly"
)]

#[path = "metrics/again.rs"]
mod again;
#[path = "metrics/faulty.rs"]
mod faulty;
#[path = "metrics/fleet.rs"]
mod fleet;
#[path = "metrics/insight.rs"]
mod insight;
#[path = "metrics/keys.rs"]
mod keys;
#[path = "metrics/labels.rs"]
mod labels;
#[path = "metrics/page.rs"]
mod page;

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};
use prometheus_parse::{Scrape, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Barrier;
use std::thread;
use std::time::Duration;
use tokio::runtime::Runtime;
use tripcoil::insight::Insight;
use tripcoil::metrics::{Publisher, RegistryPublisher};
use tripcoil::registry::Registry;
use tripcoil::{
    Breaker, Builder, Config, Controller, FailureKind, HalfOpen, Hang, ManualClock, Outage,
    Outcome, Ramp, Snapshot, State, Window,
};

const LONG: Duration = Duration::from_secs(60);
const SLOW: Duration = Duration::from_millis(100);

/// The upper bounds of a histogram's buckets, in seconds.
const LE: [f64; 4] = [0.01, 0.1, 1.0, 10.0];

/// An exporter that listens on loopback, and the recorder that feeds it.
struct Exporter {
    recorder: PrometheusRecorder,
    address: SocketAddr,
    runtime: Runtime,
}

impl Exporter {
    fn new() -> Exporter {
        let runtime = Runtime::new().expect("a runtime");
        let _inside = runtime.enter();
        loop {
            let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
            let address = free.local_addr().expect("its number");
            drop(free);
            // somebody may have taken it meanwhile
            let built = PrometheusBuilder::new()
                .set_buckets(&LE)
                .and_then(|builder| builder.with_http_listener(address).build());
            let Ok((recorder, serve)) = built else {
                continue;
            };
            runtime.spawn(serve);
            return Exporter {
                recorder,
                address,
                runtime,
            };
        }
    }

    fn publisher(&self, breaker: &Breaker) -> Publisher {
        metrics::with_local_recorder(&self.recorder, || Publisher::new(&breaker.observer()))
    }

    fn with_insight(&self, breaker: &Breaker) -> (Publisher, Insight) {
        let observer = breaker.observer();
        let insight = Insight::new(&observer);
        let publisher = metrics::with_local_recorder(&self.recorder, || {
            Publisher::new(&observer).with_insight(&insight)
        });
        (publisher, insight)
    }

    /// What is exported.
    fn page(&self) -> Scrape {
        let text = self.runtime.block_on(async {
            let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
            let uri = format!("http://{}/metrics", self.address)
                .parse()
                .expect("a URI");
            let answer = client.get(uri).await.expect("an answer");
            assert!(answer.status().is_success());
            answer
                .into_body()
                .collect()
                .await
                .expect("a body")
                .to_bytes()
        });
        let text = std::str::from_utf8(&text).expect("text");
        let lines = text.lines().map(|line| Ok(line.to_owned()));
        Scrape::parse(lines).expect("the exposition format")
    }

    /// Each counter and gauge that is exported, and of each histogram that it is there.
    fn scrape(&self) -> Series {
        let scrape = self.page();
        let mut series = Series::default();
        for sample in scrape.samples {
            let labels = sample.labels.iter().map(|(k, v)| (k.clone(), v.clone()));
            let (value, counter) = match sample.value {
                Value::Counter(value) => (value, true),
                Value::Gauge(value) => (value, false),
                Value::Histogram(_) => {
                    let id = (format!("{}_bucket", sample.metric), labels.collect());
                    series.0.insert(id, 0.0);
                    continue;
                }
                // the rest of a histogram
                Value::Untyped(_) => continue,
                other => panic!("{}: {other:?}", sample.metric),
            };
            assert_eq!(
                counter,
                sample.metric.ends_with("_total"),
                "{}",
                sample.metric
            );
            assert!(
                scrape.docs.contains_key(&sample.metric),
                "{} has no help",
                sample.metric
            );
            let id = (sample.metric, labels.collect());
            assert!(series.0.insert(id, value).is_none(), "told twice");
        }
        series
    }
}

type Id = (String, BTreeMap<String, String>);

#[derive(Default)]
struct Series(BTreeMap<Id, f64>);

impl Series {
    #[track_caller]
    fn get(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let labels = labels.iter().map(|&(k, v)| (k.to_owned(), v.to_owned()));
        let id = (name.to_owned(), labels.collect());
        *self
            .0
            .get(&id)
            .unwrap_or_else(|| panic!("no {id:?} in {:#?}", self.0))
    }

    fn of(&self, name: &str) -> f64 {
        let all = self.0.iter().filter(|((n, _), _)| n == name);
        all.map(|(_, value)| value).sum()
    }

    fn names(&self) -> BTreeSet<String> {
        self.0.keys().map(|(name, _)| name.clone()).collect()
    }
}

fn state_label(state: State) -> &'static str {
    match state {
        State::Closed => "closed",
        State::Open => "open",
        State::HalfOpen => "half_open",
        State::ForcedOpen => "forced_open",
        State::Disabled => "disabled",
        State::ObserveOnly => "observe_only",
        other => panic!("{other} is new"),
    }
}

/// Every figure of one breaker.
#[track_caller]
fn agree(series: &Series, name: &str, seen: &Snapshot) {
    let breaker = ("breaker", name);
    let t = &seen.totals;
    let plain = [
        ("tripcoil_slow_calls_total", t.slow as f64),
        (
            "tripcoil_late_probe_successes_total",
            seen.late_probe_successes as f64,
        ),
        ("tripcoil_would_trips_total", seen.would_trip as f64),
        ("tripcoil_transitions_missed_total", 0.0),
        (
            "tripcoil_time_in_state_seconds",
            seen.time_in_state.as_secs_f64(),
        ),
        (
            "tripcoil_retry_after_seconds",
            seen.retry_after.unwrap_or_default().as_secs_f64(),
        ),
        ("tripcoil_failure_ratio", seen.failure_rate),
        ("tripcoil_slow_ratio", seen.slow_rate),
        ("tripcoil_window_calls", seen.window.calls as f64),
        (
            "tripcoil_consecutive_failures",
            seen.consecutive_failures as f64,
        ),
        (
            "tripcoil_evidence",
            seen.evidence.map_or(0.0, |evidence| evidence.value),
        ),
        (
            "tripcoil_evidence_limit",
            seen.evidence.map_or(0.0, |evidence| evidence.limit),
        ),
        (
            "tripcoil_evidence_calls_per_second",
            seen.evidence.map_or(0.0, |evidence| evidence.pace),
        ),
        (
            "tripcoil_hang_calls",
            seen.watch.map_or(0.0, |watch| f64::from(watch.starts)),
        ),
        (
            "tripcoil_probes_in_flight",
            f64::from(seen.probes.in_flight),
        ),
        ("tripcoil_admitted_share", seen.admitted_share),
    ];
    for (metric, value) in plain {
        assert_eq!(series.get(metric, &[breaker]), value, "{metric}");
    }
    let until = series.get("tripcoil_open_until_timestamp_seconds", &[breaker]);
    match seen.retry_after.unwrap_or_default() {
        Duration::ZERO => assert_eq!(until, 0.0, "not open, or its wait is over"),
        rest => {
            let now = std::time::SystemTime::now();
            let now = now
                .duration_since(std::time::UNIX_EPOCH)
                .expect("after 1970");
            let differ = until - (now + rest).as_secs_f64();
            assert!(differ.abs() < 60.0, "{until} {differ}");
        }
    }
    let outcomes = [
        ("success", t.successes),
        ("failure", t.failures),
        ("ignored", t.ignored),
        ("cancelled", t.cancelled),
        ("late", t.late),
    ];
    for (outcome, count) in outcomes {
        let value = series.get("tripcoil_calls_total", &[breaker, ("outcome", outcome)]);
        assert_eq!(value, count as f64, "{outcome}");
    }
    let fallbacks = [
        ("rejected", seen.fallbacks.rejected),
        ("failed", seen.fallbacks.failed),
    ];
    for (reason, count) in fallbacks {
        let value = series.get("tripcoil_fallbacks_total", &[breaker, ("reason", reason)]);
        assert_eq!(value, count as f64, "{reason}");
    }
    for (state, count) in [
        ("open", seen.rejections_by_state.open),
        ("half_open", seen.rejections_by_state.half_open),
        ("forced_open", seen.rejections_by_state.forced_open),
    ] {
        let value = series.get("tripcoil_rejections_total", &[breaker, ("state", state)]);
        assert_eq!(value, count as f64, "{state}");
    }
    assert_eq!(series.of("tripcoil_rejections_total"), t.rejected as f64);
    let states = [
        State::Closed,
        State::Open,
        State::HalfOpen,
        State::ForcedOpen,
        State::Disabled,
        State::ObserveOnly,
    ];
    for state in states {
        let value = series.get("tripcoil_state", &[breaker, ("state", state_label(state))]);
        assert_eq!(value, f64::from(u8::from(state == seen.state)), "{state}");
    }
    for (kind, count) in seen.failures_by_kind.iter() {
        let label = match kind {
            FailureKind::Other(2) => "other".to_owned(),
            FailureKind::Other(n) => format!("other_{n}"),
            named => named.to_string(),
        };
        let value = series.get("tripcoil_failures_total", &[breaker, ("kind", &label)]);
        assert_eq!(value, count as f64, "{kind}");
    }
    assert_eq!(
        series.of("tripcoil_transitions_total"),
        seen.transitions as f64
    );
}

fn build(name: &str, about: impl FnOnce(Builder) -> Builder) -> (Breaker, Controller, ManualClock) {
    let clock = ManualClock::new();
    let builder = Breaker::builder(name)
        .clock(&clock)
        .window(Window::time(Duration::from_secs(10)).buckets(10))
        .slow_call(SLOW)
        .open_for(Duration::from_secs(30))
        .half_open(HalfOpen::successes(2));
    let (breaker, controller) = about(builder).build_with_controller().expect("valid");
    (breaker, controller, clock)
}

#[test]
fn each_figure_is_the_snapshots() {
    let exporter = Exporter::new();
    let rules = |b: Builder| b.consecutive_failures(4).slow_rate(0.9);
    let (breaker, controller, clock) = build("payments", rules);
    let publisher = exporter.publisher(&breaker);
    let observer = breaker.observer();
    let check = || {
        assert!(publisher.drain(LONG));
        agree(&exporter.scrape(), "payments", &observer.snapshot());
        observer.snapshot()
    };
    let acquire = || breaker.try_acquire().expect("admitted");
    assert_eq!(check().totals, tripcoil::observe::Totals::default());

    (0..7).for_each(|_| acquire().success());
    acquire().record_timed(Outcome::Success, SLOW * 2);
    acquire().record_timed(Outcome::Failure(FailureKind::Overload), SLOW * 2);
    acquire().failure(FailureKind::Other(1));
    acquire().failure(FailureKind::Other(200));
    acquire().ignore();
    drop(acquire());
    let late = acquire();
    let closed = check();
    assert!(closed.failure_rate > 0.0 && closed.slow_rate > 0.0);
    assert_eq!(closed.consecutive_failures, 3);

    acquire().failure(FailureKind::Timeout);
    late.success();
    (0..3).for_each(|_| assert!(breaker.try_acquire().is_err()));
    clock.advance(Duration::from_secs(12));
    let open = check();
    assert_eq!(
        (open.state, open.totals.late, open.totals.rejected),
        (State::Open, 1, 3)
    );
    assert_eq!(open.retry_after, Some(Duration::from_secs(18)));

    clock.advance(Duration::from_secs(18));
    let probe = acquire();
    assert!(breaker.try_acquire().is_err(), "one probe at a time");
    let half = check();
    assert_eq!((half.state, half.probes.in_flight), (State::HalfOpen, 1));
    probe.failure(FailureKind::Connect);
    check();
    clock.advance(Duration::from_secs(60));
    (0..2).for_each(|_| acquire().success());
    assert_eq!(check().state, State::Closed);
    controller.observe_only();
    (0..5).for_each(|_| acquire().failure(FailureKind::Data));
    assert_eq!(check().would_trip, 1);
    controller.disable();
    assert_eq!(breaker.call_or(|| Err(1), |_| 2), 2);
    check();
    controller.force_open();
    (0..2).for_each(|_| assert_eq!(breaker.call_or(|| Ok::<_, ()>(1), |_| 2), 2));
    let forced = check();
    assert_eq!((forced.fallbacks.rejected, forced.fallbacks.failed), (2, 1));
    assert_eq!(forced.state, State::ForcedOpen);
    let by = forced.rejections_by_state;
    assert_eq!((by.open, by.half_open, by.forced_open), (3, 1, 2));

    let series = exporter.scrape();
    let ways = [
        ("open", "consecutive_failures", 1.0),
        ("half_open", "open_elapsed", 2.0),
        ("open", "probe_failed", 1.0),
        ("closed", "probes_succeeded", 1.0),
        ("observe_only", "manual", 1.0),
        ("disabled", "manual", 1.0),
        ("forced_open", "manual", 1.0),
        ("open", "failure_rate", 0.0),
        ("open", "manual", 0.0),
    ];
    for (to, cause, count) in ways {
        let labels = [("breaker", "payments"), ("to", to), ("cause", cause)];
        let value = series.get("tripcoil_transitions_total", &labels);
        assert_eq!(value, count, "{to} {cause}");
    }
}

/// Score, limit and pace while the rule judges; and the calls of a watch.
#[test]
fn evidence_and_a_hang_are_published() {
    let exporter = Exporter::new();
    let rules = |b: Builder| b.outage(Outage::at(0.5)).hang(Hang::default());
    let (breaker, _, clock) = build("stock", rules);
    let publisher = exporter.publisher(&breaker);
    let observer = breaker.observer();
    let check = || {
        assert!(publisher.drain(LONG));
        agree(&exporter.scrape(), "stock", &observer.snapshot());
        observer.snapshot()
    };
    let tick = Duration::from_millis(20);
    let end = |outcome| breaker.try_acquire().expect("admitted").record(outcome);
    assert_eq!(check().evidence.expect("it is on").value, 0.0);
    for _ in 0..100 {
        clock.advance(tick);
        end(Outcome::Success);
    }
    (0..4).for_each(|_| end(Outcome::Failure(FailureKind::Server)));
    let evidence = check().evidence.expect("it is on");
    assert!(evidence.value > 0.0 && evidence.value < evidence.limit);
    assert!(evidence.pace > 40.0, "{evidence:?}");

    clock.advance(4 * tick);
    let mut held: Vec<_> = (0..9)
        .map(|_| breaker.try_acquire().expect("admitted"))
        .collect();
    assert_eq!(check().watch.expect("no call ends").starts, 9);
    clock.advance(Duration::from_millis(400));
    held.push(breaker.try_acquire().expect("admitted"));
    assert_eq!(check().watch.expect("no call ends").starts, 10);
    assert!(breaker.try_acquire().is_err());
    let open = check();
    assert_eq!(
        (open.state, open.evidence, open.watch),
        (State::Open, None, None)
    );
    let labels = [("breaker", "stock"), ("to", "open"), ("cause", "hang")];
    let trips = exporter.scrape().get("tripcoil_transitions_total", &labels);
    assert_eq!(trips, 1.0);
}

/// A share while there is a ramp, and how it ended.
#[test]
fn a_ramp_is_published() {
    let exporter = Exporter::new();
    let ramp = HalfOpen::successes(1).ramp(Ramp::new());
    let rules = |b: Builder| b.consecutive_failures(1).half_open(ramp);
    let (breaker, controller, clock) = build("search", rules);
    let publisher = exporter.publisher(&breaker);
    let observer = breaker.observer();
    let check = || {
        assert!(publisher.drain(LONG));
        agree(&exporter.scrape(), "search", &observer.snapshot());
        observer.snapshot().admitted_share
    };
    let call = |outcome| {
        if let Ok(permit) = breaker.try_acquire() {
            permit.record(outcome);
        }
    };
    (0..1_000).for_each(|_| call(Outcome::Success));
    clock.advance(Duration::from_secs(1));
    call(Outcome::Failure(FailureKind::Server));
    assert_eq!(check(), 0.0);
    let climb = |outcome| {
        controller.half_open();
        assert_eq!(check(), 0.0);
        call(Outcome::Success);
        assert_eq!(check(), 0.25);
        (0..20).for_each(|_| call(outcome));
    };
    climb(Outcome::Success);
    for share in [0.75, 1.0] {
        clock.advance(Duration::from_millis(100));
        call(Outcome::Success);
        assert_eq!(check(), share);
        (0..20).for_each(|_| call(Outcome::Success));
    }
    climb(Outcome::Failure(FailureKind::Server));
    assert_eq!(check(), 0.0);
    let series = exporter.scrape();
    for (to, cause) in [("closed", "ramp_completed"), ("open", "ramp_failed")] {
        let labels = [("breaker", "search"), ("to", to), ("cause", cause)];
        assert_eq!(series.get("tripcoil_transitions_total", &labels), 1.0);
    }
}

/// As many calls as ended, each once, whenever it is published; told apart by their durations.
#[test]
fn durations_are_published_where_they_are_kept() {
    let exporter = Exporter::new();
    let (breaker, _, clock) = build("search", |b| b.failure_rate(0.9).durations(true));
    let end = |outcome, ms| {
        let permit = breaker.try_acquire().expect("admitted");
        permit.record_timed(outcome, Duration::from_millis(ms));
    };
    end(Outcome::Success, 5);
    let publisher = exporter.publisher(&breaker);
    let buckets = || {
        let page = exporter.page();
        let name = "tripcoil_call_duration_seconds";
        assert!(page.docs.contains_key(name));
        let count = page
            .samples
            .iter()
            .find(|s| s.metric == format!("{name}_count"));
        let count = match count.expect("a count").value {
            Value::Untyped(count) => count,
            ref other => panic!("{other:?}"),
        };
        let of = page
            .samples
            .iter()
            .find(|s| s.metric == name)
            .expect("there");
        assert_eq!(of.labels.get("breaker"), Some("search"));
        let Value::Histogram(buckets) = &of.value else {
            panic!("{of:?}")
        };
        let bounds: Vec<f64> = buckets.iter().map(|b| b.less_than).collect();
        assert_eq!(bounds[..4], LE);
        let told: Vec<f64> = buckets.iter().map(|b| b.count).collect();
        assert_eq!(told[4], count);
        told
    };
    assert_eq!(buckets(), [1.0, 1.0, 1.0, 1.0, 1.0]);
    publisher.publish();
    assert_eq!(buckets(), [1.0, 1.0, 1.0, 1.0, 1.0], "once");
    end(Outcome::Failure(FailureKind::Server), 50);
    (0..2).for_each(|_| end(Outcome::Success, 500));
    end(Outcome::Success, 20_000);
    end(Outcome::Ignored, 5);
    // by the breaker's clock
    let permit = breaker.try_acquire().expect("admitted");
    clock.advance(Duration::from_secs(5));
    permit.success();
    assert!(publisher.drain(LONG));
    assert_eq!(buckets(), [1.0, 2.0, 4.0, 5.0, 6.0]);
}

/// Nobody calls `publish`: transitions and epochs do.
#[test]
fn an_epoch_and_a_transition_publish_by_themselves() {
    let exporter = Exporter::new();
    let (breaker, controller, clock) = build("search", |b| b.failure_rate(0.9));
    let _publisher = exporter.publisher(&breaker);
    let calls = || exporter.scrape().of("tripcoil_calls_total");
    let until = |what: &str, holds: &dyn Fn() -> bool| {
        for _ in 0..6_000 {
            if holds() {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("{what} was never published");
    };
    let succeed = || breaker.call(|| Ok::<_, ()>(())).expect("closed");
    (0..5).for_each(|_| succeed());
    assert_eq!(calls(), 0.0, "the epoch is not over");
    clock.advance(Duration::from_secs(1));
    succeed();
    // the sixth may have been recorded by the time at which the listener looks
    until("the epoch", &|| calls() >= 5.0);
    controller.force_open();
    until("the transition", &|| {
        let series = exporter.scrape();
        let label = [("breaker", "search"), ("state", "forced_open")];
        series.get("tripcoil_state", &label) == 1.0 && series.of("tripcoil_calls_total") == 6.0
    });
}

/// Whoever publishes how often, from how many threads: totals are exact, and never go down.
#[test]
fn nothing_is_lost_or_counted_twice() {
    const THREADS: usize = 3;
    const CALLS: usize = 20_000;
    let exporter = Exporter::new();
    let (breaker, controller, clock) = build("busy", |b| b.failure_rate(1.0));
    let publisher = exporter.publisher(&breaker);
    let start = Barrier::new(THREADS + 1);
    thread::scope(|threads| {
        for t in 0..THREADS {
            let (breaker, clock, publisher, start) = (&breaker, &clock, &publisher, &start);
            threads.spawn(move || {
                start.wait();
                for n in 0..CALLS {
                    let fails = n % 3 == t;
                    let _ = breaker.call(|| if fails { Err(()) } else { Ok(()) });
                    if n % 500 == 0 {
                        clock.advance(Duration::from_millis(300));
                        publisher.publish();
                    }
                }
            });
        }
        start.wait();
        let mut before = 0.0;
        for round in 0..20 {
            if round % 5 == 0 {
                controller.trip_for(Duration::ZERO);
            }
            let series = exporter.scrape();
            let now = series.of("tripcoil_calls_total") + series.of("tripcoil_rejections_total");
            assert!(
                now >= before && now <= (THREADS * CALLS) as f64,
                "{now} after {before}"
            );
            before = now;
        }
    });
    assert!(publisher.drain(LONG));
    let series = exporter.scrape();
    agree(&series, "busy", &breaker.observer().snapshot());
    let all = series.of("tripcoil_calls_total") + series.of("tripcoil_rejections_total");
    assert_eq!(all, (THREADS * CALLS) as f64);
    assert!(series.of("tripcoil_transitions_total") >= 4.0);
}

#[test]
fn a_count_window_is_published_when_asked() {
    let exporter = Exporter::new();
    let window = |b: Builder| b.window(Window::count(10)).failure_rate(1.0);
    let (breaker, _controller, _clock) = build("counted", window);
    let publisher = exporter.publisher(&breaker);
    breaker.call(|| Err::<(), _>(())).expect_err("its own");
    publisher.publish();
    agree(
        &exporter.scrape(),
        "counted",
        &breaker.observer().snapshot(),
    );
}

#[test]
fn labels_tell_breakers_apart_and_a_dropped_publisher_is_silent() {
    let exporter = Exporter::new();
    let (eu, _, _) = build("db", |b| b);
    let (us, _, _) = build("db", |b| b);
    let labelled = |breaker: &Breaker, zone: &'static str| {
        metrics::with_local_recorder(&exporter.recorder, || {
            Publisher::with_labels(&breaker.observer(), &[("zone", zone)])
        })
    };
    let (of_eu, of_us) = (labelled(&eu, "eu"), labelled(&us, "us"));
    eu.call(|| Ok::<_, ()>(())).expect("closed");
    of_eu.publish();
    of_us.publish();
    let successes = |zone| {
        let labels = [("breaker", "db"), ("zone", zone), ("outcome", "success")];
        exporter.scrape().get("tripcoil_calls_total", &labels)
    };
    assert_eq!((successes("eu"), successes("us")), (1.0, 0.0));

    // its listeners go with it
    let handles = eu.handles();
    drop(of_eu);
    for _ in 0..6_000 {
        if eu.handles() == 1 {
            break;
        }
        thread::sleep(Duration::from_millis(10));
    }
    assert!(handles > 1);
    assert_eq!(eu.handles(), 1);
}

#[test]
fn a_registry_is_published_as_one() {
    let exporter = Exporter::new();
    let config = Config {
        clock: ManualClock::new().into(),
        ..Config::default()
    };
    let (registry, controller) = Registry::<u32>::from_config(config)
        .expect("valid")
        .capacity(2)
        .build_with_controller();
    let publisher =
        metrics::with_local_recorder(&exporter.recorder, || RegistryPublisher::new("tenants"));
    for key in 0..40 {
        let _ = registry.call(&key, || if key % 4 == 0 { Err(()) } else { Ok(()) });
    }
    controller.on(&100, |c| c.force_open()).expect("valid");
    let _ = registry.call(&100, || Ok::<_, ()>(()));
    (0..2).for_each(|_| _ = registry.sweep());
    let all = registry.aggregate();
    publisher.publish(&all);
    let series = exporter.scrape();
    let tenants = ("registry", "tenants");
    let get = |name: &str| series.get(name, &[tenants]);
    let calls = |outcome| {
        series.get(
            "tripcoil_registry_calls_total",
            &[tenants, ("outcome", outcome)],
        )
    };
    assert_eq!((calls("success"), calls("failure")), (30.0, 10.0));
    let rejected = |state| {
        let labels = [tenants, ("state", state)];
        series.get("tripcoil_registry_rejections_total", &labels)
    };
    assert_eq!((rejected("forced_open"), rejected("open")), (1.0, 0.0));
    assert_eq!(get("tripcoil_registry_evictions_total"), 40.0);
    assert_eq!(get("tripcoil_registry_transitions_total"), 1.0);
    assert_eq!(
        get("tripcoil_registry_over_capacity"),
        all.over_capacity() as f64
    );
    assert_eq!(get("tripcoil_registry_slow_calls_total"), 0.0);
    for state in [State::Closed, State::ForcedOpen, State::Open] {
        let label = [tenants, ("state", state_label(state))];
        let value = series.get("tripcoil_registry_breakers", &label);
        assert_eq!(value, all.in_state(state) as f64, "{state}");
    }
}

/// The name of each series, and each label that is asked for, in a query.
fn selectors(query: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut found = Vec::new();
    let mut rest = query;
    while let Some(at) = rest.find("tripcoil_") {
        let name: String = rest[at..]
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
            .collect();
        rest = &rest[at + name.len()..];
        let mut labels = Vec::new();
        if let Some(inside) = rest.strip_prefix('{') {
            let end = inside.find('}').expect("a closed selector");
            for matcher in inside[..end].split(',').map(str::trim) {
                let (label, value) = matcher.split_once('=').expect("a matcher");
                let value = value.trim_start_matches('~').trim_matches('"');
                labels.push((label.trim_end_matches('!').to_owned(), value.to_owned()));
            }
        }
        found.push((name, labels));
    }
    found
}

/// Boards and alerts ask for what is exported, and for no label value that never comes.
#[test]
fn boards_and_alerts_ask_for_what_there_is() {
    let exporter = Exporter::new();
    let (breaker, _controller, _clock) = build("db", |b| b.durations(true));
    let _ = breaker.call(|| Ok::<_, ()>(()));
    let _publisher = exporter.with_insight(&breaker);
    let _registry =
        metrics::with_local_recorder(&exporter.recorder, || RegistryPublisher::new("tenants"));
    let _fleet = fleet::idle(&exporter);
    let series = exporter.scrape();
    let names = series.names();

    let read = |path: &str| {
        let path = format!("{}/docs/{path}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
    };
    let board: serde_json::Value =
        serde_json::from_str(&read("grafana/tripcoil.json")).expect("JSON");
    let mut queries = Vec::new();
    collect(&board, &mut queries);
    let boards = queries.len();
    let rules = read("alerts.yml");
    queries.extend(
        rules
            .lines()
            .filter(|l| !l.trim_start().starts_with('#'))
            .map(str::to_owned),
    );
    let asked: Vec<_> = queries.iter().flat_map(|query| selectors(query)).collect();
    assert!(boards > 5 && asked.len() > boards, "they are read");
    // what is exported is shown, too
    for name in &names {
        let shown = asked.iter().any(|(asked, _)| asked == name);
        assert!(shown, "{name} is on no panel and in no alert");
    }
    for (name, labels) in asked {
        assert!(names.contains(&name), "{name} is not exported");
        let of_that_name = series.0.keys().filter(|(n, _)| *n == name);
        let of_that_name: Vec<_> = of_that_name.map(|(_, labels)| labels).collect();
        // these two are Prometheus' own, for what it scrapes
        let ours = |label: &String| label != "job" && label != "instance";
        for (label, value) in labels.into_iter().filter(|(label, _)| ours(label)) {
            let wanted: Vec<_> = value.split('|').collect();
            let variable = value.starts_with('$') || value.starts_with(".*");
            for wanted in wanted {
                assert!(
                    of_that_name
                        .iter()
                        .any(|l| l.get(&label).is_some_and(|v| variable || v == wanted)),
                    "no {name} has {label}={wanted}"
                );
            }
        }
    }
}

/// Every query of a board, those of its variables included.
fn collect(value: &serde_json::Value, into: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str() {
                    Some(text) if name == "expr" || name == "query" => into.push(text.to_owned()),
                    _ => collect(value, into),
                }
            }
        }
        serde_json::Value::Array(values) => values.iter().for_each(|v| collect(v, into)),
        _ => {}
    }
}
