//! Two outages, with a breaker and without: `cargo run --release -p outage`, about 31 s.
//!
//! Two identical HTTP servers on loopback follow one script (`script.rs`): healthy, ever slower,
//! failing, healthy, dead, hanging, flapping, healthy. Two groups of clients call at the same pace,
//! one without and one behind a breaker. Each group has a server of its own, so that one group's
//! piled-up requests cannot affect the other, and the breaker is the only difference.
//!
//! It prints the run live, and writes a picture, `target/outage/timeline.svg`, and a report,
//! `target/outage/report.json`. It exits with an error if the breaker did not do its job.

mod clients;
mod live;
mod record;
mod report;
mod script;
mod server;
mod timeline;

use crate::clients::Group;
use crate::record::{Change, Notes};
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
    let breaker = clients::breaker()?;
    let observer = breaker.observer();
    let (plain_listener, plain_address) = server::bind().await?;
    let (safe_listener, safe_address) = server::bind().await?;

    let begun = Instant::now();
    let changes = Arc::new(Notes::default());
    let heard = Arc::clone(&changes);
    let subscription = observer.subscribe(move |transition| {
        let change = Change {
            at: begun.elapsed(),
            from: transition.from,
            to: transition.to,
            cause: transition.cause,
        };
        heard.push(change);
        live::tell(&change);
    });
    let unguarded = Group::new(plain_address, None, begun)?;
    let guarded = Group::new(safe_address, Some(breaker), begun)?;

    let servers = [plain_listener, safe_listener]
        .map(|listener| tokio::spawn(server::run(listener, Arc::clone(&script), begun)));
    let groups =
        [&unguarded, &guarded].map(|group| tokio::spawn(Arc::clone(group).run(script.end())));
    live::show(&script, &unguarded, &guarded, &observer, begun).await;
    for group in groups {
        group.await??;
    }
    for server in servers {
        server.await??;
    }

    let (safe, plain, changes) = (guarded.log.all(), unguarded.log.all(), changes.all());
    let report = Report::new(&script, &safe, &plain, &changes, subscription.missed())?;
    let picture = timeline::draw(&script, &report, &safe, &plain, &changes)?;
    let folder = folder();
    fs::create_dir_all(&folder)?;
    let json = serde_json::to_string_pretty(&report.json())?;
    fs::write(folder.join("report.json"), json + "\n")?;
    fs::write(folder.join("timeline.svg"), picture)?;

    println!();
    for (name, group) in [
        ("no breaker", &report.unguarded),
        ("breaker", &report.guarded),
    ] {
        let (tally, wasted) = (group.tally, group.wasted_calls());
        println!(
            "{name:>10}: {} calls, {} ok, {} failed, {} rejected; {wasted} wasted in outages",
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
