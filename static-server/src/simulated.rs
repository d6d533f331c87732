//! The handler in the reactor's simulated network: short reads and writes, any cut, from seeds.

mod storm;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reactor::Settings;
use reactor::simulation::Simulation;

use crate::directory::Directory;
use crate::handler::StaticHandler;
use crate::limits::{ConnectionLimits, KeepAlive};
use crate::root::Root;
use crate::serving::{Published, Serving};
use crate::site::{Content, Site};

const LIMITS: ConnectionLimits = ConnectionLimits {
    max_head: 32 * 1024,
    max_headers: 64,
    max_target: 8 * 1024,
    head_timeout: Duration::from_secs(10),
    keep_alive: KeepAlive { timeout: Duration::from_secs(15), max_requests: 1000 },
};

fn simulation(seed: u64, root: &Path) -> Simulation<StaticHandler> {
    Simulation::new(seed, Settings::default(), |_| {
        let directory = Directory::new(Root::open(root).unwrap(), 1 << 20, Arc::default());
        let serving = Serving::new(Site::new(Content::Directory(directory), false), Arc::default(), LIMITS);
        StaticHandler::new(Arc::new(Published::new(serving)))
    })
}

/// A small file, and one that is sent piece by piece.
fn site() -> (tempfile::TempDir, Vec<u8>) {
    let dir = tempfile::tempdir().unwrap();
    let large: Vec<u8> = (0..150_000_u32)
        .flat_map(|at| (at % 251).to_be_bytes())
        .step_by(4)
        .chain(b"end".repeat(30_000))
        .collect();
    std::fs::write(dir.path().join("small"), "small").unwrap();
    std::fs::write(dir.path().join("large"), &large).unwrap();
    (dir, large)
}

/// Takes one answer off the front: its status and body.
fn take(bytes: &mut Vec<u8>) -> Option<(u16, Vec<u8>)> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let len = head
        .lines()
        .find_map(|line| line.strip_prefix("Content-Length: "))
        .map_or(0, |len| len.parse().unwrap());
    if bytes.len() < end + len {
        return None;
    }
    let answer = (head[9..12].parse().unwrap(), bytes[end..end + len].to_vec());
    bytes.drain(..end + len);
    Some(answer)
}

