//! The form of the stream's text messages on each kind of connection.
//!
//! The server encodes a message once for each framing in use; all connections of that framing share the bytes.

use crate::{
    frame::{Opcode, encode_frame},
    gap::Gap,
    id::MessageId,
};
use std::fmt;

/// The form in which a connection receives messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Framing {
    /// A text frame of RFC 6455 and drafts 07, 08: header and text.
    Hybi,
    /// As [`Framing::Hybi`], the text being the number, U+0009 and the message: for clients that resume by number.
    HybiNumbered,
    /// A text frame of drafts 75 and 76: `00`, text, `FF`.
    Hixie,
    /// As [`Framing::Hixie`], the text being the number, U+0009 and the message.
    HixieNumbered,
    /// A server-sent event, to the end of the stream (HTTP/1.0).
    EventStream,
    /// A server-sent event in one HTTP chunk (HTTP/1.1).
    EventStreamChunked,
    /// The text and a newline, to the end of the stream (HTTP/1.0).
    Lines,
    /// The text and a newline in one HTTP chunk (HTTP/1.1).
    LinesChunked,
    /// As [`Framing::Hybi`], the text being U+0009 and the message, before them the id, nothing (a notice), or `!` (a gap or the
    /// state of the source): what a client says can never look like a message.
    HybiIds,
    /// As [`Framing::Hixie`], the text being that of [`Framing::HybiIds`].
    HixieIds,
    /// As [`Framing::EventStream`], the event's id being the number alone: for clients of earlier versions.
    EventStreamBare,
    /// As [`Framing::EventStreamChunked`], the event's id being the number alone.
    EventStreamBareChunked,
}

impl Framing {
    /// Every framing, in the order of [`Framing::index`]. A new one comes last: the index is written into the state that
    /// processes hand over.
    pub const ALL: [Self; 12] = [
        Self::Hybi,
        Self::HybiNumbered,
        Self::Hixie,
        Self::HixieNumbered,
        Self::EventStream,
        Self::EventStreamChunked,
        Self::Lines,
        Self::LinesChunked,
        Self::HybiIds,
        Self::HixieIds,
        Self::EventStreamBare,
        Self::EventStreamBareChunked,
    ];

    /// Its place in [`Framing::ALL`], for tables with one entry for each framing.
    pub fn index(self) -> usize {
        self as usize
    }

    /// The same framing with the message's number in the text, unless the framing already has a place for it.
    #[must_use]
    pub fn numbered(self) -> Self {
        match self {
            Self::Hybi => Self::HybiNumbered,
            Self::Hixie => Self::HixieNumbered,
            other => other,
        }
    }

    /// The same framing with the message's id in the text, unless the framing already has a place for it.
    #[must_use]
    pub fn with_ids(self) -> Self {
        match self {
            Self::Hybi => Self::HybiIds,
            Self::Hixie => Self::HixieIds,
            other => other,
        }
    }

    /// The same framing with the number alone for an event's id.
    #[must_use]
    pub fn bare(self) -> Self {
        match self {
            Self::EventStream => Self::EventStreamBare,
            Self::EventStreamChunked => Self::EventStreamBareChunked,
            other => other,
        }
    }

    /// True if a gap, and the state of the source, have a form of their own between the messages. A client of such a framing knows
    /// the id of each message.
    pub fn tells_gaps(self) -> bool {
        matches!(self, Self::HybiIds | Self::HixieIds | Self::EventStream | Self::EventStreamChunked)
    }

    /// True for frames of RFC 6455 and drafts 07, 08, the only ones that may be binary.
    pub fn is_hybi(self) -> bool {
        matches!(self, Self::Hybi | Self::HybiNumbered | Self::HybiIds)
    }

    /// True for server-sent events.
    pub fn is_event_stream(self) -> bool {
        matches!(self, Self::EventStream | Self::EventStreamChunked) || self.is_bare()
    }

    fn is_bare(self) -> bool {
        matches!(self, Self::EventStreamBare | Self::EventStreamBareChunked)
    }

