use super::*;
use crate::replay::tally::Class;
use crate::replay::timeline::{Buckets, Shut};

const SECONDS: Nanos = SECOND;

fn timeline(many: usize) -> Timeline {
    Timeline::new(Buckets {
        width: SECONDS,
        before: 0,
        many,
    })
}

#[test]
fn layers_are_stacked_from_the_ground_up() {
    let mut timeline = timeline(4);
    for (at, class, admitted) in [
        (0, Class::Good, true),
        (1, Class::Good, true),
        (1, Class::Bad, true),
        (2, Class::Bad, false),
        (2, Class::Unknown, false),
    ] {
        timeline.call(at * SECONDS, class, admitted);
    }
    let outlines: Vec<String> = (0..LAYERS.len())
        .map(|layer| outline(&timeline.buckets, layer, 2))
        .collect();
    assert_eq!(outlines[0], "M0 130H0V65H2V130H4V130Z");
    assert_eq!(outlines[1], "M0 130H0V65H1V0H2V130H4V130Z");
    assert_eq!(outlines[2], "M0 130H0V65H1V0H2V65H3V130H4V130Z");
    assert_eq!(outlines[4], "M0 130H0V65H1V0H3V130H4V130Z");
}

#[test]
fn states_are_bands_with_names_where_there_is_room() {
    let mut timeline = timeline(10);
    timeline.state(Shut::Open, 2 * SECONDS, 5 * SECONDS + 1);
    timeline.state(Shut::HalfOpen, 5 * SECONDS + 1, 6 * SECONDS);
    let runs = runs(&timeline.buckets);
    let shown: Vec<_> = runs
        .iter()
        .map(|run| (run.state, run.from, run.to, run.name(10)))
        .collect();
    let expected = [
        (Shown::Closed, 0, 2, None),
        (Shown::Open, 2, 5, Some("open")),
        (Shown::HalfOpen, 5, 6, None),
        (Shown::Closed, 6, 10, Some("closed")),
    ];
    assert_eq!(shown, expected);
    assert_eq!(opacity(&runs[1], &timeline.buckets, SECONDS, 1), 1.0);
    assert!((opacity(&runs[1], &timeline.buckets, SECONDS, 10) - 0.415).abs() < 1e-9);
}

#[test]
fn labels_are_at_round_times() {
    let text = |begins: i64, before: Nanos, many: usize| {
        let timeline = Timeline::new(Buckets {
            width: SECONDS,
            before,
            many,
        });
        let labels = labels(&timeline, Times::new(begins));
        labels
            .iter()
            .map(|label| (label.x.clone(), label.text.clone()))
            .collect::<Vec<_>>()
    };
    let own = |pairs: &[(&str, &str)]| {
        pairs
            .iter()
            .map(|(x, text)| (x.to_string(), text.to_string()))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        text(0, 0, 4),
        own(&[
            ("0.00%", "0 s"),
            ("25.00%", "1 s"),
            ("50.00%", "2 s"),
            ("75.00%", "3 s"),
            ("100.00%", "4 s")
        ])
    );
    // the first call is half a second past 22:14:01
    let expected = [
        ("24.17%", "22:14:30"),
        ("49.17%", "22:15:00"),
        ("74.17%", "22:15:30"),
        ("99.17%", "22:16:00"),
    ];
    assert_eq!(
        text(1_700_000_041_500_000_000, SECONDS / 2, 120),
        own(&expected)
    );
}

#[test]
fn a_title_says_what_was_in_the_bucket() {
    let mut timeline = timeline(2);
    timeline.call(1, Class::Good, true);
    timeline.call(2, Class::Bad, false);
    timeline.state(Shut::Open, 0, SECONDS / 2);
    let expected = "0.000 s, 1 s\n2 calls\n1 admitted, good\n1 rejected, would have failed: spared\nopen for 500 ms";
    assert_eq!(caption(&timeline, Times::new(0), 0, 1), expected);
    assert!(
        caption(&timeline, Times::new(0), 0, 3).ends_with("open for 500 ms (all keys together)")
    );
}
