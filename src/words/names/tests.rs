#![allow(clippy::expect_used, reason = "a test may fail loudly")]

use super::*;
use std::collections::BTreeSet;

/// The names in an expectation: after the colon, with commas between, and the last two with `or`.
fn listed(names: &'static str) -> BTreeSet<&'static str> {
    let (_, names) = names.split_once(": ").expect("what it is of");
    names.split(", ").flat_map(|n| n.split(" or ")).collect()
}

#[test]
fn every_name_is_among_those_that_an_error_lists() {
    let causes = (0..Cause::NUMBER).map(|number| Cause::unpack(number).as_str());
    assert_eq!(listed(Cause::NAMES), causes.collect());
    let states = State::ALL.into_iter().map(State::as_str);
    assert_eq!(listed(State::NAMES), states.collect());
}

#[test]
fn each_name_is_read_as_what_it_is_of() {
    for number in 0..Cause::NUMBER {
        let cause = Cause::unpack(number);
        assert_eq!(Cause::from_name(cause.as_str()), Some(cause));
        assert_eq!(
            cause.to_string().replace(' ', "_"),
            cause.as_str(),
            "for people"
        );
    }
}
