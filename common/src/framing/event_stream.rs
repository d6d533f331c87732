//! Server-sent events (HTML Standard §9.2).

use super::form::Form;
use crate::{
    gap::Gap,
    id::{MessageId, Since},
    source_state::SourceState,
};
use std::{fmt, io::Write as _};

/// What stands in an event's `id:`, which a browser sends back as `Last-Event-ID`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Events {
    /// The id of the message.
    WithIds,
    /// The number alone: for clients of earlier versions, which know nothing of gaps either.
    Bare,
}

impl Form for Events {
    fn media_type(&self) -> &'static str {
        "text/event-stream"
    }

    fn name(&self) -> &'static str {
        "sse"
    }

    fn tells_gaps(&self) -> bool {
        *self == Self::WithIds
    }

    fn message(&self, id: MessageId, text: &str, out: &mut Vec<u8>) {
        match self {
            Self::WithIds => put_event(format_args!("id: {id}\n"), text, out),
            Self::Bare => put_event(format_args!("id: {}\n", id.number), text, out),
        }
    }

    /// An event without `id:`, so that the browser keeps its `Last-Event-ID`.
    fn notice(&self, text: &str, out: &mut Vec<u8>) {
        put_event(format_args!("event: notice\n"), text, out);
    }

    fn gap(&self, gap: &Gap, out: &mut Vec<u8>) {
        if self.tells_gaps() {
            put_event(format_args!("event: gap\n"), &gap.to_string(), out);
        }
    }

    fn source(&self, state: &SourceState, out: &mut Vec<u8>) {
        if self.tells_gaps() {
            put_event(format_args!("event: source\n"), &state.to_string(), out);
        }
    }

    /// As a notice; an event, unlike a comment, reaches the page.
    fn heartbeat(&self, seconds: u16, out: &mut Vec<u8>) {
        put_event(format_args!("event: heartbeat\n"), &seconds.to_string(), out);
    }

    /// §9.2.6: an event without data sets "the last event ID string of the event source" and is not dispatched.
    fn last_id(&self, had: Since, out: &mut Vec<u8>) {
        put(format_args!("id: {had}\n\n"), out);
    }

    fn retry(&self, milliseconds: u64, out: &mut Vec<u8>) {
        put(format_args!("retry: {milliseconds}\n\n"), out);
    }

    fn comment(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b":\n\n");
    }
}

/// One event (§9.2.5), the line `field` first: every line of the text is a `data:` line of its own.
fn put_event(field: fmt::Arguments<'_>, text: &str, out: &mut Vec<u8>) {
    put(field, out);
    // CR, LF and CRLF all end a line there, so the text itself must not bring any.
    let text = text.replace("\r\n", "\n");
    for line in text.split(['\n', '\r']) {
        put(format_args!("data: {line}\n"), out);
    }
    out.push(b'\n');
}

fn put(text: fmt::Arguments<'_>, out: &mut Vec<u8>) {
    let _infallible = out.write_fmt(text);
}
