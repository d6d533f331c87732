//! The codes of Close frames (RFC 6455 §7.4).

use crate::Version;

/// A close code that an endpoint may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CloseCode(u16);

impl CloseCode {
    /// 1000: the purpose is fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// 1001: the server stops, or the user leaves the page.
    pub const GOING_AWAY: Self = Self(1001);
    /// 1002: the peer broke the protocol.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// 1007: a text that is not UTF-8.
    pub const INVALID_PAYLOAD: Self = Self(1007);
    /// 1008: the peer exceeds a limit, or reads too slowly.
    pub const POLICY: Self = Self(1008);
    /// 1009: a message longer than the limit; 1004 in drafts 07 and 08.
    pub const TOO_BIG: Self = Self(1009);
    /// 1012: the server restarts, and the client may reconnect.
    pub const RESTART: Self = Self(1012);

    /// Validates a code that a peer sent; `None` if its dialect forbids the code in a Close frame.
    pub fn from_wire(code: u16, version: Version) -> Option<Self> {
        match (code, version) {
            // hybi-07 to -12 §7.4.1: 1004 says that the frame was too large.
            (1004, Version::Hybi07 | Version::Hybi08) => Some(Self::TOO_BIG),
            // §7.4.1: each of 1005, 1006 and 1015 "MUST NOT be set as a status code in a Close control frame by an
            // endpoint"; 1004 and 1016-2999 are not defined, and §7.4.2 leaves 3000-4999 to libraries and
            // applications. 1012-1014 were registered with IANA later.
            (1000..=1003 | 1007..=1014 | 3000..=4999, _) => Some(Self(code)),
            _ => None,
        }
    }

    /// The number that stands for this code in this dialect.
    pub fn to_wire(self, version: Version) -> u16 {
        match (self, version) {
            (Self::TOO_BIG, Version::Hybi07 | Version::Hybi08) => 1004,
            (Self(code), _) => code,
        }
    }
}

impl std::fmt::Display for CloseCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
