//! A client's opening handshake, and the server's answer to it.

use super::key::{Key, accept_value};
use crate::Version;
use crate::http::{Head, Response, is_field_value};
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

impl<'h> Offer<'h> {
    /// Appends the 101 answer and returns the connection's state machine. Its [`WebSocket::receive`] takes what follows
    /// the head in the input: in draft 76 the eight bytes of the third key, then frames.
    ///
    /// `secure` means that the client speaks TLS (with a terminator in front of us): old clients compare the URL.
    /// `connection_id` becomes `X-Connection-Id`, in the modern dialects only. `protocols` are the subprotocols that the
    /// server may choose.
    pub fn accept(
        &self,
        secure: bool,
        connection_id: Option<u64>,
        protocols: &[String],
        limits: MessageLimits,
        out: &mut Vec<u8>,
    ) -> WebSocket {
        match self.key {
            Key::None => {
                let protocol = self.hixie_protocol("WebSocket-Protocol", protocols);
                self.write_hixie("101 Web Socket Protocol Handshake", "", secure, protocol, out);
                WebSocket::new(Version::Hixie75, limits)
            }
            // A proxy may hold the third key back until it sees the 101, so the head goes out at once.
            Key::Hixie76(first, second) => {
                let protocol = self.hixie_protocol("Sec-WebSocket-Protocol", protocols);
                self.write_hixie("101 WebSocket Protocol Handshake", "Sec-", secure, protocol, out);
                WebSocket::awaiting_key(first, second, limits)
            }
            Key::Hybi(key) => {
                // RFC 6455 §4.2.2, item 5. `Connection` is this one token: the Flash client does not parse a list.
                let mut head = Response::beginning(
                    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n",
                    out,
                )
                .header("Sec-WebSocket-Accept", accept_value(key));
                if let Some(id) = connection_id {
                    head = head.header("X-Connection-Id", id.to_string());
                }
                if let Some(protocol) = self.choose("Sec-WebSocket-Protocol", protocols) {
                    head = head.header("Sec-WebSocket-Protocol", protocol);
                }
                head.finish();
                WebSocket::new(self.version, limits)
            }
        }
    }

    /// The first subprotocol in the client's list that is one of `protocols`.
    fn choose(&self, field: &str, protocols: &[String]) -> Option<&'h [u8]> {
        // RFC 6455 §4.1: the list is "ordered by preference"; §4.2.2: the answer is "derived from the client's handshake,
        // specifically by selecting one of the values".
        self.head.list(field).find(|offered| protocols.iter().any(|served| served.as_bytes() == *offered))
    }

    /// The value that a client of drafts 75 and 76 expects. It asks for one subprotocol, and fails the connection if the
    /// answer is another one, so without a choice of our own it gets what it asks for.
    fn hixie_protocol(&self, field: &'static str, protocols: &[String]) -> &'h [u8] {
        let asked = self.head.get(field).filter(|value| !value.is_empty() && is_field_value(value));
        let chosen = if protocols.is_empty() { asked } else { self.choose(field, protocols) };
        // What the tutorial's server answers a client that asks for none.
        chosen.unwrap_or(b"*")
    }

    /// Appends the answer of drafts 75 and 76; draft 75 fixes the first three lines byte for byte.
    fn write_hixie(&self, status: &str, prefix: &str, secure: bool, protocol: &[u8], out: &mut Vec<u8>) {
        let scheme: &[u8] = if secure { b"wss://" } else { b"ws://" };
        let resource = match self.head.resource() {
            b"" => b"/",
            resource => resource,
        };
        let head: [&[u8]; 17] = [
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
            b"WebSocket-Protocol: ",
            protocol,
            b"\r\n\r\n",
        ];
        out.extend_from_slice(&head.concat());
    }
}
