//! Reports as the script reads them, and its answers.

use super::keys::FleetKeys;
use crate::integrations::fleet::decide::{Answer, Probe, Report};
use crate::integrations::fleet::rules::millis;
use crate::integrations::fleet::store::{Down, Reason};
use crate::integrations::fleet::vote::Vote;
use ::redis::{Cmd, Value};

/// Larger numbers are not exact in the script. No store has given one.
const LARGEST: u64 = 1 << 53;

/// Returns the command that evaluates the script of that hash for a report.
pub(super) fn evaluate(hash: &str, keys: &FleetKeys, report: &Report) -> Cmd {
    let of_breaker = keys.breaker(&report.breaker);
    let mut command = ::redis::cmd("EVALSHA");
    command.arg(hash).arg(3);
    command
        .arg(of_breaker.ages)
        .arg(of_breaker.votes)
        .arg(of_breaker.record);

    command.arg(&report.instance);
    command.arg(match report.vote {
        None => String::new(),
        Some(vote) => stored(vote),
    });
    command.arg(report.seq.min(LARGEST));
    command.arg(if report.demand { "1" } else { "" });
    command.arg(match report.probe {
        None => String::new(),
        Some(Probe::Renewed(token)) => format!("r{token}"),
        Some(Probe::Succeeded(token)) => format!("s{token}"),
        Some(Probe::Failed(token)) => format!("f{token}"),
    });
    let rules = &report.rules;
    command.arg(rules.quorum);
    command.arg(u64::from(rules.min_failures) * 1_000);
    command.arg(rules.rate());
    command.arg(millis(rules.probe_every));
    command.arg(millis(rules.probe_lease));
    command.arg(&keys.channel).arg(&report.breaker);
    command
}

/// A vote in its hash: calls, failures, whether it is standing.
fn stored(vote: Vote) -> String {
    let (calls, failures) = vote.counted();
    let standing = u8::from(vote == Vote::Standing);
    format!("{calls}:{failures}:{standing}")
}

pub(super) fn answer(value: &Value) -> Result<Answer, Down> {
    let understood = || {
        let Value::Array(of) = value else {
            return None;
        };
        let [
            Value::Int(now),
            Value::Int(down),
            Value::Int(seq),
            Value::Int(token),
            Value::Int(votes),
        ] = of[..]
        else {
            return None;
        };
        let token = u64::try_from(token).ok()?;
        Some(Answer {
            now: u64::try_from(now).ok()?,
            down: down == 1,
            seq: u64::try_from(seq).ok()?,
            // no token is 0
            lease: (token > 0).then_some(token),
            votes: u64::try_from(votes).ok()?,
        })
    };
    understood().ok_or_else(|| Down::new(Reason::Protocol, "not an answer to a report"))
}
