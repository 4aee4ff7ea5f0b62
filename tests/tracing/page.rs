//! What `docs/opentelemetry.md` says of events and spans, against those that there are.

use super::{Fields, LONG, build, fail, traffic};
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::http::request::Parts;
use axum::response::Response;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceExt;
use tracing::field::Empty;
use tracing::span::{Attributes, Id};
use tracing::{Event, Instrument, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tripcoil::fleet::{Answer, ChangeSender, Changes, Down, MemoryStore, Report, Store, Word};
use tripcoil::insight::{Bounds, Insight, Tuner};
use tripcoil::operate::{Operator, Who};
use tripcoil::tracing::{RecordRejection, Tracing};
use tripcoil::{Breaker, ManualClock};

const PAGE: &str = include_str!("../../docs/opentelemetry.md");

type Names = BTreeSet<String>;

/// Every field that events and spans of the target `tripcoil` declare, with a value or without.
#[derive(Clone, Default)]
struct Declared {
    /// By message, with the level.
    events: Arc<Mutex<BTreeMap<String, (String, Names)>>>,
    spans: Arc<Mutex<BTreeMap<String, Names>>>,
}

fn names(of: &'static Metadata<'static>) -> Names {
    let all = of.fields().iter().map(|field| field.name().to_owned());
    all.filter(|name| name != "message").collect()
}

impl<S: Subscriber> Layer<S> for Declared {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let of = event.metadata();
        if of.target() == "tripcoil" {
            let mut fields = Fields::default();
            event.record(&mut fields);
            let what = (of.level().to_string(), names(of));
            let message = fields.0["message"].clone();
            let before = self.events.lock().insert(message, what.clone());
            assert!(before.is_none_or(|before| before == what), "one set each");
        }
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        let of = attributes.metadata();
        if of.target() == "tripcoil" {
            self.spans.lock().insert(of.name().to_owned(), names(of));
        }
    }
}

/// The rows of the table whose head begins so, by their cells.
fn rows(head: &str) -> Vec<Vec<String>> {
    let table = PAGE.lines().skip_while(|line| !line.starts_with(head));
    let rows = table.skip(2).take_while(|line| line.starts_with('|'));
    let cells = |row: &str| {
        row.trim_matches('|')
            .split('|')
            .map(|c| c.trim().to_owned())
            .collect()
    };
    rows.map(cells).collect()
}

fn plain(cell: &str) -> String {
    cell.trim_matches('`').to_owned()
}

fn list(cell: &str) -> Names {
    cell.split(", ").map(plain).collect()
}

#[test]
fn the_page_lists_every_event_and_span_with_its_fields() {
    let declared = Declared::default();
    let subscriber = tracing_subscriber::registry().with(declared.clone());
    tracing::subscriber::with_default(subscriber, || {
        let (breaker, controller, clock) =
            build(|b| b.consecutive_failures(1_000).failure_rate(0.9));
        let observer = breaker.observer();
        let insight = Insight::new(&observer);
        let tracing = Tracing::new(&observer).with_insight(&insight);
        // more bad calls than is normal, and on the rise
        for second in 0..60 {
            traffic(&breaker, 200, 2 + 6 * u32::saturating_sub(second, 40));
            clock.advance(Duration::from_secs(1));
            assert!(insight.drain(LONG));
        }
        // an outage, and what would have been one
        controller.trip();
        controller.reset();
        controller.observe_only();
        (0..1_000).for_each(|_| fail(&breaker));
        tracing.check();
        assert!(tracing.drain(LONG));
        // more transitions than the ring of events has room for
        let stuck = declared.events.lock();
        for _ in 0..1_500 {
            controller.force_open();
            controller.reset();
        }
        drop(stuck);
        assert!(tracing.drain(LONG));

        // five failures in a row are no outage if one call in 20 fails
        let clock = ManualClock::new();
        let (breaker, controller) = Breaker::builder("tuned")
            .clock(&clock)
            .consecutive_failures(5)
            .failure_rate(0.5)
            .build_with_controller()
            .expect("valid");
        let insight = Insight::new(&breaker.observer());
        let _tracing = Tracing::new(&breaker.observer()).with_insight(&insight);
        let bounds = Bounds::new().consecutive_failures(5..=8);
        let tuner = Tuner::new(&insight, controller, bounds).expect("valid");
        for _ in 0..400 {
            traffic(&breaker, 100, 5);
            clock.advance(Duration::from_secs(1));
            assert!(insight.drain(LONG));
        }
        assert_eq!(tuner.tune().len(), 1);
        operated();
        super::fleet::scenario();
    });

    let events: BTreeMap<_, _> = rows("| event |")
        .iter()
        .map(|row| (plain(&row[0]), (row[1].clone(), list(&row[2]))))
        .collect();
    assert_eq!(*declared.events.lock(), events);
    let mut spans: BTreeMap<_, _> = rows("| span |")
        .iter()
        .map(|row| (plain(&row[0]), list(&row[1])))
        .collect();
    let yours = spans.remove("yours").expect("a row");
    assert_eq!(*declared.spans.lock(), spans);

    // each name has our prefix
    let all = events
        .values()
        .map(|(_, fields)| fields)
        .chain(spans.values());
    for name in all.flatten().chain(&yours) {
        assert!(
            name.starts_with("tripcoil.") || name == "error.type",
            "{name}"
        );
    }
    recorded_on_a_span(&yours);
}

