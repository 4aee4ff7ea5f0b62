//! What is older than what is known.

use super::faulty::Fault;
use super::world::{BEGIN, Plan, Pod, Sharing, Weather, World};
use super::{Kind, ms, secs};

/// The store is right, then says the opposite with an older number: the verdict in force stays, until there was nothing
/// newer for long. Then breakers are local; and nothing lasts.
#[tokio::test(start_paused = true)]
async fn an_older_verdict_changes_nothing() {
    let plan = Plan::new(Kind::Counting, Sharing::Advise, 31).pods(20, 2.0);
    let mut world = World::new(plan.outage(secs(60), Weather::Failing(1.0)));
    world.until(BEGIN + secs(10)).await;
    assert!(world.pods.iter().all(Pod::down));
    world.store.set(Fault::Stale);
    let began = world.now();
    world.until(began + ms(1_300)).await;
    assert!(world.pods.iter().all(Pod::down), "it is still in force");
    world.until(began + secs(20)).await;
    world.store.set(Fault::None);
    world.until(began + secs(30)).await;
    assert!(world.pods.iter().all(Pod::down), "as the store says");
    world.until(BEGIN + secs(150)).await;
    world.end();
    assert_eq!(world.figures(secs(60)).recovered, 20);
}

/// A round that its token does not belong to: the store gives a lease of long ago again and again.
#[tokio::test(start_paused = true)]
async fn an_old_lease_begins_no_round() {
    let plan = Plan::new(Kind::Counting, Sharing::Advise, 37).pods(20, 2.0);
    let mut world = World::new(plan.outage(secs(60), Weather::Failing(1.0)));
    world.until(BEGIN + secs(12)).await;
    world.store.set(Fault::Stale);
    world.until(BEGIN + secs(14)).await;
    let calls = world.calls();
    let from = BEGIN + ms(12_500);
    let probes = calls
        .iter()
        .filter(|call| call.began >= from && call.ended.is_some());
    assert!(probes.count() <= 2, "as many as had a lease");
    assert!(!world.pods.iter().any(Pod::leased));
    world.end();
}
