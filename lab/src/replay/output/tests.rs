use super::*;

#[test]
fn a_file_is_made_at_the_end_and_nothing_is_left_over() {
    let folder = tempfile::tempdir().expect("made");
    let path = folder.path().join("a.json");
    let names = || fs::read_dir(folder.path()).expect("there").count();
    drop(Output::new(&path).expect("can be written"));
    assert_eq!(names(), 0);
    Output::new(&path)
        .expect("can be")
        .write("one")
        .expect("is");
    Output::new(&path)
        .expect("can be")
        .write("two")
        .expect("is");
    assert_eq!(fs::read_to_string(&path).expect("there"), "two");
    assert_eq!(names(), 1);
}

#[test]
fn what_cannot_be_written_to_is_said_at_once() {
    let folder = tempfile::tempdir().expect("made");
    let refused = |path: &Path| Output::new(path).err().expect("refused");
    assert!(refused(folder.path()).ends_with("it is a folder"));
    let nowhere = folder.path().join("none/a.json");
    assert!(refused(&nowhere).contains("there is no folder"));
    for path in ["-", "/dev/stdout", "/dev/fd/2"] {
        assert!(refused(Path::new(path)).contains("are for the results"));
    }
}

#[test]
fn one_file_may_be_spelled_in_many_ways() {
    let folder = tempfile::tempdir().expect("made");
    let file = folder.path().join("a");
    let other = folder.path().join("./x/../a");
    fs::create_dir(folder.path().join("x")).expect("made");
    assert!(is_same_file(&file, &other));
    fs::write(&file, "").expect("written");
    assert!(is_same_file(&file, &other));
    assert!(!is_same_file(&file, &folder.path().join("x/a")));
    assert!(is_same_file(Path::new("no-such"), Path::new("./no-such")));
}

#[cfg(unix)]
#[test]
fn links_are_followed() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().expect("made");
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    fs::create_dir(&one).expect("made");
    fs::create_dir(&two).expect("made");
    let link = one.join("link");
    symlink("../two/a.json", &link).expect("made");
    let place = two.join("a.json");
    // also if there is nothing at its end
    assert!(is_same_file(&link, &place));
    for text in ["first", "second"] {
        let output = Output::new(&link).expect("can be written");
        assert!(fs::read_dir(&two).expect("there").count() > usize::from(text == "second"));
        output.write(text).expect("written");
        assert!(link.is_symlink() && is_same_file(&link, &place));
        assert_eq!(fs::read_to_string(&place).expect("there"), text);
    }
    assert_eq!(fs::read_dir(&one).expect("there").count(), 1);
    symlink("round", one.join("round")).expect("made");
    let error = Output::new(&one.join("round")).err().expect("refused");
    assert!(error.contains("leads nowhere"), "{error}");
}
