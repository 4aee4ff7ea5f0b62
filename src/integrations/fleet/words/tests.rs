#![allow(clippy::expect_used, reason = "a test may fail loudly")]

use crate::fleet::{Changes, MemoryStore, Reason, Store, Words};

#[tokio::test]
async fn a_text_that_is_too_long_is_not_said() {
    let (short, long) = ("é".repeat(512), "é".repeat(512) + "!");
    let store = MemoryStore::new();
    let mut changes: Changes = store.changes("checkout");
    for (breaker, who, why, wrong) in [
        (&long, &short, &short, "breaker has 1025 bytes"),
        (&short, &long, &short, "who has 1025 bytes"),
        (&short, &short, &long, "why has 1025 bytes"),
    ] {
        let words = Words::new("checkout", store.clone(), who).because(why);
        let down = words.force_open(breaker).await.expect_err(wrong);
        assert_eq!(down.reason, Reason::Protocol);
        assert!(down.detail.contains(wrong), "{down}");
        assert!(down.detail.contains("nothing was said"), "{down}");
        assert_eq!(words.list().await, Ok(Vec::new()));
    }
    let words = Words::new("checkout", store, &short).because(&short);
    let said = words.force_open(&short).await.expect("as long as may be");
    assert_eq!(words.list().await, Ok(vec![said]));
    // of that one alone
    assert_eq!(changes.next().await, crate::fleet::Change::Word);
}
