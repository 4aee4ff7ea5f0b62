//! Keys whose `Hash`, `Eq` and `Clone` panic, at each of the times when they are called.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;
use tripcoil::registry::{Registry, RegistryController};
use tripcoil::{Breaker, ManualClock};

thread_local! {
    /// Which of the user's functions panics from now on, and after how many calls of it.
    static FUSE: Cell<Option<(Part, u32)>> = const { Cell::new(None) };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Hash,
    Eq,
    Clone,
}

fn burn(part: Part) {
    match FUSE.get() {
        Some((of, 0)) if of == part => {
            FUSE.set(None);
            std::panic::panic_any("the fuse");
        }
        Some((of, left)) if of == part => FUSE.set(Some((of, left - 1))),
        _ => {}
    }
}

/// Of which many have the same hash, so that they are compared.
#[derive(Debug)]
struct Key(u32);

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        burn(Part::Hash);
        (self.0 % 3).hash(state);
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Key) -> bool {
        burn(Part::Eq);
        self.0 == other.0
    }
}

impl Eq for Key {}

impl Clone for Key {
    fn clone(&self) -> Key {
        burn(Part::Clone);
        Key(self.0)
    }
}

struct World {
    registry: Registry<Key>,
    controller: RegistryController<Key>,
}

impl World {
    fn new(capacity: usize, keys: u32) -> World {
        let clock = ManualClock::new();
        let template = move |key: &Key| {
            Breaker::builder(key.0.to_string())
                .clock(&clock)
                .consecutive_failures(2)
                .open_for(Duration::from_secs(60))
        };
        let builder = Registry::builder(template).capacity(capacity);
        let (registry, controller) = builder.build_with_controller();
        let world = World {
            registry,
            controller,
        };
        (0..keys).for_each(|key| world.succeed(key));
        world
    }

    fn succeed(&self, key: u32) {
        let called = self.registry.call(&Key(key), || Ok::<_, ()>(()));
        assert!(called.is_ok(), "{key}: {called:?}");
    }

    /// Each breaker is found by its key, and there is one for each key.
    #[track_caller]
    fn is_whole(&self, at: &str) {
        let mut there = BTreeMap::new();
        self.registry.for_each(|key, breaker| {
            let before = there.insert(key.0, breaker.clone());
            assert!(before.is_none(), "{at}: {} is there twice", key.0);
        });
        assert_eq!(self.registry.len(), there.len(), "{at}");
        for (key, breaker) in &there {
            let found = self.registry.peek(&Key(*key));
            let found = found.unwrap_or_else(|| panic!("{at}: {key} is not found"));
            // what is done to the one is seen in the other
            let seen = || {
                let totals = found.observer().snapshot().totals;
                totals.ignored + totals.rejected
            };
            let before = seen();
            if let Ok(permit) = breaker.try_acquire() {
                permit.ignore();
            }
            let after = seen();
            assert_eq!(after, before + 1, "{at}: {key} has two breakers");
        }
        let all = self.registry.aggregate();
        assert_eq!(all.breakers, there.len(), "{at}");
    }
}

type Act = fn(&World);

const ACTS: [(&str, Act); 8] = [
    ("a call", |world| world.succeed(4)),
    ("a first use", |world| world.succeed(100)),
    ("many first uses", |world| {
        (100..130).for_each(|key| world.succeed(key));
    }),
    ("a look", |world| {
        let _ = world.registry.peek(&Key(5));
        let _ = world.registry.get(&Key(200));
    }),
    ("two sweeps", |world| {
        let _ = world.registry.sweep() + world.registry.sweep();
    }),
    ("a look at one that leaves", |world| {
        let within = world.registry.with(&Key(2), |_| {
            let _ = world.registry.sweep() + world.registry.sweep();
            world.succeed(2);
        });
        within.expect("valid");
    }),
    ("forgetting", |world| {
        (0..4).for_each(|key| _ = world.controller.forget(&Key(key)));
    }),
    ("an operator's", |world| {
        let on = world.controller.on(&Key(300), |one| one.force_open());
        on.expect("valid");
        let rules = |rules: tripcoil::config::Rules| rules.consecutive_failures(0);
        let _ = world.controller.reconfigure_all(rules);
        let _ = world.controller.release_all();
    }),
];

/// The caller gets the panic of its key. It loses nothing else.
#[test]
fn keys_that_panic_leave_the_registry_whole() {
    std::panic::set_hook(Box::new(|info| {
        let fuse = info.payload().downcast_ref::<&str>() == Some(&"the fuse");
        if !fuse {
            eprintln!("{info}");
        }
    }));
    let mut burnt = 0;
    for (capacity, keys) in [(100, 12), (4, 12), (0, 9), (100, 60)] {
        for (name, act) in ACTS {
            for part in [Part::Hash, Part::Eq, Part::Clone] {
                for after in (0..12).chain([20, 40, 100]) {
                    let world = World::new(capacity, keys);
                    let at = format!("{name}, {part:?} after {after}, {capacity}");
                    FUSE.set(Some((part, after)));
                    let acted = catch_unwind(AssertUnwindSafe(|| act(&world)));
                    FUSE.set(None);
                    burnt += u32::from(acted.is_err());
                    world.is_whole(&at);
                    // and it goes on
                    (0..20).for_each(|key| world.succeed(key));
                    world.is_whole(&at);
                    (0..3).for_each(|_| _ = world.registry.sweep());
                    world.is_whole(&at);
                }
            }
        }
    }
    let _ = std::panic::take_hook();
    assert!(burnt > 200, "{burnt}");
}
