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

#[cfg(test)]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        os::unix::net::UnixStream,
    };

    use common::id::{Epoch, MessageId};

    use super::*;
    use crate::{
        source::{
            lines::{InvalidUtf8, LineRules},
            progress::{Head, SourceProgress},
            publisher::LineFormat,
        },
        stream::{DateFormat, Numbers, Template},
    };

    fn publisher(numbers: Numbers) -> Publisher {
        let rules = LineRules { max_line: 100, invalid_utf8: InvalidUtf8::Replace, numbers };
        let format = LineFormat { template: Template::line(), date_format: DateFormat::Unix, rules };
        let next = MessageId { epoch: Epoch::from_millis(10), number: 7 };
        Publisher::new(SourceProgress::new(0, Head::at(next)), format, |_| ())
    }

    /// Our end, and the producer's.
    fn pair() -> (UnixStream, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        for end in [&ours, &theirs] {
            end.set_nonblocking(true).unwrap();
        }
        (ours, theirs)
    }

    /// All that has come.
    fn told(mut producer: &UnixStream) -> String {
        let mut bytes = Vec::new();
        // It ends with an error: the socket stays open.
        _ = producer.read_to_end(&mut bytes);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_producer_is_told_the_newest_message_once_and_only_where_it_gives_the_numbers() {
        for (numbers, greeting) in [(Numbers::Given, "last 6 00000000000a\n"), (Numbers::Own, "")] {
            let (publisher, (ours, theirs)) = (publisher(numbers), pair());
            let mut producer = Connected::new(ours.into(), &publisher);
            producer.greet(&publisher);
            assert_eq!(told(&theirs), greeting);
        }
    }

    #[test]
    fn one_whose_socket_takes_nothing_is_told_when_it_does() {
        let (publisher, (ours, theirs)) = (publisher(Numbers::Given), pair());
        let mut full = ours.try_clone().unwrap();
        while full.write(&[b'x'; 4096]).is_ok() {}
        while full.write(b"x").is_ok() {}
        let mut producer = Connected::new(ours.into(), &publisher);
        assert!(told(&theirs).bytes().all(|byte| byte == b'x'));
        producer.greet(&publisher);
        producer.greet(&publisher);
        assert_eq!(told(&theirs), "last 6 00000000000a\n");
    }

    #[test]
    fn one_that_is_gone_or_does_not_listen_is_read_to_its_end() {
        let publisher = publisher(Numbers::Given);
        let mut reader = Reader::new(&publisher);
        let leave: [fn(UnixStream); 3] = [
            drop,
            |producer| producer.shutdown(std::net::Shutdown::Read).unwrap(),
            |producer| producer.shutdown(std::net::Shutdown::Both).unwrap(),
        ];
        for leave in leave {
            for is_greeted_before in [true, false] {
                let (ours, mut theirs) = pair();
                theirs.write_all(b"half a line").unwrap();
                let (ours, theirs) = (OwnedFd::from(ours), theirs);
                let mut producer = if is_greeted_before {
                    let producer = Connected::new(ours, &publisher);
                    leave(theirs);
                    producer
                } else {
                    leave(theirs);
                    Connected::new(ours, &publisher)
                };
                assert_eq!(producer.read(&mut reader), Ok(ReadResult::Bytes));
                assert_eq!(producer.read(&mut reader), Ok(ReadResult::End));
            }
        }
        assert_eq!(publisher.fault_counts().get().unfinished, 6);
    }
}
