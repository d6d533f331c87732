//! The addresses behind a host name.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs},
};

/// Returns every address of a host, at this port.
///
/// `localhost` never reaches the system's resolver, which a static binary in an empty root lacks. RFC 6761 §6.3: "Name
/// resolution APIs and libraries SHOULD recognize localhost names as special and SHOULD always return the IP loopback
/// address for address queries".
///
/// # Errors
/// What the system's resolver says.
pub(super) fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if is_localhost(host) {
        return Ok(vec![(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()]);
    }
    Ok((host, port).to_socket_addrs()?.collect())
}

/// True for the name of this machine's own loopback addresses.
pub(super) fn is_localhost(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn localhost_is_both_loopback_addresses_without_a_resolver() {
        for name in ["localhost", "LocalHost"] {
            let addresses = resolve(name, 80).expect("no resolver is asked");
            assert_eq!(addresses, ["127.0.0.1:80", "[::1]:80"].map(|text| text.parse().expect("an address")));
        }
        assert!(!is_localhost("localhost.example"));
    }
}
