//! The settings of several breakers in one file, and rules that follow it.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly"
)]

mod env;
mod follow;
mod layers;
mod problems;
mod registry;
mod watching;

use tripcoil::config::{NamedSettings, SettingsError};

fn read(text: &str) -> NamedSettings {
    NamedSettings::parse(text).unwrap_or_else(|error| panic!("{error}"))
}

fn refused(text: &str) -> SettingsError {
    NamedSettings::parse(text).expect_err(text)
}

/// Every problem, as it is printed.
fn lines(error: &SettingsError) -> Vec<String> {
    error.problems().iter().map(ToString::to_string).collect()
}
