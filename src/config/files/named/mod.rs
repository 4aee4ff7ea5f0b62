//! Settings of several breakers in one TOML text (feature `settings`): `[default]`, and `[breakers.NAME]` for
//! each breaker that differs.
//!
//! `reading` turns the text into `section`s, whose settings are checked one by one; `layers` puts a section upon
//! another, and checks the two together; `settings` is the result, for users; `problem` has the errors.

mod layers;
mod problem;
mod reading;
mod section;
mod settings;

pub use self::problem::{SettingsError, SettingsFault, SettingsProblem};
pub use self::settings::NamedSettings;
