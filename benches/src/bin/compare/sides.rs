//! The sides: everything that is measured, each in a file of its own, and the loops that measure it.
//!
//! A side is called in a loop that is compiled for it alone. Behind a `dyn` is only the whole loop,
//! which is entered once a slice.

mod circuitbreaker_rs;
mod failsafe;
mod floor;
mod governor;
mod mutex;
mod recloser;
mod tower;
mod tripcoil;

pub(crate) use self::floor::{CLOCK, NAME as FLOOR};
pub(crate) use self::recloser::NAME as RECLOSER;
pub(crate) use self::tower::with_timer;
pub(crate) use self::tripcoil::{ADAPTIVE, CALL, COUNT_CALL, LOCAL_UPKEEP, SUCCESS};

use crate::workloads::{
    All, But1In2, But1In100, PROBES, Pattern, REGISTRY, RUN, Random, Settings, Shape, Workload,
};
use std::marker::PhantomData;

/// Why a side has no figure in a workload.
pub(crate) type Reason = &'static str;

/// Something that guards calls.
pub(crate) trait Side: Sync {
    /// What a thread calls through: a reference, or a handle of its own.
    type Worker<'a>
    where
        Self: 'a;

    fn worker(&self, thread: usize) -> Self::Worker<'_>;

    /// One call that succeeds or fails as `ok` says; whether it was admitted.
    fn call(worker: &mut Self::Worker<'_>, ok: bool) -> bool;

    /// The wait of an open breaker is over. Where it is zero, it is.
    fn wait(_worker: &mut Self::Worker<'_>) {}
}

/// A side that all threads call by reference.
pub(crate) trait Shared: Sync {
    /// As [`Side::call`].
    fn try_call(&self, ok: bool) -> bool;

    /// As [`Side::wait`].
    fn wait(&self) {}
}

impl<S: Shared> Side for S {
    type Worker<'a>
        = &'a S
    where
        S: 'a;

    fn worker(&self, _thread: usize) -> &S {
        self
    }

    #[inline(always)]
    fn call(shared: &mut &S, ok: bool) -> bool {
        shared.try_call(ok)
    }

    fn wait(shared: &mut &S) {
        Shared::wait(*shared);
    }
}

/// How a side stands to the others.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Something to compare with that is no breaker, or that another workload is about.
    Yardstick,
    Own,
    Peer,
}

/// A side, ready for a workload.
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) subject: Result<Box<dyn Subject>, Reason>,
}

/// Makes `n` calls, or cycles, and says how many calls were not answered as the workload has it.
pub(crate) type Hot<'a> = Box<dyn FnMut(u64) -> u64 + 'a>;

/// A side in the state that a workload needs.
pub(crate) trait Subject: Sync {
    /// A thread's loop.
    fn hot(&self, thread: usize) -> Hot<'_>;

    /// Which of some calls, that succeed or fail as `script` says, are admitted.
    #[cfg(test)]
    fn admits(&self, script: &[bool]) -> Vec<bool>;
}

#[cfg(test)]
fn admits<S: Side>(side: &S, script: &[bool]) -> Vec<bool> {
    let mut worker = side.worker(0);
    script.iter().map(|&ok| S::call(&mut worker, ok)).collect()
}

/// All sides of a workload, in the order of the report; `wanted` leaves some out by name.
pub(crate) fn all(
    workload: &Workload,
    threads: usize,
    wanted: &dyn Fn(&str) -> bool,
) -> Vec<Entry> {
    let mut sides = Sides {
        workload,
        settings: workload.settings_for(threads),
        wanted,
        entries: Vec::new(),
    };
    floor::add(&mut sides, threads);
    tripcoil::add(&mut sides);
    recloser::add(&mut sides);
    failsafe::add(&mut sides);
    tower::add(&mut sides);
    circuitbreaker_rs::add(&mut sides);
    mutex::add(&mut sides);
    governor::add(&mut sides);
    sides.entries
}

/// What each side is configured as.
pub(crate) fn configurations() -> Vec<(&'static str, String)> {
    vec![
        (floor::NAME, floor::configuration()),
        ("tripcoil", tripcoil::configuration()),
        (recloser::NAME, recloser::configuration()),
        (failsafe::CONSECUTIVE, failsafe::consecutive()),
        (failsafe::DEFAULT, failsafe::default()),
        (tower::NAME, tower::configuration()),
        (circuitbreaker_rs::NAME, circuitbreaker_rs::configuration()),
        (mutex::NAME, mutex::configuration()),
        (governor::NAME, governor::configuration()),
    ]
}

/// Collects the sides of a workload.
pub(crate) struct Sides<'a> {
    workload: &'a Workload,
    settings: Settings,
    wanted: &'a dyn Fn(&str) -> bool,
    entries: Vec<Entry>,
}

