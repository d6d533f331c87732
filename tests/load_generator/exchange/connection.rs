//! One connection of an exchange: it asks, and compares each byte of the answer.

use std::{
    io::{self, Read, Write},
    time::Instant,
};

use mio::net::TcpStream;

use super::chunks::Chunks;
use super::question::{Question, Then};
use crate::dialect::Dialect;

/// Bytes that a head may have.
const MOST_OF_HEAD: usize = 4096;

/// How far an answer has come.
#[derive(Debug, PartialEq, Eq)]
enum Stage {
    /// A WebSocket's opening, or the head of an answer: its bytes so far.
    Head(Vec<u8>),
    /// So many bytes of the body were right.
    Body(usize),
}

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) socket: TcpStream,
    asked: bool,
    /// The WebSocket's opening is still to come.
    opening: bool,
    stage: Stage,
    /// Of a body that comes so, until its end.
    chunks: Option<Chunks>,
    /// Which request it is.
    number: usize,
    pub(super) begun: Instant,
}

/// What a turn of a connection has come to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Waits,
    /// A WebSocket is open, and nothing was asked for yet.
    Opened,
    Answered,
    Fault(String),
}

impl Connection {
    pub(super) fn new(socket: TcpStream, question: &Question, number: usize) -> Self {
        let (opening, stage, begun) = (question.opens, Stage::Body(0), Instant::now());
        let mut connection = Self { socket, asked: false, opening, stage, chunks: None, number, begun };
        connection.expect_answer(question, number);
        connection
    }

    pub(super) fn expect_answer(&mut self, question: &Question, number: usize) {
        let has_head = self.opening || question.head.is_some();
        self.stage = if has_head { Stage::Head(Vec::new()) } else { Stage::Body(0) };
        self.number = number;
    }

