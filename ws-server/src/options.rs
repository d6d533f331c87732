//! Every option of ws-server. A name is written once: the field is the flag, the variable and the key of the file.

use std::time::Duration;

use clap::{ArgAction, Parser, ValueEnum};
use daemon::{
    open_files,
    options::Common,
    value::{ListenAddress, duration, on_off, size},
};

use crate::{date_format::DateFormat, source::SourceKind};

/// Descriptors that are not connections: listeners, polls, the log, the source.
const RESERVED_FILES: usize = 64;

/// One numbered stream of lines or dates to every browser ever shipped
#[derive(Clone, Debug, Parser)]
#[command(name = "ws-server", version, about)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) stream: Stream,
    #[command(flatten)]
    pub(crate) access: Access,
    #[command(flatten)]
    pub(crate) limits: Limits,
}

/// What is sent, and how.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Stream")]
pub(crate) struct Stream {
    /// Where the messages come from: clock, - (standard input), fifo:PATH or unix:PATH
    #[arg(long, value_name = "SOURCE", default_value = "clock")]
    pub(crate) source: SourceKind,
    /// latest (a slow client misses messages) or ordered (none is lost; who is too slow is closed) [default: latest
    /// for the clock, ordered for lines]
    #[arg(long, value_name = "HOW")]
    pub(crate) delivery: Option<Delivery>,
    /// Messages that are repeated for who asks by number [default: 4096 if ordered, else 0]
    #[arg(long, value_name = "N")]
    pub(crate) history: Option<usize>,
    /// Newcomers get the last N messages at once
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) greet: usize,
    /// When standard input ends: exit (after delivering everything) or keep (the connections)
    #[arg(long, value_name = "WHAT", default_value = "exit")]
    pub(crate) at_eof: AtEof,
    /// Time between two dates; 0: no dates
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration)]
    pub(crate) interval: Duration,
    /// Sends dates at whole intervals of the wall clock, instead of counting from each connection's opening
    #[arg(long)]
    pub(crate) align: bool,
    /// How a date is written: js, rfc3339, rfc2822, unix, or a description of the crate `time`, such as `[hour]:[minute]`
    #[arg(long, value_name = "FORMAT", default_value = "js")]
    pub(crate) format: DateFormat,
    /// What a message says; {date}, {seq} and {line} are filled in [default: {date} for the clock, {line} for lines]
    #[arg(long, value_name = "TEXT")]
    pub(crate) template: Option<String>,
    /// What becomes of a client's message: ignore, echo or broadcast (to all others)
    #[arg(long, value_name = "WHAT", default_value = "ignore")]
    pub(crate) on_message: OnMessage,
    /// Tells all others when somebody leaves: on or off
    #[arg(long, value_name = "ON|OFF", default_value = "on", action = ArgAction::Set, value_parser = on_off)]
    pub(crate) leave_notices: bool,
    /// Hands the live connections to the next process on USR2, through a service manager that keeps descriptors: on or off
    #[arg(long, value_name = "ON|OFF", default_value = "off", action = ArgAction::Set, value_parser = on_off)]
    pub(crate) hand_over: bool,
    /// How long a browser waits at least before it reconnects to an event stream; each gets up to half as long again
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = duration)]
    pub(crate) retry: Duration,
}

/// Who gets it, and where.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Access")]
pub(crate) struct Access {
    /// Where to listen: `[::]:PORT`, `HOST:PORT` or `unix:PATH` (repeatable)
    #[arg(long, value_name = "ADDRESS", default_value = "[::]:40132")]
    pub(crate) listen: Vec<ListenAddress>,
    /// Origin of a page that may connect, such as `https://example.org` (repeatable) [default: any]
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) allow_origin: Vec<String>,
    /// Path that is served, such as /echo (repeatable) [default: any]
    #[arg(long, value_name = "PATH")]
    pub(crate) path: Vec<String>,
    /// Serves the unmasked drafts 75 and 76, too: on or off
    #[arg(long, value_name = "ON|OFF", default_value = "on", action = ArgAction::Set, value_parser = on_off)]
    pub(crate) legacy: bool,
    /// What a Flash policy request gets here: DOMAIN:PORTS (repeatable), or off [default: any domain, to this port]
    #[arg(long, value_name = "DOMAIN:PORTS")]
    pub(crate) policy: Vec<String>,
    /// Address or network of a proxy whose X-Forwarded-For, X-Forwarded-Proto and PROXY headers count; `unix`: whoever
    /// comes by a Unix socket (repeatable)
    #[arg(long, value_name = "CIDR")]
    pub(crate) trusted_proxy: Vec<String>,
    /// Clients reach this server by wss://: what drafts 75 and 76 are told
    #[arg(long)]
    pub(crate) secure: bool,
}

