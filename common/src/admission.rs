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
//! No page but its own can read a private server's answers. One of another origin is known by its `Origin`. One that has its own
//! name point to this machine (DNS rebinding) is of the same origin as the answers, but is known by the `Host` that it must use. One
//! that cannot read, but loads what it names in `<script src>`, `<img>` and the like, still learns when an answer ends, how long it
//! took and whether there was one, and holds a connection: it is known by `Sec-Fetch-Site`.

#[cfg(test)]
mod tests;

use crate::host::{Authority, HostName};
use crate::host_list::{Host, HostList};
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
    /// The name of this machine, by which others may ask for a private server that they can reach.
    pub machine: Option<HostName>,
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
    /// The pages of this origin may not do this.
    Origin(&'h [u8], Deed),
    /// A page of another site does this without being able to read the answer; the value of `Sec-Fetch-Site`.
    CrossSite(&'h [u8], Deed),
}

/// What a request, or the connection that it has become, does with the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// It gets the stream, or something about it.
    Read,
    /// Its body is lines for the stream.
    Publish,
}

/// The header fields that every answer of a private server has. Fetch §3.7: a browser then gives the answer to no page of another
/// origin, not even as an image or a script.
const PRIVATE_FIELDS: &[(&str, &str)] = &[("Cross-Origin-Resource-Policy", "same-origin")];

/// Where a page's origin stands; in the dialects hybi-07 and hybi-08 in the second.
const ORIGIN_FIELDS: [&str; 2] = ["Origin", "Sec-WebSocket-Origin"];

/// The most bytes of a peer's value that an answer shows.
const SHOWN: usize = 256;

impl Admission {
    /// Decides whether a request gets an answer. `local` finds the address of ours at which it came in (`None`: a Unix socket),
    /// and is called only where that decides.
    ///
    /// # Errors
    /// What to answer otherwise.
    pub fn admit<'h>(
        &self,
        head: &Head<'h>,
        local: impl FnOnce() -> Option<IpAddr>,
    ) -> Result<(), Refusal<'h>> {
        self.admit_to(self.audience, head, local)
    }

    fn admit_to<'h>(
        &self,
        audience: Audience,
        head: &Head<'h>,
        local: impl FnOnce() -> Option<IpAddr>,
    ) -> Result<(), Refusal<'h>> {
        // Every browser sends a Host; a request of HTTP/1.0 may have none.
        if let Some(host) = head.host().filter(|host| !self.serves(audience, host, local)) {
            return Err(Refusal::Host(host));
        }
        let origins = || ORIGIN_FIELDS.iter().flat_map(|field| head.get_all(field));
        if let Some(origin) = origins().find(|origin| !self.admits(audience, origin, head.host())) {
            return Err(Refusal::Origin(origin, Deed::of(head)));
        }
        match head.get("Sec-Fetch-Site") {
            Some(site)
                if audience == Audience::Private && origins().next().is_none() && is_load(site, head) =>
            {
                Err(Refusal::CrossSite(site, Deed::of(head)))
            }
            _ => Ok(()),
        }
    }

    /// Decides whether a request may publish although nobody has to present a token for that: by the rules of a private server,
    /// whoever may read. A page needs to read no answer to publish. `local` is that of [`Self::admit`].
    ///
    /// # Errors
    /// What to answer otherwise.
    pub fn admit_publisher<'h>(
        &self,
        head: &Head<'h>,
        local: impl FnOnce() -> Option<IpAddr>,
    ) -> Result<(), Refusal<'h>> {
        self.admit_to(Audience::Private, head, local)?;
        match head.get("Sec-Fetch-Site") {
            // A form that is sent is a navigation, too, which may read.
            Some(site) if head.get("Origin").is_none() && is_foreign(site) => {
                Err(Refusal::CrossSite(site, Deed::Publish))
            }
            _ => Ok(()),
        }
    }

    /// True if the cookies of a request count: the page that has made the browser send them is of our own origin or a listed one, or
    /// no page has. A list that admits every origin trusts none of them.
    pub fn trusts_cookies(&self, head: &Head<'_>) -> bool {
        let is_trusted =
            |origin| self.origins.has(origin) || head.host().is_some_and(|host| is_own(origin, host));
        let mut origins = ORIGIN_FIELDS.iter().flat_map(|field| head.get_all(field)).peekable();
        if origins.peek().is_some() {
            return origins.all(is_trusted);
        }
        matches!(head.get("Sec-Fetch-Site"), None | Some(b"same-origin" | b"none"))
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
        head.get("Origin").filter(|origin| self.admits(self.audience, origin, head.host()))
    }

    /// Header fields for every answer.
    pub fn fields(&self) -> &'static [(&'static str, &'static str)] {
        if self.is_private() { PRIVATE_FIELDS } else { &[] }
    }

    /// True if the server is for its own pages only.
    pub fn is_private(&self) -> bool {
        self.audience == Audience::Private
    }

    fn serves(&self, audience: Audience, host: &[u8], local: impl FnOnce() -> Option<IpAddr>) -> bool {
        let is_any = self.hosts.is_empty();
        if is_any && audience == Audience::Public {
            return true;
        }
        let asked = Authority::parse(host);
        let is_listed = asked.as_ref().is_some_and(|asked| self.hosts.has(asked));
        let is_loopback = asked.as_ref().is_some_and(|asked| asked.host.is_loopback());
        if audience == Audience::Public || is_listed || is_any && is_loopback {
            return is_any || is_listed;
        }
        // A request at a loopback address comes from this machine alone, and so knows a private server by a name that is its own.
        let Some(local) = local().map(|local| local.to_canonical()).filter(IpAddr::is_loopback) else {
            return is_any;
        };
        asked.is_some_and(|Authority { host, .. }| {
            // A URL that names the very address, such as 127.0.0.9, belongs to nobody else: no resolver takes part in it.
            host == HostName::Address(local) || self.machine.as_ref() == Some(&host) || host.is_loopback()
        })
    }

    fn admits(&self, audience: Audience, origin: &[u8], host: Option<&[u8]>) -> bool {
        let is_private = audience == Audience::Private;
        self.origins.has(origin)
            || if is_private {
                host.is_some_and(|host| is_own(origin, host))
            } else {
                self.origins.is_empty()
            }
    }
}

