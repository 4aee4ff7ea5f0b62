//! Redis as the store of a fleet. The script `report.lua` takes reports as `decide` does, and `word.lua` sets words; a
//! link keeps the connection.

mod keys;
mod link;
mod log;
mod problem;
mod report;
#[cfg(test)]
mod tests;
mod word;

use self::keys::FleetKeys;
use self::link::Link;
use super::changes::Changes;
use super::decide::{Answer, Report};
use super::store::{Down, Store};
use super::word::Word;
use ::redis::{Cmd, Pipeline, Script, ServerErrorKind, Value};
use core::fmt;
use std::sync::{Arc, LazyLock};

/// A fleet's store in Redis, version 6 or later, or what speaks its protocol.
///
/// One connection carries commands and news. It is opened at the first use, by a task on tokio's runtime, and opened again
/// for ever once it is lost or silent, or has led to a replica for a second: after a failover, the host's name may have another
/// address. Clones share it; when the last one is dropped, it is closed. The runtime must have
/// its time and its I/O enabled.
///
/// All calls fail while the server cannot be reached, at once and with the [`Reason`](super::Reason); and if it does not
/// answer, after 3 s. A future that is dropped earlier does no harm: its answer is thrown away when it comes.
///
/// | key | type | content |
/// |---|---|---|
/// | `tc1:{fleet/breaker}:ev` | sorted set | when each instance voted |
/// | `tc1:{fleet/breaker}:vs` | hash | the votes, and their sums |
/// | `tc1:{fleet/breaker}:rec` | hash | the verdict, and the lease of the probe |
/// | `tc1:{fleet}:ov` | hash | operators' words |
/// | `tc1:{fleet}:ch` | channel | news of verdicts and words |
///
/// The first three are gone 60 s after the last report. In a key, each byte of a name other than ASCII letters, digits and
/// `-._~` is escaped, as `%2F` for a slash. A word that has ended a day ago is deleted with the next one, and so is a release
/// after 30 days, unless a word on [`EVERY`](super::EVERY) breaker holds, from which it shields.
///
/// A script takes each report in one step, by the server's clock. The server keeps it; after a restart, or `SCRIPT FLUSH`,
/// it is loaded again. A cluster is not supported: the client talks to one server.
///
/// A report, or a word, is taken as a whole or not at all. A server that takes no writes refuses it
/// ([`Reason::ReadOnly`](super::Reason::ReadOnly)): a replica, one that is loading, or one that is full. A full one still takes
/// what begins with a deletion, such as that of old votes. Its `maxmemory-policy` should be `noeviction`, or one of
/// `volatile-*`: words have no time to live, and `allkeys-*` would evict them.
///
/// # Users
///
/// These are the rights that it needs, for Redis 7, in a fleet called `checkout`: of a pod, of an operator, and of those who
/// look at operators' words only. A number of a database in the URL needs `+select` too.
///
/// ```text
#[doc = include_str!("users.acl")]
/// ```
///
/// Who may vote may also vote in another instance's name: a quorum guards against faults, and not against enemies.
///
/// # Examples
///
/// ```
/// use tripcoil::fleet::{Reason, RedisStore, Words};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), tripcoil::fleet::Down> {
/// let store = RedisStore::connect("redis://:secret@localhost:1/")?;
/// let words = Words::new("checkout", store, "ana");
/// // no server is there
/// assert_eq!(words.disable("orders").await.unwrap_err().reason, Reason::Unreachable);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RedisStore {
    link: Arc<Link>,
}

impl RedisStore {
    /// Returns the store at that URL, such as `redis://user:password@host:6379/0` or `redis+unix:///path?db=0`. It does not
    /// connect: a server that is absent is not an error.
    ///
    /// For `rediss://`, with TLS, the program needs the crate `redis` 1 among its own dependencies, with the feature
    /// `tokio-rustls-comp` or `tokio-native-tls-comp`.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with the URL, without its password.
    pub fn connect(url: &str) -> Result<RedisStore, Down> {
        Ok(RedisStore {
            link: Arc::new(Link::to(url)?),
        })
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("server", &format_args!("{}", self.link.server()))
            .finish_non_exhaustive()
    }
}

