//! A fleet's store of words, of whatever type.

use crate::fleet::{Down, Store, Word, Words};
use std::pin::Pin;
use std::sync::Arc;

pub(super) type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T, Down>> + Send + 'a>>;

pub(super) trait Voice: Send + Sync {
    fn fleet(&self) -> &str;
    fn list(&self) -> Boxed<'_, Vec<Word>>;
    /// The store sets the version.
    fn say(&self, word: Word) -> Boxed<'_, Word>;
}

/// Returns the voice of that fleet's operators.
pub(super) fn voice<S: Store + Clone>(fleet: String, store: S) -> Arc<dyn Voice> {
    struct Of<S>(String, S);

    impl<S: Store + Clone> Voice for Of<S> {
        fn fleet(&self) -> &str {
            &self.0
        }

        fn list(&self) -> Boxed<'_, Vec<Word>> {
            Box::pin(self.1.words(&self.0))
        }

        fn say(&self, word: Word) -> Boxed<'_, Word> {
            let words = Words::new(&self.0, self.1.clone(), word.who).because(word.why);
            Box::pin(async move {
                let saying = words.saying(word.mode, word.breaker);
                match word.left {
                    Some(left) => saying.until(left).await,
                    None => saying.await,
                }
            })
        }
    }

    Arc::new(Of(fleet, store))
}
