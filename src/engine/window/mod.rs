//! The windows: which outcomes still count.
//!
//! A time window consists of the stripes (cumulative counts, never reset) and the boundaries (those
//! counts at the start of each live epoch). A count window consists of the stripes, for the successes
//! that are fast, and of a log that puts all other outcomes in their order among those.

pub(crate) mod boundaries;
pub(crate) mod class;
pub(crate) mod count;
pub(crate) mod lenient;
pub(crate) mod log;
pub(crate) mod stripes;

use self::boundaries::Boundaries;
use self::class::{CLASSES, WHOLE_CLASSES};
use self::count::CountWindow;

use alloc::boxed::Box;

#[derive(Debug)]
pub(crate) enum Shape {
    Time(Boundaries),
    Count(Box<CountWindow>),
}

impl Shape {
    /// How many of the classes, from the first, are counted in the stripes by tagged words, which
    /// updates freeze. Of the others of a count window there are plain sums. `lenient`: with the class of lenient
    /// failures.
    #[inline(always)]
    pub(crate) fn tagged_classes(&self, lenient: bool) -> usize {
        match self {
            Shape::Time(_) if lenient => CLASSES,
            Shape::Time(_) => WHOLE_CLASSES,
            Shape::Count(_) => 1,
        }
    }

    /// A time window's.
    pub(crate) fn boundaries(&self) -> Option<&Boundaries> {
        match self {
            Shape::Time(boundaries) => Some(boundaries),
            Shape::Count(_) => None,
        }
    }
}
