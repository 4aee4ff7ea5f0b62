//! tripcoil, by each way of making a call, under each window and each clock.

use super::{Kind, Reason, Shared, Side, Sides};
use crate::workloads::{HOUR, OUTCOMES, PROBES, SLOW_CALL, SLOW_RATE, Settings, Shape, WINDOW};
use std::time::Duration;
use tripcoil::{
    Breaker, CallError, Clock, FailureKind, HalfOpen, Local, ManualClock, Outage, Window,
};
use tripcoil_benches::{Failed, armed, dependency, rate};

/// As it comes: `call`, a time window, the coarse clock.
pub(crate) const CALL: &str = "tripcoil/call/time/coarse";
pub(crate) const COUNT_CALL: &str = "tripcoil/call/count/coarse";
pub(crate) const LOCAL_UPKEEP: &str = "tripcoil/local/time/upkeep";
/// As [`CALL`], by the adaptive rules.
pub(crate) const ADAPTIVE: &str = "tripcoil adaptive";
/// The highest theta of a workload. Half of the calls are well below it.
const THETA: f64 = 0.8;
/// The same breaker as in the workload of that name, beside one that does more, or less.
pub(crate) const SUCCESS: &str = "success/tripcoil/call/time/coarse";

/// The shortest wait: it is told in whole milliseconds of the clock.
const SHORTEST: Duration = Duration::from_millis(1);

pub(super) fn configuration() -> String {
    format!(
        "way of calling / window / clock. Windows: time, {WINDOW:?} in 10 buckets; count, the \
         last {OUTCOMES} outcomes. At least {} calls for a rate; open for {HOUR:?}, {PROBES} \
         successes close. trip: on the manual clock, which each cycle moves on by {SHORTEST:?}, \
         since no wait is shorter. {ADAPTIVE}: call/time/coarse with Breaker::adaptive, at the workload's \
         rate or at {THETA}. armed: a rate so low, of so many calls, that five failures \
         keep it armed and no number of calls of this run opens it",
        crate::workloads::MIN_CALLS
    )
}

#[derive(Clone, Copy)]
enum Span {
    Time,
    Count,
}

#[derive(Clone, Copy)]
enum Source {
    Coarse,
    Upkeep,
    Precise,
    Manual,
}

pub(super) fn add(sides: &mut Sides<'_>) {
    // slow and open are compared with it, in the same rounds
    if sides.settings.slow || sides.shape() == Shape::Rejections {
        let plain = Settings {
            slow: false,
            ..sides.settings
        };
        sides.yardstick(SUCCESS, || {
            Call(Guard::new(&plain, Span::Time, Source::Coarse).expect("it is not armed"))
        });
    }
    if by_rate_alone(&sides.settings) && stays_closed(sides.shape()) {
        sides.breaker(Kind::Own, ADAPTIVE, |s| Guard::adaptive(s).map(Call));
    }
    let sources: &[Source] = match sides.shape() {
        Shape::Cycles => &[Source::Manual],
        _ => &[Source::Coarse, Source::Upkeep, Source::Precise],
    };
    for span in [Span::Time, Span::Count] {
        for &source in sources {
            let make = |s: &Settings| Guard::new(s, span, source);
            let name = |way| format!("tripcoil/{way}/{}/{}", span.name(), source.name());
            sides.breaker(Kind::Own, name("call"), |s| make(s).map(Call));
            sides.breaker(Kind::Own, name("acquire"), |s| make(s).map(Acquire));
            sides.breaker(Kind::Own, name("local"), |s| make(s).map(ByLocal));
        }
    }
}

fn by_rate_alone(settings: &Settings) -> bool {
    settings.run.is_none() && !settings.slow && !settings.armed
}

fn stays_closed(shape: Shape) -> bool {
    use Shape::{OneIn2Fails, OneIn100Fails, Successes};
    matches!(shape, Successes | OneIn100Fails | OneIn2Fails)
}

impl Span {
    fn name(self) -> &'static str {
        match self {
            Span::Time => "time",
            Span::Count => "count",
        }
    }

    fn window(self) -> Window {
        match self {
            Span::Time => Window::time(WINDOW).buckets(10),
            Span::Count => Window::count(OUTCOMES),
        }
    }
}

impl Source {
    fn name(self) -> &'static str {
        match self {
            Source::Coarse => "coarse",
            Source::Upkeep => "upkeep",
            Source::Precise => "precise",
            Source::Manual => "manual",
        }
    }

    fn clock(self, manual: &ManualClock) -> Clock {
        match self {
            Source::Coarse => Clock::coarse(),
            Source::Upkeep => Clock::upkeep(),
            Source::Precise => Clock::precise(),
            Source::Manual => manual.into(),
        }
    }
}

