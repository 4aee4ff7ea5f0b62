//! The listeners to be served: a bit each, in a few words, and the thread that reads them.
//!
//! Who writes: a publication sets the bit of each listener concerned, by one `fetch_or`, and then
//! unparks the reader. It allocates nothing, retries nothing and waits for nothing. Who reads: one
//! thread, the pool's keeper, which takes a word's bits by a swap, serves their listeners, and
//! parks.
//!
//! *No mark is lost.* The swap takes exactly the bits that were set before it. A bit that is set
//! later stays for the next round, and there is one: the unpark that follows the mark leaves its
//! token, so the park returns at once. A mark on a bit that is already set changes nothing: its
//! listener is served once, after both.
//!
//! *Shared bits.* There may be more listeners than bits. A listener that is served although its
//! breaker has published nothing finds nothing new.

use crate::sync::atomic::{Thread, Word};
use alloc::boxed::Box;
use alloc::vec::Vec;
use std::sync::OnceLock;

/// The bits of all words, numbered through, and the thread to wake for them.
#[derive(Debug)]
pub(crate) struct Ready {
    words: Box<[Word]>,
    /// Put in before the first mark.
    reader: OnceLock<Thread>,
}

impl Ready {
    pub(crate) fn new(words: usize) -> Ready {
        Ready {
            words: (0..words).map(|_| Word::default()).collect(),
            reader: OnceLock::new(),
        }
    }

    pub(crate) fn places(&self) -> usize {
        self.words.len() * 64
    }

    /// Sets the thread that is woken; the first one stays.
    pub(crate) fn read_by(&self, reader: Thread) {
        let _first = self.reader.set(reader);
    }

    /// Marks a place, and wakes the reader. On the path of a call that publishes: it never waits.
    pub(crate) fn mark(&self, place: usize) {
        self.words[place / 64].set_bits(1 << (place % 64));
        // After the mark: a reader that was woken before it would sleep over it. And always, since
        // the thread that set the bit before us may not have unparked yet.
        self.wake();
    }

    pub(crate) fn wake(&self) {
        if let Some(reader) = self.reader.get() {
            reader.unpark();
        }
    }

    /// Takes all marks. For the reader only.
    pub(crate) fn take(&self) -> Vec<usize> {
        let mut places = Vec::new();
        for (i, word) in self.words.iter().enumerate() {
            // Another thread may set a bit just after this load: its unpark has us come back.
            if word.load() != 0 {
                let bits = word.take();
                places.extend((0..64).filter(|b| bits >> b & 1 != 0).map(|b| i * 64 + b));
            }
        }
        places
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_taken_once() {
        let ready = Ready::new(2);
        for place in [0, 63, 64, 127, 63] {
            ready.mark(place);
        }
        assert_eq!(ready.take(), [0, 63, 64, 127]);
        assert!(ready.take().is_empty());
        assert_eq!(ready.places(), 128);
    }
}
