//! What the server serves with: the options, judged and put together.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use common::{
    daemon::{Failure, ListenAddress},
    http::{HeadLimits, MAX_HEADERS},
    origin::{Origin, OriginList},
    policy::{Grant, Policy},
    proxy::Cidr,
    reactor::Settings,
    websocket,
};

use crate::{
    budget::Rate,
    date_format::DateFormat,
    opening::Rules,
    options::{AtEof, Delivery, OnMessage, Options},
    ring::Bounds,
    source::SourceKind,
    template::Template,
};

/// Most messages of the backlog, however short they are.
const MAX_BACKLOG_MESSAGES: usize = 262_144;
/// A peer without an address, on a Unix socket, is known by this one; nobody connects from it.
pub(crate) const UNIX_PEER: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// The configuration in force.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is the option of its name")]
pub(crate) struct Config {
    pub(crate) listen: Vec<ListenAddress>,
    pub(crate) workers: usize,
    pub(crate) source: SourceKind,
    pub(crate) is_clock: bool,
    pub(crate) delivery: Delivery,
    pub(crate) ring: Bounds,
    pub(crate) history: u64,
    pub(crate) greet: u64,
    pub(crate) at_eof: AtEof,
    pub(crate) interval: Duration,
    pub(crate) align: bool,
    pub(crate) format: DateFormat,
    pub(crate) template: Template,
    pub(crate) on_message: OnMessage,
    pub(crate) leave_notices: bool,
    pub(crate) retry_ms: u64,
    pub(crate) rules: Rules,
    pub(crate) policy: PolicyAnswer,
    pub(crate) trusted: Vec<Cidr>,
    pub(crate) secure: bool,
    pub(crate) head: HeadLimits,
    pub(crate) head_timeout: Duration,
    pub(crate) messages: websocket::Limits,
    pub(crate) max_message: usize,
    pub(crate) message_rate: Rate,
    pub(crate) control_rate: Rate,
    pub(crate) notice_rate: usize,
    pub(crate) max_line: usize,
    pub(crate) max_producers: usize,
    pub(crate) max_queue: usize,
    pub(crate) ping_interval: Duration,
    pub(crate) pong_timeout: Duration,
    pub(crate) heartbeat: Duration,
    pub(crate) close_timeout: Duration,
    pub(crate) reactor: Settings,
}

/// What a Flash policy request gets.
#[derive(Clone, Debug)]
pub(crate) enum PolicyAnswer {
    /// The end of the connection.
    Off,
    /// Any domain, to the port that was asked.
    ThisPort,
    /// What the options grant.
    Grants(Vec<u8>),
}

impl Config {
    /// Judges the options.
    ///
    /// # Errors
    /// The first that is wrong, by the name of its flag.
    pub(crate) fn new(options: Options) -> Result<Self, Failure> {
        let Options { common, stream, access, limits } = options;
        let is_clock = stream.source == SourceKind::Clock;
        let delivery = stream.delivery.unwrap_or(if is_clock { Delivery::Latest } else { Delivery::Ordered });
        let history = stream.history.unwrap_or(if delivery == Delivery::Ordered { 4096 } else { 0 });
        let keep = history.max(stream.greet);
        for (flag, time) in [
            ("head-timeout", limits.head_timeout),
            ("write-timeout", limits.write_timeout),
            ("ping-interval", limits.ping_interval),
            ("pong-timeout", limits.pong_timeout),
            ("heartbeat", limits.heartbeat),
            ("close-timeout", limits.close_timeout),
        ] {
            if time.is_zero() {
                return Err(Failure::option(flag, "0", "no state is without an end; say a time"));
            }
        }
        let default_template = if is_clock { "{date}" } else { "{line}" };
        let max_connections = limits.max_connections;
        let max_heads = max_connections.saturating_mul(usize::from(limits.max_heads)).div_ceil(100);
        Ok(Self {
            rules: rules(&access.allow_origin, &access.path, access.legacy)?,
            policy: policy(&access.policy, &access.listen)?,
            trusted: trusted(&access.trusted_proxy)?,
            listen: access.listen,
            workers: common.workers(),
            is_clock,
            source: stream.source,
            delivery,
            ring: Bounds {
                bytes: limits.max_backlog,
                messages: if is_clock { keep.max(64) } else { keep.max(MAX_BACKLOG_MESSAGES) },
            },
            history: history as u64,
            greet: stream.greet as u64,
            at_eof: stream.at_eof,
            interval: stream.interval,
            align: stream.align,
            format: stream.format,
            template: Template::new(stream.template.as_deref().unwrap_or(default_template)),
            on_message: stream.on_message,
            leave_notices: stream.leave_notices,
            retry_ms: u64::try_from(stream.retry.as_millis()).unwrap_or(u64::MAX),
            secure: access.secure,
            head: HeadLimits {
                max_bytes: limits.max_head,
                max_headers: limits.max_headers.min(MAX_HEADERS),
                max_target: limits.max_target,
            },
            head_timeout: limits.head_timeout,
            messages: websocket::Limits {
                max_message: limits.max_message as u64,
                max_fragments: limits.max_fragments,
            },
            max_message: limits.max_message,
            message_rate: Rate { per_second: limits.message_rate, burst: limits.message_burst },
            control_rate: Rate { per_second: limits.control_rate, burst: limits.control_burst },
            notice_rate: limits.notice_rate,
            max_line: limits.max_line,
            max_producers: limits.max_producers,
            max_queue: limits.max_queue.max(1),
            ping_interval: limits.ping_interval,
            pong_timeout: limits.pong_timeout,
            heartbeat: limits.heartbeat,
            close_timeout: limits.close_timeout,
            reactor: Settings {
                max_connections,
                max_per_address: limits.max_connections_per_ip,
                max_heads,
                write_timeout: limits.write_timeout,
                linger: limits.linger,
                linger_bytes: limits.linger_bytes,
                drain_timeout: limits.drain_timeout,
                send_buffer: Some(limits.send_buffer).filter(|size| *size > 0),
                ..Settings::default()
            },
        })
    }

