//! A tuner sets what is advised, within its bounds, and leaves alone what it must.

use std::sync::{Arc, Mutex};
use std::time::Duration;
use tripcoil::insight::{Bounds, Insight, Notice, Tuner, Value};
use tripcoil::{
    Backoff, Breaker, Builder, Cause, Controller, FailureKind, ManualClock, Outcome, State,
};

const HOUR: Duration = Duration::from_secs(3600);

struct Scene {
    breaker: Breaker,
    controller: Arc<Controller>,
    insight: Insight,
    clock: ManualClock,
    calls: u64,
}

impl Scene {
    fn new(builder: Builder) -> Scene {
        let clock = ManualClock::new();
        let (breaker, controller) = builder.clock(&clock).build_with_controller().unwrap();
        Scene {
            insight: Insight::new(&breaker.observer()),
            breaker,
            controller: controller.into(),
            clock,
            calls: 0,
        }
    }

    fn tuner(&self, bounds: Bounds) -> Tuner {
        Tuner::new(&self.insight, self.controller.clone(), bounds).unwrap()
    }

    /// So many seconds of calls, of which each `nth` fails.
    fn traffic(&mut self, seconds: u64, per_second: u32, nth: u64) {
        for second in 1..=seconds {
            for _ in 0..per_second {
                self.clock.advance(Duration::from_secs(1) / per_second);
                self.calls += 1;
                if let Ok(permit) = self.breaker.try_acquire() {
                    if self.calls.is_multiple_of(nth) {
                        permit.failure(FailureKind::Server);
                    } else {
                        permit.success();
                    }
                }
            }
            if second % 4 == 0 || second == seconds {
                self.learn();
            }
        }
    }

    /// Has all that has happened learnt.
    fn learn(&self) {
        assert!(self.insight.drain(Duration::from_secs(60)));
    }

    fn runs(&self) -> Option<u32> {
        self.breaker.observer().config().consecutive_failures
    }

    fn throughput(&self) -> Option<u32> {
        self.breaker.observer().config().min_throughput
    }
}

/// Five in a row: with a failure rate of 5 % that is 2.7 times per day.
fn five_in_a_row() -> Scene {
    Scene::new(
        Breaker::builder("five")
            .consecutive_failures(5)
            .failure_rate(0.5),
    )
}

#[test]
fn it_sets_what_is_advised_within_its_bounds() {
    let mut scene = five_in_a_row();
    let tuner = scene.tuner(Bounds::new().consecutive_failures(5..=8));
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = heard.clone();
    scene.insight.on_notice(move |notice| {
        if let Notice::Tuned(change) = notice {
            hears.lock().unwrap().push(change.clone());
        }
    });
    scene.traffic(200, 100, 20);
    assert!(tuner.tune().is_empty(), "it has seen too little");
    scene.traffic(200, 100, 20);
    let advice = scene.insight.advice();
    let settings: Vec<_> = advice.suggestions.iter().map(|one| one.setting).collect();
    assert_eq!(settings, ["min_throughput", "consecutive_failures"]);

    let made = tuner.tune();
    assert_eq!(made.len(), 1, "{made:?}");
    assert_eq!(made[0].setting, "consecutive_failures");
    assert_eq!(
        (&made[0].from, &made[0].to),
        (&Value::Count(5), &Value::Count(8))
    );
    assert_eq!(made[0].at, scene.insight.report().at);
    assert_eq!(scene.runs(), Some(8));
    assert_eq!(scene.throughput(), None, "it has no bounds");
    assert_eq!(*heard.lock().unwrap(), made);
    assert_eq!(tuner.changes(), made);

    // there is nothing left to do, now and later
    scene.traffic(10, 100, 20);
    assert!(tuner.tune().is_empty());
    scene.clock.advance(HOUR);
    scene.traffic(10, 100, 20);
    assert!(tuner.tune().is_empty());
    assert_eq!(scene.runs(), Some(8));
}

