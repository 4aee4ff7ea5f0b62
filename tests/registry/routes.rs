//! One layer of tower over a registry: a breaker for each route and tenant, on a router of axum.

use axum::Router;
use axum::error_handling::HandleErrorLayer;
use axum::extract::{MatchedPath, Request};
use axum::response::IntoResponse;
use axum::routing::get;
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tower::{Layer, Service, ServiceBuilder, ServiceExt};
use tripcoil::call::NoBreaker;
use tripcoil::http::{ByStatus, rejected_response};
use tripcoil::registry::Registry;
use tripcoil::tower::BreakerLayer;
use tripcoil::{Breaker, CallError, ManualClock, State};

/// A route as the router has it, not a path: there are as many as there are routes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    method: Method,
    route: String,
    tenant: String,
}

fn key(method: Method, route: &str, tenant: &str) -> Key {
    let (route, tenant) = (route.to_owned(), tenant.to_owned());
    Key {
        method,
        route,
        tenant,
    }
}

const TENANTS: [&str; 3] = ["acme", "umbrella", "misconfigured"];

impl Key {
    /// Tenants are known beforehand; whoever may name any would fill the memory.
    fn of(request: &Request) -> Result<Key, NoBreaker> {
        let route = request.extensions().get::<MatchedPath>();
        let route = route.ok_or(NoBreaker::because("it has no route"))?;
        let tenant = request.headers().get("x-tenant");
        let tenant = tenant
            .and_then(|name| name.to_str().ok())
            .filter(|name| TENANTS.contains(name))
            .ok_or(NoBreaker::because("its tenant is unknown"))?;
        Ok(key(request.method().clone(), route.as_str(), tenant))
    }
}

type Breakers = Registry<Key, ByStatus>;

/// Trips at two failures in a row; for one tenant the settings are invalid.
fn breakers(clock: &ManualClock, capacity: usize) -> Breakers {
    let clock = clock.clone();
    Registry::builder(move |key: &Key| {
        let name = format!("{} {} {}", key.method, key.route, key.tenant);
        let builder = Breaker::builder(name)
            .clock(&clock)
            .classifier(ByStatus::new())
            .consecutive_failures(2)
            .open_for(Duration::from_secs(30));
        match key.tenant.as_str() {
            "misconfigured" => builder.slow_rate(1.5),
            _ => builder,
        }
    })
    .capacity(capacity)
    .build()
}

/// A service that does as the request says, and counts its calls.
fn app(breakers: &Breakers) -> (Router, Arc<AtomicU64>) {
    let called = Arc::new(AtomicU64::new(0));
    let count = called.clone();
    let handler = move |request: Request| {
        count.fetch_add(1, Ordering::SeqCst);
        async move {
            match request.headers().contains_key("x-fail") {
                true => StatusCode::INTERNAL_SERVER_ERROR,
                false => StatusCode::OK,
            }
        }
    };
    let breakers = breakers.clone();
    let guard = ServiceBuilder::new()
        .layer(HandleErrorLayer::new(
            |error: CallError<std::convert::Infallible>| async move {
                match error {
                    CallError::Rejected(rejected) => rejected_response(&rejected),
                    CallError::NoBreaker(none) => {
                        (StatusCode::FORBIDDEN, none.to_string()).into_response()
                    }
                    other => unreachable!("{other}"),
                }
            },
        ))
        .layer(BreakerLayer::new(move |request: &Request| {
            Ok::<_, NoBreaker>(breakers.get(&Key::of(request)?)?)
        }));
    let router = Router::new()
        .route("/orders/{id}", get(handler.clone()).post(handler.clone()))
        .route("/users/{id}", get(handler))
        .route_layer(guard);
    (router, called)
}

async fn ask(app: &Router, method: Method, path: &str, tenant: &str, fails: bool) -> (u16, String) {
    let mut request = Request::builder().method(method).uri(path);
    if !tenant.is_empty() {
        request = request.header("x-tenant", tenant);
    }
    if fails {
        request = request.header("x-fail", "");
    }
    let request = request.body(axum::body::Body::empty()).expect("valid");
    let response = app.clone().oneshot(request).await.expect("infallible");
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.expect("whole");
    let text = String::from_utf8(body.to_bytes().to_vec()).expect("text");
    (status, text)
}

