//! A configuration from outside the program (feature `serde`): from serde's formats, and from the
//! environment.
//!
//! Both fill in the same `draft`, with the names of [`Config`](crate::Config)'s fields. Ranges are
//! checked by [`Config::validate`](crate::Config::validate), as for any other configuration.

mod draft;
mod env;
mod form;
mod kinds;
#[cfg(feature = "settings")]
mod named;
mod suggest;
pub(crate) mod words;

pub use self::env::{EnvError, EnvProblem};
#[cfg(feature = "settings")]
pub use self::named::{NamedSettings, SettingsError, SettingsFault, SettingsProblem};
