//! Records transitions, and compares them with those that a test expects.

use crate::observe::Events;
use crate::{Cause, Observer, State, Transition};
use std::fmt::{self, Write as _};

/// Records a breaker's transitions from its creation on, to be compared with what a test expects.
///
/// It is polled, and needs neither a thread nor a wait: what has happened before an assertion is seen by it.
/// Each assertion is about the transitions since the one before.
///
/// ```
/// use tripcoil::testing::Recorder;
/// use tripcoil::{Breaker, Cause, State};
///
/// let (breaker, controller) = Breaker::builder("orders").build_with_controller()?;
/// let mut recorder = Recorder::on(&breaker.observer());
/// recorder.assert_none();
/// controller.trip();
/// controller.half_open();
/// recorder.assert([State::Open, State::HalfOpen]);
/// controller.reset();
/// recorder.assert([(State::Closed, Cause::Manual)]);
/// assert_eq!(recorder.transitions().len(), 3);
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
#[derive(Debug)]
pub struct Recorder {
    observer: Observer,
    events: Events,
    seen: Vec<Transition>,
    /// How many of them assertions have been about.
    asserted: usize,
}

/// A transition that a test expects: to a state, or to a state for a cause. `State` and `(State, Cause)` convert to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    to: State,
    cause: Option<Cause>,
}

impl From<State> for Expected {
    fn from(to: State) -> Expected {
        Expected { to, cause: None }
    }
}

impl From<(State, Cause)> for Expected {
    fn from((to, cause): (State, Cause)) -> Expected {
        let cause = Some(cause);
        Expected { to, cause }
    }
}

impl Expected {
    fn is(&self, seen: &Transition) -> bool {
        self.to == seen.to && self.cause.is_none_or(|cause| cause == seen.cause)
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cause {
            Some(cause) => f.pad(&format!("{} ({cause})", self.to)),
            None => f.pad(&format!("{}", self.to)),
        }
    }
}

impl Recorder {
    /// Returns a recorder of the transitions from now on.
    #[must_use]
    pub fn on(observer: &Observer) -> Recorder {
        Recorder {
            observer: observer.clone(),
            events: observer.events(),
            seen: Vec::new(),
            asserted: 0,
        }
    }

    /// Returns all transitions since the recorder was created, oldest first. Assertions leave them there.
    ///
    /// # Panics
    ///
    /// Panics if transitions were lost: at most 1,024 wait to be read.
    #[track_caller]
    pub fn transitions(&mut self) -> &[Transition] {
        self.read();
        &self.seen
    }

    /// Checks that since the last assertion the breaker went through exactly these states: each is a
    /// [`State`], or a state with its [`Cause`].
    ///
    /// # Panics
    ///
    /// Panics if the transitions are others. The message has both series, with causes, times by the
    /// breaker's clock, and the counts that decided. Panics, too, if transitions were lost: at most 1,024 wait to be
    /// read.
    #[track_caller]
    pub fn assert<T: Into<Expected>>(&mut self, expected: impl IntoIterator<Item = T>) {
        let expected: Vec<Expected> = expected.into_iter().map(Into::into).collect();
        self.check(&expected);
    }

    /// Checks that there was no transition since the last assertion.
    ///
    /// # Panics
    ///
    /// Panics if there was one, as [`assert`](Self::assert) does.
    #[track_caller]
    pub fn assert_none(&mut self) {
        self.check(&[]);
    }

    #[track_caller]
    #[expect(clippy::panic, reason = "an assertion")]
    fn check(&mut self, expected: &[Expected]) {
        self.read();
        let real = &self.seen[self.asserted..];
        let equal = expected.len() == real.len()
            && expected.iter().zip(real).all(|(one, seen)| one.is(seen));
        if !equal {
            let compared = compared(expected, real);
            let (name, state) = (self.observer.name(), self.observer.state());
            panic!(
                "the breaker '{name}' made other transitions than expected\n{compared}it is {state} now"
            );
        }
        self.asserted = self.seen.len();
    }

    #[track_caller]
    fn read(&mut self) {
        self.seen.extend(self.events.by_ref());
        let missed = self.events.missed();
        assert!(
            missed == 0,
            "{missed} transitions of the breaker '{}' were lost: read them before there are 1,024",
            self.observer.name()
        );
    }
}

/// Returns both series side by side.
fn compared(expected: &[Expected], real: &[Transition]) -> String {
    let wide = expected.iter().map(|one| format!("{one}").len()).max();
    let wide = wide.unwrap_or_default().max("expected".len());
    let mut out = format!("      {:wide$}   real\n", "expected");
    for number in 0..expected.len().max(real.len()) {
        let (one, seen) = (expected.get(number), real.get(number));
        let equal = one.zip(seen).is_some_and(|(one, seen)| one.is(seen));
        let mark = if equal { ' ' } else { '!' };
        let one = one.map_or_else(|| "-".to_owned(), Expected::to_string);
        let seen = seen.map_or_else(|| "-".to_owned(), shown);
        // writing to a string does not fail
        let _ = writeln!(out, "{mark} {:>3} {one:wide$}   {seen}", number + 1);
    }
    out
}

/// Returns a transition in words: where to, why, when, and what decided it.
pub(super) fn shown(seen: &Transition) -> String {
    let mut out = format!("{} ({}) at {:?}", seen.to, seen.cause, seen.at);
    // those of the others decided nothing
    let by_calls = !matches!(seen.cause, Cause::Manual | Cause::OpenElapsed);
    if by_calls && seen.counts.calls > 0 {
        let (failures, calls) = (seen.counts.failures, seen.counts.calls);
        let _ = write!(out, ", {failures} of {calls} calls failed");
        if seen.counts.slow > 0 {
            let _ = write!(out, ", {} slow", seen.counts.slow);
        }
    }
    out
}
