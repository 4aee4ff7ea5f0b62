//! What a first use makes, and what it is told where nothing can be made.

use super::{registry, succeed};
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use tripcoil::registry::Registry;
use tripcoil::{Breaker, CallError, Config, FailureKind, Outcome, State};

#[test]
fn a_key_is_found_again() {
    let (registry, _) = registry(10);
    assert!(registry.is_empty() && registry.peek(&1).is_none());
    succeed(&registry, 1);
    succeed(&registry, 1);
    succeed(&registry, 2);
    assert_eq!(registry.len(), 2);
    let one = registry.get(&1).expect("valid");
    assert_eq!(
        (one.name(), one.observer().snapshot().totals.successes),
        ("key-1", 2)
    );
    let clone = registry.clone();
    clone
        .with(&1, |same| same.call(|| Ok::<_, ()>(())))
        .expect("valid")
        .expect("closed");
    assert_eq!(one.observer().snapshot().totals.successes, 3);
}

#[test]
fn a_key_is_looked_up_by_what_it_borrows_as() {
    let registry = Registry::<String>::from_config(Config::default())
        .expect("valid")
        .build();
    registry.get("eu").expect("valid");
    let again = registry.get(&"eu".to_string()).expect("valid");
    assert_eq!((again.name(), registry.len()), ("eu", 1));
}

#[test]
fn a_plain_configuration_is_refused_at_once() {
    let nonsense = Config {
        failure_rate: Some(30.0),
        ..Config::default()
    };
    let refused = Registry::<String>::from_config(nonsense).expect_err("a part of one");
    assert_eq!(refused.problems()[0].field, "failure_rate");
}

#[test]
fn an_invalid_template_is_told_to_the_use_and_asked_again_by_the_next() {
    let asked = std::sync::Arc::new(AtomicU32::new(0));
    let count = asked.clone();
    let registry = Registry::builder(move |key: &u32| {
        let times = count.fetch_add(1, Ordering::Relaxed);
        Breaker::builder(key.to_string()).failure_rate(if times < 2 { 2.0 } else { 0.5 })
    })
    .build();
    let called = registry.call(&1, || -> Result<(), ()> { panic!("no call is made") });
    let none = called.expect_err("invalid");
    assert!(none.is_rejected());
    assert!(matches!(none, CallError::NoBreaker(why) if why.to_string().contains("failure_rate")));
    assert!(registry.get(&1).is_err());
    assert!(registry.is_empty());
    assert!(registry.get(&1).is_ok());
    assert!(registry.get(&1).is_ok());
    assert_eq!(asked.load(Ordering::Relaxed), 3);
}

#[test]
fn a_template_may_use_the_registry() {
    use std::sync::{Arc, OnceLock};
    let place: Arc<OnceLock<Registry<u32>>> = Arc::default();
    let inner = place.clone();
    let registry = Registry::builder(move |key: &u32| {
        if *key > 0 {
            inner.get().expect("set").get(&(key - 1)).expect("valid");
        }
        Breaker::builder(key.to_string())
    })
    .build();
    place.set(registry.clone()).expect("once");
    registry.get(&5).expect("valid");
    assert_eq!(registry.len(), 6);
}

#[test]
fn a_call_may_use_the_registry() {
    let (registry, _) = registry(2);
    let depth = registry.with(&0, |_| {
        (1..20).for_each(|key| succeed(&registry, key));
        registry.sweep();
        registry.with(&0, |_| registry.get(&30).expect("valid").state())
    });
    assert_eq!(depth.expect("valid"), Ok(State::Closed));
}

#[test]
fn a_classifier_is_the_templates() {
    let registry = Registry::builder(|key: &u32| {
        Breaker::builder(key.to_string()).classifier(|r: &Result<u16, u16>| match r {
            Ok(_) | Err(404) => Outcome::Success,
            Err(_) => Outcome::Failure(FailureKind::Server),
        })
    })
    .build();
    assert_eq!(registry.call(&1, || Err(404)), Err(CallError::Inner(404)));
    assert_eq!(registry.call(&1, || Err(500)), Err(CallError::Inner(500)));
    let totals = registry.aggregate().totals;
    assert_eq!((totals.successes, totals.failures), (1, 1));
}

#[test]
fn an_async_call_is_admitted_at_its_first_poll() {
    let (registry, controller) = registry(10);
    let call = registry.call_async(&1, async { Ok::<_, ()>(7) });
    controller.on(&1, |one| one.force_open()).expect("valid");
    let mut call = pin!(call);
    let mut context = Context::from_waker(Waker::noop());
    let Poll::Ready(Err(error)) = std::future::Future::poll(call.as_mut(), &mut context) else {
        panic!("it is rejected");
    };
    assert!(error.is_rejected());
}

/// One `Result`, whatever came in the way, in both forms.
#[test]
fn a_call_gives_one_result() {
    let registry = Registry::builder(|key: &u32| {
        let rate = if *key == 0 { 2.0 } else { 0.5 };
        let builder = Breaker::builder(key.to_string()).failure_rate(rate);
        builder.min_throughput(if *key == 0 { 0 } else { 1 })
    })
    .build();
    fn now<T>(future: impl Future<Output = T>) -> T {
        let mut context = Context::from_waker(Waker::noop());
        match pin!(future).poll(&mut context) {
            Poll::Ready(value) => value,
            Poll::Pending => panic!("it waits for nothing"),
        }
    }
    fn through(registry: &Registry<u32>, key: u32, end: Result<u8, &'static str>) -> Called {
        // with `?`, as a user would
        let sync = registry.call(&key, || end)?;
        let after = now(registry.call_async(&key, async move { end }))?;
        assert_eq!(sync, after);
        Ok(sync)
    }
    type Called = Result<u8, CallError<&'static str>>;

    assert_eq!(through(&registry, 1, Ok(7)), Ok(7));
    let none = through(&registry, 0, Ok(7)).expect_err("invalid");
    let CallError::NoBreaker(why) = none else {
        panic!("{none:?}");
    };
    assert!(
        why.to_string().contains("failure_rate"),
        "the first problem: {why}"
    );
    let after = now(registry.call_async(&0, async { Ok::<u8, &str>(7) }));
    assert_eq!(after, Err(none));
    assert_eq!(registry.get(&0).expect_err("invalid").problems().len(), 2);
    assert_eq!(
        now(registry.call_async(&2, async { Err::<u8, _>("down") })),
        Err(CallError::Inner("down"))
    );
    let rejected = registry.call(&2, || Ok::<u8, &str>(7));
    assert!(matches!(rejected, Err(CallError::Rejected(_))));
    assert_eq!(registry.len(), 2, "what is invalid is not kept");
}

/// It borrows neither the registry nor the key.
#[tokio::test]
async fn a_registrys_call_is_spawned_as_it_is() {
    let task = {
        let (registry, _controller) = registry(8);
        tokio::spawn(registry.call_async(&7, async { Ok::<_, ()>(7) }))
    };
    assert_eq!(task.await.unwrap(), Ok(7));
    let registry = Registry::<String>::from_config(Default::default())
        .unwrap()
        .build();
    let task = {
        let key = String::from("eu");
        tokio::spawn(registry.call_async(key.as_str(), std::future::pending::<Result<(), ()>>()))
    };
    tokio::task::yield_now().await;
    task.abort();
    assert!(task.await.is_err_and(|error| error.is_cancelled()));
    let totals = registry.peek("eu").unwrap().observer().snapshot().totals;
    assert_eq!(totals.cancelled, 1);
}
