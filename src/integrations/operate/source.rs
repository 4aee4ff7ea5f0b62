//! Where breakers come from: handles of single breakers, and registries.

use crate::{Controller, Observer};
use std::collections::HashSet;
use std::sync::Arc;

/// A breaker that is shown, and the handle that changes it, if there is one.
pub(super) trait Operated {
    fn observer(&self) -> Observer;

    fn controller(&self) -> Option<&Controller> {
        None
    }

    /// Records that it has rules of its own.
    fn keep(&self) {}
}

pub(super) trait Source: Send + Sync {
    /// Whether its breakers come with controllers.
    fn controls(&self) -> bool;

    /// Calls `see` with each breaker, in no particular order.
    fn each(&self, see: &mut dyn FnMut(&dyn Operated));
}

impl Operated for Observer {
    fn observer(&self) -> Observer {
        self.clone()
    }
}

impl Source for Observer {
    fn controls(&self) -> bool {
        false
    }

    fn each(&self, see: &mut dyn FnMut(&dyn Operated)) {
        // the registry that it was in has another for its key, if the key is in use
        if !self.is_forgotten() {
            see(self);
        }
    }
}

impl Operated for Controller {
    fn observer(&self) -> Observer {
        Controller::observer(self)
    }

    fn controller(&self) -> Option<&Controller> {
        Some(self)
    }
}

impl Source for Arc<Controller> {
    fn controls(&self) -> bool {
        true
    }

    fn each(&self, see: &mut dyn FnMut(&dyn Operated)) {
        see(&**self);
    }
}

#[cfg(feature = "registry")]
mod keyed {
    use super::{Operated, Source};
    use crate::registry::RegistryController;
    use crate::{Controller, Observer};
    use std::hash::Hash;
    use std::sync::Arc;

    /// A breaker of a registry.
    struct Keyed<'a> {
        controller: &'a Controller,
        keep: &'a dyn Fn(),
    }

    impl Operated for Keyed<'_> {
        fn observer(&self) -> Observer {
            self.controller.observer()
        }

        fn controller(&self) -> Option<&Controller> {
            Some(self.controller)
        }

        fn keep(&self) {
            (self.keep)();
        }
    }

    impl<K, C> Source for Arc<RegistryController<K, C>>
    where
        K: Hash + Eq + Send + Sync,
        C: Send + Sync,
    {
        fn controls(&self) -> bool {
            true
        }

        fn each(&self, see: &mut dyn FnMut(&dyn Operated)) {
            RegistryController::each(self, |_, controller, keep| {
                see(&Keyed { controller, keep });
            });
        }
    }
}

/// All sources, as one.
#[derive(Default)]
pub(super) struct Sources(Vec<Box<dyn Source>>);

/// Why there is not exactly one breaker of a name.
pub(super) enum Missing {
    None,
    /// So many.
    Several(usize),
}

impl Sources {
    pub(super) fn add(&mut self, source: impl Source + 'static) {
        self.0.push(Box::new(source));
    }

    /// Calls `see` once with each breaker, and with its controller if any source has it: in the order in which sources
    /// were added, those with controllers first.
    pub(super) fn each(&self, see: &mut dyn FnMut(&dyn Operated)) {
        // in one source there is each breaker once
        if let [source] = &self.0[..] {
            return source.each(see);
        }
        let mut seen = HashSet::new();
        for controls in [true, false] {
            let these = self.0.iter().filter(|one| one.controls() == controls);
            these.for_each(|source| {
                source.each(&mut |one| {
                    if seen.insert(one.observer().identity()) {
                        see(one);
                    }
                });
            });
        }
    }

    /// Returns whether there is a breaker of that name.
    #[cfg(feature = "fleet")]
    pub(super) fn have(&self, name: &str) -> bool {
        let mut found = false;
        self.each(&mut |one| found |= one.observer().name() == name);
        found
    }

    /// Calls `operate` with the breaker of that name, if there is exactly one.
    pub(super) fn on<T>(
        &self,
        name: &str,
        operate: impl FnOnce(&dyn Operated) -> T,
    ) -> Result<T, Missing> {
        let mut count = 0;
        self.each(&mut |one| count += usize::from(one.observer().name() == name));
        if count > 1 {
            return Err(Missing::Several(count));
        }
        let (mut operate, mut done) = (Some(operate), None);
        self.each(&mut |one| {
            if one.observer().name() == name
                && let Some(operate) = operate.take()
            {
                done = Some(operate(one));
            }
        });
        done.ok_or(Missing::None)
    }
}
