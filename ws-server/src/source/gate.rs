//! Reading that another thread can end: before a hand-over the source stops, and unread input stays for the next process.

use std::{
    io::{self, PipeReader, PipeWriter, Read},
    os::fd::AsFd,
    sync::Arc,
    time::Duration,
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Open until its [`Key`] is dropped; clones are the same gate.
#[derive(Clone, Debug)]
pub(crate) struct Gate(Arc<PipeReader>);

/// Dropping it closes the gate: `poll` reports a hang-up on the reader's end.
#[derive(Debug)]
pub(crate) struct Key(#[expect(dead_code, reason = "it is there to be dropped")] PipeWriter);

impl Gate {
    /// An open gate.
    ///
    /// # Errors
    /// The system has no more descriptors.
    pub(crate) fn new() -> io::Result<(Self, Key)> {
        let (reader, writer) = io::pipe()?;
        Ok((Self(Arc::new(reader)), Key(writer)))
    }

    /// Waits until the gate is closed, at most for this long; true if it is.
    pub(crate) fn is_closed_within(&self, time: Duration) -> bool {
        let timeout = Timespec::try_from(time).ok();
        let mut gate = [PollFd::new(&*self.0, PollFlags::empty())];
        poll(&mut gate, timeout.as_ref()).is_ok_and(|closed| closed > 0)
    }

    /// Waits until `input` has data or has ended; returns false once the gate is closed.
    pub(crate) fn wait(&self, input: &impl AsFd) -> io::Result<bool> {
        let gate = &*self.0;
        let mut both = [PollFd::new(gate, PollFlags::empty()), PollFd::new(input, PollFlags::IN)];
        loop {
            match poll(&mut both, None) {
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
                Ok(_) => return Ok(both.first().is_some_and(|gate| gate.revents().is_empty())),
            }
        }
    }
}

/// An input behind a gate; [`is_closed`] recognizes the error of a closed gate.
pub(crate) struct Gated<'g, R> {
    pub(crate) input: R,
    pub(crate) gate: &'g Gate,
}

impl<R: Read + AsFd> Read for Gated<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.gate.wait(&self.input)? { self.input.read(buffer) } else { Err(closed()) }
    }
}

fn closed() -> io::Error {
    io::ErrorKind::ConnectionAborted.into()
}

/// True for the error of reading through a closed gate. Files, pipes and Unix sockets never return it themselves.
pub(crate) fn is_closed(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::ConnectionAborted
}

#[cfg(test)]
mod tests {
    use std::{io::Write, thread};

    use super::*;

    #[test]
    fn what_is_there_is_read_and_a_closed_gate_ends_a_read_that_waits() {
        let (gate, key) = Gate::new().unwrap();
        let (reader, mut writer) = io::pipe().unwrap();
        writer.write_all(b"x").unwrap();
        let mut gated = Gated { input: reader, gate: &gate };
        let mut byte = [0];
        assert_eq!(gated.read(&mut byte).unwrap(), 1);
        thread::scope(|scope| {
            let waiting = scope.spawn(|| gated.read(&mut [0]).unwrap_err());
            drop(key);
            assert!(is_closed(&waiting.join().unwrap()));
        });
    }

    #[test]
    fn what_comes_to_a_closed_gate_stays_where_it_is() {
        let (gate, key) = Gate::new().unwrap();
        let (mut reader, mut writer) = io::pipe().unwrap();
        drop(key);
        writer.write_all(b"x").unwrap();
        assert!(Gated { input: &reader, gate: &gate }.read(&mut [0]).is_err());
        let mut byte = [0];
        reader.read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"x");
    }
}
