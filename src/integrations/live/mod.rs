//! Rules from a file that is edited while calls go on (feature `settings`).
//!
//! A [`Live`] has the [`NamedSettings`](crate::config::NamedSettings) of a file, and the controllers of the breakers that follow it. A reload reads
//! the file and applies what has changed. It is called by hand (in a handler of SIGHUP, on an admin route), or by a
//! thread that watches the file. Calls go on meanwhile, and never wait for it.
//!
//! ```
//! use std::fs;
//! use tripcoil::live::Live;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("breakers.toml");
//! fs::write(&path, "[default]\nprofile = \"http\"\n\n[breakers.orders]\nconsecutive_failures = 5\n")?;
//! let live = Live::open(&path)?;
//! let (orders, _controller) = live.build("orders")?;
//!
//! fs::write(&path, "[default]\nprofile = \"http\"\n\n[breakers.orders]\nconsecutive_failures = 9\n")?;
//! assert_eq!(live.reload()?.changed, ["orders"]);
//! assert_eq!(orders.observer().config().consecutive_failures, Some(9));
//!
//! // a bad edit changes nothing
//! fs::write(&path, "[default]\nprofile = \"htp\"\n")?;
//! assert!(live.reload().is_err());
//! assert_eq!(orders.observer().config().consecutive_failures, Some(9));
//! # Ok(())
//! # }
//! ```
//!
//! # All or nothing
//!
//! Everything is checked before the first rule changes: the file as a whole, what is fixed when a breaker is built, and
//! the new rules, of each breaker that follows and is in use. If anything is refused, all old rules stay, and the error has
//! every problem. They also stay if the file cannot be read.
//!
//! After that check nothing stops the others. A key of a registry that comes at that moment may refuse, and the code of a
//! template or of a clock may panic: such a breaker keeps its rules, and [`Reload`] names it. The next reload tries it
//! again. A key that is first used later, and refuses the settings in force, is built by those before
//! ([`Live::behind`] names it).
//!
//! A breaker whose settings are the same before and after is left alone: what an operator has changed on it by
//! hand stays until an edit is about that breaker.

mod follow;
mod handle;
#[cfg(feature = "registry")]
mod registry;
mod reload;
mod watching;

pub use self::handle::Live;
pub use self::reload::{Reload, ReloadError};
pub use self::watching::Watching;
