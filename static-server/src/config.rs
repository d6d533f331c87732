//! The configuration, which is what clap makes of the options, and the handlers that serve by it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use daemon::value::{duration, size};
use daemon::{DaemonError, Exit, ListenAddress, describe_path_error, open_files};
use reactor::Settings;

use crate::builtin::BuiltIn;
use crate::csp::{self, WsUrl};
use crate::directory::Directory;
use crate::fields::{HeaderField, SharedFields};
use crate::glob::Glob;
use crate::limits::{ConnectionLimits, check_time};
use crate::root::Root;
use crate::serving::Serving;
use crate::site::{Content, Site};

/// Serves static files over HTTP/1.1; without --root the built-in page of datecast.
#[derive(clap::Parser, Debug)]
#[command(name = "static-server", version)]
pub(crate) struct Config {
    /// Where to listen: ADDRESS:PORT or unix:PATH (repeatable; port 0: any free one)
    #[arg(long, value_name = "ADDRESS", default_value = "[::]:8080")]
    pub(crate) listen: Vec<ListenAddress>,

    /// The directory to serve; it may be a link that a deployment turns to another release [default: the built-in page]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,

    /// Which ws-server the built-in page connects to: a `ws:` or `wss:` address, /PATH on the page's own origin, or PATH beside the page
    /// (default: the page's host, port 40132)
    #[arg(long, value_name = "URL")]
    ws_url: Option<WsUrl>,

    /// Answers paths that name no file, and have no extension, with the root's index.html
    #[arg(long)]
    spa: bool,

    /// Adds a header field to every answer of any status, or replaces ours; a `Vary` joins ours; what frames a message or describes
    /// one file (`Content-Length`, `ETag`) is refused (repeatable)
    #[arg(long, value_name = "NAME: VALUE")]
    header: Vec<HeaderField>,

    /// The Content-Security-Policy of the root's pages; the built-in page has its own
    #[arg(long, value_name = "POLICY", value_parser = csp::policy)]
    csp: Option<String>,

    /// Files that never change under their name, which browsers keep for a year without asking: a pattern of `*`, `**` (slashes,
    /// too) and `?` over the path, as `/assets/*`, or over the last segment, as `*.woff2`; never a page (repeatable)
    #[arg(long, value_name = "GLOB")]
    immutable: Vec<Glob>,

    /// Memory for ready answers, of all workers together (0: none)
    #[arg(long, value_name = "SIZE", value_parser = size, default_value = "32MiB")]
    cache_size: usize,

    /// Most open connections, each of which may send a file (0: no limit) [default: half the limit of open files, less 64, and at
    /// least 16]
    #[arg(long, help_heading = "Limits", value_name = "N", hide_default_value = true, default_value_t = (open_files::limit() / 2).saturating_sub(64).max(16))]
    max_connections: usize,

    /// Most open connections from one IPv4 address or IPv6 /64 (0: no limit)
    #[arg(long, help_heading = "Limits", value_name = "N", default_value_t = 64)]
    max_connections_per_ip: usize,

    #[command(flatten)]
    pub(crate) connection_limits: ConnectionLimits,

    /// Longest time in which a client may take nothing of an answer
    #[arg(long, help_heading = "Limits", value_name = "TIME", value_parser = duration, default_value = "30s")]
    write_timeout: Duration,

    /// How long to read on from a connection after its last answer
    #[arg(long, help_heading = "Limits", value_name = "TIME", value_parser = duration, default_value = "2s")]
    linger: Duration,

    /// Longest time to finish answers when the daemon stops
    #[arg(long, help_heading = "Limits", value_name = "TIME", value_parser = duration, default_value = "30s")]
    drain_timeout: Duration,

    #[command(flatten)]
    pub(crate) common: daemon::Common,
}

impl daemon::Options for Config {
    fn without_effect(&self) -> Vec<(&'static str, String)> {
        let is_replaced =
            self.header.iter().any(|HeaderField(name, _)| name.eq_ignore_ascii_case(csp::FIELD));
        let why = || format!("--header '{}: …' replaces it in every answer", csp::FIELD);
        is_replaced.then(|| ("csp", why())).into_iter().collect()
    }
}

impl Config {
    /// Refuses a limit that makes no sense, an option without its root, and a root that we cannot open.
    pub(crate) fn check(self) -> Result<Self, DaemonError> {
        self.connection_limits.check()?;
        check_time("write-timeout", self.write_timeout)?;
        if let Some(path) = &self.root {
            open_root(path)?;
            if self.ws_url.is_some() {
                log::warn!("--ws-url is for the built-in page, and has no effect with --root");
            }
        } else {
            let without_effect =
                [("immutable", !self.immutable.is_empty()), ("csp", self.csp.is_some()), ("spa", self.spa)];
            if let Some((flag, _)) = without_effect.iter().find(|(_, is_set)| *is_set) {
                let what = "is for the files of --root, which is not set; add --root DIR, or leave it out";
                return Err(DaemonError::new(Exit::Config, format!("--{flag} {what}")));
            }
        }
        Ok(self)
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings {
            max_connections: self.max_connections,
            max_per_address: self.max_connections_per_ip,
            max_heads: self.max_connections,
            write_timeout: self.write_timeout,
            linger: self.linger,
            drain_timeout: self.drain_timeout,
            ..Settings::default()
        }
    }

    /// What the workers serve by; an error if we can no longer open the root.
    pub(crate) fn serving(&self) -> Result<Serving, DaemonError> {
        let ws_url = self.ws_url.as_ref();
        let policy = if self.root.is_some() { self.csp.clone() } else { Some(csp::for_built_in(ws_url)) };
        let shared =
            Arc::new(SharedFields { extra: self.header.clone(), policy, immutable: self.immutable.clone() });
        let content = match &self.root {
            None => Content::BuiltIn(BuiltIn::new(ws_url, &shared)),
            Some(path) => {
                Content::Directory(Directory::new(open_root(path)?, self.cache_size, shared.clone()))
            }
        };
        Ok(Serving::new(Site::new(content, self.spa), shared, self.connection_limits))
    }
}

fn open_root(path: &Path) -> Result<Root, DaemonError> {
    Root::open(path).map_err(|error| {
        let what = describe_path_error(path, &error);
        DaemonError::new(Exit::NoInput, format!("--root {}: {what}", path.display()))
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[test]
    fn a_limit_of_0_is_none_or_refused() {
        let limits = |args: &[&str]| {
            Config::try_parse_from(["static-server"].iter().chain(args)).unwrap().connection_limits
        };
        let unlimited = limits(&["--keep-alive-requests", "0"]);
        assert!(unlimited.check().is_ok() && !unlimited.is_last(u32::MAX));
        for flag in ["--max-target", "--max-head", "--max-headers", "--keep-alive"] {
            assert!(limits(&[flag, "0"]).check().unwrap_err().to_string().contains(flag));
        }
    }
}
