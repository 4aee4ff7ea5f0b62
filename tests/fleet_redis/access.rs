//! Rights: each user can do what it needs, and no more.

use super::{Server, admin, report, until_change};
use tripcoil::fleet::{Change, Mode, Reason, RedisStore, Store, Words};

/// Those of the docs.
const USERS: &str = include_str!("../../src/integrations/fleet/redis/users.acl");

fn start() -> Option<Server> {
    let server = Server::start(&[])?;
    let mut connection = admin(&server);
    for line in USERS.lines() {
        let words = line.strip_prefix("user ").expect("a user").split(' ');
        let words = words.map(|word| word.replace("PASSWORD", "secret"));
        let mut user = redis::cmd("ACL");
        user.arg("SETUSER").arg(words.collect::<Vec<_>>());
        user.exec(&mut connection).expect(line);
    }
    Some(server)
}

fn store(server: &Server, user: &str) -> RedisStore {
    RedisStore::connect(&server.url(&format!("{user}:secret@"))).expect("a URL")
}

#[tokio::test]
async fn a_pod_votes_and_listens_and_says_nothing() {
    let Some(server) = start() else {
        return;
    };
    let (pod, operator) = (
        store(&server, "checkout-pod"),
        store(&server, "checkout-operator"),
    );
    let mut changes = pod.changes("checkout");
    until_change(&mut changes, Change::Unknown).await;

    // all of the script: votes, a verdict and its news, a lease, a vote withdrawn, a key that was evicted
    let pods = ["pod-1", "pod-2", "pod-3"];
    let reports = pods.map(|instance| report("orders", instance));
    let answers = pod.exchange("checkout", &reports).await.expect("answers");
    assert_eq!(
        answers.iter().map(|answer| answer.down).collect::<Vec<_>>(),
        [false, false, true]
    );
    until_change(&mut changes, Change::Verdict("orders".to_owned())).await;
    let mut none = report("orders", "pod-2");
    none.vote = None;
    pod.exchange("checkout", &[none]).await.expect("an answer");
    redis::cmd("DEL")
        .arg("tc1:{checkout/orders}:ev")
        .exec(&mut admin(&server))
        .expect("evicted");
    let votes = pod.exchange("checkout", &reports).await.expect("answers");
    assert_eq!(votes[2].votes, 3);

    let mut words = Words::new("checkout", pod.clone(), "pod-1");
    let down = words.force_open("orders").await.expect_err("no right");
    assert_eq!(down.reason, Reason::Denied, "{down}");
    assert!(down.detail.starts_with("NOPERM"), "{down}");
    assert_eq!(words.list().await.expect("a right"), []);
    Words::new("checkout", operator, "ana")
        .disable("orders")
        .await
        .expect("a right");
    until_change(&mut changes, Change::Word).await;
    assert_eq!(words.list().await.expect("a right")[0].mode, Mode::Disable);

    // another fleet, also one whose name begins with this one's
    for fleet in ["shipping", "checkout/x", "checkout*", "", "checkou"] {
        let denied = pod.exchange(fleet, &[report("orders", "pod-1")]).await;
        assert_eq!(
            denied.expect_err("no right").reason,
            Reason::Denied,
            "{fleet}"
        );
        words = Words::new(fleet, pod.clone(), "pod-1");
        let denied = words.list().await.expect_err("no right");
        assert_eq!(denied.reason, Reason::Denied, "{fleet}");
    }
    // a denial is of that call only
    pod.exchange("checkout", &reports).await.expect("answers");
}

