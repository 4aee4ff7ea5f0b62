//! Each fault of a server has its reason, and after its end the store works again by itself.

use super::server::{Server, free_port};
use super::{admin, ask, report, run, until_change, until_it_fails, until_it_works};
use redis::{Connection, Value};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tripcoil::fleet::{Change, Reason, RedisStore, Store, Words};

fn store(server: &Server) -> RedisStore {
    RedisStore::connect(&server.url("")).expect("a URL")
}

#[tokio::test]
async fn a_server_that_is_not_there() {
    let Some(mut server) = Server::start(&[]) else {
        return;
    };
    server.kill();
    let store = store(&server);
    let down = ask(&store, "orders").await.expect_err("no server");
    assert_eq!(down.reason, Reason::Unreachable);
    assert!(down.detail.contains(&server.port().to_string()), "{down}");
    assert!(down.detail.contains("refused"), "{down}");
    let words = Words::new("checkout", store.clone(), "ana");
    assert_eq!(
        words.list().await.expect_err("no server").reason,
        Reason::Unreachable
    );
    assert_eq!(
        words.disable("orders").await.expect_err("no server").reason,
        Reason::Unreachable
    );
    server.restart();
    until_it_works(&store).await;
}

#[tokio::test]
async fn a_name_without_an_address() {
    let store = RedisStore::connect("redis://tripcoil.invalid/").expect("a URL");
    assert_eq!(
        ask(&store, "orders").await.expect_err("no address").reason,
        Reason::Unreachable
    );
}

#[tokio::test]
async fn something_else_at_that_port() {
    let port = free_port();
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port))
        .await
        .expect("the port");
    let other = tokio::spawn(async move {
        use tokio::io::AsyncWriteExt as _;
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let store = RedisStore::connect(&format!("redis://127.0.0.1:{port}")).expect("a URL");
    let down = until_it_fails(&store, Reason::Protocol).await;
    assert!(down.detail.contains(&port.to_string()), "{down}");
    other.abort();
}

#[tokio::test]
async fn killed_and_restarted() {
    let Some(mut server) = Server::start(&[]) else {
        return;
    };
    let store = store(&server);
    let mut changes = store.changes("checkout");
    until_it_works(&store).await;
    until_change(&mut changes, Change::Unknown).await;
    for _ in 0..3 {
        server.kill();
        let down = until_it_fails(&store, Reason::Unreachable).await;
        assert!(down.detail.contains(&server.port().to_string()), "{down}");
        server.restart();
        // no call is needed for it
        until_change(&mut changes, Change::Unknown).await;
        // it has lost all, the scripts too
        assert_eq!(ask(&store, "orders").await.expect("it works").votes, 1);
        // and sends news as before
        Words::new("checkout", store.clone(), "ana")
            .release("orders")
            .await
            .expect("it works");
        until_change(&mut changes, Change::Word).await;
    }
}

#[tokio::test]
async fn paused() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let store = store(&server);
    until_it_works(&store).await;
    server.pause();
    // the caller gives up first
    let limit = Duration::from_millis(100);
    timeout(limit, ask(&store, "orders"))
        .await
        .expect_err("no answer");
    let down = until_it_fails(&store, Reason::Timeout).await;
    assert!(down.detail.contains("no answer within"), "{down}");
    // from now on it fails at once
    let down = ask(&store, "orders").await.expect_err("no answer");
    assert_eq!(down.reason, Reason::Timeout);
    server.go_on();
    until_it_works(&store).await;

    // one that is paused from the beginning
    let late = self::store(&server);
    server.pause();
    let down = until_it_fails(&late, Reason::Timeout).await;
    assert!(down.detail.contains("no answer within"), "{down}");
    server.go_on();
    until_it_works(&late).await;
}

/// An answer that comes late is thrown away, and the connection is kept.
#[tokio::test]
async fn paused_for_a_moment() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let store = store(&server);
    until_it_works(&store).await;
    let before = connections(&server);
    server.pause();
    timeout(Duration::from_millis(50), ask(&store, "orders"))
        .await
        .expect_err("no answer");
    server.go_on();
    for instances in 1..4 {
        let pods = (0..instances).map(|pod| report("payments", &format!("pod-{pod}")));
        let reports: Vec<_> = pods.collect();
        let answers = store.exchange("checkout", &reports).await.expect("answers");
        assert_eq!(answers.len(), instances);
        assert_eq!(answers[instances - 1].votes, instances as u64);
    }
    assert_eq!(connections(&server), before, "the same connection");
}

