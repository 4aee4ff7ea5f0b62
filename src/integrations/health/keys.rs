//! The timer and the breakers of a registry.
//!
//! The timer holds observers and keys, not breakers, so a key can be forgotten. To act on a breaker it is looked up,
//! and must be the one that was observed: its key may have been forgotten and used again.

use crate::integrations::health::attempt::{Attempt, Attempts, called};
use crate::integrations::health::check::is_healthy;
use crate::integrations::health::notes::{Note, Notes};
use crate::integrations::health::timer::IdleTimer;
use crate::integrations::registry::{Move, Registry, RegistryController};
use crate::{Classify, Observer};
use std::collections::HashMap;
use std::future::{Future, ready};
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What the attempts for one key's breaker need.
struct Key<K, C, F> {
    registry: Registry<K, C>,
    key: K,
    observer: Observer,
    attempt: Arc<F>,
    timeout: Duration,
}

impl<K: Clone, C, F> Clone for Key<K, C, F> {
    fn clone(&self) -> Self {
        Key {
            registry: self.registry.clone(),
            key: self.key.clone(),
            observer: self.observer.clone(),
            attempt: self.attempt.clone(),
            timeout: self.timeout,
        }
    }
}

struct Check<K, C, F>(Key<K, C, F>);

impl<K, C, F, A, E> Attempts for Check<K, C, F>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    C: Send + Sync + 'static,
    F: Fn(&K) -> A + Send + Sync + 'static,
    A: Future<Output = Result<(), E>> + Send + 'static,
    E: Send + 'static,
{
    fn begin(&self, generation: u64) -> Attempt {
        let of = self.0.clone();
        Box::pin(async move {
            let healthy = is_healthy(&mut || (of.attempt)(&of.key), of.timeout).await;
            healthy
                && of
                    .registry
                    .half_open_from(&of.key, &of.observer, generation)
        })
    }

    fn are_calls(&self) -> bool {
        false
    }
}

struct Probe<K, C, F>(Key<K, C, F>);

impl<K, C, F, A, T, E> Attempts for Probe<K, C, F>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    C: Classify<T, E> + Send + Sync + 'static,
    F: Fn(&K) -> A + Send + Sync + 'static,
    A: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
{
    fn begin(&self, _: u64) -> Attempt {
        let Key {
            registry,
            key,
            observer,
            attempt,
            timeout,
        } = &self.0;
        let breaker = registry.peek(key);
        let Some(breaker) = breaker.filter(|found| found.observer().is_same(observer)) else {
            return Box::pin(ready(false)); // it was forgotten
        };
        let (attempt, key) = (attempt.clone(), key.clone());
        called(&breaker, *timeout, async move { attempt(&key).await })
    }

    fn are_calls(&self) -> bool {
        true
    }
}

impl IdleTimer {
    /// Looks after every breaker of a registry, as [`check`](Self::check) does after one: `check` gets the key.
    ///
    /// It keeps the registry, but no key's breaker: one that may be forgotten is forgotten.
    pub fn check_keys<K, C, F, A, E>(&self, controller: &RegistryController<K, C>, check: F)
    where
        K: Hash + Eq + Clone + Send + Sync + 'static,
        C: Send + Sync + 'static,
        F: Fn(&K) -> A + Send + Sync + 'static,
        A: Future<Output = Result<(), E>> + Send + 'static,
        E: Send + 'static,
    {
        self.follow(&controller.registry(), check, |key| Box::new(Check(key)));
    }

    /// Looks after every breaker of a registry, as [`probe`](Self::probe) does after one: `probe` gets the key.
    ///
    /// It keeps the registry, but no key's breaker, except during a probe.
    ///
    /// ```
    /// use tripcoil::Breaker;
    /// use tripcoil::health::Idle;
    /// use tripcoil::registry::Registry;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let registry = Registry::builder(|host: &String| Breaker::builder(host.as_str())).build();
    /// let (timer, task) = Idle::new().start();
    /// timer.probe_keys(&registry, |host: &String| {
    ///     let url = format!("https://{host}/health");
    ///     async move { if url.is_empty() { Err("no route") } else { Ok(()) } } // a request
    /// });
    /// tokio::spawn(task);
    /// # }
    /// ```
    pub fn probe_keys<K, C, F, A, T, E>(&self, registry: &Registry<K, C>, probe: F)
    where
        K: Hash + Eq + Clone + Send + Sync + 'static,
        C: Classify<T, E> + Send + Sync + 'static,
        F: Fn(&K) -> A + Send + Sync + 'static,
        A: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: Send + 'static,
    {
        self.follow(registry, probe, |key| Box::new(Probe(key)));
    }

    fn follow<K, C, F>(
        &self,
        registry: &Registry<K, C>,
        attempt: F,
        attempts: impl Fn(Key<K, C, F>) -> Box<dyn Attempts> + Send + Sync + 'static,
    ) where
        K: Hash + Eq + Clone + Send + Sync + 'static,
        C: Send + Sync + 'static,
        F: Send + Sync + 'static,
    {
        let (ours, attempt, timeout) = (registry.clone(), Arc::new(attempt), self.timeout());
        // not kept by what is among the notes
        let notes = Arc::downgrade(self.notes());
        let ids = Mutex::new(HashMap::new());
        let report = registry.follow(move |key: &K, observer, what| {
            let Some(notes) = notes.upgrade() else {
                return;
            };
            let mut ids = ids.lock().unwrap_or_else(PoisonError::into_inner);
            let gone: Option<u64> = ids.remove(key);
            if what != Move::Went {
                let of = Key {
                    registry: ours.clone(),
                    key: key.clone(),
                    observer: observer.clone(),
                    attempt: attempt.clone(),
                    timeout,
                };
                let id = Notes::watch(&notes, observer.clone(), attempts(of));
                ids.insert(key.clone(), id);
            }
            drop(ids);
            if let Some(gone) = gone {
                notes.put(Note::Removed(gone));
            }
        });
        self.notes().put(Note::Keep(Box::new(report)));
    }
}
