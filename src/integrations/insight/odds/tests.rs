//! Against exact small cases, and against breakers that live through noise.

use super::*;
use crate::{Breaker, Builder, FailureKind, ManualClock, Outage, State, Window};
use std::error::Error;
use std::time::Duration;

type Tested = Result<(), Box<dyn Error>>;

/// A seeded stream of numbers in `[0, 1)` (splitmix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn near(is: f64, wanted: f64, part: f64) {
    assert!(
        (is - wanted).abs() <= part * wanted.abs(),
        "{is}, not {wanted}"
    );
}

#[test]
fn small_binomials_are_exact() {
    near(mass(5.0, 3.0, 0.5), 10.0 / 32.0, 1e-12);
    near(mass(4.0, 0.0, 0.1), 0.9_f64.powi(4), 1e-12);
    near(tail(5.0, 3.0, 0.5), 0.5, 1e-12);
    near(tail(3.0, 1.0, 0.1), 1.0 - 0.9_f64.powi(3), 1e-12);
    near(tail(3.0, 3.0, 0.1), 1e-3, 1e-12);
    assert_eq!((mass(3.0, 4.0, 0.5), tail(3.0, 4.0, 0.5)), (0.0, 0.0));
    assert_eq!(
        (
            mass(3.0, 0.0, 0.0),
            mass(3.0, 3.0, 1.0),
            mass(3.0, 2.0, 1.0)
        ),
        (1.0, 1.0, 0.0)
    );
    assert_eq!(
        (
            tail(3.0, 0.0, 0.0),
            tail(3.0, 1.0, 0.0),
            tail(3.0, 3.0, 1.0)
        ),
        (1.0, 0.0, 1.0)
    );
}

#[test]
fn a_factorial_is_a_gamma() {
    for n in 1..20 {
        let factorial: f64 = (1..n).map(f64::from).product();
        assert!(
            (ln_gamma(f64::from(n)) - factorial.ln()).abs() < 1e-11,
            "{n}"
        );
    }
}

/// Of ten million calls, half are bad by a chance that the normal distribution gives.
#[test]
fn large_windows_work() {
    let n = 1e7;
    near(
        mass(n, n / 2.0, 0.5),
        1.0 / (std::f64::consts::PI * n / 2.0).sqrt(),
        1e-6,
    );
    let all: f64 = tail(n, n / 2.0, 0.5) + tail(n, n / 2.0 + 1.0, 0.5);
    near(all, 1.0, 1e-6);
    let far = sliding(
        n,
        0.5 * n,
        Noise {
            pace: 1e6,
            bad: 0.03,
        },
    );
    assert_eq!(far, 0.0);
}

#[test]
fn as_many_bad_calls_as_the_breaker_wants() {
    for n in 1..=300_u32 {
        for rate in [0.01, 0.1, 0.3, 1.0 / 3.0, 0.5, 0.7, 0.99, 1.0] {
            let k = least(rate, n.into());
            assert!(k / f64::from(n) >= rate, "{rate} of {n}: {k}");
            assert!(
                k == 1.0 || (k - 1.0) / f64::from(n) < rate,
                "{rate} of {n}: {k}"
            );
        }
    }
}

/// By going through every path of a window that fills.
fn reached(rate: f64, least_calls: u32, most: u32, p: f64) -> f64 {
    // the chance of each number of bad calls, without having reached the rate
    let mut waiting = vec![1.0];
    let mut reached = 0.0;
    for n in 1..=most {
        let mut next = vec![0.0; n as usize + 1];
        for (bad, chance) in waiting.iter().enumerate() {
            next[bad] += chance * (1.0 - p);
            next[bad + 1] += chance * p;
        }
        for (bad, chance) in next.iter_mut().enumerate() {
            if n >= least_calls && bad as f64 / f64::from(n) >= rate {
                reached += std::mem::take(chance);
            }
        }
        waiting = next;
    }
    reached
}

