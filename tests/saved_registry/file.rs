//! The file of a registry.

use crate::{fresh, trip};
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;
use tripcoil::saved::{FileStore, RegistryStore, SavedError, SavedRegistry, StoreError};

struct Rig {
    folder: TempDir,
    path: PathBuf,
    store: RegistryStore,
    saved: SavedRegistry,
}

fn rig() -> Rig {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("breakers.state");
    let store = RegistryStore::new(&path);
    let (registry, controller) = fresh();
    trip(&registry, "eu");
    trip(&registry, "us");
    Rig {
        folder,
        path,
        store,
        saved: controller.save(),
    }
}

fn refused(store: &RegistryStore) -> SavedError {
    match store.load() {
        Err(StoreError::Refused { error, .. }) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_saved_is_loaded() {
    let rig = rig();
    assert!(rig.store.load().unwrap().is_none());
    rig.store.save(&rig.saved).unwrap();
    assert_eq!(rig.store.load().unwrap(), Some(rig.saved.clone()));
    rig.store.save(&SavedRegistry::new()).unwrap();
    assert_eq!(rig.store.load().unwrap(), Some(SavedRegistry::new()));
    assert_eq!(fs::read_dir(rig.folder.path()).unwrap().count(), 1);
    assert_eq!(rig.store, RegistryStore::new(&rig.path));
    assert!(format!("{:?}", rig.store).contains("breakers.state"));
}

#[test]
fn a_torn_file_is_refused_and_kept_aside() {
    let rig = rig();
    rig.store.save(&rig.saved).unwrap();
    let bytes = fs::read(&rig.path).unwrap();
    let mut changed = bytes.clone();
    changed[bytes.len() / 2] ^= 4;
    let half = bytes[..bytes.len() / 2].to_vec();
    for (n, (torn, error)) in [
        (half, SavedError::Truncated),
        (vec![], SavedError::Truncated),
        (changed, SavedError::Damaged),
        (b"{\"all\": \"well\"}".to_vec(), SavedError::NotARegistry),
    ]
    .into_iter()
    .enumerate()
    {
        fs::write(&rig.path, &torn).unwrap();
        assert_eq!(refused(&rig.store), error);
        rig.store.save(&rig.saved).unwrap();
        assert_eq!(rig.store.load().unwrap().as_ref(), Some(&rig.saved));
        let mut kept = rig.path.clone().into_os_string();
        kept.push(".corrupt");
        if n > 0 {
            kept.push(format!(".{n}"));
        }
        assert_eq!(fs::read(kept).unwrap(), torn);
    }
}

/// Each store refuses the other's file, and keeps it.
#[test]
fn the_file_of_a_single_breaker_is_another() {
    let rig = rig();
    let single = FileStore::new(&rig.path);
    let eu = rig.saved.get("eu").unwrap().unwrap();
    single.save(&eu).unwrap();
    assert_eq!(refused(&rig.store), SavedError::NotARegistry);
    rig.store.save(&rig.saved).unwrap();
    let error = single.load().unwrap_err();
    assert!(matches!(
        error,
        StoreError::Refused {
            error: SavedError::Foreign,
            ..
        }
    ));
    assert_eq!(fs::read_dir(rig.folder.path()).unwrap().count(), 2);
}

#[test]
fn a_place_that_cannot_be_a_file_is_refused() {
    let rig = rig();
    for path in [
        rig.folder.path().to_path_buf(),
        rig.path.join("below"),
        PathBuf::new(),
    ] {
        let store = RegistryStore::new(&path);
        assert!(store.save(&rig.saved).is_err(), "{path:?}");
        assert!(store.load().is_err(), "{path:?}");
    }
}

#[cfg(feature = "tokio")]
#[test]
fn a_save_may_be_awaited() {
    let rig = rig();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let saved = rig.saved.clone();
    runtime.block_on(rig.store.save_async(saved)).unwrap();
    assert_eq!(rig.store.load().unwrap(), Some(rig.saved));
}
