//! Compares the `Retry-After` of each rejection with the rest of the breaker's wait.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tripcoil::http::rejected_response;
use tripcoil::{Observer, Rejected, State, Transition};

/// The rejections so far. Clones share them.
#[derive(Clone)]
pub(crate) struct Rejections {
    observer: Observer,
    /// The start of the breaker's clock.
    begun: Instant,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    /// How many rejections had that header.
    by_header: BTreeMap<Option<u64>, u64>,
    compared: u64,
    wrong: Vec<String>,
}

/// The moment before a call.
pub(crate) struct Before {
    latest: Option<Transition>,
    at: Duration,
}

impl Rejections {
    pub(crate) fn new(observer: Observer, begun: Instant) -> Rejections {
        Rejections {
            observer,
            begun,
            seen: Arc::default(),
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn before(&self) -> Before {
        Before {
            latest: self.observer.history().last().copied(),
            at: self.begun.elapsed(),
        }
    }

    /// Compares the rejection of a call with what it must be between the moment before the call and now.
    pub(crate) fn compare(&self, before: &Before, rejected: &Rejected) {
        let answer = rejected_response::<()>(rejected);
        let header = answer.headers().get("retry-after").map(|value| {
            let seconds = value.to_str().unwrap_or_default();
            seconds.parse::<u64>().unwrap_or(u64::MAX)
        });
        let after = self.before();
        let mut seen = self.seen();
        *seen.by_header.entry(header).or_default() += 1;
        if answer.status() != 503 || header.is_some() != (rejected.state() == State::Open) {
            seen.wrong.push(format!("{rejected:?}: {answer:?}"));
        }
        // The wait is known where one opening has lasted from before the call until now.
        let (Some(opening), Some(now)) = (before.latest, after.latest) else {
            return;
        };
        if opening != now || opening.to != State::Open {
            return;
        }
        let (Some(until), Some(header)) = (opening.open_until, header) else {
            seen.wrong.push(format!("{opening:?}: {answer:?}"));
            return;
        };
        let right = rounded_up(until, after.at)..=rounded_up(until, before.at);
        seen.compared += 1;
        if !right.contains(&header) {
            seen.wrong
                .push(format!("Retry-After is {header}, and must be in {right:?}"));
        }
    }

    /// Whether there were rejections with each of these waits in seconds.
    pub(crate) fn have_all(&self, mut seconds: RangeInclusive<u64>) -> bool {
        let seen = self.seen();
        seconds.all(|wait| seen.by_header.contains_key(&Some(wait)))
    }

    pub(crate) fn check(&self) -> Result<(), String> {
        let seen = self.seen();
        match seen.wrong.first() {
            Some(first) => Err(format!(
                "{} rejections are wrong: {first}",
                seen.wrong.len()
            )),
            None if seen.compared == 0 => Err("no rejection could be compared".into()),
            None => Ok(()),
        }
    }
}

/// The rest of the wait in whole seconds, as `Retry-After` has it.
fn rounded_up(until: Duration, now: Duration) -> u64 {
    let rest = until.saturating_sub(now);
    rest.as_secs() + u64::from(rest.subsec_nanos() > 0)
}

impl fmt::Display for Rejections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seen = self.seen();
        writeln!(f, "\nRetry-After   rejections")?;
        for (header, count) in &seen.by_header {
            match header {
                Some(seconds) => writeln!(f, "{seconds:>9} s   {count:>10}")?,
                None => writeln!(f, "{:>11}   {count:>10}  (half-open)", "none")?,
            }
        }
        write!(
            f,
            "{} of them compared with the rest of the wait",
            seen.compared
        )
    }
}
