//! The builder.

use crate::classify::classifier::ErrIsFailure;
use crate::clock::Clock;
use crate::config::backoff::Backoff;
use crate::config::settings::{Config, HalfOpen, OnCancel, Window};
use crate::config::validate::Begins;
use crate::error::ConfigError;
use crate::handles::breaker::{Breaker, assemble};
use crate::handles::controller::Controller;
use crate::words::outcome::State;
#[cfg(feature = "serde")]
use crate::{
    handles::breaker::assemble_from,
    saved::{restore::Beginning, value::Saved},
};
use alloc::string::String;
use core::fmt;
use core::time::Duration;
#[cfg(feature = "serde")]
use std::time::SystemTime;

/// Collects the settings of a breaker; see [`Config`] for their ranges and defaults.
///
/// Naming a failure rule (`failure_rate`, `consecutive_failures`, `failure_count`) replaces the
/// default ones: what is not named is off. `slow_rate` only adds.
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
#[must_use = "a builder builds nothing until it is told to"]
pub struct Builder<C = ErrIsFailure> {
    name: String,
    config: Config,
    /// A failure rule has been named, so the default ones are off.
    rules_named: bool,
    classifier: C,
    #[cfg(feature = "serde")]
    beginning: Option<Beginning>,
}

impl Breaker {
    /// Begin with the defaults. The name is for those who observe the breaker.
    pub fn builder(name: impl Into<String>) -> Builder {
        Builder {
            name: name.into(),
            config: Config::default(),
            rules_named: false,
            classifier: ErrIsFailure,
            #[cfg(feature = "serde")]
            beginning: None,
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
    /// All settings at once, its rules as named ones.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self.rules_named = true;
        self
    }

    fn naming_a_rule(mut self) -> Self {
        if !self.rules_named {
            self.config.clear_failure_rules();
            self.rules_named = true;
        }
        self
    }

    /// The outcomes that the rules look at.
    pub fn window(mut self, window: Window) -> Self {
        self.config.window = window;
        self
    }

    /// Trip when this part of the window's calls failed.
    pub fn failure_rate(self, rate: f64) -> Self {
        let mut this = self.naming_a_rule();
        this.config.failure_rate = Some(rate);
        this
    }

    /// Calls that the window must hold for the rates to be judged.
    pub fn min_throughput(mut self, calls: u32) -> Self {
        self.config.min_throughput = Some(calls);
        self
    }

    /// A call that lasts longer is slow.
    pub fn slow_call(mut self, limit: Duration) -> Self {
        self.config.slow_call = Some(limit);
        self
    }

    /// Trip when this part of the window's calls was slow.
    pub fn slow_rate(mut self, rate: f64) -> Self {
        self.config.slow_rate = Some(rate);
        self
    }

    /// Trips at so many failures in a row, at least 1. A run is over where a time window holds no
    /// failure any more; with a count window it has no age.
    pub fn consecutive_failures(self, n: u32) -> Self {
        let mut this = self.naming_a_rule();
        this.config.consecutive_failures = Some(n);
        this
    }

    /// Trip at so many failures in the window.
    pub fn failure_count(self, n: u32) -> Self {
        let mut this = self.naming_a_rule();
        this.config.failure_count = Some(n);
        this
    }

    /// No failure rule at all, for a breaker on slow calls alone; those named afterwards are on.
    pub fn no_failure_rules(mut self) -> Self {
        self.config.clear_failure_rules();
        self.rules_named = true;
        self
    }

    /// How long Open lasts: a [`Backoff`], or a `Duration` for always the same.
    pub fn open_for(mut self, backoff: impl Into<Backoff>) -> Self {
        self.config.open_for = backoff.into();
        self
    }

    /// How half-open decides.
    pub fn half_open(mut self, half_open: HalfOpen) -> Self {
        self.config.half_open = half_open;
        self
    }

    /// The clock: a [`Clock`], or a [`ManualClock`](crate::ManualClock).
    pub fn clock(mut self, clock: impl Into<Clock>) -> Self {
        self.config.clock = clock.into();
        self
    }

    /// What a dropped permit is.
    pub fn on_cancel(mut self, on_cancel: OnCancel) -> Self {
        self.config.on_cancel = on_cancel;
        self
    }

    /// Keep a histogram of the calls' durations: [`Snapshot::durations`](crate::Snapshot::durations).
    pub fn durations(mut self, kept: bool) -> Self {
        self.config.durations = kept;
        self
    }

    /// The transitions that [`Observer::history`](crate::Observer::history) reads back: 1 to 65 536, 4
    /// unless named.
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

    /// The state to begin in. It makes no event; half-open begins an untouched round, open has
    /// opened once. An override needs a controller:
    /// [`build_with_controller`](Self::build_with_controller).
    pub fn initial_state(mut self, state: State) -> Self {
        self.config.initial_state = state;
        self
    }

    /// What a result is to the breaker; unless you say, `Err` is a failure and `Ok` a success. See
    /// [`Classify`](crate::Classify).
    pub fn classifier<D>(self, classifier: D) -> Builder<D> {
        Builder {
            name: self.name,
            config: self.config,
            rules_named: self.rules_named,
            classifier,
            #[cfg(feature = "serde")]
            beginning: self.beginning,
        }
    }

    /// Go on from the state that an earlier breaker of the same name had: `Saved`, or what
    /// [`FileStore::load`](crate::FileStore::load) gave, or `None` to start fresh.
    ///
    /// It takes precedence over [`initial_state`](Self::initial_state), and makes no event.
    ///
    /// - `Closed` and `ObserveOnly` begin with the window as far as it is still live, and with the run
    ///   of failures, unless the window of time holds no failure any more.
    /// - `Open` is open for what is left of its wait by the wall clock. If nothing is, the next call
    ///   is a probe.
    /// - `HalfOpen` goes on with what the round has counted. The probes that were out are gone.
    /// - `ForcedOpen` and `Disabled` stand, until the controller ends them; [`build`](Self::build), which
    ///   gives none, refuses them and `ObserveOnly`.
    /// - Totals, generation and the openings that the backoff counts go on.
    ///
    /// The state of a breaker of another name is refused, and this one starts fresh. What came of it
    /// is told by [`Controller::restored`].
    #[cfg(feature = "serde")]
    pub fn restore(mut self, saved: impl Into<Option<Saved>>) -> Self {
        self.beginning = saved.into().map(|saved| Beginning { saved, at: None });
        self
    }

    /// The same, by a wall clock of your own: for tests and replays.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use tripcoil::{Age, Breaker, ManualClock};
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
    #[cfg(feature = "serde")]
    pub fn restore_at(mut self, saved: Saved, now: SystemTime) -> Self {
        self.beginning = Some(Beginning {
            saved,
            at: Some(now),
        });
        self
    }

    /// The breaker alone; nobody will ever change its state or rules by hand.
    ///
    /// # Errors
    ///
    /// Every problem of the configuration at once; see [`Config::validate`]. And an override (forced open,
    /// disabled, observe-only) with which the breaker would begin, initial or restored: without a
    /// controller it could not be ended.
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
        self.assembled(alone).map(|(breaker, _)| breaker)
    }

