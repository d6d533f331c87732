//! Turns what one connection receives into items, wherever the bytes are cut.

use crate::{answers, dialect::Dialect};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// The opening is done; the id of the connection, where the answer has one.
    Opened(Option<u64>),
    /// A message of the stream, or a notice in a dialect that does not mark notices.
    Text(String),
    /// A notice that the dialect marks as one.
    Notice(String),
    /// Messages are missing before the next one; true if that is from another stream.
    Gap(bool),
    Ping(Vec<u8>),
    Pong,
    /// The closing handshake begins; its code, where there is one.
    Close(Option<u16>),
    /// An answer to a poll is whole, and the connection is kept for the next one.
    Answered,
    /// The orderly end of an HTTP stream.
    End,
}

/// Keeps the bytes of one connection that are not yet an item.
#[derive(Debug)]
pub(crate) struct Decoder {
    dialect: Dialect,
    opened: bool,
    /// As received.
    raw: Vec<u8>,
    /// Without the chunks around it.
    body: Vec<u8>,
    event: Event,
    /// The id of the last message, where the dialect has ids.
    last_id: Option<String>,
}

/// The lines of an event so far.
#[derive(Debug, Default)]
struct Event {
    id: Option<String>,
    kind: Option<String>,
    data: Option<String>,
}

/// More bytes than this without an item are no stream of dates.
const MOST: usize = 64 * 1024;
/// The same of an answer to a poll, which may bring all that the history has.
const MOST_OF_POLL: usize = 4 * 1024 * 1024;

