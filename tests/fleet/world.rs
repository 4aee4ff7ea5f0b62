//! Instances, the dependency that they call, and what is counted.

use super::faulty::Faulty;
use super::{Chance, Kind, ms, secs};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};
use tripcoil::fleet::Fleet;
use tripcoil::{Breaker, Builder, FailureKind, State};

/// How the dependency is, for one instance, at some moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Weather {
    /// It answers in 20 ms.
    Up,
    /// This part of the calls fails, as fast.
    Failing(f64),
    /// It does not answer: callers wait a second.
    Hangs,
    /// It answers, after this time.
    Slow(Duration),
}

pub(crate) type Forecast = Arc<dyn Fn(usize, Duration) -> Weather + Send + Sync>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sharing {
    Local,
    Advise,
    PeersAlone,
}

/// What a run is about.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) pods: usize,
    /// Calls per second and instance.
    pub(crate) rate: f64,
    pub(crate) kind: Kind,
    pub(crate) sharing: Sharing,
    pub(crate) forecast: Forecast,
    pub(crate) seed: u64,
    pub(crate) slow: Option<Duration>,
}

impl Plan {
    pub(crate) fn new(kind: Kind, sharing: Sharing, seed: u64) -> Plan {
        Plan {
            pods: 40,
            rate: 1.0,
            kind,
            sharing,
            forecast: Arc::new(|_, _| Weather::Up),
            seed,
            slow: None,
        }
    }

    pub(crate) fn pods(self, pods: usize, rate: f64) -> Plan {
        Plan { pods, rate, ..self }
    }

    pub(crate) fn forecast(
        self,
        forecast: impl Fn(usize, Duration) -> Weather + Send + Sync + 'static,
    ) -> Plan {
        let forecast = Arc::new(forecast);
        Plan { forecast, ..self }
    }

    /// All instances fail so, from 20 s on, for that long.
    pub(crate) fn outage(self, lasts: Duration, weather: Weather) -> Plan {
        self.forecast(move |_, at| {
            if at >= BEGIN && at < BEGIN + lasts {
                weather
            } else {
                Weather::Up
            }
        })
    }
}

/// Outages begin then.
pub(crate) const BEGIN: Duration = secs(20);

#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) pod: usize,
    pub(crate) began: Duration,
    /// Of a call that was admitted.
    pub(crate) ended: Option<Duration>,
    pub(crate) ok: bool,
    /// The dependency would have answered it.
    pub(crate) good: bool,
    /// The instance had the lease.
    pub(crate) leased: bool,
}

pub(crate) struct Pod {
    pub(crate) breaker: Breaker,
    pub(crate) fleet: Option<Fleet<Faulty>>,
    pub(crate) agent: Option<JoinHandle<()>>,
    calls: JoinHandle<()>,
}

impl Pod {
    pub(crate) fn leased(&self) -> bool {
        let view = self.fleet.as_ref().and_then(|fleet| fleet.view("orders"));
        view.is_some_and(|view| view.leased)
    }

    pub(crate) fn down(&self) -> bool {
        let view = self.fleet.as_ref().and_then(|fleet| fleet.view("orders"));
        view.and_then(|view| view.verdict).is_some_and(|v| v.down)
    }

    pub(crate) fn stop_calls(&self) {
        self.calls.abort();
    }

    /// It vanishes.
    pub(crate) fn kill(&self) {
        self.calls.abort();
        if let Some(agent) = &self.agent {
            agent.abort();
        }
    }
}

pub(crate) struct World {
    pub(crate) start: Instant,
    pub(crate) pods: Vec<Pod>,
    pub(crate) store: Faulty,
    pub(crate) plan: Plan,
    pub(crate) calls: Arc<Mutex<Vec<Call>>>,
    /// For each instance, when it was seen to open first, since the outage began.
    opened: Vec<Option<Duration>>,
}

impl World {
    pub(crate) fn new(plan: Plan) -> World {
        let mut world = World {
            start: Instant::now(),
            pods: Vec::new(),
            store: Faulty::default(),
            calls: Arc::default(),
            opened: Vec::new(),
            plan,
        };
        for _ in 0..world.plan.pods {
            world.add();
        }
        world
    }

