//! A store in a process that may not do everything, or whose disk is full, and one that goes to another folder.
//! Each of these tests goes on in a process of its own.
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use tripcoil::Breaker;
use tripcoil::saved::{FileStore, Saved, StoreError};

const INSIDE: &str = "TRIPCOIL_TEST_INSIDE";

fn saved(name: &str) -> Saved {
    let (_, controller) = Breaker::builder(name).build_with_controller().unwrap();
    controller.save()
}

fn inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

/// Whether the process failed for another reason than the test.
fn ended(command: &mut Command, folder: &Path) {
    let status = command.env(INSIDE, "1").current_dir(folder).status();
    match status.map(|status| status.code()) {
        Ok(Some(0)) => {}
        Ok(Some(101)) => panic!("it has failed in its own process"),
        other => println!("not possible here, nothing was tested: {other:?}"),
    }
}

/// With a new file system at "disk".
fn with_a_disk(test: &str, options: &str, then: &str) {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("disk")).unwrap();
    let script = format!(
        "mount -t tmpfs -o {options} none disk || exit 77; {then} exec {:?} --exact {test}",
        std::env::current_exe().unwrap()
    );
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", &script]);
    ended(&mut command, folder.path());
}

/// As a user who is not root.
fn unprivileged(test: &str) {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    // the program may stand where that user cannot go
    let program = folder.path().join("program");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let mut command = Command::new(program);
    command.args(["--exact", test]);
    if fs::metadata(folder.path()).unwrap().uid() == 0 {
        command.uid(65_534).gid(65_534);
    }
    ended(&mut command, folder.path());
}

#[track_caller]
fn refused_by_the_system(error: StoreError, cause: &str) {
    assert!(matches!(error, StoreError::Io { .. }), "{error:?}");
    let path = format!("{:?}", error.path());
    let text = format!("{:#}", anyhow::Error::new(error));
    assert_eq!(text.matches(&path).count(), 1, "{text}");
    assert_eq!(text.matches('"').count(), 2, "{text}");
    assert!(text.to_lowercase().contains(cause), "{text}");
}

fn count(folder: &str) -> usize {
    fs::read_dir(folder).unwrap().count()
}

#[test]
fn a_full_disk_leaves_the_state_that_was_there() {
    if !inside() {
        return with_a_disk(
            "rights::a_full_disk_leaves_the_state_that_was_there",
            "size=64k",
            "",
        );
    }
    let store = FileStore::new("disk/db.state");
    let large = || saved(&"x".repeat(40 << 10));
    store.save(&saved("small")).unwrap();
    // this fits once, and not twice
    store.save(&large()).unwrap();
    for before in [large(), saved("small")] {
        if before.name() == "small" {
            fs::remove_file("disk/db.state").unwrap();
            store.save(&before).unwrap();
            fs::write("disk/other", vec![1; 40 << 10]).unwrap();
        }
        let error = store.save(&large()).unwrap_err();
        refused_by_the_system(error, "no space left");
        assert_eq!(store.load().unwrap().unwrap().name(), before.name());
    }
    assert_eq!(count("disk"), 2);
    // a damaged one stays where it is
    fs::write("disk/db.state", "damaged").unwrap();
    assert!(store.save(&large()).is_err());
    assert_eq!(fs::read("disk/db.state").unwrap(), b"damaged");
    // and the next that fits is saved
    store.save(&saved("small")).unwrap();
    assert_eq!(store.load().unwrap().unwrap().name(), "small");
    assert_eq!(fs::read("disk/db.state.corrupt").unwrap(), b"damaged");
    assert_eq!(count("disk"), 3);
}

/// It has room, and takes no further file.
#[test]
fn a_disk_without_room_for_a_file_leaves_the_state_that_was_there() {
    if !inside() {
        let test = "rights::a_disk_without_room_for_a_file_leaves_the_state_that_was_there";
        return with_a_disk(test, "nr_inodes=4", "");
    }
    let store = FileStore::new("disk/db.state");
    store.save(&saved("db")).unwrap();
    let mut others = 0;
    while fs::write(format!("disk/{others}"), "").is_ok() {
        others += 1;
    }
    refused_by_the_system(store.save(&saved("new")).unwrap_err(), "no space left");
    assert_eq!(store.load().unwrap().unwrap().name(), "db");
    assert_eq!(count("disk"), others + 1);
}

#[test]
fn a_disk_that_is_read_only_is_read() {
    if !inside() {
        let test = "rights::a_disk_that_is_read_only_is_read";
        let program = std::env::current_exe().unwrap();
        let begin = format!(
            "TRIPCOIL_TEST_INSIDE=first {program:?} --exact {test} && mount -o remount,ro disk || exit 101;"
        );
        return with_a_disk(test, "size=1m", &begin);
    }
    let store = FileStore::new("disk/db.state");
    let damaged = FileStore::new("disk/damaged");
    if std::env::var_os(INSIDE).is_some_and(|value| value == "first") {
        store.save(&saved("db")).unwrap();
        fs::write(damaged.path(), "damaged").unwrap();
        return;
    }
    assert_eq!(store.load().unwrap().unwrap().name(), "db");
    assert_eq!(FileStore::new("disk/other").load().unwrap(), None);
    for store in [store, damaged, FileStore::new("disk/other")] {
        refused_by_the_system(store.save(&saved("db")).unwrap_err(), "read-only");
    }
    assert_eq!(count("disk"), 2);
}

