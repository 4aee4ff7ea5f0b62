//! The values of a line: times, durations, statuses and outcomes.

use super::Recorded;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use tripcoil::grpc::{ByCode, Code};
use tripcoil::http::ByStatus;
use tripcoil::{FailureKind, Outcome};

/// The unit of a column of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Seconds,
    Milliseconds,
    Microseconds,
    Nanoseconds,
}

impl Unit {
    const ALL: [(&str, Unit); 4] = [
        ("s", Unit::Seconds),
        ("ms", Unit::Milliseconds),
        ("us", Unit::Microseconds),
        ("ns", Unit::Nanoseconds),
    ];

    pub(crate) fn parse(text: &str) -> Result<Unit, String> {
        let found = Unit::ALL.iter().find(|(name, _)| *name == text);
        found
            .map(|(_, unit)| *unit)
            .ok_or_else(|| format!("{text:?} is not one of s, ms, us, ns"))
    }

    /// How many nanoseconds it has, as a power of ten.
    fn power(self) -> i32 {
        match self {
            Unit::Seconds => 9,
            Unit::Milliseconds => 6,
            Unit::Microseconds => 3,
            Unit::Nanoseconds => 0,
        }
    }
}

/// Returns nanoseconds since 1970, or since the zero of the log.
pub(super) fn time(text: &str, unit: Unit, comma: bool) -> Result<i64, String> {
    let text = text.trim();
    let dated = text
        .bytes()
        .skip(1)
        .any(|byte| matches!(byte, b'-' | b':' | b'/'));
    if !dated || text.contains("e-") || text.contains("E-") {
        return decimal(text, unit, comma).map_err(|error| match epoch_in(text) {
            Some(finer) if error.contains(TOO_LARGE) => {
                format!("{error} perhaps --time-unit {finer}")
            }
            _ => error,
        });
    }
    let date = Timestamp::strptime("%d/%b/%Y:%H:%M:%S %z", text.trim_matches(['[', ']']));
    let date = date.or_else(|_| text.parse::<Timestamp>());
    let date = date.or_else(|_| {
        // without an offset it is taken for UTC
        let there = text.replace(',', ".").parse::<DateTime>()?;
        TimeZone::UTC.to_timestamp(there)
    });
    let date = date.map_err(|_| format!("{} is neither a number nor a date", shown(text)))?;
    if date < Timestamp::UNIX_EPOCH {
        return Err(format!("{} is before 1970", shown(text)));
    }
    i64::try_from(date.as_nanosecond()).map_err(|_| format!("{} is after 2262", shown(text)))
}

/// Returns nanoseconds. A number may have a unit of its own, as in "12.5ms".
pub(super) fn duration(text: &str, unit: Unit, comma: bool) -> Result<u64, String> {
    let text = text.trim();
    let number = text.trim_end_matches(|c: char| c.is_ascii_lowercase() || matches!(c, 'µ' | 'μ'));
    let (number, unit) = match text[number.len()..].replace(['µ', 'μ'], "u").as_str() {
        "" => (text, unit),
        own => match Unit::parse(own) {
            Ok(own) => (number.trim_end(), own),
            Err(_) => (text, unit),
        },
    };
    decimal(number, unit, comma).map(i64::cast_unsigned)
}

const TOO_LARGE: &str = "is too large; is the unit right?";

/// The unit in which a number is a time since 1970, if it is too large for seconds.
fn epoch_in(text: &str) -> Option<&'static str> {
    let number: f64 = text.parse().ok()?;
    match number {
        // 1973 to 5138, and likewise
        1e11..1e14 => Some("ms"),
        1e14..1e17 => Some("us"),
        1e17..1e19 => Some("ns"),
        _ => None,
    }
}