#[test]
fn a_fresh_window_is_bounded_closely() {
    for (rate, m, p) in [
        (0.5, 5, 0.03),
        (0.5, 20, 0.2),
        (0.3, 5, 0.1),
        (0.9, 1, 0.3),
        (0.1, 50, 0.03),
    ] {
        let exact = reached(rate, m, 400, p);
        let bound = fresh(rate, m.into(), 400.0, p);
        assert!(
            bound >= exact * (1.0 - 1e-9),
            "{rate} of {m} at {p}: {bound} < {exact}"
        );
        assert!(
            bound <= 1.6 * exact,
            "{rate} of {m} at {p}: {bound} > {exact}"
        );
    }
    assert_eq!(
        (fresh(0.5, 5.0, 9.0, 0.5), fresh(0.5, 5.0, 9.0, 0.0)),
        (1.0, 0.0)
    );
}

/// Far terms are not added one by one.
#[test]
fn a_rate_near_the_base_rate_is_bounded() {
    let bound = fresh(0.0301, 1000.0, 1e7, 0.03);
    assert!(bound > 0.9 && bound <= 1.0, "{bound}");
}

#[test]
fn a_run_is_exact() {
    let noise = |bad| Noise { pace: 1.0, bad };
    // E = (1 - p^n) / (p^n (1 - p)): 14 calls for three in a row of a fair coin
    near(run_false_trips_per_day(3.0, noise(0.5)), DAY / 14.0, 1e-12);
    near(run_false_trips_per_day(4.0, noise(1.0)), DAY / 4.0, 1e-12);
    assert_eq!(run_false_trips_per_day(4.0, noise(0.0)), 0.0);
    near(
        run_false_trips_per_day(
            5.0,
            Noise {
                pace: 1000.0,
                bad: 0.03,
            },
        ),
        86.4e6 * 0.03_f64.powi(5) * 0.97,
        1e-6,
    );
}

#[test]
fn times_to_detect() {
    let extent = Extent::Time {
        seconds: 10.0,
        buckets: 10.0,
    };
    let rule = |min_throughput| RateRule {
        rate: 0.5,
        min_throughput,
        extent,
    };
    assert_eq!(rule(5.0).seconds_to_detect(1000.0), Some(5.0));
    assert_eq!(rule(20.0).seconds_to_detect(2.5), Some(8.0));
    assert_eq!(rule(20.0).seconds_to_detect(1.9), None, "it is blind");
    let counted = RateRule {
        rate: 0.5,
        min_throughput: 80.0,
        extent: Extent::Count(100.0),
    };
    assert_eq!(counted.seconds_to_detect(10.0), Some(8.0));
    let outage = OutageRule {
        theta: 0.5,
        loss: 0.002,
    };
    // 14.5 / (1000 * 0.847) and two ticks
    near(outage.seconds_to_detect(1000.0), 0.0572, 0.01);
}

#[test]
fn the_promise_of_the_outage_rule() {
    let rule = OutageRule {
        theta: 0.5,
        loss: 0.002,
    };
    let at = |bad| rule.false_trips_per_day(Noise { pace: 1000.0, bad });
    // a million calls apart
    near(at(0.3), 86.4, 1e-6);
    assert!(
        at(0.2) < 0.02 && at(0.03) < 1e-12,
        "{} {}",
        at(0.2),
        at(0.03)
    );
    assert_eq!(at(0.0), 0.0);
    near(at(0.5), 86.4e6, 1e-6);
}

/// Lets a breaker live through noise, and closes it whenever it has opened. Returns how often that was per second.
fn openings(builder: Builder, noise: Noise, calls: u32) -> Result<f64, Box<dyn Error>> {
    lived_through(builder, noise, calls, |_| 1.0)
}

/// The same, with calls that come at random, independently of each other.
fn openings_at_random(builder: Builder, noise: Noise, calls: u32) -> Result<f64, Box<dyn Error>> {
    lived_through(builder, noise, calls, |chance| -(-chance.next()).ln_1p())
}

