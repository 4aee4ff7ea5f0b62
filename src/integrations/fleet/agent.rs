//! The agent's task: it looks at all breakers every 100 ms, reports what is due, and takes the answers.
//!
//! Everything that it calls may be the user's: stores, keys' texts, clocks, recorders and subscribers. A panic in them is
//! caught, and costs what it was about.

use super::chance::Chance;
use super::changes::Change;
use super::decide::{Answer, Report};
use super::link::Board;
use super::member::{Context, Member, Sending, spread_own};
use super::notes::{Note, Notes};
use super::requests::{Came, Requests};
use super::source::Source;
use super::store::{Down, Store};
use super::table::Table;
use super::word::Word;
use crate::error::caught::{caught, quietly};
#[cfg(feature = "metrics")]
use crate::integrations::metrics::{FleetBreakerSeries, FleetSeries};
use crate::{Controller, Observer};
use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// The time between two looks; with many breakers it is longer.
const LOOK: Duration = Duration::from_millis(100);
/// Added for each breaker: a look takes well under a microsecond for one, so it takes a tenth of the time at most.
const LOOK_EACH: Duration = Duration::from_micros(10);
/// Looks that news bring about are not closer together.
const CLOSEST: Duration = Duration::from_millis(20);
/// Nor are readings of words.
const CLOSEST_READINGS: Duration = Duration::from_millis(200);
/// Pushes that are taken between two looks.
const PUSHES: u32 = 16;
/// Reports in one exchange.
const MOST: usize = 512;
/// Reports in one exchange with a store that was down.
const FEW: usize = 16;
/// A store that is down is asked again after this time, and up to as long again.
const RETRY: Duration = Duration::from_millis(500);

/// A source of breakers, and their series.
pub(super) struct Joined {
    pub(super) source: Box<dyn Source>,
    /// A look was taken at it.
    pub(super) is_known: bool,
    #[cfg(feature = "metrics")]
    pub(super) series: Option<Arc<FleetBreakerSeries>>,
}

/// What has joined.
#[derive(Default)]
pub(super) struct Joins {
    /// Of breakers that stay.
    pub(super) names: HashSet<String>,
    /// Those that the agent has not seen.
    pub(super) new: Vec<Joined>,
}

/// What the agent shares with its handles.
pub(super) struct Desk {
    joins: Mutex<Joins>,
    board: Mutex<Board>,
}

impl Desk {
    pub(super) fn new() -> Desk {
        Desk {
            joins: Mutex::default(),
            board: Mutex::new(Board::new()),
        }
    }

    pub(super) fn joins(&self) -> MutexGuard<'_, Joins> {
        self.joins.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A breaker that is left alone: another one has its name, or the text of its key panics.
struct Nameless {
    name: Option<Arc<str>>,
    /// Keeps its identity.
    _observer: Observer,
    look: u64,
    source: usize,
}

/// What the agent is built with.
pub(super) struct Settings {
    pub(super) fleet: Arc<str>,
    pub(super) instance: Arc<str>,
    pub(super) rules: super::rules::Rules,
    pub(super) heartbeat: Duration,
    pub(super) peers_alone: bool,
}

pub(super) struct Agent<S> {
    desk: Arc<Desk>,
    context: Context,
    requests: Requests<S>,
    sources: Vec<Joined>,
    /// By the identity of their breaker.
    members: HashMap<usize, Member>,
    /// How many there have been.
    serials: u64,
    names: HashMap<Arc<str>, usize>,
    nameless: HashMap<usize, Nameless>,
    /// The latest look's number.
    look: u64,
    looked: Instant,
    next: Instant,
    /// What the exchange under way is about; `None` for a breaker that has left.
    sending: Vec<Option<Sending>>,
    farewells: Vec<Report>,
    /// When the store may be asked again.
    retry: Instant,
    words_due: Instant,
    words_read: Instant,
    /// Why words cannot be read, and reports not sent.
    words_down: Option<Down>,
    reports_down: Option<Down>,
    /// The pushes since the latest look.
    pushes: u32,
    #[cfg(feature = "metrics")]
    series: Option<FleetSeries>,
}

impl<S: Store> Agent<S> {
    pub(super) fn new(settings: Settings, store: S, desk: Arc<Desk>) -> Agent<S> {
        let now = Instant::now();
        Agent {
            desk,
            requests: Requests::new(store, settings.fleet.clone()),
            #[cfg(feature = "metrics")]
            series: caught(|| FleetSeries::new(&settings.fleet)),
            context: Context {
                chance: Chance::of(&settings.fleet, &settings.instance),
                fleet: settings.fleet,
                instance: settings.instance,
                rules: settings.rules,
                heartbeat: settings.heartbeat,
                peers_alone: settings.peers_alone,
                down_since: None,
                pause: LOOK,
                table: Table::default(),
                notes: Notes::new(),
            },
            sources: Vec::new(),
            members: HashMap::new(),
            serials: 0,
            names: HashMap::new(),
            nameless: HashMap::new(),
            look: 0,
            looked: now,
            next: now,
            sending: Vec::new(),
            farewells: Vec::new(),
            retry: now,
            words_due: now,
            words_read: now,
            words_down: None,
            reports_down: None,
            pushes: 0,
        }
    }

