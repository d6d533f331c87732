//! A server without descriptors: what it costs to wait, and how soon a client that waits gets the place of one that left.

use std::{
    collections::VecDeque,
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use harness::{Daemon, PATIENCE, Signal, on_free_port};

use crate::{dialect::Dialect, lateness::Spread, usage::Usage, victim};

/// Of the whole process.
const DESCRIPTORS: u64 = 64;
const CLIENTS: usize = 200;
/// Each pause of the accepting is a tenth of a second long.
const STILL: Duration = Duration::from_millis(500);

/// What it measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Full {
    pub(crate) served_at_once: usize,
    pub(crate) served: usize,
    /// The share of one processor while clients wait.
    pub(crate) busy: f64,
    /// From the close of one to the first message of another.
    pub(crate) waits: Spread,
}

/// Fills a server, looks at it for this long, and lets its clients leave one after the other.
pub(crate) fn run(time: Duration) -> Full {
    let daemon =
        Daemon::start_command(on_free_port(victim::binary("ws-server"), &["--max-connections", "0"]));
    daemon.limit_files(DESCRIPTORS);
    let mut waiting: VecDeque<TcpStream> = (0..CLIENTS).map(|_| client(daemon.address())).collect();
    let mut served = VecDeque::new();
    let mut since = Instant::now();
    while since.elapsed() < STILL {
        if take_answered(&mut waiting, &mut served) > 0 {
            since = Instant::now();
        }
    }
    let served_at_once = served.len();
    let before = Usage::of(daemon.pid()).processor;
    thread::sleep(time);
    let busy = (Usage::of(daemon.pid()).processor.saturating_sub(before)).as_secs_f64() / time.as_secs_f64();
    let mut waits = Vec::new();
    while !waiting.is_empty() {
        drop(served.pop_front());
        let freed = Instant::now();
        while take_answered(&mut waiting, &mut served) == 0 {
            assert!(freed.elapsed() < PATIENCE, "a client waits though a descriptor is free");
        }
        waits.push(freed.elapsed());
    }
    let served = served_at_once + waits.len();
    daemon.signal(Signal::TERM);
    assert!(daemon.wait().0.success(), "it ends as it should");
    Full { served_at_once, served, busy, waits: Spread::of(waits) }
}

fn client(to: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect_timeout(&to, PATIENCE).expect("the listener's queue takes it");
    stream.write_all(Dialect::Rfc6455.request().as_bytes()).expect("sent");
    stream.set_nonblocking(true).expect("not blocking");
    stream
}

/// Moves the clients that have an answer; how many there were.
fn take_answered(waiting: &mut VecDeque<TcpStream>, served: &mut VecDeque<TcpStream>) -> usize {
    let before = served.len();
    for _ in 0..waiting.len() {
        let Some(mut stream) = waiting.pop_front() else { break };
        match stream.read(&mut [0; 4096]) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => waiting.push_back(stream),
            Ok(1..) => served.push_back(stream),
            end => panic!("a client that waits was turned away: {end:?}"),
        }
    }
    // Leaves the processor to the daemon.
    thread::sleep(Duration::from_millis(1));
    served.len() - before
}
