//! One descriptor that lines come from, read once at a time.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;

use super::{lines::Splitter, producer::Producer, publisher::Publisher};

/// Bytes that one read takes.
const READ_SIZE: usize = 64 * 1024;

/// A descriptor, and the beginning of its present line.
#[derive(Debug)]
pub(super) struct Input {
    descriptor: OwnedFd,
    splitter: Splitter,
}

/// What one read has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReadResult {
    /// Bytes, whose lines are published.
    Bytes,
    /// Nothing for now.
    Nothing,
    /// The end: its last line is published, even without a line end.
    End,
}

/// Reads inputs, one after the other, and publishes their lines.
pub(super) struct Reader<'p> {
    pub(super) publisher: &'p Publisher,
    buffer: Vec<u8>,
}

impl<'p> Reader<'p> {
    pub(super) fn new(publisher: &'p Publisher) -> Self {
        Self { publisher, buffer: vec![0; READ_SIZE] }
    }

    /// Reads once.
    ///
    /// # Errors
    /// What reading failed with. Nothing is lost by it: the input can be read again.
    pub(super) fn read(&mut self, input: &mut Input) -> Result<ReadResult, Errno> {
        let read = match rustix::io::read(&input.descriptor, &mut self.buffer) {
            Ok(read) => read,
            Err(Errno::INTR | Errno::AGAIN) => return Ok(ReadResult::Nothing),
            Err(error) => return Err(error),
        };
        if read == 0 {
            return Ok(self.end(input));
        }
        self.publisher.publish(&mut input.splitter, self.buffer.get(..read).unwrap_or_default());
        Ok(ReadResult::Bytes)
    }

    /// Nothing more comes from this input: publishes its last line, even without a line end.
    pub(super) fn end(&self, input: &mut Input) -> ReadResult {
        self.publisher.publish(&mut input.splitter, &[]);
        ReadResult::End
    }
}

impl Input {
    /// An input at the beginning of a line.
    pub(super) fn new(descriptor: OwnedFd, publisher: &Publisher) -> Self {
        Self { descriptor, splitter: publisher.splitter() }
    }

    /// Goes on with an input of the previous process.
    pub(super) fn adopt(producer: Producer, publisher: &Publisher) -> Self {
        let mut input = Self::new(producer.descriptor, publisher);
        input.splitter.adopt(producer.partial);
        input.splitter.is_after_gap = producer.is_after_gap;
        input
    }

    /// The input as the next process gets it.
    pub(super) fn export(self) -> Producer {
        let is_after_gap = self.splitter.is_after_gap;
        let partial = self.splitter.into_partial();
        Producer { descriptor: self.descriptor, partial, is_after_gap, is_greeted: true }
    }
}

impl AsFd for Input {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}
