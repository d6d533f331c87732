//! The event loop of every command: one thread.

use std::future::Future;

use daemon::DaemonError;

/// Runs this to its end on one thread.
///
/// # Errors
/// The system refuses the event loop's descriptors; or what it runs ends with an error.
pub(crate) fn run<T>(future: impl Future<Output = Result<T, DaemonError>>) -> Result<T, DaemonError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| DaemonError::system("starting the event loop", &error))?
        .block_on(future)
}
