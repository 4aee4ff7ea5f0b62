//! The types around [`Config`](crate::Config): profiles by kind of dependency, changes to the rules of a running
//! breaker, problems, (feature `serde`) errors in environment variables, and (feature `settings`) the settings of
//! several breakers in one file.
//!
//! ```
//! # #[cfg(feature = "std")] {
//! use tripcoil::config::Rules;
//! use tripcoil::{Breaker, ConfigError};
//!
//! fn stricter(rules: Rules) -> Rules {
//!     rules.failure_rate(0.2).min_throughput(50)
//! }
//! let (breaker, controller) = Breaker::builder("payments").build_with_controller()?;
//! controller.reconfigure(stricter)?;
//!
//! let refused: Result<(), ConfigError> = controller.reconfigure(|rules| rules.failure_rate(1.5));
//! assert_eq!(refused.unwrap_err().problems()[0].field, "failure_rate");
//! # }
//! # Ok::<(), tripcoil::ConfigError>(())
//! ```

pub(crate) mod backoff;
#[cfg(feature = "serde")]
pub(crate) mod files;
pub(crate) mod profile;
#[cfg(feature = "std")]
pub(crate) mod reconfigure;
pub(crate) mod settings;
pub(crate) mod validate;

#[cfg(feature = "serde")]
pub use self::files::{EnvError, EnvProblem};
#[cfg(feature = "settings")]
pub use self::files::{NamedSettings, SettingsError, SettingsFault, SettingsProblem};
pub use self::profile::Profile;
#[cfg(feature = "std")]
pub use self::reconfigure::Rules;
pub use crate::error::Problem;
