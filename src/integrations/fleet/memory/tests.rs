#![allow(clippy::expect_used, reason = "a test may fail loudly")]

use super::*;
use crate::fleet::{Rules, Vote};
use std::time::Duration;

fn report(breaker: &str) -> Report {
    Report {
        breaker: breaker.to_owned(),
        instance: "pod-1".to_owned(),
        vote: Some(Vote::Standing),
        seq: 0,
        demand: false,
        probe: None,
        rules: Rules::new(),
    }
}

/// Keys of registries come and go, and their names may be without end.
#[tokio::test(start_paused = true)]
async fn a_breaker_without_reports_is_forgotten() {
    let store = MemoryStore::new();
    for second in 0..600 {
        let keys = (0..10).map(|key| report(&format!("{second}/{key}")));
        let reports: Vec<_> = keys.chain([report("orders")]).collect();
        let answers = store.exchange("checkout", &reports).await.expect("answers");
        assert_eq!(answers[10].votes, 1);
        assert!(store.all().breakers.len() <= 1 + 10 * 120);
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    tokio::time::advance(Duration::from_secs(60)).await;
    let last = store.exchange("checkout", &[report("orders")]).await;
    assert_eq!(last.expect("answers").len(), 1);
    let all = store.all();
    assert_eq!(all.breakers.len(), 1, "{:?}", all.breakers.keys());
}