    pub(super) async fn run(&mut self) -> Infallible {
        let now = Instant::now();
        (self.next, self.retry, self.words_due) = (now, now, now);
        // after a pause, if it was run before
        self.push_all(now);
        loop {
            let now = Instant::now();
            if now >= self.next {
                self.look(now);
                self.send(now);
                self.show(now);
            }
            if now >= self.words_due && self.requests.words.is_idle() {
                self.words_read = now;
                // set here, so that a push meanwhile is not lost
                let heartbeat = self.context.heartbeat;
                self.words_due =
                    now + heartbeat * 9 / 10 + self.context.chance.up_to(heartbeat / 5);
                self.requests.read_words();
            }
            let listens = self.pushes < PUSHES;
            let came = tokio::select! {
                biased;
                came = self.requests.next(listens) => came,
                () = sleep_until(self.next) => continue,
            };
            let now = Instant::now();
            match came {
                Came::Answers(Ok(answers)) => self.answered(&answers, now),
                Came::Answers(Err(down)) => self.unanswered(down, now),
                Came::Words(words) => self.read(words, now),
                Came::Change(change) => self.changed(&change, now),
            }
        }
    }

    /// Knows nothing from the fleet any more: it is not run.
    pub(super) fn stop(&mut self) {
        self.requests.end();
        self.sending.clear();
        self.members.values_mut().for_each(Member::stop);
        (self.words_down, self.reports_down) = (None, None);
        self.context.down_since = None;
        self.desk.board().turn(false, None);
        self.show(Instant::now());
    }

    /// Looks at each breaker, and acts on what is known.
    fn look(&mut self, now: Instant) {
        self.sources.append(&mut self.desk.joins().new);
        self.look += 1;
        (self.looked, self.pushes) = (now, 0);
        let mut sources = mem::take(&mut self.sources);
        let mut broken = Vec::new();
        for (number, joined) in sources.iter_mut().enumerate() {
            let looked = caught(|| {
                joined.source.each(&mut |controller, name| {
                    self.see((number, joined), controller, name, now);
                });
            });
            if looked.is_none() {
                broken.push(number);
            }
            joined.is_known = true;
        }
        self.sources = sources;
        self.drop_left(&broken);
        let all = u32::try_from(self.members.len()).unwrap_or(u32::MAX);
        let pause = LOOK.max(LOOK_EACH.saturating_mul(all));
        self.context.pause = pause;
        self.next = now + pause * 9 / 10 + self.context.chance.up_to(pause / 5);
    }

    fn see(
        &mut self,
        joined: (usize, &Joined),
        controller: &Controller,
        name: &dyn Fn() -> String,
        now: Instant,
    ) {
        let identity = controller.identity();
        if !self.members.contains_key(&identity) && !self.welcome(joined, controller, name, now) {
            return;
        }
        if let Some(member) = self.members.get_mut(&identity) {
            (member.look, member.source) = (self.look, joined.0);
            member.look(controller, now, &mut self.context);
        }
    }

