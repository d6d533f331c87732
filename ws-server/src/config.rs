//! The configuration: the options of each part, as clap parses them.

use std::{fmt::Display, net::SocketAddr, time::Duration};

use clap::{ArgAction, Parser};
use common::{
    admission::{Admission, Audience},
    host::Authority,
    http::HeadLimits,
};
use daemon::{
    Common, DaemonError, ListenAddress, open_files,
    value::{duration, on_off, size},
};
use reactor::Settings;

use crate::{
    broadcast::NoticeOptions,
    connection::{Access, ConnectionOptions},
    source::{LineFormat, LineRules, SourceOptions},
    stream::{SourceKind, StreamOptions},
};

/// Descriptors that are not connections: listeners, polls, the log, the source.
const RESERVED_FILES: usize = 64;

/// One numbered stream of dates or lines to every browser ever shipped
#[derive(Clone, Debug, Parser)]
#[command(name = "ws-server", version, about)]
pub struct Config {
    /// The options that every daemon has.
    #[command(flatten)]
    pub common: Common,
    #[command(flatten)]
    pub(crate) stream: StreamOptions,
    #[command(flatten)]
    pub(crate) notices: NoticeOptions,
    /// Hands the live connections to the next process on USR2, through a service manager that keeps descriptors: on (as in its
    /// systemd unit) or off
    #[arg(long, value_name = "ON|OFF", default_value = "off", action = ArgAction::Set, value_parser = on_off, help_heading = "Stream")]
    pub hand_over: bool,
    /// Where to listen: `[::]:PORT`, `HOST:PORT` or `unix:PATH` (repeatable)
    #[arg(long, value_name = "ADDRESS", default_value = "[::]:40132", help_heading = "Access")]
    pub listen: Vec<ListenAddress>,
    #[command(flatten)]
    pub(crate) access: Access,
    #[command(flatten)]
    capacity: Capacity,
    #[command(flatten)]
    pub(crate) connection: ConnectionOptions,
    #[command(flatten)]
    pub(crate) source: SourceOptions,
}

/// How many connections there may be, and how they end.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct Capacity {
    /// Open connections; 0: no limit [default: the limit of open files, less 64, and at least 16]
    #[arg(long, value_name = "N", hide_default_value = true, default_value_t = open_files::limit().saturating_sub(RESERVED_FILES).max(16))]
    max_connections: usize,
    /// Open connections from one IPv4 address or IPv6 /64 network; 0: no limit
    #[arg(long, value_name = "N", default_value_t = 256)]
    max_connections_per_ip: usize,
    /// Share of the connections, in percent, that may be in their opening handshake
    #[arg(long, value_name = "PERCENT", default_value_t = 25, value_parser = clap::value_parser!(u8).range(1..=100))]
    max_heads: u8,
    /// `SO_SNDBUF` of a connection; 0: the system's
    #[arg(long, value_name = "SIZE", default_value = "32KiB", value_parser = size)]
    send_buffer: usize,
    /// How long to read on from a connection after its last answer, so that no reset eats the answer
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = duration)]
    linger: Duration,
    /// How many bytes to read on in that time
    #[arg(long, value_name = "SIZE", default_value = "64KiB", value_parser = size)]
    linger_bytes: usize,
    /// How long connections may take to end when the daemon stops
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration)]
    drain_timeout: Duration,
}

impl Config {
    /// Makes the options those of a server whose own pages alone may read, before [`Self::check`]. `machine` is the name of this
    /// machine, under which others may know it.
    #[must_use]
    pub fn private(mut self, machine: &str) -> Self {
        let is_open = self.listen.iter().any(|address| !address.is_loopback());
        let admission = &mut self.access.admission;
        admission.audience = Audience::Private;
        admission.machine = Authority::parse(machine.as_bytes()).filter(|_| is_open).map(|name| name.host);
        self
    }

    /// Lets an `ordered` stream keep so many messages unless `--history` says otherwise.
    #[must_use]
    pub fn keeping(mut self, messages: usize) -> Self {
        self.stream.ordered_history = messages;
        self
    }

    /// Which requests are answered, on the whole listener.
    pub fn admission(&self) -> &Admission {
        &self.access.admission
    }

