//! The options, and what becomes of them.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use common::http::{HeadLimits, is_field_value};
use daemon::value::{duration, size};
use daemon::{self, DaemonError, Exit, ListenAddress, open_files};
use reactor::Settings;

use crate::builtin::BuiltIn;
use crate::csp::{self, WsUrl};
use crate::directory::Directory;
use crate::handler::{Limits, StaticHandler};
use crate::response::Common;
use crate::root::Root;
use crate::site::{Site, Source};

/// Serves static files over HTTP/1.1; without --root the built-in page of datecast.
#[derive(clap::Parser, Clone, Debug)]
#[command(name = "static-server", version)]
pub struct Options {
    /// Where to listen: ADDRESS:PORT or unix:PATH (repeatable; port 0: any free one)
    #[arg(long, value_name = "ADDRESS", default_value = "[::]:8080")]
    pub listen: Vec<ListenAddress>,

    /// The directory to serve (default: the built-in page)
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,

    /// Which ws-server the page connects to: a `ws:` or `wss:` address, or /PATH on the page's own origin (default: the page's
    /// host, port 40132)
    #[arg(long, value_name = "URL")]
    pub ws_url: Option<WsUrl>,

    /// Answers paths that name no file, and have no extension, with the root's index.html
    #[arg(long)]
    pub spa: bool,

    /// Adds a header field to every answer, or replaces ours (repeatable)
    #[arg(long, value_name = "NAME: VALUE")]
    pub header: Vec<HeaderField>,

    /// Memory for ready answers, of all workers together (0: none)
    #[arg(long, value_name = "SIZE", value_parser = size, default_value = "32MiB")]
    pub cache_size: usize,

    /// Most open connections: by default half of the descriptors, less 64, as each may send a file
    #[arg(long, help_heading = "Limits", value_name = "N", default_value_t = (open_files::limit() / 2).saturating_sub(64).max(16))]
    pub max_connections: usize,

    /// Most open connections from one IPv4 address or IPv6 /64 (0: no limit)
    #[arg(long, help_heading = "Limits", value_name = "N", default_value_t = 64)]
    pub max_connections_per_ip: usize,

    /// Longest request head
    #[arg(long, help_heading = "Limits", value_name = "SIZE", value_parser = size, default_value = "8KiB")]
    pub max_head: usize,

    /// Most header fields of a request, at most 64
    #[arg(long, help_heading = "Limits", value_name = "N", default_value_t = 64)]
    pub max_headers: usize,

    /// Longest request target
    #[arg(long, help_heading = "Limits", value_name = "SIZE", value_parser = size, default_value = "4KiB")]
    pub max_target: usize,

    /// Longest time for a request head to arrive
    #[arg(long, help_heading = "Limits", value_name = "TIME", value_parser = duration, default_value = "10s")]
    pub head_timeout: Duration,

    /// Longest time between an answer and the next request
    #[arg(long, help_heading = "Limits", value_name = "TIME", value_parser = duration, default_value = "15s")]
    pub keep_alive: Duration,

    /// Most requests on one connection (0: no limit)
    #[arg(long, help_heading = "Limits", value_name = "N", default_value_t = 1000)]
    pub keep_alive_requests: u32,

    /// Longest time in which a client takes nothing of an answer
    #[arg(long, help_heading = "Limits", value_name = "TIME", value_parser = duration, default_value = "30s")]
    pub write_timeout: Duration,

    /// How long a connection is read on after its last answer
    #[arg(long, help_heading = "Limits", value_name = "TIME", value_parser = duration, default_value = "2s")]
    pub linger: Duration,

    /// Longest time to finish answers when the daemon stops
    #[arg(long, help_heading = "Limits", value_name = "TIME", value_parser = duration, default_value = "30s")]
    pub drain_timeout: Duration,

    /// What all daemons have.
    #[command(flatten)]
    pub common: daemon::Common,
}

/// A checked `--header`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderField(pub String, pub String);

/// Fields that say how a message is read, or what a file is: a wrong one breaks every client.
const OURS: &[&str] = &[
    "Accept-Ranges",
    "Allow",
    "Connection",
    "Content-Encoding",
    "Content-Length",
    "Content-Range",
    "Content-Type",
    "Date",
    "ETag",
    "Keep-Alive",
    "Last-Modified",
    "Location",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
    "X-Content-Type-Options",
];

impl FromStr for HeaderField {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once(':').ok_or("expected `Name: value`")?;
        let value = value.trim_matches([' ', '\t']);
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(format!("{name:?} is not the name of a header field"));
        }
        if !is_field_value(value.as_bytes()) || !value.is_ascii() {
            return Err("the value holds a byte that may not stand in a header field".to_owned());
        }
        if OURS.iter().any(|ours| ours.eq_ignore_ascii_case(name)) {
            return Err(format!("{name} is set by the server itself"));
        }
        Ok(HeaderField(name.to_owned(), value.to_owned()))
    }
}

/// Checked options: what the daemon runs with.
#[derive(Debug)]
pub struct Config {
    /// Where to listen.
    pub listen: Vec<ListenAddress>,
    /// Threads.
    pub workers: usize,
    /// Where metrics are told.
    pub metrics: Option<ListenAddress>,
    /// The reactor's limits.
    pub settings: Settings,
    limits: Limits,
    source: Checked,
    spa: bool,
    cache_size: usize,
    common: Arc<Common>,
}

