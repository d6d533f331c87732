//! Which requests are answered at all, as far as a browser tells what it is about: by `Host`, `Origin` and `Sec-Fetch-*`.
//!
//! ```text
//!                  Host                              Origin                        no Origin
//!  Public     any, or those of the list     any, or those of the list       served
//!  Private    on loopback its three names   its own, and those of the list  served, unless a page of another site loads it
//!             and the list; elsewhere any,
//!             or those of the list
//! ```
//!
//! No page can read a private server's answers. One of another origin is known by its `Origin`. One that has its own name point to
//! this machine (DNS rebinding) is of the same origin as the answers, but is known by the `Host` that it must use. One that cannot
//! read, but loads what it names in `<script src>`, `<img>` and the like, still learns when an answer ends, how long it took and
//! whether there was one, and holds a connection: it is known by `Sec-Fetch-Site`.

use crate::host::{Authority, Host, HostList};
use crate::http::Head;
use crate::origin::{Origin, OriginList, is_own};
use std::fmt;
use std::net::IpAddr;

/// Whom a server is for, before its lists say more or less.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Audience {
    /// Every page, under every Host: the lists narrow it.
    #[default]
    Public,
    /// Its own pages: the lists widen it.
    Private,
}

/// Which requests are answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admission {
    /// What the lists begin with.
    pub audience: Audience,
    /// `--host`.
    pub hosts: HostList,
    /// `--allow-origin`.
    pub origins: OriginList,
}

/// Why a request is refused, with the value that it sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal<'h> {
    /// The server is not served under this Host.
    Host(&'h [u8]),
    /// The pages of this origin may not read.
    Origin(&'h [u8]),
    /// A page of another site loads this without being able to read it; the value of `Sec-Fetch-Site`.
    CrossSite(&'h [u8]),
}

/// The header fields that every answer of a private server has. Fetch §3.7: a browser then gives the answer to no page of another
/// origin, not even as an image or a script.
pub const PRIVATE_FIELDS: &[(&str, &str)] = &[("Cross-Origin-Resource-Policy", "same-origin")];

/// Where a page's origin stands; in the dialects hybi-07 and hybi-08 in the second.
const ORIGIN_FIELDS: [&str; 2] = ["Origin", "Sec-WebSocket-Origin"];

/// The most bytes of a peer's value that an answer shows.
const SHOWN: usize = 256;

impl Admission {
    /// Decides whether a request that came in at this local address gets an answer; `None` stands for a Unix socket.
    ///
    /// # Errors
    /// What to answer otherwise.
    pub fn admit<'h>(&self, head: &Head<'h>, local: Option<IpAddr>) -> Result<(), Refusal<'h>> {
        // Every browser sends a Host; a request of HTTP/1.0 may have none.
        if let Some(host) = head.host().filter(|host| !self.serves(host, local)) {
            return Err(Refusal::Host(host));
        }
        let origins = || ORIGIN_FIELDS.iter().flat_map(|field| head.get_all(field));
        if let Some(origin) = origins().find(|origin| !self.admits(origin, head.host())) {
            return Err(Refusal::Origin(origin));
        }
        match head.get("Sec-Fetch-Site") {
            Some(site) if self.is_private() && origins().next().is_none() && is_load(site, head) => {
                Err(Refusal::CrossSite(site))
            }
            _ => Ok(()),
        }
    }

    /// True if the pages of every origin may read.
    pub fn is_open(&self) -> bool {
        !self.is_private() && self.origins.is_empty()
    }

    /// The value of `Access-Control-Allow-Origin` for a request; `None`: leave the field out. Where [`Self::is_open`] is false, the
    /// answer also needs `Vary: Origin`.
    pub fn cors<'h>(&self, head: &Head<'h>) -> Option<&'h [u8]> {
        if self.is_open() {
            return Some(b"*");
        }
        head.get("Origin").filter(|origin| self.admits(origin, head.host()))
    }

    /// Header fields for every answer.
    pub fn fields(&self) -> &'static [(&'static str, &'static str)] {
        if self.is_private() { PRIVATE_FIELDS } else { &[] }
    }

    /// True if the server is for its own pages only.
    pub fn is_private(&self) -> bool {
        self.audience == Audience::Private
    }

    fn serves(&self, host: &[u8], local: Option<IpAddr>) -> bool {
        let is_any = self.hosts.is_empty();
        let Some(asked) = Authority::parse(host) else {
            return is_any && !self.guards(local);
        };
        if self.guards(local) {
            return asked.host.is_loopback() || self.hosts.has(&asked);
        }
        is_any || self.hosts.has(&asked)
    }

    /// True if a request at this local address can come from this machine alone, and so knows it by a name that is its own.
    fn guards(&self, local: Option<IpAddr>) -> bool {
        self.is_private() && local.is_some_and(|local| local.to_canonical().is_loopback())
    }

    fn admits(&self, origin: &[u8], host: Option<&[u8]>) -> bool {
        self.is_open()
            || self.origins.has(origin)
            || (self.is_private() && host.is_some_and(|host| is_own(origin, host)))
    }
}

