use super::*;
use crate::integrations::insight::expected::expected;
use crate::{HalfOpen, Lenient, ManualClock, Outage};
use proptest::prelude::*;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// An hour at 1,000 calls per second.
fn seen() -> Observed {
    Observed::new(3_600_000, Duration::from_secs(3600))
}

fn quick(seen: Observed) -> Observed {
    seen.quantiles(Some(ms(20)), Some(ms(120)), Some(ms(200)))
}

/// A well-set breaker.
fn well() -> Config {
    Config {
        min_throughput: Some(50),
        consecutive_failures: Some(20),
        slow_call: Some(ms(500)),
        slow_rate: Some(0.5),
        open_for: Backoff::adaptive(),
        ..Config::default()
    }
}

/// What is suggested, as text.
fn advised(seen: &Observed, config: &Config) -> Vec<(&'static str, String)> {
    let mut advisor = Advisor::new(seen, config, Means::ALL);
    advisor.judge();
    let all = advisor.suggestions.into_iter();
    all.map(|(setting, present, suggested, reason)| {
        assert!(reason.ends_with('.') && reason.len() > 40, "{reason}");
        assert_ne!(present, suggested);
        (setting, format!("{present} -> {suggested}"))
    })
    .collect()
}

fn one(setting: &'static str, change: &str) -> Vec<(&'static str, String)> {
    vec![(setting, change.into())]
}

#[test]
fn a_well_set_breaker_gets_no_advice() {
    let traffic = quick(seen()).failure_rate(0.03).slow_rate(0.001);
    assert_eq!(advised(&traffic, &well()), []);
    assert_eq!(advised(&traffic, &Config::adaptive()), []);
    // nor does one with the defaults, if hardly a call fails
    assert_eq!(advised(&seen().failure_rate(0.001), &Config::default()), []);
    assert_eq!(advised(&seen(), &Config::default()), []);
}

#[test]
fn a_small_throughput_at_a_high_pace() {
    let config = Config {
        min_throughput: Some(5),
        ..well()
    };
    assert_eq!(
        advised(&quick(seen()).failure_rate(0.03), &config),
        one(MIN_THROUGHPUT, "5 -> 11")
    );
    assert_eq!(
        advised(&quick(seen()).failure_rate(0.1), &config),
        one(MIN_THROUGHPUT, "5 -> 39")
    );
    // a hundred calls fail by chance less often than ten
    let thousand = Config {
        min_throughput: Some(100),
        ..config
    };
    assert_eq!(advised(&quick(seen()).failure_rate(0.1), &thousand), []);
}

#[test]
fn a_short_run() {
    let config = Config {
        consecutive_failures: Some(5),
        ..well()
    };
    // 86.4e6 * 0.03^5 = 2 per day; 86.4e6 * 0.06^9 = 0.0009 per day
    assert_eq!(
        advised(&seen().failure_rate(0.03), &config),
        one(CONSECUTIVE_FAILURES, "5 -> 9")
    );
    // if all fail there is no run that would do
    assert_eq!(
        advised(
            &seen().failure_rate(1.0),
            &Config {
                failure_rate: None,
                ..config
            }
        ),
        []
    );
}

#[test]
fn a_rate_below_or_near_what_is_usual() {
    let config = |rate| Config {
        failure_rate: Some(rate),
        min_throughput: Some(1000),
        consecutive_failures: None,
        ..well()
    };
    let traffic = quick(seen()).failure_rate(0.1);
    let higher = |from| {
        vec![
            (FAILURE_RATE, format!("{from} -> 0.25")),
            (MIN_THROUGHPUT, "1000 -> 1300".into()),
        ]
    };
    assert_eq!(advised(&traffic, &config(0.05)), higher("0.05"));
    assert_eq!(advised(&traffic, &config(0.1)), higher("0.1"));
    assert_eq!(advised(&traffic, &config(0.2)), []);
    // where a larger throughput is enough, the rate stays
    let few = Config {
        min_throughput: Some(20),
        ..config(0.3)
    };
    assert_eq!(advised(&traffic, &few), one(MIN_THROUGHPUT, "20 -> 340"));
}

