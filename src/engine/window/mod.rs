//! The windows: which outcomes still count.
//!
//! A time window consists of the stripes (cumulative counts, never reset) and the boundaries (those
//! counts at the start of each live epoch). A count window needs a total order of its outcomes, and
//! so a word that all recorders share.

pub(crate) mod boundaries;
pub(crate) mod count;
pub(crate) mod stripes;

use self::boundaries::Boundaries;
use self::count::CountWindow;
use alloc::boxed::Box;

#[derive(Debug)]
pub(crate) enum Shape {
    Time(Boundaries),
    Count(Box<CountWindow>),
}
