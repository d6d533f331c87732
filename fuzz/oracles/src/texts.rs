//! Lines of a producer in every framing: no text breaks out of its message.

use common::framing::{Framing, encode, encode_echo, encode_notice};
use common::html;
use common::id::{Epoch, MessageId};
use common::json::push_json;
use common::source_state::{SourcePhase, SourceState};

use crate::input::Choices;

/// See the module.
pub fn run(input: &[u8]) {
    let mut choices = Choices::new(input);
    let framing = choices.one_of(&Framing::ALL);
    let id = MessageId { epoch: Epoch::from_millis(7), number: u64::from(choices.byte()) };
    let text = String::from_utf8_lossy(choices.rest());
    let mut json = String::new();
    push_json(&text, &mut json);
    let read: String = serde_json::from_str(&json).expect("JSON");
    assert!(read == text && !json.contains(['<', '\n', '\r', '\u{2028}', '\u{2029}']), "{json}");
    let mut escaped = Vec::new();
    html::push_escaped(&text, &mut escaped);
    assert!(!escaped.contains(&b'<') && !escaped.contains(&b'>') && std::str::from_utf8(&escaped).is_ok());
    let state = SourceState::new(SourcePhase::Waiting, &text).to_string();
    let read: serde_json::Value = serde_json::from_str(&state).expect("JSON");
    assert!(read["said"].as_str().is_some_and(|said| said.len() <= 303 && !said.contains('\n')));
    // The source's lines hold no line end.
    if text.contains(['\n', '\r']) {
        return;
    }
    let (mut message, mut notice) = (Vec::new(), Vec::new());
    encode(framing, id, &text, &mut message);
    encode_notice(framing, &text, &mut notice);
    if framing.name().is_empty() {
        let mut echo = Vec::new();
        encode_echo(framing, text.as_bytes(), &mut echo);
        assert!(echo == notice, "an echo is a notice of its text");
    }
    if framing.is_event_stream() && !framing.is_chunked() {
        assert_eq!(data_of(&message), [text.as_ref()], "{}", message.escape_ascii());
    }
    if framing.name().contains("ndjson") && !framing.is_chunked() {
        let line = message.strip_suffix(b"\n").expect("a line");
        let read: serde_json::Value = serde_json::from_slice(line).expect("JSON");
        assert_eq!(read["text"].as_str(), Some(text.as_ref()));
    }
    let most = 4 * text.len() + 1024;
    assert!(message.len() <= 6 * most && notice.len() <= 6 * most);
}

/// The data of each event, as HTML Standard §9.2.6 reads a stream.
fn data_of(bytes: &[u8]) -> Vec<String> {
    let (mut events, mut data) = (Vec::new(), None::<String>);
    for line in String::from_utf8_lossy(bytes).split('\n') {
        if line.is_empty() {
            events.extend(data.take());
        } else if let Some(value) = line.strip_prefix("data:") {
            let value = value.strip_prefix(' ').unwrap_or(value);
            data = Some(data.map_or_else(|| value.to_owned(), |data| data + "\n" + value));
        }
    }
    events
}
