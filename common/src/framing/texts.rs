//! The texts of WebSocket messages.

use super::form::Form;
use crate::{gap::Gap, id::MessageId, source_state::SourceState};
use std::{fmt, io::Write as _};

/// The text alone.
pub(super) struct Plain;

/// The message's number, U+0009 and the text: for clients that resume by number.
pub(super) struct Numbered;

/// U+0009 and the text, before them the id, nothing (a notice), or `!` (a gap or the state of the source): what a client says can
/// never look like a message.
pub(super) struct WithIds;

impl Form for Plain {
    fn message(&self, _id: MessageId, text: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(text.as_bytes());
    }

    fn notice(&self, text: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(text.as_bytes());
    }

    fn heartbeat(&self, _seconds: u16, _out: &mut Vec<u8>) {}
}

impl Form for Numbered {
    fn message(&self, id: MessageId, text: &str, out: &mut Vec<u8>) {
        put(format_args!("{}\t{text}", id.number), out);
    }

    fn notice(&self, text: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(text.as_bytes());
    }

    fn heartbeat(&self, _seconds: u16, _out: &mut Vec<u8>) {}
}

impl Form for WithIds {
    fn tells_gaps(&self) -> bool {
        true
    }

    fn message(&self, id: MessageId, text: &str, out: &mut Vec<u8>) {
        put(format_args!("{id}\t{text}"), out);
    }

    fn before_notice(&self) -> &'static str {
        "\t"
    }

    fn notice(&self, text: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(self.before_notice().as_bytes());
        out.extend_from_slice(text.as_bytes());
    }

    fn heartbeat(&self, seconds: u16, out: &mut Vec<u8>) {
        put(format_args!("!\t{{\"heartbeat\":{seconds}}}"), out);
    }

    fn gap(&self, gap: &Gap, out: &mut Vec<u8>) {
        put(format_args!("!\t{gap}"), out);
    }

    fn source(&self, state: &SourceState, out: &mut Vec<u8>) {
        put(format_args!("!\t{state}"), out);
    }
}

fn put(text: fmt::Arguments<'_>, out: &mut Vec<u8>) {
    let _infallible = out.write_fmt(text);
}
