//! The configurations that a log is replayed with.

use crate::time::{Nanos, nanos};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use tripcoil::{Breaker, Config, ConfigError, ManualClock};

/// Makes a replay repeatable where a configuration has a jitter and no seed.
const SEED: u64 = 1;

/// A configuration of a breaker, with its name in the report.
#[derive(Clone, Debug)]
pub(crate) struct Configuration {
    pub(crate) name: String,
    config: Config,
    /// Without a seed of the lab's.
    given: Config,
    /// The settings, as they are written in a file.
    pub(crate) settings: Value,
    /// The file that it was read from.
    pub(crate) file: Option<PathBuf>,
    /// The slow limit, if it has one.
    pub(crate) slow: Option<Nanos>,
}

impl Configuration {
    /// `default`, `adaptive`, `FILE.toml` or `NAME=FILE.toml`.
    ///
    /// # Errors
    ///
    /// Reports what is wrong with the file, or with its settings.
    pub(crate) fn parse(text: &str) -> Result<Configuration, String> {
        match text {
            "default" => return Configuration::new(text, Config::default()),
            "adaptive" => return Configuration::new(text, Config::adaptive()),
            _ => {}
        }
        let (name, file) = match text.split_once('=') {
            Some((name, file)) if !name.is_empty() && !Path::new(text).exists() => {
                (Some(name), file)
            }
            _ => (None, text),
        };
        let path = Path::new(file);
        let has_extension = path
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("toml"));
        if !has_extension && !path.exists() {
            return Err(format!(
                "there is no {file:?}; known: default, adaptive, and TOML files"
            ));
        }
        let stem = path
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned());
        let name = name.map_or_else(|| stem.unwrap_or_else(|| file.to_string()), str::to_string);
        let text = fs::read_to_string(path).map_err(|error| format!("{file}: {error}"))?;
        let config: Config = toml::from_str(&text).map_err(|error| format!("{file}: {error}"))?;
        let configuration =
            Configuration::new(&name, config).map_err(|error| format!("{file}: {error}"))?;
        Ok(Configuration {
            file: Some(path.to_path_buf()),
            ..configuration
        })
    }

    pub(crate) fn new(name: &str, given: Config) -> Result<Configuration, String> {
        let mut config = given.clone();
        let settings = serde_json::to_value(&config).map_err(|error| error.to_string())?;
        if settings.pointer("/open_for/seed").is_none() {
            config.open_for = config.open_for.seed(SEED);
        }
        let configuration = Configuration {
            name: name.to_string(),
            file: None,
            slow: config.slow_call.map(nanos),
            config,
            given,
            settings,
        };
        configuration
            .breaker(&ManualClock::new())
            .map_err(|error| error.to_string())?;
        Ok(configuration)
    }

    /// Returns the settings that were given, without a seed of the lab's.
    pub(crate) fn given(&self) -> &Config {
        &self.given
    }

    pub(super) fn breaker(&self, clock: &ManualClock) -> Result<Breaker, ConfigError> {
        Breaker::builder(self.name.as_str())
            .config(self.config.clone())
            .clock(clock)
            .build()
    }
}

#[cfg(test)]
mod tests;
