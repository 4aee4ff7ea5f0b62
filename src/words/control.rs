//! The control word: the breaker's state, and the update under way.
//!
//! Who writes: the thread that announces an update, and the thread that publishes it, each by one
//! compare-exchange from exactly the word it read. Who reads: every thread, first. A permit holds
//! this word's generation and kind, so "is this still the period in which I was admitted, with no
//! update under way" is one masked compare.
//!
//! *Wrap-around.* A permit that is kept while the breaker goes through exactly 2^24 transitions
//! would be taken for one of the present period. A word read before exactly 2^24 updates would be
//! taken for the present one. At one transition per millisecond the first takes a call of 4.7
//! hours; the second needs a thread that sleeps between two instructions for that long, to exactly
//! that update.

use crate::sync::pack::Pack;
use crate::words::outcome::{Cause, State};
use crate::words::tagged::{Generation, TAG_BITS, Version};

/// What an update is for. It stays in the control word until the next one; where a `Check` opens, the
/// rule that it found true takes its place, so that the goal of an Open always says its cause.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Goal {
    /// An outcome has landed: trip if a rule holds.
    Check,
    /// Calls began, and no outcome has landed: trip by the hang rule if that is so.
    CheckHang,
    /// No outcome has landed: move on to the present epoch, use more stripes, adopt new rules.
    Maintain,
    /// A run of failures reached its length.
    TripByRun,
    /// The exact count window made a rule true.
    TripByCount,
    TripByFailureRate,
    TripBySlowRate,
    TripByEvidence,
    TripByHang,
    /// Other processes have found an outage.
    TripByPeers,
    /// The wait is over: the announcer is the first probe.
    Probe,
    /// The round was won.
    Close,
    /// The round was lost, its probes leaked, or too many were cancelled.
    ReopenByProbe,
    ReopenByTimeout,
    ReopenByCancelled,
    /// The round was won, and a ramp follows.
    Ramp,
    /// The step of the ramp is judged: its calls decide on the next one, or on a transition.
    Step,
    /// The ramp failed. No update is announced for it: it takes the place of the step that found it.
    ReopenByRamp,
    /// The operator's.
    Trip,
    HalfOpen,
    Reset,
    Release,
    ForceOpen,
    Disable,
    ObserveOnly,
}

use Goal::*;

impl Goal {
    /// Returns the cause reported for a transition with this goal. Those that judge lack a cause of
    /// their own: what they find is the cause.
    pub(crate) const fn cause(self) -> Cause {
        match self {
            TripByRun => Cause::ConsecutiveFailures,
            TripByCount => Cause::FailureCount,
            TripByFailureRate => Cause::FailureRate,
            TripBySlowRate => Cause::SlowRate,
            TripByEvidence => Cause::Evidence,
            TripByHang => Cause::Hang,
            TripByPeers => Cause::Peers,
            Probe => Cause::OpenElapsed,
            Close => Cause::ProbesSucceeded,
            ReopenByProbe => Cause::ProbeFailed,
            ReopenByTimeout => Cause::ProbeTimeout,
            ReopenByCancelled => Cause::ProbesCancelled,
            ReopenByRamp => Cause::RampFailed,
            Check | CheckHang | Maintain | Ramp | Step | Trip | HalfOpen | Reset | Release
            | ForceOpen | Disable | ObserveOnly => Cause::Manual,
        }
    }

    /// Returns the goal that the control word of an Open with this cause holds.
    pub(crate) const fn of_open(cause: Cause) -> Goal {
        match cause {
            Cause::ConsecutiveFailures => TripByRun,
            Cause::FailureCount => TripByCount,
            Cause::FailureRate => TripByFailureRate,
            Cause::SlowRate => TripBySlowRate,
            Cause::Evidence => TripByEvidence,
            Cause::Hang => TripByHang,
            Cause::Peers => TripByPeers,
            Cause::ProbeFailed => ReopenByProbe,
            Cause::ProbeTimeout => ReopenByTimeout,
            Cause::ProbesCancelled => ReopenByCancelled,
            Cause::RampFailed => ReopenByRamp,
            Cause::OpenElapsed
            | Cause::ProbesSucceeded
            | Cause::RampCompleted
            | Cause::Manual
            | Cause::MaxInFlight => Trip,
        }
    }
}

