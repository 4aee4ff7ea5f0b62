//! Who may read, who may switch, and from where.

use crate::rig::{Rig, TOKEN, check, post, send};
use axum::Router;
use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{Method, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::sync::{Arc, Mutex};
use tripcoil::operate::{Action, Asked, Operator, Who};
use tripcoil::{Breaker, Controller, State};

fn pair() -> (Breaker, Controller) {
    Breaker::builder("orders").build_with_controller().unwrap()
}

const SWITCHES: [&str; 9] = [
    "force-open",
    "disable",
    "observe-only",
    "trip",
    "half-open",
    "release",
    "reset",
    "rules",
    "dance",
];

#[tokio::test]
async fn without_a_check_there_are_no_switches() {
    let (breaker, controller) = pair();
    let generation = breaker.observer().snapshot().generation;
    let router: Router = Operator::new().controller(controller).router();
    for switch in SWITCHES {
        for method in [Method::POST, Method::PATCH, Method::PUT, Method::DELETE] {
            let request = post(method, &format!("/breakers/orders/{switch}"), "{}");
            let answer = send(&router, request).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{switch}");
        }
    }
    for path in [
        "/breakers",
        "/breakers/orders",
        "/breakers/orders/history",
        "/",
    ] {
        let answer = send(&router, post(Method::POST, path, "{}")).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(answer.headers["allow"], "GET,HEAD");
        assert_eq!(
            answer.json(),
            json!({ "error": "POST is not allowed here" })
        );
    }
    assert_eq!(breaker.observer().snapshot().generation, generation);
    let rig = Rig::of(router).await;
    assert_eq!(rig.read("/breakers").await["switches"], false);
    assert_eq!(rig.read("/breakers/orders").await["switchable"], false);
    let described = rig.read("/openapi.json").await;
    let paths = described["paths"].as_object().unwrap();
    let methods: Vec<_> = paths
        .values()
        .flat_map(|path| path.as_object().unwrap().keys())
        .collect();
    assert!(
        !methods
            .iter()
            .any(|method| ["post", "patch"].contains(&method.as_str()))
    );
    assert_eq!(paths.len(), 4);
}

#[tokio::test]
async fn a_stranger_changes_nothing_and_learns_nothing() {
    let (breaker, controller) = pair();
    let router: Router = Operator::new()
        .controller(controller)
        .switches(check)
        .router();
    for name in ["orders", "nowhere", "%FF", "_"] {
        for switch in SWITCHES.into_iter().filter(|switch| *switch != "dance") {
            for token in [None, Some(""), Some("let me"), Some("let me in ")] {
                let mut request = Request::post(format!("/breakers/{name}/{switch}"));
                if let Some(token) = token {
                    request = request.header("authorization", token);
                }
                // neither the type nor the body is looked at
                let answer = send(&router, request.body(Body::from("{")).unwrap()).await;
                assert_eq!(
                    answer.status,
                    StatusCode::UNAUTHORIZED,
                    "{name} {switch} {token:?}"
                );
                assert_eq!(answer.json(), json!({ "error": "who are you?" }));
                assert_eq!(answer.headers["cache-control"], "no-store");
            }
        }
    }
    assert_eq!(breaker.observer().snapshot().generation, 0);
}

#[tokio::test]
async fn a_form_of_another_site_is_refused() {
    let (breaker, controller) = pair();
    let rig = Rig::new(Operator::new().controller(controller).switches(check)).await;
    let from = |kind: Option<&str>, site: Option<&str>| {
        let mut request =
            Request::post("/breakers/orders/force-open").header("authorization", TOKEN);
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        if let Some(site) = site {
            request = request.header("sec-fetch-site", site);
        }
        request.body(Body::from("{}")).unwrap()
    };
    for kind in [
        None,
        Some(""),
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("multipart/form-data; boundary=application/json"),
        Some("text/plain; application/json"),
        Some("application/jsonp"),
    ] {
        let answer = rig.send(from(kind, None)).await;
        assert_eq!(
            answer.status,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "{kind:?}"
        );
    }
    for site in ["cross-site", "same-site", "", "Same-Origin"] {
        let answer = rig.send(from(Some("application/json"), Some(site))).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{site}");
        assert_eq!(
            answer.json()["error"],
            "the request comes from another site"
        );
    }
    assert_eq!(breaker.observer().snapshot().generation, 0);
    for (kind, site) in [
        ("application/json", Some("same-origin")),
        ("Application/JSON; charset=utf-8", Some("none")),
        ("application/json", None),
    ] {
        let answer = rig.send(from(Some(kind), site)).await;
        assert_eq!(answer.status, StatusCode::OK, "{kind}");
    }
    assert_eq!(breaker.state(), State::ForcedOpen);
    // no answer lets another site read it
    let answer = rig.get("/breakers").await;
    assert!(!answer.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn a_host_that_is_not_served_gets_nothing() {
    let (breaker, controller) = pair();
    let operator = Operator::new()
        .controller(controller)
        .hosts(["ops.example", "127.0.0.1:8080"])
        .switches(check);
    let rig = Rig::of(operator.router()).await;
    let to = |method: Method, path: &str, host: Option<&str>| {
        let mut request = post(method, path, "");
        if let Some(host) = host {
            let host = host.parse().unwrap();
            request.headers_mut().insert("host", host);
        }
        request
    };
    for (method, path) in [
        (Method::GET, "/breakers"),
        (Method::GET, "/breakers/orders"),
        (Method::GET, "/breakers/orders/history"),
        (Method::POST, "/breakers/orders/force-open"),
        (Method::PATCH, "/breakers/orders/rules"),
        (Method::GET, "/"),
        (Method::GET, "/openapi.json"),
    ] {
        for host in [None, Some("evil.example"), Some("127.0.0.1"), Some("?")] {
            let answer = rig.send(to(method.clone(), path, host)).await;
            assert_eq!(answer.status, StatusCode::MISDIRECTED_REQUEST, "{path}");
            assert_eq!(
                answer.json(),
                json!({ "error": "this host is not served here" })
            );
        }
    }
    assert_eq!(breaker.observer().snapshot().generation, 0);
    for host in ["ops.example", "Ops.Example:8443", "127.0.0.1:8080"] {
        let answer = rig.send(to(Method::GET, "/breakers", Some(host))).await;
        assert_eq!(answer.status, StatusCode::OK, "{host}");
        let answer = rig
            .send(to(Method::POST, "/breakers/orders/reset", Some(host)))
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{host}");
    }
    let none: [&str; 0] = [];
    let router: Router = Operator::new().hosts(none).router();
    let answer = send(&router, to(Method::GET, "/", Some("ops.example"))).await;
    assert_eq!(answer.status, StatusCode::MISDIRECTED_REQUEST);
}

#[tokio::test]
async fn reading_can_be_behind_a_check_of_its_own() {
    let (_breaker, controller) = pair();
    let operator = Operator::new()
        .controller(controller)
        .readers(check)
        .switches(async |_: Parts| -> Result<Who, Response> { Ok(Who::new("anyone")) });
    let router: Router = operator.router();
    for path in [
        "/breakers",
        "/breakers/orders",
        "/breakers/orders/history",
        "/breakers/orders/outages",
        "/breakers/x",
        "/breakers?limit=0",
    ] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let answer = send(&router, request).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
        assert!(!answer.text.contains("orders"), "{}", answer.text);
    }
    // no data is in these
    for path in ["/", "/openapi.json"] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let answer = send(&router, request).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert!(!answer.text.contains("orders"));
    }
    let rig = Rig::of(router).await;
    assert_eq!(rig.read("/breakers").await["total"], 1);
    let (status, done) = rig.post("/breakers/orders/trip", "").await;
    assert_eq!((status, &done["who"]), (StatusCode::OK, &json!("anyone")));
}

#[tokio::test]
async fn a_check_knows_what_is_asked() {
    let (_breaker, controller) = pair();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let note = |seen: &Arc<Mutex<Vec<Asked>>>| {
        let seen = seen.clone();
        move |request: Parts| {
            let asked = request.extensions.get::<Asked>().cloned().unwrap();
            seen.lock().unwrap().push(asked);
            // one that waits
            async move {
                tokio::task::yield_now().await;
                match request.uri.path().contains("trip") {
                    true => Err(StatusCode::FORBIDDEN.into_response()),
                    false => Ok(Who::from_header(&request)),
                }
            }
        }
    };
    let operator = Operator::new()
        .controller(controller)
        .readers(note(&seen))
        .switches(note(&seen));
    let router: Router = operator.router();
    let get = |path: &str| Request::get(path).body(Body::empty()).unwrap();
    for (request, breaker, action, status) in [
        (get("/breakers"), None, Action::Read, 200),
        (
            get("/breakers/a%2Fb/history"),
            Some("a/b"),
            Action::Read,
            404,
        ),
        (get("/breakers/%FF"), None, Action::Read, 400),
        (
            post(Method::POST, "/breakers/orders/trip", ""),
            Some("orders"),
            Action::Trip,
            403,
        ),
        (
            post(Method::POST, "/breakers/_/half-open?name=orders", ""),
            Some("orders"),
            Action::HalfOpen,
            200,
        ),
        (
            post(Method::POST, "/breakers/orders/observe-only", ""),
            Some("orders"),
            Action::ObserveOnly,
            200,
        ),
        (
            post(Method::PATCH, "/breakers/orders/rules", "{}"),
            Some("orders"),
            Action::Reconfigure,
            422,
        ),
    ] {
        let answer = send(&router, request).await;
        assert_eq!(answer.status.as_u16(), status, "{}", answer.text);
        let asked = seen.lock().unwrap().pop().unwrap();
        assert_eq!((asked.breaker.as_deref(), asked.action), (breaker, action));
        assert!(seen.lock().unwrap().is_empty(), "asked once");
    }
}

#[tokio::test]
async fn a_request_that_is_dropped_or_whose_check_panics_changes_nothing() {
    let (breaker, controller) = pair();
    let operator = Operator::new()
        .controller(controller)
        .switches(async |request: Parts| {
            assert!(!request.headers.contains_key("x-panic"), "the test's check");
            std::future::pending::<Result<Who, Response>>().await
        });
    let router: Router = operator.router();
    let request = || post(Method::POST, "/breakers/orders/force-open", "{}");
    {
        let mut waiting = std::pin::pin!(send(&router, request()));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(waiting.as_mut().poll(&mut context).is_pending());
    }
    let panicking = tokio::spawn({
        let (router, mut request) = (router.clone(), request());
        request
            .headers_mut()
            .insert("x-panic", "1".parse().unwrap());
        async move { send(&router, request).await }
    });
    assert!(panicking.await.unwrap_err().is_panic());
    assert_eq!(breaker.observer().snapshot().generation, 0);
    // and the router goes on
    let read = Request::get("/breakers").body(Body::empty()).unwrap();
    assert_eq!(send(&router, read).await.status, StatusCode::OK);
}

trait FromHeader {
    fn from_header(request: &Parts) -> Self;
}

impl FromHeader for Who {
    fn from_header(request: &Parts) -> Who {
        let name = request
            .headers
            .get("x-name")
            .map(|name| String::from_utf8_lossy(name.as_bytes()));
        Who::new(name.unwrap_or_default())
    }
}
