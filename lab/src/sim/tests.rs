use super::*;
use crate::dice::{Dice, Stream};
use crate::figures::Figures;
use crate::grid::live;
use crate::shape::{Shape, catalogue};
use crate::subject::Entry;
use crate::time::MILLISECOND;

/// Admits calls as it is asked to, and notes all that it is shown.
#[derive(Default)]
struct Note {
    rejects: Vec<Nanos>,
    begins: Vec<Nanos>,
    ends: Vec<(Nanos, Nanos, Ended)>,
    timers: Vec<Nanos>,
    wakes: Vec<Nanos>,
}

impl Subject for Note {
    type Permit = Nanos;

    fn admit(&mut self, now: Nanos) -> Option<Nanos> {
        self.begins.push(now);
        (!self.rejects.contains(&now)).then_some(now)
    }

    fn end(&mut self, now: Nanos, permit: Nanos, ended: Ended) {
        self.ends.push((now, permit, ended));
    }

    fn timer(&self) -> Nanos {
        self.timers
            .get(self.wakes.len())
            .copied()
            .unwrap_or(Nanos::MAX)
    }

    fn wake(&mut self, now: Nanos) {
        self.wakes.push(now);
    }
}

fn scene(text: &str) -> Scene {
    let text = format!("about = \"a test\"\n{text}");
    Shape::parse("test", "test.toml", &text)
        .expect("valid")
        .scene(1)
}

const MS: Nanos = MILLISECOND;

/// Calls at these times, in milliseconds, that are answered after so many.
fn day(scene: &Scene, calls: &[(Nanos, Kind, Nanos)]) -> Day {
    let mut day = Day::new(scene, 1);
    let mut dice = Dice::new(1, Stream::Answers);
    day.calls.clear();
    for &(at, kind, latency) in calls {
        let drawn = Answer::draw(scene, at * MS, &mut dice);
        let answer = Answer {
            kind,
            latency: latency.saturating_mul(MS),
            ..drawn
        };
        day.calls.push(crate::day::Call {
            at: at * MS,
            answer,
        });
    }
    day
}

fn run(scene: &Scene, calls: &[(Nanos, Kind, Nanos)], subject: &mut Note) -> Track {
    simulate(scene, &day(scene, calls), subject)
}

/// When, in milliseconds, which call ended, and how.
fn ends(note: &Note) -> Vec<(Nanos, Nanos, Outcome)> {
    note.ends
        .iter()
        .map(|(at, permit, ended)| (at / MS, permit / MS, ended.outcome))
        .collect()
}

const QUIET: &str = "ends = \"10s\"\n[normal]\nrate = 1";

#[test]
fn calls_end_in_the_order_of_their_answers() {
    let calls = [
        (10, Kind::Success, 50),
        (20, Kind::Failure, 5),
        (30, Kind::Ignored, 20),
        (40, Kind::Hang, Nanos::MAX),
        (50, Kind::Success, 300),
    ];
    let mut note = Note::default();
    let track = run(&scene(QUIET), &calls, &mut note);
    let expected = [
        (25, 20, Outcome::Failure),
        (50, 30, Outcome::Ignored),
        (60, 10, Outcome::Success),
        (350, 50, Outcome::Success),
        (1040, 40, Outcome::Timeout),
    ];
    assert_eq!(ends(&note), expected);
    assert!(
        note.ends
            .iter()
            .all(|(at, permit, ended)| ended.lasted == at - permit)
    );
    let good: Vec<bool> = track.seen.iter().map(|seen| seen.good()).collect();
    assert_eq!(good, [true, false, true, false, false]);
    // the last was answered too late
    assert_eq!((track.wanted, track.in_time), (5, 2));
}

#[test]
fn what_a_rejected_call_would_have_got_is_known() {
    let calls = [
        (10, Kind::Success, 50),
        (20, Kind::Success, 300),
        (30, Kind::Failure, 1),
    ];
    let rejects = vec![10 * MS, 20 * MS, 30 * MS];
    let mut note = Note {
        rejects,
        ..Note::default()
    };
    let track = run(&scene(QUIET), &calls, &mut note);
    assert!(note.ends.is_empty());
    let seen: Vec<(bool, bool)> = track
        .seen
        .iter()
        .map(|s| (s.admitted(), s.good()))
        .collect();
    // the second would have been too late
    assert_eq!(seen, [(false, true), (false, false), (false, false)]);
    assert_eq!(track.in_time, 0);
}

