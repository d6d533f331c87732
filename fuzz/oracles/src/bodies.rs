//! Bodies: with a length, and in chunks; whole, in pieces, and across a hand-over between two pieces.

use common::codec::{Reader, Writer};
use common::http::{Body, BodyError, BodyReader};

use crate::{allocation, input::Choices, pieces::in_any_pieces};

#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    content: Vec<u8>,
    /// Where the next request begins.
    end: Option<usize>,
    error: Option<BodyError>,
    state: Vec<u8>,
}

/// See the module.
pub fn run(input: &[u8]) {
    let mut choices = Choices::new(input);
    let (kind, cut) = (choices.byte(), usize::from(choices.byte()));
    let body = match kind % 4 {
        0 => Body::None,
        1 => Body::Length(u64::from(kind)),
        _ => Body::Chunked,
    };
    let bytes = choices.rest();
    let seen = in_any_pieces(bytes, cut, |pieces| read(body, pieces));
    match body {
        Body::None => assert_eq!((seen.end, seen.content.len()), (Some(0), 0)),
        Body::Length(len) => {
            let len = usize::try_from(len).expect("a byte");
            assert_eq!(seen.content, bytes[..len.min(bytes.len())]);
            assert_eq!(seen.end, (bytes.len() >= len).then_some(len));
        }
        Body::Chunked => check_chunks(bytes, &seen),
    }
}

fn read(body: Body, pieces: &[&[u8]]) -> Seen {
    let (mut reader, mut seen, mut read) = (BodyReader::from(body), Seen::default(), 0);
    for piece in pieces {
        let mut rest = *piece;
        while !rest.is_empty() && seen.error.is_none() {
            match allocation::none(|| reader.next(rest)) {
                Ok(piece) => {
                    let used = piece.framing + piece.content.len();
                    seen.content.extend_from_slice(piece.content);
                    reader.consume(piece.content.len());
                    (rest, read) = (&rest[used..], read + used);
                    if used == 0 {
                        assert!(reader.is_complete(), "a reader that takes nothing is at its end");
                        break;
                    }
                }
                Err(error) => {
                    seen.error = Some(error);
                    assert!(matches!(error.status(), 400 | 431));
                }
            }
        }
        reader = handed_over(&reader);
    }
    seen.end = reader.is_complete().then_some(read);
    // Another process knows that the body is bad, not why.
    seen.state = if seen.error.is_none() { bytes_of(&reader) } else { Vec::new() };
    seen
}

fn bytes_of(reader: &BodyReader) -> Vec<u8> {
    let mut to = Writer::default();
    reader.put(&mut to);
    to.into_bytes()
}

fn handed_over(reader: &BodyReader) -> BodyReader {
    let bytes = bytes_of(reader);
    let mut from = Reader::new(&bytes);
    let read = BodyReader::take(&mut from).expect("its own state");
    assert!(from.is_empty() && bytes == bytes_of(&read), "a state comes back as it was");
    read
}

/// httparse finds the same first chunk, and what ends a body ends like one.
fn check_chunks(bytes: &[u8], seen: &Seen) {
    if let Some(end) = seen.end {
        assert!(bytes[..end].ends_with(b"\r\n"));
    }
    if seen.content.is_empty() {
        return;
    }
    let Ok(httparse::Status::Complete((start, size))) = httparse::parse_chunk_size(bytes) else {
        panic!("httparse finds no chunk in {}", bytes.escape_ascii())
    };
    let here = usize::try_from(size).unwrap_or(usize::MAX).min(bytes.len() - start);
    assert!(seen.content.starts_with(&bytes[start..start + here]), "another first chunk");
}