    /// One more instance, from now on.
    pub(crate) fn add(&mut self) {
        let plan = self.plan.clone();
        let number = self.pods.len();
        let seed = plan.seed.wrapping_mul(1_000_003) + number as u64;
        let builder: Builder = plan.kind.builder(seed);
        let builder = match plan.slow {
            Some(slow) => builder.slow_call(slow),
            None => builder,
        };
        let builder = builder.history(4_096);
        let (breaker, controller) = builder.build_with_controller().expect("valid");
        let mut controller = Some(controller);
        let fleet = (plan.sharing != Sharing::Local).then(|| {
            let fleet = Fleet::builder("checkout", self.store.clone())
                .instance(format!("pod-{}-{number}", plan.seed));
            let fleet = match plan.sharing {
                Sharing::PeersAlone => fleet.peers_alone(),
                _ => fleet,
            };
            let fleet = fleet.build().expect("valid");
            assert!(fleet.join(controller.take().expect("once")));
            fleet
        });
        let agent = fleet.as_ref().map(|fleet| {
            let task = fleet.run();
            tokio::spawn(async move {
                task.await;
            })
        });
        let calls = tokio::spawn(traffic(
            number,
            breaker.clone(),
            fleet.clone(),
            plan,
            self.start,
            self.calls.clone(),
        ));
        self.opened.push(None);
        self.pods.push(Pod {
            breaker,
            fleet,
            agent,
            calls,
        });
    }

    pub(crate) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Goes on until then, and looks at each instance meanwhile.
    pub(crate) async fn until(&mut self, end: Duration) {
        self.until_with(end, |_| {}).await;
    }

    pub(crate) async fn until_with(&mut self, end: Duration, mut see: impl FnMut(&mut World)) {
        while self.now() < end {
            sleep(ms(20)).await;
            let now = self.now();
            if now >= BEGIN {
                for (opened, pod) in self.opened.iter_mut().zip(&self.pods) {
                    if opened.is_none() && pod.breaker.state() != State::Closed {
                        *opened = Some(now - BEGIN);
                    }
                }
            }
            see(self);
        }
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.lock().expect("unpoisoned").clone()
    }

    /// Ends all tasks.
    pub(crate) fn end(&self) {
        self.pods.iter().for_each(Pod::kill);
    }

    /// Good calls that were rejected, of instances in `of`, between those moments.
    pub(crate) fn good_rejected(
        &self,
        of: std::ops::Range<usize>,
        between: std::ops::Range<Duration>,
    ) -> (usize, usize) {
        let calls = self.calls();
        let good = calls
            .iter()
            .filter(|c| of.contains(&c.pod) && between.contains(&c.began) && c.good);
        let all = good.clone().count();
        (good.filter(|call| call.ended.is_none()).count(), all)
    }

    pub(crate) fn rejected(&self) -> usize {
        let calls = self.calls();
        calls.iter().filter(|call| call.ended.is_none()).count()
    }