/// A script that the server keeps, by its hash.
struct Lua {
    source: &'static str,
    hash: LazyLock<String>,
}

static REPORT: Lua = Lua {
    source: include_str!("report.lua"),
    hash: LazyLock::new(|| Script::new(REPORT.source).get_hash().to_owned()),
};
static WORD: Lua = Lua {
    source: include_str!("word.lua"),
    hash: LazyLock::new(|| Script::new(WORD.source).get_hash().to_owned()),
};

impl Store for RedisStore {
    async fn exchange(&self, fleet: &str, reports: &[Report]) -> Result<Vec<Answer>, Down> {
        if reports.is_empty() {
            return Ok(Vec::new());
        }
        let keys = FleetKeys::of(fleet);
        let command = |at: usize| report::evaluate(&REPORT.hash, &keys, &reports[at]);
        let values = self.run(&REPORT, reports.len(), command).await?;
        values.iter().map(report::answer).collect()
    }

    async fn words(&self, fleet: &str) -> Result<Vec<Word>, Down> {
        let mut commands = Pipeline::new();
        let keys = FleetKeys::of(fleet);
        commands.cmd("TIME").cmd("HGETALL").arg(keys.words);
        let values = self.link.limited(self.link.send(&commands)).await?;
        let stored = word::read(checked(values)?)?;
        self.link.report_unreadable(fleet, stored.unreadable);
        Ok(stored.words)
    }

    async fn say(&self, fleet: &str, word: &Word) -> Result<Word, Down> {
        let keys = FleetKeys::of(fleet);
        let (command, word) = word::evaluate(&WORD.hash, &keys, word);
        let values = self.run(&WORD, 1, |_| command.clone()).await?;
        let version = word::version(&values[0])?;
        Ok(Word { version, ..word })
    }

    fn changes(&self, fleet: &str) -> Changes {
        self.link.changes(fleet)
    }
}

impl RedisStore {
    /// Runs commands that evaluate a script, in one piece. Returns an answer to each.
    async fn run(
        &self,
        script: &Lua,
        count: usize,
        command: impl Fn(usize) -> Cmd,
    ) -> Result<Vec<Value>, Down> {
        self.link
            .limited(self.evaluated(script, count, command))
            .await
    }

    async fn evaluated(
        &self,
        script: &Lua,
        count: usize,
        command: impl Fn(usize) -> Cmd,
    ) -> Result<Vec<Value>, Down> {
        let mut commands = Pipeline::with_capacity(count);
        for at in 0..count {
            commands.add_command(command(at));
        }
        let mut values = self.link.send(&commands).await?;
        self.link.note(&values);
        // the server does not have the script: these have done nothing, and the others are not repeated
        let missing: Vec<usize> = (0..count).filter(|&at| is_missing(&values[at])).collect();
        if !missing.is_empty() {
            let mut commands = Pipeline::with_capacity(1 + missing.len());
            commands.cmd("SCRIPT").arg("LOAD").arg(script.source);
            for &at in &missing {
                commands.add_command(command(at));
            }
            let again = self.link.send(&commands).await?;
            self.link.note(&again);
            let mut again = checked(again)?.into_iter().skip(1);
            for at in missing {
                if let Some(value) = again.next() {
                    values[at] = value;
                }
            }
        }
        checked(values)
    }
}

fn is_missing(value: &Value) -> bool {
    matches!(value, Value::ServerError(error) if error.kind() == Some(ServerErrorKind::NoScript))
}

/// The first error of the server is that of all.
fn checked(values: Vec<Value>) -> Result<Vec<Value>, Down> {
    let error = values.iter().find_map(|value| match value {
        Value::ServerError(error) => Some(problem::refused(error)),
        _ => None,
    });
    error.map_or(Ok(values), Err)
}
