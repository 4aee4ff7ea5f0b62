//! Tells when a file may have changed.
//!
//! Its folder is watched, not the file: editors write another file and rename it, and a mounted
//! configuration is a link that is set anew. So something in the folder has changed, and whether it is
//! the file the one who looks finds out. If the folder itself goes away nothing more is told.

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher, recommended_watcher};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// One save is several events; it is over when there was none for so long,
const QUIET: Duration = Duration::from_millis(50);
/// and in a folder that is never quiet, after so long.
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

    /// Wait for a change, and until it is over; at most so long, and then false.
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

/// Not that somebody reads the file: that is what is done upon each change.
fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) => false,
        _ => true,
    }
}
