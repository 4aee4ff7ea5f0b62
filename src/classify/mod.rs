//! What the result of a call means.

pub(crate) mod classifier;
pub(crate) mod rejections;
