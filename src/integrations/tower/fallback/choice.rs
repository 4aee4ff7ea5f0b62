//! Which errors a fallback answers, and where it is counted.

use crate::Breaker;
use core::fmt;

#[derive(Clone)]
pub(crate) struct Choice {
    pub(super) rejections: bool,
    pub(super) failures: bool,
    /// Its classifier is of no use here.
    pub(super) counted_by: Option<Breaker<()>>,
}

impl Choice {
    pub(super) const EVERY: Choice = Choice {
        rejections: true,
        failures: true,
        counted_by: None,
    };

    /// Whether a fallback runs, which is then counted.
    pub(super) fn takes(&self, rejected: bool) -> bool {
        let takes = if rejected {
            self.rejections
        } else {
            self.failures
        };
        if takes && let Some(breaker) = &self.counted_by {
            breaker.fall_back(rejected);
        }
        takes
    }

    /// Without the source, which may be anything.
    pub(super) fn debug(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(name)
            .field("rejections", &self.rejections)
            .field("failures", &self.failures)
            .field("counted_by", &self.counted_by)
            .finish_non_exhaustive()
    }
}