#[cfg(test)]
impl Goal {
    pub(crate) fn all() -> impl Iterator<Item = Goal> {
        GOALS.into_iter()
    }
}

#[cfg(fuzzing)]
impl Goal {
    /// Some goal for any number.
    pub(crate) fn from_bits(n: u64) -> Goal {
        GOALS[(n % GOALS.len() as u64) as usize]
    }
}

const GOALS: [Goal; 25] = [
    Check,
    CheckHang,
    Maintain,
    TripByRun,
    TripByCount,
    TripByFailureRate,
    TripBySlowRate,
    TripByEvidence,
    TripByHang,
    TripByPeers,
    Probe,
    Close,
    ReopenByProbe,
    ReopenByTimeout,
    ReopenByCancelled,
    Ramp,
    Step,
    ReopenByRamp,
    Trip,
    HalfOpen,
    Reset,
    Release,
    ForceOpen,
    Disable,
    ObserveOnly,
];
const _: () = assert!(
    GOALS.len() == ObserveOnly as usize + 1,
    "each goal has its place"
);

/// The states by their code in the word: the two that count come first, then the third that
/// admits all, and from `HALF_OPEN` on the ones in which an acquire must look closer.
const STATES: [State; 8] = [
    State::Closed,
    State::ObserveOnly,
    State::Disabled,
    State::Closed, // never written
    State::HalfOpen,
    State::Open,
    State::ForcedOpen,
    State::Closed, // never written
];

pub(crate) const fn code(state: State) -> u64 {
    match state {
        State::Closed => 0,
        State::ObserveOnly => 1,
        State::Disabled => 2,
        State::HalfOpen => 4,
        State::Open => 5,
        State::ForcedOpen => 6,
    }
}

/// The state of a code; only its low three bits are looked at.
pub(crate) fn state_of(code: u64) -> State {
    STATES[(code & KIND) as usize]
}

/// kind 3 | updating 1 | armed 1 | log2 stripes 3 | watches 1 | goal 5 | runs 1 | timed 1 | generation 24 |
/// version 24 (from the low end)
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Control(u64);

/// The state's code.
const KIND: u64 = 0b111;
/// Set in the kinds in which an acquire must look closer.
const GUARDED: u64 = 0b100;
/// An update is announced and not yet published.
const UPDATING: u64 = 1 << 3;
/// Successes alone could make a rule true: they have an allowance, as the others always do. Under a
/// count window: or could end one that is true. There they are logged, as the others always are.
const ARMED: u64 = 1 << 4;
const STRIPES_SHIFT: u32 = 5;
const STRIPES: u64 = 0b111 << STRIPES_SHIFT;
/// Acquires look closer: for a hang, or at the limit on calls in flight.
const WATCHES: u64 = 1 << 8;
const GOAL_SHIFT: u32 = 9;
const GOAL: u64 = 0b1_1111 << GOAL_SHIFT;
/// Runs of failures are counted: the consecutive rule is on.
const RUNS: u64 = 1 << 14;
/// Calls are timed: there is a slow limit, or their durations are kept.
const TIMED: u64 = 1 << 15;
const GENERATION_SHIFT: u32 = 16;
const GENERATION: u64 = ((1 << TAG_BITS) - 1) << GENERATION_SHIFT;
const VERSION_SHIFT: u32 = 40;
/// In a permit's period, above the number of its step.
const IN_FLIGHT: u64 = 1 << 63;

const _: () = {
    let fields = [
        KIND, UPDATING, ARMED, STRIPES, WATCHES, GOAL, RUNS, TIMED, GENERATION,
    ];
    let (mut i, mut seen) = (0, 0u64);
    while i < fields.len() {
        assert!(seen & fields[i] == 0, "fields overlap");
        seen |= fields[i];
        i += 1;
    }
    assert!(GOAL < 1 << 16, "the goal is in the low end");
    assert!(
        seen == (1 << VERSION_SHIFT) - 1,
        "the version begins where the rest ends"
    );
    assert!(u64::BITS - VERSION_SHIFT == TAG_BITS, "a version is a tag");
    assert!(GOALS.len() <= (GOAL >> GOAL_SHIFT) as usize + 1);
    let mut g = 0;
    while g < GOALS.len() {
        assert!(GOALS[g] as usize == g, "the goals are in order");
        g += 1;
    }
};

