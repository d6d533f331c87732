//! The ways to the stream: how each asks, and what its end looks like.

use harness::{Client, Daemon, UPGRADE};

/// A way to the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Hixie75,
    Hixie76,
    Hybi07,
    Hybi08,
    Rfc6455,
    BoundedWebSocket,
    Events,
    OldEvents,
    Lines,
    OldLines,
    BoundedLines,
    Poll,
    Head,
}

pub(crate) const WAYS: [Way; 13] = [
    Way::Hixie75,
    Way::Hixie76,
    Way::Hybi07,
    Way::Hybi08,
    Way::Rfc6455,
    Way::BoundedWebSocket,
    Way::Events,
    Way::OldEvents,
    Way::Lines,
    Way::OldLines,
    Way::BoundedLines,
    Way::Poll,
    Way::Head,
];

impl Way {
    /// Its request, with this query and these fields, each with its line end.
    pub(crate) fn request(self, query: &str, fields: &str) -> String {
        let is_bounded = matches!(self, Self::BoundedWebSocket | Self::BoundedLines);
        let more = match self {
            _ if is_bounded => "&since=0&until=1",
            Self::Poll => "&poll=0",
            _ => "",
        };
        let target = format!("/?{query}{more}");
        let (method, minor, more) = match self {
            Self::Hixie75 => ("GET", 1, "Connection: Upgrade\nUpgrade: WebSocket".to_owned()),
            Self::Hixie76 => (
                "GET",
                1,
                "Connection: Upgrade\nUpgrade: WebSocket\nSec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\n\
                 Sec-WebSocket-Key2: 12998 5 Y3 1  .P00"
                    .to_owned(),
            ),
            Self::Hybi07 => ("GET", 1, UPGRADE.replace("Version: 13", "Version: 7")),
            Self::Hybi08 => ("GET", 1, UPGRADE.replace("Version: 13", "Version: 8")),
            Self::Rfc6455 | Self::BoundedWebSocket => ("GET", 1, UPGRADE.to_owned()),
            Self::Events => ("GET", 1, "Accept: text/event-stream".to_owned()),
            Self::OldEvents => ("GET", 0, "Accept: text/event-stream".to_owned()),
            Self::Lines | Self::BoundedLines | Self::Poll => ("GET", 1, "Accept: */*".to_owned()),
            Self::OldLines => ("GET", 0, "Accept: */*".to_owned()),
            Self::Head => ("HEAD", 1, "Accept: */*".to_owned()),
        };
        format!("{method} {target} HTTP/1.{minor}\nHost: a.example\n{fields}{more}")
    }

    /// The status of a request that is let in.
    pub(crate) fn status(self) -> &'static str {
        if self.is_websocket() { "101" } else { "200" }
    }

    pub(crate) fn is_websocket(self) -> bool {
        use Way::{BoundedWebSocket, Hixie75, Hixie76, Hybi07, Hybi08, Rfc6455};
        matches!(self, Hixie75 | Hixie76 | Hybi07 | Hybi08 | Rfc6455 | BoundedWebSocket)
    }

    /// True if the connection stays until one side ends it.
    pub(crate) fn stays(self) -> bool {
        !matches!(self, Self::BoundedWebSocket | Self::BoundedLines | Self::Poll | Self::Head)
    }

    /// A client that has read its head, and begun.
    pub(crate) fn begin(self, server: &Daemon, token: &str) -> Client {
        let mut client = server.request(&self.request("", &format!("Authorization: Bearer {token}\n")));
        let head = client.head();
        assert_eq!(&head[9..12], self.status(), "{self:?}");
        if self == Self::Hixie76 {
            client.send(b"^n:ds[4U");
            client.take(16);
        }
        client
    }

    /// Reads up to the end that the server makes for a revoked token.
    pub(crate) fn expect_revoked(self, client: &mut Client) {
        match self {
            Self::Hybi07 | Self::Hybi08 | Self::Rfc6455 | Self::BoundedWebSocket => loop {
                let (first, payload) = client.frame();
                if first == 0x88 {
                    assert_eq!(payload, b"\x03\xf0the token is no longer valid", "{self:?}");
                    break;
                }
            },
            Self::Hixie76 => assert!(client.rest().ends_with(&[0xff, 0x00])),
            Self::Events | Self::Lines => assert!(client.rest().ends_with(b"0\r\n\r\n"), "{self:?}"),
            _ => _ = client.rest(),
        }
    }
}