/// A switch that is thrown, one that there is no breaker for, and words to a fleet, one of them without an answer.
fn operated() {
    let (_breaker, controller, _) = build(|b| b);
    let operator = Operator::new().controller(controller);
    let memory = router(operator.fleet("checkout", MemoryStore::new()));
    let silent = router(Operator::new().fleet("checkout", Silent));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    runtime.expect("a runtime").block_on(async {
        for (router, path, status) in [
            (&memory, "/breakers/orders/trip", 404),
            (&memory, "/breakers/payments/trip", 200),
            (&memory, "/fleet/payments/disable", 200),
            (&silent, "/fleet/payments/disable", 504),
        ] {
            let request = Request::post(path)
                .header("content-type", "application/json")
                .body(Body::empty())
                .expect("a request");
            let answer = router.clone().oneshot(request).await.expect("an answer");
            assert_eq!(answer.status().as_u16(), status);
        }
    });
}

fn router(operator: Operator) -> Router {
    operator
        .switches(async |_: Parts| -> Result<Who, Response> { Ok(Who::new("ann")) })
        .router()
}

/// A store that never answers.
#[derive(Clone)]
struct Silent;

impl Store for Silent {
    async fn exchange(&self, _: &str, _: &[Report]) -> Result<Vec<Answer>, Down> {
        pending().await
    }

    async fn words(&self, _: &str) -> Result<Vec<Word>, Down> {
        pending().await
    }

    async fn say(&self, _: &str, _: &Word) -> Result<Word, Down> {
        pending().await
    }

    fn changes(&self, _: &str) -> Changes {
        ChangeSender::new().changes()
    }
}

/// A word that is under way is audited even if the client has gone, and within the span of the request.
#[test]
fn a_client_that_disconnects_avoids_no_audit() {
    let capture = super::Capture::default();
    let router = router(Operator::new().fleet("checkout", Silent));
    capture.within(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build();
        runtime.expect("a runtime").block_on(async {
            let request = Request::post("/fleet/payments/force-open")
                .header("content-type", "application/json")
                .body(Body::from(r#"{"for": "10m", "why": "change 4711"}"#))
                .expect("a request");
            let asking = router.clone().oneshot(request);
            let asking = asking.instrument(tracing::info_span!("request"));
            let gone = tokio::time::timeout(Duration::from_secs(1), asking).await;
            assert!(gone.is_err(), "no answer");
            tokio::time::sleep(Duration::from_secs(2)).await;
        });
    });
    let events = capture.events.lock();
    let [(_, fields)] = &events[..] else {
        panic!("{events:#?}");
    };
    let field = |name: &str| fields.0[name].as_str();
    assert_eq!(
        field("message"),
        "fleet's word may have been said by an operator"
    );
    assert_eq!(
        ["fleet", "breaker", "action", "who", "why", "status"]
            .map(|name| field(&format!("tripcoil.{name}"))),
        [
            "checkout",
            "payments",
            "force_open",
            "ann",
            "change 4711",
            "504"
        ]
    );
    let error = field("tripcoil.error");
    assert!(
        error.contains("no answer within 2s: it may have been said"),
        "{error}"
    );
}

/// A word that is refused does not look like a switch of this process alone.
#[test]
fn a_refused_word_has_the_name_of_its_fleet() {
    let (_breaker, controller, _) = build(|b| b);
    let operator = Operator::new().controller(controller);
    let router = router(operator.fleet("checkout", MemoryStore::new()));
    let capture = super::Capture::default();
    capture.within(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        runtime.expect("a runtime").block_on(async {
            for path in ["/breakers/payments/disable", "/fleet/payments/disable"] {
                let request = Request::post(path)
                    .header("content-type", "application/json")
                    .body(Body::from(r#"{"for": "ever"}"#))
                    .expect("a request");
                let answer = router.clone().oneshot(request).await.expect("an answer");
                assert_eq!(answer.status().as_u16(), 422);
            }
        });
    });
    let events = capture.events();
    let fleets = events
        .iter()
        .map(|(_, fields)| fields.0.get("tripcoil.fleet"));
    let fleets: Vec<_> = fleets.map(|fleet| fleet.map(String::as_str)).collect();
    assert_eq!(fleets, [None, Some("checkout")]);
}

/// Of a span that declares all of these, and one more, exactly these are filled in.
fn recorded_on_a_span(fields: &Names) {
    let capture = super::Capture::default();
    let (breaker, controller, _) = build(|b| b);
    controller.trip();
    capture.within(|| {
        let span = tracing::info_span!(
            "call",
            tripcoil.rejected = Empty,
            tripcoil.breaker = Empty,
            tripcoil.state = Empty,
            tripcoil.cause = Empty,
            tripcoil.retry_after_ms = Empty,
            error.type = Empty,
            another = Empty,
        );
        span.in_scope(|| {
            let permit = breaker.try_acquire().record_rejection_of(breaker.name());
            permit.expect_err("open");
        });
        let id = span.id().expect("enabled").into_u64();
        let filled = capture.spans.lock()[&id].clone();
        let filled: Names = filled.0.keys().map(|&name| name.to_owned()).collect();
        assert_eq!(filled, *fields);
    });
}