/// True if a page of another site loads this as a part of itself. A link to us is no such load: the person who follows it reads
/// the answer, not the page that has the link. Nor is a frame: the page around it cannot read it, and learns no more than by a window
/// that it opens, which we cannot tell from a link.
fn is_load(site: &[u8], head: &Head<'_>) -> bool {
    is_foreign(site) && head.get("Sec-Fetch-Mode") != Some(b"navigate")
}

/// True for a `Sec-Fetch-Site` of another origin's page. `same-site` is another port of this host, too, where another program
/// listens. `none` is a person with an address.
fn is_foreign(site: &[u8]) -> bool {
    site == b"cross-site" || site == b"same-site"
}

impl Deed {
    /// By the method of a request.
    pub fn of(head: &Head<'_>) -> Self {
        Self::of_method(head.method.as_bytes())
    }

    /// `curl -d` posts and `curl -T` puts, and both mean the same.
    pub fn of_method(method: &[u8]) -> Self {
        if matches!(method, b"POST" | b"PUT") { Self::Publish } else { Self::Read }
    }
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
            Self::Origin(origin, deed) => {
                let text = std::str::from_utf8(origin).ok().filter(|text| text.len() <= SHOWN);
                let text = text.filter(|text| text.parse::<Origin>().is_ok()).unwrap_or("ORIGIN");
                let origin = shown(origin);
                let verb = match deed {
                    Deed::Read => "read this",
                    Deed::Publish => "publish here",
                };
                write!(
                    f,
                    "Origin: {origin} may not {verb}; if its pages should, start the server with --allow-origin {text}"
                )
            }
            Self::CrossSite(site, deed) => {
                let site = shown(site);
                let verb = match deed {
                    Deed::Read => "load this",
                    Deed::Publish => "publish here",
                };
                write!(
                    f,
                    "Sec-Fetch-Site: {site} without an Origin: no page of another site may {verb}; if one should, start the \
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
