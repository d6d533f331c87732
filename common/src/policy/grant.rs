//! One grant: which SWFs may open sockets to which ports.

use crate::decimal::decimal;
use crate::host::is_host_name;
use std::{fmt, str::FromStr};

/// The host that must serve a SWF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Domain {
    /// `*`, any host.
    Any,
    /// `*.example.com`, this domain and all below it.
    Suffix(String),
    /// A host name or an IPv4 address.
    Exact(String),
}

/// A grant, as `DOMAIN:PORTS` in options and `allow-access-from` in the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The host of the SWF (not of the page around it).
    pub domain: Domain,
    /// The ports that the SWF may connect to.
    pub ports: Ports,
}

/// The most ports and ranges of one grant.
const MAX_RANGES: usize = 64;

/// Ports from `first` to `last`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    /// The lowest; never 0.
    pub first: u16,
    /// The highest; not below `first`.
    pub last: u16,
}

/// The value of `to-ports`: `*`, or a list of ports and ranges (`80,443,8000-8080`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ports {
    /// `*`, every port.
    All,
    /// Never empty.
    List(Vec<PortRange>),
}

/// Why a text is not a grant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "a message says what its variant means")]
pub enum GrantError {
    #[error("`{0}` has no ports: write DOMAIN:PORTS, such as *:40132 or *.example.com:80,8000-8080")]
    NoPorts(String),
    #[error("`{0}` is no domain: write a host name, *, or *.example.com")]
    BadDomain(String),
    #[error("no port (write `*` for all ports, or a list such as 80,8000-8080)")]
    EmptyPort,
    #[error("`{0}` is no port: it is a number from 1 to 65535")]
    NotAPort(String),
    #[error("`{0}` ends before it begins")]
    BackwardsRange(String),
    #[error("more than 64 ports and ranges")]
    TooManyRanges,
}

/// An unprivileged port grants a privileged one, and Flash refuses such a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{grant}` grants port {port}: a policy served from port {served_from} may only grant ports of 1024 and above; \
     serve it from a port below 1024"
)]
pub struct PrivilegedPortError {
    /// The grant as `DOMAIN:PORTS`.
    pub grant: String,
    /// The lowest port that it grants.
    pub port: u16,
    /// The port of the policy server.
    pub served_from: u16,
}

/// Ports below this one are privileged.
const FIRST_UNPRIVILEGED: u16 = 1024;

impl Grant {
    /// Checks the grant for a policy on this port. `*` stands for the ports that this one may grant.
    ///
    /// # Errors
    /// [`PrivilegedPortError`] if Flash would refuse it.
    pub fn check_served_from(&self, served_from: u16) -> Result<(), PrivilegedPortError> {
        let Ports::List(ranges) = &self.ports else { return Ok(()) };
        let lowest = ranges.iter().map(|range| range.first).min().unwrap_or(FIRST_UNPRIVILEGED);
        if served_from >= FIRST_UNPRIVILEGED && lowest < FIRST_UNPRIVILEGED {
            return Err(PrivilegedPortError { grant: self.to_string(), port: lowest, served_from });
        }
        Ok(())
    }
}

impl FromStr for Grant {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, GrantError> {
        let (domain, ports) = text.rsplit_once(':').ok_or_else(|| GrantError::NoPorts(text.to_owned()))?;
        Ok(Self { domain: domain.parse()?, ports: ports.parse()? })
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.domain, self.ports)
    }
}

impl FromStr for Domain {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, GrantError> {
        let (name, wrap): (&str, fn(String) -> Self) = match text.strip_prefix("*.") {
            Some(suffix) => (suffix, Self::Suffix),
            None if text == "*" => return Ok(Self::Any),
            None => (text, Self::Exact),
        };
        if is_host_name(name) {
            Ok(wrap(name.to_owned()))
        } else {
            Err(GrantError::BadDomain(text.to_owned()))
        }
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Suffix(suffix) => write!(f, "*.{suffix}"),
            Self::Exact(host) => f.write_str(host),
        }
    }
}

impl FromStr for Ports {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, GrantError> {
        if text == "*" {
            return Ok(Self::All);
        }
        if text.split(',').count() > MAX_RANGES {
            return Err(GrantError::TooManyRanges);
        }
        text.split(',').map(parse_range).collect::<Result<_, _>>().map(Self::List)
    }
}

fn parse_range(text: &str) -> Result<PortRange, GrantError> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let range = PortRange { first: parse_port(first)?, last: parse_port(last)? };
    if range.first > range.last { Err(GrantError::BackwardsRange(text.to_owned())) } else { Ok(range) }
}

fn parse_port(text: &str) -> Result<u16, GrantError> {
    if text.is_empty() {
        return Err(GrantError::EmptyPort);
    }
    let port = decimal(text.as_bytes()).filter(|port| *port > 0);
    port.ok_or_else(|| GrantError::NotAPort(text.to_owned()))
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::List(ranges) = self else { return f.write_str("*") };
        let texts =
            ranges.iter().map(
                |&PortRange { first, last }| {
                    if first == last { first.to_string() } else { format!("{first}-{last}") }
                },
            );
        f.write_str(&texts.collect::<Vec<_>>().join(","))
    }
}