#[test]
fn failures_are_tried_again_and_rejections_are_not() {
    let scene = scene(
        "ends = \"10s\"\n[client]\nattempts = 3\nretry_after = \"100ms\"\n[normal]\nrate = 1\nfails = 1\nfailed_in = \"20ms\"",
    );
    let calls = [(1000, Kind::Failure, 20), (5000, Kind::Success, 20)];
    let mut note = Note::default();
    run(&scene, &calls, &mut note);
    let begins: Vec<Nanos> = note.begins.iter().map(|at| at / MS).collect();
    assert_eq!(begins, [1000, 1120, 1240, 5000]);
    let rejects = vec![1120 * MS];
    let mut note = Note {
        rejects,
        ..Note::default()
    };
    let track = run(&scene, &calls, &mut note);
    assert_eq!(note.begins.len(), 3);
    assert_eq!((track.seen.len(), track.wanted), (3, 2));
}

#[test]
fn a_reset_fails_what_is_in_flight() {
    let scene =
        scene("ends = \"10s\"\n[normal]\nrate = 1\n[[reset]]\nat = \"1s\"\nspread = \"40ms\"");
    let calls = [
        (500, Kind::Success, 400),
        (900, Kind::Success, 200),
        (950, Kind::Hang, Nanos::MAX),
        (1001, Kind::Success, 30),
    ];
    let mut note = Note::default();
    run(&scene, &calls, &mut note);
    let mut outcomes: Vec<(Nanos, Outcome)> =
        ends(&note).into_iter().map(|end| (end.1, end.2)).collect();
    outcomes.sort_by_key(|end| end.0);
    let expected = [
        (500, Outcome::Success),
        (900, Outcome::Reset),
        (950, Outcome::Reset),
        // a connection of its own, made after the reset
        (1001, Outcome::Success),
    ];
    assert_eq!(outcomes, expected);
    let resets = ends(&note)
        .into_iter()
        .filter(|end| end.2 == Outcome::Reset);
    assert!(resets.into_iter().all(|end| (1000..1040).contains(&end.0)));
}

#[test]
fn a_paused_client_finds_its_timers_due() {
    let scene =
        scene("ends = \"10s\"\n[normal]\nrate = 1\n[[pause]]\nbegins = \"1s\"\nlasts = \"2s\"");
    let calls = [
        (900, Kind::Success, 50),
        (990, Kind::Success, 20),
        (2500, Kind::Success, 800),
    ];
    let timers = vec![1500 * MS, 4000 * MS];
    let mut note = Note {
        timers,
        ..Note::default()
    };
    run(&scene, &calls, &mut note);
    let expected = [
        (950, 900, Outcome::Success),
        (3000, 990, Outcome::Timeout),
        (3300, 2500, Outcome::Success),
    ];
    assert_eq!(ends(&note), expected);
    assert_eq!(note.wakes, [3000 * MS, 4000 * MS]);
}

#[test]
fn pauses_that_overlap_are_one() {
    let scene = scene(
        "ends = \"10s\"\n[normal]\nrate = 1\n[[pause]]\nbegins = \"1s\"\nlasts = \"4s\"\n\
         [[pause]]\nbegins = \"2s\"\nlasts = \"1s\"\nrepeat = { times = 2, every = \"3s\" }",
    );
    let at = [999, 1000, 4000, 5500, 6000].map(|ms| scene.client_time(ms * MS) / MS);
    assert_eq!(at, [999, 6000, 6000, 6000, 6000]);
}

#[test]
fn a_leaked_permit_never_ends() {
    let scene = scene("ends = \"10s\"\n[normal]\nrate = 1\nleaks = 1");
    let mut note = Note::default();
    let track = run(&scene, &[(10, Kind::Success, 5)], &mut note);
    assert!(note.ends.is_empty());
    // but its caller got the answer
    assert_eq!(track.in_time, 1);
}

