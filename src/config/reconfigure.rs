//! The rules that can be changed on a running breaker.

use crate::config::backoff::Backoff;
use crate::config::settings::{Config, HalfOpen, Hang, Lenient, OnCancel, Outage};
use crate::words::outcome::FailureKind;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

type Edit = Box<dyn Fn(&mut Config)>;

/// Changes to the rules of a running breaker: the argument and the result of the closure for
/// [`Controller::reconfigure`](crate::Controller::reconfigure).
///
/// It starts from the rules in force. Setting one rule leaves the others as they are. The ranges
/// are those of [`Config`]. Window, clock, durations and history are fixed when the breaker is
/// built.
///
/// ```
/// use tripcoil::Breaker;
///
/// let (breaker, controller) = Breaker::builder("payments").build_with_controller()?;
/// // five failures in a row still trip, as by default
/// controller.reconfigure(|rules| rules.failure_rate(0.25).min_throughput(50))?;
/// assert!(controller.reconfigure(|rules| rules.no_failure_rules()).is_err());
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
#[must_use]
pub struct Rules {
    /// Kept apart from the configuration they change, so that they can be applied again if another
    /// thread has changed the rules meanwhile.
    edits: Vec<Edit>,
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules")
            .field("edits", &self.edits.len())
            .finish()
    }
}

impl Rules {
    /// Returns the rules in force, unchanged.
    pub(crate) fn unchanged() -> Rules {
        Rules { edits: Vec::new() }
    }

    /// Returns these settings with the changes applied.
    pub(crate) fn upon(&self, config: &Config) -> Config {
        let mut config = config.clone();
        for edit in &self.edits {
            edit(&mut config);
        }
        config
    }

    fn and(mut self, edit: impl Fn(&mut Config) + 'static) -> Rules {
        self.edits.push(Box::new(edit));
        self
    }

    /// Changes the settings by any edit, which leaves alone what is fixed. It is made again if another thread has changed
    /// the rules meanwhile.
    #[cfg(any(feature = "insight", feature = "operate"))]
    pub(crate) fn edited(self, edit: impl Fn(&mut Config) + 'static) -> Rules {
        self.and(edit)
    }

    /// Sets every rule as in `config`, including those that are off there. Its window, clock,
    /// initial state, history and durations are ignored.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tripcoil::{Breaker, Config};
    ///
    /// let (breaker, controller) = Breaker::builder("payments")
    ///     .slow_call(Duration::from_millis(500))
    ///     .slow_rate(0.8)
    ///     .build_with_controller()?;
    /// // the default rules: five failures in a row, or half of the calls; slow calls no longer trip it
    /// controller.reconfigure(|rules| rules.config(Config::default()))?;
    /// # Ok::<(), tripcoil::ConfigError>(())
    /// ```
    pub fn config(self, config: Config) -> Rules {
        self.and(move |c| {
            *c = Config {
                window: c.window.clone(),
                durations: c.durations,
                history: c.history,
                clock: c.clock.clone(),
                initial_state: c.initial_state,
                ..config.clone()
            }
        })
    }

    /// Sets [`Config::failure_rate`].
    pub fn failure_rate(self, rate: f64) -> Rules {
        self.and(move |c| c.failure_rate = Some(rate))
    }

    /// Sets [`Config::min_throughput`].
    pub fn min_throughput(self, calls: u32) -> Rules {
        self.and(move |c| c.min_throughput = Some(calls))
    }

    /// Sets [`Config::slow_call`]. A call that began without a slow limit is not slow, unless
    /// [durations](Config::durations) are kept, because it was not timed.
    pub fn slow_call(self, limit: Duration) -> Rules {
        self.and(move |c| c.slow_call = Some(limit))
    }

    /// Sets [`Config::slow_rate`].
    pub fn slow_rate(self, rate: f64) -> Rules {
        self.and(move |c| c.slow_rate = Some(rate))
    }

    /// Sets [`Config::consecutive_failures`]. If the rule was off, the run starts at zero.
    pub fn consecutive_failures(self, n: u32) -> Rules {
        self.and(move |c| c.consecutive_failures = Some(n))
    }

    /// Sets [`Config::max_in_flight`]. Calls that were admitted without a limit are not counted.
    pub fn max_in_flight(self, calls: u32) -> Rules {
        self.and(move |c| c.max_in_flight = Some(calls))
    }

    /// Switches [`Config::max_in_flight`] off.
    pub fn no_max_in_flight(self) -> Rules {
        self.and(|c| c.max_in_flight = None)
    }

    /// Sets [`Config::failure_count`].
    pub fn failure_count(self, n: u32) -> Rules {
        self.and(move |c| c.failure_count = Some(n))
    }

    /// Sets [`Config::outage`]. If the rule was off, it begins with the next bucket of the window.
    pub fn outage(self, outage: Outage) -> Rules {
        self.and(move |c| c.outage = Some(outage))
    }

    /// Switches `consecutive_failures`, `failure_count`, `failure_rate` and `outage` off. Those set
    /// afterwards are on.
    pub fn no_failure_rules(self) -> Rules {
        self.and(Config::clear_failure_rules)
    }

    /// Sets [`Config::hang`]. If the rule was off, it begins with the next bucket of the window.
    pub fn hang(self, hang: Hang) -> Rules {
        self.and(move |c| c.hang = Some(hang))
    }

    /// Sets [`Config::lenient`]: these kinds of failures count for `weight` of a failure. No kinds switch it off.
    pub fn lenient(self, kinds: impl IntoIterator<Item = FailureKind>, weight: f64) -> Rules {
        let lenient = Lenient::new(kinds, weight);
        self.and(move |c| c.lenient = Some(lenient))
    }

    /// Switches [`Config::hang`] off.
    pub fn no_hang_rule(self) -> Rules {
        self.and(|c| c.hang = None)
    }

    /// Switches `slow_rate` off. Slow calls are still counted, and the `slow_rate` of a round,
    /// which belongs to [`HalfOpen`], is unchanged.
    pub fn no_slow_rules(self) -> Rules {
        self.and(|c| c.slow_rate = None)
    }

    /// Sets [`Config::open_for`], for waits that begin later.
    pub fn open_for(self, backoff: impl Into<Backoff>) -> Rules {
        let backoff = backoff.into();
        self.and(move |c| c.open_for = backoff.clone())
    }

    /// Sets [`Config::half_open`]. A round under way is judged by it from its next probe on.
    pub fn half_open(self, half_open: HalfOpen) -> Rules {
        self.and(move |c| c.half_open = half_open.clone())
    }

    /// Sets [`Config::on_cancel`].
    pub fn on_cancel(self, on_cancel: OnCancel) -> Rules {
        self.and(move |c| c.on_cancel = on_cancel)
    }
}

#[cfg(test)]
mod tests;
