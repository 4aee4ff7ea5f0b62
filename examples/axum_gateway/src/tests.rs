//! Through the front door: what is forwarded, what is told, and who may do what.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly"
)]

use crate::gateway::{self, Gateway};
use crate::token::Token;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use prometheus_parse::{Scrape, Value as Sample};
use reqwest::Method;
use serde_json::{Value, json};
use std::future::pending;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tripcoil::State::Closed;
use tripcoil::observe::Totals;

const TOKEN: &str = "let me in";

/// In place of a status: never answers.
const SILENT: u16 = 0;

/// A server that says what it was asked, with the status that it is told to.
#[derive(Clone)]
struct Echo {
    at: SocketAddr,
    status: Arc<AtomicU16>,
    asked: Arc<AtomicU64>,
}

impl Echo {
    async fn start() -> Echo {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let echo = Echo {
            at: listener.local_addr().unwrap(),
            status: Arc::new(AtomicU16::new(200)),
            asked: Arc::default(),
        };
        let router = Router::new().fallback(say).with_state(echo.clone());
        tokio::spawn(axum::serve(listener, router).into_future());
        echo
    }

    fn answer(&self, status: u16) {
        self.status.store(status, Ordering::Relaxed);
    }

    fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }
}

async fn say(State(echo): State<Echo>, request: Request) -> Response {
    echo.asked.fetch_add(1, Ordering::Relaxed);
    let status = echo.status.load(Ordering::Relaxed);
    if status == SILENT {
        pending::<()>().await;
    }
    let (head, body) = request.into_parts();
    let headers = head.headers.iter();
    let headers: Vec<_> = headers
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let told = json!({
        "method": head.method.as_str(),
        "uri": head.uri.to_string(),
        "headers": headers.into_iter().collect::<std::collections::BTreeMap<_, _>>(),
        "body": String::from_utf8_lossy(&body),
    });
    let headers = [
        ("x-kept", "1"),
        ("connection", "x-dropped"),
        ("x-dropped", "1"),
    ];
    (StatusCode::from_u16(status).unwrap(), headers, Json(told)).into_response()
}

/// Two upstreams, of which the first is required, and a gateway before them.
struct House {
    echoes: [Echo; 2],
    gateway: Arc<Gateway>,
    at: SocketAddr,
    operated_at: SocketAddr,
    client: reqwest::Client,
}

async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, router).into_future());
    at
}

impl House {
    async fn open(names: [&str; 2]) -> House {
        let echoes = [Echo::start().await, Echo::start().await];
        let upstreams = [(names[0], echoes[0].at), (names[1], echoes[1].at)];
        let gateway = Arc::new(Gateway::new(&upstreams).unwrap());
        let operator = gateway::operator(&gateway, Arc::new(Token::new(TOKEN)));
        House {
            echoes,
            at: serve(gateway::router(gateway.clone())).await,
            operated_at: serve(operator).await,
            gateway,
            client: reqwest::Client::new(),
        }
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = format!("http://{}{path}", self.at);
        self.client.request(method, url)
    }

    fn operator(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = format!("http://{}/operator{path}", self.operated_at);
        self.client.request(method, url)
    }

    async fn get(&self, path: &str) -> reqwest::Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    async fn operate(&self, path: &str) -> (StatusCode, Value) {
        let request = self.operator(Method::POST, &format!("/breakers/{path}"));
        let request = request.header("content-type", "application/json");
        let answer = request.bearer_auth(TOKEN).send().await.unwrap();
        (answer.status(), json_of(answer).await)
    }

    async fn read(&self, path: &str) -> Value {
        let request = self.operator(Method::GET, &format!("/{path}"));
        let answer = request.bearer_auth(TOKEN).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        json_of(answer).await
    }

    fn totals(&self, upstream: usize) -> Totals {
        self.gateway.observers()[upstream].snapshot().totals
    }

    /// As many failures as it takes.
    async fn trip(&self, upstream: usize, path: &str) {
        self.echoes[upstream].answer(500);
        while self.gateway.observers()[upstream].state() == Closed {
            assert_eq!(self.get(path).await.status(), 500);
        }
    }
}

