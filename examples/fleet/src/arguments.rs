//! The command line.

use crate::script::Fault;
use lexopt::prelude::*;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tripcoil::fleet::Mode;

pub(crate) const HELP: &str = "\
Shares through Redis what processes find out about a dependency, and speaks to all of them.

Usage: fleet force-open BREAKER [--for TIME] [WORDS' OPTIONS]
       fleet disable BREAKER [--for TIME] [WORDS' OPTIONS]
       fleet observe-only BREAKER [--for TIME] [WORDS' OPTIONS]
       fleet release BREAKER [WORDS' OPTIONS]
       fleet list [WORDS' OPTIONS]
       fleet show [OPTIONS]
       fleet run [OPTIONS]

Words for all instances; BREAKER is a name, or '*' for all breakers:
  force-open    rejects every call
  disable       admits every call, and counts nothing
  observe-only  admits every call, counts, and trips nothing
  release       ends what was asked before
  list          prints what holds now

Words' options:
      --for TIME       the word ends by itself after TIME, such as 10m or '1h 30m'
      --fleet NAME     which fleet (default: checkout)
      --redis URL      its Redis (default: $REDIS_URL, else redis://127.0.0.1:6379)
      --who NAME       who says it (default: $USER)
      --why TEXT       why, for those who read it

Runs:
  show          plays two outages for processes alone and in a fleet, with a Redis of its own; prints a table,
                and draws a picture
  run           runs processes with a healthy dependency on the Redis of --redis, starts those again that end, and
                prints what their breakers do

      --pods N         processes, 1 to 500 (default: 40; quick: 12; run: 6)
      --rps X          calls per second of each, 0.1 to 100 (default: 1; quick: 2)
      --wait TIME      a breaker's first wait, which then doubles (default: 5s; not with --adaptive)
      --adaptive       breakers by Breaker::adaptive, in place of the defaults with that wait
      --seed N         another run (default: 1)
      --for TIME       ends the run after TIME (run)
      --peers-alone    what the fleet found out opens a breaker that has seen no failure, too
      --quick          two short outages, for a quick check (show)
      --brownout X     that share of the calls fails, in place of all (show)
      --hang           the dependency accepts calls and never answers (show)
      --slow           the dependency answers late (show)
      --to FOLDER      where the picture and the report go (show; default: target/fleet)

  -h, --help           print this

show fails if sharing does not help in outages in which every call fails; the others are only measured.

Exit codes: 0 done, 1 failed, 2 wrong arguments, 3 the store cannot be reached, 4 it denies the user that.
";

pub(crate) const REDIS: &str = "redis://127.0.0.1:6379";
const LONGEST: Duration = Duration::from_secs(17 * 365 * 86_400);
const COMMANDS: [&str; 7] = [
    "force-open",
    "disable",
    "observe-only",
    "release",
    "list",
    "show",
    "run",
];

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Command {
    Help,
    Say(Say),
    List(Place),
    Show(Show),
    Run(Run),
    /// One process of a run: the program starts itself so.
    Worker(Worker),
}

/// A fleet, and its Redis.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Place {
    pub(crate) fleet: String,
    pub(crate) redis: String,
}

/// An operator's word.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Say {
    pub(crate) place: Place,
    pub(crate) mode: Mode,
    pub(crate) breaker: String,
    pub(crate) lasts: Option<Duration>,
    pub(crate) who: String,
    pub(crate) why: String,
}

/// How each process calls, and by which breaker.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Traffic {
    pub(crate) rps: f64,
    pub(crate) adaptive: bool,
    pub(crate) wait: Duration,
    pub(crate) seed: u64,
    /// Slow calls are judged, too.
    pub(crate) slow: bool,
    /// Opens on the word of others alone.
    pub(crate) peers_alone: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Show {
    pub(crate) pods: usize,
    pub(crate) traffic: Traffic,
    pub(crate) quick: bool,
    pub(crate) fault: Fault,
    pub(crate) to: Option<PathBuf>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Run {
    pub(crate) place: Place,
    pub(crate) pods: usize,
    pub(crate) traffic: Traffic,
    pub(crate) lasts: Option<Duration>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Worker {
    /// `None`: it is alone.
    pub(crate) place: Option<Place>,
    pub(crate) pod: usize,
    pub(crate) dependency: SocketAddr,
    pub(crate) traffic: Traffic,
}

impl Worker {
    /// Returns the arguments by which it is started.
    pub(crate) fn to_args(&self) -> Vec<OsString> {
        let traffic = self.traffic;
        let mut args = vec!["worker".into()];
        let mut add = |name: &str, value: String| {
            // one argument each: a value may begin with a dash
            args.push(OsString::from(format!("--{name}={value}")));
        };
        add("pod", self.pod.to_string());
        add("dependency", self.dependency.to_string());
        add("rps", traffic.rps.to_string());
        add("seed", traffic.seed.to_string());
        if let Some(place) = &self.place {
            add("fleet", place.fleet.clone());
            add("redis", place.redis.clone());
        }
        if !traffic.adaptive {
            add("wait", format!("{}ms", traffic.wait.as_millis()));
        }
        args.extend(traffic.adaptive.then(|| "--adaptive".into()));
        args.extend(traffic.slow.then(|| "--slow".into()));
        args.extend(traffic.peers_alone.then(|| "--peers-alone".into()));
        args
    }
}

/// The options as they are given.
#[derive(Default)]
struct Given {
    names: Vec<String>,
    lasts: Option<Duration>,
    fleet: Option<String>,
    redis: Option<String>,
    who: Option<String>,
    why: String,
    pods: Option<usize>,
    rps: Option<f64>,
    wait: Option<Duration>,
    adaptive: bool,
    peers_alone: bool,
    seed: u64,
    quick: bool,
    brownout: Option<f64>,
    hang: bool,
    slow: bool,
    to: Option<PathBuf>,
    pod: usize,
    dependency: Option<SocketAddr>,
}

/// Reads the arguments; what they leave out, and the environment has, is taken from there.
pub(crate) fn parse<I>(
    args: I,
    env: impl Fn(&str) -> Option<String>,
) -> Result<Command, lexopt::Error>
where
    I: IntoIterator,
    I::Item: Into<OsString>,
{
    let mut parser = lexopt::Parser::from_args(args);
    let mut words: Vec<String> = Vec::new();
    let mut given = Given {
        seed: 1,
        ..Given::default()
    };
    while let Some(arg) = parser.next()? {
        if let Long(name) = arg {
            given.names.push(name.to_owned());
        }
        match arg {
            Short('h') | Long("help") => return Ok(Command::Help),
            Long("for") => given.lasts = Some(value(&mut parser, "for", time)?),
            Long("fleet") => given.fleet = Some(value(&mut parser, "fleet", filled)?),
            Long("redis") => given.redis = Some(value(&mut parser, "redis", filled)?),
            Long("who") => given.who = Some(value(&mut parser, "who", filled)?),
            Long("why") => given.why = parser.value()?.string()?,
            Long("pods") => given.pods = Some(value(&mut parser, "pods", |s| within(s, 1, 500))?),
            Long("rps") => given.rps = Some(value(&mut parser, "rps", |s| within(s, 0.1, 100.0))?),
            Long("wait") => given.wait = Some(value(&mut parser, "wait", wait)?),
            Long("adaptive") => given.adaptive = true,
            Long("peers-alone") => given.peers_alone = true,
            Long("seed") => given.seed = value(&mut parser, "seed", |s| within(s, 0, u64::MAX))?,
            Long("quick") => given.quick = true,
            Long("brownout") => {
                given.brownout = Some(value(&mut parser, "brownout", |s| within(s, 0.01, 1.0))?);
            }
            Long("hang") => given.hang = true,
            Long("slow") => given.slow = true,
            Long("to") => given.to = Some(parser.value()?.into()),
            Long("pod") => given.pod = value(&mut parser, "pod", |s| within(s, 0, 500))?,
            Long("dependency") => given.dependency = Some(parser.value()?.parse()?),
            Value(word) => words.push(word.string()?),
            _ => return Err(arg.unexpected()),
        }
    }
    let [command, operands @ ..] = words.as_slice() else {
        return Err(format!("a command is missing; there are: {}", COMMANDS.join(", ")).into());
    };
    given.command(command, operands, env)
}

impl Given {
    fn command(
        self,
        command: &str,
        operands: &[String],
        env: impl Fn(&str) -> Option<String>,
    ) -> Result<Command, lexopt::Error> {
        const PLACE: [&str; 2] = ["fleet", "redis"];
        const TRAFFIC: [&str; 6] = ["pods", "rps", "wait", "adaptive", "peers-alone", "seed"];
        let mode = Mode::from_name(&command.replace('-', "_")).filter(|_| !command.contains('_'));
        let takes: Vec<&str> = match (command, mode) {
            (_, Some(Mode::Release)) => [&PLACE[..], &["who", "why"]].concat(),
            (_, Some(_)) => [&PLACE[..], &["who", "why", "for"]].concat(),
            ("list", _) => PLACE.to_vec(),
            ("run", _) => [&PLACE[..], &TRAFFIC, &["for"]].concat(),
            ("show", _) => {
                let own = ["quick", "brownout", "hang", "slow", "to"];
                [&TRAFFIC[..], &own].concat()
            }
            ("worker", _) => [&PLACE[..], &TRAFFIC[1..], &["slow", "pod", "dependency"]].concat(),
            _ => {
                let all = COMMANDS.join(", ");
                return Err(format!("there is no {command:?}; there are: {all}").into());
            }
        };
        if let Some(wrong) = self
            .names
            .iter()
            .find(|name| !takes.contains(&name.as_str()))
        {
            return Err(format!("{command} takes no --{wrong}").into());
        }
        if self.adaptive && self.wait.is_some() {
            return Err("--adaptive has waits of its own: leave out --wait".into());
        }
        let breaker = match (mode, operands) {
            (Some(_), [name]) if name.is_empty() => {
                return Err("the breaker's name is empty; '*' means all".into());
            }
            (Some(_), [name]) => name.clone(),
            (Some(_), []) => {
                return Err(format!("{command} wants a breaker's name, or '*' for all").into());
            }
            (None, []) => String::new(),
            (_, [.., more]) => {
                return Err(format!("unexpected {more:?} after {command}").into());
            }
        };
        let traffic = Traffic {
            rps: self.rps.unwrap_or(if self.quick { 2.0 } else { 1.0 }),
            adaptive: self.adaptive,
            wait: self.wait.unwrap_or(Duration::from_secs(5)),
            seed: self.seed,
            slow: self.slow,
            peers_alone: self.peers_alone,
        };
        let alone = self.redis.is_none();
        let place = Place {
            fleet: self.fleet.unwrap_or_else(|| "checkout".to_owned()),
            redis: self
                .redis
                .or_else(|| env("REDIS_URL").filter(|url| !url.is_empty()))
                .unwrap_or_else(|| REDIS.to_owned()),
        };
        if let Some(mode) = mode {
            let user = || ["USER", "LOGNAME", "USERNAME"].into_iter().find_map(&env);
            return Ok(Command::Say(Say {
                place,
                mode,
                breaker,
                lasts: self.lasts,
                who: self.who.or_else(user).unwrap_or_else(|| "unknown".into()),
                why: self.why,
            }));
        }
        Ok(match command {
            "list" => Command::List(place),
            "run" => Command::Run(Run {
                place,
                pods: self.pods.unwrap_or(6),
                traffic,
                lasts: self.lasts,
            }),
            "worker" => Command::Worker(Worker {
                place: (!alone).then_some(place),
                pod: self.pod,
                dependency: self.dependency.ok_or("worker wants --dependency")?,
                traffic,
            }),
            _ => Command::Show(Show {
                pods: self.pods.unwrap_or(if self.quick { 12 } else { 40 }),
                traffic,
                quick: self.quick,
                fault: fault(self.brownout, self.hang, self.slow)?,
                to: self.to,
            }),
        })
    }
}

fn fault(brownout: Option<f64>, hang: bool, slow: bool) -> Result<Fault, String> {
    match (brownout, hang, slow) {
        (None, false, false) => Ok(Fault::Total),
        (Some(share), false, false) => Ok(Fault::Brownout(share)),
        (None, true, false) => Ok(Fault::Hang),
        (None, false, true) => Ok(Fault::Slow),
        _ => Err("--brownout, --hang and --slow exclude each other".into()),
    }
}

/// Reads an option's value; an error has the option, too.
fn value<T>(
    parser: &mut lexopt::Parser,
    option: &str,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<T, lexopt::Error> {
    let text = parser.value()?.string()?;
    read(&text).map_err(|wrong| format!("--{option} {text:?}: {wrong}").into())
}

fn filled(text: &str) -> Result<String, String> {
    match text {
        "" => Err("it is empty".into()),
        text => Ok(text.to_owned()),
    }
}

fn within<N>(text: &str, least: N, most: N) -> Result<N, String>
where
    N: PartialOrd + std::str::FromStr + std::fmt::Display,
{
    let number = text.parse().ok();
    let number = number.filter(|number| (&least..=&most).contains(&number));
    number.ok_or_else(|| format!("not a number from {least} to {most}"))
}

fn time(text: &str) -> Result<Duration, String> {
    let time =
        humantime::parse_duration(text).map_err(|wrong| format!("{wrong}; write it like 10m"))?;
    if (Duration::from_millis(1)..=LONGEST).contains(&time) {
        return Ok(time);
    }
    Err("not from 1ms to 17 years; without --for there is no end".into())
}

fn wait(text: &str) -> Result<Duration, String> {
    let time =
        humantime::parse_duration(text).map_err(|wrong| format!("{wrong}; write it like 5s"))?;
    if (Duration::from_millis(100)..=Duration::from_secs(600)).contains(&time) {
        return Ok(time);
    }
    Err("not from 100ms to 10m".into())
}

#[cfg(test)]
mod tests;