/// What a permit carries: the generation and the kind under which it was given; and in the version's place, in a
/// ramp, the number of its step, plus one, and a bit if it is counted among the calls in flight. So no period with
/// either of these is that of a control word: its result takes the slow path, and looks there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Period(u64);

impl Period {
    /// The same, in that step of a ramp.
    pub(crate) fn in_step(self, step: u8) -> Period {
        Period(self.0 | (u64::from(step) + 1) << VERSION_SHIFT)
    }

    /// The same, of a call that is counted among those in flight.
    pub(crate) fn in_flight(self) -> Period {
        Period(self.0 | IN_FLIGHT)
    }

    /// The same, of a call that is not counted among those in flight.
    pub(crate) fn not_in_flight(self) -> Period {
        Period(self.0 & !IN_FLIGHT)
    }

    pub(crate) fn is_in_flight(self) -> bool {
        self.0 & IN_FLIGHT != 0
    }

    /// The step of a ramp, if it was given in one.
    pub(crate) fn step(self) -> Option<u8> {
        let step = (self.0 & !IN_FLIGHT) >> VERSION_SHIFT;
        step.checked_sub(1).map(|step| step as u8)
    }

    /// The same, without a step, and not counted among those in flight.
    pub(crate) fn whole(self) -> Period {
        Period(self.0 & (GENERATION | KIND))
    }

    pub(crate) fn state(self) -> State {
        Control(self.0).state()
    }

    pub(crate) fn generation(self) -> Generation {
        Control(self.0).generation()
    }

    /// The one that a transition from here to that state begins.
    pub(crate) fn next(self, state: State) -> Period {
        Control(self.0).become_(state, Flags::default()).period()
    }
}

/// The parts of the rules that the control word holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Flags {
    pub(crate) armed: bool,
    pub(crate) runs: bool,
    pub(crate) timed: bool,
    /// Acquires look closer.
    pub(crate) watches: bool,
}

impl Flags {
    fn bits(self) -> u64 {
        let bit = |on: bool, bit: u64| if on { bit } else { 0 };
        bit(self.armed, ARMED)
            | bit(self.runs, RUNS)
            | bit(self.timed, TIMED)
            | bit(self.watches, WATCHES)
    }
}

impl Pack for Control {
    #[inline(always)]
    fn pack(self) -> u64 {
        self.0
    }

    #[inline(always)]
    fn unpack(bits: u64) -> Control {
        Control(bits)
    }
}

impl Control {
    /// Any bits, as a word that the protocol could have written before an update.
    #[cfg(fuzzing)]
    pub(crate) fn in_state(self, state: State) -> Control {
        Control(self.0 & !(KIND | UPDATING | GOAL) | code(state))
    }

    /// An Open with that cause.
    #[cfg(test)]
    pub(crate) const fn of_open(cause: Cause) -> Control {
        Control(code(State::Open)).with_cause(cause)
    }

    pub(crate) fn new(state: State, flags: Flags) -> Control {
        Control(code(state) | flags.bits())
    }

    /// The same, of that generation.
    #[must_use]
    pub(crate) fn of_generation(self, generation: Generation) -> Control {
        Control(self.0 & !GENERATION | generation.number() << GENERATION_SHIFT)
    }

    #[inline(always)]
    pub(crate) fn state(self) -> State {
        state_of(self.0)
    }

    /// Closed or observe-only: outcomes are counted.
    #[inline(always)]
    pub(crate) fn counting(self) -> bool {
        self.0 & KIND < 2
    }

    /// Open, with no update under way.
    #[inline(always)]
    pub(crate) fn is_open(self) -> bool {
        self.0 & (KIND | UPDATING) == code(State::Open)
    }

    /// Closed, observe-only or disabled: every call is admitted.
    #[inline(always)]
    pub(crate) fn admits_all(self) -> bool {
        self.0 & GUARDED == 0
    }

    #[inline(always)]
    pub(crate) fn updating(self) -> bool {
        self.0 & UPDATING != 0
    }

    #[inline(always)]
    pub(crate) fn armed(self) -> bool {
        self.0 & ARMED != 0
    }

