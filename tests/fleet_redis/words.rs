//! Operators' words, and news.

use super::server::Server;
use super::{admin, report, until_change};
use redis::Commands as _;
use std::time::Duration;
use tokio::time::sleep;
use tripcoil::fleet::{Change, EVERY, Mode, Reason, RedisStore, Store, Word, Words};

fn store(server: &Server) -> RedisStore {
    RedisStore::connect(&server.url("")).expect("a URL")
}

#[tokio::test]
async fn a_word_is_read_as_it_was_said() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let (ana, pod) = (store(&server), store(&server));
    let odd = "q\"\\\n\0 {}ü 💥,\"version\":9";
    let words = Words::new("checkout", ana, odd).because(odd);
    for breaker in ["orders", "", odd, EVERY] {
        let before = words.list().await.expect("a list").len();
        let mut version = 0;
        for mode in Mode::ALL {
            let said = words.saying(mode, breaker).await.expect("a word");
            assert!(said.version > version, "it rises");
            version = said.version;
            let read = pod.words("checkout").await.expect("words");
            let found = read.iter().find(|word| word.breaker == breaker);
            assert_eq!(found, Some(&said));
            assert_eq!(
                (said.mode, said.who.as_str(), said.why.as_str()),
                (mode, odd, odd)
            );
            assert_eq!(read.len(), before + 1, "one for each breaker");
        }
    }
    assert_eq!(pod.words("shipping").await.expect("words"), []);
    let mut admin = admin(&server);
    let ttl: i64 = admin.ttl("tc1:{checkout}:ov").expect("its life");
    assert_eq!(ttl, -1, "it stays");
}

#[tokio::test]
async fn a_version_rises_after_the_clock_stepped_back() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let words = Words::new("checkout", store(&server), "ana");
    let mut admin = admin(&server);
    // of a clock that was ahead by some thousand years
    let ahead = r#"{"version":99999999999999,"until":null,"mode":"disable","who":"","why":""}"#;
    let _: () = admin
        .hset("tc1:{checkout}:ov", "orders", ahead)
        .expect("a word");
    assert_eq!(
        words.list().await.expect("a list")[0].version,
        99_999_999_999_999
    );
    assert_eq!(
        words.release("orders").await.expect("a word").version,
        100_000_000_000_000
    );
    assert_eq!(
        words.release("orders").await.expect("a word").version,
        100_000_000_000_001
    );
    assert!(words.release("payments").await.expect("a word").version < 99_999_999_999_999);
}

#[tokio::test]
async fn a_word_ends() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let words = Words::new("checkout", store(&server), "ana");
    let long = words
        .disable("payments")
        .until(Duration::from_secs(600))
        .await
        .expect("a word");
    let short = words
        .force_open("orders")
        .until(Duration::from_millis(300))
        .await
        .expect("a word");
    assert_eq!(short.left, Some(Duration::from_millis(300)));
    loop {
        let now = words.list().await.expect("a list");
        let left = now
            .iter()
            .find(|word| word.breaker == "payments")
            .and_then(|word| word.left);
        let left = left.expect("it is there, and has an end");
        assert!(left <= Duration::from_secs(600), "{left:?}");
        match now.iter().find(|word| word.breaker == "orders") {
            Some(word) => assert!(word.left <= short.left, "{word:?}"),
            None => break,
        }
        sleep(Duration::from_millis(20)).await;
    }
    // again, with a later version, and without an end
    let again = words.force_open("orders").await.expect("a word");
    assert!(again.version > short.version);
    for (left, kept) in [
        (Duration::MAX, None),
        (Duration::from_secs(20 * 365 * 86_400), None),
        (
            Duration::from_secs(86_400),
            Some(Duration::from_secs(86_400)),
        ),
    ] {
        let said = words.disable("orders").until(left).await.expect("a word");
        assert_eq!(said.left, kept);
        let read = words.list().await.expect("a list");
        let read = read
            .iter()
            .find(|word| word.breaker == "orders")
            .expect("it");
        assert_eq!(read.left.is_some(), kept.is_some());
    }
    // it ends at once
    words
        .disable("orders")
        .until(Duration::ZERO)
        .await
        .expect("a word");
    let breakers: Vec<String> = words
        .list()
        .await
        .expect("a list")
        .into_iter()
        .map(|word| word.breaker)
        .collect();
    assert_eq!(breakers, [long.breaker]);
}

