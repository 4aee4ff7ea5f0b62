//! A configuration from outside the program (feature `serde`): from the formats that serde knows, and
//! from the environment.
//!
//! Both fill in the same `draft`, whose words are those of [`Config`](crate::Config); a range is told
//! by [`Config::validate`](crate::Config::validate), as for any other configuration.

mod draft;
mod env;
mod form;
mod suggest;
pub(crate) mod words;

pub use self::env::{EnvError, EnvProblem};
