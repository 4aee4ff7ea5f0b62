//! What can join, and how it leaves.

use super::faulty::{Fault, Faulty};
use super::{ms, secs};
use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;
use tokio::time::sleep;
use tripcoil::fleet::{Answer, Fleet, FleetError, MemoryStore, Report, Rules, Store, Vote};
use tripcoil::registry::{Registry, RegistryController};
use tripcoil::testing::tokio_clock;
use tripcoil::{Backoff, Breaker, Cause, FailureKind, State};

fn fleet(store: &Faulty, pod: &str) -> Fleet<Faulty> {
    let fleet = Fleet::builder("checkout", store.clone()).instance(pod);
    let fleet = fleet.build().expect("valid");
    let agent = fleet.run();
    tokio::spawn(async move {
        agent.await;
    });
    fleet
}

fn keys() -> (Registry<String>, RegistryController<String>) {
    let template = |key: &String| {
        Breaker::builder(key.as_str())
            .clock(tokio_clock())
            .consecutive_failures(3)
            .open_for(Backoff::constant(secs(30)))
    };
    Registry::builder(template).build_with_controller()
}

fn fail(registry: &Registry<String>, key: &str) {
    let breaker = registry.get(key).expect("valid");
    if let Ok(permit) = breaker.try_acquire() {
        permit.failure(FailureKind::Server);
    };
}

/// Votes of other instances.
async fn votes(store: &Faulty, breaker: &str, vote: Option<Vote>) -> Vec<Answer> {
    let reports: Vec<_> = ["x", "y", "z"]
        .map(|instance| Report {
            breaker: breaker.to_owned(),
            instance: instance.to_owned(),
            vote,
            seq: 0,
            demand: false,
            probe: None,
            rules: Rules::new(),
        })
        .into();
    store.exchange("checkout", &reports).await.expect("answers")
}

const FAILING: Option<Vote> = Some(Vote::Outcomes {
    calls: 2_667,
    failures: 2_667,
});

