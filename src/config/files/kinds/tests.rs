//! Names, lists and texts.

use super::*;

fn all_at_once(text: &str) -> Result<Vec<FailureKind>, Cow<'static, str>> {
    let mut kinds = Kinds::default();
    kinds.put(Found::Any(text))?;
    Ok(kinds.0.unwrap_or_default())
}

#[test]
fn each_name_comes_back() {
    let own = (0..=u8::MAX).map(FailureKind::Other);
    for kind in every_slot().into_iter().chain(own) {
        assert_eq!(all_at_once(&kind.to_string()), Ok([kind].into()));
        assert_eq!(all_at_once(&KindName(kind).to_string()), Ok([kind].into()));
    }
}

#[test]
fn a_text_has_commas_and_may_have_spaces() {
    let kinds = [FailureKind::Timeout, FailureKind::Other(7)];
    assert_eq!(all_at_once("timeout,other(7)"), Ok(kinds.into()));
    assert_eq!(all_at_once(" timeout , other(7) "), Ok(kinds.into()));
    for text in ["", " "] {
        assert_eq!(all_at_once(text), Ok(Vec::new()));
    }
    for text in [
        ",",
        "timeout,",
        "timeout;data",
        "[timeout]",
        "other",
        "other_256",
        "other_01",
        "other_+1",
        "other_",
        "other(256)",
        "other(-1)",
        "other(+1)",
        "other(01)",
        "other(1",
        "Timeout",
        "false",
    ] {
        let error = all_at_once(text).err().unwrap_or_default();
        assert!(error.contains("or several of them"), "{text}: {error}");
    }
}

#[test]
fn a_list_has_one_name_at_each_place() {
    let mut kinds = Kinds::default();
    assert_eq!(kinds.put(Found::List), Ok(()));
    assert_eq!(kinds.0, Some(Vec::new()));
    for name in ["data", "timeout", "data"] {
        assert_eq!(kinds.put(Found::Text(name)), Ok(()));
    }
    let names = "one of \"timeout\", \"connect\", \"overload\", \"server\", \"client\", \"data\" \
                 and \"other_0\" to \"other_255\"";
    for found in [
        Found::List,
        Found::Text("data,timeout"),
        Found::Text(" data"),
        Found::Integer(1),
        Found::Switch(false),
    ] {
        let error = kinds.put(found).err().unwrap_or_default();
        assert!(error.starts_with(names), "{error}");
    }
    let of_lenient = |lenient| Kinds::of(Some(lenient)).0;
    let kinds = kinds.0.unwrap_or_default();
    let once = [FailureKind::Timeout, FailureKind::Data];
    assert_eq!(of_lenient(Lenient::new(kinds, 0.5)), Some(once.into()));
}

#[test]
fn a_name_that_is_near_is_meant() {
    for (unknown, meant) in [
        ("overlod", Some("overload")),
        ("Overload", Some("overload")),
        ("timeouts", Some("timeout")),
        ("data, conect", Some("connect")),
        ("password", None),
        ("other(256)", None),
        (",", None),
    ] {
        let error = all_at_once(unknown).err().unwrap_or_default();
        let rest = error.split_once(" between").map(|(_, rest)| rest);
        let expected = meant.map(|meant| format!("; did you mean {meant:?}?"));
        assert_eq!(rest, Some(expected.as_deref().unwrap_or_default()));
    }
}
