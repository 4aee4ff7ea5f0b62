use super::*;

#[test]
fn troubles_are_in_order_and_repeat() {
    let all = troubles(1, 24 * HOUR);
    assert_eq!(all.len(), troubles(1, 24 * HOUR).len());
    assert!(all.windows(2).all(|two| two[0].begins <= two[1].begins));
    let count = |trouble| all.iter().filter(|phase| phase.trouble == trouble).count();
    let outages = [Trouble::Fails, Trouble::Hangs, Trouble::Slow].map(count);
    assert!(outages.iter().all(|n| *n >= 10), "{outages:?}");
    assert!(count(Trouble::Burst) >= 100);
    assert!(all.iter().all(|phase| phase.ends > phase.begins));
}

#[test]
fn answers_are_as_described() {
    let many = |trouble| -> Vec<Answer> {
        let mut dice = Dice::new(1, Stream::Answers);
        (0..100_000)
            .map(|_| Answer::draw(&mut dice, trouble))
            .collect()
    };
    let part = |answers: &[Answer], is: fn(&Answer) -> bool| {
        answers.iter().filter(|answer| is(answer)).count() as f64 / answers.len() as f64
    };
    let usual = many(None);
    assert!((part(&usual, |a| a.failed) - 0.03).abs() < 0.003);
    // more than one in a hundred lasts longer than the bad limit, and hardly one than the good one
    let slow = part(&usual, |a| a.after > 60 * MILLISECOND);
    assert!((0.04..0.1).contains(&slow), "{slow}");
    assert!(part(&usual, |a| a.after > 350 * MILLISECOND) < 0.002);
    assert!(part(&usual, |a| a.is_good()) > 0.96);
    assert!(
        many(Some(Trouble::Hangs))
            .iter()
            .all(|a| a.failed && a.after == TIMEOUT)
    );
    assert!((part(&many(Some(Trouble::Fails)), |a| a.failed) - 0.9).abs() < 0.01);
    assert!(part(&many(Some(Trouble::Slow)), |a| !a.is_good()) > 0.6);
    assert!(!Trouble::Burst.is_outage() && Trouble::Slow.is_outage());
}

/// At a low pace, so that it is quick; what CI claims is at 1,000 calls per second.
#[test]
fn a_tuner_changes_what_is_badly_set_and_the_same_each_time() {
    let lived = |tuned| live(Subject::new(bad(1), tuned).expect("valid"), 2.5, 20.0, 1);
    let tuned = lived(true);
    assert!(!tuned.changes.is_empty());
    assert_eq!(tuned, lived(true));
    let untuned = lived(false);
    assert!(untuned.changes.is_empty());
    assert!(tuned.costs[1].sum() < untuned.costs[1].sum());
}

fn cost(bad_made: u64, good_rejected: u64) -> Lived {
    let part = Cost {
        bad_made,
        good_rejected,
        openings: 1,
    };
    Lived {
        costs: [part; 2],
        changes: Vec::new(),
    }
}

#[test]
fn what_is_missed_is_reported() {
    let lived = [cost(900, 900), cost(60, 60), cost(50, 50), cost(50, 50)];
    assert!(missed(&lived).is_empty());
    let lived = [cost(900, 900), cost(70, 60), cost(50, 50), cost(50, 50)];
    assert_eq!(
        missed(&lived),
        ["the tuned breaker costs 1.30 times what the well-set one does, more than 1.2"]
    );
    let nothing = [cost(0, 0), cost(0, 0), cost(0, 0), cost(0, 0)];
    assert_eq!(missed(&nothing).len(), 1, "nothing was compared");
    let text = report(&lived, 3.0, 10.0);
    assert!(
        text.contains("| badly set, with a tuner | 130 | 1.30 | 70 | 60 | 130 | 1.30 | 1 | 0 |"),
        "{text}"
    );
}

#[test]
fn a_changed_well_set_breaker_is_missed() {
    let mut well = live(Subject::new(bad(1), true).expect("valid"), 2.2, 20.0, 1);
    well.costs = cost(50, 50).costs;
    assert!(!well.changes.is_empty());
    let lived = [cost(900, 900), cost(60, 60), cost(50, 50), well];
    let missed = missed(&lived);
    assert!(
        missed[0].starts_with("the well-set breaker was changed"),
        "{missed:?}"
    );
    assert!(report(&lived, 3.0, 10.0).contains("well set, with a tuner, 0:"));
}
