//! Where a saved state can be and where it cannot: each answer of `load` is one that `save` agrees with.

use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use tripcoil::Breaker;
use tripcoil::saved::{FileStore, Saved, SavedError, StoreError};

fn saved(name: &str) -> Saved {
    let (_, controller) = Breaker::builder(name).build_with_controller().unwrap();
    controller.save()
}

fn names(folder: &Path) -> Vec<OsString> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names
}

/// The answers of `load` and `save`, each of which has to be an error.
fn refusals(store: &FileStore) -> [StoreError; 2] {
    let load = store.load().map(|loaded| loaded.is_some());
    let save = store.save(&saved("db"));
    [
        load.expect_err(&format!("{store:?} was loaded")),
        save.expect_err(&format!("{store:?} was saved")),
    ]
}

/// An error's text with its causes: the path stands there once, and no other path does.
#[track_caller]
fn says_once(error: StoreError, cause: &str) {
    let path = format!("{:?}", error.path());
    let text = format!("{:#}", anyhow::Error::new(error));
    assert_eq!(text.matches(&path).count(), 1, "{text}");
    assert_eq!(text.matches('"').count(), 2, "{text}");
    assert_eq!(text.to_lowercase().matches(cause).count(), 1, "{text}");
}

/// Names of a file that are as long as a file system has them, or nearly.
fn long_names() -> Vec<OsString> {
    let ascii = [
        1, 64, 65, 200, 235, 242, 243, 244, 245, 246, 247, 248, 250, 255,
    ];
    let mut names: Vec<OsString> = ascii.iter().map(|&n| "n".repeat(n).into()).collect();
    names.push("ö".repeat(127).into());
    names.push(format!("{}.state", "状".repeat(83)).into());
    // they differ at the end only
    names.push(format!("{}a", "n".repeat(254)).into());
    names.push(format!("{}b", "n".repeat(254)).into());
    #[cfg(target_os = "linux")]
    for n in [5, 64, 255] {
        use std::os::unix::ffi::OsStringExt;
        names.push(OsString::from_vec(vec![0xFF; n]));
        names.push(OsString::from_vec([&vec![0xC3; n - 1][..], b"x"].concat()));
    }
    names
}

#[test]
fn a_state_is_saved_and_loaded_under_each_legal_name() {
    let folder = tempfile::tempdir().unwrap();
    let stores: Vec<_> = long_names()
        .iter()
        .map(|name| FileStore::new(folder.path().join(name)))
        .collect();
    for store in &stores {
        assert_eq!(store.load().unwrap(), None, "{store:?}");
        store.save(&saved("first")).unwrap();
    }
    for (n, store) in stores.iter().enumerate() {
        assert_eq!(store.load().unwrap().unwrap().name(), "first");
        let state = saved(&n.to_string());
        store.save(&state).unwrap();
        assert_eq!(store.load().unwrap(), Some(state));
    }
    let mut expected = long_names();
    expected.sort();
    assert_eq!(names(folder.path()), expected);
}

#[test]
fn a_damaged_state_is_kept_beside_under_each_legal_name() {
    let lengths = [64, 65, 245, 246, 247, 248, 255];
    for name in long_names()
        .into_iter()
        .filter(|name| lengths.contains(&name.len()))
    {
        let folder = tempfile::tempdir().unwrap();
        let store = FileStore::new(folder.path().join(&name));
        for n in 0..12 {
            fs::write(store.path(), format!("damaged {n}")).unwrap();
            store.save(&saved("db")).unwrap();
            assert!(store.load().unwrap().is_some(), "{store:?}");
        }
        let mut kept: Vec<_> = names(folder.path())
            .into_iter()
            .filter(|other| *other != name)
            .map(|other| fs::read_to_string(folder.path().join(other)).unwrap())
            .collect();
        kept.sort();
        let mut expected: Vec<_> = (0..9).chain([11]).map(|n| format!("damaged {n}")).collect();
        expected.sort();
        assert_eq!(kept, expected, "{name:?}");
    }
}

