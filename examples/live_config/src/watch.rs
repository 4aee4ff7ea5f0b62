//! Reports when a file may have changed.
//!
//! It watches the folder, not the file: editors write another file and rename it, and a mounted
//! configuration is a link that is replaced. So a report means that something in the folder has changed;
//! the caller finds out whether it is the file. If the folder itself is removed, the reports end.

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher, recommended_watcher};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// One save is several events; it is over after this time without one,
const QUIET: Duration = Duration::from_millis(50);
/// and in a folder that is never quiet, after this time.
const ENOUGH: Duration = Duration::from_secs(1);

pub(crate) struct Watch {
    events: Receiver<notify::Result<()>>,
    _watcher: RecommendedWatcher,
}

impl Watch {
    pub(crate) fn of(file: &Path) -> notify::Result<Watch> {
        let folder = match file.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let (tell, events) = channel();
        let mut watcher = recommended_watcher(move |event: notify::Result<Event>| {
            let told = match event {
                Ok(event) if is_change(event.kind) => Ok(()),
                Ok(_) => return,
                Err(error) => Err(error),
            };
            // nobody listens any more
            let _ = tell.send(told);
        })?;
        watcher.watch(folder, RecursiveMode::NonRecursive)?;
        Ok(Watch {
            events,
            _watcher: watcher,
        })
    }

    /// Waits for a change and its end. Returns false if there is none within the limit.
    pub(crate) fn changed(&self, at_most: Duration) -> notify::Result<bool> {
        match self.events.recv_timeout(at_most) {
            Ok(event) => event?,
            Err(RecvTimeoutError::Timeout) => return Ok(false),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(notify::Error::generic("the watcher has ended"));
            }
        }
        let begun = Instant::now();
        while begun.elapsed() < ENOUGH
            && let Ok(event) = self.events.recv_timeout(QUIET)
        {
            event?;
        }
        Ok(true)
    }
}

/// Reading the file is not a change: it happens after each change.
fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) => false,
        _ => true,
    }
}
