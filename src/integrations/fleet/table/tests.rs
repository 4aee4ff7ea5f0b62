#![allow(clippy::expect_used, reason = "a test may fail loudly")]

use super::*;
use crate::fleet::Mode;

fn word(breaker: &str, version: u64, mode: Mode, left: Option<u64>) -> Word {
    Word {
        breaker: breaker.into(),
        version,
        mode,
        left: left.map(Duration::from_secs),
        who: "ana".into(),
        why: String::new(),
    }
}

fn at(seconds: u64, start: Instant) -> Instant {
    start + Duration::from_secs(seconds)
}

#[test]
fn a_word_on_one_breaker_goes_before_one_on_all() {
    let start = Instant::now();
    let mut table = Table::default();
    let version = |table: &Table, name, now| table.in_force(name, now).map(|(_, w)| w.version);
    let every = word(EVERY, 3, Mode::Disable, None);
    let orders = word("orders", 2, Mode::ForceOpen, Some(10));
    table.read(vec![orders, every], start);
    assert_eq!(version(&table, "orders", start), Some(2));
    assert_eq!(version(&table, "search", start), Some(3));
    assert_eq!(
        version(&table, "orders", at(10, start)),
        Some(3),
        "it has ended"
    );
}

#[test]
fn an_end_holds_without_the_store_and_is_not_put_off() {
    let start = Instant::now();
    let mut table = Table::default();
    table.read(vec![word("orders", 2, Mode::ForceOpen, Some(10))], start);
    // the store's clock is slow
    table.read(
        vec![word("orders", 2, Mode::ForceOpen, Some(9))],
        at(5, start),
    );
    let shown = table.shown("orders", at(5, start)).expect("in force");
    assert_eq!(left(shown.1, at(5, start)), Some(Duration::from_secs(5)));
    assert!(table.in_force("orders", at(10, start)).is_none());
    table.read(Vec::new(), at(11, start));
    assert!(table.words.is_empty());
}

#[test]
fn what_the_store_has_lost_goes_on_until_the_next_word() {
    let start = Instant::now();
    let mut table = Table::default();
    let mode = |table: &Table| table.in_force("orders", start).map(|(_, w)| w.mode);
    table.read(vec![word("orders", 57, Mode::ForceOpen, None)], start);
    table.read(Vec::new(), start);
    assert_eq!(mode(&table), Some(Mode::ForceOpen));
    table.read(vec![word("orders", 1, Mode::Disable, None)], start);
    assert_eq!(
        mode(&table),
        Some(Mode::Disable),
        "the versions began again"
    );
    // even with the same number
    table.read(Vec::new(), start);
    table.read(vec![word("orders", 1, Mode::Release, None)], start);
    assert_eq!(mode(&table), Some(Mode::Release));
    // a read without it is not another word
    let serial = |table: &Table| table.in_force("orders", start).map(|(serial, _)| serial);
    let before = serial(&table);
    table.read(Vec::new(), start);
    table.read(vec![word("orders", 1, Mode::Release, None)], start);
    assert_eq!(serial(&table), before);
}

#[test]
fn an_older_word_changes_nothing_unless_it_is_said_again() {
    let start = Instant::now();
    let mut table = Table::default();
    let mode = |table: &Table| table.in_force("orders", start).map(|(_, w)| w.mode);
    let (old, new) = (
        word("orders", 1, Mode::ForceOpen, None),
        word("orders", 2, Mode::Release, None),
    );
    table.read(vec![new.clone(), old.clone()], start);
    assert_eq!(mode(&table), Some(Mode::Release), "the newer of two");
    table.read(vec![old.clone()], start);
    assert_eq!(
        mode(&table),
        Some(Mode::Release),
        "a replica that is behind"
    );
    table.read(vec![new], start);
    table.read(vec![old.clone()], start);
    assert_eq!(mode(&table), Some(Mode::Release));
    table.read(vec![old], start);
    assert_eq!(
        mode(&table),
        Some(Mode::ForceOpen),
        "the store has gone back"
    );
}

#[test]
fn numbers_are_in_the_order_in_which_words_were_said() {
    let start = Instant::now();
    for first in [vec!["e", EVERY, "c"], vec![]] {
        let mut table = Table::default();
        let before: Vec<_> = first
            .iter()
            .map(|name| word(name, 1, Mode::Disable, None))
            .collect();
        table.read(before, start);
        let names = ["b", EVERY, "d", "c", "a", "e"];
        let said = (10..).zip(names);
        let words = said.map(|(version, name)| word(name, version, Mode::ForceOpen, None));
        table.read(words.collect(), start);
        let serials = names.map(|name| table.words[name].serial);
        assert!(serials.is_sorted(), "{serials:?}");
    }
}
