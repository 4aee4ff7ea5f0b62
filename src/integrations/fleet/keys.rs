//! The breakers of a registry, as an agent finds them.
#![cfg(feature = "registry")]

use super::source::Source;
use crate::Controller;
use crate::registry::RegistryController;
use std::borrow::Borrow;
use std::hash::Hash;
use std::marker::PhantomData;

/// Those that there are at the time of a look. It neither creates a key nor keeps one.
pub(super) struct Keys<R, K, C, N> {
    registry: R,
    name: N,
    of: PhantomData<fn() -> (K, C)>,
}

impl<R, K, C, N> Keys<R, K, C, N> {
    pub(super) fn new(registry: R, name: N) -> Self {
        Keys {
            registry,
            name,
            of: PhantomData,
        }
    }
}

impl<R, K, C, N> Source for Keys<R, K, C, N>
where
    R: Borrow<RegistryController<K, C>> + Send,
    K: Hash + Eq,
    N: Fn(&K) -> String + Send,
{
    fn each(&self, see: &mut dyn FnMut(&Controller, &dyn Fn() -> String)) {
        let registry = self.registry.borrow();
        registry.each(|key, controller, _| see(controller, &|| (self.name)(key)));
    }
}
