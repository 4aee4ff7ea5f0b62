//! Outages that all instances have.

use super::faulty::Fault;
use super::world::{BEGIN, Figures, Plan, Sharing, Weather, World, outage};
use super::{Kind, secs};
use std::collections::HashSet;
use std::time::Duration;
use tokio::time::sleep;

const LASTS: Duration = secs(45);

fn plan(kind: Kind, sharing: Sharing, seed: u64) -> Plan {
    Plan::new(kind, sharing, seed).outage(LASTS, Weather::Failing(1.0))
}

async fn both(kind: Kind, seeds: std::ops::RangeInclusive<u64>) -> (Vec<Figures>, Vec<Figures>) {
    println!("{:20}{}", "", Figures::HEAD);
    let (mut local, mut fleet) = (Vec::new(), Vec::new());
    for seed in seeds {
        local.push(outage(plan(kind, Sharing::Local, seed), LASTS).await);
        fleet.push(outage(plan(kind, Sharing::Advise, seed), LASTS).await);
        println!("{kind:?} local    {}", local[local.len() - 1].row());
        println!("{kind:?} advise   {}", fleet[fleet.len() - 1].row());
    }
    for fleet in &fleet {
        assert_eq!(fleet.recovered, 40);
        assert!(fleet.together <= 1, "{fleet:?}");
        assert!(fleet.unleased <= 2, "{fleet:?}");
        assert!(fleet.probes_per_second <= 1.2, "{fleet:?}");
    }
    (local, fleet)
}

fn wasted(of: &[Figures]) -> usize {
    of.iter().map(|figures| figures.wasted).sum()
}

#[tokio::test(start_paused = true)]
async fn a_fleet_finds_an_outage_and_its_end_together() {
    let (local, fleet) = both(Kind::Counting, 1..=3).await;
    assert!(wasted(&fleet) * 10 <= wasted(&local) * 4);
    for (fleet, local) in fleet.iter().zip(&local) {
        assert!(fleet.p50 * 4 <= local.p50, "{fleet:?} {local:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn adaptive_breakers_waste_less_and_probe_less() {
    let (local, fleet) = both(Kind::Adaptive, 4..=5).await;
    assert!(wasted(&fleet) * 4 <= wasted(&local));
    for (fleet, local) in fleet.iter().zip(&local) {
        assert!(fleet.probes_per_second * 4.0 <= local.probes_per_second);
    }
}

#[tokio::test(start_paused = true)]
async fn lease_holders_that_vanish_cost_no_second_prober() {
    for kind in Kind::BOTH {
        let mut world = World::new(plan(kind, Sharing::Advise, 7));
        let mut killed = HashSet::new();
        let end = BEGIN + LASTS + secs(60);
        world
            .until_with(end, |world| {
                let found = world.pods.iter().position(super::world::Pod::leased);
                if let Some(pod) = found.filter(|_| killed.len() < 3)
                    && killed.insert(pod)
                {
                    world.pods[pod].kill();
                }
            })
            .await;
        world.end();
        let figures = world.figures(LASTS);
        println!(
            "{kind:?}, three holders killed\n{}\n{}",
            Figures::HEAD,
            figures.row()
        );
        assert_eq!((killed.len(), figures.recovered), (3, 37));
        assert!(figures.together <= 1 && figures.probes_per_second <= 1.2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_comes_back_empty_learns_the_verdict_again() {
    let lasts = secs(60);
    for kind in Kind::BOTH {
        let plan = Plan::new(kind, Sharing::Advise, 11);
        let mut world = World::new(plan.outage(lasts, Weather::Failing(1.0)));
        world.until(BEGIN + secs(15)).await;
        assert!(world.pods.iter().all(super::world::Pod::down));
        world.store.set(Fault::Refused);
        world.store.lose();
        world.until(BEGIN + secs(25)).await;
        assert!(!world.pods.iter().any(super::world::Pod::down), "local");
        world.store.set(Fault::None);
        let back = world.now();
        let mut found = None;
        world
            .until_with(back + secs(15), |world| {
                let down = world.pods.iter().filter(|pod| pod.down()).count();
                if found.is_none() && down >= 36 {
                    found = Some(world.now() - back);
                }
            })
            .await;
        let found = found.expect("nearly all know it again");
        assert!(found <= secs(10), "{found:?}");
        world.until(BEGIN + lasts + secs(60)).await;
        world.end();
        let from = back + found + secs(2);
        let calls = world.calls();
        let after = calls.iter().filter(|call| {
            call.ended.is_some() && call.began >= from && call.began < BEGIN + lasts
        });
        let span = (BEGIN + lasts - from).as_secs_f64();
        let rate = after.count() as f64 / span;
        let figures = world.figures(lasts);
        println!(
            "{kind:?}, store away for 10 s and empty: verdict back in {found:?}, then {rate:.2} probes/s"
        );
        println!("{}\n{}", Figures::HEAD, figures.row());
        assert!(rate <= 1.2, "{rate}");
        assert_eq!(figures.recovered, 40);
    }
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_starts_in_an_outage_knows_of_it() {
    let mut of = Vec::new();
    for sharing in [Sharing::Local, Sharing::Advise, Sharing::PeersAlone] {
        let mut world = World::new(plan(Kind::Counting, sharing, 13));
        world.until(BEGIN + secs(15)).await;
        for _ in 0..10 {
            world.add();
        }
        world.until(BEGIN + secs(30)).await;
        world.end();
        let calls = world.calls();
        let made = calls
            .iter()
            .filter(|call| call.pod >= 40 && call.ended.is_some());
        of.push(made.count());
    }
    println!("calls of ten newcomers in 15 s of outage: {of:?} (local, advise, alone)");
    assert!(of[1] * 3 <= of[0] && of[2] <= of[1], "{of:?}");
}

#[tokio::test(start_paused = true)]
async fn an_outage_without_calls_is_forgotten() {
    let mut world = World::new(plan(Kind::Counting, Sharing::Advise, 17));
    world.until(BEGIN + secs(10)).await;
    // the callers go, and no probe is made
    for pod in &world.pods {
        pod.stop_calls();
    }
    sleep(secs(40)).await;
    assert!(!world.pods.iter().any(super::world::Pod::down));
    world.end();
}
