//! Saves all breakers of a registry, once or again and again.

use crate::error::caught::caught;
use crate::integrations::registry::controller::RegistryController;
use crate::integrations::registry::seats::Override;
use crate::integrations::registry::shared::Shared;
use crate::saved::{RegistryStore, SavedRegistry, StoreError};
use std::fmt;
use std::hash::Hash;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// The shortest time between two saves.
const LEAST: Duration = Duration::from_millis(10);

/// What was saved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SaveReport {
    /// The number of keys in the file.
    pub keys: usize,
    /// How many of them were not used since they were loaded.
    pub waiting: usize,
    /// The texts that several keys have, of which one was saved. Give the keys texts of their own by
    /// [`saved_as`](crate::registry::RegistryBuilder::saved_as).
    pub ambiguous: Vec<String>,
    /// How many keys could not be saved, because the code for their text or their clock panicked.
    pub failed: usize,
    /// How long it took, to the disk.
    pub took: Duration,
}

impl<K, C> Shared<K, C> {
    fn save(&self) -> (SavedRegistry, SaveReport) {
        // in this order: see `waiting`
        let mut waiting = self.waiting.copy();
        let mut saved = SavedRegistry::new();
        saved.stand(self.seats().standing.map(Override::state));
        let mut report = SaveReport::default();
        for slot in self.all() {
            if slot.unwanted.get() {
                // its state may have waited a moment ago
                let text = self.waiting.text_of(&slot.key, &slot.breaker);
                text.map(|text| waiting.remove(&text));
                continue;
            }
            match self
                .waiting
                .save(&slot.key, &slot.breaker, &slot.controller)
            {
                Some((text, state)) => {
                    if !saved.insert(&text, &state) {
                        report.ambiguous.push(text);
                    }
                }
                None => report.failed += 1,
            }
        }
        let present = saved.len();
        saved.fill_from(waiting);
        report.keys = saved.len();
        report.waiting = report.keys - present;
        report.ambiguous.sort();
        report.ambiguous.dedup();
        (saved, report)
    }

    fn save_to(&self, store: &RegistryStore) -> Result<SaveReport, StoreError> {
        let begun = Instant::now();
        // before the states are read: a later save has later ones
        let number = store.ask();
        let (saved, mut report) = self.save();
        store.save_by(number, &saved)?;
        report.took = begun.elapsed();
        Ok(report)
    }
}

/// Saving.
impl<K: Hash + Eq, C> RegistryController<K, C> {
    /// Returns the states of all breakers, and those that still wait for the first use of their keys; see
    /// [`restore`](crate::registry::RegistryBuilder::restore). It holds the registry's lock only to list the
    /// breakers, and calls go on. Breakers that were forgotten are not in it. An override of all is, and changes of all
    /// rules are not, because they are code.
    #[must_use]
    pub fn save(&self) -> SavedRegistry {
        self.shared.save().0
    }

    /// Returns the number of saved states that wait for the first use of their keys.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.shared.waiting.len()
    }

    /// Forgets a saved state that waits for its key, because the endpoint is gone. Returns whether there was one.
    ///
    /// ```
    /// use tripcoil::registry::Registry;
    ///
    /// let (registry, controller) = Registry::<String>::from_config(Default::default())?.build_with_controller();
    /// registry.get("eu")?;
    /// let saved = controller.save();
    ///
    /// let later = Registry::<String>::from_config(Default::default())?.restore(saved);
    /// let (_registry, controller) = later.build_with_controller();
    /// assert_eq!(controller.waiting(), 1);
    /// assert!(controller.forget_waiting("eu"));
    /// assert!(controller.save().is_empty());
    /// # Ok::<(), tripcoil::ConfigError>(())
    /// ```
    pub fn forget_waiting(&self, text: &str) -> bool {
        self.shared.waiting.forget(text)
    }
}

