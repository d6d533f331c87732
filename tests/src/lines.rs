//! The lines of a child's pipe. A thread reads them, so that a wait for one can end.

use std::io::{BufRead, BufReader, Read};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Instant;

use crate::wait::PATIENCE;

#[derive(Debug)]
pub(crate) struct Lines(Receiver<Result<String, String>>);

impl Lines {
    pub(crate) fn new(pipe: impl Read + Send + 'static) -> Self {
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(pipe).split(b'\n') {
                let line = line.map_err(|error| error.to_string());
                let line = line.and_then(|line| String::from_utf8(line).map_err(|error| error.to_string()));
                let failed = line.is_err();
                // The receiver may be gone; the thread still empties the pipe, or the child would block on it.
                drop(sender.send(line));
                if failed {
                    return;
                }
            }
        });
        Self(receiver)
    }

    /// The next line; `None` at the end of the pipe or at the deadline.
    pub(crate) fn next_before(&self, deadline: Instant) -> Option<String> {
        let line = self.0.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok()?;
        Some(line.expect("the pipe holds lines of text"))
    }

    /// All that is left up to the end of the pipe, which must come within [`PATIENCE`].
    pub(crate) fn rest(&self) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut rest = String::new();
        loop {
            match self.0.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => rest.extend([line.expect("the pipe holds lines of text").as_str(), "\n"]),
                Err(RecvTimeoutError::Disconnected) => return rest,
                Err(RecvTimeoutError::Timeout) => panic!("no end within {PATIENCE:?} after:\n{rest}"),
            }
        }
    }
}
