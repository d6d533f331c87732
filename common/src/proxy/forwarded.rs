//! `X-Forwarded-For` and `X-Forwarded-Proto`.

use super::{Cidr, is_trusted};
use crate::http::Head;
use std::net::{IpAddr, SocketAddr};

/// The real client of a request that came from `peer`: the rightmost address in `X-Forwarded-For` that is not one of
/// the trusted proxies. The client itself may have written whatever stands left of it.
pub fn forwarded_for(head: &Head<'_>, peer: IpAddr, trusted: &[Cidr]) -> IpAddr {
    let mut client = peer;
    // The fields count as one list; a head holds at most 64 of them.
    let fields: Vec<&[u8]> = head.get_all("X-Forwarded-For").collect();
    let elements = fields.iter().rev().flat_map(|value| value.rsplit(|&byte| byte == b','));
    // RFC 9110 §5.6.1.2: "A recipient MUST parse and ignore a reasonable number of empty list elements".
    for element in elements.filter(|element| !element.trim_ascii().is_empty()) {
        if !is_trusted(trusted, client) {
            break;
        }
        let Some(address) = parse_address(element) else { break };
        client = address;
    }
    client
}

/// Whether a trusted proxy says that the client speaks TLS; `None` if it does not say.
pub fn forwarded_secure(head: &Head<'_>, peer: IpAddr, trusted: &[Cidr]) -> Option<bool> {
    if !is_trusted(trusted, peer) {
        return None;
    }
    let scheme = head.list("X-Forwarded-Proto").next()?;
    Some(scheme.eq_ignore_ascii_case(b"https") || scheme.eq_ignore_ascii_case(b"wss"))
}

/// Parses an address, with or without a port.
fn parse_address(element: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(element).ok()?.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|with_port| with_port.ip()))
}
