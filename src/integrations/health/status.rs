//! A check's answer by the status of an HTTP response.

use ::http::StatusCode;
use std::error::Error;
use std::fmt;

/// Healthy at 2xx, and at nothing else: a redirect is the answer of whatever stands before the
/// dependency, and a 404 says that the route is not there.
///
/// With reqwest; any client whose response has a [`StatusCode`] serves as well:
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
/// Any other status.
pub fn healthy_status(status: StatusCode) -> Result<(), UnhealthyStatus> {
    if status.is_success() {
        Ok(())
    } else {
        Err(UnhealthyStatus(status))
    }
}

/// A status that [`healthy_status`] refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UnhealthyStatus(StatusCode);

impl UnhealthyStatus {
    /// Which.
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
