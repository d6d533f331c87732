//! The bodies of streams over HTTP, taken apart by their media types.

use super::{
    super::said::{Said, ToldGap},
    json,
};

/// What comes next in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    Lines,
    Ndjson,
    Events,
    /// A document before its first message, and behind that.
    HtmlBegin,
    Html,
    /// Behind the last words of a document.
    HtmlEnd,
}

impl Body {
    pub(super) fn of(media: &str) -> Option<Self> {
        Some(match media {
            "text/plain" => Self::Lines,
            "application/x-ndjson" => Self::Ndjson,
            "text/event-stream" => Self::Events,
            "text/html" => Self::HtmlBegin,
            _ => return None,
        })
    }

    /// The next part and its length; `None` while it is not whole.
    pub(super) fn next(&mut self, bytes: &[u8]) -> Result<Option<(usize, Said)>, String> {
        match self {
            Self::Lines => until(bytes, b"\n", |line| Ok(Said::Text(line.to_owned()))),
            Self::Ndjson => until(bytes, b"\n", object),
            Self::Events => until(bytes, b"\n\n", event),
            Self::HtmlBegin => {
                let next = until(bytes, b"-->\n<pre>", |_| Ok(Said::Aside))?;
                if next.is_some() {
                    *self = Self::Html;
                }
                Ok(next)
            }
            Self::Html => self.document(bytes),
            Self::HtmlEnd => Ok(until(bytes, b"</body></html>\n", |_| Ok(Said::Aside))?.inspect(|_| {})),
        }
    }

    fn document(&mut self, bytes: &[u8]) -> Result<Option<(usize, Said)>, String> {
        const PARTS: [&[u8]; 4] = [b"<div><i>", b"<div>", b"<!-- -->", b"</pre>\n"];
        let begins = |part: &&&[u8]| bytes.starts_with(part);
        let Some(part) = PARTS.iter().find(begins) else {
            let is_begun = PARTS.iter().any(|part| part.starts_with(bytes));
            return if is_begun { Ok(None) } else { Err(format!("in a document: {}", shown(bytes))) };
        };
        if *part == PARTS[2] {
            return Ok(Some((part.len(), Said::Aside)));
        }
        if *part == PARTS[3] {
            *self = Self::HtmlEnd;
            return Ok(Some((part.len(), Said::Aside)));
        }
        if PARTS[0].starts_with(bytes) {
            return Ok(None);
        }
        until(bytes, b"</div\n>", |line| match line.strip_prefix("<div><i>") {
            Some(aside) => aside_of(&unescape(aside.strip_suffix("</i>").ok_or("an open <i>")?)?),
            None => Ok(Said::Text(unescape(line.strip_prefix("<div>").unwrap_or(line))?)),
        })
    }
}

/// The part of `bytes` before `end`, as `read` understands it.
fn until(
    bytes: &[u8],
    end: &[u8],
    read: impl FnOnce(&str) -> Result<Said, String>,
) -> Result<Option<(usize, Said)>, String> {
    let Some(len) = bytes.windows(end.len()).position(|window| window == end) else { return Ok(None) };
    let text = std::str::from_utf8(&bytes[..len]).map_err(|_| "a body that is not UTF-8")?;
    Ok(Some((len + end.len(), read(text)?)))
}

fn shown(bytes: &[u8]) -> String {
    bytes[..bytes.len().min(80)].escape_ascii().to_string()
}

/// One object of lines of JSON.
pub(super) fn object(line: &str) -> Result<Said, String> {
    let read = || {
        let rest = line.strip_prefix("{\"id\":")?;
        let (id, rest) = match rest.strip_prefix("null") {
            Some(rest) => (None, rest),
            None => json::string(rest).map(|(id, rest)| (Some(id), rest))?,
        };
        let (text, rest) = json::string(rest.strip_prefix(",\"text\":")?)?;
        let (kind, rest) = json::string(rest.strip_prefix(",\"kind\":")?)?;
        let rest = rest.strip_suffix('}')?;
        Some(match (kind.as_str(), id) {
            ("message", Some(id)) if rest.is_empty() => Said::Message { id, text },
            ("notice", None) if rest.is_empty() => Said::Notice(text),
            ("gap", None) => Said::Gap(ToldGap::parse(rest.strip_prefix(',')?)?),
            ("source" | "heartbeat", None) => Said::Aside,
            _ => return None,
        })
    };
    read().ok_or_else(|| format!("a line of JSON: {line}"))
}

/// One event.
fn event(text: &str) -> Result<Said, String> {
    let (mut id, mut kind, mut data, mut is_bare) = (None, "", Vec::new(), true);
    for line in text.split('\n') {
        match line.split_once(": ") {
            Some(("id", value)) => id = Some(value.to_owned()),
            Some(("event", value)) => kind = value,
            Some(("data", value)) => data.push(value),
            Some(("retry", value)) if value.parse::<u64>().is_ok() => {}
            _ if line == ":" => {}
            _ => return Err(format!("an event {text:?}")),
        }
        is_bare &= !line.starts_with("data");
    }
    let data = data.join("\n");
    Ok(match (kind, id) {
        (_, _) if is_bare => Said::Aside,
        ("", Some(id)) => Said::Message { id, text: data },
        ("notice", None) => Said::Notice(data),
        ("gap", None) => {
            let members = data.strip_prefix('{').and_then(|data| data.strip_suffix('}'));
            Said::Gap(members.and_then(ToldGap::parse).ok_or_else(|| format!("a gap {data}"))?)
        }
        ("source" | "heartbeat", None) => Said::Aside,
        _ => return Err(format!("an event {text:?}")),
    })
}

/// A line in italics.
fn aside_of(text: &str) -> Result<Said, String> {
    let gap = |missed, new_stream| Said::Gap(ToldGap { missed, new_stream, next: None });
    if text == "A new stream begins here." {
        return Ok(gap(None, true));
    }
    if text == "Some messages are missing here." {
        return Ok(gap(None, false));
    }
    let counted = text.strip_suffix(" messages are missing here.");
    if let Some(count) = counted.or(text.strip_suffix(" message is missing here.")) {
        return Ok(gap(Some(count.parse().map_err(|_| format!("a gap {text:?}"))?), false));
    }
    Ok(Said::Notice(text.to_owned()))
}

fn unescape(text: &str) -> Result<String, String> {
    if text.contains(['<', '>', '"', '\'']) {
        return Err(format!("markup in {text:?}"));
    }
    let mut plain = text.to_owned();
    for (entity, letter) in [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")] {
        plain = plain.replace(entity, letter);
    }
    Ok(plain)
}
