use super::*;

fn refused(args: &[&str]) -> String {
    parse(args).expect_err("refused").to_string()
}

#[test]
fn the_defaults() {
    let args = parse(["table"]).expect("valid");
    assert_eq!(args.seeds, 9);
    assert_eq!(args.subjects.len(), Entry::all().count());
    assert_eq!(args.shapes.len(), catalogue().expect("valid").len());
    assert_eq!(args.chosen, Chosen::default());
    assert!(matches!(args.command, Command::Table { json: None }));
}

#[test]
fn every_option_arrives() {
    let args = parse([
        "table",
        "--seeds=3",
        "--subjects",
        "none,default",
        "--shapes",
        "gc,low",
        "--json",
        "a.json",
        "--threads",
        "1",
    ]);
    let args = args.expect("valid");
    let subjects: Vec<&str> = args.subjects.iter().map(|s| s.name()).collect();
    let shapes: Vec<&str> = args.shapes.iter().map(|s| s.name.as_str()).collect();
    assert_eq!((args.seeds, args.threads), (3, 1));
    assert_eq!(
        (subjects, shapes),
        (vec!["none", "default"], vec!["gc", "low"])
    );
    assert!(matches!(args.command, Command::Table { json: Some(_) }));
    let scaled = parse(["guarantee", "--scale", "0.5"])
        .expect("valid")
        .command;
    assert!(matches!(scaled, Command::Guarantee { scale } if scale == 0.5));
    let hours = parse(["soak", "--hours", "24"]).expect("valid").command;
    assert!(matches!(hours, Command::Soak { hours } if hours == 24.0));
    let tuning = parse(["tuning", "--hours=3", "--pace", "50", "--seed=7", "--check"]);
    let tuning = tuning.expect("valid").command;
    assert!(
        matches!(tuning, Command::Tuning { hours, pace, seed: 7, check: true } if (hours, pace) == (3.0, 50.0))
    );
    let usual = parse(["tuning"]).expect("valid").command;
    assert!(
        matches!(usual, Command::Tuning { hours, pace, seed: 1, check: false } if (hours, pace) == (24.0, 1000.0))
    );
    assert!(matches!(
        parse(["-h"]).expect("valid").command,
        Command::Help
    ));
}

#[test]
fn what_is_wrong_is_said_and_what_there_is() {
    assert!(refused(&[]).contains("table, picture, check"));
    assert!(refused(&["tuning", "--hours", "2"]).contains("--hours is 2, but must be more than 2"));
    assert!(refused(&["tuning", "--seeds", "2"]).contains("tuning takes no --seeds"));
    assert!(refused(&["soak", "--check"]).contains("soak takes no --check"));
    assert!(refused(&["tables"]).contains("there is no \"tables\"; known: table, "));
    assert!(
        refused(&["table", "--subjects", "default,nun"])
            .contains("no \"nun\"; known: default, tuned")
    );
    assert!(refused(&["table", "--shapes", "gc,cg"]).contains("no \"cg\"; known: rand-hang"));
    assert!(refused(&["table", "--seeds", "0"]).contains("\"0\" is not a number from 1 to"));
    assert!(refused(&["table", "--fast"]).contains("--fast"));
    assert!(refused(&["table", "more"]).contains("\"more\""));
    assert!(refused(&["table", "--scale", "2"]).contains("table takes no --scale"));
    assert!(refused(&["guarantee", "--seeds", "2"]).contains("guarantee takes no --seeds"));
    assert!(refused(&["guarantee", "--scale", "-1"]).contains("\"-1\""));
    assert!(refused(&["picture", "a.png"]).contains(".svg"));
    assert!(refused(&["check"]).contains("targets"));
}

#[test]
fn a_shape_of_the_users_is_measured_alone() {
    let dir = std::env::temp_dir().join(format!("tripcoil-lab-args-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("made");
    let file = |name: &str, text: &str| {
        let path = dir.join(name);
        std::fs::write(&path, text).expect("written");
        path.display().to_string()
    };
    let mine = file("mine.toml", "about = \"mine\"\nends = \"1s\"");
    let names = |args: &[&str]| -> Vec<String> {
        parse(args)
            .expect("valid")
            .shapes
            .into_iter()
            .map(|shape| shape.name)
            .collect()
    };
    assert_eq!(names(&["table", "--shape", &mine]), ["mine"]);
    assert_eq!(
        names(&["table", "--shape", &mine, "--shapes", "gc"]),
        ["mine", "gc"]
    );
    let broken = file(
        "broken.toml",
        "about = \"broken\"\nends = \"1s\"\n[normal]\nfails = 2",
    );
    assert!(
        refused(&["table", "--shape", &broken])
            .ends_with("broken.toml: normal.fails: 2 is not within 0 to 1")
    );
    let twice = file("gc.toml", "about = \"another\"\nends = \"1s\"");
    assert!(refused(&["table", "--shape", &twice]).contains("\"gc\" already"));
    let missing = dir.join("missing.toml").display().to_string();
    assert!(refused(&["table", "--shape", &missing]).contains("missing.toml"));
    std::fs::remove_dir_all(&dir).expect("removed");
}
