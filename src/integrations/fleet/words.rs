//! Operators' words: what they ask of all instances of a fleet.

use super::store::{Down, Reason, Store};
use super::word::{Mode, Word};
use std::time::Duration;

#[cfg(test)]
mod tests;

/// An operator's voice: what it says reaches all instances of a fleet.
///
/// ```
/// use std::time::Duration;
/// use tripcoil::fleet::{MemoryStore, Words};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), tripcoil::fleet::Down> {
/// let words = Words::new("checkout", MemoryStore::new(), "ana").because("change 4711");
/// words.force_open("orders").until(Duration::from_secs(600)).await?;
/// assert_eq!(words.list().await?[0].breaker, "orders");
/// words.release("orders").await?;
/// # Ok(())
/// # }
/// ```
///
/// A breaker's name, `who` and `why` have at most 1024 bytes each. A longer one is not said: the answer is an error
/// ([`Reason::Protocol`]).
#[derive(Clone, Debug)]
pub struct Words<S> {
    fleet: String,
    store: S,
    who: String,
    why: String,
}

impl<S: Store> Words<S> {
    /// Returns the voice of `who` in that fleet.
    pub fn new(fleet: impl Into<String>, store: S, who: impl Into<String>) -> Words<S> {
        Words {
            fleet: fleet.into(),
            store,
            who: who.into(),
            why: String::new(),
        }
    }

    /// Sets why, for those who read it.
    #[must_use]
    pub fn because(mut self, why: impl Into<String>) -> Words<S> {
        self.why = why.into();
        self
    }

    /// Asks all instances to reject the calls of that breaker, or of [`EVERY`](super::EVERY) one.
    pub fn force_open(&self, breaker: impl Into<String>) -> Saying<'_, S> {
        self.saying(Mode::ForceOpen, breaker)
    }

    /// Asks all instances to admit every call.
    pub fn disable(&self, breaker: impl Into<String>) -> Saying<'_, S> {
        self.saying(Mode::Disable, breaker)
    }

    /// Asks all instances to admit every call, and to count.
    pub fn observe_only(&self, breaker: impl Into<String>) -> Saying<'_, S> {
        self.saying(Mode::ObserveOnly, breaker)
    }

    /// Ends what was asked of that breaker.
    pub fn release(&self, breaker: impl Into<String>) -> Saying<'_, S> {
        self.saying(Mode::Release, breaker)
    }

    /// Asks for that mode.
    pub fn saying(&self, mode: Mode, breaker: impl Into<String>) -> Saying<'_, S> {
        Saying {
            words: self,
            word: Word {
                breaker: breaker.into(),
                version: 0,
                mode,
                left: None,
                who: self.who.clone(),
                why: self.why.clone(),
            },
        }
    }

    /// Returns the words in force.
    ///
    /// # Errors
    ///
    /// Returns why they cannot be read.
    pub async fn list(&self) -> Result<Vec<Word>, Down> {
        self.store.words(&self.fleet).await
    }
}

/// A word that is said once it is awaited.
#[must_use = "it is said once it is awaited"]
#[derive(Debug)]
pub struct Saying<'a, S> {
    words: &'a Words<S>,
    word: Word,
}

impl<S: Store> Saying<'_, S> {
    /// Ends it by itself after that time. Beyond 17 years it never ends.
    pub fn until(mut self, left: Duration) -> Self {
        self.word.left = Some(left);
        self
    }
}

impl<'a, S: Store> IntoFuture for Saying<'a, S> {
    type Output = Result<Word, Down>;
    type IntoFuture = core::pin::Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            if let Some((field, problem)) = self.word.too_long().next() {
                let text = format_args!("nothing was said: {field} {problem}");
                return Err(Down::new(Reason::Protocol, text));
            }
            self.words.store.say(&self.words.fleet, &self.word).await
        })
    }
}
