//! Requests to a router, and answers that are held against its description.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tower::ServiceExt;
use tripcoil::fleet::MemoryStore;
use tripcoil::operate::{Operator, Who};

/// What operators have to show here.
pub(crate) const TOKEN: &str = "let me in";

/// Recognises who shows the token, by the name in another header.
pub(crate) async fn check(request: Parts) -> Result<Who, Response> {
    let header = |name: &str| {
        request
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    if header("authorization") == Some(TOKEN) {
        return Ok(Who::new(header("x-name").unwrap_or("ann")));
    }
    Err((
        StatusCode::UNAUTHORIZED,
        axum::Json(json!({ "error": "who are you?" })),
    )
        .into_response())
}

#[derive(Clone)]
pub(crate) struct Rig {
    router: Router,
    described: Value,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }
}

impl Rig {
    pub(crate) async fn new(operator: Operator) -> Rig {
        Rig::of(operator.router()).await
    }

    pub(crate) async fn of(router: Router) -> Rig {
        // the whole description, whether this router has switches or not
        let fleet = MemoryStore::new();
        let whole: Router = Operator::new().fleet("all", fleet).switches(check).router();
        let request = Request::get("/openapi.json").body(Body::empty()).unwrap();
        let described = send(&whole, request).await.json();
        Rig { router, described }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let answer = send(&self.router, request).await;
        assert_eq!(answer.headers["cache-control"], "no-store", "{path}");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert!(answer.headers.contains_key("content-security-policy"));
        let described = path.starts_with("/breakers") || path.starts_with("/fleet");
        if described && answer.status != StatusCode::METHOD_NOT_ALLOWED {
            self.conforms(&method, &path, &answer);
        }
        answer
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        let request = Request::get(path).header("authorization", TOKEN);
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// The answer of a page that must be there.
    pub(crate) async fn read(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
        answer.json()
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> (StatusCode, Value) {
        let answer = self.send(post(Method::POST, path, body)).await;
        (answer.status, answer.json())
    }

    pub(crate) async fn patch(&self, path: &str, body: &str) -> (StatusCode, Value) {
        let answer = self.send(post(Method::PATCH, path, body)).await;
        (answer.status, answer.json())
    }

    /// Panics unless the answer is one that the description has for that route.
    fn conforms(&self, method: &Method, path: &str, answer: &Answer) {
        // an answer of the user's check is the user's own
        if answer.status == StatusCode::UNAUTHORIZED {
            return;
        }
        let parts: Vec<_> = path.split('/').skip(2).collect();
        let template = match parts[..] {
            [] if path.starts_with("/fleet") => "/fleet",
            _ if path.starts_with("/fleet") => "/fleet/{name}/{word}",
            [] => "/breakers",
            [_] => "/breakers/{name}",
            [_, "history"] => "/breakers/{name}/history",
            [_, "outages"] => "/breakers/{name}/outages",
            [_, "rules"] => "/breakers/{name}/rules",
            _ => "/breakers/{name}/{switch}",
        };
        let method = method.as_str().to_lowercase();
        let status = answer.status.as_u16().to_string();
        let found = &self.described["paths"][template][&method]["responses"][&status];
        let found = match found["$ref"].as_str() {
            Some(there) => self.described.pointer(&there[1..]).unwrap(),
            None => found,
        };
        let schema = &found["content"]["application/json"]["schema"];
        assert!(
            schema.is_object(),
            "{method} {template} has no {status}: {}",
            answer.text
        );
        assert_eq!(answer.headers["content-type"], "application/json");
        let schema = json!({ "$ref": schema["$ref"], "components": self.described["components"] });
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        let body = answer.json();
        let problems: Vec<_> = validator
            .iter_errors(&body)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(
            problems.is_empty(),
            "{method} {path}: {problems:#?}\n{body:#}"
        );
    }
}

pub(crate) fn post(method: Method, path: &str, body: &str) -> Request<Body> {
    let request = Request::builder().method(method).uri(path);
    let request = request
        .header("authorization", TOKEN)
        .header("content-type", "application/json");
    request.body(Body::from(body.to_owned())).unwrap()
}

pub(crate) async fn send(router: &Router, request: Request<Body>) -> Answer {
    let response = router.clone().oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    Answer {
        status: head.status,
        headers: head.headers,
        text: String::from_utf8(body.to_vec()).unwrap(),
    }
}
