//! What the server serves with: the options, judged and put together.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use common::{
    http::{HeadLimits, MAX_HEADERS},
    origin::{Origin, OriginList},
    policy::{Grant, Policy},
    proxy::Cidr,
    websocket,
};
use daemon::{self, DaemonError, ListenAddress};
use reactor::Settings;

use crate::{
    budget::Rate,
    date_format::DateFormat,
    opening::Rules,
    options::{AtEof, Delivery, Limits, OnMessage, Options, Stream},
    ring::Bounds,
    source::{SourceKind, Style},
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
    pub(crate) metrics: Option<ListenAddress>,
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
    pub(crate) hand_over: bool,
    pub(crate) head: HeadLimits,
    pub(crate) head_timeout: Duration,
    pub(crate) messages: websocket::MessageLimits,
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
    pub(crate) fn new(options: Options) -> Result<Self, DaemonError> {
        let Options { common, stream, access, limits } = options;
        let is_clock = stream.source == SourceKind::Clock;
        let delivery = stream.delivery.unwrap_or(if is_clock { Delivery::Latest } else { Delivery::Ordered });
        let history = stream.history.unwrap_or(if delivery == Delivery::Ordered { 4096 } else { 0 });
        let keep = history.max(stream.greet);
        check_limits(&limits)?;
        check_history(&stream, delivery)?;
        let trusted = trusted(&access.trusted_proxy)?;
        let default_template = if is_clock { "{date}" } else { "{line}" };
        Ok(Self {
            rules: rules(&access.allow_origin, &access.path, access.legacy)?,
            policy: policy(&access.policy, &access.listen)?,
            reactor: settings(&limits),
            trusted,
            listen: access.listen,
            workers: common.workers(),
            metrics: common.metrics,
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
            hand_over: stream.hand_over,
            head: HeadLimits {
                max_bytes: limits.max_head,
                max_headers: limits.max_headers,
                max_target: limits.max_target,
            },
            head_timeout: limits.head_timeout,
            messages: websocket::MessageLimits {
                max_message: limits.max_message as u64,
                max_fragments: limits.max_fragments,
            },
            max_message: limits.max_message,
            message_rate: Rate { per_second: limits.message_rate, burst: limits.message_burst },
            control_rate: Rate { per_second: limits.control_rate, burst: limits.control_burst },
            notice_rate: limits.notice_rate,
            max_line: limits.max_line,
            max_producers: limits.max_producers,
            max_queue: limits.max_queue,
            ping_interval: limits.ping_interval,
            pong_timeout: limits.pong_timeout,
            heartbeat: limits.heartbeat,
            close_timeout: limits.close_timeout,
        })
    }

    /// How a line of the source becomes a message.
    pub(crate) fn style(&self) -> Style {
        Style { template: self.template.clone(), format: self.format.clone(), max_line: self.max_line }
    }

    /// This configuration while the daemon runs on with what `old` fixed at its start; says what waits for a restart.
    pub(crate) fn after(mut self, old: &Self) -> Self {
        daemon::warn_of_restart(&[
            ("listen", self.listen != old.listen),
            ("workers", self.workers != old.workers),
            ("source", self.source != old.source),
            ("delivery", self.delivery != old.delivery),
            ("max-producers", self.max_producers != old.max_producers),
            ("interval", self.interval != old.interval),
            ("align", self.align != old.align),
            ("hand-over", self.hand_over != old.hand_over),
        ]);
        self.listen.clone_from(&old.listen);
        self.source.clone_from(&old.source);
        self.workers = old.workers;
        self.delivery = old.delivery;
        self.max_producers = old.max_producers;
        self.interval = old.interval;
        self.align = old.align;
        self.hand_over = old.hand_over;
        if self.is_clock != old.is_clock {
            // These depend on the source that stays.
            self.template.clone_from(&old.template);
            (self.ring, self.history, self.greet) = (old.ring, old.history, old.greet);
        }
        self.is_clock = old.is_clock;
        self
    }

    /// How long a connection must have lived for others to be told that it left.
    pub(crate) fn notice_age(&self) -> Duration {
        if self.interval.is_zero() { Duration::from_secs(1) } else { self.interval }
    }
}

fn settings(limits: &Limits) -> Settings {
    let max_connections = limits.max_connections;
    Settings {
        max_connections,
        max_per_address: limits.max_connections_per_ip,
        max_heads: max_connections.saturating_mul(usize::from(limits.max_heads)).div_ceil(100),
        write_timeout: limits.write_timeout,
        linger: limits.linger,
        linger_bytes: limits.linger_bytes,
        drain_timeout: limits.drain_timeout,
        stop_spread: limits.drain_timeout / 2,
        send_buffer: Some(limits.send_buffer).filter(|size| *size > 0),
        ..Settings::default()
    }
}

/// The shortest time between two dates that makes sense on a network.
const MIN_INTERVAL: Duration = Duration::from_millis(1);

fn check_limits(limits: &Limits) -> Result<(), DaemonError> {
    for (flag, time) in [
        ("head-timeout", limits.head_timeout),
        ("write-timeout", limits.write_timeout),
        ("ping-interval", limits.ping_interval),
        ("pong-timeout", limits.pong_timeout),
        ("heartbeat", limits.heartbeat),
        ("close-timeout", limits.close_timeout),
    ] {
        if time.is_zero() {
            return Err(DaemonError::option(flag, "0", "no state is without an end; say a time"));
        }
    }
    if !(64..=32 * 1024).contains(&limits.max_head) {
        return Err(DaemonError::option("max-head", limits.max_head, "must be from 64 bytes to 32KiB"));
    }
    if !(1..=MAX_HEADERS).contains(&limits.max_headers) {
        return Err(DaemonError::option("max-headers", limits.max_headers, "must be from 1 to 64"));
    }
    for (flag, limit) in [
        ("max-target", limits.max_target),
        ("max-line", limits.max_line),
        ("max-producers", limits.max_producers),
        ("max-backlog", limits.max_backlog),
        ("max-queue", limits.max_queue),
    ] {
        if limit == 0 {
            return Err(DaemonError::option(
                flag,
                limit,
                "this one is never without a limit; say at least 1",
            ));
        }
    }
    Ok(())
}