#[test]
fn every_request_gets_its_answer_whole_and_in_order_however_bytes_are_cut() {
    let (dir, large) = site();
    for seed in 0..60 {
        let mut sim = simulation(seed, dir.path());
        let mut seeds = sim.seed();
        // Beside it stay a client that never reads and one that sends garbage.
        let (stuck, garbage, peer) = (sim.connect(), sim.connect(), sim.connect());
        sim.send(stuck, &b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n".repeat(50));
        sim.send(garbage, b"\x16\x03\x01");
        let kinds = ["large", "none", "small"];
        let targets: Vec<&str> = (0..30).map(|_| kinds[usize::try_from(seeds.below(3)).unwrap()]).collect();
        let request = |target: &&str| format!("GET /{target} HTTP/1.1\r\nHost: a\r\n\r\n").into_bytes();
        let text: Vec<u8> = targets.iter().flat_map(request).collect();
        let (mut rest, mut got, mut answers) = (text.as_slice(), Vec::new(), Vec::new());
        for _ in 0..100_000 {
            if !rest.is_empty() {
                let cut = usize::try_from(seeds.below(rest.len().min(90) as u64) + 1).unwrap();
                sim.send(peer, &rest[..cut]);
                rest = &rest[cut..];
            }
            if seeds.once_in(2) {
                sim.settle();
            }
            sim.turn();
            got.extend(sim.read(peer, usize::try_from(seeds.below(200_000)).unwrap()));
            while let Some(answer) = take(&mut got) {
                answers.push(answer);
            }
            if answers.len() == targets.len() {
                break;
            }
        }
        assert_eq!(answers.len(), targets.len(), "seed {seed}");
        for (target, (status, body)) in targets.iter().zip(&answers) {
            let (wanted, bytes): (u16, &[u8]) = match *target {
                "large" => (200, &large),
                "small" => (200, b"small"),
                _ => (404, b"404 Not Found\n"),
            };
            assert!(*status == wanted && body == bytes, "seed {seed}: {target} {status}");
        }
        assert!(got.is_empty() && !sim.is_ended(peer), "seed {seed}");
        sim.settle();
        assert!(sim.read(garbage, 1000).starts_with(b"HTTP/1.1 400 "), "seed {seed}");
    }
}

#[test]
fn every_state_ends_by_its_own_deadline() {
    let (dir, _) = site();
    for (sent, seconds, answer) in [
        ("", 11, ""),
        ("GET / HT", 11, "HTTP/1.1 408 "),
        ("GET /small HTTP/1.1\r\nHost: a\r\n\r\n", 16, "HTTP/1.1 200 "),
        ("GET /small HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc", 16, "HTTP/1.1 200 "),
        ("GET /none HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nG", 3, "HTTP/1.1 404 "),
    ] {
        let mut sim = simulation(1, dir.path());
        let peer = sim.connect();
        sim.send(peer, sent.as_bytes());
        sim.settle();
        assert!(!sim.is_closed(peer), "{sent}");
        // Two more seconds, in which the server would read and discard what the client still sends.
        for _ in 0..(seconds + 3) * 100 {
            sim.advance(Duration::from_millis(10));
            sim.settle();
        }
        let got = sim.read(peer, 10_000);
        assert!(got.starts_with(answer.as_bytes()), "{sent}: {}", got.escape_ascii());
        assert!(sim.is_ended(peer) && sim.is_closed(peer), "{sent}");
    }
}

#[test]
fn only_a_client_that_has_said_its_last_word_is_closed_without_a_look_at_what_comes() {
    const GET: &str = "GET /small HTTP/1.1\r\nHost: a\r\n";
    let (dir, _) = site();
    for (sent, at_once) in [
        (format!("{GET}Connection: close\r\n\r\n"), true),
        ("GET /none HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".to_owned(), true),
        ("GET /small HTTP/1.0\r\n\r\n".to_owned(), true),
        (format!("{GET}\r\n{GET}Connection: close\r\n\r\n"), true),
        (format!("{GET}Connection: close\r\n\r\n{GET}\r\n"), false),
        (format!("{GET}Connection: close\r\n\r\n\r\n"), false),
        (format!("{GET}Connection: close\r\nContent-Length: 2\r\n\r\n"), false),
        (format!("{GET}Connection: close\r\nContent-Length: 2\r\n\r\nab"), false),
        // The server's own decision: the client may have sent more by then.
        (format!("{GET}Content-Length: 65537\r\n\r\n"), false),
        ("nonsense\r\n\r\n".to_owned(), false),
    ] {
        for seed in 0..20 {
            let mut sim = simulation(seed, dir.path());
            sim.short_writes(0);
            let peer = sim.connect();
            sim.send(peer, sent.as_bytes());
            sim.settle();
            assert!(sim.is_ended(peer), "seed {seed}: {sent}");
            assert_eq!(sim.is_closed(peer), at_once, "seed {seed}: {sent}");
            assert!(
                !sim.is_reset(peer) && sim.read(peer, 10_000).starts_with(b"HTTP/1.1 "),
                "seed {seed}: {sent}"
            );
        }
    }
}

#[test]
fn a_request_that_came_while_the_process_stood_still_comes_before_the_deadline() {
    const REQUEST: &[u8] = b"GET /small HTTP/1.1\r\nHost: a\r\n\r\n";
    let (dir, _) = site();
    let mut sim = simulation(1, dir.path());
    let (peer, idle) = (sim.connect(), sim.connect());
    sim.send(idle, REQUEST);
    sim.send(peer, &REQUEST[..9]);
    let mut sent = 9;
    // The timeout of a head, of a connection between two requests, and again of a head.
    for most in [REQUEST.len(), 2 * REQUEST.len() + 9, 3 * REQUEST.len()] {
        let input: Vec<u8> = REQUEST.iter().copied().cycle().take(most).skip(sent).collect();
        sent = most;
        sim.stand_still(Duration::from_mins(1), |sim| sim.send(peer, &input));
        let mut got = sim.read(peer, usize::MAX);
        assert_eq!(take(&mut got), Some((200, b"small".to_vec())), "{}", got.escape_ascii());
        assert!(!sim.is_ended(peer));
    }
    assert!(sim.is_closed(idle), "nothing came from this one");
}

/// How many descriptors of this process are of this path.
fn descriptors_of(path: &Path) -> usize {
    let descriptors = std::fs::read_dir("/proc/self/fd").unwrap();
    let paths = descriptors.flatten().filter_map(|entry| std::fs::read_link(entry.path()).ok());
    paths.filter(|open| open == path).count()
}

#[test]
fn no_folder_stays_open_long_behind_the_request_for_its_file_though_nothing_else_happens() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("folder");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("file"), "text").unwrap();
    let is_open = || descriptors_of(&folder) > 0;
    let mut sim = simulation(0, dir.path());
    let peer = sim.connect();
    sim.send(peer, b"GET /folder/file HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    sim.settle();
    assert_eq!(take(&mut sim.read(peer, usize::MAX)), Some((200, b"text".to_vec())));
    assert!(is_open());
    sim.advance(Duration::from_secs(1));
    sim.settle();
    assert!(!is_open(), "what is mounted there cannot be unmounted");
}

#[test]
fn a_folder_whose_listing_goes_on_is_closed_when_nobody_asks_for_its_files_any_more() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("folder");
    std::fs::create_dir(&folder).unwrap();
    for number in 0..200 {
        std::fs::write(folder.join(format!("{number}")), "text").unwrap();
    }
    let mut sim = simulation(0, dir.path());
    // A folder is listed once no name has come for two seconds; the simulated clock may be years behind the system's.
    sim.advance(Duration::from_hours(1_000_000));
    let peer = sim.connect();
    for number in 0..4 {
        sim.send(peer, format!("GET /folder/{number} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
        sim.settle();
        assert_eq!(take(&mut sim.read(peer, usize::MAX)), Some((200, b"text".to_vec())));
        assert_eq!(descriptors_of(&folder), 2, "to look, and to list");
        sim.advance(Duration::from_millis(300));
        sim.settle();
    }
    for _ in 0..3 {
        sim.advance(Duration::from_secs(1));
        sim.settle();
    }
    assert_eq!(descriptors_of(&folder), 0);
}
