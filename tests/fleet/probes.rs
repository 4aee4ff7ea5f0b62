//! Probes that hang, and evidence that is old.

use super::faulty::Faulty;
use super::{ms, secs};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tripcoil::fleet::{Fleet, FleetBuilder, Report, Rules, Store, Vote};
use tripcoil::testing::tokio_clock;
use tripcoil::{Backoff, Breaker, Builder, FailureKind, HalfOpen, State};

struct Pod {
    breaker: Breaker,
    fleet: Fleet<Faulty>,
    agent: JoinHandle<()>,
}

impl Pod {
    fn is_down(&self) -> bool {
        let verdict = self.fleet.view("orders").and_then(|view| view.verdict);
        verdict.is_some_and(|verdict| verdict.down)
    }

    fn is_leased(&self) -> bool {
        self.fleet.view("orders").is_some_and(|view| view.leased)
    }

    /// A call, if it is admitted.
    fn fail(&self) {
        if let Ok(permit) = self.breaker.try_acquire() {
            permit.failure(FailureKind::Server);
        }
    }
}

fn pod(
    store: &Faulty,
    number: usize,
    rules: impl Fn(Builder) -> Builder,
    settings: impl Fn(FleetBuilder<Faulty>) -> FleetBuilder<Faulty>,
) -> Pod {
    let builder = Breaker::builder("orders")
        .clock(tokio_clock())
        .consecutive_failures(3)
        .open_for(Backoff::constant(secs(5)))
        .half_open(HalfOpen::successes(2));
    let (breaker, controller) = rules(builder).build_with_controller().expect("valid");
    let fleet = Fleet::builder("checkout", store.clone()).instance(format!("pod-{number}"));
    let fleet = settings(fleet).build().expect("valid");
    fleet.join(controller);
    let agent = fleet.run();
    let agent = tokio::spawn(async move {
        agent.await;
    });
    Pod {
        breaker,
        fleet,
        agent,
    }
}

/// Votes of three other instances. Returns whether it is down.
async fn votes(store: &Faulty) -> bool {
    let (calls, failures) = (2_667, 2_667);
    let reports = ["x", "y", "z"].map(|instance| Report {
        breaker: "orders".to_owned(),
        instance: instance.to_owned(),
        vote: Some(Vote::Outcomes { calls, failures }),
        seq: 0,
        demand: false,
        probe: None,
        rules: Rules::new(),
    });
    let answers = store.inner().exchange("checkout", &reports).await;
    answers.expect("answers")[2].down
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_hangs_does_not_stop_recovery() {
    for goes_on in [false, true] {
        let store = Faulty::default();
        let pods: Vec<_> = (0..6)
            .map(|number| pod(&store, number, |b| b, |f| f))
            .collect();
        sleep(secs(1)).await;
        for pod in &pods {
            (0..3).for_each(|_| pod.fail());
        }
        sleep(secs(2)).await;
        assert!(pods.iter().all(Pod::is_down));
        // the dependency is well from here on, and the first probe hangs
        let mut hung = None;
        let mut first = None;
        let end = Instant::now() + secs(60);
        while Instant::now() < end && first.is_none() {
            for (number, pod) in pods.iter().enumerate() {
                let is_hung = hung.as_ref().is_some_and(|&(_, of, _)| of == number);
                if is_hung && !goes_on {
                    continue;
                }
                if let Ok(permit) = pod.breaker.try_acquire_owned() {
                    if let Some((_, _, since)) = &hung {
                        permit.success();
                        first = Some(Instant::elapsed(since));
                    } else {
                        hung = Some((permit, number, Instant::now()));
                    }
                }
            }
            sleep(ms(100)).await;
        }
        let first = first.expect("another one probes");
        assert!(first < secs(8), "another one after {first:?}");
        pods.iter().for_each(|pod| pod.agent.abort());
    }
}

/// The round that a relapse takes may need more probes than there are calls.
#[tokio::test(start_paused = true)]
async fn a_round_without_end_has_the_lease_three_times_over_at_most() {
    let store = Faulty::default();
    let many = |builder: Builder| builder.half_open(HalfOpen::successes(255));
    let pod = pod(&store, 1, many, |f| f);
    sleep(secs(1)).await;
    assert!(votes(&store).await);
    (0..3).for_each(|_| pod.fail());
    while !pod.is_leased() {
        assert!(pod.breaker.try_acquire().is_err(), "rejected");
        sleep(ms(100)).await;
    }
    sleep(ms(300)).await;
    pod.breaker.try_acquire().expect("a probe").success();
    while pod.is_down() {
        sleep(ms(100)).await;
    }
    // it relapses
    assert!(votes(&store).await);
    while !pod.is_leased() {
        pod.fail();
        sleep(ms(100)).await;
    }
    let began = Instant::now();
    while pod.is_leased() {
        assert!(began.elapsed() < secs(60), "it has it still");
        let probe = pod.breaker.try_acquire_owned();
        sleep(ms(900)).await;
        if let Ok(permit) = probe {
            permit.success();
        }
    }
    let held = began.elapsed();
    assert!(held >= secs(13) && held <= secs(17), "for {held:?}");
    pod.agent.abort();
}

/// It would be dropped if nothing was heard of it for 15 s.
#[tokio::test(start_paused = true)]
async fn a_verdict_outlasts_the_rarest_probes_and_the_longest_lease() {
    let store = Faulty::default();
    let rare = |fleet: FleetBuilder<Faulty>| fleet.probe_every(secs(5)).probe_lease(secs(10));
    let pods: Vec<_> = (0..6)
        .map(|number| pod(&store, number, |b| b, rare))
        .collect();
    sleep(secs(1)).await;
    for pod in &pods {
        (0..3).for_each(|_| pod.fail());
    }
    sleep(secs(2)).await;
    let mut has_vanished = false;
    let mut probes = 0;
    for tenth in 0..1_200 {
        for (number, pod) in pods.iter().enumerate() {
            if pod.agent.is_finished() {
                continue;
            }
            assert!(pod.is_down(), "pod {number} after {tenth} tenths");
            if tenth > 300 && number < 5 && !has_vanished && pod.is_leased() {
                pod.agent.abort(); // with the lease
                has_vanished = true;
            } else if tenth < 900 || number == 5 {
                // in the end, one of them has calls
                if let Ok(permit) = pod.breaker.try_acquire() {
                    permit.failure(FailureKind::Server);
                    probes += 1;
                }
            }
        }
        sleep(ms(100)).await;
    }
    assert!(has_vanished && (8..=24).contains(&probes), "{probes}");
    pods.iter().for_each(|pod| pod.agent.abort());
}

/// It is from the outage's time, and not from long before.
#[tokio::test(start_paused = true)]
async fn a_failure_of_long_ago_is_no_evidence() {
    for (ago, expected) in [(secs(60), 3), (secs(1), 4)] {
        let store = Faulty::default();
        let pod = pod(&store, 1, |b| b, FleetBuilder::peers_alone);
        sleep(secs(1)).await;
        pod.fail();
        sleep(ms(500)).await;
        pod.breaker.try_acquire().expect("closed").success();
        sleep(ago).await;
        assert!(votes(&store).await);
        sleep(ms(500)).await;
        assert_eq!(pod.breaker.state(), State::Open, "its peers' doing");
        sleep(ms(2_500)).await;
        votes(&store).await;
        sleep(ms(2_500)).await;
        let view = pod.fleet.view("orders").expect("known");
        assert_eq!(view.votes, expected, "{ago:?}: {view:?}");
        pod.agent.abort();
    }
}
