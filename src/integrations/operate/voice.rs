//! A fleet's store of words, of whatever type.

use crate::fleet::{Down, Mode, Store, Word, Words};
use std::pin::Pin;
use std::time::Duration;

pub(super) type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T, Down>> + Send + 'a>>;

pub(super) trait Voice: Send + Sync {
    fn list(&self) -> Boxed<'_, Vec<Word>>;
    fn say(&self, said: Said) -> Boxed<'_, Word>;
}

pub(super) struct Said {
    pub(super) who: String,
    pub(super) why: String,
    pub(super) mode: Mode,
    pub(super) breaker: String,
    pub(super) left: Option<Duration>,
}

/// Returns the voice of that fleet's operators.
pub(super) fn voice<S: Store + Clone>(fleet: String, store: S) -> Box<dyn Voice> {
    struct Of<S>(String, S);

    impl<S: Store + Clone> Voice for Of<S> {
        fn list(&self) -> Boxed<'_, Vec<Word>> {
            Box::pin(self.1.words(&self.0))
        }

        fn say(&self, said: Said) -> Boxed<'_, Word> {
            let words = Words::new(&self.0, self.1.clone(), said.who).because(said.why);
            Box::pin(async move {
                let saying = words.saying(said.mode, said.breaker);
                match said.left {
                    Some(left) => saying.until(left).await,
                    None => saying.await,
                }
            })
        }
    }

    Box::new(Of(fleet, store))
}
