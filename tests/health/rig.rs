//! A breaker on a manual clock, driven by checks that answer as they are told.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, yield_now};
use tripcoil::health::Recovery;
use tripcoil::{Backoff, Breaker, Builder, Cause, Controller, FailureKind, HalfOpen, ManualClock};
use tripcoil::{Observer, Snapshot, State, Transition};

pub(crate) const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// How long the rig's Open lasts.
pub(crate) const OPEN: Duration = secs(60);

/// A check every 5 s that may take 1 s.
pub(crate) fn recovery() -> Recovery {
    Recovery::new().every(secs(5)).timeout(secs(1))
}

pub(crate) enum Says {
    Healthy,
    Unhealthy,
    /// Never: the guard says when it is dropped.
    Nothing(Guard),
    /// Panics where the future is made.
    PanicsAtOnce,
    /// Panics where it is polled.
    Panics,
    /// Healthy, once the test says so.
    When(oneshot::Receiver<()>, Guard),
}

/// Held by whoever can tell by it that a check is gone.
pub(crate) type Guard = Arc<()>;

#[derive(Default)]
struct Script(Mutex<VecDeque<Says>>);

pub(crate) struct Rig {
    pub(crate) breaker: Breaker,
    pub(crate) controller: Arc<Controller>,
    pub(crate) observer: Observer,
    clock: ManualClock,
    script: Arc<Script>,
    asked: mpsc::UnboundedReceiver<()>,
    ask: Option<mpsc::UnboundedSender<()>>,
    driver: Option<AbortHandle>,
}

impl Rig {
    /// Trips at one failure, opens for a minute each time, closes after one success.
    pub(crate) fn new(about: impl FnOnce(Builder) -> Builder) -> Rig {
        let clock = ManualClock::new();
        let builder = Breaker::builder("rig")
            .clock(&clock)
            .consecutive_failures(1)
            .open_for(Backoff::exponential(OPEN, 1.0))
            .half_open(HalfOpen::successes(1));
        let (breaker, controller) = about(builder).build_with_controller().expect("valid");
        let (ask, asked) = mpsc::unbounded_channel();
        Rig {
            observer: breaker.observer(),
            breaker,
            controller: Arc::new(controller),
            clock,
            script: Arc::default(),
            asked,
            ask: Some(ask),
            driver: None,
        }
    }

    /// Tripped by a failure.
    pub(crate) fn open() -> Rig {
        let rig = Rig::new(|builder| builder);
        rig.fail();
        rig
    }

    pub(crate) fn says(&self, answers: impl IntoIterator<Item = Says>) {
        self.script.0.lock().expect("unpoisoned").extend(answers);
    }

    /// Once it has looked at the breaker. Unhealthy where it is told nothing.
    pub(crate) async fn drive(&mut self, recovery: Recovery) {
        let ask = self.ask.take().expect("one driver");
        let script = self.script.clone();
        let check = move || {
            let _ = ask.send(());
            let says = script.0.lock().expect("unpoisoned").pop_front();
            assert!(!matches!(says, Some(Says::PanicsAtOnce)), "as it was told");
            async move {
                match says.unwrap_or(Says::Unhealthy) {
                    Says::Healthy => Ok(()),
                    Says::Unhealthy => Err("no route"),
                    Says::Nothing(_guard) => pending().await,
                    Says::Panics | Says::PanicsAtOnce => panic!("as it was told"),
                    Says::When(told, _guard) => told.await.map_err(|_| "nobody says"),
                }
            }
        };
        let driver = tokio::spawn(recovery.run(self.controller.clone(), check));
        self.driver = Some(driver.abort_handle());
        settle().await;
    }

    pub(crate) async fn stop(&mut self) {
        self.driver.take().expect("a driver").abort();
        settle().await;
    }

    /// Time passes for both clocks, second by second.
    pub(crate) async fn pass(&self, seconds: u64) {
        for _ in 0..seconds {
            self.clock.advance(secs(1));
            tokio::time::advance(secs(1)).await;
            settle().await;
        }
    }

    /// For the breaker alone.
    pub(crate) fn pass_unseen(&self, time: Duration) {
        self.clock.advance(time);
    }

    /// The checks since this was last called.
    pub(crate) fn checks(&mut self) -> usize {
        let mut checks = 0;
        while self.asked.try_recv().is_ok() {
            checks += 1;
        }
        checks
    }

    /// To the next check, whenever that is. Paused time goes where the driver waits for it.
    pub(crate) async fn next_check(&mut self) {
        self.asked.recv().await.expect("the driver is there");
        settle().await;
    }

    pub(crate) fn fail(&self) {
        let permit = self.breaker.try_acquire().expect("admitted");
        permit.failure(FailureKind::Server);
    }

    pub(crate) fn succeed(&self) {
        self.breaker.try_acquire().expect("admitted").success();
    }

    pub(crate) fn seen(&self) -> Snapshot {
        self.observer.snapshot()
    }

    pub(crate) fn state(&self) -> State {
        self.observer.state()
    }

    pub(crate) fn rest(&self) -> Duration {
        self.seen().retry_after.expect("open")
    }

    pub(crate) fn last(&self) -> Transition {
        *self.observer.history().last().expect("an event")
    }

    /// A round that a check has begun, with no probe in it yet.
    pub(crate) fn begun_by_a_check(&self) {
        let last = self.last();
        assert_eq!((last.from, last.to), (State::Open, State::HalfOpen));
        assert_eq!(last.cause, Cause::Manual);
        let probes = self.seen().probes;
        assert_eq!(
            (probes.in_flight, probes.succeeded, probes.failed),
            (0, 0, 0)
        );
    }
}

/// Every task has done what it can without time or the test.
async fn settle() {
    for _ in 0..20 {
        yield_now().await;
    }
}
