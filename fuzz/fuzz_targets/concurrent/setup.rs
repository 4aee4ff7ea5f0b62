//! The first bytes: on what breaker the scripts run, and how.

use std::time::Duration;

use tripcoil::{
    Backoff, Breaker, Config, Controller, FailureKind, HalfOpen, Lenient, ManualClock, OnCancel,
    Ramp, State, Window,
};

pub(crate) struct Setup {
    pub(crate) config: Config,
    /// How often each thread goes through its script: more than once, so that both are sure to be
    /// at it at the same time.
    pub(crate) rounds: usize,
    /// Whether a third thread takes snapshots all the time.
    pub(crate) watched: bool,
}

pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) breaker: Breaker,
    pub(crate) controller: Controller,
}

const MS: Duration = Duration::from_millis(1);
pub(crate) const SLOW: Duration = Duration::from_millis(5);

impl Setup {
    pub(crate) fn of([window, rules, rest, run]: [u8; 4]) -> Setup {
        let pick = usize::from(window >> 1);
        let timed = window & 1 == 0;
        let window = if timed {
            let buckets = [1, 2, 5, 12][pick % 4];
            Window::time(MS * buckets).buckets(buckets)
        } else {
            Window::count([1, 3, 7, 16, 64, 65, 200, 1000][pick % 8])
        };
        let bit = |n: u8| rules >> n & 1 == 1;
        let measured = bit(4);
        let round = [
            HalfOpen::successes(2),
            HalfOpen::successes(1),
            HalfOpen::rate(3, 0.5).max_probes(2),
            HalfOpen::rate(6, 1.0),
        ][usize::from(rest & 3)]
        .clone();
        // a time window's
        let round = match timed && rest >> 5 & 1 == 1 {
            true => round.ramp(Ramp::new()),
            false => round,
        };
        // of the failures without a wait of their own
        let weight = [None, None, Some(0.25), Some(0.625)][usize::from(rest >> 6)];
        let weight = weight.filter(|_| timed);
        let states = [
            State::Closed,
            State::Closed,
            State::Open,
            State::HalfOpen,
            State::ForcedOpen,
            State::Disabled,
            State::ObserveOnly,
            State::Closed,
        ];
        let config = Config {
            window,
            failure_rate: bit(0).then_some(0.5),
            min_throughput: bit(5).then_some(1),
            slow_call: measured.then_some(SLOW),
            slow_rate: (measured && bit(3)).then_some(0.75),
            // one of the rules at least
            consecutive_failures: (bit(1) || rules & 0b101 == 0).then_some(3),
            failure_count: bit(2).then_some(1),
            lenient: weight.map(|weight| Lenient::new([FailureKind::Connect], weight)),
            open_for: Backoff::exponential(2 * MS, 2.0).max(8 * MS),
            half_open: round.probe_timeout(3 * MS),
            on_cancel: match (bit(6), measured && bit(7)) {
                (false, _) => OnCancel::Ignored,
                (true, false) => OnCancel::Failure,
                (true, true) => OnCancel::FailureIfSlow,
            },
            initial_state: states[usize::from(rest >> 2 & 7)],
            ..Config::default()
        };
        Setup {
            config,
            rounds: [1, 2, 4, 16][usize::from(run & 3)],
            watched: run & 4 != 0,
        }
    }

    pub(crate) fn world(&self) -> World {
        let clock = ManualClock::new();
        let mut config = self.config.clone();
        config.clock = (&clock).into();
        match Breaker::from_config_with_controller("shared", config) {
            Ok((breaker, controller)) => World {
                clock,
                breaker,
                controller,
            },
            Err(error) => panic!("{error}"),
        }
    }
}
