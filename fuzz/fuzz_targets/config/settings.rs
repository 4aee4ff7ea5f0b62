//! A configuration as plain values, which can be read: those of a `Config` cannot.

use std::time::Duration;

use libfuzzer_sys::arbitrary::Result;
use tripcoil::{
    Backoff, Config, FailureKind, HalfOpen, Hang, Lenient, ManualClock, OnCancel, Outage, Ramp,
    State, Window,
};

use crate::draws::Draws;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Span {
    Time(Duration),
    Count(u32),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Recovery {
    Successes(u32),
    Rate(u32, f64),
}

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) span: Span,
    pub(crate) buckets: Option<u32>,
    pub(crate) failure_rate: Option<f64>,
    pub(crate) min_throughput: Option<u32>,
    pub(crate) slow_call: Option<Duration>,
    pub(crate) slow_rate: Option<f64>,
    pub(crate) consecutive_failures: Option<u32>,
    pub(crate) failure_count: Option<u32>,
    /// theta, and the loss.
    pub(crate) outage: Option<(f64, f64)>,
    pub(crate) hang: Option<(Duration, u32)>,
    /// The kinds, and their weight.
    pub(crate) lenient: Option<(&'static [FailureKind], f64)>,
    pub(crate) adaptive: bool,
    pub(crate) base: Duration,
    pub(crate) factor: f64,
    pub(crate) max: Option<Duration>,
    pub(crate) jitter: f64,
    pub(crate) reset_after: Duration,
    pub(crate) seed: Option<u64>,
    pub(crate) recovery: Recovery,
    pub(crate) probe_slow_rate: Option<f64>,
    pub(crate) max_probes: Option<u32>,
    pub(crate) probe_timeout: Option<Duration>,
    pub(crate) ramp: bool,
    pub(crate) on_cancel: OnCancel,
    pub(crate) max_in_flight: Option<u32>,
    pub(crate) durations: bool,
    pub(crate) initial_state: State,
}

const RATES: [f64; 4] = [0.5, 1.0 / 3.0, 1.0, 0.001];
const FEW: [u32; 4] = [3, 1, 2, 5];
/// `life` ends calls with the kinds of the first three.
const KINDS: [&[FailureKind]; 4] = [
    &[FailureKind::Timeout],
    &[FailureKind::Client, FailureKind::Other(0)],
    &[FailureKind::Other(2)],
    &[],
];
/// What calls and waits last.
pub(crate) const SHORT: [Duration; 5] = [
    Duration::from_millis(1),
    Duration::from_nanos(1),
    Duration::from_nanos(1_500_001),
    Duration::from_secs(1),
    Duration::from_secs(60),
];
/// Those that all the sensible numbers of buckets divide.
const WINDOWS: [Duration; 4] = [
    Duration::from_secs(36),
    Duration::from_nanos(3600),
    Duration::from_millis(3600),
    Duration::from_secs(24 * 3600),
];

