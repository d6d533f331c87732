//! A document of HTML that never ends, for browsers without scripts.

use super::{
    farewell::{Farewell, GoOn},
    form::Form,
};
use crate::{
    gap::Gap,
    html::{push_escaped, push_text},
    id::MessageId,
    source_state::SourceState,
};

/// A line for each message, under a style that keeps the newest one in view.
pub(super) struct Html;

impl Form for Html {
    fn media_type(&self) -> &'static str {
        "text/html"
    }

    fn name(&self) -> &'static str {
        "html"
    }

    fn fields(&self) -> &'static [(&'static str, &'static str)] {
        &[("Content-Security-Policy", POLICY)]
    }

    fn tells_gaps(&self) -> bool {
        true
    }

    fn opening(&self, out: &mut Vec<u8>) {
        let begin = out.len();
        out.extend_from_slice(BEGIN.as_bytes());
        let len = out.len().saturating_sub(begin);
        out.extend_from_slice(b"<!--");
        out.resize(out.len().saturating_add(MIN_OPENING.saturating_sub(len)), b' ');
        out.extend_from_slice(b"-->\n<pre>");
    }

    fn message(&self, _id: MessageId, text: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(b"<div>");
        push_text(text, out);
        out.extend_from_slice(END_OF_LINE);
    }

    fn notice(&self, text: &str, out: &mut Vec<u8>) {
        put_aside(text, out);
    }

    fn gap(&self, gap: &Gap, out: &mut Vec<u8>) {
        let text = match gap {
            Gap { new_stream: true, .. } => "A new stream begins here.".to_owned(),
            Gap { missed: None, .. } => "Some messages are missing here.".to_owned(),
            Gap { missed: Some(1), .. } => "1 message is missing here.".to_owned(),
            Gap { missed: Some(missed), .. } => format!("{missed} messages are missing here."),
        };
        put_aside(&text, out);
    }

    fn source(&self, state: &SourceState, out: &mut Vec<u8>) {
        match state.said() {
            "" => put_aside(&format!("The source is {}.", state.phase().name()), out),
            said => put_aside(said, out),
        }
    }

    fn comment(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(COMMENT);
    }

    fn heartbeat(&self, _seconds: u16, out: &mut Vec<u8>) {
        out.extend_from_slice(COMMENT);
    }

    fn farewell(&self, farewell: &Farewell, out: &mut Vec<u8>) {
        out.extend_from_slice(b"</pre>\n");
        if farewell.is_whole {
            out.extend_from_slice(WHOLE.as_bytes());
        }
        out.extend_from_slice(b"<p><i>");
        push_text(farewell.said, out);
        out.extend_from_slice(b"</i>");
        if let Some(GoOn { address, after }) = &farewell.go_on {
            out.extend_from_slice(b" <a href=\"");
            push_escaped(address, out);
            // A browser obeys it wherever it stands, and not before: one in the head would count from the beginning.
            out.extend_from_slice(
                format!("\">Go on now</a><meta http-equiv=\"refresh\" content=\"{after}; url=").as_bytes(),
            );
            push_escaped(address, out);
            out.extend_from_slice(b"\">");
        }
        out.extend_from_slice(b"</p></div></div></body></html>\n");
    }
}

/// The document has a style, and nothing else: whatever a message could smuggle in, no browser runs or loads it.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// Undoes what keeps the newest line in view. `NetSurf`, which draws a document at its end only, shows nothing of what hangs at an edge.
const WHOLE: &str = r#"<style type="text/css">html, body { height: auto; overflow: auto } #log { position: static }</style>
"#;

/// The newline is no text, but a line of the document for programs that read it by lines.
const END_OF_LINE: &[u8] = b"</div\n>";

const COMMENT: &[u8] = b"<!-- -->";

/// Bytes before the first message, at least: Firefox shows nothing of a frame before 2,100, `WebKit` of 2011 nothing before 1,100.
const MIN_OPENING: usize = 2_200;

/// What stands before the first message. Its sentences are long enough for `WebKitGTK`, which shows nothing before there are 400
/// characters to be seen.
///
/// The newest line is at the lower edge. In any engine with CSS 2 the text hangs there, and older lines leave at the upper edge; in
/// one with flexible boxes it can be scrolled: a reversed column begins at its end. Without CSS lines are appended.
const BEGIN: &str = r#"<!DOCTYPE html>
<html lang="en"><head><meta http-equiv="Content-Type" content="text/html; charset=utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" content="no-referrer">
<title>Live stream</title><style type="text/css">
html, body { height: 100%; margin: 0; overflow: hidden; background: #fff; color: #1b1b1b; font: 15px/1.45 sans-serif }
#log { position: absolute; right: 0; bottom: 0; left: 0; padding: 8px 12px }
p { max-width: 46em; margin: 0 0 8px; color: #595959 }
pre { margin: 0; font: 14px/1.5 monospace; white-space: pre-wrap; word-wrap: break-word }
pre div { min-height: 1.5em }
i { color: #7a4a00 }
@supports (display: flex) {
#view { position: absolute; top: 0; right: 0; bottom: 0; left: 0; overflow: auto; display: flex; flex-direction: column-reverse }
#log { position: static; flex: none; margin-bottom: auto; overflow-wrap: anywhere }
}
@media (prefers-color-scheme: dark) {
html, body { background: #15171a; color: #e4e4e4 } p { color: #a9a9a9 } i { color: #f0b45c } a { color: #8ab4f8 }
}
@media print {
html, body { height: auto; overflow: visible } #view, #log { position: static; display: block; overflow: visible }
}
</style></head><body><div id="view" tabindex="0"><div id="log" role="log" aria-label="Messages">
<p>This page is a live stream: the newest message is its last line, and each one appears as soon as it is sent. The page
needs no script, and it never ends loading; your browser's Stop button ends it, and Reload begins again with what is new. After
some thousand messages it begins anew by itself with the message that comes next, so that it does not grow for ever. The colours
of a terminal are left out. A line in italics is a word of the server: messages that are missing, a client that has
left, or what the source is doing.</p>
"#;

/// A line that is no message of the stream.
fn put_aside(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"<div><i>");
    push_text(text, out);
    out.extend_from_slice(b"</i>");
    out.extend_from_slice(END_OF_LINE);
}
