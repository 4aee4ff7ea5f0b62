//! Every key of a registry.

use super::destination::Destination;
use super::listener::Tracing;
use crate::Observer;
use crate::registry::{Move, Registry};
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How many forgotten keys are kept, or as many as there are keys if these are more.
const GONE: usize = 64;

/// Emits the transitions of every key of a registry, including keys that are added later. Created
/// by [`Tracing::of_registry`].
///
/// The events are those of the [module](crate::tracing), with the breaker's name in `tripcoil.breaker`. They
/// cover a key from its first transition to its last. Would-be trips are reported at each
/// transition, and by [`check`](Self::check). An insight's notices are not among them: give the keys that are worth
/// one a `Tracing` each. It has no thread of its own.
///
/// ```
/// use std::time::Duration;
/// use tripcoil::Breaker;
/// use tripcoil::registry::Registry;
/// use tripcoil::tracing::Tracing;
///
/// let (registry, controller) = Registry::builder(|host: &String| Breaker::builder(host.as_str()))
///     .build_with_controller();
/// let tracing = Tracing::of_registry(&registry);
/// controller.on("eu", |eu| eu.trip())?; // WARN tripcoil: breaker opened tripcoil.breaker="eu" ..
/// assert!(tracing.drain(Duration::from_secs(10)));
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
#[must_use = "dropping it ends the events"]
pub struct KeysTracing {
    shared: Arc<Shared>,
    /// The registry calls it as long as this exists.
    _report: Arc<dyn Send + Sync>,
}

impl fmt::Debug for KeysTracing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeysTracing").finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Shared {
    keys: Mutex<Keys>,
}

#[derive(Default)]
struct Keys {
    all: Vec<Arc<Tracing>>,
    /// Keys that were forgotten since the last look.
    gone: usize,
}

impl Shared {
    fn keys(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A key whose last event was emitted is dropped, some time later.
    fn went(&self) {
        let over = {
            let mut keys = self.keys();
            keys.gone += 1;
            if keys.gone < GONE.max(keys.all.len() / 2) {
                return;
            }
            keys.gone = 0;
            let (over, there) = std::mem::take(&mut keys.all)
                .into_iter()
                .partition::<Vec<_>, _>(|tracing| tracing.transitions.is_closed());
            keys.all = there;
            over
        };
        drop(over);
    }
}

impl Tracing {
    /// Emits the transitions of every key of a registry: see [`KeysTracing`]. Events go to the
    /// subscriber that is in force here, or to the global one if there is no other.
    pub fn of_registry<K, C>(registry: &Registry<K, C>) -> KeysTracing
    where
        K: Hash + Eq + 'static,
    {
        let shared = Arc::new(Shared::default());
        let (ours, subscriber) = (shared.clone(), Destination::here());
        let come = move |observer: &Observer, new: bool| {
            let tracing = Tracing::of_transitions(observer, subscriber.clone(), new);
            ours.keys().all.push(Arc::new(tracing));
        };
        let ours = shared.clone();
        let report = registry.follow(move |_: &K, observer, what| match what {
            Move::There => come(observer, false),
            Move::Came => come(observer, true),
            Move::Went => ours.went(),
        });
        KeysTracing {
            shared,
            _report: Arc::new(report),
        }
    }
}

impl KeysTracing {
    /// Emits an event now for rules that would have tripped since the last such event.
    pub fn check(&self) {
        self.all().iter().for_each(|tracing| tracing.check());
    }

    /// Waits until everything so far was emitted, for at most `limit`. Returns whether it was. For
    /// the end of a program, and for tests.
    #[must_use]
    pub fn drain(&self, limit: Duration) -> bool {
        let since = Instant::now();
        let left = || limit.saturating_sub(since.elapsed());
        self.all().iter().all(|tracing| tracing.drain(left()))
    }

    /// To be read without a lock.
    fn all(&self) -> Vec<Arc<Tracing>> {
        self.shared.keys().all.clone()
    }
}