/// As a process leaves them that is killed: a new file that is half written, and a link to the damaged one before
/// and after it has the name under which it is kept.
#[test]
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
fn a_save_that_is_killed_between_its_steps_leaves_nothing_for_long() {
    for name in ["db.state".to_string(), "n".repeat(64)] {
        for steps in 0..4 {
            let folder = tempfile::tempdir().unwrap();
            let at = |name: &str| folder.path().join(name);
            let store = FileStore::new(at(&name));
            fs::write(store.path(), "damaged").unwrap();
            if steps > 0 {
                fs::write(at(&format!(".{name}.aaaaaa.tmp")), "half of a").unwrap();
            }
            if steps > 1 {
                fs::hard_link(store.path(), at(&format!(".{name}.bbbbbb.tmp"))).unwrap();
            }
            if steps > 2 {
                fs::hard_link(store.path(), at(&format!("{name}.corrupt"))).unwrap();
            }
            assert!(store.load().is_err());
            store.save(&saved("db")).unwrap();
            assert!(store.load().unwrap().is_some());
            assert_eq!(names(folder.path()).len(), 2, "{steps}");
            let kept = fs::read(at(&format!("{name}.corrupt"))).unwrap();
            assert_eq!(kept, b"damaged");
        }
    }
}

/// Not only where nothing is there yet.
#[test]
#[cfg(target_os = "linux")]
fn a_name_under_which_nothing_can_be_saved_is_an_error_of_load_too() {
    let folder = tempfile::tempdir().unwrap();
    let within = |name: String| folder.path().join(name);
    for name in ["n".repeat(256), "ö".repeat(128), "n".repeat(5000)] {
        for error in refusals(&FileStore::new(within(name))) {
            assert!(matches!(error, StoreError::Io { .. }), "{error:?}");
            says_once(error, "file name too long");
        }
    }
    for name in ["a\0b", "\0", "a\0", "a\0/b"] {
        for error in refusals(&FileStore::new(within(name.into()))) {
            assert!(error.to_string().contains(r"\0"), "{error}");
            says_once(error, "nul byte");
        }
    }
    // the name is short, and the path as long as a path can be, or nearly
    let mut deep = folder.path().to_owned();
    while deep.as_os_str().len() < 3_600 {
        deep.push("d".repeat(240));
    }
    let rest = 4_095 - deep.as_os_str().len();
    for length in (1..60).map(|less| rest - less) {
        let last = deep.join("d".repeat(length / 2));
        let path = last.join("n".repeat(length - length / 2));
        if fs::create_dir_all(&last).is_err() {
            continue;
        }
        let store = FileStore::new(&path);
        match store.load() {
            Ok(none) => {
                assert_eq!(none, None);
                let saved = store.save(&saved("db"));
                assert!(saved.is_ok(), "{length}: {saved:?}");
                assert!(store.load().unwrap().is_some());
                fs::write(&path, "damaged").unwrap();
            }
            Err(error) => says_once(error, "file name too long"),
        }
        let before = store.load().is_ok();
        let ended = store.save(&saved("db"));
        assert_eq!(ended.is_ok(), store.load().is_ok(), "{length}, {before}");
    }
    for error in refusals(&FileStore::new("d/".repeat(2_500) + "x")) {
        says_once(error, "file name too long");
    }
}

#[test]
fn a_path_that_ends_as_a_folders_does_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let within = |end: &str| format!("{}/{end}", folder.path().display());
    fs::write(within("there"), saved("db").to_bytes()).unwrap();
    for end in ["f/.", "f/./", "f/.//.", "there/.", "there/..", "./", "././"] {
        for error in refusals(&FileStore::new(within(end))) {
            assert!(matches!(error, StoreError::NotAFile { .. }), "{error:?}");
            says_once(error, "not a regular file");
        }
    }
    // dots within are a way to a file
    for way in ["./there", ".//there", "./././there"] {
        let store = FileStore::new(within(way));
        assert_eq!(store.load().unwrap().unwrap().name(), "db");
        store.save(&saved("db")).unwrap();
    }
    fs::create_dir(within("way")).unwrap();
    let store = FileStore::new(within("way/../there"));
    store.save(&saved("other")).unwrap();
    assert_eq!(store.load().unwrap().unwrap().name(), "other");
    assert_eq!(names(folder.path()), ["there", "way"]);
}

/// It says so by "not a directory".
#[test]
#[cfg(unix)]
fn a_file_where_a_folder_should_be_is_no_folder() {
    use std::os::unix::fs::symlink;

    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("file"), "").unwrap();
    symlink("file", at("link")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
    let before = names(folder.path());
    let mut paths: Vec<PathBuf> = ["file/x", "file/x/y", "file/../x/y", "link/x", "socket/x"]
        .iter()
        .map(|path| at(path))
        .collect();
    paths.push("/dev/null/db.state".into());
    for path in paths {
        for error in refusals(&FileStore::new(path)) {
            assert!(matches!(error, StoreError::NoFolder { .. }), "{error:?}");
            assert!(error.to_string().contains("the folder of"), "{error}");
            says_once(error, "not a directory");
        }
    }
    symlink("gone", at("dangling")).unwrap();
    for error in refusals(&FileStore::new(at("dangling/x"))) {
        assert!(matches!(error, StoreError::NoFolder { .. }), "{error:?}");
        assert!(error.source().is_none());
        says_once(error, "does not exist");
    }
    assert_eq!(names(folder.path()).len(), before.len() + 1);
}

