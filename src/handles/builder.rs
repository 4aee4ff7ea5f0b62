//! The builder.

use crate::classify::classifier::ErrIsFailure;
use crate::clock::Clock;
use crate::config::backoff::Backoff;
use crate::config::profile::Profile;
use crate::config::settings::{Config, HalfOpen, Hang, Lenient, OnCancel, Outage, Window};
use crate::config::validate::Begins;
use crate::engine::bound::Bound;
use crate::error::ConfigError;
use crate::handles::breaker::{Breaker, assemble};
use crate::handles::controller::Controller;
use crate::words::outcome::{FailureKind, State};
#[cfg(feature = "persist")]
use crate::{
    handles::breaker::assemble_from,
    saved::{restore::Beginning, value::Saved},
};
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;
#[cfg(feature = "persist")]
use std::time::SystemTime;

/// Collects the settings of a breaker; see [`Config`] for their ranges and defaults.
///
/// Setting a failure rule (`failure_rate`, `consecutive_failures`, `failure_count` or `outage`) replaces
/// the default failure rules: the ones you do not set are off. `slow_rate` only adds a rule.
///
/// ```
/// use tripcoil::{Breaker, State};
///
/// let (breaker, controller) = Breaker::builder("search")
///     .failure_rate(0.3) // and no other failure rule
///     .min_throughput(100)
///     .initial_state(State::ObserveOnly) // a dry run, until the controller releases it
///     .build_with_controller()?;
/// assert_eq!(breaker.state(), State::ObserveOnly);
/// # Ok::<(), tripcoil::ConfigError>(())
/// ```
#[derive(Clone)]
#[must_use = "a builder builds nothing until `build` is called"]
pub struct Builder<C = ErrIsFailure> {
    name: String,
    config: Config,
    /// Whether a failure rule was set, which switches the default ones off.
    rules_named: bool,
    classifier: C,
    #[cfg(feature = "persist")]
    beginning: Option<Beginning>,
}

impl Breaker {
    /// Returns a builder with the default settings. Observers, events, metrics and error texts show
    /// the name.
    pub fn builder(name: impl Into<String>) -> Builder {
        Builder {
            name: name.into(),
            config: Config::default(),
            rules_named: false,
            classifier: ErrIsFailure,
            #[cfg(feature = "persist")]
            beginning: None,
        }
    }
}

/// The adaptive breaker.
impl Breaker {
    /// Returns a builder with the adaptive rules, and without the default failure rules. It is what a dependency gets
    /// whose failures are still unknown.
    ///
    /// - It trips on evidence of an [outage](Outage) that half of the calls are bad, and when they [hang](Hang).
    /// - It waits as long as the outage [suggests](Backoff::adaptive): a quarter of a second at first.
    /// - Three probes have to succeed, one at a time, and a [ramp](crate::Ramp) follows.
    ///
    /// One setting is worth a thought, and one more is worth having. `outage` takes the rate of bad calls from which
    /// on the dependency is not worth calling. With `slow_call` a call that takes too long is as bad as a failed one.
    ///
    /// If healthy calls usually take more than 2.5 s, set a [`probe_timeout`](crate::HalfOpen::probe_timeout) of more
    /// than twice that.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tripcoil::Breaker;
    ///
    /// let breaker = Breaker::adaptive("payments").slow_call(Duration::from_millis(250)).build()?;
    /// assert!(breaker.try_acquire().is_ok());
    /// # Ok::<(), tripcoil::ConfigError>(())
    /// ```
    pub fn adaptive(name: impl Into<String>) -> Builder {
        Breaker::builder(name).config(Config::adaptive())
    }
}

/// Settings by kind of dependency.
impl Breaker {
    /// Returns a builder with the settings of a [`Profile`], and without the default failure rules, unless it is
    /// [`Profile::Default`].
    ///
    /// ```
    /// use tripcoil::config::Profile;
    /// use tripcoil::{Breaker, Outage};
    ///
    /// let breaker = Breaker::profile("orders", Profile::Database).outage(Outage::at(0.3)).build()?;
    /// assert!(breaker.try_acquire().is_ok());
    /// # Ok::<(), tripcoil::ConfigError>(())
    /// ```
    pub fn profile(name: impl Into<String>, profile: Profile) -> Builder {
        let builder = Breaker::builder(name);
        match profile {
            Profile::Default => builder,
            other => builder.config(Config::profile(other)),
        }
    }
}