/// The ids of connections other than the one that asks.
fn connections(server: &Server) -> Vec<String> {
    let list: String = redis::cmd("CLIENT")
        .arg("LIST")
        .query(&mut admin(server))
        .expect("a list");
    let ids = list.lines().filter(|line| !line.contains("cmd=client"));
    ids.filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn scripts_forgotten() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let (store, mut admin) = (store(&server), admin(&server));
    let words = Words::new("checkout", store.clone(), "ana");
    for round in 1..4 {
        run(&mut admin, "SCRIPT FLUSH");
        // all of one pipeline, in order, each once
        let reports: Vec<_> = (0..100)
            .map(|number| report(&format!("b{round}"), &format!("pod-{number}")))
            .collect();
        let answers = store.exchange("checkout", &reports).await.expect("answers");
        let votes: Vec<u64> = answers.iter().map(|answer| answer.votes).collect();
        assert_eq!(votes, (1..=100).collect::<Vec<_>>());
        run(&mut admin, "SCRIPT FLUSH");
        words.release("orders").await.expect("its script too");
    }
}

#[tokio::test]
async fn a_server_that_takes_no_writes() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let (store, mut admin) = (store(&server), admin(&server));
    let words = Words::new("checkout", store.clone(), "ana");
    words.disable("orders").await.expect("it writes");
    let nowhere = format!("REPLICAOF 127.0.0.1 {}", free_port());
    let faults = [
        (nowhere.as_str(), "REPLICAOF NO ONE", "READONLY"),
        (
            "CONFIG SET min-replicas-to-write 1",
            "CONFIG SET min-replicas-to-write 0",
            "NOREPLICAS",
        ),
        ("CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0", "OOM"),
    ];
    for (begin, end, code) in faults {
        until_it_works(&store).await;
        let before = keys(&mut admin);
        run(&mut admin, begin);
        let down = ask(&store, "orders").await.expect_err(code);
        assert_eq!(down.reason, Reason::ReadOnly, "{down}");
        assert!(down.detail.contains(code), "{down}");
        let down = words.force_open("orders").await.expect_err(code);
        assert_eq!(down.reason, Reason::ReadOnly, "{down}");
        // what operators said can be read all the same
        assert_eq!(words.list().await.expect("a read").len(), 1);
        assert_eq!(keys(&mut admin), before, "it has changed nothing");
        run(&mut admin, end);
        until_it_works(&store).await;
    }
}

/// A name that leads to the server at a port of this machine, until it leads to another one. Connections stay where they are.
async fn name(to: &Arc<AtomicU16>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("redis://{}/", listener.local_addr().expect("its address"));
    let to = Arc::clone(to);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let port = to.load(Ordering::SeqCst);
            tokio::spawn(async move {
                let server = TcpStream::connect(("127.0.0.1", port)).await;
                if let Ok(mut server) = server {
                    let _ = copy_bidirectional(&mut client, &mut server).await;
                }
            });
        }
    });
    url
}

#[tokio::test]
async fn a_failover_behind_a_name() {
    let (Some(old), Some(new)) = (Server::start(&[]), Server::start(&[])) else {
        return;
    };
    let to = Arc::new(AtomicU16::new(old.port()));
    let url = name(&to).await;
    let agent = RedisStore::connect(&url).expect("a URL");
    until_it_works(&agent).await;
    // an operator who says a word now and then
    let operator = RedisStore::connect(&url).expect("a URL");
    let words = Words::new("checkout", operator.clone(), "ana");
    words.disable("orders").await.expect("it writes");
    let mut changes = operator.changes("checkout");
    until_change(&mut changes, Change::Unknown).await;

    let replica = format!("REPLICAOF 127.0.0.1 {}", new.port());
    run(&mut admin(&old), &replica);
    to.store(new.port(), Ordering::SeqCst);
    let down = words.release("orders").await.expect_err("a replica");
    assert_eq!(down.reason, Reason::ReadOnly, "{down}");
    let down = until_it_fails(&agent, Reason::ReadOnly).await;
    assert!(down.to_string().contains("replica"), "{down}");
    // no call is needed for it
    until_change(&mut changes, Change::Unknown).await;
    words.release("orders").await.expect("the new server");
    until_it_works(&agent).await;

    // a name that goes on to lead to a replica
    run(
        &mut admin(&new),
        &format!("REPLICAOF 127.0.0.1 {}", free_port()),
    );
    let down = until_it_fails(&agent, Reason::ReadOnly).await;
    assert!(down.to_string().contains("replica"), "{down}");
    let down = words.release("orders").await.expect_err("a replica");
    assert_eq!(down.reason, Reason::ReadOnly, "{down}");
    until_change(&mut changes, Change::Unknown).await;
    let down = until_it_fails(&agent, Reason::ReadOnly).await;
    assert!(down.to_string().contains("replica"), "{down}");
    run(&mut admin(&new), "REPLICAOF NO ONE");
    until_it_works(&agent).await;
}