    /// Sends the request, which fits into an empty send buffer.
    pub(super) fn ask(&mut self, question: &Question) -> io::Result<()> {
        let request = if self.opening {
            Dialect::Rfc6455.request().into_bytes()
        } else {
            question.request(self.number)
        };
        match self.socket.write(&request) {
            Ok(len) if len == request.len() => self.asked = true,
            Ok(_) => return Err(io::ErrorKind::WriteZero.into()),
            Err(error) if is_early(&error) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// The first request of a WebSocket that is open.
    pub(super) fn ask_first(&mut self, question: &Question) -> io::Result<()> {
        self.expect_answer(question, self.number);
        self.ask(question)
    }

    /// Reads until there is nothing more to read, or the answer is whole.
    pub(super) fn turn(&mut self, question: &Question, buffer: &mut [u8]) -> Outcome {
        if !self.asked
            && let Err(error) = self.ask(question)
        {
            return Outcome::Fault(named(&error));
        }
        loop {
            match self.socket.read(buffer) {
                Ok(0) if self.is_whole(question) => return Outcome::Answered,
                Ok(0) => return fault("an end before the answer's"),
                Ok(len) => match self.take(&buffer[..len], question) {
                    Outcome::Waits => {}
                    outcome => return outcome,
                },
                Err(error) if is_early(&error) => return Outcome::Waits,
                Err(error) => return Outcome::Fault(named(&error)),
            }
        }
    }

    /// True where the end of the connection ends the answer.
    fn is_whole(&self, question: &Question) -> bool {
        question.then == Then::ServerEnds
            && self.chunks.is_none()
            && self.stage == Stage::Body(question.body.len())
    }

    /// Compares more bytes of the answer.
    pub(super) fn take(&mut self, bytes: &[u8], question: &Question) -> Outcome {
        let Stage::Head(head) = &mut self.stage else { return self.take_body(bytes, question) };
        let before = head.len();
        head.extend_from_slice(bytes);
        let from = before.saturating_sub(3);
        let end = head[from..].windows(4).position(|window| window == b"\r\n\r\n").map(|at| from + at + 4);
        let Some(end) = end else {
            return if head.len() > MOST_OF_HEAD { fault("a head without an end") } else { Outcome::Waits };
        };
        match question.body_behind(&head[..end], self.opening) {
            Ok(chunks) => self.chunks = chunks,
            Err(wrong) => return Outcome::Fault(wrong),
        }
        let rest = &bytes[end - before..];
        self.stage = Stage::Body(0);
        if std::mem::take(&mut self.opening) {
            return if rest.is_empty() { Outcome::Opened } else { fault("more than the opening") };
        }
        self.take_body(rest, question)
    }

    fn take_body(&mut self, bytes: &[u8], question: &Question) -> Outcome {
        let Stage::Body(done) = &mut self.stage else { return Outcome::Waits };
        let mut compare = |bytes: &[u8]| {
            let right = question.agrees(self.number, *done, bytes);
            *done += bytes.len();
            if right { Ok(()) } else { Err("other bytes than expected".to_owned()) }
        };
        let ended = match &mut self.chunks {
            None => compare(bytes).map(|()| *done == question.body.len()),
            Some(chunks) => chunks.take(bytes, compare),
        };
        match ended {
            Err(wrong) => return Outcome::Fault(wrong),
            Ok(false) => return Outcome::Waits,
            Ok(true) if *done < question.body.len() => return fault("an end before the answer's"),
            Ok(true) => self.chunks = None,
        }
        if question.then == Then::ServerEnds { Outcome::Waits } else { Outcome::Answered }
    }
}

fn fault(what: &str) -> Outcome {
    Outcome::Fault(what.to_owned())
}

/// There is nothing to read, or the connection is not there yet.
fn is_early(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected | io::ErrorKind::Interrupted
    )
}

fn named(error: &io::Error) -> String {
    error.kind().to_string()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::exchange::tests::task;

    fn question(kind: &str, body: &[u8]) -> Question {
        let mut question = Question::new(&task(kind)).unwrap();
        if !question.opens {
            question.body = body.to_vec();
        }
        question
    }

    /// What comes of these bytes, in pieces of so many.
    fn outcome(question: &Question, bytes: &[u8], piece: usize) -> Outcome {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut connection = Connection::new(socket, question, 0);
        for bytes in bytes.chunks(piece) {
            match connection.take(bytes, question) {
                Outcome::Waits => {}
                Outcome::Opened => connection.expect_answer(question, 0),
                outcome => return outcome,
            }
        }
        Outcome::Waits
    }

    const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n";
    const OPENING: &str = "HTTP/1.1 101 S\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

    #[test]
    fn a_right_answer_is_right_in_any_pieces() {
        for piece in 1..200 {
            let get = question("get", b"abc");
            assert_eq!(outcome(&get, format!("{HEAD}abc").as_bytes(), piece), Outcome::Answered);
            let handshake = question("handshake", b"");
            assert_eq!(outcome(&handshake, OPENING.as_bytes(), piece), Outcome::Answered);
        }
        let echo = question("echo", b"");
        assert_eq!(outcome(&echo, OPENING.as_bytes(), usize::MAX), Outcome::Waits);
        let answer = [OPENING.as_bytes(), &echo.body].concat();
        assert_eq!(echo.body.len(), 4 + 300);
        assert_eq!(outcome(&echo, &answer, OPENING.len()), Outcome::Answered);
    }

    #[test]
    fn an_answer_in_chunks_is_as_right_as_its_data() {
        let get = question("get", b"abc");
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        for piece in 1..80 {
            let answer = format!("{head}1\r\na\r\n2\r\nbc\r\n0\r\n\r\n");
            assert_eq!(outcome(&get, answer.as_bytes(), piece), Outcome::Answered);
            for wrong in ["3\r\nabd\r\n0\r\n\r\n", "2\r\nab\r\n0\r\n\r\n", "4\r\nabcd\r\n", "xyz"] {
                let answer = format!("{head}{wrong}");
                assert!(
                    matches!(outcome(&get, answer.as_bytes(), piece), Outcome::Fault(_)),
                    "{wrong}, {piece}"
                );
            }
        }
    }

    #[test]
    fn the_server_has_to_end_what_it_closes() {
        let policy = question("policy", b"<?xml");
        assert_eq!(outcome(&policy, b"<?xml", 2), Outcome::Waits);
    }

    #[test]
    fn a_wrong_answer_is_a_fault() {
        let get = question("get", b"abc");
        for answer in ["abd", "abca"] {
            assert!(
                matches!(outcome(&get, format!("{HEAD}{answer}").as_bytes(), 7), Outcome::Fault(_)),
                "{answer}"
            );
        }
        for head in
            ["HTTP/1.1 404 No\r\nContent-Length: 3\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"]
        {
            assert!(matches!(outcome(&get, head.as_bytes(), 1000), Outcome::Fault(_)), "{head}");
        }
    }
}