impl Settings {
    pub(crate) fn draw(draws: &mut Draws<'_>) -> Result<Settings> {
        let by_count: bool = draws.bytes.arbitrary()?;
        Ok(Settings {
            span: if by_count {
                Span::Count(draws.count(&[10, 5, 64, 1000, (1 << 20) - 1])?)
            } else {
                Span::Time(draws.span(&WINDOWS)?)
            },
            // of a count window only by a wild draw's chance
            buckets: if by_count && !draws.one_of(&[false, false, false, true])? {
                None
            } else {
                draws.maybe(|it| it.count(&[10, 1, 2, 3600]))?
            },
            failure_rate: draws.maybe(|it| it.float(&RATES))?,
            min_throughput: draws.maybe(|it| it.count(&FEW))?,
            slow_call: draws.maybe(|it| it.span(&SHORT))?,
            slow_rate: draws.maybe(|it| it.float(&RATES))?,
            consecutive_failures: draws.maybe(|it| it.count(&FEW))?,
            failure_count: draws.maybe(|it| it.count(&FEW))?,
            outage: if draws.one_of(&[false, false, true])? {
                Some((
                    draws.float(&[0.5, 0.01, 0.9, 0.1])?,
                    draws.float(&[0.002, 0.1, 0.0001])?,
                ))
            } else {
                None
            },
            hang: if draws.one_of(&[false, false, true])? {
                Some((draws.span(&SHORT)?, draws.count(&[3, 1, 1_000])?))
            } else {
                None
            },
            adaptive: draws.one_of(&[false, false, true])?,
            base: draws.span(&SHORT)?,
            factor: draws.float(&[2.0, 1.0, 1.5, 1e9])?,
            max: draws.maybe(|it| it.span(&[Duration::from_secs(60), Duration::from_secs(61)]))?,
            jitter: draws.float(&[0.0, 0.1, 0.999_999])?,
            reset_after: draws.span(&[Duration::ZERO, Duration::from_millis(3)])?,
            seed: draws.maybe(|it| it.bytes.arbitrary())?,
            recovery: if draws.bytes.arbitrary()? {
                Recovery::Rate(draws.count(&FEW)?, draws.float(&RATES)?)
            } else {
                Recovery::Successes(draws.count(&FEW)?)
            },
            probe_slow_rate: if draws.one_of(&[false, false, true])? {
                Some(draws.float(&RATES)?)
            } else {
                None
            },
            max_probes: draws.maybe(|it| it.count(&FEW))?,
            probe_timeout: draws.maybe(|it| it.span(&SHORT))?,
            ramp: draws.one_of(&[false, false, true])?,
            on_cancel: draws.one_of(&[
                OnCancel::Ignored,
                OnCancel::Failure,
                OnCancel::FailureIfSlow,
            ])?,
            durations: draws.one_of(&[false, true])?,
            initial_state: draws.one_of(&[
                State::Closed,
                State::Open,
                State::HalfOpen,
                State::ForcedOpen,
                State::Disabled,
                State::ObserveOnly,
            ])?,
            // the last, so that it does not change what earlier bytes mean
            lenient: if draws.one_of(&[false, false, true])? {
                let weights = [0.25, 0.0, 0.5, 0.875];
                Some((draws.one_of(&KINDS)?, draws.float(&weights)?))
            } else {
                None
            },
            max_in_flight: if draws.one_of(&[false, false, true])? {
                Some(draws.count(&FEW)?)
            } else {
                None
            },
        })
    }

    pub(crate) fn config(&self, clock: &ManualClock) -> Config {
        let window = match self.span {
            Span::Time(total) => Window::time(total),
            Span::Count(size) => Window::count(size),
        };
        Config {
            window: given(window, self.buckets, Window::buckets),
            failure_rate: self.failure_rate,
            min_throughput: self.min_throughput,
            slow_call: self.slow_call,
            slow_rate: self.slow_rate,
            consecutive_failures: self.consecutive_failures,
            failure_count: self.failure_count,
            outage: self
                .outage
                .map(|(theta, loss)| Outage::at(theta).loss_at_most(loss)),
            hang: self
                .hang
                .map(|(after, starts)| Hang::after(after).starts(starts)),
            lenient: self
                .lenient
                .map(|(kinds, weight)| Lenient::new(kinds.iter().copied(), weight)),
            open_for: self.backoff(),
            half_open: self.half_open(),
            on_cancel: self.on_cancel,
            max_in_flight: self.max_in_flight,
            durations: self.durations,
            history: 4,
            clock: clock.into(),
            initial_state: self.initial_state,
        }
    }

    fn backoff(&self) -> Backoff {
        let backoff = if self.adaptive {
            Backoff::adaptive()
        } else {
            Backoff::exponential(self.base, self.factor)
        };
        let backoff = backoff.jitter(self.jitter).reset_after(self.reset_after);
        let backoff = given(backoff, self.max, Backoff::max);
        given(backoff, self.seed, Backoff::seed)
    }

    fn half_open(&self) -> HalfOpen {
        let half_open = match self.recovery {
            Recovery::Successes(n) => HalfOpen::successes(n),
            Recovery::Rate(of, rate) => HalfOpen::rate(of, rate),
        };
        let half_open = given(half_open, self.probe_slow_rate, HalfOpen::slow_rate);
        let half_open = given(half_open, self.max_probes, HalfOpen::max_probes);
        let half_open = given(half_open, self.probe_timeout, HalfOpen::probe_timeout);
        if self.ramp {
            half_open.ramp(Ramp::new())
        } else {
            half_open
        }
    }
}

/// Sets what is given, if anything is.
fn given<B, T>(of: B, value: Option<T>, set: fn(B, T) -> B) -> B {
    match value {
        Some(value) => set(of, value),
        None => of,
    }
}
