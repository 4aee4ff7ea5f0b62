use super::*;
use crate::shape::Shape;
use crate::time::MILLISECOND;

fn scene(text: &str) -> Scene {
    let text = format!("about = \"a test\"\n{text}");
    Shape::parse("test", "test.toml", &text)
        .expect("valid")
        .scene(1)
}

const OUTAGE: &str =
    "ends = \"120s\"\n[[phase]]\nkind = \"outage\"\nbegins = \"40s\"\nlasts = \"20s\"";
const TOLERATED: &str =
    "ends = \"120s\"\n[[phase]]\nkind = \"tolerated\"\nbegins = \"40s\"\nlasts = \"20s\"";

/// A call each 100 ms from the beginning to the end, of which this says whether it was admitted
/// and whether it went well; times are in milliseconds.
fn track(scene: &Scene, of: impl Fn(Nanos) -> (bool, bool)) -> Track {
    let calls = (0..scene.ends / MILLISECOND).step_by(100);
    let seen = calls.map(|ms| {
        let (admitted, good) = of(ms);
        Seen::new(ms * MILLISECOND, admitted, good)
    });
    let seen: Vec<Seen> = seen.collect();
    Track {
        wanted: seen.len() as u64,
        in_time: seen.iter().filter(|s| s.admitted() && s.good()).count() as u64,
        seen,
        seconds: Vec::new(),
    }
}

fn figures(text: &str, of: impl Fn(Nanos) -> (bool, bool)) -> Figures {
    let scene = scene(text);
    Figures::of(&scene, &track(&scene, of))
}

fn close(figure: Figure, expected: f64) {
    match figure {
        Figure::Is(value) => assert!(
            (value - expected).abs() < 1e-9,
            "{value} and not {expected}"
        ),
        other => panic!("{other:?} and not {expected}"),
    }
}

#[test]
fn an_outage_that_is_seen_and_its_end() {
    // seen after 2 s, probed once per 5 s, closed again 3 s late
    let open = |ms: Nanos| (42_000..63_000).contains(&ms) && !ms.is_multiple_of(5000);
    let f = figures(OUTAGE, |ms| (!open(ms), !(40_000..60_000).contains(&ms)));
    close(f.detect, 2.0);
    // 20 before it was seen, and probes at 45, 50 and 55 s
    close(f.wasted, 23.0);
    close(f.recover, 3.0);
    // of 1000 good calls, those from 60.1 to 62.9 s
    close(f.good_rejected, 2.9);
    close(f.goodput, 100.0 * 971.0 / 1200.0);
    close(f.probes, 3.0 / 15.0);
    close(f.false_openings, 0.0);
}

#[test]
fn without_a_breaker_nothing_is_seen() {
    let f = figures(OUTAGE, |ms| (true, !(40_000..60_000).contains(&ms)));
    assert_eq!(f.detect, Figure::Never);
    close(f.wasted, 200.0);
    close(f.recover, 0.0);
    close(f.good_rejected, 0.0);
    close(f.probes, 10.0);
}

#[test]
fn one_that_stays_open_never_recovers() {
    let f = figures(OUTAGE, |ms| (ms < 40_000, !(40_000..60_000).contains(&ms)));
    close(f.detect, 0.0);
    assert_eq!(f.recover, Figure::Never);
    close(f.good_rejected, 60.0);
}

