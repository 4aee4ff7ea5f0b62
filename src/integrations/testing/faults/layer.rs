//! The layer and the service.

use crate::ConfigError;
use crate::integrations::testing::faults::answer::{
    Always, Answer, Meets, NoAnswer, Only, WithAnswer,
};
#[cfg(feature = "tokio")]
use crate::integrations::testing::faults::chance::refused;
use crate::integrations::testing::faults::chance::{Draw, Rate, draw};
use crate::integrations::testing::faults::future::FaultFuture;
use crate::integrations::testing::faults::switch::Faults;
use std::fmt;
use std::mem;
#[cfg(feature = "tokio")]
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tower_layer::Layer;
use tower_service::Service;

/// How long an injected delay lasts: a [`Duration`], or a range of them, each equally likely.
#[cfg(feature = "tokio")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Latency(RangeInclusive<Duration>);

#[cfg(feature = "tokio")]
impl From<Duration> for Latency {
    fn from(always: Duration) -> Latency {
        Latency(always..=always)
    }
}

#[cfg(feature = "tokio")]
impl From<RangeInclusive<Duration>> for Latency {
    fn from(range: RangeInclusive<Duration>) -> Latency {
        Latency(range)
    }
}

#[cfg(feature = "tokio")]
impl Latency {
    /// Returns a duration of the range.
    fn pick(&self, bits: u64) -> Duration {
        let (least, most) = (*self.0.start(), *self.0.end());
        let span = u64::try_from((most - least).as_nanos()).unwrap_or(u64::MAX);
        // below the span's number of values, each as likely as the others
        let part = (u128::from(bits) * (u128::from(span) + 1)) >> u64::BITS;
        least + Duration::from_nanos(part as u64)
    }
}

/// What a layer and its services share.
#[derive(Debug)]
struct Plan {
    faults: Faults,
    seed: u64,
    /// Requests that were met while the faults were on.
    requests: AtomicU64,
    hangs: Rate,
    answers: Rate,
    delays: Rate,
    #[cfg(feature = "tokio")]
    latency: Latency,
}

impl Clone for Plan {
    /// As a plan that has met no request.
    fn clone(&self) -> Plan {
        Plan {
            faults: self.faults.clone(),
            requests: AtomicU64::new(0),
            #[cfg(feature = "tokio")]
            latency: self.latency.clone(),
            ..*self
        }
    }
}

/// What happens to one request.
#[derive(Clone, Copy, Debug, Default)]
struct Fate {
    hangs: bool,
    answered: bool,
    delay: Option<Duration>,
}

impl Plan {
    fn fate(&self) -> Fate {
        let request = self.requests.fetch_add(1, Ordering::Relaxed);
        let meets = |rate: Rate, what| rate.meets(draw(self.seed, request, what));
        #[cfg(feature = "tokio")]
        let how_long = || self.latency.pick(draw(self.seed, request, Draw::HowLong));
        #[cfg(not(feature = "tokio"))]
        let how_long = Duration::default;
        Fate {
            hangs: meets(self.hangs, Draw::Hang),
            answered: meets(self.answers, Draw::Answer),
            delay: meets(self.delays, Draw::Delay).then(how_long),
        }
    }
}