#[test]
fn what_may_not_be_read_or_written_is_an_error_and_stays() {
    if !inside() {
        return unprivileged("rights::what_may_not_be_read_or_written_is_an_error_and_stays");
    }
    let mode = |path: &str, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    fs::create_dir("folder").unwrap();
    let store = FileStore::new("folder/db.state");
    let absent = FileStore::new("folder/absent");
    store.save(&saved("db")).unwrap();

    // to be read alone
    mode("folder", 0o500);
    assert_eq!(store.load().unwrap().unwrap().name(), "db");
    assert_eq!(absent.load().unwrap(), None);
    for store in [&store, &absent] {
        refused_by_the_system(store.save(&saved("new")).unwrap_err(), "permission denied");
    }
    // not to be entered: whether a state is there is not known
    for closed in [0o600, 0o200, 0o000] {
        mode("folder", closed);
        for store in [&store, &absent] {
            refused_by_the_system(store.load().unwrap_err(), "permission denied");
            refused_by_the_system(store.save(&saved("new")).unwrap_err(), "permission denied");
        }
    }
    // to be written, and not to be read: it cannot be brought to the disk
    mode("folder", 0o300);
    assert_eq!(store.load().unwrap().unwrap().name(), "db");
    for store in [&store, &absent] {
        refused_by_the_system(store.save(&saved("new")).unwrap_err(), "permission denied");
    }
    mode("folder", 0o700);
    assert_eq!(store.load().unwrap().unwrap().name(), "db");
    assert_eq!(count("folder"), 1);

    // a file that may not be read is kept as a damaged one is
    mode("folder/db.state", 0o000);
    refused_by_the_system(store.load().unwrap_err(), "permission denied");
    store.save(&saved("new")).unwrap();
    assert_eq!(store.load().unwrap().unwrap().name(), "new");
    mode("folder/db.state.corrupt", 0o600);
    let kept = FileStore::new("folder/db.state.corrupt").load().unwrap();
    assert_eq!(kept.unwrap().name(), "db");
    assert_eq!(count("folder"), 2);
}

/// Whether a file is good cannot be seen while there is no descriptor for it.
#[test]
fn a_good_state_is_not_taken_for_damaged_where_no_file_can_be_opened() {
    if !inside() {
        let test = "rights::a_good_state_is_not_taken_for_damaged_where_no_file_can_be_opened";
        let folder = tempfile::tempdir().unwrap();
        let program = std::env::current_exe().unwrap();
        let script = format!("ulimit -n 64 || exit 77; exec {program:?} --exact {test}");
        return ended(Command::new("sh").args(["-c", &script]), folder.path());
    }
    let store = FileStore::new("db.state");
    store.save(&saved("before")).unwrap();
    let mut saves = 0;
    for left in 0..8 {
        let mut files = Vec::new();
        while let Ok(file) = fs::File::open("/dev/null") {
            files.push(file);
        }
        files.truncate(files.len() - left);
        let state = saved(&left.to_string());
        let before = match store.load() {
            Ok(state) => state.map(|state| state.name().to_string()),
            Err(error) => {
                refused_by_the_system(error, "too many open files");
                None
            }
        };
        let ended = store.save(&state);
        drop(files);
        let after = store.load().unwrap().unwrap();
        match ended {
            Ok(()) => {
                assert_eq!(after, state);
                saves += 1;
            }
            Err(error) => {
                refused_by_the_system(error, "too many open files");
                assert!(before.is_none_or(|before| before == after.name()));
            }
        }
        assert_eq!(count("."), 1, "with {left} left");
    }
    assert!((1..8).contains(&saves), "{saves}");
}

/// A store goes on with the file that it was made for; one whose folder is gone says so.
#[test]
fn a_relative_path_is_the_same_file_after_a_change_of_folder() {
    if !inside() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        let test = "rights::a_relative_path_is_the_same_file_after_a_change_of_folder";
        return ended(command.args(["--exact", test]), folder.path());
    }
    for folder in ["one", "one/below", "two", "gone"] {
        fs::create_dir(folder).unwrap();
    }
    let folder = std::env::current_dir().unwrap();
    let go = |to: &str| std::env::set_current_dir(folder.join(to)).unwrap();
    go("one");
    let relative = ["db.state", "./dot.state", "below/db.state", "../up.state"];
    let stores = relative.map(FileStore::new);
    for store in &stores[..2] {
        store.save(&saved("one")).unwrap();
    }
    go("two");
    for (store, path) in stores.iter().zip(relative) {
        assert_eq!(store.path(), Path::new(path));
        store.save(&saved("two")).unwrap();
        assert_eq!(store.load().unwrap().unwrap().name(), "two");
        assert!(!Path::new(path).exists() || path.starts_with(".."));
        assert_ne!(*store, FileStore::new("db.state"));
        assert_eq!(*store, store.clone());
    }
    assert_eq!(count("."), 0);
    for path in [
        "one/db.state",
        "one/dot.state",
        "one/below/db.state",
        "up.state",
    ] {
        let store = FileStore::new(folder.join(path));
        assert_eq!(store.load().unwrap().unwrap().name(), "two");
    }
    go("gone");
    let before = FileStore::new("db.state");
    fs::remove_dir(folder.join("gone")).unwrap();
    let after = FileStore::new("db.state");
    for store in [before, after] {
        for error in [
            store.load().unwrap_err(),
            store.save(&saved("db")).unwrap_err(),
        ] {
            assert!(matches!(error, StoreError::NoFolder { .. }), "{error:?}");
            assert!(error.to_string().contains(r#""db.state""#), "{error}");
        }
    }
}
