//! Messages beside the stream: leave notices, and with `--on-message broadcast` the clients' messages. They have no sequence
//! number. A client whose socket is full misses them, which is counted and logged.

use common::{
    frame::{Opcode, encode_frame},
    framing::{Framing, encode_notice},
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    /// The connection that sent it, which does not get it back; 0 for the server.
    pub(crate) from: u64,
    pub(crate) payload: Payload,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Payload {
    /// For every connection.
    Text(String),
    /// For connections whose dialect has binary messages.
    Binary(Vec<u8>),
}

impl Payload {
    /// A client's message.
    pub(super) fn of(opcode: Opcode, bytes: Vec<u8>) -> Self {
        match (opcode, String::from_utf8(bytes)) {
            (Opcode::Text, Ok(text)) => Self::Text(text),
            // The protocol has checked that a text is UTF-8, so the rest is binary.
            (_, Ok(text)) => Self::Binary(text.into_bytes()),
            (_, Err(error)) => Self::Binary(error.into_bytes()),
        }
    }
}

impl Notice {
    pub(crate) fn from_server(text: String) -> Self {
        Self { from: 0, payload: Payload::Text(text) }
    }

    /// Bytes of memory that it holds.
    pub(crate) fn held(&self) -> usize {
        let payload = match &self.payload {
            Payload::Text(text) => text.capacity(),
            Payload::Binary(bytes) => bytes.capacity(),
        };
        payload.saturating_add(size_of::<Self>())
    }

    /// Appends it in one framing; appends nothing if the framing cannot carry it.
    pub(crate) fn encode(&self, framing: Framing, out: &mut Vec<u8>) {
        match &self.payload {
            Payload::Text(text) => encode_notice(framing, text, out),
            // Never binary to a hixie peer: its frames cannot hold the byte FF.
            Payload::Binary(bytes) if framing.is_hybi() => {
                encode_frame(Opcode::Binary, bytes, out);
            }
            Payload::Binary(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binary_is_only_for_framings_that_have_it() {
        let notice = Notice { from: 0, payload: Payload::Binary(vec![0xFF]) };
        for framing in Framing::ALL {
            let mut out = Vec::new();
            notice.encode(framing, &mut out);
            let expected: &[u8] = match framing {
                Framing::Hybi | Framing::HybiNumbered | Framing::HybiIds => &[0x82, 1, 0xFF],
                _ => &[],
            };
            assert_eq!(out, expected, "{framing:?}");
        }
    }
}
