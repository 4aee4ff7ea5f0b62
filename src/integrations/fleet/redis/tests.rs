//! The script against `decide`, on a real server; and names, errors and words without one.
#![allow(clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

use super::keys::FleetKeys;
use super::{REPORT, problem, report};
use crate::fleet::{Reason, RedisStore};
use crate::integrations::fleet::decide::{Answer, Lease, Probe, Record, Report, decide};
use crate::integrations::fleet::rules::{FORGOTTEN_AFTER, Rules, VOTE_LIFE};
use crate::integrations::fleet::vote::{Vote, Votes};
use ::redis::{Commands as _, Connection, Value};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

#[path = "../../../../tests/fleet_redis/server.rs"]
#[expect(dead_code, reason = "tests/fleet_redis uses the rest")]
mod server;

use server::Server;

/// The script with the time as two more arguments, which the store's own does not have.
fn at_a_given_time() -> String {
    let clock = "call('TIME')";
    assert_eq!(REPORT.source.matches(clock).count(), 1);
    REPORT.source.replace(clock, "{ ARGV[13], ARGV[14] }")
}

#[derive(Clone, Debug)]
enum Step {
    Report(Asked),
    /// Each of so many instances reports.
    Crowd(usize, Asked),
    /// Milliseconds to go, or back.
    Time(i64),
    /// The moment at which something begins or ends, and milliseconds from it.
    Near(Moment, i64),
    /// Of the ages, the votes and the record.
    Evict(bool, bool, bool),
}

/// A report whose numbers depend on what came before.
#[derive(Clone, Debug)]
struct Asked {
    who: Who,
    vote: Option<Vote>,
    seq: Number,
    demand: bool,
    probe: Option<(Kind, Number)>,
    rules: Rules,
}

#[derive(Clone, Copy, Debug)]
enum Moment {
    NextProbe,
    /// Of the instance whose probe failed last.
    NextProbeOfThatOne,
    EndOfLease,
    Forgotten,
    /// An old vote is dropped.
    Old,
    /// The same of one from a time to come.
    Ahead,
}

