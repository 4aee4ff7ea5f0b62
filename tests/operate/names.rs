//! Names of any characters, in paths and in queries; and those that there are not, or several times.

use crate::rig::{Rig, check, send};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};
use tripcoil::operate::Operator;
use tripcoil::{Breaker, State};

/// Every byte that could mean something in a path is encoded, and letters as well.
fn encoded(name: &str) -> String {
    name.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

const NAMES: [&str; 16] = [
    "orders",
    "",
    "a/b",
    "/",
    "..",
    ".",
    "_",
    "_?name=orders",
    "50 % & more = + #fragment?",
    "%2F",
    "{name}",
    "Zürich/東京 🦀",
    "<img src=x onerror=alert(1)>",
    "\"quoted\\\"",
    "line\nbreak\0\u{7f}",
    "\u{202e}right to left",
];

#[tokio::test]
async fn any_name_can_be_addressed() {
    let mut operator = Operator::new().switches(check);
    let mut breakers = Vec::new();
    for name in NAMES {
        let (breaker, controller) = Breaker::builder(name).build_with_controller().unwrap();
        operator = operator.controller(controller);
        breakers.push(breaker);
    }
    let rig = Rig::new(operator).await;
    for (name, breaker) in NAMES.iter().zip(&breakers) {
        let in_path = format!("/breakers/{}", encoded(name));
        let paths = [
            (in_path.clone(), String::new()),
            ("/breakers/_".to_owned(), format!("?name={}", encoded(name))),
        ];
        for (path, query) in paths {
            assert_eq!(rig.read(&format!("{path}{query}")).await["name"], *name);
            let history = rig.read(&format!("{path}/history{query}")).await;
            assert_eq!(history["name"], *name);
            let (status, done) = rig.post(&format!("{path}/force-open{query}"), "").await;
            assert_eq!((status, &done["name"]), (StatusCode::OK, &json!(name)));
            assert_eq!(breaker.state(), State::ForcedOpen, "{name:?}");
            let forced = breakers.iter().filter(|b| b.state() == State::ForcedOpen);
            assert_eq!(forced.count(), 1, "and no other");
            let (status, _) = rig.post(&format!("{path}/release{query}"), "").await;
            assert_eq!(status, StatusCode::OK);
            let (status, _) = rig
                .patch(&format!("{path}/rules{query}"), r#"{"failure_rate": 0.25}"#)
                .await;
            assert_eq!(status, StatusCode::OK);
            assert_eq!(breaker.observer().config().failure_rate, Some(0.25));
        }
        // a query means nothing beside another name
        if !["", "_"].contains(name) {
            let other = rig.read(&format!("{in_path}?name=orders")).await;
            assert_eq!(other["name"], *name);
        }
    }
    let list = rig.read("/breakers?limit=1000").await;
    assert_eq!(list["total"], NAMES.len());

    // and each can be the end of a page
    let (mut path, mut seen) = ("/breakers?limit=1".to_owned(), 0);
    loop {
        let page = rig.read(&path).await;
        seen += page["breakers"].as_array().unwrap().len();
        match page["next"].as_str() {
            Some(next) => path = format!("/breakers{next}"),
            None => break,
        }
    }
    assert_eq!(seen, NAMES.len());
}

#[tokio::test]
async fn a_name_that_there_is_not_is_answered_in_json() {
    let breaker = Breaker::builder("orders").build().unwrap();
    let operator = Operator::new()
        .observer(&breaker.observer())
        .switches(check);
    let rig = Rig::new(operator).await;
    let unknown = ["order", "Orders", "orders%20", "", "_", "%00", "a%2Fb"];
    for name in unknown {
        for rest in ["", "/history", "/outages"] {
            let answer = rig.get(&format!("/breakers/{name}{rest}")).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{name}{rest}");
            let error = answer.json()["error"].as_str().unwrap().to_owned();
            assert!(error.starts_with("there is no breaker \""), "{error}");
        }
        let (status, _) = rig.post(&format!("/breakers/{name}/trip"), "").await;
        assert_eq!(status, StatusCode::NOT_FOUND);
    }
    // no UTF-8
    let answer = rig.get("/breakers/%FF").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let error = "the name in the path is not percent-encoded UTF-8";
    assert_eq!(answer.json(), json!({ "error": error }));
    // it can be read only
    let (status, body) = rig.post("/breakers/orders/trip", "").await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(body["error"], "the breaker \"orders\" can only be read");
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test]
async fn a_name_of_several_breakers_is_not_guessed() {
    let mut operator = Operator::new().switches(check);
    let mut breakers = Vec::new();
    for name in ["a", "twin", "twin", "twin", "twin", "z"] {
        let (breaker, controller) = Breaker::builder(name).build_with_controller().unwrap();
        operator = operator.controller(controller);
        breakers.push(breaker);
    }
    let rig = Rig::new(operator).await;
    let answer = rig.get("/breakers/twin").await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert_eq!(answer.json()["error"], "4 breakers have the name \"twin\"");
    let (status, _) = rig.post("/breakers/twin/force-open", "").await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(
        breakers
            .iter()
            .all(|breaker| breaker.state() == State::Closed)
    );

    // on the pages of the list, each is there once
    for limit in 1..=6 {
        let (mut path, mut seen) = (format!("/breakers?limit={limit}"), Vec::new());
        loop {
            let page = rig.read(&path).await;
            let shown = page["breakers"].as_array().unwrap().clone();
            assert!(shown.len() <= limit);
            seen.extend(shown.into_iter().map(|mut one| one["name"].take()));
            match page["next"].as_str() {
                Some(next) => path = format!("/breakers{next}"),
                None => break,
            }
        }
        assert_eq!(
            Value::from(seen),
            json!(["a", "twin", "twin", "twin", "twin", "z"]),
            "{limit}"
        );
    }
}

#[tokio::test]
async fn it_can_be_nested_anywhere() {
    let (breaker, controller) = Breaker::builder("orders").build_with_controller().unwrap();
    #[derive(Clone)]
    struct Shared;
    let inner = Operator::new().controller(controller).switches(check);
    let outer: Router = Router::<Shared>::new()
        .nest("/tenants/{name}/operate", inner.router())
        .fallback(async || (StatusCode::IM_A_TEAPOT, "outside"))
        .with_state(Shared);
    let get = |path: &str| Request::get(path).body(Body::empty()).unwrap();
    let page = send(&outer, get("/tenants/acme/operate")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.starts_with("<!doctype html>"));
    // the name of this path, and not of that in which it is nested
    let one = send(&outer, get("/tenants/acme/operate/breakers/orders")).await;
    assert_eq!(one.json()["name"], "orders");
    let none = send(&outer, get("/tenants/acme/operate/breakers/")).await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
    let error = "there is no breaker \"\"; the list of all has no slash at the end";
    assert_eq!(none.json()["error"], error);
    let outside = send(&outer, get("/tenants/acme/operate/nowhere")).await;
    assert_eq!(outside.status, StatusCode::IM_A_TEAPOT);
    // axum's: a nested router has no path with a slash at its end
    let slash = send(&outer, get("/tenants/acme/operate/")).await;
    assert_eq!(slash.status, StatusCode::IM_A_TEAPOT);
    let with_slash: Router = Router::new().nest("/operate/", Operator::new().router());
    for (path, status) in [
        ("/operate/", StatusCode::OK),
        ("/operate/breakers", StatusCode::OK),
        ("/operate", StatusCode::NOT_FOUND),
    ] {
        assert_eq!(send(&with_slash, get(path)).await.status, status, "{path}");
    }
    assert_eq!(breaker.state(), State::Closed);
}
