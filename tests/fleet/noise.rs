//! Failures that are always there.

use super::world::{Plan, Sharing, Weather, World};
use super::{Kind, secs};

async fn rejected(kind: Kind, sharing: Sharing, part: f64, seed: u64) -> usize {
    let plan = Plan::new(kind, sharing, seed).pods(40, 2.0);
    let mut world = World::new(plan.forecast(move |_, _| Weather::Failing(part)));
    world.until(secs(60)).await;
    world.end();
    world.rejected()
}

#[tokio::test(start_paused = true)]
async fn background_failures_open_no_more_than_without_a_fleet() {
    for kind in Kind::BOTH {
        let local = rejected(kind, Sharing::Local, 0.2, 3).await;
        let fleet = rejected(kind, Sharing::Advise, 0.2, 3).await;
        println!("{kind:?}, 20 % failures: rejected {local} alone, {fleet} in a fleet");
        assert!(fleet * 20 <= local * 21 + 200, "{fleet} {local}");
    }
}
