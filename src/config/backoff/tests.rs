//! Waits, jitter and rounding.

use super::*;
use proptest::prelude::*;

const SECOND: u64 = 1_000_000_000;
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

#[test]
fn each_opening_is_longer_by_the_factor_up_to_the_cap() {
    let backoff = Backoff::exponential(Duration::from_secs(60), 2.0);
    let waits = [0, 1, 2, 3, 4, 5, u32::MAX].map(|k| backoff.wait_nanos(k, 0.5) / SECOND);
    assert_eq!(waits, [60, 60, 120, 240, 480, 600, 600]);
    let constant = Backoff::from(Duration::from_secs(5));
    assert_eq!(constant.wait_nanos(1, 0.9), 5 * SECOND);
    assert_eq!(constant.wait_nanos(u32::MAX, 0.9), 5 * SECOND);
}

#[test]
fn the_cap_is_the_larger_of_ten_minutes_and_the_base_unless_named() {
    let cap = |backoff: Backoff| backoff.cap_nanos() / SECOND;
    assert_eq!(cap(Backoff::constant(Duration::from_secs(1))), 600);
    assert_eq!(cap(Backoff::constant(Duration::from_secs(601))), 601);
    let named = Backoff::constant(Duration::from_secs(1)).max(Duration::from_secs(2));
    assert_eq!(cap(named), 2);
}

/// Found by fuzzing.
#[test]
fn no_jitter_leaves_nothing_of_a_wait() {
    let shortest = Backoff::constant(Duration::from_nanos(1)).jitter(0.9);
    assert_eq!(shortest.wait_nanos(1, 0.0), 1);
    assert_eq!(shortest.wait_nanos(1, 0.999), 2);
}

#[test]
fn jitter_spreads_evenly_and_never_past_the_cap() {
    let backoff = Backoff::exponential(Duration::from_secs(10), 2.0).jitter(0.5);
    let waits = [0.0, 0.25, 0.5, 0.75].map(|unit| backoff.wait_nanos(1, unit));
    assert_eq!(waits, [50, 75, 100, 125].map(|tenths| tenths * SECOND / 10));
    let capped = backoff.max(Duration::from_secs(10));
    assert_eq!(capped.wait_nanos(9, 0.75), 10 * SECOND);
    assert_eq!(capped.wait_nanos(9, 0.25), 7 * SECOND + SECOND / 2);
}

#[test]
fn extremes_neither_overflow_nor_exceed_the_cap() {
    let most = Backoff::exponential(YEAR, f64::MAX)
        .max(YEAR)
        .jitter(0.999_999);
    let top = saturating_nanos(YEAR);
    for k in [0, 1, 2, 3, u32::MAX] {
        for unit in [0.0, 0.5, 1.0 - f64::EPSILON / 2.0] {
            assert!(most.wait_nanos(k, unit) <= top);
        }
    }
    assert_eq!(most.wait_nanos(u32::MAX, 0.9), top);
    // An odd number of nanoseconds beyond 2^53: `as f64` rounds it up, and the cap still holds.
    let odd = Duration::from_nanos((1 << 54) + 3);
    let past = Backoff::constant(odd);
    assert_eq!(past.wait_nanos(1, 0.5), (1 << 54) + 3);
    let refused = Backoff::exponential(Duration::MAX, f64::NAN).jitter(f64::NAN);
    assert!(refused.wait_nanos(7, 0.5) <= refused.cap_nanos());
}

#[test]
fn units_are_in_range_spread_out_and_repeatable() {
    let mut quarters = [0_u32; 4];
    for generation in 0..4000 {
        let place = unit(42, generation);
        assert!((0.0..1.0).contains(&place));
        assert_eq!(place.to_bits(), unit(42, generation).to_bits());
        quarters[(place * 4.0) as usize] += 1;
    }
    assert!(
        quarters.iter().all(|n| (850..1150).contains(n)),
        "{quarters:?}"
    );
    assert_ne!(unit(1, 0).to_bits(), unit(2, 0).to_bits());
    // The first output of the published generator from seed 0, 0xE220A8397B1DCDAF.
    let published = (0xE220_A839_7B1D_CDAF_u64 >> 11) as f64 / (1_u64 << 53) as f64;
    assert_eq!(unit(0, 0).to_bits(), published.to_bits());
    assert!(unit(u64::MAX, u64::MAX) < 1.0);
}

proptest! {
    #[test]
    fn powers_and_rounding_are_those_of_std(
        factor in 1.0_f64..4.0,
        exponent in 0_u32..1100,
        x in prop_oneof![0.0_f64..10.0, 0.0_f64..1e16, 4.5e15_f64..4.6e15],
    ) {
        let (own, std) = (powi(factor, exponent), factor.powi(exponent as i32));
        // `f64::powi` promises no last bit, and the two may reach infinity an ulp apart.
        let close = own == std || (own / std - 1.0).abs() < 1e-12 || own.is_infinite() && std > 1e308;
        prop_assert!(close, "{own} {std}");
        prop_assert_eq!(round(x), x.round() as u64);
    }
}

#[test]
fn rounding_is_exact_where_adding_a_half_is_not() {
    for x in [
        0.5,
        1.5,
        0.499_999_999_999_999_94,
        4_503_599_627_370_497.0,
        2.5,
        1e300,
    ] {
        assert_eq!(round(x), x.round() as u64, "{x}");
    }
    assert_eq!(round(f64::INFINITY), u64::MAX);
}
