//! The log of single calls: what is kept, what is said of it, and what it never does to a call.
#![allow(clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use tripcoil::calls::CallLog;
use tripcoil::classify::{ErrIsFailure, IgnoreRejections};
use tripcoil::{Breaker, CallError, Classify, FailureKind, ManualClock, Outcome, State};

type Answer = Result<u32, String>;

fn said(answer: &Answer) -> Option<String> {
    answer.as_ref().err().cloned()
}

fn texts(log: &CallLog) -> Vec<String> {
    let all = log.recent().into_iter();
    all.map(|call| call.text.unwrap_or_default()).collect()
}

#[test]
fn failures_are_kept_and_successes_are_not() {
    let log = CallLog::new();
    let breaker = Breaker::builder("db")
        .failure_count(100)
        .classifier(log.classifier(ErrIsFailure).with_text(said))
        .build()
        .expect("valid");
    for n in 0..10 {
        let _ = breaker.call(|| {
            if n % 3 == 0 {
                Err(format!("no {n}"))
            } else {
                Ok(n)
            }
        });
    }
    assert_eq!(texts(&log), ["no 0", "no 3", "no 6", "no 9"]);
    let last = log.last_failure().expect("kept");
    assert_eq!(last.text.as_deref(), Some("no 9"));
    assert_eq!(last.outcome, Outcome::Failure(FailureKind::Server));
    assert_eq!(last.lasted, None, "this breaker times no calls");
    assert_eq!(log.missed(), 0);
}

#[test]
fn without_a_text_there_is_none() {
    let log = CallLog::new();
    let breaker = Breaker::builder("db")
        .failure_count(9)
        .classifier(log.classifier(ErrIsFailure))
        .build()
        .expect("valid");
    let _ = breaker.call(|| Answer::Err("token 4711".to_owned()));
    let kept = format!("{:?} {log:?}", log.recent());
    assert!(!kept.contains("4711"), "{kept}");
    let (_, controller) = Breaker::builder("other")
        .build_with_controller()
        .expect("valid");
    controller.force_open();
    let rejected = Breaker::builder("open")
        .initial_state(State::Open)
        .build()
        .expect("valid")
        .try_acquire()
        .err();
    let explained = format!("{:#}", log.explain(rejected.expect("open")));
    assert!(
        explained.ends_with("; the last failure: server"),
        "{explained}"
    );
}

#[test]
fn a_list_is_bounded_and_failures_have_their_own() {
    let log = CallLog::new().keep(3).successes(1.0).expect("a share");
    let breaker = Breaker::builder("db")
        .failure_count(100)
        .classifier(log.classifier(ErrIsFailure).with_text(said))
        .build()
        .expect("valid");
    let _ = breaker.call(|| Answer::Err("the only one".to_owned()));
    for n in 0..50 {
        let _ = breaker.call(|| Answer::Ok(n));
    }
    assert_eq!(log.recent_failures().len(), 1);
    assert_eq!(log.recent().len(), 4);
    let none = CallLog::new().keep(0);
    let breaker = Breaker::builder("db")
        .failure_count(100)
        .classifier(none.classifier(ErrIsFailure))
        .build()
        .expect("valid");
    let _ = breaker.call(|| Answer::Err("x".to_owned()));
    assert!(none.recent().is_empty() && none.last_failure().is_none());
}

#[test]
fn shares_are_within_zero_and_one() {
    for share in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        let refused = CallLog::new().failures(share).expect_err("no share");
        assert_eq!(refused.problems()[0].field, "failures");
        assert_eq!(
            CallLog::new()
                .successes(share)
                .expect_err("no share")
                .problems()[0]
                .field,
            "successes"
        );
    }
}

/// Of 20,000 calls a tenth is 2,000; beyond six standard deviations (42 each) would be no chance.
#[test]
fn a_share_is_a_share() {
    let log = CallLog::new()
        .keep(100_000)
        .failures(0.1)
        .expect("a share")
        .successes(0.5)
        .expect("a share");
    let breaker = Breaker::builder("db")
        .failure_count(1_000_000)
        .classifier(log.classifier(ErrIsFailure))
        .build()
        .expect("valid");
    for n in 0..40_000 {
        let _ = breaker.call(|| {
            if n % 2 == 0 {
                Ok(n)
            } else {
                Err(String::new())
            }
        });
    }
    let failures = log.recent_failures().len();
    let others = log.recent().len() - failures;
    assert!((1_746..=2_254).contains(&failures), "{failures}");
    assert!((9_576..=10_424).contains(&others), "{others}");
}

#[test]
fn a_text_is_cut_at_a_character() {
    for most in 0..12 {
        let log = CallLog::new().text_at_most(most);
        let breaker = Breaker::builder("db")
            .failure_count(9)
            .classifier(log.classifier(ErrIsFailure).with_text(said))
            .build()
            .expect("valid");
        let _ = breaker.call(|| Answer::Err("é日本🦀x".to_owned()));
        let text = log.last_failure().expect("kept").text.expect("said");
        assert!(
            text.len() <= most && "é日本🦀x".starts_with(&text),
            "{most}: {text}"
        );
    }
}