/// True if a page of another site loads this as a part of itself. A link to us is no such load: the person who follows it reads
/// the answer, not the page that has the link. Nor is a frame: the page around it cannot read it, and learns no more than by a window
/// that it opens, which we cannot tell from a link.
fn is_load(site: &[u8], head: &Head<'_>) -> bool {
    // `same-site` is another port of this host, too, where another program listens. `none` is a person with an address.
    (site == b"cross-site" || site == b"same-site") && head.get("Sec-Fetch-Mode") != Some(b"navigate")
}

impl Refusal<'_> {
    /// The status of the answer.
    pub const STATUS: u16 = 403;
}

/// One sentence that names the option and the value that would admit the request.
impl fmt::Display for Refusal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Host(host) => {
                let name = Authority::parse(host).map(|asked| asked.host.to_string());
                let name = name.filter(|name| name.parse::<Host>().is_ok());
                let name = name.as_deref().unwrap_or("NAME");
                let host = shown(host);
                write!(
                    f,
                    "Host: {host} is no name of this server; if it should be, start it with --host {name}"
                )
            }
            Self::Origin(origin) => {
                let text = std::str::from_utf8(origin).ok().filter(|text| text.parse::<Origin>().is_ok());
                let (text, origin) = (text.unwrap_or("ORIGIN"), shown(origin));
                write!(
                    f,
                    "Origin: {origin} may not read this; if its pages should, start the server with --allow-origin {text}"
                )
            }
            Self::CrossSite(site) => {
                let site = shown(site);
                write!(
                    f,
                    "Sec-Fetch-Site: {site} without an Origin: no page of another site may load this; if one should, start the \
                     server with --allow-origin and its origin, and let it ask with CORS"
                )
            }
        }
    }
}