fn lived_through(
    builder: Builder,
    noise: Noise,
    calls: u32,
    gap: impl Fn(&mut Chance) -> f64,
) -> Result<f64, Box<dyn Error>> {
    let clock = ManualClock::new();
    let (breaker, controller) = builder.clock(&clock).build_with_controller()?;
    let mut chance = Chance(17);
    let mut opened = 0;
    for _ in 0..calls {
        clock.advance(Duration::from_secs_f64(gap(&mut chance) / noise.pace));
        let bad = chance.next() < noise.bad;
        let permit = breaker.try_acquire()?;
        if bad {
            permit.failure(FailureKind::Server);
        } else {
            permit.success();
        }
        if breaker.state() == State::Open {
            opened += 1;
            assert!(controller.reset());
        }
    }
    assert!(opened >= 20, "too few openings to compare: {opened}");
    Ok(f64::from(opened) * noise.pace / f64::from(calls))
}

fn within(simulated: f64, computed: f64, factor: f64) {
    let computed = computed / DAY;
    let fits = computed <= factor * simulated && simulated <= factor * computed;
    assert!(
        fits,
        "simulated {simulated} per second, computed {computed}"
    );
}

const TEN: Extent = Extent::Time {
    seconds: 10.0,
    buckets: 10.0,
};

fn ten() -> Window {
    Window::time(Duration::from_secs(10))
}

/// Within a tenth: renewal theory is exact.
#[test]
fn runs_trip_as_computed() -> Tested {
    let noise = Noise {
        pace: 50.0,
        bad: 0.2,
    };
    let builder = Breaker::builder("runs").consecutive_failures(4);
    within(
        openings(builder, noise, 400_000)?,
        run_false_trips_per_day(4.0, noise),
        1.1,
    );
    Ok(())
}

/// Within a factor of five, on the safe side: a rate that is reached is soon reached again, and the breaker opens once.
#[test]
fn rates_trip_as_computed() -> Tested {
    for (bad, rate, min_throughput) in [(0.2, 0.4, 40_u32), (0.1, 0.25, 30), (0.3, 0.48, 45)] {
        let noise = Noise { pace: 5.0, bad };
        let builder = Breaker::builder("rates")
            .window(ten())
            .failure_rate(rate)
            .min_throughput(min_throughput);
        let rule = RateRule {
            rate,
            min_throughput: min_throughput.into(),
            extent: TEN,
        };
        within(
            openings(builder, noise, 1_500_000)?,
            rule.false_trips_per_day(noise),
            5.0,
        );
    }
    Ok(())
}

/// At a low pace, what opens it is a window that happens to hold few calls. Never below half of what is simulated, and
/// within a factor of three.
#[test]
fn few_calls_at_random_trip_as_computed() -> Tested {
    for (pace, bad, rate, min_throughput) in [
        (1.0, 0.05, 0.5, 5_u32),
        (1.0, 0.15, 0.5, 5),
        (0.6, 0.05, 0.5, 5),
        (1.0, 0.02, 0.5, 2),
        (2.0, 0.02, 0.2, 1),
        (3.0, 0.25, 0.5, 20),
        (4.0, 0.15, 0.4, 10),
        (5.0, 0.1, 0.25, 30),
    ] {
        let noise = Noise { pace, bad };
        let builder = Breaker::builder("few")
            .window(ten())
            .failure_rate(rate)
            .min_throughput(min_throughput);
        let simulated = openings_at_random(builder, noise, 600_000)?;
        let rule = RateRule {
            rate,
            min_throughput: min_throughput.into(),
            extent: TEN,
        };
        // without the windows of each hour, of which there are none here
        let computed = rule.at_random(pace * 9.0, noise);
        assert!(
            computed >= 0.5 * simulated && computed <= 3.0 * simulated,
            "{rate} of {min_throughput} at {noise:?}: computed {computed}, simulated {simulated}"
        );
    }
    // one in a fortnight, of which a simulation sees too few
    let rare = RateRule {
        rate: 0.5,
        min_throughput: 5.0,
        extent: TEN,
    };
    let rare = rare.false_trips_per_day(Noise {
        pace: 1.0,
        bad: 0.01,
    });
    assert!((0.033..0.2).contains(&rare), "{rare}");
    Ok(())
}

