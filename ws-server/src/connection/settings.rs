//! The options of a connection: which clients get the stream, and what each may do.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use clap::{ArgAction, ValueEnum};
use common::{
    admission::{Admission, Deed},
    host::HostName,
    host_list::{Host, HostList},
    http::{Head, HeadLimits, MAX_HEADERS, is_path_within, is_same_path, is_token},
    origin::{Origin, OriginList},
    policy::{Domain, Grant, Policy},
    proxy::Cidr,
    token::TokenList,
    websocket::MessageLimits,
};
use daemon::{
    DaemonError, ListenAddress,
    value::{duration, on_off, size},
};

use super::{rate::Rate, token_file, way::document_of};

/// Stands for a peer on a Unix socket, which has no address; no client connects from this one.
pub(crate) const UNIX_PEER: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// Which clients get the stream, and by which addresses.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Access")]
pub(crate) struct Access {
    /// Origin of a page that may connect, such as `https://example.org` (repeatable) [default: any]
    #[arg(long, value_name = "ORIGIN")]
    allow_origin: Vec<String>,
    /// Host under which the server is served: example.org (with any port) or example.org:8080; another one gets 403 (repeatable) [default: any]
    #[arg(long, value_name = "NAME")]
    host: Vec<String>,
    /// Path that is served, such as /echo (repeatable) [default: any]
    #[arg(long, value_name = "PATH")]
    path: Vec<String>,
    /// Subprotocol that may be chosen if a client offers it, such as chat.v1; a browser whose offers are all turned down gives up
    /// (repeatable) [default: none]
    #[arg(long, value_name = "NAME")]
    pub(crate) protocol: Vec<String>,
    /// Serves the unmasked drafts hixie-75 and hixie-76, too: on or off
    #[arg(long, value_name = "ON|OFF", default_value = "on", action = ArgAction::Set, value_parser = on_off)]
    pub(crate) legacy: bool,
    /// What a Flash policy request gets here: DOMAIN:PORTS (repeatable), or off [default: any domain, or the hosts of --allow-origin, to this port]
    #[arg(long, value_name = "DOMAIN:PORTS")]
    policy: Vec<String>,
    /// Address or network of a proxy whose X-Forwarded-For, X-Forwarded-Proto and PROXY v2 headers count; `unix`: any client
    /// of a Unix socket (repeatable)
    #[arg(long, value_name = "CIDR")]
    trusted_proxy: Vec<String>,
    /// File with the tokens of readers: a line `NAME TOKEN` for each; whoever presents none of them gets 401. It is read again at a
    /// reload [default: no token is needed]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// File with the tokens of publishers, such as `--token-file` has; needed for `--source http` unless it listens on loopback or
    /// Unix sockets alone
    #[arg(long, value_name = "FILE")]
    publish_token_file: Option<PathBuf>,
    /// Clients reach this server by wss://: answers hixie-75 and hixie-76 with that scheme
    #[arg(long)]
    pub(crate) secure: bool,
    /// The stream takes lines by POST and PUT: `--source http`.
    #[arg(skip)]
    pub(crate) takes_lines: bool,
    /// Whom it is for, with `--host` and `--allow-origin`, parsed.
    #[arg(skip)]
    pub(crate) admission: Admission,
    /// The tokens of `--token-file`; `None`: everybody may read.
    #[arg(skip)]
    pub(crate) readers: Option<Arc<TokenList>>,
    /// The tokens of `--publish-token-file`; `None`: whoever can connect may publish, but no page of another origin.
    #[arg(skip)]
    pub(crate) publishers: Option<Arc<TokenList>>,
    /// `--trusted-proxy`, parsed.
    #[arg(skip)]
    pub(crate) trusted: Vec<Cidr>,
    /// `--policy`, parsed.
    #[arg(skip)]
    pub(crate) policy_answer: PolicyAnswer,
}

