//! Beyond the cores of the machine at hand: what calls cost in cache misses on 2 to 128 of them.
//!
//! The accesses that a call really makes go through a count of a coherence protocol, MESI: each core
//! has a cache without bounds, and a line is in one cache alone, or in several to be read. A read of
//! a line that the cache does not have is a miss. So is a write to a line that another cache has too,
//! because the others must give it up first. A machine with that many cores pays more for a miss the
//! more cores there are; a call without one costs the same on all of them.
//!
//! Cores take turns by whole calls. No order matters where there is no miss: a line that a core
//! writes is then touched by no other core.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use crate::lines::{built, fail, meet, succeed};
use tripcoil::step::{self, Access};
use tripcoil::{Breaker, ManualClock, Window};

/// The call of a core, at its turn, as what it touches.
type Turn<'a> = &'a dyn Fn(usize) -> Vec<Access>;

/// The calls of a core before the count begins, and those that are counted.
const BEFORE: usize = 3;
const COUNTED: usize = 4;

/// By line, the caches that have it: one, which may then write (modified or exclusive), or several
/// (shared).
struct Caches {
    lines: HashMap<usize, BTreeSet<usize>>,
    /// How many lines of 64 bytes are moved as one: two where a line has 128 bytes, or where the
    /// adjacent one is fetched with it.
    moved: usize,
}

impl Caches {
    fn new(moved: usize) -> Caches {
        let lines = HashMap::new();
        Caches { lines, moved }
    }

    /// Whether the access, by that core, is a miss.
    fn access(&mut self, core: usize, access: Access) -> bool {
        let line = self.lines.entry(access.line / self.moved).or_default();
        if access.writes {
            let alone = line.len() == 1 && line.contains(&core);
            *line = BTreeSet::from([core]);
            !alone
        } else {
            line.insert(core)
        }
    }
}

/// The misses of `COUNTED` calls of each core, once each has called `BEFORE` times.
fn misses(cores: usize, moved: usize, turn: Turn<'_>) -> usize {
    let mut caches = Caches::new(moved);
    let mut round = || -> usize {
        let mut misses = 0;
        for core in 0..cores {
            let touched = turn(core);
            assert!(!touched.is_empty(), "the call touches nothing");
            misses += touched
                .into_iter()
                .filter(|&access| caches.access(core, access))
                .count();
        }
        misses
    };
    (0..BEFORE).for_each(|_| {
        round();
    });
    (0..COUNTED).map(|_| round()).sum()
}

/// A breaker begins at a multiple of 16 bytes. Of so many that are made one after the other, each
/// begins elsewhere in a line.
const PLACES: usize = 8;

/// For each number of cores, breakers that were built there and whose threads have met; then the misses
/// of their calls, by lines of 64 and of 128 bytes.
fn of_calls(build: impl Fn() -> Breaker, first: fn(&Breaker), call: fn(&Breaker)) -> Vec<usize> {
    (2..=128)
        .map(|cores| {
            let all: Vec<_> = (0..PLACES).map(|_| step::on_cpus(cores, &build)).collect();
            all.iter()
                .map(|breaker| {
                    meet(breaker, first);
                    let turn = |core| step::numbered(core, || step::touched(|| call(breaker)));
                    misses(cores, 1, &turn) + misses(cores, 2, &turn)
                })
                .sum()
        })
        .collect()
}

#[test]
fn a_success_misses_no_line() {
    assert_eq!(
        of_calls(|| built(|rules| rules), succeed, succeed),
        [0; 127]
    );
}

#[test]
fn a_failure_within_its_allowance_misses_no_line() {
    let build = || built(|rules| rules.failure_count(u32::MAX));
    assert_eq!(of_calls(build, fail, fail), [0; 127]);
}

#[test]
fn a_rejection_misses_no_line() {
    let build = || {
        let builder = Breaker::builder("open").clock(ManualClock::new());
        let (breaker, controller) = builder.build_with_controller().expect("valid");
        assert!(controller.trip_for(Duration::from_secs(3600)));
        breaker
    };
    let rejected = |breaker: &Breaker| assert!(breaker.try_acquire().is_err());
    assert_eq!(of_calls(build, rejected, rejected), [0; 127]);
}

#[test]
fn a_success_of_a_clean_count_window_misses_no_line() {
    let build = || built(|rules| rules.window(Window::count(100)));
    assert_eq!(of_calls(build, succeed, succeed), [0; 127]);
}

/// The failure is in the window throughout.
#[test]
fn a_success_of_a_count_window_that_holds_a_failure_misses_no_line() {
    let build = || {
        let breaker = built(|rules| rules.window(Window::count(5000)).failure_rate(0.5));
        (0..50).for_each(|_| succeed(&breaker));
        fail(&breaker);
        breaker
    };
    assert_eq!(of_calls(build, succeed, succeed), [0; 127]);
}

#[test]
fn a_slow_rule_misses_no_line() {
    let build = || built(|rules| rules.slow_call(Duration::from_secs(1)).slow_rate(0.5));
    assert_eq!(of_calls(build, succeed, succeed), [0; 127]);
}

#[test]
fn a_success_under_a_rule_on_runs_misses_no_line() {
    let build = || built(|rules| rules.consecutive_failures(5));
    assert_eq!(of_calls(build, succeed, succeed), [0; 127]);
}

/// The count sees what it is for, in the crate's own calls: failures in a row are counted in one word.
#[test]
fn a_run_of_failures_misses_at_each_call() {
    let build = || built(|rules| rules.consecutive_failures(u32::MAX >> 3));
    for (i, misses) in of_calls(build, fail, fail).into_iter().enumerate() {
        let calls = (i + 2) * COUNTED * 2 * PLACES;
        assert!(misses >= calls, "{misses} misses of {calls} calls");
    }
}

/// And in the patterns of what other breakers do at each call.
#[test]
fn a_shared_counter_and_a_mutex_miss_at_each_call() {
    let access = |line, writes| Access { line, writes };
    // read, exchange
    let counter = |_| vec![access(2, false), access(2, true)];
    // take the lock, read and write what it guards beside it and farther off, give it back
    let mutex = |_| {
        let data = [access(2, false), access(2, true), access(4, true)];
        let mut all = vec![access(2, true)];
        all.extend(data);
        all.push(access(2, true));
        all
    };
    // each core has a line of its own, and all read one
    let striped = |core| vec![access(2, false), access(4 + 2 * core, true)];
    for cores in 2..=128 {
        let calls = cores * COUNTED;
        assert_eq!(misses(cores, 1, &counter), 2 * calls);
        assert_eq!(misses(cores, 1, &mutex), 2 * calls);
        assert_eq!(misses(cores, 1, &striped), 0);
    }
}

/// Where two cores write different words of one line, each takes it from the other.
#[test]
fn a_line_that_two_cores_share_misses() {
    let beside = |core| {
        let line = 4 + core;
        vec![Access { line, writes: true }]
    };
    assert_eq!(misses(2, 1, &beside), 0);
    assert_eq!(misses(2, 2, &beside), 2 * COUNTED);
}