/// A rate that is hardly ever reached detects no outage: a longer window comes first.
#[test]
fn few_calls_get_a_longer_window() {
    let traffic = Observed::new(3600, Duration::from_secs(3600)).failure_rate(0.05);
    let config = Config {
        failure_rate: Some(0.5),
        min_throughput: Some(5),
        consecutive_failures: None,
        slow_call: None,
        slow_rate: None,
        ..well()
    };
    let found = advised(&traffic, &config);
    let settings: Vec<_> = found.iter().map(|(setting, _)| *setting).collect();
    assert_eq!(settings, [WINDOW, MIN_THROUGHPUT], "{found:?}");
    // on a running breaker, the rate is raised by little, or not at all
    let mut running = Advisor::new(
        &traffic,
        &config,
        Means {
            fixed: false,
            adaptive: true,
        },
    );
    running.judge();
    assert!(running.config.failure_rate <= Some(HIGHEST_RATE));
    assert_eq!(running.config.window, config.window);
}

/// Of 20 calls, half fail again and again if 30 % do.
#[test]
fn few_calls_may_need_a_higher_rate_as_well() {
    let config = Config {
        window: Window::count(20),
        failure_rate: Some(0.5),
        min_throughput: Some(20),
        consecutive_failures: None,
        slow_call: None,
        slow_rate: None,
        ..Config::default()
    };
    let traffic = seen().failure_rate(0.3);
    let mut advisor = Advisor::new(&traffic, &config, Means::ALL);
    advisor.judge();
    let settings: Vec<_> = advisor.suggestions.iter().map(|one| one.0).collect();
    assert_eq!(settings, [FAILURE_RATE, WINDOW, MIN_THROUGHPUT]);
    assert_eq!(advisor.config.failure_rate, Some(0.65));
    assert!(expected(&traffic, &advisor.config).false_trips < FALSE_OPENINGS);
    assert!(advisor.doubts.is_empty());
    // if half do not, a longer window will do
    let fewer = advised(&seen().failure_rate(0.1), &config);
    assert_eq!(
        fewer.iter().map(|one| one.0).collect::<Vec<_>>(),
        [WINDOW, MIN_THROUGHPUT]
    );
}

#[test]
fn a_count_within_what_is_usual() {
    let config = |count| Config {
        failure_count: Some(count),
        ..well()
    };
    let traffic = seen().failure_rate(0.01);
    // 100 failures in 10 s are usual
    assert_eq!(
        advised(&traffic, &config(50)),
        one(FAILURE_COUNT, "50 -> 290")
    );
    assert_eq!(
        advised(&traffic, &config(120)),
        one(FAILURE_COUNT, "120 -> 290")
    );
    assert_eq!(advised(&traffic, &config(200)), []);
}

#[test]
fn a_slow_limit_that_many_calls_exceed() {
    let config = Config {
        slow_call: Some(ms(100)),
        ..well()
    };
    let traffic = quick(seen()).slow_rate(0.02);
    assert_eq!(
        advised(&traffic, &config),
        one(SLOW_CALL, "\"100ms\" -> \"200ms\"")
    );
    let long_tail = seen().quantiles(Some(ms(20)), Some(ms(121)), Some(ms(900)));
    assert_eq!(
        advised(&long_tail, &config),
        one(SLOW_CALL, "\"100ms\" -> \"250ms\"")
    );
    // without durations, that is what is missing
    assert_eq!(
        advised(&seen().slow_rate(0.02), &config),
        one(DURATIONS, "false -> true")
    );
    let kept = Config {
        durations: true,
        ..config.clone()
    };
    assert_eq!(advised(&seen().slow_rate(0.02), &kept), []);
    // a limit that decides nothing is left alone
    let counts_only = Config {
        slow_rate: None,
        ..config
    };
    assert_eq!(advised(&traffic, &counts_only), []);
    // longer than a slow limit can be
    let endless = seen()
        .quantiles(None, Some(Duration::MAX), Some(Duration::MAX))
        .slow_rate(0.5);
    let high = Config {
        slow_rate: Some(0.95),
        ..kept
    };
    assert_eq!(advised(&endless, &high), []);
}

