//! The lines of a child's pipe, readable with a deadline.

use std::io::{BufRead, BufReader, Read};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Instant;

/// Lines read by a thread of their own, so that waiting for one can end.
#[derive(Debug)]
pub(crate) struct Lines(Receiver<String>);

impl Lines {
    pub(crate) fn new(pipe: impl Read + Send + 'static) -> Self {
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(pipe).lines() {
                let Ok(line) = line else { return };
                // Nobody may listen any more; the pipe is still emptied, or the child would stand still.
                drop(sender.send(line));
            }
        });
        Self(receiver)
    }

    /// The next line; `None` at the end of the pipe or at the deadline.
    pub(crate) fn next_before(&self, deadline: Instant) -> Option<String> {
        self.0.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok()
    }
}