    /// Checks the options, and parses what depends on several of them.
    ///
    /// # Errors
    /// The first wrong option, by its flag.
    pub fn check(mut self) -> Result<Self, DaemonError> {
        self.connection.check()?;
        for (flag, limit) in [
            ("max-target", self.connection.max_target),
            ("max-line", self.source.max_line),
            ("max-producers", self.source.max_producers),
            ("max-backlog", self.stream.max_backlog),
            ("max-queue", self.connection.max_queue),
        ] {
            if limit == 0 {
                return Err(DaemonError::option(
                    flag,
                    limit,
                    "this one is never without a limit; say at least 1",
                ));
            }
        }
        self.stream.check()?;
        self.access.takes_lines = self.stream.source == SourceKind::Http;
        self.access = self.access.check(&self.listen)?;
        if self.common.check {
            self.check_publishers(self.listen.iter().find(|address| !address.is_this_machines_own()))?;
        }
        Ok(self)
    }

    /// Refuses a stream to which everybody could publish at one of these TCP addresses, which are those of our listeners.
    ///
    /// # Errors
    /// The source is `http`, others than this machine can connect, and no token is asked for.
    pub fn check_listeners(&self, addresses: &[SocketAddr]) -> Result<(), DaemonError> {
        self.check_publishers(addresses.iter().find(|address| !address.ip().to_canonical().is_loopback()))
    }

    /// Refuses a stream to which everybody could publish. `open` is an address to which others than this machine can connect.
    ///
    /// # Errors
    /// There is such an address, and no token is asked for.
    fn check_publishers(&self, open: Option<impl Display>) -> Result<(), DaemonError> {
        let Some(open) = open.filter(|_| self.access.takes_lines && self.access.publishers.is_none()) else {
            return Ok(());
        };
        let what = format!(
            "everybody who reaches {open} could publish; name a file with the tokens of those who may (--publish-token-file FILE), \
             or listen on loopback or a Unix socket alone (--listen localhost:PORT)"
        );
        Err(DaemonError::option("source", &self.stream.source, what))
    }

    /// The value of `--source`, unless it is standard input.
    pub fn other_source(&self) -> Option<String> {
        let source = &self.stream.source;
        (*source != SourceKind::Stdin).then(|| source.to_string())
    }

    /// The limits of a request head, and how long it may take.
    pub fn head_limits(&self) -> (HeadLimits, Duration) {
        (self.connection.head_limits(), self.connection.head_timeout)
    }

    /// How a line of the source becomes a message.
    pub(crate) fn line_format(&self) -> LineFormat {
        LineFormat {
            template: self.stream.template(),
            date_format: self.stream.format.clone(),
            rules: LineRules {
                max_line: self.source.max_line,
                invalid_utf8: self.source.invalid_utf8,
                numbers: self.stream.numbers,
            },
        }
    }

    /// The limits and timeouts of the event loop.
    pub fn reactor_settings(&self) -> Settings {
        let Capacity { max_connections, max_heads, linger, linger_bytes, drain_timeout, .. } = self.capacity;
        Settings {
            max_connections,
            max_per_address: self.capacity.max_connections_per_ip,
            max_heads: max_connections.saturating_mul(usize::from(max_heads)).div_ceil(100),
            write_timeout: self.connection.write_timeout,
            probe_after: self.connection.ping_interval,
            probe_timeout: self.connection.pong_timeout,
            linger,
            linger_bytes,
            drain_timeout,
            stop_spread: drain_timeout / 2,
            send_buffer: Some(self.capacity.send_buffer).filter(|size| *size > 0),
            ..Settings::default()
        }
    }

    /// This configuration, with what the daemon fixed at its start from `old`; warns of options that wait for a restart.
    pub(crate) fn after(mut self, old: &Self) -> Self {
        daemon::warn_of_restart(&[
            ("listen", self.listen != old.listen),
            ("workers", self.common.workers() != old.common.workers()),
            ("source", self.stream.source != old.stream.source),
            ("numbers", self.stream.numbers != old.stream.numbers),
            ("delivery", self.stream.delivery() != old.stream.delivery()),
            ("max-producers", self.source.max_producers != old.source.max_producers),
            ("interval", self.stream.interval != old.stream.interval),
            ("align", self.stream.align != old.stream.align),
            ("hand-over", self.hand_over != old.hand_over),
        ]);
        self.listen.clone_from(&old.listen);
        self.common.workers = old.common.workers;
        self.stream = self.stream.after(&old.stream);
        self.access.takes_lines = old.access.takes_lines;
        self.source.max_producers = old.source.max_producers;
        self.hand_over = old.hand_over;
        self
    }

