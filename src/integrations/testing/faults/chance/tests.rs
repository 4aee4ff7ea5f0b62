use super::*;

/// Within five standard deviations, of a fixed seed.
#[test]
fn a_rate_is_met_as_often_as_it_says() -> Result<(), ConfigError> {
    const REQUESTS: u32 = 100_000;
    for seed in [0, 1, u64::MAX] {
        for what in [Draw::Hang, Draw::Answer, Draw::Delay] {
            for rate in [0.0, 0.001, 0.25, 0.5, 0.9, 1.0] {
                let meets = Rate::of(rate, "rate")?;
                let met = (0..REQUESTS)
                    .filter(|&request| meets.meets(draw(seed, request.into(), what)))
                    .count();
                let spread = (f64::from(REQUESTS) * rate * (1.0 - rate)).sqrt();
                let off = (met as f64 - f64::from(REQUESTS) * rate).abs();
                assert!(off <= 5.0 * spread, "{rate}: {met} of {REQUESTS}");
            }
        }
    }
    Ok(())
}

#[test]
fn draws_of_one_request_and_of_neighbouring_seeds_differ() {
    let mut all = Vec::new();
    for seed in 0..10 {
        for request in 0..100 {
            for what in [Draw::Hang, Draw::Answer, Draw::Delay] {
                all.push(draw(seed, request, what));
            }
        }
    }
    let drawn = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), drawn);
}

#[test]
fn the_ends_of_a_rate_are_always_and_never() -> Result<(), ConfigError> {
    for bits in [0, 1, u64::MAX / 2, u64::MAX] {
        assert!(Rate::of(1.0, "rate")?.meets(bits));
        assert!(!Rate::of(0.0, "rate")?.meets(bits));
    }
    Ok(())
}
