//! recloser: a ring of the last outcomes, behind a spin lock.

use super::{Kind, Reason, Shared, Sides};
use crate::workloads::{OUTCOMES, PROBES, RUN, Settings};
use recloser::{Error, Recloser};
use tripcoil_benches::dependency;

pub(crate) const NAME: &str = "recloser";

pub(super) fn configuration() -> String {
    format!(
        "a ring of the last {OUTCOMES} outcomes, judged once it is full; open for 1 h; {PROBES} \
         probes, all admitted at once. trip: a ring of {}, which the failure after them opens, and \
         a wait of zero",
        RUN - 1
    )
}

pub(super) fn add(sides: &mut Sides<'_>) {
    sides.breaker(Kind::Peer, NAME, new);
}

fn new(settings: &Settings) -> Result<Recloser, Reason> {
    if settings.armed {
        return Err("it has no such state: each outcome is judged at once");
    }
    if settings.slow {
        return Err("no rule on slow calls");
    }
    if settings.run.is_some() && !settings.cycles {
        return Err("no rule on failures in a row");
    }
    // it is judged by the outcome after the one that fills the ring
    let ring = if settings.cycles { RUN - 1 } else { OUTCOMES };
    Ok(Recloser::custom()
        .error_rate(settings.rate as f32)
        .closed_len(ring as usize)
        .half_open_len(PROBES as usize - 1)
        .open_wait(settings.wait)
        .build())
}

impl Shared for Recloser {
    #[inline(always)]
    fn try_call(&self, ok: bool) -> bool {
        !matches!(self.call(|| dependency(ok)), Err(Error::Rejected))
    }
}
