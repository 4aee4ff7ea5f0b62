//! A configuration as written: settings that are not given are absent.
//!
//! One table of the settings serves files and the environment, for reading and for writing.

use crate::clock::Clock;
use crate::config::backoff::Backoff;
use crate::config::files::kinds::Kinds;
use crate::config::files::words::{Field, Found, Off, Value, Written};
use crate::config::profile::Profile;
use crate::config::settings::{
    Config, HalfOpen, Hang, Lenient, OnCancel, Outage, Ramp, RecoveryRule, Span, Window,
};
use crate::words::outcome::State;
use alloc::borrow::Cow;
use alloc::format;
use alloc::vec::Vec;
use core::time::Duration;

/// A setting that may be given.
pub(crate) struct Setting<T>(Option<T>);

/// A rule that may be given, or be given as off.
pub(crate) struct Rule<T>(Option<Option<T>>);

impl<T> Default for Setting<T> {
    fn default() -> Setting<T> {
        Setting(None)
    }
}

impl<T> Default for Rule<T> {
    fn default() -> Rule<T> {
        Rule(None)
    }
}

impl<T: Value> Field for Setting<T> {
    fn expects(&self) -> Cow<'static, str> {
        T::IS.into()
    }

    fn put(&mut self, found: Found<'_>) -> Result<(), Cow<'static, str>> {
        self.0 = Some(T::found(found).ok_or_else(|| self.expects())?);
        Ok(())
    }

    fn written(&self) -> Option<Written> {
        self.0.clone().map(T::into)
    }
}

impl<T: Value> Field for Rule<T> {
    fn expects(&self) -> Cow<'static, str> {
        format!("{}, or false to turn it off", T::IS).into()
    }

    fn put(&mut self, found: Found<'_>) -> Result<(), Cow<'static, str>> {
        self.0 = Some(match found {
            Found::Switch(false) | Found::Any("false") => None,
            found => Some(T::found(found).ok_or_else(|| self.expects())?),
        });
        Ok(())
    }

    fn written(&self) -> Option<Written> {
        Some(self.0.clone()?.map_or(Written::Switch(false), T::into))
    }
}

/// Where a setting is: in a group, or outside every group. A setting with an empty name is its
/// group, written as a single value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Key {
    pub(crate) group: &'static str,
    pub(crate) name: &'static str,
}

impl Key {
    /// `open_for.base`
    pub(crate) fn path(&self) -> Cow<'static, str> {
        match (self.group, self.name) {
            ("", name) => name.into(),
            (group, "") => group.into(),
            (group, name) => format!("{group}.{name}").into(),
        }
    }
}

const fn at(group: &'static str, name: &'static str) -> Key {
    Key { group, name }
}

/// What a key refers to.
pub(crate) enum Within<'a> {
    Field(&'a mut dyn Field),
    Group(&'static str),
    /// Not a setting; these exist.
    Nothing(Vec<Key>),
}

#[derive(Default)]
pub(crate) struct Draft {
    profile: Setting<Profile>,
    time: Setting<Duration>,
    buckets: Setting<u32>,
    count: Setting<u32>,
    failure_rate: Rule<f64>,
    min_throughput: Setting<u32>,
    slow_call: Rule<Duration>,
    slow_rate: Rule<f64>,
    consecutive_failures: Rule<u32>,
    failure_count: Rule<u32>,
    outage: Setting<Off>,
    theta: Setting<f64>,
    loss: Setting<f64>,
    hang: Setting<Off>,
    hang_after: Setting<Duration>,
    starts: Setting<u32>,
    lenient: Setting<Off>,
    kinds: Kinds,
    weight: Setting<f64>,
    constant: Setting<Duration>,
    base: Setting<Duration>,
    factor: Setting<f64>,
    max: Setting<Duration>,
    jitter: Setting<f64>,
    reset_after: Setting<Duration>,
    seed: Setting<u64>,
    adaptive: Setting<bool>,
    successes: Setting<u32>,
    of: Setting<u32>,
    round_failure_rate: Setting<f64>,
    round_slow_rate: Setting<f64>,
    max_probes: Setting<u32>,
    probe_timeout: Setting<Duration>,
    ramp: Setting<bool>,
    on_cancel: Setting<OnCancel>,
    max_in_flight: Rule<u32>,
    durations: Setting<bool>,
    history: Setting<u32>,
    clock: Setting<Clock>,
    initial_state: Setting<State>,
}

/// Settings that exclude each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Clash {
    pub(crate) group: &'static str,
    pub(crate) says: &'static str,
}

const OFF_WITH_PARTS: &str = "false and parts are both set, but only one form can be";

