//! The keys' meaning: a pure function of the data shown.

use crate::view::View;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Nothing,
    Quit,
    /// The breaker of that index.
    Choose(usize),
    /// The breaker of that name.
    ForceOpen(String),
    Release(String),
    Reset(String),
}

pub(crate) fn act(view: &View, key: KeyEvent) -> Act {
    if !key.is_press() && !key.is_repeat() {
        return Act::Nothing;
    }
    let last = view.breakers.len().saturating_sub(1);
    let chosen = view.breakers.get(view.chosen).map(|row| row.name.clone());
    let upon = |act: fn(String) -> Act| chosen.map_or(Act::Nothing, act);
    match key.code {
        // a terminal in raw mode leaves it to the program
        KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => Act::Quit,
        KeyCode::Char('q') | KeyCode::Esc => Act::Quit,
        KeyCode::Up | KeyCode::Char('k') => Act::Choose(view.chosen.min(last).saturating_sub(1)),
        KeyCode::Down | KeyCode::Char('j') => Act::Choose((view.chosen + 1).min(last)),
        KeyCode::Char('f') => upon(Act::ForceOpen),
        KeyCode::Char('r') => upon(Act::Release),
        KeyCode::Char('x') => upon(Act::Reset),
        _ => Act::Nothing,
    }
}
