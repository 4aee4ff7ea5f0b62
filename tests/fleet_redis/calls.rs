//! The connection: one for all, safe from dropped calls, closed at the end.

use super::server::Server;
use super::{admin, ask, report, until_change, until_it_works};
use std::time::Duration;
use tokio::time::{sleep, timeout};
use tripcoil::fleet::{Change, Reason, RedisStore, Report, Store, Words};

fn store(server: &Server) -> RedisStore {
    RedisStore::connect(&server.url("")).expect("a URL")
}

#[tokio::test]
async fn the_time_is_the_servers() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let (store, mut admin) = (store(&server), admin(&server));
    let mut time = || {
        let (seconds, micros): (u64, u64) = redis::cmd("TIME").query(&mut admin).expect("the time");
        seconds * 1_000 + micros / 1_000
    };
    let before = time();
    let answer = ask(&store, "orders").await.expect("an answer");
    assert!((before..=time()).contains(&answer.now), "{answer:?}");
    assert!(
        store
            .exchange("checkout", &[])
            .await
            .expect("no answers")
            .is_empty()
    );
}

/// A breaker for which `n` instances vote answers with `n` votes: a mixed-up answer would be another's.
#[tokio::test]
async fn dropped_calls_disturb_no_others() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let store = store(&server);
    // the last answer has as many votes as there are reports
    let votes = |breaker: usize| -> Vec<Report> {
        let pods = 0..=breaker;
        pods.map(|pod| report(&format!("b{breaker}"), &format!("pod-{pod}")))
            .collect()
    };
    let (mut dropped, mut answered) = (0, 0);
    for round in 0..2_000_usize {
        let many: Vec<Report> = (8..16).flat_map(votes).collect();
        let words = Words::new("shipping", store.clone(), "ana");
        let limit = Duration::from_micros(round as u64 % 20 * 50);
        // polled at least once, and dropped somewhere on its way
        let gave_up = match round % 3 {
            0 => timeout(limit, store.exchange("checkout", &many))
                .await
                .is_err(),
            1 => timeout(limit, words.disable("orders")).await.is_err(),
            _ => timeout(limit, words.list()).await.is_err(),
        };
        dropped += usize::from(gave_up);
        let breaker = round % 8;
        let answers = store
            .exchange("checkout", &votes(breaker))
            .await
            .expect("answers");
        let counts: Vec<u64> = answers.iter().map(|answer| answer.votes).collect();
        assert_eq!(counts.len(), breaker + 1, "round {round}");
        assert_eq!(
            counts.last(),
            Some(&(breaker as u64 + 1)),
            "round {round}: {counts:?}"
        );
        answered += 1;
    }
    eprintln!("{dropped} dropped, {answered} answered");
    assert!(dropped > 0, "some were dropped");
}

#[tokio::test]
async fn calls_at_once_get_their_own_answers() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let store = store(&server);
    let tasks = (1..=40_u64).map(|votes| {
        let store = store.clone();
        tokio::spawn(async move {
            let pods: Vec<Report> = (0..votes)
                .map(|pod| report(&format!("b{votes}"), &format!("pod-{pod}")))
                .collect();
            let answers = store.exchange("checkout", &pods).await.expect("answers");
            answers
                .iter()
                .map(|answer| answer.votes)
                .collect::<Vec<_>>()
        })
    });
    for (task, votes) in tasks.collect::<Vec<_>>().into_iter().zip(1..) {
        assert_eq!(
            task.await.expect("no panic"),
            (1..=votes).collect::<Vec<_>>()
        );
    }
}

/// Of what clients there are, other than the one that asks.
fn clients(server: &Server) -> Vec<String> {
    let list: String = redis::cmd("CLIENT")
        .arg("LIST")
        .query(&mut admin(server))
        .expect("a list");
    let lines = list.lines().filter(|line| !line.contains("cmd=client"));
    lines.map(str::to_owned).collect()
}

#[tokio::test]
async fn one_connection_carries_all_and_is_closed_at_the_end() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let store = store(&server);
    assert_eq!(clients(&server), [""; 0], "not before the first use");
    let mut changes = store.changes("checkout");
    until_change(&mut changes, Change::Unknown).await;
    ask(&store.clone(), "orders").await.expect("an answer");
    store.words("shipping").await.expect("words");
    let mut others = store.changes("shipping");
    until_change(&mut others, Change::Unknown).await;
    let all = clients(&server);
    assert_eq!(all.len(), 1, "{all:?}");
    assert!(
        all[0].contains("sub=2 ") && all[0].contains("resp=3"),
        "{all:?}"
    );
    drop(store);
    while !clients(&server).is_empty() {
        sleep(Duration::from_millis(5)).await;
    }
}

#[test]
fn it_goes_on_with_another_runtime() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let store = store(&server);
    let outside = polled_once(store.exchange("checkout", &[report("orders", "pod-1")]));
    let Some(Err(down)) = outside else {
        panic!("an error at once, without a runtime: {outside:?}");
    };
    assert_eq!(down.reason, Reason::Unreachable);
    assert!(down.detail.contains("runtime"), "{down}");
    let mut changes = store.changes("checkout");
    for _ in 0..3 {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.expect("a runtime").block_on(async {
            until_it_works(&store).await;
            until_change(&mut changes, Change::Unknown).await;
        });
    }
}

/// Polls a future once.
fn polled_once<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}
