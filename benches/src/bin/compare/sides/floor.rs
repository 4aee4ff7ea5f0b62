//! The floor, and the bare clocks.

use super::{Shared, Side, Sides};
use std::hint::black_box;
use std::time::Instant;
use tripcoil_benches::{Floor, FloorOf, coarse, dependency};

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

impl Side for Floor {
    type Worker<'a> = FloorOf<'a>;

    fn worker(&self, thread: usize) -> FloorOf<'_> {
        self.of(thread)
    }

    #[inline(always)]
    fn call(floor: &mut FloorOf<'_>, ok: bool) -> bool {
        floor.call();
        let _ = dependency(ok);
        true
    }
}

struct Coarse;

impl Shared for Coarse {
    #[inline(always)]
    fn try_call(&self, _ok: bool) -> bool {
        black_box(coarse());
        true
    }
}

struct Precise;

impl Shared for Precise {
    #[inline(always)]
    fn try_call(&self, _ok: bool) -> bool {
        black_box(Instant::now());
        true
    }
}