impl Draft {
    /// In the order in which they are written.
    pub(crate) fn fields(&mut self) -> [(Key, &mut dyn Field); 40] {
        [
            (at("", "profile"), &mut self.profile),
            (at("window", "time"), &mut self.time),
            (at("window", "buckets"), &mut self.buckets),
            (at("window", "count"), &mut self.count),
            (at("", "failure_rate"), &mut self.failure_rate),
            (at("", "min_throughput"), &mut self.min_throughput),
            (at("", "slow_call"), &mut self.slow_call),
            (at("", "slow_rate"), &mut self.slow_rate),
            (
                at("", "consecutive_failures"),
                &mut self.consecutive_failures,
            ),
            (at("", "failure_count"), &mut self.failure_count),
            (at("outage", ""), &mut self.outage),
            (at("outage", "theta"), &mut self.theta),
            (at("outage", "loss"), &mut self.loss),
            (at("hang", ""), &mut self.hang),
            (at("hang", "after"), &mut self.hang_after),
            (at("hang", "starts"), &mut self.starts),
            (at("lenient", ""), &mut self.lenient),
            (at("lenient", "kinds"), &mut self.kinds),
            (at("lenient", "weight"), &mut self.weight),
            (at("open_for", ""), &mut self.constant),
            (at("open_for", "adaptive"), &mut self.adaptive),
            (at("open_for", "base"), &mut self.base),
            (at("open_for", "factor"), &mut self.factor),
            (at("open_for", "max"), &mut self.max),
            (at("open_for", "jitter"), &mut self.jitter),
            (at("open_for", "reset_after"), &mut self.reset_after),
            (at("open_for", "seed"), &mut self.seed),
            (at("half_open", "successes"), &mut self.successes),
            (at("half_open", "of"), &mut self.of),
            (
                at("half_open", "failure_rate"),
                &mut self.round_failure_rate,
            ),
            (at("half_open", "slow_rate"), &mut self.round_slow_rate),
            (at("half_open", "max_probes"), &mut self.max_probes),
            (at("half_open", "probe_timeout"), &mut self.probe_timeout),
            (at("half_open", "ramp"), &mut self.ramp),
            (at("", "on_cancel"), &mut self.on_cancel),
            (at("", "max_in_flight"), &mut self.max_in_flight),
            (at("", "durations"), &mut self.durations),
            (at("", "history"), &mut self.history),
            (at("", "clock"), &mut self.clock),
            (at("", "initial_state"), &mut self.initial_state),
        ]
    }

    pub(crate) fn field(&mut self, key: Key) -> Option<&mut dyn Field> {
        let mut fields = self.fields().into_iter();
        fields.find(|(p, _)| *p == key).map(|(_, field)| field)
    }