    /// Makes a member of a new breaker, if it has a name of its own.
    fn welcome(
        &mut self,
        (source, joined): (usize, &Joined),
        controller: &Controller,
        name: &dyn Fn() -> String,
        now: Instant,
    ) -> bool {
        let identity = controller.identity();
        let known = self.nameless.get_mut(&identity);
        let is_new = known.is_none();
        let name = match known {
            Some(nameless) => {
                (nameless.look, nameless.source) = (self.look, source);
                nameless.name.clone()
            }
            None => caught(name).map(Arc::from),
        };
        let is_free = |name: &Arc<str>| !self.names.contains_key(name);
        let Some(name) = name.clone().filter(is_free) else {
            if is_new {
                if let Some(name) = &name {
                    let fleet = &self.context.fleet;
                    self.context.notes.note(fleet, Some(name), Note::Taken);
                }
                let nameless = Nameless {
                    name,
                    _observer: controller.observer(),
                    look: self.look,
                    source,
                };
                self.nameless.insert(identity, nameless);
            }
            return false;
        };
        self.nameless.remove(&identity);
        let observer = controller.observer();
        self.serials += 1;
        let member = Member::new(
            self.serials,
            name.clone(),
            observer,
            joined.is_known,
            now,
            &mut self.context,
        );
        #[cfg(feature = "metrics")]
        let member = member.with_series(joined.series.clone());
        self.names.insert(name, identity);
        self.members.insert(identity, member);
        true
    }

    /// Lets go of the breakers that the latest look has not found, but those of sources that are broken: they may be
    /// there.
    fn drop_left(&mut self, broken: &[usize]) {
        let is_there = |look: u64, source: usize| look == self.look || broken.contains(&source);
        self.nameless
            .retain(|_, one| is_there(one.look, one.source));
        let left = self
            .members
            .extract_if(|_, member| !is_there(member.look, member.source));
        let mut names = Vec::new();
        for (_, member) in left {
            if let Some(report) = member.farewell(&self.context)
                && self.farewells.len() < MOST
            {
                self.farewells.push(report);
            }
            names.push(member.name.clone());
        }
        if !names.is_empty() {
            let mut board = self.desk.board();
            for name in names {
                self.names.remove(&name);
                board.views.remove(&name);
            }
        }
    }

    /// Sends the reports that are due, unless an exchange is under way.
    fn send(&mut self, now: Instant) {
        if !self.requests.exchange.is_idle() || now < self.retry {
            return;
        }
        let members = self.members.iter();
        let mut due: Vec<_> = members
            .filter_map(|(&identity, one)| Some((one.due(now, &self.context)?, identity)))
            .collect();
        if self.context.down_since.is_some() && due.is_empty() {
            // whether the store is there again
            let members = self.members.iter();
            let any = members.min_by_key(|(_, member)| member.reported());
            due.extend(any.map(|(&identity, _)| (now, identity)));
        }
        let most = if self.context.down_since.is_some() {
            FEW
        } else {
            MOST
        };
        // a breaker that has come again speaks for itself
        self.farewells
            .retain(|report| !self.names.contains_key(report.breaker.as_str()));
        let first = self.farewells.len().min(most);
        let mut reports: Vec<_> = self.farewells.drain(..first).collect();
        let most = most - first;
        if due.len() > most {
            due.select_nth_unstable(most);
            due.truncate(most);
        }
        self.sending.clear();
        self.sending.resize_with(first, || None);
        for (_, identity) in due {
            let member = self.members.get(&identity);
            let report = member.and_then(|one| one.report(identity, now, &self.context));
            if let Some((report, sending)) = report {
                reports.push(report);
                self.sending.push(Some(sending));
            }
        }
        if !reports.is_empty() {
            self.requests.send(reports);
        }
    }

    /// Takes the answers to an exchange.
    fn answered(&mut self, answers: &[Answer], now: Instant) {
        #[cfg(feature = "metrics")]
        if let Some(series) = &self.series {
            caught(|| series.reported(answers.len() as u64));
        }
        self.reported();
        self.turn();
        let mut news = false;
        for (sending, answer) in self.sending.drain(..).zip(answers) {
            if let Some(sending) = sending
                && let Some(member) = self.members.get_mut(&sending.identity)
            {
                news |= member.answered(&sending, answer, now, &mut self.context);
            }
        }
        if news {
            self.look_soon(now);
        }
    }

