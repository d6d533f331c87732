//! Reads the body of a request in whatever pieces it arrives (RFC 9112 §6.2, §7.1). Pure, and it keeps no byte of the body: its
//! state is a handful of numbers, which another process can go on with.
//!
//! ```text
//!  Content-Length   ── content ──▶ end
//!  chunked          ┌─▶ size ─▶ [blanks] ─▶ [;extension] ─▶ CR LF ─▶ content ─▶ CR LF ─┐
//!                   └───────────────────────────────────────────────────────────────────┘
//!                       0 ─────────────────────────────────▶ CR LF ─▶ [trailers] ─▶ CR LF ─▶ end
//! ```

use super::Body;
use crate::codec::{Reader, Writer};

/// Hexadecimal digits of a chunk's size, leading zeros included: all that a `u64` has room for.
const MAX_DIGITS: u8 = 16;
/// Bytes behind the size of one chunk. RFC 9112 §7.1.1: "A server ought to limit the total length of chunk extensions received in
/// a request to an amount reasonable for the services provided". A body may go on for months, so we limit those of each chunk.
const MAX_EXTENSION: u16 = 1024;
/// Bytes of all trailers, their line ends included.
const MAX_TRAILERS: u16 = 8 * 1024;

/// Where in a body the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyReader(State);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// So many bytes of content are left, of a body with a length.
    Length(u64),
    /// In the size of a chunk, of which so many digits have come.
    Size { size: u64, digits: u8 },
    /// Behind the digits, in what may stand between them and the line's end.
    Extension { size: u64, len: u16 },
    /// Behind a size, before an extension or the end of its line; `len` bytes so far.
    Blanks { size: u64, len: u16 },
    /// At the LF behind the size.
    SizeLf { size: u64 },
    /// So many bytes of content are left of a chunk; never 0.
    Chunk(u64),
    /// At the CR behind the content of a chunk.
    ChunkCr,
    /// At the LF behind it.
    ChunkLf,
    /// In the trailers: their length so far, and whether their present line has no byte yet.
    Trailers { len: u16, at_start: bool },
    /// At the LF of a trailer's line, or of the empty line that ends the body.
    TrailersLf { len: u16, is_last: bool },
    /// Behind the body.
    End,
    /// Where nobody can tell what is content.
    Failed(BodyError),
}

/// What stands at the front of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyPiece<'i> {
    /// Bytes of framing, which the reader has read.
    pub framing: usize,
    /// The content behind them, which [`BodyReader::consume`] has to confirm; empty if more input is needed, or at the end.
    pub content: &'i [u8],
}

/// Why the end of a body cannot be found. The sender is no HTTP client, or an attacker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "a message says what its variant means")]
pub enum BodyError {
    #[error("bad size of a chunk")]
    ChunkSize,
    #[error("a chunk's extensions are too long")]
    Extensions,
    #[error("no CR LF where a chunk ends")]
    ChunkEnd,
    #[error("control byte in a chunk's extensions or in the trailers")]
    ControlByte,
    #[error("trailers too long")]
    Trailers,
}

impl BodyError {
    /// The status of the answer, after which the server closes the connection.
    pub fn status(self) -> u16 {
        match self {
            // RFC 6585 §5
            Self::Trailers => 431,
            Self::ChunkSize | Self::Extensions | Self::ChunkEnd | Self::ControlByte => 400,
        }
    }
}

impl From<Body> for BodyReader {
    /// A reader at the first byte of such a body.
    fn from(body: Body) -> Self {
        Self(match body {
            Body::None | Body::Length(0) => State::End,
            Body::Length(length) => State::Length(length),
            Body::Chunked => State::Size { size: 0, digits: 0 },
        })
    }
}

impl BodyReader {
    /// True behind the last byte of the body: what follows is the next request.
    pub fn is_complete(&self) -> bool {
        self.0 == State::End
    }

    /// True if the sender has not said how long the body is.
    pub fn is_chunked(&self) -> bool {
        !matches!(self.0, State::Length(_))
    }

