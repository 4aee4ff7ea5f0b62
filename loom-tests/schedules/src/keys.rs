//! A registry's keys: first uses, evictions and sweeps, with calls under way.
//!
//! What must hold: a key has one breaker at a time, for all who have it; its coming and going are
//! reported in turn; what is counted is in the aggregate, whatever has been forgotten (I1), and that never goes
//! down; a breaker that has opened is not forgotten; and nothing is that two sweeps have not found idle.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use shuttle::thread::spawn;
use tripcoil::observe::Totals;
use tripcoil::registry::{Registry, RegistryController};
use tripcoil::{Breaker, CallError, ManualClock, Observer, State};

use crate::dice::Dice;
use crate::stopping::bounded;

type Key = u32;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Through the registry, and whether it fails.
    Call(Key, bool),
    /// Have the key's breaker, and keep it.
    Get(Key),
    Peek(Key),
    /// By the oldest breaker that is kept.
    CallKept(bool),
    /// Which is let go.
    LetGo,
    Sweep,
    Aggregate,
    Each,
    /// The operator's: reset, trip, override, forget.
    Reset(Key),
    Trip(Key),
    Rules(Key),
    Forget(Key),
    OverrideAll,
    ReleaseAll,
}

/// What is looked at besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// One failure opens, and nobody closes: once a key has failed, it is rejected.
    Opening,
    /// Nobody leaves but by sweeps, and there are no others.
    Sweeping,
    Anything,
}

#[derive(Clone, Debug)]
pub struct Plan {
    kind: Kind,
    capacity: usize,
    keys: Key,
    /// Failures in a row that open.
    failures: u32,
    threads: Vec<Vec<Op>>,
}

/// Rolls a plan.
#[must_use]
pub fn roll(seed: u64) -> Plan {
    let dice = &mut Dice::new(seed);
    let kind = [Kind::Opening, Kind::Sweeping, Kind::Anything][(seed % 3) as usize];
    let keys = dice.between(2, 5) as Key;
    let number = dice.between(4, 6);
    let threads = (0..number).map(|thread| {
        let sweeper = kind == Kind::Sweeping && thread < 2;
        (0..dice.between(2, 6))
            .map(|_| {
                let key = dice.roll(u64::from(keys)) as Key;
                let fails = dice.once_in(3);
                let common = [
                    Op::Call(key, fails),
                    Op::Call(key, fails),
                    Op::Call(key, fails),
                    Op::Call(key, fails),
                    Op::Get(key),
                    Op::Peek(key),
                    Op::CallKept(fails),
                    Op::LetGo,
                    Op::Aggregate,
                    Op::Each,
                    Op::Sweep,
                    Op::Sweep,
                ];
                let orders = [
                    Op::Reset(key),
                    Op::Trip(key),
                    Op::Rules(key),
                    Op::Forget(key),
                    Op::OverrideAll,
                    Op::ReleaseAll,
                ];
                match kind {
                    Kind::Anything if dice.once_in(4) => dice.one(&orders),
                    Kind::Sweeping if sweeper && !dice.once_in(4) => Op::Sweep,
                    Kind::Sweeping => dice.one(&common[..10]),
                    _ => dice.one(&common),
                }
            })
            .collect()
    });
    Plan {
        kind,
        keys,
        threads: threads.collect(),
        failures: if kind == Kind::Opening { 1 } else { 2 },
        capacity: if kind == Kind::Sweeping {
            100
        } else {
            dice.between(1, 3) as usize
        },
    }
}

/// Looked at and written between two accesses, so the lock is never waited for.
#[derive(Debug, Default)]
struct Notes {
    /// Breakers made so far.
    made: u64,
    /// Who has a key's breaker, and which.
    had: BTreeMap<Key, (String, u64)>,
    /// As reported.
    there: BTreeMap<Key, String>,
    failed: BTreeMap<Key, u64>,
    /// By breaker: how many sweeps had ended when a call of it was last about to end.
    called: BTreeMap<String, u64>,
    swept: u64,
    /// Sweeps that have begun.
    sweeps: u64,
    /// What hooks have found, whose panics go no further.
    wrong: Option<String>,
    /// Calls that ended, and those that were rejected.
    successes: u64,
    failures: u64,
    rejected: u64,
}

