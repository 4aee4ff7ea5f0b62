//! What a breaker that could be built goes through: every kind of call, wild times and orders.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use libfuzzer_sys::arbitrary::Result;
use tripcoil::call::OwnedPermit;
use tripcoil::{
    Breaker, CallError, Controller, FailureKind, ManualClock, Observer, Outcome, Snapshot, State,
};

use crate::draws::Draws;
use crate::reading::{bad_count, bad_rate};
use crate::settings::{SHORT, Settings, Span};

/// Small, since a transition writes each bucket, and there may be 3600.
const STEPS: usize = 48;
const HELD: usize = 4;
/// Deadlines are packed up to 17 years after the breaker was built: no wait is exact beyond.
const EXACT: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// A call under way.
struct Held {
    permit: OwnedPermit,
    /// The generation, if it was admitted under `Disabled`, where it counts only if it ends late.
    disabled_in: Option<u64>,
}

struct Life<'a> {
    settings: &'a Settings,
    clock: &'a ManualClock,
    breaker: &'a Breaker,
    controller: &'a Controller,
    observer: Observer,
    held: Vec<Held>,
    /// Calls that were made or refused, and of them those that are in no total.
    calls: u64,
    uncounted: u64,
    before: Snapshot,
}

pub(crate) fn live(
    settings: &Settings,
    clock: &ManualClock,
    breaker: &Breaker,
    controller: &Controller,
    draws: &mut Draws<'_>,
) -> Result<()> {
    let observer = breaker.observer();
    let before = observer.snapshot();
    assert_eq!(before.state, settings.initial_state);
    assert_eq!(before.generation, 0);
    let mut life = Life {
        settings,
        clock,
        breaker,
        controller,
        observer,
        held: Vec::new(),
        calls: 0,
        uncounted: 0,
        before,
    };
    for _ in 0..STEPS {
        if draws.bytes.is_empty() {
            break;
        }
        life.step(draws)?;
        life.look();
    }
    for held in std::mem::take(&mut life.held) {
        life.end(held, drop);
    }
    life.look();
    Ok(())
}