/// A longer limit does not help: they time out.
#[test]
fn calls_that_are_slow_because_they_fail() {
    let traffic = quick(seen()).failure_rate(0.1).slow_rate(0.1);
    let found = advised(&traffic, &well());
    assert!(
        !found.iter().any(|(setting, _)| *setting == SLOW_CALL),
        "{found:?}"
    );
    // so many as fail are slow by any limit
    let rate = Config {
        slow_rate: Some(0.12),
        ..well()
    };
    let settings: Vec<_> = advised(&traffic, &rate)
        .into_iter()
        .map(|(setting, _)| setting)
        .collect();
    assert!(
        settings.contains(&SLOW_RATE) || settings.contains(&MIN_THROUGHPUT),
        "{settings:?}"
    );
}

#[test]
fn a_rate_of_slow_calls_near_what_is_usual() {
    let config = Config {
        slow_call: Some(ms(100)),
        slow_rate: Some(0.2),
        durations: true,
        ..well()
    };
    let traffic = seen().slow_rate(0.3);
    assert_eq!(
        advised(&traffic, &config)[0],
        (SLOW_RATE, "0.2 -> 0.65".into())
    );
}

#[test]
fn a_wait_that_is_longer_than_outages() {
    let config = Config {
        open_for: Backoff::exponential(Duration::from_secs(60), 2.0).seed(3),
        ..well()
    };
    let outage = |seen: Observed| seen.outage(Duration::from_secs(60));
    assert_eq!(
        advised(&outage(outage(seen())), &config),
        [],
        "two are too few"
    );
    let traffic = outage(outage(outage(seen())));
    assert_eq!(
        advised(&traffic, &config),
        one(
            OPEN_FOR,
            "{ base = \"1m\", factor = 2.0, seed = 3 } -> { adaptive = true, max = \"30s\", seed = 3 }"
        )
    );
    let by_count = Config {
        window: Window::count(100),
        ..config.clone()
    };
    assert_eq!(
        advised(&traffic, &by_count)[0].1,
        "{ base = \"1m\", factor = 2.0, seed = 3 } -> { base = \"1s 400ms\", factor = 2.0, seed = 3 }"
    );
    let short = Config {
        open_for: Backoff::constant(Duration::from_secs(5)),
        ..config
    };
    assert_eq!(advised(&traffic, &short), []);
}

#[test]
fn rounds_that_give_up_too_soon() {
    let config = Config {
        half_open: HalfOpen::successes(3).probe_timeout(ms(300)),
        ..well()
    };
    assert_eq!(
        advised(&quick(seen()), &config),
        one(PROBE_TIMEOUT, "\"300ms\" -> \"400ms\"")
    );
    assert_eq!(advised(&seen(), &config), [], "durations are unknown");
}

#[test]
fn windows_that_never_hold_enough() {
    // five calls in ten seconds
    let traffic = Observed::new(1800, Duration::from_secs(3600)).failure_rate(0.001);
    let config = Config {
        min_throughput: Some(20),
        consecutive_failures: None,
        slow_rate: None,
        ..well()
    };
    assert_eq!(
        advised(&traffic, &config),
        one(
            WINDOW,
            "{ time = \"10s\", buckets = 10 } -> { time = \"1m 20s\", buckets = 10 }"
        )
    );
    // thirty calls: fifteen are enough
    let traffic = traffic.pace(3.0);
    let config = Config {
        min_throughput: Some(50),
        ..config
    };
    assert_eq!(advised(&traffic, &config), one(MIN_THROUGHPUT, "50 -> 5"));
}

