//! All breakers of a registry, live in the terminal:
//! `cargo run -p dashboard`.
//!
//! Five dependencies are simulated, each with its outages, in a script of 30 s that repeats. The keys use
//! the registry's controller: `f` forces the chosen breaker open, `r` releases it, `x` resets it.
//!
//! With `-- --frames N`, or if the output is not a terminal, it prints N frames (10 by default), half a
//! second apart, and ends.

mod feed;
mod keys;
mod view;
mod world;

#[cfg(test)]
mod tests;

use crate::feed::Feed;
use crate::keys::Act;
use crate::view::{View, draw};
use crate::world::World;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{self, Event};
use ratatui::{DefaultTerminal, Terminal};
use std::error::Error;
use std::io::{IsTerminal, stdout};
use std::time::Duration;
use std::{env, thread};
use tripcoil::ConfigError;
use tripcoil::registry::RegistryController;

type Failure = Box<dyn Error + Send + Sync>;

/// Between two pictures.
const LIVE: Duration = Duration::from_millis(100);
const PRINTED: Duration = Duration::from_millis(500);
/// Of what is printed.
const SIZE: (u16, u16) = (80, 24);

fn main() -> Result<(), Failure> {
    let frames = frames(env::args().skip(1))?;
    let world = World::begin();
    let mut feed = Feed::of(&world.registry);
    match frames {
        None if stdout().is_terminal() => {
            // a panic restores the terminal too: `init` sees to it
            let mut terminal = ratatui::try_init()?;
            let ran = live(&mut terminal, &mut feed, &world.controller);
            ratatui::try_restore()?;
            ran
        }
        frames => print(&mut feed, frames.unwrap_or(10)),
    }
}

fn frames(mut args: impl Iterator<Item = String>) -> Result<Option<u32>, Failure> {
    let frames = match args.next().as_deref() {
        None => None,
        Some("--frames") => Some(args.next().ok_or("--frames of how many?")?.parse()?),
        Some(other) => return Err(format!("the only option is --frames N, not {other}").into()),
    };
    match args.next() {
        None => Ok(frames),
        Some(other) => Err(format!("the only option is --frames N, not {other}").into()),
    }
}

fn live(
    terminal: &mut DefaultTerminal,
    feed: &mut Feed,
    controller: &RegistryController<String>,
) -> Result<(), Failure> {
    let mut view = View::default();
    loop {
        feed.refresh(&mut view);
        terminal.draw(|frame| draw(frame, &view))?;
        // all that was typed meanwhile, and the next picture
        let mut wait = LIVE;
        while event::poll(wait)? {
            wait = Duration::ZERO;
            if let Event::Key(key) = event::read()?
                && !carry_out(keys::act(&view, key), &mut view, controller)?
            {
                return Ok(());
            }
        }
    }
}

/// Whether to go on.
fn carry_out(
    act: Act,
    view: &mut View,
    controller: &RegistryController<String>,
) -> Result<bool, ConfigError> {
    let _changed = match act {
        Act::Nothing => false,
        Act::Quit => return Ok(false),
        Act::Choose(index) => {
            view.chosen = index;
            false
        }
        Act::ForceOpen(name) => controller.on(&name, |one| one.force_open())?,
        Act::Release(name) => controller.on(&name, |one| one.release())?,
        Act::Reset(name) => controller.on(&name, |one| one.reset())?,
    };
    Ok(true)
}

fn print(feed: &mut Feed, frames: u32) -> Result<(), Failure> {
    let mut view = View::default();
    let mut terminal = Terminal::new(TestBackend::new(SIZE.0, SIZE.1))?;
    for frame in 1..=frames {
        thread::sleep(PRINTED);
        feed.refresh(&mut view);
        terminal.draw(|frame| draw(frame, &view))?;
        println!("frame {frame} of {frames}");
        let cells = terminal.backend().buffer().content();
        for line in cells.chunks(SIZE.0.into()) {
            let line: String = line.iter().map(|cell| cell.symbol()).collect();
            println!("{}", line.trim_end());
        }
    }
    Ok(())
}