impl Moment {
    fn at(self, record: &Record, votes: &Votes) -> Option<u64> {
        let oldest = || votes.iter().map(|(_, at, _)| at).min();
        match self {
            Moment::NextProbe => Some(record.next),
            Moment::NextProbeOfThatOne => Some(record.next + 1_000),
            Moment::EndOfLease => record.lease.as_ref().map(|lease| lease.until),
            Moment::Forgotten => Some(record.seen + FORGOTTEN_AFTER),
            Moment::Old => oldest().map(|at| at + VOTE_LIFE),
            Moment::Ahead => oldest().map(|at| at.saturating_sub(VOTE_LIFE)),
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Who {
    Instance(usize),
    /// The holder of the lease, or the first instance.
    Holder,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Renewed,
    Succeeded,
    Failed,
}

#[derive(Clone, Copy, Debug)]
enum Number {
    Current,
    Older,
    Newer,
    Zero,
    Largest,
}

impl Number {
    fn of(self, current: u64) -> u64 {
        match self {
            Number::Current => current,
            Number::Older => current.saturating_sub(1),
            Number::Newer => current + 1,
            Number::Zero => 0,
            Number::Largest => u64::MAX,
        }
    }
}

/// Names that a script might mistake for its own.
const ODD: [&str; 8] = ["pod-0", "", "#n", "v:pod-0", "a b", "ü/*{}", "0", "-inf"];

fn name(instance: usize) -> String {
    ODD.get(instance)
        .map_or_else(|| format!("pod-{instance}"), |&odd| odd.to_owned())
}

fn votes() -> impl Strategy<Value = Option<Vote>> {
    let outcomes = |calls, failures| Some(Vote::Outcomes { calls, failures });
    prop_oneof![
        2 => Just(None),
        8 => Just(outcomes(2_667, 2_667)),
        3 => Just(outcomes(2_667, 0)),
        1 => Just(outcomes(0, 0)),
        1 => Just(outcomes(0, 5)),
        6 => Just(Some(Vote::Standing)),
        3 => (0..9_u32, 0..9_u32).prop_map(move |(calls, failures)| outcomes(calls, failures)),
        1 => (any::<u32>(), any::<u32>()).prop_map(move |(calls, failures)| outcomes(calls, failures)),
    ]
}

fn numbers() -> impl Strategy<Value = Number> {
    prop_oneof![
        12 => Just(Number::Current),
        2 => Just(Number::Older),
        1 => Just(Number::Newer),
        2 => Just(Number::Zero),
        1 => Just(Number::Largest),
    ]
}

fn rules() -> impl Strategy<Value = Rules> {
    let odd = (
        prop_oneof![0..4_u32, Just(u32::MAX)],
        prop_oneof![0..9_u32, Just(u32::MAX)],
        prop_oneof![
            Just(0.5),
            Just(1.0),
            Just(0.0),
            Just(f64::NAN),
            Just(-1.0),
            0.0..1.0
        ],
        prop_oneof![0..3_000_u64, Just(u64::MAX)],
        prop_oneof![0..20_000_u64, Just(u64::MAX)],
    );
    prop_oneof![
        5 => Just(Rules::new()),
        1 => odd.prop_map(|(quorum, min_failures, failure_rate, every, lease)| Rules {
            quorum,
            min_failures,
            failure_rate,
            probe_every: Duration::from_millis(every),
            probe_lease: Duration::from_millis(lease),
        }),
    ]
}

fn sequences() -> impl Strategy<Value = (u64, Vec<Step>)> {
    let who = prop_oneof![
        4 => (0..6_usize).prop_map(Who::Instance),
        3 => (0..24_usize).prop_map(Who::Instance),
        3 => Just(Who::Holder),
    ];
    let kind = prop_oneof![
        Just(Kind::Renewed),
        Just(Kind::Succeeded),
        Just(Kind::Failed)
    ];
    let probe = prop_oneof![3 => Just(None), 2 => (kind, numbers()).prop_map(Some)];
    let asked = (who, votes(), numbers(), any::<bool>(), probe, rules())
        .prop_map(|(who, vote, seq, demand, probe, rules)| Asked {
            who,
            vote,
            seq,
            demand,
            probe,
            rules,
        })
        .boxed();
    let moment = prop_oneof![
        Just(Moment::NextProbe),
        Just(Moment::NextProbeOfThatOne),
        Just(Moment::EndOfLease),
        Just(Moment::Forgotten),
        Just(Moment::Old),
        Just(Moment::Ahead),
    ];
    let time = prop_oneof![
        8 => 0..300_i64,
        4 => 900..1_100_i64,
        2 => 4_990..5_010_i64,
        2 => 9_999..10_002_i64,
        2 => 14_999..15_003_i64,
        1 => Just(60_000_i64),
        1 => Just(-1_i64),
        1 => -10_002..-9_998_i64,
        1 => Just(-3_600_000_i64),
    ];
    let step = prop_oneof![
        12 => asked.clone().prop_map(Step::Report),
        1 => (15..40_usize, asked).prop_map(|(instances, asked)| Step::Crowd(instances, asked)),
        4 => time.prop_map(Step::Time),
        3 => (moment, -1..2_i64).prop_map(|(moment, by)| Step::Near(moment, by)),
        1 => any::<(bool, bool, bool)>().prop_map(|(ages, votes, record)| Step::Evict(ages, votes, record)),
    ];
    let begin = prop_oneof![9 => Just(1_764_500_000_000_u64), 1 => Just(5_u64)];
    (begin, prop::collection::vec(step, 1..120))
}

/// What happened, so that the steps are known to be of all kinds.
type Kinds = BTreeSet<&'static str>;

/// Connections to a server, and what was done there.
struct Bench {
    connection: Connection,
    news: Connection,
    /// Of the script at a given time.
    hash: String,
    cases: usize,
    reports: usize,
    kinds: Kinds,
}

#[test]
fn the_script_decides_as_decide() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let client = ::redis::Client::open(server.url("")).expect("its URL");
    let mut connection = client.get_connection().expect("a connection");
    let mut load = ::redis::cmd("SCRIPT");
    let hash = load
        .arg("LOAD")
        .arg(at_a_given_time())
        .query(&mut connection);
    let bench = RefCell::new(Bench {
        connection,
        news: client.get_connection().expect("another one"),
        hash: hash.expect("a script without mistakes"),
        cases: 0,
        reports: 0,
        kinds: Kinds::new(),
    });
    let mut runner = TestRunner::new(Config {
        cases: 250,
        ..Config::with_source_file(file!())
    });
    let agreed = runner.run(&sequences(), |(begin, steps)| {
        bench.borrow_mut().agree(begin, &steps)
    });
    if let Err(error) = agreed {
        panic!("{error}");
    }
    let bench = bench.into_inner();
    eprintln!("{} sequences, {} reports", bench.cases, bench.reports);
    let kinds = [
        "down",
        "up",
        "forgotten",
        "lease",
        "renewed",
        "outdated",
        "old votes",
        "most old votes",
        "evicted",
    ];
    assert_eq!(bench.kinds, BTreeSet::from(kinds), "some did not happen");
}

/// What the model expects of a report: its answer, and what is stored and published then.
struct Expected {
    answer: Answer,
    record: Record,
    votes: Votes,
    published: Option<String>,
    left: bool,
}

impl Bench {
    /// Lets `decide` take the steps, and then the script: all of them in one pipeline, with a look at the keys after each
    /// report.
    fn agree(&mut self, begin: u64, steps: &[Step]) -> Result<(), TestCaseError> {
        self.cases += 1;
        let keys = FleetKeys::of(&format!("fleet {}", self.cases));
        let breaker = "orders/{eu} 1:2";
        let of_breaker = keys.breaker(breaker);
        let (mut record, mut votes, mut now) = (Record::default(), Votes::default(), begin);
        let (mut pipeline, mut expected) = (::redis::pipe(), Vec::new());
        for step in steps {
            let reports = match step {
                Step::Time(by) => {
                    now = now.saturating_add_signed(*by);
                    Vec::new()
                }
                Step::Near(moment, by) => {
                    // not to the epoch, from a record of nothing
                    let at = moment.at(&record, &votes).filter(|at| *at > 30_000);
                    now = at.map_or(now, |at| at.saturating_add_signed(*by));
                    Vec::new()
                }
                Step::Evict(ages, sums, all) => {
                    // one without the other is of no use
                    if (*ages || *sums) && !votes.is_empty() {
                        votes = Votes::default();
                        self.kinds.insert("evicted");
                    }
                    if *all {
                        record = Record::default();
                    }
                    for (evicted, key) in [
                        (ages, &of_breaker.ages),
                        (sums, &of_breaker.votes),
                        (all, &of_breaker.record),
                    ] {
                        if *evicted {
                            pipeline.del(key).ignore();
                        }
                    }
                    Vec::new()
                }
                Step::Report(asked) => vec![asked.clone()],
                Step::Crowd(instances, asked) => (0..*instances)
                    .map(|number| Asked {
                        who: Who::Instance(number),
                        ..asked.clone()
                    })
                    .collect(),
            };
            for asked in reports {
                let report = asked.report(breaker, &record);
                let before = (record.clone(), votes.len());
                let (answer, changed) = decide(&mut record, &mut votes, &report, now);
                self.note(&before, &report, &answer, &record);
                let published =
                    changed.then(|| format!("{breaker} {}:{}", u8::from(answer.down), answer.seq));
                expected.push(Expected {
                    answer,
                    record: record.clone(),
                    votes: votes.clone(),
                    published,
                    left: record != Record::default(),
                });
                for key in [&of_breaker.ages, &of_breaker.votes, &of_breaker.record] {
                    // to be renewed
                    pipeline.expire(key, 10).ignore();
                }
                let mut command = report::evaluate(&self.hash, &keys, &report);
                // what is below a millisecond is of no interest
                command.arg(now / 1_000).arg(now % 1_000 * 1_000 + 999);
                pipeline.add_command(command);
                pipeline.zrange_withscores(&of_breaker.ages, 0, -1);
                pipeline.hgetall(&of_breaker.votes);
                pipeline.hgetall(&of_breaker.record);
                for key in [&of_breaker.ages, &of_breaker.votes, &of_breaker.record] {
                    pipeline.ttl(key);
                }
            }
        }
        self.reports += expected.len();
        let mut news = self.news.as_pubsub();
        news.subscribe(&keys.channel)?;
        pipeline.cmd("PUBLISH").arg(&keys.channel).arg("the end");
        let values: Vec<Value> = pipeline.query(&mut self.connection)?;
        for (expected, found) in expected.iter().zip(values.chunks_exact(7)) {
            expected.compare(found)?;
        }
        let published = expected.iter().filter_map(|step| step.published.clone());
        let published: Vec<String> = published.chain(["the end".to_owned()]).collect();
        for text in published {
            prop_assert_eq!(news.get_message()?.get_payload::<String>()?, text);
        }
        Ok(())
    }

    fn note(&mut self, before: &(Record, usize), report: &Report, answer: &Answer, after: &Record) {
        let (record, votes) = before;
        let mut happened = |is: bool, kind| {
            if is {
                self.kinds.insert(kind);
            }
        };
        let turned = record.seq != after.seq;
        let succeeded =
            matches!(report.probe, Some(Probe::Succeeded(token)) if token == record.token);
        happened(turned && answer.down, "down");
        happened(turned && !answer.down && succeeded, "up");
        happened(turned && !answer.down && !succeeded, "forgotten");
        happened(after.token != record.token, "lease");
        let prolonged = record.token == after.token
            && after.lease.as_ref().map(|lease| lease.until)
                > record.lease.as_ref().map(|lease| lease.until);
        happened(prolonged, "renewed");
        let outdated =
            !answer.down && report.vote == Some(Vote::Standing) && report.seq < record.seq;
        happened(outdated && !turned, "outdated");
        let dropped = votes.saturating_sub(usize::try_from(answer.votes).expect("a few"));
        happened(!turned && dropped > 1, "old votes");
        happened(!turned && dropped >= 15, "most old votes");
    }
}

impl Asked {
    fn report(&self, breaker: &str, record: &Record) -> Report {
        let holder = || record.lease.as_ref().map(|lease| lease.instance.clone());
        let token = |number: Number| number.of(record.token);
        Report {
            breaker: breaker.to_owned(),
            instance: match self.who {
                Who::Instance(number) => name(number),
                Who::Holder => holder().unwrap_or_else(|| name(0)),
            },
            vote: self.vote,
            seq: self.seq.of(record.seq),
            demand: self.demand,
            probe: self.probe.map(|(kind, number)| match kind {
                Kind::Renewed => Probe::Renewed(token(number)),
                Kind::Succeeded => Probe::Succeeded(token(number)),
                Kind::Failed => Probe::Failed(token(number)),
            }),
            rules: self.rules,
        }
    }
}

type Hash = BTreeMap<String, String>;

impl Expected {
    fn compare(&self, found: &[Value]) -> Result<(), TestCaseError> {
        let answer = report::answer(&found[0]);
        prop_assert_eq!(answer.as_ref(), Ok(&self.answer), "{:?}", &found[0]);

        let ages: BTreeMap<String, u64> = ::redis::from_redis_value_ref(&found[1])?;
        let mut stored: Hash = ::redis::from_redis_value_ref(&found[2])?;
        let sums = self.votes.sums();
        let expected = [
            ("#n", sums.votes),
            ("#c", sums.calls),
            ("#f", sums.failures),
            ("#b", sums.failing),
            ("#o", sums.standing),
        ];
        prop_assert_eq!(stored.is_empty(), self.votes.is_empty());
        for (sum, expected) in expected {
            let found = stored.remove(sum).unwrap_or_else(|| "0".to_owned());
            prop_assert_eq!(found, expected.to_string(), "{}", sum);
        }
        let votes = self.votes.iter();
        let expected: (BTreeMap<String, u64>, Hash) = votes
            .map(|(name, at, vote)| {
                let (calls, failures) = vote.counted();
                let standing = u8::from(vote == Vote::Standing);
                let text = format!("{calls}:{failures}:{standing}");
                ((name.to_owned(), at), (format!("v:{name}"), text))
            })
            .unzip();
        prop_assert_eq!((ages, stored), expected);

        let stored: Hash = ::redis::from_redis_value_ref(&found[3])?;
        let number = |field: &str| {
            stored
                .get(field)
                .map_or(0, |text| text.parse().expect("digits"))
        };
        let record = Record {
            down: stored.get("v").is_some_and(|down| down == "1"),
            seq: number("seq"),
            next: number("next"),
            lease: stored.get("lid").map(|instance| Lease {
                instance: instance.clone(),
                until: number("lend"),
            }),
            token: number("tok"),
            failed_last: stored.get("lastbad").cloned(),
            seen: number("seen"),
        };
        prop_assert_eq!(&record, &self.record);

        let there = [!self.votes.is_empty(), !self.votes.is_empty(), self.left];
        for (value, there) in found[4..].iter().zip(there) {
            let ttl: i64 = ::redis::from_redis_value_ref(value)?;
            prop_assert!(
                if there {
                    (11..=60).contains(&ttl)
                } else {
                    ttl == -2
                },
                "{}",
                ttl
            );
        }
        Ok(())
    }
}

/// Many names come, as of pods that are replaced all the time: only those of the last 10 s are kept, and each report
/// drops some.
#[test]
fn ten_thousand_names_take_bounded_memory() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let client = ::redis::Client::open(server.url("")).expect("its URL");
    let mut connection = client.get_connection().expect("a connection");
    let mut load = ::redis::cmd("SCRIPT");
    let hash = load
        .arg("LOAD")
        .arg(at_a_given_time())
        .query(&mut connection);
    let hash: String = hash.expect("a script without mistakes");
    let keys = FleetKeys::of("checkout");
    let of_breaker = keys.breaker("orders");
    let mut votes_at = |names: std::ops::Range<u64>, each: u64| -> (u64, u64) {
        let mut most = 0;
        for some in names.clone().step_by(500) {
            let mut pipeline = ::redis::pipe();
            for number in some..names.end.min(some + 500) {
                let report = Report {
                    breaker: "orders".to_owned(),
                    instance: format!("checkout-6f7d9c-{number:05}"),
                    vote: Some(Vote::Outcomes {
                        calls: 2_667,
                        failures: 0,
                    }),
                    seq: 0,
                    demand: false,
                    probe: None,
                    rules: Rules::new(),
                };
                let now = 1_764_500_000_000 + number * each;
                let mut command = report::evaluate(&hash, &keys, &report);
                command.arg(now / 1_000).arg(now % 1_000 * 1_000);
                pipeline.add_command(command);
            }
            let answers: Vec<Value> = pipeline.query(&mut connection).expect("answers");
            let votes = answers
                .iter()
                .map(|value| report::answer(value).expect("an answer").votes);
            most = most.max(votes.max().expect("some"));
        }
        let memory = [&of_breaker.ages, &of_breaker.votes].map(|key| {
            let mut usage = ::redis::cmd("MEMORY");
            usage.arg("USAGE").arg(key).arg("SAMPLES").arg(0);
            let bytes: u64 = usage.query(&mut connection).expect("its size");
            let ttl: i64 = connection.ttl(key).expect("its life");
            assert!((1..=60).contains(&ttl), "{ttl}");
            bytes
        });
        (most, memory.iter().sum())
    };
    // 1,000 names per second
    let (most, bytes) = votes_at(0..10_000, 1);
    assert_eq!(most, 10_000);
    eprintln!("10,000 votes: {bytes} bytes");
    assert!(bytes < 400 * 10_000, "{bytes}");
    let (most, later) = votes_at(10_000..40_000, 1);
    assert_eq!(most, 10_001, "those of 10 s, both ends included");
    assert!(later < 2 * bytes, "{later} after {bytes}");
    // and then few: 16 old ones are dropped at each report
    let (_, last) = votes_at(40_000..41_000, 1_000);
    assert!(last < bytes / 100, "{last} after {bytes}");
}

#[test]
fn two_breakers_never_share_a_key() {
    let names = [
        "", "*", "a", "a/b", "b", "{a}", "a}", "a:ev", "%2F", "/", "ü", "A", "a b", "\0", "a\n",
    ];
    let mut all = BTreeSet::new();
    for fleet in names {
        let keys = FleetKeys::of(fleet);
        for breaker in names {
            let of_breaker = keys.breaker(breaker);
            for key in [of_breaker.ages, of_breaker.votes, of_breaker.record] {
                assert!(
                    all.insert(key.clone()),
                    "{key} of {fleet:?} and {breaker:?}"
                );
                // one slot of a cluster
                let tag = key.split(['{', '}']).collect::<Vec<_>>();
                assert_eq!(tag.len(), 3, "{key}");
                assert!(tag[1].contains('/'), "{key}");
                assert!(!tag[1].contains(['*', '?', '[', '\\', ' ']), "{key}");
            }
        }
        assert!(all.insert(keys.words));
        assert!(all.insert(keys.channel));
    }
    let keys = FleetKeys::of("checkout");
    assert_eq!(keys.words, "tc1:{checkout}:ov");
    assert_eq!(keys.breaker("orders").record, "tc1:{checkout/orders}:rec");
}

proptest! {
    #[test]
    fn any_two_breakers_never_share_a_key(fleets: [String; 2], breakers: [String; 2]) {
        let of = |at: usize| FleetKeys::of(&fleets[at]).breaker(&breakers[at]).votes;
        let same = fleets[0] == fleets[1] && breakers[0] == breakers[1];
        prop_assert_eq!(of(0) == of(1), same);
    }
}

#[test]
fn a_bad_url_is_explained_without_its_password() {
    let bad = [
        ("", "has no scheme"),
        ("user:hunter2@host", "has no scheme"),
        ("http://user:hunter2@host", "unknown scheme"),
        ("hunter2://host", "unknown scheme"),
        ("redis://", "has no host"),
        ("redis://user:hunter2@", "has no host"),
        ("redis://user:hunter2@:6379", "has no host"),
        ("redis://user:hunter2@host:70000", "has a port"),
        ("redis://:hunter2/x@host", "must be percent-encoded"),
        ("redis://user:hunter2/x@host", "must be percent-encoded"),
        // a host `user` and its port, if there were no `@`
        (
            "redis://user:2024#hunter2@host:6379",
            "must be percent-encoded",
        ),
        (
            "redis://user:2024?hunter2@host:6379",
            "must be percent-encoded",
        ),
        (
            "redis://user:2024/hunter2@host:6379",
            "must be percent-encoded",
        ),
        ("redis://:2024#hunter2@host", "must be percent-encoded"),
        // they would be the server's default user
        ("redis://user@host:6379", "has a user and no password"),
        ("redis://user:@host:6379", "has a user and no password"),
        (
            "redis+unix:///run/redis.sock?user=ana",
            "has a user and no password",
        ),
        (
            "unix:///run/redis.sock?user=ana&pass=",
            "has a user and no password",
        ),
        ("redis://user:hunter2@host/first", "Invalid database number"),
        (
            "redis://user:hunter2@host/?protocol=9",
            "Invalid protocol version",
        ),
        ("redis://user:hunter2@0.0.0.0", "wildcard address"),
        ("redis://user:hunter2@ho st", "did not parse"),
        ("redis://user:hunter2@[::1", "did not parse"),
        (
            "redis://user:%FFhunter2@host",
            "Password is not valid UTF-8",
        ),
        ("redis+unix://hunter2@host", "cannot be used"),
        ("rediss://user:hunter2@host", "asks for TLS"),
    ];
    for (url, why) in bad {
        let Err(down) = RedisStore::connect(url) else {
            panic!("{url} is permitted");
        };
        let text = down.to_string();
        assert!(text.contains(why), "{url}: {text}");
        assert!(!text.contains("hunter2"), "{url}: {text}");
        assert!(!text.contains('\n'), "{url}: {text}");
    }
    let good = [
        "redis://host",
        "redis://host:6379",
        "redis://user:hunter2@host:6379/3",
        "redis://:hunter2@host",
        "redis://user:hunter2%23%3F%2F%40@host",
        "REDIS://[::1]:6379/",
        "valkey://host/?protocol=resp2",
        "redis+unix:///run/redis.sock?db=2&user=ana&pass=hunter2",
    ];
    for url in good {
        let store = RedisStore::connect(url);
        let store = store.unwrap_or_else(|down| panic!("{url}: {down}"));
        assert!(!format!("{store:?}").contains("hunter2"), "{store:?}");
    }
}

#[test]
fn errors_of_a_server_have_reasons() {
    let errors = [
        (
            "-NOPERM this user has no permissions to run the 'set' command",
            Reason::Denied,
        ),
        (
            "-WRONGPASS invalid username-password pair or user is disabled.",
            Reason::Denied,
        ),
        ("-NOAUTH Authentication required.", Reason::Denied),
        (
            "-READONLY You can't write against a read only replica.",
            Reason::ReadOnly,
        ),
        (
            "-OOM command not allowed when used memory > 'maxmemory'.",
            Reason::ReadOnly,
        ),
        (
            "-LOADING Redis is loading the dataset in memory",
            Reason::ReadOnly,
        ),
        (
            "-NOREPLICAS Not enough good replicas to write.",
            Reason::ReadOnly,
        ),
        (
            "-MISCONF Redis is configured to save RDB snapshots",
            Reason::ReadOnly,
        ),
        ("-BUSY Redis is busy running a script.", Reason::ReadOnly),
        ("-CLUSTERDOWN Hash slot not served", Reason::ReadOnly),
        (
            "-ERR Error running script (call to f_0a): @user_script:7: @user_script: 7: -OOM command not allowed",
            Reason::ReadOnly,
        ),
        (
            "-ERR user_script:12: attempt to perform arithmetic on a nil value script: 0a, on @user_script:12.",
            Reason::Script,
        ),
        (
            "-WRONGTYPE Operation against a key holding the wrong kind of value script: 0a, on @user_script:12.",
            Reason::Script,
        ),
        (
            "-NOSCRIPT No matching script. Please use EVAL.",
            Reason::Script,
        ),
        ("-ERR unknown command 'EVALSHA'", Reason::Protocol),
        ("-MOVED 1234 10.0.0.2:6379", Reason::Protocol),
    ];
    for (text, reason) in errors {
        let answer = ::redis::parse_redis_value(format!("{text}\r\n").as_bytes());
        let Ok(Value::ServerError(error)) = answer else {
            panic!("{text}: {answer:?}");
        };
        let down = problem::refused(&error);
        assert_eq!(down.reason, reason, "{text}");
        let first = text[1..].split(' ').next().expect("its code");
        assert!(down.detail.starts_with(first), "{down}");
    }
}
