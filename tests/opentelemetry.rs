//! Transitions as OpenTelemetry's SDK exports them.
#![allow(clippy::expect_used, reason = "a test may fail loudly")]

use std::time::Duration;

use opentelemetry::trace::{SpanId, TracerProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use tracing::field::Empty;
use tracing_subscriber::layer::SubscriberExt;
use tripcoil::tracing::{RecordRejection, Tracing};
use tripcoil::{Breaker, FailureKind, ManualClock};

const LONG: Duration = Duration::from_secs(60);

fn value(attributes: &[opentelemetry::KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|pair| pair.key.as_str() == key);
    found.map(|pair| pair.value.to_string())
}

#[test]
fn each_transition_is_a_root_span_with_its_event() {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(exporter.clone())
        .build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("tests"));
    let subscriber = tracing_subscriber::registry().with(layer);

    let clock = ManualClock::new();
    let (breaker, controller) = Breaker::builder("payments")
        .clock(&clock)
        .consecutive_failures(1)
        .build_with_controller()
        .expect("valid");
    tracing::subscriber::with_default(subscriber, || {
        // the caller's own span is no parent of what a listener makes
        let _call = tracing::info_span!("pay").entered();
        let listening = Tracing::new(&breaker.observer());
        if let Ok(permit) = breaker.try_acquire() {
            permit.failure(FailureKind::Connect);
        }
        let rejected = tracing::info_span!(
            "rejected",
            error.type = Empty,
            tripcoil.rejected = Empty,
            tripcoil.breaker = Empty,
            tripcoil.state = Empty,
            tripcoil.cause = Empty,
            tripcoil.retry_after_ms = Empty,
        );
        rejected.in_scope(|| {
            let paid = breaker.call(|| Ok::<_, ()>(()));
            paid.record_rejection_of(breaker.name()).expect_err("open")
        });
        drop(rejected);
        assert!(controller.reset());
        assert!(listening.drain(LONG));
    });
    provider.force_flush().expect("flushed");

    let spans = exporter.get_finished_spans().expect("exported");
    let ours: Vec<&SpanData> = spans
        .iter()
        .filter(|span| span.name == "breaker transition")
        .collect();
    assert_eq!(ours.len(), 2, "{spans:?}");
    for span in &ours {
        assert_eq!(span.parent_span_id, SpanId::INVALID, "a root");
        assert_eq!(span.events.events.len(), 1, "{span:?}");
        assert_eq!(
            value(&span.attributes, "tripcoil.breaker").as_deref(),
            Some("payments")
        );
    }
    assert_ne!(
        ours[0].span_context.trace_id(),
        ours[1].span_context.trace_id(),
        "a trace each"
    );
    let opened = &ours[0].events.events[0];
    assert_eq!(opened.name, "breaker opened");
    let expected = [
        ("tripcoil.breaker", "payments"),
        ("tripcoil.from", "closed"),
        ("tripcoil.to", "open"),
        ("tripcoil.cause", "consecutive_failures"),
        ("tripcoil.generation", "1"),
        ("error.type", "connect"),
    ];
    // on the span, by which a trace is found, and on its event
    for (key, expected) in expected {
        for attributes in [&ours[0].attributes, &opened.attributes] {
            assert_eq!(value(attributes, key).as_deref(), Some(expected), "{key}");
        }
    }
    assert_eq!(
        value(&opened.attributes, "tripcoil.open_for_ms").as_deref(),
        Some("60000")
    );
    // a reset is an operator's
    for attributes in [&ours[1].attributes, &ours[1].events.events[0].attributes] {
        assert_eq!(
            value(attributes, "tripcoil.cause").as_deref(),
            Some("manual")
        );
        assert_eq!(value(attributes, "error.type"), None);
    }
    assert_eq!(ours[1].events.events[0].name, "breaker changed state");

    let rejected = spans.iter().find(|span| span.name == "rejected");
    let rejected = &rejected.expect("exported").attributes;
    let expected = [
        ("error.type", "rejected"),
        ("tripcoil.rejected", "true"),
        ("tripcoil.breaker", "payments"),
        ("tripcoil.state", "open"),
        ("tripcoil.cause", "consecutive_failures"),
        ("tripcoil.retry_after_ms", "60000"),
    ];
    for (key, expected) in expected {
        assert_eq!(value(rejected, key).as_deref(), Some(expected), "{key}");
    }
    // one style of names
    for span in spans.iter().filter(|span| span.name != "pay") {
        let events = span.events.iter().flat_map(|event| &event.attributes);
        for key in span.attributes.iter().chain(events).map(|pair| &pair.key) {
            let key = key.as_str();
            // those of the layer itself: where the event is in the source, and its level
            let theirs = ["code.", "thread.", "target", "level", "busy_ns", "idle_ns"];
            let ours = key == "error.type" || key.starts_with("tripcoil.");
            assert!(
                ours || theirs.iter().any(|one| key.starts_with(one)),
                "{key}"
            );
        }
    }
}
