//! The connection: opened at the first use, watched, and opened again.
//!
//! The client's own manager of connections is not used: after an attempt that the server refuses, because of a password or
//! while it loads, that one never tries again.

use super::keys::FleetKeys;
use super::log;
use super::problem;
use crate::integrations::fleet::changes::{Change, ChangeSender, Changes};
use crate::integrations::fleet::store::{Down, Reason};
use ::redis::aio::{MultiplexedConnection, SendError};
use ::redis::io::tcp::TcpSettings;
use ::redis::{
    AsyncConnectionConfig, Client, Pipeline, ProtocolVersion, PushInfo, PushKind, Value,
};
use core::fmt;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// A call fails after so long, if the caller has not given up before.
const CALL_LIMIT: Duration = Duration::from_secs(3);
/// An attempt to connect fails after so long.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);
/// A connection on which a call got no answer is given up if there is none to a `PING` either, after so long.
const PING_LIMIT: Duration = Duration::from_secs(2);
/// A connection to a replica is given up if no write works for so long: after a failover, its name has another address.
const REPLICA_LIMIT: Duration = Duration::from_secs(1);
/// After a loss, all instances of a fleet come back: not in step.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// The wait after an attempt that failed: half of it at least.
const WAIT: Duration = Duration::from_secs(1);

/// A connection that is kept. Its task ends with it.
pub(super) struct Link {
    shared: Arc<Shared>,
    task: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    client: Client,
    server: String,
    state: watch::Sender<State>,
    channels: Arc<Channels>,
    /// A call got no answer.
    suspect: Notify,
    /// The server takes no writes, because it is a replica.
    is_replica: watch::Sender<bool>,
    /// Words that could not be read, by fleet and breaker: each is reported once.
    unreadable: Mutex<BTreeSet<(String, String)>>,
}

#[derive(Clone)]
enum State {
    /// For the first time.
    Connecting,
    Up(MultiplexedConnection),
    Down(Down),
}

/// Where news goes, by the channel on which it comes.
#[derive(Default)]
struct Channels {
    senders: Mutex<BTreeMap<String, ChangeSender>>,
    /// There is another channel.
    added: Notify,
}

impl Link {
    pub(super) fn to(url: &str) -> Result<Link, Down> {
        let info = problem::read_url(url)?;
        let server = info.addr().to_string();
        let redis = info.redis_settings().clone();
        let redis = redis
            .set_protocol(ProtocolVersion::RESP3)
            // the rights that a server's ACL gives need not include it
            .set_skip_set_lib_name();
        let info = info
            .set_redis_settings(redis)
            .set_tcp_settings(TcpSettings::default().set_nodelay(true));
        let client = Client::open(info).map_err(|error| problem::failed(error, &server))?;
        Ok(Link {
            shared: Arc::new(Shared {
                client,
                server,
                state: watch::Sender::new(State::Connecting),
                channels: Arc::default(),
                suspect: Notify::new(),
                is_replica: watch::Sender::new(false),
                unreadable: Mutex::default(),
            }),
            task: Mutex::default(),
        })
    }

    pub(super) fn server(&self) -> &str {
        &self.shared.server
    }

    /// Sends commands in one piece. Returns an answer to each, errors of the server among them.
    pub(super) async fn send(&self, commands: &Pipeline) -> Result<Vec<Value>, Down> {
        let mut connection = self.connection().await?;
        let mut call = Call {
            shared: &self.shared,
            answered: false,
        };
        let sent = connection.send_packed_commands(commands, 0, commands.len());
        let values = sent
            .await
            .map_err(|error| problem::failed(error, &self.shared.server))?;
        call.answered = true;
        if values.len() == commands.len() {
            Ok(values)
        } else {
            Err(Down::new(Reason::Protocol, "not an answer to each command"))
        }
    }

    /// Notes what the answers to writes say of the server.
    pub(super) fn note(&self, answers: &[Value]) {
        let is_replica = answers.iter().any(
            |answer| matches!(answer, Value::ServerError(error) if problem::is_of_a_replica(error)),
        );
        let change = |was: &mut bool| std::mem::replace(was, is_replica) != is_replica;
        self.shared.is_replica.send_if_modified(change);
    }

