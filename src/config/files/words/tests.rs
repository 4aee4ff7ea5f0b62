//! Each word, number and duration, there and back.

use super::*;
use proptest::prelude::*;

#[test]
fn each_word_comes_back() {
    for state in State::ALL {
        assert_eq!(State::found(Found::Any(state.as_str())), Some(state));
    }
    for profile in Profile::ALL {
        let word = profile.name();
        assert_eq!(Profile::found(Found::Any(word)), Some(profile));
        assert!(Profile::IS.contains(word), "{word}");
    }
    for (word, on_cancel) in CANCELLATIONS {
        assert_eq!(name_of(&CANCELLATIONS, on_cancel), word);
        assert_eq!(OnCancel::found(Found::Any(word)), Some(on_cancel));
    }
    for clock in [Clock::coarse(), Clock::upkeep(), Clock::precise()] {
        let again = clock.name().and_then(|word| Clock::found(Found::Any(word)));
        assert_eq!(again.and_then(|c| c.name()), clock.name());
    }
    assert_eq!(State::found(Found::Any("Closed")), None);
}

#[test]
fn a_text_is_what_it_looks_like() {
    fn any<T: Value>(text: &str) -> Option<T> {
        T::found(Found::Any(text))
    }
    assert_eq!(["0.5", "1", "half"].map(any), [Some(0.5), Some(1.0), None]);
    let counts = ["7", "-7", "7.5", "4294967296"].map(any::<u32>);
    assert_eq!(counts, [Some(7), None, None, None]);
    let waits = ["1m 30s", "90"].map(any);
    assert_eq!(waits, [Some(Duration::from_secs(90)), None]);
}

proptest! {
    #[test]
    fn durations_come_back(seconds in prop_oneof![0..200u64, any::<u64>()], nanos in 0..1_000_000_000u32) {
        let d = Duration::new(seconds, nanos);
        let Written::Text(text) = Written::from(d) else { unreachable!("a text") };
        prop_assert_eq!(Duration::found(Found::Text(&text)), Some(d));
    }
}
