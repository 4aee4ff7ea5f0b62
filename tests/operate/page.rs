//! The page: what it may load, and what is not in it.

use crate::rig::{Rig, check};
use axum::http::StatusCode;
use serde_json::Value;
use std::collections::BTreeSet;
use tripcoil::fleet::MemoryStore;
use tripcoil::operate::Operator;
use tripcoil::{Breaker, State};

#[tokio::test]
async fn the_page_loads_nothing_and_lets_in_its_own_script_only() {
    let strange = Breaker::builder("<script>alert(1)</script>")
        .build()
        .unwrap();
    let rig = Rig::new(
        Operator::new()
            .observer(&strange.observer())
            .switches(check),
    )
    .await;
    let mut nonces = BTreeSet::new();
    for _ in 0..16 {
        let page = rig.get("/").await;
        assert_eq!(page.status, StatusCode::OK);
        assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
        assert_eq!(page.headers["referrer-policy"], "no-referrer");
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        for part in [
            "default-src 'none'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "connect-src 'self'",
        ] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        let (_, nonce) = policy.split_once("script-src 'nonce-").unwrap();
        let nonce = nonce.split_once('\'').unwrap().0.to_owned();
        assert_eq!(nonce.len(), 32);
        assert_eq!(page.text.matches(&format!("nonce=\"{nonce}\"")).count(), 2);
        assert!(nonces.insert(nonce), "another each time");
        let text = page.text;
        assert!(!text.contains("NONCE") && !text.contains("alert(1)"));
        for way in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            " style=\"",
            " onclick",
            "src=",
            "@import",
            "url(h",
            "url(/",
            "url(\"",
            "url('",
        ] {
            assert!(!text.contains(way), "{way}");
        }
        let links = text.matches("http").count();
        assert_eq!(links, 1, "the name of SVG, which is no link");
    }
}

#[tokio::test]
async fn the_page_has_a_name_and_a_shape_for_each_state() {
    let rig = Rig::new(Operator::new()).await;
    let page = rig.get("/").await.text;
    let states = page
        .split_once("const STATES = {")
        .unwrap()
        .1
        .split_once("};")
        .unwrap()
        .0;
    let mut shapes = BTreeSet::new();
    let all = [
        State::Closed,
        State::Open,
        State::HalfOpen,
        State::ForcedOpen,
        State::Disabled,
        State::ObserveOnly,
    ];
    for state in all {
        let entry = format!("{}: \"", state.as_str());
        // not the end of another name
        let at = states.match_indices(&entry).map(|(at, _)| at);
        let mut at = at.filter(|at| states[..*at].ends_with(' '));
        let shown = states[at.next().unwrap() + entry.len()..]
            .split('"')
            .next()
            .unwrap();
        let (shape, name) = shown.split_once(' ').unwrap();
        assert_eq!(name, state.to_string());
        assert!(shapes.insert(shape), "{shape} twice");
    }
    assert_eq!(shapes.len(), 6);
}

#[tokio::test]
async fn the_page_offers_every_rule_that_can_be_changed() {
    let rig = Rig::new(Operator::new().switches(check)).await;
    let page = rig.get("/").await.text;
    let (_, rules) = page.split_once("const RULES = [").unwrap();
    let (rules, _) = rules.split_once("];").unwrap();
    let offered: BTreeSet<_> = rules
        .split(',')
        .map(|r| r.trim().trim_matches('"'))
        .collect();
    let described = rig.read("/openapi.json").await;
    let known = &described["components"]["schemas"]["Rules"]["properties"];
    let known: BTreeSet<_> = known
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(offered, known);
}

#[tokio::test]
async fn the_description_has_every_cause() {
    let rig = Rig::new(Operator::new()).await;
    let described = rig.read("/openapi.json").await;
    let causes = described["components"]["schemas"]["Cause"]["enum"].as_array();
    let causes = causes.unwrap().iter().map(|cause| cause.as_str().unwrap());
    let error = serde_json::from_value::<tripcoil::Cause>("?".into()).unwrap_err();
    let error = error.to_string();
    let (_, names) = error.split_once("of a transition: ").unwrap();
    let names = names.split(", ").flat_map(|names| names.split(" or "));
    assert_eq!(causes.collect::<BTreeSet<_>>(), names.collect());
}

#[tokio::test]
async fn the_description_refers_to_nothing_that_is_not_there() {
    fn references(value: &Value, into: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                into.extend(
                    fields
                        .get("$ref")
                        .and_then(Value::as_str)
                        .map(str::to_owned),
                );
                fields.values().for_each(|value| references(value, into));
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, into)),
            _ => {}
        }
    }
    let operator = Operator::new().fleet("all", MemoryStore::new());
    let rig = Rig::new(operator.switches(check)).await;
    let described = rig.read("/openapi.json").await;
    assert_eq!(described["openapi"], "3.1.0");
    let mut found = Vec::new();
    references(&described, &mut found);
    assert!(found.len() > 50);
    for reference in &found {
        assert!(described.pointer(&reference[1..]).is_some(), "{reference}");
    }
    // and everything is used
    let components = described["components"].as_object().unwrap();
    for (kind, parts) in components {
        for name in parts.as_object().unwrap().keys() {
            let reference = format!("#/components/{kind}/{name}");
            assert!(found.contains(&reference), "{reference}");
        }
    }
    let operations = described["paths"].as_object().unwrap().values();
    let ids = operations.flat_map(|path| {
        path.as_object()
            .unwrap()
            .values()
            .filter_map(|one| one["operationId"].as_str())
    });
    let ids: Vec<_> = ids.collect();
    assert_eq!(ids.len(), 9);
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 9);
}