async fn json_of(answer: reqwest::Response) -> Value {
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

#[tokio::test]
async fn a_request_goes_on_as_it_came_but_for_its_connection() {
    let house = House::open(["orders", "stock"]).await;
    let request = house
        .request(Method::PUT, "/stock/a%2Fb//c/?q=%3F&r")
        .header("connection", "x-mine")
        .header("x-mine", "1")
        .header("proxy-authorization", "Basic secret")
        .header("x-kept", "yes")
        .body("some text");
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["x-kept"], "1");
    assert!(!answer.headers().contains_key("x-dropped"));
    let told = json_of(answer).await;
    assert_eq!(told["method"], "PUT");
    assert_eq!(told["uri"], "/a%2Fb//c/?q=%3F&r");
    assert_eq!(told["body"], "some text");
    let headers = &told["headers"];
    assert_eq!(headers["host"], house.echoes[1].at.to_string());
    assert_eq!(headers["x-kept"], "yes");
    assert_eq!(headers["content-length"], "9");
    for dropped in ["x-mine", "proxy-authorization"] {
        assert!(headers.get(dropped).is_none(), "{dropped}");
    }

    assert_eq!(json_of(house.get("/stock").await).await["uri"], "/");
    assert_eq!(json_of(house.get("/stock/").await).await["uri"], "/");
    // what is the client's own fault is no failure
    house.echoes[1].answer(404);
    assert_eq!(house.get("/stock/nothing").await.status(), 404);
    let totals = house.totals(1);
    assert_eq!((totals.successes, totals.failures), (4, 0));
    assert_eq!(house.totals(0), Totals::default());

    for nowhere in ["/", "/stocks/1", "/breakers/1", "/operator/nowhere"] {
        assert_eq!(house.get(nowhere).await.status(), 404, "{nowhere}");
    }
    assert_eq!(house.gateway.breakers.len(), 2, "and no breaker made");
}

#[tokio::test]
async fn a_broken_upstream_is_left_alone_and_the_other_called() {
    let house = House::open(["orders", "stock"]).await;
    house.trip(1, "/stock/1").await;
    let answer = house.get("/stock/1").await;
    assert_eq!(answer.status(), 503);
    let wait: u64 = answer.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=3).contains(&wait), "{wait} s");
    assert!(answer.text().await.unwrap().contains("stock is not called"));
    assert_eq!(house.echoes[1].asked(), 20);
    assert_eq!(house.get("/orders/1").await.status(), 200);

    // an optional one degrades the whole, a required one brings it down
    let health = house.get("/health").await;
    assert_eq!(health.status(), 200);
    assert_eq!(json_of(health).await["status"], "degraded");
    house.trip(0, "/orders/1").await;
    let health = house.get("/health").await;
    assert_eq!(health.status(), 503);
    let report = json_of(health).await;
    assert_eq!(report["status"], "down");
    assert_eq!(report["dependencies"][0]["name"], "orders");
    assert_eq!(report["dependencies"][0]["outlook"]["score"], 0);
    assert_eq!(report["dependencies"][0]["outlook"]["eta"]["guess"], true);
}

#[tokio::test]
async fn an_upstream_that_is_silent_or_gone_has_failed() {
    let house = House::open(["orders", "stock"]).await;
    house.echoes[0].answer(SILENT);
    assert_eq!(house.get("/orders/1").await.status(), 504);
    // a port at which nobody listens
    let nobody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let at = nobody.local_addr().unwrap();
    drop(nobody);
    let gateway = Arc::new(Gateway::new(&[("gone", at)]).unwrap());
    let request = Request::get("/gone/1").body(Body::empty()).unwrap();
    let answer = crate::proxy::forward(State(gateway.clone()), request).await;
    assert_eq!(answer.status(), 502);
    assert_eq!(gateway.observers()[0].snapshot().totals.failures, 1);
    let totals = house.totals(0);
    assert_eq!((totals.failures, totals.slow), (1, 1));
}

#[tokio::test]
async fn a_client_that_sends_slowly_or_too_much_is_no_call() {
    let house = House::open(["orders", "stock"]).await;
    let much = house.request(Method::POST, "/orders/1");
    let answer = much.body(vec![0; (1 << 20) + 1]).send().await.unwrap();
    assert_eq!(answer.status(), 413);

    let mut half = TcpStream::connect(house.at).await.unwrap();
    let begun = b"POST /orders/1 HTTP/1.1\r\nhost: it\r\ncontent-length: 9\r\n\r\nsome";
    half.write_all(begun).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    drop(half);
    assert_eq!(house.get("/orders/1").await.status(), 200);
    let mut expected = Totals::default();
    expected.successes = 1;
    assert_eq!(house.totals(0), expected);
}

