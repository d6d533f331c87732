//! The answer to a long poll: what it says, and its bytes.

use std::{ops::Range, sync::Arc, time::SystemTime};

use common::{
    gap::Gap,
    http::{Response, format_date},
    id::Since,
};
use reactor::Context;

use super::{poll_request::PollRequest, response::Cors};
use crate::publish::Reply;

const LINES: &str = "application/x-ndjson; charset=utf-8";
const SCRIPT: &str = "application/javascript; charset=utf-8";
/// The fields that a page of another origin may read.
const EXPOSED: &str = "Datecast-Last-Id, Preference-Applied";

/// A long poll that has no answer yet.
#[derive(Debug)]
pub(crate) struct Poll {
    pub(crate) request: PollRequest,
    pub(crate) reply: Reply,
    /// What its client does not get of the messages that it asked for: the first line of the answer.
    pub(crate) gap: Option<Gap>,
    /// Its time is up: it is answered in its turn.
    pub(crate) is_due: bool,
}

/// What an answer says, a line each.
#[derive(Debug, Default)]
pub(crate) struct PollBody {
    pieces: Vec<Piece>,
    /// Bytes of all pieces.
    len: usize,
    /// How many of the lines are messages of the stream.
    pub(crate) messages: u64,
}

#[derive(Debug)]
enum Piece {
    Own(Vec<u8>),
    /// Encoded for all clients.
    Shared(Arc<[u8]>, Range<usize>),
}

impl Piece {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Own(bytes) => bytes,
            Self::Shared(bytes, range) => bytes.get(range.clone()).unwrap_or_default(),
        }
    }
}

impl PollBody {
    /// Adds what `encode` appends: whole lines.
    pub(crate) fn own(&mut self, encode: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = Vec::new();
        encode(&mut bytes);
        self.push(Piece::Own(bytes));
    }

    /// Adds whole lines that others share.
    pub(crate) fn share(&mut self, bytes: &Arc<[u8]>, range: Range<usize>) {
        self.push(Piece::Shared(Arc::clone(bytes), range));
    }

    fn push(&mut self, piece: Piece) {
        self.len = self.len.saturating_add(piece.bytes().len());
        self.pieces.push(piece);
    }

    /// Bytes of the lines.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The same as a script that calls a function with all lines. It begins with a comment, so that its first bytes, which a program
    /// of another kind could take for its own, are not the client's.
    fn into_script(self, name: &str, last: &str) -> Self {
        let last = if last.is_empty() { "null".to_owned() } else { format!("\"{last}\"") };
        let mut script = format!("/**/{name}({{\"last\":{last},\"messages\":[").into_bytes();
        for piece in &self.pieces {
            // In JSON a line's end stands between two objects and nowhere else.
            script.extend(piece.bytes().iter().map(|&byte| if byte == b'\n' { b',' } else { byte }));
        }
        if !self.is_empty() {
            script.pop();
        }
        script.extend_from_slice(b"]});\n");
        Self { len: script.len(), pieces: vec![Piece::Own(script)], ..self }
    }
}

impl Poll {
    /// Queues the answer. `last` is what its client has then, if it has a place in the stream or has said what it has; the
    /// connection is kept for another request, if it `keeps` that.
    pub(crate) fn answer(
        &self,
        body: PollBody,
        last: Option<Since>,
        keeps: bool,
        cors: Cors<'_>,
        cx: &mut Context<'_>,
    ) {
        let last = last.map(|last| last.to_string()).unwrap_or_default();
        let body = match &self.request.callback {
            Some(name) => body.into_script(name, &last),
            None => body,
        };
        let wall = cx.wall();
        self.write_head(body.len, &last, keeps, cors, wall, cx.out());
        if self.request.is_head {
            return;
        }
        for piece in body.pieces {
            match piece {
                Piece::Own(bytes) => cx.send(&bytes),
                Piece::Shared(bytes, range) => cx.send_shared(&bytes, range),
            }
        }
    }

    fn write_head(
        &self,
        len: usize,
        last: &str,
        keeps: bool,
        cors: Cors<'_>,
        wall: SystemTime,
        out: &mut Vec<u8>,
    ) {
        let media = if self.request.callback.is_some() { SCRIPT } else { LINES };
        let mut head = Response::new(200, out)
            .header("Server", "datecast")
            .header("Date", format_date(wall))
            .header("Content-Type", media)
            .header("Content-Length", len.to_string())
            .header("Cache-Control", "no-store")
            .header("X-Content-Type-Options", "nosniff")
            .header("Referrer-Policy", "no-referrer");
        if !last.is_empty() {
            head = head.header("Datecast-Last-Id", last);
        }
        for (name, value) in cors.fields() {
            head = head.header(name, value);
        }
        head = head.header("Access-Control-Expose-Headers", EXPOSED);
        if let Some(seconds) = self.request.preferred {
            // RFC 7240 §3: "which Prefer tokens were honored by the server and applied to the processing of a request".
            head = head.header("Preference-Applied", format!("wait={seconds}"));
        }
        // RFC 9112 §9.3: a connection of HTTP/1.0 is kept only where both sides say so.
        match (keeps, self.reply.is_old) {
            (false, _) => head.header("Connection", "close"),
            (true, true) => head.header("Connection", "keep-alive"),
            (true, false) => head,
        }
        .finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAST: &str = "0000000000ab_7";

    fn script(lines: &[&str]) -> String {
        let mut body = PollBody::default();
        for line in lines {
            body.own(|out| out.extend_from_slice(line.as_bytes()));
        }
        let script = body.into_script("a.b", LAST);
        let bytes: Vec<u8> = script.pieces.iter().flat_map(Piece::bytes).copied().collect();
        assert_eq!(bytes.len(), script.len);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_script_calls_one_function_with_the_lines_as_a_list() {
        assert_eq!(script(&[]), "/**/a.b({\"last\":\"0000000000ab_7\",\"messages\":[]});\n");
        assert_eq!(
            script(&["{\"id\":1}\n{\"id\":2}\n", "{\"id\":3}\n"]),
            "/**/a.b({\"last\":\"0000000000ab_7\",\"messages\":[{\"id\":1},{\"id\":2},{\"id\":3}]});\n"
        );
    }
}