#[test]
fn openings_of_windows_that_were_filling() {
    let traffic = quick(seen());
    let with = |calls: &[u64]| {
        calls.iter().fold(traffic.clone(), |seen, calls| {
            seen.false_opening(Cause::FailureRate, *calls)
        })
    };
    assert_eq!(
        advised(&with(&[60, 70, 80]), &well()),
        one(MIN_THROUGHPUT, "50 -> 160")
    );
    assert_eq!(advised(&with(&[60, 70]), &well()), []);
    assert_eq!(
        advised(&with(&[40, 30, 49]), &well()),
        [],
        "of other settings"
    );
    assert_eq!(
        advised(&with(&[9000, 9500, 9900]), &well()),
        [],
        "of full windows"
    );
}

/// A search for a better value ends, however many calls there are.
#[test]
fn the_fastest_breakers_are_judged() {
    let traffic = Observed::new(u64::MAX, Duration::from_secs(300));
    assert_eq!(traffic.pace, 1e9);
    let day = Window::time(Duration::from_secs(86_400));
    for failing in [0.001, 0.3, 0.9999, 1.0] {
        for (rate, count) in [(0.3001, 7), (0.9999, u32::MAX), (1.0, 4_000_000_000)] {
            let config = Config {
                window: day.clone(),
                failure_rate: Some(rate),
                failure_count: Some(count),
                ..well()
            };
            let traffic = traffic.clone().failure_rate(failing);
            let mut advisor = Advisor::new(&traffic, &config, Means::ALL);
            advisor.judge();
            assert_eq!(advisor.config.validate(), Ok(()));
        }
    }
}

fn configs() -> impl Strategy<Value = Config> {
    let span = |least: u64, most: u64| (least..most).prop_map(Duration::from_millis);
    let rate = || proptest::option::of(0.001..=1.0);
    let window = prop_oneof![
        (1u32..400, 1u64..2000)
            .prop_map(|(buckets, width)| Window::time(ms(width) * buckets).buckets(buckets)),
        (1u32..100_000).prop_map(Window::count),
    ];
    let failures = (
        rate(),
        proptest::option::of(1u32..3000),
        proptest::option::of(1u32..60),
        proptest::option::of(1u32..3000),
    );
    let slow = (proptest::option::of(span(1, 3000)), rate());
    let wait = prop_oneof![
        Just(Backoff::adaptive()),
        (1u64..100_000, 1.0..3.0, proptest::option::of(1u64..10)).prop_map(
            |(base, factor, max)| {
                let wait = Backoff::exponential(ms(base), factor).jitter(0.2);
                max.map_or(wait.clone(), |times| wait.max(ms(base * times)))
            }
        ),
    ];
    let round = (1u32..20, proptest::option::of(span(1, 5000)));
    let others = (
        proptest::bool::ANY,
        proptest::bool::ANY,
        proptest::bool::ANY,
    );
    (window, failures, slow, wait, round, others).prop_filter_map("valid", |all| {
        let (
            window,
            (failure_rate, min_throughput, consecutive_failures, failure_count),
            slow,
            open_for,
            round,
            others,
        ) = all;
        let (durations, outage, lenient) = others;
        let half_open = HalfOpen::successes(round.0);
        let config = Config {
            window,
            failure_rate,
            min_throughput,
            consecutive_failures,
            failure_count,
            slow_call: slow.0,
            slow_rate: slow.1,
            open_for,
            half_open: round.1.map_or(half_open.clone(), |timeout| {
                half_open.probe_timeout(timeout)
            }),
            durations,
            outage: outage.then(Outage::default),
            lenient: lenient.then(|| Lenient::new([crate::FailureKind::Overload], 0.25)),
            clock: ManualClock::new().into(),
            ..Config::default()
        };
        config.validate().is_ok().then_some(config)
    })
}

