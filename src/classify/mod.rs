//! The classifiers of the crate, and their helpers. The trait is [`Classify`](crate::Classify).
//!
//! ```
//! use tripcoil::classify::{ErrIsFailure, IgnoreRejections};
//! use tripcoil::Breaker;
//!
//! // a rejection by an inner breaker, found along the error's sources, is ignored
//! let breaker = Breaker::builder("payments").classifier(IgnoreRejections::new(ErrIsFailure)).build()?;
//! # let _ = breaker.call(|| Err::<(), _>(std::io::Error::other("down")));
//! # Ok::<(), tripcoil::ConfigError>(())
//! ```

pub(crate) mod classifier;
mod rejections;

pub use self::classifier::{ByRef, ErrIsFailure};
pub use self::rejections::{AnyError, FindRejection, IgnoreRejections, InBoxed, InSources};
