//! The dependency: a TCP server that fails when the script says so, and counts the calls that reach it.

use crate::record::Hit;
use crate::script::{Fault, Script};
use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};

/// What a call sends, by its beginning: the rest of the line is the process's number.
pub(crate) const PROBE: &str = "probe ";
pub(crate) const CALL: &str = "call ";
/// What it answers.
pub(crate) const OK: &str = "ok\n";
pub(crate) const NOT_NOW: &str = "not now\n";

const SOON: Duration = Duration::from_millis(8);
/// Within the clients' patience.
const LATE: Duration = Duration::from_millis(700);

pub(crate) struct Dependency {
    script: Arc<Script>,
    begun: OnceLock<Instant>,
    seen: Mutex<Seen>,
}

struct Seen {
    hits: Vec<Hit>,
    /// The probes under way, by process.
    probing: BTreeMap<usize, usize>,
    chance: fastrand::Rng,
}

enum Answer {
    After(Duration, &'static str),
    Never,
}

impl Dependency {
    /// Starts it on a free port. The script begins at [`begin`](Self::begin).
    pub(crate) async fn start(
        script: Arc<Script>,
        seed: u64,
    ) -> io::Result<(Arc<Dependency>, SocketAddr)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let dependency = Arc::new(Dependency {
            script,
            begun: OnceLock::new(),
            seen: Mutex::new(Seen {
                hits: Vec::new(),
                probing: BTreeMap::new(),
                chance: fastrand::Rng::with_seed(seed),
            }),
        });
        tokio::spawn(Arc::clone(&dependency).listen(listener));
        Ok((dependency, address))
    }

    pub(crate) fn begin(&self, begun: Instant) {
        let _ = self.begun.set(begun);
    }

    /// The calls so far.
    pub(crate) fn hits(&self) -> Vec<Hit> {
        self.seen().hits.clone()
    }

    async fn listen(self: Arc<Self>, listener: TcpListener) {
        loop {
            match listener.accept().await {
                Ok((client, _)) => {
                    let dependency = Arc::clone(&self);
                    // a client that hangs up early is its own affair
                    tokio::spawn(async move { dependency.serve(client).await });
                }
                // out of file handles, for example: clients that end free some
                Err(_) => sleep(SOON).await,
            }
        }
    }

    async fn serve(self: Arc<Self>, client: TcpStream) -> io::Result<()> {
        let mut client = BufReader::new(client);
        let mut line = String::new();
        client.read_line(&mut line).await?;
        let Some((pod, probe)) = caller(&line) else {
            return client.write_all(b"what?\n").await;
        };
        let answer = self.arrive(pod, probe);
        let served = match answer {
            Answer::After(wait, answer) => {
                sleep(wait).await;
                client.write_all(answer.as_bytes()).await
            }
            // until the client hangs up
            Answer::Never => client.read(&mut [0]).await.map(|_| ()),
        };
        if probe {
            self.seen().leave(pod);
        }
        served
    }

    fn arrive(&self, pod: usize, probe: bool) -> Answer {
        let mut seen = self.seen();
        let at = self.begun.get().map_or(Duration::ZERO, Instant::elapsed);
        let down = self.script.is_down(at);
        let answer = match self.script.fault {
            Fault::Total if down => Answer::After(SOON, NOT_NOW),
            Fault::Brownout(share) if down && seen.chance.f64() < share => {
                Answer::After(SOON, NOT_NOW)
            }
            Fault::Hang if down => Answer::Never,
            Fault::Slow if down => Answer::After(LATE, OK),
            _ => Answer::After(SOON, OK),
        };
        if probe {
            *seen.probing.entry(pod).or_default() += 1;
        }
        let hit = Hit {
            at,
            pod,
            probe,
            bad: !matches!(answer, Answer::After(SOON, OK)),
            probing: seen.probing.len(),
        };
        seen.hits.push(hit);
        answer
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    fn leave(&mut self, pod: usize) {
        if let Some(probes) = self.probing.get_mut(&pod) {
            *probes -= 1;
            if *probes == 0 {
                self.probing.remove(&pod);
            }
        }
    }
}

/// Who calls, and whether it is a probe.
fn caller(line: &str) -> Option<(usize, bool)> {
    let (kind, probe) = match line.strip_prefix(PROBE) {
        Some(rest) => (rest, true),
        None => (line.strip_prefix(CALL)?, false),
    };
    kind.trim_end().parse().ok().map(|pod| (pod, probe))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::Span;

    async fn ask(address: SocketAddr, line: &str) -> String {
        let mut server = TcpStream::connect(address).await.expect("connected");
        server.write_all(line.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        server.read_to_string(&mut answer).await.expect("answered");
        answer
    }

    #[tokio::test]
    async fn it_counts_who_calls_and_who_probes() {
        let down = |fault| Script {
            outages: vec![Span::new(Duration::ZERO, Duration::MAX)],
            fault,
            ..Script::calm()
        };
        let start = |script| Dependency::start(Arc::new(script), 1);
        let (healthy, address) = start(Script::calm()).await.expect("started");
        assert_eq!(ask(address, "call 7\n").await, OK);
        assert_eq!(ask(address, "call me\n").await, "what?\n");
        let (dead, address) = start(down(Fault::Total)).await.expect("started");
        assert_eq!(ask(address, "probe 3\n").await, NOT_NOW);
        let (half, address) = start(down(Fault::Brownout(1.0))).await.expect("started");
        assert_eq!(ask(address, "call 3\n").await, NOT_NOW);
        let (slow, address) = start(down(Fault::Slow)).await.expect("started");
        assert_eq!(ask(address, "call 3\n").await, OK);
        let seen = [healthy, dead, half, slow].map(|dependency| {
            let hits = dependency.hits();
            let hit = hits.first().expect("a call");
            (hits.len(), hit.pod, hit.probe, hit.bad, hit.probing)
        });
        let expected = [
            (1, 7, false, false, 0),
            (1, 3, true, true, 1),
            (1, 3, false, true, 0),
            (1, 3, false, true, 0),
        ];
        assert_eq!(seen, expected);
    }
}
