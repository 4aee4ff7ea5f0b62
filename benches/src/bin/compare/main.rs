//! Compares tripcoil with other breakers, all in one process and interleaved round by round. See
//! the package's README.

mod args;
mod group;
mod machine;
mod measure;
mod report;
mod results;
mod sides;
mod targets;
mod workloads;

use args::{Args, Parsed};
use group::Group;
use results::Results;
use std::fs;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Instant;
use workloads::WORKLOADS;

fn main() -> ExitCode {
    let args = match args::parse(std::env::args_os().skip(1)) {
        Ok(Parsed::Run(args)) => args,
        Ok(Parsed::Help) => return print(args::HELP),
        Err(error) => {
            eprintln!("compare: {error}\n\n{}", args::HELP);
            return ExitCode::from(2);
        }
    };
    let results = run(&args);
    if results.0.is_empty() {
        let only = args.only.unwrap_or_default();
        eprintln!("compare: no workload/side contains {only:?}");
        return ExitCode::from(2);
    }
    let about = report::Circumstances::of(&args);
    if let Some(file) = &args.json {
        let json = format!("{:#}\n", report::json(&about, &results));
        if let Err(error) = fs::write(file, json) {
            eprintln!("compare: {}: {error}", file.display());
            return ExitCode::FAILURE;
        }
    }
    print(&report::text(&about, &results))
}

/// Whoever reads it may have stopped reading.
fn print(text: &str) -> ExitCode {
    match io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("compare: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Each group once; then again those that want more rounds, while there is time.
fn run(args: &Args) -> Results {
    let began = Instant::now();
    let mut groups = groups(args);
    for pass in 0..MOST_PASSES {
        for group in groups.iter_mut().filter(|group| group.wants_more()) {
            if pass > 0 && began.elapsed() > args.plan.patience {
                break;
            }
            let again = if pass > 0 { ", again" } else { "" };
            eprintln!("{}{again}", group.name());
            group.measure();
        }
    }
    Results(groups.into_iter().flat_map(Group::cells).collect())
}

/// On a machine that is used by others too, one pass is too few.
const MOST_PASSES: usize = 20;

fn groups(args: &Args) -> Vec<Group<'_>> {
    let mut groups = Vec::new();
    for workload in &WORKLOADS {
        for &threads in &args.threads {
            let Some(group) = Group::new(args, workload, threads) else {
                continue;
            };
            match workload.refuses(threads) {
                Some(reason) => eprintln!("not {}: {reason}", group.name()),
                None => groups.push(group),
            }
        }
    }
    groups
}

#[cfg(test)]
mod tests;