    /// Limits the time of a call.
    pub(super) async fn limited<T>(
        &self,
        call: impl Future<Output = Result<T, Down>>,
    ) -> Result<T, Down> {
        // the limit itself needs a runtime
        self.keep()?;
        timeout(CALL_LIMIT, call)
            .await
            .unwrap_or_else(|_| Err(self.shared.silent(CALL_LIMIT)))
    }

    /// Returns the connection, or why there is none. It waits for the first attempt only.
    async fn connection(&self) -> Result<MultiplexedConnection, Down> {
        self.keep()?;
        let mut state = self.shared.state.subscribe();
        let connected = state
            .wait_for(|state| !matches!(state, State::Connecting))
            .await;
        match connected.as_deref() {
            Ok(State::Up(connection)) => Ok(connection.clone()),
            Ok(State::Down(down)) => Err(down.clone()),
            // the sender is borrowed here
            Ok(State::Connecting) | Err(_) => Err(Down::new(Reason::Unreachable, "not connected")),
        }
    }

    /// Starts the task, if there is none. It ends with the runtime on which it runs, and is then started on another one.
    fn keep(&self) -> Result<(), Down> {
        let Ok(runtime) = Handle::try_current() else {
            let text = "it is called outside of a tokio runtime";
            return Err(Down::new(Reason::Unreachable, text));
        };
        let mut task = locked(&self.task);
        if task.as_ref().is_none_or(JoinHandle::is_finished) {
            self.shared.state.send_replace(State::Connecting);
            *task = Some(runtime.spawn(keep(Arc::clone(&self.shared))));
        }
        Ok(())
    }

    pub(super) fn changes(&self, fleet: &str) -> Changes {
        let channel = FleetKeys::of(fleet).channel;
        let channels = &self.shared.channels;
        let changes = {
            let mut senders = locked(&channels.senders);
            senders.entry(channel).or_default().changes()
        };
        channels.added.notify_one();
        // outside of a runtime, the first call starts it
        let _ = self.keep();
        changes
    }

    /// Reports words that cannot be read, which a newer version of this crate may have written.
    pub(super) fn report_unreadable(&self, fleet: &str, breakers: Vec<String>) {
        let mut reported = locked(&self.shared.unreadable);
        reported.retain(|(of, breaker)| of != fleet || breakers.contains(breaker));
        for breaker in breakers {
            if reported.insert((fleet.to_owned(), breaker.clone())) {
                log::unreadable(fleet, &breaker);
            }
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Some(task) = locked(&self.task).take() {
            task.abort();
        }
    }
}

/// A call under way. If it ends or is dropped without an answer, the connection is looked at.
struct Call<'a> {
    shared: &'a Shared,
    answered: bool,
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.shared.suspect.notify_one();
        }
    }
}

/// Connects for ever. The task of a link.
async fn keep(shared: Arc<Shared>) {
    loop {
        let lost = Arc::new(Notify::new());
        shared.is_replica.send_replace(false);
        let wait = match shared.connect(&lost).await {
            Ok((connection, subscribed)) => {
                shared.state.send_replace(State::Up(connection.clone()));
                shared.channels.announce_unknown();
                let down = shared.watch(connection, subscribed, &lost).await;
                shared.state.send_replace(State::Down(down));
                FIRST_WAIT.mul_f64(chance())
            }
            Err(down) => {
                shared.state.send_replace(State::Down(down));
                WAIT.mul_f64(0.5 + chance() / 2.0)
            }
        };
        sleep(wait).await;
    }
}

impl Shared {
    /// Connects, and subscribes to all channels. `lost` is notified once the connection ends.
    async fn connect(
        &self,
        lost: &Arc<Notify>,
    ) -> Result<(MultiplexedConnection, BTreeSet<String>), Down> {
        let (channels, ended) = (Arc::clone(&self.channels), Arc::clone(lost));
        let pushed = move |push: PushInfo| {
            match push.kind {
                PushKind::Message => channels.pass(&push.data),
                PushKind::Disconnection => ended.notify_one(),
                _ => {}
            }
            Ok::<_, SendError>(())
        };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            // the limits of this file are for calls as a whole
            .set_response_timeout(None)
            .set_push_sender(pushed);
        let connecting = async {
            let connecting = self
                .client
                .get_multiplexed_async_connection_with_config(&config);
            let mut connection = connecting
                .await
                .map_err(|error| problem::failed(error, &self.server))?;
            let mut subscribed = BTreeSet::new();
            self.subscribe(&mut connection, &mut subscribed).await?;
            Ok((connection, subscribed))
        };
        timeout(CONNECT_LIMIT, connecting)
            .await
            .unwrap_or_else(|_| Err(self.silent(CONNECT_LIMIT)))
    }

