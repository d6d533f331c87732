//! Waiting for input that another thread can end: before a hand-over the source stops, and unread input stays for the next
//! process.

use std::{
    io::{self, PipeReader, PipeWriter},
    os::fd::{AsFd, BorrowedFd},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use daemon::clock::now;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

use super::complaint::Complaint;

/// How long a source waits before it tries again what the system refused.
pub(super) const PAUSE: Duration = Duration::from_millis(100);
/// Time between two looks at the path of a source, behind which another FIFO or no socket may be by now.
pub(super) const LOOK: Duration = Duration::from_millis(500);

/// Open until its [`Key`] is dropped.
#[derive(Debug)]
pub(crate) struct Gate {
    pipe: PipeReader,
    closed: Arc<AtomicBool>,
    complaint: Complaint,
}

/// Dropping it closes the gate: `poll` reports a hang-up on the reader's end.
#[derive(Debug)]
pub(crate) struct Key {
    _pipe: PipeWriter,
    /// Says it once more, to a thread whose `poll` fails.
    closed: Arc<AtomicBool>,
}

impl Drop for Key {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::Release);
    }
}

/// Why [`Gate::wait`] returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Waited {
    /// The gate is closed: read no more.
    Closed,
    /// Which of the inputs have data or have ended; none of them if the time is over.
    Ready(Vec<bool>),
}

impl Waited {
    /// True if an input is ready.
    pub(super) fn is_any(&self) -> bool {
        matches!(self, Self::Ready(ready) if ready.contains(&true))
    }
}

impl Gate {
    /// An open gate.
    ///
    /// # Errors
    /// The system has no more descriptors.
    pub(crate) fn new() -> io::Result<(Self, Key)> {
        let (pipe, writer) = io::pipe()?;
        let closed = Arc::new(AtomicBool::new(false));
        let key = Key { _pipe: writer, closed: Arc::clone(&closed) };
        Ok((Self { pipe, closed, complaint: Complaint::default() }, key))
    }

    /// Waits until one of the inputs has data or has ended, at most for this long. What the system refuses, it tries again.
    pub(super) fn wait(&mut self, inputs: &[BorrowedFd<'_>], time: Option<Duration>) -> Waited {
        let timeout = time.and_then(|time| Timespec::try_from(time).ok());
        let mut polled = vec![PollFd::new(&self.pipe, PollFlags::empty())];
        polled.extend(inputs.iter().map(|input| PollFd::from_borrowed_fd(*input, PollFlags::IN)));
        match poll(&mut polled, timeout.as_ref()) {
            Ok(_) => {
                self.complaint.withdraw();
                let mut ready = polled.iter().map(|polled| !polled.revents().is_empty());
                if ready.next() == Some(true) { Waited::Closed } else { Waited::Ready(ready.collect()) }
            }
            Err(_) if self.closed.load(Ordering::Acquire) => Waited::Closed,
            Err(error) => {
                if error != Errno::INTR {
                    self.complaint.make(format!("waiting for the source: {error}"), now());
                    thread::park_timeout(PAUSE);
                }
                Waited::Ready(vec![false; inputs.len()])
            }
        }
    }

    /// Waits before what the system refused is tried again; true if the gate is closed.
    pub(super) fn pause(&mut self) -> bool {
        self.wait(&[], Some(PAUSE)) == Waited::Closed
    }
}

/// The inputs as [`Gate::wait`] takes them.
pub(super) fn borrowed<'i, I: AsFd + 'i>(inputs: impl IntoIterator<Item = &'i I>) -> Vec<BorrowedFd<'i>> {
    inputs.into_iter().map(AsFd::as_fd).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn each_input_that_has_data_or_has_ended_is_named() {
        let (mut gate, _key) = Gate::new().unwrap();
        let (silent, _writer) = io::pipe().unwrap();
        let (full, mut writer) = io::pipe().unwrap();
        writer.write_all(b"x").unwrap();
        let (ended, _) = io::pipe().unwrap();
        let waited = gate.wait(&[silent.as_fd(), full.as_fd(), ended.as_fd()], None);
        assert_eq!(waited, Waited::Ready(vec![false, true, true]));
        let waited = gate.wait(&[silent.as_fd()], Some(Duration::ZERO));
        assert_eq!(waited, Waited::Ready(vec![false]));
    }

    #[test]
    fn a_closed_gate_ends_the_wait_even_if_there_is_input() {
        let (mut gate, key) = Gate::new().unwrap();
        let (silent, _writer) = io::pipe().unwrap();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                let waited = gate.wait(&[silent.as_fd()], None);
                (waited, gate)
            });
            drop(key);
            let (waited, mut gate) = waiting.join().unwrap();
            assert_eq!(waited, Waited::Closed);
            let (full, mut writer) = io::pipe().unwrap();
            writer.write_all(b"x").unwrap();
            assert_eq!(gate.wait(&[full.as_fd()], None), Waited::Closed);
            assert!(gate.pause());
        });
    }
}