    /// Reads the framing at the front of `input`, and finds the content behind it.
    ///
    /// # Errors
    /// [`BodyError`] at the first byte that no body has there; from then on, each call returns it.
    pub fn next<'i>(&mut self, input: &'i [u8]) -> Result<BodyPiece<'i>, BodyError> {
        let mut framing = 0;
        loop {
            let rest = input.get(framing..).unwrap_or_default();
            match self.0 {
                State::Length(left) | State::Chunk(left) => {
                    let len = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                    return Ok(BodyPiece { framing, content: rest.get(..len).unwrap_or_default() });
                }
                State::Failed(error) => return Err(error),
                State::End => return Ok(BodyPiece { framing, content: &[] }),
                _ => {}
            }
            let Some(&byte) = rest.first() else {
                return Ok(BodyPiece { framing, content: &[] });
            };
            self.0 = self.0.step(byte).unwrap_or_else(State::Failed);
            framing += 1;
        }
    }

    /// Confirms that so many bytes of the content which [`Self::next`] found were used; the next call finds the others again.
    pub fn consume(&mut self, used: usize) {
        let used = used as u64;
        self.0 = match self.0 {
            State::Length(left) if left <= used => State::End,
            State::Length(left) => State::Length(left - used),
            State::Chunk(left) if left <= used => State::ChunkCr,
            State::Chunk(left) => State::Chunk(left - used),
            other => other,
        };
    }

    /// Writes it down for the next process.
    pub fn put(&self, to: &mut Writer) {
        let (kind, number, count) = match self.0 {
            State::Length(left) => (0, left, 0),
            State::Size { size, digits } => (1, size, digits.into()),
            State::Extension { size, len } => (2, size, len),
            State::SizeLf { size } => (3, size, 0),
            State::Chunk(left) => (4, left, 0),
            State::ChunkCr => (5, 0, 0),
            State::ChunkLf => (6, 0, 0),
            State::Trailers { len, at_start } => (7, at_start.into(), len),
            State::TrailersLf { len, is_last } => (8, is_last.into(), len),
            State::End => (9, 0, 0),
            // A server ends such a connection at once. Another one would find the same at its next byte.
            State::Failed(_) => (10, 0, 0),
            State::Blanks { size, len } => (11, size, len),
        };
        to.byte(kind);
        to.long(number);
        to.long(count.into());
    }

    /// Reads back what [`Self::put`] wrote; `None` for anything else.
    pub fn take(from: &mut Reader<'_>) -> Option<Self> {
        let (kind, number, count) = (from.byte()?, from.long()?, from.long()?);
        let flag = || (number <= 1).then_some(number == 1);
        let count_up_to = |most: u16| u16::try_from(count).ok().filter(|count| *count <= most);
        let state = match kind {
            0 if number > 0 => State::Length(number),
            1 => State::Size { size: number, digits: u8::try_from(count_up_to(MAX_DIGITS.into())?).ok()? },
            2 => State::Extension { size: number, len: count_up_to(MAX_EXTENSION)? },
            3 => State::SizeLf { size: number },
            4 if number > 0 => State::Chunk(number),
            5 => State::ChunkCr,
            6 => State::ChunkLf,
            7 => State::Trailers { len: count_up_to(MAX_TRAILERS)?, at_start: flag()? },
            8 => State::TrailersLf { len: count_up_to(MAX_TRAILERS)?, is_last: flag()? },
            9 => State::End,
            10 => State::Failed(BodyError::ChunkEnd),
            11 => State::Blanks { size: number, len: count_up_to(MAX_EXTENSION)? },
            _ => return None,
        };
        Some(Self(state))
    }
}

