//! A client's opening handshake, and the server's answer to it.

use super::key::{Key, accept_value};
use crate::Version;
use crate::http::{Head, Response};
use crate::websocket::{MessageLimits, WebSocket};

/// A valid opening handshake of a client, before the server's answer.
#[derive(Clone, Debug)]
pub struct Offer<'h> {
    /// The client's dialect, by the fields of its request.
    pub version: Version,
    /// The origin of the page; `None` if the client is not a browser.
    pub origin: Option<&'h [u8]>,
    pub(super) head: &'h Head<'h>,
    pub(super) key: Key<'h>,
}

impl Offer<'_> {
    /// Appends the 101 answer and returns the connection's state machine. Its [`WebSocket::receive`] takes what follows
    /// the head in the input: in draft 76 the eight bytes of the third key, then frames.
    ///
    /// `secure` means that the client speaks TLS (with a terminator in front of us): old clients compare the URL.
    /// `connection_id` becomes `X-Connection-Id`, in the modern dialects only.
    pub fn accept(
        &self,
        secure: bool,
        connection_id: u64,
        limits: MessageLimits,
        out: &mut Vec<u8>,
    ) -> WebSocket {
        match self.key {
            Key::None => {
                self.write_hixie("101 Web Socket Protocol Handshake", "", secure, out);
                WebSocket::new(Version::Hixie75, limits)
            }
            // A proxy may hold the third key back until it sees the 101, so the head goes out at once.
            Key::Hixie76(first, second) => {
                self.write_hixie("101 WebSocket Protocol Handshake", "Sec-", secure, out);
                WebSocket::awaiting_key(first, second, limits)
            }
            Key::Hybi(key) => {
                // RFC 6455 §4.2.2, item 5. `Connection` is this one token: the Flash client does not parse a list.
                Response::new(101, out)
                    .header("Upgrade", "websocket")
                    .header("Connection", "Upgrade")
                    .header("Sec-WebSocket-Accept", accept_value(key))
                    .header("X-Connection-Id", connection_id.to_string())
                    .finish();
                WebSocket::new(self.version, limits)
            }
        }
    }

    /// Appends the answer of drafts 75 and 76; draft 75 fixes the first three lines byte for byte.
    fn write_hixie(&self, status: &str, prefix: &str, secure: bool, out: &mut Vec<u8>) {
        let scheme: &[u8] = if secure { b"wss://" } else { b"ws://" };
        let resource = match self.head.resource() {
            b"" => b"/",
            resource => resource,
        };
        let head: [&[u8]; 15] = [
            b"HTTP/1.1 ",
            status.as_bytes(),
            b"\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n",
            prefix.as_bytes(),
            b"WebSocket-Origin: ",
            self.origin.unwrap_or(b"undefined"),
            b"\r\n",
            prefix.as_bytes(),
            b"WebSocket-Location: ",
            scheme,
            self.head.host().unwrap_or_default(),
            resource,
            b"\r\n",
            prefix.as_bytes(),
            b"WebSocket-Protocol: *\r\n\r\n",
        ];
        out.extend_from_slice(&head.concat());
    }
}