/// A tower layer that makes a part of the requests fail, wait or hang, while its [`Faults`] are on.
///
/// | method | fault | the service |
/// |---|---|---|
/// | [`answer`](Self::answer) | an error or a response of yours | is not called |
/// | `latency` (feature `tokio`) | the answer comes later, an injected one too | is called as usual |
/// | [`hang`](Self::hang) | there is no answer | is not called |
///
/// Each has a rate, the share of the requests that meet it. The three are drawn independently; a request that hangs
/// meets nothing else. What the n-th request meets while the faults are on depends on the seed and on n alone, so a run is repeatable as
/// far as the order of requests is.
///
/// ```
/// use std::io;
/// use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
/// use tripcoil::testing::{FaultLayer, Faults};
/// use tripcoil::tower::BreakerLayer;
/// use tripcoil::{Breaker, State};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let faults = Faults::new(); // off
/// let breaker = Breaker::builder("primes").consecutive_failures(3).build()?;
/// let mut primes = ServiceBuilder::new()
///     .layer(BreakerLayer::new(breaker.clone()))
///     .layer(FaultLayer::new(&faults).seed(7).answer(0.5, || Err(io::Error::other("injected")))?)
///     .service(service_fn(|n: u32| async move { Ok::<u32, io::Error>(n) }));
///
/// for n in 0..100 {
///     assert_eq!(primes.ready().await?.call(n).await?, n);
/// }
/// faults.on();
/// while breaker.state() == State::Closed {
///     let _ = primes.ready().await?.call(7).await;
/// }
/// assert!(faults.injected().answers >= 3);
/// # Ok(())
/// # }
/// ```
///
/// # In production
///
/// To practise failures, put the layer inside the breaker and the timeout, around the client, so that they see the faults
/// as they see real ones. Then:
///
/// 1. Keep the [`Faults`] where an operator reaches them: behind an admin route with a check, or a signal.
/// 2. Begin with a low rate and [`only`](Self::only) some requests: one tenant, one route, those with a header.
/// 3. Switch on, and watch the breaker's metrics and [`Faults::injected`]. Switch off with [`Faults::off`], which
///    works at the next request. Faults are off again after a restart.
///
/// While off, the layer costs a load of a flag per request. Something must end requests that hang, such as a timeout
/// outside the layer: they end when their future is dropped, and not when the faults are switched off.
#[derive(Clone)]
pub struct FaultLayer<A = NoAnswer, M = Always> {
    plan: Arc<Plan>,
    answer: A,
    meets: M,
}

impl<A, M> fmt::Debug for FaultLayer<A, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("FaultLayer");
        shown.field("plan", &self.plan).finish_non_exhaustive()
    }
}

impl FaultLayer {
    /// Returns a layer without faults that this switch, and its clones, switch on.
    #[must_use]
    pub fn new(faults: &Faults) -> FaultLayer {
        let plan = Plan {
            faults: faults.clone(),
            seed: 0,
            requests: AtomicU64::new(0),
            hangs: Rate::default(),
            answers: Rate::default(),
            delays: Rate::default(),
            #[cfg(feature = "tokio")]
            latency: Duration::ZERO.into(),
        };
        FaultLayer {
            plan: Arc::new(plan),
            answer: NoAnswer,
            meets: Always,
        }
    }
}

impl<A, M> FaultLayer<A, M> {
    fn planned(mut self, change: impl FnOnce(&mut Plan)) -> Self {
        change(Arc::make_mut(&mut self.plan));
        self
    }

