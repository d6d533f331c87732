//! Origins: those that the options list, and a server's own.

use crate::host::{Authority, HostName};
use std::str::FromStr;

/// An origin as browsers send it (RFC 6454 §6.2): `https://example.com`, `http://localhost:8080`, or `null`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(String);

/// The text is not an origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not an origin: write scheme://host or scheme://host:port, without a path (or null); without this option ws-server is open to every origin, datecast to its own"
)]
pub struct OriginError(pub String);

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let bad = || OriginError(text.to_owned());
        // A page from a file has the one or the other, by the age of its browser.
        if text == "null" || text == "file://" {
            return Ok(Self(text.to_owned()));
        }
        let lower = text.to_ascii_lowercase();
        let (scheme, host) = lower.split_once("://").ok_or_else(bad)?;
        let scheme_ok = scheme.starts_with(|c: char| c.is_ascii_lowercase())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
        let host_ok = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte));
        if !scheme_ok || !host_ok || host.is_empty() || host.starts_with(':') || host.ends_with(':') {
            return Err(bad());
        }
        // A browser leaves out the scheme's default port.
        let default_port = match scheme {
            "http" => ":80",
            "https" => ":443",
            _ => "",
        };
        let host = host.strip_suffix(default_port).unwrap_or(host);
        Ok(Self(format!("{scheme}://{host}")))
    }
}

impl Origin {
    /// The host of its pages; `None` for `null`.
    pub fn host(&self) -> Option<HostName> {
        let (_, authority) = self.0.split_once("://")?;
        Authority::parse(authority.as_bytes()).map(|authority| authority.host)
    }
}

/// The origins that the options list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OriginList(Vec<Origin>);

impl From<Vec<Origin>> for OriginList {
    fn from(origins: Vec<Origin>) -> Self {
        Self(origins)
    }
}

impl OriginList {
    /// True if the options list none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True if this value of an `Origin` field is one of them.
    pub fn has(&self, origin: &[u8]) -> bool {
        self.0.iter().any(|known| known.0.as_bytes().eq_ignore_ascii_case(origin))
    }

    /// The hosts of their pages.
    pub fn hosts(&self) -> impl Iterator<Item = HostName> + '_ {
        self.0.iter().filter_map(Origin::host)
    }
}

/// True if pages of this origin come from the very server that the request asks for: `host` is its `Host`. Behind a TLS proxy
/// they come by https, on its default port or another.
pub fn is_own(origin: &[u8], host: &[u8]) -> bool {
    let Some((is_https, origin)) = split_scheme(origin) else { return false };
    let (Some(origin), Some(host)) = (Authority::parse(origin), Authority::parse(host)) else { return false };
    // A client leaves out the scheme's default port, in either field.
    let port = |port: Option<u16>| port.unwrap_or(if is_https { 443 } else { 80 });
    origin.host == host.host && port(origin.port) == port(host.port)
}

/// Splits an origin behind its scheme; true for https. `None` for a page that no web server gave.
fn split_scheme(origin: &[u8]) -> Option<(bool, &[u8])> {
    [("http://", false), ("https://", true)].into_iter().find_map(|(scheme, is_https)| {
        let (start, rest) = origin.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme.as_bytes()).then_some((is_https, rest))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(origins: &[&str]) -> OriginList {
        origins.iter().map(|text| text.parse().unwrap()).collect::<Vec<Origin>>().into()
    }

    #[test]
    fn the_port_that_is_the_schemes_own_is_left_out() {
        for (written, origin) in [
            ("http://Example.org:80", "http://example.org"),
            ("https://example.org:443", "https://example.org"),
            ("http://example.org:443", "http://example.org:443"),
        ] {
            assert_eq!(written.parse::<Origin>().unwrap(), Origin(origin.to_owned()));
        }
    }

    #[test]
    fn a_list_has_an_origin_only_with_its_scheme_and_port() {
        let some = list(&["https://Example.com:443", "http://localhost:8080"]);
        for (origin, is_listed) in [
            ("https://example.com", true),
            ("HTTPS://EXAMPLE.COM", true),
            ("http://localhost:8080", true),
            ("http://example.com", false),
            ("https://example.com.evil", false),
            ("https://example.com:444", false),
            ("http://localhost", false),
            ("null", false),
            ("", false),
        ] {
            assert_eq!(some.has(origin.as_bytes()), is_listed, "{origin}");
        }
        assert!(list(&["null"]).has(b"null"));
        assert!(list(&["file://"]).has(b"file://"));
        assert!(list(&["moz-extension://A1-b2"]).has(b"moz-extension://a1-b2"));
        let hosts: Vec<String> = list(&["https://A.example:8443", "null", "file://", "http://[::1]:80"])
            .hosts()
            .map(|host| host.to_string())
            .collect();
        assert_eq!(hosts, ["a.example", "[::1]"]);
    }

    #[test]
    fn an_origin_is_the_servers_own_if_host_and_port_are_those_of_the_request() {
        for (origin, host, is_same) in [
            ("http://localhost:8080", "localhost:8080", true),
            ("HTTP://LOCALHOST:8080", "LocalHost.:8080", true),
            ("http://127.0.0.1:8080", "127.0.0.1:8080", true),
            ("http://[::1]:8080", "[::1]:8080", true),
            ("http://example.org", "example.org", true),
            ("http://example.org", "example.org:80", true),
            ("http://example.org:80", "example.org", true),
            ("https://example.org", "example.org", true),
            ("https://example.org", "example.org:443", true),
            ("https://example.org:8443", "example.org:8443", true),
            ("http://localhost:3000", "localhost:8080", false),
            ("http://localhost", "localhost:8080", false),
            ("http://localhost:8080", "localhost", false),
            ("http://127.0.0.1:8080", "localhost:8080", false),
            ("https://example.org", "example.org:80", false),
            ("http://example.org", "example.org:443", false),
            ("http://evil.example", "localhost:8080", false),
            ("http://localhost.evil.example:8080", "localhost:8080", false),
            ("http://user@localhost:8080", "localhost:8080", false),
            ("http://localhost:8080/", "localhost:8080", false),
            ("http://localhost:8080 http://evil.example", "localhost:8080", false),
            ("ws://localhost:8080", "localhost:8080", false),
            ("file://localhost:8080", "localhost:8080", false),
            ("localhost:8080", "localhost:8080", false),
            ("http://", "", false),
            ("null", "null", false),
            ("", "", false),
        ] {
            assert_eq!(is_own(origin.as_bytes(), host.as_bytes()), is_same, "{origin:?} at {host:?}");
        }
    }

    #[test]
    fn a_text_that_is_not_an_origin_is_refused() {
        for text in [
            "",
            "example.com",
            "https://",
            "https://a/",
            "https://a b",
            "://a",
            "https://a:",
            "file:///a",
            "https://:80",
            "*",
        ] {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }
}
