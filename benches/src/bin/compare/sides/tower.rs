//! tower-resilience-circuitbreaker: a tower layer, its state behind tokio's mutex.
//!
//! A call's future is polled on the calling thread until it is ready, with a waker that does
//! nothing: there is no executor whose cost would be in the figure. The inner service is always
//! ready, so a future waits only for the mutex.

use super::{Kind, Reason, Side, Sides};
use crate::workloads::{MIN_CALLS, OUTCOMES, PROBES, RUN, SLOW_CALL, SLOW_RATE, Settings};
use std::future::{Ready, ready};
use std::sync::OnceLock;
use std::task::{Context, Poll, Waker};
use std::thread;
use tokio::runtime::{Builder, Runtime};
use tower_layer::Layer;
use tower_resilience_circuitbreaker::{
    CircuitBreaker, CircuitBreakerError, CircuitBreakerLayer, DefaultClassifier,
};
use tower_service::Service;
use tripcoil_benches::{Failed, dependency};

pub(crate) const NAME: &str = "tower-resilience";

pub(super) fn configuration() -> String {
    format!(
        "its default window, {OUTCOMES} outcomes, at least {MIN_CALLS} calls (it judges once there \
         are {OUTCOMES}); either a rate or failures in a row, so where the workload has both, \
         {RUN} in a row; open for 1 h, {PROBES} probes (trip: a wait of zero). Polled on the \
         calling thread until ready, without an executor, one clone of the service a thread"
    )
}

pub(super) fn add(sides: &mut Sides<'_>) {
    sides.breaker(Kind::Peer, NAME, new);
}

/// Runs `f` where tokio's timer is to be had: an open breaker whose mutex is taken waits by it.
pub(crate) fn with_timer<T>(f: impl FnOnce() -> T) -> T {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        Builder::new_multi_thread()
            .worker_threads(1)
            .enable_time()
            .build()
            .expect("a thread for the timer")
    });
    let _inside = runtime.enter();
    f()
}

#[derive(Clone)]
struct Dependency;

impl Service<bool> for Dependency {
    type Response = ();
    type Error = Failed;
    type Future = Ready<Result<(), Failed>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failed>> {
        Poll::Ready(Ok(()))
    }

    #[inline(always)]
    fn call(&mut self, ok: bool) -> Self::Future {
        ready(dependency(ok))
    }
}

type Guarded = CircuitBreaker<Dependency, DefaultClassifier>;

struct Tower(Guarded);

fn new(settings: &Settings) -> Result<Tower, Reason> {
    if settings.armed {
        return Err("it has no such state: each outcome is judged at once");
    }
    let mut builder = CircuitBreakerLayer::builder()
        .failure_rate_threshold(settings.rate)
        .sliding_window_size(OUTCOMES as usize)
        .minimum_number_of_calls(MIN_CALLS as usize)
        .wait_duration_in_open(settings.wait)
        .permitted_calls_in_half_open(PROBES as usize);
    if let Some(n) = settings.run {
        builder = builder.consecutive_failures(n as usize);
    }
    if settings.slow {
        builder = builder
            .slow_call_duration_threshold(SLOW_CALL)
            .slow_call_rate_threshold(SLOW_RATE);
    }
    let layer = builder.build().expect("these settings are valid");
    Ok(Tower(layer.layer(Dependency)))
}

impl Side for Tower {
    type Worker<'a> = Guarded;

    fn worker(&self, _thread: usize) -> Guarded {
        self.0.clone()
    }

    #[inline(always)]
    fn call(service: &mut Guarded, ok: bool) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        let result = match polled(|| service.poll_ready(&mut context)) {
            Ok(()) => {
                let mut future = service.call(ok);
                polled(|| future.as_mut().poll(&mut context))
            }
            Err(error) => Err(error),
        };
        !matches!(result, Err(CircuitBreakerError::OpenCircuit))
    }
}

/// How often to look before giving others the CPU.
const LOOKS: u32 = 100;

#[inline(always)]
fn polled<T>(mut poll: impl FnMut() -> Poll<T>) -> T {
    let mut looks = 0;
    loop {
        if let Poll::Ready(t) = poll() {
            return t;
        }
        looks += 1;
        if looks < LOOKS {
            std::hint::spin_loop();
        } else {
            thread::yield_now();
        }
    }
}
