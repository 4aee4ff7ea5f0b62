use super::*;
use proptest::prelude::*;

fn weights(theta: f64) -> (f64, f64) {
    let w = Weights::of(Outage::at(theta));
    (w.bad as f64 / ONE as f64, w.good as f64 / ONE as f64)
}

#[test]
fn weights_are_those_of_the_page() {
    let (bad, good) = weights(0.5);
    assert!((bad - 0.8473).abs() < 1e-4, "{bad}");
    assert!((good - bad).abs() < 3.0 / ONE as f64);
}

proptest! {
    /// The fair game, and its rounding: never in favour of a false opening, and by little.
    #[test]
    fn weights_solve_their_equation(theta in 0.01f64..=0.9) {
        let (bad, good) = weights(theta);
        let null = NULL * theta;
        let sum = |bad: f64, good: f64| null * bad.exp() + (1.0 - null) * (-good).exp();
        prop_assert!(sum(bad, good) <= 1.0, "{bad} {good}");
        let step = 2.0 / ONE as f64;
        prop_assert!(sum(bad + step, good - 2.0 * step) > 1.0, "{bad} {good}");
        prop_assert!(good >= bad * theta / (1.0 - theta));
        let packed = Weights::of(Outage::at(theta));
        prop_assert_eq!(Weights::unpack(packed.pack()), packed);
    }

    #[test]
    fn exp_is_that_of_std(x in -16.0f64..1.0) {
        prop_assert!((exp(x) / x.exp() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_limit_is_never_low_and_hardly_high(loss in 0.0001f64..=0.1, pace in 0u64..1 << 40) {
        let is = limit(stakes(Outage::at(0.5).loss_at_most(loss)), pace) as f64 / ONE as f64;
        let exact = (2.0 * (2.0 * pace as f64 / ONE as f64).max(1.0) / loss).ln();
        prop_assert!(is >= exact && is <= exact + 0.06 + 0.06 / exact.exp() + 1e-4, "{is} {exact}");
    }

    #[test]
    fn a_score_gives_back_what_was_put_in(value in 0u64..1 << SCORE_BITS, waits: bool, alive: bool) {
        let score = Score { value, waits, alive };
        prop_assert!(score.pack() <= PAYLOAD_MAX);
        prop_assert_eq!(Score::unpack(score.pack()), score);
    }

    /// What the fast path leans on: so many bad outcomes do not make it true, and one more does.
    #[test]
    fn within_is_exact(theta in 0.01f64..=0.9, score in 1u64..1 << 21, n in prop::array::uniform3(0u64..50), eighths in 0..=8u64, limit in 1u64..1 << 21) {
        let weights = Weights::of(Outage::at(theta));
        let [bad, good, lenient] = n;
        let weighed = Weighed { weights, score, bad, good, lenient, lift: weights.lift(eighths), limit, hung: false };
        let after = |more: u64| Weighed { bad: bad + more, ..weighed }.holds();
        let lighter = |more: u64| Weighed { lenient: lenient + more, ..weighed }.holds();
        let within = weighed.within();
        if weighed.holds() {
            prop_assert_eq!(within, Some(0));
        } else if let Some(within) = within {
            prop_assert!(!after(within));
            prop_assert!(after(within + 1));
            let as_much = (8 * within).checked_div(eighths).unwrap_or(within);
            prop_assert!(!lighter(as_much), "of lighter ones as many more");
        }
    }

    /// A lenient outcome is never worse than its part of a bad one and the rest of a good one: so it adds no more to
    /// the expected value of `e^score` than those.
    #[test]
    fn a_lenient_outcome_is_between_the_two(theta in 0.01f64..=0.9, eighths in 0..=8u64) {
        let w = Weights::of(Outage::at(theta));
        let (up, down) = (w.bad as f64, w.good as f64);
        let part = eighths as f64 / 8.0;
        let exact = part * up - (1.0 - part) * down;
        let lift = w.lift(eighths) as f64;
        prop_assert!(lift <= exact && exact - lift < 1.0);
        let e = |x: f64| (x / ONE as f64).exp();
        prop_assert!(e(lift) <= part * e(up) + (1.0 - part) * e(-down) + 1e-9);
    }
}

#[test]
fn a_tick_without_outcomes_leaves_the_score() {
    let fallen = Weighed {
        weights: Weights::of(Outage::default()),
        score: 500,
        limit: 400,
        ..Weighed::default()
    };
    assert_eq!(fallen.at_the_end(), 500);
    assert_eq!(Weighed { bad: 1, ..fallen }.at_the_end(), 400);
    assert_eq!(Weighed { good: 1, ..fallen }.at_the_end(), 0);
}

#[test]
fn a_pace_is_calls_per_second() {
    assert_eq!(pace(1000, 1_000_000_000), 1000 * ONE);
    assert_eq!(pace(1, 10_000_000_000), FIRST_PACE);
    assert_eq!(pace(u64::MAX, 1), PAYLOAD_MAX);
}

/// At 1,000 calls per second, and a loss of 0.002: ln 2,000,000.
#[test]
fn the_limit_grows_with_the_pace() {
    let of = |per_second: u64| limit(stakes(Outage::at(0.5)), per_second * ONE) as f64 / ONE as f64;
    assert!((14.50..14.57).contains(&of(1000)), "{}", of(1000));
    assert_eq!(
        of(0),
        limit(stakes(Outage::at(0.5)), FIRST_PACE) as f64 / ONE as f64
    );
}
