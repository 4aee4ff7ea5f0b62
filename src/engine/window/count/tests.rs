//! A count window beside its stripes, without the rest of a breaker.

use super::*;
use crate::words::tagged::Tag;
use proptest::prelude::*;

/// A window beside its stripes, of which one is in use.
struct Rig {
    window: CountWindow,
    stripes: Stripes,
    version: Version,
}

fn rig(size: u32) -> Rig {
    Rig {
        window: CountWindow::new(size, 0, &[], Truth::default()),
        stripes: Stripes::new(1),
        version: Version::default(),
    }
}

/// As the rules of a breaker would have it whose rule is an odd number of failures.
fn odd(counts: Counts) -> Judgement {
    Judgement {
        truth: Truth(counts.failures % 2),
        ..Judgement::default()
    }
}

impl Rig {
    fn succeed(&self) {
        let landed = self
            .stripes
            .get(0)
            .try_count(Class::FastSuccess, self.version);
        assert!(landed.is_some());
    }

    fn log(&self, failed: bool, slow: bool, judge: impl Fn(Counts) -> Judgement) -> Option<Judged> {
        let class = match (failed, slow) {
            (false, false) => Class::FastSuccess,
            (true, false) => Class::FastFailure,
            (false, true) => Class::SlowSuccess,
            (true, true) => Class::SlowFailure,
        };
        match self
            .window
            .try_log(self.version, class, (&self.stripes, 1), true, judge)
        {
            Entry::Landed(judged) => Some(judged),
            Entry::Full | Entry::Unarmed | Entry::Over => None,
        }
    }

    /// The window at an entry, and its judgement.
    fn log_odd(&self, failed: bool, slow: bool) -> Option<(Counts, Truth)> {
        let seen = core::cell::Cell::new(None);
        let judged = self.log(failed, slow, |counts| {
            // a later look may be at the outcome before
            seen.set(seen.get().or(Some(counts)));
            odd(counts)
        })?;
        Some((seen.get()?, judged.truth))
    }

    /// What an update does to it.
    fn update(&mut self, fresh: bool) -> AtCut {
        let next = Version::from_bits(self.version.bits().wrapping_add(1));
        let (w, word) = (&self.window, &self.stripes.get(0).counts[0]);
        word.store(word.load().retag(next));
        let log = w.log.load().payload().frozen();
        w.log.store(Tagged::new(next, log));
        if let Some((cell, wanted)) = w.pending(log, next) {
            cell.store(wanted);
        }
        let cut = w.at_cut(log, word.load().payload());
        let holds = if fresh { Holds::default() } else { cut.holds };
        let truth = if fresh { Truth::default() } else { cut.truth };
        w.holds.store(Tagged::new(next, holds));
        assert!(w.pending(log, next).is_none(), "one that comes late");
        w.at.store(Tagged::new(next, cut.position));
        w.entries.store(Tagged::new(next, cut.entries));
        assert!(w.now(&self.stripes).is_none(), "under way");
        w.log.store(Tagged::new(next, Log::begun(truth)));
        self.version = next;
        cut
    }

    fn now(&self) -> Option<Counts> {
        self.window.now(&self.stripes)
    }
}

#[cfg(feature = "persist")]
fn outcomes(window: &CountWindow, reading: Option<Reading>) -> Option<Vec<(bool, bool)>> {
    let last_index = window.last_index()?;
    window.outcomes(&reading?, || last_index)
}

fn counts_of(outcomes: &[(bool, bool)]) -> Counts {
    Counts::new(
        outcomes.len() as u64,
        outcomes.iter().filter(|o| o.0).count() as u64,
        outcomes.iter().filter(|o| o.1).count() as u64,
    )
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Outcome(bool, bool),
    /// A success that is logged.
    Logged,
    Successes(u8),
    Update,
    Fresh,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        12 => any::<(bool, bool)>().prop_map(|(failed, slow)| Step::Outcome(failed, slow)),
        2 => Just(Step::Logged),
        3 => any::<u8>().prop_map(Step::Successes),
        1 => Just(Step::Update),
        1 => (0u8..10).prop_map(|n| if n == 0 { Step::Fresh } else { Step::Update }),
    ];
    prop::collection::vec(step, 0..400)
}