#[test]
fn a_server_queues_refuses_and_crashes() {
    let scene = scene(
        "ends = \"10s\"\n[normal]\nrate = 1\n[server]\ncapacity = 10\nqueue = \"250ms\"\ncrash_at = \"350ms\"\nrestart = \"1s\"\nrefused_in = \"2ms\"\n\
         [[phase]]\nkind = \"outage\"\nbegins = \"5s\"\nlasts = \"1s\"\ncapacity = 0",
    );
    // each takes 100 ms
    let calls = [
        (0, Kind::Success, 0),
        (1, Kind::Success, 7),
        (2, Kind::Success, 0),
        (3, Kind::Success, 0),
        (4000, Kind::Success, 0),
        (5500, Kind::Success, 0),
    ];
    let mut note = Note::default();
    let track = run(&scene, &calls, &mut note);
    let expected = [
        // the backlog was 297 ms
        (5, 3, Outcome::Failure),
        (100, 0, Outcome::Success),
        (207, 1, Outcome::Success),
        (300, 2, Outcome::Success),
        (4100, 4000, Outcome::Success),
        (5502, 5500, Outcome::Failure),
    ];
    assert_eq!(ends(&note), expected);
    assert_eq!(track.seconds[0], (4, 3));
    assert_eq!(track.seconds[4], (1, 1));

    let mut crashing = scene;
    if let Some(server) = &mut crashing.server {
        server.queue = Nanos::MAX;
    }
    let flood: Vec<_> = (0..6)
        .map(|i| (i, Kind::Success, 0))
        .chain([(900, Kind::Success, 0), (1100, Kind::Success, 0)])
        .collect();
    let mut note = Note::default();
    run(&crashing, &flood, &mut note);
    let failed: Vec<Nanos> = ends(&note)
        .into_iter()
        .filter(|e| e.2 == Outcome::Failure)
        .map(|e| e.1)
        .collect();
    // the fifth found 396 ms of backlog; the server was back 1 s later
    assert_eq!(failed, [4, 5, 900]);
}

#[test]
fn the_same_seed_is_the_same_day() {
    let shape = &catalogue().expect("valid")[0];
    let short = shape.clone().cut_to(std::time::Duration::from_secs(65));
    for entry in Entry::all() {
        let track = |seed| {
            let scene = short.scene(seed);
            live(entry, &scene, &Day::new(&scene, seed), seed)
                .expect("valid settings")
                .digest()
        };
        assert_eq!(track(3), track(3), "{}", entry.name());
        assert_ne!(track(3), track(4), "{}", entry.name());
    }
}

/// What is pinned changes with the generator, a shape, a model or the crate, and on no platform by itself.
#[test]
fn a_small_run_is_pinned() {
    let shapes = catalogue().expect("valid");
    let digests = ["rand-fast", "metastable"].map(|name| {
        let shape = shapes
            .iter()
            .find(|shape| shape.name == name)
            .expect("in the catalogue");
        let shape = shape.clone().cut_to(std::time::Duration::from_secs(75));
        let scene = shape.scene(1);
        let day = Day::new(&scene, 1);
        ["default", "tuned", "polly", "failsafe", "none"].map(|subject| {
            let entry = Entry::find(subject).expect("in the list");
            live(entry, &scene, &day, 1)
                .expect("valid settings")
                .digest()
        })
    });
    assert_eq!(digests, PINNED, "{digests:#x?}");
}

const PINNED: [[u64; 5]; 2] = [
    [
        0x520a_4b0c_fe18_1722,
        0x0ac6_c0e4_6e5d_6f6c,
        0x9fe2_fe8a_832d_1cf8,
        0xf173_aa74_86ba_5f6f,
        0x0053_8d62_daa4_b179,
    ],
    [
        0xed27_1b86_e1b2_ce36,
        0x8c65_230c_6eb2_9200,
        0xb13e_bb49_db3d_ad1b,
        0x91c4_7abb_f028_8190,
        0xb962_f49b_6096_39bd,
    ],
];

#[test]
fn every_shape_runs_with_every_subject() {
    for shape in catalogue().expect("valid") {
        let name = shape.name.clone();
        let shape = shape.cut_to(std::time::Duration::from_secs(2));
        let scene = shape.scene(2);
        let day = Day::new(&scene, 2);
        assert!(day.calls.len() > 1, "{name}");
        for entry in Entry::all() {
            let track = live(entry, &scene, &day, 2).expect("valid settings");
            assert!(
                track.seen.len() >= day.calls.len(),
                "{name}, {}",
                entry.name()
            );
            assert!(
                track.seen.is_sorted_by_key(|seen| seen.at()),
                "{name}, {}",
                entry.name()
            );
            assert!(track.in_time <= track.wanted, "{name}, {}", entry.name());
            // none of them panics
            let _ = Figures::of(&scene, &track);
        }
    }
}
