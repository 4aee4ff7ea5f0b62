//! What the instances of a service find out together, through a store that all of them reach.
//!
//! A breaker sees the calls of its own process. Of a service with many instances and little traffic in each, every
//! instance finds an outage by itself, and late; each of them probes; and an operator has to switch all of them. A
//! [`Fleet`] is an agent in each process, one task for all of its breakers, that shares three things:
//!
//! - *evidence*: how many of the last calls failed. If enough instances say so, the dependency is *down*.
//! - *the probe*: while it is down, one instance at a time has the lease to probe. If its probe succeeds, the dependency
//!   is *up*, and all begin their rounds.
//! - *operators' words*: one [`Words::force_open`] reaches all instances, and those that start later.
//!
//! States, windows and rules are not shared. A breaker decides by its own rules, and the agent acts on it with a
//! [`Controller`](crate::Controller), as an operator would. No call waits for the agent or for the store, and a call
//! through a breaker that has joined runs the same code as any other.
//!
//! ```
//! use std::time::Duration;
//! use tripcoil::fleet::{Fleet, MemoryStore, Words};
//! use tripcoil::{Breaker, State};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = MemoryStore::new(); // `RedisStore::connect(url)` in production
//! let (breaker, controller) = Breaker::builder("orders").build_with_controller()?;
//! let fleet = Fleet::builder("checkout", store.clone())
//!     .instance("pod-7f9c") // a stable name, such as that of the pod
//!     .build()?;
//! fleet.join(controller); // an `Arc` of it, if others need it too
//! tokio::spawn(fleet.run());
//!
//! // an operator, from anywhere
//! let words = Words::new("checkout", store, "ana").because("change 4711");
//! words.force_open("orders").until(Duration::from_secs(600)).await?;
//! while breaker.state() != State::ForcedOpen {
//!     tokio::time::sleep(Duration::from_millis(10)).await;
//! }
//! assert!(fleet.link().up);
//! let view = fleet.view("orders").ok_or("it has joined")?;
//! assert_eq!(view.word.map(|word| word.who).as_deref(), Some("ana"));
//! # Ok(())
//! # }
//! ```
//!
//! # What happens to a breaker
//!
//! | state | the fleet says | the agent |
//! |---|---|---|
//! | closed | down, and since a second before at least one of its own calls has failed, and at least half | trips it, with the cause [`Peers`](crate::Cause::Peers) |
//! | closed | down, and it has no failure of its own | does nothing; trips it with [`peers_alone`](FleetBuilder::peers_alone) |
//! | open | down | puts off its own probe, two seconds at a time |
//! | open | it has the lease | begins its round, and reports the first success, or that the round is lost |
//! | open | up, found out while it was open | begins its round within half a second |
//! | open by its operator's `trip`, or under an override | anything | does nothing |
//! | any | an operator's word | sets the override, and ends it when the word ends or is released |
//!
//! A local override wins over a word until the next one. An override that a breaker was restored in (feature `persist`) is taken to
//! be the fleet's: at the start it ends, unless a word in force asks for it. Probes of a round are the breaker's own, as many as it admits,
//! and so is the ramp that may follow.
//!
//! *A verdict* takes [`quorum`](FleetBuilder::quorum) instances, however busy one of them is, and is made by the store:
//! see [`decide()`]. If a dependency is found down within ten seconds after it was found up, a single probe proves
//! nothing, and the next `up` takes a whole round. *A vote* of a closed breaker is on its last second of outcomes, and lives
//! for ten. An open breaker votes for *down* if it opened by itself, or saw a failure since the last `up` and
//! not more than five seconds before it opened.
//!
//! *Slow calls* are not failures, and do not vote before a breaker has opened because of them. A fleet does not find them
//! sooner; it does probe less.
//!
//! # Without the store
//!
//! A store that is down, hangs, refuses or answers nonsense is one thing: the [link](Fleet::link) is down, with a reason. Two
//! and a half seconds after the first request that failed, verdict and lease are forgotten, and within two more the last postponed wait is over:
//! breakers are as without a fleet. Operators' words stay, and end when they were to end. The store is asked again every
//! 0.5 to 1 s. What it missed meanwhile is not sent later. A store that has lost its data learns from the votes of open
//! breakers.
//!
//! # Cost
//!
//! The agent looks at each breaker every 100 ms, with more than 10,000 of them less often. A breaker reports when something
//! has changed, and otherwise once per [`heartbeat`](FleetBuilder::heartbeat), or every fourth if there are no calls. The reports of
//! a look are one request. With more than 200 instances, the answers slow the reports down to about 200 per second
//! and breaker, from all instances.
//!
//! The module `metrics` (feature `metrics`) has the series of the link, of verdicts and of leases, and
//! `docs/opentelemetry.md` the events for `tracing`.

mod agent;
mod builder;
mod chance;
mod changes;
mod decide;
mod error;
mod handle;
mod keys;
mod link;
mod member;
mod memory;
mod notes;
mod outcomes;
#[cfg(feature = "fleet-redis")]
mod redis;
mod requests;
mod rules;
mod source;
mod store;
mod table;
mod vote;
mod word;
mod words;

pub use builder::FleetBuilder;
pub use changes::{Change, ChangeSender, Changes};
pub use decide::{Answer, Lease, Probe, Record, Report, decide};
pub use error::FleetError;
pub use handle::Fleet;
pub use link::{Link, Verdict, View};
pub use memory::MemoryStore;
#[cfg(feature = "fleet-redis")]
pub use redis::RedisStore;
pub use rules::Rules;
pub use store::{Down, Reason, Store};
pub use vote::{Vote, Votes};
pub use word::{EVERY, Mode, Word};
pub use words::{Saying, Words};
