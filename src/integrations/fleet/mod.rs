//! A fleet: what instances of a service find out together. (draft: see docs/fleet.md)

mod changes;
mod decide;
mod memory;
#[cfg(feature = "fleet-redis")]
mod redis;
mod rules;
mod store;
mod vote;
mod word;
mod words;

pub use changes::{Change, ChangeSender, Changes};
pub use decide::{Answer, Lease, Probe, Record, Report, decide};
pub use memory::MemoryStore;
#[cfg(feature = "fleet-redis")]
pub use redis::RedisStore;
pub use rules::Rules;
pub use store::{Down, Reason, Store};
pub use vote::{Vote, Votes};
pub use word::{EVERY, Mode, Word};
pub use words::{Saying, Words};
