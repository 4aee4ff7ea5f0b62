//! Rules from a file that is edited while calls go on.
//!
//! `cargo run -p live_config`: a script of about 6 s. Three dependencies are
//! called; one of them fails two of five calls. Their rules are in a TOML file that is edited meanwhile: good
//! edits and bad ones, a syntax error, a window that cannot be changed, a rename, a deletion. An edit is
//! applied as a whole, or refused with every problem.
//!
//! With a path (`cargo run -p live_config -- breakers.toml`) it follows that file until it is stopped.

#[cfg(test)]
mod tests;

use std::error::Error;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use std::{env, fs, io, thread};
use tripcoil::live::{Live, Reload, ReloadError, Watching};
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

[breakers.payments]
consecutive_failures = 3
"#;

/// How often the file is looked at.
const EVERY: Duration = Duration::from_millis(100);

type Result<T> = std::result::Result<T, Failure>;
type Reloaded = std::result::Result<Reload, ReloadError>;

fn main() -> Result<()> {
    match env::args_os().nth(1).map(PathBuf::from) {
        Some(file) => {
            let app = App::new(file)?;
            app.with_traffic(follow)
        }
        None => {
            let folder = tempfile::tempdir()?;
            let file = folder.path().join("breakers.toml");
            fs::write(&file, FIRST)?;
            println!("three keys are called, and these are their rules:\n\n{FIRST}");
            let app = App::new(file)?;
            app.with_traffic(play)
        }
    }
}

/// A registry whose rules follow a file.
struct App {
    file: PathBuf,
    live: Live,
    registry: Registry<String>,
    /// What became of each edit.
    reloads: Receiver<Reloaded>,
    _watching: Watching,
}

impl App {
    fn new(file: PathBuf) -> Result<App> {
        let live = Live::open(&file)?;
        let (registry, _controller) = live.registry();
        let (sender, reloads) = channel();
        // no one may listen any more
        let watching = live.watch(EVERY, move |reload| drop(sender.send(reload)))?;
        Ok(App {
            file,
            live,
            registry,
            reloads,
            _watching: watching,
        })
    }

    /// Makes calls while `run` runs.
    fn with_traffic(&self, run: impl FnOnce(&App) -> Result<()>) -> Result<()> {
        let over = AtomicBool::new(false);
        thread::scope(|threads| {
            for (key, failing) in TRAFFIC {
                let (registry, over) = (&self.registry, &over);
                threads.spawn(move || {
                    for call in (0..10).cycle() {
                        if over.load(Ordering::Relaxed) {
                            break;
                        }
                        // spread over the ten: no run of failures is long
                        let fails = call * failing / 10 != (call + 1) * failing / 10;
                        let answer = if fails { Err("no answer") } else { Ok(()) };
                        let _shown = registry.call(key, || answer);
                        thread::sleep(PACE);
                    }
                });
            }
            let ran = run(self);
            over.store(true, Ordering::Relaxed);
            ran
        })
    }

    /// Changes the file, then prints the result and, a moment later, the breakers' states.
    fn act(&self, what: &str, act: impl FnOnce() -> io::Result<()>) -> Result<()> {
        println!("\n{what}");
        act()?;
        let reload = self.reloads.recv_timeout(Duration::from_secs(10));
        show(&reload.map_err(|_| "the watcher did not report a change of the file")?);
        thread::sleep(Duration::from_millis(600));
        println!("      {}", states(&self.registry));
        Ok(())
    }
}

/// Runs until the process is stopped.
fn follow(app: &App) -> Result<()> {
    let path = app.live.path().unwrap_or(&app.file);
    println!("{} is watched: edit it", path.display());
    let mut said = String::new();
    loop {
        if let Ok(reload) = app.reloads.recv_timeout(Duration::from_millis(500)) {
            show(&reload);
        }
        let states = states(&app.registry);
        if states != said {
            println!("      {states}");
            said = states;
        }
    }
}

fn play(app: &App) -> Result<()> {
    let file = &app.file;
    let edited = |from: &str, to: &str| FIRST.replace(from, to);
    thread::sleep(Duration::from_millis(500));
    println!("      {}", states(&app.registry));

    let stricter = edited("failure_rate = 0.5", "failure_rate = 0.3");
    app.act("a good edit: failure_rate = 0.3 for all", || {
        fs::write(file, &stricter)
    })?;
    app.act("five mistakes", || {
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
    app.act("a syntax error", || {
        fs::write(file, edited("= 0.5", "= = 0.5"))
    })?;
    app.act("another window: fixed when a breaker is built", || {
        fs::write(file, edited("\"1s\"", "\"2s\""))
    })?;
    app.act("replaced by a rename: search may fail more", || {
        let beside = file.with_extension("new");
        let more = "\n[breakers.search]\nfailure_rate = 0.9\n";
        fs::write(&beside, stricter.clone() + more)?;
        fs::rename(beside, file)
    })?;
    app.act("deleted", || fs::remove_file(file))?;
    app.act("created again: one failure is enough", || {
        fs::write(
            file,
            edited("consecutive_failures = 10", "consecutive_failures = 1"),
        )
    })?;

    println!("\na new key gets the latest rules");
    let _ = app.registry.call("stock", || Err::<(), _>("no answer"));
    println!("      {}", states(&app.registry));
    Ok(())
}

fn show(reload: &Reloaded) {
    match reload {
        Ok(reload) => println!("   taken: {reload}"),
        Err(error) => {
            println!("   refused: {}", error.to_string().replace('\n', "\n   "));
            println!("   the old rules stay");
        }
    }
}

fn states(registry: &Registry<String>) -> String {
    let mut all = Vec::new();
    registry.for_each(|key, breaker| all.push(format!("{key} is {}", breaker.state())));
    all.sort();
    all.join(", ")
}
