//! A saved state in a file.

use crate::strategies::apart;
use std::error::Error;
use std::fs;
use tripcoil::{Breaker, FileStore, Saved, SavedError, StoreError};

fn saved(name: &str) -> Saved {
    let (_, controller) = Breaker::builder(name).build_with_controller().unwrap();
    controller.save()
}

fn refusal(store: &FileStore) -> SavedError {
    match store.load() {
        Err(StoreError::Refused(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_last_one_saved_is_loaded_and_nothing_is_left_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::new(folder.path().join("db.state"));
    assert_eq!(store.path(), folder.path().join("db.state"));
    assert!(store.load().unwrap().is_none());
    for name in ["first", "second, which is longer", "3"] {
        let state = saved(name);
        store.save(&state).unwrap();
        assert_eq!(store.load().unwrap(), Some(state));
    }
    let files: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(files, ["db.state"]);
}

#[test]
fn what_is_no_whole_state_is_refused_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::new(folder.path().join("db.state"));
    let bytes = saved("db").to_bytes();
    for (content, reason) in [
        (&bytes[..0], SavedError::Truncated),
        (&bytes[..bytes.len() / 2], SavedError::Truncated),
        (&vec![0; bytes.len()], SavedError::Foreign),
        (&[&bytes[..], b"x"].concat(), SavedError::Damaged),
    ] {
        fs::write(store.path(), content).unwrap();
        assert_eq!(refusal(&store), reason);
    }
    // a file of anything, however large
    let large = fs::File::create(store.path()).unwrap();
    large.set_len(1 << 40).unwrap();
    assert_eq!(refusal(&store), SavedError::Damaged);
    large.set_len(16 << 20).unwrap();
    assert_eq!(refusal(&store), SavedError::Foreign);
    // and the next save mends it
    store.save(&saved("db")).unwrap();
    assert!(store.load().unwrap().is_some());
}

#[test]
fn what_the_system_refuses_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = FileStore::new(folder.path().join("none/db.state"));
    assert!(nowhere.save(&saved("db")).is_err());
    assert!(nowhere.load().unwrap().is_none(), "there is no file");
    // a folder is no file
    let store = FileStore::new(folder.path());
    assert!(matches!(store.load(), Err(StoreError::Io(_))));
    assert!(store.save(&saved("db")).is_err());
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        0,
        "nothing is left behind"
    );
}

/// Without a folder it is the one in which the process is; this one goes on in another.
#[test]
fn a_file_may_be_named_without_its_folder() {
    let variable = ("TRIPCOIL_TEST_BARE", "1");
    if std::env::var_os(variable.0).is_some() {
        let store = FileStore::new("db.state");
        store.save(&saved("db")).unwrap();
        assert_eq!(store.load().unwrap().unwrap().name(), "db");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let test = "store::a_file_may_be_named_without_its_folder";
    assert!(apart(test, variable, folder.path()));
    assert!(folder.path().join("db.state").exists());
}

#[test]
fn errors_say_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "plain").unwrap();
    let refused = FileStore::new(&file).load().unwrap_err();
    assert_eq!(
        refused.to_string(),
        "saved state refused: not a breaker's state"
    );
    assert!(refused.source().is_none());
    // a file is no folder
    let error = FileStore::new(file.join("db.state")).load().unwrap_err();
    assert!(error.to_string().starts_with("saved state not read: "));
    assert!(error.source().is_some());
}

/// Several at once, which nobody needs and nothing forbids: one of them is last.
#[test]
fn several_may_save_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::new(folder.path().join("db.state"));
    std::thread::scope(|scope| {
        for n in 0..4 {
            let store = &store;
            scope.spawn(move || {
                let state = saved(&"x".repeat(n * 100));
                (0..20).for_each(|_| store.save(&state).unwrap());
            });
        }
        for _ in 0..200 {
            if let Some(state) = store.load().unwrap() {
                assert_eq!(state.name().len() % 100, 0);
            }
        }
    });
}