fn traffic() -> impl Strategy<Value = Observed> {
    let spans = || proptest::option::of((0u64..4_000_000).prop_map(Duration::from_micros));
    let rates = prop_oneof![Just(0.0), 0.0..0.1, 0.0..=1.0];
    let openings = proptest::collection::vec((proptest::bool::ANY, 0u64..5000), 0..6);
    let outages = proptest::collection::vec(1u64..200_000, 0..6);
    (
        -2.0..5.0,
        rates,
        proptest::option::of(0.0..=1.0),
        (spans(), spans(), spans()),
        openings,
        outages,
    )
        .prop_map(
            |(pace, failing, slow, (p50, p99, p999), openings, outages)| {
                let seen = Observed::new(1_000_000, Duration::from_secs(3600))
                    .pace(10.0_f64.powf(pace))
                    .failure_rate(failing)
                    .quantiles(p50, p99, p999);
                let seen = slow.map_or(seen.clone(), |slow| seen.slow_rate(slow));
                let seen = openings.into_iter().fold(seen, |seen, (by_rate, calls)| {
                    let cause = if by_rate {
                        Cause::FailureRate
                    } else {
                        Cause::ConsecutiveFailures
                    };
                    seen.false_opening(cause, calls)
                });
                outages
                    .into_iter()
                    .fold(seen, |seen, outage| seen.outage(ms(outage)))
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// A breaker can be built of what is suggested, and then nothing is.
    #[test]
    fn advice_is_valid_and_final(config in configs(), seen in traffic()) {
        let mut first = Advisor::new(&seen, &config, Means::ALL);
        first.judge();
        prop_assert!(first.config.validate().is_ok());
        // as measured by the new limit
        let seen = match first.config.slow_call.filter(|_| seen.slow.is_some()) {
            Some(limit) => seen.clone().slow_rate(first.seen.slow_at(limit)),
            None => seen,
        };
        let mut second = Advisor::new(&seen, &first.config, Means::ALL);
        second.judge();
        prop_assert!(second.suggestions.is_empty(), "after {:?}: {:?}", first.suggestions, second.suggestions);
    }

    /// What is suggested for the rules lessens false openings, and costs no more than it has to.
    #[test]
    fn advice_lessens_false_openings(config in configs(), seen in traffic()) {
        let mut advisor = Advisor::new(&seen, &config, Means::ALL);
        advisor.judge();
        let on_rules = |one: &&Mended| [FAILURE_RATE, CONSECUTIVE_FAILURES, FAILURE_COUNT, SLOW_CALL, SLOW_RATE].contains(&one.0);
        let count = advisor.suggestions.iter().filter(on_rules).count();
        // a rule that was blind and is not any more may open falsely
        prop_assume!(!advisor.suggestions.iter().any(|one| [WINDOW, MIN_THROUGHPUT].contains(&one.0)));
        let (before, after) = (expected(&seen, &config), expected(&advisor.seen, &advisor.config));
        if count == 0 {
            prop_assert_eq!(before.detect, after.detect);
        }
        prop_assert!(after.false_trips <= before.false_trips, "{:?}: {before:?} {after:?}", advisor.suggestions);
    }

    /// Without its means, advice keeps to the settings that can be changed.
    #[test]
    fn advice_keeps_to_its_means(config in configs(), seen in traffic()) {
        let means = Means { fixed: false, adaptive: false };
        let mut advisor = Advisor::new(&seen, &config, means);
        advisor.judge();
        prop_assert_eq!(&advisor.config.window, &config.window);
        prop_assert_eq!(advisor.config.durations, config.durations);
        prop_assert!(config.open_for.adaptive || !advisor.config.open_for.adaptive);
        prop_assert!(advisor.config.validate().is_ok());
    }
}
