//! The script, played for processes alone and in a fleet at the same time, each with a dependency of its own.

use crate::arguments::{Place, Show, Worker};
use crate::dependency::Dependency;
use crate::picture;
use crate::pods::Pods;
use crate::record::{Line, Run};
use crate::redis::Redis;
use crate::report::Report;
use crate::script::{Fault, Script};
use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use tripcoil::State;

type Failure = Box<dyn Error + Send + Sync>;

/// As long as all processes may take to start.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often the run is reported.
const EVERY: Duration = Duration::from_secs(5);

/// Returns the claims that did not hold.
pub(crate) async fn show(show: &Show) -> Result<Vec<String>, Failure> {
    let folder = show.to.clone().unwrap_or_else(folder);
    // before the run, so that a folder that cannot be made does not cost minutes
    fs::create_dir_all(&folder).map_err(|wrong| format!("{}: {wrong}", folder.display()))?;
    let script = Arc::new(Script::two_outages(show.quick, show.fault));
    let redis = Redis::start().await?;
    let place = Place {
        fleet: "checkout".into(),
        redis: redis.url(),
    };
    let alone = Players::start(show, &script, None).await?;
    let fleet = Players::start(show, &script, Some(place)).await?;
    println!("{} processes, {} s", 2 * show.pods, script.end.as_secs());

    let begun = Instant::now();
    let store = tokio::spawn(store(redis, Arc::clone(&script), begun));
    let (alone, fleet) = tokio::try_join!(alone.play(begun), fleet.play(begun))?;
    store.await??;

    let report = Report::new(&script, show, alone, fleet);
    let table = report.table();
    println!("\n{table}");
    let json = serde_json::to_string_pretty(&report.json())?;
    let drawn = picture::draw(&report).map_err(|wrong| wrong.to_string())?;
    fs::write(folder.join("report.json"), json + "\n")?;
    fs::write(folder.join("table.txt"), table)?;
    fs::write(folder.join("fleet.svg"), drawn)?;
    println!(
        "see fleet.svg, table.txt and report.json in {}",
        folder.display()
    );
    Ok(report.broken_claims())
}

/// Kills the store and starts it again, as the script has it; keeps it to the end.
async fn store(mut redis: Redis, script: Arc<Script>, begun: Instant) -> Result<(), Failure> {
    if let Some(gone) = script.store_gone {
        sleep_until(begun + gone.from).await;
        redis.kill().await?;
        println!("{:4} s  the store is killed", gone.from.as_secs());
        sleep_until(begun + gone.to).await;
        redis.restart().await?;
        println!("{:4} s  the store is back, and empty", gone.to.as_secs());
    }
    sleep_until(begun + script.end).await;
    Ok(())
}

/// One of both runs.
struct Players {
    script: Arc<Script>,
    dependency: Arc<Dependency>,
    pods: Pods,
    run: Run,
}

impl Players {
    async fn start(
        show: &Show,
        script: &Arc<Script>,
        place: Option<Place>,
    ) -> Result<Players, Failure> {
        let seed = show.traffic.seed;
        let (dependency, address) = Dependency::start(Arc::clone(script), seed).await?;
        let mut traffic = show.traffic;
        traffic.slow |= show.fault == Fault::Slow;
        let workers = (0..show.pods).map(|pod| Worker {
            place: place.clone(),
            pod,
            dependency: address,
            traffic,
        });
        let workers: Vec<_> = workers.collect();
        Ok(Players {
            script: Arc::clone(script),
            dependency,
            pods: Pods::start(&workers, PATIENCE).await?,
            run: Run {
                shares: place.is_some(),
                pods: show.pods,
                heard: Vec::new(),
                hits: Vec::new(),
            },
        })
    }

    async fn play(mut self, begun: Instant) -> Result<Run, Failure> {
        self.dependency.begin(begun);
        self.pods.begin().await?;
        let end = begun + self.script.end;
        let mut next = begun + EVERY;
        loop {
            tokio::select! {
                heard = self.pods.next(begun) => {
                    let heard = heard?;
                    if let (Line::Link(link), true) = (&heard.line, heard.pod == 0) {
                        println!("{:4.1} s  pod-0: link {link}", heard.at.as_secs_f64());
                    }
                    self.run.heard.push(heard);
                }
                () = sleep_until(next) => {
                    self.progress(next - begun);
                    next += EVERY;
                }
                () = sleep_until(end) => break,
            }
        }
        self.run.hits = self.dependency.hits();
        Ok(self.run)
    }

    fn progress(&self, now: Duration) {
        let up = |up| if up { "up" } else { "down" };
        let open = self.run.counts(|state| state != State::Closed);
        println!(
            "{:4} s  {:<5}  {:>3} of {} open; dependency {}, store {}",
            now.as_secs(),
            self.run.name(),
            open.last().map_or(0, |(_, open)| *open),
            self.run.pods,
            up(!self.script.is_down(now)),
            up(self.script.has_store(now)),
        );
    }
}

/// A path in the workspace, whatever the current folder. Without cargo, in the current folder.
fn folder() -> PathBuf {
    let package = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let workspace = package
        .as_deref()
        .and_then(|package| package.ancestors().nth(2));
    let workspace = workspace.unwrap_or(Path::new(""));
    workspace.join("target").join("fleet")
}
