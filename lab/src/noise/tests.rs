use super::*;

const NOISE: Noise = Noise {
    failing: 0.3,
    per_second: 1000.0,
    calls: 200_000,
    theta: 0.5,
};

fn heard(name: &str, noise: Noise) -> Heard {
    hear(Entry::find(name).expect("in the list"), noise).expect("valid settings")
}

#[test]
fn noise_is_heard_by_those_who_trip_on_it() {
    let none = heard("none", NOISE);
    assert_eq!((none.calls, none.rejected, none.openings), (200_000, 0, 0));
    // 200,000 calls at 1,000 per second
    assert!((in_seconds(none.lasted) - 200.0).abs() < 3.0);
    // five in a row are one in 588 calls; then it is open for 60 s and more
    let default = heard("default", NOISE);
    assert!((1..=3).contains(&default.openings), "{default:?}");
    assert!(default.rejected > 150_000, "{default:?}");
    // forty in a row never come
    assert_eq!(heard("tuned", NOISE).openings, 0);
    // 0.6 theta
    assert_eq!(heard("adaptive", NOISE).openings, 0);
    assert_eq!(heard("tuned", NOISE), heard("tuned", NOISE));
}

#[test]
fn openings_apart_are_counted_apart() {
    // five in a row are one in 330,000 calls, and it is closed for as long between
    let noise = Noise {
        failing: 0.08,
        calls: 3_000_000,
        ..NOISE
    };
    let default = heard("default", noise);
    assert!((2..=12).contains(&default.openings), "{default:?}");
}

#[test]
fn the_promise_is_that_of_the_outage_rule() {
    assert_eq!(promised(1000.0), 1e6);
    assert_eq!(promised(0.1), 500.0);
    assert_eq!(kept(20.0, 20.0), "yes");
    assert_eq!(kept(40.0, 20.0), "no");
    assert_eq!(kept(0.0, 0.2), "open");
    assert_eq!(kept(5.0, 0.2), "no");
}

#[test]
fn the_tables_have_a_line_for_each_noise() {
    let subjects = [Entry::find("none").expect("in the list")];
    let table = guarantee(&subjects, 1e-3, 1).expect("valid settings");
    assert_eq!(table.lines().count(), 2 + GUARANTEE.len());
    let table = soak(&subjects, 1e-3, 1).expect("valid settings");
    assert_eq!(table.lines().count(), 2 + SOAK.len());
    assert!(
        table
            .lines()
            .skip(2)
            .all(|line| line.contains("| 0 | 0.000 | 0.0000 |")),
        "{table}"
    );
}
