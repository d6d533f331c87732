//! A foreign client: a small program in `clients/` over a library that other people wrote.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::lines::Lines;
use crate::project::project;
use crate::wait::PATIENCE;

/// What a client reports, a line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The opening handshake is done; the id of the connection where the dialect has one.
    Open(Option<u64>),
    /// A text message from the server.
    Text(String),
    /// The end, with the close code where there was one.
    Close(Option<u16>),
}

/// A running client. Dropping it kills the process by its id.
#[derive(Debug)]
pub struct ForeignClient {
    /// File and version, for the messages of failed assertions.
    pub name: String,
    child: Child,
    lines: Lines,
}

/// How to start one foreign client: the program and the `VERSION` in its environment.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// The program's file, in `tests/clients/`.
    pub file: &'static str,
    /// The dialect, for a program that speaks several (empty: its only one).
    pub version: &'static str,
    /// True where the answer of the opening handshake has the connection's id.
    pub has_id: bool,
}

impl Program {
    /// Starts it; `arguments` are `[CONNECTIONS [STOP_AFTER]]`.
    pub fn start(self, url: &str, arguments: &[&str]) -> ForeignClient {
        self.start_with_token(url, arguments, "")
    }

    /// Starts it with a token, which it sends in a header unless it is empty.
    pub fn start_with_token(self, url: &str, arguments: &[&str], token: &str) -> ForeignClient {
        let folder = project().join("tests/clients");
        let mut command = interpreter(self.file);
        command
            .arg(folder.join(self.file))
            .arg(url)
            .args(arguments)
            .env("VERSION", self.version)
            .env("TOKEN", token);
        ForeignClient::spawn(format!("{} {}", self.file, self.version), command)
    }
}

/// Runs a program in `clients/` that publishes these lines and ends within [`PATIENCE`]; what it printed, an answer a line.
pub fn publish(file: &str, url: &str, token: &str, lines: &[&str]) -> String {
    let mut command = match file.rsplit('.').next() {
        // It needs no library.
        Some("py") => Command::new("python3"),
        _ => interpreter(file),
    };
    command.arg(project().join("tests/clients").join(file)).arg(url).args(lines).env("TOKEN", token);
    ForeignClient::spawn(file.to_owned(), command).lines.rest()
}

/// The program that runs a client, by the file's ending. `make test` prepares both Pythons.
fn interpreter(file: &str) -> Command {
    if file == "autobahn_client.py" {
        // autobahn 0.8.15 runs on Python 2.7 only.
        let python = std::env::var("PYTHON2").expect("PYTHON2 names a Python 2.7: see tests/run");
        let libraries = project().join("tests/.venv/python2");
        let mut command = Command::new(python);
        command.arg("-B").arg(project().join("tests/clients/with_site.py")).arg(libraries);
        return command;
    }
    match file.rsplit('.').next() {
        Some("mjs") => Command::new("node"),
        Some("py") => Command::new(venv_python()),
        _ => Command::new("bash"),
    }
}

fn venv_python() -> PathBuf {
    project().join("tests/.venv/python3/bin/python")
}

impl ForeignClient {
    fn spawn(name: String, mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("start {name}: {error}"));
        let lines = Lines::new(child.stdout.take().expect("stdout is piped"));
        Self { name, child, lines }
    }

    /// The next event and the index of its connection; the test fails when none comes within `patience`.
    pub fn next(&self, patience: Duration) -> (usize, Event) {
        let deadline = Instant::now() + patience;
        let line = self.lines.next_before(deadline);
        let line = line.unwrap_or_else(|| panic!("{}: nothing for {patience:?}, or ended", self.name));
        parse(&line).unwrap_or_else(|| panic!("{}: printed {line:?}", self.name))
    }

    /// The next event of a client with one connection.
    pub fn event(&self) -> Event {
        self.next(PATIENCE).1
    }

    /// Returns the next event, which must be a text.
    pub fn text(&self) -> String {
        match self.event() {
            Event::Text(text) => text,
            other => panic!("{}: expected a text, got {other:?}", self.name),
        }
    }

    /// Returns the id in the next event, which must be the opening.
    pub fn opened(&self) -> Option<u64> {
        match self.event() {
            Event::Open(id) => id,
            other => panic!("{}: expected to be open, got {other:?}", self.name),
        }
    }
}

impl Drop for ForeignClient {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// `INDEX open ID`, `INDEX text MESSAGE` or `INDEX close CODE`.
fn parse(line: &str) -> Option<(usize, Event)> {
    let (index, rest) = line.split_once(' ')?;
    let (kind, value) = rest.split_once(' ')?;
    let event = match kind {
        "open" => Event::Open(value.parse().ok()),
        "text" => Event::Text(value.to_owned()),
        "close" => Event::Close(value.parse().ok()),
        _ => return None,
    };
    Some((index.parse().ok()?, event))
}
