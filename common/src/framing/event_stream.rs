//! Server-sent events (HTML Standard §9.2).

use super::form::Form;
use crate::{gap::Gap, id::MessageId, source_state::SourceState};
use std::{fmt, io::Write as _};

/// An event's `id:` is the id of the message, which a browser sends back as `Last-Event-ID`.
pub(super) struct Events;

/// An event's `id:` is the number alone: for clients of earlier versions.
pub(super) struct BareEvents;

impl Form for Events {
    fn media_type(&self) -> &'static str {
        MEDIA_TYPE
    }

    fn name(&self) -> &'static str {
        NAME
    }

    fn tells_gaps(&self) -> bool {
        true
    }

    fn message(&self, id: MessageId, text: &str, out: &mut Vec<u8>) {
        put_event(format_args!("id: {id}\n"), text, out);
    }

    fn notice(&self, text: &str, out: &mut Vec<u8>) {
        put_notice(text, out);
    }

    fn gap(&self, gap: &Gap, out: &mut Vec<u8>) {
        put_event(format_args!("event: gap\n"), &gap.to_string(), out);
    }

    fn source(&self, state: &SourceState, out: &mut Vec<u8>) {
        put_event(format_args!("event: source\n"), &state.to_string(), out);
    }

    fn heartbeat(&self, seconds: u16, out: &mut Vec<u8>) {
        put_heartbeat(seconds, out);
    }

    fn last_id(&self, id: MessageId, out: &mut Vec<u8>) {
        put_last_id(id, out);
    }

    fn retry(&self, milliseconds: u64, out: &mut Vec<u8>) {
        put_retry(milliseconds, out);
    }

    fn comment(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(COMMENT);
    }
}

impl Form for BareEvents {
    fn media_type(&self) -> &'static str {
        MEDIA_TYPE
    }

    fn name(&self) -> &'static str {
        NAME
    }

    fn message(&self, id: MessageId, text: &str, out: &mut Vec<u8>) {
        put_event(format_args!("id: {}\n", id.number), text, out);
    }

    fn notice(&self, text: &str, out: &mut Vec<u8>) {
        put_notice(text, out);
    }

    fn heartbeat(&self, seconds: u16, out: &mut Vec<u8>) {
        put_heartbeat(seconds, out);
    }

    fn last_id(&self, id: MessageId, out: &mut Vec<u8>) {
        put_last_id(id, out);
    }

    fn retry(&self, milliseconds: u64, out: &mut Vec<u8>) {
        put_retry(milliseconds, out);
    }

    fn comment(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(COMMENT);
    }
}

const MEDIA_TYPE: &str = "text/event-stream";
const NAME: &str = "sse";
const COMMENT: &[u8] = b":\n\n";

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

/// An event without `id:`, so that the browser keeps its `Last-Event-ID`.
fn put_notice(text: &str, out: &mut Vec<u8>) {
    put_event(format_args!("event: notice\n"), text, out);
}

/// As a notice; an event, unlike a comment, reaches the page.
fn put_heartbeat(seconds: u16, out: &mut Vec<u8>) {
    put_event(format_args!("event: heartbeat\n"), &seconds.to_string(), out);
}

/// §9.2.6: an event without data sets "the last event ID string of the event source" and is not dispatched.
fn put_last_id(id: MessageId, out: &mut Vec<u8>) {
    put(format_args!("id: {id}\n\n"), out);
}

fn put_retry(milliseconds: u64, out: &mut Vec<u8>) {
    put(format_args!("retry: {milliseconds}\n\n"), out);
}

fn put(text: fmt::Arguments<'_>, out: &mut Vec<u8>) {
    let _infallible = out.write_fmt(text);
}
