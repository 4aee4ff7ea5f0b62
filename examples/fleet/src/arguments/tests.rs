use super::*;

fn read(args: &[&str]) -> Result<Command, lexopt::Error> {
    parse(args, |_| None)
}

fn refused(args: &[&str]) -> String {
    read(args).expect_err("refused").to_string()
}

fn place(fleet: &str, redis: &str) -> Place {
    Place {
        fleet: fleet.into(),
        redis: redis.into(),
    }
}

const USUAL: Traffic = Traffic {
    rps: 1.0,
    adaptive: false,
    wait: Duration::from_secs(5),
    seed: 1,
    slow: false,
    peers_alone: false,
};

#[test]
fn a_word_has_a_breaker_and_may_have_an_end() {
    let asked = read(&["force-open", "orders", "--for", "10m"]).expect("right");
    let expected = Say {
        place: place("checkout", REDIS),
        mode: Mode::ForceOpen,
        breaker: "orders".into(),
        lasts: Some(Duration::from_secs(600)),
        who: "unknown".into(),
        why: String::new(),
    };
    assert_eq!(asked, Command::Say(expected.clone()));
    let args = "--fleet billing --redis redis://db:1 --who ana --why why disable *";
    let args: Vec<_> = args.split(' ').collect();
    let disable = Say {
        place: place("billing", "redis://db:1"),
        mode: Mode::Disable,
        breaker: "*".into(),
        lasts: None,
        who: "ana".into(),
        why: "why".into(),
    };
    assert_eq!(read(&args).expect("right"), Command::Say(disable));
    for (name, mode) in [
        ("observe-only", Mode::ObserveOnly),
        ("release", Mode::Release),
    ] {
        let said = read(&[name, "orders"]).expect("right");
        let expected = Say {
            mode,
            lasts: None,
            ..expected.clone()
        };
        assert_eq!(said, Command::Say(expected));
    }
    // after two dashes, a name may begin with one
    let dashed = read(&["disable", "--", "--why"]).expect("right");
    assert!(matches!(dashed, Command::Say(say) if say.breaker == "--why"));
}

#[test]
fn the_environment_fills_in() {
    let env = |name: &str| match name {
        "REDIS_URL" => Some("redis://elsewhere".to_owned()),
        "LOGNAME" => Some("bo".to_owned()),
        _ => None,
    };
    let said = parse(["disable", "orders"], env).expect("right");
    let Command::Say(say) = said else {
        panic!("{said:?}");
    };
    assert_eq!(
        (say.place, say.who.as_str()),
        (place("checkout", "redis://elsewhere"), "bo")
    );
    let given = parse(["list", "--redis=redis://here"], env).expect("right");
    assert_eq!(given, Command::List(place("checkout", "redis://here")));
    let empty = parse(["list"], |_| Some(String::new())).expect("right");
    assert_eq!(empty, Command::List(place("checkout", REDIS)));
}

#[test]
fn runs_have_their_sizes() {
    let show = |args: &[&str]| match read(args).expect("right") {
        Command::Show(show) => show,
        other => panic!("{other:?}"),
    };
    let usual = Show {
        pods: 40,
        traffic: USUAL,
        quick: false,
        fault: Fault::Total,
        to: None,
    };
    assert_eq!(show(&["show"]), usual);
    let quick = show(&["show", "--quick"]);
    assert_eq!((quick.pods, quick.traffic.rps), (12, 2.0));
    let args = [
        "show",
        "--adaptive",
        "--brownout",
        "0.5",
        "--to",
        "x",
        "--seed=9",
        "--pods=3",
    ];
    let expected = Show {
        pods: 3,
        traffic: Traffic {
            adaptive: true,
            seed: 9,
            ..USUAL
        },
        fault: Fault::Brownout(0.5),
        to: Some("x".into()),
        ..usual
    };
    assert_eq!(show(&args), expected);
    assert_eq!(show(&["show", "--hang"]).fault, Fault::Hang);
    assert_eq!(show(&["show", "--slow", "--wait=1s"]).fault, Fault::Slow);
    let run = read(&["run", "--for", "20s", "--rps", "5"]).expect("right");
    let expected = Run {
        place: place("checkout", REDIS),
        pods: 6,
        traffic: Traffic { rps: 5.0, ..USUAL },
        lasts: Some(Duration::from_secs(20)),
    };
    assert_eq!(run, Command::Run(expected));
    assert_eq!(read(&["show", "-h"]).expect("right"), Command::Help);
}

