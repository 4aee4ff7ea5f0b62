//! The probe timeout, if it is not set.

use std::time::Duration;

use tripcoil::{Backoff, Builder, Cause, HalfOpen, Hang, Ramp, State};

use crate::common::{Rig, ms, ns, secs};
use crate::ramp::{OK, STEP};

/// With one probe, and no timeout that is named.
fn unnamed(about: impl FnOnce(Builder) -> Builder) -> Rig {
    Rig::new(|builder| {
        about(
            builder
                .consecutive_failures(1)
                .half_open(HalfOpen::successes(1)),
        )
    })
}

fn adaptive(about: impl FnOnce(Builder) -> Builder) -> Rig {
    unnamed(|builder| {
        let builder = builder.open_for(Backoff::adaptive());
        about(builder.hang(Hang::default()))
    })
}

impl Rig {
    /// A probe that is lost after so long, and not before.
    #[track_caller]
    fn waits_for_its_probe(&self, span: Duration) {
        assert_eq!(self.state(), State::Open);
        self.wait_out();
        let probe = self.acquire();
        self.wait(span - ns(1));
        assert_eq!(self.rejected().state(), State::HalfOpen);
        self.wait(ns(1));
        assert_eq!(self.rejected().cause(), Some(Cause::ProbeTimeout));
        assert_eq!(self.state(), State::Open);
        drop(probe);
    }
}

#[test]
fn a_round_waits_for_60_s_if_nothing_is_named() {
    for rig in [
        unnamed(|builder| builder),
        unnamed(|builder| builder.open_for(Backoff::adaptive())),
        unnamed(|builder| builder.hang(Hang::default())),
    ] {
        rig.fail(1);
        rig.waits_for_its_probe(secs(60));
        rig.waits_for_its_probe(secs(60));
    }
}

#[test]
fn what_is_named_is_used_by_an_adaptive_breaker_too() {
    let round = HalfOpen::successes(1).probe_timeout(secs(7));
    let rig = adaptive(|builder| builder.half_open(round));
    rig.fail(1);
    rig.waits_for_its_probe(secs(7));
    rig.waits_for_its_probe(secs(7));
}

#[test]
fn an_adaptive_breaker_waits_for_patience_and_longer_after_each_lost_round() {
    let rig = adaptive(|builder| builder);
    rig.fail(1);
    for lost in 0..300_u32 {
        let patience = 300.0 * f64::from(1 + lost).sqrt();
        rig.waits_for_its_probe(ms(patience.min(5_000.0).ceil() as u64));
    }
}

#[test]
fn patience_follows_the_longest_success() {
    for (longest, patience, next) in [
        (ms(400), ms(800), ms(1_132)),
        (secs(2), secs(4), secs(5)),
        (secs(9), secs(5), secs(5)),
    ] {
        let rig = adaptive(|builder| builder);
        rig.acquire().record_timed(OK, longest);
        rig.wait(secs(1));
        rig.fail(1);
        rig.waits_for_its_probe(patience);
        rig.waits_for_its_probe(next);
    }
}

#[test]
fn a_failed_probe_is_a_lost_round_and_an_order_is_none() {
    let rig = adaptive(|builder| builder);
    rig.fail(1);
    rig.wait_out();
    rig.fail(1);
    assert_eq!(rig.cause(), Cause::ProbeFailed);
    rig.round();
    assert!(rig.controller.trip());
    assert!(rig.controller.trip());
    rig.waits_for_its_probe(ms(425));
    rig.waits_for_its_probe(ms(520));
}

#[test]
fn rounds_are_counted_in_this_outage() {
    for (closed_for, expected) in [(secs(2), ms(425)), (secs(2) + ns(1), ms(300))] {
        let rig = adaptive(|builder| builder);
        rig.fail(1);
        rig.waits_for_its_probe(ms(300));
        rig.wait_out();
        rig.ok(1);
        assert_eq!(rig.state(), State::Closed);
        rig.wait(closed_for);
        rig.fail(1);
        rig.waits_for_its_probe(expected);
    }
    for reset in [true, false] {
        let rig = adaptive(|builder| builder);
        rig.fail(1);
        rig.waits_for_its_probe(ms(300));
        if reset {
            assert!(rig.controller.reset());
        } else {
            assert!(rig.controller.disable());
            assert!(rig.controller.release());
        }
        rig.fail(1);
        rig.waits_for_its_probe(ms(300));
    }
}

#[test]
fn a_lost_ramp_counts_as_a_lost_round() {
    let round = HalfOpen::successes(1).ramp(Ramp::new());
    let rig = adaptive(|builder| builder.half_open(round));
    rig.fail(1);
    rig.wait_out();
    rig.ok(1);
    rig.spoil(4);
    rig.has_failed();
    rig.waits_for_its_probe(ms(425));
}

#[test]
fn a_step_waits_as_long() {
    let round = HalfOpen::successes(1).ramp(Ramp::new());
    let rig = adaptive(|builder| builder.half_open(round));
    rig.ok(1_000);
    rig.wait(secs(1));
    rig.fail(1);
    rig.waits_for_its_probe(ms(300));
    rig.wait_out();
    rig.ok(1);
    let rig = rig.has(0.25);
    std::mem::forget(rig.admitted(1));
    // 300 ms times the root of two
    rig.wait(ns(424_264_067));
    assert_eq!(rig.rejected().retry_after(), None);
    rig.wait(ns(1));
    assert_eq!(rig.rejected().retry_after(), Some(STEP));
}
