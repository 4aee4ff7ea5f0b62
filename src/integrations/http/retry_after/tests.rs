use super::*;

fn read(value: &str) -> Option<Duration> {
    let mut headers = HeaderMap::new();
    headers.insert(RETRY_AFTER, HeaderValue::from_str(value).ok()?);
    retry_after(&headers)
}

#[test]
fn numbers_are_seconds_and_garbage_is_nothing() {
    let secs = |n| Some(Duration::from_secs(n));
    assert_eq!(read("0"), secs(0));
    assert_eq!(read(" 7 "), secs(7));
    assert_eq!(read("-5"), secs(0));
    assert_eq!(read("18446744073709551615"), secs(u64::MAX));
    assert_eq!(read("18446744073709551616"), secs(u64::MAX));
    assert_eq!(read("-18446744073709551616"), secs(0));
    for garbage in ["", "-", "--1", "+1", "1.5", "1s", "0x10", "soon", "\u{e9}"] {
        assert_eq!(read(garbage), None, "{garbage:?}");
    }
    assert_eq!(retry_after(&HeaderMap::new()), None);
}

#[test]
fn any_name_makes_a_valid_string() {
    assert_eq!(quoted("a \"b\" \\ c"), r#""a \"b\" \\ c""#);
    assert_eq!(quoted("z\u{fc}rich\n"), r#""z?rich?""#);
    assert!(HeaderValue::try_from(quoted("\r\nset-cookie: x")).is_ok());
}

#[test]
fn a_date_is_from_the_responses_own_or_from_now() {
    let dated = |value: &str, date: Option<&str>| {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_str(value).ok()?);
        if let Some(date) = date {
            headers.insert(DATE, HeaderValue::from_str(date).ok()?);
        }
        retry_after(&headers)
    };
    let (early, late) = (
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:51:07 GMT",
    );
    assert_eq!(dated(late, Some(early)), Some(Duration::from_secs(90)));
    assert_eq!(dated(early, Some(late)), Some(Duration::ZERO));
    assert_eq!(dated(early, Some(early)), Some(Duration::ZERO));
    // the two old forms
    let old = "Sunday, 06-Nov-94 08:51:07 GMT";
    assert_eq!(dated(old, Some(early)), Some(Duration::from_secs(90)));
    let older = "Sun Nov  6 08:51:07 1994";
    assert_eq!(dated(older, Some(early)), Some(Duration::from_secs(90)));
    // without a date, or with none that can be read: from now
    assert_eq!(dated(late, None), Some(Duration::ZERO));
    assert_eq!(dated(late, Some("yesterday")), Some(Duration::ZERO));
    let hour = Duration::from_secs(3600);
    let in_an_hour = httpdate::fmt_http_date(SystemTime::now() + hour);
    let wait = dated(&in_an_hour, None).unwrap_or_default();
    assert!(wait > hour / 2 && wait <= hour, "{wait:?}");
}
