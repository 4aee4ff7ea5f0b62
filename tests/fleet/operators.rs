//! Operators' words, and breakers' own operators.

use super::faulty::{Fault, Faulty};
use super::{ms, secs};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tripcoil::fleet::{EVERY, Fleet, Mode, Words};
use tripcoil::registry::Registry;
use tripcoil::testing::tokio_clock;
use tripcoil::{Breaker, Builder, Controller, State};

struct Pod {
    breaker: Breaker,
    controller: Arc<Controller>,
    fleet: Fleet<Faulty>,
    agent: JoinHandle<()>,
}

fn pod(store: &Faulty, name: &str, number: usize) -> Pod {
    started(Breaker::builder(name), store, number)
}

/// One whose agent runs.
fn started(builder: Builder, store: &Faulty, number: usize) -> Pod {
    let builder = builder.clock(tokio_clock());
    let (breaker, controller) = builder.build_with_controller().expect("valid");
    let controller = Arc::new(controller);
    let fleet = Fleet::builder("checkout", store.clone()).instance(format!("pod-{number}"));
    let fleet = fleet.build().expect("valid");
    fleet.join(controller.clone());
    let agent = fleet.run();
    let agent = tokio::spawn(async move {
        agent.await;
    });
    Pod {
        breaker,
        controller,
        fleet,
        agent,
    }
}

fn pods(store: &Faulty, name: &str) -> Vec<Pod> {
    (0..40).map(|number| pod(store, name, number)).collect()
}

fn words(store: &Faulty) -> Words<Faulty> {
    Words::new("checkout", store.clone(), "ana").because("change 4711")
}

