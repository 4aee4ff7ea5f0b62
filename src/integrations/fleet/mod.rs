//! A fleet: what instances of a service find out together. (draft: see docs/fleet.md)

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
