//! Frames on the wire: the headers, masking and close codes of RFC 6455 §5 (hybi).

mod close_code;
mod error;
mod hybi;
#[cfg(test)]
mod tests;

pub use close_code::CloseCode;
pub use error::ProtocolError;
pub(crate) use hybi::mask;
pub use hybi::{FrameHeader, MAX_CONTROL_PAYLOAD, Opcode, decode_header, encode_frame, encode_header};
