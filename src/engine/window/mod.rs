//! The windows: what of the outcomes still counts.
//!
//! A window of time is kept by the stripes (cumulative counts, never reset) and by the boundaries
//! (what those counts were when each live epoch began). A window of a number of outcomes needs a
//! total order of them, and so a word that all recorders share.

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
