//! governor: no breaker, but a lock-free limiter before each call, as a yardstick.

use super::{Kind, Reason, Shared, Sides};
use crate::workloads::{Settings, Shape};
use governor::{DefaultDirectRateLimiter, Quota};
use std::num::NonZeroU32;
use tripcoil_benches::dependency;

pub(crate) const NAME: &str = "governor";

/// One a nanosecond: more than anybody calls.
const ENDLESS: NonZeroU32 = NonZeroU32::new(1_000_000_000).expect("not zero");

pub(super) fn configuration() -> String {
    "no breaker: the check of a rate limiter, then the call. Its quota is never reached; where the \
     workload is rejections, one an hour, used up"
        .to_owned()
}

pub(super) fn add(sides: &mut Sides<'_>) {
    let shape = sides.shape();
    sides.breaker(Kind::Yardstick, NAME, |settings| new(settings, shape));
}

fn new(settings: &Settings, shape: Shape) -> Result<DefaultDirectRateLimiter, Reason> {
    match shape {
        Shape::Successes | Shape::Registry if settings.run.is_none() && !settings.slow => {
            Ok(DefaultDirectRateLimiter::direct(Quota::per_second(ENDLESS)))
        }
        Shape::Rejections => Ok(DefaultDirectRateLimiter::direct(Quota::per_hour(
            NonZeroU32::MIN,
        ))),
        _ => Err("a limiter knows no results"),
    }
}

impl Shared for DefaultDirectRateLimiter {
    #[inline(always)]
    fn try_call(&self, ok: bool) -> bool {
        let admitted = self.check().is_ok();
        if admitted {
            let _ = dependency(ok);
        }
        admitted
    }
}