    #[inline(always)]
    pub(crate) fn runs(self) -> bool {
        self.0 & RUNS != 0
    }

    #[inline(always)]
    pub(crate) fn timed(self) -> bool {
        self.0 & TIMED != 0
    }

    #[inline(always)]
    pub(crate) fn watches(self) -> bool {
        self.0 & WATCHES != 0
    }

    /// Half-open, in its ramp. An update may be under way.
    pub(crate) fn ramps(self) -> bool {
        self.state() == State::HalfOpen && matches!(self.goal(), Ramp | Step)
    }

    /// log2 of the stripes in use.
    #[inline(always)]
    pub(crate) fn level(self) -> usize {
        ((self.0 & STRIPES) >> STRIPES_SHIFT) as usize
    }

    /// Stripes in use: a power of two.
    #[inline(always)]
    pub(crate) fn stripes(self) -> usize {
        1 << self.level()
    }

    pub(crate) fn goal(self) -> Goal {
        let n = ((self.0 & GOAL) >> GOAL_SHIFT) as usize;
        GOALS.get(n).copied().unwrap_or(Maintain)
    }

    /// Everything below the generation, the goal included.
    #[inline(always)]
    pub(crate) const fn low(self) -> u16 {
        self.0 as u16
    }

    /// What [`low`](Self::low) gave, for the goal to be read.
    pub(crate) fn from_low(low: u16) -> Control {
        Control(u64::from(low))
    }

    /// The same, of an Open with that cause.
    #[inline]
    #[must_use]
    pub(crate) const fn with_cause(self, cause: Cause) -> Control {
        Control(self.0 & !GOAL | (Goal::of_open(cause) as u64) << GOAL_SHIFT)
    }

    #[inline(always)]
    pub(crate) fn generation(self) -> Generation {
        Generation::of(self.0 >> GENERATION_SHIFT)
    }

    /// The generation that a transition from here has.
    pub(crate) fn next_generation(self) -> Generation {
        self.generation().next()
    }

    #[inline(always)]
    pub(crate) fn version(self) -> Version {
        Version(self.0 >> VERSION_SHIFT)
    }

    #[inline(always)]
    pub(crate) fn period(self) -> Period {
        Period(self.0 & (GENERATION | KIND))
    }

    /// Whether it is still that period, with no update under way.
    #[inline(always)]
    pub(crate) fn quiet_in(self, period: Period) -> bool {
        self.0 & (GENERATION | UPDATING | KIND) == period.0
    }

    /// The word that announces an update.
    #[must_use]
    pub(crate) fn announce(self, goal: Goal) -> Control {
        let with_goal = self.0 & !GOAL | UPDATING | (goal as u64) << GOAL_SHIFT;
        Control(with_goal.wrapping_add(1 << VERSION_SHIFT))
    }

    /// The same, of the next version: where no word of a stripe bears the present one.
    #[must_use]
    pub(crate) fn bump_version(self) -> Control {
        Control(self.0.wrapping_add(1 << VERSION_SHIFT))
    }

    /// Twice the stripes; only where `level` is below its top.
    #[must_use]
    pub(crate) fn more_stripes(self) -> Control {
        debug_assert!(self.0 & STRIPES != STRIPES);
        Control(self.0 + (1 << STRIPES_SHIFT))
    }

    /// The word that ends an update within its generation.
    #[must_use]
    pub(crate) fn settled(self, flags: Flags) -> Control {
        Control(self.0 & !(UPDATING | ARMED | RUNS | TIMED | WATCHES) | flags.bits())
    }

    /// The word that ends an update with a transition.
    #[inline]
    #[must_use]
    pub(crate) fn become_(self, state: State, flags: Flags) -> Control {
        let rest = self.settled(flags).0 & !(KIND | GENERATION);
        Control(rest | code(state) | self.next_generation().number() << GENERATION_SHIFT)
    }
}

impl core::fmt::Debug for Control {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Control")
            .field("state", &self.state())
            .field("updating", &self.updating())
            .field("armed", &self.armed())
            .field("goal", &self.goal())
            .field("stripes", &self.stripes())
            .field("generation", &self.generation().number())
            .field("version", &self.version().0)
            .finish()
    }
}

#[cfg(test)]
mod tests;
