//! The classifiers that the crate brings, beside the trait [`Classify`](crate::Classify).
//!
//! ```
//! use tripcoil::classify::{ErrIsFailure, IgnoreRejections};
//! use tripcoil::Breaker;
//!
//! // an inner breaker's rejection, in an error's sources, is no failure of this one's dependency
//! let breaker = Breaker::builder("payments").classifier(IgnoreRejections::new(ErrIsFailure)).build()?;
//! # let _ = breaker.call(|| Err::<(), _>(std::io::Error::other("down")));
//! # Ok::<(), tripcoil::ConfigError>(())
//! ```

pub(crate) mod classifier;
mod rejections;

pub use self::classifier::{ByRef, ErrIsFailure};
pub use self::rejections::{AnyError, FindRejection, IgnoreRejections, InBoxed, InSources};
