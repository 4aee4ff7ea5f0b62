//! Replays a log of calls through breakers: what would they have done?

mod config;
mod human;
mod output;
mod page;
mod report;
mod run;
mod table;
mod tally;
mod timeline;
mod watch;

pub(crate) use config::Configuration;
pub(crate) use output::{Output, is_same_file};

use crate::log::{self, Log, Options, Source};
use indicatif::{ProgressBar, ProgressStyle};
use report::Report;
use std::error::Error;
use std::path::PathBuf;
use timeline::Buckets;

/// What to replay, with which configurations, and what to write.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) source: Source,
    pub(crate) options: Options,
    pub(crate) configurations: Vec<Configuration>,
    pub(crate) html: Option<PathBuf>,
    pub(crate) json: Option<PathBuf>,
    pub(crate) threads: usize,
}

/// Replays the log, writes the files, and returns the table.
pub(crate) fn run(plan: &Plan) -> Result<String, Box<dyn Error>> {
    let output = |path: &Option<PathBuf>| path.as_deref().map(Output::new).transpose();
    let (html, json) = (output(&plan.html)?, output(&plan.json)?);
    let progress = bar("reading", "{bytes} of {total_bytes}");
    let log = log::read(&plan.source, &plan.options, &progress)?;
    progress.finish_and_clear();
    let report = replay(&log, &plan.configurations, plan.threads)?;
    if let Some(json) = json {
        json.write(&(serde_json::to_string_pretty(&report)? + "\n"))?;
    }
    if let Some(html) = html {
        html.write(&page::render(&report))?;
    }
    Ok(table::markdown(&report))
}

/// Replays a log with each configuration, and returns the table.
pub(crate) fn compare(
    log: &Log,
    configurations: &[Configuration],
    threads: usize,
) -> Result<String, String> {
    Ok(table::markdown(&replay(log, configurations, threads)?))
}

/// Replays a log with each configuration, on as many threads.
fn replay(log: &Log, configurations: &[Configuration], threads: usize) -> Result<Report, String> {
    let lasts = log.calls().map(|call| call.ends()).max().unwrap_or(0);
    let cut = Buckets::new(log, lasts);
    let progress = bar("replaying", "{human_pos} of {human_len} calls");
    progress.set_length((log.len() * configurations.len()) as u64);
    let played = crate::grid::in_parallel(configurations, threads, |configuration| {
        run::play(log, configuration, cut, lasts, &progress)
    });
    progress.finish_and_clear();
    let played: Result<Vec<_>, String> = played.into_iter().collect();
    let played = configurations.iter().zip(played?).collect();
    Ok(Report::new(log, lasts, played))
}

/// A bar on standard error, if that is a terminal.
pub(crate) fn bar(what: &'static str, counted: &str) -> ProgressBar {
    let bar = ProgressBar::new(0);
    let template = format!("{{msg:10}} {{wide_bar}} {counted}, {{eta}} left");
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style);
    }
    bar.with_message(what)
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
