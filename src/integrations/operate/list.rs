//! The list of all breakers: which of them, in what order, and how many at a time.

use crate::error::caught::caught;
use crate::integrations::operate::answer::{Problem, Refusal, limit};
use crate::integrations::operate::operator::Operator;
use crate::integrations::operate::view::{self, Summary, Whole};
use crate::{Observer, State};
use serde::Serialize;
use std::cmp::Ordering;
use std::collections::BTreeMap;

const LIMIT: usize = 100;
/// Of breakers with everything about them, some kilobytes each.
const MOST_WHOLE: usize = 200;

const STATES: [State; 6] = [
    State::Closed,
    State::Open,
    State::HalfOpen,
    State::ForcedOpen,
    State::Disabled,
    State::ObserveOnly,
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Name,
    Worst,
}

/// The query of a list.
#[derive(Debug)]
pub(super) struct Query {
    limit: usize,
    after: Option<String>,
    /// How many breakers of the name `after` were listed; `None` is all of them.
    skip: Option<usize>,
    states: Vec<State>,
    contains: String,
    order: Order,
    whole: bool,
}

impl Query {
    /// Returns the query, or every problem of it.
    pub(super) fn parse(text: &str) -> Result<Query, Refusal> {
        let mut query = Query {
            limit: LIMIT,
            after: None,
            skip: None,
            states: Vec::new(),
            contains: String::new(),
            order: Order::Name,
            whole: false,
        };
        let mut problems = Vec::new();
        for (key, value) in form_urlencoded::parse(text.as_bytes()) {
            if let Err(expected) = query.put(&key, &value) {
                problems.push(Problem {
                    problem: format!("is {value:?}, but must be {expected}"),
                    field: key.into_owned(),
                });
            }
        }
        let mut clash = |field: &str, problem: &str| {
            problems.push(Problem {
                field: field.to_owned(),
                problem: problem.to_owned(),
            });
        };
        if query.order == Order::Worst && query.after.is_some() {
            clash("after", "is for order=name: what is worst changes");
        }
        if query.whole && query.limit > MOST_WHOLE {
            clash("limit", "is at most 200 with detail=full");
        }
        if query.skip.is_some() && query.after.is_none() {
            clash("skip", "needs after");
        }
        Refusal::query(problems)?;
        Ok(query)
    }

    /// Returns what is expected instead.
    fn put(&mut self, key: &str, value: &str) -> Result<(), &'static str> {
        match key {
            "limit" => self.limit = limit(value)?,
            "after" => self.after = Some(value.to_owned()),
            "skip" => self.skip = Some(value.parse().map_err(|_| "a whole number")?),
            "state" => {
                for name in value.split(',') {
                    let state = STATES.into_iter().find(|state| state.as_str() == name);
                    self.states.push(state.ok_or(
                        "closed, open, half_open, forced_open, disabled or observe_only, or several with commas between",
                    )?);
                }
            }
            "contains" => self.contains = value.to_lowercase(),
            "order" => {
                self.order = match value {
                    "name" => Order::Name,
                    "worst" => Order::Worst,
                    _ => return Err("name or worst"),
                };
            }
            "detail" => {
                self.whole = match value {
                    "summary" => false,
                    "full" => true,
                    _ => return Err("summary or full"),
                };
            }
            _ => {
                return Err(
                    "absent: the parameters are limit, after, skip, state, contains, order and detail",
                );
            }
        }
        Ok(())
    }

    fn selects(&self, entry: &Entry) -> bool {
        (self.states.is_empty() || self.states.contains(&entry.state))
            && (self.contains.is_empty() || entry.name().to_lowercase().contains(&self.contains))
    }

    /// The query of the page after this one.
    fn next(&self, name: &str, listed: usize) -> String {
        let mut next = form_urlencoded::Serializer::new(String::from("?"));
        next.append_pair("after", name);
        next.append_pair("skip", &listed.to_string());
        next.append_pair("limit", &self.limit.to_string());
        for state in &self.states {
            next.append_pair("state", state.as_str());
        }
        if !self.contains.is_empty() {
            next.append_pair("contains", &self.contains);
        }
        if self.whole {
            next.append_pair("detail", "full");
        }
        next.finish()
    }
}

