//! What is posted, and in which bytes: all of it follows from a seed.

use crate::random::Random;

/// One request: its number, and its lines, which name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) index: u32,
    pub(crate) lines: Vec<String>,
}

/// What stands in lines for their padding: one, two, three and four bytes of UTF-8.
const LETTERS: [char; 6] = ['a', 'z', ' ', 'ö', '€', '𝄞'];

impl Request {
    /// The request of this number: mostly one line, up to eight, short ones and long ones.
    pub(crate) fn new(seed: u64, index: u32) -> Self {
        let random = &mut Random::new(seed, index.into());
        let count = if random.one_in(3) { 1 + random.below(8) } else { 1 };
        let lines = (0..count).map(|line| {
            let longest = if random.one_in(100) { 1500 } else { 40 };
            let padding: String = (0..random.below(longest)).map(|_| LETTERS[random.below(6)]).collect();
            // The full stop: a line that ends with a blank or a CR would not come out as it went in.
            format!("{}{index}/{line} {padding}.", tag(seed))
        });
        Self { index, lines: lines.collect() }
    }

    /// The same key with another body, in the line that is the last, or with one more.
    pub(crate) fn altered(&self, random: &mut Random) -> Self {
        let mut other = self.clone();
        match other.lines.last_mut() {
            Some(last) if random.one_in(2) => last.push('!'),
            _ => other.lines.push("one more".to_owned()),
        }
        other
    }

    /// The body: its lines with LF or CR LF, the last one perhaps without an end.
    fn body(&self, random: &mut Random) -> Vec<u8> {
        let end = if random.one_in(4) { "\r\n" } else { "\n" };
        let mut body = self.lines.join(end);
        if random.one_in(2) {
            body.push_str(end);
        }
        body.into_bytes()
    }
}

/// What every line of a seed begins with, and no other line holds.
pub(crate) fn tag(seed: u64) -> String {
    format!("#{seed:x}/")
}

/// Which request and line a text of this seed says that it is.
pub(crate) fn named(seed: u64, text: &str) -> Option<(u32, usize)> {
    let name = text.strip_prefix(&tag(seed))?.split_once(' ')?.0;
    let (index, line) = name.split_once('/')?;
    Some((index.parse().ok()?, line.parse().ok()?))
}

/// What every request of one run has in its head.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) path: String,
    pub(crate) host: String,
    pub(crate) token: Option<String>,
    /// Begins the keys, so that two runs against one server do not share them.
    pub(crate) run: String,
}

/// One attempt as bytes.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) head: Vec<u8>,
    /// The framed body, in the pieces in which it is written.
    pub(crate) pieces: Vec<Vec<u8>>,
    /// The client waits for a 100 before the body.
    pub(crate) waits: bool,
    /// A 100 may come before the answer.
    pub(crate) expects: bool,
    /// It asks for the end of the connection, or speaks HTTP/1.0.
    pub(crate) closes: bool,
}

impl Attempt {
    /// A way to send the request; `keeps`: one that leaves the connection open and does not wait, for a pipeline.
    pub(crate) fn new(request: &Request, head: &Head, keeps: bool, random: &mut Random) -> Self {
        let body = request.body(random);
        let old = !keeps && random.one_in(20);
        let chunked = !old && random.one_in(2);
        let expects = !old && !keeps && random.one_in(4);
        let closes = old || (!keeps && random.one_in(4));
        let mut text = format!(
            "{} {} HTTP/1.{}\r\nHost: {}\r\nIdempotency-Key: \"{}-{}\"\r\n",
            if random.one_in(2) { "PUT" } else { "POST" },
            head.path,
            i32::from(!old),
            head.host,
            head.run,
            request.index
        );
        if let Some(token) = &head.token {
            text.extend(["Authorization: Bearer ", token, "\r\n"]);
        }
        if expects {
            text.push_str("Expect: 100-continue\r\n");
        }
        if closes && !old {
            text.push_str("Connection: close\r\n");
        }
        if chunked {
            text.push_str("Transfer-Encoding: chunked\r\n\r\n");
        } else {
            text.extend(["Content-Length: ", &body.len().to_string(), "\r\n\r\n"]);
        }
        let pieces = if chunked { chunks(&body, random) } else { split(&body, random) };
        let waits = expects && !random.one_in(4);
        Self { head: text.into_bytes(), pieces, waits, expects, closes }
    }