/// Where the files come from, checked.
#[derive(Debug)]
enum Checked {
    BuiltIn(BuiltIn),
    Root(PathBuf),
}

impl Config {
    /// Checks the options, and opens the root.
    ///
    /// # Errors
    /// A limit that makes no sense, or a root that cannot be opened.
    pub fn check(options: Options) -> Result<Self, DaemonError> {
        let limits = limits(&options)?;
        let settings = Settings {
            max_connections: options.max_connections,
            max_per_address: options.max_connections_per_ip,
            max_heads: options.max_connections,
            write_timeout: options.write_timeout,
            linger: options.linger,
            drain_timeout: options.drain_timeout,
            ..Settings::default()
        };
        let ws_url = options.ws_url.as_ref();
        let policy = if options.root.is_some() { csp::for_root(ws_url) } else { csp::for_built_in(ws_url) };
        let extra = options.header.into_iter().map(|HeaderField(name, value)| (name, value)).collect();
        let common = Common { extra, policy };
        let source = match options.root {
            None => Checked::BuiltIn(BuiltIn::new(ws_url, &common)),
            Some(path) => {
                open_root(&path)?;
                Checked::Root(path)
            }
        };
        Ok(Config {
            listen: options.listen,
            workers: options.common.workers(),
            metrics: options.common.metrics,
            settings,
            limits,
            source,
            spa: options.spa,
            cache_size: options.cache_size,
            common: Arc::new(common),
        })
    }

    /// One handler for each worker.
    ///
    /// # Errors
    /// A root that can no longer be opened.
    pub fn handlers(&self, workers: usize) -> Result<Vec<StaticHandler>, DaemonError> {
        let handler = || {
            let source = match &self.source {
                Checked::BuiltIn(page) => Source::BuiltIn(page.clone()),
                Checked::Root(path) => {
                    let cache_bytes = self.cache_size / workers.max(1);
                    Source::Directory(Directory::new(open_root(path)?, cache_bytes, (*self.common).clone()))
                }
            };
            Ok(StaticHandler::new(Site::new(source, self.spa), self.common.clone(), self.limits))
        };
        (0..workers).map(|_| handler()).collect()
    }
}

fn open_root(path: &Path) -> Result<Root, DaemonError> {
    Root::open(path)
        .map_err(|error| DaemonError::new(Exit::NoInput, format!("--root {}: {error}", path.display())))
}

fn limits(options: &Options) -> Result<Limits, DaemonError> {
    if options.max_headers == 0 || options.max_headers > common::http::MAX_HEADERS {
        return Err(DaemonError::option("max-headers", options.max_headers, "must be from 1 to 64"));
    }
    if !(64..=32 * 1024).contains(&options.max_head) {
        return Err(DaemonError::option("max-head", options.max_head, "must be from 64 bytes to 32KiB"));
    }
    if options.max_target == 0 {
        return Err(DaemonError::option("max-target", 0, "must be at least 1"));
    }
    for (flag, time) in [
        ("head-timeout", options.head_timeout),
        ("keep-alive", options.keep_alive),
        ("write-timeout", options.write_timeout),
    ] {
        if time.is_zero() || time > Duration::from_hours(24) {
            return Err(DaemonError::option(
                flag,
                format!("{time:?}"),
                "must be more than 0 and at most a day",
            ));
        }
    }
    let head = HeadLimits {
        max_bytes: options.max_head,
        max_headers: options.max_headers,
        max_target: options.max_target,
    };
    let (head_timeout, keep_alive) = (options.head_timeout, options.keep_alive);
    let requests = if options.keep_alive_requests == 0 { u32::MAX } else { options.keep_alive_requests };
    Ok(Limits { head, head_timeout, keep_alive, requests })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_0_is_none_or_refused() {
        let check = |args: &[&str]| {
            limits(&<Options as clap::Parser>::try_parse_from(["static-server"].iter().chain(args)).unwrap())
        };
        assert_eq!(check(&["--keep-alive-requests", "0"]).unwrap().requests, u32::MAX);
        for flag in ["--max-target", "--max-head", "--max-headers", "--keep-alive"] {
            assert!(check(&[flag, "0"]).unwrap_err().to_string().contains(flag));
        }
    }

    #[test]
    fn good_header_fields_are_taken() {
        let field: HeaderField = "Referrer-Policy:  no-referrer ".parse().unwrap();
        assert_eq!(field, HeaderField("Referrer-Policy".into(), "no-referrer".into()));
        assert!("X-Empty:".parse::<HeaderField>().is_ok());
    }

    #[test]
    fn header_fields_that_would_break_an_answer_are_refused() {
        for text in [
            "",
            "x",
            ": x",
            "a b: c",
            "a: b\r\nc: d",
            "a: \u{e9}",
            "content-length: 1",
            "Connection: close",
            "a\0: b",
        ] {
            assert!(text.parse::<HeaderField>().is_err(), "{text:?}");
        }
    }
}