/// One size of a large window does as well as all of them.
#[test]
fn large_windows_are_taken_at_one_size() {
    for (bad, rate) in [(0.1, 0.16), (0.3, 0.4), (0.02, 0.05)] {
        let at = |mean: f64| {
            let rule = RateRule {
                rate,
                min_throughput: 50.0,
                extent: TEN,
            };
            rule.at_random(mean, Noise { pace: 40.0, bad })
        };
        let (all, one) = (at(LARGE), at(LARGE + 1.0));
        assert!(one <= 3.0 * all && all <= 3.0 * one, "{all} {one}");
    }
}

/// Fresh windows are more frequent here than they are assumed to be: as often as the breaker opens.
#[test]
fn fresh_windows_trip_as_computed() {
    let noise = Noise {
        pace: 1000.0,
        bad: 0.1,
    };
    let rule = RateRule {
        rate: 0.4,
        min_throughput: 5.0,
        extent: TEN,
    };
    let chance = fresh(0.4, 5.0, 9000.0, 0.1);
    let mut tripped = 0;
    let mut stream = Chance(3);
    for _ in 0..20_000 {
        let (mut n, mut bad) = (0.0, 0.0);
        while n < 200.0 {
            n += 1.0;
            bad += f64::from(u8::from(stream.next() < 0.1));
            if n >= 5.0 && bad / n >= 0.4 {
                tripped += 1;
                break;
            }
        }
    }
    let simulated = f64::from(tripped) / 20_000.0;
    assert!(
        chance >= simulated * 0.95 && chance <= 1.5 * simulated,
        "{chance} for {simulated}"
    );
    near(
        rule.false_trips_per_day(noise),
        FRESH_PER_DAY * chance / (1.0 - chance),
        1e-6,
    );
}

#[test]
fn counts_trip_as_computed() -> Tested {
    let noise = Noise {
        pace: 5.0,
        bad: 0.2,
    };
    let builder = Breaker::builder("counts").window(ten()).failure_count(21);
    within(
        openings_at_random(builder, noise, 1_000_000)?,
        count_false_trips_per_day(21.0, TEN, noise),
        3.5,
    );
    // what is usual trips at once, again and again
    let builder = Breaker::builder("usual").window(ten()).failure_count(8);
    within(
        openings(builder, noise, 100_000)?,
        count_false_trips_per_day(8.0, TEN, noise),
        1.3,
    );
    Ok(())
}

/// Within a factor of three: a sliding window that comes to hold so many comes back to that soon, and the breaker
/// opens once.
#[test]
fn count_windows_trip_as_computed() -> Tested {
    let noise = Noise {
        pace: 10.0,
        bad: 0.2,
    };
    let extent = Extent::Count(50.0);
    let builder = Breaker::builder("rates")
        .window(Window::count(50))
        .failure_rate(0.38)
        .min_throughput(50);
    let rule = RateRule {
        rate: 0.38,
        min_throughput: 50.0,
        extent,
    };
    within(
        openings(builder, noise, 2_000_000)?,
        rule.false_trips_per_day(noise),
        3.0,
    );
    let builder = Breaker::builder("counts")
        .window(Window::count(50))
        .failure_count(19);
    within(
        openings(builder, noise, 1_000_000)?,
        count_false_trips_per_day(19.0, extent, noise),
        3.0,
    );
    Ok(())
}

/// A bound, which is kept, and is not absurd.
#[test]
fn the_outage_rule_keeps_its_promise() -> Tested {
    let noise = Noise {
        pace: 5.0,
        bad: 0.35,
    };
    let builder = Breaker::builder("outage")
        .window(ten())
        .outage(Outage::at(0.5).loss_at_most(0.1));
    let rule = OutageRule {
        theta: 0.5,
        loss: 0.1,
    };
    let (simulated, promised) = (
        openings(builder, noise, 400_000)?,
        rule.false_trips_per_day(noise) / DAY,
    );
    assert!(
        simulated <= promised && promised <= 50.0 * simulated,
        "{simulated} of {promised}"
    );
    Ok(())
}