    /// The store takes reports.
    fn reported(&mut self) {
        self.reports_down = None;
        self.context.down_since = None;
    }

    /// Looks as soon as may be: a store with news without end does not keep the agent busy.
    fn look_soon(&mut self, now: Instant) {
        self.next = self.next.min(now.max(self.looked + CLOSEST));
    }

    fn unanswered(&mut self, down: Down, now: Instant) {
        self.sending.clear();
        self.retry = now + RETRY + self.context.chance.up_to(RETRY);
        self.failed(&down);
        self.reports_down = Some(down);
        self.context.down_since.get_or_insert(now);
        self.turn();
    }

    fn read(&mut self, words: Result<Vec<Word>, Down>, now: Instant) {
        match words {
            Ok(words) => {
                self.context.table.read(words, now);
                self.words_down = None;
                if self.members.is_empty() {
                    // there is nothing to report, and so nothing else finds out
                    self.reported();
                }
                self.look_soon(now);
            }
            Err(down) => {
                self.words_due = now + RETRY + self.context.chance.up_to(RETRY);
                self.failed(&down);
                self.words_down = Some(down);
            }
        }
        self.turn();
    }

    fn changed(&mut self, change: &Change, now: Instant) {
        self.pushes += 1;
        let verdict = match change {
            Change::Verdict(breaker) => {
                if let Some(identity) = self.names.get(breaker.as_str())
                    && let Some(member) = self.members.get_mut(identity)
                {
                    member.push(Duration::ZERO, now, &mut self.context);
                }
                true
            }
            Change::Word => false,
            Change::Unknown => {
                self.push_all(now);
                true
            }
        };
        if !verdict || *change == Change::Unknown {
            let due = now.max(self.words_read + CLOSEST_READINGS);
            self.words_due = self.words_due.min(due);
        }
        if verdict {
            self.look_soon(now);
        }
    }

    fn push_all(&mut self, now: Instant) {
        let spread = spread_own(self.members.len());
        for member in self.members.values_mut() {
            member.push(spread, now, &mut self.context);
        }
    }

    fn failed(&mut self, down: &Down) {
        self.desk.board().failed(down.reason);
        #[cfg(feature = "metrics")]
        if let Some(series) = &self.series {
            caught(|| series.failed(down.reason.as_str()));
        }
    }

    /// Shows whether the link is up.
    fn turn(&mut self) {
        let down = self.reports_down.as_ref().or(self.words_down.as_ref());
        let lasted = self.desk.board().turn(down.is_none(), down.cloned());
        let Some(lasted) = lasted else {
            return;
        };
        let note = match down {
            Some(down) => Note::Down(down.reason.as_str(), &down.detail),
            None => Note::Up(u64::try_from(lasted.as_millis()).unwrap_or(u64::MAX)),
        };
        self.context.notes.note(&self.context.fleet, None, note);
    }

    /// Shows what has changed.
    fn show(&mut self, now: Instant) {
        let mut changed = self.members.values_mut().filter(|member| member.changed);
        if let Some(first) = changed.next() {
            let mut board = self.desk.board();
            for member in std::iter::once(first).chain(changed) {
                member.changed = false;
                let shown = member.shown(now, &self.context.table);
                #[cfg(feature = "metrics")]
                if let Some(series) = &member.series {
                    caught(|| series.set(member.is_down(), shown.leased));
                }
                board.views.insert(member.name.clone(), shown);
            }
        }
        #[cfg(feature = "metrics")]
        if let Some(series) = &self.series {
            let link = self.desk.board().link();
            let down = self.members.values().filter(|one| one.is_down()).count();
            caught(|| series.set(link.up, link.lasted, down as u64));
        }
    }
}

impl<S> Drop for Agent<S> {
    fn drop(&mut self) {
        // a controller may be in a user's type whose drop panics
        self.sources.drain(..).for_each(quietly);
    }
}