#[test]
fn a_worker_is_started_as_it_is_read() {
    let dependency = SocketAddr::from(([127, 0, 0, 1], 4711));
    for (place, traffic) in [
        (None, USUAL),
        (Some(place("--fleet", "redis://:pass@here/")), USUAL),
        (
            Some(place("größe", "unix:///x y")),
            Traffic {
                rps: 0.5,
                adaptive: true,
                seed: u64::MAX,
                slow: true,
                peers_alone: true,
                ..USUAL
            },
        ),
    ] {
        let worker = Worker {
            place,
            pod: 39,
            dependency,
            traffic,
        };
        // the environment is of no use to one that is alone
        let again = parse(worker.to_args(), |_| Some("redis://env".into())).expect("right");
        assert_eq!(again, Command::Worker(worker));
    }
}

#[test]
fn what_is_wrong_is_said_and_what_there_is() {
    for (args, wrong) in [
        (&[][..], "a command is missing; there are: force-open, "),
        (
            &["close", "orders"],
            "there is no \"close\"; there are: force-open, disable",
        ),
        (&["force_open", "orders"], "there is no \"force_open\""),
        (
            &["force-open"],
            "force-open wants a breaker's name, or '*' for all",
        ),
        (&["force-open", ""], "the breaker's name is empty"),
        (
            &["force-open", "orders", "stock"],
            "unexpected \"stock\" after force-open",
        ),
        (&["list", "orders"], "unexpected \"orders\" after list"),
        (
            &["force-open", "orders", "--for", "10"],
            "--for \"10\": time unit needed",
        ),
        (
            &["force-open", "orders", "--for", "soon"],
            "--for \"soon\": ",
        ),
        (&["force-open", "orders", "--for", "-5m"], "--for \"-5m\": "),
        (
            &["force-open", "orders", "--for", "0s"],
            "--for \"0s\": not from 1ms to 17 years",
        ),
        (
            &["force-open", "orders", "--for", "18years"],
            "not from 1ms to 17 years",
        ),
        (
            &["force-open", "orders", "--for", "999999999999999years"],
            "--for \"9999",
        ),
        (&["force-open", "orders", "--for"], "--for"),
        (
            &["release", "orders", "--for", "10m"],
            "release takes no --for",
        ),
        (
            &["disable", "orders", "--pods", "3"],
            "disable takes no --pods",
        ),
        (&["list", "--who", "ana"], "list takes no --who"),
        (&["list", "--redis", ""], "--redis \"\": it is empty"),
        (&["list", "--fleet="], "--fleet \"\": it is empty"),
        (&["show", "--redis", "redis://x"], "show takes no --redis"),
        (
            &["show", "--pods", "0"],
            "--pods \"0\": not a number from 1 to 500",
        ),
        (&["show", "--pods", "many"], "not a number from 1 to 500"),
        (
            &["show", "--rps", "nan"],
            "--rps \"nan\": not a number from 0.1 to 100",
        ),
        (&["show", "--brownout", "2"], "not a number from 0.01 to 1"),
        (&["show", "--hang", "--slow"], "exclude each other"),
        (&["show", "--adaptive", "--wait", "3s"], "leave out --wait"),
        (
            &["show", "--wait", "1ms"],
            "--wait \"1ms\": not from 100ms to 10m",
        ),
        (&["show", "--fast"], "--fast"),
        (&["worker"], "--dependency"),
    ] {
        let said = refused(args);
        assert!(said.contains(wrong), "{args:?}: {said}");
    }
}