#[tokio::test]
async fn words_that_cannot_be_read_hide_no_others() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let words = Words::new("checkout", store(&server), "ana");
    words.disable("orders").await.expect("a word");
    let mut admin = admin(&server);
    let unreadable: [&[u8]; 10] = [
        b"",
        b"null",
        b"{\"version\":1}",
        b"\xff\xfe",
        br#"{"version":1,"until":null,"mode":"brand_new","who":"","why":""}"#,
        br#"{"version":-1,"until":null,"mode":"disable","who":"","why":""}"#,
        br#"{"version":1,"until":"soon","mode":"disable","who":"","why":""}"#,
        // numbers to which a script cannot add 1
        br#"{"version":4503599627370497,"until":null,"mode":"disable","who":"","why":""}"#,
        br#"{"version":1764518400000000000,"until":null,"mode":"disable","who":"","why":""}"#,
        br#"{"version":18446744073709551615,"until":null,"mode":"disable","who":"","why":""}"#,
    ];
    for (number, json) in unreadable.into_iter().enumerate() {
        let _: () = admin
            .hset("tc1:{checkout}:ov", format!("b{number}"), json)
            .expect("a field");
    }
    let _: () = admin
        .hset("tc1:{checkout}:ov", b"\xff", "{}")
        .expect("a field");
    // one from a newer version with more in it can be read
    let newer = r#"{"version":7,"until":null,"mode":"disable","who":"a","why":"b","zone":"eu"}"#;
    let _: () = admin
        .hset("tc1:{checkout}:ov", "newer", newer)
        .expect("a field");
    for _ in 0..2 {
        let read = words.list().await.expect("the others");
        let breakers: Vec<&str> = read.iter().map(|word| word.breaker.as_str()).collect();
        assert_eq!(breakers, ["newer", "orders"]);
    }
    // they are replaced like any other
    for number in 0..unreadable.len() {
        let said = words
            .force_open(format!("b{number}"))
            .await
            .expect("a word");
        assert!(words.list().await.expect("a list").contains(&said));
    }
}

#[tokio::test]
async fn what_ended_long_ago_is_forgotten_with_the_next_word() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let words = Words::new("checkout", store(&server), "ana");
    let mut admin = admin(&server);
    let of = |version: u64, until: &str, mode: &str| {
        format!(
            r#"{{"version":{version},"until":{until},"mode":"{mode}","who":"","why":"\"mode\":\"release\""}}"#
        )
    };
    let now = words.disable("orders").await.expect("a word").version;
    let days_ago = |days: u64| now - days * 86_400_000;
    let two_days_ago = days_ago(2);
    for (breaker, json) in [
        (
            "ended",
            of(two_days_ago, &two_days_ago.to_string(), "disable"),
        ),
        ("released", of(days_ago(31), "null", "release")),
        ("released lately", of(days_ago(29), "null", "release")),
        ("in force", of(two_days_ago, "null", "disable")),
        ("ended now", of(two_days_ago, &now.to_string(), "disable")),
        ("released now", of(now, "null", "release")),
    ] {
        let _: () = admin
            .hset("tc1:{checkout}:ov", breaker, json)
            .expect("a field");
    }
    words.disable("orders").await.expect("a word");
    let mut kept: Vec<String> = admin.hkeys("tc1:{checkout}:ov").expect("the fields");
    kept.sort();
    assert_eq!(
        kept,
        [
            "ended now",
            "in force",
            "orders",
            "released lately",
            "released now"
        ]
    );
}

/// It shields its breaker from that word, however long ago it was said.
#[tokio::test]
async fn a_release_stays_while_a_word_on_all_holds() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let words = Words::new("checkout", store(&server), "ana");
    let mut admin = admin(&server);
    let mut release_long_ago = || {
        let release =
            r#"{"version":1600000000000,"until":null,"mode":"release","who":"","why":""}"#;
        let _: () = admin
            .hset("tc1:{checkout}:ov", "orders", release)
            .expect("a field");
    };
    let is_kept = async || {
        let list = words.list().await.expect("a list");
        list.iter().any(|word| word.breaker == "orders")
    };
    release_long_ago();
    // the word on all itself, others after it, and one on all in its place
    for (mode, breaker) in [
        (Mode::Disable, EVERY),
        (Mode::ForceOpen, "payments"),
        (Mode::ObserveOnly, EVERY),
        (Mode::Release, "payments"),
    ] {
        words.saying(mode, breaker).await.expect("a word");
        assert!(is_kept().await, "{mode} {breaker}");
    }
    // released, or ended
    words.release(EVERY).await.expect("a word");
    assert!(!is_kept().await);
    release_long_ago();
    let ends_at_once = words.disable(EVERY).until(Duration::ZERO);
    ends_at_once.await.expect("a word");
    assert!(!is_kept().await);
    release_long_ago();
    words.disable("payments").await.expect("a word");
    assert!(!is_kept().await);
}

