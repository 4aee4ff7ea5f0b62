//! Figures of longer runs, to read: `FLEET_SEEDS=5 cargo test --test fleet figures -- --ignored --nocapture`.

use super::world::{BEGIN, Figures, Plan, Sharing, Weather, World, outage};
use super::{Kind, ms, secs};
use std::ops::RangeInclusive;
use std::time::Duration;

/// `FLEET_SEEDS=5` is 1 to 5, and `FLEET_SEEDS=100-104` those.
fn seeds() -> RangeInclusive<u64> {
    let seeds = std::env::var("FLEET_SEEDS").unwrap_or_else(|_| "2".to_owned());
    let number = |text: &str| text.parse().expect("a number");
    match seeds.split_once('-') {
        Some((first, last)) => number(first)..=number(last),
        None => 1..=number(&seeds),
    }
}

const ALL: [Sharing; 3] = [Sharing::Local, Sharing::Advise, Sharing::PeersAlone];

async fn table(what: &str, lasts: Duration, plan: impl Fn(Plan) -> Plan) {
    println!("\n{what}\n{:31}{}", "", Figures::HEAD);
    for kind in Kind::BOTH {
        for sharing in ALL {
            for seed in seeds() {
                let plan = plan(Plan::new(kind, sharing, seed));
                let figures = outage(plan, lasts).await;
                let name = format!("{kind:?} {sharing:?} {seed}");
                println!("{name:31}{}", figures.row());
            }
        }
    }
}

#[tokio::test(start_paused = true)]
#[ignore = "long, and for people"]
async fn outages() {
    let down = Weather::Failing(1.0);
    for (pods, rate, lasts) in [
        (40, 1.0, 45),
        (200, 0.5, 60),
        (8, 1.0, 45),
        (4, 1.0, 45),
        (20, 20.0, 45),
    ] {
        let what = format!("outage of {lasts} s, {pods} instances, {rate} calls per second");
        table(&what, secs(lasts), |plan| {
            plan.pods(pods, rate).outage(secs(lasts), down)
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
#[ignore = "long, and for people"]
async fn brown_outs_and_hangs() {
    for part in [0.3, 0.5, 0.7] {
        let what = format!("brown-out of {part}, 45 s, 40 instances, 2 calls per second");
        table(&what, secs(45), |plan| {
            plan.pods(40, 2.0).outage(secs(45), Weather::Failing(part))
        })
        .await;
    }
    table(
        "hang of 45 s, 40 instances, 1 call per second",
        secs(45),
        |plan| plan.outage(secs(45), Weather::Hangs),
    )
    .await;
    table(
        "slow calls (2 s, slow_call 500 ms), 45 s, 40 instances, 1 call per second",
        secs(45),
        |plan| Plan {
            slow: Some(ms(500)),
            ..plan.outage(secs(45), Weather::Slow(secs(2)))
        },
    )
    .await;
}

#[tokio::test(start_paused = true)]
#[ignore = "long, and for people"]
async fn a_part_of_the_instances() {
    println!(
        "\n20 instances, 2 calls per second, so many bad for 60 s: good calls rejected of the healthy"
    );
    for kind in Kind::BOTH {
        for sharing in ALL {
            for bad in [1, 6, 9, 12] {
                for seed in seeds() {
                    let plan = Plan::new(kind, sharing, seed).pods(20, 2.0);
                    let mut world = World::new(plan.forecast(move |pod, at| {
                        if pod < bad && at >= BEGIN {
                            Weather::Failing(1.0)
                        } else {
                            Weather::Up
                        }
                    }));
                    world.until(BEGIN + secs(60)).await;
                    world.end();
                    let (rejected, all) = world.good_rejected(bad..20, BEGIN..BEGIN + secs(60));
                    println!("{kind:?} {sharing:?} {bad} bad, seed {seed}: {rejected} of {all}");
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
#[ignore = "long, and for people"]
async fn background_failures() {
    println!("\nbackground failures, 110 s, 2 calls per second: rejections");
    for kind in Kind::BOTH {
        for pods in [10, 40] {
            for part in [0.05, 0.1, 0.2] {
                for seed in seeds() {
                    let mut of = Vec::new();
                    for sharing in ALL {
                        let plan = Plan::new(kind, sharing, seed).pods(pods, 2.0);
                        let plan = plan.forecast(move |_, _| Weather::Failing(part));
                        let mut world = World::new(plan);
                        world.until(secs(110)).await;
                        world.end();
                        of.push(world.rejected());
                    }
                    println!(
                        "{kind:?} {pods} instances, {part}, seed {seed}: {of:?} (local, advise, alone)"
                    );
                }
            }
        }
    }
}

/// The time of the processor that looks take: run it with `--release`.
#[tokio::test(start_paused = true)]
#[ignore = "long, and for people"]
async fn cost() {
    use super::faulty::Faulty;
    use tripcoil::fleet::Fleet;
    use tripcoil::registry::Registry;
    use tripcoil::testing::tokio_clock;
    use tripcoil::{Breaker, Clock};
    for (keys, busy) in [(100, false), (100, true), (10_000, false), (10_000, true)] {
        let store = Faulty::default();
        let fleet = Fleet::builder("checkout", store.clone()).instance("pod-1");
        let fleet = fleet.build().expect("valid");
        let clock: Clock = tokio_clock();
        let template = move |key: &String| Breaker::builder(key.as_str()).clock(clock.clone());
        let (registry, controller) = Registry::builder(template).build_with_controller();
        fleet.join_registry(controller);
        let agent = fleet.run();
        let agent = tokio::spawn(async move {
            agent.await;
        });
        let names: Vec<_> = (0..keys).map(|key| format!("{key}")).collect();
        for name in &names {
            registry.with(name, |_| ()).expect("valid");
        }
        tokio::time::sleep(secs(30)).await;
        let (mut calls, mut looks) = (Duration::ZERO, Duration::ZERO);
        for _ in 0..10 {
            let begun = std::time::Instant::now();
            if busy {
                for name in &names {
                    let _ = registry.call(name, || Ok::<_, ()>(()));
                }
            }
            calls += begun.elapsed();
            let begun = std::time::Instant::now();
            tokio::time::sleep(secs(1)).await;
            looks += begun.elapsed();
        }
        let part = looks.as_secs_f64() / 10.0;
        println!(
            "{keys} keys, busy: {busy}: {:.2} % of a core for looks and reports",
            part * 100.0
        );
        agent.abort();
    }
}