impl<C> fmt::Debug for Builder<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("name", &self.name)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl<C> Builder<C> {
    /// Replaces all settings with those of `config`. Its failure rules count as set.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self.rules_named = true;
        self
    }

    /// Returns the name of the breaker.
    ///
    /// ```
    /// assert_eq!(tripcoil::Breaker::builder("search").name(), "search");
    /// ```
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the settings so far.
    ///
    /// ```
    /// use tripcoil::Breaker;
    ///
    /// let builder = Breaker::builder("search").failure_rate(0.3);
    /// assert_eq!(builder.settings().failure_rate, Some(0.3));
    /// assert_eq!(builder.settings().consecutive_failures, None);
    /// ```
    #[must_use]
    pub fn settings(&self) -> &Config {
        &self.config
    }

    fn naming_a_rule(mut self) -> Self {
        if !self.rules_named {
            self.config.clear_failure_rules();
            self.rules_named = true;
        }
        self
    }

    /// Sets which outcomes the trip rules look at.
    pub fn window(mut self, window: Window) -> Self {
        self.config.window = window;
        self
    }

    /// Trips when `failures / calls` in the window reaches `rate`, in `(0, 1]`, once the window
    /// holds [`min_throughput`](Self::min_throughput) calls.
    pub fn failure_rate(self, rate: f64) -> Self {
        let mut this = self.naming_a_rule();
        this.config.failure_rate = Some(rate);
        this
    }

    /// Sets how many calls the window must hold before a rate is judged: at least 1.
    pub fn min_throughput(mut self, calls: u32) -> Self {
        self.config.min_throughput = Some(calls);
        self
    }

    /// Counts a call as slow if it lasts longer than `limit`: above zero, at most 18.3 min.
    pub fn slow_call(mut self, limit: Duration) -> Self {
        self.config.slow_call = Some(limit);
        self
    }

    /// Trips when `slow / calls` in the window reaches `rate`, in `(0, 1]`, once the window holds
    /// [`min_throughput`](Self::min_throughput) calls. Needs [`slow_call`](Self::slow_call).
    pub fn slow_rate(mut self, rate: f64) -> Self {
        self.config.slow_rate = Some(rate);
        self
    }

    /// Trips at `n` failures in a row, 1 to 536,870,911. With a time window, a run ends when the window
    /// no longer holds a failure. With a count window, a run does not age.
    pub fn consecutive_failures(self, n: u32) -> Self {
        let mut this = self.naming_a_rule();
        this.config.consecutive_failures = Some(n);
        this
    }

    /// Trips at `n` failures in the window, at least 1.
    pub fn failure_count(self, n: u32) -> Self {
        let mut this = self.naming_a_rule();
        this.config.failure_count = Some(n);
        this
    }

    /// Trips on evidence that the dependency is not worth calling; see [`Outage`]. Needs a time window.
    pub fn outage(self, outage: Outage) -> Self {
        let mut this = self.naming_a_rule();
        this.config.outage = Some(outage);
        this
    }

    /// Trips when calls begin and none ends; see [`Hang`]. It only adds a rule. Needs a time window.
    pub fn hang(mut self, hang: Hang) -> Self {
        self.config.hang = Some(hang);
        self
    }

    /// Lets these kinds of failures count for `weight` of a failure: 0 to 0.875, a multiple of 0.125; see [`Lenient`]. Needs
    /// a time window. No kinds switch it off.
    pub fn lenient(mut self, kinds: impl IntoIterator<Item = FailureKind>, weight: f64) -> Self {
        self.config.lenient = Some(Lenient::new(kinds, weight));
        self
    }

    /// Limits the calls in flight to `calls`, at least 1: a closed breaker rejects those beyond it.
    ///
    /// Such a [rejection](crate::Rejected) has the state `Closed`, the cause
    /// [`MaxInFlight`](crate::Cause::MaxInFlight) and no `retry_after`, and is counted in
    /// [`Rejections::closed`](crate::observe::Rejections::closed). It is neither a trip rule nor an outcome. A call's place is
    /// free again when the call ends, its permit is dropped, or its future is. A permit that is forgotten keeps it for
    /// ever. Under `Disabled` nothing is limited and nothing counted; under `ObserveOnly`, and of probes, calls are
    /// counted and not limited.
    ///
    /// ```
    /// use tripcoil::{Breaker, Cause, State};
    ///
    /// let breaker = Breaker::builder("db").max_in_flight(1).build()?;
    /// let first = breaker.try_acquire()?;
    /// let rejected = breaker.try_acquire().expect_err("one call is in flight");
    /// assert_eq!((rejected.state(), rejected.cause()), (State::Closed, Some(Cause::MaxInFlight)));
    /// first.success();
    /// assert!(breaker.try_acquire().is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// A limited breaker writes one word that all calls share, twice per call, and reads the clock when a call begins.
    pub fn max_in_flight(mut self, calls: u32) -> Self {
        self.config.max_in_flight = Some(calls);
        self
    }

    /// Switches all failure rules off, for a breaker that trips on slow calls only. Failure rules
    /// set afterwards are on.
    pub fn no_failure_rules(mut self) -> Self {
        self.config.clear_failure_rules();
        self.rules_named = true;
        self
    }

    /// Sets how long the breaker stays open: a [`Backoff`], or a `Duration` for a constant wait.
    pub fn open_for(mut self, backoff: impl Into<Backoff>) -> Self {
        self.config.open_for = backoff.into();
        self
    }

    /// Sets how a round of probes decides.
    pub fn half_open(mut self, half_open: HalfOpen) -> Self {
        self.config.half_open = half_open;
        self
    }

    /// Sets the clock: a [`Clock`], or a [`ManualClock`](crate::ManualClock).
    pub fn clock(mut self, clock: impl Into<Clock>) -> Self {
        self.config.clock = clock.into();
        self
    }

    /// Sets how a cancelled call is counted: one whose permit or future is dropped before it has a
    /// result.
    pub fn on_cancel(mut self, on_cancel: OnCancel) -> Self {
        self.config.on_cancel = on_cancel;
        self
    }

    /// Keeps a histogram of the calls' durations if `kept`: see
    /// [`Snapshot::durations`](crate::Snapshot::durations).
    pub fn durations(mut self, kept: bool) -> Self {
        self.config.durations = kept;
        self
    }

    /// Sets how many transitions [`Observer::history`](crate::Observer::history) returns: 1 to
    /// 65,536, by default 4.
    ///
    /// ```
    /// use tripcoil::Breaker;
    ///
    /// let (breaker, controller) = Breaker::builder("db").history(100).build_with_controller()?;
    /// for _ in 0..3 {
    ///     controller.trip();
    ///     controller.half_open();
    /// }
    /// assert_eq!(breaker.observer().history().len(), 6);
    /// # Ok::<(), tripcoil::ConfigError>(())
    /// ```
    pub fn history(mut self, transitions: u32) -> Self {
        self.config.history = transitions;
        self
    }

    /// Sets the state that the breaker starts in. No event is published for it.
    ///
    /// `HalfOpen` starts with a fresh round, and `Open` counts as the first opening. An override
    /// needs a controller: use [`build_with_controller`](Self::build_with_controller).
    pub fn initial_state(mut self, state: State) -> Self {
        self.config.initial_state = state;
        self
    }

    /// Sets what a result means to the breaker. By default an `Err` is a failure and an `Ok` is a
    /// success. See [`Classify`](crate::Classify).
    pub fn classifier<D>(self, classifier: D) -> Builder<D> {
        Builder {
            name: self.name,
            config: self.config,
            rules_named: self.rules_named,
            classifier,
            #[cfg(feature = "persist")]
            beginning: self.beginning,
        }
    }

    /// Continues from the state of an earlier breaker with the same name: a `Saved`, the result of
    /// [`FileStore::load`](crate::saved::FileStore::load), or `None` to start fresh.
    ///
    /// The saved state takes precedence over [`initial_state`](Self::initial_state). No event is
    /// published for it.
    ///
    /// - `Closed` and `ObserveOnly` keep the part of the window that is still live. They keep the
    ///   run of failures if a time window still holds a failure; a count window always keeps it.
    /// - `Open` lasts for the rest of its wait, by the wall clock. If the wait is over, the next
    ///   call is a probe.
    /// - `HalfOpen` keeps the results of the round. Probes that were in flight are gone.
    /// - `ForcedOpen` and `Disabled` last until the controller ends them. [`build`](Self::build)
    ///   returns no controller, so it refuses them, and `ObserveOnly` too.
    /// - Totals, the generation and the number of openings that the backoff counts continue.
    ///
    /// A state saved by a breaker of another name is refused, and this breaker starts fresh.
    /// [`Controller::restored`] returns what was restored, or why it was refused.
    #[cfg(feature = "persist")]
    pub fn restore(mut self, saved: impl Into<Option<Saved>>) -> Self {
        self.beginning = saved.into().map(|saved| Beginning { saved, at: None });
        self
    }

    /// Restores as [`restore`](Self::restore) does, at the wall-clock time `now`: for tests and
    /// replays.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use tripcoil::saved::Age;
    /// use tripcoil::{Breaker, ManualClock};
    ///
    /// let clock = ManualClock::new();
    /// let (_, controller) = Breaker::builder("db").clock(&clock).build_with_controller()?;
    /// controller.trip_for(Duration::from_secs(30));
    /// let then = SystemTime::UNIX_EPOCH;
    /// let saved = controller.save_at(then);
    ///
    /// let later = Breaker::builder("db").clock(&clock).restore_at(saved, then + Duration::from_secs(20));
    /// let (breaker, controller) = later.build_with_controller()?;
    /// let rejected = breaker.try_acquire().expect_err("open");
    /// assert_eq!(rejected.retry_after(), Some(Duration::from_secs(10)));
    /// let restored = controller.restored().expect("one was given")?;
    /// assert_eq!(restored.age, Age::Of(Duration::from_secs(20)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "persist")]
    pub fn restore_at(mut self, saved: Saved, now: SystemTime) -> Self {
        self.beginning = Some(Beginning {
            saved,
            at: Some(now),
        });
        self
    }

    /// Builds the breaker without a controller: its state and rules can never be changed by hand.
    ///
    /// # Errors
    ///
    /// Returns every problem of the configuration at once; see [`Config::validate`]. It also
    /// refuses an initial or restored override (`ForcedOpen`, `Disabled`, `ObserveOnly`), because
    /// only a controller can end one.
    ///
    /// ```
    /// use tripcoil::{Breaker, State};
    ///
    /// let builder = Breaker::builder("payments").initial_state(State::ForcedOpen);
    /// let error = builder.clone().build().err().ok_or("refused")?;
    /// assert_eq!(error.problems()[0].field, "initial_state");
    /// let (breaker, controller) = builder.build_with_controller()?;
    /// assert!(controller.release());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn build(self) -> Result<Breaker<C>, ConfigError> {
        let alone = Some(self.begins());
        self.assembled(alone, None).map(|(breaker, _)| breaker)
    }

    fn begins(&self) -> Begins {
        #[cfg(feature = "persist")]
        if let Some(beginning) = &self.beginning
            // that of another breaker is refused
            && beginning.saved.name() == self.name
        {
            return Begins::Restored(beginning.saved.state());
        }
        Begins::Initial
    }

    /// Builds the breaker, and the handle that changes its state and rules.
    ///
    /// # Errors
    ///
    /// Returns every problem of the configuration at once; see [`Config::validate`].
    pub fn build_with_controller(self) -> Result<(Breaker<C>, Controller), ConfigError> {
        self.assembled(None, None)
    }

    /// Builds a breaker of a registry, under its bound if there is one.
    #[cfg(feature = "registry")]
    pub(crate) fn build_under(
        self,
        bound: Option<Arc<Bound>>,
    ) -> Result<(Breaker<C>, Controller), ConfigError> {
        self.assembled(None, bound)
    }

    fn assembled(
        self,
        alone: Option<Begins>,
        bound: Option<Arc<Bound>>,
    ) -> Result<(Breaker<C>, Controller), ConfigError> {
        #[cfg(feature = "persist")]
        if let Some(beginning) = self.beginning {
            return assemble_from(
                self.name,
                self.config,
                self.classifier,
                beginning,
                alone,
                bound,
            );
        }
        assemble(self.name, self.config, self.classifier, alone, bound)
    }
}

#[cfg(test)]
mod tests;