proptest! {
    /// Against the last `n` of a list.
    #[test]
    fn the_window_is_that_of_a_list(size in 1u32..70, steps in steps()) {
        let mut rig = rig(size);
        let mut all: Vec<(bool, bool)> = Vec::new();
        for step in steps {
            let before = all.len();
            match step {
                Step::Outcome(failed, slow) => all.push((failed, slow)),
                Step::Logged => all.push((false, false)),
                Step::Successes(n) => all.extend((0..n % 40).map(|_| (false, false))),
                Step::Update => { rig.update(false); }
                Step::Fresh => { rig.update(true); all.clear(); }
            }
            let last = |end: usize| &all[end.saturating_sub(size as usize)..end];
            for (n, &(failed, slow)) in all.iter().enumerate().skip(before) {
                if !failed && !slow && !matches!(step, Step::Logged) {
                    rig.succeed();
                    continue;
                }
                let expected = counts_of(last(n + 1));
                let judged = rig.log_odd(failed, slow);
                prop_assert_eq!(judged, Some((expected, odd(expected).truth)));
            }
            let now = last(all.len());
            prop_assert_eq!(rig.now(), Some(counts_of(now)));
            #[cfg(feature = "persist")]
            {
                prop_assert_eq!(outcomes(&rig.window, rig.window.read(&rig.stripes)), Some(now.to_vec()));
                // one that begins with these goes on as this one does
                let successes = rig.stripes.fast_successes(1);
                let again = CountWindow::new(size, successes, now, Truth(1));
                prop_assert_eq!(again.first(), counts_of(now));
                prop_assert_eq!(outcomes(&again, again.read(&rig.stripes)), Some(now.to_vec()));
            }
        }
    }

    /// Whatever lands after the reading, and whatever updates come.
    #[test]
    #[cfg(feature = "persist")]
    fn of_overwritten_outcomes_the_latest_are_left(size in 1u32..200, before in prop::collection::vec(any::<(bool, bool)>(), 0..300), after in 0u64..400) {
        let mut rig = rig(size);
        let land = |rig: &Rig, &(failed, slow): &(bool, bool)| {
            if failed || slow {
                assert!(rig.log_odd(failed, slow).is_some());
            } else {
                rig.succeed();
            }
        };
        before.iter().for_each(|outcome| land(&rig, outcome));
        let held = &before[before.len().saturating_sub(size as usize)..];
        let reading = rig.window.read(&rig.stripes);
        for n in 0..after {
            land(&rig, &(true, n % 2 == 0));
            if n % 50 == 7 {
                rig.update(n % 4 == 3);
            }
        }
        let ring = rig.window.ring.len() as u64;
        let entries = reading.map_or(0, |reading| reading.holds.entries);
        match outcomes(&rig.window, reading) {
            Some(left) => {
                prop_assert!(after < ring && held.ends_with(&left), "{left:?} of {held:?}");
                prop_assert!(left.len() == held.len() || after + entries >= ring);
                let logged = left.iter().filter(|outcome| outcome.0 || outcome.1).count() as u64;
                prop_assert_eq!(logged, entries.min(ring - after - 1));
            }
            None => prop_assert!(after >= ring),
        }
    }
}

/// An entry that would make a rule true lands only where successes are logged too.
#[test]
fn no_entry_makes_a_rule_true_unarmed() {
    let rig = rig(5);
    let land = |armed| {
        rig.window.try_log(
            rig.version,
            Class::FastFailure,
            (&rig.stripes, 1),
            armed,
            odd,
        )
    };
    assert!(matches!(land(false), Entry::Unarmed));
    assert_eq!(rig.now(), Some(Counts::default()));
    assert!(matches!(land(true), Entry::Landed(judged) if judged.truth.any()));
    assert!(matches!(land(false), Entry::Landed(judged) if judged.was.any()));
}

