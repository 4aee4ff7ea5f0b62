//! An operator's words from the command line.

use crate::arguments::{Place, Say};
use std::fmt::Write;
use std::future::Future;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};
use tripcoil::fleet::{Down, EVERY, Mode, Reason, Store, Word, Words};

/// As long as an answer may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// For so long, it tries to connect.
const RETRY: Duration = Duration::from_secs(1);

/// Says a word; returns what holds then, for people.
pub(crate) async fn say<S: Store>(store: S, say: &Say) -> Result<String, Down> {
    let place = &say.place;
    let words = Words::new(&place.fleet, store, &say.who).because(&say.why);
    patiently(|| {
        let saying = words.saying(say.mode, &say.breaker);
        match say.lasts {
            Some(lasts) => saying.until(lasts).into_future(),
            None => saying.into_future(),
        }
    })
    .await?;
    Ok(text(place, &patiently(|| words.list()).await?))
}

/// Returns what holds, for people.
pub(crate) async fn list<S: Store>(store: S, place: &Place) -> Result<String, Down> {
    let words = Words::new(&place.fleet, store, "");
    Ok(text(place, &patiently(|| words.list()).await?))
}

/// Tries again for a moment while there is no connection: a server may be about to start.
async fn patiently<T, F>(attempt: impl Fn() -> F) -> Result<T, Down>
where
    F: Future<Output = Result<T, Down>>,
{
    let begun = Instant::now();
    loop {
        let late = || Down::new(Reason::Timeout, format!("no answer within {PATIENCE:?}"));
        let done = timeout(PATIENCE, attempt()).await;
        let down = match done.unwrap_or_else(|_| Err(late())) {
            Ok(done) => return Ok(done),
            Err(down) => down,
        };
        if down.reason != Reason::Unreachable || begun.elapsed() >= RETRY {
            return Err(down);
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// The exit code of a store that did not do it.
pub(crate) fn exit_code(reason: Reason) -> u8 {
    match reason {
        Reason::Unreachable | Reason::Timeout => 3,
        Reason::Denied => 4,
        _ => 1,
    }
}

fn text(place: &Place, words: &[Word]) -> String {
    let fleet = shown(&place.fleet);
    if words.is_empty() {
        return format!("fleet {fleet}: no word holds\n");
    }
    let mut text = format!("fleet {fleet}: what holds now\n");
    for word in words {
        let breaker = if word.breaker == EVERY {
            "* (all breakers)".to_owned()
        } else {
            shown(&word.breaker)
        };
        let mode = match word.mode {
            Mode::Release => "released".to_owned(),
            mode => mode.as_str().replace('_', "-"),
        };
        let until = match word.left {
            // in whole seconds, of which the last one has not ended
            Some(left) => {
                let whole = Duration::from_secs(left.as_millis().div_ceil(1_000) as u64);
                format!("for {}", humantime::format_duration(whole))
            }
            None if word.mode == Mode::Release => String::new(),
            None => "until released".to_owned(),
        };
        let _ = write!(text, "  {breaker:<16}  {mode:<12}  {until:<16}");
        let _ = write!(text, "  by {}", shown(&word.who));
        if !word.why.is_empty() {
            let _ = write!(text, ": {}", shown(&word.why));
        }
        text.push('\n');
    }
    text
}

/// Text from the store must not steer a terminal.
fn shown(text: &str) -> String {
    let shown = |letter: char| {
        let escaped = letter.is_control().then(|| letter.escape_default());
        let as_it_is = escaped.is_none().then_some(letter);
        escaped.into_iter().flatten().chain(as_it_is)
    };
    text.chars().flat_map(shown).collect()
}

#[cfg(test)]
mod tests;