    /// True if its parts are chunks of HTTP/1.1.
    pub fn is_chunked(self) -> bool {
        matches!(self, Self::EventStreamChunked | Self::EventStreamBareChunked | Self::LinesChunked)
    }

    fn has_ids(self) -> bool {
        matches!(self, Self::HybiIds | Self::HixieIds)
    }
}

/// Appends a whole message of the stream.
///
/// In an event stream the id is the event's `id:`, which a browser sends back as `Last-Event-ID`.
pub fn encode(framing: Framing, id: MessageId, text: &str, out: &mut Vec<u8>) {
    let number = id.number;
    match framing {
        Framing::HybiNumbered | Framing::HixieNumbered => {
            encode_text(framing, format_args!(""), &format!("{number}\t{text}"), out);
        }
        Framing::HybiIds | Framing::HixieIds => {
            encode_text(framing, format_args!(""), &format!("{id}\t{text}"), out);
        }
        Framing::EventStreamBare | Framing::EventStreamBareChunked => {
            encode_text(framing, format_args!("id: {number}\n"), text, out);
        }
        _ => encode_text(framing, format_args!("id: {id}\n"), text, out),
    }
}

/// Appends a notice: a message without a number, beside the stream.
///
/// In an event stream it is an event of the type `notice` without `id:`, so that the browser keeps its `Last-Event-ID`.
pub fn encode_notice(framing: Framing, text: &str, out: &mut Vec<u8>) {
    let field = format_args!("event: notice\n");
    if framing.has_ids() {
        encode_text(framing, field, &format!("\t{text}"), out);
    } else {
        encode_text(framing, field, text, out);
    }
}

/// Appends a gap; nothing in a framing that has no form for it.
pub fn encode_gap(framing: Framing, gap: &Gap, out: &mut Vec<u8>) {
    encode_aside(framing, "gap", &gap.to_string(), out);
}

/// Appends JSON that is no message, as an event of this type where the framing has events; nothing in a framing that has no form
/// for it.
pub(crate) fn encode_aside(framing: Framing, event: &str, json: &str, out: &mut Vec<u8>) {
    if framing.has_ids() {
        encode_text(framing, format_args!(""), &format!("!\t{json}"), out);
    } else if framing.tells_gaps() {
        encode_text(framing, format_args!("event: {event}\n"), json, out);
    }
}

/// Appends the id that the browser shall send when it reconnects, without an event; nothing in other framings than event
/// streams.
///
/// HTML Standard §9.2.6: an event without data sets "the last event ID string of the event source" and is not dispatched.
pub fn encode_last_id(framing: Framing, id: MessageId, out: &mut Vec<u8>) {
    if framing.is_event_stream() {
        let text = format!("id: {id}\n\n");
        http_part(framing, out, |out| out.extend_from_slice(text.as_bytes()));
    }
}

/// Appends a text; an event stream has the line `field` before it.
fn encode_text(framing: Framing, field: fmt::Arguments<'_>, text: &str, out: &mut Vec<u8>) {
    match framing {
        Framing::Hybi | Framing::HybiNumbered | Framing::HybiIds => {
            encode_frame(Opcode::Text, text.as_bytes(), out);
        }
        // UTF-8 holds no `FF`, so the text cannot end the frame early.
        Framing::Hixie | Framing::HixieNumbered | Framing::HixieIds => {
            out.push(0x00);
            out.extend_from_slice(text.as_bytes());
            out.push(0xFF);
        }
        Framing::EventStream
        | Framing::EventStreamChunked
        | Framing::EventStreamBare
        | Framing::EventStreamBareChunked => http_part(framing, out, |out| encode_event(field, text, out)),
        Framing::Lines | Framing::LinesChunked => http_part(framing, out, |out| encode_line(text, out)),
    }
}

/// Appends a comment, which keeps an idle event stream alive; nothing in other framings (WebSocket has Ping).
pub fn encode_heartbeat(framing: Framing, out: &mut Vec<u8>) {
    if framing.is_event_stream() {
        http_part(framing, out, |out| out.extend_from_slice(b":\n\n"));
    }
}

