use super::*;
use crate::handles::breaker::Breaker;
use crate::saved::aside::locked;
use alloc::boxed::Box;
use alloc::vec;
use core::error::Error;
use std::fs;
use std::io;
use std::sync::Mutex;
#[cfg(feature = "tokio")]
use {core::time::Duration, std::sync::mpsc};

type Tested = Result<(), Box<dyn Error>>;

fn saved(name: &str) -> Result<Saved, Box<dyn Error>> {
    let (_, controller) = Breaker::builder(name).build_with_controller()?;
    Ok(controller.save())
}

#[cfg(feature = "tokio")]
fn aside<D: Fn(&File) -> io::Result<()> + Send + 'static>(
    store: &FileStore,
    state: &Saved,
    to_disk: D,
) -> impl Future<Output = Result<(), StoreError>> + Send + use<D> {
    let state = state.clone();
    let place = store.place.clone();
    place.save_aside(move || state.to_bytes(), to_disk)
}

/// Were either left out, a crash of the machine could leave an empty file, or the old one after the save
/// has returned. `ci/sync.sh` looks at what the system is asked for.
#[test]
fn a_state_is_on_the_disk_before_it_has_its_name_and_the_name_before_the_save_returns() -> Tested {
    let folder = tempfile::tempdir()?;
    let store = FileStore::new(folder.path().join("db.state"));
    let (old, new) = (saved("old")?, saved("new, and longer")?);
    store.save(&old)?;
    let steps = Mutex::new(vec![]);
    let to_disk = |file: &File| {
        let metadata = file.metadata()?;
        let whole = metadata.is_file() && metadata.len() == new.to_bytes().len() as u64;
        let named = store.load().ok().flatten().as_ref() == Some(&new);
        locked(&steps).push((whole, metadata.is_dir(), named));
        file.sync_all()
    };
    store
        .place
        .save_by(store.place.ask(), &new.to_bytes(), to_disk)?;
    let expected = [(true, false, false), (false, true, true)];
    assert_eq!(*locked(&steps), expected[..if cfg!(unix) { 2 } else { 1 }]);
    // what could not be brought to the disk has not been saved
    let full = |_: &File| Err(io::Error::from(io::ErrorKind::StorageFull));
    let failed = store
        .place
        .save_by(store.place.ask(), &old.to_bytes(), full);
    assert!(failed.is_err());
    assert_eq!(store.load()?, Some(new));
    assert_eq!(fs::read_dir(folder.path())?.count(), 1);
    Ok(())
}

/// The disk answers when the runtime's only thread has gone on.
#[test]
#[cfg(feature = "tokio")]
fn a_save_that_is_awaited_does_not_block_the_runtime() -> Tested {
    let folder = tempfile::tempdir()?;
    let store = FileStore::new(folder.path().join("db.state"));
    let (answer, waiting) = mpsc::channel::<()>();
    let waiting = Mutex::new(waiting);
    let to_disk = move |_: &File| {
        // a minute is for a runtime that is blocked
        let answered = locked(&waiting).recv_timeout(Duration::from_secs(60));
        answered.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(async {
        let state = saved("db")?;
        let save = tokio::spawn(aside(&store, &state, to_disk));
        // once for the file, and once for the folder
        for _ in 0..2 {
            tokio::task::yield_now().await;
            assert!(!save.is_finished());
            answer.send(())?;
        }
        save.await??;
        assert_eq!(store.load()?, Some(state));
        Ok(())
    })
}

/// One that was given up, and whose disk is slow, comes after a later one.
#[test]
fn a_save_never_overwrites_a_later_one() -> Tested {
    let folder = tempfile::tempdir()?;
    let store = FileStore::new(folder.path().join("db.state"));
    let (older, newer) = (saved("older")?, saved("newer")?);
    let first = store.place.ask();
    store.save(&newer)?;
    let other = store.clone();
    other
        .place
        .save_by(first, &older.to_bytes(), File::sync_all)?;
    assert_eq!(store.load()?, Some(newer));
    store.save(&older)?;
    assert_eq!(store.load()?, Some(older));
    Ok(())
}

/// A thread that ends without a result ends the wait.
#[test]
#[cfg(feature = "tokio")]
fn a_panic_while_saving_is_an_error() -> Tested {
    let folder = tempfile::tempdir()?;
    let store = FileStore::new(folder.path().join("db.state"));
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    #[allow(clippy::panic, reason = "it is what is tested")]
    let to_disk = |_: &File| -> io::Result<()> { panic!("on purpose") };
    let state = saved("db")?;
    let ended = runtime.block_on(aside(&store, &state, to_disk));
    assert!(matches!(ended, Err(StoreError::Io { .. })));
    // and the next one is not stopped by it
    store.save(&state)?;
    Ok(())
}