impl Sides<'_> {
    fn shape(&self) -> Shape {
        self.workload.shape
    }

    /// A breaker that does what the workload says.
    fn breaker<S: Side + 'static>(
        &mut self,
        kind: Kind,
        name: impl Into<String>,
        make: impl Fn(&Settings) -> Result<S, Reason>,
    ) {
        self.entry(kind, name, |this| {
            this.subject(true, || make(&this.settings))
        });
    }

    /// Something that admits every call, also in a workload of rejections.
    fn yardstick<S: Side + 'static>(&mut self, name: impl Into<String>, make: impl Fn() -> S) {
        self.entry(Kind::Yardstick, name, |this| {
            this.subject(false, || Ok(make()))
        });
    }

    fn entry(
        &mut self,
        kind: Kind,
        name: impl Into<String>,
        subject: impl FnOnce(&Self) -> Result<Box<dyn Subject>, Reason>,
    ) {
        let name = name.into();
        if (self.wanted)(&name) {
            let subject = subject(self);
            self.entries.push(Entry {
                name,
                kind,
                subject,
            });
        }
    }

    fn subject<S: Side + 'static>(
        &self,
        opens: bool,
        make: impl Fn() -> Result<S, Reason>,
    ) -> Result<Box<dyn Subject>, Reason> {
        Ok(match self.shape() {
            Shape::Successes => Box::new(Closed::<S, All>::new(make()?)),
            Shape::OneIn100Fails => Box::new(Closed::<S, But1In100>::new(make()?)),
            Shape::OneIn2Fails => Box::new(Closed::<S, But1In2>::new(make()?)),
            Shape::Rejections if opens => Box::new(Open(opened(make()?))),
            Shape::Rejections => Box::new(Closed::<S, All>::new(make()?)),
            Shape::Cycles => Box::new(Cycling(make()?)),
            Shape::Registry => Box::new(Registry(
                (0..REGISTRY).map(|_| make()).collect::<Result<_, _>>()?,
            )),
        })
    }
}

/// What neither failsafe nor circuitbreaker-rs has.
fn without_armed_and_slow(settings: &Settings) -> Result<(), Reason> {
    if settings.armed {
        return Err("it has no such state: each failure is judged at once");
    }
    if settings.slow {
        return Err("no rule on slow calls");
    }
    Ok(())
}

/// More failures than any of the windows needs.
const ENOUGH: usize = 200;

fn opened<S: Side>(side: S) -> S {
    let mut worker = side.worker(0);
    let rejects = (0..ENOUGH).any(|_| !S::call(&mut worker, false));
    assert!(rejects, "{ENOUGH} failures do not open it");
    drop(worker);
    side
}

/// One that stays closed.
struct Closed<S, P>(S, PhantomData<fn() -> P>);

impl<S, P> Closed<S, P> {
    fn new(side: S) -> Self {
        Closed(side, PhantomData)
    }
}

impl<S: Side, P: Pattern> Subject for Closed<S, P> {
    fn hot(&self, thread: usize) -> Hot<'_> {
        let mut worker = self.0.worker(thread);
        Box::new(move |n| calls::<S, P>(&mut worker, n))
    }

    #[cfg(test)]
    fn admits(&self, script: &[bool]) -> Vec<bool> {
        admits(&self.0, script)
    }
}

struct Open<S>(S);

impl<S: Side> Subject for Open<S> {
    fn hot(&self, thread: usize) -> Hot<'_> {
        let mut worker = self.0.worker(thread);
        Box::new(move |n| n - calls::<S, All>(&mut worker, n))
    }

    #[cfg(test)]
    fn admits(&self, script: &[bool]) -> Vec<bool> {
        admits(&self.0, script)
    }
}

struct Cycling<S>(S);

impl<S: Side> Subject for Cycling<S> {
    fn hot(&self, thread: usize) -> Hot<'_> {
        let mut worker = self.0.worker(thread);
        Box::new(move |n| cycles::<S>(&mut worker, n))
    }

    #[cfg(test)]
    fn admits(&self, script: &[bool]) -> Vec<bool> {
        admits(&self.0, script)
    }
}

struct Registry<S>(Vec<S>);

impl<S: Side> Subject for Registry<S> {
    fn hot(&self, thread: usize) -> Hot<'_> {
        let mut workers: Vec<_> = self.0.iter().map(|side| side.worker(thread)).collect();
        let mut random = Random::of_thread(thread);
        Box::new(move |n| calls_among::<S>(&mut workers, &mut random, n))
    }

    #[cfg(test)]
    fn admits(&self, script: &[bool]) -> Vec<bool> {
        admits(&self.0[0], script)
    }
}

/// How many of `n` calls were rejected.
#[inline(never)]
fn calls<S: Side, P: Pattern>(worker: &mut S::Worker<'_>, n: u64) -> u64 {
    let mut pattern = P::default();
    let mut rejected = 0;
    for _ in 0..n {
        rejected += u64::from(!S::call(worker, pattern.succeeds()));
    }
    rejected
}

#[inline(never)]
fn calls_among<S: Side>(workers: &mut [S::Worker<'_>], random: &mut Random, n: u64) -> u64 {
    let mut rejected = 0;
    for _ in 0..n {
        let at = random.below(workers.len());
        rejected += u64::from(!S::call(&mut workers[at], true));
    }
    rejected
}

#[inline(never)]
fn cycles<S: Side>(worker: &mut S::Worker<'_>, n: u64) -> u64 {
    let mut rejected = 0;
    for _ in 0..n {
        for _ in 0..RUN {
            rejected += u64::from(!S::call(worker, false));
        }
        S::wait(worker);
        for _ in 0..PROBES {
            rejected += u64::from(!S::call(worker, true));
        }
    }
    rejected
}
