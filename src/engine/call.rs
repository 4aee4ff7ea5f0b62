//! A call, as the engine sees it: the data of its permit and of its result.

use crate::engine::window::class::Class;
use crate::words::control::{Control, Period};
use crate::words::outcome::FailureKind;

/// The data of a permit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Admission {
    pub(crate) period: Period,
    /// The clock at admission, or the stopwatch, or `UNTIMED`.
    pub(crate) start: u64,
}

/// No slow limit was in force at admission, so the clock was not read.
pub(crate) const UNTIMED: u64 = u64::MAX;

/// The call has to look at the state again. No clock comes near it.
pub(crate) const NOT_STARTED: u64 = u64::MAX - 1;

impl Admission {
    /// For a state that admits all calls: timed if the caller or the rules have a slow limit.
    #[inline(always)]
    pub(crate) fn at_large(control: Control, timed: bool, now: impl FnOnce() -> u64) -> Admission {
        Admission {
            period: control.period(),
            start: if timed || control.timed() {
                now()
            } else {
                UNTIMED
            },
        }
    }
}

/// What the caller knows about a call's duration.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Timing {
    /// How long it lasted, in nanoseconds.
    pub(crate) lasted: Option<u64>,
    /// A slow limit of its own.
    pub(crate) limit: Option<u64>,
}

/// A result on its way to being counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outgoing {
    pub(crate) class: Class,
    pub(crate) kind: FailureKind,
    /// The wait that the failure itself asks for, should it open the breaker.
    pub(crate) wait: Option<u64>,
}

impl Outgoing {
    pub(crate) const SUCCESS: Outgoing = Outgoing {
        class: Class::FastSuccess,
        kind: FailureKind::Server,
        wait: None,
    };
    pub(crate) const SLOW_SUCCESS: Outgoing = Outgoing {
        class: Class::SlowSuccess,
        ..Outgoing::SUCCESS
    };

    /// Of a failure without a wait of its own. Whether it is lenient is for the rules in force when it is counted.
    #[inline(always)]
    pub(crate) fn failure_of(kind: FailureKind, slow: bool) -> Outgoing {
        Outgoing {
            class: if slow {
                Class::SlowFailure
            } else {
                Class::FastFailure
            },
            kind,
            ..Outgoing::SUCCESS
        }
    }

    /// Its kind, if it is a failure.
    pub(crate) fn failure(self) -> Option<FailureKind> {
        self.class.failed().then_some(self.kind)
    }
}

impl Admission {
    /// Whether the call's duration is known.
    #[inline(always)]
    pub(crate) fn is_timed(self, timing: Timing) -> bool {
        self.start != UNTIMED || timing.lasted.is_some()
    }

    /// Of one that the breaker has timed.
    #[inline(always)]
    pub(crate) fn lasted(self, now: u64) -> u64 {
        now.saturating_sub(self.start)
    }
}