#[test]
fn a_few_rejections_are_no_decision() {
    // six of ten are rejected, then seven of ten
    let rejected = |ms: Nanos| match ms {
        41_000..45_000 => ms % 1000 < 600,
        45_000..60_000 => ms % 1000 < 700,
        _ => false,
    };
    let f = figures(OUTAGE, |ms| {
        (!rejected(ms), !(40_000..60_000).contains(&ms))
    });
    // the ten calls from 44.1 s on end within the first second of seven
    match f.detect {
        Figure::Is(at) => assert!((4.0..5.0 + 1e-9).contains(&at), "{at}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn recovery_needs_five_seconds_of_quiet() {
    // closed from 60 s on, but for half a second at 63 s
    let rejected = |ms: Nanos| (40_000..60_000).contains(&ms) || (63_000..63_500).contains(&ms);
    let f = figures(OUTAGE, |ms| {
        (!rejected(ms), !(40_000..60_000).contains(&ms))
    });
    close(f.recover, 3.5);
    // one of fifty is no matter
    let rejected = |ms: Nanos| (40_000..60_000).contains(&ms) || ms == 63_000;
    let f = figures(OUTAGE, |ms| {
        (!rejected(ms), !(40_000..60_000).contains(&ms))
    });
    close(f.recover, 0.0);
}

#[test]
fn openings_without_an_outage_are_false() {
    // two at 10 and 11 s count as one, another at 80 s
    let rejected = |ms: Nanos| matches!(ms, 10_000 | 11_000 | 80_000);
    let f = figures(TOLERATED, |ms| (!rejected(ms), true));
    close(f.false_openings, 2.0 * 86_400.0 / 120.0);
    assert_eq!(f.detect, Figure::NotApplicable);
    assert_eq!(f.wasted, Figure::NotApplicable);
    assert_eq!(f.recover, Figure::NotApplicable);
    assert_eq!(f.probes, Figure::NotApplicable);
    // with an outage from 40 to 60 s, that at 80 s is its aftermath, and 70 s are quiet
    let f = figures(OUTAGE, |ms| (!rejected(ms), true));
    close(f.false_openings, 86_400.0 / 70.0);
}

#[test]
fn a_server_recovers_when_it_answers() {
    let text = "ends = \"20s\"\n[server]\ncapacity = 100\nqueue = \"1s\"\n\
                [[phase]]\nkind = \"outage\"\nbegins = \"5s\"\nlasts = \"2500ms\"\ncapacity = 0";
    let scene = scene(text);
    let mut track = track(&scene, |_| (true, true));
    track.seconds = vec![(10, 10); 21];
    for second in 5..10 {
        track.seconds[second] = (10, 9);
    }
    let f = Figures::of(&scene, &track);
    // counted from the first whole second after the end, 8 s
    close(f.recover, 2.0);
    assert_eq!(f.good_rejected, Figure::NotApplicable);
    track.seconds[12] = (10, 9);
    close(Figures::of(&scene, &track).recover, 5.0);
    track.seconds[17] = (10, 9);
    assert_eq!(Figures::of(&scene, &track).recover, Figure::Never);
}

#[test]
fn the_second_worst_of_nine() {
    let base = figures(OUTAGE, |_| (true, true));
    let days = |of: &dyn Fn(usize) -> Figure, n: usize| -> Vec<Figures> {
        (0..n)
            .map(|i| Figures {
                recover: of(i),
                goodput: of(i),
                ..base
            })
            .collect()
    };
    let nine = days(&|i| Figure::Is([5, 1, 9, 2, 8, 3, 7, 4, 6][i].into()), 9);
    let spread = Spread::of(Kind::Recover, &nine);
    assert_eq!(
        (spread.median, spread.p90),
        (Figure::Is(5.0), Figure::Is(8.0))
    );
    // the smaller, the worse
    let spread = Spread::of(Kind::Goodput, &nine);
    assert_eq!(
        (spread.median, spread.p90),
        (Figure::Is(5.0), Figure::Is(2.0))
    );
    let two_never = days(
        &|i| {
            if i < 2 {
                Figure::Never
            } else {
                Figure::Is(1.0)
            }
        },
        9,
    );
    let spread = Spread::of(Kind::Recover, &two_never);
    assert_eq!(
        (spread.median, spread.p90),
        (Figure::Is(1.0), Figure::Never)
    );
    let one = days(&|_| Figure::Is(4.0), 1);
    assert_eq!(Spread::of(Kind::Recover, &one).p90, Figure::Is(4.0));
    let not = days(&|_| Figure::NotApplicable, 9);
    assert_eq!(
        Spread::of(Kind::Recover, &not).median,
        Figure::NotApplicable
    );
}
