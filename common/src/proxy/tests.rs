//! Addresses that proxies report.

use super::*;
use crate::Parsed;
use crate::http::{Head, HeadLimits};
use proptest::prelude::*;
use std::net::{IpAddr, SocketAddr};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn ranges(texts: &[&str]) -> Vec<Cidr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn ranges_hold_what_their_prefix_says() {
    for (range, inside, outside) in [
        ("10.0.0.0/8", "10.255.255.255", "11.0.0.0"),
        ("10.1.2.3/8", "::ffff:10.9.9.9", "::10.9.9.9"),
        ("192.0.2.7", "192.0.2.7", "192.0.2.6"),
        ("fd00::/8", "fdff::1", "fe00::"),
        ("::1", "::1", "::2"),
        ("0.0.0.0/0", "255.255.255.255", "::1"),
    ] {
        let range: Cidr = range.parse().unwrap();
        assert!(range.contains(ip(inside)) && !range.contains(ip(outside)), "{range:?}");
    }
    assert!("::/0".parse::<Cidr>().unwrap().contains(ip("192.0.2.1")));
    for bad in ["", "x", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/+8", "10.0.0/8", "10.0.0.0/8/8"] {
        assert!(bad.parse::<Cidr>().is_err(), "{bad}");
    }
}

fn client(fields: &str, peer: &str, trusted: &[&str]) -> IpAddr {
    let request = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    let head = Head::parse(request.as_bytes(), HeadLimits::default()).unwrap();
    forwarded_for(&head, ip(peer), &ranges(trusted))
}

// OP-22
#[test]
fn the_client_is_the_rightmost_address_that_is_no_trusted_proxy() {
    let trusted = &["127.0.0.1", "10.0.0.0/8"];
    for (fields, peer, expected) in [
        ("", "127.0.0.1", "127.0.0.1"),
        ("X-Forwarded-For: 192.0.2.1\r\n", "127.0.0.1", "192.0.2.1"),
        ("X-Forwarded-For: 192.0.2.1\r\n", "192.0.2.9", "192.0.2.9"), // not from a trusted peer
        ("X-Forwarded-For: 6.6.6.6, 192.0.2.1\r\n", "127.0.0.1", "192.0.2.1"), // the client's own invention
        ("X-Forwarded-For: 192.0.2.1, 10.1.1.1\r\n", "127.0.0.1", "192.0.2.1"),
        ("X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 10.1.1.1\r\n", "127.0.0.1", "192.0.2.1"),
        ("X-Forwarded-For: 192.0.2.1, unknown\r\n", "127.0.0.1", "127.0.0.1"),
        ("X-Forwarded-For: 192.0.2.1,, ,\r\nX-Forwarded-For:\r\n", "127.0.0.1", "192.0.2.1"),
        ("X-Forwarded-For: [2001:db8::1]:4711\r\n", "127.0.0.1", "2001:db8::1"),
        ("X-Forwarded-For: 192.0.2.1:4711\r\n", "::ffff:127.0.0.1", "192.0.2.1"),
    ] {
        assert_eq!(client(fields, peer, trusted), ip(expected), "{fields}");
    }
    assert_eq!(client("X-Forwarded-For: 192.0.2.1\r\n", "127.0.0.1", &[]), ip("127.0.0.1"));
}

#[test]
fn the_scheme_counts_from_a_trusted_proxy_only() {
    let request = "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: HTTPS\r\n\r\n";
    let head = Head::parse(request.as_bytes(), HeadLimits::default()).unwrap();
    assert_eq!(forwarded_secure(&head, ip("127.0.0.1"), &ranges(&["127.0.0.1"])), Some(true));
    assert_eq!(forwarded_secure(&head, ip("192.0.2.1"), &ranges(&["127.0.0.1"])), None);
}

/// A header of this command and family with these bytes behind it.
fn v2(command: u8, family: u8, variable: &[u8]) -> Vec<u8> {
    let len = u16::try_from(variable.len()).unwrap().to_be_bytes();
    [&SIGNATURE[..], &[command, family], &len, variable].concat()
}

#[test]
fn a_v2_header_is_read_in_any_pieces() {
    let v4: SocketAddr = "192.0.2.1:4711".parse().unwrap();
    let v6: SocketAddr = "[2001:db8::1]:4711".parse().unwrap();
    let v4_bytes = [192, 0, 2, 1, 10, 0, 0, 1, 0x12, 0x67, 0x9C, 0xC4];
    let v6_bytes =
        [&[0x20, 1, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1][..], &[0; 16], &[0x12, 0x67, 0, 80]];
    let with_extension = [&v4_bytes[..], &[0x04, 0, 1, 0]].concat();
    for (bytes, expected) in [
        (v2(0x21, 0x11, &v4_bytes), Some(v4)),
        (v2(0x21, 0x11, &with_extension), Some(v4)),
        (v2(0x21, 0x21, &v6_bytes.concat()), Some(v6)),
        (v2(0x20, 0x00, &[]), None),
        (v2(0x20, 0x11, &v4_bytes), None),
        (v2(0x21, 0x31, &[0; 216]), None),
    ] {
        for end in 0..bytes.len() {
            assert_eq!(decode_v2(&bytes[..end]), Ok(Parsed::Partial), "{end}");
        }
        let whole = Ok(Parsed::Complete { value: expected, len: bytes.len() });
        assert_eq!(decode_v2(&bytes), whole);
        assert_eq!(decode_v2(&[&bytes[..], b"GET /"].concat()), whole);
    }
}

#[test]
fn a_bad_v2_header_is_refused_with_its_first_bad_byte() {
    assert_eq!(decode_v2(b"G"), Err(ProxyError::Signature));
    assert_eq!(decode_v2(b"\r\n\r\n\0\r\nQUIT\r"), Err(ProxyError::Signature));
    assert_eq!(decode_v2(&v2(0x11, 0x11, &[])[..13]), Err(ProxyError::Command));
    assert_eq!(decode_v2(&v2(0x22, 0x11, &[])), Err(ProxyError::Command));
    assert_eq!(decode_v2(&v2(0x21, 0x11, &[0; 11])), Err(ProxyError::Address));
    assert_eq!(decode_v2(&v2(0x21, 0x21, &[0; 35])), Err(ProxyError::Address));
    assert_eq!(decode_v2(&v2(0x21, 0x11, &[0; 1025])[..16]), Err(ProxyError::TooLong));
}

proptest! {
    #[test]
    fn arbitrary_headers_never_panic(tail in proptest::collection::vec(any::<u8>(), 0..60)) {
        let _ = decode_v2(&tail);
        let _ = decode_v2(&[&SIGNATURE[..], &tail].concat());
    }
}

#[test]
fn a_header_may_be_1024_bytes_long_and_no_longer() {
    let header =
        |len: u16| [&SIGNATURE[..], &[0x20, 0x00], &len.to_be_bytes(), &vec![0; len.into()]].concat();
    assert_eq!(decode_v2(&header(1024)), Ok(Parsed::Complete { value: None, len: 16 + 1024 }));
    assert_eq!(decode_v2(&header(1024)[..16 + 1023]), Ok(Parsed::Partial));
    assert_eq!(decode_v2(&header(1025)[..16]), Err(ProxyError::TooLong));
}