/// Appends something that is no message, to which the kernel of a client that is gone answers with a reset: a comment in an
/// event stream, and a leading zero of the next chunk's size in chunked lines. RFC 9112 §7.1: `chunk-size = 1*HEXDIG` and
/// `last-chunk = 1*("0")`. Nothing in other framings.
pub fn encode_probe(framing: Framing, out: &mut Vec<u8>) {
    match framing {
        Framing::LinesChunked => out.push(b'0'),
        _ => encode_heartbeat(framing, out),
    }
}

/// Appends how many milliseconds the browser should wait before it reconnects; nothing in other framings than event
/// streams.
pub fn encode_retry(framing: Framing, milliseconds: u64, out: &mut Vec<u8>) {
    if framing.is_event_stream() {
        let text = format!("retry: {milliseconds}\n\n");
        http_part(framing, out, |out| out.extend_from_slice(text.as_bytes()));
    }
}

/// Appends the orderly end of a chunked HTTP stream, its last chunk (RFC 9112 §7.1); nothing in other framings.
pub fn finish(framing: Framing, out: &mut Vec<u8>) {
    if framing.is_chunked() {
        out.extend_from_slice(b"0\r\n\r\n");
    }
}

fn encode_line(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(text.as_bytes());
    out.push(b'\n');
}

/// One event (HTML Standard §9.2.5): every line of the text is a `data:` line of its own.
fn encode_event(field: fmt::Arguments<'_>, text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(field.to_string().as_bytes());
    // CR, LF and CRLF all end a line there, so the text itself must not bring any.
    let text = text.replace("\r\n", "\n");
    for line in text.split(['\n', '\r']) {
        out.extend_from_slice(b"data: ");
        encode_line(line, out);
    }
    out.push(b'\n');
}