impl State {
    /// Takes one byte of framing.
    fn step(self, byte: u8) -> Result<Self, BodyError> {
        Ok(match self {
            Self::Size { size, digits } => return size_byte(size, digits, byte),
            Self::Extension { size, .. } | Self::Blanks { size, .. } if byte == b'\r' => {
                Self::SizeLf { size }
            }
            Self::Extension { len, .. } | Self::Blanks { len, .. } if len >= MAX_EXTENSION => {
                return Err(BodyError::Extensions);
            }
            Self::Blanks { size, len } => match byte {
                b' ' | b'\t' => Self::Blanks { size, len: len + 1 },
                b';' => Self::Extension { size, len: len + 1 },
                // `5 6`: a server that drops the blank would find another size, and with it another next request.
                _ => return Err(BodyError::ChunkSize),
            },
            // §7.1.1: "A recipient MUST ignore unrecognized chunk extensions."
            Self::Extension { size, len } if is_text(byte) => Self::Extension { size, len: len + 1 },
            // RFC 9112 §2.2 lets a recipient take a bare LF as a line's end; as in a head, we do not: where one server does and the next
            // does not, an attacker can smuggle requests.
            Self::SizeLf { size } if byte == b'\n' => match size {
                0 => Self::Trailers { len: 0, at_start: true },
                size => Self::Chunk(size),
            },
            Self::ChunkCr if byte == b'\r' => Self::ChunkLf,
            Self::ChunkLf if byte == b'\n' => Self::Size { size: 0, digits: 0 },
            Self::Trailers { len, .. } if len >= MAX_TRAILERS => return Err(BodyError::Trailers),
            Self::Trailers { len, at_start } if byte == b'\r' => {
                Self::TrailersLf { len: len + 1, is_last: at_start }
            }
            // §7.1.2: "A recipient that removes the chunked coding from a message MAY selectively retain or discard the received
            // trailer fields."
            Self::Trailers { len, .. } if is_text(byte) => Self::Trailers { len: len + 1, at_start: false },
            Self::TrailersLf { is_last: true, .. } if byte == b'\n' => Self::End,
            Self::TrailersLf { len, .. } if byte == b'\n' => {
                Self::Trailers { len: len.saturating_add(1).min(MAX_TRAILERS), at_start: true }
            }
            Self::ChunkCr | Self::ChunkLf => return Err(BodyError::ChunkEnd),
            Self::SizeLf { .. } => return Err(BodyError::ChunkSize),
            _ => return Err(BodyError::ControlByte),
        })
    }
}

/// Takes a byte of a chunk's size. §7.1: "chunk-size = 1*HEXDIG"; and "Recipients MUST anticipate potentially large hexadecimal
/// numerals and prevent parsing errors due to integer conversion overflows".
fn size_byte(size: u64, digits: u8, byte: u8) -> Result<State, BodyError> {
    let digit = char::from(byte).to_digit(16);
    match (digit, byte) {
        (Some(_), _) if digits >= MAX_DIGITS => Err(BodyError::ChunkSize),
        (Some(digit), _) => Ok(State::Size { size: (size << 4) | u64::from(digit), digits: digits + 1 }),
        (None, _) if digits == 0 => Err(BodyError::ChunkSize),
        (None, b'\r') => Ok(State::SizeLf { size }),
        // §7.1.1: "chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )"
        (None, b';') => Ok(State::Extension { size, len: 1 }),
        (None, b' ' | b'\t') => Ok(State::Blanks { size, len: 1 }),
        (None, _) => Err(BodyError::ChunkSize),
    }
}

