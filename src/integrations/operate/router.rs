//! The routes.

use crate::integrations::operate::answer::{harden, method_not_allowed};
#[cfg(feature = "fleet")]
use crate::integrations::operate::fleet;
use crate::integrations::operate::hosts::only;
use crate::integrations::operate::operator::Operator;
use crate::integrations::operate::page::{html, openapi};
use crate::integrations::operate::read::{history, list, one, outages};
use crate::integrations::operate::switch::{reconfigure, switch};
use axum::Router;
use axum::middleware::{from_fn_with_state, map_response};
use axum::routing::{get, patch, post};
use std::sync::Arc;

impl Operator {
    /// Returns the router, to be nested under a path of your choice.
    ///
    /// Unknown paths are left to the router in which it is nested. To nest it in a router with a state, leave the type
    /// `S` to inference.
    ///
    /// The page is at the path itself. axum has no route there with a slash at the end; to serve it too, redirect:
    ///
    /// ```
    /// use axum::Router;
    /// use axum::response::Redirect;
    /// use axum::routing::get;
    /// use tripcoil::operate::Operator;
    ///
    /// let app: Router = Router::new()
    ///     .nest("/operator", Operator::new().router())
    ///     .route("/operator/", get(async || Redirect::permanent("/operator")));
    /// # let _ = app;
    /// ```
    pub fn router<S: Clone + Send + Sync + 'static>(self) -> Router<S> {
        let mut router = Router::new()
            .route("/", get(html))
            .route("/openapi.json", get(openapi));
        router = router.route("/breakers", get(list));
        let with_switches = self.switches.is_some();
        // a name that is empty is no part of a path that a parameter matches
        for name in ["", "{name}"] {
            let at = |rest: &str| format!("/breakers/{name}{rest}");
            router = router
                .route(&at(""), get(one))
                .route(&at("/history"), get(history))
                .route(&at("/outages"), get(outages));
            if with_switches {
                router = router.route(&at("/rules"), patch(reconfigure).post(reconfigure));
                router = router.route(&at("/{switch}"), post(switch));
            }
        }
        #[cfg(feature = "fleet")]
        if self.fleet.is_some() {
            router = router.route("/fleet", get(fleet::list));
            if with_switches {
                for name in ["", "{name}"] {
                    router = router.route(&format!("/fleet/{name}/{{word}}"), post(fleet::say));
                }
            }
        }
        router
            .method_not_allowed_fallback(method_not_allowed)
            .layer(from_fn_with_state(self.hosts.clone(), only))
            .layer(map_response(harden))
            .with_state(Arc::new(self))
    }
}