#[tokio::test]
async fn each_route_of_each_tenant_trips_alone() {
    let clock = ManualClock::new();
    let breakers = breakers(&clock, 100);
    let (app, called) = app(&breakers);
    let get = |path, tenant, fails| ask(&app, Method::GET, path, tenant, fails);

    // two orders, and one route
    assert_eq!(get("/orders/1", "acme", true).await.0, 500);
    assert_eq!(get("/orders/2", "acme", true).await.0, 500);
    assert_eq!(get("/orders/3", "acme", false).await.0, 503);
    // the other route, tenant and method know nothing of it
    assert_eq!(get("/users/1", "acme", false).await.0, 200);
    assert_eq!(get("/orders/1", "umbrella", false).await.0, 200);
    let posted = ask(&app, Method::POST, "/orders/1", "acme", false).await;
    assert_eq!((posted.0, called.load(Ordering::SeqCst)), (200, 5));

    let state = |key: &Key| breakers.peek(key).map(|breaker| breaker.state());
    let tripped = key(Method::GET, "/orders/{id}", "acme");
    assert_eq!(state(&tripped), Some(State::Open));
    for other in [
        key(Method::GET, "/users/{id}", "acme"),
        key(Method::GET, "/orders/{id}", "umbrella"),
        key(Method::POST, "/orders/{id}", "acme"),
    ] {
        assert_eq!(state(&other), Some(State::Closed), "{other:?}");
    }
    let all = breakers.aggregate();
    assert_eq!((all.breakers, all.in_state(State::Open)), (4, 1));
    assert_eq!((all.totals.failures, all.totals.rejected), (2, 1));

    // and it recovers alone
    clock.advance(Duration::from_secs(30));
    for _ in 0..2 {
        assert_eq!(get("/orders/1", "acme", false).await.0, 200);
    }
    assert_eq!(state(&tripped), Some(State::Closed));
}

#[tokio::test]
async fn a_request_without_a_breaker_is_answered_with_the_reason() {
    let breakers = breakers(&ManualClock::new(), 100);
    let (app, called) = app(&breakers);
    for (tenant, why) in [
        ("", "its tenant is unknown"),
        ("initech", "its tenant is unknown"),
        ("misconfigured", "slow_rate is invalid"),
    ] {
        // each time anew: nothing is kept of it
        for _ in 0..2 {
            let answer = ask(&app, Method::GET, "/users/1", tenant, false).await;
            let text = format!("no breaker for this request: {why}");
            assert_eq!(answer, (403, text));
        }
    }
    assert_eq!((called.load(Ordering::SeqCst), breakers.len()), (0, 0));
    // all that is wrong with it
    let all = breakers.get(&key(Method::GET, "/users/{id}", "misconfigured"));
    let fields = all.map(|_| ()).map_err(|error| {
        let fields = error.problems().iter().map(|problem| problem.field);
        fields.collect::<Vec<_>>()
    });
    assert_eq!(fields, Err(vec!["slow_rate"]));
    assert_eq!(
        ask(&app, Method::GET, "/users/1", "acme", false).await.0,
        200
    );
}

/// What a call under way holds is its permit: the service keeps no breaker.
#[tokio::test]
async fn a_call_under_way_keeps_its_breaker_and_no_other() {
    let clock = ManualClock::new();
    let registry =
        Registry::builder(move |tenant: &u32| Breaker::builder(tenant.to_string()).clock(&clock))
            .capacity(1)
            .build();
    let breakers = registry.clone();
    let mut service = BreakerLayer::new(move |tenant: &u32| breakers.get(tenant)).layer(
        tower::service_fn(|tenant: u32| async move {
            match tenant {
                0 => std::future::pending().await,
                _ => Ok::<_, ()>(tenant),
            }
        }),
    );
    fn is_shared<T: Clone + Send + Sync + 'static>(_: &T) {}
    is_shared(&service);

    let mut hung = Box::pin(service.ready().await.expect("ready").call(0));
    assert!(poll(hung.as_mut()).is_pending());
    for tenant in 1..50 {
        let answer = service.ready().await.expect("ready").call(tenant).await;
        assert_eq!(answer, Ok(tenant));
    }
    assert!(
        registry.peek(&0).is_some(),
        "forgotten with a call under way"
    );
    assert!(registry.len() < 10, "{} are kept", registry.len());
    drop(hung);
    let totals = registry.aggregate().totals;
    assert_eq!((totals.successes, totals.cancelled), (49, 1));
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}