/// A full server takes what begins with a deletion: a report is taken as a whole then, or not at all.
#[tokio::test]
async fn a_full_server_takes_no_part_of_a_report() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let (store, mut admin) = (store(&server), admin(&server));
    let reports = ["pod-1", "pod-2"].map(|pod| report("orders", pod));
    store.exchange("checkout", &reports).await.expect("answers");
    run(&mut admin, "CONFIG SET maxmemory 1");
    // as if it had been evicted
    run(&mut admin, "DEL tc1:{checkout/orders}:ev");
    let before = keys(&mut admin);
    match ask(&store, "orders").await {
        Ok(answer) => assert_eq!(answer.votes, 1),
        Err(down) => {
            assert_eq!(down.reason, Reason::ReadOnly, "{down}");
            assert_eq!(keys(&mut admin), before, "it has changed nothing");
            return;
        }
    }
    let (ages, votes): (Vec<String>, BTreeMap<String, String>) = redis::pipe()
        .cmd("ZRANGE")
        .arg("tc1:{checkout/orders}:ev")
        .arg("0")
        .arg("-1")
        .cmd("HGETALL")
        .arg("tc1:{checkout/orders}:vs")
        .query(&mut admin)
        .expect("what is there");
    assert_eq!(ages, ["pod-1"]);
    let votes: Vec<_> = votes
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    assert_eq!(
        votes,
        [
            ("#b", "1"),
            ("#c", "2667"),
            ("#f", "2667"),
            ("#n", "1"),
            ("#o", "0"),
            ("v:pod-1", "2667:2667:0")
        ]
    );
}

/// What is stored of the votes on a breaker, and the words.
fn keys(admin: &mut Connection) -> Vec<Value> {
    let mut all = redis::pipe();
    all.cmd("ZRANGE")
        .arg("tc1:{checkout/orders}:ev")
        .arg("0")
        .arg("-1")
        .arg("WITHSCORES");
    all.cmd("HGETALL").arg("tc1:{checkout/orders}:vs");
    all.cmd("HGETALL").arg("tc1:{checkout/orders}:rec");
    all.cmd("HGETALL").arg("tc1:{checkout}:ov");
    all.query(admin).expect("what is there")
}

#[tokio::test]
async fn a_wrong_password() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let mut admin = admin(&server);
    run(&mut admin, "CONFIG SET requirepass right");
    let without = store(&server);
    let wrong = RedisStore::connect(&server.url(":wrong@")).expect("a URL");
    for store in [&without, &wrong] {
        let down = ask(store, "orders").await.expect_err("no password");
        assert_eq!(down.reason, Reason::Denied, "{down}");
        assert!(!down.detail.contains("wrong@"), "{down}");
    }
    run(&mut admin, "CONFIG SET requirepass wrong");
    until_it_works(&wrong).await;
    assert_eq!(
        ask(&without, "orders")
            .await
            .expect_err("no password")
            .reason,
        Reason::Denied
    );
}

#[tokio::test]
async fn keys_of_another_program() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let (store, mut admin) = (store(&server), admin(&server));
    for (key, is) in [("ev", "ev"), ("vs", "vs"), ("rec", "rec")] {
        run(&mut admin, &format!("SET tc1:{{checkout/orders}}:{key} x"));
        let down = ask(&store, "orders").await.expect_err(is);
        assert_eq!(down.reason, Reason::Script, "{down}");
        run(&mut admin, "FLUSHALL");
    }
    // votes that are none of ours are deleted with all others
    assert_eq!(ask(&store, "orders").await.expect("an answer").votes, 1);
    run(&mut admin, "HSET tc1:{checkout/orders}:vs v:pod-1 nonsense");
    assert_eq!(ask(&store, "orders").await.expect("an answer").votes, 1);
    run(&mut admin, "HSET tc1:{checkout/orders}:vs #n many");
    assert_eq!(ask(&store, "orders").await.expect("an answer").votes, 1);
    run(&mut admin, "SET tc1:{checkout}:ov x");
    let words = Words::new("checkout", store, "ana");
    assert_eq!(
        words.list().await.expect_err("not a hash").reason,
        Reason::Protocol
    );
    assert_eq!(
        words
            .disable("orders")
            .await
            .expect_err("not a hash")
            .reason,
        Reason::Script
    );
}