    /// Sets the seed, by default 0: with another, other requests meet the faults.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        self.planned(|plan| plan.seed = seed)
    }

    /// Answers a share of the requests, from 0 to 1, with what the closure returns, an error or a response, in place
    /// of the service. A second call replaces the first.
    ///
    /// # Errors
    ///
    /// Returns a problem of `answer` if the rate is not from 0 to 1.
    pub fn answer<F>(
        self,
        rate: f64,
        answer: F,
    ) -> Result<FaultLayer<WithAnswer<F>, M>, ConfigError> {
        let rate = Rate::of(rate, "answer")?;
        let planned = self.planned(|plan| plan.answers = rate);
        Ok(FaultLayer {
            plan: planned.plan,
            answer: WithAnswer(answer),
            meets: planned.meets,
        })
    }

    /// Delays the answers to a share of the requests, from 0 to 1, by a [`Duration`] or a range of them. The delay
    /// begins at the answer. It is on tokio's timer.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tripcoil::testing::{FaultLayer, Faults};
    ///
    /// let (short, long) = (Duration::from_millis(50), Duration::from_millis(200));
    /// let layer = FaultLayer::new(&Faults::new()).latency(0.1, short..=long)?;
    /// # Ok::<(), tripcoil::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns a problem of `latency` if the rate is not from 0 to 1, or if the range is empty.
    #[cfg(feature = "tokio")]
    pub fn latency(self, rate: f64, latency: impl Into<Latency>) -> Result<Self, ConfigError> {
        let (rate, latency) = (Rate::of(rate, "latency")?, latency.into());
        if latency.0.is_empty() {
            let permitted = "a range that does not end before it begins";
            refused("latency", format!("{:?}", latency.0), permitted)?;
        }
        Ok(self.planned(|plan| (plan.delays, plan.latency) = (rate, latency)))
    }

    /// Lets a share of the requests, from 0 to 1, hang: they are never answered.
    ///
    /// # Errors
    ///
    /// Returns a problem of `hang` if the rate is not from 0 to 1.
    pub fn hang(self, rate: f64) -> Result<Self, ConfigError> {
        let rate = Rate::of(rate, "hang")?;
        Ok(self.planned(|plan| plan.hangs = rate))
    }

    /// Spares all requests for which the closure returns `false`. They are not counted for the seed either. It is
    /// called only while the faults are on.
    ///
    /// ```
    /// use http::Request;
    /// use tripcoil::testing::{FaultLayer, Faults};
    ///
    /// let layer = FaultLayer::new(&Faults::new())
    ///     .hang(0.01)?
    ///     .only(|request: &Request<()>| request.headers().contains_key("x-game-day"));
    /// # Ok::<(), tripcoil::ConfigError>(())
    /// ```
    #[must_use]
    pub fn only<F>(self, meets: F) -> FaultLayer<A, Only<F>> {
        FaultLayer {
            plan: self.plan,
            answer: self.answer,
            meets: Only(meets),
        }
    }
}

impl<S, A: Clone, M: Clone> Layer<S> for FaultLayer<A, M> {
    type Service = FaultService<S, A, M>;

    fn layer(&self, inner: S) -> Self::Service {
        FaultService {
            inner,
            layer: self.clone(),
        }
    }
}

/// A service whose requests may meet faults; created by [`FaultLayer`].
#[derive(Clone)]
pub struct FaultService<S, A = NoAnswer, M = Always> {
    inner: S,
    layer: FaultLayer<A, M>,
}

/// Without the inner service, which may be anything.
impl<S, A, M> fmt::Debug for FaultService<S, A, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultService")
            .field("layer", &self.layer)
            .finish_non_exhaustive()
    }
}

impl<S, A, M, R> Service<R> for FaultService<S, A, M>
where
    S: Service<R> + Clone,
    A: Answer<S::Response, S::Error>,
    M: Meets<R>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = FaultFuture<S::Future, S::Response, S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let plan = &self.layer.plan;
        if !plan.faults.is_on() || !self.layer.meets.meets(&request) {
            return FaultFuture::calling(self.inner.call(request), None);
        }
        let fate = plan.fate();
        if fate.hangs {
            plan.faults.count_hang();
            self.release();
            return FaultFuture::hanging();
        }
        let answer = if fate.answered {
            self.layer.answer.answer()
        } else {
            None
        };
        if fate.delay.is_some() {
            plan.faults.count_delay();
        }
        match answer {
            Some(answer) => {
                plan.faults.count_answer();
                self.release();
                FaultFuture::answered(answer, fate.delay)
            }
            None => FaultFuture::calling(self.inner.call(request), fate.delay),
        }
    }
}

impl<S: Clone, A, M> FaultService<S, A, M> {
    /// Gives back what readiness has reserved in the inner service, which is not called: only a drop does.
    fn release(&mut self) {
        let fresh = self.inner.clone();
        drop(mem::replace(&mut self.inner, fresh));
    }
}

#[cfg(all(test, feature = "tokio"))]
mod tests;
