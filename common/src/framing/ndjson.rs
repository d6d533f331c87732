//! Lines of JSON (NDJSON): an object each.

use super::form::Form;
use crate::{gap::Gap, id::MessageId, json::push_json, source_state::SourceState};
use std::{fmt, io::Write as _};

/// An object has `id`, `text` and `kind` first, whatever it is about; behind them what its kind needs.
pub(super) struct Ndjson;

impl Form for Ndjson {
    fn media_type(&self) -> &'static str {
        "application/x-ndjson"
    }

    fn name(&self) -> &'static str {
        "ndjson"
    }

    fn tells_gaps(&self) -> bool {
        true
    }

    fn message(&self, id: MessageId, text: &str, out: &mut Vec<u8>) {
        put(format_args!("\"{id}\""), text, format_args!("message\""), out);
    }

    fn notice(&self, text: &str, out: &mut Vec<u8>) {
        put(NO_ID, text, format_args!("notice\""), out);
    }

    fn gap(&self, gap: &Gap, out: &mut Vec<u8>) {
        put(NO_ID, "", format_args!("gap\",{}", gap.members()), out);
    }

    fn source(&self, state: &SourceState, out: &mut Vec<u8>) {
        put(NO_ID, state.said(), format_args!("source\",\"source\":\"{}\"", state.phase().name()), out);
    }
}

const NO_ID: fmt::Arguments<'static> = format_args!("null");

fn put(id: fmt::Arguments<'_>, text: &str, kind: fmt::Arguments<'_>, out: &mut Vec<u8>) {
    let mut json = String::new();
    push_json(text, &mut json);
    let _infallible = writeln!(out, "{{\"id\":{id},\"text\":{json},\"kind\":\"{kind}}}");
}
