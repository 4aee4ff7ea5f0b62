//! The fleet's decision: one pure function. A store is right if it agrees with it.

use super::rules::{FORGOTTEN_AFTER, Rules, VOTE_LIFE, millis};
use super::vote::{Vote, Votes};

#[cfg(test)]
mod tests;

/// What a fleet has found out about one breaker's dependency, and who probes it. A breaker of which nothing is known
/// has the default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Whether the dependency is down.
    pub down: bool,
    /// The number of the latest verdict, up or down: the store's time in milliseconds, or more. It only grows.
    pub seq: u64,
    /// When the next probe may begin, in the store's milliseconds.
    pub next: u64,
    /// The lease, if an instance probes.
    pub lease: Option<Lease>,
    /// The latest token. It only grows.
    pub token: u64,
    /// The instance whose probe failed last.
    pub failed_last: Option<String>,
    /// The latest probe, or the latest failure of a closed breaker, in the store's milliseconds.
    pub seen: u64,
}

/// An instance's permission to probe. It is of the record's latest token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Who has it.
    pub instance: String,
    /// Until when, in the store's milliseconds.
    pub until: u64,
}

/// What an instance reports of one breaker.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The breaker's name, or the key of a registry.
    pub breaker: String,
    /// The instance's stable name.
    pub instance: String,
    /// `None` withdraws the vote before.
    pub vote: Option<Vote>,
    /// The number of the latest verdict that it knows: a standing vote from before the fleet was found up is of no use.
    pub seq: u64,
    /// Its breaker is open, and has rejected calls since the last report: it would probe.
    pub demand: bool,
    /// What became of its probe.
    pub probe: Option<Probe>,
    /// The rules by which it is decided.
    pub rules: Rules,
}

/// A lease in a report, by its token. An older token changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// The round goes on: the lease is renewed.
    Renewed(u64),
    /// A probe succeeded: the dependency is up.
    Succeeded(u64),
    /// The round was lost.
    Failed(u64),
}

/// What the store answers to a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The store's time in milliseconds.
    pub now: u64,
    /// Whether the dependency is down.
    pub down: bool,
    /// The number of that verdict: one with a smaller number is older.
    pub seq: u64,
    /// The token of the instance's lease, if it may probe.
    pub lease: Option<u64>,
    /// How many votes there are: the more, the rarer need the reports be.
    pub votes: u64,
}

/// No store has given a larger number: a store may have to count in floating point.
const LARGEST_KNOWN: u64 = 1 << 52;

/// Takes a report at that time, in milliseconds. Returns what the instance is answered, and whether the verdict changed,
/// which other instances want to know at once.
///
/// The dependency is *down* once a report with failures comes, and either
///
/// - at least [`quorum`](Rules::quorum) votes of closed breakers are failing, with [`min_failures`](Rules::min_failures) failures
///   in all votes, and a part of the calls of at least [`failure_rate`](Rules::failure_rate); or
/// - at least `quorum` votes are standing, and these are half of all.
///
/// It is *up* once a probe succeeds, or if nothing was heard of it for 15 s: no probe, and no failure of a closed
/// breaker.
///
/// Time may step back. A lease or a wait for the next probe that ends later than it can by now is over.
///
/// ```
/// use tripcoil::fleet::{Record, Report, Rules, Vote, Votes, decide};
///
/// let (mut record, mut votes) = (Record::default(), Votes::default());
/// let mut failing = |instance: &str| {
///     let report = Report {
///         breaker: "orders".into(),
///         instance: instance.into(),
///         vote: Some(Vote::Outcomes { calls: 2_667, failures: 2_667 }),
///         seq: 0,
///         demand: false,
///         probe: None,
///         rules: Rules::new(),
///     };
///     decide(&mut record, &mut votes, &report, 1_000).0.down
/// };
/// assert!(!failing("pod-1"));
/// assert!(!failing("pod-1"), "again the same");
/// assert!(!failing("pod-2"));
/// assert!(failing("pod-3"), "a quorum");
/// ```
pub fn decide(record: &mut Record, votes: &mut Votes, report: &Report, now: u64) -> (Answer, bool) {
    let before = (record.down, record.seq);
    let rules = &report.rules;
    let (every, lease) = (millis(rules.probe_every), millis(rules.probe_lease));
    let mine = |lease: &Lease| lease.instance == report.instance;

    votes.drop_old(now, VOTE_LIFE);
    // the clock may have stepped back
    record.next = record.next.min(now + every);
    record.seen = record.seen.min(now);
    let longest = now + lease.max(VOTE_LIFE);
    record.lease.take_if(|held| held.until > longest);

    // a token that is not the latest, or was given back, is of no use
    let current = |token| token == record.token && record.lease.as_ref().is_some_and(mine);
    match report.probe {
        Some(Probe::Succeeded(token)) if current(token) => {
            record.lease = None;
            if record.down {
                record.turn(false, now, report.seq);
                votes.clear();
            }
        }
        Some(Probe::Failed(token)) if current(token) => {
            record.lease = None;
            record.failed_last = Some(report.instance.clone());
            record.seen = now;
        }
        Some(Probe::Renewed(token)) if current(token) => {
            if let Some(held) = &mut record.lease {
                held.until = now + lease;
            }
            record.seen = now;
        }
        _ => {}
    }

    let outdated = !record.down && report.seq < record.seq;
    let vote = report
        .vote
        .filter(|vote| !(outdated && *vote == Vote::Standing));
    match vote {
        Some(vote) => votes.put(&report.instance, vote, now),
        None => votes.remove(&report.instance),
    }

    let has_failures = vote.is_some_and(Vote::has_failures);
    if record.down {
        if has_failures && vote != Some(Vote::Standing) {
            record.seen = now;
        } else if now - record.seen > FORGOTTEN_AFTER {
            record.turn(false, now, report.seq);
            votes.clear();
        }
    } else if has_failures {
        let sums = votes.sums();
        let quorum = u64::from(rules.quorum);
        let failing = sums.failing >= quorum
            && sums.failures >= u64::from(rules.min_failures) * 1_000
            && sums.failures * 1_000 >= rules.rate() * sums.calls;
        let standing = sums.standing >= quorum && sums.standing * 2 >= sums.votes;
        if failing || standing {
            record.turn(true, now, report.seq);
            record.next = now + every;
            record.seen = now;
            record.failed_last = None;
        }
    }

    let live = record.lease.as_ref().filter(|held| held.until > now);
    let holds = live.is_some_and(mine);
    let free = live.is_none() || holds;
    let renews = holds && report.probe == Some(Probe::Renewed(record.token));
    let lost = record.failed_last.as_ref() == Some(&report.instance);
    let due = record.next + if lost { every } else { 0 };
    let given = record.down && report.demand && free && !renews && now >= due;
    if given {
        record.token = now.max(record.token + 1);
        record.lease = Some(Lease {
            instance: report.instance.clone(),
            until: now + lease,
        });
        record.next = now + every;
        record.seen = now;
    }
    let answer = Answer {
        now,
        down: record.down,
        seq: record.seq,
        lease: (given || (record.down && holds)).then_some(record.token),
        votes: votes.len() as u64,
    };
    (answer, before != (record.down, record.seq))
}

impl Record {
    /// There is another verdict. After a loss of data its number is above what an instance knows, even if the clock
    /// stepped back meanwhile.
    fn turn(&mut self, down: bool, now: u64, known: u64) {
        self.down = down;
        self.seq = now.max(self.seq + 1);
        if known <= LARGEST_KNOWN {
            self.seq = self.seq.max(known + 1);
        }
        self.lease = None;
    }
}
