//! How long a test waits, and a wait that ends.

use std::thread;
use std::time::{Duration, Instant};

/// How long a test waits for what should come at once.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Measures up to three times until it takes less than this. A busy machine is late now and then, a program that waits for something
/// longer each time.
pub fn takes_less_than(limit: Duration, mut measure: impl FnMut() -> Duration) {
    let mut took = Vec::new();
    while took.last().is_none_or(|took| *took >= limit) {
        assert!(took.len() < 3, "each time as long as {limit:?} at least: {took:?}");
        took.push(measure());
    }
}

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