/// What nobody exceeds.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct Limits {
    /// Open connections; 0: no limit. By default what the limit of open files leaves, less 64
    #[arg(long, value_name = "N", default_value_t = open_files::limit().saturating_sub(RESERVED_FILES))]
    pub(crate) max_connections: usize,
    /// Open connections from one IPv4 address or IPv6 /64 network; 0: no limit
    #[arg(long, value_name = "N", default_value_t = 256)]
    pub(crate) max_connections_per_ip: usize,
    /// Share of the connections, in percent, that may be in their opening handshake
    #[arg(long, value_name = "PERCENT", default_value_t = 25, value_parser = clap::value_parser!(u8).range(1..=100))]
    pub(crate) max_heads: u8,
    /// Bytes of a request head
    #[arg(long, value_name = "SIZE", default_value = "8KiB", value_parser = size)]
    pub(crate) max_head: usize,
    /// Header fields of a request, at most 64
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub(crate) max_headers: usize,
    /// Bytes of a request target
    #[arg(long, value_name = "SIZE", default_value = "1KiB", value_parser = size)]
    pub(crate) max_target: usize,
    /// How long an opening handshake may take
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub(crate) head_timeout: Duration,
    /// Bytes of a message from a client; 0: no limit
    #[arg(long, value_name = "SIZE", default_value = "16KiB", value_parser = size)]
    pub(crate) max_message: usize,
    /// Fragments of a message from a client; 0: no limit
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub(crate) max_fragments: u32,
    /// Messages that a client may send in a second; 0: no limit
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) message_rate: u32,
    /// Messages that a client may send at once
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) message_burst: u32,
    /// Pings and pongs that a client may send in a second; 0: no limit
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) control_rate: u32,
    /// Pings and pongs that a client may send at once
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) control_burst: u32,
    /// Leave notices that anybody gets in a second; the rest is one `N disconnected`
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) notice_rate: usize,
    /// Bytes of a line from the source; longer ones are dropped
    #[arg(long, value_name = "SIZE", default_value = "16KiB", value_parser = size)]
    pub(crate) max_line: usize,
    /// Producers that may write to a unix: source at the same time
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub(crate) max_producers: usize,
    /// Bytes of text that an ordered stream keeps for clients that are behind
    #[arg(long, value_name = "SIZE", default_value = "8MiB", value_parser = size)]
    pub(crate) max_backlog: usize,
    /// Bytes that are queued for one connection at a time
    #[arg(long, value_name = "SIZE", default_value = "64KiB", value_parser = size)]
    pub(crate) max_queue: usize,
    /// `SO_SNDBUF` of a connection; 0: the system's
    #[arg(long, value_name = "SIZE", default_value = "32KiB", value_parser = size)]
    pub(crate) send_buffer: usize,
    /// How long a client may take none of what it is sent
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub(crate) write_timeout: Duration,
    /// Time between two pings
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub(crate) ping_interval: Duration,
    /// How long a client may take to answer a ping
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub(crate) pong_timeout: Duration,
    /// Time between two comments in an event stream without messages
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = duration)]
    pub(crate) heartbeat: Duration,
    /// How long a closing handshake may take
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration)]
    pub(crate) close_timeout: Duration,
    /// How long a closed connection is read on, so that no reset eats the answer
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = duration)]
    pub(crate) linger: Duration,
    /// How many bytes are read on in that time
    #[arg(long, value_name = "SIZE", default_value = "64KiB", value_parser = size)]
    pub(crate) linger_bytes: usize,
    /// How long connections may take to end when the daemon stops
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration)]
    pub(crate) drain_timeout: Duration,
}

/// The value of `--delivery`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Delivery {
    /// Only the newest message counts.
    Latest,
    /// Every message counts.
    Ordered,
}

/// The value of `--at-eof`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AtEof {
    /// Deliver what is there, close, and end.
    Exit,
    /// Go on without new messages.
    Keep,
}

/// The value of `--on-message`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnMessage {
    /// As in the tutorial.
    Ignore,
    /// Send it back.
    Echo,
    /// Send it to all others.
    Broadcast,
}
