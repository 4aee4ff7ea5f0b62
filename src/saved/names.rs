//! The names of the files beside a saved state.

use alloc::format;
use alloc::string::String;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Temporary files are named `.NAME.XXXXXX.tmp`, after the file whose state they hold.
pub(crate) const SUFFIX: &str = ".tmp";
pub(crate) const RANDOM: usize = 6;
/// How many bytes of a file's name are in the names of others.
const LONGEST: usize = 64;
/// How many damaged states are kept.
pub(crate) const KEPT: u32 = 10;

/// Returns the file's name. A long name, to which nothing more can be added, is cut short, with its
/// checksum after it: most file systems allow 255 bytes.
fn short_name(path: &Path) -> OsString {
    let name = path.file_name().unwrap_or_default();
    if name.len() <= LONGEST {
        return name.to_owned();
    }
    let checksum = crc32fast::hash(name.as_encoded_bytes());
    let text = name.to_string_lossy();
    let fits = |(at, letter): &(usize, char)| at + letter.len_utf8() <= LONGEST;
    let letters = text.char_indices().take_while(fits);
    let short: String = letters.map(|(_, letter)| letter).collect();
    format!("{short}-{checksum:08x}").into()
}

pub(crate) fn prefix(path: &Path) -> OsString {
    let mut prefix = OsString::from(".");
    prefix.push(short_name(path));
    prefix.push(".");
    prefix
}

/// Returns a temporary file's name with that in place of the random characters.
pub(crate) fn temporary_name(path: &Path, random: &str) -> OsString {
    let mut name = prefix(path);
    name.push(random);
    name.push(SUFFIX);
    name
}

pub(crate) fn is_temporary(name: &[u8], prefix: &OsString) -> bool {
    let random = name
        .strip_prefix(prefix.as_encoded_bytes())
        .and_then(|rest| rest.strip_suffix(SUFFIX.as_bytes()));
    random.is_some_and(|r| r.len() == RANDOM && r.iter().all(u8::is_ascii_alphanumeric))
}

/// `NAME.corrupt`, or with a number after it.
pub(crate) fn corrupt(path: &Path, number: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".corrupt");
    if number > 0 {
        name.push(format!(".{number}"));
    }
    PathBuf::from(name)
}

/// Returns the names under which damaged states are kept. If one of them would be too long, all of
/// them begin with the short name.
pub(crate) fn corrupt_names(path: &Path) -> impl Iterator<Item = PathBuf> {
    let longest = fs::symlink_metadata(corrupt(path, KEPT - 1));
    let path = match longest {
        Err(error) if error.kind() == io::ErrorKind::InvalidFilename => {
            path.with_file_name(short_name(path))
        }
        _ => path.to_owned(),
    };
    (0..KEPT).map(move |number| corrupt(&path, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_names_are_taken_for_temporary_files() {
        let of = |name: &str| is_temporary(name.as_bytes(), &prefix(Path::new("/x/db.state")));
        assert!(of(".db.state.a1B2c3.tmp"));
        for other in [
            "db.state",
            "db.state.a1B2c3.tmp",
            ".db.state.tmp",
            ".db.state..tmp",
            ".db.state.a1B2c3",
            ".db.state.a1B2c3.tmp.gz",
            ".db.state.a1B2c.tmp",
            ".db.state.a1B2c3d.tmp",
            ".db.state.a1-2c3.tmp",
            ".db.a1B2c3.tmp",
            ".cache.state.a1B2c3.tmp",
            ".db.state.old.a1B2c3.tmp",
        ] {
            assert!(!of(other), "{other}");
        }
    }

    /// Two that begin alike are two, and a letter is not cut in half.
    #[test]
    fn a_long_name_is_cut_short_with_its_checksum() {
        let of = |name: &str| {
            short_name(Path::new(name))
                .into_string()
                .unwrap_or_default()
        };
        let long = "n".repeat(LONGEST);
        assert_eq!(of(&long), long);
        let (a, b) = (of(&format!("{long}a")), of(&format!("{long}b")));
        assert!(a.starts_with(&long) && b.starts_with(&long));
        assert!(a != b && a.len() == LONGEST + 9 && b.len() == LONGEST + 9);
        let letters = of(&"\u{72b6}".repeat(80));
        assert_eq!(letters.chars().count(), LONGEST / 3 + 9);
    }
}