/// What one connection may do, and how long it may take.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct ConnectionOptions {
    /// What becomes of a client's message: ignore, echo or broadcast (to all others)
    #[arg(long, value_name = "WHAT", default_value = "ignore", help_heading = "Stream")]
    pub(crate) on_message: OnMessage,
    /// How long a browser waits at least before it reconnects to an event stream; each gets up to half as long again
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = duration, help_heading = "Stream")]
    retry: Duration,
    /// Bytes of a request head
    #[arg(long, value_name = "SIZE", default_value = "32KiB", value_parser = size)]
    max_head: usize,
    /// Header fields of a request, at most 64
    #[arg(long, value_name = "N", default_value_t = 64)]
    max_headers: usize,
    /// Bytes of a request target
    #[arg(long, value_name = "SIZE", default_value = "8KiB", value_parser = size)]
    pub(crate) max_target: usize,
    /// How long an opening handshake may take
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub(crate) head_timeout: Duration,
    /// Bytes of a message from a client; 0: no limit
    #[arg(long, value_name = "SIZE", default_value = "16KiB", value_parser = size)]
    pub(crate) max_message: usize,
    /// Fragments of a message from a client; 0: no limit
    #[arg(long, value_name = "N", default_value_t = 64)]
    max_fragments: u32,
    /// Messages that a client may send in a second, and frames that say nothing; 0: no limit
    #[arg(long, value_name = "N", default_value_t = 20)]
    message_rate: u32,
    /// Messages that a client may send at once
    #[arg(long, value_name = "N", default_value_t = 100)]
    message_burst: u32,
    /// Pings and pongs that a client may send in a second; 0: no limit
    #[arg(long, value_name = "N", default_value_t = 10)]
    control_rate: u32,
    /// Pings and pongs that a client may send at once
    #[arg(long, value_name = "N", default_value_t = 50)]
    control_burst: u32,
    /// Bytes that are queued for one connection at a time
    #[arg(long, value_name = "SIZE", default_value = "64KiB", value_parser = size)]
    pub(crate) max_queue: usize,
    /// How long a client may take neither a whole message nor 4 KiB of what it is sent, or send nothing of lines whose length it has
    /// announced
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub(crate) write_timeout: Duration,
    /// Time between two pings, or keepalive probes where a dialect has no pings
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub(crate) ping_interval: Duration,
    /// How long a client may take to answer a ping
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub(crate) pong_timeout: Duration,
    /// Time between two comments in an event stream or a document without messages
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = duration)]
    pub(crate) heartbeat: Duration,
    /// How long a closing handshake may take
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration)]
    pub(crate) close_timeout: Duration,
}

/// The value of `--on-message`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnMessage {
    /// Drop it, as in the tutorial.
    Ignore,
    /// Send it back.
    Echo,
    /// Send it to all others.
    Broadcast,
}

impl ConnectionOptions {
    /// Refuses limits that would leave a state without an end.
    ///
    /// # Errors
    /// The first such limit, by its flag.
    pub(crate) fn check(&self) -> Result<(), DaemonError> {
        for (flag, time) in [
            ("head-timeout", self.head_timeout),
            ("write-timeout", self.write_timeout),
            ("ping-interval", self.ping_interval),
            ("pong-timeout", self.pong_timeout),
            ("heartbeat", self.heartbeat),
            ("close-timeout", self.close_timeout),
        ] {
            if time.is_zero() {
                return Err(DaemonError::option(flag, "0", "there must be a limit; say a time such as 30s"));
            }
        }
        if !(64..=64 * 1024).contains(&self.max_head) {
            return Err(DaemonError::option("max-head", self.max_head, "must be from 64 bytes to 64KiB"));
        }
        if !(1..=MAX_HEADERS).contains(&self.max_headers) {
            return Err(DaemonError::option("max-headers", self.max_headers, "must be from 1 to 64"));
        }
        Ok(())
    }

    pub(crate) fn head_limits(&self) -> HeadLimits {
        HeadLimits { max_bytes: self.max_head, max_headers: self.max_headers, max_target: self.max_target }
    }

    pub(crate) fn message_limits(&self) -> MessageLimits {
        MessageLimits { max_message: self.max_message as u64, max_fragments: self.max_fragments }
    }

    pub(crate) fn message_rate(&self) -> Rate {
        Rate { per_second: self.message_rate, burst: self.message_burst }
    }

    /// The rate of pings and pongs.
    pub(crate) fn control_rate(&self) -> Rate {
        Rate { per_second: self.control_rate, burst: self.control_burst }
    }

    /// `--retry` in milliseconds.
    pub(crate) fn retry_ms(&self) -> u64 {
        u64::try_from(self.retry.as_millis()).unwrap_or(u64::MAX)
    }
}

/// What a Flash policy request gets.
#[derive(Clone, Debug, Default)]
pub(crate) enum PolicyAnswer {
    /// The end of the connection.
    #[default]
    Off,
    /// A grant of the port that it came to, for these domains.
    ThisPort(Vec<Domain>),
    /// The document that the options ask for.
    Document(Vec<u8>),
}

