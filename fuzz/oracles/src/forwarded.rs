//! `X-Forwarded-For` and `X-Forwarded-Proto`: what a client writes itself never counts.

use std::net::IpAddr;

use common::http::{Head, HeadLimits};
use common::proxy::{Cidr, forwarded_for, forwarded_secure, is_trusted};

use crate::input::Choices;

const TRUSTED: &str = "10.0.0.0/8";
const PEERS: [&str; 3] = ["10.0.0.1", "192.0.2.1", "::ffff:10.9.9.9"];

/// See the module.
pub fn run(input: &[u8]) {
    let mut choices = Choices::new(input);
    let peer: IpAddr = choices.one_of(&PEERS).parse().expect("an address");
    let trusted: Vec<Cidr> = vec![TRUSTED.parse().expect("a range"), "fd00::/8".parse().expect("a range")];
    let fields: Vec<&[u8]> = choices.rest().split(|&byte| byte == b'\n').take(8).collect();
    let Some(client) = client(&fields, peer, &trusted) else { return };
    if !is_trusted(&trusted, peer) {
        assert_eq!(client, peer, "a peer that nobody trusts is the client");
    } else if client != peer {
        let is_there = fields.iter().any(|field| holds(field, client));
        assert!(is_there, "{client} stands nowhere");
    }
    // What a client sends comes first in the list: before an address that is no proxy's, it changes nothing.
    if !is_trusted(&trusted, client) {
        let invented = [&[&b"6.6.6.6, 10.1.1.1"[..]], &fields[..]].concat();
        assert_eq!(self::client(&invented, peer, &trusted), Some(client), "an invention counts");
    }
}

/// The client by these fields; `None` if they are no part of a request.
fn client(fields: &[&[u8]], peer: IpAddr, trusted: &[Cidr]) -> Option<IpAddr> {
    let mut bytes = b"GET / HTTP/1.0\r\n".to_vec();
    for field in fields {
        bytes.extend_from_slice(&[b"X-Forwarded-For: ", *field, b"\r\n"].concat());
    }
    bytes.extend_from_slice(&[b"X-Forwarded-Proto: ", *fields.first()?, b"\r\n\r\n"].concat());
    let head = Head::parse(&bytes, HeadLimits::default()).ok()?;
    let secure = forwarded_secure(&head, peer, trusted);
    assert!(secure.is_none() || is_trusted(trusted, peer));
    Some(forwarded_for(&head, peer, trusted))
}

/// True if an element of the list is this address, with or without a port.
fn holds(field: &[u8], address: IpAddr) -> bool {
    let text = String::from_utf8_lossy(field);
    let mut elements = text.split(',').map(str::trim);
    elements.any(|element| {
        let bare = element.trim_start_matches('[').trim_end_matches(']');
        let with_port = element.parse().map(|address: std::net::SocketAddr| address.ip());
        bare.parse().ok() == Some(address) || with_port.ok() == Some(address)
    })
}
