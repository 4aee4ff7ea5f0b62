use super::*;
use crate::arguments::{Command, parse};
use tripcoil::fleet::{Answer, ChangeSender, Changes, MemoryStore, Report};

async fn run(store: &MemoryStore, args: &[&str]) -> String {
    let user = |name: &str| (name == "USER").then(|| "ana".to_owned());
    let done = match parse(args, user).expect("right") {
        Command::Say(asked) => say(store.clone(), &asked).await,
        Command::List(place) => list(store.clone(), &place).await,
        other => panic!("{other:?} is for no store"),
    };
    done.expect("the store takes it")
}

#[tokio::test(start_paused = true)]
async fn it_prints_what_holds() {
    let store = MemoryStore::new();
    assert_eq!(
        run(&store, &["list"]).await,
        "fleet checkout: no word holds\n"
    );
    let said = [
        "force-open",
        "orders",
        "--for",
        "10m",
        "--why",
        "change 4711",
    ];
    let holds = run(&store, &said).await;
    assert!(
        holds.starts_with("fleet checkout: what holds now\n"),
        "{holds}"
    );
    let line = holds.lines().nth(1).expect("a word");
    let words: Vec<_> = line.split_whitespace().collect();
    assert_eq!(words[..2], ["orders", "force-open"]);
    assert!(
        line.contains("for 10m") && line.ends_with("by ana: change 4711"),
        "{line}"
    );

    run(&store, &["disable", "*", "--who=bo"]).await;
    let both = run(&store, &["list"]).await;
    assert_eq!(both.lines().count(), 3);
    assert!(
        both.contains("* (all breakers)  disable       until released    by bo\n"),
        "{both}"
    );
    let other = run(&store, &["list", "--fleet", "billing"]).await;
    assert_eq!(other, "fleet billing: no word holds\n");

    tokio::time::advance(Duration::from_secs(601)).await;
    let later = run(&store, &["list"]).await;
    assert!(!later.contains("orders"), "it has ended: {later}");
    let released = run(&store, &["release", "*"]).await;
    assert!(!released.contains("disable"), "{released}");
    let words: Vec<_> = released
        .lines()
        .nth(1)
        .expect("a word")
        .split_whitespace()
        .collect();
    assert_eq!(words, ["*", "(all", "breakers)", "released", "by", "ana"]);
}

#[tokio::test]
async fn what_others_wrote_does_not_steer_the_terminal() {
    let store = MemoryStore::new();
    let holds = run(&store, &["disable", "größe\u{1b}[2J", "--why", "a\nb"]).await;
    assert!(
        holds.contains("größe\\u{1b}[2J") && holds.contains("a\\nb"),
        "{holds}"
    );
    assert_eq!(holds.lines().count(), 2);
}

/// A store that answers nothing, and why.
struct Broken(Reason);

impl Broken {
    fn down<T>(&self) -> Result<T, Down> {
        Err(Down::new(self.0, "broken"))
    }
}

impl Store for Broken {
    async fn exchange(&self, _: &str, _: &[Report]) -> Result<Vec<Answer>, Down> {
        self.down()
    }

    async fn words(&self, _: &str) -> Result<Vec<Word>, Down> {
        self.down()
    }

    async fn say(&self, _: &str, _: &Word) -> Result<Word, Down> {
        self.down()
    }

    fn changes(&self, _: &str) -> Changes {
        ChangeSender::new().changes()
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_answer_has_an_exit_code() {
    let place = Place {
        fleet: "checkout".into(),
        redis: String::new(),
    };
    for (reason, code) in [
        (Reason::Unreachable, 3),
        (Reason::Timeout, 3),
        (Reason::Denied, 4),
        (Reason::ReadOnly, 1),
        (Reason::Script, 1),
        (Reason::Protocol, 1),
    ] {
        let begun = Instant::now();
        let down = list(Broken(reason), &place)
            .await
            .expect_err("it is broken");
        assert_eq!((down.reason, exit_code(down.reason)), (reason, code));
        // what may be a connection that is not made is tried again
        let again = begun.elapsed() >= RETRY;
        assert_eq!(again, reason == Reason::Unreachable);
    }
}
