//! The command line.

use std::time::Duration;

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arguments {
    /// 0 for a free one.
    pub(crate) port: u16,
    /// The page's, 0 for a free one.
    pub(crate) operator_port: u16,
    /// `None` until it is stopped.
    pub(crate) lasts: Option<Duration>,
}

impl Arguments {
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Arguments, String> {
        let mut arguments = Arguments {
            port: 0,
            operator_port: 0,
            lasts: Some(Duration::from_secs(60)),
        };
        while let Some(word) = words.next() {
            match word.as_str() {
                "--port" => arguments.port = number(&word, words.next())?,
                "--operator-port" => arguments.operator_port = number(&word, words.next())?,
                "--seconds" => {
                    let seconds = number(&word, words.next())?;
                    arguments.lasts = Some(Duration::from_secs(seconds));
                }
                "--forever" => arguments.lasts = None,
                _ => {
                    return Err(format!(
                        "unknown option {word}; there are --port, --operator-port, --seconds and --forever"
                    ));
                }
            }
        }
        Ok(arguments)
    }
}

fn number<N: std::str::FromStr>(option: &str, word: Option<String>) -> Result<N, String> {
    let number = word.as_deref().and_then(|w| w.parse().ok());
    number.ok_or_else(|| match word {
        Some(word) => format!("{option} takes a number, not {word}"),
        None => format!("{option} takes a number"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments, String> {
        Arguments::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn the_port_is_free_and_the_time_a_minute_unless_said() {
        let of = |port, operator_port, seconds: Option<u64>| {
            let lasts = seconds.map(Duration::from_secs);
            Ok(Arguments {
                port,
                operator_port,
                lasts,
            })
        };
        assert_eq!(parse(""), of(0, 0, Some(60)));
        assert_eq!(parse("--port 8080 --seconds 5"), of(8080, 0, Some(5)));
        assert_eq!(parse("--operator-port 8081"), of(0, 8081, Some(60)));
        assert_eq!(parse("--forever"), of(0, 0, None));
        for wrong in [
            "--port",
            "--port 65536",
            "--operator-port x",
            "--seconds -1",
            "8080",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