impl<K, C> RegistryController<K, C>
where
    K: Hash + Eq + Send + Sync + 'static,
    C: Send + Sync + 'static,
{
    /// Saves to the store after each `every` (at least 10 ms), on a thread of its own, and once more when the
    /// returned value is closed or dropped. `report` gets the result of each save; a panic in it is caught. After an
    /// error the file is as it was, and the next save tries again. `report` runs on that thread: while it waits for
    /// anything, nothing is saved.
    ///
    /// Keep the returned value until the calls are over, and close it before the program ends. `std::process::exit` drops nothing.
    ///
    /// # Errors
    ///
    /// Returns an error if the system cannot start a thread.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tripcoil::registry::Registry;
    /// use tripcoil::saved::RegistryStore;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// let store = RegistryStore::new(folder.path().join("breakers.state"));
    /// let saved = store.load().unwrap_or_else(|error| {
    ///     eprintln!("all breakers start fresh: {error}");
    ///     None
    /// });
    /// let (registry, controller) = Registry::<String>::from_config(Default::default())?
    ///     .restore(saved)
    ///     .on_restore(|key, result| if let Err(error) = result { eprintln!("{key} starts fresh: {error}") })
    ///     .build_with_controller();
    /// let saving = controller.save_every(store, Duration::from_secs(5), |result| {
    ///     if let Err(error) = result { eprintln!("{error}") }
    /// })?;
    /// registry.call("eu", || Ok::<_, ()>(())).ok();
    ///
    /// assert_eq!(saving.close()?.keys, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn save_every(
        &self,
        store: RegistryStore,
        every: Duration,
        mut report: impl FnMut(Result<SaveReport, StoreError>) + Send + 'static,
    ) -> io::Result<Saving> {
        let shared = self.shared.clone();
        let path = store.path().to_owned();
        let saver = Arc::new(Saver {
            path: path.clone(),
            save: Box::new(move || shared.save_to(&store)),
            busy: AtomicBool::new(false),
        });
        let saves = saver.clone();
        let (orders, inbox) = channel();
        let work = move || {
            let mut tell = |result| {
                caught(|| report(result));
            };
            run(&saves, every.max(LEAST), &inbox, &mut tell);
        };
        let thread = thread::Builder::new()
            .name("tripcoil-save".into())
            .spawn(work)?;
        Ok(Saving {
            saver,
            orders,
            thread: Some(thread),
        })
    }
}

/// Saving a registry.
impl RegistryStore {
    /// Saves all breakers of a registry as they are now, and returns when they are on the disk. It blocks the thread.
    ///
    /// Where several threads save, use this one rather than [`save`](Self::save): with that one the states may be older
    /// than those of a save that begins later, and replace them. Here the save that begins last counts, whichever is
    /// written last.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`save`](Self::save).
    ///
    /// ```
    /// use tripcoil::registry::Registry;
    /// use tripcoil::saved::RegistryStore;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// let store = RegistryStore::new(folder.path().join("breakers.state"));
    /// let (registry, controller) = Registry::<String>::from_config(Default::default())?.build_with_controller();
    /// registry.call("eu", || Ok::<_, ()>(())).ok();
    /// assert_eq!(store.save_from(&controller)?.keys, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn save_from<K: Hash + Eq, C>(
        &self,
        controller: &RegistryController<K, C>,
    ) -> Result<SaveReport, StoreError> {
        controller.shared.save_to(self)
    }
}

/// What the thread is asked for.
enum Order {
    Now(Sender<Result<SaveReport, StoreError>>),
    /// Once more, and no more. Without a sender the result is reported.
    Last(Option<Sender<Result<SaveReport, StoreError>>>),
    /// No more.
    End,
}

/// What the thread does. It saves on no other thread.
struct Saver {
    path: PathBuf,
    save: Box<dyn Fn() -> Result<SaveReport, StoreError> + Send + Sync>,
    /// A save is under way.
    busy: AtomicBool,
}

