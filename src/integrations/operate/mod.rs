//! An operator's endpoint: an axum router with a live page, the breakers as JSON, and switches behind a check of yours.
//!
//! ```
//! use axum::Router;
//! use axum::http::StatusCode;
//! use axum::http::request::Parts;
//! use axum::response::IntoResponse;
//! use tripcoil::Breaker;
//! use tripcoil::operate::{Operator, Who};
//!
//! let (payments, controller) = Breaker::builder("payments").build_with_controller()?;
//! let search = Breaker::builder("search").build()?;
//! let operator = Operator::new()
//!     .controller(controller) // shown, and may be switched
//!     .observer(&search.observer()) // shown
//!     .switches(async |request: Parts| {
//!         // set by a proxy that has authenticated the request, and removes the header from all others
//!         let user = request.headers.get("x-user").and_then(|name| name.to_str().ok());
//!         user.map(Who::new).ok_or_else(|| StatusCode::UNAUTHORIZED.into_response())
//!     });
//! let app: Router = Router::new().nest("/operator", operator.router());
//! # let _ = (app, payments);
//! # Ok::<(), tripcoil::ConfigError>(())
//! ```
//!
//! # Routes
//!
//! | route | answer |
//! |---|---|
//! | `GET /` | the live page |
//! | `GET /breakers` | all breakers, at most `limit` at a time; `after`, `state`, `contains`, `order`, `detail` |
//! | `GET /breakers/{name}` | one breaker: its snapshot, last 16 transitions, settings, and what its insight knows |
//! | `GET /breakers/{name}/history` | its transitions, the last `limit` of those `before` a generation |
//! | `GET /breakers/{name}/outages` | its last outages, if it has an insight (feature `insight`) |
//! | `GET /openapi.json` | the description of all of this, in OpenAPI 3.1 |
//! | `POST /breakers/{name}/{switch}` | `force-open`, `disable`, `observe-only`, `trip`, `half-open`, `release` or `reset` |
//! | `PATCH` or `POST /breakers/{name}/rules` | changes rules |
//! | `GET /fleet` | operators' words to the fleet that are in force, if there is one (feature `fleet`) |
//! | `POST /fleet/{name}/{word}` | says `force-open`, `disable`, `observe-only` or `release` to all instances of the fleet; the name `*` is every breaker |
//!
//! Whatever changes something exists only with [`Operator::switches`]. It needs `Content-Type: application/json`; the body of a switch is
//! empty, or `{}`, and that of a word may say for how long, and why: `{"for": "10m", "why": "change 4711"}`. The body of a change of rules has settings as in a file that [`Config`](crate::Config) reads, such as
//! `{"failure_rate": 0.4, "open_for": "10s"}`. A setting that is absent stays as it is, and a group (`open_for`,
//! `half_open`, `outage`, `hang`, `lenient`) is replaced as a whole. All of it is applied, or nothing; then the answer is
//! 422, with every problem.
//!
//! Names and times are written as in serde's formats elsewhere in this crate: `half_open`, and seconds in fields that
//! end in `_seconds`. Those without the word `wall` are by the breaker's clock; `at_seconds` beside a history is now.
//!
//! A breaker that was added in several ways is one, and can be switched if it can in any of them.
//!
//! In a path, a name is percent-encoded. Browsers and proxies rewrite some paths all the same (`..`, `%2F`, `//`), so
//! `_?name=` is another way to write a name: `/operator/breakers/_/history?name=a%2Fb`.
//!
//! # Security
//!
//! - *No check, no switches.* Without [`Operator::switches`] there is no route that changes anything. The check sees the
//!   request's head, and [`Asked`] in its extensions: which breaker, and what for. It returns [`Who`] it is, which is in the
//!   answer, or the response for those who may not.
//! - *Audit.* With the feature `tracing`, each request that the check lets pass leaves an event of the target `tripcoil`: who,
//!   which breaker, what for, and the settings before and after; or, at level WARN, why it was refused here.
//!   `docs/opentelemetry.md` has the fields. What the check itself refuses is for the check to log.
//! - *Reading* is open to everyone who reaches the router, unless there is a check: [`Operator::readers`]. Names of breakers,
//!   such as hosts or tenants, may be confidential. The page and `openapi.json` are the same for all, hold no data, and are
//!   served without a check; the page sends the token that is typed into it as a bearer token.
//! - *Requests from other sites.* A page of another site can make a browser send requests with its cookies. A switch
//!   therefore needs a content type that no form has, for which the browser first asks this server, and is refused; and a
//!   request is refused that the browser marks as another site's (`Sec-Fetch-Site`). There are no CORS headers; do not add a
//!   layer that allows all origins.
//!
//!   This does not stop *DNS rebinding*: a page of another site points its own name at the router's address, private ones and
//!   loopback included, and its requests are of the same site then. They come from an operator's browser, so a check by
//!   address, or no check of readers, lets them pass. A check needs a secret that such a page has not: a token, or a cookie,
//!   which a browser keeps by the name of the site. And [`Operator::hosts`] refuses requests to any other name.
//! - *An origin of its own.* Pages of one origin (scheme, host and port) can do all that any of them can, and read what it keeps.
//!   Serve the router at a host or port at which there is nothing else: above all nothing that users have uploaded, and nothing
//!   that is forwarded from other servers. The example `axum_gateway` has a second listener for it.
//! - *Markup.* The page puts data into text only. Its policy (`Content-Security-Policy`) permits its own script and style by
//!   a nonce, connections to its own server, and nothing else; no other page may frame it.
//! - *Caches.* All answers are `no-store`.
//! - *Secrets.* The router keeps no secrets. The page keeps the token that is typed into it in the browser's `sessionStorage`, until the
//!   tab is closed, under a key of its own; each page of the same origin can read it there. Use TLS, and an address that only
//!   operators reach.
//!
//! # Cost
//!
//! The router reads breakers as an [`Observer`](crate::Observer) does, so calls do not wait for it. A list goes through all
//! breakers on the thread of the request: with 10,000 of them about 1 ms, and 7 ms if the worst come first, as on the page,
//! which asks once per second while it is open.
//!
//! An answer has an end, whatever is asked: at most 1000 breakers of about 200 bytes each, or with `detail=full` 200. Of these
//! each has up to 19 kB at 64 buckets, timed calls and 16 transitions, 3.8 MB in all, and 50 bytes more for each further bucket
//! of its window. A page of a history has at most 1000 transitions, 250 kB.
//!
//! A breaker whose custom clock panics is not shown; `unreadable` in the list counts such breakers.

mod access;
mod answer;
mod audit;
mod done;
#[cfg(feature = "fleet")]
mod fleet;
mod hosts;
mod list;
mod moved;
mod operator;
mod page;
mod read;
mod router;
mod rules;
mod source;
mod switch;
mod view;
#[cfg(feature = "fleet")]
mod voice;

pub use self::access::{Action, Asked, Who};
pub use self::operator::Operator;
