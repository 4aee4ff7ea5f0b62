//! The breakers of a registry, which come and go.

use crate::rig::{Rig, check};
use axum::http::StatusCode;
use serde_json::json;
use std::sync::Arc;
use tripcoil::operate::Operator;
use tripcoil::registry::{Registry, RegistryController};
use tripcoil::{Breaker, State};

fn hosts() -> (Registry<String>, Arc<RegistryController<String>>) {
    let builder = Registry::builder(|host: &String| Breaker::builder(host.as_str()));
    let (registry, controller) = builder.build_with_controller();
    (registry, Arc::new(controller))
}

#[tokio::test]
async fn its_present_breakers_are_shown_and_no_request_makes_one() {
    let (registry, controller) = hosts();
    let single = Breaker::builder("single").build().unwrap();
    let operator = Operator::new()
        .registry(controller.clone())
        .observer(&single.observer())
        .switches(check);
    let rig = Rig::new(operator).await;
    assert_eq!(rig.read("/breakers").await["total"], 1);
    registry.get("eu").unwrap();
    assert_eq!(rig.read("/breakers").await["total"], 2);
    assert_eq!(rig.read("/breakers/eu").await["switchable"], true);
    assert_eq!(rig.read("/breakers/single").await["switchable"], false);
    for path in ["us", "us/history", "us/outages"] {
        assert_eq!(
            rig.get(&format!("/breakers/{path}")).await.status,
            StatusCode::NOT_FOUND
        );
    }
    for switch in ["force-open", "reset"] {
        let (status, _) = rig.post(&format!("/breakers/us/{switch}"), "").await;
        assert_eq!(status, StatusCode::NOT_FOUND);
    }
    let (status, _) = rig
        .patch("/breakers/us/rules", r#"{"failure_rate": 0.5}"#)
        .await;
    assert_eq!((status, registry.len()), (StatusCode::NOT_FOUND, 1));

    let (status, done) = rig.post("/breakers/eu/force-open", "").await;
    assert_eq!((status, &done["changed"]), (StatusCode::OK, &json!(true)));
    assert_eq!(registry.get("eu").unwrap().state(), State::ForcedOpen);

    assert!(controller.forget("eu"));
    assert_eq!(rig.get("/breakers/eu").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_observer_of_a_forgotten_breaker_is_not_shown_any_more() {
    let (registry, controller) = hosts();
    let observer = registry.get("eu").unwrap().observer();
    let rig = Rig::new(Operator::new().observer(&observer)).await;
    assert_eq!(rig.read("/breakers").await["total"], 1);
    assert!(controller.forget("eu"));
    assert!(observer.is_forgotten());
    assert_eq!(rig.read("/breakers").await["total"], 0);
    assert_eq!(rig.get("/breakers/eu").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_breaker_that_is_added_beside_its_registry_is_one() {
    let (registry, controller) = hosts();
    let observer = registry.get("eu").unwrap().observer();
    registry.get("us").unwrap();
    for operator in [
        Operator::new()
            .registry(controller.clone())
            .observer(&observer),
        Operator::new()
            .observer(&observer)
            .registry(controller.clone()),
        Operator::new()
            .registry(controller.clone())
            .registry(controller.clone()),
    ] {
        let rig = Rig::new(operator.switches(check)).await;
        let list = rig.read("/breakers").await;
        assert_eq!(
            (&list["total"], &list["states"]["closed"]),
            (&json!(2), &json!(2))
        );
        assert_eq!(rig.read("/breakers/eu").await["switchable"], true);
        let (status, _) = rig.post("/breakers/eu/reset", "").await;
        assert_eq!(status, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_breaker_with_rules_of_its_own_stays() {
    let (registry, controller) = hosts();
    let rig = Rig::new(Operator::new().registry(controller).switches(check)).await;
    for host in ["eu", "us"] {
        registry.get(host).unwrap();
    }
    // reading, and what is refused, keep nothing
    rig.read("/breakers/us").await;
    let (status, _) = rig
        .patch("/breakers/us/rules", r#"{"failure_rate": 40}"#)
        .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let (status, _) = rig
        .patch("/breakers/eu/rules", r#"{"failure_rate": 0.25}"#)
        .await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(registry.sweep() + registry.sweep(), 1);
    assert!(registry.peek("us").is_none());
    let kept = registry.peek("eu").expect("has rules of its own");
    assert_eq!(kept.observer().config().failure_rate, Some(0.25));
}

/// As large as a registry is by default.
#[tokio::test]
async fn ten_thousand_keys_come_in_pages_and_the_worst_first() {
    let (registry, controller) = hosts();
    for n in 0..10_000 {
        registry.get(&format!("host {n:05}")).unwrap();
    }
    for n in [17, 4_711, 9_999] {
        controller
            .on(&format!("host {n:05}"), |one| one.trip())
            .unwrap();
    }
    let rig = Rig::new(Operator::new().registry(controller)).await;
    let worst = rig.read("/breakers?order=worst&limit=4&detail=full").await;
    assert_eq!(
        (&worst["total"], &worst["states"]["open"]),
        (&json!(10_000), &json!(3))
    );
    let shown = worst["breakers"].as_array().unwrap();
    let names: Vec<_> = shown.iter().map(|one| &one["name"]).collect();
    assert_eq!(
        names,
        ["host 00017", "host 04711", "host 09999", "host 00000"]
    );

    let (mut path, mut seen) = ("/breakers?limit=1000".to_owned(), Vec::new());
    loop {
        let page = rig.read(&path).await;
        let shown = page["breakers"].as_array().unwrap();
        assert!(shown.len() <= 1000);
        seen.extend(
            shown
                .iter()
                .map(|one| one["name"].as_str().unwrap().to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => path = format!("/breakers{next}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), 10_000);
    assert!(seen.is_sorted());
    let first = rig.read("/breakers").await;
    assert_eq!(
        first["breakers"].as_array().unwrap().len(),
        100,
        "by default"
    );
}
