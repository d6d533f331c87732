//! The hosts under which a server is served, as the options list them.

use crate::decimal::decimal;
use crate::host::{Authority, HostName, split_host};
use std::net::Ipv6Addr;
use std::str::FromStr;

/// A host under which a server is served; it covers every port unless it says one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host(Authority);

/// Why a text is not a host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "a message says what its variant means")]
pub enum HostError {
    #[error("there is no name: say one such as example.org, or leave the option out")]
    Empty,
    #[error("a host has no scheme: `{0}`")]
    Scheme(String),
    #[error("a host has no path: `{0}`")]
    Path(String),
    #[error("a host has no user before it: `{0}`")]
    User(String),
    #[error("there are no patterns: say each host in full, and repeat the flag")]
    Pattern,
    #[error("a host has no blank and no comma; repeat the flag for another")]
    Several,
    #[error("an IPv6 address stands in brackets: `[{0}]`")]
    Ipv6(Ipv6Addr),
    #[error("`{0}` is no port: a number from 1 to 65535, or leave it out for every port")]
    Port(String),
    #[error("say the name as browsers send it, in ASCII: xn--…")]
    NotAscii,
    #[error("no client asks for this address; --listen says where to listen")]
    Unspecified,
    #[error("`{0}` is no host: say a name or an address, such as example.org, 192.0.2.1 or [2001:db8::1]")]
    BadName(String),
}

impl FromStr for Host {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        if let Some(mistake) = mistake(text) {
            return Err(mistake);
        }
        let bad = || HostError::BadName(text.to_owned());
        let (host, after) = split_host(text).ok_or_else(bad)?;
        let host = HostName::parse(host).ok_or_else(bad)?;
        if matches!(host, HostName::Address(address) if address.is_unspecified()) {
            return Err(HostError::Unspecified);
        }
        if after.is_empty() {
            return Ok(Self(Authority { host, port: None }));
        }
        let digits = after.strip_prefix(':').ok_or_else(bad)?;
        let port = decimal(digits.as_bytes()).filter(|port| *port > 0);
        let port = port.ok_or_else(|| HostError::Port(digits.to_owned()))?;
        Ok(Self(Authority { host, port: Some(port) }))
    }
}

/// What is wrong with a text that is nearly a host.
fn mistake(text: &str) -> Option<HostError> {
    if text.trim().is_empty() {
        return Some(HostError::Empty);
    }
    if let Some((_, rest)) = text.split_once("://") {
        return Some(HostError::Scheme(rest.split('/').next().unwrap_or_default().to_owned()));
    }
    if let Some((host, _)) = text.split_once(['/', '?', '#']) {
        return Some(HostError::Path(host.to_owned()));
    }
    if let Some((_, host)) = text.rsplit_once('@') {
        return Some(HostError::User(host.to_owned()));
    }
    if text.contains('*') || text.starts_with('.') {
        return Some(HostError::Pattern);
    }
    if text.contains([',', ';', ' ', '\t']) {
        return Some(HostError::Several);
    }
    if !text.is_ascii() {
        return Some(HostError::NotAscii);
    }
    text.parse().ok().map(HostError::Ipv6)
}

/// The hosts that the options list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostList(Vec<Host>);

impl From<Vec<Host>> for HostList {
    fn from(hosts: Vec<Host>) -> Self {
        Self(hosts)
    }
}

impl HostList {
    /// True if the options list none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True if one of them covers this host and port.
    pub fn has(&self, asked: &Authority) -> bool {
        self.0.iter().any(|Host(known)| {
            let has_port = match (known.port, asked.port) {
                (None, _) => true,
                // A client leaves out the port of its scheme, which behind a proxy may be https.
                (Some(port), None) => [80, 443].contains(&port),
                (known, asked) => known == asked,
            };
            known.host == asked.host && has_port
        })
    }

