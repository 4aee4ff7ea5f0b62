//! The results of a replay, as they are written as JSON. The README of the lab describes the members.

use super::config::Configuration;
use super::human::Times;
use super::run::{KeyPlayed, LISTED, Played};
use super::tally::{Counts, Tally};
use super::timeline::Timeline;
use super::watch::Opening;
use crate::log::Log;
use crate::time::{Nanos, in_seconds};
use serde::{Serialize, Serializer};
use serde_json::Value;

pub(crate) const CAVEAT: &str = "The log is replayed as it was recorded: its outcomes do not react to rejections. \
    In production, an overloaded dependency recovers sooner when calls are kept from it, and a rejected call may \
    be tried again. A recorded call that was itself rejected has no known outcome, and teaches the breaker nothing.";

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) caveat: &'static str,
    pub(crate) log: LogReport,
    pub(crate) bucket_s: Seconds,
    pub(crate) configurations: Vec<ConfigurationReport>,
    #[serde(skip)]
    pub(super) times: Times,
}

#[derive(Debug, Serialize)]
pub(crate) struct LogReport {
    pub(crate) name: String,
    pub(crate) lines: u64,
    pub(crate) calls: u64,
    pub(crate) bad_lines: u64,
    pub(crate) first_bad_lines: Vec<BadLine>,
    pub(crate) begins: String,
    pub(crate) lasts_s: Seconds,
    pub(crate) failed: u64,
    pub(crate) rejected: u64,
    /// `None` without a column of keys.
    pub(crate) keys: Option<u64>,
}

#[derive(Debug, Serialize)]
pub(crate) struct BadLine {
    pub(crate) line: u64,
    pub(crate) reason: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct ConfigurationReport {
    pub(crate) name: String,
    pub(crate) settings: Value,
    pub(crate) openings: u64,
    pub(crate) reopened: u64,
    pub(crate) open_s: Seconds,
    pub(crate) half_open_s: Seconds,
    #[serde(flatten)]
    pub(super) tally: Tally,
    pub(crate) good_rejected_share: Option<f64>,
    pub(crate) to_opening_s: Option<ToOpening>,
    pub(crate) first_openings: Vec<OpeningReport>,
    pub(crate) worst_keys: Vec<KeyReport>,
    pub(super) buckets: Vec<BucketReport>,
    #[serde(skip)]
    pub(super) timeline: Timeline,
}

/// From the first failure to the opening.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct ToOpening {
    pub(crate) median: Seconds,
    pub(crate) longest: Seconds,
}

#[derive(Debug, Serialize)]
pub(crate) struct OpeningReport {
    /// `None` without a column of keys.
    pub(crate) key: Option<String>,
    pub(crate) at: String,
    pub(crate) at_s: Seconds,
    pub(crate) cause: String,
    /// `None` if it was not closed before the log's end.
    pub(crate) lasted_s: Option<Seconds>,
    pub(crate) reopened: u32,
    pub(crate) to_opening_s: Option<Seconds>,
    pub(crate) calls: u64,
    pub(crate) failures: u64,
    pub(crate) slow: u64,
    pub(crate) spared: u64,
    pub(crate) good_rejected: u64,
    pub(crate) others_rejected: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct KeyReport {
    pub(crate) key: String,
    pub(crate) openings: u64,
    pub(crate) open_s: Seconds,
    pub(crate) calls: u64,
    pub(crate) spared: u64,
    pub(crate) good_rejected: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct BucketReport {
    at_s: f64,
    admitted: Counts,
    rejected: Counts,
    open_s: Seconds,
    half_open_s: Seconds,
}

/// Nanoseconds, written as seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seconds(pub(crate) Nanos);

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(in_seconds(self.0))
    }
}

