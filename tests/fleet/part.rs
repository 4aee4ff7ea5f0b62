//! Faults that a part of the instances have.

use super::world::{BEGIN, Plan, Pod, Sharing, Weather, World};
use super::{Kind, ms, secs};
use tripcoil::State;

/// So many of twenty fail from `BEGIN` on, at that many calls per second.
fn plan(kind: Kind, sharing: Sharing, bad: usize, rate: f64, seed: u64) -> Plan {
    let plan = Plan::new(kind, sharing, seed).pods(20, rate);
    plan.forecast(move |pod, at| {
        if pod < bad && at >= BEGIN {
            Weather::Failing(1.0)
        } else {
            Weather::Up
        }
    })
}

#[tokio::test(start_paused = true)]
async fn instances_that_are_well_reject_nothing() {
    for kind in Kind::BOTH {
        for bad in [1, 6, 9, 12] {
            let mut world = World::new(plan(kind, Sharing::Advise, bad, 2.0, bad as u64));
            let mut down = 0;
            let see = |world: &mut World| down += usize::from(world.pods[19].down());
            world.until_with(BEGIN + secs(30), see).await;
            world.end();
            let (rejected, all) = world.good_rejected(bad..20, BEGIN..BEGIN + secs(30));
            println!(
                "{kind:?}, {bad} of 20 bad: {rejected} of {all} good calls rejected, {down} looks with a verdict"
            );
            assert!(rejected == 0 && all > 400, "{rejected} of {all}");
        }
    }
}

/// However busy they are.
#[tokio::test(start_paused = true)]
async fn fewer_than_a_quorum_never_make_a_verdict() {
    for (seed, rate) in [(1, 0.5), (2, 2.0), (3, 20.0)] {
        for sharing in [Sharing::Advise, Sharing::PeersAlone] {
            let mut world = World::new(plan(Kind::Adaptive, sharing, 2, rate, seed));
            let end = BEGIN + secs(30);
            let see = |world: &mut World| assert!(!world.pods.iter().any(Pod::down));
            world.until_with(end, see).await;
            world.end();
            assert_eq!(world.good_rejected(2..20, BEGIN..end).0, 0);
        }
    }
}

/// An instance that peers have opened does not say that it is down.
#[tokio::test(start_paused = true)]
async fn an_opening_on_hearsay_has_no_vote() {
    let mut world = World::new(plan(Kind::Counting, Sharing::PeersAlone, 19, 2.0, 9));
    let mut votes = None;
    let see = |world: &mut World| {
        // its probes go well, and then the others are wrong
        let healthy = &world.pods[19];
        let seen = healthy.breaker.observer().snapshot();
        let view = healthy
            .fleet
            .as_ref()
            .and_then(|fleet| fleet.view("orders"));
        if votes.is_none() && seen.state == State::Open && seen.time_in_state > ms(1_500) {
            votes = view.map(|view| view.votes);
        }
    };
    world.until_with(BEGIN + secs(20), see).await;
    world.end();
    assert_eq!(votes, Some(19));
}

/// What the opt-in costs: it is measured, so that the docs do not promise too much.
#[tokio::test(start_paused = true)]
async fn peers_alone_open_healthy_ones_too() {
    let mut world = World::new(plan(Kind::Counting, Sharing::PeersAlone, 12, 2.0, 5));
    world.until(BEGIN + secs(30)).await;
    world.end();
    let (rejected, all) = world.good_rejected(12..20, BEGIN..BEGIN + secs(30));
    println!("peers alone, 12 of 20 bad: {rejected} of {all} good calls rejected");
    assert!(rejected > 0);
}
