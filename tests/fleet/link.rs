//! The link to the store: whether it is up, why not, and what follows.

use super::faulty::{Fault, Faulty};
use super::world::{BEGIN, Plan, Pod, Sharing, Weather, World};
use super::{Kind, ms, secs};
use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tripcoil::fleet::{Fleet, Reason, Report, Rules, Store, Vote};
use tripcoil::registry::Registry;
use tripcoil::testing::tokio_clock;
use tripcoil::{Breaker, Controller, FailureKind, State, Transition};

fn spawn(agent: impl Future<Output = Infallible> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(async move {
        agent.await;
    })
}

fn breaker(name: &str) -> (Breaker, Controller) {
    let builder = Breaker::builder(name).clock(tokio_clock());
    builder.build_with_controller().expect("valid")
}

fn fleet(store: &Faulty) -> Fleet<Faulty> {
    let fleet = Fleet::builder("checkout", store.clone()).instance("pod-1");
    fleet.build().expect("valid")
}

fn failures(fleet: &Fleet<Faulty>) -> Vec<u64> {
    let link = fleet.link();
    Reason::ALL.map(|reason| link.failures(reason)).to_vec()
}

#[tokio::test(start_paused = true)]
async fn it_says_since_when_it_is_down_and_why() {
    let store = Faulty::default();
    let fleet = fleet(&store);
    let (breaker, controller) = breaker("orders");
    assert!(fleet.join(controller));
    tokio::spawn(async move {
        loop {
            sleep(ms(500)).await;
            breaker.try_acquire().expect("closed").success();
        }
    });
    let link = fleet.link();
    assert!(!link.up && link.down.is_none(), "it does not run");
    let _agent = spawn(fleet.run());
    sleep(secs(10)).await;
    let link = fleet.link();
    assert!(link.up && link.down.is_none(), "{link:?}");
    assert!((secs(9)..=secs(10)).contains(&link.lasted), "{link:?}");
    assert_eq!(failures(&fleet), [0; 6]);

    for (fault, reason) in [
        (Fault::Refused, Reason::Unreachable),
        (Fault::Denied, Reason::Denied),
        (Fault::ReadOnly, Reason::ReadOnly),
        (Fault::Hangs, Reason::Timeout),
        (Fault::TooFew, Reason::Protocol),
        (Fault::TooMany, Reason::Protocol),
        (Fault::Panics, Reason::Protocol),
    ] {
        let before = fleet.link().failures(reason);
        let asked = store.exchanges() + store.readings();
        store.set(fault);
        // words are read at each heartbeat
        sleep(secs(20)).await;
        let link = fleet.link();
        assert!(!link.up, "{fault:?}");
        let down = link.down.as_ref().expect("a reason");
        assert!(!down.detail.is_empty());
        assert!(link.failures(reason) > before + 5, "{fault:?}: {link:?}");
        assert!(
            link.lasted >= secs(12) && link.lasted <= secs(20),
            "{link:?}"
        );
        // each of the two twice in a second at most
        let asked = store.exchanges() + store.readings() - asked;
        assert!((10..=85).contains(&asked), "{fault:?}: {asked} requests");
        store.set(Fault::None);
        sleep(secs(2)).await;
        let link = fleet.link();
        assert!(
            link.up && link.down.is_none() && link.lasted <= secs(2),
            "{link:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn words_that_cannot_be_read_are_no_flapping_link() {
    let store = Faulty::default();
    let fleet = fleet(&store);
    let (_breaker, controller) = breaker("orders");
    fleet.join(controller);
    let _agent = spawn(fleet.run());
    sleep(secs(5)).await;
    store.set(Fault::WordsDenied);
    sleep(secs(30)).await;
    let link = fleet.link();
    assert!(!link.up && link.lasted > secs(20), "{link:?}");
    assert_eq!(link.down.map(|down| down.reason), Some(Reason::Denied));
    assert!(store.reports() >= 2, "reports go on");
}

#[tokio::test(start_paused = true)]
async fn pushes_without_end_do_not_keep_it_busy() {
    let store = Faulty::default();
    let fleet = fleet(&store);
    let (_breaker, controller) = breaker("orders");
    fleet.join(controller);
    let _agent = spawn(fleet.run());
    store.set(Fault::Floods);
    sleep(secs(10)).await;
    assert!(fleet.link().up);
    let (reports, readings) = (store.reports(), store.readings());
    println!("in 10 s of pushes without end: {reports} reports, {readings} readings");
    // five per second, and each look can read words
    assert!(reports <= 60 && readings <= 1_000, "{reports} {readings}");
}

#[tokio::test(start_paused = true)]
async fn dropped_it_is_local_and_it_runs_again() {
    let mut world = World::new(
        Plan::new(Kind::Counting, Sharing::Advise, 3).outage(secs(200), Weather::Failing(1.0)),
    );
    world.until(BEGIN + secs(15)).await;
    assert!(world.pods.iter().all(Pod::down));
    let pod = &world.pods[0];
    let fleet = pod.fleet.clone().expect("in a fleet");
    // a second one waits for the first
    let second = spawn(fleet.run());
    sleep(secs(1)).await;
    assert!(fleet.link().up);
    second.abort();
    pod.agent.as_ref().expect("it runs").abort();
    sleep(ms(50)).await;
    assert!(!pod.down() && !pod.leased() && !fleet.link().up);
    assert_eq!(fleet.link().down, None);
    let observer = pod.breaker.observer();
    let rest = |seen: tripcoil::Snapshot| (seen.generation, seen.retry_after);
    let before = rest(observer.snapshot());
    sleep(ms(700)).await;
    let after = rest(observer.snapshot());
    if before.0 == after.0 {
        let passed = before.1.zip(after.1).map(|(before, after)| before - after);
        assert_eq!(passed, Some(ms(700)), "no longer postponed");
    }
    let _again = spawn(fleet.run());
    sleep(secs(3)).await;
    assert!(world.pods[0].down() && fleet.link().up);
    world.end();
}

#[tokio::test(start_paused = true)]
async fn an_agent_without_breakers_is_linked() {
    let fleet = fleet(&Faulty::default());
    let _agent = spawn(fleet.run());
    sleep(secs(1)).await;
    assert!(fleet.link().up);
    assert_eq!(fleet.view("orders"), None);
    assert!(format!("{fleet:?}").contains("checkout"));
    let (_breaker, controller) = breaker("orders");
    assert!(fleet.join(controller), "while it runs");
    sleep(secs(1)).await;
    let view = fleet.view("orders").expect("it has joined");
    assert!(view.verdict.is_none() && !view.leased && view.word.is_none());
}

/// Transitions of each instance, on the same calls.
async fn histories(sharing: Sharing, fault: Fault, kind: Kind) -> Vec<Vec<Transition>> {
    let plan = Plan::new(kind, sharing, 21).pods(6, 2.0);
    let mut world = World::new(plan.outage(secs(20), Weather::Failing(0.9)));
    world.store.set(fault);
    world.until(BEGIN + secs(60)).await;
    world.end();
    let history = |pod: &Pod| pod.breaker.observer().history();
    world.pods.iter().map(history).collect()
}

#[tokio::test(start_paused = true)]
async fn without_the_store_each_is_as_without_an_agent() {
    for kind in Kind::BOTH {
        let local = histories(Sharing::Local, Fault::None, kind).await;
        assert!(local.iter().all(|history| history.len() >= 3));
        for fault in Fault::DOWN.into_iter().chain([Fault::Garbage]) {
            let fleet = histories(Sharing::Advise, fault, kind).await;
            assert!(fleet == local, "{kind:?} {fault:?}");
        }
        let fleet = histories(Sharing::Advise, Fault::None, kind).await;
        assert!(fleet != local, "it does something");
    }
}

/// Each wait that was postponed ends within two seconds of the time when the silence was found: 2.5 s after the first
/// request that failed.
#[tokio::test(start_paused = true)]
async fn a_store_that_fails_in_an_outage_leaves_no_wait_behind() {
    for fault in Fault::DOWN {
        let plan = Plan::new(Kind::Counting, Sharing::Advise, 23).pods(20, 2.0);
        let mut world = World::new(plan.outage(secs(300), Weather::Failing(1.0)));
        world.until(BEGIN + secs(15)).await;
        assert!(world.pods.iter().all(Pod::down), "{fault:?}");
        world.store.set(fault);
        let began = world.now();
        // a report is due within 1.2 s, and may fail after 0.5 s
        world.until(began + ms(4_600)).await;
        assert!(
            !world.pods.iter().any(Pod::down),
            "{fault:?}: all are local"
        );
        for pod in &world.pods {
            pod.stop_calls();
        }
        let deadline = |pod: &Pod| {
            let seen = pod.breaker.observer().snapshot();
            let end = seen.retry_after.map(|rest| seen.time_in_state + rest);
            (seen.generation, seen.state, end, seen.retry_after)
        };
        sleep(ms(100)).await;
        let before: Vec<_> = world.pods.iter().map(deadline).collect();
        world.until(began + ms(6_800)).await;
        let mut open = 0;
        for (pod, before) in world.pods.iter().zip(before) {
            let after = deadline(pod);
            assert_eq!(after.0, before.0, "there are no calls");
            if after.1 != State::Open {
                continue;
            }
            open += 1;
            let is_over = after.3 == Some(Duration::ZERO);
            assert!(
                is_over || after.2 == before.2,
                "{fault:?}: {before:?} {after:?}"
            );
        }
        assert!(open >= 10, "{open}");
        world.end();
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_panics_costs_its_own_breaker_alone() {
    use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
    let broken = Arc::new(AtomicBool::new(false));
    let (clock, inner) = (broken.clone(), tokio::time::Instant::now());
    let clock = tripcoil::Clock::custom(move || {
        assert!(!clock.load(SeqCst), "a clock with a fault");
        inner.elapsed()
    });
    let builder = Breaker::builder("broken").clock(clock);
    let (_broken, controller) = builder.build_with_controller().expect("valid");
    let store = Faulty::default();
    let fleet = fleet(&store);
    fleet.join(controller);
    let (orders, controller) = breaker("orders");
    fleet.join(controller);
    let _agent = spawn(fleet.run());
    sleep(secs(2)).await;
    broken.store(true, SeqCst);
    sleep(secs(2)).await;
    orders
        .try_acquire()
        .expect("closed")
        .failure(FailureKind::Server);
    let before = store.reports();
    sleep(secs(10)).await;
    assert!(fleet.link().up && store.reports() > before);
}

/// Votes of that many other instances.
async fn votes(store: &Faulty, instances: usize) {
    let (calls, failures) = (2_667, 2_667);
    let reports: Vec<_> = (0..instances)
        .map(|number| Report {
            breaker: "orders".to_owned(),
            instance: format!("other-{number}"),
            vote: Some(Vote::Outcomes { calls, failures }),
            seq: 0,
            demand: false,
            probe: None,
            rules: Rules::new(),
        })
        .collect();
    let answers = store.inner().exchange("checkout", &reports).await;
    assert!(answers.expect("answers").pop().expect("one").down);
}

fn is_down(fleet: &Fleet<Faulty>) -> bool {
    let verdict = fleet.view("orders").and_then(|view| view.verdict);
    verdict.is_some_and(|verdict| verdict.down)
}

/// The last answer may be seconds old by then, as there are many votes.
#[tokio::test(start_paused = true)]
async fn one_request_that_fails_costs_no_verdict() {
    let store = Faulty::default();
    let fleet = fleet(&store);
    let builder = Breaker::builder("orders").clock(tokio_clock());
    let (breaker, controller) = builder
        .consecutive_failures(1)
        .build_with_controller()
        .expect("valid");
    fleet.join(controller);
    let agent = spawn(fleet.run());
    sleep(secs(1)).await;
    votes(&store, 800).await;
    breaker
        .try_acquire()
        .expect("closed")
        .failure(FailureKind::Server);
    sleep(secs(8)).await;
    for _ in 0..3 {
        votes(&store, 800).await;
        let reports = store.reports();
        while store.reports() == reports {
            sleep(ms(10)).await;
        }
        let before = fleet.link().failures(Reason::Unreachable);
        store.set(Fault::Refused);
        while fleet.link().failures(Reason::Unreachable) == before || store.reports() == reports + 1
        {
            assert!(is_down(&fleet));
            sleep(ms(10)).await;
        }
        for _ in 0..40 {
            assert!(is_down(&fleet));
            sleep(ms(10)).await;
        }
        store.set(Fault::None);
        for _ in 0..100 {
            assert!(is_down(&fleet));
            sleep(ms(10)).await;
        }
    }
    // and it is forgotten if there is none again
    store.set(Fault::Refused);
    sleep(secs(9)).await;
    assert!(!is_down(&fleet));
    agent.abort();
}

#[tokio::test(start_paused = true)]
async fn a_link_without_breakers_comes_up_again() {
    let store = Faulty::default();
    let template = |key: &String| Breaker::builder(key.as_str()).clock(tokio_clock());
    let (registry, controller) = Registry::builder(template).build_with_controller();
    let controller = Arc::new(controller);
    let fleet = fleet(&store);
    fleet.join_registry(controller.clone());
    let agent = spawn(fleet.run());
    let _ = registry.call("a", || Ok::<_, ()>(()));
    sleep(secs(2)).await;
    store.set(Fault::Refused);
    sleep(secs(30)).await;
    assert!(!fleet.link().up);
    assert!(controller.forget("a"));
    sleep(secs(1)).await;
    store.set(Fault::None);
    sleep(secs(10)).await;
    let link = fleet.link();
    assert!(link.up && link.down.is_none(), "{link:?}");
    agent.abort();
}

/// Returns the instance's votes.
async fn own_votes(store: &Faulty) -> u64 {
    let report = Report {
        breaker: "orders".to_owned(),
        instance: "other".to_owned(),
        vote: None,
        seq: 0,
        demand: false,
        probe: None,
        rules: Rules::new(),
    };
    let answers = store.inner().exchange("checkout", &[report]).await;
    answers.expect("answers")[0].votes
}

#[tokio::test(start_paused = true)]
async fn after_a_pause_what_was_long_ago_has_no_vote() {
    for is_stopped in [true, false] {
        let store = Faulty::default();
        let fleet = fleet(&store);
        let builder = Breaker::builder("orders").clock(tokio_clock());
        let (breaker, controller) = builder
            .consecutive_failures(50)
            .build_with_controller()
            .expect("valid");
        fleet.join(controller);
        let mut agent = spawn(fleet.run());
        let fail = || {
            let permit = breaker.try_acquire().expect("closed");
            permit.failure(FailureKind::Server);
        };
        breaker.try_acquire().expect("closed").success();
        sleep(secs(8)).await;
        if is_stopped {
            agent.abort();
            sleep(secs(1)).await;
            (0..10).for_each(|_| fail());
            sleep(secs(3_600)).await;
            agent = spawn(fleet.run());
        } else {
            // the process is frozen
            (0..10).for_each(|_| fail());
            tokio::time::advance(secs(30)).await;
        }
        sleep(secs(2)).await;
        assert_eq!(own_votes(&store).await, 0, "stopped: {is_stopped}");
        fail();
        sleep(secs(2)).await;
        assert_eq!(own_votes(&store).await, 1, "stopped: {is_stopped}");
        agent.abort();
    }
}

/// Its looks are late, each of them.
#[tokio::test(start_paused = true)]
async fn a_loaded_machine_votes() {
    let store = Faulty::default();
    let fleet = fleet(&store);
    let builder = Breaker::builder("orders").clock(tokio_clock());
    let (breaker, controller) = builder
        .consecutive_failures(500)
        .build_with_controller()
        .expect("valid");
    fleet.join(controller);
    let agent = spawn(fleet.run());
    sleep(secs(1)).await;
    for _ in 0..10 {
        let permit = breaker.try_acquire().expect("closed");
        permit.failure(FailureKind::Server);
        tokio::time::advance(ms(1_500)).await;
        sleep(ms(1)).await;
    }
    assert_eq!(own_votes(&store).await, 1);
    agent.abort();
}

#[tokio::test(start_paused = true)]
async fn rare_reports_of_many_instances_keep_the_verdict() {
    let store = Faulty::default();
    let fleet = Fleet::builder("checkout", store.clone()).instance("pod-1");
    let fleet = fleet.heartbeat(secs(1)).build().expect("valid");
    let (breaker, controller) = breaker("orders");
    fleet.join(controller);
    let agent = spawn(fleet.run());
    sleep(secs(1)).await;
    votes(&store, 1_600).await;
    sleep(secs(9)).await;
    for tenth in 0..300 {
        if tenth % 50 == 0 {
            votes(&store, 1_600).await;
        }
        breaker.try_acquire().expect("closed").success();
        assert!(is_down(&fleet), "after {tenth} tenths");
        sleep(ms(100)).await;
    }
    agent.abort();
}

/// The reports in each quarter of a second after clients have connected again.
async fn after_unknown(store: &Faulty) -> Vec<usize> {
    store.set(Fault::None);
    let mut quarters = Vec::new();
    for _ in 0..40 {
        let before = store.reports();
        sleep(ms(250)).await;
        quarters.push(store.reports() - before);
    }
    quarters
}

#[tokio::test(start_paused = true)]
async fn many_instances_that_connect_again_report_bit_by_bit() {
    let store = Faulty::default();
    let mut pods = Vec::new();
    for number in 0..400 {
        let (breaker, controller) = breaker("orders");
        let fleet = Fleet::builder("checkout", store.clone()).instance(format!("pod-{number}"));
        let fleet = fleet.build().expect("valid");
        fleet.join(controller);
        pods.push((breaker, spawn(fleet.run())));
    }
    for _ in 0..12 {
        for (breaker, _) in &pods {
            breaker.try_acquire().expect("closed").success();
        }
        sleep(secs(1)).await;
    }
    let quarters = after_unknown(&store).await;
    println!("400 instances connect again: {quarters:?} reports");
    assert!(
        quarters.iter().take(8).sum::<usize>() >= 400,
        "{quarters:?}"
    );
    assert!(
        quarters.iter().all(|&reports| reports < 100),
        "{quarters:?}"
    );
    pods.iter().for_each(|(_, agent)| agent.abort());
}

#[tokio::test(start_paused = true)]
async fn an_instance_of_many_breakers_reports_bit_by_bit() {
    let store = Faulty::default();
    let template = |key: &String| Breaker::builder(key.as_str()).clock(tokio_clock());
    let (registry, controller) = Registry::builder(template).build_with_controller();
    let fleet = fleet(&store);
    fleet.join_registry(controller);
    let agent = spawn(fleet.run());
    for key in 0..500 {
        registry.with(&format!("{key}"), |_| ()).expect("valid");
    }
    sleep(secs(6)).await;
    let quarters = after_unknown(&store).await;
    println!("500 breakers after a reconnect: {quarters:?} reports");
    assert!(quarters.iter().sum::<usize>() >= 500, "{quarters:?}");
    assert!(quarters.iter().all(|&reports| reports < 75), "{quarters:?}");
    agent.abort();
}