/// True for a byte that may stand in a field's value or in an extension.
fn is_text(byte: u8) -> bool {
    byte == b'\t' || !byte.is_ascii_control()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_a_length_says_how_long_a_body_is_and_only_trailers_are_too_large() {
        assert!(BodyReader::from(Body::Chunked).is_chunked());
        assert!(!BodyReader::from(Body::Length(1)).is_chunked());
        assert_eq!(BodyError::Trailers.status(), 431);
        for error in
            [BodyError::ChunkSize, BodyError::Extensions, BodyError::ChunkEnd, BodyError::ControlByte]
        {
            assert_eq!(error.status(), 400);
        }
    }

    #[test]
    fn trailers_may_have_eight_kibibytes() {
        let input = ["0\r\nA: ", &"b".repeat(8000), "\r\n\r\n"].concat();
        assert_eq!(outcome(Body::Chunked, input.as_bytes()), (String::new(), None, String::new()));
    }

    /// Feeds the pieces one after the other, as a connection would; the content, the error, and the bytes behind the body.
    fn read(body: Body, pieces: &[&[u8]]) -> (Vec<u8>, Option<BodyError>, Vec<u8>) {
        let (mut reader, mut content, mut rest) = (BodyReader::from(body), Vec::new(), Vec::new());
        for piece in pieces {
            let mut at = 0;
            loop {
                // A reader of another process goes on after any byte.
                let mut to = Writer::default();
                reader.put(&mut to);
                assert_eq!(BodyReader::take(&mut Reader::new(&to.into_bytes())), Some(reader));
                let found = match reader.next(&piece[at..]) {
                    Ok(found) => found,
                    Err(error) => {
                        assert_eq!(reader.next(b"x"), Err(error), "it lasts");
                        return (content, Some(error), rest);
                    }
                };
                at += found.framing;
                if found.content.is_empty() {
                    break;
                }
                // Not all of it at once, as where there is no room.
                let used = found.content.len().min(3);
                content.extend_from_slice(&found.content[..used]);
                reader.consume(used);
                at += used;
            }
            if reader.is_complete() {
                rest.extend_from_slice(&piece[at..]);
            } else {
                assert_eq!(at, piece.len());
            }
        }
        assert_eq!(reader.is_complete(), reader.next(b"").is_ok() && reader.0 == State::End);
        (content, None, rest)
    }

    /// The outcome, which is the same whole, byte by byte and at every split.
    fn outcome(body: Body, input: &[u8]) -> (String, Option<BodyError>, String) {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let whole = read(body, &[input]);
        for at in 0..=input.len().min(100) {
            let (a, b) = input.split_at(at);
            assert_eq!(read(body, &[a, b]), whole, "split at {at}");
        }
        assert_eq!(read(body, &input.chunks(1).collect::<Vec<_>>()), whole, "byte by byte");
        (text(&whole.0), whole.1, text(&whole.2))
    }

    #[test]
    fn a_body_with_a_length_ends_where_the_next_request_begins() {
        let read = |length, input: &[u8]| outcome(Body::Length(length), input);
        assert_eq!(read(5, b"abcdePOST"), ("abcde".to_owned(), None, "POST".to_owned()));
        assert_eq!(read(5, b"abc"), ("abc".to_owned(), None, String::new()));
        assert_eq!(read(u64::MAX, b"abc"), ("abc".to_owned(), None, String::new()));
        assert_eq!(outcome(Body::None, b"GET"), (String::new(), None, "GET".to_owned()));
    }

    #[test]
    fn chunks_are_joined_and_extensions_and_trailers_are_ignored() {
        for (input, content, rest) in [
            ("3\r\nabc\r\n0\r\n\r\nGET", "abc", "GET"),
            ("3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n", "abc0123456789abcdef", ""),
            ("0000000000000003\r\nabc\r\n000\r\n\r\n", "abc", ""),
            ("2;a=\"b c\";d\r\n\r\n\r\n0;last\r\n\r\nX", "\r\n", "X"),
            ("1 \t\r\nx\r\n0\r\n\r\n", "x", ""),
            ("1 ; a = b\r\nx\r\nA\r\n0123456789\r\n0\r\n\r\n", "x0123456789", ""),
            ("1\r\nx\r\n0\r\nA: b\r\nLong-Name:\tc d\r\n\r\nX", "x", "X"),
            ("fFf\r\nab", "ab", ""),
            ("ffffffffffffffff\r\nab", "ab", ""),
            ("3\r\nabc\r\n", "abc", ""),
            ("3\r\nabc\r\n0\r\n", "abc", ""),
        ] {
            assert_eq!(
                outcome(Body::Chunked, input.as_bytes()),
                (content.to_owned(), None, rest.to_owned()),
                "{input:?}"
            );
        }
    }

    #[test]
    fn what_two_servers_could_read_in_two_ways_is_refused_behind_the_content_before_it() {
        use BodyError::{ChunkEnd, ChunkSize, ControlByte, Extensions, Trailers};
        let extension = |len: usize| format!("1;{}\r\nx", "e".repeat(len - 1));
        let blanks = |len: usize| format!("1{}\r\nx", " ".repeat(len));
        let both = |len: usize| format!("1 ;{}\r\nx", "e".repeat(len - 2));
        let trailers = |len: usize| format!("0\r\nA: {}\r\n\r\n", "t".repeat(len - "A: \r\n\r".len()));
        let (most, too_much) = (usize::from(MAX_EXTENSION), usize::from(MAX_TRAILERS));
        for (input, content, error) in [
            ("\r\nabc", "", Some(ChunkSize)),
            ("g\r\n", "", Some(ChunkSize)),
            ("-1\r\n", "", Some(ChunkSize)),
            ("+1\r\n", "", Some(ChunkSize)),
            ("0x1\r\n", "", Some(ChunkSize)),
            (" 1\r\n", "", Some(ChunkSize)),
            ("\n", "", Some(ChunkSize)),
            ("1\nx\r\n0\r\n\r\n", "", Some(ChunkSize)),
            ("1\rx", "", Some(ChunkSize)),
            ("00000000000000001\r\nx", "", Some(ChunkSize)),
            ("11111111111111111\r\nx", "", Some(ChunkSize)),
            ("1 2\r\nx", "", Some(ChunkSize)),
            ("1\t=2\r\nx", "", Some(ChunkSize)),
            ("1;a\nb\r\nx", "", Some(ControlByte)),
            ("1;a\0\r\nx", "", Some(ControlByte)),
            ("1\r\nxy\r\n", "x", Some(ChunkEnd)),
            ("1\r\nx\n0\r\n\r\n", "x", Some(ChunkEnd)),
            ("1\r\nx\r0", "x", Some(ChunkEnd)),
            ("1\r\nx.\n0\r\n\r\n", "x", Some(ChunkEnd)),
            ("0\r\nA: b\n\r\n", "", Some(ControlByte)),
            ("0\r\n\n", "", Some(ControlByte)),
            ("0\r\n\rx", "", Some(ControlByte)),
            (&extension(most), "x", None),
            (&extension(most + 1), "", Some(Extensions)),
            (&blanks(most), "x", None),
            (&blanks(most + 1), "", Some(Extensions)),
            (&both(most), "x", None),
            (&both(most + 1), "", Some(Extensions)),
            (&trailers(too_much), "", None),
            (&trailers(too_much + 1), "", Some(Trailers)),
        ] {
            let (got, failed, _) = outcome(Body::Chunked, input.as_bytes());
            assert_eq!((got.as_str(), failed), (content, error), "{input:?}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_read_the_same_in_whatever_pieces(
            bytes in prop::collection::vec(prop::sample::select(&b"0123af;\r\r\r\n\n\nx= \t\0\xff"[..]), 0..60),
            length in prop::option::of(0..50_u64),
            cuts in prop::collection::vec(0..60_usize, 0..5),
        ) {
            let body = length.map_or(Body::Chunked, Body::Length);
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            prop_assert_eq!(read(body, &pieces), read(body, &[&bytes]));
        }
    }

    #[test]
    fn a_state_that_no_reader_has_is_refused() {
        let state = |kind: u8, number: u64, count: u64| {
            let mut to = Writer::default();
            to.byte(kind);
            to.long(number);
            to.long(count);
            let bytes = to.into_bytes();
            for len in 0..bytes.len() {
                assert_eq!(BodyReader::take(&mut Reader::new(&bytes[..len])), None, "{len} bytes");
            }
            BodyReader::take(&mut Reader::new(&bytes))
        };
        for (kind, number, count) in [
            (0, 0, 0),
            (1, 0, 17),
            (2, 0, 1025),
            (4, 0, 0),
            (7, 2, 0),
            (7, 1, 8193),
            (11, 0, 1025),
            (12, 0, 0),
        ] {
            assert_eq!(state(kind, number, count), None, "{kind} {number} {count}");
        }
        assert_eq!(state(10, 0, 0).unwrap().next(b""), Err(BodyError::ChunkEnd));
    }
}