#[tokio::test]
async fn there_is_no_version_after_the_last_one() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let words = Words::new("checkout", store(&server), "ana");
    let last = r#"{"version":4503599627370496,"until":null,"mode":"force_open","who":"","why":""}"#;
    let _: () = admin(&server)
        .hset("tc1:{checkout}:ov", "orders", last)
        .expect("a field");
    let before = words.list().await.expect("a list");
    assert_eq!(before[0].version, 1 << 52);
    let down = words.release("orders").await.expect_err("no version");
    assert_eq!(down.reason, Reason::Script, "{down}");
    assert!(down.detail.contains("the last version"), "{down}");
    assert_eq!(words.list().await.expect("a list"), before);
}

#[tokio::test]
async fn operators_at_once_lose_no_word() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let said = (0..20).map(|number| {
        let words = Words::new("checkout", store(&server), format!("operator-{number}"));
        tokio::spawn(async move { words.disable("orders").await.expect("a word") })
    });
    let mut all: Vec<Word> = Vec::new();
    for one in said.collect::<Vec<_>>() {
        all.push(one.await.expect("no panic"));
    }
    let last = all.iter().max_by_key(|word| word.version).expect("some");
    let read = store(&server).words("checkout").await.expect("words");
    assert_eq!(read, std::slice::from_ref(last));
    let mut versions: Vec<u64> = all.iter().map(|word| word.version).collect();
    versions.sort_unstable();
    versions.dedup();
    assert_eq!(versions.len(), 20, "each has its own");
}

#[tokio::test]
async fn news_wakes_others() {
    let Some(mut server) = Server::start(&[]) else {
        return;
    };
    let (ana, pod) = (store(&server), store(&server));
    let mut changes = [
        pod.changes("checkout"),
        pod.clone().changes("checkout"),
        store(&server).changes("checkout"),
    ];
    // the last store is gone, and sends nothing any more
    let [first, second, _gone] = &mut changes;
    let mut other = pod.changes("shipping");
    // once it listens
    until_change(first, Change::Unknown).await;
    until_change(second, Change::Unknown).await;
    until_change(&mut other, Change::Unknown).await;
    for round in 0..3 {
        let words = Words::new("checkout", ana.clone(), "ana");
        while words.force_open("orders").await.is_err() {
            sleep(Duration::from_millis(20)).await;
        }
        until_change(first, Change::Word).await;
        until_change(second, Change::Word).await;
        for breaker in ["o", "", "a b 1:2", "ü\n", EVERY] {
            let reports = ["pod-1", "pod-2", "pod-3"]
                .map(|instance| report(&format!("{breaker}{round}"), instance));
            assert!(ana.exchange("checkout", &reports).await.expect("answers")[2].down);
            until_change(first, Change::Verdict(format!("{breaker}{round}"))).await;
        }
        server.kill();
        server.restart();
        until_change(first, Change::Unknown).await;
        until_change(second, Change::Unknown).await;
        until_change(&mut other, Change::Unknown).await;
    }
}

/// Nothing is lost between two waits, nor by a wait that is dropped.
#[tokio::test]
async fn no_news_is_lost() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let store = store(&server);
    let mut changes = store.changes("checkout");
    until_change(&mut changes, Change::Unknown).await;
    let mut admin = admin(&server);
    for number in 0..100 {
        let _: () = admin
            .publish("tc1:{checkout}:ch", format!("b{number} 1:{number}"))
            .expect("sent");
    }
    let mut seen = Vec::new();
    while seen.len() < 100 {
        let wait = tokio::time::timeout(Duration::from_micros(50), changes.next());
        if let Ok(Change::Verdict(breaker)) = wait.await {
            seen.push(breaker);
        }
    }
    let all: Vec<String> = (0..100).map(|number| format!("b{number}")).collect();
    assert_eq!(seen, all);
}

/// It would cost the server, and every instance that reads the words.
#[tokio::test]
async fn a_text_that_is_too_long_is_not_stored() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let long = "w".repeat(1025);
    let words = Words::new("checkout", store(&server), "ana").because(long.as_str());
    let down = words.disable("orders").await.expect_err("too long");
    assert_eq!(down.reason, Reason::Protocol, "{down}");
    assert!(down.detail.contains("why has 1025 bytes"), "{down}");
    let stored: u32 = admin(&server).exists("tc1:{checkout}:ov").expect("a count");
    assert_eq!(stored, 0);
}