impl Access {
    /// Parses the options of a server that listens on these addresses, and reads the files that they name.
    ///
    /// # Errors
    /// The first wrong one, by its flag.
    pub(crate) fn check(mut self, listen: &[ListenAddress]) -> Result<Self, DaemonError> {
        let bad_path = |path: &&String| !path.starts_with('/') || path.contains(['?', '#', ' ']);
        self.admission.origins = OriginList::from(parse_all::<Origin>("allow-origin", &self.allow_origin)?);
        self.admission.hosts = HostList::from(parse_all::<Host>("host", &self.host)?);
        if let Some(path) = self.path.iter().find(bad_path) {
            return Err(DaemonError::option("path", path, "a path begins with / and has no query"));
        }
        if let Some(name) = self.protocol.iter().find(|name| !is_token(name)) {
            let what = "the name of a subprotocol has no blank and no comma, such as chat.v1; repeat the flag for another";
            return Err(DaemonError::option("protocol", format!("'{name}'"), what));
        }
        self.policy_answer = policy(&self.policy, &self.admission, listen)?;
        self.trusted = trusted(&self.trusted_proxy)?;
        self.readers = token_file::read_if_any("token-file", self.token_file.as_deref())?;
        self.publishers = token_file::read_if_any("publish-token-file", self.publish_token_file.as_deref())?;
        Ok(self)
    }

    /// True if requests to this path are served. A document is read as well at a served path with `.html` behind it, and at
    /// every `.html` below one.
    pub(crate) fn serves(&self, head: &Head<'_>) -> bool {
        let path = head.path();
        if self.path.is_empty() || path == b"*" {
            return true;
        }
        let is_served = |path| self.path.iter().any(|served| is_same_path(served.as_bytes(), path));
        let is_within = |path| {
            self.path.iter().any(|served| is_path_within(served.trim_end_matches('/').as_bytes(), path))
        };
        is_served(path)
            || Deed::of(head) == Deed::Read
                && document_of(path).is_some_and(|stem| is_served(stem) || is_within(path))
    }
}

fn parse_all<T: std::str::FromStr<Err: std::fmt::Display>>(
    flag: &str,
    values: &[String],
) -> Result<Vec<T>, DaemonError> {
    let parse = |text: &String| text.parse().map_err(|error| DaemonError::option(flag, text, error));
    values.iter().map(parse).collect()
}

fn policy(
    grants: &[String],
    admission: &Admission,
    listen: &[ListenAddress],
) -> Result<PolicyAnswer, DaemonError> {
    match grants {
        [] => return Ok(PolicyAnswer::ThisPort(domains(admission))),
        [off] if off == "off" => return Ok(PolicyAnswer::Off),
        _ => {}
    }
    let policy = Policy { site_control: None, grants: parse_all::<Grant>("policy", grants)? };
    for address in listen {
        let port = match address {
            ListenAddress::Tcp(address) => address.port(),
            ListenAddress::Name(_, port) => *port,
            ListenAddress::Unix(_) => continue,
        };
        // The system picks an unprivileged port for port 0.
        let port = if port == 0 { u16::MAX } else { port };
        policy
            .check_served_from(port)
            .map_err(|error| DaemonError::option("policy", grants.join(" "), error))?;
    }
    Ok(PolicyAnswer::Document(policy.to_bytes()))
}

/// The hosts whose SWFs may open a socket here: one that has a socket writes whatever Host and Origin it likes.
fn domains(admission: &Admission) -> Vec<Domain> {
    if admission.is_open() {
        return vec![Domain::Any];
    }
    let own = if admission.is_private() { &HostName::LOOPBACK[..] } else { &[] };
    let own = own.iter().map(|name| (*name).to_owned());
    let hosts = admission.hosts.names().map(HostName::to_string).filter(|_| admission.is_private());
    let pages = admission.origins.hosts().map(|host| host.to_string());
    // Flash knows no IPv6 addresses, which are no domains.
    own.chain(hosts).chain(pages).filter_map(|host| host.parse().ok()).collect()
}

fn trusted(networks: &[String]) -> Result<Vec<Cidr>, DaemonError> {
    let unix = UNIX_PEER.to_string();
    let parse = |text: &String| {
        let network = if text == "unix" { &unix } else { text };
        network.parse::<Cidr>().map_err(|error| DaemonError::option("trusted-proxy", text, error))
    };
    networks.iter().map(parse).collect()
}
