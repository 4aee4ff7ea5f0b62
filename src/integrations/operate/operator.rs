//! Which breakers, whose checks: the builder of the router.

#[cfg(feature = "fleet")]
use crate::fleet::Store;
#[cfg(feature = "insight")]
use crate::insight::Insight;
use crate::integrations::operate::access::{Check, Who};
use crate::integrations::operate::hosts::Hosts;
use crate::integrations::operate::source::Sources;
#[cfg(feature = "fleet")]
use crate::integrations::operate::voice::{Voice, voice};
#[cfg(feature = "registry")]
use crate::registry::RegistryController;
use crate::{Controller, Observer};
use axum::http::request::Parts;
use axum::response::Response;
use std::fmt;
use std::future::Future;
#[cfg(feature = "registry")]
use std::hash::Hash;
use std::sync::Arc;

/// Builds the router of an operator's endpoint: see the [module](crate::operate).
#[derive(Default)]
#[must_use = "it serves nothing until `router` is called"]
pub struct Operator {
    pub(super) sources: Sources,
    #[cfg(feature = "insight")]
    pub(super) insights: Vec<Insight>,
    #[cfg(feature = "insight")]
    pub(super) insight_of: Option<Find>,
    #[cfg(feature = "fleet")]
    pub(super) fleet: Option<Arc<dyn Voice>>,
    pub(super) hosts: Hosts,
    pub(super) readers: Option<Check>,
    pub(super) switches: Option<Check>,
}

/// Returns the insight of a breaker.
#[cfg(feature = "insight")]
type Find = Box<dyn Fn(&Observer) -> Option<Insight> + Send + Sync>;

impl fmt::Debug for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operator")
            .field("hosts", &self.hosts)
            .field("readers", &self.readers.is_some())
            .field("switches", &self.switches.is_some())
            .finish_non_exhaustive()
    }
}

impl Operator {
    /// Returns an operator without breakers, whose router anyone may read.
    pub fn new() -> Operator {
        Operator::default()
    }

    /// Adds a breaker that can be read, and not be changed.
    ///
    /// Once a registry has forgotten it, it is not shown any more. Add the registry instead, to show its
    /// present breakers.
    pub fn observer(mut self, observer: &Observer) -> Operator {
        self.sources.add(observer.clone());
        self
    }

    /// Adds a breaker that can be read and switched, by its controller or an `Arc` of it.
    pub fn controller(mut self, controller: impl Into<Arc<Controller>>) -> Operator {
        self.sources.add(controller.into());
        self
    }

    /// Adds all breakers of a registry, present and future, by its controller or an `Arc` of it. They can be read and
    /// switched.
    ///
    /// They are addressed by their names, not by their keys: a template should give each breaker a name of its own. No
    /// request makes a breaker. One whose rules are changed here is not evicted from then on.
    ///
    /// ```
    /// use tripcoil::Breaker;
    /// use tripcoil::operate::Operator;
    /// use tripcoil::registry::Registry;
    ///
    /// let (hosts, controller) = Registry::builder(|host: &String| Breaker::builder(host.as_str()))
    ///     .build_with_controller();
    /// let router: axum::Router = Operator::new().registry(controller).router();
    /// # let _ = (hosts, router);
    /// ```
    #[cfg(feature = "registry")]
    pub fn registry<K, C>(
        mut self,
        controller: impl Into<Arc<RegistryController<K, C>>>,
    ) -> Operator
    where
        K: Hash + Eq + Send + Sync + 'static,
        C: Send + Sync + 'static,
    {
        self.sources.add(controller.into());
        self
    }

    /// Adds what an insight knows to its breaker, which has to be added too.
    #[cfg(feature = "insight")]
    pub fn insight(mut self, insight: &Insight) -> Operator {
        self.insights.push(insight.clone());
        self
    }

    /// Asks `find` for the insight of a breaker that has no other: for the breakers of a registry, which come and go. It
    /// is called whenever such a breaker is read. If it panics, the breaker is shown without one.
    #[cfg(feature = "insight")]
    pub fn insights(
        mut self,
        find: impl Fn(&Observer) -> Option<Insight> + Send + Sync + 'static,
    ) -> Operator {
        self.insight_of = Some(Box::new(find));
        self
    }

