//! The configuration, which is what clap makes of the options, and the handlers that serve by it.

use std::time::Duration;

use daemon::value::duration;
use daemon::{DaemonError, ListenAddress, open_files};
use reactor::Settings;

use crate::csp::WsUrl;
use crate::limits::{ConnectionLimits, check_time};
use crate::serving::Serving;
use crate::site::Content;
use crate::site_options::SiteOptions;

/// Serves static files over HTTP/1.1; without --root the built-in page of datecast.
#[derive(clap::Parser, Debug)]
#[command(name = "static-server", version)]
pub(crate) struct Config {
    /// Where to listen: ADDRESS:PORT or unix:PATH (repeatable; port 0: any free one)
    #[arg(long, value_name = "ADDRESS", default_value = "[::]:8080")]
    pub(crate) listen: Vec<ListenAddress>,

    #[command(flatten)]
    pub(crate) site: SiteOptions,

    /// Which ws-server the built-in page connects to: a `ws:` or `wss:` address, /PATH on the page's own origin, or PATH beside the page
    /// [default: the page's host, port 40132]
    #[arg(long, value_name = "URL")]
    ws_url: Option<WsUrl>,

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
        self.site.without_effect()
    }
}

impl Config {
    /// Refuses a limit that makes no sense, an option without its root, and a root that we cannot open.
    pub(crate) fn check(self) -> Result<Self, DaemonError> {
        self.connection_limits.check()?;
        check_time("write-timeout", self.write_timeout)?;
        self.site.check()?;
        if self.site.has_root() && self.ws_url.is_some() {
            log::warn!("--ws-url is for the built-in page, and has no effect with --root");
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
        let content = match self.site.directory()? {
            Some(directory) => Content::Directory(directory),
            None => Content::BuiltIn(self.site.built_in(self.ws_url.as_ref())),
        };
        Ok(self.site.serving(content, self.connection_limits))
    }
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
        assert!(unlimited.check().is_ok() && !unlimited.keep_alive.is_last(u32::MAX));
        for flag in ["--max-target", "--max-head", "--max-headers", "--keep-alive"] {
            assert!(limits(&[flag, "0"]).check().unwrap_err().to_string().contains(flag));
        }
    }
}
