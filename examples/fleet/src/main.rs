//! A fleet: processes that share through Redis what they find out about a dependency.
//!
//! - `cargo run -p fleet -- show` plays two outages, about three and a half minutes, for 40 processes alone and for 40 in
//!   a fleet, with a Redis of its own (`redis-server` must be installed). The store is killed in the second outage, and
//!   started again. It prints a table, and writes a picture, `target/fleet/fleet.svg`, with a report. `--quick` takes
//!   about a minute. It exits with an error if sharing did not help.
//! - `cargo run -p fleet -- force-open orders --for 10m` is a word to all instances of a fleet: so are `disable`,
//!   `observe-only` and `release`; `list` prints what holds.
//! - `cargo run -p fleet -- run` runs some processes, to see such words arrive.

#![cfg_attr(test, allow(clippy::expect_used, clippy::panic, clippy::unwrap_used))]

mod arguments;
mod dependency;
mod operator;
mod picture;
mod pods;
mod record;
mod redis;
mod report;
mod run;
mod script;
mod show;
mod worker;

use crate::arguments::{Command, HELP, Place};
use std::env;
use std::error::Error;
use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;
use tripcoil::fleet::{Down, RedisStore};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let env = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    let command = match arguments::parse(env::args_os().skip(1), env) {
        Ok(command) => command,
        Err(wrong) => {
            eprintln!("error: {wrong}\nfleet --help prints what there is");
            return ExitCode::from(2);
        }
    };
    match carry_out(command).await {
        Ok(broken) => {
            for claim in &broken {
                eprintln!("error: {claim}");
            }
            ExitCode::from(u8::from(!broken.is_empty()))
        }
        Err(wrong) => {
            eprintln!("error: {wrong}");
            let down = wrong.downcast_ref::<Down>();
            let code = down.map_or(1, |down| operator::exit_code(down.reason));
            ExitCode::from(if wrong.is::<WrongUrl>() { 2 } else { code })
        }
    }
}

/// A Redis that cannot be at all.
#[derive(Debug)]
struct WrongUrl(Down);

impl fmt::Display for WrongUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "--redis: {}", self.0.detail)
    }
}

impl Error for WrongUrl {}

fn connect(place: &Place) -> Result<RedisStore, WrongUrl> {
    RedisStore::connect(&place.redis).map_err(WrongUrl)
}

/// Prints text that a program may read, which may end at once.
fn print(text: &str) -> io::Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(wrong) if wrong.kind() != io::ErrorKind::BrokenPipe => Err(wrong),
        _ => Ok(()),
    }
}

/// Returns the claims that did not hold.
async fn carry_out(command: Command) -> Result<Vec<String>, Box<dyn Error + Send + Sync>> {
    match command {
        Command::Help => print(HELP)?,
        Command::Say(say) => {
            let store = connect(&say.place)?;
            print(&operator::say(store, &say).await?)?;
        }
        Command::List(place) => {
            let store = connect(&place)?;
            print(&operator::list(store, &place).await?)?;
        }
        Command::Show(show) => return show::show(&show).await,
        Command::Run(run) => {
            // a mistake in it is one for all processes
            connect(&run.place)?;
            run::run(&run).await?;
        }
        Command::Worker(worker) => worker::run(worker).await?,
    }
    Ok(Vec::new())
}
