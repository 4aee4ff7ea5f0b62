//! A check's answer from the status of an HTTP response.

use ::http::StatusCode;
use std::error::Error;
use std::fmt;

/// Accepts a 2xx status as healthy, and nothing else. A redirect is the answer of a proxy before
/// the dependency, and a 404 means that the route is not there.
///
/// With reqwest; any client whose response has a [`StatusCode`] works the same:
///
/// ```no_run
/// use std::error::Error;
/// use tripcoil::Breaker;
/// use tripcoil::health::{Recovery, healthy_status};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), tripcoil::ConfigError> {
/// let (breaker, controller) = Breaker::builder("orders").build_with_controller()?;
/// let client = reqwest::Client::new();
/// let check = move || {
///     let request = client.get("http://orders.internal/health");
///     async move {
///         healthy_status(request.send().await?.status())?;
///         Ok::<_, Box<dyn Error>>(())
///     }
/// };
/// tokio::spawn(Recovery::new().run(controller, check));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// Returns any other status as an [`UnhealthyStatus`].
pub fn healthy_status(status: StatusCode) -> Result<(), UnhealthyStatus> {
    if status.is_success() {
        Ok(())
    } else {
        Err(UnhealthyStatus(status))
    }
}

/// A status that [`healthy_status`] does not accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UnhealthyStatus(StatusCode);

impl UnhealthyStatus {
    /// Returns the status.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        self.0
    }
}

impl fmt::Display for UnhealthyStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unhealthy: status {}", self.0)
    }
}

impl Error for UnhealthyStatus {}
