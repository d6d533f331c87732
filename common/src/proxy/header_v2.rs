//! The binary header of the PROXY protocol, version 2 (haproxy.org, proxy-protocol.txt §2.2).

use crate::Parsed;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The first twelve bytes; no request begins with them.
pub const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// The most bytes after the fixed sixteen, for addresses and the extensions that proxies send.
const MAX_VARIABLE: usize = 1024;

/// Why bytes are not a PROXY header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// Other bytes in the place of the signature.
    #[error("no PROXY header")]
    Signature,
    /// Another version than 2, or an unknown command.
    #[error("unknown PROXY version or command")]
    Command,
    /// An address that is too short for its family.
    #[error("damaged PROXY address")]
    Address,
    /// More than 1 KiB of extensions.
    #[error("PROXY header too long")]
    TooLong,
}

/// Decodes a header into the client's address; `None` if the proxy connects for itself (a health check), or the client has
/// no IP address.
///
/// # Errors
/// [`ProxyError`] with the first wrong byte.
pub fn decode_v2(bytes: &[u8]) -> Result<Parsed<Option<SocketAddr>>, ProxyError> {
    if !bytes.iter().zip(&SIGNATURE).all(|(byte, expected)| byte == expected) {
        return Err(ProxyError::Signature);
    }
    let command = bytes.get(12).copied();
    if command.is_some_and(|byte| !matches!(byte, 0x20 | 0x21)) {
        return Err(ProxyError::Command);
    }
    let Some(&[command, family, high, low]) = bytes.get(12..16).and_then(<[u8]>::first_chunk) else {
        return Ok(Parsed::Partial);
    };
    let len = usize::from(u16::from_be_bytes([high, low]));
    if len > MAX_VARIABLE {
        return Err(ProxyError::TooLong);
    }
    let Some(variable) = bytes.get(16..16 + len) else { return Ok(Parsed::Partial) };
    let value = match (command, family) {
        // LOCAL: the proxy speaks for itself (a health check), and the addresses mean nothing.
        (0x20, _) => None,
        (_, 0x11) => Some(source(variable, |bytes: [u8; 4]| Ipv4Addr::from(bytes).into())?),
        (_, 0x21) => Some(source(variable, |bytes: [u8; 16]| Ipv6Addr::from(bytes).into())?),
        // A Unix socket, a datagram, or an unknown family: not an error, but no address either.
        _ => None,
    };
    Ok(Parsed::Complete { value, len: 16 + len })
}

/// Reads the source from: source address, destination address, source port, destination port.
fn source<const N: usize>(
    bytes: &[u8],
    address: impl Fn([u8; N]) -> IpAddr,
) -> Result<SocketAddr, ProxyError> {
    let (from, rest) = bytes.split_first_chunk().ok_or(ProxyError::Address)?;
    let ports = rest.get(N..).ok_or(ProxyError::Address)?;
    let [high, low, _, _] = *ports.first_chunk().ok_or(ProxyError::Address)?;
    Ok(SocketAddr::new(address(*from), u16::from_be_bytes([high, low])))
}
