//! The command line.

use crate::shape::{Shape, catalogue};
use crate::subject::Entry;
use crate::targets::unknown;
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
       tripcoil-lab list

Commands:
  table      prints the figures of each subject in each shape, as Markdown
  picture    draws what each subject did in each outage, and the figures
  check      compares figures with targets, and fails if one is not met
  guarantee  compares false openings with the promise of the outage rule
  soak       counts false openings over hours of noise
  list       prints the shapes and the subjects

Options:
      --seeds N        days per shape (default: 9)
      --subjects A,B   only these subjects
      --shapes A,B     only these shapes
      --shape FILE     a shape of your own, a TOML file; may be given several times. Without
                       --shapes, only such shapes are measured
      --json FILE      also write the figures to FILE (table)
      --scale X        so many times the calls (guarantee; default: 1)
      --hours X        of each noise (soak; default: 1)
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
    Table { json: Option<PathBuf> },
    Picture { file: PathBuf },
    Check { file: PathBuf },
    Guarantee { scale: f64 },
    Soak { hours: f64 },
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
    let (mut scale, mut hours, mut json) = (1.0, 1.0, None);
    let mut subjects: Option<Vec<Entry>> = None;
    let mut names: Option<Vec<String>> = None;
    let mut own: Vec<Shape> = Vec::new();
    let mut help = false;
    while let Some(arg) = parser.next()? {
        if let Long(name) = arg {
            given.push(name.to_string());
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
            Long("scale") => scale = parser.value()?.parse_with(positive)?,
            Long("hours") => hours = parser.value()?.parse_with(positive)?,
            Long("json") => json = Some(parser.value()?.into()),
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
    let command = if help {
        Command::Help
    } else {
        command(&words, scale, hours, json)?
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

fn command(
    words: &[String],
    scale: f64,
    hours: f64,
    json: Option<PathBuf>,
) -> Result<Command, lexopt::Error> {
    const KNOWN: [&str; 6] = ["table", "picture", "check", "guarantee", "soak", "list"];
    let Some((name, files)) = words.split_first() else {
        return Err(format!("wants a command: {}", KNOWN.join(", ")).into());
    };
    let command = match (name.as_str(), files) {
        ("table", []) => Command::Table { json },
        ("guarantee", []) => Command::Guarantee { scale },
        ("soak", []) => Command::Soak { hours },
        ("list", []) => Command::List,
        ("picture", [file]) if file.ends_with(".svg") => Command::Picture { file: file.into() },
        ("picture", _) => return Err("picture wants one file, whose name ends in .svg".into()),
        ("check", [file]) => Command::Check { file: file.into() },
        ("check", _) => return Err("check wants one file of targets".into()),
        (name, [file, ..]) if KNOWN.contains(&name) => {
            return Err(format!("{name} takes no argument such as {file:?}").into());
        }
        (name, _) => return Err(unknown("command", name, KNOWN).into()),
    };
    Ok(command)
}

fn takes(command: &Command, option: &str) -> bool {
    let options: &[&str] = match command {
        Command::Help => return true,
        Command::List => &[],
        Command::Table { .. } => &["seeds", "subjects", "shapes", "shape", "json", "threads"],
        Command::Picture { .. } => &["seeds", "subjects", "shapes", "shape", "threads"],
        Command::Check { .. } => &["seeds", "shape", "threads"],
        Command::Guarantee { .. } => &["subjects", "scale", "threads"],
        Command::Soak { .. } => &["subjects", "hours", "threads"],
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
