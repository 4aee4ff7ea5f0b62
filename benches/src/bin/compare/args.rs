//! The command line.

use crate::measure::Plan;
use lexopt::prelude::*;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

pub(crate) const HELP: &str = "\
Compares tripcoil with other circuit breakers: all in one process, interleaved round by round.

Usage: compare [OPTIONS]
       compare --from FILE [--markdown] [--picture FILE.svg]

Options:
      --json FILE       also write everything to FILE, as JSON
      --quick           fewer and shorter rounds: less than a minute in all
      --rounds N        so many rounds (default: 40, or 6 if --quick)
      --threads N[,N]   so many threads too, besides 1 and 2
      --only SUBSTRING  only those whose \"workload/side\" contains it; the floor is always there
      --from FILE       measure nothing: show again what --json wrote to FILE
      --markdown        as tables in Markdown
      --picture FILE    as a picture, an SVG
  -h, --help            print this
";

const FULL: Plan = Plan {
    slice: Duration::from_micros(2500),
    rounds: 40,
    patience: Duration::from_secs(240),
};
const QUICK: Plan = Plan {
    slice: Duration::from_micros(1000),
    rounds: 6,
    patience: Duration::from_secs(40),
};
/// More would measure the scheduler.
const MOST_THREADS: usize = 1024;

#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) json: Option<PathBuf>,
    pub(crate) plan: Plan,
    /// In ascending order.
    pub(crate) threads: Vec<usize>,
    pub(crate) only: Option<String>,
}

#[derive(Debug)]
pub(crate) enum Parsed {
    Run(Args),
    Show(Show),
    Help,
}

/// What to make of a report that was saved.
#[derive(Debug)]
pub(crate) struct Show {
    pub(crate) from: PathBuf,
    pub(crate) markdown: bool,
    pub(crate) picture: Option<PathBuf>,
}

pub(crate) fn parse<I>(args: I) -> Result<Parsed, lexopt::Error>
where
    I: IntoIterator,
    I::Item: Into<OsString>,
{
    let mut parser = lexopt::Parser::from_args(args);
    let mut plan = FULL;
    let mut rounds = None;
    let (mut json, mut only) = (None, None);
    let mut threads = vec![1, 2];
    let (mut from, mut markdown, mut picture) = (None, false, None);
    // an option that is of a measurement, and one that is of a saved report
    let (mut measures, mut shows) = (None, None);
    while let Some(arg) = parser.next()? {
        let of = match arg {
            Long("json" | "quick" | "rounds" | "threads" | "only") => Some(&mut measures),
            Long("markdown" | "picture") => Some(&mut shows),
            _ => None,
        };
        if let (Some(of), Long(name)) = (of, &arg) {
            *of = Some(format!("--{name}"));
        }
        match arg {
            Short('h') | Long("help") => return Ok(Parsed::Help),
            Long("json") => json = Some(parser.value()?.into()),
            Long("quick") => plan = QUICK,
            Long("rounds") => {
                rounds = Some(parser.value()?.parse_with(|s| number(s, usize::MAX))?);
            }
            Long("threads") => {
                threads.extend(parser.value()?.parse_with(|s| {
                    s.split(',')
                        .map(|n| number(n, MOST_THREADS))
                        .collect::<Result<Vec<_>, _>>()
                })?);
            }
            Long("only") => only = Some(parser.value()?.string()?),
            Long("from") => from = Some(parser.value()?.into()),
            Long("markdown") => markdown = true,
            Long("picture") => picture = Some(parser.value()?.parse_with(svg)?),
            _ => return Err(arg.unexpected()),
        }
    }
    match (from, measures, shows) {
        (None, _, Some(option)) => return Err(format!("{option} wants --from").into()),
        (Some(_), Some(option), _) => {
            return Err(format!("--from measures nothing: {option} has no meaning").into());
        }
        (Some(_), None, None) => return Err("--from wants --markdown or --picture".into()),
        (Some(from), None, Some(_)) => {
            return Ok(Parsed::Show(Show {
                from,
                markdown,
                picture,
            }));
        }
        (None, _, None) => {}
    }
    plan.rounds = rounds.unwrap_or(plan.rounds);
    threads.sort_unstable();
    threads.dedup();
    Ok(Parsed::Run(Args {
        json,
        plan,
        threads,
        only,
    }))
}

fn number(text: &str, most: usize) -> Result<usize, String> {
    match text.parse() {
        Ok(n) if (1..=most).contains(&n) => Ok(n),
        _ if most == usize::MAX => Err(format!("{text:?} is no number above zero")),
        _ => Err(format!("{text:?} is no number from 1 to {most}")),
    }
}

fn svg(name: &str) -> Result<PathBuf, String> {
    if name.ends_with(".svg") {
        Ok(name.into())
    } else {
        Err(format!(
            "{name:?} does not end in .svg, and the picture is one"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(args: &[&str]) -> Args {
        match parse(args) {
            Ok(Parsed::Run(args)) => args,
            other => panic!("{other:?}"),
        }
    }

    fn refused(args: &[&str]) -> String {
        match parse(args) {
            Err(error) => error.to_string(),
            Ok(parsed) => panic!("{parsed:?}"),
        }
    }

    #[test]
    fn the_defaults() {
        let args = run(&[]);
        assert_eq!((args.threads, args.plan.rounds), (vec![1, 2], 40));
        assert!(args.json.is_none() && args.only.is_none());
    }

    #[test]
    fn every_option_arrives() {
        let args = run(&[
            "--rounds=9",
            "--quick",
            "--threads",
            "8,4,2",
            "--only",
            "open/",
            "--json",
            "a.json",
        ]);
        assert_eq!((args.threads, args.plan.rounds), (vec![1, 2, 4, 8], 9));
        assert_eq!(args.plan.slice, QUICK.slice);
        assert_eq!(args.only.as_deref(), Some("open/"));
        assert_eq!(args.json, Some(PathBuf::from("a.json")));
        assert!(matches!(parse(["--quick", "-h"]), Ok(Parsed::Help)));
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert!(refused(&["--fast"]).contains("--fast"));
        assert!(refused(&["success"]).contains("success"));
        assert!(refused(&["--rounds", "0"]).contains("\"0\""));
        assert!(refused(&["--threads", "1,x"]).contains("\"x\""));
        assert!(refused(&["--json"]).contains("--json"));
    }

    #[test]
    fn a_saved_report_is_shown_and_nothing_else_is_asked() {
        match parse(["--from", "a.json", "--markdown", "--picture", "a.svg"]) {
            Ok(Parsed::Show(show)) => {
                assert_eq!((show.from, show.markdown), (PathBuf::from("a.json"), true));
                assert_eq!(show.picture, Some(PathBuf::from("a.svg")));
            }
            other => panic!("{other:?}"),
        }
        assert!(refused(&["--picture", "a.svg"]).contains("--picture wants --from"));
        assert!(refused(&["--from", "a.json"]).contains("--markdown"));
        assert!(refused(&["--from", "a.json", "--markdown", "--quick"]).contains("--quick"));
        assert!(refused(&["--from", "a.json", "--picture", "a.png"]).contains("a.png"));
    }
}