impl Notes {
    fn demand(&mut self, holds: bool, else_wrong: impl FnOnce() -> String) {
        if !holds && self.wrong.is_none() {
            self.wrong = Some(else_wrong());
        }
    }
}

struct World {
    plan: Plan,
    registry: Registry<Key>,
    controller: RegistryController<Key>,
    notes: Arc<Mutex<Notes>>,
}

fn note<R>(notes: &Mutex<Notes>, with: impl FnOnce(&mut Notes) -> R) -> R {
    with(&mut notes.lock().expect("no schedule goes on after a panic"))
}

/// Has a key's breaker as long as it lives.
struct Having<'a> {
    notes: &'a Mutex<Notes>,
    key: Key,
}

impl<'a> Having<'a> {
    fn new(notes: &'a Mutex<Notes>, key: Key, name: &str) -> Having<'a> {
        note(notes, |notes| {
            let (had, by) = notes.had.entry(key).or_default();
            if *by == 0 {
                *had = name.to_owned();
            }
            *by += 1;
            assert_eq!(had, name, "two breakers of one key");
        });
        Having { notes, key }
    }
}

impl Drop for Having<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            note(self.notes, |notes| {
                notes.had.get_mut(&self.key).expect("had").1 -= 1;
            });
        }
    }
}

impl World {
    fn call(&self, key: Key, fails: bool, breaker: &Breaker) {
        let _having = Having::new(&self.notes, key, breaker.name());
        let failed = note(&self.notes, |notes| notes.failed.contains_key(&key));
        let answer = bounded(|| {
            breaker.call(|| {
                // the call has a middle, in which others go on
                let _ = breaker.state();
                note(&self.notes, |notes| {
                    notes.called.insert(breaker.name().to_owned(), notes.swept)
                });
                if fails { Err(()) } else { Ok(()) }
            })
        });
        note(&self.notes, |notes| match answer {
            Ok(()) => notes.successes += 1,
            Err(CallError::Inner(())) => {
                notes.failures += 1;
                *notes.failed.entry(key).or_default() += 1;
            }
            Err(_) => notes.rejected += 1,
        });
        if self.plan.kind == Kind::Opening && failed {
            assert!(
                matches!(answer, Err(CallError::Rejected(_))),
                "{key} had failed, and has been forgotten"
            );
        }
    }

    fn sweep(&self) {
        note(&self.notes, |notes| notes.sweeps += 1);
        self.registry.sweep();
        note(&self.notes, |notes| notes.swept += 1);
    }

