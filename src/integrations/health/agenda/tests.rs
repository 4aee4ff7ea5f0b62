use super::*;
use crate::{Breaker, ConfigError};

/// An agenda that has read its notes, with that many breakers, which are closed.
fn agenda(breakers: u64) -> Result<(Agenda, IdleTimer), ConfigError> {
    let timer = IdleTimer::new(Duration::ZERO);
    let mut agenda = Agenda::new(Idle::new(), &timer);
    for _ in 0..breakers {
        let breaker = Breaker::builder("db").build()?;
        timer.probe(&breaker, || async { Ok::<_, ()>(()) });
    }
    for note in agenda.notes.take().into_iter().flatten() {
        agenda.read(note);
    }
    Ok((agenda, timer))
}

#[test]
fn breakers_that_are_closed_have_no_deadline() -> Result<(), ConfigError> {
    let (mut agenda, _timer) = agenda(10)?;
    assert_eq!((agenda.entries.len(), agenda.deadlines.len()), (10, 0));
    assert_eq!(agenda.begin_due(), None);
    Ok(())
}

/// However often they change.
#[test]
fn deadlines_that_have_changed_do_not_pile_up() -> Result<(), ConfigError> {
    let (mut agenda, _timer) = agenda(10)?;
    for pause in 1..10_000 {
        agenda.again(pause % 10, Duration::from_secs(pause));
        assert!(agenda.deadlines.len() <= 2 * 10 + 64);
    }
    // the present ones are among them
    for (id, entry) in &agenda.entries {
        let due = entry.due.map(|due| (due, *id));
        let mut kept = agenda.deadlines.iter();
        assert!(kept.any(|&Reverse(one)| Some(one) == due), "{id}");
    }
    Ok(())
}

#[test]
fn a_deadline_that_has_changed_begins_nothing() -> Result<(), ConfigError> {
    let (mut agenda, _timer) = agenda(1)?;
    let past = Instant::now();
    agenda.deadlines.push(Reverse((past, 0)));
    agenda.again(0, Duration::from_secs(3600));
    let next = agenda.begin_due();
    assert_eq!(next, agenda.entries.get(&0).and_then(|entry| entry.due));
    assert!(agenda.running.is_empty());
    Ok(())
}

#[test]
fn an_opening_that_is_noted_is_noted_once() -> Result<(), ConfigError> {
    let (breaker, controller) = Breaker::builder("db").build_with_controller()?;
    let timer = IdleTimer::new(Duration::ZERO);
    timer.probe(&breaker, || async { Ok::<_, ()>(()) });
    let agenda = Agenda::new(Idle::new(), &timer);
    let added = agenda.notes.take().unwrap_or_default();
    let [Note::Added(0, watched)] = &added[..] else {
        unreachable!("one breaker");
    };
    for _ in 0..100 {
        controller.trip();
        controller.reset();
    }
    assert!(watched.transitions.drain(Duration::from_secs(60)));
    let noted = agenda.notes.take().unwrap_or_default();
    assert!(matches!(noted[..], [Note::Opened(0)]), "{}", noted.len());
    watched.noted.store(false, Ordering::Release);
    controller.trip();
    assert!(watched.transitions.drain(Duration::from_secs(60)));
    let noted = agenda.notes.take().unwrap_or_default();
    assert!(matches!(noted[..], [Note::Opened(0)]), "{}", noted.len());
    Ok(())
}
