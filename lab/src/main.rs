//! Measures in simulated time how well circuit breakers decide. See the package's README.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::expect_used, clippy::panic, clippy::unwrap_used))]

mod advise;
mod args;
mod day;
mod dice;
mod figures;
mod grid;
mod insight;
mod log;
mod noise;
mod picture;
mod replay;
mod server;
mod shape;
mod sim;
mod subject;
mod table;
mod targets;
mod time;
mod track;
mod tuning;

use args::{Args, Command};
use grid::Row;
use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args = match args::parse(std::env::args_os().skip(1)) {
        Ok(args) => args,
        Err(error) => {
            let command = std::env::args_os().nth(1);
            let help = match command.as_ref().and_then(|word| word.to_str()) {
                Some("replay") => "see tripcoil-lab replay --help",
                Some("advise") => "see tripcoil-lab advise --help",
                _ => args::HELP,
            };
            eprintln!("tripcoil-lab: {error}\n\n{help}");
            return ExitCode::from(2);
        }
    };
    match run(&args) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("tripcoil-lab: {error}");
            ExitCode::FAILURE
        }
    }
}

type Ran = Result<ExitCode, Box<dyn Error>>;

fn run(args: &Args) -> Ran {
    match &args.command {
        Command::Help => print(args::HELP),
        Command::List => print(&list(args)),
        Command::Table { json } => table(args, json.as_deref()),
        Command::Picture { file } => {
            let picture = picture::draw(args)?;
            written(file, &picture)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Check { file } => check(args, file),
        Command::Guarantee { scale } => {
            print(&noise::guarantee(&args.subjects, *scale, args.threads)?)
        }
        Command::Insight { check } => {
            let (figures, missed) = insight::measure(args.seeds, args.threads);
            print(&figures)?;
            if *check && missed > 0 {
                return Err(format!("{missed} figures are not as wanted").into());
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Advise(plan) => {
            let answer = advise::run(plan)?;
            eprintln!("{}", answer.about);
            print(&answer.toml)
        }
        Command::AdviseHelp => print(args::ADVISE_HELP),
        Command::Replay(plan) => print(&replay::run(plan)?),
        Command::ReplayHelp => print(args::REPLAY_HELP),
        Command::Tuning {
            hours,
            pace,
            seed,
            check,
        } => {
            let (report, missed) = tuning::demonstrate(*hours, *pace, *seed, args.threads)?;
            print(&report)?;
            if *check && !missed.is_empty() {
                return Err(missed.join("; ").into());
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Soak { hours } => print(&noise::soak(&args.subjects, *hours, args.threads)?),
    }
}

fn table(args: &Args, json: Option<&Path>) -> Ran {
    let row = |shape: &shape::Shape| Row {
        shape: shape.clone(),
        subjects: args.subjects.clone(),
    };
    let rows: Vec<Row> = args.shapes.iter().map(row).collect();
    let measured = grid::measure(&rows, args.seeds, args.threads)?;
    if let Some(file) = json {
        written(
            file,
            &format!("{:#}\n", table::json(&rows, &measured, args.seeds)),
        )?;
    }
    print(&table::markdown(&rows, &measured))
}

fn check(args: &Args, file: &Path) -> Ran {
    let refused = |error: String| format!("{}: {error}", file.display());
    let text = fs::read_to_string(file).map_err(|error| refused(error.to_string()))?;
    let mut shapes = shape::catalogue()?;
    if args.chosen.shapes {
        shapes.extend(args.shapes.iter().cloned());
    }
    let targets = targets::parse(&text, &shapes).map_err(refused)?;
    let rows = targets::rows(&targets, &shapes);
    let measured = grid::measure(&rows, args.seeds, args.threads)?;
    let (report, missed) = targets::report(&targets, &rows, &measured);
    print(&report)?;
    if missed > 0 {
        return Err(format!("{missed} of {} targets are not met", targets.len()).into());
    }
    print(&format!("all {} targets are met\n", targets.len()))
}

fn list(args: &Args) -> String {
    let line = |name: &str, about: &str| format!("  {name:20} {about}\n");
    let shapes: String = args
        .shapes
        .iter()
        .map(|s| line(&s.name, s.about()))
        .collect();
    let subjects: String = args
        .subjects
        .iter()
        .map(|s| line(s.name(), s.source()))
        .collect();
    format!("shapes:\n{shapes}\nsubjects:\n{subjects}")
}

fn written(file: &Path, text: &str) -> Result<(), String> {
    fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()))
}

/// The reader may have closed its end.
fn print(text: &str) -> Ran {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}