fn shown(value: &[u8]) -> String {
    match value {
        [] => "''".to_owned(),
        _ => value.get(..SHOWN).unwrap_or(value).escape_ascii().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::HeadLimits;
    use std::net::{Ipv4Addr, Ipv6Addr};

    const LOOPBACK: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
    const ELSEWHERE: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)));

    fn admission(audience: Audience, hosts: &[&str], origins: &[&str]) -> Admission {
        let hosts: Vec<Host> = hosts.iter().map(|text| text.parse().unwrap()).collect();
        let origins: Vec<Origin> = origins.iter().map(|text| text.parse().unwrap()).collect();
        Admission { audience, hosts: hosts.into(), origins: origins.into() }
    }

    fn private(hosts: &[&str], origins: &[&str]) -> Admission {
        admission(Audience::Private, hosts, origins)
    }

    fn public(hosts: &[&str], origins: &[&str]) -> Admission {
        admission(Audience::Public, hosts, origins)
    }

    /// What the request is refused for, or an empty text.
    fn refused(admission: &Admission, request: &str, local: Option<IpAddr>) -> String {
        let bytes = format!("{}\r\n\r\n", request.replace('\n', "\r\n"));
        let head = Head::parse(bytes.as_bytes(), HeadLimits::default()).unwrap();
        match admission.admit(&head, local) {
            Ok(()) => String::new(),
            Err(refusal) => refusal.to_string(),
        }
    }

    fn is_host_served(admission: &Admission, host: &str, local: Option<IpAddr>) -> bool {
        refused(admission, &format!("GET / HTTP/1.1\nHost: {host}"), local).is_empty()
    }

    #[test]
    fn a_private_server_on_loopback_is_served_under_names_of_its_own_only() {
        let mapped = Some(IpAddr::V6(Ipv4Addr::new(127, 0, 0, 9).to_ipv6_mapped()));
        for local in [LOOPBACK, mapped, Some(IpAddr::V6(Ipv6Addr::LOCALHOST))] {
            for (host, is_served) in [
                ("localhost", true),
                ("LOCALHOST:8080", true),
                ("localhost.:1", true),
                ("127.0.0.1:8080", true),
                ("[::1]:8080", true),
                ("logs.example", true),
                ("Logs.Example.:8080", true),
                ("ported.example:81", true),
                ("ported.example:82", false),
                ("evil.example", false),
                ("localhost.evil.example", false),
                ("127.0.0.1.evil.example:8080", false),
                ("127.0.0.2", false),
                ("192.0.2.1", false),
                ("local%68ost", false),
                ("", false),
            ] {
                let admission = private(&["logs.example", "ported.example:81"], &[]);
                assert_eq!(is_host_served(&admission, host, local), is_served, "{host:?} at {local:?}");
            }
        }
    }

    #[test]
    fn elsewhere_any_host_is_served_unless_there_is_a_list() {
        for local in [ELSEWHERE, None] {
            for host in ["evil.example", "192.0.2.1:8080", "a%b", ""] {
                assert!(is_host_served(&private(&[], &[]), host, local), "{host}");
                assert!(!is_host_served(&private(&["logs.example"], &[]), host, local), "{host}");
            }
            assert!(is_host_served(&private(&["logs.example"], &[]), "logs.example:8080", local));
            assert!(!is_host_served(&private(&["logs.example"], &[]), "localhost", local));
        }
    }

    #[test]
    fn a_public_server_is_served_under_any_host_unless_there_is_a_list() {
        for local in [LOOPBACK, ELSEWHERE, None] {
            for host in ["evil.example", "localhost", "a%b", ""] {
                assert!(is_host_served(&public(&[], &[]), host, local), "{host}");
                assert!(!is_host_served(&public(&["logs.example"], &[]), host, local), "{host}");
            }
            assert!(is_host_served(&public(&["logs.example"], &[]), "LOGS.example:8080", local));
        }
    }

    #[test]
    fn an_absolute_target_counts_before_host_and_an_old_request_may_have_none() {
        let admission = private(&[], &[]);
        for (request, is_served) in [
            ("GET http://localhost:8080/ HTTP/1.1\nHost: evil.example", true),
            ("GET http://evil.example/ HTTP/1.1\nHost: localhost", false),
            ("GET http://evil.example/ HTTP/1.0", false),
            ("GET / HTTP/1.0", true),
            ("GET / HTTP/1.0\nHost: evil.example", false),
            ("OPTIONS * HTTP/1.1\nHost: evil.example", false),
        ] {
            assert_eq!(refused(&admission, request, LOOPBACK).is_empty(), is_served, "{request}");
        }
    }

    #[test]
    fn only_its_own_pages_and_those_of_the_list_read_a_private_server() {
        let admission = private(&["logs.example"], &["https://friend.example"]);
        for (host, fields, is_admitted) in [
            ("localhost:8080", "X: y", true),
            ("localhost:8080", "Origin: http://localhost:8080", true),
            ("logs.example", "Origin: https://logs.example", true),
            ("logs.example", "Origin: http://logs.example", true),
            ("logs.example:8443", "Origin: https://logs.example:8443", true),
            ("localhost:8080", "Origin: https://friend.example", true),
            ("localhost:8080", "Sec-WebSocket-Origin: http://localhost:8080", true),
            ("localhost:8080", "Origin: http://localhost:3000", false),
            ("localhost:8080", "Origin: http://127.0.0.1:8080", false),
            ("localhost:8080", "Origin: https://evil.example", false),
            ("localhost:8080", "Origin: http://friend.example", false),
            ("localhost:8080", "Origin: null", false),
            ("localhost:8080", "Origin: ", false),
            ("localhost:8080", "Sec-WebSocket-Origin: https://evil.example", false),
            ("localhost:8080", "Origin: http://localhost:8080\nOrigin: https://evil.example", false),
            ("localhost:8080", "Origin: http://localhost:8080\nSec-WebSocket-Origin: null", false),
        ] {
            for method in ["GET", "HEAD", "OPTIONS", "POST"] {
                let request = format!("{method} / HTTP/1.1\nHost: {host}\n{fields}");
                assert_eq!(refused(&admission, &request, LOOPBACK).is_empty(), is_admitted, "{request}");
            }
        }
        let own = "GET / HTTP/1.0\nOrigin: http://localhost";
        assert!(!refused(&admission, own, LOOPBACK).is_empty(), "of which host?");
        let null = "GET / HTTP/1.1\nHost: localhost\nOrigin: null";
        assert!(refused(&private(&[], &["null"]), null, LOOPBACK).is_empty());
    }

    // WS-29
    #[test]
    fn a_public_server_is_open_to_every_page_unless_there_is_a_list() {
        let request = |origin: &str| format!("GET / HTTP/1.1\nHost: a\nOrigin: {origin}");
        let listed = public(&[], &["https://friend.example"]);
        for origin in ["https://evil.example", "http://a", "null", ""] {
            assert!(refused(&public(&[], &[]), &request(origin), LOOPBACK).is_empty(), "{origin}");
            assert!(!refused(&listed, &request(origin), LOOPBACK).is_empty(), "{origin}");
        }
        assert!(refused(&listed, &request("https://Friend.example"), LOOPBACK).is_empty());
        assert!(refused(&listed, "GET / HTTP/1.1\nHost: a", LOOPBACK).is_empty(), "no browser");
    }

    #[test]
    fn a_page_of_another_site_loads_nothing_but_a_link_to_it_works() {
        for (fields, is_admitted) in [
            ("Sec-Fetch-Site: cross-site\nSec-Fetch-Mode: no-cors\nSec-Fetch-Dest: script", false),
            ("Sec-Fetch-Site: same-site\nSec-Fetch-Mode: no-cors\nSec-Fetch-Dest: image", false),
            ("Sec-Fetch-Site: cross-site\nSec-Fetch-Mode: cors", false),
            ("Sec-Fetch-Site: cross-site", false),
            ("Sec-Fetch-Site: cross-site\nSec-Fetch-Mode: navigate\nSec-Fetch-Dest: document", true),
            ("Sec-Fetch-Site: same-site\nSec-Fetch-Mode: navigate\nSec-Fetch-Dest: iframe", true),
            ("Sec-Fetch-Site: none\nSec-Fetch-Mode: navigate", true),
            ("Sec-Fetch-Site: same-origin\nSec-Fetch-Mode: no-cors", true),
            ("Sec-Fetch-Site: same-origin\nSec-Fetch-Mode: cors", true),
            ("Sec-Fetch-Site: cross-site\nSec-Fetch-Mode: cors\nOrigin: https://friend.example", true),
        ] {
            let request = format!("GET / HTTP/1.1\nHost: localhost\n{fields}");
            let admission = private(&[], &["https://friend.example"]);
            assert_eq!(refused(&admission, &request, LOOPBACK).is_empty(), is_admitted, "{request}");
            assert!(refused(&public(&[], &[]), &request, LOOPBACK).is_empty(), "{request}");
        }
    }

    #[test]
    fn a_refusal_names_the_option_and_its_value() {
        let admission = private(&[], &[]);
        for (fields, sentence) in [
            (
                "Host: Evil.example:8080",
                "Host: Evil.example:8080 is no name of this server; if it should be, start it with --host evil.example",
            ),
            ("Host: ", "Host: '' is no name of this server; if it should be, start it with --host NAME"),
            (
                "Host: a'b",
                "Host: a\\'b is no name of this server; if it should be, start it with --host NAME",
            ),
            (
                "Host: 0.0.0.0",
                "Host: 0.0.0.0 is no name of this server; if it should be, start it with --host NAME",
            ),
            (
                "Host: localhost\nOrigin: https://evil.example",
                "Origin: https://evil.example may not read this; if its pages should, start the server with --allow-origin \
                 https://evil.example",
            ),
            (
                "Host: localhost\nOrigin: null",
                "Origin: null may not read this; if its pages should, start the server with --allow-origin null",
            ),
            (
                "Host: localhost\nOrigin: <script>\u{e9}\\",
                "Origin: <script>\\xc3\\xa9\\\\ may not read this; if its pages should, start the server with --allow-origin ORIGIN",
            ),
        ] {
            assert_eq!(refused(&admission, &format!("GET / HTTP/1.1\n{fields}"), LOOPBACK), sentence);
        }
        let long = format!("GET / HTTP/1.1\nHost: localhost\nOrigin: {}", "\u{e9}".repeat(2000));
        assert!(refused(&admission, &long, LOOPBACK).len() < 1200);
    }

    #[test]
    fn only_the_origins_that_may_read_are_named_in_the_answer() {
        let cors = |admission: &Admission, fields: &str| {
            let bytes = format!("GET / HTTP/1.1\r\nHost: localhost:1\r\n{fields}\r\n\r\n");
            let head = Head::parse(bytes.as_bytes(), HeadLimits::default()).unwrap();
            admission.cors(&head).map(|value| String::from_utf8(value.to_vec()).unwrap())
        };
        let listed = ["https://friend.example"];
        for (admission, fields, value) in [
            (public(&[], &[]), "X: y", Some("*")),
            (public(&[], &[]), "Origin: https://evil.example", Some("*")),
            (public(&[], &listed), "Origin: https://friend.example", Some("https://friend.example")),
            (public(&[], &listed), "Origin: http://localhost:1", None),
            (private(&[], &[]), "X: y", None),
            (private(&[], &[]), "Origin: http://localhost:1", Some("http://localhost:1")),
            (private(&[], &listed), "Origin: https://friend.example", Some("https://friend.example")),
            (private(&[], &listed), "Origin: https://evil.example", None),
        ] {
            assert_eq!(cors(&admission, fields).as_deref(), value, "{fields}");
        }
    }
}