#[tokio::test]
async fn the_metrics_are_those_of_each_breaker() {
    let house = House::open(["orders", "stock"]).await;
    house.trip(1, "/stock/1").await;
    for _ in 0..3 {
        assert_eq!(house.get("/stock/1").await.status(), 503);
        assert_eq!(house.get("/orders/1").await.status(), 200);
    }
    let answer = house.get("/metrics").await;
    let format = answer.headers()["content-type"].to_str().unwrap();
    assert!(format.starts_with("text/plain"), "{format}");
    let text = answer.text().await.unwrap();
    let scrape = Scrape::parse(text.lines().map(|line| Ok(line.to_owned()))).unwrap();
    let of = |name: &str, breaker: &str, label: (&str, &str)| {
        let mut found = scrape.samples.iter().filter(|s| {
            let has = |key: &str, value| s.labels.get(key) == Some(value);
            s.metric == name && has("breaker", breaker) && has(label.0, label.1)
        });
        let sample = found.next().expect(name);
        assert!(found.next().is_none(), "{name} twice");
        match sample.value {
            Sample::Counter(n) | Sample::Gauge(n) => n,
            ref other => panic!("{name}: {other:?}"),
        }
    };
    let open = ("state", "open");
    let calls = |breaker, outcome| of("tripcoil_calls_total", breaker, ("outcome", outcome));
    assert_eq!(calls("orders", "success"), 3.0);
    assert_eq!(calls("stock", "failure"), 20.0);
    assert_eq!(of("tripcoil_rejections_total", "stock", open), 3.0);
    assert_eq!(of("tripcoil_rejections_total", "orders", open), 0.0);
    assert_eq!(of("tripcoil_state", "stock", ("state", "open")), 1.0);
    assert_eq!(of("tripcoil_state", "orders", ("state", "closed")), 1.0);
    let outages = |breaker| of("tripcoil_outages_total", breaker, ("breaker", breaker));
    assert_eq!((outages("orders"), outages("stock")), (0.0, 1.0));
    assert!(of("tripcoil_eta_seconds", "stock", ("quantile", "0.9")) > 0.0);
}

#[tokio::test]
async fn only_who_has_the_token_may_read_and_operate() {
    let house = House::open(["orders", "stock"]).await;
    let headers = [
        None,
        Some("Bearer"),
        Some("Bearer "),
        Some("Bearer let me i"),
        Some("Bearer let me in!"),
        Some("Basic let me in"),
        Some("let me in"),
    ];
    for header in headers {
        for (method, path) in [
            (Method::GET, "breakers"),
            (Method::GET, "breakers/orders"),
            (Method::GET, "breakers/nobody/history"),
            (Method::POST, "breakers/orders/force-open"),
            (Method::PATCH, "breakers/orders/rules"),
            (Method::POST, "breakers/nobody/reset"),
        ] {
            let mut request = house.operator(method, &format!("/{path}"));
            if let Some(header) = header {
                request = request.header("authorization", header);
            }
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), 401, "{path} {header:?}");
            assert_eq!(answer.headers()["www-authenticate"], "Bearer");
            let told = json_of(answer).await;
            assert_eq!(told, json!({ "error": "the token is missing or wrong" }));
        }
    }
    assert_eq!(house.operate("nobody/reset").await.0, 404);
    let (status, told) = house.operate("orders/dance").await;
    assert_eq!(status, 404);
    assert!(told["error"].as_str().unwrap().contains("force-open"));
    let read = house.operator(Method::GET, "/breakers/orders/force-open");
    let read = read.send().await.unwrap();
    assert_eq!(read.status(), 405);
    assert_eq!(read.headers()["allow"], "POST");

    assert_eq!(house.gateway.breakers.len(), 2);
    let moved = house.gateway.breakers.aggregate().transitions;
    assert_eq!(moved, 0, "nothing has been changed");
}