/// Refuses what would be promised and not kept.
fn check_history(stream: &Stream, delivery: Delivery) -> Result<(), DaemonError> {
    if stream.source == SourceKind::Clock && !stream.interval.is_zero() && stream.interval < MIN_INTERVAL {
        let interval = format!("{:?}", stream.interval);
        return Err(DaemonError::option("interval", interval, "say at least 1ms, or 0 for no dates"));
    }
    if delivery == Delivery::Ordered {
        return Ok(());
    }
    let why = "only the newest message counts here; add --delivery ordered";
    match stream.history {
        Some(history) if history > 0 => return Err(DaemonError::option("history", history, why)),
        _ => {}
    }
    if stream.source == SourceKind::Clock && stream.greet > 0 {
        return Err(DaemonError::option("greet", stream.greet, why));
    }
    Ok(())
}

fn rules(origins: &[String], paths: &[String], legacy: bool) -> Result<Rules, DaemonError> {
    let parse = |text: &String| {
        text.parse::<Origin>().map_err(|error| DaemonError::option("allow-origin", text, error))
    };
    let origins: Vec<Origin> = origins.iter().map(parse).collect::<Result<_, _>>()?;
    if let Some(path) = paths.iter().find(|path| !path.starts_with('/') || path.contains(['?', '#', ' '])) {
        return Err(DaemonError::option("path", path, "a path begins with / and has no query"));
    }
    let paths = paths.iter().map(|path| path.clone().into_bytes()).collect();
    Ok(Rules { origins: OriginList::from(origins), paths, legacy })
}

fn policy(grants: &[String], listen: &[ListenAddress]) -> Result<PolicyAnswer, DaemonError> {
    match grants {
        [] => return Ok(PolicyAnswer::ThisPort),
        [off] if off == "off" => return Ok(PolicyAnswer::Off),
        _ => {}
    }
    let parse =
        |text: &String| text.parse::<Grant>().map_err(|error| DaemonError::option("policy", text, error));
    let policy = Policy { site_control: None, grants: grants.iter().map(parse).collect::<Result<_, _>>()? };
    for address in listen {
        let port = match address {
            ListenAddress::Tcp(address) => address.port(),
            ListenAddress::Name(_, port) => *port,
            ListenAddress::Unix(_) => continue,
        };
        // Any free port is one above the privileged ones.
        let port = if port == 0 { u16::MAX } else { port };
        policy
            .check_served_from(port)
            .map_err(|error| DaemonError::option("policy", grants.join(" "), error))?;
    }
    Ok(PolicyAnswer::Grants(policy.to_bytes()))
}

fn trusted(networks: &[String]) -> Result<Vec<Cidr>, DaemonError> {
    let unix = UNIX_PEER.to_string();
    let parse = |text: &String| {
        let network = if text == "unix" { &unix } else { text };
        network.parse::<Cidr>().map_err(|error| DaemonError::option("trusted-proxy", text, error))
    };
    networks.iter().map(parse).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use clap::Parser;

    use super::*;

    /// The configuration of a command line.
    pub(crate) fn config(args: &[&str]) -> Result<Config, DaemonError> {
        Config::new(Options::try_parse_from(["ws-server"].iter().chain(args)).unwrap())
    }

    #[test]
    fn the_delivery_and_history_depend_on_the_source() {
        let clock = config(&[]).unwrap();
        assert_eq!((clock.delivery, clock.history), (Delivery::Latest, 0));
        let lines = config(&["--source", "-"]).unwrap();
        assert_eq!((lines.delivery, lines.history), (Delivery::Ordered, 4096));
        let dates = config(&["--delivery", "ordered", "--history", "9"]).unwrap();
        assert_eq!((dates.delivery, dates.history), (Delivery::Ordered, 9));
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
            ("--interval", "1ns"),
            ("--max-head", "0"),
            ("--max-headers", "65"),
            ("--max-target", "0"),
            ("--max-line", "0"),
            ("--max-producers", "0"),
            ("--max-backlog", "0"),
            ("--max-queue", "0"),
        ] {
            let error = config(&[flag, value]).unwrap_err();
            assert!(error.to_string().contains(flag), "{error}");
        }
    }

    #[test]
    fn a_history_of_dates_is_refused_where_only_the_newest_counts() {
        for args in [
            &["--history", "9"][..],
            &["--greet", "3"],
            &["--delivery", "latest", "--source", "-", "--history", "9"],
        ] {
            let error = config(args).unwrap_err().to_string();
            assert!(error.contains("--delivery ordered"), "{error}");
        }
        assert!(config(&["--history", "0"]).is_ok());
        assert!(config(&["--delivery", "latest", "--source", "-", "--greet", "3"]).is_ok());
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
        assert_eq!(config.messages, websocket::MessageLimits { max_message: 16384, max_fragments: 64 });
        assert_eq!((config.max_queue, config.reactor.send_buffer), (65536, Some(32768)));
        assert_eq!(config.reactor.drain_timeout, Duration::from_secs(5));
    }
}