impl Saver {
    fn save(&self) -> Result<SaveReport, StoreError> {
        struct Over<'a>(&'a AtomicBool);
        impl Drop for Over<'_> {
            fn drop(&mut self) {
                self.0.store(false, Ordering::Relaxed);
            }
        }
        if self.busy.swap(true, Ordering::Relaxed) {
            return Err(self.error("a save was asked for by the code that a save calls"));
        }
        let _over = Over(&self.busy);
        (self.save)()
    }

    fn error(&self, says: &'static str) -> StoreError {
        StoreError::Io {
            path: self.path.clone(),
            action: "save",
            error: io::Error::other(says),
        }
    }
}

fn run(
    saver: &Saver,
    every: Duration,
    inbox: &Receiver<Order>,
    report: &mut impl FnMut(Result<SaveReport, StoreError>),
) {
    let mut next = Instant::now().checked_add(every);
    loop {
        let wait = next.map_or(Duration::MAX, |next| {
            next.saturating_duration_since(Instant::now())
        });
        match inbox.recv_timeout(wait) {
            Ok(Order::Now(answer)) => {
                let _gone = answer.send(saver.save());
            }
            Ok(Order::Last(answer)) => {
                let result = saver.save();
                match answer {
                    Some(answer) => drop(answer.send(result)),
                    None => report(result),
                }
                return;
            }
            Err(RecvTimeoutError::Timeout) => {
                report(saver.save());
                next = Instant::now().checked_add(every);
            }
            // it was leaked, and its thread ends with it
            Ok(Order::End) | Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// The saving of a registry, again and again, until this is closed or dropped. Both save once more, and wait for it: in
/// asynchronous code, close it on a thread that may block.
#[must_use = "the saving ends when it is dropped"]
pub struct Saving {
    saver: Arc<Saver>,
    orders: Sender<Order>,
    thread: Option<JoinHandle<()>>,
}

impl fmt::Debug for Saving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Saving")
            .field("path", &self.saver.path)
            .finish_non_exhaustive()
    }
}

impl Saving {
    /// Saves now, and waits for it. Called by the report itself, it saves there and then. The code that a save calls,
    /// such as that of [`saved_as`](crate::registry::RegistryBuilder::saved_as), must not ask for one, and gets an error.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`RegistryStore::save`].
    pub fn save_now(&self) -> Result<SaveReport, StoreError> {
        if self.is_here() {
            return self.saver.save();
        }
        let (answer, result) = channel();
        self.ask(Order::Now(answer), &result)
    }

    /// Saves once more, and ends the saving. The report itself may close it too.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`RegistryStore::save`].
    pub fn close(mut self) -> Result<SaveReport, StoreError> {
        if self.is_here() {
            let result = self.saver.save();
            let _gone = self.orders.send(Order::End);
            self.join();
            return result;
        }
        let (answer, result) = channel();
        let result = self.ask(Order::Last(Some(answer)), &result);
        self.join();
        result
    }

    fn ask(
        &self,
        order: Order,
        result: &Receiver<Result<SaveReport, StoreError>>,
    ) -> Result<SaveReport, StoreError> {
        let _gone = self.orders.send(order);
        // the order may have met a thread that has panicked, by a key's `Drop` for example
        result
            .recv()
            .unwrap_or_else(|_| Err(self.saver.error("the thread that saves has panicked")))
    }

    /// Whether this is the thread that saves, which cannot wait for itself.
    fn is_here(&self) -> bool {
        let thread = self.thread.as_ref();
        thread.is_some_and(|thread| thread.thread().id() == thread::current().id())
    }

    fn join(&mut self) {
        // it may be dropped by the thread's own report
        let is_here = self.is_here();
        if let Some(thread) = self.thread.take()
            && !is_here
        {
            let _ended = thread.join();
        }
    }
}

impl Drop for Saving {
    fn drop(&mut self) {
        if self.thread.is_some() {
            let _gone = self.orders.send(Order::Last(None));
            self.join();
        }
    }
}
