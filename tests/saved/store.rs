//! A saved state in a file.

use crate::strategies::apart;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::Duration;
use tripcoil::Breaker;
use tripcoil::saved::{FileStore, Saved, SavedError, StoreError};

fn saved(name: &str) -> Saved {
    let (_, controller) = Breaker::builder(name).build_with_controller().unwrap();
    controller.save()
}

fn refusal(store: &FileStore) -> SavedError {
    match store.load() {
        Err(StoreError::Refused { error, .. }) => error,
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
    assert_eq!(refusal(&store), SavedError::TooLong);
    large.set_len(16 << 20).unwrap();
    assert_eq!(refusal(&store), SavedError::Foreign);
    // and the next save mends it
    store.save(&saved("db")).unwrap();
    assert!(store.load().unwrap().is_some());
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
    let mut names: Vec<_> = entries.map(|entry| name(entry.unwrap())).collect();
    names.sort();
    names
}

/// A process that could not read its state starts fresh, and saves: the evidence stays.
#[test]
fn a_damaged_state_is_kept_beside_and_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::new(folder.path().join("db.state"));
    let whole = saved("db").to_bytes();
    let mut flipped = whole.clone();
    flipped[20] ^= 1;
    let mut later = whole.clone();
    later[8] = 77;
    let damaged: [&[u8]; 5] = [
        &whole[..9],
        b"",
        b"# a list of something else",
        &flipped,
        &later,
    ];
    for (n, content) in damaged.into_iter().enumerate() {
        fs::write(store.path(), content).unwrap();
        // looked at more than once, and it is still there
        assert!(store.load().is_err());
        assert!(store.load().is_err());
        store.save(&saved("db")).unwrap();
        store.save(&saved("db")).unwrap();
        assert!(store.load().unwrap().is_some());
        let kept = match n {
            0 => "db.state.corrupt".to_string(),
            n => format!("db.state.corrupt.{n}"),
        };
        assert_eq!(fs::read(folder.path().join(kept)).unwrap(), content);
        assert_eq!(names(folder.path()).len(), n + 2);
    }
    // nobody has to look first
    fs::write(store.path(), "not a state").unwrap();
    store.save(&saved("db")).unwrap();
    let kept = fs::read(folder.path().join("db.state.corrupt.5")).unwrap();
    assert_eq!(kept, b"not a state");
}

/// Neither is a save that can never be loaded, nor a load of what was never saved.
#[test]
fn a_path_that_cannot_be_a_files_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let within = |end: &str| format!("{}/{end}", folder.path().display());
    fs::write(within("there"), "").unwrap();
    for path in [
        "".to_string(),
        ".".into(),
        "..".into(),
        "/".into(),
        within(""),
        within("f/"),
        within("f//"),
        within("there/"),
        within("f/.."),
    ] {
        let store = FileStore::new(&path);
        for error in [
            store.load().unwrap_err(),
            store.save(&saved("db")).unwrap_err(),
        ] {
            assert!(matches!(error, StoreError::NotAFile { .. }), "{error:?}");
            assert!(error.to_string().contains(&format!("{path:?}")), "{error}");
        }
    }
    assert_eq!(names(folder.path()), ["there"]);
}

/// It says so by "not found".
#[test]
#[cfg(target_os = "linux")]
fn a_folder_that_takes_no_files_is_not_missing() {
    let store = FileStore::new("/proc/x");
    assert!(store.load().unwrap().is_none());
    let error = store.save(&saved("db")).unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }), "{error:?}");
}

#[test]
fn a_missing_folder_is_not_a_state_that_was_never_saved() {
    let folder = tempfile::tempdir().unwrap();
    for path in ["none/db.state", "none/of/these/db.state"] {
        let store = FileStore::new(folder.path().join(path));
        for error in [
            store.load().unwrap_err(),
            store.save(&saved("db")).unwrap_err(),
        ] {
            assert!(matches!(error, StoreError::NoFolder { .. }), "{error:?}");
            assert_eq!(error.path(), store.path());
            assert!(error.to_string().contains(path));
        }
    }
    assert!(names(folder.path()).is_empty());
    let store = FileStore::new(folder.path().join("db.state"));
    assert!(store.load().unwrap().is_none());
}