/// A link is read through and replaced, wherever it leads; what it leads to stays.
#[test]
#[cfg(target_os = "linux")]
fn a_link_is_read_through_and_replaced() {
    use std::os::unix::fs::symlink;

    let folder = tempfile::tempdir().unwrap();
    // another file system, as a rule
    let elsewhere = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
    let target = elsewhere.unwrap().keep().join("db.state");
    fs::write(&target, saved("elsewhere").to_bytes()).unwrap();
    let path = folder.path().join("db.state");
    let store = FileStore::new(&path);
    symlink(&target, &path).unwrap();
    assert_eq!(store.load().unwrap().unwrap().name(), "elsewhere");
    store.save(&saved("here")).unwrap();
    assert_eq!(store.load().unwrap().unwrap().name(), "here");
    let there = FileStore::new(&target).load().unwrap().unwrap();
    assert_eq!(there.name(), "elsewhere");
    fs::remove_dir_all(target.parent().unwrap()).unwrap();

    // one that leads to nothing, or in a circle, or through a file
    fs::write(folder.path().join("file"), "").unwrap();
    for target in ["gone", "db.state", "file/x"] {
        fs::remove_file(&path).unwrap();
        symlink(target, &path).unwrap();
        let error = store.load().unwrap_err();
        assert!(matches!(error, StoreError::Io { .. }), "{error:?}");
        says_once(error, "link");
        store.save(&saved("here")).unwrap();
        assert_eq!(store.load().unwrap().unwrap().name(), "here");
    }
    // a circle on the way
    symlink("circle", folder.path().join("circle")).unwrap();
    for error in refusals(&FileStore::new(folder.path().join("circle/db.state"))) {
        assert!(matches!(error, StoreError::Io { .. }), "{error:?}");
        says_once(error, "too many levels of symbolic links");
    }
    assert_eq!(names(folder.path()), ["circle", "db.state", "file"]);
}

/// Whatever its bytes are, and without reading them: 1 TB of nothing, which takes no room on the disk.
#[test]
fn a_file_that_is_longer_than_any_state_is_too_long_and_not_read() {
    const MOST: u64 = 16 << 20;
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::new(folder.path().join("db.state"));
    for beginning in [&b""[..], &saved("db").to_bytes()] {
        for length in [MOST + 1, 1 << 40] {
            fs::write(store.path(), beginning).unwrap();
            let file = fs::OpenOptions::new().write(true).open(store.path());
            file.unwrap().set_len(length).unwrap();
            let error = store.load().unwrap_err();
            let too_long = SavedError::TooLong;
            assert!(
                matches!(&error, StoreError::Refused { error, .. } if *error == too_long),
                "{error:?}"
            );
            says_once(error, "too long");
            store.save(&saved("db")).unwrap();
            assert!(store.load().unwrap().is_some());
        }
    }
    let kept = folder.path().join("db.state.corrupt.3");
    assert_eq!(fs::metadata(kept).unwrap().len(), 1 << 40);
}

/// It could not be loaded again; what was saved before stays.
#[test]
fn a_state_that_is_too_long_is_not_saved() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::new(folder.path().join("db.state"));
    let around = saved("").to_bytes().len();
    store.save(&saved("before")).unwrap();
    let longest = (16 << 20) - around;
    // times take a byte more or less from one state to the next
    let (over, under) = (longest + 64, longest - 64);
    for (length, fits) in [(over, false), (under, true), (17 << 20, false)] {
        let ended = store.save(&saved(&"x".repeat(length)));
        match ended {
            Ok(()) => assert!(fits, "{length}"),
            Err(error) => {
                assert!(!fits, "{length}: {error}");
                assert!(matches!(error, StoreError::Refused { .. }), "{error:?}");
                says_once(error, "too long");
            }
        }
        let loaded = store.load().unwrap().unwrap();
        assert!(loaded.name() == "before" || fits || loaded.name().len() == under);
    }
    assert_eq!(names(folder.path()), ["db.state"]);
}
