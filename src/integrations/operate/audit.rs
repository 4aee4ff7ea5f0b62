//! What is logged of switches (feature `tracing`): events of the target `tripcoil`.

#[cfg(feature = "fleet")]
use crate::fleet::Word;
use crate::integrations::operate::access::{Asked, Who};
use crate::integrations::operate::answer::Refusal;
use crate::integrations::operate::done::Done;
#[cfg(feature = "tracing")]
use ::tracing::{Level, event};

/// One event for each request that was carried out, whether or not it has changed anything.
#[cfg(feature = "tracing")]
pub(super) fn done(done: &Done) {
    let (from, to) = match &done.settings {
        Some((from, to)) => (Some(from.to_string()), Some(to.to_string())),
        None => (None, None),
    };
    event!(
        target: "tripcoil",
        Level::INFO,
        tripcoil.breaker = done.name,
        tripcoil.action = done.action,
        tripcoil.who = done.who,
        tripcoil.changed = done.changed,
        tripcoil.state = done.state.as_str(),
        tripcoil.settings_from = from,
        tripcoil.settings_to = to,
        "breaker switched by an operator"
    );
}

/// One event for each word to a fleet.
#[cfg(all(feature = "fleet", feature = "tracing"))]
pub(super) fn said(fleet: &str, word: &Word) {
    event!(
        target: "tripcoil",
        Level::INFO,
        tripcoil.fleet = fleet,
        tripcoil.breaker = word.breaker,
        tripcoil.action = word.mode.as_str(),
        tripcoil.who = word.who,
        tripcoil.why = word.why,
        tripcoil.for_seconds = word.left.map(|left| left.as_secs_f64()),
        "fleet's word said by an operator"
    );
}

#[cfg(all(feature = "fleet", not(feature = "tracing")))]
pub(super) fn said(_: &str, _: &Word) {}

/// One event for each word to a fleet of which the store has not said whether it is said.
#[cfg(all(feature = "fleet", feature = "tracing"))]
pub(super) fn unanswered(fleet: &str, word: &Word, refusal: &Refusal) {
    event!(
        target: "tripcoil",
        Level::WARN,
        tripcoil.fleet = fleet,
        tripcoil.breaker = word.breaker,
        tripcoil.action = word.mode.as_str(),
        tripcoil.who = word.who,
        tripcoil.why = word.why,
        tripcoil.for_seconds = word.left.map(|left| left.as_secs_f64()),
        tripcoil.status = refusal.status().as_u16(),
        tripcoil.error = refusal.error(),
        "fleet's word may have been said by an operator"
    );
}

#[cfg(all(feature = "fleet", not(feature = "tracing")))]
pub(super) fn unanswered(_: &str, _: &Word, _: &Refusal) {}

/// Keeps a task in the span of the request.
#[cfg(all(feature = "fleet", feature = "tracing"))]
pub(super) fn in_span<F: Future>(task: F) -> impl Future<Output = F::Output> {
    ::tracing::Instrument::in_current_span(task)
}

#[cfg(all(feature = "fleet", not(feature = "tracing")))]
pub(super) fn in_span<F: Future>(task: F) -> F {
    task
}

/// One event for each request that the user's check has let pass, and that was refused all the same.
#[cfg(feature = "tracing")]
pub(super) fn refused(asked: &Asked, fleet: Option<&str>, who: &Who, refusal: &Refusal) {
    event!(
        target: "tripcoil",
        Level::WARN,
        tripcoil.fleet = fleet,
        tripcoil.breaker = asked.breaker,
        tripcoil.action = asked.action.as_str(),
        tripcoil.who = who.as_str(),
        tripcoil.status = refusal.status().as_u16(),
        tripcoil.error = refusal.error(),
        "operator's request refused"
    );
}

#[cfg(not(feature = "tracing"))]
pub(super) fn done(_: &Done) {}

#[cfg(not(feature = "tracing"))]
pub(super) fn refused(_: &Asked, _: Option<&str>, _: &Who, _: &Refusal) {}