/// A volume that is not mounted, as a link sees it.
#[test]
#[cfg(unix)]
fn a_link_to_nothing_is_not_a_state_that_was_never_saved() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::new(folder.path().join("db.state"));
    std::os::unix::fs::symlink("elsewhere/db.state", store.path()).unwrap();
    let error = store.load().unwrap_err();
    assert!(error.to_string().contains("db.state"), "{error}");
    assert!(error.source().unwrap().to_string().contains("link"));
}

/// None of them is waited for, and none is replaced.
#[test]
#[cfg(unix)]
fn what_is_no_file_is_refused_at_once() {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("folder")).unwrap();
    let _socket = UnixListener::bind(at("socket")).unwrap();
    let mkfifo = std::process::Command::new("mkfifo")
        .arg(at("pipe"))
        .status();
    assert!(mkfifo.unwrap().success());
    symlink(at("pipe"), at("link")).unwrap();
    let before = names(folder.path());
    let mut places = vec![at("folder"), at("socket"), at("pipe"), at("link")];
    places.push("/dev/null".into());
    places.push("/dev/zero".into());
    for place in places {
        let (tell, told) = std::sync::mpsc::channel();
        let store = FileStore::new(&place);
        std::thread::spawn(move || {
            let state = saved("db");
            let errors = [store.load().unwrap_err(), store.save(&state).unwrap_err()];
            tell.send(errors).unwrap();
        });
        let errors = told.recv_timeout(Duration::from_secs(20));
        for error in errors.unwrap_or_else(|_| panic!("{place:?} is waited for")) {
            assert!(matches!(error, StoreError::NotAFile { .. }), "{error:?}");
            assert_eq!(error.path(), place);
        }
    }
    assert_eq!(names(folder.path()), before);
}

/// As a process leaves them that is killed, and none of another's.
#[test]
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
fn what_killed_saves_have_left_is_removed_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::new(folder.path().join("db.state"));
    let left = [
        ".db.state.a1B2c3.tmp",
        ".db.state.ZZZZZZ.tmp",
        ".db.state.000000.tmp",
    ];
    let others = [
        ".cache.state.a1B2c3.tmp",
        ".db.state.notes.txt",
        ".db.state.tmp",
        "db.state.a1B2c3.tmp",
        "db.state.tmp",
    ];
    for name in left.iter().chain(&others) {
        fs::write(folder.path().join(name), "half of a").unwrap();
    }
    // a folder is none, whatever its name
    fs::create_dir(folder.path().join(".db.state.folder.tmp")).unwrap();
    // and of one that is at work
    let working = fs::File::create(folder.path().join(".db.state.worker.tmp")).unwrap();
    rustix::fs::flock(&working, rustix::fs::FlockOperation::LockExclusive).unwrap();
    store.save(&saved("db")).unwrap();
    let mut expected = vec!["db.state", ".db.state.folder.tmp", ".db.state.worker.tmp"];
    expected.extend(others);
    expected.sort_unstable();
    assert_eq!(names(folder.path()), expected);
    drop(working);
    store.save(&saved("db")).unwrap();
    assert!(!folder.path().join(".db.state.worker.tmp").exists());
}