    /// All of it at once.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        [&self.head[..], &self.pieces.concat()].concat()
    }
}

/// Cuts at up to three places, which may lie within a character; seldom in single bytes.
fn split(body: &[u8], random: &mut Random) -> Vec<Vec<u8>> {
    if body.len() < 100 && random.one_in(50) {
        return body.chunks(1).map(<[u8]>::to_vec).collect();
    }
    let mut pieces = vec![body.to_vec()];
    for _ in 0..random.below(4) {
        let last =
            pieces.last_mut().map_or_else(Vec::new, |last| last.split_off(random.below(last.len() + 1)));
        pieces.push(last);
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

/// Chunks with sizes in both cases, leading zeros, extensions and trailers (RFC 9112 §7.1).
fn chunks(body: &[u8], random: &mut Random) -> Vec<Vec<u8>> {
    let mut chunks: Vec<Vec<u8>> = Vec::new();
    for piece in split(body, random) {
        let size = match random.below(4) {
            0 => format!("{:X}", piece.len()),
            1 => format!("000{:x}", piece.len()),
            2 => format!("{:x};a=b;c=\"d\"", piece.len()),
            _ => format!("{:x}", piece.len()),
        };
        chunks.push([size.as_bytes(), b"\r\n", &piece, b"\r\n"].concat());
    }
    let last: &[u8] = if random.one_in(5) { b"0\r\nX-Trailer: t\r\n\r\n" } else { b"0\r\n\r\n" };
    chunks.push(last.to_vec());
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_makes_the_same_requests_again_and_a_line_names_its_own() {
        for index in 0..500 {
            let request = Request::new(7, index);
            assert_eq!(request, Request::new(7, index));
            assert_ne!(request, Request::new(8, index));
            for (line, text) in request.lines.iter().enumerate() {
                assert_eq!(named(7, text), Some((index, line)));
                assert_eq!(named(8, text), None);
            }
            assert_ne!(request.altered(&mut Random::new(1, 1)).lines, request.lines);
        }
    }

    #[test]
    fn every_kind_of_attempt_comes_and_holds_the_lines() {
        let head = Head { path: "/".into(), host: "a".into(), token: Some("t".into()), run: "r".into() };
        let (mut kinds, random) = (std::collections::BTreeMap::new(), &mut Random::new(3, 0));
        for index in 0..2000 {
            let request = Request::new(3, index);
            let attempt = Attempt::new(&request, &head, index % 5 == 0, random);
            let text = String::from_utf8(attempt.head.clone()).unwrap();
            for kind in
                ["POST /", "PUT /", "HTTP/1.0", "Content-Length", "chunked", "Expect", "Connection: close"]
            {
                *kinds.entry(kind).or_insert(0) += u32::from(text.contains(kind));
            }
            assert!(
                text.contains(&format!("Idempotency-Key: \"r-{index}\"\r\n")) && text.ends_with("\r\n\r\n")
            );
            assert!(text.contains("Authorization: Bearer t\r\n"));
            assert!(index % 5 > 0 || !(attempt.closes || attempt.waits || attempt.expects));
            let body = attempt.pieces.concat();
            let body = if text.contains("chunked") { without_chunks(&body) } else { body };
            let text = String::from_utf8(body).unwrap();
            assert_eq!(text.lines().collect::<Vec<_>>(), request.lines);
        }
        assert!(kinds.values().all(|&count| count > 10), "{kinds:?}");
    }

    fn without_chunks(mut bytes: &[u8]) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let line = bytes.windows(2).position(|two| two == b"\r\n").unwrap();
            let size = std::str::from_utf8(&bytes[..line]).unwrap().split(';').next().unwrap();
            let size = usize::from_str_radix(size, 16).unwrap();
            if size == 0 {
                return body;
            }
            body.extend_from_slice(&bytes[line + 2..line + 2 + size]);
            bytes = &bytes[line + 4 + size..];
        }
    }
}