/// Appends a part of an HTTP stream: what `body` appends, in one chunk (RFC 9112 §7.1) where the framing has chunks.
fn http_part(framing: Framing, out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    if !framing.is_chunked() {
        return body(out);
    }
    let mut bytes = Vec::new();
    body(&mut bytes);
    out.extend_from_slice(format!("{:x}\r\n", bytes.len()).as_bytes());
    out.extend_from_slice(&bytes);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Epoch;

    fn id(number: u64) -> MessageId {
        MessageId { epoch: Epoch::from_millis(0xAB), number }
    }

    fn encoded(framing: Framing, text: &str) -> String {
        let mut out = Vec::new();
        encode(framing, id(7), text, &mut out);
        out.iter().map(|&byte| char::from(byte)).collect()
    }

    #[test]
    fn each_framing_encodes_a_message_in_its_own_form() {
        for (framing, expected) in [
            (Framing::Hybi, "\u{81}\u{2}hi"),
            (Framing::HybiNumbered, "\u{81}\u{4}7\thi"),
            (Framing::Hixie, "\u{0}hi\u{FF}"),
            (Framing::HixieNumbered, "\u{0}7\thi\u{FF}"),
            (Framing::EventStream, "id: 0000000000ab_7\ndata: hi\n\n"),
            (Framing::EventStreamChunked, "1d\r\nid: 0000000000ab_7\ndata: hi\n\n\r\n"),
            (Framing::Lines, "hi\n"),
            (Framing::LinesChunked, "3\r\nhi\n\r\n"),
            (Framing::HybiIds, "\u{81}\u{11}0000000000ab_7\thi"),
            (Framing::HixieIds, "\u{0}0000000000ab_7\thi\u{FF}"),
            (Framing::EventStreamBare, "id: 7\ndata: hi\n\n"),
            (Framing::EventStreamBareChunked, "10\r\nid: 7\ndata: hi\n\n\r\n"),
        ] {
            assert_eq!(encoded(framing, "hi"), expected);
            assert_eq!(Framing::ALL[framing.index()], framing);
        }
    }

    #[test]
    fn every_line_of_a_text_is_a_data_line() {
        let expected = "id: 0000000000ab_7\ndata: a\ndata: b\ndata: c\ndata: \ndata: id: 9\n\n";
        assert_eq!(encoded(Framing::EventStream, "a\nb\r\nc\r\rid: 9"), expected);
        assert_eq!(encoded(Framing::EventStream, ""), "id: 0000000000ab_7\ndata: \n\n");
    }

    #[test]
    fn a_notice_has_no_number() {
        for (framing, expected) in [
            (Framing::HybiNumbered, &b"\x81\x0f17 disconnected"[..]),
            (Framing::HixieNumbered, b"\x0017 disconnected\xFF"),
            (Framing::HybiIds, b"\x81\x10\t17 disconnected"),
            (Framing::HixieIds, b"\x00\t17 disconnected\xFF"),
            (Framing::EventStreamBare, b"event: notice\ndata: 17 disconnected\n\n"),
            (Framing::EventStream, b"event: notice\ndata: 17 disconnected\n\n"),
            (Framing::Lines, b"17 disconnected\n"),
        ] {
            let mut out = Vec::new();
            encode_notice(framing, "17 disconnected", &mut out);
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn a_gap_is_told_in_framings_that_carry_ids_and_in_no_other() {
        let gap = Gap { missed: Some(3), new_stream: false, next: Some(id(7)) };
        let json = r#"{"missed":3,"stream":"same","next":"0000000000ab_7"}"#;
        for framing in Framing::ALL {
            let mut out = Vec::new();
            encode_gap(framing, &gap, &mut out);
            let event = format!("event: gap\ndata: {json}\n\n");
            let expected = match framing {
                Framing::HybiIds => [b"\x81\x36!\t", json.as_bytes()].concat(),
                Framing::HixieIds => [b"\0!\t", json.as_bytes(), b"\xFF"].concat(),
                Framing::EventStream => event.into_bytes(),
                Framing::EventStreamChunked => format!("{:x}\r\n{event}\r\n", event.len()).into_bytes(),
                _ => Vec::new(),
            };
            assert_eq!(out, expected, "{framing:?}");
            assert_eq!(framing.tells_gaps(), !expected.is_empty());
        }
    }

    #[test]
    fn only_an_event_stream_says_what_to_resume_with() {
        for framing in Framing::ALL {
            let mut out = Vec::new();
            encode_last_id(framing, id(7), &mut out);
            let expected: &[u8] = match (framing.is_event_stream(), framing.is_chunked()) {
                (true, true) => b"14\r\nid: 0000000000ab_7\n\n\r\n",
                (true, false) => b"id: 0000000000ab_7\n\n",
                _ => b"",
            };
            assert_eq!(out, expected, "{framing:?}");
        }
    }

    #[test]
    fn heartbeat_retry_and_end_are_empty_where_a_framing_has_none() {
        for framing in Framing::ALL {
            let mut out = Vec::new();
            encode_heartbeat(framing, &mut out);
            encode_retry(framing, 1000, &mut out);
            finish(framing, &mut out);
            let expected: &[u8] = match framing {
                Framing::EventStream | Framing::EventStreamBare => b":\n\nretry: 1000\n\n",
                Framing::EventStreamChunked | Framing::EventStreamBareChunked => {
                    b"3\r\n:\n\n\r\nd\r\nretry: 1000\n\n\r\n0\r\n\r\n"
                }
                Framing::LinesChunked => b"0\r\n\r\n",
                _ => b"",
            };
            assert_eq!(out, expected, "{framing:?}");
        }
    }

    #[test]
    fn a_frame_is_appended_to_what_is_there() {
        let mut out = b"before".to_vec();
        encode(Framing::LinesChunked, id(1), &"x".repeat(70_000), &mut out);
        assert!(out.starts_with(b"before11171\r\nxxx"));
    }

    #[test]
    fn a_probe_before_a_message_is_no_part_of_it() {
        for framing in Framing::ALL {
            let mut out = Vec::new();
            encode_probe(framing, &mut out);
            encode_notice(framing, "hi", &mut out);
            finish(framing, &mut out);
            let text: String = out.iter().map(|&byte| char::from(byte)).collect();
            let expected = match framing {
                Framing::LinesChunked => "03\r\nhi\n\r\n0\r\n\r\n",
                Framing::Lines => "hi\n",
                Framing::EventStream => ":\n\nevent: notice\ndata: hi\n\n",
                _ => continue,
            };
            assert_eq!(text, expected);
        }
    }
}
