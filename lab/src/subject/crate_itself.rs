//! The crate itself, on its manual clock and through its public API.

use super::{Ended, Outcome as Seen, Setup, Subject};
use crate::dice::{Stream, seed_of};
use crate::time::Nanos;
use std::time::Duration;
use tripcoil::call::OwnedPermit;
use tripcoil::config::Profile;
use tripcoil::{
    Backoff, Breaker, Builder, Config, ConfigError, FailureKind, HalfOpen, ManualClock, Outage,
    Outcome, Window,
};

pub(super) struct Tripcoil {
    breaker: Breaker,
    clock: ManualClock,
    /// What the clock shows.
    shown: Nanos,
}

/// What a new user gets. The slow limit only counts slow calls here: no rule looks at them.
pub(super) fn default(setup: &Setup) -> Result<Tripcoil, ConfigError> {
    Tripcoil::new(Breaker::builder("default"), setup)
}

/// The best compromise that we found for the shapes of the lab, with the rules by count, rate and
/// run. Other settings are better in one shape and worse in another:
///
/// - 40 failures in a row see a total outage within 40 calls. Fewer would trip when the 30 calls in
///   flight of the shape `resets` fail together; at 30 % failures, such a run is one in 10^20 calls.
/// - Half of at least 20 calls in 3 s, failed or slow, see an outage that is not total. With 2 s, a
///   client that stops for 2 s finds a window of nothing but timeouts (`gc`); with 5 s, `slow` is
///   seen twice as late.
/// - The first wait is half a second, so that a false opening costs little. Waits grow by a fifth up
///   to 2 s: a long outage is then probed every other second, and its end is seen within 2 s.
/// - Three probes in a row, one at a time: a dependency of which 70 % fail is hardly ever closed. A
///   round whose probes are lost ends after 2 s.
pub(super) fn tuned(setup: &Setup) -> Result<Tripcoil, ConfigError> {
    let waits = Backoff::exponential(Duration::from_millis(500), 1.2)
        .max(Duration::from_secs(2))
        .jitter(0.2)
        .reset_after(Duration::from_secs(5))
        .seed(seed_of(setup.seed, Stream::Subject));
    let round = HalfOpen::successes(3).probe_timeout(Duration::from_secs(2));
    let builder = Breaker::builder("tuned")
        .window(Window::time(Duration::from_secs(3)).buckets(10))
        .consecutive_failures(40)
        .failure_rate(0.5)
        .slow_rate(0.5)
        .min_throughput(20)
        .open_for(waits)
        .half_open(round);
    Tripcoil::new(builder, setup)
}

/// As a user has it who sets one more thing: the slow limit.
pub(super) fn adaptive(setup: &Setup) -> Result<Tripcoil, ConfigError> {
    let slow = Duration::from_nanos(setup.slow);
    Tripcoil::of(bare(setup).slow_call(slow))
}

/// As a user has it who sets nothing. (Theta is the shape's, and the seed makes a day repeatable.)
pub(super) fn adaptive_bare(setup: &Setup) -> Result<Tripcoil, ConfigError> {
    Tripcoil::of(bare(setup))
}

fn bare(setup: &Setup) -> Builder {
    Breaker::adaptive("adaptive")
        .outage(Outage::at(setup.theta))
        .open_for(Backoff::adaptive().seed(seed_of(setup.seed, Stream::Subject)))
}

/// A profile as a user has it who sets nothing else, with its own theta and slow limit. (The seed makes a day
/// repeatable.)
pub(super) fn profile(profile: Profile, setup: &Setup) -> Result<Tripcoil, ConfigError> {
    let config = Config::profile(profile);
    let waits = config.open_for.clone();
    let seed = seed_of(setup.seed, Stream::Subject);
    Tripcoil::of(Breaker::profile(profile.name(), profile).open_for(waits.seed(seed)))
}

impl Tripcoil {
    pub(super) fn new(builder: Builder, setup: &Setup) -> Result<Tripcoil, ConfigError> {
        Tripcoil::of(builder.slow_call(Duration::from_nanos(setup.slow)))
    }

    fn of(builder: Builder) -> Result<Tripcoil, ConfigError> {
        let clock = ManualClock::new();
        let breaker = builder.clock(&clock).build()?;
        Ok(Tripcoil {
            breaker,
            clock,
            shown: 0,
        })
    }

    fn show(&mut self, now: Nanos) {
        if now > self.shown {
            self.clock.advance(Duration::from_nanos(now - self.shown));
            self.shown = now;
        }
    }
}

impl Subject for Tripcoil {
    type Permit = OwnedPermit;

    fn admit(&mut self, now: Nanos) -> Option<OwnedPermit> {
        self.show(now);
        self.breaker.try_acquire_owned().ok()
    }

    fn end(&mut self, now: Nanos, permit: OwnedPermit, ended: Ended) {
        self.show(now);
        // the breaker measures by its own clock how long the call lasted
        permit.record(match ended.outcome {
            Seen::Success => Outcome::Success,
            Seen::Failure => Outcome::Failure(FailureKind::Server),
            Seen::Timeout => Outcome::Failure(FailureKind::Timeout),
            Seen::Reset => Outcome::Failure(FailureKind::Connect),
            Seen::Ignored => Outcome::Ignored,
        });
    }
}
