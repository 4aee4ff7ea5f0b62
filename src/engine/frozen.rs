//! What an update has frozen: the counts by which it decides.

use crate::engine::window::class::{CLASSES, Class, counts_of};
use crate::engine::window::count::AtCut;
use crate::words::outcome::Counts;

/// The frozen counts.
#[derive(Clone, Copy, Default)]
pub(crate) struct Frozen {
    /// By class, modulo 2^40. Of a count window only the fast successes.
    pub(crate) classes: [u64; CLASSES],
    /// A count window's.
    pub(crate) log: AtCut,
}

impl Frozen {
    pub(crate) fn totals(&self) -> Counts {
        counts_of(&self.classes)
    }

    pub(crate) fn good(&self) -> u64 {
        self.classes[Class::FastSuccess as usize]
    }

    pub(crate) fn lenient(&self) -> u64 {
        self.classes[Class::LenientFailure as usize]
    }
}
