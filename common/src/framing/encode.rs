//! Appends a part of a stream in any framing.

use super::{farewell::Farewell, kind::Framing};
use crate::{
    gap::Gap,
    id::{MessageId, Since},
    source_state::SourceState,
};

/// Appends what stands before everything else in a stream over HTTP; nothing in most framings.
pub fn encode_opening(framing: Framing, out: &mut Vec<u8>) {
    framing.envelope().wrap_some(out, |out| framing.form().opening(out));
}

/// Appends a whole message of the stream.
pub fn encode(framing: Framing, id: MessageId, text: &str, out: &mut Vec<u8>) {
    framing.envelope().wrap(out, |out| framing.form().message(id, text, out));
}

/// Appends a notice: a message without a number, beside the stream.
pub fn encode_notice(framing: Framing, text: &str, out: &mut Vec<u8>) {
    framing.envelope().wrap(out, |out| framing.form().notice(text, out));
}

/// Appends the text of a client's own message, as [`encode_notice`] does where that is a frame. The protocol has checked that it is
/// UTF-8.
pub fn encode_echo(framing: Framing, text: &[u8], out: &mut Vec<u8>) {
    framing.envelope().wrap_parts([framing.form().before_notice().as_bytes(), text], out);
}

/// Appends the sign of life for a client that has asked for one after so many seconds without a word.
pub fn encode_heartbeat(framing: Framing, seconds: u16, out: &mut Vec<u8>) {
    framing.envelope().wrap(out, |out| framing.form().heartbeat(seconds, out));
}

/// Appends a gap; nothing in a framing that has no form for it ([`Framing::tells_gaps`]).
pub fn encode_gap(framing: Framing, gap: &Gap, out: &mut Vec<u8>) {
    framing.envelope().wrap_some(out, |out| framing.form().gap(gap, out));
}

/// Appends the state of the source; nothing in a framing that has no form for it ([`Framing::tells_gaps`]).
pub fn encode_source(framing: Framing, state: &SourceState, out: &mut Vec<u8>) {
    framing.envelope().wrap_some(out, |out| framing.form().source(state, out));
}

/// Appends, without an event, what the browser shall send as its last id when it reconnects; nothing in other framings than event
/// streams.
pub fn encode_last_id(framing: Framing, had: Since, out: &mut Vec<u8>) {
    framing.envelope().wrap_some(out, |out| framing.form().last_id(had, out));
}

/// Appends how many milliseconds the browser should wait before it reconnects; nothing in other framings than event
/// streams.
pub fn encode_retry(framing: Framing, milliseconds: u64, out: &mut Vec<u8>) {
    framing.envelope().wrap_some(out, |out| framing.form().retry(milliseconds, out));
}

/// Appends a comment, which keeps an idle stream alive; nothing in a framing that has none (WebSocket has Ping).
pub fn encode_comment(framing: Framing, out: &mut Vec<u8>) {
    framing.envelope().wrap_some(out, |out| framing.form().comment(out));
}

/// Appends something that is no message, to which the kernel of a client that is gone answers with a reset: a comment, and where
/// there are none a leading zero of the next chunk's size. RFC 9112 §7.1: `chunk-size = 1*HEXDIG` and `last-chunk = 1*("0")`.
/// Nothing in a framing that has neither.
pub fn encode_probe(framing: Framing, out: &mut Vec<u8>) {
    let before = out.len();
    encode_comment(framing, out);
    if out.len() == before && framing.is_chunked() {
        out.push(b'0');
    }
}

/// Appends the last words of a stream, before [`finish`]; nothing in a framing whose clients find out by themselves.
pub fn encode_farewell(framing: Framing, farewell: &Farewell, out: &mut Vec<u8>) {
    framing.envelope().wrap_some(out, |out| framing.form().farewell(farewell, out));
}

/// Appends the orderly end of a chunked HTTP stream, its last chunk (RFC 9112 §7.1); nothing in other framings.
pub fn finish(framing: Framing, out: &mut Vec<u8>) {
    if framing.is_chunked() {
        out.extend_from_slice(b"0\r\n\r\n");
    }
}
