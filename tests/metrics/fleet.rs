//! What an agent of a fleet publishes.

use super::{Exporter, build};
use metrics::with_local_recorder;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::time::sleep;
use tripcoil::fleet::{
    Answer, Changes, Down, Fleet, MemoryStore, Reason, Report, Rules, Store, Vote, Word,
};
use tripcoil::{Breaker, FailureKind};

/// A store that can be away.
#[derive(Clone)]
struct Away {
    inner: MemoryStore,
    away: Arc<AtomicBool>,
}

impl Away {
    fn check(&self) -> Result<(), Down> {
        if self.away.load(SeqCst) {
            return Err(Down::new(Reason::ReadOnly, "a replica"));
        }
        Ok(())
    }
}

impl Store for Away {
    async fn exchange(&self, fleet: &str, reports: &[Report]) -> Result<Vec<Answer>, Down> {
        self.check()?;
        self.inner.exchange(fleet, reports).await
    }

    async fn words(&self, fleet: &str) -> Result<Vec<Word>, Down> {
        self.check()?;
        self.inner.words(fleet).await
    }

    async fn say(&self, fleet: &str, word: &Word) -> Result<Word, Down> {
        self.inner.say(fleet, word).await
    }

    fn changes(&self, fleet: &str) -> Changes {
        self.inner.changes(fleet)
    }
}

/// The agent of an instance with this breaker, which does not run.
fn agent(exporter: &Exporter, store: Away) -> (Fleet<Away>, Breaker) {
    let (breaker, controller, _clock) = build("db", |b| b.consecutive_failures(2));
    let fleet = with_local_recorder(&exporter.recorder, || {
        let fleet = Fleet::builder("checkout", store).instance("pod-1").build();
        let fleet = fleet.expect("valid");
        fleet.join(controller);
        fleet
    });
    (fleet, breaker)
}

/// All of its series are there.
pub(super) fn idle(exporter: &Exporter) -> Fleet<impl Store + use<>> {
    agent(
        exporter,
        Away {
            inner: MemoryStore::new(),
            away: Arc::default(),
        },
    )
    .0
}

#[test]
fn link_verdict_and_lease_are_published() {
    let exporter = Exporter::new();
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let _inside = runtime.enter();
    let store = Away {
        inner: MemoryStore::new(),
        away: Arc::default(),
    };
    let (fleet, breaker) = agent(&exporter, store.clone());
    let get = |name: &str, more: &[(&str, &str)]| {
        let labels = [&[("fleet", "checkout")], more].concat();
        exporter.scrape().get(name, &labels)
    };
    let db = [("breaker", "db")];
    assert_eq!(get("tripcoil_fleet_link", &[]), 0.0);

    let task = fleet.run();
    let agent = runtime.spawn(async move {
        task.await;
    });
    let wait = |time| runtime.block_on(sleep(time));
    wait(Duration::from_secs(3));
    assert_eq!(get("tripcoil_fleet_link", &[]), 1.0);
    let lasted = get("tripcoil_fleet_link_lasted_seconds", &[]);
    assert!((2.5..=3.0).contains(&lasted), "{lasted}");
    assert_eq!(get("tripcoil_fleet_reports_total", &[]), 1.0);
    assert_eq!(get("tripcoil_fleet_down", &db), 0.0);

    (0..2).for_each(|_| {
        let permit = breaker.try_acquire().expect("closed");
        permit.failure(FailureKind::Server);
    });
    let failing = Some(Vote::Outcomes {
        calls: 2_667,
        failures: 2_667,
    });
    let votes: Vec<_> = ["x", "y", "z"]
        .map(|instance| Report {
            breaker: "db".to_owned(),
            instance: instance.to_owned(),
            vote: failing,
            seq: 0,
            demand: false,
            probe: None,
            rules: Rules::new(),
        })
        .into();
    let answers = runtime.block_on(store.exchange("checkout", &votes));
    assert!(answers.expect("answers")[2].down);
    for _ in 0..30 {
        let _ = breaker.try_acquire();
        wait(Duration::from_millis(100));
        if get("tripcoil_fleet_lease", &db) == 1.0 {
            break;
        }
    }
    assert_eq!(get("tripcoil_fleet_lease", &db), 1.0);
    assert_eq!(get("tripcoil_fleet_down", &db), 1.0);
    assert_eq!(get("tripcoil_fleet_breakers_down", &[]), 1.0);

    store.away.store(true, SeqCst);
    wait(Duration::from_secs(6));
    assert_eq!(get("tripcoil_fleet_link", &[]), 0.0);
    assert_eq!(get("tripcoil_fleet_down", &db), 0.0, "it is local");
    assert_eq!(get("tripcoil_fleet_lease", &db), 0.0);
    let read_only = [("reason", "read_only")];
    let failures = get("tripcoil_fleet_failures_total", &read_only);
    let counted = fleet.link().failures(Reason::ReadOnly);
    assert!(counted > 3 && failures == counted as f64, "{failures}");
    for reason in Reason::ALL.iter().filter(|one| **one != Reason::ReadOnly) {
        let label = [("reason", reason.as_str())];
        assert_eq!(get("tripcoil_fleet_failures_total", &label), 0.0);
    }
    agent.abort();
}