    /// Subscribes to those channels that are new.
    async fn subscribe(
        &self,
        connection: &mut MultiplexedConnection,
        subscribed: &mut BTreeSet<String>,
    ) -> Result<(), Down> {
        for channel in self.channels.names() {
            if subscribed.contains(&channel) {
                continue;
            }
            if let Err(error) = connection.subscribe(&channel).await {
                let lost = error.is_io_error();
                let down = problem::failed(error, &self.server);
                if lost {
                    return Err(down);
                }
                log::no_news(&channel, &down);
            }
            subscribed.insert(channel);
        }
        Ok(())
    }

    /// Watches a connection until it cannot be used any more. Returns why.
    async fn watch(
        &self,
        mut connection: MultiplexedConnection,
        mut subscribed: BTreeSet<String>,
        lost: &Notify,
    ) -> Down {
        let mut replica = std::pin::pin!(self.remains_a_replica());
        loop {
            let mut check = false;
            tokio::select! {
                () = lost.notified() => {
                    let text = format_args!("{}: the connection ended", self.server);
                    return Down::new(Reason::Unreachable, text);
                }
                () = &mut replica => {
                    let text = format_args!("{}: a replica, connecting again", self.server);
                    return Down::new(Reason::ReadOnly, text);
                }
                () = self.channels.added.notified() => {}
                () = self.suspect.notified() => check = true,
            }
            let still = async {
                if check {
                    let ping = ::redis::cmd("PING");
                    // an error of the server is an answer too
                    match connection.send_packed_command(&ping).await {
                        Err(error) if error.is_io_error() => {
                            return Err(problem::failed(error, &self.server));
                        }
                        _ => {}
                    }
                }
                let before = subscribed.len();
                self.subscribe(&mut connection, &mut subscribed).await?;
                if subscribed.len() > before {
                    // it began between the call and the subscription
                    self.channels.announce_unknown();
                }
                Ok(())
            };
            match timeout(PING_LIMIT, still).await {
                Ok(Ok(())) => {}
                Ok(Err(down)) => return down,
                Err(_) => return self.silent(PING_LIMIT),
            }
        }
    }

    /// Waits until the server has been a replica for some time.
    async fn remains_a_replica(&self) {
        let mut is_replica = self.is_replica.subscribe();
        loop {
            // the sender is borrowed here
            let _ = is_replica.wait_for(|&is| is).await;
            let no_more = is_replica.wait_for(|&is| !is);
            if timeout(REPLICA_LIMIT, no_more).await.is_err() {
                return;
            }
        }
    }

    fn silent(&self, limit: Duration) -> Down {
        let text = format_args!("{}: no answer within {limit:?}", self.server);
        Down::new(Reason::Timeout, text)
    }
}

impl Channels {
    fn names(&self) -> Vec<String> {
        locked(&self.senders).keys().cloned().collect()
    }

    fn announce_unknown(&self) {
        for sender in locked(&self.senders).values() {
            sender.send(Change::Unknown);
        }
    }

    /// Passes a message on to those who wait for it.
    fn pass(&self, message: &[Value]) {
        let [Value::BulkString(channel), Value::BulkString(text)] = message else {
            return;
        };
        let senders = locked(&self.senders);
        let sender = str::from_utf8(channel).ok().and_then(|of| senders.get(of));
        if let Some(sender) = sender {
            sender.send(change(text));
        }
    }
}

/// Reads what the scripts publish: `o` for a word, and a breaker's name with its verdict.
fn change(text: &[u8]) -> Change {
    match str::from_utf8(text) {
        Ok("o") => Change::Word,
        Ok(text) => text
            .rsplit_once(' ')
            .map_or(Change::Unknown, |(breaker, _)| {
                Change::Verdict(breaker.to_owned())
            }),
        Err(_) => Change::Unknown,
    }
}

/// Between 0 and 1. Not worth a dependency: it only keeps instances out of step.
fn chance() -> f64 {
    let bits = RandomState::new().hash_one(());
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// Each of these locks is held for a moment, and never while waiting.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("server", &self.shared.server)
            .finish_non_exhaustive()
    }
}