#[test]
fn it_changes_settings_once_per_hour() {
    let mut scene = five_in_a_row();
    let runs = scene.tuner(Bounds::new().consecutive_failures(5..=100));
    scene.traffic(400, 100, 20);
    assert_eq!(runs.tune().len(), 1);
    // worse by far
    scene.traffic(1000, 100, 4);
    assert!(runs.tune().is_empty());
    scene.traffic(2700, 100, 4);
    let later = runs.tune();
    assert_eq!(later.len(), 1, "{}", scene.insight.advice());
    assert_eq!(runs.changes().len(), 2);
}

#[test]
fn a_well_set_breaker_is_left_alone() {
    let builder = Breaker::builder("well")
        .consecutive_failures(20)
        .failure_rate(0.5)
        .min_throughput(50);
    let mut scene = Scene::new(builder);
    let tuner = scene.tuner(
        Bounds::new()
            .consecutive_failures(1..=100)
            .min_throughput(1..=1000)
            .failure_rate(0.1..=1.0),
    );
    for _ in 0..3 {
        scene.traffic(400, 100, 20);
        assert!(tuner.tune().is_empty());
        scene.clock.advance(HOUR);
    }
    assert!(scene.insight.advice().enough);
}

#[test]
fn nothing_is_changed_in_an_outage() {
    let mut scene = five_in_a_row();
    let tuner = scene.tuner(Bounds::new().consecutive_failures(5..=100));
    scene.traffic(400, 100, 20);
    scene.traffic(1, 100, 1);
    assert_eq!(scene.breaker.state(), State::Open);
    assert!(tuner.tune().is_empty());
    assert_eq!(scene.runs(), Some(5));
    assert!(scene.controller.reset());
    scene.learn();
    assert_eq!(tuner.tune().len(), 1);
}

#[test]
fn what_the_operator_sets_is_the_operators() {
    let mut scene = five_in_a_row();
    let tuner = scene.tuner(Bounds::new().consecutive_failures(5..=100));
    scene.traffic(400, 100, 20);
    assert_eq!(tuner.tune().len(), 1);
    scene
        .controller
        .reconfigure(|rules| rules.consecutive_failures(6))
        .unwrap();
    assert!(tuner.tune().is_empty());
    scene.clock.advance(23 * HOUR);
    scene.traffic(10, 100, 20);
    assert!(tuner.tune().is_empty());
    assert_eq!(scene.runs(), Some(6));
    scene.clock.advance(HOUR);
    scene.traffic(10, 100, 20);
    assert_eq!(tuner.tune().len(), 1, "a day is over");
}

/// The tuner has set nothing before.
#[test]
fn what_the_operator_sets_first_is_the_operators() {
    let mut scene = five_in_a_row();
    let tuner = scene.tuner(Bounds::new().consecutive_failures(5..=100));
    scene
        .controller
        .reconfigure(|rules| rules.consecutive_failures(6))
        .unwrap();
    scene.traffic(400, 100, 20);
    assert!(!scene.insight.advice().suggestions.is_empty());
    assert!(tuner.tune().is_empty());
    assert_eq!(scene.runs(), Some(6));
    scene.clock.advance(24 * HOUR);
    scene.traffic(10, 100, 20);
    assert_eq!(tuner.tune().len(), 1, "a day is over");
}

