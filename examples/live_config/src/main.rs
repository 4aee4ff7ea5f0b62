//! Rules from a file that is edited while calls go on.
//!
//! `cargo run -p live_config`: a script of about 6 s. Three dependencies are
//! called; one of them fails two of five calls. Their rules are in a TOML file that is edited meanwhile: good
//! edits and bad ones, a syntax error, a window that cannot be changed, a rename, a deletion. An edit is
//! applied as a whole, or refused with every problem.
//!
//! With a path (`.. --features registry,serde -- rules.toml`) it follows that file until it is stopped.

mod live;
mod settings;
mod watch;

#[cfg(test)]
mod tests;

use crate::live::{Live, Look};
use crate::watch::Watch;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{env, fs, thread};
use tripcoil::registry::Registry;

type Failure = Box<dyn Error + Send + Sync>;

/// The keys, and how many of ten calls fail.
const TRAFFIC: [(&str, u32); 3] = [("mail", 0), ("payments", 1), ("search", 4)];
const PACE: Duration = Duration::from_millis(5);

const FIRST: &str = r#"[default]
window = { time = "1s", buckets = 10 }
failure_rate = 0.5
consecutive_failures = 10
min_throughput = 20
open_for = "300ms"

[keys.payments]
consecutive_failures = 3
"#;

fn main() -> Result<(), Failure> {
    let file = env::args_os().nth(1).map(PathBuf::from);
    let over = AtomicBool::new(false);
    match file {
        Some(file) => {
            let live = begin(&file)?;
            with_traffic(live, &over, |live| follow(live, &file))
        }
        None => {
            let folder = tempfile::tempdir()?;
            let file = folder.path().join("rules.toml");
            fs::write(&file, FIRST)?;
            let live = begin(&file)?;
            println!("three keys are called, and these are their rules:\n\n{FIRST}");
            with_traffic(live, &over, |live| play(live, &file))
        }
    }
}

fn begin(file: &Path) -> Result<Live, Failure> {
    Live::new(file).map_err(|look| format!("{}: {look}", file.display()).into())
}

/// Makes calls while `run` runs.
fn with_traffic(
    mut live: Live,
    over: &AtomicBool,
    run: impl FnOnce(&mut Live) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let registry = live.registry().clone();
    thread::scope(|threads| {
        for (key, failing) in TRAFFIC {
            let registry = &registry;
            threads.spawn(move || {
                for call in (0..10).cycle() {
                    if over.load(Ordering::Relaxed) {
                        break;
                    }
                    // spread over the ten: no run of failures is long
                    let fails = call * failing / 10 != (call + 1) * failing / 10;
                    let answer = if fails { Err("no answer") } else { Ok(()) };
                    let _told = registry.call(key, || answer);
                    thread::sleep(PACE);
                }
            });
        }
        let ran = run(&mut live);
        over.store(true, Ordering::Relaxed);
        ran
    })
}

/// Runs until the process is stopped.
fn follow(live: &mut Live, file: &Path) -> Result<(), Failure> {
    let watch = Watch::of(file)?;
    println!("{} is watched: edit it", file.display());
    let mut said = String::new();
    loop {
        let look = if watch.changed(Duration::from_millis(500))? {
            live.look()?
        } else {
            Look::Same
        };
        if !matches!(look, Look::Same) {
            tell(&look);
        }
        let states = states(live.registry());
        if states != said {
            println!("      {states}");
            said = states;
        }
    }
}

fn play(live: &mut Live, file: &Path) -> Result<(), Failure> {
    let watch = Watch::of(file)?;
    let edited = |from: &str, to: &str| FIRST.replace(from, to);
    thread::sleep(Duration::from_millis(500));
    println!("      {}", states(live.registry()));

    let stricter = edited("failure_rate = 0.5", "failure_rate = 0.3");
    act(
        "a good edit: failure_rate = 0.3 for all",
        live,
        &watch,
        || fs::write(file, &stricter),
    )?;
    act("five mistakes", live, &watch, || {
        let text = edited("failure_rate = 0.5", "failure_rate = 30")
            .replace("min_throughput = 20", "min_throughput = \"twenty\"")
            .replace(
                "open_for = \"300ms\"",
                "open_for = { base = \"1s\", jitter = 2 }",
            )
            .replace(
                "consecutive_failures = 3",
                "consecutive_failure = 3\nslow_rate = 0.5",
            );
        fs::write(file, text)
    })?;
    act("a syntax error", live, &watch, || {
        fs::write(file, edited("= 0.5", "= = 0.5"))
    })?;
    act(
        "another window: fixed when a breaker is built",
        live,
        &watch,
        || fs::write(file, edited("\"1s\"", "\"2s\"")),
    )?;
    act(
        "replaced by a rename: search may fail more",
        live,
        &watch,
        || {
            let beside = file.with_extension("new");
            fs::write(
                &beside,
                stricter.clone() + "\n[keys.search]\nfailure_rate = 0.9\n",
            )?;
            fs::rename(beside, file)
        },
    )?;
    act("deleted", live, &watch, || fs::remove_file(file))?;
    act("created again: one failure is enough", live, &watch, || {
        fs::write(
            file,
            edited("consecutive_failures = 10", "consecutive_failures = 1"),
        )
    })?;

    println!("\na new key gets the latest rules");
    let _ = live.registry().call("stock", || Err::<(), _>("no answer"));
    println!("      {}", states(live.registry()));
    Ok(())
}

/// Changes the file, then prints the result and, a moment later, the breakers' states.
fn act(
    what: &str,
    live: &mut Live,
    watch: &Watch,
    act: impl FnOnce() -> std::io::Result<()>,
) -> Result<(), Failure> {
    println!("\n{what}");
    act()?;
    loop {
        if !watch.changed(Duration::from_secs(10))? {
            return Err("the watcher did not report a change of the file".into());
        }
        let look = live.look()?;
        if !matches!(look, Look::Same) {
            tell(&look);
            break;
        }
    }
    thread::sleep(Duration::from_millis(600));
    println!("      {}", states(live.registry()));
    Ok(())
}

fn tell(look: &Look) {
    println!("   {}", look.to_string().replace('\n', "\n   "));
    if look.left_out() {
        println!("   the old rules stay");
    }
}

fn states(registry: &Registry<String>) -> String {
    let mut all = Vec::new();
    registry.for_each(|key, breaker| all.push(format!("{key} is {}", breaker.state())));
    all.sort();
    all.join(", ")
}
