//! The floor, and the bare clocks.

use super::{Side, Sides};
use crossbeam_utils::CachePadded;
use std::hint::black_box;
use std::sync::atomic::AtomicU64;
use std::time::Instant;
use tripcoil_benches::{coarse, dependency, floor};

pub(crate) const NAME: &str = "floor";
pub(crate) const CLOCK: &str = "clock/coarse";
const PRECISE: &str = "clock/precise";

pub(super) fn configuration() -> String {
    "a load of a shared word, the coarse clock, one fetch_add on a line of the thread's own, and \
     the call; clock/coarse and clock/precise: one reading of the clock, and nothing else"
        .to_owned()
}

pub(super) fn add(sides: &mut Sides<'_>, threads: usize) {
    sides.yardstick(NAME, || Floor::new(threads));
    // the rule on slow calls may cost one more reading
    if sides.workload.name == "success" || sides.settings.slow {
        sides.yardstick(CLOCK, || Coarse);
        sides.yardstick(PRECISE, || Precise);
    }
}

type Line = CachePadded<AtomicU64>;

struct Floor {
    control: Line,
    own: Box<[Line]>,
}

impl Floor {
    fn new(threads: usize) -> Floor {
        Floor {
            control: Line::default(),
            own: (0..threads).map(|_| Line::default()).collect(),
        }
    }
}

impl Side for Floor {
    type Worker<'a> = (&'a AtomicU64, &'a AtomicU64);

    fn worker(&self, thread: usize) -> Self::Worker<'_> {
        (&self.control, &self.own[thread])
    }

    #[inline(always)]
    fn call((control, own): &mut Self::Worker<'_>, ok: bool) -> bool {
        floor(control, own);
        let _ = dependency(ok);
        true
    }
}

struct Coarse;

impl Side for Coarse {
    type Worker<'a> = ();

    fn worker(&self, _thread: usize) {}

    #[inline(always)]
    fn call(_worker: &mut (), _ok: bool) -> bool {
        black_box(coarse());
        true
    }
}

struct Precise;

impl Side for Precise {
    type Worker<'a> = ();

    fn worker(&self, _thread: usize) {}

    #[inline(always)]
    fn call(_worker: &mut (), _ok: bool) -> bool {
        black_box(Instant::now());
        true
    }
}