/// The time until all are so.
async fn until(pods: &[Pod], state: State, most: Duration) -> Duration {
    let began = Instant::now();
    while !pods.iter().all(|pod| pod.breaker.state() == state) {
        assert!(began.elapsed() <= most, "not {state} in {most:?}");
        sleep(ms(5)).await;
    }
    began.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_word_reaches_all_by_push_and_without() {
    let store = Faulty::default();
    let pods = pods(&store, "orders");
    let words = words(&store);
    sleep(secs(3)).await;
    for (mode, state) in [
        (Mode::ForceOpen, State::ForcedOpen),
        (Mode::Disable, State::Disabled),
        (Mode::ObserveOnly, State::ObserveOnly),
        (Mode::Release, State::Closed),
    ] {
        store.set_pushes(true);
        words.saying(mode, "orders").await.expect("said");
        let pushed = until(&pods, state, ms(500)).await;
        let view = pods[0].fleet.view("orders").expect("known");
        let word = view.word.expect("in force");
        assert_eq!((word.mode, word.who.as_str()), (mode, "ana"));
        assert_eq!((word.why.as_str(), word.left), ("change 4711", None));

        store.set_pushes(false);
        words.saying(Mode::Release, "orders").await.expect("said");
        until(&pods, State::Closed, ms(6_000)).await;
        words.saying(mode, "orders").await.expect("said");
        let polled = until(&pods, state, ms(6_000)).await;
        println!("{mode}: all 40 in {pushed:?} with pushes, in {polled:?} without");
    }
    pods.iter().for_each(|pod| pod.agent.abort());
}

#[tokio::test(start_paused = true)]
async fn it_ends_by_itself_also_without_the_store() {
    let store = Faulty::default();
    let pods = pods(&store, "orders");
    let said = words(&store).force_open("orders").until(secs(30)).await;
    said.expect("said");
    until(&pods, State::ForcedOpen, ms(500)).await;
    store.set(Fault::Refused);
    sleep(secs(20)).await;
    let view = pods[7].fleet.view("orders").expect("known");
    let left = view.word.expect("in force").left.expect("it ends");
    assert!((secs(9)..=secs(10)).contains(&left), "{left:?}");
    until(&pods, State::ForcedOpen, ms(0)).await;
    sleep(ms(9_300)).await;
    until(&pods, State::ForcedOpen, ms(0)).await;
    until(&pods, State::Closed, ms(1_500)).await;
    assert_eq!(pods[7].fleet.view("orders").expect("known").word, None);
}

#[tokio::test(start_paused = true)]
async fn it_outlives_instances_and_the_stores_data() {
    let store = Faulty::default();
    let words = words(&store);
    words.force_open("orders").await.expect("said");
    let first = pod(&store, "orders", 1);
    until(std::slice::from_ref(&first), State::ForcedOpen, ms(500)).await;
    first.agent.abort();
    // another process of the same name
    let again = pod(&store, "orders", 1);
    until(std::slice::from_ref(&again), State::ForcedOpen, ms(500)).await;
    // and the first one's agent, run again
    let agent = first.fleet.run();
    tokio::spawn(async move {
        agent.await;
    });
    store.lose();
    sleep(secs(30)).await;
    assert_eq!(
        again.breaker.state(),
        State::ForcedOpen,
        "nobody has ended it"
    );
    words.release("orders").await.expect("said");
    let both = [first, again];
    until(&both, State::Closed, ms(500)).await;
}

#[tokio::test(start_paused = true)]
async fn the_instances_own_operator_wins_until_the_next_word() {
    let store = Faulty::default();
    let words = words(&store);
    let pods = [pod(&store, "orders", 1), pod(&store, "orders", 2)];
    words.force_open("orders").await.expect("said");
    until(&pods, State::ForcedOpen, ms(500)).await;
    assert!(pods[0].controller.disable());
    sleep(secs(20)).await;
    assert_eq!(pods[0].breaker.state(), State::Disabled);
    assert_eq!(pods[1].breaker.state(), State::ForcedOpen);
    // it is not the fleet's any more
    words.release("orders").await.expect("said");
    until(&pods[1..], State::Closed, ms(500)).await;
    sleep(secs(2)).await;
    assert_eq!(pods[0].breaker.state(), State::Disabled);
    words.observe_only("orders").await.expect("said");
    until(&pods, State::ObserveOnly, ms(500)).await;
    // the operator's own, of the same state, is not ended by the fleet
    pods[0].controller.release();
    pods[0].controller.force_open();
    words.force_open("orders").await.expect("said");
    until(&pods, State::ForcedOpen, ms(500)).await;
    words.release("orders").await.expect("said");
    until(&pods[1..], State::Closed, ms(500)).await;
    sleep(secs(2)).await;
    assert_eq!(pods[0].breaker.state(), State::ForcedOpen);
}

#[tokio::test(start_paused = true)]
async fn one_breakers_word_goes_before_one_on_all() {
    let store = Faulty::default();
    let words = words(&store);
    let both = [pod(&store, "orders", 1), pod(&store, "search", 2)];
    let (orders, search) = both.split_at(1);
    words.disable(EVERY).await.expect("said");
    until(&both, State::Disabled, ms(500)).await;
    let said = words.force_open("orders").until(secs(10)).await;
    said.expect("said");
    until(orders, State::ForcedOpen, ms(500)).await;
    assert_eq!(search[0].breaker.state(), State::Disabled);
    sleep(secs(9)).await;
    until(orders, State::Disabled, secs(2)).await;
    words.release("orders").await.expect("said");
    until(orders, State::Closed, ms(500)).await;
    words.force_open(EVERY).await.expect("said");
    until(search, State::ForcedOpen, ms(500)).await;
    sleep(secs(1)).await;
    assert_eq!(
        orders[0].breaker.state(),
        State::Closed,
        "released by a word of its own"
    );
}

/// A saved override of the fleet's is the fleet's after a restart too, so that its release ends it.
#[cfg(feature = "persist")]
#[tokio::test(start_paused = true)]
async fn an_override_that_was_saved_is_still_the_fleets() {
    let store = Faulty::default();
    let words = words(&store);
    words.force_open("orders").await.expect("said");
    let first = pod(&store, "orders", 1);
    until(std::slice::from_ref(&first), State::ForcedOpen, ms(500)).await;
    first.agent.abort();
    let saved = first.controller.save();
    let restored = Breaker::builder("orders")
        .clock(tokio_clock())
        .restore(saved);
    let (breaker, controller) = restored.build_with_controller().expect("valid");
    assert_eq!(breaker.state(), State::ForcedOpen);
    let controller = Arc::new(controller);
    let fleet = Fleet::builder("checkout", store.clone()).instance("pod-1");
    let fleet = fleet.build().expect("valid");
    fleet.join(controller.clone());
    let agent = fleet.run();
    let agent = tokio::spawn(async move {
        agent.await;
    });
    let again = [Pod {
        breaker,
        controller,
        fleet,
        agent,
    }];
    sleep(secs(2)).await;
    words.release("orders").await.expect("said");
    until(&again, State::Closed, ms(500)).await;
}

#[tokio::test(start_paused = true)]
async fn keys_that_come_later_get_the_word_too() {
    let store = Faulty::default();
    let words = words(&store);
    let builder =
        Registry::builder(|key: &String| Breaker::builder(key.as_str()).clock(tokio_clock()));
    let (registry, controller) = builder.build_with_controller();
    let fleet = Fleet::builder("checkout", store.clone()).instance("pod-1");
    let fleet = fleet.build().expect("valid");
    fleet.join_registry(controller);
    let agent = fleet.run();
    tokio::spawn(async move {
        agent.await;
    });
    let state = |key: &str| registry.peek(key).map(|breaker| breaker.state());
    registry.with("a", |_| ()).expect("valid");
    words.force_open("b").await.expect("said");
    sleep(secs(1)).await;
    assert_eq!(
        (state("a"), state("b")),
        (Some(State::Closed), None),
        "none is created"
    );
    registry.with("b", |_| ()).expect("valid");
    sleep(ms(200)).await;
    assert_eq!(state("b"), Some(State::ForcedOpen));
    words.disable(EVERY).await.expect("said");
    sleep(ms(500)).await;
    registry.with("c", |_| ()).expect("valid");
    sleep(ms(200)).await;
    let all = ["a", "b", "c"].map(state);
    let disabled = Some(State::Disabled);
    assert_eq!(all, [disabled, Some(State::ForcedOpen), disabled]);
}

#[tokio::test(start_paused = true)]
async fn a_release_for_a_time_ends_and_the_word_on_all_holds_again() {
    let store = Faulty::default();
    let words = words(&store);
    let first = [pod(&store, "orders", 1), pod(&store, "orders", 2)];
    words.disable(EVERY).await.expect("said");
    until(&first, State::Disabled, ms(500)).await;
    let said = words.release("orders").until(secs(10)).await;
    said.expect("said");
    until(&first, State::Closed, ms(500)).await;
    // one that comes meanwhile, and one whose operator wants it otherwise
    let later = [pod(&store, "orders", 3)];
    sleep(secs(1)).await;
    until(&later, State::Closed, ms(0)).await;
    assert!(first[1].controller.force_open());
    sleep(secs(20)).await;
    until(&first[..1], State::Disabled, ms(0)).await;
    until(&later, State::Disabled, ms(0)).await;
    assert_eq!(first[1].breaker.state(), State::ForcedOpen);
}

/// Two words are read at once, and the later one ends.
#[tokio::test(start_paused = true)]
async fn the_instances_own_operator_wins_over_the_older_word() {
    for number in 0..20 {
        let store = Faulty::default();
        let words = words(&store);
        words.disable(EVERY).await.expect("said");
        let said = words.force_open("orders").until(secs(10)).await;
        said.expect("said");
        let one = [pod(&store, "orders", number)];
        until(&one, State::ForcedOpen, ms(500)).await;
        one[0].controller.reset();
        sleep(secs(20)).await;
        until(&one, State::Closed, ms(0)).await;
        one[0].agent.abort();
    }
}

/// Its word has ended while no process ran.
#[cfg(feature = "persist")]
#[tokio::test(start_paused = true)]
async fn an_override_that_was_saved_ends_if_its_word_has() {
    for is_released in [true, false] {
        let store = Faulty::default();
        let words = words(&store);
        let said = words.force_open("orders").until(secs(60)).await;
        said.expect("said");
        let first = pod(&store, "orders", 1);
        until(std::slice::from_ref(&first), State::ForcedOpen, ms(500)).await;
        first.agent.abort();
        let saved = first.controller.save();
        if is_released {
            words.release("orders").await.expect("said");
        } else {
            sleep(secs(60)).await;
        }
        let restore = |number| {
            let builder = Breaker::builder("orders").restore(saved.clone());
            started(builder, &store, number)
        };
        // what is in force is not known so far
        store.set(Fault::Refused);
        let both = [restore(1), restore(2)];
        sleep(secs(10)).await;
        until(&both, State::ForcedOpen, ms(0)).await;
        // one whose operator has made it his own
        both[1].controller.release();
        both[1].controller.force_open();
        store.set(Fault::None);
        until(&both[..1], State::Closed, secs(2)).await;
        sleep(secs(10)).await;
        assert_eq!(both[1].breaker.state(), State::ForcedOpen);
        both[0].controller.force_open();
        sleep(secs(10)).await;
        assert_eq!(both[0].breaker.state(), State::ForcedOpen, "once");
    }
}