#[tokio::test]
async fn a_pod_has_no_other_rights() {
    let Some(server) = start() else {
        return;
    };
    let client = redis::Client::open(server.url("checkout-pod:secret@")).expect("a URL");
    let mut connection = client.get_connection().expect("a connection");
    let refused = [
        "HSET tc1:{checkout}:ov orders {}",
        "DEL tc1:{checkout}:ov",
        "SET tc1:{checkout/orders}:ev x",
        "EVAL return{} 0",
        "PUBLISH tc1:{shipping}:ch o",
        "SUBSCRIBE tc1:{shipping}:ch",
        "HGETALL tc1:{shipping}:ov",
        "SCRIPT FLUSH",
        "FLUSHALL",
        "KEYS *",
        "CONFIG GET *",
        "ACL WHOAMI",
    ];
    for command in refused {
        let mut cmd = redis::Cmd::new();
        for word in command.split(' ') {
            cmd.arg(word);
        }
        let error = cmd
            .query::<redis::Value>(&mut connection)
            .expect_err(command);
        assert_eq!(error.code(), Some("NOPERM"), "{command}: {error}");
    }
}

#[tokio::test]
async fn an_operator_speaks_and_does_not_vote() {
    let Some(server) = start() else {
        return;
    };
    let operator = store(&server, "checkout-operator");
    let voted = operator
        .exchange("checkout", &[report("orders", "pod-1")])
        .await;
    assert_eq!(voted.expect_err("no right").reason, Reason::Denied);
    let words = Words::new("checkout", operator, "ana");
    words.force_open("orders").await.expect("a right");
    words.release("orders").await.expect("a right");

    let viewer = store(&server, "checkout-viewer");
    let seen = Words::new("checkout", viewer.clone(), "bob");
    assert_eq!(seen.list().await.expect("a right")[0].mode, Mode::Release);
    assert_eq!(
        seen.release("orders").await.expect_err("no right").reason,
        Reason::Denied
    );
    // without the right to listen, there is no news, and nothing else is wrong
    let _changes = viewer.changes("checkout");
    seen.list().await.expect("a right");
}

/// All that a store does is within the rights of its user: nothing but what these tests ask for is in the server's log.
#[tokio::test]
async fn nothing_is_refused_on_the_way() {
    let Some(server) = start() else {
        return;
    };
    for user in ["checkout-pod", "checkout-operator"] {
        let store = store(&server, user);
        let mut changes = store.changes("checkout");
        until_change(&mut changes, Change::Unknown).await;
        store.words("checkout").await.expect("a right");
    }
    let mut log = redis::cmd("ACL");
    let log: redis::Value = log.arg("LOG").query(&mut admin(&server)).expect("the log");
    assert_eq!(log, redis::Value::Array(Vec::new()));
}

#[cfg(feature = "tracing")]
#[tokio::test]
async fn what_goes_wrong_beside_the_calls_is_logged() {
    use std::io;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Log {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic").extend_from_slice(text);
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let Some(server) = start() else {
        return;
    };
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone());
    let _logging = tracing::subscriber::set_default(subscriber.finish());
    let mut admin = admin(&server);
    let mut set = |breaker: &str| {
        let mut command = redis::cmd("HSET");
        command.arg("tc1:{checkout}:ov").arg(breaker).arg("{}");
        command.exec(&mut admin).expect("a field");
    };
    for round in 0.. {
        // another test may have met these events a moment before there was anything that wants them
        tracing::callsite::rebuild_interest_cache();
        let viewer = store(&server, "checkout-viewer");
        let _changes = viewer.changes("checkout");
        let (first, second) = (format!("first-{round}"), format!("second-{round}"));
        set(&first);
        for _ in 0..3 {
            viewer.words("checkout").await.expect("a right");
        }
        set(&second);
        viewer.words("checkout").await.expect("a right");
        let text = String::from_utf8(std::mem::take(&mut *log.0.lock().expect("no panic")));
        let text = text.expect("text");
        let lines = |part: &str| text.lines().filter(|line| line.contains(part)).count();
        let unreadable = |breaker: &str| {
            lines(&format!(
                "operator's word cannot be read tripcoil.fleet=\"checkout\" tripcoil.breaker=\"{breaker}\""
            ))
        };
        let all = [
            unreadable(&first),
            unreadable(&second),
            lines("tripcoil.reason=\"denied\""),
        ];
        if all == [1, 1, 1] {
            break;
        }
        assert!(all.iter().all(|count| *count <= 1), "each once: {text}");
    }
}