#[test]
fn a_panic_in_the_text_changes_no_outcome() {
    let log = CallLog::new().successes(1.0).expect("a share");
    let text = |_: &Answer| -> Option<String> { panic!("while it is said") };
    let breaker = Breaker::builder("db")
        .failure_count(9)
        .classifier(log.classifier(ErrIsFailure).with_text(text))
        .build()
        .expect("valid");
    assert_eq!(breaker.call(|| Answer::Ok(7)), Ok(7));
    let seen = breaker.observer().snapshot();
    assert_eq!((seen.totals.successes, seen.totals.failures), (1, 0));
    assert_eq!(log.recent()[0].text, None);
}

#[test]
fn a_panic_of_the_call_is_kept() {
    let log = CallLog::new();
    let breaker = Breaker::builder("db")
        .failure_count(9)
        .classifier(log.classifier(ErrIsFailure))
        .build()
        .expect("valid");
    let call = || breaker.call(|| -> Answer { panic!("in the call") });
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)).is_err());
    let last = log.last_failure().expect("kept");
    assert_eq!(last.outcome, Outcome::Failure(FailureKind::Client));
    assert_eq!(last.text.as_deref(), Some("panicked"));
}

#[test]
fn a_duration_is_known_where_calls_are_timed() {
    let clock = ManualClock::new();
    let log = CallLog::new();
    let breaker = Breaker::builder("db")
        .failure_count(9)
        .clock(&clock)
        .slow_call(Duration::from_secs(1))
        .classifier(log.classifier(IgnoreRejections::new(Boxed)))
        .build()
        .expect("valid");
    let _ = breaker.call(|| {
        clock.advance(Duration::from_millis(70));
        Err::<(), std::io::Error>(std::io::Error::other("down"))
    });
    assert_eq!(
        log.last_failure().expect("kept").lasted,
        Some(Duration::from_millis(70))
    );
    // with a classifier of its own type, too
    let shared: Arc<dyn Classify<u32, String>> = Arc::new(log.classifier(ErrIsFailure));
    let _ = breaker.with_classifier(shared).call(|| {
        clock.advance(Duration::from_millis(30));
        Answer::Err("down".to_owned())
    });
    assert_eq!(
        log.last_failure().expect("kept").lasted,
        Some(Duration::from_millis(30))
    );
}

/// A classifier of one's own.
struct Boxed;

impl<T, E> Classify<T, E> for Boxed {
    fn classify(&self, result: &Result<T, E>) -> Outcome {
        match result {
            Ok(_) => Outcome::Success,
            Err(_) => Outcome::Failure(FailureKind::Data),
        }
    }
}

/// The failures that opened it are there, however many follow; an opening by hand has those before it.
#[test]
fn openings_keep_the_failures_before_them() {
    let log = CallLog::new().keep(20);
    let (breaker, controller) = Breaker::builder("db")
        .consecutive_failures(2)
        .classifier(log.classifier(ErrIsFailure).with_text(said))
        .build_with_controller()
        .expect("valid");
    let following = log.follow(&breaker.observer());
    let wait = |openings: usize| {
        for _ in 0..10_000 {
            if log.openings().len() >= openings {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        panic!("nothing was kept");
    };
    for n in 0..2 {
        let _ = breaker.call(|| Answer::Err(format!("no {n}")));
    }
    wait(1);
    let opening = log.openings().remove(0);
    assert_eq!(
        (opening.breaker.as_str(), opening.opening.to),
        ("db", State::Open)
    );
    let kept: Vec<_> = opening
        .failures
        .iter()
        .filter_map(|call| call.text.as_deref())
        .collect();
    assert_eq!(kept, ["no 0", "no 1"]);
    for n in 1..12 {
        controller.reset();
        controller.trip();
        wait((n + 1).min(8));
    }
    assert_eq!(log.openings().len(), 8, "the last ones");
    drop(following);
}

/// The log may be in the breaker's own classifier: neither keeps the other alive.
#[test]
fn a_followed_breaker_is_let_go() {
    let log = CallLog::new();
    let dropped = Arc::new(AtomicBool::new(false));
    struct Gone(Arc<AtomicBool>);
    impl Drop for Gone {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let gone = Gone(dropped.clone());
    let classifier = move |answer: &Answer| {
        let _ = &gone;
        ErrIsFailure.classify(answer)
    };
    let breaker = Breaker::builder("db")
        .failure_count(9)
        .classifier(log.classifier(classifier))
        .build()
        .expect("valid");
    let following = log.follow(&breaker.observer());
    drop(breaker);
    assert!(dropped.load(Ordering::SeqCst));
    drop(following);
}

/// From many threads: what was sampled is kept or counted as missed.
#[test]
fn nothing_is_lost_without_being_counted() {
    let log = CallLog::new().keep(1_000_000);
    let breaker = Breaker::builder("db")
        .failure_count(u32::MAX)
        .classifier(log.classifier(ErrIsFailure))
        .build()
        .expect("valid");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5_000 {
                    let _ = breaker.call(|| Answer::Err(String::new()));
                }
            });
        }
        scope.spawn(|| (0..200).for_each(|_| drop(log.recent())));
    });
    assert_eq!(log.recent().len() as u64 + log.missed(), 20_000);
}

