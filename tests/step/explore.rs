//! Every stop of every operation, in every situation.

use std::cell::{Cell, RefCell};
use std::iter::StepBy;
use std::ops::RangeFrom;
use std::rc::Rc;

use tripcoil::step;

use crate::ops::{Doing, OPS, Op};
use crate::world::{SITUATIONS, Situation, View, World};

/// More than any operation takes by itself, with many retries.
const ENOUGH: u64 = 5_000;

/// All orders of the operations' steps in which each one's own stand in their order; an operation
/// is meant by its place in `ops`.
fn orders(sofar: &mut Vec<usize>, ops: &[usize], found: &mut Vec<Vec<usize>>) {
    let mut over = true;
    for (place, op) in ops.iter().enumerate() {
        if sofar.iter().filter(|p| **p == place).count() < OPS[*op].steps.len() {
            over = false;
            sofar.push(place);
            orders(sofar, ops, found);
            sofar.pop();
        }
    }
    if over {
        found.push(sofar.clone());
    }
}

/// What the operations give in each order of their steps, without a stop.
fn sequential(make: fn() -> World, ops: &[usize]) -> Vec<View> {
    let mut all = Vec::new();
    orders(&mut Vec::new(), ops, &mut all);
    let mut views: Vec<View> = Vec::new();
    for order in all {
        let world = make();
        let mut doing: Vec<_> = ops.iter().map(|_| (Doing::default(), 0)).collect();
        for place in order {
            let (doing, step) = &mut doing[place];
            OPS[ops[place]].steps[*step](&world, doing);
            *step += 1;
        }
        let view = world.view(doing.into_iter().map(|(doing, _)| doing.said).collect());
        if !views.contains(&view) {
            views.push(view);
        }
    }
    views
}

/// What goes on, one operation in the other.
struct Nest {
    world: World,
    ops: Vec<usize>,
    /// Where each operation but the last is stopped for the next.
    stops: Vec<u64>,
    said: RefCell<Vec<Vec<String>>>,
    /// Whether it is the first operation that is stopped twice, and not the second once.
    twice: bool,
    /// The outermost operation that has no such access.
    missed: Cell<Option<usize>>,
}

impl Nest {
    fn run(self: &Rc<Nest>, level: usize) {
        if let Some(stop) = self.stops.get(level)
            && !(self.twice && level > 0)
        {
            let nest = Rc::clone(self);
            step::stop_before(*stop, move || {
                nest.run(level + 1);
                if nest.twice {
                    step::stop_before(nest.stops[1], move || nest.run(2));
                }
            });
        }
        let op = &OPS[self.ops[level]];
        let mut doing = Doing::default();
        step::at_most(ENOUGH, || {
            for step in op.steps {
                step(&self.world, &mut doing);
            }
        });
        self.said.borrow_mut()[level] = doing.said;
        // of an operation that is stopped twice, the second stop is still to come where others are done
        if !(self.twice && level > 0) && step::never_came() {
            let second = self.twice && !self.said.borrow()[1].is_empty();
            self.missed.set(Some(if second { 1 } else { level }));
        }
    }
}

/// Each operation is stopped before its `stops`-th access for the next one. If one has no such
/// access, which.
fn stopped(make: fn() -> World, ops: &[usize], stops: &[u64], twice: bool) -> Result<View, usize> {
    let nest = Rc::new(Nest {
        twice,
        world: make(),
        ops: ops.to_vec(),
        stops: stops.to_vec(),
        said: RefCell::new(vec![Vec::new(); ops.len()]),
        missed: Cell::new(None),
    });
    nest.run(0);
    match nest.missed.get() {
        Some(level) => Err(level),
        None => Ok(nest.world.view(nest.said.take())),
    }
}

/// What is compared with the orders, in one situation.
struct Bench<'a> {
    situation: &'a Situation,
    ops: Vec<usize>,
    views: Vec<View>,
    told: bool,
}

#[derive(Default)]
struct Tally {
    points: u64,
    /// As some order, to the last value.
    exact: u64,
    faults: u64,
}

