//! Two outages, with breakers and without: `cargo run --release -p outage`, about 31 s.
//!
//! Three identical HTTP servers on loopback follow one script (`script.rs`): healthy, ever slower,
//! failing, healthy, dead, hanging, flapping, healthy. Three groups of clients call at the same pace:
//! one without a breaker, one behind a breaker with the defaults, one behind an adaptive breaker. Each
//! group has a server of its own, so that one group's piled-up requests cannot affect the others, and
//! the breaker is the only difference.
//!
//! It prints the run live, and writes a picture, `target/outage/timeline.svg`, and a report,
//! `target/outage/report.json`. It exits with an error if a breaker did not do its job.

mod clients;
mod live;
mod record;
mod report;
mod script;
mod server;
mod timeline;

use crate::clients::{Group, Guard};
use crate::report::Report;
use crate::script::Script;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::{env, fs};
use tokio::time::Instant;

#[tokio::main]
async fn main() -> ExitCode {
    match play().await {
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

/// Runs the script; returns the claims that did not hold.
async fn play() -> Result<Vec<String>, Box<dyn Error>> {
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

    let runs = groups.iter().map(|group| group.so_far()).collect();
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
    println!("see timeline.svg and report.json in {}", folder.display());
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