impl Report {
    pub(super) fn new(log: &Log, lasts: Nanos, played: Vec<(&Configuration, Played)>) -> Report {
        let times = Times::new(log.begins);
        let keys = log.has_keys().then(|| log.by_key().count() as u64);
        let bucket = played
            .first()
            .map_or(0, |(_, played)| played.timeline.cut.width);
        let configurations = played
            .into_iter()
            .map(|(configuration, played)| {
                ConfigurationReport::new(configuration, played, log.has_keys(), times)
            })
            .collect();
        let count = |is: fn(&crate::log::Call) -> bool| log.calls().filter(is).count() as u64;
        Report {
            caveat: CAVEAT,
            log: LogReport {
                name: log.name.clone(),
                lines: log.lines,
                calls: log.len() as u64,
                bad_lines: log.bad.count,
                first_bad_lines: log
                    .bad
                    .first
                    .iter()
                    .map(|(line, reason)| BadLine {
                        line: *line,
                        reason: reason.clone(),
                    })
                    .collect(),
                begins: times.exact(0),
                lasts_s: Seconds(lasts),
                failed: count(|call| call.outcome.is_failure()),
                rejected: count(|call| call.outcome == crate::log::Recorded::Rejected),
                keys,
            },
            bucket_s: Seconds(bucket),
            configurations,
            times,
        }
    }
}

impl ConfigurationReport {
    fn new(
        configuration: &Configuration,
        played: Played,
        keys: bool,
        times: Times,
    ) -> ConfigurationReport {
        let delays = &played.delays;
        let buckets = played
            .timeline
            .buckets
            .iter()
            .enumerate()
            .map(|(at, bucket)| BucketReport {
                at_s: played.timeline.cut.begins(at) as f64 / 1e9,
                admitted: bucket.tally.admitted,
                rejected: bucket.tally.rejected,
                open_s: Seconds(bucket.open),
                half_open_s: Seconds(bucket.half_open),
            });
        ConfigurationReport {
            name: configuration.name.clone(),
            settings: configuration.settings.clone(),
            openings: played.openings,
            reopened: played.reopened,
            open_s: Seconds(played.open),
            half_open_s: Seconds(played.half_open),
            tally: played.tally,
            good_rejected_share: played.tally.good_rejected_share(),
            to_opening_s: delays.last().map(|longest| ToOpening {
                median: Seconds(delays[(delays.len() - 1) / 2]),
                longest: Seconds(*longest),
            }),
            first_openings: played
                .first
                .into_iter()
                .map(|(key, opening)| OpeningReport::new(keys.then_some(key), opening, times))
                .collect(),
            worst_keys: if keys {
                played.worst.into_iter().map(KeyReport::new).collect()
            } else {
                Vec::new()
            },
            buckets: buckets.collect(),
            timeline: played.timeline,
        }
    }

    /// Returns how many openings are not listed.
    pub(super) fn more_openings(&self) -> u64 {
        debug_assert!(self.first_openings.len() <= LISTED);
        self.openings - self.first_openings.len() as u64
    }
}

impl OpeningReport {
    fn new(key: Option<String>, opening: Opening, times: Times) -> OpeningReport {
        let (calls, failures, slow) = opening.counts;
        OpeningReport {
            key,
            at: times.exact(opening.at.cast_signed()),
            at_s: Seconds(opening.at),
            cause: opening.cause,
            lasted_s: opening.closed.map(|closed| Seconds(closed - opening.at)),
            reopened: opening.reopened,
            to_opening_s: opening.delay.map(Seconds),
            calls,
            failures,
            slow,
            spared: opening.spared,
            good_rejected: opening.good_rejected,
            others_rejected: opening.others_rejected,
        }
    }
}

impl KeyReport {
    fn new(played: KeyPlayed) -> KeyReport {
        KeyReport {
            key: played.key,
            openings: played.openings,
            open_s: Seconds(played.open),
            calls: played.tally.calls(),
            spared: played.tally.rejected.bad,
            good_rejected: played.tally.rejected.good,
        }
    }
}
