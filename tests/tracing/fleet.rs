//! What an agent of a fleet emits.

use super::{Capture, Fields};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::time::sleep;
use tracing::Level;
use tripcoil::fleet::{
    Answer, Changes, Down, Fleet, MemoryStore, Reason, Report, Rules, Store, Vote, Word, Words,
};
use tripcoil::testing::tokio_clock;
use tripcoil::{Breaker, FailureKind, HalfOpen};

/// A store that can be away.
#[derive(Clone)]
struct Away {
    inner: MemoryStore,
    away: Arc<AtomicBool>,
}

impl Store for Away {
    async fn exchange(&self, fleet: &str, reports: &[Report]) -> Result<Vec<Answer>, Down> {
        if self.away.load(SeqCst) {
            return Err(Down::new(Reason::Unreachable, "connection refused"));
        }
        self.inner.exchange(fleet, reports).await
    }

    async fn words(&self, fleet: &str) -> Result<Vec<Word>, Down> {
        self.inner.words(fleet).await
    }

    async fn say(&self, fleet: &str, word: &Word) -> Result<Word, Down> {
        self.inner.say(fleet, word).await
    }

    fn changes(&self, fleet: &str) -> Changes {
        self.inner.changes(fleet)
    }
}

fn fails(breaker: &Breaker) {
    if let Ok(permit) = breaker.try_acquire() {
        permit.failure(FailureKind::Server);
    }
}

/// An outage from its beginning to its end, an operator's word, and a store that goes away and comes back.
pub(super) fn scenario() {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let store = Away {
            inner: MemoryStore::new(),
            away: Arc::default(),
        };
        let fleet = Fleet::builder("checkout", store.clone()).instance("pod-1");
        let fleet = fleet.build().expect("valid");
        let build = |name: &str| {
            let builder = Breaker::builder(name).clock(tokio_clock());
            let builder = builder.half_open(HalfOpen::successes(1));
            builder.build_with_controller().expect("valid")
        };
        let (breaker, controller) = build("orders");
        assert!(fleet.join(controller));
        let agent = fleet.run();
        let agent = tokio::spawn(async move {
            agent.await;
        });
        let pause = |n| sleep(Duration::from_millis(n));
        pause(3_000).await;

        fails(&breaker);
        let failing = Some(Vote::Outcomes {
            calls: 2_667,
            failures: 2_667,
        });
        let votes: Vec<_> = ["x", "y", "z"]
            .map(|instance| Report {
                breaker: "orders".to_owned(),
                instance: instance.to_owned(),
                vote: failing,
                seq: 0,
                demand: false,
                probe: None,
                rules: Rules::new(),
            })
            .into();
        let answers = store.exchange("checkout", &votes).await;
        assert!(answers.expect("answers")[2].down);
        // once a probe fails, and the next goes well
        let mut left = 1;
        for _ in 0..100 {
            pause(100).await;
            if let Ok(permit) = breaker.try_acquire() {
                if left == 0 {
                    permit.success();
                    break;
                }
                left -= usize::from(fleet.view("orders").is_some_and(|view| view.leased));
                permit.failure(FailureKind::Server);
            }
        }
        pause(2_000).await;

        let words = Words::new("checkout", store.clone(), "ana").because("change 4711");
        let word = words.force_open("orders").until(Duration::from_secs(5));
        word.await.expect("said");
        pause(7_000).await;

        store.away.store(true, SeqCst);
        pause(30_000).await;
        store.away.store(false, SeqCst);
        pause(2_000).await;

        // of a registry, since `join` refuses it
        let (registry, controller) =
            tripcoil::registry::Registry::builder(|_: &String| Breaker::builder("one"))
                .build_with_controller();
        registry.get("orders").expect("valid");
        fleet.join_registry(controller);
        pause(1_000).await;
        agent.abort();
    });
}

#[test]
fn an_outage_is_seen_from_its_beginning_to_its_end() {
    let capture = Capture::default();
    capture.within(scenario);
    let events = capture.events();
    let all = |fields: &Fields| fields.0.clone();
    let told: Vec<_> = events
        .iter()
        .map(|(level, fields)| (*level, all(fields)["message"].clone()))
        .collect();
    let expected = [
        (Level::INFO, "fleet's store is up"),
        (Level::WARN, "fleet has found the dependency down"),
        (Level::WARN, "breaker tripped by its fleet"),
        (Level::INFO, "probing for the fleet"),
        (Level::INFO, "probed for the fleet"),
        (Level::INFO, "probing for the fleet"),
        (Level::INFO, "probed for the fleet"),
        (Level::INFO, "fleet has found the dependency up"),
        (Level::INFO, "operator's word applied"),
        (Level::INFO, "operator's word ended"),
        (Level::WARN, "fleet's store is down"),
        (Level::INFO, "fleet's store is up"),
        (Level::WARN, "name is taken in its fleet"),
    ]
    .map(|(level, message)| (level, message.to_owned()));
    assert_eq!(told, expected);
    for (_, fields) in &events {
        assert_eq!(all(fields)["tripcoil.fleet"], "checkout");
    }
    let field = |at: usize, name: &str| all(&events[at].1)[name].clone();
    assert_eq!(field(2, "tripcoil.breaker"), "orders");
    let results = [4, 6].map(|at| field(at, "tripcoil.result"));
    assert_eq!(results, ["failed", "succeeded"]);
    let who = ["tripcoil.action", "tripcoil.who", "tripcoil.why"].map(|name| field(8, name));
    assert_eq!(who, ["force_open", "ana", "change 4711"]);
    let why = ["tripcoil.reason", "tripcoil.error"].map(|name| field(10, name));
    assert_eq!(why, ["unreachable", "connection refused"]);
    let down: u64 = field(11, "tripcoil.down_ms").parse().expect("a number");
    assert!((5_000..=32_000).contains(&down), "{down}");
    // each in a root span of its own
    let around = capture.around.lock().clone();
    assert_eq!(around, vec![("breaker fleet", false); events.len()]);
}
