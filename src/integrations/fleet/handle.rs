//! The handle of an agent.

use super::agent::{Agent, Desk, Joined, Settings};
use super::link::{Link, View};
use super::source::{Single, Source};
use super::store::Store;
use crate::Controller;
#[cfg(feature = "metrics")]
use crate::error::caught::caught;
#[cfg(feature = "metrics")]
use crate::integrations::metrics::FleetBreakerSeries;
#[cfg(feature = "registry")]
use crate::registry::RegistryController;
use std::borrow::Borrow;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
#[cfg(feature = "registry")]
use std::hash::Hash;
use std::sync::Arc;
use tokio::sync::{Mutex, MutexGuard};

/// An instance's part in its fleet: an agent for all breakers of a process. See the [module](super).
///
/// Clones are handles of the same agent.
pub struct Fleet<S> {
    shared: Arc<Shared<S>>,
}

struct Shared<S> {
    fleet: Arc<str>,
    instance: Arc<str>,
    desk: Arc<Desk>,
    /// Locked while it runs.
    agent: Mutex<Agent<S>>,
}

impl<S> Clone for Fleet<S> {
    fn clone(&self) -> Self {
        Fleet {
            shared: self.shared.clone(),
        }
    }
}

impl<S> fmt::Debug for Fleet<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fleet")
            .field("name", &self.shared.fleet)
            .field("instance", &self.shared.instance)
            .field("up", &self.shared.desk.board().link().up)
            .finish_non_exhaustive()
    }
}

impl<S: Store> Fleet<S> {
    pub(super) fn new(settings: Settings, store: S) -> Fleet<S> {
        let desk = Arc::new(Desk::new());
        let (fleet, instance) = (settings.fleet.clone(), settings.instance.clone());
        let agent = Mutex::new(Agent::new(settings, store, desk.clone()));
        Fleet {
            shared: Arc::new(Shared {
                fleet,
                instance,
                desk,
                agent,
            }),
        }
    }

    /// Shares this breaker with the fleet, under its own name. `controller` is a [`Controller`], or an `Arc` of one.
    ///
    /// Returns `false`, and does nothing, if a breaker of that name has joined before: instances have one vote for each
    /// name. It stays as long as the agent.
    pub fn join<C>(&self, controller: C) -> bool
    where
        C: Borrow<Controller> + Send + Sync + 'static,
    {
        let name = controller.borrow().observer().name().to_owned();
        let mut joins = self.shared.desk.joins();
        let is_new = joins.names.insert(name.clone());
        drop(joins);
        if is_new {
            self.add(Single(controller), Some(&name));
        }
        is_new
    }

    /// Shares every breaker of a registry with the fleet, each under its key's text. `controller` is a
    /// [`RegistryController`], or an `Arc` of one.
    ///
    /// It neither creates a key nor keeps one: a key that may be forgotten is forgotten, and takes its vote with it. Words
    /// apply to keys that come later, too. All instances must have the same text for the same dependency. A key
    /// whose text is another breaker's name, or panics, is left alone.
    ///
    /// ```
    /// use tripcoil::fleet::{Fleet, MemoryStore};
    /// use tripcoil::registry::Registry;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (registry, controller) = Registry::<String>::from_config(Default::default())?.build_with_controller();
    /// let fleet = Fleet::builder("checkout", MemoryStore::new()).instance("pod-1").build()?;
    /// fleet.join_registry(controller);
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "registry")]
    pub fn join_registry<R, K, C>(&self, controller: R)
    where
        R: Borrow<RegistryController<K, C>> + Send + Sync + 'static,
        K: Hash + Eq + fmt::Display + Send + Sync + 'static,
        C: Send + Sync + 'static,
    {
        self.join_registry_as(controller, K::to_string);
    }

    /// Shares every breaker of a registry with the fleet, as [`join_registry`](Self::join_registry) does, each under the
    /// text that `name` returns for its key.
    ///
    /// ```
    /// # use tripcoil::Breaker;
    /// # use tripcoil::fleet::{Fleet, MemoryStore};
    /// # use tripcoil::registry::Registry;
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let fleet = Fleet::builder("checkout", MemoryStore::new()).instance("pod-1").build()?;
    /// let (tenants, controller) =
    ///     Registry::builder(|_: &(u32, u32)| Breaker::builder("tenant")).build_with_controller();
    /// fleet.join_registry_as(controller, |(shard, tenant)| format!("tenant/{shard}/{tenant}"));
    /// # let _ = tenants;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "registry")]
    pub fn join_registry_as<R, K, C, N>(&self, controller: R, name: N)
    where
        R: Borrow<RegistryController<K, C>> + Send + Sync + 'static,
        K: Hash + Eq + Send + Sync + 'static,
        C: Send + Sync + 'static,
        N: Fn(&K) -> String + Send + Sync + 'static,
    {
        self.add(super::keys::Keys::new(controller, name), None);
    }

    /// Gives it to the agent. The series of a breaker that stays are created here, for the recorder that is in force.
    fn add(&self, source: impl Source + 'static, breaker: Option<&str>) {
        #[cfg(feature = "metrics")]
        let series = breaker.and_then(|name| {
            caught(|| Arc::new(FleetBreakerSeries::new(&self.shared.fleet, name)))
        });
        #[cfg(not(feature = "metrics"))]
        let _ = breaker;
        self.shared.desk.joins().new.push(Joined {
            source: Box::new(source),
            is_known: false,
            #[cfg(feature = "metrics")]
            series,
        });
    }

    /// Returns the agent's task, to be spawned. It never ends.
    ///
    /// If it is dropped, or never run, breakers are local: what they know of the fleet is forgotten, postponed waits end
    /// within two seconds, and operators' words that were applied stay. It may be run again, and goes on with the same
    /// breakers. A second one waits until the first is dropped.
    ///
    /// # Panics
    ///
    /// The task panics if it is polled outside a tokio runtime with the timer enabled.
    pub fn run(&self) -> impl Future<Output = Infallible> + Send + 'static + use<S> {
        let shared = self.shared.clone();
        async move {
            let mut running = Running(shared.agent.lock().await);
            running.0.run().await
        }
    }

    /// Returns whether the store is reached, and if not, why. It only reads, and is cheap.
    #[must_use]
    pub fn link(&self) -> Link {
        self.shared.desk.board().link()
    }

    /// Returns what is known of a breaker from the fleet, by its name or its key's text; `None` if none of that name has
    /// joined, or the agent has not seen it so far. It only reads, and is cheap.
    #[must_use]
    pub fn view(&self, breaker: &str) -> Option<View> {
        self.shared.desk.board().view(breaker)
    }
}

/// Ends what is known when the task is dropped.
struct Running<'a, S: Store>(MutexGuard<'a, Agent<S>>);

impl<S: Store> Drop for Running<'_, S> {
    fn drop(&mut self) {
        self.0.stop();
    }
}