struct Guard {
    breaker: Breaker,
    manual: ManualClock,
}

impl Guard {
    fn new(settings: &Settings, span: Span, source: Source) -> Result<Guard, Reason> {
        let manual = ManualClock::new();
        let mut builder = match (settings.armed, span) {
            (true, Span::Count) => return Err("under a count window each outcome judges itself"),
            (true, Span::Time) => armed(u32::MAX),
            (false, _) => rate(settings.rate),
        };
        builder = builder
            .window(span.window())
            .clock(source.clock(&manual))
            .half_open(HalfOpen::successes(PROBES))
            .open_for(settings.wait.max(SHORTEST));
        if let Some(n) = settings.run {
            builder = builder.consecutive_failures(n);
        }
        if settings.slow {
            builder = builder.slow_call(SLOW_CALL).slow_rate(SLOW_RATE);
        }
        let breaker = builder.build().expect("these settings are valid");
        Ok(Guard { breaker, manual })
    }

    fn adaptive(settings: &Settings) -> Result<Guard, Reason> {
        let breaker = Breaker::adaptive("compare")
            .outage(Outage::at(settings.rate.min(THETA)))
            .window(Span::Time.window())
            .build()
            .expect("these settings are valid");
        let manual = ManualClock::new();
        Ok(Guard { breaker, manual })
    }
}

#[inline(always)]
fn admitted(result: Result<(), CallError<Failed>>) -> bool {
    !matches!(result, Err(CallError::Rejected(_)))
}

struct Call(Guard);

impl Shared for Call {
    #[inline(always)]
    fn try_call(&self, ok: bool) -> bool {
        admitted(self.0.breaker.call(|| dependency(ok)))
    }

    fn wait(&self) {
        self.0.manual.advance(SHORTEST);
    }
}

struct Acquire(Guard);

impl Shared for Acquire {
    #[inline(always)]
    fn try_call(&self, ok: bool) -> bool {
        let Ok(permit) = self.0.breaker.try_acquire() else {
            return false;
        };
        match dependency(ok) {
            Ok(()) => permit.success(),
            Err(Failed) => permit.failure(FailureKind::Server),
        }
        true
    }

    fn wait(&self) {
        self.0.manual.advance(SHORTEST);
    }
}

struct ByLocal(Guard);

impl Side for ByLocal {
    type Worker<'a> = (Local, &'a Guard);

    fn worker(&self, _thread: usize) -> (Local, &Guard) {
        (self.0.breaker.local(), &self.0)
    }

    #[inline(always)]
    fn call((local, _): &mut (Local, &Guard), ok: bool) -> bool {
        admitted(local.call(|| dependency(ok)))
    }

    fn wait((_, guard): &mut (Local, &Guard)) {
        guard.manual.advance(SHORTEST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tripcoil::{Cause, State};

    fn fail(breaker: &Breaker) {
        let _ = breaker.call(|| dependency(false));
    }

    fn succeed(breaker: &Breaker) {
        let _ = breaker.call(|| dependency(true));
    }

    /// A success is judged only by an update: that one opens the breaker, so all before were followed
    /// by one.
    #[test]
    fn an_armed_breaker_judges_successes() {
        let breaker = armed(20).build().expect("valid");
        (0..5).for_each(|_| fail(&breaker));
        (0..14).for_each(|_| succeed(&breaker));
        assert_eq!(breaker.state(), State::Closed);
        succeed(&breaker);
        assert_eq!(breaker.state(), State::Open);
        let last = breaker.observer().history().pop().expect("it opened");
        assert_eq!((last.cause, last.counts.calls), (Cause::FailureRate, 20));
    }

    #[test]
    fn each_cycle_opens_and_closes() {
        for span in [Span::Time, Span::Count] {
            let settings = crate::workloads::WORKLOADS
                .iter()
                .find(|w| w.shape == Shape::Cycles)
                .map(|w| w.settings_for(1))
                .expect("there is one");
            let side = Call(Guard::new(&settings, span, Source::Manual).expect("valid"));
            let rejected = super::super::cycles::<Call>(&mut &side, 100);
            let snapshot = side.0.breaker.observer().snapshot();
            assert_eq!((rejected, snapshot.transitions), (0, 300));
            assert_eq!(snapshot.state, State::Closed);
        }
    }
}
