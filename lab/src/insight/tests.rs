use super::*;

fn figure(value: Option<f64>, wanted: Option<RangeInclusive<f64>>) -> Figure {
    Figure {
        part: "part",
        of: "of".to_string(),
        name: "name",
        value,
        wanted,
    }
}

#[test]
fn a_figure_outside_of_its_range_is_missed() {
    assert!(figure(Some(1.0), at_most(1.0)).is_met());
    assert!(!figure(Some(1.1), at_most(1.0)).is_met());
    assert!(!figure(Some(0.9), at_least(1.0)).is_met());
    assert!(figure(Some(9.0), None).is_met());
    assert!(
        !figure(None, at_least(1.0)).is_met(),
        "nothing was measured"
    );
    assert!(!figure(Some(f64::NAN), at_least(1.0)).is_met());
}

#[test]
fn the_table_says_what_is_missed() {
    let rows = [
        figure(Some(0.5), Some(0.47..=0.53)),
        figure(Some(2.0), at_most(1.0)),
    ];
    let table = table(&rows);
    assert!(
        table.contains("| part | of | name | 0.50 | 0.47 to 0.53 | met |"),
        "{table}"
    );
    assert!(
        table.contains("| part | of | name | 2 | at most 1 | NOT MET |"),
        "{table}"
    );
}