/// Those within the allowance do not look; the next one does.
#[test]
fn an_allowance_is_used_up() {
    let rig = rig(20);
    let looks = core::cell::Cell::new(0);
    for _ in 0..100 {
        rig.succeed();
        let judged = rig.log(true, false, |_| {
            looks.set(looks.get() + 1);
            Judgement {
                within: 3,
                ..Judgement::default()
            }
        });
        assert_eq!(judged.map(|j| j.truth), Some(Truth::default()));
    }
    assert_eq!(looks.get(), 25);
}

/// More entries, or a farther position, than a version has room for.
#[test]
fn a_full_log_asks_for_an_update() {
    for successes in [0, FARTHEST / 3] {
        let mut rig = rig(9);
        let mut landed = 0;
        for _ in 0..2 {
            while rig.log(true, false, odd).is_some() {
                landed += 1;
                let word = &rig.stripes.get(0).counts[0];
                let count = word.load().payload();
                word.store(Tagged::new(rig.version, count + successes));
            }
            let entries = rig.window.log.load().payload().entries;
            assert_eq!(entries, if successes == 0 { MOST_ENTRIES } else { 3 });
            rig.update(false);
        }
        assert!(rig.log(true, false, odd).is_some());
        landed += 1;
        assert_eq!(rig.window.entries.load().payload() + 1, landed);
    }
}

/// All of the words begin just below their wraps.
#[test]
fn positions_and_entries_wrap_without_harm() {
    for size in [9, 16, 100, 5000] {
        for (at, entries) in [
            (PAYLOAD_MAX - 50, 0),
            (70, PAYLOAD_MAX - 30),
            (PAYLOAD_MAX, PAYLOAD_MAX),
        ] {
            let mut rig = rig(size);
            rig.window.at.store(Tagged::new(rig.version, at));
            rig.window.entries.store(Tagged::new(rig.version, entries));
            let successes = since(at, entries);
            rig.stripes.get(0).counts[0].store(Tagged::new(rig.version, successes));
            let mut all: Vec<(bool, bool)> = Vec::new();
            for n in 0..3 * u64::from(size) + 200 {
                let outcome = (n % 3 == 0, n % 7 == 0);
                all.push(outcome);
                let last = counts_of(&all[all.len().saturating_sub(size as usize)..]);
                if outcome == (false, false) {
                    rig.succeed();
                } else {
                    let judged = rig.log_odd(outcome.0, outcome.1);
                    assert_eq!(judged, Some((last, odd(last).truth)), "{n}");
                }
                assert_eq!(rig.now(), Some(last), "{n}");
                if n % 25 == 0 {
                    assert_eq!(rig.update(false).counts, last);
                }
            }
        }
    }
}

#[test]
fn an_entry_of_an_earlier_version_does_not_land() {
    let mut rig = rig(5);
    assert!(rig.log(true, true, odd).is_some());
    let earlier = rig.version;
    rig.update(true);
    let late = rig
        .window
        .try_log(earlier, Class::FastFailure, (&rig.stripes, 1), true, odd);
    assert!(matches!(late, Entry::Over));
    assert_eq!(rig.now(), Some(Counts::default()));
    assert!(rig.log(false, true, odd).is_some());
    assert_eq!(rig.now(), Some(Counts::new(1, 0, 1)));
}

/// However full of entries the window is, others may land while it is read.
#[test]
fn a_reader_of_a_full_window_has_time() {
    for size in [1, 7, 63, 127, 1_023] {
        let mut rig = rig(size);
        for _ in 0..size {
            assert!(rig.log(true, false, odd).is_some());
        }
        rig.update(false);
        let reading = rig.window.read(&rig.stripes);
        let intact = || rig.window.is_intact(reading.as_ref()?);
        for _ in 1..SLACK {
            assert!(rig.log(true, false, odd).is_some());
            assert_eq!(intact(), Some(true), "{size}");
        }
        while rig.window.ring.len() as u64
            > u64::from(size) + rig.window.log.load().payload().entries
        {
            assert!(rig.log(true, false, odd).is_some());
        }
        assert_eq!(intact(), Some(false), "{size}");
    }
}
