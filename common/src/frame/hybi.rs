//! The frames of RFC 6455 §5, which drafts 07 and 08 share: opcode, header, masking.

use super::ProtocolError;
use crate::Parsed;

/// The largest payload of a control frame, in bytes (RFC 6455 §5.5).
pub const MAX_CONTROL_PAYLOAD: usize = 125;
/// The longest header of a frame without a mask, in bytes.
const MAX_HEADER: usize = 10;

/// The kind of a frame (RFC 6455 §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Opcode {
    /// The next fragment of the open message.
    Continuation = 0x0,
    /// The first fragment of a text message.
    Text = 0x1,
    /// The first fragment of a binary message.
    Binary = 0x2,
    /// The closing handshake.
    Close = 0x8,
    /// Asks for a Pong.
    Ping = 0x9,
    /// Answers a Ping, or nothing.
    Pong = 0xA,
}

impl Opcode {
    /// Decodes four bits; `None` for a reserved opcode.
    pub fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xA => Self::Pong,
            _ => return None,
        })
    }

    /// The four bits on the wire.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// True for Close, Ping and Pong, which are never fragmented and at most 125 bytes long (RFC 6455 §5.5).
    pub fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// A frame header; its reserved bits are 0, as no extension is negotiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// True in the last fragment of a message.
    pub fin: bool,
    /// Data or control, and which kind.
    pub opcode: Opcode,
    /// The key that masks the payload: every client sends one, no server does.
    pub masking_key: Option<[u8; 4]>,
    /// Bytes that follow the header; the most significant bit is 0.
    pub payload_len: u64,
}

/// Decodes a frame header (RFC 6455 §5.2) from the front of `bytes`.
///
/// It reports a fault with the first byte that shows it, without waiting for the rest of the header.
///
/// # Errors
/// [`ProtocolError`] for reserved bits and opcodes, control frames that are fragmented or too long, and lengths that
/// are not in their shortest form or have the most significant bit set.
pub fn decode_header(bytes: &[u8]) -> Result<Parsed<FrameHeader>, ProtocolError> {
    let Some((&first, rest)) = bytes.split_first() else { return Ok(Parsed::Partial) };
    let (fin, opcode) = decode_first(first)?;
    let Some((&second, rest)) = rest.split_first() else { return Ok(Parsed::Partial) };
    let length_code = second & 0x7F;
    // §5.5: "All control frames MUST have a payload length of 125 bytes or less and MUST NOT be fragmented."
    if opcode.is_control() && length_code > 125 {
        return Err(ProtocolError::OversizedControl);
    }
    let (payload_len, rest) = match length_code {
        126 => {
            let Some((len, rest)) = rest.split_first_chunk() else { return Ok(Parsed::Partial) };
            (u64::from(u16::from_be_bytes(*len)), rest)
        }
        127 => {
            // The first of the eight bytes already shows this fault.
            // §5.2: "the most significant bit MUST be 0"
            if rest.first().is_some_and(|byte| byte & 0x80 != 0) {
                return Err(ProtocolError::ImpossibleLength);
            }
            let Some((len, rest)) = rest.split_first_chunk() else { return Ok(Parsed::Partial) };
            (u64::from_be_bytes(*len), rest)
        }
        short => (u64::from(short), rest),
    };
    // §5.2: "in all cases, the minimal number of bytes MUST be used to encode the length"
    if (length_code == 126 && payload_len < 126) || (length_code == 127 && payload_len <= 0xFFFF) {
        return Err(ProtocolError::NonMinimalLength);
    }
    let (masking_key, rest) = if second & 0x80 == 0 {
        (None, rest)
    } else {
        let Some((key, rest)) = rest.split_first_chunk() else { return Ok(Parsed::Partial) };
        (Some(*key), rest)
    };
    let value = FrameHeader { fin, opcode, masking_key, payload_len };
    Ok(Parsed::Complete { value, len: bytes.len() - rest.len() })
}

/// FIN, the reserved bits and the opcode.
fn decode_first(first: u8) -> Result<(bool, Opcode), ProtocolError> {
    // §5.2: "MUST be 0 unless an extension is negotiated that defines meanings for non-zero values."
    if first & 0x70 != 0 {
        return Err(ProtocolError::ReservedBit);
    }
    // §5.2: "If an unknown opcode is received, the receiving endpoint MUST _Fail the WebSocket Connection_."
    let number = first & 0x0F;
    let opcode = Opcode::from_number(number).ok_or(ProtocolError::ReservedOpcode(number))?;
    let fin = first & 0x80 != 0;
    // §5.4: "Control frames themselves MUST NOT be fragmented."
    if opcode.is_control() && !fin {
        return Err(ProtocolError::FragmentedControl);
    }
    Ok((fin, opcode))
}

/// Appends a frame header in its shortest form (RFC 6455 §5.2).
pub fn encode_header(header: FrameHeader, out: &mut Vec<u8>) {
    let FrameHeader { fin, opcode, masking_key, payload_len } = header;
    out.push(if fin { 0x80 } else { 0 } | opcode.number());
    let masked = if masking_key.is_some() { 0x80 } else { 0 };
    if let Ok(short) = u8::try_from(payload_len)
        && short < 126
    {
        out.push(masked | short);
    } else if let Ok(medium) = u16::try_from(payload_len) {
        out.push(masked | 0x7E);
        out.extend_from_slice(&medium.to_be_bytes());
    } else {
        out.push(masked | 0x7F);
        out.extend_from_slice(&payload_len.to_be_bytes());
    }
    if let Some(key) = masking_key {
        out.extend_from_slice(&key);
    }
}

/// Appends a whole message or control frame as a server sends it: one fragment, not masked.
pub fn encode_frame(opcode: Opcode, payload: &[u8], out: &mut Vec<u8>) {
    let payload_len = payload.len() as u64;
    out.reserve(payload.len().saturating_add(MAX_HEADER));
    encode_header(FrameHeader { fin: true, opcode, masking_key: None, payload_len }, out);
    out.extend_from_slice(payload);
}

/// Masks or unmasks `bytes` in place (RFC 6455 §5.3); the first of them lies at `offset` in the payload. True if all of them are ASCII
/// then, which costs no look of its own.
pub(crate) fn mask(key: [u8; 4], offset: u64, bytes: &mut [u8]) -> bool {
    // §5.3: "octet i of the transformed data ... is the XOR of octet i of the original data ... with octet at index
    // i modulo 4 of the masking key"
    let mut key = key;
    key.rotate_left((offset % 4) as usize);
    let [a, b, c, d] = key;
    let keys = [a, b, c, d, a, b, c, d];
    let wide = u64::from_ne_bytes(keys);
    let mut seen = 0;
    // Eight bytes at a time: the compiler turns this into vector instructions.
    let (chunks, tail) = bytes.as_chunks_mut::<8>();
    for chunk in chunks {
        let word = u64::from_ne_bytes(*chunk) ^ wide;
        seen |= word;
        *chunk = word.to_ne_bytes();
    }
    for (byte, key) in tail.iter_mut().zip(keys) {
        *byte ^= key;
        seen |= u64::from(*byte);
    }
    seen.to_ne_bytes().is_ascii()
}