#[test]
fn a_false_opening_undoes_what_may_have_caused_it() {
    let builder = Breaker::builder("blind")
        .failure_rate(0.5)
        .min_throughput(50)
        .open_for(Backoff::constant(Duration::from_secs(5)));
    let mut scene = Scene::new(builder);
    let tuner = scene.tuner(Bounds::new().min_throughput(5..=100));
    // 30 calls in the window, so that it is never judged
    scene.traffic(400, 3, 500);
    let made = tuner.tune();
    assert_eq!(made.len(), 1, "{}", scene.insight.advice());
    let fewer = scene.throughput();
    assert!(fewer < Some(20), "{fewer:?}");
    // a burst; the first round of probes succeeds
    scene.traffic(6, 3, 1);
    assert_eq!(scene.breaker.state(), State::Open);
    scene.traffic(10, 3, 500);
    assert_eq!(scene.breaker.state(), State::Closed);
    let report = scene.insight.report();
    assert_eq!(report.outages[0].cause, Some(Cause::FailureRate));
    assert!(report.outages[0].may_be_false());

    let undone = tuner.tune();
    assert_eq!(undone.len(), 1);
    assert_eq!(scene.throughput(), Some(50));
    assert!(undone[0].reason.starts_with("Undone"));
    assert!(tuner.tune().is_empty());
    scene.clock.advance(22 * HOUR);
    scene.traffic(100, 3, 500);
    assert!(tuner.tune().is_empty(), "for a day");
    scene.clock.advance(2 * HOUR);
    scene.traffic(1500, 3, 500); // the pace of a day without calls is forgotten
    eprintln!("{:?}", scene.insight.report());
    assert_eq!(tuner.tune().len(), 1);
    assert_eq!(scene.throughput(), fewer);
    assert_eq!(tuner.changes().len(), 3);
}

/// Outages that are all over when the first probe comes: the wait is what is wrong.
#[test]
fn a_long_wait_becomes_adaptive() {
    let builder = Breaker::builder("slow to return")
        .consecutive_failures(20)
        .open_for(Duration::from_secs(60));
    let mut scene = Scene::new(builder);
    let tuner =
        scene.tuner(Bounds::new().open_for(Duration::from_millis(250)..=Duration::from_secs(20)));
    scene.traffic(400, 100, 1000);
    for _ in 0..3 {
        scene.traffic(1, 100, 1);
        scene.traffic(100, 100, 1000);
    }
    let made = tuner.tune();
    assert_eq!(made.len(), 1, "{}", scene.insight.advice());
    let wait = Backoff::adaptive().max(Duration::from_secs(20));
    assert_eq!(scene.breaker.observer().config().open_for, wait);
    // and it works
    scene.traffic(1, 100, 1);
    scene.traffic(3, 100, 1000);
    assert_eq!(scene.breaker.state(), State::Closed);
}

/// One call in twenty lasts 150 ms: if durations are kept, a longer limit is known; if not, that is what is advised.
#[test]
fn a_slow_limit_follows_the_durations() {
    for kept in [true, false] {
        let builder = Breaker::builder("tail")
            .failure_rate(0.5)
            .slow_call(Duration::from_millis(100))
            .slow_rate(0.5)
            .min_throughput(50)
            .durations(kept);
        let scene = Scene::new(builder);
        let tuner = scene
            .tuner(Bounds::new().slow_call(Duration::from_millis(50)..=Duration::from_secs(2)));
        for _ in 0..100 {
            for i in 0..400_u64 {
                scene.clock.advance(Duration::from_millis(10));
                let lasted = if i % 20 == 0 { 150 } else { 10 };
                let permit = scene.breaker.try_acquire().unwrap();
                permit.record_timed(Outcome::Success, Duration::from_millis(lasted));
            }
            scene.learn();
        }
        let advice = scene.insight.advice();
        let settings: Vec<_> = advice
            .suggestions
            .iter()
            .map(|one| (one.setting, one.live))
            .collect();
        let made = tuner.tune();
        let limit = scene.breaker.observer().config().slow_call.unwrap();
        if kept {
            assert_eq!(settings, [("slow_call", true)]);
            assert_eq!(made.len(), 1);
            // as precise as the histogram
            assert!((150..=200).contains(&limit.as_millis()), "{limit:?}");
        } else {
            assert_eq!(settings, [("durations", false)]);
            assert!(made.is_empty());
            assert_eq!(limit, Duration::from_millis(100));
        }
    }
}
