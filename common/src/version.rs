//! The WebSocket dialects that browsers have spoken.

/// A dialect of WebSocket, from the oldest to the standard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Version {
    /// draft-hixie-thewebsocketprotocol-75: Chrome 4-5, Safari 5.0.0, a person with `nc`.
    Hixie75,
    /// draft-hixie-thewebsocketprotocol-76, the same as hybi-00: Chrome 6-13, Safari 5.0.1-5.1, Firefox 4-5, Opera 11.
    Hixie76,
    /// draft-ietf-hybi-thewebsocketprotocol-07: Firefox 6.
    Hybi07,
    /// draft-ietf-hybi-thewebsocketprotocol-08 to -12: Firefox 7-10, Chrome 14-15.
    Hybi08,
    /// RFC 6455: everything since Chrome 16, Firefox 11, Internet Explorer 10, Safari 6.
    Rfc6455,
}

impl Version {
    /// True for the two drafts whose frames are delimited by `00` and `FF` and never masked.
    pub fn is_hixie(self) -> bool {
        matches!(self, Self::Hixie75 | Self::Hixie76)
    }
}
