//! The head of an HTTP answer.

use super::super::said::{AnswerHead, ToldGap};

/// What a decoder has to know of a head beside what is said by it.
#[derive(Clone, Debug, Default)]
pub(super) struct Framed {
    pub(super) said: AnswerHead,
    pub(super) is_chunked: bool,
    pub(super) length: Option<usize>,
    pub(super) media: String,
}

/// The head at the front of `bytes` and its length; `None` while it is not whole.
pub(super) fn take(bytes: &[u8]) -> Result<Option<(usize, Framed)>, String> {
    let begin = b"HTTP/1.1 ";
    if !bytes.iter().zip(begin).all(|(byte, expected)| byte == expected) {
        return Err(format!("an answer that begins with {}", bytes[..bytes.len().min(40)].escape_ascii()));
    }
    let Some(len) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let text = std::str::from_utf8(&bytes[..len]).map_err(|_| "a head that is not UTF-8")?;
    if text.bytes().any(|byte| byte < b' ' && byte != b'\r' && byte != b'\n') {
        return Err(format!("a control byte in {text:?}"));
    }
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.get(9..12)?.parse().ok()).ok_or("no status")?;
    let mut framed = Framed { said: AnswerHead { status, ..AnswerHead::default() }, ..Framed::default() };
    for line in lines {
        if line.contains(['\r', '\n']) {
            return Err(format!("a bare end of line in {text:?}"));
        }
        let (name, value) = line.split_once(": ").ok_or_else(|| format!("a field {line:?}"))?;
        match name {
            "X-Connection-Id" => framed.said.connection = Some(value.parse().map_err(|_| "a bad id")?),
            "Datecast-Last-Id" => framed.said.last = Some(value.to_owned()),
            "Datecast-Gap" => {
                let members = value.strip_prefix('{').and_then(|value| value.strip_suffix('}'));
                framed.said.gap = Some(members.and_then(ToldGap::parse).ok_or("a bad gap")?);
            }
            "Transfer-Encoding" => framed.is_chunked = value == "chunked",
            "Content-Length" => framed.length = Some(value.parse().map_err(|_| "a bad length")?),
            "Content-Type" => value.split(';').next().unwrap_or_default().clone_into(&mut framed.media),
            _ => {}
        }
    }
    Ok(Some((len + 4, framed)))
}