/// A breaker as it was found.
struct Entry {
    observer: Observer,
    switchable: bool,
    state: State,
    /// The rate of bad calls in tenths, so that closed breakers do not change places all the time.
    bad: u8,
}

impl Entry {
    fn name(&self) -> &str {
        self.observer.name()
    }

    /// The lower, the worse: what rejects, what is not guarded, and what works.
    fn rank(&self) -> u8 {
        match self.state {
            State::Open => 0,
            State::HalfOpen => 1,
            State::ForcedOpen => 2,
            State::Disabled => 3,
            State::ObserveOnly => 4,
            State::Closed => 5,
        }
    }

    fn compare(&self, other: &Entry, order: Order) -> Ordering {
        let by_name = || self.name().cmp(other.name());
        match order {
            Order::Name => by_name(),
            Order::Worst => (self.rank(), other.bad)
                .cmp(&(other.rank(), self.bad))
                .then_with(by_name),
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Shown {
    Summary(Summary),
    Whole(Box<Whole>),
}

/// The answer.
#[derive(Debug, Serialize)]
pub(super) struct List {
    breakers: Vec<Shown>,
    /// All breakers.
    total: usize,
    /// Those that the query selects, on all pages.
    matching: usize,
    /// All breakers by their state.
    states: BTreeMap<&'static str, usize>,
    /// Those on this page whose clocks panic, and which are not shown.
    unreadable: usize,
    /// Whether there are switches.
    switches: bool,
    /// Whether there are words to a fleet.
    fleet: bool,
    /// The query of the next page.
    next: Option<String>,
}

impl Operator {
    pub(super) fn list(&self, query: &Query) -> List {
        let mut states: BTreeMap<_, _> = STATES.map(|state| (state.as_str(), 0)).into();
        let (mut total, mut entries) = (0, Vec::new());
        self.sources.each(&mut |one| {
            let observer = one.observer();
            let state = observer.state();
            total += 1;
            *states.entry(state.as_str()).or_default() += 1;
            let mut entry = Entry {
                switchable: self.switches.is_some() && one.controller().is_some(),
                observer,
                state,
                bad: 0,
            };
            if query.selects(&entry) {
                if query.order == Order::Worst && state == State::Closed {
                    entry.bad = caught(|| bad(&entry.observer)).unwrap_or(0);
                }
                entries.push(entry);
            }
        });
        let matching = entries.len();
        // breakers of one name stay in the order of their sources
        entries.sort_by(|a, b| a.compare(b, query.order));
        let first = query.after.as_deref().map_or(0, |after| {
            let before = entries.partition_point(|entry| entry.name() < after);
            let through = entries.partition_point(|entry| entry.name() <= after);
            let skip = query.skip.unwrap_or(usize::MAX);
            before.saturating_add(skip).min(through)
        });
        let end = first.saturating_add(query.limit).min(entries.len());
        let page = &entries[first..end];
        let shown = page.iter().filter_map(|entry| {
            let Entry {
                observer,
                switchable,
                ..
            } = entry;
            match query.whole {
                true => Some(Shown::Whole(Box::new(self.whole(observer, *switchable)?))),
                false => Some(Shown::Summary(view::summary(observer, *switchable)?)),
            }
        });
        let breakers: Vec<_> = shown.collect();
        let next = page
            .last()
            .filter(|_| end < entries.len() && query.order == Order::Name);
        let next = next.map(|last| {
            let name = last.name();
            let same = entries[..end].iter().rev();
            let listed = same.take_while(|entry| entry.name() == name).count();
            query.next(name, listed)
        });
        List {
            unreadable: page.len() - breakers.len(),
            breakers,
            total,
            matching,
            states,
            switches: self.switches.is_some(),
            fleet: self.has_fleet(),
            next,
        }
    }
}

fn bad(observer: &Observer) -> u8 {
    let seen = observer.figures();
    (10.0 * seen.failure_rate.max(seen.slow_rate)) as u8
}
