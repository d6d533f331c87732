//! The ways in which clients ask for the stream, and the bytes with which they do.

use super::{asking::Asking, decode::Dialect};

/// What a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Hixie75(Prefix),
    Hixie76(Prefix),
    Hybi07(Prefix),
    Hybi08(Prefix),
    Rfc6455(Prefix),
    /// A media type, and whether by HTTP/1.0.
    Stream(Media, bool),
    /// Long polls, one behind the other on one connection; in a script or not.
    Poll {
        wait: u8,
        is_script: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prefix {
    Nothing,
    Number,
    Id,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Media {
    Lines,
    Ndjson,
    Events,
    Html,
}

pub(super) const PREFIXES: [Prefix; 3] = [Prefix::Nothing, Prefix::Number, Prefix::Id];
pub(super) const MEDIA: [Media; 4] = [Media::Lines, Media::Ndjson, Media::Events, Media::Html];

impl Way {
    pub(super) fn dialect(self) -> Dialect {
        match self {
            Self::Hixie75(_) => Dialect::Hixie75,
            Self::Hixie76(_) => Dialect::Hixie76,
            Self::Hybi07(_) | Self::Hybi08(_) | Self::Rfc6455(_) => Dialect::Hybi,
            Self::Stream(..) => Dialect::Http,
            Self::Poll { .. } => Dialect::Answers,
        }
    }

    pub(super) fn prefix(self) -> Option<Prefix> {
        match self {
            Self::Hixie75(prefix)
            | Self::Hixie76(prefix)
            | Self::Hybi07(prefix)
            | Self::Hybi08(prefix)
            | Self::Rfc6455(prefix) => Some(prefix),
            Self::Stream(..) | Self::Poll { .. } => None,
        }
    }

    pub(super) fn is_poll(self) -> bool {
        matches!(self, Self::Poll { .. })
    }

    pub(super) fn is_hybi(self) -> bool {
        self.dialect() == Dialect::Hybi
    }

    /// Its form has a place between the messages for what its client misses.
    pub(super) fn tells_gaps(self) -> bool {
        match self {
            Self::Stream(media, _) => media != Media::Lines,
            Self::Poll { .. } => true,
            _ => self.prefix() == Some(Prefix::Id),
        }
    }

    /// A request; `since` is what the client says that it has.
    pub(super) fn request(self, since: Option<&str>, asking: Asking) -> Vec<u8> {
        let mut query: Vec<String> = since.iter().map(|since| format!("since={since}")).collect();
        query.extend(asking.query());
        match self.prefix() {
            Some(Prefix::Number) => query.push("numbered=1".to_owned()),
            Some(Prefix::Id) => query.push("ids=1".to_owned()),
            _ => {}
        }
        if let Self::Poll { wait, is_script } = self {
            query.push(format!("poll={wait}"));
            if is_script {
                query.push("callback=f".to_owned());
            }
        }
        let query = query.join("&");
        let question = if query.is_empty() { "" } else { "?" };
        let old = matches!(self, Self::Stream(_, true));
        let minor = u8::from(!old);
        let begin = format!("GET /{question}{query} HTTP/1.{minor}\r\nHost: a\r\n");
        let mut bytes = format!("{begin}{}\r\n", self.fields()).into_bytes();
        if let Self::Hixie76(_) = self {
            bytes.extend(b"^n:ds[4U");
        }
        bytes
    }

    fn fields(self) -> String {
        let hybi = |version: u8| {
            format!(
                "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: {version}\r\n\
                 Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            )
        };
        let accept = |media: &str| format!("Accept: {media}\r\n");
        match self {
            Self::Hixie75(_) => "Upgrade: WebSocket\r\nConnection: Upgrade\r\n".to_owned(),
            Self::Hixie76(_) => "Upgrade: WebSocket\r\nConnection: Upgrade\r\n\
                Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\nSec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n"
                .to_owned(),
            Self::Hybi07(_) => hybi(7),
            Self::Hybi08(_) => hybi(8),
            Self::Rfc6455(_) => hybi(13),
            Self::Stream(Media::Lines, _) => accept("text/plain"),
            Self::Stream(Media::Ndjson, _) => accept("application/x-ndjson"),
            Self::Stream(Media::Events, _) => accept("text/event-stream"),
            Self::Stream(Media::Html, _) => accept("text/html"),
            Self::Poll { .. } => String::new(),
        }
    }

    /// A frame of a client; nothing where the dialect has none.
    pub(super) fn frame(self, opcode: u8, payload: &[u8]) -> Vec<u8> {
        match (self.dialect(), opcode) {
            (Dialect::Hybi, _) => masked(0x80 | opcode, payload),
            (Dialect::Hixie75 | Dialect::Hixie76, 1) => [b"\x00", payload, b"\xff"].concat(),
            (Dialect::Hixie76, 8) => b"\xff\x00".to_vec(),
            _ => Vec::new(),
        }
    }
}

/// A masked frame with this first byte.
pub(super) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
    let mut frame = vec![first];
    match u16::try_from(payload.len()).expect("a short frame") {
        len @ 126.. => {
            frame.push(0xFE);
            frame.extend(len.to_be_bytes());
        }
        len => frame.push(0x80 | u8::try_from(len).expect("at most 125")),
    }
    frame.extend(KEY);
    frame.extend(payload.iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}
