//! Answers to a publication.

/// The head and the body of one answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The server will close the connection.
    pub(crate) closes: bool,
    pub(crate) body: Vec<u8>,
}

/// The ids of an answer, without their epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Published {
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) lines: u64,
}

/// The first answer in these bytes and its length; `None` while more must come.
///
/// # Errors
/// A sentence when the bytes are no answer.
pub(crate) fn parse(bytes: &[u8]) -> Result<Option<(Answer, usize)>, String> {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&bytes[..end]).map_err(|error| error.to_string())?;
    let status = head.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)?.parse().ok());
    let status = status.ok_or_else(|| format!("no answer: {head:?}"))?;
    let field = |name: &str| {
        head.split("\r\n").skip(1).find_map(|line| {
            let (is, value) = line.split_once(':')?;
            is.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    };
    let closes = field("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    let len = match field("content-length") {
        Some(len) => len.parse().map_err(|_| format!("no length: {head:?}"))?,
        None if status < 200 => 0,
        None => return Err(format!("no Content-Length: {head:?}")),
    };
    let start = end + 4;
    let Some(body) = bytes.get(start..start + len) else { return Ok(None) };
    Ok(Some((Answer { status, closes, body: body.to_vec() }, start + len)))
}

impl Answer {
    /// The ids of `{"first":"01932f5a0c2e_15","last":"01932f5a0c2e_17","lines":3}`, which ends with LF.
    pub(crate) fn published(&self) -> Option<Published> {
        let text = std::str::from_utf8(&self.body).ok()?;
        let (first, rest) = text.strip_prefix(r#"{"first":""#)?.split_once(r#"","last":""#)?;
        let (last, lines) = rest.split_once(r#"","lines":"#)?;
        let lines = lines.strip_suffix("}\n")?.parse().ok()?;
        let number = |id: &str| id.split_once('_')?.1.parse().ok();
        Some(Published { first: number(first)?, last: number(last)?, lines })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\ncontent-length: 63\r\nConnection: close\r\n\r\n\
        {\"first\":\"01932f5a0c2e_15\",\"last\":\"01932f5a0c2e_17\",\"lines\":3}\n";

    #[test]
    fn an_answer_is_read_at_every_split_and_what_follows_is_left() {
        let bytes = [ANSWER, b"HTTP/1.1 100 Continue\r\n\r\n"].concat();
        for split in 0..ANSWER.len() {
            assert_eq!(parse(&bytes[..split]), Ok(None), "{split}");
        }
        let (answer, len) = parse(&bytes).unwrap().unwrap();
        assert_eq!((answer.status, answer.closes, len), (200, true, ANSWER.len()));
        assert_eq!(answer.published(), Some(Published { first: 15, last: 17, lines: 3 }));
        let (proceed, len) = parse(&bytes[ANSWER.len()..]).unwrap().unwrap();
        assert_eq!((proceed.status, len), (100, 25));
    }

    #[test]
    fn anything_else_is_no_answer_and_has_no_ids() {
        assert!(parse(b"nonsense\r\n\r\n").is_err());
        assert!(parse(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
        for body in
            ["", "{}", r#"{"first":null,"last":null,"lines":0}"#, r#"{"first":"1","last":"2","lines":3}"#]
        {
            let answer = Answer { status: 200, closes: false, body: format!("{body}\n").into_bytes() };
            assert_eq!(answer.published(), None, "{body}");
        }
    }
}
