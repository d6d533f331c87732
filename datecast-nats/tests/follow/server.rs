//! An imitation of a ws-server under `--numbers given`: it greets its producer with what it has, and takes lines.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use crate::wait::eventually;

/// What it has, and how it behaves.
#[derive(Default)]
struct State {
    epoch: u64,
    last: Option<u64>,
    /// All whole lines.
    lines: Vec<Vec<u8>>,
    /// What a producer must not do.
    faults: Vec<String>,
    /// Bytes of a line that the last connection ended with, without its end; nothing while that connection is there.
    half: Option<usize>,
    reads_not: bool,
    connection: Option<UnixStream>,
    connections: usize,
}

impl State {
    fn take(&mut self, line: &[u8]) {
        self.lines.push(line.to_vec());
        let Some(tab) = line.iter().position(|byte| *byte == b'\t') else {
            if !line.starts_with(b"!") {
                self.faults.push(format!("no number: {}", line.escape_ascii()));
            }
            return;
        };
        let id = std::str::from_utf8(&line[..tab]).unwrap();
        let (epoch, number) = id
            .split_once('_')
            .map_or((0, id), |(epoch, number)| (u64::from_str_radix(epoch, 16).unwrap(), number));
        let number = number.parse().unwrap();
        if (epoch, Some(number)) <= (self.epoch, self.last) {
            self.faults.push(format!("{id} after {:x}_{:?}", self.epoch, self.last));
        }
        (self.epoch, self.last) = (epoch, Some(number));
    }
}

/// The server; its threads end with the test.
pub(crate) struct Server {
    pub(crate) path: PathBuf,
    state: Arc<Mutex<State>>,
}

impl Server {
    /// Listens at this path, and has this epoch and number already.
    pub(crate) fn start(folder: &Path, epoch: u64, last: Option<u64>) -> Self {
        let path = folder.join("lines");
        let listener = UnixListener::bind(&path).unwrap();
        let state = Arc::new(Mutex::new(State { epoch, last, ..State::default() }));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                serve(&stream, &shared);
            }
        });
        Self { path, state }
    }

    /// The lines so far, as text.
    pub(crate) fn lines(&self) -> Vec<String> {
        let state = self.state.lock().unwrap();
        state.lines.iter().map(|line| line.escape_ascii().to_string().replace("\\t", "\t")).collect()
    }

    /// Number of lines that are messages.
    pub(crate) fn count(&self) -> usize {
        self.state.lock().unwrap().lines.iter().filter(|line| line.contains(&b'\t')).count()
    }

    /// Waits for this many messages, of which none came twice or out of order.
    pub(crate) fn await_messages(&self, count: usize) {
        eventually(&format!("{count} messages; there are fewer"), || self.count() >= count);
        let state = self.state.lock().unwrap();
        assert!(state.faults.is_empty(), "{:?}", state.faults);
    }

    /// Waits for a line.
    pub(crate) fn await_line(&self, line: &str) {
        eventually(line, || self.lines().iter().any(|it| it == line));
    }

    /// Whether it reads what comes.
    pub(crate) fn read(&self, reads: bool) {
        self.state.lock().unwrap().reads_not = !reads;
    }

    /// Closes the connection, in the middle of what comes.
    pub(crate) fn hang_up(&self) {
        if let Some(stream) = self.state.lock().unwrap().connection.take() {
            _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// How many times a producer has connected.
    pub(crate) fn connections(&self) -> usize {
        self.state.lock().unwrap().connections
    }

    /// Waits for the end of a connection, and returns how much of a line was its last.
    pub(crate) fn await_end(&self) -> usize {
        eventually("the connection ends", || self.state.lock().unwrap().half.is_some());
        self.state.lock().unwrap().half.unwrap()
    }

    pub(crate) fn last(&self) -> Option<u64> {
        self.state.lock().unwrap().last
    }
}

fn serve(mut stream: &UnixStream, shared: &Mutex<State>) {
    {
        let mut state = shared.lock().unwrap();
        state.connection = stream.try_clone().ok();
        state.connections += 1;
        state.half = None;
        let last = state.last.map_or("none".to_owned(), |last| last.to_string());
        _ = writeln!(stream, "last {last} {:012x}", state.epoch);
    }
    let mut lines = BufReader::new(stream);
    loop {
        while shared.lock().unwrap().reads_not {
            thread::sleep(Duration::from_millis(5));
        }
        let mut line = Vec::new();
        // A line without its end is not taken: the rest of it will come with a number.
        if !matches!(lines.read_until(b'\n', &mut line), Ok(1..)) || line.last() != Some(&b'\n') {
            shared.lock().unwrap().half = Some(line.len());
            return;
        }
        line.pop();
        let mut state = shared.lock().unwrap();
        // As a process that was killed: what it has not taken by now, it never takes.
        if state.connection.is_none() {
            return;
        }
        state.take(&line);
    }
}
