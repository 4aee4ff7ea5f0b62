//! The processes of a run: this program, started again.

use crate::arguments::Worker;
use crate::record::{Heard, Line};
use std::collections::VecDeque;
use std::env::current_exe;
use std::io;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

/// A process. It ends when this is dropped.
pub(crate) struct Pod {
    child: Child,
    input: ChildStdin,
}

/// A line from a process, or its end.
pub(crate) enum Said {
    Line(usize, Line, Instant),
    Ended(usize),
}

impl Pod {
    /// Starts one, whose lines go to the channel.
    pub(crate) fn start(worker: &Worker, lines: mpsc::UnboundedSender<Said>) -> io::Result<Pod> {
        let mut child = Command::new(current_exe()?)
            .args(worker.to_args())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("a process without pipes"));
        };
        let pod = worker.pod;
        tokio::spawn(async move {
            let mut output = BufReader::new(output).lines();
            while let Ok(Some(line)) = output.next_line().await {
                match serde_json::from_str(&line) {
                    // the run is over once nothing takes it
                    Ok(line) => drop(lines.send(Said::Line(pod, line, Instant::now()))),
                    Err(wrong) => eprintln!("pod-{pod}: {line}: {wrong}"),
                }
            }
            drop(lines.send(Said::Ended(pod)));
        });
        Ok(Pod { child, input })
    }

    pub(crate) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Lets it call.
    pub(crate) async fn begin(&mut self) -> io::Result<()> {
        self.input.write_all(b"begin\n").await
    }
}

/// All processes of a run, and their reports.
pub(crate) struct Pods {
    pods: Vec<Pod>,
    /// What was reported before all were ready.
    early: VecDeque<Said>,
    lines: mpsc::UnboundedReceiver<Said>,
}

impl Pods {
    /// Starts them, and waits until all of them are ready.
    pub(crate) async fn start(workers: &[Worker], patience: Duration) -> io::Result<Pods> {
        let (sender, lines) = mpsc::unbounded_channel();
        let pods = workers
            .iter()
            .map(|worker| Pod::start(worker, sender.clone()));
        let mut pods = Pods {
            pods: pods.collect::<io::Result<_>>()?,
            early: VecDeque::new(),
            lines,
        };
        timeout(patience, pods.ready())
            .await
            .map_err(|_| io::Error::other("the processes do not start in time"))??;
        Ok(pods)
    }

    async fn ready(&mut self) -> io::Result<()> {
        let mut ready = 0;
        while ready < self.pods.len() {
            match self.lines.recv().await {
                Some(Said::Line(_, Line::Ready, _)) => ready += 1,
                Some(Said::Ended(pod)) => return Err(ended(pod)),
                Some(said) => self.early.push_back(said),
                None => return Err(io::Error::other("no process is left")),
            }
        }
        Ok(())
    }

    /// Lets all of them call.
    pub(crate) async fn begin(&mut self) -> io::Result<()> {
        for pod in &mut self.pods {
            pod.begin().await?;
        }
        Ok(())
    }

    /// Returns the next report.
    pub(crate) async fn next(&mut self, begun: Instant) -> io::Result<Heard> {
        let said = match self.early.pop_front() {
            Some(said) => Some(said),
            None => self.lines.recv().await,
        };
        match said {
            Some(Said::Line(pod, line, at)) => Ok(Heard {
                at: at.saturating_duration_since(begun),
                pod,
                line,
            }),
            Some(Said::Ended(pod)) => Err(ended(pod)),
            None => Err(io::Error::other("no process is left")),
        }
    }
}

fn ended(pod: usize) -> io::Error {
    io::Error::other(format!("pod-{pod} has ended"))
}
