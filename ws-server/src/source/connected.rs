//! A producer that is connected to the source's socket, and what it is told.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::{io::Errno, net::SendFlags};

use super::{
    input::{Input, ReadResult, Reader},
    producer::Producer,
    publisher::Publisher,
};

/// A producer counts until its last byte is read.
#[derive(Debug)]
pub(super) struct Connected {
    input: Input,
    /// With `--numbers given` it has still to be told which message is the newest.
    owes_greeting: bool,
}

impl Connected {
    /// A producer that has just connected, and is greeted at once.
    pub(super) fn new(socket: OwnedFd, publisher: &Publisher) -> Self {
        let mut connected = Self { input: Input::new(socket, publisher), owes_greeting: true };
        connected.greet(publisher);
        connected
    }

    /// A producer of the previous process.
    pub(super) fn adopt(producer: Producer, publisher: &Publisher) -> Self {
        let owes_greeting = !producer.is_greeted;
        let mut connected = Self { input: Input::adopt(producer, publisher), owes_greeting };
        connected.greet(publisher);
        connected
    }

    /// Tells it the newest message unless it knows. One that does not listen loses nothing by it, and one whose socket takes
    /// nothing now is told later.
    pub(super) fn greet(&mut self, publisher: &Publisher) {
        if !self.owes_greeting {
            return;
        }
        let Some(greeting) = publisher.greeting() else { return };
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        let sent = rustix::net::send(&self.input, greeting.as_bytes(), flags);
        self.owes_greeting = matches!(sent, Err(Errno::AGAIN | Errno::INTR | Errno::NOBUFS | Errno::NOMEM));
    }

    /// Reads once, as [`Reader::read`] does.
    pub(super) fn read(&mut self, reader: &mut Reader<'_>) -> Result<ReadResult, Errno> {
        match reader.read(&mut self.input) {
            // It has closed its socket with our greeting unread. The kernel reports that behind the last byte.
            Err(Errno::CONNRESET) => Ok(reader.end(&mut self.input)),
            result => result,
        }
    }

    /// The producer as the next process gets it.
    pub(super) fn export(self) -> Producer {
        self.input.export()
    }
}

impl AsFd for Connected {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.input.as_fd()
    }
}
