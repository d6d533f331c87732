//! The key of RFC 6455, which drafts 07 and 08 share.

use crate::Version;
use base64::{Engine, engine::general_purpose::STANDARD};
use sha1::{Digest, Sha1};

/// True for a `Sec-WebSocket-Key` that this dialect allows.
pub(super) fn is_key(key: &[u8], version: Version) -> bool {
    match version {
        // RFC 6455 §4.2.1: "a base64-encoded ... value that, when decoded, is 16 bytes in length"
        Version::Rfc6455 => STANDARD.decode(key).is_ok_and(|decoded| decoded.len() == 16),
        // Flash clients of 2011 sent longer ones.
        _ => !key.is_empty() && key.iter().all(u8::is_ascii_graphic),
    }
}

/// The value of `Sec-WebSocket-Accept` for a key (RFC 6455 §4.2.2, item 5.4).
pub(super) fn accept_value(key: &[u8]) -> String {
    let digest =
        Sha1::new().chain_update(key).chain_update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").finalize();
    STANDARD.encode(digest)
}
