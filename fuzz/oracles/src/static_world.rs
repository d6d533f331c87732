//! The whole static-server under fuzzed events: no answer holds what lies outside of its root.

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use crate::{input::Choices, worlds::perform};

const GREETINGS: [&[u8]; 8] = [
    b"GET /small HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /../secret HTTP/1.1\r\nHost: a\r\n\r\n",
    b"HEAD /folder HTTP/1.1\r\nHost: a\r\nRange: bytes=1-3\r\n\r\n",
    b"GET /large HTTP/1.1\r\nHost: a\r\nRange: bytes=-5\r\n\r\n",
    b"GET /link HTTP/1.0\r\n\r\n",
    b"GET /large HTTP/1.1\r\nHost: a\r\nIf-None-Match: *\r\n\r\n",
    b"GET /",
    b"POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nGET / HTT",
];

/// See the module.
pub fn run(input: &[u8]) {
    let mut choices = Choices::new(input);
    let seed = u64::from(choices.byte());
    let world = static_server::fuzzing::world(seed, site()).expect("a folder");
    let mut read = Vec::new();
    let got = |_, bytes: &[u8]| read.extend_from_slice(bytes);
    let step = |mut world: reactor::simulation::Simulation<_>, choice: u8| {
        world.step_wall_clock(i64::from(choice) - 10);
        world
    };
    perform(world, 0, choices, &GREETINGS, step, got);
    check_containment(&read);
}

/// What peers got holds nothing of outside of the root.
///
/// # Panics
/// If it does.
pub fn check_containment(read: &[u8]) {
    assert!(!read.windows(SECRET.len()).any(|part| part == SECRET), "a file outside of the root");
}

const SECRET: &[u8] = b"nobody may read this";

/// A folder with a small and a large file, and a link that leads out of it.
pub fn site() -> &'static PathBuf {
    static SITE: OnceLock<PathBuf> = OnceLock::new();
    SITE.get_or_init(|| {
        let base = std::env::temp_dir().join(format!("datecast-fuzz-{}", std::process::id()));
        let root = base.join("root");
        fs::create_dir_all(root.join("folder")).expect("a folder");
        fs::write(base.join("secret"), SECRET).expect("a file");
        fs::write(root.join("small"), "small").expect("a file");
        fs::write(root.join("large"), vec![b'l'; 100_000]).expect("a file");
        _ = std::os::unix::fs::symlink("../secret", root.join("link"));
        root
    })
}
