//! The end of draft 76's opening handshake: the client sends a third key behind its head, the server answers with a
//! digest (draft-hixie-thewebsocketprotocol-76 §5.2).

use md5::{Digest, Md5};

use super::Event;
use super::input::cut;
use super::socket::{Phase, WebSocket};

impl WebSocket {
    /// Collects the bytes of the third key; appends the digest once all eight have arrived.
    pub(super) fn receive_key(&mut self, input: &mut &mut [u8], out: &mut Vec<u8>) -> Option<Event<'static>> {
        let Phase::AwaitingKey { first, second, third, len } = &mut self.phase else { return None };
        let wanted = third.get_mut(usize::from(*len)..).unwrap_or_default();
        let taken = cut(input, wanted.len());
        for (place, byte) in wanted.iter_mut().zip(taken.iter()) {
            *place = *byte;
            *len += 1;
        }
        if *len < 8 {
            return None;
        }
        out.extend_from_slice(&digest(*first, *second, *third));
        self.phase = Phase::Open;
        Some(Event::Opened)
    }
}

/// The 16 bytes that end the server's handshake: MD5 of both numbers, big-endian, and the third key.
pub(super) fn digest(first: u32, second: u32, third: [u8; 8]) -> [u8; 16] {
    Md5::new()
        .chain_update(first.to_be_bytes())
        .chain_update(second.to_be_bytes())
        .chain_update(third)
        .finalize()
        .into()
}
