//! Lines of JSON (NDJSON): an object each.

use super::form::Form;
use crate::{gap::Gap, id::MessageId, json::push_json, source_state::SourceState};
use std::io::Write as _;

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
        put(&format!("\"{id}\""), text, "message", "", out);
    }

    fn notice(&self, text: &str, out: &mut Vec<u8>) {
        put(NO_ID, text, "notice", "", out);
    }

    fn gap(&self, gap: &Gap, out: &mut Vec<u8>) {
        put(NO_ID, "", "gap", &format!(",{}", gap.members()), out);
    }

    fn source(&self, state: &SourceState, out: &mut Vec<u8>) {
        let phase = format!(",\"source\":\"{}\"", state.phase().name());
        put(NO_ID, state.said(), "source", &phase, out);
    }

    fn heartbeat(&self, _seconds: u16, out: &mut Vec<u8>) {
        put(NO_ID, "", "heartbeat", "", out);
    }
}

const NO_ID: &str = "null";

/// One object; `more` are further members, each behind a comma.
fn put(id: &str, text: &str, kind: &str, more: &str, out: &mut Vec<u8>) {
    let mut json = String::new();
    push_json(text, &mut json);
    let _infallible = writeln!(out, "{{\"id\":{id},\"text\":{json},\"kind\":\"{kind}\"{more}}}");
}
