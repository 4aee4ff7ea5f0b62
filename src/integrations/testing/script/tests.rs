use super::*;
use proptest::prelude::*;

const ENDINGS: [Ending; 4] = [
    Ending::Success,
    Ending::Hang,
    Ending::Panic,
    Ending::Failure {
        kind: FailureKind::Data,
        retry_after: None,
    },
];

proptest! {
    /// Against the calls written out one by one.
    #[test]
    fn the_number_of_a_call_decides(
        steps in proptest::collection::vec((0_u64..4, 0_usize..4, 0_u64..3), 0..6),
        repeats: bool,
    ) {
        let (mut script, mut calls) = (Script::new(), Vec::new());
        for (number, ending, takes) in steps {
            let takes = Duration::from_secs(takes);
            script = script.takes(takes).step(number, ENDINGS[ending]);
            let step = Step { ending: ENDINGS[ending], takes };
            calls.extend((0..number).map(|_| step));
        }
        let last = Step { ending: Ending::Panic, takes: script.takes };
        let script = if repeats { script.then_repeats() } else { script.then_panics() };
        for number in 0..50 {
            let expected = match calls.len() {
                0 if repeats => Step { ending: Ending::Success, takes: script.takes },
                length if repeats => calls[number % length],
                _ => calls.get(number).copied().unwrap_or(last),
            };
            prop_assert_eq!(script.of_call(number as u64), expected);
        }
    }
}

#[test]
fn more_calls_than_there_are_numbers_are_the_last_step() {
    let script = Script::new().fails(1, FailureKind::Data).hangs(u64::MAX);
    let script = script.panics(1).then_succeeds();
    assert_eq!(script.of_call(u64::MAX - 1).ending, Ending::Hang);
}

#[test]
fn what_takes_is_set_before_and_after_the_end_is_named() {
    let takes = Duration::MAX;
    for script in [
        Script::new().takes(takes).then_hangs(),
        Script::new().then_hangs().takes(takes),
    ] {
        let ending = Ending::Hang;
        assert_eq!(script.of_call(0), Step { ending, takes });
    }
}
