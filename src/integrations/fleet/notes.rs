//! What an agent says in events.

use super::word::Word;
#[cfg(feature = "tracing")]
use crate::error::caught::caught;
#[cfg(feature = "tracing")]
use crate::integrations::tracing::Destination;

/// Something that has happened.
#[cfg_attr(not(feature = "tracing"), allow(dead_code, reason = "it is not said"))]
pub(super) enum Note<'a> {
    /// The store answers, after so many milliseconds in which it did not.
    Up(u64),
    /// It does not, for that reason, in short and in full.
    Down(&'static str, &'a str),
    /// The verdict is down or up, by so many votes.
    Verdict(bool, u64),
    /// Peers have opened the breaker of that generation.
    Tripped(u64),
    Leased,
    /// What became of the lease.
    Probed(&'static str),
    Word(&'a Word),
    WordEnded,
    /// Another breaker has the name.
    Taken,
}

/// Where events go.
pub(super) struct Notes {
    /// Of where the fleet was built.
    #[cfg(feature = "tracing")]
    destination: Destination,
}

#[cfg(not(feature = "tracing"))]
impl Notes {
    pub(super) fn new() -> Notes {
        Notes {}
    }

    pub(super) fn note(&self, _: &str, _: Option<&str>, _: Note<'_>) {}
}

#[cfg(feature = "tracing")]
impl Notes {
    pub(super) fn new() -> Notes {
        Notes {
            destination: Destination::here(),
        }
    }

    pub(super) fn note(&self, fleet: &str, breaker: Option<&str>, note: Note<'_>) {
        // the subscriber is the user's
        caught(|| self.destination.speak(|| said(fleet, breaker, &note)));
    }
}

#[cfg(feature = "tracing")]
fn said(fleet: &str, breaker: Option<&str>, note: &Note<'_>) {
    use ::tracing::{Level, event, span};
    let warns = match note {
        Note::Down(..) | Note::Verdict(true, _) | Note::Tripped(_) | Note::Taken => true,
        Note::Up(_) | Note::Verdict(false, _) | Note::Leased | Note::Probed(_) => false,
        Note::Word(_) | Note::WordEnded => false,
    };
    // A root of its own: exporters of traces pass over an event outside a span.
    let span = if warns {
        span!(
            target: "tripcoil", parent: None, Level::WARN, "breaker fleet",
            tripcoil.fleet = fleet, tripcoil.breaker = breaker,
        )
    } else {
        span!(
            target: "tripcoil", parent: None, Level::INFO, "breaker fleet",
            tripcoil.fleet = fleet, tripcoil.breaker = breaker,
        )
    };
    let _inside = span.enter();
    match *note {
        Note::Up(down_ms) => event!(
            target: "tripcoil", Level::INFO,
            tripcoil.fleet = fleet,
            tripcoil.down_ms = down_ms,
            "fleet's store is up"
        ),
        Note::Down(reason, error) => event!(
            target: "tripcoil", Level::WARN,
            tripcoil.fleet = fleet,
            tripcoil.reason = reason,
            tripcoil.error = error,
            "fleet's store is down"
        ),
        Note::Verdict(true, votes) => event!(
            target: "tripcoil", Level::WARN,
            tripcoil.fleet = fleet,
            tripcoil.breaker = breaker,
            tripcoil.votes = votes,
            "fleet has found the dependency down"
        ),
        Note::Verdict(false, votes) => event!(
            target: "tripcoil", Level::INFO,
            tripcoil.fleet = fleet,
            tripcoil.breaker = breaker,
            tripcoil.votes = votes,
            "fleet has found the dependency up"
        ),
        Note::Tripped(generation) => event!(
            target: "tripcoil", Level::WARN,
            tripcoil.fleet = fleet,
            tripcoil.breaker = breaker,
            tripcoil.generation = generation,
            "breaker tripped by its fleet"
        ),
        Note::Leased => event!(
            target: "tripcoil", Level::INFO,
            tripcoil.fleet = fleet,
            tripcoil.breaker = breaker,
            "probing for the fleet"
        ),
        Note::Probed(result) => event!(
            target: "tripcoil", Level::INFO,
            tripcoil.fleet = fleet,
            tripcoil.breaker = breaker,
            tripcoil.result = result,
            "probed for the fleet"
        ),
        Note::Word(word) => event!(
            target: "tripcoil", Level::INFO,
            tripcoil.fleet = fleet,
            tripcoil.breaker = breaker,
            tripcoil.action = word.mode.as_str(),
            tripcoil.who = word.who.as_str(),
            tripcoil.why = word.why.as_str(),
            "operator's word applied"
        ),
        Note::WordEnded => event!(
            target: "tripcoil", Level::INFO,
            tripcoil.fleet = fleet,
            tripcoil.breaker = breaker,
            "operator's word ended"
        ),
        Note::Taken => event!(
            target: "tripcoil", Level::WARN,
            tripcoil.fleet = fleet,
            tripcoil.breaker = breaker,
            "name is taken in its fleet"
        ),
    }
}