    /// Adds the words to a fleet: those in force can be read, and with [`switches`](Self::switches) operators speak to all
    /// instances at once. What they say goes to the store, and the instances' agents find it there: the breakers of this
    /// process change if it has an agent too (`Fleet`).
    ///
    /// A word's breaker has the name by which it has joined the fleet: its own ([`Fleet::join`](crate::fleet::Fleet::join)), or
    /// its key's text in a registry ([`Fleet::join_registry`](crate::fleet::Fleet::join_registry)). A word on any other name
    /// is said too, since a breaker of that name may be in another program; `known` in the answer is whether this
    /// router has one.
    ///
    /// The check of the [switches](Self::switches) decides about words too, and one that was written for the switches of this
    /// process permits its users words to all. [`Asked::fleet`](crate::operate::Asked::fleet) is the difference.
    ///
    /// Its requests need a tokio runtime with the timer enabled, and panic without one. A word that was begun is said to
    /// its end, even if the client goes away. Without an answer of the store for 2 s the answer is 504, and the word may
    /// have been said all the same.
    ///
    /// The store's user needs the permission to write words, which the instances should not have. A second call replaces the
    /// fleet.
    ///
    /// ```
    /// use tripcoil::fleet::MemoryStore;
    /// use tripcoil::operate::Operator;
    ///
    /// let operator = Operator::new().fleet("checkout", MemoryStore::new());
    /// # let _: axum::Router = operator.router();
    /// ```
    #[cfg(feature = "fleet")]
    pub fn fleet<S: Store + Clone>(mut self, fleet: impl Into<String>, store: S) -> Operator {
        self.fleet = Some(voice(fleet.into(), store));
        self
    }

    /// Serves requests to these hosts only, such as `ops.example`, `127.0.0.1:8080` or `[::1]`, and answers all others with
    /// 421. A host without a port is served at each port.
    ///
    /// It is what a browser has in its address bar: so a page of another site cannot get at the router by a name of its own
    /// that it points at the router's address. A proxy in front has to pass on the `Host` header. A second call replaces the
    /// hosts; an empty list serves none.
    ///
    /// ```
    /// use tripcoil::operate::Operator;
    ///
    /// let router: axum::Router = Operator::new().hosts(["localhost", "127.0.0.1"]).router();
    /// # let _ = router;
    /// ```
    pub fn hosts<H: Into<String>>(mut self, hosts: impl IntoIterator<Item = H>) -> Operator {
        self.hosts = Some(hosts.into_iter().map(H::into).collect());
        self
    }

    pub(super) fn has_fleet(&self) -> bool {
        #[cfg(feature = "fleet")]
        return self.fleet.is_some();
        #[cfg(not(feature = "fleet"))]
        return false;
    }

    /// Puts reading behind a check: it returns who reads, or the response for those who may not.
    ///
    /// A second call replaces the check. The check gets the head of each request for data, with
    /// [`Asked`](crate::operate::Asked) in its extensions. It may wait, for a session's store for example. If it panics, the
    /// request fails as with any handler that panics.
    pub fn readers<F, A>(mut self, check: F) -> Operator
    where
        F: Fn(Parts) -> A + Send + Sync + 'static,
        A: Future<Output = Result<Who, Response>> + Send + 'static,
    {
        self.readers = Some(Check::new(check));
        self
    }

    /// Adds the switches, behind a check: it returns who switches, or the response for those who may not. Without it there
    /// are none.
    ///
    /// A second call replaces the check. The check of the [readers](Self::readers) is not asked for a switch.
    pub fn switches<F, A>(mut self, check: F) -> Operator
    where
        F: Fn(Parts) -> A + Send + Sync + 'static,
        A: Future<Output = Result<Who, Response>> + Send + 'static,
    {
        self.switches = Some(Check::new(check));
        self
    }
}