    /// Finds what a key in that group refers to; `""` is outside every group.
    pub(crate) fn find(&mut self, group: &str, key: &str) -> Within<'_> {
        let keys = self.fields().map(|(key, _)| key);
        let about = |p: &&Key| {
            if p.group == group {
                p.name == key && !key.is_empty()
            } else {
                group.is_empty() && p.group == key
            }
        };
        let Some(key) = keys.iter().find(about) else {
            return Within::Nothing(keys.to_vec());
        };
        match self.field(*key).filter(|_| key.group == group) {
            Some(field) => Within::Field(field),
            None => Within::Group(key.group),
        }
    }

    /// Returns the draft of a configuration; `None` if its clock cannot be written.
    pub(crate) fn of(config: &Config) -> Option<Draft> {
        config.clock.name()?;
        let (time, count) = match config.window.span {
            Span::Time(time) => (Some(time), None),
            Span::Count(count) => (None, Some(count)),
        };
        let (successes, of, failure_rate) = match config.half_open.recovery {
            RecoveryRule::Successes(n) => (Some(n), None, None),
            RecoveryRule::Rate { of, failure_rate } => (None, Some(of), Some(failure_rate)),
        };
        let (open_for, half_open) = (&config.open_for, &config.half_open);
        let fixed = !open_for.adaptive;
        Some(Draft {
            // a configuration does not remember it
            profile: Setting(None),
            time: Setting(time),
            buckets: Setting(config.window.buckets),
            count: Setting(count),
            failure_rate: Rule(Some(config.failure_rate)),
            min_throughput: Setting(config.min_throughput),
            slow_call: Rule(Some(config.slow_call)),
            slow_rate: Rule(Some(config.slow_rate)),
            consecutive_failures: Rule(Some(config.consecutive_failures)),
            failure_count: Rule(Some(config.failure_count)),
            outage: Setting(None),
            theta: Setting(config.outage.map(|outage| outage.theta)),
            loss: Setting(config.outage.map(|outage| outage.loss)),
            hang: Setting(None),
            hang_after: Setting(config.hang.map(|hang| hang.after)),
            starts: Setting(config.hang.map(|hang| hang.starts)),
            lenient: Setting(None),
            kinds: Kinds::of(config.lenient),
            weight: Setting(config.lenient.map(|lenient| lenient.weight)),
            constant: Setting(None),
            adaptive: Setting(open_for.adaptive.then_some(true)),
            base: Setting(fixed.then_some(open_for.base)),
            factor: Setting(fixed.then_some(open_for.factor)),
            max: Setting(open_for.max),
            // minus zero is not the default either
            jitter: Setting((fixed || open_for.jitter.to_bits() != 0).then_some(open_for.jitter)),
            reset_after: Setting(
                (fixed || !open_for.reset_after.is_zero()).then_some(open_for.reset_after),
            ),
            seed: Setting(open_for.seed),
            successes: Setting(successes),
            of: Setting(of),
            round_failure_rate: Setting(failure_rate),
            round_slow_rate: Setting(half_open.slow_rate),
            max_probes: Setting(half_open.max_probes),
            probe_timeout: Setting(half_open.probe_timeout),
            ramp: Setting(half_open.ramp.is_some().then_some(true)),
            on_cancel: Setting(Some(config.on_cancel)),
            max_in_flight: Rule(Some(config.max_in_flight)),
            durations: Setting(Some(config.durations)),
            history: Setting(Some(config.history)),
            clock: Setting(Some(config.clock.clone())),
            initial_state: Setting(Some(config.initial_state)),
        })
    }

    /// Returns the configuration. Settings that are not given are those of the profile.
    ///
    /// # Errors
    ///
    /// Returns every group whose settings exclude each other.
    pub(crate) fn config(self) -> Result<Config, Vec<Clash>> {
        let (config, clashes) = self.config_in(None);
        match clashes.is_empty() {
            true => Ok(config),
            false => Err(clashes),
        }
    }

    /// Returns the configuration in that profile, or else in its own, and every group whose settings exclude each
    /// other. Such a group has its default.
    pub(crate) fn config_in(self, profile: Option<Profile>) -> (Config, Vec<Clash>) {
        let profile = Config::profile(profile.or(self.profile.0).unwrap_or_default());
        let mut clashes = Vec::new();
        let config = Config {
            window: agreed(self.window(), &mut clashes),
            outage: agreed(self.outage(&profile), &mut clashes),
            hang: agreed(self.hang(&profile), &mut clashes),
            lenient: agreed(self.lenient(&profile), &mut clashes),
            open_for: agreed(self.open_for(&profile), &mut clashes),
            half_open: agreed(self.half_open(&profile), &mut clashes),
            failure_rate: self.failure_rate.0.unwrap_or(profile.failure_rate),
            min_throughput: self.min_throughput.0.or(profile.min_throughput),
            slow_call: self.slow_call.0.unwrap_or(profile.slow_call),
            slow_rate: self.slow_rate.0.unwrap_or(profile.slow_rate),
            consecutive_failures: self
                .consecutive_failures
                .0
                .unwrap_or(profile.consecutive_failures),
            failure_count: self.failure_count.0.unwrap_or(profile.failure_count),
            on_cancel: self.on_cancel.0.unwrap_or(profile.on_cancel),
            max_in_flight: self.max_in_flight.0.unwrap_or(profile.max_in_flight),
            durations: self.durations.0.unwrap_or(profile.durations),
            history: self.history.0.unwrap_or(profile.history),
            clock: self.clock.0.unwrap_or(profile.clock),
            initial_state: self.initial_state.0.unwrap_or(profile.initial_state),
        };
        (config, clashes)
    }

    fn window(&self) -> Result<Window, Clash> {
        let span = match (self.time.0, self.count.0) {
            (Some(_), Some(_)) => {
                return Err(Clash {
                    group: "window",
                    says: "time and count are both set, but only one of them can be",
                });
            }
            (Some(time), None) => Span::Time(time),
            (None, Some(count)) => Span::Count(count),
            (None, None) => Window::default().span,
        };
        Ok(Window {
            span,
            buckets: self.buckets.0,
        })
    }

    /// On by the profile, or if a part of it is set.
    fn hang(&self, profile: &Config) -> Result<Option<Hang>, Clash> {
        let parts = self.hang_after.0.is_some() || self.starts.0.is_some();
        let of = profile.hang.unwrap_or_default();
        let refined = Hang {
            after: self.hang_after.0.unwrap_or(of.after),
            starts: self.starts.0.unwrap_or(of.starts),
        };
        switched("hang", &self.hang, parts, refined, profile.hang)
    }

    /// On by the profile, or if a part of it is set.
    fn outage(&self, profile: &Config) -> Result<Option<Outage>, Clash> {
        let parts = self.theta.0.is_some() || self.loss.0.is_some();
        let of = profile.outage.unwrap_or_default();
        let refined = Outage {
            theta: self.theta.0.unwrap_or(of.theta),
            loss: self.loss.0.unwrap_or(of.loss),
        };
        switched("outage", &self.outage, parts, refined, profile.outage)
    }

    /// Neither part has a default, so both are needed.
    fn lenient(&self, profile: &Config) -> Result<Option<Lenient>, Clash> {
        let clash = |says| {
            Err(Clash {
                group: "lenient",
                says,
            })
        };
        match (&self.lenient.0, &self.kinds.0, self.weight.0) {
            (None, None, None) => Ok(profile.lenient),
            (None, Some(kinds), Some(weight)) => {
                Ok(Some(Lenient::new(kinds.iter().copied(), weight)))
            }
            (None, ..) => clash("kinds and weight belong together, but only one of them is set"),
            (Some(Off), None, None) => Ok(None),
            (Some(Off), ..) => clash(OFF_WITH_PARTS),
        }
    }

    fn open_for(&self, profile: &Config) -> Result<Backoff, Clash> {
        let clash = |says| Clash {
            group: "open_for",
            says,
        };
        // what an adaptive backoff has not makes it another
        let fixed = [
            self.base.0.is_some(),
            self.factor.0.is_some(),
            self.jitter.0.is_some(),
            self.reset_after.0.is_some(),
        ];
        let stays = profile.open_for.adaptive && !fixed.contains(&true);
        let adaptive = self.adaptive.0.unwrap_or(stays);
        if adaptive && (self.base.0.is_some() || self.factor.0.is_some()) {
            return Err(clash(
                "adaptive is set beside base or factor, but an adaptive backoff has neither",
            ));
        }
        let default = match adaptive {
            same if same == profile.open_for.adaptive => profile.open_for.clone(),
            true => Backoff::adaptive(),
            false => Backoff::default(),
        };
        let backoff = Backoff {
            adaptive,
            base: self.base.0.unwrap_or(default.base),
            factor: self.factor.0.unwrap_or(default.factor),
            max: self.max.0.or(default.max),
            jitter: self.jitter.0.unwrap_or(default.jitter),
            reset_after: self.reset_after.0.unwrap_or(default.reset_after),
            seed: self.seed.0.or(default.seed),
        };
        // a part that is set to its default is set too
        let parts = [
            self.base.0.is_some(),
            self.factor.0.is_some(),
            self.max.0.is_some(),
            self.jitter.0.is_some(),
            self.reset_after.0.is_some(),
            self.seed.0.is_some(),
            self.adaptive.0.is_some(),
        ];
        match self.constant.0 {
            None => Ok(backoff),
            Some(wait) if !parts.contains(&true) => Ok(Backoff::constant(wait)),
            Some(_) => Err(clash(
                "a single duration and parts of a backoff are both set, but only one form can be",
            )),
        }
    }

    fn half_open(&self, profile: &Config) -> Result<HalfOpen, Clash> {
        let clash = |says| Clash {
            group: "half_open",
            says,
        };
        let default = &profile.half_open;
        let recovery = match (self.successes.0, self.of.0, self.round_failure_rate.0) {
            (None, None, None) => default.recovery,
            (Some(n), None, None) => RecoveryRule::Successes(n),
            (None, Some(of), Some(failure_rate)) => RecoveryRule::Rate { of, failure_rate },
            (None, ..) => {
                return Err(clash(
                    "of and failure_rate belong together, but only one of them is set",
                ));
            }
            (Some(_), ..) => {
                return Err(clash(
                    "successes is set beside of or failure_rate, but only one kind of round can be",
                ));
            }
        };
        Ok(HalfOpen {
            recovery,
            max_probes: self.max_probes.0.or(default.max_probes),
            probe_timeout: self.probe_timeout.0.or(default.probe_timeout),
            slow_rate: self.round_slow_rate.0.or(default.slow_rate),
            ramp: match self.ramp.0 {
                Some(on) => on.then(Ramp::new),
                None => default.ramp,
            },
        })
    }
}

/// Returns the group. For one that clashes, its default will do.
fn agreed<T: Default>(group: Result<T, Clash>, clashes: &mut Vec<Clash>) -> T {
    group.unwrap_or_else(|clash| {
        clashes.push(clash);
        T::default()
    })
}

/// A rule that is switched off, refined by its parts, or as it is in the profile.
fn switched<T>(
    group: &'static str,
    off: &Setting<Off>,
    parts: bool,
    refined: T,
    profile: Option<T>,
) -> Result<Option<T>, Clash> {
    match (&off.0, parts) {
        (None, false) => Ok(profile),
        (None, true) => Ok(Some(refined)),
        (Some(Off), false) => Ok(None),
        (Some(Off), true) => Err(Clash {
            group,
            says: OFF_WITH_PARTS,
        }),
    }
}