/// As a single file that is mounted into a container. It needs a namespace of its own to mount in.
#[test]
#[cfg(target_os = "linux")]
fn a_file_that_is_a_mount_point_is_named_as_one() {
    let variable = ("TRIPCOIL_TEST_MOUNTED", "1");
    let test = "store::a_file_that_is_a_mount_point_is_named_as_one";
    if std::env::var_os(variable.0).is_some() {
        let store = FileStore::new("db.state");
        for content in [saved("db").to_bytes(), b"damaged".to_vec()] {
            fs::write(store.path(), &content).unwrap();
            let error = store.save(&saved("db")).unwrap_err();
            assert!(matches!(error, StoreError::MountPoint { .. }), "{error:?}");
            assert!(error.to_string().contains(r#""db.state""#), "{error}");
            assert_eq!(fs::read(store.path()).unwrap(), content);
        }
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for name in ["db.state", "mounted"] {
        fs::write(folder.path().join(name), "").unwrap();
    }
    let script = format!(
        "mount --bind mounted db.state || exit 77; exec {:?} --exact {test}",
        std::env::current_exe().unwrap()
    );
    let mut unshare = std::process::Command::new("unshare");
    unshare.args(["--user", "--map-root-user", "--mount", "sh", "-c", &script]);
    let status = unshare
        .env(variable.0, variable.1)
        .current_dir(folder.path())
        .status();
    match status.map(|s| s.code()) {
        Ok(Some(0)) => assert_eq!(names(folder.path()), ["db.state", "mounted"]),
        // the test's own failure
        Ok(Some(101)) => panic!("it is not"),
        other => println!("no mount here, nothing was tested: {other:?}"),
    }
}

/// On any runtime, and as a task of its own.
#[test]
fn a_state_is_saved_while_the_runtime_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::new(folder.path().join("db.state"));
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(async {
        for n in 1..20 {
            let state = saved(&"x".repeat(n));
            let mut save = tokio::spawn(store.save_async(state.clone()));
            let mut others = 0u64;
            let ended = loop {
                tokio::select! {
                    biased;
                    ended = &mut save => break ended,
                    () = tokio::task::yield_now() => others += 1,
                }
            };
            ended.unwrap().unwrap();
            assert!(others > 0, "the runtime's thread has waited");
            assert_eq!(store.load().unwrap(), Some(state));
        }
        // errors come as they do of `save`
        let nowhere = FileStore::new(folder.path().join("none/db.state"));
        let error = nowhere.save_async(saved("db")).await.unwrap_err();
        assert!(matches!(error, StoreError::NoFolder { .. }));
    });
    // one that is given up goes on to its end, and never over a later one
    let mut given_up = Box::pin(store.save_async(saved("given up")));
    let waker = std::task::Waker::noop();
    let _ = given_up
        .as_mut()
        .poll(&mut std::task::Context::from_waker(waker));
    drop(given_up);
    store.save(&saved("later")).unwrap();
    assert_eq!(store.load().unwrap().unwrap().name(), "later");
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(store.load().unwrap().unwrap().name(), "later");
    // and one that was never polled has not begun
    drop(store.save_async(saved("never")));
    assert_eq!(store.load().unwrap().unwrap().name(), "later");
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
        format!("the file {file:?} holds no usable state")
    );
    let source = refused.source().unwrap();
    assert_eq!(
        source.to_string(),
        "saved state refused: not a breaker's state"
    );
    // all of it, each part once
    let text = refused.to_string();
    let whole = format!("{:#}", anyhow::Error::new(refused));
    assert_eq!(whole.matches(&text).count(), 1, "{whole}");
    assert_eq!(whole.matches("not a breaker's state").count(), 1, "{whole}");
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

/// Each store is a process's, as it were: they share nothing. From the first good state on there is one at each
/// moment, and what is kept is what was damaged.
#[test]
fn stores_that_save_at_once_over_a_damaged_file_keep_it_alone() {
    for round in 0..40 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db.state");
        fs::write(&path, "damaged").unwrap();
        let barrier = std::sync::Barrier::new(5);
        std::thread::scope(|scope| {
            for n in 0..4 {
                let (path, barrier) = (&path, &barrier);
                scope.spawn(move || {
                    let (store, state) = (FileStore::new(path), saved(&format!("store {n}")));
                    barrier.wait();
                    (0..5).for_each(|_| store.save(&state).unwrap());
                });
            }
            barrier.wait();
            let (store, mut good) = (FileStore::new(&path), false);
            for _ in 0..200 {
                match store.load() {
                    Ok(Some(_)) => good = true,
                    other => assert!(!good && other.is_err(), "round {round}: {other:?}"),
                }
            }
        });
        assert_eq!(names(folder.path()), ["db.state", "db.state.corrupt"]);
        let kept = fs::read(folder.path().join("db.state.corrupt")).unwrap();
        assert_eq!(kept, b"damaged");
    }
}