    fn begins(&self) -> Begins {
        #[cfg(feature = "serde")]
        if let Some(beginning) = &self.beginning
            // that of another breaker is refused
            && beginning.saved.name() == self.name
        {
            return Begins::Restored(beginning.saved.state());
        }
        Begins::Initial
    }

    /// The breaker, and the handle that changes its state and rules.
    ///
    /// # Errors
    ///
    /// Every problem of the configuration at once; see [`Config::validate`].
    pub fn build_with_controller(self) -> Result<(Breaker<C>, Controller), ConfigError> {
        self.assembled(None)
    }

    fn assembled(self, alone: Option<Begins>) -> Result<(Breaker<C>, Controller), ConfigError> {
        #[cfg(feature = "serde")]
        if let Some(beginning) = self.beginning {
            return assemble_from(self.name, self.config, self.classifier, beginning, alone);
        }
        assemble(self.name, self.config, self.classifier, alone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    type FailureRules = (Option<u32>, Option<u32>, Option<f64>);

    fn rules(builder: &Builder) -> FailureRules {
        let c = &builder.config;
        (c.consecutive_failures, c.failure_count, c.failure_rate)
    }

    fn builder() -> Builder {
        Breaker::builder("built")
    }

    #[test]
    fn the_first_failure_rule_named_replaces_the_default_ones() {
        assert_eq!(rules(&builder()), (Some(5), None, Some(0.5)));
        let run = builder().consecutive_failures(3);
        assert_eq!(rules(&run), (Some(3), None, None));
        assert_eq!(rules(&run.failure_count(9)), (Some(3), Some(9), None));
        assert_eq!(rules(&builder().failure_rate(0.1)), (None, None, Some(0.1)));
        assert_eq!(rules(&builder().failure_count(4)), (None, Some(4), None));
    }

    #[test]
    fn other_settings_leave_the_default_failure_rules() {
        let other = builder()
            .min_throughput(9)
            .slow_call(Duration::from_secs(1))
            .slow_rate(0.5);
        assert_eq!(rules(&other), (Some(5), None, Some(0.5)));
        assert_eq!(rules(&other.failure_rate(0.2)), (None, None, Some(0.2)));
    }

    #[test]
    fn none_is_none_until_one_is_named() {
        let none = builder().failure_rate(0.3).no_failure_rules();
        assert_eq!(rules(&none), (None, None, None));
        assert_eq!(rules(&none.failure_count(2)), (None, Some(2), None));
    }

    #[test]
    fn the_rules_of_a_config_count_as_named() {
        let config = Config {
            failure_count: Some(7),
            ..Config::default()
        };
        let from = builder().failure_rate(0.9).config(config);
        assert_eq!(rules(&from), (Some(5), Some(7), Some(0.5)));
        let changed = from.failure_rate(0.2);
        assert_eq!(rules(&changed), (Some(5), Some(7), Some(0.2)));
    }

    #[test]
    fn a_classifier_keeps_what_was_named_before() {
        let named = builder()
            .failure_count(4)
            .classifier(|_: &Result<u8, u8>| crate::words::outcome::Outcome::Success);
        let named = named.consecutive_failures(2);
        assert_eq!(named.config.failure_count, Some(4));
        assert_eq!(named.config.consecutive_failures, Some(2));
        assert_eq!(named.config.failure_rate, None);
    }

    #[test]
    fn every_setting_arrives() {
        let clock = ManualClock::new();
        clock.advance(Duration::from_secs(7));
        let wait = Duration::from_secs(3);
        let set = builder()
            .window(Window::count(12))
            .open_for(wait)
            .half_open(HalfOpen::successes(9))
            .clock(&clock)
            .on_cancel(OnCancel::Failure)
            .initial_state(State::Disabled);
        let config = &set.config;
        assert_eq!(config.window, Window::count(12));
        assert_eq!(config.open_for, Backoff::constant(wait));
        assert_eq!(config.half_open, HalfOpen::successes(9));
        assert_eq!(config.clock.nanos(), 7_000_000_000);
        assert_eq!(config.on_cancel, OnCancel::Failure);
        assert_eq!(config.initial_state, State::Disabled);
    }

    #[test]
    fn what_is_wrong_is_told_when_it_is_built() {
        let built = builder()
            .clock(ManualClock::new())
            .failure_rate(2.0)
            .build();
        let field = built.err().map(|error| error.problems()[0].field);
        assert_eq!(field, Some("failure_rate"));
    }
}
