//! The command line.

mod replay;

pub(crate) use replay::{ADVISE_HELP, HELP as REPLAY_HELP};

use crate::replay::Plan;
use crate::shape::{Shape, catalogue};
use crate::subject::Entry;
use crate::targets::unknown;
use crate::tuning::SETTLES;
use lexopt::prelude::*;
use std::ffi::OsString;
use std::path::PathBuf;

pub(crate) const HELP: &str = "\
Measures in simulated time how well circuit breakers decide.

Usage: tripcoil-lab table [OPTIONS]
       tripcoil-lab picture FILE.svg [OPTIONS]
       tripcoil-lab check TARGETS.toml [OPTIONS]
       tripcoil-lab guarantee [--subjects A,B] [--scale X] [--threads N]
       tripcoil-lab soak [--hours X] [--subjects A,B] [--threads N]
       tripcoil-lab insight [--seeds N] [--check] [--threads N]
       tripcoil-lab tuning [--hours X] [--pace X] [--seed N] [--check] [--threads N]
       tripcoil-lab list
       tripcoil-lab replay LOG [OPTIONS]
       tripcoil-lab advise LOG [OPTIONS]

Commands:
  table      prints the figures of each subject in each shape, as Markdown
  picture    draws what each subject did in each outage, and the figures
  check      compares figures with targets, and fails if one is not met
  guarantee  compares false openings with the promise of the outage rule
  soak       counts false openings over hours of noise
  insight    measures how well the insight predicts
  tuning     compares a badly set breaker that a tuner mends with one that is set well
  list       prints the shapes and the subjects
  replay     replays a log of calls through breakers; its options: tripcoil-lab replay --help
  advise     advises on settings for the traffic of a log; its options: tripcoil-lab advise --help

Options:
      --seeds N        days per shape (default: 9)
      --subjects A,B   only these subjects
      --shapes A,B     only these shapes
      --shape FILE     a shape of your own, a TOML file; may be given several times. Without
                       --shapes, only such shapes are measured
      --json FILE      also write the figures to FILE (table)
      --scale X        so many times the calls (guarantee; default: 1)
      --hours X        of each noise (soak; default: 1), or in all (tuning; more than 2; default: 24)
      --pace X         calls per second (tuning; default: 1000)
      --seed N         another day (tuning; default: 1)
      --check          fails if a figure is not as wanted (insight, tuning)
      --threads N      threads (default: as many as there are CPUs)
  -h, --help           print this
";

const SEEDS: u64 = 9;
const MOST_SEEDS: u64 = 1000;
const MOST_THREADS: usize = 256;

#[derive(Debug)]
pub(crate) enum Command {
    Help,
    List,
    Table {
        json: Option<PathBuf>,
    },
    Picture {
        file: PathBuf,
    },
    Check {
        file: PathBuf,
    },
    Guarantee {
        scale: f64,
    },
    Soak {
        hours: f64,
    },
    Tuning {
        hours: f64,
        pace: f64,
        seed: u64,
        check: bool,
    },
    Insight {
        check: bool,
    },
    Advise(Box<crate::advise::Plan>),
    AdviseHelp,
    Replay(Box<Plan>),
    ReplayHelp,
}

#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) command: Command,
    pub(crate) seeds: u64,
    /// Those that were chosen; else all.
    pub(crate) subjects: Vec<Entry>,
    pub(crate) shapes: Vec<Shape>,
    /// Whether subjects, or shapes, were chosen.
    pub(crate) chosen: Chosen,
    pub(crate) threads: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Chosen {
    pub(crate) subjects: bool,
    pub(crate) shapes: bool,
}

pub(crate) fn parse<I>(args: I) -> Result<Args, lexopt::Error>
where
    I: IntoIterator,
    I::Item: Into<OsString>,
{
    let mut parser = lexopt::Parser::from_args(args);
    let mut words: Vec<String> = Vec::new();
    let mut given: Vec<String> = Vec::new();
    let (mut seeds, mut threads) = (SEEDS, crate::grid::threads());
    let mut settings = Settings::default();
    let mut subjects: Option<Vec<Entry>> = None;
    let mut names: Option<Vec<String>> = None;
    let mut own: Vec<Shape> = Vec::new();
    let mut replay = replay::Replay::default();
    let mut help = false;
    while let Some(arg) = parser.next()? {
        if let Long(name) = arg {
            let name = name.to_string();
            given.push(name.clone());
            if replay::OPTIONS.contains(&name.as_str()) {
                replay.take(&name, &mut parser)?;
                continue;
            }
        }
        match arg {
            Short('h') | Long("help") => help = true,
            Long("seeds") => seeds = parser.value()?.parse_with(|s| whole(s, MOST_SEEDS))?,
            Long("threads") => {
                threads = parser
                    .value()?
                    .parse_with(|s| whole(s, MOST_THREADS as u64))?
                    as usize;
            }
            Long("scale") => settings.scale = parser.value()?.parse_with(positive)?,
            Long("hours") => settings.hours = Some(parser.value()?.parse_with(positive)?),
            Long("pace") => settings.pace = parser.value()?.parse_with(positive)?,
            Long("seed") => settings.seed = parser.value()?.parse_with(|s| whole(s, MOST_SEEDS))?,
            Long("check") => settings.check = true,
            Long("json") => settings.json = Some(parser.value()?.into()),
            Long("subjects") => {
                let all = || Entry::all().map(Entry::name);
                subjects = Some(parser.value()?.parse_with(|s| {
                    let find =
                        |name| Entry::find(name).ok_or_else(|| unknown("--subjects", name, all()));
                    s.split(',').map(find).collect::<Result<Vec<_>, _>>()
                })?);
            }
            Long("shapes") => {
                names = Some(
                    parser
                        .value()?
                        .string()?
                        .split(',')
                        .map(str::to_string)
                        .collect(),
                )
            }
            Long("shape") => {
                let path = PathBuf::from(parser.value()?);
                own.push(Shape::load(&path).map_err(|error| error.to_string())?);
            }
            Value(word) => words.push(word.string()?),
            _ => return Err(arg.unexpected()),
        }
    }
    let command = match words.as_slice() {
        [name, ..] if help && name == "replay" => Command::ReplayHelp,
        [name, ..] if help && name == "advise" => Command::AdviseHelp,
        _ if help => Command::Help,
        [name, log] if name == "replay" => {
            Command::Replay(Box::new(replay.plan(log, settings.json, threads)?))
        }
        [name, log] if name == "advise" => {
            Command::Advise(Box::new(replay.advise(log, settings.json, threads)?))
        }
        words => command(words, settings)?,
    };
    if let Some(option) = given.iter().find(|option| !takes(&command, option)) {
        return Err(format!("{} takes no --{option}", words[0]).into());
    }
    let mut shapes = own;
    let chosen = Chosen {
        subjects: subjects.is_some(),
        shapes: names.is_some() || !shapes.is_empty(),
    };
    let built_in = catalogue().map_err(|error| error.to_string())?;
    if let Some(twice) = shapes
        .iter()
        .find(|s| built_in.iter().any(|b| b.name == s.name))
    {
        return Err(format!("--shape: there is a shape {:?} already", twice.name).into());
    }
    match names {
        None if shapes.is_empty() => shapes = built_in,
        None => {}
        Some(names) => {
            for name in names {
                let found = built_in.iter().find(|shape| shape.name == name);
                let all = built_in.iter().map(|shape| shape.name.as_str());
                shapes.push(
                    found
                        .ok_or_else(|| unknown("--shapes", &name, all))?
                        .clone(),
                );
            }
        }
    }
    Ok(Args {
        command,
        seeds,
        subjects: subjects.unwrap_or_else(|| Entry::all().collect()),
        shapes,
        chosen,
        threads,
    })
}

