//! A thread that watches the file.
//!
//! It reads the text instead of asking when the file was written: editors put another file in its place, a mounted
//! configuration is a link that is replaced, and two edits within a tick of the file system have the same time.

use crate::config::NamedSettings;
use crate::error::caught::caught;
use crate::integrations::live::handle::{Live, locked};
use crate::integrations::live::reload::{Reload, ReloadError};
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// The shortest time between two looks.
const LEAST: Duration = Duration::from_millis(10);
/// One save may be several writes; it is over after this time without one,
const QUIET: Duration = Duration::from_millis(50);
/// and for a file that is never quiet, after this time.
const ENOUGH: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Stop {
    now: Mutex<bool>,
    signal: Condvar,
}

impl Stop {
    /// Waits that long. Returns whether to stop.
    fn waited(&self, time: Duration) -> bool {
        let now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.signal.wait_timeout_while(now, time, |stop| !*stop);
        let (stop, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *stop
    }
}

/// The watching of a file, until this is dropped. The drop waits for a reload under way.
#[must_use = "it ends when it is dropped"]
pub struct Watching {
    stop: Arc<Stop>,
    thread: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for Watching {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watching").finish_non_exhaustive()
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        *self.stop.now.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.stop.signal.notify_all();
        // it may be dropped by the thread's own report
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != thread::current().id()
        {
            let _ended = thread.join();
        }
    }
}

fn begin(
    live: Live,
    every: Duration,
    mut report: impl FnMut(Result<Reload, ReloadError>) + Send + 'static,
) -> io::Result<Watching> {
    if live.path().is_none() {
        let error = ReloadError::NoFile;
        return Err(io::Error::new(io::ErrorKind::InvalidInput, error));
    }
    let stop = Arc::new(Stop::default());
    let until = stop.clone();
    let every = every.max(LEAST);
    let work = move || {
        while !until.waited(every) {
            if !live.is_edited() || settle(&live, &until) {
                continue;
            }
            // all of the user's code in it is caught there, and reported
            if let Some(Some(result)) = caught(|| live.poll()) {
                caught(|| report(result));
            }
        }
    };
    let thread = thread::Builder::new()
        .name("tripcoil-watch".into())
        .spawn(work)?;
    Ok(Watching {
        stop,
        thread: Some(thread),
    })
}

/// Waits until the file is quiet. Returns whether to stop instead.
fn settle(live: &Live, stop: &Stop) -> bool {
    let begun = Instant::now();
    let mut before = live.look();
    while begun.elapsed() < ENOUGH {
        if stop.waited(QUIET) {
            return true;
        }
        let now = live.look();
        if now == before {
            break;
        }
        before = now;
    }
    false
}

/// Watching its file.
impl Live {
    /// Watches the file on a thread of its own, until the returned value is dropped: looks at it after each `every` (at
    /// least 10 ms), and reloads when its text has changed. A text that is being written is waited for: it has to be
    /// the same for 50 ms, or to have changed for a second. Each result is passed to `report`, what is wrong once. A panic
    /// in `report` is caught.
    ///
    /// # Errors
    ///
    /// Returns an error if the system cannot start a thread, or if there is no file.
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use std::time::Duration;
    /// use tripcoil::live::Live;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("breakers.toml");
    /// # std::fs::write(&path, "[default]\n")?;
    /// let live = Live::open(&path)?;
    /// let (_orders, _controller) = live.build("orders")?;
    /// let (sender, receiver) = mpsc::channel();
    /// let watching = live.watch(Duration::from_millis(100), move |reload| {
    ///     let _ = sender.send(reload.map_or_else(|error| error.to_string(), |reload| reload.to_string()));
    /// })?;
    /// std::fs::write(&path, "[default]\nfailure_rate = 0.4\n")?;
    /// assert_eq!(receiver.recv()?, "new rules for \"orders\"");
    /// drop(watching);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn watch(
        &self,
        every: Duration,
        report: impl FnMut(Result<Reload, ReloadError>) + Send + 'static,
    ) -> io::Result<Watching> {
        begin(self.clone(), every, report)
    }

    /// Returns the text of the file, or `None` if it cannot be read.
    fn look(&self) -> Option<String> {
        NamedSettings::text_of(self.path()?).ok()
    }

    /// Whether the file is another than at the last look.
    fn is_edited(&self) -> bool {
        let text = self.look();
        locked(&self.shared.looked).is_news(text.as_ref())
    }
}
