//! The server's half of the opening handshakes.

use super::{Key, Offer, hybi};
use crate::Version;
use crate::http::Response;
use crate::websocket::{MessageLimits, WebSocket};

impl Offer<'_> {
    /// Writes the 101 answer and gives the connection's state machine. What follows the head in the input is for
    /// [`WebSocket::receive`]: in draft 76 the eight bytes of the third key, then frames.
    ///
    /// `secure` says that the client came by TLS (at a terminator in front): the older clients compare the URL.
    /// `connection_id` is told in `X-Connection-Id`, in the modern dialects only.
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
            // A proxy may hold the third key back until it has seen the 101: the head goes out at once.
            Key::Hixie76(first, second) => {
                self.write_hixie("101 WebSocket Protocol Handshake", "Sec-", secure, out);
                WebSocket::awaiting_key(first, second, limits)
            }
            Key::Hybi(key) => {
                // RFC 6455 §4.2.2, item 5. `Connection` is this one token: the Flash client takes no list.
                Response::new(101, out)
                    .header("Upgrade", "websocket")
                    .header("Connection", "Upgrade")
                    .header("Sec-WebSocket-Accept", hybi::accept_value(key))
                    .header("X-Connection-Id", connection_id.to_string())
                    .finish();
                WebSocket::new(self.version, limits)
            }
        }
    }

    /// The answer of drafts 75 and 76; the first three lines of draft 75 are fixed byte for byte.
    fn write_hixie(&self, status: &str, prefix: &str, secure: bool, out: &mut Vec<u8>) {
        let scheme: &[u8] = if secure { b"wss://" } else { b"ws://" };
        let resource = match self.head.resource() {
            b"" => b"/",
            resource => resource,
        };
        let parts: [&[u8]; 15] = [
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
        for part in parts {
            out.extend_from_slice(part);
        }
    }
}