#[tokio::test(start_paused = true)]
async fn a_key_is_tripped_and_another_is_not() {
    let store = Faulty::default();
    let (registry, controller) = keys();
    let fleet = fleet(&store, "pod-1");
    fleet.join_registry(Arc::new(controller));
    for key in ["a", "b"] {
        registry.with(key, |_| ()).expect("valid");
    }
    sleep(secs(2)).await;
    assert!(votes(&store, "a", FAILING).await[2].down);
    sleep(secs(1)).await;
    assert!(
        fleet
            .view("a")
            .and_then(|view| view.verdict)
            .is_some_and(|v| v.down)
    );
    assert_eq!(
        registry.peek("a").map(|a| a.state()),
        Some(State::Closed),
        "no failure of its own"
    );
    fail(&registry, "a");
    fail(&registry, "b");
    sleep(ms(200)).await;
    let a = registry.peek("a").expect("there");
    let rejected = a.try_acquire().expect_err("open");
    assert_eq!(rejected.cause(), Some(Cause::Peers));
    assert_eq!(registry.peek("b").map(|b| b.state()), Some(State::Closed));
    assert_eq!(registry.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn no_key_is_kept() {
    let store = Faulty::default();
    let (registry, controller) = keys();
    let controller = Arc::new(controller);
    let fleet = fleet(&store, "pod-1");
    fleet.join_registry(controller.clone());
    for key in 0..50 {
        let _ = registry.call(&format!("key-{key}"), || Ok::<_, ()>(()));
    }
    sleep(secs(6)).await;
    assert!(fleet.view("key-7").is_some());
    let mut gone = 0;
    for _ in 0..4 {
        gone += registry.sweep();
        sleep(ms(130)).await;
    }
    assert_eq!((gone, registry.len()), (50, 0));
    sleep(secs(1)).await;
    assert_eq!(fleet.view("key-7"), None);
    // its votes are withdrawn
    let answers = votes(&store, "key-7", None).await;
    assert_eq!(answers[0].votes, 0);
    // and another breaker of the key is known again
    let _ = registry.call("key-7", || Ok::<_, ()>(()));
    sleep(secs(1)).await;
    assert!(fleet.view("key-7").is_some());
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_forgotten_leaves_no_lease_behind() {
    let store = Faulty::default();
    let (registry, controller) = keys();
    let controller = Arc::new(controller);
    let fleet = fleet(&store, "pod-1");
    fleet.join_registry(controller.clone());
    for _ in 0..3 {
        fail(&registry, "a");
    }
    votes(&store, "a", FAILING).await;
    for _ in 0..20 {
        fail(&registry, "a"); // rejected: it would probe
        sleep(ms(200)).await;
        if fleet.view("a").is_some_and(|view| view.leased) {
            break;
        }
    }
    assert!(fleet.view("a").expect("there").leased);
    assert!(controller.forget("a"));
    sleep(ms(400)).await;
    assert_eq!(fleet.view("a"), None);
    // another instance may probe as soon as it is time, and need not wait for the lease's end
    sleep(secs(1)).await;
    let report = Report {
        breaker: "a".to_owned(),
        instance: "w".to_owned(),
        vote: None,
        seq: 0,
        demand: true,
        probe: None,
        rules: Rules::new(),
    };
    let answer = store.exchange("checkout", &[report]).await.expect("one");
    assert!(answer[0].lease.is_some(), "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn one_name_is_one_breaker() {
    let store = Faulty::default();
    let fleet = fleet(&store, "pod-1");
    let build = || {
        let builder = Breaker::builder("orders").clock(tokio_clock());
        builder.build_with_controller().expect("valid").1
    };
    assert!(fleet.join(build()));
    assert!(!fleet.join(build()), "the name is taken");
    let (registry, controller) = keys();
    fleet.join_registry(controller);
    registry.with("orders", |_| ()).expect("valid");
    registry.with("search", |_| ()).expect("valid");
    sleep(secs(3)).await;
    assert!(fleet.view("orders").is_some() && fleet.view("search").is_some());
    let answers = votes(&store, "orders", None).await;
    assert_eq!(answers[0].votes, 0, "no calls");
    // the key is left alone, and is not tripped by what its namesake's fleet finds
    votes(&store, "orders", FAILING).await;
    fail(&registry, "orders");
    sleep(secs(3)).await;
    assert_eq!(
        registry.peek("orders").map(|b| b.state()),
        Some(State::Closed)
    );
}

/// Its text panics for some keys.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key(u32);

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        assert!(self.0 != 3, "a key without a text");
        write!(f, "{}", ["ordèrs/{ö}", "", "*"][self.0 as usize])
    }
}

#[tokio::test(start_paused = true)]
async fn texts_of_keys_may_be_anything_and_may_panic() {
    let store = Faulty::default();
    let fleet = fleet(&store, "pod-1");
    let builder = Registry::builder(|_: &Key| Breaker::builder("one").clock(tokio_clock()));
    let (registry, controller) = builder.build_with_controller();
    fleet.join_registry(controller);
    sleep(secs(1)).await;
    for key in [3, 0, 1, 2] {
        registry
            .call(&Key(key), || Ok::<_, ()>(()))
            .expect("called");
    }
    sleep(secs(7)).await;
    assert!(fleet.link().up);
    for text in ["ordèrs/{ö}", "", "*"] {
        let view = fleet.view(text).expect("known");
        assert_eq!(view.votes, 1, "{text:?}");
    }

    let (registry, controller) = keys();
    fleet.join_registry_as(controller, |key: &String| {
        assert!(key != "b", "a name that panics");
        format!("tenant/{key}")
    });
    for key in ["a", "b", "c"] {
        registry.with(key, |_| ()).expect("valid");
    }
    sleep(secs(1)).await;
    let there = ["a", "b", "c"].map(|key| fleet.view(&format!("tenant/{key}")).is_some());
    assert_eq!(there, [true, false, true]);
}

#[tokio::test(start_paused = true)]
async fn many_keys_are_reported_bit_by_bit() {
    let store = Faulty::default();
    let fleet = fleet(&store, "pod-1");
    let (registry, controller) = keys();
    fleet.join_registry(controller);
    sleep(secs(1)).await;
    for key in 0..3_000 {
        let _ = registry.call(&format!("{key}"), || Err::<(), _>(()));
    }
    let begun = std::time::Instant::now();
    sleep(secs(4)).await;
    println!("4 s with 3,000 keys took {:?} of time", begun.elapsed());
    let (exchanges, reports) = (store.exchanges(), store.reports());
    assert!(
        reports >= 3_000 && reports <= exchanges * 512,
        "{reports} in {exchanges}"
    );
    assert!((0..3_000).all(|key| fleet.view(&format!("{key}")).is_some_and(|v| v.votes == 1)));
}

#[tokio::test(start_paused = true)]
async fn an_operators_opening_is_left_alone() {
    let store = Faulty::default();
    let fleet = fleet(&store, "pod-1");
    let builder = Breaker::builder("orders").clock(tokio_clock());
    let builder = builder.open_for(Backoff::constant(secs(10)));
    let (breaker, controller) = builder.build_with_controller().expect("valid");
    let controller = Arc::new(controller);
    fleet.join(controller.clone());
    breaker
        .try_acquire()
        .expect("closed")
        .failure(FailureKind::Server);
    sleep(ms(300)).await;
    controller.trip();
    votes(&store, "orders", FAILING).await;
    for _ in 0..80 {
        let _ = breaker.try_acquire().expect_err("open");
        sleep(ms(100)).await;
    }
    let view = fleet.view("orders").expect("known");
    assert!(!view.leased && view.verdict.is_some_and(|verdict| verdict.down));
    let rest = breaker.observer().snapshot().retry_after.expect("open");
    assert!(rest <= secs(2), "not postponed: {rest:?}");
    assert_eq!(
        votes(&store, "orders", None).await[2].votes,
        0,
        "and has no vote"
    );
}

#[test]
fn handles_go_to_other_threads() {
    fn shared<T: Send + Sync + Clone + fmt::Debug + 'static>() {}
    shared::<Fleet<MemoryStore>>();
    shared::<tripcoil::fleet::Link>();
    shared::<tripcoil::fleet::View>();
    shared::<FleetError>();
}

fn problems(build: Result<Fleet<MemoryStore>, FleetError>) -> Vec<(&'static str, String)> {
    let error = build.expect_err("invalid");
    let each = error.problems().iter();
    each.map(|problem| (problem.field, problem.to_string()))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn every_problem_of_the_settings_is_found_at_once() {
    let all = Fleet::builder("", MemoryStore::new())
        .instance("")
        .quorum(0)
        .min_failures(0)
        .failure_rate(f64::NAN)
        .probe_every(Duration::ZERO)
        .probe_lease(Duration::MAX)
        .heartbeat(ms(8_001));
    let found = problems(all.build());
    let texts: Vec<_> = found.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "fleet is \"\", but must be a name",
            "instance is \"\", but must be the stable name of this instance",
            "quorum is 0, but must be from 1 to 4294967295",
            "min_failures is 0, but must be from 1 to 4294967295",
            "failure_rate is NaN, but must be above 0 and at most 1",
            "probe_every is 0ns, but must be from 100ms to 5s",
            "probe_lease is 18446744073709551615.999999999s, but must be from 1s to 10s",
            "heartbeat is 8.001s, but must be from 1s to 8s",
        ]
    );
    let missing = problems(Fleet::builder("checkout", MemoryStore::new()).build());
    assert_eq!(
        missing[0].1,
        "instance is not set, but must be the stable name of this instance"
    );
    for rate in [0.0, -0.1, 1.1, f64::INFINITY] {
        let one = Fleet::builder("c", MemoryStore::new())
            .instance("i")
            .failure_rate(rate);
        assert_eq!(problems(one.build())[0].0, "failure_rate");
    }
    let most = Fleet::builder("c", MemoryStore::new())
        .instance("i")
        .quorum(u32::MAX)
        .min_failures(u32::MAX)
        .failure_rate(1.0)
        .probe_every(secs(5))
        .probe_lease(secs(10))
        .heartbeat(secs(8));
    assert!(most.build().is_ok());
    let error = Fleet::builder("checkout", MemoryStore::new())
        .build()
        .expect_err("no instance");
    assert_eq!(error.fleet(), "checkout");
    assert_eq!(error.to_string().lines().count(), 2);
}

/// The memory of a forgotten key's breaker is used again, and an answer is under way meanwhile.
#[tokio::test(start_paused = true)]
async fn an_answer_is_for_the_key_that_was_reported() {
    let store = Faulty::default();
    let (registry, controller) = keys();
    let controller = Arc::new(controller);
    let fleet = fleet(&store, "pod-1");
    fleet.join_registry(controller.clone());
    store.set(Fault::Slow);
    for round in 0..60 {
        let (old, new) = (format!("old-{round}"), format!("new-{round}"));
        let _ = registry.call(&old, || Ok::<_, ()>(()));
        sleep(secs(1)).await;
        votes(&store, &old, FAILING).await;
        for n in 0..30 {
            let before = store.exchanges();
            sleep(ms(20)).await;
            if store.exchanges() > before && n > 2 {
                break;
            }
        }
        assert!(controller.forget(&old));
        sleep(ms(115)).await;
        let _ = registry.call(&new, || Ok::<_, ()>(()));
        sleep(ms(300)).await;
        let view = fleet.view(&new).expect("it has come");
        assert_eq!(view.verdict, None, "that of another key, in round {round}");
        sleep(secs(2)).await;
        controller.forget(&new);
        sleep(secs(1)).await;
    }
}

/// A registry that cannot be looked at, once that is set.
struct Panicking(RegistryController<String>, Arc<AtomicBool>);

impl Borrow<RegistryController<String>> for Panicking {
    fn borrow(&self) -> &RegistryController<String> {
        assert!(!self.1.load(SeqCst), "a registry with a fault");
        &self.0
    }
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_panics_keeps_no_key_of_another() {
    let store = Faulty::default();
    let (broken, controller) = keys();
    let panics = Arc::new(AtomicBool::new(false));
    let fleet = fleet(&store, "pod-1");
    fleet.join_registry(Panicking(controller, panics.clone()));
    let (registry, controller) = keys();
    let controller = Arc::new(controller);
    fleet.join_registry(controller.clone());
    registry.with("a", |_| ()).expect("valid");
    broken.with("b", |_| ()).expect("valid");
    sleep(ms(300)).await;
    panics.store(true, SeqCst);
    sleep(ms(300)).await;
    assert!(fleet.view("a").is_some() && fleet.view("b").is_some());
    assert!(controller.forget("a"));
    sleep(ms(300)).await;
    assert_eq!(fleet.view("a"), None);
    assert!(fleet.view("b").is_some(), "it is not known to have gone");
}

#[tokio::test(start_paused = true)]
async fn a_key_that_comes_again_keeps_its_vote() {
    let store = Faulty::default();
    let (registry, controller) = keys();
    let controller = Arc::new(controller);
    let fleet = fleet(&store, "pod-1");
    fleet.join_registry(controller.clone());
    let (others, other) = keys();
    fleet.join_registry(other);
    store.set(Fault::Slow);
    for round in 0..60 {
        let key = format!("key-{round}");
        let _ = registry.call(&key, || Ok::<_, ()>(()));
        sleep(secs(1)).await;
        // an exchange is under way as it is forgotten, and as it comes again
        let _ = others.call(&key, || Ok::<_, ()>(()));
        let begun = store.exchanges();
        while store.exchanges() == begun {
            sleep(ms(5)).await;
        }
        assert!(controller.forget(&key));
        sleep(ms(120)).await;
        let _ = registry.call(&key, || Ok::<_, ()>(()));
        sleep(secs(2)).await;
        let answers = votes(&store, &key, None).await;
        assert_eq!(answers[0].votes, 1, "in round {round}");
    }
}
