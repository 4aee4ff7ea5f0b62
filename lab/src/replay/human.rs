//! Numbers, durations and moments, as people read them.

use crate::time::{MILLISECOND, Nanos, SECOND, in_seconds};
use jiff::Timestamp;

/// From here on, times count from 1970: about 1973. Below it, from a zero of the log's own.
const UNIX_FROM: i64 = 100_000_000 * SECOND as i64;

pub(super) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// With what is counted, of which there may be one.
pub(super) fn counted(n: u64, what: &str) -> String {
    format!("{} {what}{}", count(n), if n == 1 { "" } else { "s" })
}

/// Never "0 %" for what is not zero.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        0.0 => "0 %".into(),
        p if p < 0.001 => "< 0.001 %".into(),
        p if p < 0.1 => format!("{p:.3} %"),
        p if p < 10.0 => format!("{p:.2} %"),
        p => format!("{p:.1} %"),
    }
}

/// In two units at most.
pub(super) fn duration(nanos: Nanos) -> String {
    const MINUTE: Nanos = 60 * SECOND;
    const HOUR: Nanos = 60 * MINUTE;
    const DAY: Nanos = 24 * HOUR;
    match nanos {
        0 => "0 s".into(),
        n if n < MILLISECOND => "< 1 ms".into(),
        n if n < SECOND => format!("{} ms", n / MILLISECOND),
        n if n < MINUTE && n % SECOND == 0 => format!("{} s", n / SECOND),
        n if n < MINUTE => format!("{}.{:02} s", n / SECOND, n % SECOND / (10 * MILLISECOND)),
        n if n < HOUR => two((n / MINUTE, "min"), (n % MINUTE / SECOND, "s")),
        n if n < DAY => two((n / HOUR, "h"), (n % HOUR / MINUTE, "min")),
        n => two((n / DAY, "d"), (n % DAY / HOUR, "h")),
    }
}

fn two((large, of): (u64, &str), (small, rest): (u64, &str)) -> String {
    match small {
        0 => format!("{large} {of}"),
        small => format!("{large} {of} {small} {rest}"),
    }
}

/// The moments of a log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// When the first call began.
    begins: i64,
}

impl Times {
    pub(super) fn new(begins: i64) -> Times {
        Times { begins }
    }

    /// Returns whether the log's times are dates.
    pub(super) fn are_dates(self) -> bool {
        self.begins >= UNIX_FROM
    }

    /// The moment since 1970, or since the log's zero.
    pub(super) fn absolute(self, at: i64) -> i64 {
        self.begins.saturating_add(at)
    }

    fn date(self, at: i64) -> Option<Timestamp> {
        let nanos = i128::from(self.begins) + i128::from(at);
        self.are_dates()
            .then(|| Timestamp::from_nanosecond(nanos).ok())
            .flatten()
    }

    /// The moment in full; `at` counts from the first call.
    pub(super) fn full(self, at: i64) -> String {
        match self.date(at) {
            Some(date) => date.strftime("%Y-%m-%d %H:%M:%S.%3f UTC").to_string(),
            None => format!("{:.3} s", in_seconds_signed(self.absolute(at))),
        }
    }

    /// The moment as machines read it: a date, or seconds.
    pub(super) fn exact(self, at: i64) -> String {
        match self.date(at) {
            Some(date) => date.to_string(),
            None => self.plain(at),
        }
    }

    /// The moment on an axis whose labels are so far apart.
    pub(super) fn short(self, at: i64, apart: Nanos) -> String {
        const MINUTE: Nanos = 60 * SECOND;
        const DAY: Nanos = 1440 * MINUTE;
        match self.date(at) {
            Some(date) if apart >= DAY => date.strftime("%b %-d").to_string(),
            Some(date) if apart >= MINUTE => date.strftime("%H:%M").to_string(),
            Some(date) if apart >= SECOND => date.strftime("%H:%M:%S").to_string(),
            Some(date) => date.strftime("%M:%S.%3f").to_string(),
            None => format!("{} s", self.plain(at)),
        }
    }

    /// The time of the day, or seconds.
    pub(super) fn clock(self, at: i64) -> String {
        match self.date(at) {
            Some(date) => date.strftime("%m-%d %H:%M:%S.%3f").to_string(),
            None => format!("{:.3} s", in_seconds_signed(self.absolute(at))),
        }
    }

    fn plain(self, at: i64) -> String {
        in_seconds_signed(self.absolute(at)).to_string()
    }
}

fn in_seconds_signed(nanos: i64) -> f64 {
    let seconds = in_seconds(nanos.unsigned_abs());
    if nanos < 0 { -seconds } else { seconds }
}

#[cfg(test)]
mod tests;