    /// True if clients hear of others that leave. A page that parses each line as JSON would stumble over a notice.
    pub(crate) fn leave_notices(&self) -> bool {
        self.notices.leave_notices.unwrap_or(self.stream.is_clock())
    }

    /// How long a connection must have had the stream for the others to get a leave notice.
    pub(crate) fn notice_age(&self) -> Duration {
        if self.stream.interval.is_zero() { Duration::from_secs(1) } else { self.stream.interval }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use common::websocket::MessageLimits;

    use super::*;
    use crate::stream::Delivery;

    /// The configuration of a command line.
    pub(crate) fn config(args: &[&str]) -> Result<Config, DaemonError> {
        Config::try_parse_from(["ws-server"].iter().chain(args)).unwrap().check()
    }

    #[test]
    fn the_delivery_and_history_depend_on_the_source() {
        let clock = config(&[]).unwrap().stream;
        assert_eq!((clock.delivery(), clock.history(), clock.greet()), (Delivery::Latest, 0, 1));
        let lines = config(&["--source", "-"]).unwrap().stream;
        assert_eq!((lines.delivery(), lines.history(), lines.greet()), (Delivery::Ordered, 4096, 10));
        let dates = config(&["--delivery", "ordered", "--history", "9"]).unwrap().stream;
        assert_eq!((dates.delivery(), dates.history()), (Delivery::Ordered, 9));
    }

    #[test]
    fn newcomers_to_lines_get_ten_and_no_more_than_the_history() {
        let greet = |args: &[&str]| config(&[&["--source", "-"], args].concat()).unwrap().stream.greet();
        assert_eq!(greet(&["--history", "3"]), 3);
        assert_eq!(greet(&["--history", "0"]), 0);
        assert_eq!(greet(&["--history", "3", "--greet", "5"]), 5);
        assert_eq!(greet(&["--delivery", "latest"]), 10);
        assert_eq!(greet(&["--delivery", "latest", "--greet", "0"]), 1, "the newest, in any case");
    }

    #[test]
    fn lines_wait_for_others_unless_an_option_says_otherwise_and_dates_never_do() {
        let coalesce = |args: &[&str]| config(args).unwrap().stream.coalesce();
        assert_eq!(coalesce(&["--source", "-"]), Duration::from_millis(5));
        assert_eq!(coalesce(&["--source", "-", "--coalesce", "0"]), Duration::ZERO);
        assert_eq!(coalesce(&["--delivery", "ordered"]), Duration::ZERO);
    }

    #[test]
    fn leave_notices_are_for_dates_unless_an_option_says_otherwise() {
        let notices = |args: &[&str]| config(args).unwrap().leave_notices();
        assert!(notices(&[]));
        assert!(!notices(&["--leave-notices", "off"]));
        assert!(!notices(&["--source", "-"]));
        assert!(notices(&["--source", "-", "--leave-notices", "on"]));
    }

    #[test]
    fn the_error_of_a_wrong_value_names_its_flag() {
        for (flag, value) in [
            ("--allow-origin", "example.org"),
            ("--path", "echo"),
            ("--protocol", "a, b"),
            ("--protocol", ""),
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
        let (reactor, head) = (config.reactor_settings(), config.connection.head_limits());
        assert_eq!(reactor.max_heads, 250);
        assert_eq!(reactor.max_per_address, 256);
        assert_eq!((head.max_bytes, head.max_headers, head.max_target), (32768, 64, 8192));
        assert_eq!(
            config.connection.message_limits(),
            MessageLimits { max_message: 16384, max_fragments: 64 }
        );
        assert_eq!((config.connection.max_queue, reactor.send_buffer), (65536, Some(32768)));
        assert_eq!(reactor.drain_timeout, Duration::from_secs(5));
    }
}
