//! Who may read, and who may switch: decided by the user's checks.

use axum::http::request::Parts;
use axum::response::Response;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// Whom a check has recognised: a user's name, or the owner of a token. It is reported, and decides nothing.
///
/// ```
/// use tripcoil::operate::Who;
///
/// assert_eq!(Who::new("ann").as_str(), "ann");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Who(String);

impl Who {
    /// Returns the one of that name.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Who {
        Who(name.into())
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What a request is for. A check finds it in the extensions of the request's head.
///
/// The check of the [switches](crate::operate::Operator::switches) decides about words to a fleet too: look at
/// [`fleet`](Self::fleet), since such a word reaches all instances.
///
/// ```
/// use axum::http::StatusCode;
/// use axum::http::request::Parts;
/// use axum::response::IntoResponse;
/// use tripcoil::operate::{Action, Asked, Operator, Who};
///
/// let operator = Operator::new().switches(async |request: Parts| {
///     let asked = request.extensions.get::<Asked>();
///     // of this process only
///     if asked.is_some_and(|asked| asked.action == Action::Release && !asked.fleet) {
///         return Ok(Who::new("anyone on call"));
///     }
///     Err(StatusCode::FORBIDDEN.into_response())
/// });
/// # let _: axum::Router = operator.router();
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Asked {
    /// The name of the breaker, which need not exist; `None` for a list of all. In a word to a fleet, `*` means every
    /// breaker.
    pub breaker: Option<String>,
    /// What is to be done.
    pub action: Action,
    /// Whether it is asked of all instances of a fleet (`Operator::fleet`), and not of
    /// this process alone.
    pub fleet: bool,
}

/// What an operator can do with a breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// Reads it.
    Read,
    /// Calls [`Controller::force_open`](crate::Controller::force_open).
    ForceOpen,
    /// Calls [`Controller::disable`](crate::Controller::disable).
    Disable,
    /// Calls [`Controller::observe_only`](crate::Controller::observe_only).
    ObserveOnly,
    /// Calls [`Controller::trip`](crate::Controller::trip).
    Trip,
    /// Calls [`Controller::half_open`](crate::Controller::half_open).
    HalfOpen,
    /// Calls [`Controller::release`](crate::Controller::release).
    Release,
    /// Calls [`Controller::reset`](crate::Controller::reset).
    Reset,
    /// Calls [`Controller::reconfigure`](crate::Controller::reconfigure).
    Reconfigure,
}

impl Action {
    /// Those that a path ends with, in the order in which they are listed.
    pub(super) const SWITCHES: [Action; 7] = [
        Action::ForceOpen,
        Action::Disable,
        Action::ObserveOnly,
        Action::Trip,
        Action::HalfOpen,
        Action::Release,
        Action::Reset,
    ];

    /// Returns its name: `read`, `force_open`, `disable`, `observe_only`, `trip`, `half_open`, `release`, `reset` or
    /// `reconfigure`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Action::Read => "read",
            Action::ForceOpen => "force_open",
            Action::Disable => "disable",
            Action::ObserveOnly => "observe_only",
            Action::Trip => "trip",
            Action::HalfOpen => "half_open",
            Action::Release => "release",
            Action::Reset => "reset",
            Action::Reconfigure => "reconfigure",
        }
    }

    /// The end of the switch's path.
    pub(super) fn path(self) -> String {
        self.as_str().replace('_', "-")
    }
}

type Answer = Pin<Box<dyn Future<Output = Result<Who, Response>> + Send>>;

/// A check of the user's.
#[derive(Clone)]
pub(super) struct Check(Arc<dyn Fn(Parts) -> Answer + Send + Sync>);

impl Check {
    pub(super) fn new<F, A>(check: F) -> Check
    where
        F: Fn(Parts) -> A + Send + Sync + 'static,
        A: Future<Output = Result<Who, Response>> + Send + 'static,
    {
        Check(Arc::new(move |request| Box::pin(check(request))))
    }

    /// Asks about that request.
    pub(super) async fn ask(&self, request: &Parts, asked: Asked) -> Result<Who, Response> {
        let mut request = request.clone();
        request.extensions.insert(asked);
        (self.0)(request).await
    }
}
