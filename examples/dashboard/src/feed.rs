//! Turns breakers into the data that is drawn.

use crate::view::{Change, Row, View};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tripcoil::Subscription;
use tripcoil::insight::Insight;
use tripcoil::registry::Registry;

/// Transitions that are kept.
const KEPT: usize = 200;

pub(crate) struct Feed {
    registry: Registry<String>,
    begun: Instant,
    changes: Arc<Mutex<Vec<Change>>>,
    watched: HashMap<String, Watched>,
}

/// A breaker's transitions, and what is learnt of it.
struct Watched {
    insight: Insight,
    _transitions: Subscription,
}

impl Feed {
    pub(crate) fn of(registry: &Registry<String>) -> Feed {
        Feed {
            registry: registry.clone(),
            begun: Instant::now(),
            changes: Arc::default(),
            watched: HashMap::new(),
        }
    }

    /// Returns the present data, and subscribes to new breakers.
    pub(crate) fn refresh(&mut self, view: &mut View) {
        let chosen = view.breakers.get(view.chosen).map(|row| row.name.clone());
        let mut breakers = Vec::new();
        self.registry.for_each(|name, breaker| {
            let observer = breaker.observer();
            let watched = self.watched.entry(name.clone()).or_insert_with(|| {
                let (begun, changes, name) = (self.begun, self.changes.clone(), name.clone());
                let transitions = observer.subscribe(move |transition| {
                    changes
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(Change {
                            at: begun.elapsed(),
                            name: name.clone(),
                            transition: *transition,
                        });
                });
                Watched {
                    insight: Insight::new(&observer),
                    _transitions: transitions,
                }
            });
            breakers.push(Row {
                name: name.clone(),
                seen: observer.snapshot(),
                known: watched.insight.report(),
            });
        });
        breakers.sort_by(|a, b| a.name.cmp(&b.name));

        // the same one stays chosen when others come and go
        let place = |name: &String| breakers.iter().position(|row| row.name == *name);
        let last = breakers.len().saturating_sub(1);
        view.chosen = chosen
            .as_ref()
            .and_then(place)
            .unwrap_or(view.chosen.min(last));
        view.breakers = breakers;
        view.changes
            .append(&mut self.changes.lock().unwrap_or_else(PoisonError::into_inner));
        let old = view.changes.len().saturating_sub(KEPT);
        view.changes.drain(..old);
    }
}
