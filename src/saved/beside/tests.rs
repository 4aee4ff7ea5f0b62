use super::*;
use crate::saved::names::{KEPT, corrupt};
use alloc::format;
use alloc::string::String;

/// From the moment that it is made to the moment that it is dropped.
#[test]
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
fn a_temporary_file_lives_as_long_as_its_save() -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("db.state");
    let ours = temporary(&path, folder.path())?;
    remove_abandoned(&path, folder.path());
    assert!(ours.path().exists());
    // as a process leaves it that is killed
    let (file, left) = ours.keep()?;
    remove_abandoned(&path, folder.path());
    assert!(left.exists());
    drop(file);
    remove_abandoned(&path, folder.path());
    assert!(!left.exists());
    Ok(())
}

#[test]
fn what_is_kept_is_not_overwritten_but_for_the_last() -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("db.state");
    for n in 0..KEPT + 2 {
        fs::write(&path, format!("{n}"))?;
        // one that is kept already is not kept twice
        for _ in 0..2 {
            keep_beside(&path, folder.path(), |_| Ok(true))?;
        }
        assert_eq!(fs::read_to_string(&path)?, format!("{n}"));
        fs::remove_file(&path)?;
    }
    let content =
        |name: &str| -> io::Result<String> { fs::read_to_string(folder.path().join(name)) };
    assert_eq!(content("db.state.corrupt")?, "0");
    assert_eq!(content("db.state.corrupt.1")?, "1");
    assert_eq!(content("db.state.corrupt.8")?, "8");
    assert_eq!(content("db.state.corrupt.9")?, "11");
    // nothing there, nothing kept
    let gone = keep_beside(&folder.path().join("none"), folder.path(), |_| Ok(true));
    assert!(gone.is_err());
    assert!(!folder.path().join("none.corrupt").exists());
    Ok(())
}

/// Ours found a damaged file, and before it keeps that another save does, and saves.
#[test]
fn a_good_state_is_never_kept_as_damaged() -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("db.state");
    let damaged = |file: &Path| Ok(fs::read(file).is_ok_and(|bytes| bytes != b"good"));
    let save = || -> io::Result<()> {
        let new = temporary(&path, folder.path())?;
        fs::write(new.path(), "good")?;
        new.persist(&path)?;
        Ok(())
    };
    let count = || fs::read_dir(folder.path()).map(Iterator::count);
    fs::write(&path, "damaged")?;
    keep_beside(&path, folder.path(), damaged)?;
    save()?;
    keep_beside(&path, folder.path(), damaged)?;
    assert_eq!(fs::read(&path)?, b"good");
    assert_eq!(fs::read(corrupt(&path, 0))?, b"damaged");
    assert_eq!(count()?, 2);
    // or while ours is judging: what it keeps is what it has judged
    fs::write(&path, "damaged again")?;
    let meanwhile = |file: &Path| {
        let judged = damaged(file)?;
        Ok(judged && save().is_ok())
    };
    keep_beside(&path, folder.path(), meanwhile)?;
    assert_eq!(fs::read(&path)?, b"good");
    assert_eq!(fs::read(corrupt(&path, 1))?, b"damaged again");
    assert_eq!(count()?, 3);
    Ok(())
}