    /// What an outage of that length has cost. `end` is when it was over.
    pub(crate) fn figures(&self, lasts: Duration) -> Figures {
        let calls = self.calls();
        let end = BEGIN + lasts;
        let mut opened: Vec<_> = self.opened.iter().map(|o| o.unwrap_or(lasts)).collect();
        opened.sort();
        let all = opened[opened.len() - 1];
        let during = |call: &&Call| call.began >= BEGIN && call.began < end;
        let made = calls.iter().filter(during).filter(|c| c.ended.is_some());
        let wasted = made.clone().filter(|call| !call.ok).count();
        // a call that began before and has ended since is no probe
        let probes: Vec<Call> = made
            .filter(|call| call.began >= BEGIN + all + ms(1_000))
            .copied()
            .collect();
        let mut recovered: Vec<Duration> = (0..self.pods.len())
            .filter_map(|pod| {
                let mut of_pod = calls.iter().filter(|call| call.pod == pod);
                let first = of_pod.find(|call| call.ok && call.began >= end)?;
                Some(first.began - end)
            })
            .collect();
        recovered.sort();
        let at = |part: usize| {
            recovered
                .get(recovered.len() * part / 100)
                .copied()
                .unwrap_or(Duration::MAX)
        };
        let local = self.plan.sharing == Sharing::Local;
        let mut worst = 0;
        let mut together = 0;
        for one in &probes {
            let second = one.began..one.began + secs(1);
            let within = probes.iter().filter(|other| second.contains(&other.began));
            worst = worst.max(within.count());
            let beside = probes.iter().filter(|other| {
                (other.leased || local)
                    && other.began <= one.began
                    && other.ended.is_some_and(|ended| ended > one.began)
            });
            let mut pods: Vec<_> = beside.map(|call| call.pod).collect();
            pods.sort_unstable();
            pods.dedup();
            together = together.max(pods.len());
        }
        let span = (lasts.saturating_sub(all + ms(1_000))).as_secs_f64();
        Figures {
            half: opened[opened.len() / 2],
            all,
            wasted,
            probes_per_second: probes.len() as f64 / span.max(1.0),
            worst_second: worst,
            together,
            unleased: probes.iter().filter(|call| !call.leased).count(),
            p50: at(50),
            p90: at(90),
            recovered: recovered.len(),
            rejected_good: calls.iter().filter(|c| c.good && c.ended.is_none()).count(),
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    /// Until half of the instances, and all of them, had opened.
    pub(crate) half: Duration,
    pub(crate) all: Duration,
    pub(crate) wasted: usize,
    /// Once all had opened, and a second later.
    pub(crate) probes_per_second: f64,
    pub(crate) worst_second: usize,
    /// Instances that probed at the same moment; of a fleet, with the lease.
    pub(crate) together: usize,
    /// Probes without a lease.
    pub(crate) unleased: usize,
    /// From the outage's end to an instance's first call that went well.
    pub(crate) p50: Duration,
    pub(crate) p90: Duration,
    pub(crate) recovered: usize,
    pub(crate) rejected_good: usize,
}

impl Figures {
    pub(crate) const HEAD: &str =
        "  half   all  wasted  probes/s  worst  together  unleased  TTR p50   p90  good rejected";

    pub(crate) fn row(&self) -> String {
        format!(
            "{:6.2} {:5.2} {:7} {:9.2} {:6} {:9} {:9} {:8.1} {:5.1} {:14}",
            self.half.as_secs_f64(),
            self.all.as_secs_f64(),
            self.wasted,
            self.probes_per_second,
            self.worst_second,
            self.together,
            self.unleased,
            self.p50.as_secs_f64(),
            self.p90.as_secs_f64(),
            self.rejected_good
        )
    }
}

/// Calls that come at random.
async fn traffic(
    pod: usize,
    breaker: Breaker,
    fleet: Option<Fleet<Faulty>>,
    plan: Plan,
    start: Instant,
    calls: Arc<Mutex<Vec<Call>>>,
) {
    let mut chance = Chance(plan.seed.wrapping_mul(7_919) ^ ((pod as u64) << 32));
    let mut next = Instant::now() + chance.pause(plan.rate);
    loop {
        sleep_until(next).await;
        next += chance.pause(plan.rate);
        let began = start.elapsed();
        let weather = (plan.forecast)(pod, began);
        let luck = chance.unit();
        let (ok, takes) = match weather {
            Weather::Up => (true, ms(20)),
            Weather::Failing(part) => (luck >= part, ms(20)),
            Weather::Hangs => (false, secs(1)),
            Weather::Slow(time) => (true, time),
        };
        let call = Call {
            pod,
            began,
            ended: None,
            ok: false,
            good: ok,
            leased: false,
        };
        let Ok(permit) = breaker.try_acquire_owned() else {
            calls.lock().expect("unpoisoned").push(call);
            continue;
        };
        let view = fleet.as_ref().and_then(|fleet| fleet.view("orders"));
        let leased = view.is_some_and(|view| view.leased);
        let calls = calls.clone();
        tokio::spawn(async move {
            sleep(takes).await;
            if ok {
                permit.success();
            } else {
                let hangs = weather == Weather::Hangs;
                permit.failure(if hangs {
                    FailureKind::Timeout
                } else {
                    FailureKind::Connect
                });
            }
            calls.lock().expect("unpoisoned").push(Call {
                ended: Some(start.elapsed()),
                ok,
                leased,
                ..call
            });
        });
    }
}

/// Runs an outage of that length, and until most have recovered.
pub(crate) async fn outage(plan: Plan, lasts: Duration) -> Figures {
    let mut world = World::new(plan);
    world.until(BEGIN + lasts + secs(50)).await;
    world.end();
    world.figures(lasts)
}