impl Decoder {
    pub(crate) fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            opened: false,
            raw: Vec::new(),
            body: Vec::new(),
            event: Event::default(),
            last_id: None,
        }
    }

    /// The id of the last message, where the dialect has ids.
    pub(crate) fn last_id(&self) -> Option<&str> {
        self.last_id.as_deref()
    }

    /// Takes the received bytes and appends the items that they complete.
    ///
    /// # Errors
    /// A sentence, when the bytes are not what this dialect allows.
    pub(crate) fn feed(&mut self, bytes: &[u8], items: &mut Vec<Item>) -> Result<(), String> {
        self.raw.extend_from_slice(bytes);
        if self.dialect.is_poll() {
            return self.answers(items);
        }
        if !self.opened && !self.open(items)? {
            return Ok(());
        }
        if self.dialect.is_hybi() {
            let raw = std::mem::take(&mut self.raw);
            let mut at = 0;
            while let Some((item, len)) = frame(&raw[at..])? {
                at += len;
                match item {
                    Item::Text(text) if self.dialect == Dialect::Ids => self.text_with_id(&text, items)?,
                    item => items.push(item),
                }
            }
            self.raw.extend_from_slice(&raw[at..]);
        } else if self.dialect.is_hixie() {
            let mut at = 0;
            while let Some((item, len)) = hixie_frame(&self.raw[at..])? {
                at += len;
                items.push(item);
            }
            self.raw.drain(..at);
        } else {
            self.http(items)?;
        }
        if self.raw.len() + self.body.len() > MOST { Err("bytes without an end".to_owned()) } else { Ok(()) }
    }

    fn open(&mut self, items: &mut Vec<Item>) -> Result<bool, String> {
        let Some(end) = position(&self.raw, b"\r\n\r\n").map(|at| at + 4) else { return Ok(false) };
        // A refusal ends with its head.
        let upgraded = self.raw.starts_with(b"HTTP/1.1 101");
        let after = end + if upgraded { self.dialect.after_head() } else { 0 };
        let Some(digest) = self.raw.get(end..after) else { return Ok(false) };
        if let Some(fault) = self.dialect.fault(&self.raw[..end], digest) {
            return Err(fault);
        }
        items.push(Item::Opened(connection_id(&self.raw[..end])));
        self.raw.drain(..after);
        self.opened = true;
        Ok(true)
    }

    fn answers(&mut self, items: &mut Vec<Item>) -> Result<(), String> {
        let raw = std::mem::take(&mut self.raw);
        let mut at = 0;
        while let Some(answer) = answers::first(&raw[at..], self.dialect == Dialect::Jsonp)? {
            if !std::mem::replace(&mut self.opened, true) {
                items.push(Item::Opened(None));
            }
            for line in answer.lines {
                self.json_line(line, items)?;
            }
            self.last_id = answer.last_id.or(self.last_id.take());
            items.push(if answer.keeps { Item::Answered } else { Item::End });
            at += answer.len;
        }
        self.raw.extend_from_slice(&raw[at..]);
        if self.raw.len() > MOST_OF_POLL { Err("an answer without an end".to_owned()) } else { Ok(()) }
    }

    fn http(&mut self, items: &mut Vec<Item>) -> Result<(), String> {
        let mut ended = false;
        if self.dialect.is_chunked() {
            let mut at = 0;
            while let Some((start, len, whole)) = chunk(&self.raw[at..])? {
                self.body.extend_from_slice(&self.raw[at + start..at + start + len]);
                at += whole;
                ended |= len == 0;
            }
            self.raw.drain(..at);
        } else {
            self.body.append(&mut self.raw);
        }
        let body = std::mem::take(&mut self.body);
        let mut at = 0;
        while let Some(len) = body[at..].iter().position(|byte| *byte == b'\n') {
            let line = String::from_utf8(body[at..at + len].to_vec()).map_err(|error| error.to_string())?;
            at += len + 1;
            if self.dialect.is_events() {
                self.event_line(&line, items)?;
            } else if self.dialect == Dialect::Json {
                self.json_line(&line, items)?;
            } else {
                items.push(Item::Text(line));
            }
        }
        self.body.extend_from_slice(&body[at..]);
        if ended {
            items.push(Item::End);
        }
        Ok(())
    }

    /// One line of an event stream (HTML Standard §9.2.6).
    fn event_line(&mut self, line: &str, items: &mut Vec<Item>) -> Result<(), String> {
        match line.split_once(": ") {
            Some(("id", id)) => self.event.id = Some(id.to_owned()),
            Some(("event", kind)) => self.event.kind = Some(kind.to_owned()),
            Some(("data", data)) => self.event.data = Some(data.to_owned()),
            Some(("retry", _)) => {}
            _ if line.is_empty() => return self.dispatch(items),
            _ if line.starts_with(':') => {}
            _ => return Err(format!("no line of an event stream: {line:?}")),
        }
        Ok(())
    }

    fn dispatch(&mut self, items: &mut Vec<Item>) -> Result<(), String> {
        let Event { id, kind, data } = std::mem::take(&mut self.event);
        let Some(data) = data else { return Ok(()) };
        match kind.as_deref() {
            Some("notice") => items.push(Item::Notice(data)),
            Some("gap") => items.push(gap(&data)),
            Some("source") => {}
            _ => self.message(id.as_deref().unwrap_or_default(), data, items)?,
        }
        Ok(())
    }

    /// A message whose text begins with its number, which its id has, too.
    fn message(&mut self, id: &str, text: String, items: &mut Vec<Item>) -> Result<(), String> {
        if number_of(id).is_none() || number_of(id) != text.split(' ').next() {
            return Err(format!("the message {text:?} has the id {id:?}"));
        }
        self.last_id = Some(id.to_owned());
        items.push(Item::Text(text));
        Ok(())
    }

    /// A text of a WebSocket with ids.
    fn text_with_id(&mut self, text: &str, items: &mut Vec<Item>) -> Result<(), String> {
        match text.split_once('\t') {
            Some(("", text)) => items.push(Item::Notice(text.to_owned())),
            Some(("!", text)) if text.contains("\"missed\"") => items.push(gap(text)),
            Some(("!", _)) => {}
            Some((id, text)) => self.message(id, text.to_owned(), items)?,
            None => return Err(format!("a text without a tab: {text:?}")),
        }
        Ok(())
    }

    /// A line of JSON, whose texts need no escapes here.
    fn json_line(&mut self, line: &str, items: &mut Vec<Item>) -> Result<(), String> {
        let field = |name: &str| {
            let (_, rest) = line.split_once(&format!("\"{name}\":\""))?;
            Some(rest.split_once('"')?.0.to_owned())
        };
        let text = field("text").unwrap_or_default();
        match field("kind").as_deref() {
            Some("message") => self.message(&field("id").unwrap_or_default(), text, items)?,
            Some("notice") => items.push(Item::Notice(text)),
            Some("gap") => items.push(gap(line)),
            Some("source") => {}
            _ => return Err(format!("no line of JSON: {line:?}")),
        }
        Ok(())
    }
}

/// What is said of a gap.
fn gap(text: &str) -> Item {
    Item::Gap(text.contains("\"stream\":\"new\""))
}

/// The number in an id, behind the epoch.
fn number_of(id: &str) -> Option<&str> {
    Some(id.split_once('_')?.1)
}