    fn work(&self, ops: &[Op]) {
        let World {
            registry,
            controller,
            notes,
            ..
        } = self;
        let mut kept: Vec<(Breaker, Key, Having<'_>)> = Vec::new();
        let mut before: Option<Totals> = None;
        for op in ops {
            match *op {
                Op::Call(key, fails) => {
                    let called = registry.with(&key, |breaker| self.call(key, fails, breaker));
                    called.expect("a valid template");
                }
                Op::Get(key) => {
                    let breaker = registry.get(&key).expect("a valid template");
                    let having = Having::new(notes, key, breaker.name());
                    kept.push((breaker, key, having));
                }
                Op::Peek(key) => {
                    if let Some(breaker) = registry.peek(&key) {
                        let _having = Having::new(notes, key, breaker.name());
                        let _ = breaker.state();
                    }
                }
                Op::CallKept(fails) => {
                    if let Some((breaker, key, _)) = kept.first() {
                        self.call(*key, fails, breaker);
                    }
                }
                Op::LetGo if !kept.is_empty() => {
                    let (breaker, _, having) = kept.remove(0);
                    drop(having);
                    drop(breaker);
                }
                Op::LetGo => {}
                Op::Sweep => self.sweep(),
                Op::Aggregate => {
                    let totals = registry.aggregate().totals;
                    if let Some(before) = before.replace(totals) {
                        no_less(&before, &totals);
                    }
                }
                Op::Each => registry.for_each(|key, breaker| {
                    let _having = Having::new(notes, *key, breaker.name());
                    let _ = breaker.state();
                }),
                Op::Reset(key) => {
                    controller.on(&key, |one| one.reset()).expect("valid");
                }
                Op::Trip(key) => {
                    controller.on(&key, |one| one.trip()).expect("valid");
                }
                Op::Rules(key) => {
                    let changed = controller.reconfigure(&key, |rules| rules.failure_count(3));
                    changed.expect("valid rules");
                }
                Op::Forget(key) => {
                    controller.forget(&key);
                }
                Op::OverrideAll => {
                    controller.force_open_all();
                }
                Op::ReleaseAll => {
                    controller.release_all();
                }
            }
        }
        for (breaker, _, having) in kept {
            drop(having);
            drop(breaker);
        }
    }

    fn settle(&self) {
        let wrong = note(&self.notes, |notes| notes.wrong.take());
        assert_eq!(wrong, None);
        let totals = self.registry.aggregate().totals;
        let seen = note(&self.notes, |notes| {
            (notes.successes, notes.failures, notes.rejected)
        });
        let late_or = totals.successes + totals.failures + totals.late;
        assert_eq!(
            (late_or, totals.rejected),
            (seen.0 + seen.1, seen.2),
            "{totals:?}"
        );
        assert!(self.registry.len() <= self.plan.keys as usize);
        // when nobody is there any more, all that is closed goes
        if self.plan.kind == Kind::Sweeping {
            self.sweep();
            self.sweep();
            let mut left = 0;
            self.registry.for_each(|_, breaker| {
                left += u32::from(breaker.state() == State::Closed);
            });
            assert_eq!(left, 0, "idle breakers stay");
        }
    }
}

fn no_less(before: &Totals, after: &Totals) {
    let all = |t: &Totals| [t.successes, t.failures, t.rejected, t.late];
    for (a, b) in all(before).into_iter().zip(all(after)) {
        assert!(a <= b, "{before:?}, then {after:?}");
    }
}

/// Runs a plan in one schedule.
///
/// # Panics
///
/// If something does not hold.
pub fn run(plan: &Plan) {
    let notes = Arc::new(Mutex::new(Notes::default()));
    let clock = ManualClock::new();
    let (failures, kind) = (plan.failures, plan.kind);
    let numbered = notes.clone();
    let (came, went) = (notes.clone(), notes.clone());
    let builder = Registry::builder(move |key: &Key| {
        let number = note(&numbered, |notes| {
            notes.made += 1;
            notes.made
        });
        Breaker::builder(format!("{key}, made as {number}"))
            .consecutive_failures(failures)
            .clock(&clock)
    });
    let builder = builder
        .capacity(plan.capacity)
        .on_new(move |key, observer: &Observer| {
            note(&came, |notes| {
                let before = notes.there.insert(*key, observer.name().to_owned());
                notes.demand(before.is_none(), || format!("{key} came twice"));
            });
        })
        .on_evict(move |key, observer: &Observer| {
            let state = observer.state();
            note(&went, |notes| {
                let before = notes.there.remove(key);
                let it = before.as_deref() == Some(observer.name());
                notes.demand(it, || format!("{key} went, and was {before:?}"));
                let had = notes
                    .had
                    .get(key)
                    .is_some_and(|(had, by)| had == observer.name() && *by > 0);
                notes.demand(!had, || format!("{key} was forgotten under a call"));
                let closed = kind == Kind::Anything || state == State::Closed;
                notes.demand(closed, || format!("{key} was forgotten while {state:?}"));
                if kind == Kind::Sweeping
                    && let Some(swept) = notes.called.get(observer.name()).copied()
                {
                    // one that found what had happened, and one that found nothing more
                    let enough = notes.sweeps >= swept + 2;
                    notes.demand(enough, || format!("{key} was not idle for two sweeps"));
                }
            });
        });
    let (registry, controller) = builder.build_with_controller();
    let world = Arc::new(World {
        plan: plan.clone(),
        registry,
        controller,
        notes,
    });
    if plan.kind == Kind::Sweeping {
        for key in 0..plan.keys {
            world.registry.get(&key).expect("a valid template");
        }
        world.registry.sweep();
    }
    let threads: Vec<_> = (0..plan.threads.len())
        .map(|thread| {
            let world = world.clone();
            spawn(move || world.work(&world.plan.threads[thread]))
        })
        .collect();
    for thread in threads {
        thread.join().expect("it ends");
    }
    world.settle();
}
