//! Envoy 1.3x, outlier detection: `outlier_detection.proto` (defaults) and
//! `source/common/upstream/outlier_detection_impl.cc`. One host of a cluster that is large enough
//! for it to be ejected: 5 failures in a row eject it for 30 s times the ejections of late, at most
//! 300 s; every 10 s, hosts whose time is over come back, and a healthy host is forgiven one
//! ejection. The detectors by success rate compare hosts, and have no say here. Calls count as
//! rejected while the host is ejected; in production they go to other hosts. A 4xx is a success.

use super::super::{Ended, Subject};
use crate::time::{Nanos, SECOND};

const IN_A_ROW: u32 = 5;
const INTERVAL: Nanos = 10 * SECOND;
const BASE: Nanos = 30 * SECOND;
const MOST: Nanos = 300 * SECOND;

pub(in super::super) struct Envoy {
    in_a_row: u32,
    /// When it was ejected.
    ejected: Option<Nanos>,
    ejections: u64,
    next: Nanos,
}

impl Default for Envoy {
    fn default() -> Self {
        Envoy {
            in_a_row: 0,
            ejected: None,
            ejections: 0,
            next: INTERVAL,
        }
    }
}

impl Subject for Envoy {
    type Permit = ();

    fn admit(&mut self, _: Nanos) -> Option<()> {
        self.ejected.is_none().then_some(())
    }

    fn end(&mut self, now: Nanos, (): (), ended: Ended) {
        if ended.outcome.is_answer() {
            self.in_a_row = 0;
            return;
        }
        self.in_a_row += 1;
        if self.in_a_row >= IN_A_ROW && self.ejected.is_none() {
            self.ejected = Some(now);
            self.in_a_row = 0;
            // it grows no further once the longest ejection is reached
            if BASE * (self.ejections + 1) < MOST + BASE {
                self.ejections += 1;
            }
        }
    }

    fn timer(&self) -> Nanos {
        self.next
    }

    fn wake(&mut self, now: Nanos) {
        self.next = now + INTERVAL;
        match self.ejected {
            None => self.ejections = self.ejections.saturating_sub(1),
            Some(at) if now - at >= (BASE * self.ejections).min(MOST) => {
                self.ejected = None;
                self.in_a_row = 0;
            }
            Some(_) => {}
        }
    }
}
