//! Two outages, with breakers and without: `cargo run --release -p outage`, about 31 s.
//!
//! Three identical HTTP servers on loopback follow one script (`script.rs`): healthy, ever slower,
//! failing, healthy, dead, hanging, flapping, healthy. Three groups of clients call at the same pace:
//! one without a breaker, one behind a breaker with the defaults, one behind an adaptive breaker. Each
//! group has a server of its own, so that one group's piled-up requests cannot affect the others, and
//! the breaker is the only difference.
//!
//! It prints the run live, then what the breakers' insight says of it, and writes a picture, `target/outage/timeline.svg`, and a report,
//! `target/outage/report.json`. It exits with an error if a breaker did not do its job.
//!
//! `--log FOLDER` also writes each group's calls there, as logs that `tripcoil-lab replay` reads, and the
//! transitions of the breakers.

mod clients;
mod insights;
mod live;
mod log;
mod record;
mod report;
mod script;
mod server;
mod timeline;

use crate::clients::{Group, Guard};
use crate::report::Report;
use crate::script::Script;
use std::error::Error;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::{env, fs};
use tokio::time::Instant;

#[tokio::main]
async fn main() -> ExitCode {
    let log = match log_folder(env::args_os().skip(1)) {
        Ok(log) => log,
        Err(wrong) => {
            eprintln!("error: {wrong}\nusage: outage [--log FOLDER]");
            return ExitCode::from(2);
        }
    };
    match play(log.as_deref()).await {
        Ok(broken) if broken.is_empty() => ExitCode::SUCCESS,
        Ok(broken) => {
            for claim in broken {
                eprintln!("error: {claim}");
            }
            ExitCode::FAILURE
        }
        Err(e) => {
            eprintln!("error: {e}");
            ExitCode::FAILURE
        }
    }
}

/// Returns the folder of the logs, if one is wanted.
fn log_folder(mut args: impl Iterator<Item = OsString>) -> Result<Option<PathBuf>, String> {
    match (args.next(), args.next(), args.next()) {
        (None, ..) => Ok(None),
        (Some(option), Some(folder), None) if option == "--log" => Ok(Some(folder.into())),
        (Some(option), None, _) if option == "--log" => Err("--log wants a folder".into()),
        (Some(option), None, _) => Err(format!("unexpected {option:?}")),
        _ => Err("too many arguments".into()),
    }
}

/// Runs the script; returns the claims that did not hold. Logs go to the folder.
async fn play(log: Option<&Path>) -> Result<Vec<String>, Box<dyn Error>> {
    if let Some(folder) = log {
        // before the run, so that a folder that cannot be made does not cost half a minute
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    let script = Arc::new(Script::two_outages());
    let begun = Instant::now();
    let (mut servers, mut groups) = (Vec::new(), Vec::new());
    for guard in Guard::ALL {
        let (listener, address) = server::bind().await?;
        servers.push(tokio::spawn(server::run(
            listener,
            Arc::clone(&script),
            begun,
        )));
        groups.push(Group::new(guard, address, begun)?);
    }
    let running: Vec<_> = groups
        .iter()
        .map(|group| tokio::spawn(Arc::clone(group).run(script.end())))
        .collect();
    live::show(&script, &groups, begun).await;
    for group in running {
        group.await??;
    }
    for server in servers {
        server.await??;
    }

    let runs: Vec<_> = groups.iter().map(|group| group.so_far()).collect();
    if let Some(folder) = log {
        log::write(folder, &runs).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    let report = Report::new(&script, runs)?;
    let picture = timeline::draw(&script, &report)?;
    let folder = folder();
    fs::create_dir_all(&folder)?;
    let json = serde_json::to_string_pretty(&report.json())?;
    fs::write(folder.join("report.json"), json + "\n")?;
    fs::write(folder.join("timeline.svg"), picture)?;

    println!();
    for group in &report.groups {
        let (tally, wasted) = (group.tally, group.wasted_calls());
        println!(
            "{:>10}: {} calls, {} ok, {} failed, {} rejected; {wasted} wasted in outages",
            group.run.guard.name(),
            tally.calls(),
            tally.ok,
            tally.failed,
            tally.rejected,
        );
    }
    for group in &groups {
        if let Some(insight) = &group.insight {
            let seen = insight.report();
            let script_began = seen.at.saturating_sub(begun.elapsed());
            print!("{}", insights::text(&seen, script_began));
        }
    }
    println!("\nsee timeline.svg and report.json in {}", folder.display());
    if let Some(folder) = log {
        println!("and the logs in {}", folder.display());
    }
    Ok(report.broken_claims())
}

/// A path in the workspace, whatever the current folder. Without cargo, in the current folder.
fn folder() -> PathBuf {
    let package = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let workspace = package
        .as_deref()
        .and_then(|package| package.ancestors().nth(2));
    workspace
        .unwrap_or(Path::new(""))
        .join("target")
        .join("outage")
}