    /// The names and addresses, without ports.
    pub fn names(&self) -> impl Iterator<Item = &HostName> {
        self.0.iter().map(|Host(authority)| &authority.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_names_are_those_of_the_options_without_their_ports() {
        let hosts = list(&["a.example:81", "[::1]", "127.0.0.1:80"]);
        let names: Vec<String> = hosts.names().map(ToString::to_string).collect();
        assert_eq!(names, ["a.example", "[::1]", "127.0.0.1"]);
    }

    fn list(hosts: &[&str]) -> HostList {
        hosts.iter().map(|text| text.parse().unwrap()).collect::<Vec<Host>>().into()
    }

    #[test]
    fn a_host_is_the_same_however_a_client_writes_it() {
        for (served, asked, is_same) in [
            ("example.org", "example.org", true),
            ("example.org", "EXAMPLE.org.", true),
            ("Example.ORG.", "example.org:8080", true),
            ("example.org", "example.org:", true),
            ("example.org", "www.example.org", false),
            ("example.org", "example.org.evil.example", false),
            ("example.org", "evil-example.org", false),
            ("example.org", "example.org..", false),
            ("example.org", "user@example.org", false),
            ("example.org", "example.org:99999", false),
            ("example.org", "example.org:+80", false),
            ("example.org", "%65xample.org", false),
            ("example.org", "", false),
            ("example.org:8080", "example.org:8080", true),
            ("example.org:8080", "example.org:08080", true),
            ("example.org:8080", "example.org:8081", false),
            ("example.org:8080", "example.org", false),
            ("example.org:80", "example.org", true),
            ("example.org:443", "example.org", true),
            ("example.org:443", "example.org:80", false),
            ("127.0.0.1", "127.0.0.1:1", true),
            ("127.0.0.1", "[::ffff:127.0.0.1]", true),
            ("127.0.0.1", "127.0.0.1.evil.example", false),
            ("127.0.0.1", "127.1", false),
            ("[::1]", "[::1]:8080", true),
            ("[::1]", "[0:0:0:0:0:0:0:1]", true),
            ("[::1]", "[::1", false),
            ("[::1]", "::1", false),
            ("[::1]:80", "[::1]", true),
            ("[2001:DB8::1]", "[2001:db8:0::1]", true),
        ] {
            let has = Authority::parse(asked.as_bytes()).is_some_and(|asked| list(&[served]).has(&asked));
            assert_eq!(has, is_same, "{served} is asked for as {asked:?}");
        }
    }

    #[test]
    fn a_text_that_is_no_host_is_refused_and_says_what_to_write() {
        for (text, cure) in [
            ("", "say one such as example.org"),
            (" ", "say one such as example.org"),
            (" example.org", "no blank"),
            ("https://example.org/stream", "no scheme: `example.org`"),
            ("example.org/stream", "no path: `example.org`"),
            ("me@example.org", "no user before it: `example.org`"),
            ("*", "in full"),
            ("*.example.org", "in full"),
            (".example.org", "in full"),
            ("a.example,b.example", "repeat the flag"),
            ("a.example b.example", "repeat the flag"),
            ("::1", "`[::1]`"),
            ("bücher.example", "xn--"),
            ("example.org:", "`` is no port"),
            ("example.org:http", "`http` is no port"),
            ("example.org:0", "`0` is no port"),
            ("example.org:65536", "`65536` is no port"),
            ("0.0.0.0", "--listen"),
            ("[::]:8080", "--listen"),
            ("[::1", "such as example.org"),
            ("[::1]80", "such as example.org"),
            ("-a.example", "such as example.org"),
            ("a..example", "such as example.org"),
            ("a_%", "such as example.org"),
        ] {
            let error = text.parse::<Host>().expect_err(text).to_string();
            assert!(error.contains(cure), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_refused_or_a_host_that_a_request_can_have(text in "\\PC{0,20}|[a-zA-Z0-9.:%-]{0,20}|\\[[0-9a-f:.]{0,20}\\](:[0-9]{0,6})?") {
            if let Ok(Host(authority)) = text.parse::<Host>() {
                prop_assert_eq!(Authority::parse(text.as_bytes()), Some(authority));
            }
        }
    }
}
