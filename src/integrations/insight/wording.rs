//! Figures as people read them.

use std::time::Duration;

/// How often that is, or in how many days.
pub(super) fn often(per_day: f64) -> String {
    // from where on one per 1.00 days would be printed
    if per_day >= 0.995 {
        format!("{} per day", figure(per_day.max(1.0)))
    } else if per_day * 36_525.0 >= 1.0 {
        format!("one per {} days", figure(1.0 / per_day))
    } else {
        "fewer than one per 100 years".into()
    }
}

/// So many of something, in the plural unless it is one.
pub(super) fn counted(n: f64, what: &str) -> String {
    let number = figure(n);
    let plural = if number == "1" { "" } else { "s" };
    format!("{number} {what}{plural}")
}

pub(super) fn percent(part: f64) -> String {
    format!("{} %", figure(100.0 * part))
}

/// Three digits are enough; larger numbers are whole, in groups of three.
pub(super) fn figure(x: f64) -> String {
    let digits = match x {
        x if x >= 99.95 => 0,
        x if x >= 9.995 => 1,
        x if x >= 0.1 => 2,
        x if x >= 0.01 => 3,
        _ => 4,
    };
    let text = format!("{x:.digits$}");
    if text.contains('.') {
        return text.trim_end_matches('0').trim_end_matches('.').into();
    }
    let mut grouped = String::new();
    for (i, digit) in text.char_indices() {
        if i > 0 && (text.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

pub(super) fn readable(span: Duration) -> String {
    let seconds = span.as_secs_f64();
    if seconds < 1e-3 {
        format!("{} µs", figure(seconds * 1e6))
    } else if seconds < 1.0 {
        format!("{} ms", figure(seconds * 1e3))
    } else {
        format!("{} s", figure(seconds))
    }
}

/// Rounds up to two digits.
pub(super) fn round_up(n: u128) -> u128 {
    let mut unit = 1;
    while n / unit >= 100 {
        unit *= 10;
    }
    n.div_ceil(unit) * unit
}

pub(super) fn round_up_span(span: Duration) -> Duration {
    let nanos = round_up(span.as_nanos());
    u64::try_from(nanos).map_or(Duration::MAX, Duration::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits() {
        let all: Vec<String> = [1234.5, 99.96, 12.34, 3.0, 0.5, 0.0123, 0.001, 0.0]
            .map(figure)
            .into();
        assert_eq!(
            all,
            ["1,234", "100", "12.3", "3", "0.5", "0.012", "0.001", "0"]
        );
        assert_eq!(often(2.5), "2.5 per day");
        assert_eq!(often(0.01), "one per 100 days");
        assert_eq!(often(1.0), "1 per day");
        assert_eq!(often(0.9996), "1 per day");
        assert_eq!(often(94_900.0), "94,900 per day");
        assert_eq!(often(1e-9), "fewer than one per 100 years");
        let counts = [1.0, 1.001, 1.5, 0.0, 1e6].map(|n| counted(n, "call"));
        assert_eq!(
            counts,
            [
                "1 call",
                "1 call",
                "1.5 calls",
                "0 calls",
                "1,000,000 calls"
            ]
        );
        assert_eq!(readable(Duration::from_micros(250)), "250 µs");
        assert_eq!(readable(Duration::from_millis(1500)), "1.5 s");
    }

    #[test]
    fn rounding_goes_up_to_two_digits() {
        assert_eq!(
            [0, 7, 99, 100, 101, 1999].map(round_up),
            [0, 7, 99, 100, 110, 2000]
        );
        assert_eq!(
            round_up_span(Duration::from_micros(251_300)),
            Duration::from_millis(260)
        );
        assert_eq!(round_up_span(Duration::MAX), Duration::MAX);
    }
}
