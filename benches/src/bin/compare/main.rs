//! Compares tripcoil with other breakers, all in one process and interleaved round by round. See
//! the package's README.

mod args;
mod group;
mod machine;
mod markdown;
mod measure;
mod picture;
mod report;
mod results;
mod saved;
mod sides;
mod targets;
mod workloads;

use args::{Args, Parsed, Show};
use group::Group;
use results::Results;
use std::fmt::Display;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;
use workloads::WORKLOADS;

fn main() -> ExitCode {
    let args = match args::parse(std::env::args_os().skip(1)) {
        Ok(Parsed::Run(args)) => args,
        Ok(Parsed::Show(what)) => return show(&what),
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
            return failed(file, error);
        }
    }
    print(&report::text(&about, &results))
}

/// A report that was saved, shown once more.
fn show(what: &Show) -> ExitCode {
    let saved = fs::read_to_string(&what.from).map_err(|error| error.to_string());
    let (about, results) = match saved.and_then(|text| saved::read(&text)) {
        Ok(report) => report,
        Err(error) => return failed(&what.from, error),
    };
    if let Some(file) = &what.picture {
        let written = picture::draw(&about, &results).and_then(|svg| Ok(fs::write(file, svg)?));
        if let Err(error) = written {
            return failed(file, error);
        }
    }
    if what.markdown {
        return print(&markdown::text(&about, &results));
    }
    ExitCode::SUCCESS
}

fn failed(file: &Path, error: impl Display) -> ExitCode {
    eprintln!("compare: {}: {error}", file.display());
    ExitCode::FAILURE
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
