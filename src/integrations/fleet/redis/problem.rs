//! Errors of the client and of the server, by what an operator can do about them.

use crate::integrations::fleet::store::{Down, Reason};
use ::redis::{ConnectionInfo, ErrorKind, IntoConnectionInfo, RedisError, ServerError};

/// An error of the server's own text is cut here.
const LONGEST: usize = 400;

/// Returns what an error of the client means. `server` is its address.
pub(super) fn failed(error: RedisError, server: &str) -> Down {
    match error.kind() {
        ErrorKind::Server(_) | ErrorKind::Extension => {
            match ServerError::try_from(error) {
                Ok(error) => refused(&error),
                // the client's own text about an answer, without the server's code
                Err(error) => by_code("ERR", &error.to_string()),
            }
        }
        ErrorKind::AuthenticationFailed => Down::new(Reason::Denied, error),
        ErrorKind::RESP3NotSupported => Down::new(
            Reason::Protocol,
            format_args!("{server} does not speak RESP3: Redis 6 or later is needed"),
        ),
        ErrorKind::Io if error.is_timeout() => {
            Down::new(Reason::Timeout, format_args!("{server}: {error}"))
        }
        ErrorKind::Parse | ErrorKind::UnexpectedReturnType => {
            Down::new(Reason::Protocol, format_args!("{server}: {error}"))
        }
        _ => Down::new(Reason::Unreachable, format_args!("{server}: {error}")),
    }
}

/// Returns what an error of the server means.
pub(super) fn refused(error: &ServerError) -> Down {
    by_code(error.code(), error.details().unwrap_or_default())
}

/// Returns whether the server is a replica: others may be reached by its name after a failover.
pub(super) fn is_of_a_replica(error: &ServerError) -> bool {
    let of = |code: &str| matches!(code, "READONLY" | "MASTERDOWN");
    let details = error.details().unwrap_or_default();
    of(error.code()) || codes_in(details).any(of)
}

/// Before Redis 7, an error inside of a script has its own code in its text alone.
fn codes_in(details: &str) -> impl Iterator<Item = &str> {
    details.split(|c: char| !c.is_ascii_alphanumeric())
}

fn by_code(code: &str, details: &str) -> Down {
    let reason = reason_of(code).or_else(|| codes_in(details).find_map(reason_of));
    let in_script = || details.contains("user_script") || details.contains("script:");
    let reason = match reason {
        Some(reason) => reason,
        None if details.contains("no permissions") => Reason::Denied,
        None if code == "NOSCRIPT" || in_script() => Reason::Script,
        None => Reason::Protocol,
    };
    let text = format!("{code} {details}");
    Down::new(reason, text.chars().take(LONGEST).collect::<String>())
}

fn reason_of(code: &str) -> Option<Reason> {
    Some(match code {
        "NOAUTH" | "NOPERM" | "WRONGPASS" => Reason::Denied,
        "READONLY" | "OOM" | "LOADING" | "MISCONF" | "NOREPLICAS" | "MASTERDOWN"
        | "CLUSTERDOWN" | "TRYAGAIN" | "BUSY" => Reason::ReadOnly,
        _ => return None,
    })
}

/// Reads a URL. A password in it is never repeated, nor what may be a part of one.
pub(super) fn read_url(url: &str) -> Result<ConnectionInfo, Down> {
    const SCHEMES: [&str; 7] = [
        "redis",
        "rediss",
        "valkey",
        "valkeys",
        "redis+unix",
        "valkey+unix",
        "unix",
    ];
    let wrong = |what: &str| {
        Err(Down::new(
            Reason::Unreachable,
            format_args!("the URL {what}; an example of one is redis://user:password@host:6379/0"),
        ))
    };
    let Some((scheme, rest)) = url.split_once("://") else {
        return wrong("has no scheme, such as redis://");
    };
    let scheme = scheme.to_ascii_lowercase();
    if !SCHEMES.contains(&scheme.as_str()) {
        return wrong("has an unknown scheme: redis, rediss and redis+unix are permitted");
    }
    if !scheme.contains("unix") {
        let (authority, behind) = match rest.find(['/', '?', '#']) {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        // the host and the port would be a user and the beginning of the password
        if behind.contains('@') {
            return wrong("has a password with a character that must be percent-encoded");
        }
        let host = authority
            .rsplit_once('@')
            .map_or(authority, |(_, host)| host);
        let (host, port) = match host.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port),
            _ => (host, ""),
        };
        if host.is_empty() {
            return wrong("has no host");
        }
        if !port.is_empty() && port.parse::<u16>().is_err() {
            return wrong(
                "has a port that is not a number from 0 to 65535, or a password with a character that must be \
                 percent-encoded",
            );
        }
    }
    match url.into_connection_info() {
        Ok(info) => {
            let redis = info.redis_settings();
            // the client would not log in at all: it would have the rights of the server's default user
            let of_default = redis.username().is_none_or(str::is_empty);
            if !of_default && redis.password().is_none_or(str::is_empty) {
                return wrong("has a user and no password");
            }
            Ok(info)
        }
        Err(error) if scheme.ends_with('s') && error.to_string().contains("TLS") => wrong(
            "asks for TLS, which needs the feature tokio-rustls-comp or tokio-native-tls-comp of the crate redis",
        ),
        Err(error) => {
            // its own words are all but the kind of error, which is always the same
            let text = error.to_string();
            let text = text.replace(" - InvalidClientConfig", "");
            wrong(&format!("cannot be used: {text}"))
        }
    }
}