#[tokio::test]
async fn forced_open_until_released_or_reset() {
    let house = House::open(["orders", "stock"]).await;
    let is_done = |(status, told): (StatusCode, Value), changed: bool, state: &str| {
        assert_eq!(status, 200);
        let found = (&told["changed"], &told["state"], &told["who"]);
        let who = json!("the token's owner");
        assert_eq!(found, (&json!(changed), &json!(state), &who));
    };
    for back in ["orders/release", "orders/reset"] {
        let asked = house.echoes[0].asked();
        for changed in [true, false] {
            let done = house.operate("orders/force-open").await;
            is_done(done, changed, "forced_open");
        }
        let answer = house.get("/orders/1").await;
        assert_eq!(answer.status(), 503);
        // nobody knows how long
        assert!(!answer.headers().contains_key("retry-after"));
        assert_eq!(house.echoes[0].asked(), asked);
        assert_eq!(house.get("/stock/1").await.status(), 200);
        is_done(house.operate(back).await, true, "closed");
        assert_eq!(house.get("/orders/1").await.status(), 200);
    }
    is_done(house.operate("orders/release").await, false, "closed");
    is_done(house.operate("orders/reset").await, true, "closed");
}

#[tokio::test]
async fn the_page_has_the_data_of_each_upstream() {
    let strange = r#"<b>"50 %" & co</b>"#;
    let house = House::open(["orders", strange]).await;
    house.trip(0, "/orders/1").await;
    let encoded = "%3Cb%3E%2250%20%25%22%20%26%20co%3C%2Fb%3E";
    let (status, _) = house.operate(&format!("{encoded}/force-open")).await;
    assert_eq!(status, 200);

    let list = house.read("breakers?order=worst&detail=full").await;
    assert_eq!(
        (&list["total"], &list["switches"]),
        (&json!(2), &json!(true))
    );
    let (orders, other) = (&list["breakers"][0], &list["breakers"][1]);
    assert_eq!(
        (&orders["name"], &other["name"]),
        (&json!("orders"), &json!(strange))
    );
    let seen = &orders["snapshot"];
    assert_eq!(
        (&seen["state"], &seen["window"]["failures"]),
        (&json!("open"), &json!(20))
    );
    assert!(seen["retry_after_seconds"].as_f64().unwrap() <= 2.2);
    assert_eq!(orders["history"][0]["cause"], "failure_rate");
    let known = &orders["insight"];
    assert_eq!(known["health"]["value"], 0.0);
    assert_eq!(known["pattern"], json!({ "kind": "single" }));
    assert_eq!(
        (&known["outage"]["cause"], &known["eta"]["guess"]),
        (&json!("failure_rate"), &json!(true))
    );
    assert_eq!(other["snapshot"]["state"], "forced_open");
    assert_eq!(other["snapshot"]["retry_after_seconds"], Value::Null);
    assert_eq!(other["insight"]["outage"], Value::Null);
    let outages = house.read("breakers/orders/outages").await;
    assert_eq!(outages["outage"]["counts"]["failures"], 20);

    for path in ["", "/"] {
        let page = house.operator(Method::GET, path).send().await.unwrap();
        assert_eq!(page.status(), 200);
        let policy = page.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
    }
}

/// A script that an upstream answers with has the origin of the front door.
#[tokio::test]
async fn the_page_has_an_origin_of_its_own() {
    let house = House::open(["orders", "operator"]).await;
    assert_ne!(house.at, house.operated_at);
    for path in ["/breakers", "/breakers/orders"] {
        // there it is one upstream among others
        let answer = house.get(&format!("/operator{path}")).await;
        assert_eq!(json_of(answer).await["uri"], path);
    }
    let asked = house.echoes[0].asked();
    for path in ["/orders/1", "/metrics", "/health", "/operator/orders/1"] {
        let url = format!("http://{}{path}", house.operated_at);
        let answer = house.client.get(url).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{path}");
    }
    assert_eq!(house.echoes[0].asked(), asked);
    // nor does a name that is pointed at its address reach it
    let request = house.operator(Method::GET, "/breakers").bearer_auth(TOKEN);
    let answer = request.header("host", "evil.example").send().await;
    assert_eq!(answer.unwrap().status(), 421);
}