impl Life<'_> {
    fn step(&mut self, draws: &mut Draws<'_>) -> Result<()> {
        match draws.bytes.int_in_range(0..=15)? {
            0..=4 => {
                if let Some(held) = self.acquire() {
                    let ending = ending(draws)?;
                    self.end(held, ending);
                }
            }
            5 => {
                // hundreds of the same, so that wide windows and long runs are reached
                let outcome = draws.one_of(&[
                    Outcome::Success,
                    Outcome::Failure(FailureKind::Server),
                    Outcome::Ignored,
                ])?;
                for _ in 0..draws.bytes.arbitrary::<u8>()? {
                    if let Some(held) = self.acquire() {
                        self.end(held, |permit| permit.record(outcome));
                    }
                }
            }
            6 | 7 => {
                let held = self.acquire();
                self.held.extend(held);
                if self.held.len() > HELD {
                    let held = self.held.remove(0);
                    let ending = ending(draws)?;
                    self.end(held, ending);
                }
            }
            8 => self.guarded(draws)?,
            9 | 10 => self.clock.advance(draws.one_of(&SHORT)?),
            11 => self.clock.advance(draws.any_span()?),
            12 => self.trip_for(draws.any_span()?),
            13 => {
                let rate = draws.any_float()?;
                let done = self
                    .controller
                    .reconfigure(|rules| rules.failure_rate(rate));
                assert_eq!(done.is_ok(), !bad_rate(rate), "{rate}: {done:?}");
                let n = draws.bytes.arbitrary()?;
                let most = match self.settings.span {
                    Span::Time(_) => u32::MAX,
                    Span::Count(size) => size,
                };
                let done = self.controller.reconfigure(|rules| rules.min_throughput(n));
                assert_eq!(done.is_ok(), !bad_count(n, most), "{n}: {done:?}");
            }
            14 => self.postpone(draws.any_span()?),
            _ => self.order(draws)?,
        }
        Ok(())
    }

    fn disabled_in(&self) -> Option<u64> {
        (self.breaker.state() == State::Disabled).then(|| self.observer.snapshot().generation)
    }

    fn acquire(&mut self) -> Option<Held> {
        self.calls += 1;
        let disabled_in = self.disabled_in();
        match self.breaker.try_acquire_owned() {
            Ok(permit) => Some(Held {
                permit,
                disabled_in,
            }),
            Err(rejected) => {
                let (open, rest) = (rejected.state() == State::Open, rejected.retry_after());
                assert_eq!(rest.is_some(), open, "{rejected}");
                // an open breaker still rejects for a while, unless the round that it lost was longer than an
                // adaptive wait
                let now = self.clock.now();
                assert!(
                    rest != Some(Duration::ZERO) || self.settings.adaptive || now >= EXACT,
                    "{rejected} at {now:?}"
                );
                None
            }
        }
    }

    fn end(&mut self, held: Held, ending: impl FnOnce(OwnedPermit)) {
        let in_time = held.disabled_in.is_some() && held.disabled_in == self.disabled_in();
        self.uncounted += u64::from(in_time);
        ending(held.permit);
    }

    /// A closure's call, which may panic, by the breaker or by a local handle.
    fn guarded(&mut self, draws: &mut Draws<'_>) -> Result<()> {
        let took = draws.one_of(&SHORT)?;
        let end = draws.one_of(&[0, 1, 2])?;
        let body = || {
            self.clock.advance(took);
            match end {
                0 => Ok(()),
                1 => Err("failed"),
                // without the hook, which would end the process
                _ => resume_unwind(Box::new("the dependency's own")),
            }
        };
        let disabled = self.disabled_in().is_some();
        let by_local = draws.bytes.arbitrary()?;
        let done = catch_unwind(AssertUnwindSafe(|| {
            if by_local {
                self.breaker.local().call(body)
            } else {
                self.breaker.call(body)
            }
        }));
        match done {
            Err(_) => assert_eq!(end, 2),
            Ok(Ok(())) => assert_eq!(end, 0),
            Ok(Err(CallError::Inner("failed"))) => assert_eq!(end, 1),
            Ok(Err(error)) => assert!(error.is_rejected()),
        }
        self.calls += 1;
        self.uncounted += u64::from(disabled);
        Ok(())
    }

    fn trip_for(&self, wait: Duration) {
        let now = self.clock.now();
        let until = up_to_a_millisecond(now.saturating_add(wait).min(EXACT));
        if self.controller.trip_for(wait) && now < EXACT {
            let rest = self.observer.snapshot().retry_after;
            // exactly so long, or beyond what is exact
            assert!(rest >= Some(until - now), "{rest:?} of {wait:?} at {now:?}");
            assert!(
                until == EXACT || rest == Some(until - now),
                "{rest:?} of {wait:?} at {now:?}"
            );
        }
    }

    fn postpone(&self, wait: Duration) {
        let now = self.clock.now();
        let until = up_to_a_millisecond(now.saturating_add(wait).min(EXACT));
        let before = self.observer.snapshot();
        let changed = self.controller.postpone(wait);
        let after = self.observer.snapshot();
        if changed {
            assert!(
                after.retry_after >= before.retry_after,
                "{before:?} then {after:?}"
            );
        } else {
            assert_eq!(before, after);
        }
        if after.state == State::Open && now < EXACT {
            assert!(
                after.retry_after >= Some(until - now),
                "{after:?} at {now:?}, for {wait:?}"
            );
        }
    }

    fn order(&self, draws: &mut Draws<'_>) -> Result<()> {
        type Order = fn(&Controller) -> bool;
        const ORDERS: [(Order, State); 7] = [
            (Controller::trip, State::Open),
            (Controller::half_open, State::HalfOpen),
            (Controller::reset, State::Closed),
            (Controller::release, State::Closed),
            (Controller::force_open, State::ForcedOpen),
            (Controller::disable, State::Disabled),
            (Controller::observe_only, State::ObserveOnly),
        ];
        let (order, to) = draws.one_of(&ORDERS)?;
        if order(self.controller) {
            assert_eq!(self.breaker.state(), to);
            let longest = self.settings.max.unwrap_or(if self.settings.adaptive {
                Duration::from_secs(30)
            } else {
                Duration::from_secs(600).max(self.settings.base)
            });
            if let Some(rest) = self.observer.snapshot().retry_after {
                assert!(rest <= up_to_a_millisecond(longest + Duration::from_millis(1)));
            }
        }
        Ok(())
    }

    /// Nothing that can be read contradicts itself, the calls made, or what was read before.
    fn look(&mut self) {
        let now = self.observer.snapshot();
        let (t, before) = (&now.totals, &self.before.totals);
        let ended = t.successes + t.failures + t.ignored + t.cancelled + t.late;
        let under_way = self.held.len() as u64;
        let known = ended + t.rejected + self.uncounted + under_way;
        assert_eq!(known, self.calls, "{now:?}");
        let parts = [
            (before.successes, t.successes),
            (before.failures, t.failures),
            (before.slow, t.slow),
            (before.rejected, t.rejected),
            (before.late, t.late),
            (before.ignored, t.ignored),
            (before.cancelled, t.cancelled),
        ];
        assert!(parts.iter().all(|(before, now)| before <= now), "{now:?}");
        let kinds: u64 = now.failures_by_kind.iter().map(|it| it.1).sum();
        assert_eq!(kinds, t.failures);
        let by = &now.rejections_by_state;
        let by_state = by.open + by.half_open + by.forced_open + by.closed;
        assert_eq!(by_state, t.rejected);
        assert_eq!(now.durations.is_some(), self.settings.durations);
        if let Some(durations) = &now.durations {
            let counted = t.successes + t.failures;
            assert!(
                (counted..=counted + t.late).contains(&durations.calls()),
                "{now:?}"
            );
        }

        let window = &now.window;
        assert_eq!(window.calls, window.successes + window.failures);
        assert!(window.slow <= window.calls, "{now:?}");
        assert!(
            [now.failure_rate, now.slow_rate]
                .iter()
                .all(|rate| (0.0..=1.0).contains(rate))
        );
        match self.settings.span {
            Span::Count(size) => {
                assert!(
                    window.calls <= u64::from(size) && now.buckets.is_empty(),
                    "{now:?}"
                );
            }
            Span::Time(_) => {
                assert_eq!(
                    now.buckets.len(),
                    self.settings.buckets.unwrap_or(10) as usize
                );
                assert_eq!(
                    now.buckets.iter().map(|it| it.calls).sum::<u64>(),
                    window.calls
                );
            }
        }
        assert_eq!(
            now.retry_after.is_some(),
            now.state == State::Open,
            "{now:?}"
        );
        assert_eq!(now.transitions, now.generation);
        assert!(now.probes.in_flight <= 255);
        self.history(&now);
        self.before = now;
    }

    fn history(&self, now: &Snapshot) {
        let history = self.observer.history();
        assert_eq!(history.len() as u64, now.generation.min(4));
        for pair in history.windows(2) {
            assert_eq!(pair[0].generation + 1, pair[1].generation);
            assert_eq!(pair[0].to, pair[1].from);
            assert!(pair[0].at <= pair[1].at);
        }
        if let Some(last) = history.last() {
            assert_eq!((last.generation, last.to), (now.generation, now.state));
        }
    }
}

fn up_to_a_millisecond(moment: Duration) -> Duration {
    let whole = Duration::from_millis(1);
    let count = moment.as_nanos().div_ceil(whole.as_nanos());
    // of a moment within years
    Duration::from_millis(count as u64)
}

fn ending(draws: &mut Draws<'_>) -> Result<impl FnOnce(OwnedPermit) + use<>> {
    let failure = Outcome::Failure(draws.one_of(&[
        FailureKind::Timeout,
        FailureKind::Client,
        FailureKind::Other(0),
        FailureKind::Other(200),
    ])?);
    let outcome = match draws.bytes.int_in_range(0..=4)? {
        0 => Some(Outcome::Success),
        1 => Some(failure),
        2 => Some(failure.with_retry_after(draws.any_span()?)),
        3 => Some(Outcome::Ignored),
        _ => None,
    };
    let took = draws.maybe(Draws::any_span)?;
    Ok(move |permit: OwnedPermit| match (outcome, took) {
        (Some(outcome), Some(took)) => permit.record_timed(outcome, took),
        (Some(outcome), None) => permit.record(outcome),
        (None, _) => drop(permit),
    })
}