/// Returns a decimal as nanoseconds, never negative. Digits beyond the nanosecond are cut off.
fn decimal(text: &str, unit: Unit, comma: bool) -> Result<i64, String> {
    let not = |what: &str| format!("{} {what}", shown(text));
    if text.is_empty() {
        return Err("the field is empty".into());
    }
    let (negative, rest) = match text.as_bytes()[0] {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if ["nan", "inf", "infinity"].contains(&rest.to_ascii_lowercase().as_str()) {
        return Err(not("is not a finite number"));
    }
    let (digits, exponent) = match rest.split_once(['e', 'E']) {
        Some((digits, exponent)) => match exponent.parse::<i16>() {
            Ok(exponent) => (digits, i32::from(exponent)),
            Err(_) => return Err(not("is not a number")),
        },
        None => (rest, 0),
    };
    let (mut value, mut power, mut fraction, mut any) =
        (0_u128, unit.power() + exponent, false, false);
    for byte in digits.bytes() {
        match byte {
            b'0'..=b'9' => {
                any = true;
                // what is beyond 30 digits is either too large, or finer than a nanosecond
                if value < 10_u128.pow(30) {
                    value = value * 10 + u128::from(byte - b'0');
                    power -= i32::from(fraction);
                } else {
                    power += i32::from(!fraction);
                }
            }
            b'.' if !fraction => fraction = true,
            b',' if !fraction && comma => fraction = true,
            _ => return Err(not("is not a number")),
        }
    }
    if !any {
        return Err(not("is not a number"));
    }
    if negative && value > 0 {
        return Err(not("is negative"));
    }
    let scale = 10_u128.checked_pow(power.unsigned_abs());
    let nanos = match (value, scale) {
        (0, _) => Some(0),
        (_, Some(scale)) if power >= 0 => value.checked_mul(scale),
        (_, Some(scale)) => Some(value / scale),
        (_, None) if power < 0 => Some(0),
        (_, None) => None,
    };
    nanos
        .and_then(|nanos| i64::try_from(nanos).ok())
        .ok_or_else(|| not(TOO_LARGE))
}

/// Classifies an HTTP status, or the name of a gRPC code, as the crate does. An empty status and 0 are
/// failed connections.
pub(super) fn status(text: &str) -> Result<Recorded, String> {
    let text = text.trim();
    if text.is_empty() || text == "0" || text == "000" {
        return Ok(Recorded::Connect);
    }
    let known = || {
        format!(
            "{} is neither an HTTP status nor the name of a gRPC code",
            shown(text)
        )
    };
    let outcome = if text.as_bytes()[0].is_ascii_alphabetic() {
        let same = |code: &Code| {
            let name = text
                .bytes()
                .filter(|b| *b != b'_')
                .map(|b| b.to_ascii_lowercase());
            name.eq(code.to_string().bytes().map(|b| b.to_ascii_lowercase()))
        };
        let code = (0..=16).map(Code::from).find(same).ok_or_else(known)?;
        ByCode::new().outcome(code, &HeaderMap::new())
    } else {
        // a number that went through a float, as in "200.0"
        let number = text.strip_suffix(".0").unwrap_or(text);
        let status = StatusCode::from_bytes(number.as_bytes()).map_err(|_| known())?;
        ByStatus::new().outcome(status, &HeaderMap::new())
    };
    Ok(Recorded::of(outcome))
}

/// Classifies a gRPC code, by its number or its name. An empty status is a failed connection.
pub(super) fn grpc_status(text: &str) -> Result<Recorded, String> {
    match small_number(text) {
        Some(code @ 0..=16) => {
            let outcome = ByCode::new().outcome(Code::from(code), &HeaderMap::new());
            Ok(Recorded::of(outcome))
        }
        None if text
            .trim()
            .bytes()
            .all(|byte| byte.is_ascii_alphabetic() || byte == b'_') =>
        {
            status(text)
        }
        _ => Err(format!(
            "{} is not a gRPC code: 0 to 16, or a name",
            shown(text)
        )),
    }
}

/// Reads a status that is a small number, which may have gone through a float.
pub(super) fn small_number(text: &str) -> Option<i32> {
    let text = text.trim();
    let number: u16 = text.strip_suffix(".0").unwrap_or(text).parse().ok()?;
    Some(number.into())
}

pub(super) fn outcome(text: &str) -> Result<Recorded, String> {
    let word = text.trim().to_ascii_lowercase();
    match word.as_str() {
        "failure" => return Ok(Recorded::Server),
        "canceled" => return Ok(Recorded::Cancelled),
        _ => {}
    }
    let found = Recorded::ALL.into_iter().find(|one| one.word() == word);
    found.ok_or_else(|| {
        let words = Recorded::ALL.map(Recorded::word).join(", ");
        format!("{} is not an outcome: failure, {words}", shown(text))
    })
}

impl Recorded {
    fn of(outcome: Outcome) -> Recorded {
        match outcome {
            Outcome::Success => Recorded::Success,
            Outcome::Failure(kind) | Outcome::FailureRetryAfter(kind, _) => match kind {
                FailureKind::Timeout => Recorded::Timeout,
                FailureKind::Connect => Recorded::Connect,
                FailureKind::Overload => Recorded::Overload,
                FailureKind::Client => Recorded::Client,
                FailureKind::Data => Recorded::Data,
                _ => Recorded::Server,
            },
            _ => Recorded::Ignored,
        }
    }
}

/// Quotes what a line has, cut off if it is long.
pub(super) fn shown(text: &str) -> String {
    const MOST: usize = 40;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{:?}...", &text[..end]),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests;
