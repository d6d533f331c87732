//! What one process leaves for the next: the manifest, the state of the process, and each connection. What is read is written
//! again, and read the same.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use daemon::fuzzing::manifest;
use ws_server::fuzzing::{connection, process_state};

use crate::{allocation, input::Choices};

/// See the module.
pub fn run(input: &[u8]) {
    let mut choices = Choices::new(input);
    let (kind, format) = (choices.byte() % 4, u32::from(choices.byte() % 2) + 1);
    let bytes = choices.rest();
    let most = 16 * 1024 + 256 * bytes.len() as u64;
    allocation::within(most, || match kind {
        0 => manifests(bytes),
        1 | 2 => processes(bytes, format),
        _ => connections(bytes, format),
    });
}

fn manifests(bytes: &[u8]) {
    let bytes = [b"datecast hand-over 1", bytes].concat();
    if let Some(again) = manifest(&bytes) {
        assert_eq!(manifest(&again).as_ref(), Some(&again), "a manifest comes back as it was");
    }
}

fn processes(bytes: &[u8], format: u32) {
    let Some(again) = process_state(bytes, format, now()) else { return };
    let twice = process_state(&again, 2, now());
    assert_eq!(
        twice.as_deref().map(<[u8]>::escape_ascii).map(|text| text.to_string()),
        Some(again.escape_ascii().to_string())
    );
}

fn connections(bytes: &[u8], format: u32) {
    let Some(again) = connection(bytes, format, now()).flatten() else { return };
    let twice = connection(&again, 2, now()).flatten();
    assert_eq!(
        twice.as_deref().map(<[u8]>::escape_ascii).map(|text| text.to_string()),
        Some(again.escape_ascii().to_string())
    );
}

/// A moment long after the start, the same for all.
#[allow(clippy::disallowed_methods, reason = "an `Instant` has no other beginning")]
fn now() -> Instant {
    static NOW: OnceLock<Instant> = OnceLock::new();
    *NOW.get_or_init(|| Instant::now() + Duration::from_secs(1 << 32))
}