/// Options of single commands.
struct Settings {
    scale: f64,
    hours: Option<f64>,
    pace: f64,
    seed: u64,
    check: bool,
    json: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            scale: 1.0,
            hours: None,
            pace: 1000.0,
            seed: 1,
            check: false,
            json: None,
        }
    }
}

fn command(words: &[String], settings: Settings) -> Result<Command, lexopt::Error> {
    const KNOWN: [&str; 10] = [
        "table",
        "picture",
        "check",
        "guarantee",
        "soak",
        "insight",
        "tuning",
        "list",
        "replay",
        "advise",
    ];
    let Settings {
        scale,
        hours,
        pace,
        seed,
        check,
        json,
    } = settings;
    let Some((name, files)) = words.split_first() else {
        return Err(format!("wants a command: {}", KNOWN.join(", ")).into());
    };
    let command = match (name.as_str(), files) {
        ("table", []) => Command::Table { json },
        ("guarantee", []) => Command::Guarantee { scale },
        ("insight", []) => Command::Insight { check },
        ("soak", []) => Command::Soak {
            hours: hours.unwrap_or(1.0),
        },
        ("tuning", []) => {
            let hours = hours.unwrap_or(24.0);
            if hours <= SETTLES {
                return Err(format!("--hours is {hours}, but must be more than {SETTLES}: costs are compared from there on").into());
            }
            Command::Tuning {
                hours,
                pace,
                seed,
                check,
            }
        }
        ("list", []) => Command::List,
        ("picture", [file]) if file.ends_with(".svg") => Command::Picture { file: file.into() },
        ("picture", _) => return Err("picture wants one file, whose name ends in .svg".into()),
        ("check", [file]) => Command::Check { file: file.into() },
        ("check", _) => return Err("check wants one file of targets".into()),
        ("advise", _) => return Err("advise wants one log: a file, or - for standard input".into()),
        ("replay", _) => return Err("replay wants one log: a file, or - for standard input".into()),
        (name, [file, ..]) if KNOWN.contains(&name) => {
            return Err(format!("{name} takes no argument such as {file:?}").into());
        }
        (name, _) => return Err(unknown("command", name, KNOWN).into()),
    };
    Ok(command)
}

fn takes(command: &Command, option: &str) -> bool {
    let options: &[&str] = match command {
        Command::Help | Command::ReplayHelp => return true,
        Command::List => &[],
        Command::Table { .. } => &["seeds", "subjects", "shapes", "shape", "json", "threads"],
        Command::Picture { .. } => &["seeds", "subjects", "shapes", "shape", "threads"],
        Command::Check { .. } => &["seeds", "shape", "threads"],
        Command::Guarantee { .. } => &["subjects", "scale", "threads"],
        Command::Soak { .. } => &["subjects", "hours", "threads"],
        Command::Insight { .. } => &["seeds", "check", "threads"],
        Command::AdviseHelp => return true,
        Command::Advise(_) if option == "html" => &[],
        Command::Advise(_) | Command::Replay(_) if replay::OPTIONS.contains(&option) => {
            return true;
        }
        Command::Advise(_) | Command::Replay(_) => &["json", "threads"],
        Command::Tuning { .. } => &["hours", "pace", "seed", "check", "threads"],
    };
    options.contains(&option)
}

fn whole(text: &str, most: u64) -> Result<u64, String> {
    match text.parse() {
        Ok(n) if (1..=most).contains(&n) => Ok(n),
        _ => Err(format!("{text:?} is not a number from 1 to {most}")),
    }
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(x) if x > 0.0 && x <= 1e4 => Ok(x),
        _ => Err(format!("{text:?} is not a number above 0, at most 10000")),
    }
}

#[cfg(test)]
mod tests;
