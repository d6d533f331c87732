//! How long a test waits, and a wait that ends.

use std::thread;
use std::time::{Duration, Instant};

/// How long a test waits for what should come at once.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Repeats the attempt until it succeeds; panics with its last error after [`PATIENCE`].
pub fn eventually<T>(mut attempt: impl FnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match attempt() {
            Ok(value) => return value,
            Err(error) => assert!(Instant::now() < deadline, "still after {PATIENCE:?}: {error}"),
        }
        // Leaves the processor to what it waits for.
        thread::sleep(Duration::from_millis(1));
    }
}
