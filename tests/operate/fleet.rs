//! Words to a fleet, through the router, into a store in memory or one that fails.

use crate::rig::{Rig, TOKEN, check, post};
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use axum::response::IntoResponse;
use serde_json::{Value, json};
use std::future::pending;
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;
use tripcoil::Breaker;
use tripcoil::fleet::{
    Answer, Change, ChangeSender, Changes, Down, MemoryStore, Mode, Reason, Report, Store, Word,
};
use tripcoil::operate::{Action, Asked, Operator, Who};
use tripcoil::registry::Registry;

async fn rig() -> (MemoryStore, Rig) {
    let store = MemoryStore::new();
    let operator = Operator::new().fleet("checkout", store.clone());
    (store, Rig::new(operator.switches(check)).await)
}

#[tokio::test(start_paused = true)]
async fn a_word_reaches_the_store_and_is_listed_until_it_ends() {
    let (store, rig) = rig().await;
    let body = r#"{"for": "10m", "why": "change 4711"}"#;
    let (status, said) = rig.post("/fleet/orders/force-open", body).await;
    let mut expected = json!({
        "breaker": "orders", "version": 1, "mode": "force_open", "left_seconds": 600.0,
        "who": "ann", "why": "change 4711", "known": false,
    });
    assert_eq!((status, said), (StatusCode::OK, expected.clone()));
    expected.as_object_mut().unwrap().remove("known");
    assert_eq!(rig.read("/fleet").await["words"], json!([expected]));
    assert_eq!(store.words("another").await.unwrap(), []);

    tokio::time::advance(std::time::Duration::from_secs(601)).await;
    assert_eq!(rig.read("/fleet").await["words"], json!([]));
}

#[tokio::test]
async fn each_word_says_what_its_name_is_of_any_breaker() {
    let (store, rig) = rig().await;
    let modes = [
        ("force-open", Mode::ForceOpen),
        ("disable", Mode::Disable),
        ("observe-only", Mode::ObserveOnly),
        ("release", Mode::Release),
    ];
    let names = [
        ("*", "*"),
        ("a%2Fb%20%C3%A9", "a/b é"),
        ("_", "a//b"),
        ("", ""),
    ];
    for (word, mode) in modes {
        for (path, name) in names {
            let query = if path == "_" { "?name=a%2F%2Fb" } else { "" };
            let (status, said) = rig.post(&format!("/fleet/{path}/{word}{query}"), "").await;
            assert_eq!(status, StatusCode::OK, "{said}");
            assert_eq!(
                (&said["breaker"], &said["mode"]),
                (&json!(name), &json!(mode.as_str()))
            );
            let words = store.words("checkout").await.unwrap();
            let held = words.iter().find(|word| word.breaker == name).unwrap();
            assert_eq!((held.mode, held.who.as_str()), (mode, "ann"));
        }
    }
}

