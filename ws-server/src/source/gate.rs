//! Waiting for input that another thread can end: before a hand-over the source stops, and unread input stays for the next
//! process.

use std::{
    io::{self, PipeReader, PipeWriter, Read, Write},
    os::fd::{AsFd, BorrowedFd},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
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
/// How long it waits for that while a stop asks whether there is more to read, as a stop does not wait for long.
const HASTE: Duration = Duration::from_millis(5);
/// Time between two looks at the path of a source, behind which another FIFO or no socket may be by now.
pub(super) const LOOK: Duration = Duration::from_millis(500);

/// Open until its [`Key`] is dropped.
#[derive(Debug)]
pub(crate) struct Gate {
    /// Has a byte while the key's owner asks whether there is more to read.
    pipe: PipeReader,
    /// Says that there is nothing more.
    calm: SyncSender<()>,
    closed: Arc<AtomicBool>,
    complaint: Complaint,
}

/// Dropping it closes the gate: `poll` reports a hang-up on the reader's end.
#[derive(Debug)]
pub(crate) struct Key {
    pipe: PipeWriter,
    calm: Receiver<()>,
    /// Says it once more, to a thread whose `poll` fails.
    closed: Arc<AtomicBool>,
}

impl Key {
    /// Returns when all has been read that was there, or after this long.
    pub(super) fn wait_for_calm(&self, time: Duration) {
        if (&self.pipe).write_all(b"?").is_ok() {
            let _ = self.calm.recv_timeout(time);
        }
    }
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
        let (calm, answers) = sync_channel(1);
        let key = Key { pipe: writer, calm: answers, closed: Arc::clone(&closed) };
        Ok((Self { pipe, calm, closed, complaint: Complaint::default() }, key))
    }

    /// Waits until one of the inputs, which are all there are, has data or has ended, at most for this long. What the system refuses,
    /// it tries again.
    pub(super) fn wait(&mut self, inputs: &[BorrowedFd<'_>], time: Option<Duration>) -> Waited {
        let (waited, is_asked) = self.poll(inputs, time);
        if is_asked && !waited.is_any() && self.pipe.read(&mut [0]).is_ok() {
            let _ = self.calm.try_send(());
        }
        waited
    }

    /// Which of the inputs have data or have ended now.
    pub(super) fn look(&mut self, inputs: &[BorrowedFd<'_>]) -> Waited {
        self.poll(inputs, Some(Duration::ZERO)).0
    }

    /// The same, and whether the key's owner asks.
    fn poll(&mut self, inputs: &[BorrowedFd<'_>], time: Option<Duration>) -> (Waited, bool) {
        let timeout = time.and_then(|time| Timespec::try_from(time).ok());
        let mut polled = vec![PollFd::new(&self.pipe, PollFlags::IN)];
        polled.extend(inputs.iter().map(|input| PollFd::from_borrowed_fd(*input, PollFlags::IN)));
        let result = poll(&mut polled, timeout.as_ref());
        let mut events = polled.iter().map(PollFd::revents);
        let of_pipe = events.next().unwrap_or(PollFlags::empty());
        match result {
            Ok(_) => {
                self.complaint.withdraw();
                let is_closed = of_pipe.intersects(PollFlags::HUP | PollFlags::ERR);
                let ready = events.map(|events| !events.is_empty()).collect();
                (
                    if is_closed { Waited::Closed } else { Waited::Ready(ready) },
                    of_pipe.contains(PollFlags::IN),
                )
            }
            Err(_) if self.closed.load(Ordering::Acquire) => (Waited::Closed, false),
            Err(error) => {
                if error != Errno::INTR {
                    self.complaint.make(format!("waiting for the source: {error}"), now());
                    thread::park_timeout(PAUSE);
                }
                (Waited::Ready(vec![false; inputs.len()]), false)
            }
        }
    }

    /// Waits before what the system refused is tried again; true if the gate is closed. There may be more to read: a stop
    /// that asks is not told that there is nothing.
    pub(super) fn pause(&mut self) -> bool {
        let (waited, is_asked) = self.poll(&[], Some(PAUSE));
        if is_asked && waited != Waited::Closed {
            thread::park_timeout(HASTE);
        }
        waited == Waited::Closed
    }
}

/// The inputs as [`Gate::wait`] takes them.
pub(super) fn borrowed<'i, I: AsFd + 'i>(inputs: impl IntoIterator<Item = &'i I>) -> Vec<BorrowedFd<'i>> {
    inputs.into_iter().map(AsFd::as_fd).collect()
}

#[cfg(test)]
mod tests {
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
    fn it_is_calm_once_all_is_read_that_was_there() {
        let (mut gate, key) = Gate::new().unwrap();
        let (mut input, mut writer) = io::pipe().unwrap();
        writer.write_all(b"xy").unwrap();
        let key = thread::scope(|scope| {
            let asked = scope.spawn(move || {
                key.wait_for_calm(Duration::from_mins(1));
                key
            });
            for _ in 0..2 {
                assert!(gate.wait(&[input.as_fd()], None).is_any());
                assert!(!asked.is_finished(), "there is something to read");
                gate.look(&[]);
                input.read_exact(&mut [0]).unwrap();
            }
            assert!(!gate.wait(&[input.as_fd()], None).is_any());
            asked.join().unwrap()
        });
        assert!(!gate.wait(&[input.as_fd()], Some(Duration::ZERO)).is_any());
        key.wait_for_calm(Duration::ZERO); // nobody answers
        drop(key);
        assert_eq!(gate.wait(&[input.as_fd()], None), Waited::Closed);
    }

    #[test]
    fn a_pause_does_not_say_that_there_is_nothing_to_read() {
        let (mut gate, key) = Gate::new().unwrap();
        thread::scope(|scope| {
            let asked = scope.spawn(move || key.wait_for_calm(Duration::from_mins(1)));
            for _ in 0..3 {
                assert!(!gate.pause());
            }
            assert!(!asked.is_finished(), "nobody has looked");
            while !asked.is_finished() {
                gate.wait(&[], Some(HASTE));
            }
        });
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
