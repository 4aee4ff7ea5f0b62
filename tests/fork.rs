//! A process that is forked has none of its parent's listener threads, and says so.
#![cfg(unix)]
#![allow(unsafe_code, reason = "a fork is unsafe to ask for")]
#![allow(clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

use std::sync::mpsc;
use std::time::{Duration, Instant};
use tripcoil::{Breaker, Clock, Observer, State, Subscription};

const LONG: Duration = Duration::from_secs(20);

/// Runs `child` in a forked process; whether it returned true.
fn in_a_child(child: impl FnOnce() -> bool) -> bool {
    // SAFETY: no other test runs in this process. The child is this thread alone, which holds no lock; it
    // allocates and starts threads, which the systems' C libraries allow after a fork, and leaves by
    // `_exit`.
    let process = unsafe { libc::fork() };
    if process == 0 {
        let passed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(child));
        // SAFETY: it ends this process, and runs nothing of the parent's.
        unsafe { libc::_exit(i32::from(!passed.unwrap_or(false))) }
    }
    assert!(process > 0, "no fork");
    let mut status = 0;
    // SAFETY: `status` is ours, and `process` our child.
    let waited = unsafe { libc::waitpid(process, &raw mut status, 0) };
    assert_eq!(waited, process);
    libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0
}

/// One test, so that no other thread forks or listens meanwhile.
#[test]
fn a_child_knows_that_its_listeners_are_dead_and_may_have_new_ones() {
    let (breaker, controller) = Breaker::builder("forked")
        .build_with_controller()
        .expect("valid");
    let observer = breaker.observer();
    let (tell, told) = mpsc::channel();
    let pooled = observer.subscribe(move |t| {
        let _ = tell.send(t.generation);
    });
    let epochs = observer.subscribe_epochs(|_| {});
    let dedicated = observer.subscribe(|_| {}).dedicated();
    let mut events = observer.events();
    let upkeep = || {
        let builder = Breaker::builder("upkeep").clock(Clock::upkeep());
        builder.build().expect("valid").observer()
    };
    let kept_up = upkeep();
    let passes = |of: &Observer| {
        let (since, before) = (Instant::now(), of.snapshot().time_in_state);
        while of.snapshot().time_in_state == before && since.elapsed() < LONG {
            std::thread::sleep(Duration::from_millis(1));
        }
        of.snapshot().time_in_state > before
    };
    let mut old = Some([pooled, epochs, dedicated]);
    assert!(controller.trip());
    assert_eq!(told.recv_timeout(LONG), Ok(1));
    assert!(old.iter().flatten().all(|listening| listening.drain(LONG)));

    let passed = in_a_child(|| {
        let dead = |s: &Subscription| {
            let since = Instant::now();
            // it waits for none of what cannot come
            !s.is_listening() && !s.drain(LONG) && since.elapsed() < LONG / 2
        };
        let all_dead = old.iter().flatten().all(dead);
        // what is dead gets no thread of its own either
        let [pooled, epochs, dedicated] = old.take().expect("three");
        let old = [pooled.dedicated(), epochs, dedicated];
        let all_dead = all_dead && old.iter().all(dead);
        // calls and cursors go on
        let changed = controller.reset() && breaker.call(|| Ok::<_, ()>(())).is_ok();
        let polled: Vec<_> = events.by_ref().map(|t| t.to).collect();
        // and whoever subscribes here is heard
        let (tell, told) = mpsc::channel();
        let own = observer.subscribe(move |t| {
            let _ = tell.send(t.to);
        });
        let heard = controller.trip() && told.recv_timeout(LONG) == Ok(State::Open);
        let listening = own.is_listening() && own.drain(LONG);
        drop((own, old));
        let again = observer.subscribe(|_| {});
        // the clock's thread is the child's own from its first build on, for what was built before too
        let time_goes_on = passes(&upkeep()) && passes(&kept_up);
        all_dead
            && time_goes_on
            && changed
            && polled == [State::Open, State::Closed]
            && heard
            && listening
            && again.is_listening()
    });
    assert!(passed, "in the child");

    // the child had its own copy of everything
    assert!(old.iter().flatten().all(Subscription::is_listening));
    assert!(controller.reset());
    assert_eq!(told.recv_timeout(LONG), Ok(2));
}
