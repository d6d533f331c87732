//! The host of a request, however a client writes it (RFC 9110 §7.2).

use crate::decimal::decimal;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A host, as two requests may write it in different ways.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostName {
    /// In lower case, without the dot that may end it.
    Name(String),
    /// An IPv4 address also where a client wrote its IPv4-mapped IPv6 form.
    Address(IpAddr),
}

/// A host and the port that stood behind it: the value of a `Host` field, of an absolute target, of an origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    /// What stands before the colon.
    pub host: HostName,
    /// `None` where there was none, or nothing behind the colon.
    pub port: Option<u16>,
}

impl HostName {
    /// What browsers take for this machine, whatever their resolver says.
    pub const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

    /// True for one of [`Self::LOOPBACK`].
    pub fn is_loopback(&self) -> bool {
        match self {
            Self::Name(name) => name == "localhost",
            Self::Address(address) => {
                [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)].contains(address)
            }
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        if let Some(literal) = text.strip_prefix('[') {
            let address: Ipv6Addr = literal.strip_suffix(']')?.parse().ok()?;
            return Some(Self::Address(address.to_canonical()));
        }
        // RFC 9110 §4.2.3: "The scheme and host are case-insensitive and normally provided in lowercase." RFC 3986 §3.2.2:
        // "The rightmost domain label of a fully qualified domain name in DNS may be followed by a single ".""
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        if let Ok(address) = name.parse::<Ipv4Addr>() {
            return Some(Self::Address(address.into()));
        }
        is_host_name(&name).then_some(Self::Name(name))
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => write!(f, "{address}"),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

impl Authority {
    /// Parses `host` or `host:port`; `None` for anything else, such as user information or an empty host.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let (host, after) = split_host(text)?;
        let port = match after {
            // RFC 3986 §3.2.3: "URI producers and normalizers should omit the port component and its ":" delimiter if port is
            // empty".
            "" | ":" => None,
            _ => Some(decimal(after.strip_prefix(':')?.as_bytes())?),
        };
        Some(Self { host: HostName::parse(host)?, port })
    }
}

/// Splits at the colon before the port, which goes with the second part.
pub(crate) fn split_host(text: &str) -> Option<(&str, &str)> {
    let colon =
        if text.starts_with('[') { text.find(']')? + 1 } else { text.find(':').unwrap_or(text.len()) };
    text.split_at_checked(colon)
}

/// True for labels of letters, digits, `-` and `_` with dots between them (RFC 1123 §2.1), also for IPv4 addresses.
pub(crate) fn is_host_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_three_names_are_this_machine_for_every_browser() {
        let is_loopback =
            |host: &str| Authority::parse(host.as_bytes()).is_some_and(|it| it.host.is_loopback());
        assert!(HostName::LOOPBACK.into_iter().all(is_loopback));
        for host in ["LocalHost.:80", "127.0.0.1:99", "[::ffff:7f00:1]", "[0::1]:1"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "a.localhost",
            "127.0.0.2",
            "[::]",
            "0.0.0.0",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_refused_or_says_the_same_when_it_is_written_down(text in "\\PC{0,20}|[a-zA-Z0-9.:%-]{0,20}|\\[[0-9a-f:.]{0,20}\\](:[0-9]{0,6})?") {
            if let Some(Authority { host, .. }) = Authority::parse(text.as_bytes()) {
                prop_assert_eq!(Authority::parse(host.to_string().as_bytes()).map(|again| again.host), Some(host));
            }
        }
    }
}
