//! A client's side of WebSocket: RFC 6455, its drafts, and the drafts of hixie.

use std::time::Instant;

use crate::client::Client;
use crate::daemon::Daemon;
use crate::wait::PATIENCE;

/// The fields of the opening handshake of RFC 6455, without Host; its lines end with LF.
pub const UPGRADE: &str = "Upgrade: websocket\nConnection: keep-alive, Upgrade\n\
                           Sec-WebSocket-Version: 13\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";

/// The opening handshake of RFC 6455 (13), or of the drafts 07 and 08; its lines end with LF.
pub fn handshake(target: &str, version: u8) -> String {
    let fields = UPGRADE.replace("Version: 13", &format!("Version: {version}"));
    format!("GET {target} HTTP/1.1\nHost: a\n{fields}")
}

/// A masked frame with this first byte (FIN and opcode).
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let key = [0x12, 0x34, 0x56, 0x78];
    let mut frame = vec![first];
    match payload.len() {
        len @ 0..126 => frame.push(0x80 | u8::try_from(len).expect("seven bits")),
        len @ 126..65536 => {
            frame.push(0xFE);
            frame.extend_from_slice(&u16::try_from(len).expect("16 bits").to_be_bytes());
        }
        len => {
            frame.push(0xFF);
            frame.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&key);
    frame.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

impl Daemon {
    /// A client of RFC 6455 whose opening handshake is over, and the head of the answer.
    pub fn websocket(&self, target: &str) -> (Client, String) {
        let mut client = self.request(&handshake(target, 13));
        let head = client.head();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        (client, head)
    }
}

impl Client {
    /// First byte and payload of the server's next frame.
    pub fn frame(&mut self) -> (u8, Vec<u8>) {
        let [first, second] = self.bytes();
        assert_eq!(second & 0x80, 0, "a server never masks");
        let len = match second {
            126 => u16::from_be_bytes(self.bytes()).into(),
            127 => usize::try_from(u64::from_be_bytes(self.bytes())).expect("a length that fits"),
            len => usize::from(len),
        };
        (first, self.take(len))
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        self.take(N).try_into().expect("`take` gives as many as asked for")
    }

    /// The next frame must be a whole text message.
    pub fn text(&mut self) -> String {
        let (first, payload) = self.frame();
        assert_eq!(first, 0x81, "{:?}", payload.escape_ascii().to_string());
        String::from_utf8(payload).expect("a text is UTF-8")
    }

    /// Skips messages up to the Close, and gives its code; `None` if it has none.
    pub fn close_code(&mut self) -> Option<u16> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (first, payload) = self.frame();
            assert!(Instant::now() < deadline, "no Close within {PATIENCE:?}");
            if first == 0x88 {
                return Some(u16::from_be_bytes(*payload.first_chunk()?));
            }
        }
    }

    /// Reads the next frame, which must be a text of a hixie draft.
    pub fn hixie_text(&mut self) -> String {
        assert_eq!(self.take(1), [0]);
        let mut text = self.until(&[0xFF]);
        text.pop();
        String::from_utf8(text).expect("a text is UTF-8")
    }
}
