use super::*;
use crate::log::Options;
use crate::log::testing::{Folder, refused};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;

fn gzip(text: &str) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(text.as_bytes()).expect("compressed");
    gzip.finish().expect("compressed")
}

#[test]
fn gzip_in_parts_and_cut_off() {
    let (first, second) = ("time,duration_ms,status\n1,1,200\n2,1,", "200\n3,1,503\n");
    let mut parts = gzip(first);
    parts.extend(gzip(second));
    let folder = Folder::new();
    // the name does not matter
    for name in ["a.csv.gz", "a.csv", "a"] {
        let log = folder
            .read(name, &parts, &Options::default())
            .expect("read");
        assert_eq!((log.len(), log.bad.count), (3, 0), "{name}");
    }
    let json = gzip("{\"time\":1,\"duration_ms\":1,\"status\":200}\n");
    assert_eq!(
        folder
            .read("a.jsonl.gz", &json, &Options::default())
            .expect("read")
            .len(),
        1
    );
    let plain = folder.read(
        "b.csv.gz",
        format!("{first}{second}").as_bytes(),
        &Options::default(),
    );
    assert_eq!(plain.expect("by its bytes, it is not compressed").len(), 3);

    // cut off in the second part, and damaged behind it
    for (cut, rest) in [(9, &b""[..]), (0, &b"rubbish after the last part"[..])] {
        let mut broken = parts[..parts.len() - cut].to_vec();
        broken.extend(rest);
        let log = folder
            .read("a.csv.gz", &broken, &Options::default())
            .expect("read");
        assert_eq!(log.bad.count, 1);
        assert!(
            log.bad.first[0].1.contains("cut off or damaged"),
            "{}",
            log.bad
        );
        assert_eq!(log.lines, log.len() as u64 + 1);
        assert!(log.len() >= 1);
    }
    let error = refused(folder.read("a.csv.gz", &parts[..15], &Options::default()));
    assert!(error.contains("cut off or damaged"), "{error}");
}

#[test]
fn names_of_sources() {
    assert_eq!(Source::new("-".into()), Source::StandardInput);
    let extension = |path: &str| Source::new(Path::new(path).into()).extension();
    assert_eq!(extension("a/b.CSV.gz").as_deref(), Some("csv"));
    assert_eq!(extension("a.b/c.ndjson").as_deref(), Some("ndjson"));
    assert_eq!(extension("a.gz"), None);
}
