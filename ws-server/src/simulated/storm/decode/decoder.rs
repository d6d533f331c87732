//! One connection's bytes, from the first to the last.

use super::{
    super::said::Said,
    body::{Body, object},
    head::{self, Framed},
    hixie::Hixie,
    hybi::Hybi,
};

/// What the client has asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Dialect {
    Hixie75,
    Hixie76,
    Hybi,
    /// One answer, without end or with a length.
    Http,
    /// Answers to one request after the other, each with a length.
    Answers,
}

/// What comes next.
#[derive(Debug)]
enum Stage {
    Head,
    /// The 16 bytes of draft 76.
    Digest,
    Hybi(Hybi),
    Hixie(Hixie),
    /// To the end of the stream.
    Bare(Body),
    Chunked(Body),
    /// So many bytes of a body.
    Length(usize),
    /// Nothing more.
    End,
}

/// Takes what a client reads, in any pieces.
#[derive(Debug)]
pub(in super::super) struct Decoder {
    dialect: Dialect,
    stage: Stage,
    bytes: Vec<u8>,
    /// Of a chunked body: what the chunks held.
    body: Vec<u8>,
    /// Bytes in all.
    pub(in super::super) total: u64,
}

impl Decoder {
    pub(in super::super) fn new(dialect: Dialect) -> Self {
        Self { dialect, stage: Stage::Head, bytes: Vec::new(), body: Vec::new(), total: 0 }
    }

    /// True between two parts.
    pub(in super::super) fn is_between(&self) -> bool {
        self.bytes.is_empty() && self.body.is_empty()
    }

    /// Takes more bytes, and gives what they say to `say`.
    ///
    /// # Errors
    /// These bytes can be part of nothing valid.
    pub(in super::super) fn push(&mut self, bytes: &[u8], say: &mut Vec<Said>) -> Result<(), String> {
        self.total += bytes.len() as u64;
        self.bytes.extend_from_slice(bytes);
        let mut at = 0;
        loop {
            let rest = &self.bytes[at..];
            if rest.is_empty() {
                break;
            }
            let len = match &mut self.stage {
                Stage::Head => match head::take(rest)? {
                    Some((len, framed)) => {
                        self.stage = behind(self.dialect, &framed)?;
                        say.push(Said::Head(framed.said));
                        if matches!(self.stage, Stage::End) {
                            say.push(Said::Whole);
                        }
                        Some(len)
                    }
                    None => None,
                },
                Stage::Digest => (rest.len() >= 16).then(|| {
                    self.stage = Stage::Hixie(Hixie { has_close: true, has_closed: false });
                    16
                }),
                Stage::Hybi(hybi) => said(hybi.next(rest)?, say),
                Stage::Hixie(hixie) => said(hixie.next(rest)?, say),
                Stage::Bare(body) => said(body.next(rest)?, say),
                Stage::Chunked(body) => match chunk(rest)? {
                    Some((len, content)) => {
                        let content = content.to_vec();
                        if content.is_empty() {
                            if !self.body.is_empty() {
                                return Err(format!("the last chunk behind {}", self.body.escape_ascii()));
                            }
                            say.push(Said::Whole);
                            self.stage = Stage::End;
                        } else {
                            self.body.extend(content);
                            parts(*body, &mut self.body, say, body)?;
                        }
                        Some(len)
                    }
                    None => None,
                },
                Stage::Length(length) => {
                    let length = *length;
                    (rest.len() >= length).then(|| {
                        say.push(Said::Body(String::from_utf8_lossy(&rest[..length]).into_owned()));
                        say.push(Said::Whole);
                        self.stage = if self.dialect == Dialect::Answers { Stage::Head } else { Stage::End };
                        length
                    })
                }
                Stage::End => return Err(format!("{} behind the end", rest.escape_ascii())),
            };
            match len {
                Some(len) => at += len,
                None => break,
            }
        }
        self.bytes.drain(..at);
        Ok(())
    }
}

fn said(next: Option<(usize, Said)>, say: &mut Vec<Said>) -> Option<usize> {
    next.map(|(len, said)| {
        say.push(said);
        len
    })
}

/// Takes all whole parts from the front of `bytes`.
fn parts(begin: Body, bytes: &mut Vec<u8>, say: &mut Vec<Said>, body: &mut Body) -> Result<(), String> {
    *body = begin;
    let mut at = 0;
    while at < bytes.len()
        && let Some(len) = said(body.next(&bytes[at..])?, say)
    {
        at += len;
    }
    bytes.drain(..at);
    Ok(())
}

/// What follows this head.
fn behind(dialect: Dialect, framed: &Framed) -> Result<Stage, String> {
    let status = framed.said.status;
    if status == 101 {
        return match dialect {
            Dialect::Hixie75 => Ok(Stage::Hixie(Hixie { has_close: false, has_closed: false })),
            Dialect::Hixie76 => Ok(Stage::Digest),
            Dialect::Hybi => Ok(Stage::Hybi(Hybi::default())),
            Dialect::Http | Dialect::Answers => Err("101 for a request without Upgrade".to_owned()),
        };
    }
    if status == 100 {
        return Ok(Stage::Head);
    }
    if matches!(status, 204 | 304) || framed.length == Some(0) {
        return Ok(if dialect == Dialect::Answers && status != 204 { Stage::Head } else { Stage::End });
    }
    if let Some(length) = framed.length {
        return Ok(Stage::Length(length));
    }
    if status != 200 {
        return Err(format!("{status} without a length"));
    }
    let body = Body::of(&framed.media).ok_or_else(|| format!("a stream of {:?}", framed.media))?;
    Ok(if framed.is_chunked { Stage::Chunked(body) } else { Stage::Bare(body) })
}

/// The chunk at the front of `bytes`, its length and content; `None` while it is not whole.
fn chunk(bytes: &[u8]) -> Result<Option<(usize, &[u8])>, String> {
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    match bytes.get(digits..).unwrap_or_default() {
        [] | [b'\r'] if digits < 20 => return Ok(None),
        [b'\r', b'\n', ..] if digits > 0 => {}
        _ => return Err(format!("a chunk {}", bytes[..bytes.len().min(40)].escape_ascii())),
    }
    let size =
        std::str::from_utf8(&bytes[..digits]).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
    let size = size.filter(|size| *size < 1 << 24).ok_or("a bad size of a chunk")?;
    let begin = digits + 2;
    let Some(end) = bytes.get(begin + size..begin + size + 2) else { return Ok(None) };
    if end != b"\r\n" {
        return Err("a chunk without its end".to_owned());
    }
    Ok(Some((begin + size + 2, &bytes[begin..begin + size])))
}

/// What the lines of JSON in the body of a poll say.
///
/// # Errors
/// One of them is none.
pub(in super::super) fn objects(body: &str) -> Result<Vec<Said>, String> {
    body.lines().map(object).collect()
}
