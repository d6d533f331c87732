//! The binary header of the PROXY protocol: every beginning of it, and the way back from its address.

use std::net::{IpAddr, SocketAddr};

use common::Parsed;
use common::proxy::{ProxyError, SIGNATURE, decode_v2};

use crate::{allocation, input::Choices};

/// See the module.
pub fn run(input: &[u8]) {
    let mut choices = Choices::new(input);
    let signed = choices.byte() % 2 == 1;
    let bytes = if signed { [&SIGNATURE, choices.rest()].concat() } else { choices.rest().to_vec() };
    let whole = allocation::none(|| decode_v2(&bytes));
    let known_at = (0..=bytes.len()).find(|&end| decode_v2(&bytes[..end]) != Ok(Parsed::Partial));
    // The first beginning that says anything says what the whole says.
    assert_eq!(known_at.map(|end| decode_v2(&bytes[..end])), (whole != Ok(Parsed::Partial)).then_some(whole));
    match whole {
        Ok(Parsed::Complete { value, len }) => {
            assert_eq!(known_at, Some(len), "complete with its last byte");
            if let Some(address) = value {
                let again = header(address);
                let expected = Ok(Parsed::Complete { value, len: again.len() });
                assert_eq!(decode_v2(&again), expected, "an address comes back as it was");
            }
        }
        Ok(Parsed::Partial) => assert!(bytes.len() < 16 + 1024, "{} bytes wait", bytes.len()),
        Err(ProxyError::Signature) => assert!(!bytes.starts_with(&SIGNATURE)),
        Err(_) => assert!(bytes.starts_with(&SIGNATURE)),
    }
}

/// The header of a proxy for this client, which came to the same address.
fn header(client: SocketAddr) -> Vec<u8> {
    let (family, octets) = match client.ip() {
        IpAddr::V4(address) => (0x11, address.octets().to_vec()),
        IpAddr::V6(address) => (0x21, address.octets().to_vec()),
    };
    let ports = [client.port().to_be_bytes(), [0, 80]].concat();
    let variable = [octets.clone(), octets, ports].concat();
    let len = u16::try_from(variable.len()).expect("36 at most").to_be_bytes();
    [&SIGNATURE[..], &[0x21, family], &len, &variable].concat()
}
