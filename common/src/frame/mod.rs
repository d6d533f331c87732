//! Frames on the wire: the headers, masking and close codes of RFC 6455 §5 (hybi).

mod close_code;
mod error;
mod header;
mod mask;
mod opcode;
#[cfg(test)]
mod tests;

pub use close_code::CloseCode;
pub use error::ProtocolError;
pub use header::{FrameHeader, MAX_CONTROL_PAYLOAD, decode_header, encode_frame, encode_header};
pub(crate) use mask::mask;
pub use opcode::Opcode;