fn position(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

fn connection_id(head: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(head).ok()?;
    text.split("\r\n").find_map(|line| line.strip_prefix("X-Connection-Id: "))?.parse().ok()
}

/// A frame of RFC 6455 §5.2 and its length in bytes. The server sends none in fragments.
fn frame(bytes: &[u8]) -> Result<Option<(Item, usize)>, String> {
    let &[first, second, ..] = bytes else { return Ok(None) };
    let (start, len) = match second {
        126 => match bytes.get(2..4) {
            Some(length) => (4, usize::from(u16::from_be_bytes([length[0], length[1]]))),
            None => return Ok(None),
        },
        // §5.1: "A server MUST NOT mask any frames that it sends to the client."
        127.. => return Err(format!("a masked or very long frame: {first:02x} {second:02x}")),
        len => (2, usize::from(len)),
    };
    let Some(payload) = bytes.get(start..start + len) else { return Ok(None) };
    let item = match first {
        0x81 => Item::Text(String::from_utf8(payload.to_vec()).map_err(|error| error.to_string())?),
        0x88 => Item::Close(payload.first_chunk().map(|code| u16::from_be_bytes(*code))),
        0x89 => Item::Ping(payload.to_vec()),
        0x8A => Item::Pong,
        _ => return Err(format!("a frame that begins with {first:02x}")),
    };
    Ok(Some((item, start + len)))
}

/// A frame of draft 76 §4.2 and its length in bytes.
fn hixie_frame(bytes: &[u8]) -> Result<Option<(Item, usize)>, String> {
    match bytes {
        [] | [0xFF] => Ok(None),
        [0xFF, 0x00, ..] => Ok(Some((Item::Close(None), 2))),
        [0x00, rest @ ..] => {
            let Some(end) = position(rest, &[0xFF]) else { return Ok(None) };
            let text = String::from_utf8(rest[..end].to_vec()).map_err(|error| error.to_string())?;
            Ok(Some((Item::Text(text), end + 2)))
        }
        [kind, ..] => Err(format!("a frame that begins with {kind:02x}")),
    }
}

/// Where the data of a chunk begins, its length, and the length of the whole chunk (RFC 9112 §7.1).
fn chunk(bytes: &[u8]) -> Result<Option<(usize, usize, usize)>, String> {
    let Some(line) = position(bytes, b"\r\n") else { return Ok(None) };
    let size = std::str::from_utf8(&bytes[..line]).ok().and_then(|text| usize::from_str_radix(text, 16).ok());
    let Some(len) = size else { return Err("no chunk".to_owned()) };
    let start = line + 2;
    match bytes.get(start + len..start + len + 2) {
        None => Ok(None),
        Some(b"\r\n") => Ok(Some((start, len, start + len + 2))),
        Some(_) => Err("a chunk that is longer than it says".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPENINGS: [(Dialect, &[u8]); 11] = [
        (Dialect::Rfc6455, b"HTTP/1.1 101 S\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"),
        (Dialect::Hybi08, b"HTTP/1.1 101 S\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"),
        (Dialect::Hybi07, b"HTTP/1.1 101 S\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"),
        (Dialect::Hixie76, b"HTTP/1.1 101 S\r\n\r\n8jKS'y:G*Co,Wxa-"),
        (Dialect::Hixie75, b"HTTP/1.1 101 S\r\nWebSocket-Origin: http://localhost\r\n\r\n"),
        (Dialect::EventsChunked, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        (Dialect::Events, b"HTTP/1.1 200 OK\r\n\r\n"),
        (
            Dialect::LinesChunked,
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Connection-Id: 7\r\n\r\n",
        ),
        (Dialect::Lines, b"HTTP/1.1 200 OK\r\n\r\n"),
        (Dialect::Ids, b"HTTP/1.1 101 S\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"),
        (Dialect::Json, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ];

    /// Two messages and a notice, then the end.
    fn stream(dialect: Dialect) -> &'static [u8] {
        match dialect {
            Dialect::Rfc6455 | Dialect::Hybi08 | Dialect::Hybi07 => {
                b"\x81\x033 a\x89\x01p\x81\x069 gone\x81\x034 b\x88\x02\x03\xE9"
            }
            Dialect::Hixie76 | Dialect::Hixie75 => b"\x003 a\xFF\x009 gone\xFF\x004 b\xFF\xFF\x00",
            Dialect::EventsChunked => {
                b"d\r\nretry: 2000\n\n\r\n24\r\nid: 01932f5a0c2e_3\ndata: 3 a\n\nevent:\r\n37\r\n notice\ndata: 9 gone\n\n:\n\nid: 01932f5a0c2e_4\ndata: 4 b\n\n\r\n0\r\n\r\n"
            }
            Dialect::Events => b"retry: 2000\n\nid: 01932f5a0c2e_3\ndata: 3 a\n\nevent: notice\ndata: 9 gone\n\n:\n\nid: 01932f5a0c2e_4\ndata: 4 b\n\n",
            Dialect::LinesChunked => b"4\r\n3 a\n\r\nb\r\n9 gone\n4 b\n\r\n0\r\n\r\n",
            Dialect::Lines => b"3 a\n9 gone\n4 b\n",
            Dialect::Ids => {
                b"\x81\x1201932f5a0c2e_3\t3 a\x89\x01p\x81\x07\t9 gone\x81\x1201932f5a0c2e_4\t4 b\x88\x02\x03\xE9"
            }
            Dialect::Json => JSON.as_bytes(),
            Dialect::Poll | Dialect::Jsonp => panic!("answers.rs has their tests"),
        }
    }

    const JSON: &str = "36\r\n{\"id\":\"01932f5a0c2e_3\",\"text\":\"3 a\",\"kind\":\"message\"}\n\r\n\
        2c\r\n{\"id\":null,\"text\":\"9 gone\",\"kind\":\"notice\"}\n\r\n\
        36\r\n{\"id\":\"01932f5a0c2e_4\",\"text\":\"4 b\",\"kind\":\"message\"}\n\r\n0\r\n\r\n";

    fn texts(items: &[Item]) -> Vec<&str> {
        let mut texts = Vec::new();
        for item in items {
            if let Item::Text(text) | Item::Notice(text) = item {
                texts.push(text.as_str());
            }
        }
        texts
    }

    #[test]
    fn every_dialect_is_read_whole_and_at_every_split() {
        for (dialect, opening) in OPENINGS {
            let bytes = [opening, stream(dialect)].concat();
            let mut whole = Vec::new();
            Decoder::new(dialect).feed(&bytes, &mut whole).unwrap();
            assert_eq!(texts(&whole), ["3 a", "9 gone", "4 b"], "{dialect:?}");
            let id = if dialect == Dialect::LinesChunked { Some(7) } else { None };
            assert_eq!(whole.first(), Some(&Item::Opened(id)));
            let closed = if dialect.is_hybi() { Item::Close(Some(1001)) } else { Item::Close(None) };
            let ended = if dialect.is_chunked() { Item::End } else { closed };
            assert!(matches!(dialect, Dialect::Events | Dialect::Lines) || whole.last() == Some(&ended));
            for split in 0..bytes.len() {
                let (mut decoder, mut items) = (Decoder::new(dialect), Vec::new());
                decoder.feed(&bytes[..split], &mut items).unwrap();
                decoder.feed(&bytes[split..], &mut items).unwrap();
                assert_eq!(items, whole, "{dialect:?} split at {split}");
            }
        }
    }

    #[test]
    fn a_gap_is_told_and_the_source_is_no_message() {
        let told: [(Dialect, &[u8]); 3] = [
            (Dialect::Ids, b"\x81\x1e!\t{\"missed\":3,\"stream\":\"same\"}\x81\x14!\t{\"source\":\"ended\"}"),
            (
                Dialect::Events,
                b"event: gap\ndata: {\"missed\":3,\"stream\":\"same\"}\n\nevent: source\ndata: {}\n\n",
            ),
            (
                Dialect::Json,
                b"3e\r\n{\"id\":null,\"text\":\"\",\"kind\":\"gap\",\"missed\":3,\"stream\":\"same\"}\n\r\n\
                37\r\n{\"id\":null,\"text\":\"\",\"kind\":\"source\",\"source\":\"ended\"}\n\r\n",
            ),
        ];
        for (dialect, bytes) in told {
            let opening = OPENINGS.iter().find(|row| row.0 == dialect).unwrap().1;
            let mut items = Vec::new();
            Decoder::new(dialect).feed(&[opening, bytes].concat(), &mut items).unwrap();
            assert_eq!(items.get(1..), Some(&[Item::Gap(false)][..]), "{dialect:?}");
        }
    }

    #[test]
    fn what_the_dialect_does_not_allow_is_an_error() {
        for (dialect, bytes) in [
            (Dialect::Rfc6455, &b"\x81\x81\0\0\0\0a"[..]),
            (Dialect::Rfc6455, b"\x01\x01a"),
            (Dialect::Hixie76, b"\x01a\xFF"),
            (Dialect::LinesChunked, b"x\r\n"),
            (Dialect::LinesChunked, b"1\r\nab\n"),
            (Dialect::Events, b"id: 01932f5a0c2e_3\ndata: 4 b\n\n"),
            (Dialect::Events, b"nonsense\n"),
        ] {
            let opening = OPENINGS.iter().find(|row| row.0 == dialect).unwrap().1;
            let mut decoder = Decoder::new(dialect);
            assert!(decoder.feed(&[opening, bytes].concat(), &mut Vec::new()).is_err(), "{bytes:?}");
        }
        let refused = Decoder::new(Dialect::Hixie76).feed(b"HTTP/1.1 503 No\r\n\r\n", &mut Vec::new());
        assert_eq!(refused, Err("status 503".to_owned()));
    }
}