/// A word on a name with a mistake in it is said, because other programs may have that breaker.
#[tokio::test]
async fn a_name_that_is_not_known_here_is_said_to_be_so() {
    let single = Breaker::builder("orders").build().unwrap();
    let (hosts, controller) =
        Registry::builder(|host: &String| Breaker::builder(host.as_str())).build_with_controller();
    let _ = hosts.get(&"a/b".to_owned()).unwrap();
    let operator = Operator::new()
        .observer(&single.observer())
        .registry(controller)
        .fleet("checkout", MemoryStore::new());
    let rig = Rig::new(operator.switches(check)).await;
    for (path, known) in [
        ("orders", true),
        ("a%2Fb", true),
        ("*", true),
        ("order", false),
        ("orders%20", false),
        ("Orders", false),
        ("", false),
    ] {
        let (status, said) = rig.post(&format!("/fleet/{path}/release"), "").await;
        assert_eq!(status, StatusCode::OK, "{said}");
        assert_eq!(said["known"], known, "{path:?}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_word_is_said_and_nothing_else() {
    let (store, rig) = rig().await;
    let field = |answer: &Value| answer["problems"][0]["field"].as_str().map(str::to_owned);
    for (body, status, wrong) in [
        (r#"{"for": "soon"}"#, 422, Some("for")),
        (r#"{"for": "0s"}"#, 422, Some("for")),
        (r#"{"for": 600}"#, 422, Some("for")),
        (r#"{"for": null}"#, 422, Some("for")),
        (r#"{"why": 7}"#, 422, Some("why")),
        (r#"{"until": "10m"}"#, 422, Some("until")),
        ("[]", 400, None),
        ("{", 400, None),
    ] {
        let (got, answer) = rig.post("/fleet/orders/disable", body).await;
        assert_eq!(
            (got.as_u16(), field(&answer).as_deref()),
            (status, wrong),
            "{body}"
        );
    }
    let long = "w".repeat(1025);
    let (path, why) = (
        format!("/fleet/{long}/disable"),
        format!(r#"{{"why": "{long}"}}"#),
    );
    for (path, body, wrong) in [
        (path.as_str(), "", "name"),
        ("/fleet/orders/disable", why.as_str(), "why"),
    ] {
        let (status, answer) = rig.post(path, body).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(field(&answer).as_deref(), Some(wrong));
        let problem = answer["problems"][0]["problem"].as_str().unwrap();
        assert!(problem.contains("1024"), "{problem}");
    }
    for word in ["trip", "reset", "half-open", "rules", "dance"] {
        let (status, answer) = rig.post(&format!("/fleet/orders/{word}"), "").await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{answer}");
    }
    let form = Request::post("/fleet/orders/disable").header("authorization", TOKEN);
    let form = form
        .header("content-type", "text/plain")
        .body(Body::empty());
    assert_eq!(
        rig.send(form.unwrap()).await.status,
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    );
    let mut foreign = post(Method::POST, "/fleet/orders/disable", "");
    let header = "cross-site".parse().unwrap();
    foreign.headers_mut().insert("sec-fetch-site", header);
    assert_eq!(rig.send(foreign).await.status, StatusCode::FORBIDDEN);
    assert_eq!(store.words("checkout").await.unwrap(), []);
}

#[tokio::test]
async fn the_checks_are_asked_about_the_fleet() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (reads, writes) = (asked.clone(), asked.clone());
    let note = |asked: &Mutex<Vec<Asked>>, head: &axum::http::request::Parts| {
        asked
            .lock()
            .unwrap()
            .push(head.extensions.get::<Asked>().unwrap().clone());
    };
    let store = MemoryStore::new();
    let operator = Operator::new()
        .fleet("checkout", store.clone())
        .readers(move |head| {
            note(&reads, &head);
            async { Ok(Who::new("bea")) }
        })
        .switches(move |head| {
            note(&writes, &head);
            async { Err(StatusCode::UNAUTHORIZED.into_response()) }
        });
    let rig = Rig::new(operator).await;
    rig.read("/fleet").await;
    for path in ["/fleet/orders/disable", "/fleet/*/force-open"] {
        let answer = rig.send(post(Method::POST, path, "")).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
    let seen = asked.lock().unwrap().clone();
    let seen: Vec<_> = seen
        .iter()
        .map(|one| (one.breaker.as_deref(), one.action, one.fleet))
        .collect();
    assert_eq!(
        seen,
        [
            (None, Action::Read, true),
            (Some("orders"), Action::Disable, true),
            (Some("*"), Action::ForceOpen, true),
        ]
    );
    assert_eq!(store.words("checkout").await.unwrap(), []);
}

/// Names of breakers that someone may switch do not include every one.
#[tokio::test]
async fn a_check_by_name_refuses_a_word_to_every_breaker() {
    let store = MemoryStore::new();
    let operator = Operator::new().fleet("checkout", store.clone());
    let operator = operator.switches(async |head: axum::http::request::Parts| {
        let asked = head.extensions.get::<Asked>().unwrap();
        match asked.breaker.as_deref() {
            Some("payments" | "*") => Err(StatusCode::UNAUTHORIZED.into_response()),
            _ => Ok(Who::new("bea")),
        }
    });
    let rig = Rig::new(operator).await;
    for path in [
        "/fleet/*/disable",
        "/fleet/%2A/disable",
        "/fleet/_/disable?name=*",
    ] {
        let answer = rig.send(post(Method::POST, path, "")).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
    }
    assert_eq!(store.words("checkout").await.unwrap(), []);
    let (status, _) = rig.post("/fleet/orders/disable", "").await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn without_a_fleet_or_switches_there_are_no_such_routes() {
    let rig = Rig::new(Operator::new().switches(check)).await;
    let described = rig.read("/openapi.json").await;
    assert!(
        described["paths"]
            .as_object()
            .unwrap()
            .keys()
            .all(|path| !path.starts_with("/fleet"))
    );
    for request in [
        Request::get("/fleet").body(Body::empty()).unwrap(),
        post(Method::POST, "/fleet/orders/disable", ""),
    ] {
        let answer = crate::rig::send(&Operator::new().switches(check).router(), request).await;
        assert_eq!(
            (answer.status, answer.text.as_str()),
            (StatusCode::NOT_FOUND, "")
        );
    }
    let readable = Operator::new().fleet("checkout", MemoryStore::new());
    let request = post(Method::POST, "/fleet/orders/disable", "");
    let answer = crate::rig::send(&readable.router(), request).await;
    assert_eq!(
        (answer.status, answer.text.as_str()),
        (StatusCode::NOT_FOUND, "")
    );
}

/// A store that refuses, or never answers.
#[derive(Clone)]
struct Bad(Option<Reason>);

impl Bad {
    async fn fail<T>(&self) -> Result<T, Down> {
        match self.0 {
            Some(reason) => Err(Down::new(reason, "as it is")),
            None => pending().await,
        }
    }
}

impl Store for Bad {
    async fn exchange(&self, _: &str, _: &[Report]) -> Result<Vec<Answer>, Down> {
        self.fail().await
    }

    async fn words(&self, _: &str) -> Result<Vec<Word>, Down> {
        self.fail().await
    }

    async fn say(&self, _: &str, _: &Word) -> Result<Word, Down> {
        self.fail().await
    }

    fn changes(&self, _: &str) -> Changes {
        ChangeSender::new().changes()
    }
}

/// A store that answers once it may.
#[derive(Clone)]
struct Slow {
    memory: MemoryStore,
    asked: Arc<Notify>,
    may: Arc<Notify>,
}

impl Store for Slow {
    async fn exchange(&self, fleet: &str, reports: &[Report]) -> Result<Vec<Answer>, Down> {
        self.memory.exchange(fleet, reports).await
    }

    async fn words(&self, fleet: &str) -> Result<Vec<Word>, Down> {
        self.memory.words(fleet).await
    }

    async fn say(&self, fleet: &str, word: &Word) -> Result<Word, Down> {
        self.asked.notify_one();
        self.may.notified().await;
        self.memory.say(fleet, word).await
    }

    fn changes(&self, fleet: &str) -> Changes {
        self.memory.changes(fleet)
    }
}

#[tokio::test]
async fn a_word_is_said_to_its_end_though_the_client_has_gone() {
    let store = Slow {
        memory: MemoryStore::new(),
        asked: Arc::default(),
        may: Arc::default(),
    };
    let operator = Operator::new().fleet("checkout", store.clone());
    let rig = Rig::new(operator.switches(check)).await;
    let mut changes = store.changes("checkout");
    tokio::select! {
        answer = rig.post("/fleet/orders/disable", "") => panic!("{answer:?}"),
        () = store.asked.notified() => {}
    }
    store.may.notify_one();
    assert_eq!(changes.next().await, Change::Word);
    let words = store.words("checkout").await.unwrap();
    assert_eq!(words[0].mode, Mode::Disable);
}

/// A store whose client panics.
#[derive(Clone)]
struct Panics;

impl Store for Panics {
    async fn exchange(&self, _: &str, _: &[Report]) -> Result<Vec<Answer>, Down> {
        panic!("on purpose")
    }

    async fn words(&self, _: &str) -> Result<Vec<Word>, Down> {
        panic!("on purpose")
    }

    async fn say(&self, _: &str, _: &Word) -> Result<Word, Down> {
        panic!("on purpose")
    }

    fn changes(&self, _: &str) -> Changes {
        ChangeSender::new().changes()
    }
}

#[tokio::test(start_paused = true)]
async fn a_word_without_an_answer_may_have_been_said() {
    let rigs = [
        Operator::new().fleet("checkout", Bad(None)),
        Operator::new().fleet("checkout", Bad(Some(Reason::Timeout))),
        Operator::new().fleet("checkout", Panics),
    ];
    for operator in rigs {
        let rig = Rig::new(operator.switches(check)).await;
        let (status, said) = rig.post("/fleet/orders/disable", "").await;
        assert_eq!(status, StatusCode::GATEWAY_TIMEOUT);
        let error = said["error"].as_str().unwrap();
        let hint = ": it may have been said all the same; read the words";
        assert!(error.ends_with(hint), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_is_a_bad_gateway_with_the_reason() {
    for (reason, status) in [
        (Some(Reason::Unreachable), StatusCode::BAD_GATEWAY),
        (Some(Reason::Denied), StatusCode::BAD_GATEWAY),
        (None, StatusCode::GATEWAY_TIMEOUT),
    ] {
        let operator = Operator::new().fleet("checkout", Bad(reason));
        let rig = Rig::new(operator.switches(check)).await;
        let named = reason.map_or("no answer within 2s", Reason::as_str);
        let (got, said) = rig.post("/fleet/orders/disable", "").await;
        assert_eq!(got, status);
        assert!(said["error"].as_str().unwrap().contains(named), "{said}");
        let listed = rig.get("/fleet").await;
        assert_eq!(listed.status, status);
        assert!(listed.text.contains(named), "{}", listed.text);
    }
}