/// A text that uses the log, or the breaker, waits for nothing.
#[test]
fn a_text_may_use_the_log() {
    let log = CallLog::new();
    let inner = log.clone();
    let asked = Arc::new(AtomicU32::new(0));
    let counted = asked.clone();
    let text = move |_: &Answer| {
        counted.fetch_add(1, Ordering::Relaxed);
        Some(inner.recent().len().to_string())
    };
    let breaker = Breaker::builder("db")
        .failure_count(9)
        .classifier(log.classifier(ErrIsFailure).with_text(text))
        .build()
        .expect("valid");
    for _ in 0..3 {
        let _ = breaker.call(|| Answer::Err(String::new()));
    }
    assert_eq!(texts(&log), ["0", "1", "2"]);
    let _ = breaker.call(|| Answer::Ok(1));
    assert_eq!(
        asked.load(Ordering::Relaxed),
        3,
        "asked only for what is kept"
    );
}

#[cfg(feature = "tokio")]
#[tokio::test(start_paused = true)]
async fn a_time_out_is_kept() {
    let log = CallLog::new();
    let breaker = Breaker::builder("db")
        .failure_count(9)
        .classifier(log.classifier(ErrIsFailure).with_text(said))
        .build()
        .expect("valid");
    let hung = std::future::pending::<Answer>();
    let answer = breaker.call_timeout(Duration::from_millis(5), hung).await;
    assert!(matches!(answer, Err(CallError::TimedOut(_))));
    let last = log.last_failure().expect("kept");
    assert_eq!(
        (last.outcome, last.text.as_deref()),
        (Outcome::Failure(FailureKind::Timeout), Some("timed out"))
    );
}

/// A classifier may say what a time-out means.
#[cfg(feature = "tokio")]
#[tokio::test(start_paused = true)]
async fn a_classifier_decides_on_time_outs() {
    struct Patient;
    impl Classify<u32, String> for Patient {
        fn classify(&self, _: &Answer) -> Outcome {
            Outcome::Success
        }
        fn timed_out(&self, _: Duration) -> Outcome {
            Outcome::Ignored
        }
    }
    let breaker = Breaker::builder("db")
        .classifier(Arc::new(Patient))
        .build()
        .expect("valid");
    let answer = breaker
        .call_timeout(Duration::from_millis(5), std::future::pending::<Answer>())
        .await;
    assert!(matches!(answer, Err(CallError::TimedOut(_))));
    let totals = breaker.observer().snapshot().totals;
    assert_eq!((totals.ignored, totals.failures), (1, 0));
}

#[cfg(feature = "tower")]
#[test]
fn a_layers_calls_are_kept_with_their_durations() {
    use tower::{Layer, Service, ServiceExt};
    let clock = ManualClock::new();
    let log = CallLog::new();
    let breaker = Breaker::builder("db")
        .failure_count(9)
        .clock(&clock)
        .slow_call(Duration::from_secs(1))
        .classifier(log.classifier(ErrIsFailure).with_text(said))
        .build()
        .expect("valid");
    let inner = tower::service_fn(move |_: ()| {
        clock.advance(Duration::from_millis(40));
        std::future::ready(Answer::Err("down".to_owned()))
    });
    let mut service = tripcoil::tower::BreakerLayer::new(breaker).layer(inner);
    let answer = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime")
        .block_on(async { service.ready().await.expect("ready").call(()).await });
    assert!(matches!(answer, Err(CallError::Inner(_))));
    let last = log.last_failure().expect("kept");
    assert_eq!(
        (last.lasted, last.text.as_deref()),
        (Some(Duration::from_millis(40)), Some("down"))
    );
}

/// It is a rejection to a breaker around this one, and to a report of the whole chain.
#[test]
fn what_explains_a_rejection_has_it_as_its_source() {
    let log = CallLog::new();
    let inner = Breaker::builder("inner")
        .initial_state(State::Open)
        .build()
        .expect("valid");
    let outer = Breaker::builder("outer")
        .classifier(IgnoreRejections::new(ErrIsFailure))
        .build()
        .expect("valid");
    let answer = outer.call(|| {
        inner
            .try_acquire()
            .map(drop)
            .map_err(|why| log.explain(why))
    });
    let totals = outer.observer().snapshot().totals;
    assert_eq!((totals.failures, totals.ignored), (0, 1));
    let report = format!("{:#}", anyhow::Error::new(answer.expect_err("rejected")));
    assert!(
        report.starts_with("call not made: the breaker is open (manual), retry after "),
        "{report}"
    );
}

/// Others may ask the same classifier: only the breaker's own question is an entry.
#[test]
fn a_question_beside_the_breaker_keeps_nothing() {
    let log = CallLog::new();
    let classifier = log.classifier(ErrIsFailure);
    assert_eq!(
        classifier.classify(&Answer::Err(String::new())),
        Outcome::Failure(FailureKind::Server)
    );
    assert!(log.recent().is_empty());
}
