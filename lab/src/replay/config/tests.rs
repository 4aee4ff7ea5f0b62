use super::*;

#[test]
fn configurations_from_files() {
    let folder = tempfile::tempdir().expect("made");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("written");
        path.display().to_string()
    };
    let strict = write("strict.toml", "failure_rate = 0.2\nslow_call = \"50ms\"\n");
    let read = Configuration::parse(&strict).expect("valid");
    assert_eq!(
        (read.name.as_str(), read.slow),
        ("strict", Some(50_000_000))
    );
    assert_eq!(
        Configuration::parse(&format!("mine={strict}"))
            .expect("valid")
            .name,
        "mine"
    );
    for (text, reason) in [
        ("failure_rate = 2.0", "failure_rate"),
        ("failure_rat = 0.5", "failure_rat"),
        ("failure_rate = ", "TOML parse error"),
        ("initial_state = \"forced_open\"", "controller"),
    ] {
        let path = write("bad.toml", text);
        let error = Configuration::parse(&path).expect_err(text);
        assert!(
            error.starts_with(&path) && error.contains(reason),
            "{error}"
        );
    }
    let error = Configuration::parse("adaptiv").expect_err("unknown");
    assert_eq!(
        error,
        "there is no \"adaptiv\"; known: default, adaptive, and TOML files"
    );
    assert!(
        Configuration::parse("x=/no/such.toml")
            .expect_err("none")
            .starts_with("/no/such.toml: ")
    );
}
