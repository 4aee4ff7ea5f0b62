//! Where and of what: the machine, the compiler, the versions.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::thread;

#[derive(Deserialize)]
pub(crate) struct Machine {
    pub(crate) cpu: Option<String>,
    pub(crate) logical_cpus: usize,
    /// Of the compiler on the path, which is the one that `cargo run` takes.
    pub(crate) rustc: Option<String>,
}

impl Machine {
    pub(crate) fn this() -> Machine {
        Machine {
            cpu: fs::read_to_string("/proc/cpuinfo")
                .ok()
                .and_then(|text| cpu_model(&text)),
            logical_cpus: thread::available_parallelism().map_or(1, usize::from),
            rustc: rustc_version(),
        }
    }
}

fn cpu_model(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo
        .lines()
        .find(|line| line.starts_with("model name"))?;
    let (_, model) = line.split_once(':')?;
    Some(model.trim().to_owned())
}

fn rustc_version() -> Option<String> {
    let output = Command::new("rustc").arg("--version").output().ok()?;
    let version = String::from_utf8(output.stdout).ok()?;
    Some(version.trim().to_owned())
}

/// The crates that are compared.
const COMPARED: [&str; 6] = [
    "tripcoil",
    "recloser",
    "failsafe",
    "tower-resilience-circuitbreaker",
    "circuitbreaker-rs",
    "governor",
];

/// Each with the version that it was built from.
pub(crate) fn versions() -> BTreeMap<String, String> {
    let lock = include_str!("../../../../Cargo.lock");
    COMPARED
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), locked(lock, name)?)))
        .collect()
}

fn locked(lock: &str, name: &str) -> Option<String> {
    let mut lines = lock.lines();
    let name = format!("name = \"{name}\"");
    lines.find(|line| **line == name)?;
    let version = lines.next()?.strip_prefix("version = \"")?;
    Some(version.strip_suffix('"')?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_is_what_follows_the_colon() {
        let text = "processor\t: 0\nmodel name\t: A CPU: 3 GHz\nmodel name\t: other\n";
        assert_eq!(cpu_model(text).as_deref(), Some("A CPU: 3 GHz"));
        assert_eq!(cpu_model("processor : 0"), None);
    }

    #[test]
    fn every_compared_crate_is_locked() {
        assert_eq!(versions().len(), COMPARED.len());
        let lock = "[[package]]\nname = \"a\"\nversion = \"1.2\"\n\n[[package]]\nname = \"b\"\nversion = \"3\"\n";
        assert_eq!(locked(lock, "b").as_deref(), Some("3"));
        assert_eq!(locked(lock, "c"), None);
    }
}
