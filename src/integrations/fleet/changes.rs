//! News of a fleet, from its store to those who wait for them.

use std::future;
use tokio::sync::broadcast::{self, error::RecvError};

/// What may have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The verdict on that breaker.
    Verdict(String),
    /// An operator's word.
    Word,
    /// Anything: some news may have been missed.
    Unknown,
}

/// What may have changed in a fleet since [`Store::changes`](super::Store::changes) was called.
///
/// ```
/// use tripcoil::fleet::{Change, ChangeSender};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let sender = ChangeSender::new(); // in a store
/// let mut changes = sender.changes();
/// sender.send(Change::Word);
/// assert_eq!(changes.next().await, Change::Word);
/// # }
/// ```
#[derive(Debug)]
pub struct Changes {
    receiver: broadcast::Receiver<Change>,
}

impl Changes {
    /// Waits for the next change. It loses nothing: a dropped future leaves the change to the next call, and after
    /// too many at once there is one [`Change::Unknown`]. It never returns once the store is gone.
    pub async fn next(&mut self) -> Change {
        match self.receiver.recv().await {
            Ok(change) => change,
            Err(RecvError::Lagged(_)) => Change::Unknown,
            Err(RecvError::Closed) => future::pending().await,
        }
    }
}

/// The side of [`Changes`] that a store keeps: one for each fleet. Its clones send to the same ones.
#[derive(Clone, Debug)]
pub struct ChangeSender {
    sender: broadcast::Sender<Change>,
}

/// So many changes wait for each receiver.
const WAITING: usize = 256;

impl ChangeSender {
    /// Returns one without a receiver.
    #[must_use]
    pub fn new() -> ChangeSender {
        ChangeSender {
            sender: broadcast::Sender::new(WAITING),
        }
    }

    /// Sends a change to all receivers there are.
    pub fn send(&self, change: Change) {
        // without a receiver there is nothing to do
        let _ = self.sender.send(change);
    }

    /// Returns a receiver of what is sent from now on.
    #[must_use]
    pub fn changes(&self) -> Changes {
        Changes {
            receiver: self.sender.subscribe(),
        }
    }
}

impl Default for ChangeSender {
    fn default() -> Self {
        ChangeSender::new()
    }
}
