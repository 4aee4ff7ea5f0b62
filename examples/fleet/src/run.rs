//! Processes with a healthy dependency, on any Redis: to see an operator's words arrive.

use crate::arguments::{Run, Worker};
use crate::dependency::Dependency;
use crate::pods::{Pod, Said};
use crate::record::Line;
use crate::script::Script;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

/// How long a process that has ended is left alone.
const PAUSE: Duration = Duration::from_millis(500);

pub(crate) async fn run(run: &Run) -> Result<(), Box<dyn Error + Send + Sync>> {
    let script = Arc::new(Script::calm());
    let (dependency, address) = Dependency::start(script, run.traffic.seed).await?;
    let begun = Instant::now();
    dependency.begin(begun);
    let workers: Vec<_> = (0..run.pods)
        .map(|pod| Worker {
            place: Some(run.place.clone()),
            pod,
            dependency: address,
            traffic: run.traffic,
        })
        .collect();
    let (sender, mut lines) = mpsc::unbounded_channel();
    let start = |worker| Pod::start(worker, sender.clone());
    let mut pods = workers.iter().map(start).collect::<Result<Vec<_>, _>>()?;
    let end = run.lasts.and_then(|lasts| begun.checked_add(lasts));
    loop {
        let ended = async {
            match end {
                Some(end) => sleep_until(end).await,
                None => std::future::pending().await,
            }
        };
        let said = tokio::select! {
            said = lines.recv() => said,
            () = ended => return Ok(()),
        };
        let at = begun.elapsed().as_secs_f64();
        match said {
            Some(Said::Line(pod, Line::Ready, _)) => {
                let id = pods[pod].id().unwrap_or(0);
                println!("{at:7.2} s  pod-{pod} started, process {id}");
                // one that has just ended is started again below
                let _ = pods[pod].begin().await;
            }
            Some(Said::Line(pod, Line::Moved { from, to, cause }, _)) => {
                println!("{at:7.2} s  pod-{pod} {from} -> {to}: {cause}");
            }
            Some(Said::Line(pod, Line::Link(link), _)) => {
                println!("{at:7.2} s  pod-{pod} link {link}");
            }
            Some(Said::Line(..)) => {}
            Some(Said::Ended(pod)) => {
                println!("{at:7.2} s  pod-{pod} ended");
                sleep(PAUSE).await;
                pods[pod] = start(&workers[pod])?;
            }
            None => return Ok(()),
        }
    }
}
