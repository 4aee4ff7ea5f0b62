//! The fleet's store in Redis, on a real server: rights, faults, words, news, and dropped calls.
#![allow(clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

mod access;
mod calls;
mod faults;
mod server;
mod words;

use redis::{Client, Connection};
use server::Server;
use std::time::Duration;
use tokio::time::sleep;
use tripcoil::fleet::{
    Answer, Change, Changes, Down, Reason, RedisStore, Report, Rules, Store, Vote,
};

/// A connection of the test's own, with all rights.
fn admin(server: &Server) -> Connection {
    let client = Client::open(server.url("")).expect("a URL");
    client.get_connection().expect("a connection")
}

/// Sends an admin's command, and returns once it is done.
fn run(connection: &mut Connection, command: &str) {
    let mut words = command.split(' ');
    let mut command = redis::cmd(words.next().expect("a name"));
    for word in words {
        command.arg(word);
    }
    command
        .exec(connection)
        .expect("an answer without an error");
}

/// A failing vote.
fn report(breaker: &str, instance: &str) -> Report {
    Report {
        breaker: breaker.to_owned(),
        instance: instance.to_owned(),
        vote: Some(Vote::Outcomes {
            calls: 2_667,
            failures: 2_667,
        }),
        seq: 0,
        demand: false,
        probe: None,
        rules: Rules::new(),
    }
}

async fn ask(store: &RedisStore, breaker: &str) -> Result<Answer, Down> {
    let answers = store
        .exchange("checkout", &[report(breaker, "pod-1")])
        .await?;
    assert_eq!(answers.len(), 1);
    Ok(answers[0])
}

/// Waits until the store works.
async fn until_it_works(store: &RedisStore) -> Answer {
    loop {
        if let Ok(answer) = ask(store, "orders").await {
            return answer;
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until it fails for that reason.
async fn until_it_fails(store: &RedisStore, reason: Reason) -> Down {
    loop {
        match ask(store, "orders").await {
            Err(down) if down.reason == reason => return down,
            _ => sleep(Duration::from_millis(20)).await,
        }
    }
}

async fn until_change(changes: &mut Changes, wanted: Change) {
    while changes.next().await != wanted {}
}
