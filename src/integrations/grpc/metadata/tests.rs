use super::*;

fn with(name: &'static str, value: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(
        ::http::HeaderName::from_static(name),
        HeaderValue::from_static(value),
    )])
}

#[test]
fn a_forked_process_has_a_number_of_its_own() {
    assert_eq!(number_of(7), number_of(7));
    assert_ne!(number_of(7), number_of(8));
    let with = |process| {
        let mut metadata = HeaderMap::new();
        metadata.insert(REJECTED, number_of(process));
        metadata
    };
    let ours = if cfg!(unix) { std::process::id() } else { 0 };
    assert!(is_of_this_process(&with(ours)));
    assert!(!is_of_this_process(&with(ours.wrapping_add(1))));
}

#[test]
fn a_status_that_makes_no_sense_is_unknown_and_no_status_is_none() {
    assert_eq!(code(&with(STATUS, "0")), Some(Code::Ok));
    assert_eq!(code(&with(STATUS, "16")), Some(Code::Unauthenticated));
    for odd in ["", "x", "17", "-1", "1.0", "99999999999"] {
        assert_eq!(code(&with(STATUS, odd)), Some(Code::Unknown), "{odd:?}");
    }
    assert_eq!(code(&HeaderMap::new()), None);
}

#[test]
fn a_message_is_percent_encoded() {
    assert_eq!(
        encoded("100 % of z\u{fc}rich\n"),
        "100 %25 of z%C3%BCrich%0A"
    );
}

#[test]
fn a_pushback_is_in_milliseconds_and_below_zero_none() {
    let ms = |n| Some(Duration::from_millis(n));
    assert_eq!(pushback(&with(PUSHBACK, "0")), ms(0));
    assert_eq!(pushback(&with(PUSHBACK, "1500")), ms(1500));
    // as of a `Retry-After`, what is too large is the largest
    for long in ["18446744073709551615", "18446744073709551616"] {
        assert_eq!(pushback(&with(PUSHBACK, long)), ms(u64::MAX));
    }
    for odd in ["", "-1", "-18446744073709551616", "x", "1.5"] {
        assert_eq!(pushback(&with(PUSHBACK, odd)), None, "{odd:?}");
    }
    assert_eq!(pushback(&HeaderMap::new()), None);
}
