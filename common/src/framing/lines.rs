//! Lines: each text and a newline.

use super::form::Form;
use crate::id::MessageId;

/// Messages and notices, a line each.
pub(super) struct Lines;

impl Form for Lines {
    fn media_type(&self) -> &'static str {
        "text/plain"
    }

    fn name(&self) -> &'static str {
        "lines"
    }

    fn message(&self, _id: MessageId, text: &str, out: &mut Vec<u8>) {
        put_line(text, out);
    }

    fn notice(&self, text: &str, out: &mut Vec<u8>) {
        put_line(text, out);
    }

    fn heartbeat(&self, _seconds: u16, out: &mut Vec<u8>) {
        put_line("", out);
    }
}

fn put_line(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(text.as_bytes());
    out.push(b'\n');
}