    /// How long a connection must have lived for others to be told that it left.
    pub(crate) fn notice_age(&self) -> Duration {
        if self.interval.is_zero() { Duration::from_secs(1) } else { self.interval }
    }
}

fn rules(origins: &[String], paths: &[String], legacy: bool) -> Result<Rules, Failure> {
    let parse =
        |text: &String| text.parse::<Origin>().map_err(|error| Failure::option("allow-origin", text, error));
    let origins: Vec<Origin> = origins.iter().map(parse).collect::<Result<_, _>>()?;
    if let Some(path) = paths.iter().find(|path| !path.starts_with('/') || path.contains(['?', '#', ' '])) {
        return Err(Failure::option("path", path, "a path begins with / and has no query"));
    }
    let paths = paths.iter().map(|path| path.clone().into_bytes()).collect();
    Ok(Rules { origins: OriginList::from(origins), paths, legacy })
}

fn policy(grants: &[String], listen: &[ListenAddress]) -> Result<PolicyAnswer, Failure> {
    match grants {
        [] => return Ok(PolicyAnswer::ThisPort),
        [off] if off == "off" => return Ok(PolicyAnswer::Off),
        _ => {}
    }
    let parse = |text: &String| text.parse::<Grant>().map_err(|error| Failure::option("policy", text, error));
    let policy = Policy { site_control: None, grants: grants.iter().map(parse).collect::<Result<_, _>>()? };
    for address in listen {
        let port = match address {
            ListenAddress::Tcp(address) => address.port(),
            ListenAddress::Name(_, port) => *port,
            ListenAddress::Unix(_) => continue,
        };
        // Any free port is one above the privileged ones.
        let port = if port == 0 { u16::MAX } else { port };
        policy.check_served_from(port).map_err(|error| Failure::option("policy", grants.join(" "), error))?;
    }
    Ok(PolicyAnswer::Grants(policy.to_bytes()))
}

fn trusted(networks: &[String]) -> Result<Vec<Cidr>, Failure> {
    let unix = UNIX_PEER.to_string();
    let parse = |text: &String| {
        let network = if text == "unix" { &unix } else { text };
        network.parse::<Cidr>().map_err(|error| Failure::option("trusted-proxy", text, error))
    };
    networks.iter().map(parse).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use clap::Parser;

    use super::*;

    /// The configuration of a command line.
    pub(crate) fn config(args: &[&str]) -> Result<Config, Failure> {
        Config::new(Options::try_parse_from(["ws-server"].iter().chain(args)).unwrap())
    }

    #[test]
    fn the_delivery_and_history_depend_on_the_source() {
        let clock = config(&[]).unwrap();
        assert_eq!((clock.delivery, clock.history), (Delivery::Latest, 0));
        let lines = config(&["--source", "-"]).unwrap();
        assert_eq!((lines.delivery, lines.history), (Delivery::Ordered, 4096));
        let latest = config(&["--source", "-", "--delivery", "latest", "--history", "9"]).unwrap();
        assert_eq!((latest.delivery, latest.history), (Delivery::Latest, 9));
    }

    #[test]
    fn a_wrong_value_is_told_by_its_flag() {
        for (flag, value) in [
            ("--allow-origin", "example.org"),
            ("--path", "echo"),
            ("--policy", "*"),
            ("--policy", "*:80"),
            ("--trusted-proxy", "10.0.0.0/33"),
            ("--ping-interval", "0"),
        ] {
            let error = config(&[flag, value]).unwrap_err();
            assert!(error.to_string().contains(flag), "{error}");
        }
    }

    #[test]
    fn every_limit_of_the_table_has_its_default() {
        let config = config(&["--max-connections", "1000"]).unwrap();
        assert_eq!(config.reactor.max_heads, 250);
        assert_eq!(config.reactor.max_per_address, 256);
        assert_eq!(
            (config.head.max_bytes, config.head.max_headers, config.head.max_target),
            (8192, 64, 1024)
        );
        assert_eq!(config.messages, websocket::Limits { max_message: 16384, max_fragments: 64 });
        assert_eq!((config.max_queue, config.reactor.send_buffer), (65536, Some(32768)));
        assert_eq!(config.reactor.drain_timeout, Duration::from_secs(5));
    }
}