impl<'a> Bench<'a> {
    fn new(situation: &'a Situation, ops: &[usize]) -> Bench<'a> {
        Bench {
            situation,
            ops: ops.to_vec(),
            views: sequential(situation.make, ops),
            told: false,
        }
    }

    /// Is it what some order gives, but for what `docs/semantics.md` leaves open?
    fn permits(&self, view: &View) -> bool {
        let any = |flag: fn(&usize) -> bool| self.ops.iter().any(flag);
        let asks = any(|op| OPS[*op].asks);
        let passes = any(|op| OPS[*op].passes);
        // the wait that is asked for may come a moment after the trip, and the backoff's be over
        let too_early = asks && passes;
        // of three operations, one may have landed before another moved the clock on, and be judged
        // after: what holds of every view, conservation above all, is all that is asked then
        let too_late = passes && self.ops.len() > 2;
        // the first is the one that is stopped
        let overtaken = OPS[self.ops[0]].switches_off;
        let loose = |v: &View| {
            let v = v.but_for_latecomers();
            let v = if asks { v.but_for_waits() } else { v };
            let v = if overtaken { v.but_for_the_run() } else { v };
            if passes { v.but_for_time() } else { v }
        };
        let seen = loose(view);
        too_early
            || too_late
            || self.views.iter().any(|v| loose(v) == seen)
            || (self.situation.dilutes || passes) && view.judged_later(self.situation.holds)
            || self.situation.ramps && view.ends_its_ramp_once(&self.views)
    }

    fn look(&mut self, stops: &[u64], view: &View, tally: &mut Tally) {
        tally.points += 1;
        if self.views.contains(view) {
            tally.exact += 1;
        } else if !self.permits(view) {
            tally.faults += 1;
            if !std::mem::replace(&mut self.told, true) {
                self.tell(stops, view);
            }
        }
    }

    fn tell(&self, stops: &[u64], view: &View) {
        let names: Vec<_> = self.ops.iter().map(|op| OPS[*op].name).collect();
        println!(
            "{}: {names:?} stopped before {stops:?} gave",
            self.situation.name
        );
        println!("  {view:?}\nand no order gives that, but");
        for order in &self.views {
            println!("  {order:?}");
        }
    }
}

#[test]
fn one_stop_anywhere_is_some_order() {
    let mut tally = Tally::default();
    for situation in SITUATIONS {
        for a in 0..OPS.len() {
            for b in 0..OPS.len() {
                let mut bench = Bench::new(situation, &[a, b]);
                for stop in 1.. {
                    let Ok(view) = stopped(situation.make, &[a, b], &[stop], false) else {
                        break;
                    };
                    bench.look(&[stop], &view, &mut tally);
                }
            }
        }
    }
    let Tally {
        points,
        exact,
        faults,
    } = tally;
    println!("{points} stopping points, {exact} of them exactly as some order");
    assert_eq!(faults, 0);
    assert!(points > 250_000, "{points}");
}

/// Each first stop of three operations with each of its second ones.
fn pairs(
    situation: &Situation,
    ops: [usize; 3],
    twice: bool,
    seconds: impl Fn(u64) -> StepBy<RangeFrom<u64>>,
    tally: &mut Tally,
) {
    let mut bench = Bench::new(situation, &ops);
    for first in 1.. {
        for second in seconds(first) {
            match stopped(situation.make, &ops, &[first, second], twice) {
                Ok(view) => bench.look(&[first, second], &view, tally),
                Err(0) => return,
                Err(_) => break,
            }
        }
    }
}

/// Two operations are stopped, one in the other, and a third runs to its end. By default each point
/// of the outer one is taken with every 31st of the inner one; with `TRIPCOIL_STEP_FULL` with all.
#[test]
fn a_stop_within_a_stop_is_some_order() {
    let stride = if std::env::var_os("TRIPCOIL_STEP_FULL").is_some() {
        1
    } else {
        31
    };
    let chosen: Vec<usize> = (0..OPS.len()).filter(|op| OPS[*op].nested).collect();
    let mut tally = Tally::default();
    for situation in SITUATIONS {
        for a in &chosen {
            for b in &chosen {
                for c in &chosen {
                    let some = |outer| (1 + outer % stride..).step_by(stride as usize);
                    pairs(situation, [*a, *b, *c], false, some, &mut tally);
                }
            }
        }
    }
    let Tally {
        points,
        exact,
        faults,
    } = tally;
    println!("{points} pairs of stopping points, {exact} of them exactly as some order");
    assert_eq!(faults, 0);
    assert!(points > 300_000, "{points}");
}

/// A call is stopped twice, each time for an operator: what it read in the beginning is two changes
/// old in the end.
#[test]
fn a_call_that_is_stopped_twice_is_some_order() {
    let which = |flag: fn(&Op) -> bool| (0..OPS.len()).filter(move |op| flag(&OPS[*op]));
    let mut tally = Tally::default();
    for situation in SITUATIONS {
        for a in which(|op| op.stopped_twice) {
            for b in which(|op| op.comes_then) {
                for c in which(|op| op.comes_then) {
                    pairs(situation, [a, b, c], true, |_| (1..).step_by(1), &mut tally);
                }
            }
        }
    }
    let Tally {
        points,
        exact,
        faults,
    } = tally;
    println!("{points} calls stopped twice, {exact} of them exactly as some order");
    assert_eq!(faults, 0);
    assert!(points > 20_000, "{points}");
}
