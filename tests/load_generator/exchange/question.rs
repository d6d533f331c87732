//! What every connection asks for, and which answer is right.

use std::{fs, io};

use super::{Task, chunks::Chunks};
use crate::{dialect::Dialect, frames::masked};

/// In a path, this stands for the number of a file; its body begins with that number. Both have eight digits.
const NUMBER: &str = "{number}";
const DIGITS: usize = 8;

/// What comes after a whole answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// The next request, on the same connection.
    Again,
    /// The server ends the connection.
    ServerEnds,
    /// We do.
    WeEnd,
}

#[derive(Debug)]
pub(super) struct Question {
    /// A WebSocket is opened before the first request.
    pub(super) opens: bool,
    request: Vec<u8>,
    /// Where the number of a file stands in the request, and how many files there are.
    numbers: Option<(usize, usize)>,
    /// The answer begins with a head, of this status.
    pub(super) head: Option<u16>,
    pub(super) body: Vec<u8>,
    pub(super) then: Then,
}

impl Question {
    pub(super) fn new(task: &Task<'_>) -> io::Result<Self> {
        let body = task.expect.map_or(Ok(Vec::new()), fs::read)?;
        Ok(match task.kind {
            "policy" => Self::plain(b"<policy-file-request/>\0", None, body, Then::ServerEnds),
            "handshake" => Self::plain(Dialect::Rfc6455.request().as_bytes(), Some(101), body, Then::WeEnd),
            "get" => Self::get(task, body, "", Then::Again),
            "get-close" => Self::get(task, body, "Connection: close\r\n", Then::ServerEnds),
            "echo" => Self::echo(task.bytes),
            other => panic!("--as {other}: none of policy, get, get-close, handshake, echo"),
        })
    }

    fn plain(request: &[u8], head: Option<u16>, body: Vec<u8>, then: Then) -> Self {
        Self { opens: false, request: request.to_vec(), numbers: None, head, body, then }
    }

    fn get(task: &Task<'_>, body: Vec<u8>, close: &str, then: Then) -> Self {
        let field = task.header.map_or(String::new(), |field| format!("{field}\r\n"));
        let before = "GET ";
        let numbers = task.path.find(NUMBER).map(|at| (before.len() + at, task.files));
        let path = task.path.replace(NUMBER, &"0".repeat(DIGITS));
        let request = format!("{before}{path} HTTP/1.1\r\nHost: localhost\r\n{field}{close}\r\n");
        Self { opens: false, request: request.into_bytes(), numbers, head: Some(task.status), body, then }
    }

    fn echo(bytes: usize) -> Self {
        let payload: Vec<u8> = (b'a'..=b'z').cycle().take(bytes).collect();
        let request = masked(0x81, &payload);
        // The same without the mask (RFC 6455 §5.1), its bit and its four bytes.
        let start = request.len() - payload.len() - 4;
        let mut body = request[..start].to_vec();
        body[1] &= 0x7F;
        body.extend_from_slice(&payload);
        Self { opens: true, request, numbers: None, head: None, body, then: Then::Again }
    }

    /// The request with this number: each file has its turn.
    pub(super) fn request(&self, number: usize) -> Vec<u8> {
        let mut request = self.request.clone();
        if let Some((at, files)) = self.numbers {
            request[at..at + DIGITS].copy_from_slice(&digits(number % files));
        }
        request
    }

    /// True if these bytes belong there in the body of the answer with this number.
    pub(super) fn agrees(&self, number: usize, at: usize, bytes: &[u8]) -> bool {
        let Some(right) = self.body.get(at..at + bytes.len()) else { return false };
        match self.numbers {
            Some((_, files)) if at < DIGITS => {
                let start = digits(number % files);
                let len = bytes.len().min(DIGITS - at);
                bytes[..len] == start[at..at + len] && bytes[len..] == right[len..]
            }
            _ => right == bytes,
        }
    }

    /// How the body behind this head comes: in chunks, or as it is. The head may be the `opening` of a WebSocket, before the first request.
    ///
    /// # Errors
    /// What is wrong with the head.
    pub(super) fn body_behind(&self, head: &[u8], opening: bool) -> Result<Option<Chunks>, String> {
        if opening || self.head == Some(101) {
            return Dialect::Rfc6455.fault(head, b"").map_or(Ok(None), Err);
        }
        let text = String::from_utf8_lossy(head);
        let status = text.split(' ').nth(1).unwrap_or_default();
        let field = |wanted: &str| {
            text.split("\r\n").find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case(wanted).then(|| value.trim())
            })
        };
        if self.head.map(|right| right.to_string()).as_deref() != Some(status) {
            Err(format!("status {status}"))
        } else if field("transfer-encoding") == Some("chunked") {
            Ok(Some(Chunks::default()))
        } else if field("content-length").and_then(|length| length.parse().ok()) == Some(self.body.len()) {
            Ok(None)
        } else {
            Err("an answer of another length".to_owned())
        }
    }
}

fn digits(number: usize) -> [u8; DIGITS] {
    let mut digits = [b'0'; DIGITS];
    let text = number.to_string();
    digits[DIGITS - text.len()..].copy_from_slice(text.as_bytes());
    digits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::tests::task;

    #[test]
    fn each_file_has_its_turn_and_its_number() {
        let task = Task { path: "/many/{number}.txt", files: 12, ..task("get") };
        let question = Question { body: b"00000000 and so on".to_vec(), ..Question::new(&task).unwrap() };
        assert!(question.request(23).starts_with(b"GET /many/00000011.txt HTTP/1.1\r\n"));
        let right = b"00000011 and so on";
        for (at, end) in (0..right.len()).flat_map(|at| (at + 1..=right.len()).map(move |end| (at, end))) {
            assert!(question.agrees(23, at, &right[at..end]), "{at} to {end}");
        }
        assert!(!question.agrees(22, 0, right));
        assert!(!question.agrees(23, 8, b" und"));
        assert!(!question.agrees(23, 12, b"so on "));
    }

    #[test]
    fn a_field_is_sent_and_another_status_is_wrong() {
        let task = Task { header: Some("Range: bytes=0-2"), status: 206, ..task("get") };
        let question = Question { body: b"abc".to_vec(), ..Question::new(&task).unwrap() };
        assert_eq!(question.request(0), b"GET / HTTP/1.1\r\nHost: localhost\r\nRange: bytes=0-2\r\n\r\n");
        let head = |status| format!("HTTP/1.1 {status} So\r\nContent-Length: 3\r\n\r\n");
        assert_eq!(question.body_behind(head(206).as_bytes(), false), Ok(None));
        assert_eq!(question.body_behind(head(200).as_bytes(), false), Err("status 200".to_owned()));
    }
}
