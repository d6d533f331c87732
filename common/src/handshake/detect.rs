//! Detects the dialect of a request.

use super::key::{Key, is_hybi_key, key_number};
use super::{HandshakeError, Offer};
use crate::Version;
use crate::http::{Body, Head, is_field_value};

/// What a request head asks for.
#[derive(Clone, Debug)]
pub enum Detected<'h> {
    /// A WebSocket, which [`Offer::accept`] opens.
    WebSocket(Offer<'h>),
    /// Ordinary HTTP, which needs an ordinary answer.
    Http,
}

/// Decides what a request head asks for; the order of the checks is part of the protocol.
///
/// # Errors
/// [`HandshakeError`] for a WebSocket request that its dialect does not allow; we never fall back to an older dialect.
pub fn detect<'h>(head: &'h Head<'h>) -> Result<Detected<'h>, HandshakeError> {
    if !asks_for_websocket(head) {
        return Ok(Detected::Http);
    }
    let is_hybi = has(head, "Sec-WebSocket-Version") || has(head, "Sec-WebSocket-Key");
    let (has_first, has_second) = (has(head, "Sec-WebSocket-Key1"), has(head, "Sec-WebSocket-Key2"));
    // A proxy and we must agree whether a body or frames follow. The one body that we accept is key3 of draft 76, whose
    // length most clients leave out and some (autobahn) send.
    let is_key3 = !is_hybi && has_first && has_second && head.body() == Body::Length(8);
    if head.body() != Body::None && !is_key3 {
        return Err(HandshakeError::Body);
    }
    let offer = match (is_hybi, has_first, has_second) {
        (true, false, false) => offer_hybi(head)?,
        (false, true, true) => offer_hixie76(head)?,
        (false, false, false) => offer(head, Version::Hixie75, "Origin", Key::None)?,
        _ => return Err(HandshakeError::MixedKeys),
    };
    Ok(Detected::WebSocket(offer))
}

/// Checks RFC 6455 §4.2.1, items 1 to 4, which all dialects share.
fn asks_for_websocket(head: &Head<'_>) -> bool {
    head.method == "GET"
        && head.minor_version >= 1
        && head.has_token("Upgrade", "websocket")
        && head.has_token("Connection", "upgrade")
}

fn has(head: &Head<'_>, name: &str) -> bool {
    head.get(name).is_some()
}

fn offer_hybi<'h>(head: &'h Head<'h>) -> Result<Offer<'h>, HandshakeError> {
    let (version, origin) = match head.get_only("Sec-WebSocket-Version")? {
        Some(b"13") => (Version::Rfc6455, "Origin"),
        Some(b"8") => (Version::Hybi08, "Sec-WebSocket-Origin"),
        Some(b"7") => (Version::Hybi07, "Sec-WebSocket-Origin"),
        // RFC 6455 §4.2.2: "If this version does not match a version understood by the server, the server MUST abort
        // the WebSocket handshake ... and instead send an appropriate HTTP error code (such as 426 Upgrade Required)"
        _ => return Err(HandshakeError::UnsupportedVersion),
    };
    let key = head.get_only("Sec-WebSocket-Key")?.ok_or(HandshakeError::BadKey)?;
    if !is_hybi_key(key, version) {
        return Err(HandshakeError::BadKey);
    }
    offer(head, version, origin, Key::Hybi(key))
}

fn offer_hixie76<'h>(head: &'h Head<'h>) -> Result<Offer<'h>, HandshakeError> {
    let number = |name| -> Result<u32, HandshakeError> {
        let key = head.get_only(name)?.ok_or(HandshakeError::MixedKeys)?;
        key_number(key).ok_or(HandshakeError::BadKey)
    };
    let key = Key::Hixie76(number("Sec-WebSocket-Key1")?, number("Sec-WebSocket-Key2")?);
    offer(head, Version::Hixie76, "Origin", key)
}

fn offer<'h>(
    head: &'h Head<'h>,
    version: Version,
    origin_field: &str,
    key: Key<'h>,
) -> Result<Offer<'h>, HandshakeError> {
    let origin = head.get_only(origin_field)?;
    // The hixie drafts echo these three; a control byte in one of them would split the answer.
    let echoed = [origin, head.host(), Some(head.resource())];
    if !echoed.into_iter().flatten().all(is_field_value) {
        return Err(HandshakeError::ControlByte);
    }
    Ok(Offer { version, origin, head, key })
}
